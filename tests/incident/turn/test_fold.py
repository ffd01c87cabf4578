"""What events change: a fold that decides nothing, refuses nothing, and never undoes what has ended."""

from __future__ import annotations

from typing import get_args

from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Incident
from runner.incident.turn.claims import claims
from runner.incident.turn.fold import HANDLERS, fold
from runner.incident.turn.settle import number
from runner.law.duty import DutyRecord
from runner.playbook.format import Due, OnOverdue
from tests.scenario import HOUR, MINUTE, World, act, ask, change, group, message, task, wait


def folded(world: World, *events: e.AnyEvent) -> Incident:
    """Fold events in without settling: what stands between two rounds, and in journals of older versions."""
    return fold(world.incident, number(world.incident, world.now, events), world.library)


def test_every_type_of_event_is_folded_by_one_function() -> None:
    assert set(HANDLERS) == set(get_args(e.AnyEvent))


def test_folding_nothing_gives_the_same_incident() -> None:
    world = World(task("a"))
    assert fold(world.incident, [], world.library) == world.incident


def test_applying_an_event_leaves_the_earlier_state_unchanged() -> None:
    world = World(task("a"), task("b", after="a"))
    before, version = world.incident, world.incident.version
    world.done("a")
    assert before.version == version
    assert before.invocations["main:a#1"].state == "ready"
    assert before.active == {"main:a#1"}


def test_folding_one_by_one_and_all_at_once_give_the_same() -> None:
    world = World(task("a"), group("g", task("b")), message("m"), act("x"))
    world.done("a")
    world.work()
    one_by_one = world.folded(world.journal[:1], world.library)
    for recorded in world.journal[1:]:
        one_by_one = fold(one_by_one, [recorded], world.library)
    assert one_by_one == world.incident


def test_an_ended_step_does_not_end_again() -> None:
    world = World(task("a"))
    world.done("a", by="bob")
    after = folded(world, e.StepEnded(step="main:a#1", state="failed", by="eve", reason="late news"))
    assert after.invocations == world.incident.invocations
    assert after.scopes["main:"].open == 0


def test_a_second_opening_changes_nothing() -> None:
    world = World(task("a"))
    opened = e.IncidentOpened(incident="x", codename="x", title="x", kind="test")
    assert folded(world, opened).title == "A test"


def test_a_first_attempt_makes_an_act_begin() -> None:
    world = World(act("x"))
    after = folded(world, e.AttemptStarted(effect="main:x#1", n=1, key="k", worker="w"))
    assert after.invocations["main:x#1"].ready_at == world.now
    assert after.agenda == frozenset()


def test_an_open_attempt_is_not_claimed_twice_whatever_the_journal_says() -> None:
    world = World(act("x"))
    world.claim()
    after = folded(world, e.StepRetried(step="main:x#1", wake_at=world.now))
    assert list(claims(after, world.now, world.library, "w")) == []


def test_an_outcome_of_an_ended_step_is_kept_and_changes_nothing_else() -> None:
    world = World(act("x"))
    world.claim()
    world.skip("x")
    ended = e.AttemptEnded(effect="main:x#1", n=1, state="throttled", step_state="active", retry_at=world.now)
    after = folded(world, ended).invocations["main:x#1"]
    assert (after.state, after.over, after.wake_at) == ("skipped", True, None)
    assert after.attempts[0].state == "throttled"


def test_a_moved_due_time_takes_the_overdue_mark_away_and_the_same_one_does_not() -> None:
    world = World(task("a", due=Due(offset=HOUR)))
    world.advance(HOUR)
    due = world.at("a").due
    assert folded(world, e.StepRescheduled(step="main:a#1", due=due)).invocations["main:a#1"].overdue
    assert not folded(world, e.StepRescheduled(step="main:a#1", due=None)).invocations["main:a#1"].overdue


def test_a_duty_can_be_recorded_before_any_law_was_looked_at() -> None:
    world = World(task("a"))
    record = DutyRecord(kind="waived", by="ann", at=world.now, reason="x")
    after = folded(world, e.DutyRecorded(duty="x/y", record=record))
    assert after.duties["x/y"].verdict == "unknown"
    assert after.duties["x/y"].record == record


def test_an_incident_that_is_not_settled_yet_has_nothing_claimed_that_may_not_begin() -> None:
    world = World(task("a"), act("x", after="a", when="data.encrypted"), wait("w", duration=MINUTE))
    world.now += HOUR
    after = folded(world, e.StepEnded(step="main:a#1", state="done"))
    assert after.agenda == {"main:x#1"}
    assert list(claims(after, world.now, world.library, "w")) == []


def test_a_due_reminder_is_composed_once() -> None:
    world = World(task("a", due=Due(offset=HOUR), on_overdue=OnOverdue(remind=HOUR)))
    world.advance(HOUR)
    assert world.at("a").reminders > world.at("a").told
    world.work()
    assert world.at("a").reminders == world.at("a").told


def test_a_personal_payload_says_so_by_its_type() -> None:
    assert e.FactsRecorded.personal
    assert not e.StepReady.personal
    assert e.PrivilegedNoteAdded.stream == "privileged"


def test_facts_keep_their_bytes_through_the_journal() -> None:
    world = World(ask("q", "data.elements"))
    world.give(c.RecordFacts(changes=(change("incident.summary", 'ä \u2028 "x"'),)), by="ann")
    world.answer("q", ["ssn"])
    assert world.replayed() == world.incident
    assert world.replayed().facts["incident.summary"].value == 'ä \u2028 "x"'
