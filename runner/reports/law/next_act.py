"""The one next act for each legal duty: what is done, who can do it, and what blocks it. All screens and JSON show this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from runner.actions import REASON, Action, Argument
from runner.incident.law.duties import BINDING, signed_at
from runner.incident.law.filed import corrected_by, filed_texts
from runner.incident.notices.staleness import ChangedFact, changes, not_passed, recorded_as
from runner.incident.notices.verification import current_texts, is_contradiction, open_items
from runner.incident.state.documents import answerable
from runner.incident.state.incident import Document, Incident
from runner.incident.state.library import Library
from runner.incident.steps.approvals import approvals_of
from runner.law.duty import CLAIMED_BY, Act, DutyStatus, NextAct
from runner.playbook.format import CONTAINERS, PEOPLE
from runner.reports.core import suggested_actions
from runner.reports.core.do_now import must_begin
from runner.reports.core.formatting import count, moment, person_names
from runner.reports.core.second_person import confirmation, who_words
from runner.reports.core.task_rows import TaskRow, asking, handle, named, task_rows
from runner.reports.law.duty_rows import DONE, deadline_line, next_fact

OFFICERS = ("dpo", "counsel", "commander")
"""The roles that write and file notices: the people of the first one that somebody has."""


_RECORDS: Mapping[str, str] = {"waived": "a waiver", "no_correction": "a decision not to correct"}


class Awaited(NamedTuple):
    """An act about a duty that a second person must confirm."""

    action: Action
    what: str
    who: str
    ends: bool
    """The duty is done with it; otherwise it has a later deadline."""

    @property
    def words(self) -> str:
        """What waits, and for whom."""
        return f"{self.what} awaits {self.who}"


def awaited(incident: Incident) -> dict[str, Awaited]:
    """Return by duty the end, later deadline or decision that awaits a second person."""
    found: dict[str, Awaited] = {}
    for people in incident.second_person.values():
        act, who = people.act, who_words(incident, people)
        if people.state != "awaiting":
            continue
        for one in act.moves:
            if one.later:
                later = f" ({moment(one.new)})" if one.new else ""
                what = "its end" if one.ends else f"a later deadline{later}"
                found[one.duty] = Awaited(confirmation(incident, people), what, who, ends=one.ends)
        if act.record is not None:
            what = _RECORDS.get(act.record.kind, "a decision not to notify")
            found[act.duty] = Awaited(confirmation(incident, people), what, who, ends=True)
    return found


def act_words(found: NextAct | None) -> str:
    """Return a next act for a table: ``approve · Jonas Jansen``; empty if nothing is to do."""
    if found is None or found.act == "done":
        return ""
    after = f": {found.blocked_by}" if found.blocked_by else f" · {found.who}" if found.who else ""
    return f"{found.act}{after}"


def lane_act(row: TaskRow, duties: Iterable[DutyStatus]) -> tuple[str, str, Action]:
    """Return who does a task, its progress, and its action: for an approval or a filing the next act of its duty.

    Their own command is refused while the text has gaps, or items that nobody verified.
    """
    duty = next((one for one in duties if one.id in (row.item, row.duty)), None)
    act = duty.next if duty is not None else None
    if act is None or act.action is None or row.kind not in ("approve", "file"):
        return row.who, row.progress, suggested_actions.row_step(row)
    same = act.act == row.kind and not act.blocked_by
    return act.who or row.who, row.progress if same else act_words(act), act.action


def with_next(
    incident: Incident, library: Library, duties: Sequence[DutyStatus], now: datetime
) -> tuple[DutyStatus, ...]:
    """Return the duties; each that is done, or that applies or may apply in sight, has its next act."""
    rows = [row for row in task_rows(incident, library) if row.invocation and not row.over]
    rows = [row for row in rows if not row.superseded]
    texts = {text.duty: text for text in current_texts(incident) if text.duty}
    changed = changes(incident, texts.values())
    about = _About(incident, library, now, rows, texts, changed, awaited(incident))
    return tuple(
        msgspec.structs.replace(duty, next=about.act(duty))
        if duty.state in DONE or (duty.verdict in BINDING and duty.in_sight)
        else duty
        for duty in duties
    )


class _About(NamedTuple):
    """What the next acts are read from: open tasks, texts by duty, and acts that await a second person."""

    incident: Incident
    library: Library
    now: datetime
    rows: Sequence[TaskRow]
    texts: Mapping[str, Document]
    changed: Mapping[str, Sequence[ChangedFact]]
    awaited: Mapping[str, Awaited]

    def act(self, duty: DutyStatus) -> NextAct:
        waits = self.awaited.get(duty.id)
        if waits is not None and waits.ends:
            return NextAct(act="decide", who=waits.who, blocked_by=waits.words, action=waits.action)
        if duty.state in DONE:
            return self._done(duty)
        text = self.texts.get(duty.id)
        if self.incident.state not in ("open", "paused"):  # only filings and facts are recorded there
            return self._question(duty, None) or self._file(duty)
        if text is not None and signed_at(self.incident, text) is not None:
            stale = not_passed(self.incident, text, self.changed[text.id])
            return (
                self._by_officers("generate", Action("notice.render", duty.id)) if stale else self._file(duty)
            )
        found = self._question(duty, text) or self._paper(duty, text)
        if duty.due_kind != "waits_for_event" or found.act != "generate":
            return found
        starts = deadline_line(duty, self.now)
        return msgspec.structs.replace(found, blocked_by=f"{starts[:1].lower()}{starts[1:]}")

    def _done(self, duty: DutyStatus) -> NextAct:
        """A record is the end of a duty, until its day to look again, or until a fact differs from the filed text."""
        again = duty.record.look_again if duty.record is not None else None
        if duty.state == "decided_not_to_notify" and again is not None and again <= self.now.date():
            return self._decide(duty)
        if not duty.differs:
            return NextAct(act="done")
        paper = corrected_by(self.incident, duty.id, self.library)
        text, keys = self.texts.get(paper), sorted(self.incident.facts)
        if text is not None and text.digest not in filed_texts(self.incident):
            read = {key for path in text.facts for key in recorded_as(path.removesuffix("[]"), keys)}
            stale = not_passed(self.incident, text, self.changed[text.id])
            if not stale and read.issuperset(one.fact for one in duty.differs):
                about = msgspec.structs.replace(duty, id=paper)
                return (
                    self._paper(about, text) if signed_at(self.incident, text) is None else self._file(about)
                )
        return self._by_officers("correct", Action("notice.render", paper))

    def _question(self, duty: DutyStatus, text: Document | None) -> NextAct | None:
        """Return the question that decides a duty, or the decision if its facts support an exemption.

        An exemption waits for nobody once the text is final, or once the work must begin.
        """
        if duty.state == "claimed":
            return None
        if any(one.met for one in duty.unless):
            return self._decide(duty)
        fact = next_fact(duty)
        if not fact:
            return self._decide(duty) if duty.verdict == "unknown" else None
        drafted = text is not None and text.status == "final"
        if duty.verdict == "applies" and (drafted or must_begin(duty, self.now)):
            return None
        return self._answer("answer", fact)

    def _answer(self, act: Literal["answer", "complete"], fact: str) -> NextAct:
        row = asking(fact, self.rows)
        action = suggested_actions.answer(fact, row, self.incident.facts.get(fact))
        return NextAct(act=act, who=row.who if row is not None else "", action=action)

    def _paper(self, duty: DutyStatus, text: Document | None) -> NextAct:
        """Return the next act for a duty whose text is not approved."""
        first = self._first(duty)
        if duty.state == "claimed" or (first is not None and first.kind == "file"):
            return self._file(duty)
        if first is not None and first.kind not in ("notice", "approve"):
            waits = first.kind == "wait"  # the draft can be completed meanwhile
            if waits and text is not None and (gap := self._gap(text)) is not None:
                return gap
            who = first.who or (self._officers() if waits else "")
            blocked, action = first.title if waits else first.stuck, suggested_actions.row_step(first)
            return NextAct(act="complete", who=who, blocked_by=blocked, action=action)
        if text is None and first is not None and first.kind == "approve":
            return self._approval(first)
        if text is None:
            return self._by_officers("generate", Action("notice.render", duty.id))
        if (gap := self._gap(text)) is not None:
            return gap
        if not_passed(self.incident, text, self.changed[text.id]):
            return self._by_officers("generate", Action("notice.render", duty.id))
        asked = approvals_of(self.incident, text)
        row = next((row for row in self.rows if row.invocation in asked), None)
        if row is None:  # nobody is asked to approve it
            return self._file(duty)
        items = open_items(self.incident, text) if row.state != "waiting" else ()
        if not items:
            return self._approval(row)
        words = f"{count(len(items), 'item')} to verify"
        why: dict[str, Argument] = {"reason": REASON} if any(map(is_contradiction, items)) else {}
        action = Action("notice.tick", handle(self.incident, text.step), why)
        return NextAct(act="approve", who=person_names(row.approvers), blocked_by=words, action=action)

    def _first(self, duty: DutyStatus) -> TaskRow | None:
        """Return the first open task of the lane of a duty, tasks of people first; the number orders tasks."""
        own = [row for row in self.rows if duty.id in (row.item, row.duty) and row.kind not in CONTAINERS]
        live = [row for row in own if row.state in ("ready", "active")]
        people = [row for row in live if row.kind in PEOPLE]
        return min(people or live, default=None, key=lambda row: row.row)

    def _gap(self, text: Document) -> NextAct | None:
        """Return the act that completes a draft; None if it is final, or if all that it lacks was recorded since."""
        changed = {one.fact for one in self.changed[text.id] if one.after is not None}
        gaps = [gap.partition(": ") for gap in text.gaps] if text.status == "draft" else []
        missing = [path for path in answerable(text.gaps) if gaps and path not in changed]
        if missing:
            found = self._answer("complete", missing[0].removesuffix("[]"))
            return found if found.who else msgspec.structs.replace(found, who=self._officers())
        wrong = any(kind == "uncovered" for kind, _, _ in gaps) and not changed
        return (
            self._by_officers("complete", Action("notice.show", handle(self.incident, text.step)))
            if wrong
            else None
        )

    def _approval(self, row: TaskRow) -> NextAct:
        """Return an approval: who can still give it, and what it waits for."""
        if row.stuck:
            again = suggested_actions.retry_step(row.state, row.command_name)
            return NextAct(act="approve", who=row.who, blocked_by=row.stuck, action=again)
        who = person_names(row.approvers)
        before = {one.step: named(one) for one in self.rows if one.item == row.item}
        waits = ", ".join(before.get(step, step) for step in row.waits_for) if row.state == "waiting" else ""
        nobody = f"nobody left with the role {' or '.join(row.lacking)}" if row.lacking else ""
        action = suggested_actions.row_step(row)
        return NextAct(act="approve", who=who, blocked_by=waits or nobody, action=action)

    def _file(self, duty: DutyStatus) -> NextAct:
        task = next((row for row in self.rows if row.kind == "file" and row.duty == duty.id), None)
        action = suggested_actions.record_filed(duty.id)
        if duty.state == "claimed":
            action = suggested_actions.confirm_sent(duty.id)
        elif duty.state == "overdue":
            action = suggested_actions.record_filed_late(duty.id)
        blocked = "law enforcement asked to delay the notice" if duty.state == "held" else ""
        if duty.not_before is not None and duty.not_before > self.now:
            blocked = f"not before {moment(duty.not_before)}"
        who = task.who if task is not None else self._officers()
        return NextAct(act="file", who=who, blocked_by=blocked, action=action)

    def _decide(self, duty: DutyStatus) -> NextAct:
        action = suggested_actions.decide_again(duty.id)
        people = (one for role in CLAIMED_BY for one in self.incident.roles.get(role, ()))
        return NextAct(act="decide", who=person_names(people), action=action)

    def _by_officers(self, act: Act, action: Action) -> NextAct:
        return NextAct(act=act, who=self._officers(), action=action)

    def _officers(self) -> str:
        held = (self.incident.roles.get(role, ()) for role in OFFICERS)
        return person_names(next(filter(None, held), ()))
