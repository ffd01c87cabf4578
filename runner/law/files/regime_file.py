"""Reader of a law file (``schema: tocsin/regime/v1``): a compiled ``Regime``, or every problem at once.

The keys at the top are the current law. Each of ``prior_versions`` writes only the differences: its
keys replace the current ones, its duties those of the same slug, and ``without`` names duties that
did not exist yet. A compiled regime is plain data (``msgspec.json`` writes and reads it), so that a pinned bundle
loads without jinja2 and without YAML.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from runner.base.text import near_hint
from runner.errors import Problem
from runner.law.clock import Clock, CutOff, Extension, Limb, Ordering
from runner.law.files.regime_clock import (
    read_clock,
    read_cut_off,
    read_extension,
    read_limb,
    read_ordering,
    read_zone,
)
from runner.law.files.regime_grounds import Terms, keys_of
from runner.law.files.regime_reader import Fields, Node, Reader, invalid
from runner.law.grounds import Condition, Element, Exemption, PersonalInformation, Threshold
from runner.law.regime import DutyRule, NationalLaw, Regime, Remark, Source, Standing, Version, Words, seen_on
from runner.yamlfile.source import scan

SCHEMA = "tocsin/regime/v1"
QUOTE_LIMIT = 40
"""Words of a quotation: enough to find the sentence, short enough to quote."""
_PAGE = re.compile(r"https?://[^\s/@]+(/\S*)?")
"""A web address without a user name."""

_VERSION = (
    *(key for key in keys_of(Version) if key not in ("label", "from_date", "until", "national")),
    "in_force",
    "through_national_law",
)
_TOP = (
    *(key for key in keys_of(Regime) if key not in ("versions", "sha256")),
    *("schema", "lists", "conditions", "prior_versions"),
    *_VERSION,
)


def load_regime(data: bytes, file: str) -> Regime:
    """Return the compiled regime or raise ``Invalid`` with every problem of the file."""
    regime, problems = read_regime(data, file)
    if regime is None:
        raise invalid("Law file", file, problems, code="bad_regime")
    return regime


def read_regime(data: bytes, file: str) -> tuple[Regime | None, tuple[Problem, ...]]:
    """Return the compiled regime, or None and every problem, in the order of lines."""
    source = scan(data, file)
    if source.problems:
        return None, source.problems
    reader = Reader(source)
    top = Node(source.data, ())
    regime = regime_of(top, reader.fields(top, _TOP), reader, hashlib.sha256(data).hexdigest())
    return (None if reader.problems else regime), reader.found


def regime_of(top: Node, fields: Mapping[str, Node], reader: Reader, sha256: str) -> Regime:
    """Return the regime of a file's fields; the reader keeps the problems."""
    if reader.text(reader.need(fields, "schema", top)) != SCHEMA:
        hint = f"Write schema: {SCHEMA}."
        reader.report(fields.get("schema", top), "regime-schema", "The file is not a law file.", hint)
    terms = Terms(reader, _OWN)
    terms.learn(fields.get("lists"), fields.get("conditions"))
    about = reader.need(fields, "source", top)
    link = reader.fields(about, ("url", "checked")) if about.value else {}
    current = {key: fields[key] for key in _VERSION if key in fields}
    versions = [_version(top, current, terms)]
    for node in reader.items(fields.get("prior_versions")):
        versions.append(_version(node, _prior(node, current, reader), terms))
    _check_order(versions, fields.get("prior_versions", top), reader)
    regime = terms.struct(
        Regime,
        top,
        fields,
        jurisdictions=reader.texts(reader.need(fields, "jurisdictions", top)) or ("?",),
        source=Source(url=reader.text(link.get("url")), checked=reader.text(link.get("checked"))),
        versions=tuple(versions),
        zone=read_zone(fields.get("zone"), reader),
        sha256=sha256,
    )
    _check_about(regime, fields.get("words", top), reader)
    return regime


def _prior(node: Node, current: Mapping[str, Node], reader: Reader) -> dict[str, Node]:
    """Merge an earlier version into the current version."""
    own = reader.fields(node, (*_VERSION, "without"))
    gone = set(reader.texts(own.pop("without", None)))
    changed = {_slug(item, reader): item for item in reader.items(own.pop("duties", None))}
    versions = []
    for item in reader.items(current.get("duties")):
        slug = _slug(item, reader)
        if slug in gone:
            continue
        over = changed.pop(slug, None)
        if over:
            under = reader.fields(item, keys_of(DutyRule))
            # The words of the present law are not those of an earlier version.
            level = under.get("confidence")
            if under.pop("words", None) and level is not None and level.value == "text":
                under["confidence"] = Node("secondary", level.where)
            item = Node({**under, **reader.fields(over, keys_of(DutyRule))}, over.where)
        versions.append(item)
    versions += changed.values()
    return {**current, **own, "duties": Node(versions, node.where)}


def _slug(node: Node, reader: Reader) -> str:
    value = node.value.get("slug") if isinstance(node.value, dict) else None
    return value if isinstance(value, str) else reader.text(Node(None, node.where))


def _version(node: Node, fields: Fields, terms: Terms) -> Version:
    reader = terms.reader
    force = reader.fields(reader.need(fields, "in_force", node), ("from", "until"))
    start, until = reader.day(force.get("from")), reader.day(force.get("until"))
    in_force: Standing = "in_force"
    standing = reader.choice(fields.get("standing"), Standing, in_force)
    label = str(start) if start else standing.replace("_", " ")
    terms.residents_of = reader.text(fields.get("residents_of"))
    national = fields.get("through_national_law")
    return terms.struct(
        Version,
        node,
        fields,
        label=label if start or not until else f"until {until}",
        standing=standing,
        from_date=start,
        until=until,
        duties=_duties(reader.need(fields, "duties", node), terms),
        national=terms.national(national) if national else None,
    )


def _duties(node: Node, terms: Terms) -> tuple[DutyRule, ...]:
    rules: dict[str, DutyRule] = {}
    for item in _members(node, terms.reader):
        rule = terms.struct(DutyRule, item)
        if rule.slug in rules:
            terms.reader.report(item, "regime-duplicate", f'Duty "{rule.slug}" is given twice.')
        rules[rule.slug] = rule
    _check_references(rules, node, terms.reader)
    return tuple(rules.values())


def _members(node: Node, reader: Reader) -> list[Node]:
    """Return the duties of a list, or of merged versions."""
    if isinstance(node.value, list) and any(isinstance(item, Node) for item in node.value):
        return [item for item in node.value if isinstance(item, Node)]
    return reader.items(node)


def _check_references(rules: Mapping[str, DutyRule], node: Node, reader: Reader) -> None:
    for rule in rules.values():
        named = [order.duty for order in rule.ordering]
        starts = [limb.start for limb in rule.clock.limbs]
        named += [slug for start in starts for slug in (start.duty, *start.restarted_by) if slug]
        for slug in named:
            if slug not in rules:
                hint = f"Choose one of: {', '.join(rules)}."
                text = f'Duty "{rule.slug}" names duty "{slug}", which does not exist.'
                reader.report(node, "regime-duty", text, hint)


def _check_order(versions: list[Version], node: Node, reader: Reader) -> None:
    """Versions run backwards in time without overlapping."""
    for newer, older in itertools.pairwise(versions):
        if older.until is None or newer.from_date is None or older.until >= newer.from_date:
            reader.report(node, "regime-versions", "Each version must end before the newer version begins.")


def _remark(terms: Terms, node: Node) -> Remark:
    is_text = isinstance(node.value, str)
    return Remark(text=terms.reader.text(node)) if is_text else terms.struct(Remark, node)


def _words(terms: Terms, node: Node) -> Words:
    words, reader = terms.struct(Words, node), terms.reader
    if not _PAGE.fullmatch(words.url):
        reader.report(node, "regime-words", "The words need a web address.", "Write url: https://…")
    if len(words.quote.split()) > QUOTE_LIMIT:
        message = f"The quotation has more than {QUOTE_LIMIT} words."
        reader.report(node, "regime-words", message, "Shorten it. Mark an omission with …")
    if words.seen and seen_on(words.seen) is None:
        reader.report(node, "regime-date", "Required under seen: a date or a year.")
    if bool(words.by) != bool(words.checked):
        message = "by and checked belong together."
        reader.report(node, "regime-words", message, "Name the person and the date.")
    return words


def _check_about(regime: Regime, node: Node, reader: Reader) -> None:
    newest = regime.versions[0]
    codes = [*(one.code for one in newest.scope), *(one.code for one in newest.exemptions)]
    for wrong in (one.about for one in regime.words if one.about and one.about not in codes):
        hint = near_hint(wrong, codes)
        reader.report(node, "regime-words", f'The law has no condition or exemption "{wrong}".', hint)


_OWN: Mapping[type, Callable[[Terms, Node], Any]] = {
    Clock: read_clock,
    Condition: Terms.condition,
    CutOff: read_cut_off,
    Element: Terms.element,
    Exemption: Terms.exemption,
    Extension: read_extension,
    Limb: read_limb,
    NationalLaw: Terms.national,
    Ordering: read_ordering,
    PersonalInformation: Terms.personal_information,
    Remark: _remark,
    Threshold: Terms.threshold,
    Words: _words,
}
"""Readers of values that are not written as a mapping of their type's fields."""


def encode(regimes: tuple[Regime, ...]) -> bytes:
    """Write compiled regimes for a pinned bundle; ``from_json(data, tuple[Regime, ...])`` reads it."""
    return msgspec.json.encode(regimes)
