"""The readiness of an organisation: exercises of each playbook, tested contact methods of people, and action items.

Test runs (kind ``test``) do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from runner.actions import Action, Slot, assign_role
from runner.incident.exercises.ratings import SCRIPTED
from runner.reports.core.attention_item import AttentionItem, AttentionKind
from runner.reports.core.formatting import age, count, day
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, do, flow, line, paged, table
from runner.reports.core.report import Report
from runner.reports.messages.communications_check import STALE
from runner.reports.people.unassigned_roles import UnheldRole, unheld_words


class Exercised(msgspec.Struct, frozen=True, kw_only=True):
    """The last ended exercise of a playbook; ``at`` is StartEx in real time."""

    incident: str
    codename: str
    exercise: str
    at: datetime
    version: str
    digest: str
    """The digest of the exercised playbook."""
    ratings: dict[str, str]
    """Objective → rating; empty without a rating of an evaluator."""


class PlaybookReadiness(msgspec.Struct, frozen=True, kw_only=True):
    """One playbook in the catalogue."""

    playbook: str
    version: str
    digest: str
    own: bool
    """Whether the playbook is in the home folder."""
    part_of: tuple[str, ...]
    """Playbooks that run it as a step."""
    exercised: Exercised | None
    changed: bool
    """Whether the playbook differs from the last exercised version."""
    next: datetime | None
    """The time of the next scheduled exercise; None also for unannounced exercises."""
    scheduled: tuple[str, ...]
    scripted: tuple[str, ...]
    """Scheduled runs without people: they are not rated and do not count."""
    missed: tuple[str, ...]
    """Missed runs without acknowledgement."""
    open: tuple[str, ...]
    """Action items by id: open, and overdue (also open)."""
    late: tuple[str, ...]
    problem: str = ""
    """The reason if the playbook cannot be opened."""


class PersonReadiness(msgspec.Struct, frozen=True, kw_only=True):
    """One person, with the last successful channel test."""

    person: str
    roles: tuple[str, ...]
    ways: int
    worked_at: datetime | None
    problem: str
    """The reason if the person may not be reachable; empty after a recent success."""


class ItemCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The number of action items of the organisation, by status."""

    open: int
    late: int
    done: int
    dropped: int


class ReadinessReport(Report, frozen=True, kw_only=True, tag="tocsin/readiness/v1"):
    """The readiness as of now; with ``needs_attention``, ``--check`` exits with 4."""

    as_of: datetime
    playbooks: tuple[PlaybookReadiness, ...]
    people: tuple[PersonReadiness, ...]
    without_alternate: tuple[str, ...]
    """Roles of one person without a deputy."""
    improvements: ItemCounts
    unheld: tuple[UnheldRole, ...]
    """Playbook roles without a person."""
    needs_attention: tuple[AttentionItem, ...]


def person_problem(ways: int, worked: datetime | None, failed: bool, now: datetime) -> str:
    """Return the reason if a person may not be reachable; ``failed``: the last test of every contact method failed."""
    if not ways:
        return "no usable contact method"
    if worked is None:
        return "all channel tests failed" if failed else "no contact method tested"
    if failed:
        return f"last channel test failed, last success {age(worked, now)}"
    return f"last success {age(worked, now)}: test again" if now - worked > STALE else ""


def wanting(
    playbooks: Sequence[PlaybookReadiness],
    people: Sequence[PersonReadiness],
    alone: Sequence[str],
    unheld: Sequence[UnheldRole],
) -> Iterator[AttentionItem]:
    """Yield the required actions: changed or unexercised playbooks, unreachable people, roles without a person or deputy.

    A role counts only if an own, exercised or scheduled playbook has this role.
    """
    for playbook in playbooks:
        if playbook.changed and playbook.exercised is not None:
            text = (
                f"{playbook.playbook} {playbook.version} changed after exercise {playbook.exercised.codename}"
            )
            yield _entry(
                "playbook_changed", playbook.playbook, text, Action("drill.run", playbook.exercised.exercise)
            )
        elif playbook.own and playbook.exercised is None and not playbook.part_of and not playbook.scheduled:
            text = f"{playbook.playbook} has no completed or scheduled exercise"
            yield _entry("playbook_unexercised", playbook.playbook, text, Action("drill.list"))
    for person in people:
        if person.problem and person.roles:
            text = f"{person.person} ({', '.join(person.roles)}): {person.problem}"
            action = Action("channel.check", args={"to": person.person})
            if not person.ways:
                action = Action("person.add", person.person, {"contact": Slot("CHANNEL=ADDRESS")})
            yield _entry("person_unreached", person.person, text, action)
    if alone:
        text = f"{', '.join(alone)}: one person, no deputy. Add alternates in tocsin.yaml"
        yield _entry("alternate_missing", alone[0], text, Action("role.list"))
    used = {one.playbook for one in playbooks if one.own or one.exercised or one.scheduled}
    for role in unheld:
        if not used.intersection(role.playbooks):
            continue
        action = assign_role(role.role, always=True)
        yield _entry("role_unheld", role.role, f"No person has {unheld_words(role)}", action)


def unregistered_senders(senders: Mapping[str, Sequence[str]]) -> Iterator[AttentionItem]:
    """Yield the channels for text messages without a registration, each with the countries that want one (R42, R43)."""
    for channel, countries in senders.items():
        text = f"{channel}: no registration of the sender is recorded ({', '.join(countries)}). It takes weeks. Then set registered in tocsin.yaml"
        yield _entry("sender_unregistered", channel, text, Action("home.doctor"))


def _entry(kind: AttentionKind, ref: str, text: str, action: Action) -> AttentionItem:
    return AttentionItem(kind=kind, severity="low", ref=ref, text=text, action=action)


# --------------------------------------------------------------------------------------------------- the page


@paged
def readiness_page(report: ReadinessReport) -> Iterator[Block]:
    """Draw playbooks, people, action items and required actions."""
    playbooks = [playbook for playbook in report.playbooks if _is_told(playbook)]
    never = [one.playbook for one in report.playbooks if one not in playbooks and not one.part_of]
    yield line("PLAYBOOKS", "title")
    if playbooks:
        yield table((_row(playbook, report.as_of) for playbook in playbooks), 2)
    if never:
        yield line(f"NO EXERCISE YET: {', '.join(never)}", "dim", indent=2, hang=2)
    yield from _people(report)
    items = report.improvements
    words = _counted(items.open, items.late) or "none open"
    yield Blank()
    yield flow(Cell("ACTION ITEMS  ", "title"), Cell(words, "alarm" if items.late else "plain"))
    if report.needs_attention:
        yield Blank()
        yield line(f"ACTION REQUIRED ({len(report.needs_attention)})", "title")
    for item in report.needs_attention:
        yield line(item.text, indent=1, hang=2)
        yield do(item.action, indent=3)


def _is_told(one: PlaybookReadiness) -> bool:
    """Return whether the playbook has more information than its name."""
    return bool(one.exercised or one.own or one.scheduled or one.scripted or one.open or one.problem)


def _row(one: PlaybookReadiness, now: datetime) -> Cells:
    words, tone = _exercised(one, now)
    more = (
        f"next {day(one.next.date())}" if one.next is not None else "scheduled" if one.scheduled else "",
        f"{', '.join(one.scripted)}: {SCRIPTED}" if one.scripted else "",
        f"missed {len(one.missed)}" if one.missed else "",
        _counted(len(one.open), len(one.late)),
        one.problem,
    )
    return (
        f"{one.playbook} {one.version}",
        Cell(words, tone),
        Cell("; ".join(part for part in more if part), "alarm" if one.missed or one.late else "dim"),
    )


def _exercised(one: PlaybookReadiness, now: datetime) -> tuple[str, Tone]:
    found = one.exercised
    if found is None:
        return "part of others" if one.part_of else "no exercise yet", "dim" if one.part_of else "warn"
    rated = ", ".join(f"{name} {rating or 'not rated'}" for name, rating in found.ratings.items())
    words = f"{age(found.at, now)} in {found.codename}: {rated}"
    if one.changed:
        return f"{words}; changed after the exercise", "warn"
    return words, "good" if set(found.ratings.values()) <= {"P", "S"} else "warn"


def _counted(open_: int, late: int) -> str:
    parts = (
        f"{count(open_, 'item')} open" if open_ else "",
        f"{late} overdue" if late else "",
    )
    return ", ".join(part for part in parts if part)


def _people(report: ReadinessReport) -> Iterator[Block]:
    yield Blank()
    yield line("PEOPLE", "title")
    rows: list[Cells] = []
    for person in report.people:
        reached = Cell(person.problem, "alarm" if person.roles else "warn")
        if not person.problem and person.worked_at is not None:
            reached = Cell(f"last success {age(person.worked_at, report.as_of)}", "good")
        rows.append((person.person, Cell(", ".join(person.roles), "dim"), reached))
    yield table(rows, 2) if rows else line("No people in the contact list", "warn", indent=2)
    if report.without_alternate:
        words = f"NO DEPUTY: {', '.join(report.without_alternate)}"
        yield line(words, "warn", indent=2, hang=2)
    for role in report.unheld:
        yield line(f"NO PERSON: {unheld_words(role)}", "warn", indent=2, hang=2)
