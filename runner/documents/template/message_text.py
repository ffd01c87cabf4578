"""Short text of a message: Jinja2 over facts, sandboxed; an unknown fact is shown as ``[not known: path]``.

Messages are plain text to people. A fact never becomes template or markup here: there is no markup, and characters
that could turn text round or break a line of a header are spelt out. A value for a program is exactly what was
recorded, and without a fact there is none: ``[not known: …]`` is for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.documents.template.template import fill_template
from runner.documents.template.values import CLOSE, OPEN, Budget, Missing, Undecided
from runner.documents.unsafe_text import visible
from runner.errors import Refused

LONGEST = 20_000
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")


def fill_sentence(source: str, names: Mapping[str, Any]) -> str:
    """Return the text with every fact put in; raises ``Invalid`` with the line when the template is wrong."""
    marked = fill_template(source, names, language="en", zone="UTC", name="message")
    cells = marked.ledger.cells
    return _MARK.sub(lambda found: _shown(cells[int(found[1])]), marked.text).strip()[:LONGEST]


def fill_value(source: str, names: Mapping[str, Any], budget: Budget) -> str:
    """Return a text for a program, every fact in it as recorded; raises ``Refused`` naming the facts not known.

    ``budget`` is that of all texts of one call.
    """
    marked = fill_template(source, names, language="en", zone="UTC", name="value", budget=budget)
    cells = marked.ledger.cells
    missing = sorted({path for cell in cells for path in _missing(cell)})
    if missing:
        raise Refused(
            f"Missing facts: {', '.join(missing)}.",
            hint="tocsin fact set KEY=VALUE --source SOURCE",
            code="unknown_fact",
        )
    return _MARK.sub(lambda found: str(cells[int(found[1])]), marked.text)


def _missing(cell: Missing | Undecided | str) -> tuple[str, ...]:
    match cell:
        case Missing():
            return (cell.path_,)
        case Undecided():
            return cell.paths
        case _:
            return ()


def _shown(cell: Missing | Undecided | str) -> str:
    match cell:
        case Missing():
            return f"[not known: {cell.path_}]"
        case Undecided():
            return f"[undetermined; missing facts: {', '.join(cell.paths)}]"
        case _:
            return visible(cell)
