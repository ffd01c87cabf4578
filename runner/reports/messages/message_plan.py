"""Message plan: recipients and channels, before a message is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import msgspec

from runner.base.states import Kind, Refusal
from runner.reports.core.formatting import count, mask_contact
from runner.reports.core.header import marked
from runner.reports.core.page import Blank, Block, Cell, Cells, Table, line, paged, table
from runner.reports.core.report import Report, filled
from runner.routing.messaging import DeliveryPlan


class PlannedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A planned message: the title of its step, and a plan for each person."""

    step: str
    title: str
    message_class: str
    plans: tuple[DeliveryPlan, ...]
    unheld: tuple[str, ...] = ()
    """Roles among its recipients that nobody has."""


class NotAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A role that the plan does not ask, and why: the profile leaves it out, or nobody has it."""

    role: str
    title: str = ""
    people: tuple[str, ...] = ()
    """Who has the role here."""
    why: Literal["small", "large", "nobody"]
    steps: tuple[str, ...] = ()
    """Titles of the steps that the profile leaves out."""
    messages: tuple[str, ...] = ()


class PlannedWay(msgspec.Struct, frozen=True, kw_only=True):
    """One channel that a plan uses, in order; the address is masked."""

    channel: str
    address: str
    after_seconds: int


class PlannedRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """One person's plan."""

    step: str
    """The message's name in its playbook."""
    title: str
    message_class: str
    recipient: str
    channels: tuple[PlannedWay, ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[Refusal, ...]
    overridden: tuple[Refusal, ...] = ()


class PlanReport(Report, frozen=True, kw_only=True, tag="tocsin/message-plan/v1"):
    """Recipients, channels and blocked channels, before a message is sent."""

    incident: str
    codename: str
    kind: Kind
    plan: tuple[PlannedRecipient, ...]
    sent: int = 0
    """Attempts so far: the plan shows how each message would be sent now."""
    not_asked: tuple[NotAsked, ...] = ()


def plan_report(
    incident: str,
    codename: str,
    kind: Kind,
    planned: Sequence[PlannedMessage],
    sent: int = 0,
    left_out: Sequence[NotAsked] = (),
) -> PlanReport:
    """Return a plan for reading: addresses masked, one entry for each person and message.

    ``left_out`` are the roles that the profile does not ask.
    """
    nobody: dict[str, dict[str, None]] = {}
    for message in planned:
        for role in message.unheld:
            nobody.setdefault(role, {})[message.step or message.message_class] = None
    return PlanReport(
        incident=incident,
        codename=codename,
        kind=kind,
        plan=tuple(_recipient(message, plan) for message in planned for plan in message.plans),
        sent=sent,
        not_asked=(
            *left_out,
            *(NotAsked(role=role, why="nobody", messages=tuple(found)) for role, found in nobody.items()),
        ),
    )


def _recipient(message: PlannedMessage, plan: DeliveryPlan) -> PlannedRecipient:
    return filled(
        PlannedRecipient,
        message,
        recipient=plan.person,
        channels=tuple(
            PlannedWay(
                channel=step.channel,
                address=mask_contact(step.contact) if step.contact else "",
                after_seconds=int(step.after.total_seconds()),
            )
            for step in plan.steps
        ),
        refusals=plan.refusals,
        warnings=tuple(Refusal(channel="", rule=w.rule, why=w.why) for w in plan.warnings),
        overridden=plan.overridden,
    )


@paged
def plan_page(report: PlanReport, settings: str = "") -> Iterator[Block]:
    """Draw a plan: for each message and person the channels in order, and the blocked channels with their rule.

    ``settings`` is the settings file, named if a person has no usable contact.
    """
    yield from marked(report.kind)
    yield line("MESSAGE PLAN (not sent)", "title")
    last = ""
    for _, same in groupby(report.plan, key=_reasons):
        first, *others = same
        if first.title != last:
            yield Blank()
            yield line(f"{first.title} ({first.message_class})", "title")
            last = first.title
        yield _planned(first, ", ".join(one.recipient for one in (first, *others)))
    if not report.plan:
        yield line("No message to send now", "dim")
    unreachable = [recipient.recipient for recipient in report.plan if not recipient.channels]
    if unreachable:
        people = ", ".join(dict.fromkeys(unreachable))
        yield Blank()
        yield line(f"No channel can reach {people}. Call now.", "alarm", hang=2)
        if settings:
            missing = "To change this, add a permitted channel and the contacts"
            yield line(f"{missing} to {settings}. Then run: tocsin doctor", "dim", hang=2)
    if report.not_asked:
        yield Blank()
        yield line(f"NOT ASKED ({count(len(report.not_asked), 'role')})", "title")
        for one in report.not_asked:
            yield line(not_asked_words(one), "warn", indent=2, hang=2)


def not_asked_words(one: NotAsked) -> str:
    """Return a role with its people, why nobody asks them, and what they miss."""
    name = f"{one.role} ({one.title})" if one.title else one.role
    if one.why == "nobody":
        return f"{name}: nobody has this role. It does not receive: {', '.join(one.messages)}"
    missed = [*(f"task {title}" for title in one.steps), *(f"message {name}" for name in one.messages)]
    return f"{name}, {', '.join(one.people)}: the {one.why} profile leaves out {'; '.join(missed)}"


def _reasons(one: PlannedRecipient) -> tuple[object, ...]:
    """Return the key of people shown together: no channel reaches them, for the same reasons."""
    apart = one.recipient if one.channels else ""
    return one.title, apart, one.refusals, one.warnings, one.overridden


def _planned(one: PlannedRecipient, names: str) -> Table:
    rows: list[Cells] = []
    for n, way in enumerate(one.channels, start=1):
        after = f"after {way.after_seconds // 60} min" if way.after_seconds else "at once"
        who = names if n == 1 else ""
        rows.append((who, f"{n}.", way.channel, Cell(f"{after}  {way.address}".strip(), "good")))
    for refusal in one.refusals:
        who = "" if rows else names
        why = f"blocked ({refusal.rule}): {refusal.why}"
        rows.append((who, "–", Cell(refusal.channel, "dim"), Cell(why, "warn")))
    for warning in one.warnings:
        rows.append(("", "!", "", Cell(f"{warning.why} ({warning.rule})", "warn")))
    return table(rows or [(names, "–", "", Cell("no channel", "alarm"))], 3)
