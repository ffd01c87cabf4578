"""Reader of a file of the authority directory (``schema: tocsin/authorities/v1``): its entries, or every problem at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import available_timezones

import msgspec

from runner.errors import Problem
from runner.law.files.regime_grounds import Terms, keys_of
from runner.law.files.regime_reader import Node, Reader, invalid
from runner.law.regime import Authority
from runner.yamlfile.source import scan

SCHEMA = "tocsin/authorities/v1"
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "place": (re.compile(r"[A-Z]{2}(-[A-Z0-9]+)?"), "Write a place such as DE, DE-HE or EU."),
    "email": (re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+"), "Write an email address."),
    "url": (re.compile(r"https?://\S+"), "Write a link with https://."),
    "form_url": (re.compile(r"https?://\S+"), "Write a link with https://."),
    "cut_off": (re.compile(r"([01]\d|2[0-3]):[0-5]\d"), "Write an hour such as 17:30."),
}


def load_authorities(data: bytes, file: str, known: Mapping[str, Authority]) -> dict[str, Authority]:
    """Return the entries of a file by id, laid over ``known``; raises ``Invalid`` with every problem.

    An entry with a known id corrects it: it needs only the id and the keys that differ.
    """
    found, problems = read_authorities(data, file, known)
    if problems:
        raise invalid("Authority file", file, problems, code="bad_authorities")
    return {**known, **found}


def read_authorities(
    data: bytes, file: str, known: Mapping[str, Authority]
) -> tuple[dict[str, Authority], tuple[Problem, ...]]:
    """Return the entries of a file by id, and every problem."""
    source = scan(data, file)
    if source.problems:
        return {}, source.problems
    reader, top = Reader(source), Node(source.data, ())
    fields = reader.fields(top, ("schema", "authorities"))
    if reader.text(reader.need(fields, "schema", top)) != SCHEMA:
        hint = f"Write schema: {SCHEMA}."
        reader.report(fields.get("schema", top), "regime-schema", "The file is not an authority file.", hint)
    found: dict[str, Authority] = {}
    for node in reader.items(reader.need(fields, "authorities", top)):
        entry = _entry(reader, node, known)
        if entry.id in found:
            reader.report(node, "regime-duplicate", f'Authority "{entry.id}" is given twice.')
        found[entry.id] = entry
    return found, reader.found


def _entry(reader: Reader, node: Node, known: Mapping[str, Authority]) -> Authority:
    keys = keys_of(Authority)
    own = reader.fields(node, keys)
    identity = reader.text(reader.need(own, "id", node))
    under = known.get(identity)
    rest = {key: getattr(under, key) for key in keys if key not in own} if under is not None else {}
    entry = Terms(reader, {}).struct(Authority, node, own, **rest)
    if under is None:
        reader.need(own, "serves", node)
    for key, (form, hint) in _FORMS.items():
        if (text := getattr(entry, key)) and not form.fullmatch(text):
            reader.report(own.get(key, node), "regime-text", f'The value of "{key}" is not valid.', hint)
    if entry.zone and entry.zone not in available_timezones():
        hint = "Write a zone such as Europe/Berlin."
        reader.report(own.get("zone", node), "regime-text", 'The value of "zone" is not valid.', hint)
    return msgspec.structs.replace(entry, id=identity)
