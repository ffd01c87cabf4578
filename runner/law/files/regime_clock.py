"""Reader of clocks of a law file: ``from`` a known fact or ``after`` an event, an amount, and a counting rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

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
from runner.law.files.regime_grounds import Terms
from runner.law.files.regime_reader import Node, Reader

_PERIOD = ("amount", "unit", "counting", "variations")
_LIMB = ("from", "after", "pick", "anchor", *_PERIOD)
_CLOCK = (
    *_LIMB,
    "earliest_of",
    "standard",
    "lapsed_limbs_fall_away",
    "not_before",
    "cut_off",
    "extensions",
    "zone",
    "holidays",
    "no_relief_when",
)
_MOST: Mapping[Unit, int] = {"years": 100, "months": 1_200, "weeks": 5_200}
"""The longest periods that can be counted: no calendar goes on for ever."""
_PLAIN: Mapping[Unit, CountingRule] = {
    "minutes": "ELAPSED",
    "hours": "ELAPSED",
    "business_days": "BUS-EXCL",
    "full_business_days": "BUS-EXCL",
}


def read_clock(node: Node, terms: Terms) -> Clock:
    """Read one clock; one limb unless ``earliest_of`` lists several."""
    reader = terms.reader
    fields = reader.fields(node, _CLOCK)
    limbs = [
        _limb(item, reader.fields(item, _LIMB), terms) for item in reader.items(fields.get("earliest_of"))
    ]
    before = fields.get("not_before")
    return Clock(
        limbs=tuple(limbs) or (_limb(node, fields, terms),),
        standard=reader.text(fields.get("standard")),
        lapsed_limbs_fall_away=reader.flag(fields.get("lapsed_limbs_fall_away")),
        not_before=_limb(before, reader.fields(before, _LIMB), terms) if before else None,
        cut_off=_cut_off(fields.get("cut_off"), reader),
        extensions=tuple(_extension(item, terms) for item in reader.items(fields.get("extensions"))),
        zone=_zone(fields.get("zone"), reader),
        holidays=reader.text(fields.get("holidays")),
        no_relief_when=terms.one(fields.get("no_relief_when")),
    )


def _limb(node: Node, fields: Mapping[str, Node], terms: Terms) -> Limb:
    return Limb(start=_start(node, fields, terms.reader), period=_period(node, fields, terms))


def _start(node: Node, fields: Mapping[str, Node], reader: Reader) -> Start:
    if ("from" in fields) == ("after" in fields):
        hint = "Write `from:` with a fact, or `after:` with an event."
        reader.report(node, "regime-start", "The clock needs exactly one start.", hint)
    after = reader.fields(fields["after"], ("fact", "duty", "restarted_by")) if "after" in fields else {}
    anchor: Literal["moment", "year_end"] = "moment"
    pick: Literal["earliest", "latest"] = "earliest"
    return Start(
        facts=reader.facts(fields.get("from") or after.get("fact")),
        duty=reader.text(after.get("duty")),
        pick=reader.choice(fields.get("pick"), Literal["earliest", "latest"], pick),
        event="after" in fields,
        anchor=reader.choice(fields.get("anchor"), Literal["moment", "year_end"], anchor),
        restarted_by=reader.texts(after.get("restarted_by")),
    )


def _period(node: Node, fields: Mapping[str, Node], terms: Terms) -> Period | None:
    """Read an amount; none means that the law has only words, and then ``standard`` has to say them."""
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
        variations=tuple(_variation(item, unit, terms) for item in reader.items(fields.get("variations"))),
    )


def _variation(node: Node, unit: Unit, terms: Terms) -> Variation:
    fields = terms.reader.fields(node, ("if", "amount", "unit"))
    return Variation(
        condition=terms.condition(terms.reader.need(fields, "if", node)),
        amount=terms.reader.whole(terms.reader.need(fields, "amount", node)) or 0,
        unit=terms.reader.choice(fields.get("unit"), Unit, unit),
    )


def _extension(node: Node, terms: Terms) -> Extension:
    fields = terms.reader.fields(node, ("if", "citation", *_PERIOD))
    period = _period(node, fields, terms)
    if period is None:
        terms.reader.report(node, "regime-missing", 'The key "amount" is missing.')
    return Extension(
        period=period or Period(amount=0, unit="calendar_days", counting="CAL-EXCL"),
        condition=terms.condition(terms.reader.need(fields, "if", node)),
        citation=terms.reader.text(fields.get("citation")),
    )


def _cut_off(node: Node | None, reader: Reader) -> CutOff | None:
    if node is None:
        return None
    fields = reader.fields(node, ("time", "zone"))
    zone = _zone(reader.need(fields, "zone", node), reader)
    at = reader.text(reader.need(fields, "time", node))
    hour, _, minute = at.partition(":")
    if not (hour.isdigit() and minute.isdigit() and len(at) == 5 and int(hour) < 24 and int(minute) < 60):
        reader.report(
            fields.get("time", node),
            "regime-time",
            "Required here: a time of day.",
            "Write a time such as '17:30'.",
        )
        return None
    return CutOff(time=at, zone=zone)


def _zone(node: Node | None, reader: Reader) -> str:
    name = reader.text(node)
    if node is not None and name and name not in available_timezones():
        reader.report(
            node,
            "regime-zone",
            f'Time zone "{name}" does not exist.',
            "Write a time zone such as America/New_York.",
        )
        return ""
    return ZoneInfo(name).key if name else ""


def read_ordering(node: Node, reader: Reader) -> Ordering:
    """Read ``{not_later_than: individuals, text: …}``."""
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
