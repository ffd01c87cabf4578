"""A form asks for several facts: partial answers stay, and the form ends when no field is open."""

from __future__ import annotations

import msgspec
import pytest

from runner.base.actor import Principal
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.steps.forms import FieldWord, field_states
from runner.playbook.format import Form
from runner.playbook.parts import Due, FormField
from tests.refusals import refused
from tests.scenario import GDPR, HOUR, World, approve, ask, change, form, law, task

ENCRYPTED, KEY, TOTAL, IMPACT = (
    "data.encrypted",
    "data.key_compromised",
    "people.total",
    "incident.impact",
)


def states(world: World, step: str = "f") -> dict[str, FieldWord]:
    found = world.library.step(world.incident, world.id(step))
    assert isinstance(found, Form)
    return {
        one.field.fact: one.state
        for one in field_states(world.incident, world.at(step), found, world.library)
    }


def two() -> World:
    return World(form("f", ENCRYPTED, TOTAL), task("t", after="f"))


def test_a_partial_answer_is_a_fact_and_the_form_stays_open() -> None:
    world = two()
    events = world.fill("f", {ENCRYPTED: True})
    assert [type(one).__name__ for one in events if not isinstance(one, e.DutiesAssessed)] == [
        "FactsRecorded"
    ]
    assert world.incident.facts[ENCRYPTED].value is True
    assert (world.state("f"), world.state("t")) == ("ready", "waiting")
    assert states(world) == {ENCRYPTED: "answered", TOTAL: "open"}
    world.fill("f", {TOTAL: 5}, by="ann")
    assert (world.state("f"), world.state("t")) == ("done", "ready")
    assert world.at("f").ended_by == "ann"
    assert world.at("f").answered_by == ("bob", "ann")
    assert world.replayed() == world.incident


def test_several_answers_are_one_event_and_can_close_the_form() -> None:
    world = two()
    events = world.fill("f", {ENCRYPTED: True, TOTAL: 5})
    (recorded,) = (one for one in events if isinstance(one, e.FactsRecorded))
    assert [change.key for change in recorded.facts] == [ENCRYPTED, TOTAL]
    assert world.state("f") == "done"


def test_the_answer_unknown_closes_a_field() -> None:
    world = two()
    world.fill("f", {ENCRYPTED: None})
    assert states(world) == {ENCRYPTED: "unknown", TOTAL: "open"}
    world.fill("f", {TOTAL: None})
    assert world.state("f") == "done"


def test_a_field_that_is_asked_again_later_stays_open() -> None:
    world = two()
    world.fill("f", {ENCRYPTED: True})
    world.give(c.AnswerUnknown(step=world.id("f"), ask_again=world.now + 2 * HOUR), by="bob")
    assert world.next_look() == world.now + 2 * HOUR
    world.advance(2 * HOUR)
    assert world.said(e.StepReminded)
    assert world.at("f").wake_at is None
    assert states(world) == {ENCRYPTED: "answered", TOTAL: "open"}


@pytest.mark.parametrize(
    ("encrypted", "state", "ends"),
    [(True, "open", False), (False, "not_needed", True), (None, "not_needed", True)],
)
def test_the_condition_of_a_field_decides_whether_it_is_asked(
    encrypted: bool | None, state: str, ends: bool
) -> None:
    world = World(form("f", ENCRYPTED, f"{KEY} if {ENCRYPTED}"))
    assert states(world) == {ENCRYPTED: "open", KEY: "waiting"}
    world.fill("f", {ENCRYPTED: encrypted})
    assert states(world)[KEY] == state
    assert (world.state("f") == "done") is ends


def test_a_condition_on_a_fact_outside_of_the_form_waits_for_it() -> None:
    world = World(form("f", TOTAL, f"{KEY} if {ENCRYPTED}"))
    world.fill("f", {TOTAL: 5})
    assert (world.state("f"), states(world)[KEY]) == ("ready", "waiting")
    world.fact(ENCRYPTED, False)
    assert world.state("f") == "done"
    assert world.at("f").digest


def test_an_answer_closes_a_field_whose_condition_is_undetermined() -> None:
    world = World(form("f", f"{KEY} if {ENCRYPTED}"))
    world.fill("f", {KEY: False})
    assert world.state("f") == "done"


def test_skip_if_known_skips_the_known_fields_only() -> None:
    world = World(form("f", ENCRYPTED, TOTAL, skip_if_known=True), facts={ENCRYPTED: True})
    assert states(world) == {ENCRYPTED: "known", TOTAL: "open"}
    world.fill("f", {TOTAL: 5})
    assert world.state("f") == "done"


def test_a_form_without_an_open_field_is_done_at_once() -> None:
    known = World(form("f", ENCRYPTED, skip_if_known=True), task("t", after="f"), facts={ENCRYPTED: True})
    assert (known.state("f"), known.at("f").reason, known.state("t")) == ("done", "known already", "ready")
    asked = World(form("f", ENCRYPTED), facts={ENCRYPTED: True})
    assert asked.state("f") == "ready"


def test_recorded_facts_answer_the_fields_of_an_open_form() -> None:
    world = two()
    events = world.fact(ENCRYPTED, True)
    (recorded,) = (one for one in events if isinstance(one, e.FactsRecorded))
    assert recorded.answers == (world.id("f"),)
    assert states(world)[ENCRYPTED] == "answered"
    world.fact(TOTAL, None)
    assert states(world)[TOTAL] == "open"
    world.fact(TOTAL, 5)
    assert (world.state("f"), world.at("f").ended_by) == ("done", "ann")


def test_a_late_form_is_late() -> None:
    world = World(form("f", TOTAL, due=Due(offset=HOUR)))
    world.advance(2 * HOUR)
    world.fill("f", {TOTAL: 5})
    assert world.state("f") == "done_late"


def test_only_the_fields_of_an_open_form_are_answered() -> None:
    world = World(form("f", TOTAL), ask("q", ENCRYPTED), form("later", KEY, after="f"))
    with refused("unknown_field"):
        world.fill("f", {TOTAL: 5, KEY: True})
    assert world.incident.facts == {}
    with refused("not_a_question"):
        world.fill("q", {ENCRYPTED: True})
    with refused("task_not_open"):
        world.fill("later", {KEY: True})
    with refused("not_a_task"):
        world.done("f")
    world.fill("f", {TOTAL: 5})
    with refused("already_answered"):
        world.fill("f", {TOTAL: 6})


def test_a_reopened_form_asks_every_field_again() -> None:
    world = World(form("f", ENCRYPTED, TOTAL, skip_if_known=True))
    world.fill("f", {ENCRYPTED: True, TOTAL: 5})
    world.reopen("f")
    assert states(world) == {ENCRYPTED: "open", TOTAL: "open"}
    world.fill("f", {ENCRYPTED: True})
    assert states(world) == {ENCRYPTED: "answered", TOTAL: "open"}


def approved() -> World:
    world = World(
        form("f", ENCRYPTED, TOTAL), approve("s", "f", "lead", after="f"), roles={"lead": "ann bob cid"}
    )
    world.fill("f", {ENCRYPTED: True}, by="ann")
    world.fill("f", {TOTAL: 5}, by="bob")
    return world


def test_the_approval_of_a_form_binds_to_all_its_values_and_every_author_is_barred() -> None:
    world = approved()
    for author in ("ann", "bob"):
        with refused("author"):
            world.sign("s", author)
    world.sign("s", "cid")
    assert world.state("s") == "done"
    world.fact(TOTAL, 5, by="ann")
    assert world.state("s") == "done"


def test_a_corrected_fact_makes_the_approval_of_a_form_void() -> None:
    world = approved()
    world.sign("s", "cid")
    before = world.at("f").digest
    world.fact(ENCRYPTED, False, by="cid")
    assert world.state("s") == "ready"
    (voided,) = world.said(e.ApprovalVoided)
    assert voided.old == before != voided.new
    with refused("digest_changed"):
        world.sign("s", "eve")


def test_the_person_on_whose_behalf_a_field_was_answered_is_an_author() -> None:
    world = World(
        form("f", ENCRYPTED, TOTAL), approve("s", "f", "lead", after="f"), roles={"lead": "ann bob cid dan"}
    )
    behalf = Principal(person="bob", on_behalf_of="ann", via="phone")
    step = world.id("f")
    world.give(c.AnswerForm(step=step, changes=(change(ENCRYPTED, True),)), by=behalf)
    world.fill("f", {TOTAL: 5}, by="cid")
    assert world.at("f").answered_by == ("bob", "ann", "cid")
    for author in ("ann", "bob", "cid"):
        with refused("author"):
            world.sign("s", author)
    world.sign("s", "dan")
    assert world.state("s") == "done"


def test_undone_answers_open_their_fields_again() -> None:
    world = two()
    world.fill("f", {ENCRYPTED: True})
    undo = c.RecordFacts(changes=(e.FactChange(key=ENCRYPTED),), grounds="undone", reopens=(world.id("f"),))
    world.give(undo, by="bob")
    assert states(world) == {ENCRYPTED: "open", TOTAL: "open"}
    assert world.replayed() == world.incident


def test_an_undone_end_keeps_the_earlier_answers() -> None:
    world = two()
    world.fill("f", {ENCRYPTED: True})
    world.fill("f", {TOTAL: 5})
    first = world.id("f")
    undo = c.RecordFacts(changes=(e.FactChange(key=TOTAL),), grounds="undone", reopens=(first,))
    world.give(undo, c.ReopenStep(step=first, reason="undone", keeps=True), by="bob")
    assert states(world) == {ENCRYPTED: "answered", TOTAL: "open"}


def guarded_clock() -> World:
    """A form that moves the start of a deadline, in a home where a second person confirms that."""
    facts = {
        "organisation.role": ["controller"],
        "organisation.country": "DE",
        "data.involved": True,
        "incident.aware_at": "2026-11-24T08:00:00Z",
    }
    roles = {"lead": "bob", "commander": "cid"}
    world = World(form("f", "incident.aware_at", TOTAL), regimes=law(GDPR), facts=facts, roles=roles)
    world.library = msgspec.structs.replace(world.library, alone="")
    return world


def test_a_moved_deadline_waits_for_a_second_person() -> None:
    world = guarded_clock()
    world.fill("f", {"incident.aware_at": "2026-11-24T08:30:00Z"})
    assert world.incident.facts["incident.aware_at"].value == "2026-11-24T08:00:00Z"
    assert states(world)["incident.aware_at"] == "open"
    (entry,) = world.incident.second_person
    world.give(c.ConfirmEntry(seq=entry), by="cid")
    assert states(world)["incident.aware_at"] == "answered"


def test_a_confirmed_answer_closes_also_the_fields_that_are_unknown() -> None:
    world = guarded_clock()
    world.fill("f", {"incident.aware_at": "2026-11-24T08:30:00Z", TOTAL: None})
    (entry,) = world.incident.second_person
    world.give(c.ConfirmEntry(seq=entry), by="cid")
    assert states(world) == {"incident.aware_at": "answered", TOTAL: "unknown"}
    assert world.state("f") == "done"
    assert world.replayed() == world.incident


def test_an_update_of_the_playbook_keeps_the_answers_of_an_open_form() -> None:
    world = two()
    world.fill("f", {ENCRYPTED: True})
    world.migrate(form("f", ENCRYPTED, TOTAL, KEY), task("t", after="f"))
    assert states(world) == {ENCRYPTED: "answered", TOTAL: "open", KEY: "open"}
    world.fill("f", {TOTAL: 5, KEY: False})
    assert world.state("f") == "done"
    assert world.replayed() == world.incident


def test_an_answer_must_be_one_of_the_choices_to_count_as_an_implicit_answer() -> None:
    field = FormField(fact="incident.summary", ask="?", choices=("yes it was", "no"))
    world = World(form("f", field))
    world.fact("incident.summary", "something else")
    assert world.state("f") == "ready"
    world.fact("incident.summary", "no")
    assert world.state("f") == "done"
