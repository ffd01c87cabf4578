"""Reader of clocks of a law file: ``from`` a known fact or ``after`` an event, an amount, and a counting rule."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from runner.base.instants import is_zone
from runner.law.clock import (
    Clock,
    CountingRule,
    CutOff,
    Extension,
    Limb,
    Ordering,
    Period,
    Relation,
    Start,
    Unit,
    Variation,
)
from runner.law.files.regime_grounds import Terms, keys_of
from runner.law.files.regime_reader import Fields, Node, Reader

_LIMB = ("from", "after", "pick", "anchor", *keys_of(Period))
_CLOCK = (*_LIMB, "earliest_of", *keys_of(Clock))
_MOST: Mapping[Unit, int] = {"years": 100, "months": 1_200, "weeks": 5_200}
"""The longest periods that the calendar can count."""
_PLAIN: Mapping[Unit, CountingRule] = {
    "minutes": "ELAPSED",
    "hours": "ELAPSED",
    "business_days": "BUS-EXCL",
    "full_business_days": "BUS-EXCL",
}


def read_clock(terms: Terms, node: Node) -> Clock:
    """Read one clock, with one limb unless ``earliest_of`` lists several."""
    if node.value is None:
        return Clock(limbs=())
    reader = terms.reader
    fields = reader.fields(node, (key for key in _CLOCK if key != "limbs"))
    limbs = tuple(read_limb(terms, item) for item in reader.items(fields.get("earliest_of")))
    known = {"limbs": limbs or (_limb(terms, node, fields),), "zone": read_zone(fields.get("zone"), reader)}
    return terms.struct(Clock, node, fields, **known)


def read_limb(terms: Terms, node: Node) -> Limb:
    """Read one limb of a clock."""
    return _limb(terms, node, terms.reader.fields(node, _LIMB))


def _limb(terms: Terms, node: Node, fields: Fields) -> Limb:
    return Limb(start=_start(terms, node, fields), period=_period(terms, node, fields))


def _start(terms: Terms, node: Node, fields: Fields) -> Start:
    reader = terms.reader
    if ("from" in fields) == ("after" in fields):
        hint = "Write `from:` with a fact, or `after:` with an event."
        reader.report(node, "regime-start", "The clock needs exactly one start.", hint)
    after = reader.fields(fields["after"], ("fact", "duty", "restarted_by")) if "after" in fields else {}
    return terms.struct(
        Start,
        node,
        fields,
        facts=reader.facts(fields.get("from") or after.get("fact")),
        duty=reader.text(after.get("duty")),
        event="after" in fields,
        restarted_by=reader.texts(after.get("restarted_by")),
    )


def _period(terms: Terms, node: Node, fields: Fields) -> Period | None:
    """Read an amount; without one the law has only words, and ``standard`` must have them."""
    reader = terms.reader
    amount = reader.whole(fields.get("amount"))
    if amount is None:
        return None
    unit: Unit = reader.choice(reader.need(fields, "unit", node), Unit, "calendar_days")
    most = _MOST.get(unit, 50_000)
    if amount > most:
        words = f"The period is longer than {most:,} {unit.replace('_', ' ')}."
        reader.report(node, "regime-amount", words)
        amount = most
    plain: CountingRule = _PLAIN.get(unit, "CAL-EXCL")
    return Period(
        amount=amount,
        unit=unit,
        counting=reader.choice(fields.get("counting"), CountingRule, plain),
        variations=tuple(_variation(terms, item, unit) for item in reader.items(fields.get("variations"))),
    )


def _variation(terms: Terms, node: Node, unit: Unit) -> Variation:
    fields = terms.reader.fields(node, keys_of(Variation))
    known = {"unit": terms.reader.choice(fields.get("unit"), Unit, unit)}
    return terms.struct(Variation, node, fields, **known)


def read_extension(terms: Terms, node: Node) -> Extension:
    """Read more time under a condition."""
    fields = terms.reader.fields(node, ("if", "citation", *keys_of(Period)))
    period = _period(terms, node, fields)
    if period is None:
        terms.reader.report(node, "regime-missing", 'The key "amount" is missing.')
    nothing = Period(amount=0, unit="calendar_days", counting="CAL-EXCL")
    return terms.struct(Extension, node, fields, period=period or nothing)


def read_cut_off(terms: Terms, node: Node) -> CutOff | None:
    """Read ``{time: '17:30', zone: America/New_York}``."""
    reader = terms.reader
    fields = reader.fields(node, ("time", "zone"))
    zone = read_zone(reader.need(fields, "zone", node), reader)
    at = reader.text(reader.need(fields, "time", node))
    hour, _, minute = at.partition(":")
    if not (hour.isdigit() and minute.isdigit() and len(at) == 5 and int(hour) < 24 and int(minute) < 60):
        hint = "Write a time such as '17:30'."
        reader.report(fields.get("time", node), "regime-time", "Required here: a time of day.", hint)
        return None
    return CutOff(time=at, zone=zone)


def read_zone(node: Node | None, reader: Reader) -> str:
    """Read the name of a time zone; empty without one."""
    name = reader.text(node)
    if node is not None and name and not is_zone(name):
        hint = "Write a time zone such as America/New_York."
        reader.report(node, "regime-zone", f'Time zone "{name}" does not exist.', hint)
        return ""
    return ZoneInfo(name).key if name else ""


def read_ordering(terms: Terms, node: Node) -> Ordering:
    """Read ``{not_later_than: individuals, text: …}``."""
    reader = terms.reader
    relations = ("before", "with", "not_later_than", "without_delaying", "sooner_of", "after")
    fields = reader.fields(node, (*relations, "text"))
    stated = [name for name in relations if name in fields]
    if len(stated) != 1:
        hint = f"Write one of {', '.join(relations)}."
        reader.report(node, "regime-ordering", "The order needs exactly one relation.", hint)
        return Ordering(relation="with", duty="")
    relation: Relation = "with"
    named = Node(stated[0], fields[stated[0]].where)
    return Ordering(
        relation=reader.choice(named, Relation, relation),
        duty=reader.text(fields[stated[0]]),
        text=reader.text(fields.get("text")),
    )
