"""What happened, told from the journal alone."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest

from runner.base.actor import Actor
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Run
from runner.incident.state.second_person import TwoPersonAct
from runner.law.duty import DutyRecord
from runner.reports.core.page import plain
from runner.reports.incidents.event_descriptions import Words, describe
from runner.reports.incidents.timeline import Timeline, timeline, timeline_page
from runner.routing.war_room import WarRoom
from runner.store.port import StoredEvent
from tests import scenario as s
from tests.reports import scenes

ANN = Actor(claimed="ann", os_user="aroot", host="desk1")
EVE = Actor(claimed="eve", os_user="eroot", host="desk2", proven_by="key:eve")
BOB = Actor(claimed="bob", os_user="aroot", host="desk1", on_behalf_of="eve")


def told(world: s.World, **more: object) -> Timeline:
    rows = scenes.stored(world, {1: ANN, 2: EVE, len(world.journal): BOB})
    return timeline(world.incident, world.library, rows, **more)


def test_a_worked_incident_reads_as_a_story() -> None:
    world = scenes.signing(kind="exercise")
    scenes.sign(world, "eve")
    scenes.compare("timeline.signing", timeline_page(told(world), ZoneInfo("Europe/Berlin")))


def test_trouble_reads_as_a_story_with_every_detail() -> None:
    scenes.compare("timeline.trouble", timeline_page(told(scenes.trouble()), UTC, everything=True), 100)


def test_a_privileged_note_is_withheld_unless_asked_for() -> None:
    world = s.World(s.task("wipe"))
    world.give(c.AddNote(text="counsel thinks", privileged=True), by="eve")
    short = told(world).entries[-1]
    assert (short.stream, short.text) == ("privileged", "withheld")
    assert "counsel thinks" not in msgspec.json.encode(told(world)).decode()
    whole = told(world, streams=("operational", "privileged")).entries[-1]
    assert whole.text == "Note: counsel thinks"


def test_a_shredded_payload_is_said_to_be_withheld() -> None:
    world = s.World(s.task("wipe"))
    rows = [msgspec.structs.replace(one, payload=None) for one in scenes.stored(world)]
    assert {entry.text for entry in timeline(world.incident, world.library, rows).entries} == {"withheld"}


def test_a_correction_and_the_corrected_entry_are_both_shown() -> None:
    world = s.World(s.task("wipe"))
    world.give(c.AddNote(text="the laptop was found"), by="ann")
    wrong = len(world.journal)
    world.give(c.CorrectEvent(seq=wrong, reason="it was another laptop"), by="bob")
    timeline = told(world)
    assert timeline.entries[wrong - 1].text == "Note: the laptop was found"
    assert timeline.entries[wrong - 1].corrections[0].reason == "it was another laptop"
    page = plain(timeline_page(timeline, UTC), 120)
    assert f"by bob in entry {wrong + 1}: it was another laptop" in page


def test_an_entry_written_later_than_it_speaks_of_says_so() -> None:
    world = s.World(s.task("wipe"))
    rows = scenes.stored(world, at={1: s.T0 - timedelta(hours=2)})
    page = timeline_page(timeline(world.incident, world.library, rows), UTC)
    assert "recorded Tue 24 Nov 2026, 09:00 UTC" in plain(page, 200)


def test_claims_proofs_and_acts_on_behalf_are_distinguished() -> None:
    timeline = told(s.World(s.task("wipe"), s.task("call")))
    assert timeline.entries[0].actor == "ann (claimed, aroot@desk1)"
    assert timeline.entries[1].actor == "eve (verified by key:eve)"
    assert timeline.entries[-1].actor == "bob on behalf of eve (claimed, aroot@desk1)"


def examples() -> dict[str, e.AnyEvent]:
    """Return one event of each type, with made-up values of the right types."""
    run = Run(id="main", playbook="main", version="2.0.0", digest="sha256:abc", bundle="b", at=s.T0)
    record = DutyRecord(kind="filed", by="eve", at=s.T0, reference="REF-1")
    special: dict[str, object] = {
        "run": run,
        "record": record,
        "at": s.T0,
        "since": s.T0,
        "retry_at": s.T0,
        "kind": "real",
        "change": "begun",
        "room": WarRoom(name="bridge", address="room.example"),
        "cause": "time",
        "message_class": scenes.URGENT,
        "approved": True,
        "act": TwoPersonAct(kind="close", by="ann", reason="over"),
        "facts": {},
        "files": {},
        "task": s.task("wipe"),
        "ways": {"email": 2},
        "outcomes": {"accepted": 2},
    }
    states = {"StepEnded": "done", "StepSettled": "skipped", "DeliveryEnded": "satisfied"}
    states |= {"AttemptEnded": "accepted", "DomainDeclared": "down", "CampaignMoved": "paused"}
    made: dict[str, e.AnyEvent] = {}
    for kind in get_args(e.AnyEvent):
        values = {
            field.name: _value(field, special) for field in msgspec.structs.fields(kind) if field.required
        }
        if kind.__name__ in states:
            values["state"] = states[kind.__name__]
        if kind is e.FactsRecorded:
            values["facts"] = (s.change("data.encrypted", True),)
        if kind is e.EvidenceRaised:
            values["evidence"] = "acked"
        made[kind.__name__] = kind(**values)
    return made


def _value(field: msgspec.structs.FieldInfo, special: dict[str, object]) -> object:
    if field.name in special:
        return special[field.name]
    return {int: 2, str: field.name}.get(field.type, ())


@pytest.mark.parametrize("name", sorted(examples()))
def test_every_type_of_event_has_a_sentence(name: str) -> None:
    text = describe(examples()[name], Words({}, {}))
    assert text
    assert "\n" not in text


def test_the_json_names_the_event_and_whether_it_is_a_detail() -> None:
    document = scenes.document(told(s.World(s.task("wipe"))))
    assert document["schema"] == "tocsin/timeline/v1"
    assert document["kind"] == "real"
    assert document["entries"][0]["type"] == "IncidentOpened"


def test_stored_events_fit_the_timeline() -> None:
    row: StoredEvent = scenes.stored(s.World(s.task("wipe")))[0]
    assert (row.seq, row.type) == (1, "IncidentOpened")
