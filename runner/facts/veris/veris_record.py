"""Import of a VERIS record (schema 1.3): certain values become facts, every other value is listed.

VERIS describes an incident afterwards and for statistics; legal decisions need facts. Similar fields differ:
``victim.state`` is where the organisation is, not where the people live; ``data_total`` counts records, not people;
dates have no hour and lags no sign, so no clock starts from them; "Stored encrypted" does not say that the key was
safe; a list of varieties is never the whole set, so sets stay open. Every leaf of the record ends up either in
``mapped`` or in ``unmapped``. A leaf whose shape differs from VERIS is unmapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from runner.base.text import text_problem
from runner.decoding import from_json
from runner.errors import Invalid
from runner.facts.veris.veris_rules import RULES, Reading, text_path
from runner.facts.vocabulary.register import Stated

MAX_BYTES = 1_000_000
_MAX_DEPTH = 20
_MAX_LEAVES = 5_000
_SAYS_NOTHING = ("Unknown", "NA", "000000", "000", "")
_SHOWN = 60

Scalar: TypeAlias = str | int | float | bool | None


class Imported(Struct, frozen=True):
    """The result of an import. ``mapped`` are the paths of leaves used for facts; ``unmapped`` has one line for each other leaf.

    ``notes`` say how a person should handle ambiguous values of this record.
    """

    facts: tuple[Stated, ...]
    mapped: tuple[str, ...]
    unmapped: tuple[str, ...]
    notes: tuple[str, ...]


def parse_veris(content: bytes, file: str) -> Mapping[str, Any]:
    """Return the one record of a JSON file; raises ``Invalid`` with the problem and a hint."""
    import msgspec

    if len(content) > MAX_BYTES:
        message = f'File "{file}" is larger than {MAX_BYTES:,} bytes.'
        raise Invalid(message, hint="Import one record, not a collection.", code="file_too_large")
    try:
        record = from_json(content)
    except (msgspec.DecodeError, RecursionError) as error:
        hint = "Save one JSON object as a file. From a .jsonl file, save one line."
        raise Invalid(
            f'File "{file}" is not a VERIS record in JSON: {error}.', hint=hint, code="bad_veris"
        ) from None
    if not isinstance(record, dict) or not {"action", "actor", "asset", "attribute", "victim"} & set(record):
        raise Invalid(
            f'File "{file}" is not a VERIS record.',
            hint="Import a file with action, actor, asset, attribute or victim.",
            code="bad_veris",
        )
    return record


def import_veris(record: Mapping[str, Any]) -> Imported:
    """Return the facts, the unmapped leaves, and notes. Never raises, whatever the record contains."""
    leaves, too_much = _leaves(record)
    reading = Reading(leaves)
    for rule in RULES:
        rule(reading)
    unmapped = [
        f"{text_path(path)}: {_shown(value)}{_why(path, value, reading)}"
        for path, value in leaves.items()
        if path not in reading.used
    ]
    return Imported(
        facts=tuple(reading.facts.values()),
        mapped=tuple(text_path(path) for path in leaves if path in reading.used),
        unmapped=(*unmapped, *too_much),
        notes=tuple(dict.fromkeys(reading.notes)),
    )


def _leaves(record: Mapping[str, Any]) -> tuple[dict[tuple[str | int, ...], Scalar], list[str]]:
    """Return every leaf by its path, and a line for each value that is nested too deep or repeated too often."""
    leaves: dict[tuple[str | int, ...], Scalar] = {}
    too_much: list[str] = []
    if not record:
        return leaves, too_much
    for path, value in _walk((), record):
        if len(leaves) >= _MAX_LEAVES:
            too_much.append(f"{text_path(path)} and later values: the record has too many values")
            break
        leaves[path] = value
    return leaves, too_much


def _walk(path: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], Scalar]]:
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, Mapping):
        inside = [(str(key), below) for key, below in value.items()]
    elif isinstance(value, list | tuple):
        inside = list(enumerate(value))
    if inside and len(path) < _MAX_DEPTH:
        for key, below in inside:
            yield from _walk((*path, key), below)
    else:
        plain = value is None or isinstance(value, str | int | float | bool)
        yield path, value if plain else f"{type(value).__name__} of {len(inside)}"


def _shown(value: Scalar) -> str:
    """Return a short form of a value that is safe to print."""
    text = " ".join(str(value).split())
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return "(text that cannot be shown)" if text_problem(text) else text


def _why(path: tuple[str | int, ...], value: Scalar, reading: Reading) -> str:
    if str(value) in _SAYS_NOTHING:
        return " (no content)"
    reason = reading.reasons.get(path)
    return f" ({reason})" if reason else ""
