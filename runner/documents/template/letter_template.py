"""Template of letters to many people: the text is rendered once, and the words of each reader fill its slots.

Making a document from its template takes milliseconds for each of a million readers. If a template only *prints* its
slots (no condition, loop or filter reads them) the documents differ only in those words; so the pattern is written
once, with a placeholder for each slot, and cut at the placeholders. A template that does more with a slot is rendered
again for each reader.

Fill a message's short text: Jinja2 over facts, sandboxed; an unknown fact is shown as ``[not known: path]``.

Messages are plain text for people. A fact never becomes template or markup here: there is no markup, and characters
that could reverse text or break a line of a header are spelt out. A value for a program is exactly the
recorded one, and without a fact there is none: ``[not known: …]`` is for people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import msgspec

from runner.actions import Slot, set_fact
from runner.documents.template.template import fill_template
from runner.documents.template.values import CLOSE, OPEN, Budget, Missing, Undecided
from runner.documents.unsafe_text import visible
from runner.errors import Refused

if TYPE_CHECKING:
    from jinja2 import nodes

RECIPIENT = "recipient"


def only_prints(source: str, slots: Sequence[str]) -> bool:
    """Return whether a template only prints its slots unchanged."""
    from jinja2 import Environment, nodes

    tree = Environment(autoescape=True).parse(source)
    printed = sum(_is_slot(node, slots) for output in tree.find_all(nodes.Output) for node in output.nodes)
    return printed == sum(name.name == RECIPIENT for name in tree.find_all(nodes.Name))


def _is_slot(node: nodes.Expr, slots: Sequence[str]) -> bool:
    from jinja2 import nodes

    return (
        isinstance(node, nodes.Getattr)
        and isinstance(node.node, nodes.Name)
        and f"{node.node.name}.{node.attr}" in slots
        and node.node.name == RECIPIENT
    )


def stand_ins(slots: Sequence[str], seed: str) -> dict[str, str]:
    """Return a placeholder for each slot that occurs in no text: letters and digits only, so that nothing splits it."""
    mark = hashlib.sha256(seed.encode()).hexdigest()[:16]
    return {slot.partition(".")[2]: f"Slot{mark}{n:02d}" for n, slot in enumerate(slots)}


class Pattern(msgspec.Struct, frozen=True):
    """A text cut at its slots: what stands between them, and which slot follows each piece but the last."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the text of one reader; values are as they are to stand there."""
        out = [self.pieces[0]]
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            out += (values[name], piece)
        return "".join(out)


def cut(text: str, words: Mapping[str, str]) -> Pattern:
    """Split a text at the placeholders of its slots."""
    names = {word: name for name, word in words.items()}
    parts = re.split("|".join(map(re.escape, names)) or r"(?!)", text)
    placeholders = re.findall("|".join(map(re.escape, names)) or r"(?!)", text)
    return Pattern(tuple(parts), tuple(names[word] for word in placeholders))


def as_text(value: str) -> str:
    """Return a reader's word as the plain-text writer has it."""
    return visible(value)


def as_html(shown: str) -> str:
    """Return a word that ``as_text`` made as the HTML writer has it."""
    return escape(shown).replace("\n", "<br>\n")


LONGEST = 20_000
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")


def fill_sentence(source: str, names: Mapping[str, Any]) -> str:
    """Return the text with every fact put in; raises ``Invalid`` with the line when the template is wrong.

    Dates are in the zone of ``organisation``, and as its country writes them: American only if that is the United States.
    """
    sender = names.get("organisation") or {}
    language = "en" if sender.get("country", "US") == "US" else "en-GB"
    marked = fill_template(source, names, language=language, zone=sender.get("zone", "UTC"), name="message")
    cells = marked.ledger.cells
    return _MARK.sub(lambda found: _shown(cells[int(found[1])]), marked.text).strip()[:LONGEST]


def fill_value(source: str, names: Mapping[str, Any], budget: Budget) -> str:
    """Return a text for a program, every fact in it as recorded; raises ``Refused`` naming the facts not known.

    ``budget`` is that of all texts of one call.
    """
    marked = fill_template(source, names, language="en", zone="UTC", name="value", budget=budget)
    cells = marked.ledger.cells
    missing = sorted({path for cell in cells if not isinstance(cell, str) for path in _paths(cell)})
    if missing:
        raise Refused(
            f"Missing facts: {', '.join(missing)}.",
            hint=set_fact(Slot("KEY")),
            code="unknown_fact",
        )
    return _MARK.sub(lambda found: str(cells[int(found[1])]), marked.text)


def _paths(cell: Missing | Undecided) -> tuple[str, ...]:
    return cell.paths if isinstance(cell, Undecided) else (cell.path_,)


def _shown(cell: Missing | Undecided | str) -> str:
    match cell:
        case Missing():
            return f"[not known: {cell.path_}]"
        case Undecided():
            return f"[undetermined; missing facts: {', '.join(cell.paths)}]"
        case _:
            return visible(cell)
