"""May this be done? What a person asks of steps and of the record, and the reasons for which it is refused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from runner.errors import NotFound, Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.law.duty import DutyRecord
from runner.playbook.format import Due
from runner.reports.core.action_text import hint_text
from tests.refusals import refused
from tests.scenario import (
    GDPR,
    HOUR,
    World,
    act,
    approve,
    ask,
    bundle,
    change,
    duties,
    file,
    group,
    law,
    message,
    notice,
    playbook,
    task,
    wait,
    waivable,
)

INITIAL = f"{GDPR}/initial"
BREACH = {
    "organisation.role": ["controller"],
    "organisation.country": "DE",
    "data.involved": True,
    "risk.to_people": "high",
    "incident.aware_at": "2026-11-24T08:00:00Z",
}


def refusal(world: World, command: c.AnyCommand, by: str = "") -> Refused:
    """Return a refusal, and show that it changed nothing."""
    before = world.incident
    with pytest.raises(Refused) as found:
        world.give(command, by=by)
    assert world.incident is before
    return found.value


def code(world: World, command: c.AnyCommand) -> str:
    """Return the code of a refusal."""
    return refusal(world, command).code


# ------------------------------------------------------------------------------------------------- work on steps


def test_a_person_starts_and_completes_a_task() -> None:
    world = World(task("a"))
    world.give(c.StartTask(step="main:a#1"), by="bob")
    assert (world.state("a"), world.at("a").started_by) == ("active", "bob")
    world.give(c.CompleteTask(step="main:a#1", comment="wiped"), by="bob")
    assert (world.state("a"), world.at("a").ended_by, world.at("a").reason) == ("done", "bob", "wiped")
    assert world.at("a").digest.startswith("sha256:")


@pytest.mark.parametrize(
    "command",
    [
        c.SkipStep(step="main:a#1", reason=" "),
        c.CancelStep(step="main:a#1", reason=""),
        c.FailStep(step="main:a#1", reason=""),
        c.AssignStep(step="main:a#1", to="bob", reason=""),
    ],
    ids=lambda command: type(command).__name__,
)
def test_leaving_out_taking_back_failing_and_reassigning_need_a_reason(command: c.AnyCommand) -> None:
    assert code(World(task("a")), command) == "reason_missing"


def test_reopening_needs_a_reason_and_an_end() -> None:
    world = World(task("a"))
    assert code(world, c.ReopenStep(step="main:a#1", reason="again")) == "not_ended"
    world.done("a")
    assert code(world, c.ReopenStep(step="main:a#1", reason="")) == "reason_missing"


def test_a_step_is_reassigned_with_a_reason() -> None:
    world = World(task("a", assignee="bob"))
    world.give(c.AssignStep(step="main:a#1", to="ann", reason="bob is ill"))
    assert world.at("a").assignee == "ann"


def test_a_waiting_step_is_refused_with_its_missing_condition() -> None:
    world = World(task("a"), task("b", after="a"), task("u", when="data.encrypted"))
    for command, for_a_fact in (
        (c.CompleteTask(step="main:b#1"), False),
        (c.StartTask(step="main:u#1"), True),
    ):
        refused = refusal(world, command)
        assert (refused.code, command.step in refused.message) == ("task_not_open", True)
        assert ("data.encrypted" in refused.message) == for_a_fact


def test_an_ended_step_cannot_be_completed_or_skipped() -> None:
    world = World(task("a"))
    world.done("a")
    for command in (c.CompleteTask(step="main:a#1"), c.SkipStep(step="main:a#1", reason="x")):
        refused = refusal(world, command)
        assert (refused.code, "main:a#1" in refused.message) == ("already_ended", True)


def test_a_waiting_step_can_be_skipped_before_its_time() -> None:
    world = World(task("a"), task("b", after="a"), task("z", after="b"))
    world.skip("b")
    assert world.states("a", "b", "z") == ["ready", "skipped", "ready"]


def test_a_step_that_is_not_there_is_not_found() -> None:
    with refused("unknown_step", NotFound) as found:
        World(task("a")).give(c.CompleteTask(step="main:x#1"))
    assert "main:x#1" in found.value.message


def test_a_checklist_is_ticked_row_by_row_before_its_task_is_done() -> None:
    world = World(task("a", checklist=("one", "two")), task("b"))
    refused = refusal(world, c.CompleteTask(step="main:a#1"))
    assert (refused.code, {"2", "one"} <= set(re.findall(r"\w+", refused.message))) == ("open_rows", True)
    world.give(c.CheckRow(step="main:a#1", row=1))
    assert world.give(c.CheckRow(step="main:a#1", row=1)) == []
    world.give(c.CheckRow(step="main:a#1", row=0))
    assert world.at("a").checked == (0, 1)
    for step, row in (("main:a#1", 2), ("main:b#1", 0)):
        refused = refusal(world, c.CheckRow(step=step, row=row))
        assert (refused.code, {step, str(row + 1)} <= set(re.findall(r"[\w:#]+", refused.message))) == (
            "unknown_row",
            True,
        )
    world.done("a")


@pytest.mark.parametrize(
    ("step", "why", "does_it"),
    [
        (file("s", "s"), "proof_missing", "record-filed"),
        (ask("s", "data.encrypted"), "not_a_task", "answer"),
        (approve("s", "s", "lead"), "not_a_task", "approve"),
        (wait("s", duration=HOUR), "automatic_step", ""),
        (message("s"), "automatic_step", ""),
    ],
    ids=["file", "ask", "approve", "wait", "message"],
)
def test_only_a_task_is_completed_by_saying_so(step: object, why: str, does_it: str) -> None:
    """The hint names the command that ends such a step, where one does."""
    refused = refusal(World(step), c.CompleteTask(step="main:s#1"))
    assert (refused.code, does_it in hint_text(refused)) == (why, True)


def test_a_person_cannot_start_an_automatic_step() -> None:
    assert code(World(message("m")), c.StartTask(step="main:m#1")) == "automatic_step"


def test_a_person_can_complete_a_blocked_step() -> None:
    world = World(notice("n"))
    world.give(c.EffectFailed(step="main:n#1", why="no template"))
    world.give(c.CompleteTask(step="main:n#1", comment="written by hand"), by="ann")
    assert world.state("n") == "done"


def test_only_a_failed_step_can_be_retried() -> None:
    world = World(task("a"))
    assert code(world, c.RetryStep(step="main:a#1")) == "nothing_to_retry"
    world.fail("a")
    world.retry("a")
    assert world.states("main:a#1", "a") == ["cancelled", "ready"]


def test_anything_can_be_commented() -> None:
    world = World(task("a"))
    (event,) = world.give(c.CommentStep(step="main:a#1", text="half way"), by="bob")
    assert isinstance(event, e.StepCommented)
    assert world.state("a") == "ready"


# ----------------------------------------------------------------------------------------------------- questions


def test_an_answer_sets_its_fact_and_ends_the_question() -> None:
    world = World(ask("q", "data.encrypted"))
    world.answer("q", False)
    assert world.incident.facts["data.encrypted"].value is False
    assert world.incident.facts["data.encrypted"].by == "bob"
    assert world.state("q") == "done"


def test_a_late_answer_is_late() -> None:
    world = World(ask("q", "data.encrypted", due=Due(offset=HOUR)))
    world.advance(2 * HOUR)
    world.answer("q", False)
    assert world.state("q") == "done_late"


def test_only_an_open_question_is_answered() -> None:
    world = World(ask("q", "data.encrypted"), task("a"), ask("r", "risk.to_people", after="a"))
    value = change("data.encrypted", True)
    assert code(world, c.Answer(step="main:a#1", change=value)) == "not_a_question"
    assert code(world, c.Answer(step="main:r#1", change=value)) == "task_not_open"
    world.answer("q", True)
    assert code(world, c.AnswerUnknown(step="main:q#1")) == "already_answered"


def test_the_answer_unknown_keeps_a_question_open() -> None:
    world = World(ask("q", "data.encrypted"))
    world.give(c.AnswerUnknown(step="main:q#1"), by="bob")
    assert world.state("q") == "ready"
    assert world.incident.facts == {}


# -------------------------------------------------------------------------------------------------------- record


def test_facts_are_recorded_corrected_and_withdrawn_with_their_predecessors() -> None:
    world = World(task("a"))
    world.fact("people.total", 5)
    first = world.incident.fact_events["people.total"]
    world.fact("people.total", 6)
    assert world.incident.facts["people.total"].supersedes == first
    world.fact("people.total", None)
    assert world.incident.facts["people.total"].value is None
    assert world.give(c.RecordFacts(changes=())) == []


def test_roles_are_assigned() -> None:
    world = World(task("a"))
    world.give(c.AssignRole(role="counsel", persons=("eve",)))
    assert world.incident.roles["counsel"] == ("eve",)


def test_declaring_the_same_domain_twice_says_nothing_new() -> None:
    world = World(task("a"))
    declared = c.DeclareDomain(domain="m365", state="down", since=world.now)
    assert len(world.give(declared, by="bob")) == 1
    assert world.give(declared, by="bob") == []
    world.give(c.DeclareDomain(domain="m365", state="up", since=world.now))
    assert world.incident.domains["m365"].state == "up"


def test_evidence_is_taken_into_custody() -> None:
    world = World(task("a"))
    stored = e.EvidenceAttached(evidence="e1", name="disk.img", sha256="00", size=3, source="laptop", by="")
    world.give(c.RecordCustody(event=stored), by="bob")
    assert world.incident.evidence["e1"].by == "bob"
    assert world.incident.evidence["e1"].at == world.now


def test_notes_are_for_everybody_or_for_counsel() -> None:
    world = World(task("a"))
    world.give(c.AddNote(text="hello", about=world.now), by="bob")
    world.give(c.AddNote(text="advice", privileged=True), by="bob")
    assert [event.stream for event in world.said(e.PrivilegedNoteAdded)] == ["privileged"]
    assert [event.text for event in world.said(e.NoteAdded)] == ["hello", "advice"]


def test_a_correction_names_an_event_that_is_there_and_a_reason() -> None:
    world = World(task("a"))
    world.give(c.CorrectEvent(seq=1, reason="wrong title"), by="bob")
    refused = refusal(world, c.CorrectEvent(seq=99, reason="x"))
    assert (refused.code, "99" in refused.message) == ("unknown_event", True)
    assert code(world, c.CorrectEvent(seq=1, reason="")) == "reason_missing"


def test_a_correction_is_withheld_as_the_entry_is_that_it_corrects() -> None:
    world = World(task("a"))
    world.give(c.AddNote(text="advice", privileged=True), by="bob")
    note = world.incident.version
    for entry in (note, note + 1, 1):
        world.give(c.CorrectEvent(seq=entry, reason="the other opinion"), by="bob")
    streams = [event.stream for event in world.said(e.EventCorrected)]
    assert streams == ["privileged", "privileged", "operational"]


# -------------------------------------------------------------------------------------------------------- duties


def filed(world: World, **more: object) -> DutyRecord:
    fields = {"kind": "filed", "by": "ann", "at": world.now, "reference": "REF-1", "ground": "none", **more}
    return DutyRecord(**fields)


def lawful() -> World:
    """A breach with a filing step that is ready and one that waits."""
    return World(
        duties("d"),
        file("f", "d", after="d", due=Due(offset=2 * HOUR)),
        file("g", "d", after="f"),
        task("t"),
        regimes=waivable(law(GDPR)),
        facts=BREACH,
    )


def test_a_filing_needs_its_proof_and_ends_its_step() -> None:
    world = lawful()
    bare = c.RecordDuty(duty=INITIAL, record=filed(world, reference=""), step="main:f#1")
    assert code(world, bare) == "proof_missing"
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world), step="main:f#1"), by="ann")
    assert world.state("f") == "done"
    record = world.incident.duties[INITIAL].record
    assert record is not None
    assert record.reference == "REF-1"


def test_a_filing_after_the_steps_own_due_time_is_late_for_the_step() -> None:
    world = lawful()
    world.advance(3 * HOUR)
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world), step="main:f#1"), by="ann")
    assert world.state("f") == "done_late"


def test_a_filing_after_the_legal_due_time_keeps_its_reasons() -> None:
    world = lawful()
    world.advance(timedelta(days=4))
    refused = refusal(world, c.RecordDuty(duty=INITIAL, record=filed(world)))
    assert (refused.code, "2026-11-27T08:00:00Z" in refused.message) == ("late_reason", True)
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world, late_reason="nobody knew")))
    assert not world.incident.duties[INITIAL].overdue


def test_a_filing_ends_no_step_before_its_time_and_none_that_has_ended() -> None:
    world = lawful()
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world), step="main:g#1"))
    assert world.state("g") == "waiting"


def test_a_filing_for_a_skipped_step_leaves_it_skipped() -> None:
    world = lawful()
    world.skip("f")
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world), step="main:f#1"))
    assert world.state("f") == "skipped"


def test_a_step_whose_filing_is_already_recorded_can_be_completed() -> None:
    world = World(
        duties("d"), task("t"), file("f", "d", after="t", duty=INITIAL), regimes=law(GDPR), facts=BREACH
    )
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world)))
    world.done("t")
    again = c.RecordDuty(duty=INITIAL, record=filed(world), step="main:f#1")
    assert code(world, again) == "already_filed"
    world.done("f")
    assert world.state("f") == "done"


def test_a_filing_belongs_to_a_file_step() -> None:
    world = lawful()
    assert code(world, c.RecordDuty(duty=INITIAL, record=filed(world), step="main:t#1")) == "not_a_filing"
    with refused("unknown_step", NotFound):
        world.give(c.RecordDuty(duty=INITIAL, record=filed(world), step="main:nobody#1"))


@pytest.mark.parametrize("kind", ["decided_not_to_notify", "waived"])
def test_not_filing_needs_its_grounds(kind: str) -> None:
    world = lawful()
    bare = c.RecordDuty(duty=INITIAL, record=filed(world, kind=kind))
    assert code(world, bare) == "reason_missing"
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world, kind=kind, reason="no risk"), step="main:f#1"))
    assert world.state("f") == "ready"


@pytest.mark.parametrize("kind", ["filed", "decided_not_to_notify", "waived"])
def test_a_corrected_record_is_void_and_a_new_one_can_follow(kind: str) -> None:
    world = lawful()
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world, kind=kind, reason="no risk")), by="ann")
    entry = world.incident.duties[INITIAL].entry
    world.advance(timedelta(days=4))
    assert not world.incident.duties[INITIAL].overdue
    world.give(c.CorrectEvent(seq=entry, reason="the wrong incident"), by="ann")
    world.advance()
    duty = world.incident.duties[INITIAL]
    assert (duty.record, duty.overdue) == (None, True)
    assert duty.reopened is not None
    assert duty.reopened.kind == kind
    assert all(part in duty.reopened_why for part in (str(entry), "the wrong incident"))
    assert world.replayed() == world.incident
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world, late_reason="mixed up")))
    assert world.incident.duties[INITIAL].record is not None
    assert world.incident.duties[INITIAL].reopened is None


def test_a_correction_of_another_entry_leaves_a_record_valid() -> None:
    world = lawful()
    world.give(c.RecordDuty(duty=INITIAL, record=filed(world)))
    world.give(c.CorrectEvent(seq=1, reason="the title"), by="ann")
    assert world.incident.duties[INITIAL].record is not None


def test_an_unknown_duty_is_refused_with_the_known_ones() -> None:
    world = lawful()
    for one in (world, World(task("a"))):
        refused = refusal(one, c.RecordDuty(duty="x/y", record=filed(world)))
        assert (refused.code, "x/y" in refused.message) == ("unknown_duty", True)


# --------------------------------------------------------------------------------------------- the incident's life


def test_an_incident_is_paused_once_and_resumed_once() -> None:
    world = World(task("a"))
    assert code(world, c.Resume()) == "not_paused"
    assert code(world, c.Pause(reason="")) == "reason_missing"
    world.give(c.Pause(reason="wait"))
    assert code(world, c.Pause(reason="wait")) == "already_paused"
    world.give(c.Resume(reason="go on"))
    assert world.incident.state == "open"


def test_a_paused_incident_can_be_cancelled() -> None:
    world = World(task("a"))
    world.give(c.Pause(reason="wait"))
    assert code(world, c.CancelIncident(reason="")) == "reason_missing"
    world.give(c.CancelIncident(reason="a drill"))
    assert world.incident.state == "cancelled"


def test_closing_with_open_steps_needs_a_reason_and_names_them() -> None:
    world = World(task("a"))
    refused = refusal(world, c.Close(), by="ann")
    named = [(problem.code, problem.file) for problem in refused.problems]
    assert (refused.code, named) == ("open_work", [("open_task", "main:a#1")])
    world.give(c.Close(reason="handed over"), by="ann")
    assert world.incident.state == "closed"


def test_closing_with_open_duties_needs_a_reason_for_each() -> None:
    world = World(duties("d"), regimes=law(GDPR), facts=BREACH)
    open_ones = [duty.id for duty in world.incident.duties.values() if duty.verdict == "applies"]
    refused = refusal(world, c.Close(reason="over"), by="ann")
    named = [problem.file for problem in refused.problems if problem.code == "open_duty"]
    assert (refused.code, named) == ("open_work", open_ones)
    world.give(c.Close(reason="over", leave_open=dict.fromkeys(open_ones, "counsel files it")), by="ann")
    assert world.incident.state == "closed"
    assert world.replayed() == world.incident


def test_closing_with_nothing_open_needs_no_reason() -> None:
    world = World(task("a"))
    world.done("a")
    world.give(c.Close(), by="ann")
    assert world.incident.state == "closed"


def test_an_ended_incident_accepts_only_notes_and_corrections() -> None:
    world = World(task("a"))
    world.give(c.Close(reason="over"), by="ann")
    assert code(world, c.CompleteTask(step="main:a#1")) == "incident_closed"
    world.give(c.RecordFacts(changes=(change("people.total", 1),)))
    world.give(c.AddNote(text="one more thing"), by="bob")
    world.give(c.CorrectEvent(seq=1, reason="wrong"), by="bob")
    assert world.advance(HOUR) == []


# --------------------------------------------------------------------------------------------------------- grafts


def test_a_playbook_is_grafted_into_a_live_incident_as_a_run_of_its_own() -> None:
    world = World(task("a"), act("x"))
    world.done("a")
    run = world.pin(bundle(playbook(task("a"), group("g", task("b")), name="extra")), run="extra")
    world.give(c.PinPlaybook(run=run, inputs={"tenant": "m365"}, reason="it spread"))
    assert world.at("extra:a#1").state == "ready"
    assert world.at("extra:g.b#1").state == "ready"
    assert world.state("a") == "done"
    assert code(world, c.PinPlaybook(run=run)) == "run_exists"
