"""Import of an organisation's own duties from a spreadsheet: contracts, insurers and card brands become law files.

One line is one duty; the lines of one ``regime`` become one file. They run on the same engine as the law and can be
corrected by hand afterwards, because the regime file is kept and not the spreadsheet.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from runner.base.text import choice_hint
from runner.errors import Invalid, Problem
from runner.law.files.regime_file import SCHEMA, read_regime
from runner.yamlfile.positions import problem_at

NEEDED: Final = ("regime", "name", "duty", "recipient", "starts")
COLUMNS: Final = (
    *NEEDED,
    *("amount", "unit", "counting", "standard", "if", "jurisdiction"),
    *("citation", "source", "notice", "since", "content"),
)
_HEAD: Final = "# Made from a spreadsheet of the organisation's own duties; correct it here from now on.\n"
_LONG_AGO: Final = "1900-01-01"
_CONTENT: Final = ";"
_IDS: Final = {
    "regime": re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII),
    "duty": re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", re.ASCII),
}
"""A regime's id names its file, so it cannot be a path."""


class OwnRegime(msgspec.Struct, frozen=True):
    """One regime made from a spreadsheet: its id, and its file's text."""

    id: str
    text: str
    duties: int


def own_regimes(content: bytes, file: str) -> tuple[OwnRegime, ...]:
    """Return the regimes of a CSV file; raises Invalid with every problem, each with its line.

    The columns are ``regime name duty recipient starts`` and, where needed, ``amount unit counting standard if
    jurisdiction citation source notice since content``; ``starts`` is the fact that the clock runs from, ``if`` a
    condition over facts, ``content`` the required contents, separated by semicolons.
    """
    import yaml

    rows, problems = _rows(content, file)
    groups: dict[str, dict[int, Mapping[str, str]]] = {}
    for line, row in rows.items():
        groups.setdefault(row["regime"], {})[line] = row
    regimes: list[OwnRegime] = []
    for name, lines in groups.items():
        data = _regime(name, lines)
        text = _HEAD + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
        _, wrong = read_regime(text.encode(), file)
        first = min(lines)
        problems += [
            msgspec.structs.replace(
                problem, file=file, line=first, column=1, message=f'Law "{name}": {problem.message}'
            )
            for problem in wrong
        ]
        regimes.append(OwnRegime(name, text, len(lines)))
    if problems:
        raise Invalid(
            f'The duties in file "{file}" are not valid.', problems=tuple(problems), code="bad_duties"
        )
    return tuple(regimes)


def _rows(content: bytes, file: str) -> tuple[dict[int, Mapping[str, str]], list[Problem]]:
    problems: list[Problem] = []

    def report(line: int, message: str, hint: str) -> None:
        problems.append(problem_at(file, line, "own-duties", message, hint))

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report(1, f"Byte {error.start} is not UTF-8.", "Save the file as CSV UTF-8.")
        return {}, problems
    first = text.partition("\n")[0]
    dialect = csv.excel if first.count(";") <= first.count(",") else _Semicolons
    reader = csv.DictReader(io.StringIO(text), dialect=dialect)
    reader.fieldnames = heads = [head.strip().lower() for head in reader.fieldnames or ()]
    for head in heads:
        if head not in COLUMNS:
            report(1, f'Column "{head}" is unknown.', choice_hint(head, COLUMNS))
    for head in NEEDED:
        if head not in heads:
            report(1, f'Column "{head}" is missing.', f"Add the columns {', '.join(NEEDED)}.")
    return {} if problems else dict(_values(reader, report)), problems


def _values(
    reader: csv.DictReader[str], report: Callable[[int, str, str], None]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield each row with its line, and report its problems."""
    for row in reader:
        line = reader.line_num
        if None in row:
            report(line, "The row has more values than columns.", "Put a value with commas in quotes.")
            continue
        values = {head: (value or "").strip() for head, value in row.items()}
        if not any(values.values()):
            continue
        for head, form in _IDS.items():
            if values[head] and not form.fullmatch(values[head]):
                hint = "Write lower-case words joined by hyphens, such as dpa-example."
                report(line, f'The value of "{head}" is not an id.', hint)
        for head in NEEDED:
            if not values[head]:
                report(line, f'The value of "{head}" is empty.', "")
        yield line, values


class _Semicolons(csv.excel):
    """The separator of spreadsheets in countries with a decimal comma."""

    delimiter = ";"


def _regime(name: str, lines: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    first = next(iter(lines.values()))
    return {
        "schema": SCHEMA,
        "id": name,
        "name": first["name"],
        "jurisdictions": [first.get("jurisdiction") or "own"],
        "citation": first.get("citation") or first["name"],
        "source": {"url": first.get("source") or "kept by the organisation"},
        "confidence": "unverified",
        "confidence_note": "from a spreadsheet; say text once somebody has compared it with the contract",
        "standing": "in_force",
        "in_force": {"from": first.get("since") or _LONG_AGO},
        "duties": [_duty(row) for row in lines.values()],
    }


def _duty(row: Mapping[str, str]) -> dict[str, Any]:
    clock: dict[str, Any] = {"from": row["starts"]}
    clock |= {key: row[key] for key in ("unit", "counting", "standard") if row.get(key)}
    if row.get("amount"):
        clock["amount"] = (
            int(row["amount"]) if row["amount"].isascii() and row["amount"].isdigit() else row["amount"]
        )
    entry: dict[str, Any] = {
        "slug": row["duty"],
        "recipient": row["recipient"],
        "clock": clock,
    }
    entry |= {key: row[key] for key in ("citation", "notice") if row.get(key)}
    if row.get("if"):
        entry["only_if"] = [{"code": f"{row['duty']}_if", "text": row["if"], "when": row["if"]}]
    if row.get("content"):
        items = [item.strip() for item in row["content"].split(_CONTENT) if item.strip()]
        entry["content"] = [{"ref": str(number), "item": item} for number, item in enumerate(items, 1)]
    return entry
