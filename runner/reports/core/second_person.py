"""Acts that need two people, as data and in words: who asked, who can confirm, and acts of one person alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from runner.actions import Action, assign_role
from runner.base.text import cut
from runner.decoding import from_json
from runner.facts.vocabulary.register import value_words
from runner.incident.law.decision_not_to_notify import NONE
from runner.incident.law.moved_deadlines import SHOWN, moves_words
from runner.incident.state.incident import Incident
from runner.incident.state.second_person import ClockMove, TwoPeople, TwoPersonAct
from runner.law.duty import Evidence
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.formatting import count, here, person_name
from runner.reports.core.page import Block, line
from runner.reports.core.report import filled


class TwoPersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """One act that needs two people."""

    entry: int
    kind: str
    """``close``, ``cancel``, ``decide`` or ``move_clock``."""
    by: str
    at: datetime
    state: str
    """``awaiting``: nothing has changed yet; ``confirmed``; or ``alone``, if the settings name no second person."""
    roles: tuple[str, ...]
    """The second person has one of these."""
    second: str
    confirmed_at: datetime | None
    one_user: bool
    """The same operating-system user acted for both."""
    alone: str
    reason: str
    duty: str
    left_open: tuple[str, ...]
    moves: tuple[ClockMove, ...]
    text: str
    confirmers: tuple[str, ...] = ()
    """The people who can confirm it now."""


def two_person_rows(incident: Incident) -> tuple[TwoPersonRow, ...]:
    """Return all acts that need two people, oldest first."""
    return tuple(
        filled(
            TwoPersonRow,
            people.act,
            people,
            left_open=tuple(people.act.left_open),
            text=act_words(people.act),
            confirmers=confirmers(incident, people),
        )
        for people in incident.second_person.values()
    )


def act_words(act: TwoPersonAct) -> str:
    """Return an act in words, without its reason."""
    match act.kind:
        case "close":
            told = [*act.left_open.items(), *list(act.doubts.items())[:SHOWN]]
            duties = "; ".join(f"{duty}: {why}" for duty, why in told)
            duties += "; and others" if len(act.doubts) > SHOWN else ""
            return f"close the incident with duties open ({duties})"
        case "cancel":
            few = ", ".join(list(act.left_open)[:SHOWN]) + (
                " and others" if len(act.left_open) > SHOWN else ""
            )
            return f"cancel the incident with {count(len(act.left_open), 'undetermined duty', 'undetermined duties')} ({few})"
        case "decide" if act.facts:
            said = (f"{fact.key} ({from_json(fact.value)})" for fact in act.facts)
            return f"record a position of counsel: {', '.join(said)}"
        case "decide":
            record = act.record
            if record is not None and record.kind == "no_correction":
                return f"leave {', '.join(record.facts)} as filed for {act.duty}"
            what = "waive" if record is not None and record.kind == "waived" else "decide not to notify under"
            ground = ground_words(record.ground, record.evidence) if record is not None else ""
            return f"{what} {act.duty}{ground}"
        case "move_clock":
            facts = ", ".join(f"{one.key}={cut(value_words(from_json(one.value)), 40)}" for one in act.facts)
            return f"set {facts}: {moves_words(act.moves, here())}"


def ground_words(ground: str, evidence: Evidence = "open") -> str:
    """Return the ground of a decision not to notify, as the end of a sentence."""
    if ground == NONE:
        return ", AGAINST THE LEGAL RESULT: no exemption of the statute"
    against = " although the facts contradict it" if evidence == "against" else ""
    return f", exemption {ground}{against}" if ground else ""


def confirmers(incident: Incident, one: TwoPeople) -> tuple[str, ...]:
    """Return the people who can confirm an act, by name."""
    return tuple(
        sorted({who for role in one.act.roles for who in incident.roles.get(role, ())} - {one.act.by})
    )


def confirmation(incident: Incident, one: TwoPeople) -> Action:
    """Return the action that confirms an act, by the first person who can."""
    return suggested_actions.confirm(one.entry, *confirmers(incident, one)[:1])


def who_words(incident: Incident, one: TwoPeople) -> str:
    """Return who can confirm an act: names, or the roles that nobody else has."""
    return ", ".join(map(person_name, confirmers(incident, one))) or " or ".join(one.act.roles)


def awaited_words(incident: Incident, one: TwoPeople) -> str:
    """Return an act that awaits confirmation, and who can confirm."""
    able = confirmers(incident, one)
    roles = " or ".join(one.act.roles)
    who = f"{', '.join(able)} ({roles})" if able else f"{roles} (nobody else has this role)"
    why = f": {one.act.reason}" if one.act.reason else ""
    return f"{one.act.by} wants to {act_words(one.act)}{why}. Does not count before confirmation by {who}"


def awaiting(incident: Incident) -> Iterator[AttentionItem]:
    """Yield the acts that await confirmation, each with the command for it."""
    for people in incident.second_person.values():
        if people.state == "awaiting":
            able = confirmers(incident, people)
            yield AttentionItem(
                kind="second_person",
                ref=str(people.entry),
                since=people.at,
                text=awaited_words(incident, people),
                action=confirmation(incident, people)
                if able
                else assign_role(people.act.roles[0], also=True),
            )


def alone_words(incident: Incident) -> str:
    """Return the acts of one person alone that need two, for the top of every page; empty if none."""
    peoples = [people for people in incident.second_person.values() if people.state == "alone"]
    if not peoples:
        return ""
    acts = (f"{one.act.by}, entry {one.entry}: {one.act.kind.replace('_', ' ')}" for one in peoples)
    return f"NO SECOND PERSON ({peoples[-1].act.alone}): {'; '.join(acts)}"


def two_person_blocks(rows: Sequence[TwoPersonRow]) -> Iterator[Block]:
    """Draw the confirmed acts for which one operating-system user acted for both people."""
    for one in rows:
        if one.one_user:
            both = f"the same operating-system user acted for {one.by} and {one.second}"
            yield line(f"Entry {one.entry}: {both}: {one.text}", "alarm", hang=2)
