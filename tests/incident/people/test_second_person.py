"""Two-person acts are decided again at confirmation; before it only the request exists."""

from __future__ import annotations

import msgspec
import pytest

from runner.app.core.snapshots import decode, encode
from runner.base.actor import Principal
from runner.base.states import Kind
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.law.duty import DutyRecord
from tests import scenario as s
from tests.refusals import refused

DUTY = f"{s.GDPR}/initial"
ROLES = {"commander": "ann", "counsel": "cat", "executive": "eve", "dpo": "dan", "technical": "tom"}
APPLIES = {
    "organisation.role": ["controller"],
    "organisation.country": "DE",
    "data.involved": True,
    "incident.aware_at": "2026-11-24T08:00:00Z",
    "risk.to_people": "high",
    "data.encrypted": False,
}
LATER = s.change("incident.aware_at", "2026-11-24T08:30:00Z")


def world(kind: Kind = "real") -> s.World:
    """A breach in which the law applies, with two people for everything."""
    found = s.World(s.duties("duties"), regimes=s.law(s.GDPR), facts=APPLIES, roles=ROLES, kind=kind)
    found.library = msgspec.structs.replace(found.library, alone="")
    return found


def decided(found: s.World, **more: object) -> c.RecordDuty:
    fields = {"kind": "decided_not_to_notify", "by": "cat", "at": found.now, "reason": "no", "ground": "none"}
    return c.RecordDuty(duty=DUTY, record=DutyRecord(**{**fields, **more}))


def entry(found: s.World) -> int:
    (one,) = (people for people in found.incident.second_person.values() if people.state == "awaiting")
    return one.entry


def confirm(found: s.World, by: str, os_user: str = "") -> None:
    found.give(c.ConfirmEntry(seq=entry(found)), by=Principal(person=by, os_user=os_user))


def changed(before: Incident, after: Incident) -> set[str]:
    """Return what differs between two incidents."""
    return {name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)}


@pytest.mark.parametrize(("act", "by"), [("close", "ann"), ("decide", "cat"), ("move_clock", "tom")])
def test_an_unconfirmed_request_changes_nothing_else(act: str, by: str) -> None:
    found = world()
    duties = [duty.id for duty in found.incident.duties.values() if duty.verdict == "applies"]
    commands = {
        "close": c.Close(reason="over", leave_open=dict.fromkeys(duties, "later")),
        "decide": decided(found),
        "move_clock": c.RecordFacts(changes=(LATER,), grounds="the log"),
    }
    before = found.incident
    found.give(commands[act], by=by)
    assert changed(before, found.incident) == {"version", "second_person"}
    incident = decode(encode(found.incident))
    assert (found.replayed(), incident) == (found.incident, found.incident)
    with refused("same_person"):
        confirm(found, by)
    confirm(found, "eve", os_user="aroot")
    (one,) = found.incident.second_person.values()
    assert (one.state, one.second, one.one_user) == ("confirmed", "eve", False)
    assert found.replayed() == found.incident
    assert {"state", "duties", "facts"} & changed(before, found.incident)


def test_a_confirmed_request_is_decided_on_the_facts_of_that_moment() -> None:
    found = world()
    found.give(decided(found), by="cat")
    filed = DutyRecord(kind="filed", by="ann", at=found.now, reference="A-1")
    found.give(c.RecordDuty(duty=DUTY, record=filed), by="ann")
    with refused("already_filed"):
        confirm(found, "eve")


def test_a_test_run_has_no_duty_in_the_world() -> None:
    found = world("test")
    found.give(decided(found), by="cat")
    assert found.incident.duties[DUTY].record is not None
    found.give(c.RecordFacts(changes=(LATER,)), by="tom")
    found.give(c.Close(reason="over"), by="tom")
    assert (found.incident.state, found.incident.second_person) == ("closed", {})


def test_a_single_person_still_needs_an_assigned_role() -> None:
    found = world()
    found.library = msgspec.structs.replace(found.library, alone="one person")
    with refused("role"):
        found.give(c.RecordDuty(duty=DUTY, record=decided(found).record), by="tom")
    found.give(decided(found), by="cat")
    assert found.incident.duties[DUTY].record is not None
    assert [people.state for people in found.incident.second_person.values()] == ["alone"]


def test_an_earlier_record_stays_beside_every_later_one() -> None:
    found = world()
    for ground in ("none", "risk_unlikely"):
        found.give(decided(found, ground=ground), by="cat")
        confirm(found, "dan")
    filed = DutyRecord(kind="filed", by="ann", at=found.now, reference="A-1")
    found.give(c.RecordDuty(duty=DUTY, record=filed), by="ann")
    duty = found.incident.duties[DUTY]
    assert [one.ground for one in duty.earlier] == ["none", "risk_unlikely"]
    assert [one.signed for one in duty.earlier] == [("dan",), ("dan",)]


def test_a_closing_that_waits_is_gone_once_the_incident_is_closed() -> None:
    found = world()
    duties = [duty.id for duty in found.incident.duties.values() if duty.verdict == "applies"]
    found.give(c.Close(reason="over", leave_open=dict.fromkeys(duties, "later")), by="ann")
    for duty in duties:
        filed = DutyRecord(kind="filed", by="ann", at=found.now, reference="A-1")
        found.give(c.RecordDuty(duty=duty, record=filed), by="ann")
    found.give(c.Close(reason="all is filed"), by="ann")
    assert (found.incident.state, found.incident.second_person) == ("closed", {})
