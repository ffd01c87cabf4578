"""Approvals: M distinct persons on one digest, never the author; they expire closed and are void when bytes change."""

from __future__ import annotations

import msgspec
import pytest

from runner.base.actor import Principal
from runner.errors import Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.steps.approvals import value_digest
from runner.law.duty import DutyRecord
from runner.playbook.format import Due, OnOverdue
from tests.refusals import refused
from tests.scenario import GDPR, HOUR, MINUTE, World, approve, ask, file, group, law, notice, task

ROLES = {"counsel": "ann bob", "lead": "bob cid", "board": "dee"}


def signing(distinct: int = 2, roles: str = "counsel lead", *, every: bool = False, **more: object) -> World:
    """A task by eve, whose product is to be signed."""
    step = approve("s", "t", roles, distinct, every=every, after="t", **more)
    world = World(task("t"), step, task("z", after="s"), roles=ROLES)
    world.done("t", by="eve")
    return world


def test_two_distinct_persons_make_a_quorum_of_two() -> None:
    world = signing()
    world.sign("s", "ann")
    assert world.states("s", "z") == ["ready", "waiting"]
    world.sign("s", "cid")
    assert world.states("s", "z") == ["done", "ready"]
    assert world.at("s").digest == world.at("t").digest
    assert [a.by for a in world.approvals("s")] == ["ann", "cid"]
    assert all(person in world.at("s").reason for person in ("ann", "cid"))


def test_a_person_who_approves_twice_counts_once() -> None:
    world = signing()
    world.sign("s", "bob")
    world.sign("s", "bob")
    assert world.state("s") == "ready"
    assert len(world.approvals("s")) == 1


def test_the_author_cannot_approve_but_may_reject() -> None:
    world = World(task("t"), approve("s", "t", "counsel", after="t"), roles=ROLES)
    world.done("t", by="ann")
    with refused("author", Refused):
        world.sign("s", "ann")
    world.sign("s", "ann", approved=False)
    assert "ann" in world.at("s").stuck


def test_a_later_author_of_the_same_version_no_longer_counts_as_approver() -> None:
    world = World(ask("q", "data.encrypted"), approve("s", "q", "counsel", 2), roles=ROLES)
    world.answer("q", True, by="eve")
    world.sign("s", "ann")
    world.reopen("q")
    world.answer("q", True, by="ann")
    world.sign("s", "bob")
    assert world.state("s") == "ready"


def test_the_author_of_a_notice_is_the_person_who_generated_it() -> None:
    world = World(notice("n"), approve("s", "n", "counsel", after="n"), roles=ROLES)
    work = world.claim()[0]
    rendered = world.outcome(work)
    assert isinstance(rendered, c.Rendered)
    world.give(c.Rendered(event=msgspec.structs.replace(rendered.event, by="ann")))
    with refused("author", Refused):
        world.sign("s", "ann")
    world.sign("s", "bob")
    assert world.state("s") == "done"


def test_a_draft_with_gaps_cannot_be_approved() -> None:
    world = World(notice("n"), approve("s", "n", "counsel", after="n"), roles=ROLES)
    rendered = world.outcome(world.claim()[0])
    assert isinstance(rendered, c.Rendered)
    draft = msgspec.structs.replace(rendered.event, status="draft", gaps=("missing: data.records",))
    world.give(c.Rendered(event=draft))
    with refused("draft", Refused) as found:
        world.sign("s", "ann")
    assert "data.records" in found.value.message


@pytest.mark.parametrize("who", ["eve", "dee", ""])
def test_only_a_holder_of_a_role_may_decide(who: str) -> None:
    world = signing()
    with refused("role", Refused):
        world.sign("s", who)


def test_every_role_must_be_among_the_approvers_where_it_says_so() -> None:
    world = signing(every=True)
    world.give(c.AssignRole(role="counsel", persons=("ann", "amy")))
    world.sign("s", "ann")
    world.sign("s", "amy")
    assert world.state("s") == "ready"
    world.sign("s", "cid")
    assert world.state("s") == "done"


def test_one_person_with_two_roles_counts_for_one_role() -> None:
    world = signing(1, every=True)
    world.sign("s", "bob")
    assert world.state("s") == "ready"


@pytest.mark.parametrize("order", [("bob", "ann"), ("ann", "bob"), ("bob", "cid"), ("cid", "bob")])
def test_a_person_with_two_roles_fills_the_role_without_another_holder(order: tuple[str, str]) -> None:
    world = signing(every=True)
    for person in order:
        world.sign("s", person)
    assert world.state("s") == "done"


def test_an_approval_counts_with_the_roles_at_its_time() -> None:
    world = signing(every=True)
    world.sign("s", "ann")
    world.give(c.AssignRole(role="counsel", persons=("cid",)), c.AssignRole(role="lead", persons=()))
    world.give(c.AssignRole(role="lead", persons=("cid",)))
    world.sign("s", "cid")
    assert world.state("s") == "done"


def test_an_approval_shows_a_role_without_an_earlier_approval() -> None:
    world = signing(3)
    world.sign("s", "ann")
    world.sign("s", "bob")
    assert [(a.by, a.role) for a in world.approvals("s")] == [("ann", "counsel"), ("bob", "lead")]


def test_other_bytes_than_the_ones_to_approve_are_refused() -> None:
    world = signing()
    with refused("digest_changed", Refused):
        world.sign("s", "ann", digest="sha256:other")


def test_an_approval_without_a_document_is_refused() -> None:
    world = World(notice("n"), approve("s", "n", "counsel"), roles=ROLES)
    with refused("nothing_to_approve", Refused):
        world.sign("s", "ann", digest="sha256:first")


def test_an_approval_before_its_step_is_ready_is_refused() -> None:
    world = World(task("t"), approve("s", "t", "counsel", after="t"), roles=ROLES)
    with refused("task_not_open", Refused):
        world.sign("s", "ann", digest="x")


def test_an_ended_approval_takes_no_more_decisions() -> None:
    world = signing(1)
    world.sign("s", "ann")
    with refused("already_ended", Refused):
        world.sign("s", "cid")


def test_a_task_is_not_approved() -> None:
    world = signing()
    with refused("not_an_approval", Refused):
        world.give(c.Decide(step="main:t#1", digest="x", approved=True), by="ann")


def test_a_rejection_needs_a_reason() -> None:
    world = signing()
    digest = world.at("t").digest
    with refused("reason_missing", Refused):
        world.give(c.Decide(step="main:s#1", digest=digest, approved=False), by="ann")


def test_a_rejection_stops_and_asks_a_person() -> None:
    world = signing()
    world.sign("s", "ann", approved=False)
    world.sign("s", "bob")
    world.sign("s", "cid")
    assert world.state("s") == "ready"
    assert "ann" in world.at("s").stuck
    assert world.state("z") == "waiting"


def test_a_person_who_rejected_can_approve_later() -> None:
    world = signing()
    world.sign("s", "ann", approved=False)
    world.sign("s", "ann")
    assert world.at("s").stuck == ""
    world.sign("s", "cid")
    assert world.state("s") == "done"


def test_a_rejected_approval_that_is_retried_starts_again() -> None:
    world = signing()
    world.sign("s", "ann", approved=False)
    world.retry("s")
    assert world.states("main:s#1", "s") == ["cancelled", "ready"]
    assert world.approvals("s") == ()


def test_an_approval_expires_closed() -> None:
    world = signing(expires=HOUR)
    world.sign("s", "ann")
    assert world.next_look() == world.now + HOUR
    world.advance(HOUR)
    assert world.states("s", "z") == ["expired", "waiting"]
    with refused("retry_needed", Refused):
        world.sign("s", "cid")
    assert world.state("s") == "expired"
    assert world.advance() == []
    world.retry("s")
    world.sign("s", "ann")
    world.sign("s", "cid")
    assert world.states("s", "z") == ["done", "ready"]


def test_an_expired_approval_cannot_be_brought_back_by_starting_it() -> None:
    world = signing(expires=HOUR)
    world.advance(HOUR)
    with refused("retry_needed", Refused):
        world.give(c.StartTask(step="main:s#1"), by="ann")


def test_a_rejected_approval_expires_as_well() -> None:
    world = signing(expires=HOUR)
    world.sign("s", "ann", approved=False)
    world.advance(HOUR)
    assert world.state("s") == "expired"


def test_an_expired_approval_fails_closed_whatever_the_playbook_says() -> None:
    world = signing(expires=HOUR, on_failure="continue")
    world.advance(HOUR)
    assert world.states("s", "z") == ["expired", "waiting"]


def test_an_approval_after_its_due_time_is_late() -> None:
    world = signing(1, due=Due(offset=HOUR))
    world.advance(2 * HOUR)
    world.sign("s", "ann")
    assert world.state("s") == "done_late"


def test_an_approval_is_void_when_the_bytes_change_and_only_then() -> None:
    world = signing(1)
    world.sign("s", "ann")
    world.reopen("t")
    assert world.states("main:s#1", "s", "z") == ["done", "waiting", "waiting"]
    assert [a.void for a in world.approvals("s")] == [False]
    world.give(c.CompleteTask(step=world.id("t"), comment="otherwise"), by="eve")
    assert world.states("main:s#1", "s", "z") == ["done", "ready", "waiting"]
    assert world.said(e.ApprovalVoided)[0].old == world.at("main:t#1").digest
    assert [a.void for a in world.approvals("s")] == [True]
    world.sign("s", "bob")
    assert world.states("s", "z") == ["done", "ready"]


def test_dependent_steps_wait_while_an_approved_subject_is_reopened() -> None:
    step = approve("s", "q", "counsel", after="q")
    world = World(ask("q", "data.encrypted"), step, task("z", after="s"), roles=ROLES)
    world.answer("q", True, by="eve")
    world.sign("s", "ann")
    assert world.state("z") == "ready"
    world.reopen("q")
    assert world.state("z") == "waiting"
    world.answer("q", True, by="eve")
    assert world.states("s", "z") == ["done", "ready"]


def test_a_started_task_stays_active_when_its_approval_is_void() -> None:
    world = signing(1)
    world.sign("s", "ann")
    world.give(c.StartTask(step=world.id("z")), by="cid")
    world.reopen("t")
    assert world.states("s", "z") == ["waiting", "active"]


def test_an_approved_answer_that_is_corrected_is_asked_again() -> None:
    step = approve("s", "q", "counsel", after="q")
    world = World(ask("q", "data.encrypted"), step, task("z", after="s"), roles=ROLES)
    world.answer("q", True, by="eve")
    world.sign("s", "ann")
    world.fact("data.encrypted", True, by="dee")
    assert world.states("s", "z") == ["done", "ready"]
    world.fact("data.encrypted", False, by="dee")
    assert world.states("main:s#1", "s", "z") == ["done", "ready", "waiting"]
    assert len(world.said(e.ApprovalVoided)) == 1
    old = world.at("q").digest
    with refused("digest_changed", Refused):
        world.sign("s", "bob", digest=old)
    world.sign("s", "bob", digest=value_digest(b"false"))
    assert world.states("s", "z") == ["done", "ready"]


def test_a_person_who_corrects_an_answer_cannot_approve_it() -> None:
    world = World(ask("q", "data.encrypted"), approve("s", "q", "counsel", after="q"), roles=ROLES)
    world.answer("q", True, by="eve")
    world.fact("data.encrypted", False, by="ann")
    with refused("author", Refused):
        world.sign("s", "ann", digest=value_digest(b"false"))


def test_an_answer_that_is_unknown_again_is_not_approved() -> None:
    world = World(ask("q", "data.encrypted"), approve("s", "q", "counsel", after="q"), roles=ROLES)
    world.answer("q", True, by="eve")
    world.sign("s", "ann")
    world.fact("data.encrypted", None, by="dee")
    assert world.state("s") == "ready"
    with refused("nothing_to_approve", Refused):
        world.sign("s", "ann")


def test_an_approval_of_the_same_bytes_again_stays() -> None:
    world = World(ask("q", "data.encrypted"), approve("s", "q", "counsel", after="q"), roles=ROLES)
    world.answer("q", True, by="eve")
    world.sign("s", "ann")
    world.reopen("q")
    world.answer("q", True, by="eve")
    assert world.state("s") == "done"
    assert world.said(e.ApprovalVoided) == []


def test_voices_for_old_bytes_are_void_and_stay_to_be_seen() -> None:
    world = signing()
    world.sign("s", "ann")
    world.sign("s", "bob", approved=False)
    world.reopen("t")
    world.give(c.CompleteTask(step=world.id("t"), comment="otherwise"), by="eve")
    assert [(a.by, a.void) for a in world.approvals("s")] == [("ann", True), ("bob", True)]
    assert world.at("s").stuck == ""
    world.sign("s", "bob")
    world.sign("s", "cid")
    assert world.state("s") == "done"
    assert len(world.approvals("s")) == 4


def test_a_void_voice_stays_void_when_the_old_bytes_come_back() -> None:
    world = World(notice("n"), approve("s", "n", "counsel", 2, after="n"), roles=ROLES)
    render = world.claim()[0]
    world.perform(render)
    world.sign("s", "ann")
    for digest in ("sha256:second", "sha256:first"):
        world.digests["n"] = digest
        world.perform(render)
    world.sign("s", "bob")
    assert world.state("s") == "ready"
    world.sign("s", "ann")
    assert world.state("s") == "done"


def test_a_regenerated_notice_with_other_bytes_needs_approval_until_filed() -> None:
    world = World(
        notice("n"),
        approve("s", "n", "counsel", after="n"),
        file("f", "n", after="s"),
        roles=ROLES,
        regimes=law(GDPR),
    )
    duty = f"{GDPR}/initial"
    render = world.claim()[0]
    world.perform(render)
    world.sign("s", "ann")
    world.digests["n"] = "sha256:second"
    world.perform(render)
    assert world.states("main:s#1", "s") == ["done", "ready"]
    world.sign("s", "bob")
    record = DutyRecord(kind="filed", by="ann", at=world.now, reference="REF", digest="sha256:second")
    world.give(c.RecordDuty(duty=duty, record=record, step=world.id("f")), by="ann")
    assert world.state("f") == "done"
    world.digests["n"] = "sha256:third"
    world.perform(render)
    assert world.at("s").id == "main:s#2"
    assert world.advance() == []


def test_the_same_bytes_rendered_again_change_nothing() -> None:
    world = World(notice("n"), roles=ROLES)
    render = world.claim()[0]
    world.perform(render)
    assert world.perform(render) == []


def test_an_approval_in_a_group_binds_a_step_outside_of_it() -> None:
    world = World(task("t"), group("g", approve("s", "t", "counsel")), roles=ROLES)
    world.done("t", by="eve")
    world.sign("g.s", "ann")
    assert world.states("g.s", "g") == ["done", "done"]


def test_a_shared_operating_system_user_is_recorded() -> None:
    world = signing()
    digest = world.at("t").digest
    for person in ("ann", "cid"):
        decision = c.Decide(step="main:s#1", digest=digest, approved=True)
        world.give(decision, by=Principal(person=person, os_user="root", proven_by="key"))
    assert {a.os_user for a in world.approvals("s")} == {"root"}


@pytest.mark.parametrize("paused", [False, True])
def test_approvals_during_a_pause_count_after_the_resume(paused: bool) -> None:
    world = signing(1)
    if paused:
        world.give(c.Pause(reason="wait"))
    world.sign("s", "ann")
    assert world.state("s") == ("ready" if paused else "done")
    if paused:
        world.give(c.Resume())
    assert world.state("s") == "done"


# ------------------------------------------------------------------------------------------- overdue approvals


def overdue(
    stand_ins: dict[str, str], roles: str = "counsel", distinct: int = 1, *, every: bool = False
) -> World:
    """An approval that is overdue, after its reminder; ``stand_ins`` is person to deputy."""
    rule = OnOverdue(escalate="deputies")
    step = approve("s", "t", roles, distinct, every=every, after="t", due=Due(offset=HOUR), on_overdue=rule)
    world = World(task("t"), step, roles=ROLES, stand_ins=stand_ins)
    world.done("t", by="eve")
    world.advance(HOUR + MINUTE)
    world.work()
    return world


def test_a_deputy_of_a_role_can_approve_an_overdue_approval_and_the_journal_says_why() -> None:
    world = overdue({"ann": "amy", "bob": "ben"})
    (named,) = world.said(e.DeputiesNamed)
    assert {one.person: one.roles for one in named.deputies} == {"amy": ("counsel",), "ben": ("counsel",)}
    world.sign("s", "amy")
    assert world.state("s") == "done_late"
    assert world.approvals("s")[0].roles == ("counsel",)
    assert world.replayed() == world.incident


def test_a_deputy_cannot_approve_before_the_approval_is_overdue() -> None:
    world = signing(1, "counsel")
    world.stand_ins = {"ann": "amy"}
    world.work()
    with refused("role", Refused):
        world.sign("s", "amy")


def test_an_escalation_gives_no_other_role_the_right_to_approve() -> None:
    """An older playbook escalates to a role; the role is alerted and cannot approve."""
    rule = OnOverdue(escalate="board")
    step = approve("s", "t", "counsel", after="t", due=Due(offset=HOUR), on_overdue=rule)
    world = World(task("t"), step, roles=ROLES)
    world.done("t", by="eve")
    world.advance(HOUR)
    world.work()
    assert world.at("s").escalated_to == "board"
    with refused("role", Refused):
        world.sign("s", "dee")


def test_an_approval_of_the_past_by_the_escalation_role_stays_valid() -> None:
    world = signing(2, due=Due(offset=HOUR))
    world.sign("s", "ann")
    digest = world.at("t").digest
    old = e.ApprovalGiven(step="main:s#1", by="dee", role="board", digest=digest, roles=("board",))
    world.journal.append(e.Recorded(len(world.journal) + 1, world.now, old))
    world.incident = world.replayed()
    world.advance()
    assert world.state("s") == "done"


def test_a_deputy_who_wrote_the_text_cannot_approve_it() -> None:
    world = overdue({"ann": "eve"})
    with refused("author", Refused):
        world.sign("s", "eve")


def test_a_deputy_who_has_another_role_of_the_quorum_counts_once() -> None:
    world = overdue({"ann": "cid", "bob": "cid"}, "counsel lead", 2, every=True)
    world.sign("s", "cid")
    assert world.state("s") == "ready"
    world.sign("s", "bob")
    assert world.state("s") == "done_late"


def test_an_approval_without_a_deputy_says_so() -> None:
    world = overdue({}, "counsel lead")
    assert world.said(e.DeputiesNamed)[-1].without_deputy == ("counsel", "lead")
    assert world.at("s").told == 1


def test_deputies_are_named_again_only_if_they_changed() -> None:
    rule = OnOverdue(escalate="deputies", remind=HOUR, times=3)
    step = approve("s", "t", "counsel", after="t", due=Due(offset=HOUR), on_overdue=rule)
    world = World(task("t"), step, roles=ROLES)
    world.done("t", by="eve")
    world.advance(HOUR)
    world.work()
    world.advance(HOUR)
    world.work()
    assert len(world.said(e.DeputiesNamed)) == 1
    world.stand_ins = {"ann": "amy"}
    world.advance(2 * HOUR)
    world.work()
    assert [one.without_deputy for one in world.said(e.DeputiesNamed)] == [("counsel",), ()]
    world.sign("s", "amy")
    assert world.state("s") == "done_late"
