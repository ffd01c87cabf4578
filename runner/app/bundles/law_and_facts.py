"""The facts, the legal duties and the law of a bundle: facts and verdicts from the entries that are given whole."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec.structs import asdict

from runner.app.bundles.gathered import Gathered, plain_name
from runner.base.instants import parse_instant
from runner.decoding import from_json
from runner.incident.state import events as e
from runner.law.duty import DutyChange, DutyStatus
from runner.law.duty_state import DISCOVERIES

_REASONED = (e.FactsRecorded, e.DutiesAssessed, e.DutyRecorded)
"""What verdicts are made from: with all of these entries, the recipient has what the reasons rest on."""


_ORDER = {"applies": 0, "unknown": 1}
_DEADLINE = ("due", "provisional", "overdue", "missing")


class _Law(msgspec.Struct):
    id: str


def collect(found: Gathered) -> None:
    """Add the facts, the verdicts, and the law that they are made from; no empty list where the entries are withheld."""
    if facts := _facts(found):
        found.put_json("facts/facts.json", facts)
        heads = (
            "fact",
            "value",
            "source",
            "confidence",
            "by",
            "at",
            "recorded",
            "entry",
            "superseded",
            "wrong",
        )
        rows = ({**one, "wrong": "withheld" if one["wrong"] is None else one["wrong"]} for one in facts)
        found.put_csv(
            "facts/history.csv", [heads, *(tuple(_cell(one[name]) for name in heads) for one in rows)]
        )
    if (duties := _duties(found))["duties"]:
        found.put_json("duties/duties.json", duties)
    bound = (one for one in duties["duties"] if one["verdict"] != "not_applicable")
    _law(found, {one["regime"] for one in bound if "regime" in one})


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


def _facts(found: Gathered) -> list[dict[str, Any]]:
    """Return every recorded value, oldest first; ``superseded`` is the entry of the later value, null without one.

    ``wrong`` is the reason of a correction, empty without one, and null if a withheld correction could be about the value.
    """
    withheld = any(
        one.level != "full" for one in found.entries if one.event.type == e.EventCorrected.__name__
    )
    wrong = {event.seq: event.reason for _, event in found.whole if isinstance(event, e.EventCorrected)}
    made: list[dict[str, Any]] = []
    current: dict[str, dict[str, Any]] = {}
    for row, event in found.whole:
        for one in event.facts if isinstance(event, e.FactsRecorded) else ():
            said = {
                "fact": one.key,
                "value": from_json(one.value),
                "source": one.source or "not stated",
                "confidence": one.confidence,
                "by": row.actor.claimed,
                "at": row.at.isoformat(),
                "recorded": row.recorded.isoformat(),
                "entry": row.seq,
                "superseded": None,
                "wrong": wrong.get(row.seq, None if withheld else ""),
            }
            if (before := current.get(one.key)) is not None:
                before["superseded"] = row.seq
            current[one.key] = said
            made.append(said)
    return made


def _duties(found: Gathered) -> dict[str, Any]:
    """Return the last verdict of each duty; with reasons if all entries that they rest on are given whole."""
    last: dict[str, tuple[int, DutyChange]] = {}
    for row, event in found.whole:
        if isinstance(event, e.DutiesAssessed):
            last |= {change.duty: (row.seq, change) for change in event.changes}
    names = {kind.__name__ for kind in _REASONED}
    reasoned = all(one.level == "full" for one in found.entries if one.event.type in names)
    known = (
        {one.id: one for one in found.service.duties(found.incident, found.at)} if reasoned and last else {}
    )
    seen = [(duty, *said) for duty, said in sorted(last.items()) if said[1].in_sight]
    seen.sort(key=lambda one: _ORDER.get(one[2].verdict, len(_ORDER)))
    return {
        "as_of": found.at,
        "reasons": "from the facts and the law of this bundle"
        if reasoned
        else "not given: entries are withheld",
        "depend_on_more_facts": len(last) - len(seen),
        "duties": [
            {
                "duty": duty,
                "entry": entry,
                "verdict": change.verdict,
                **_verdict(found, change, known.get(duty)),
            }
            for duty, entry, change in seen
        ],
    }


def _verdict(found: Gathered, change: DutyChange, status: DutyStatus | None) -> dict[str, Any]:
    """Return the deadline of a duty, and the reasons of its verdict; of one that does not apply the reasons alone."""
    over = change.verdict == "not_applicable"
    read = (
        "regime",
        "law_version",
        "citation",
        "because",
        *(() if over else ("clock", "standard", "unless")),
    )
    deadline = {} if over else {name: getattr(change, name) for name in _DEADLINE}
    if status is None:
        return deadline
    reasons = {name: getattr(status, name) for name in read}
    return deadline | reasons | ({} if over else {"clock": _clock(found, status)})


def _clock(found: Gathered, status: DutyStatus) -> dict[str, Any]:
    """Return the start of a clock: while it is unconfirmed, what it truly starts at, and for which fact that stands."""
    clock, facts = asdict(status.clock), found.incident.facts
    if not status.provisional or status.clock.start is None or status.clock.start_fact in facts:
        return clock
    starts = {"the opening of the incident": found.incident.opened_at}
    starts |= {
        path: parse_instant(facts[path].value) for path in DISCOVERIES if path in facts and facts[path].value
    }
    by = next((path for path in reversed(starts) if starts[path] == status.clock.start), None)
    return clock if by is None else clock | {"start_fact": by, "stand_in_for": status.clock.start_fact}


def _law(found: Gathered, used: Collection[str]) -> None:
    """Add the laws of the verdicts as they were pinned, and the digests of all pinned law. The law is public."""
    pinned = found.service.catalogue(found.incident)
    files = {}
    for text in pinned.regimes.texts if used else ():
        if (name := from_json(text, _Law).id) in used:
            files[name] = f"law/{plain_name(name)}.json"
            found.put(files[name], msgspec.json.format(bytes(text), indent=1) + b"\n")
    about = {
        "catalogue_sha256": found.incident.catalogue,
        "laws_sha256": pinned.contents.laws_at,
        "notices_sha256": pinned.contents.notices_at,
        "pack": pinned.contents.pack,
        "files": files,
    }
    found.put_json("law/law.json", about)
