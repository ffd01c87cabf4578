"""The rules of messages as data and as text, and the rules that an approver overrode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from runner.incident.state.incident import Incident
from runner.reports.core.formatting import scope_words, when
from runner.reports.core.page import Blank, Block, Cell, Cells, flow, line, paged, table
from runner.reports.core.report import Report, filled
from runner.routing.rule_book import KeptBy, rule_book


class OverrideView(msgspec.Struct, frozen=True, kw_only=True):
    """One overridden rule; an empty field means all."""

    entry: int
    """Number of the entry; a correction of the entry ends the override."""
    rule: str
    by: str
    role: str
    at: datetime
    reason: str
    channel: str
    message_class: str
    person: str
    text: str
    domains: tuple[str, ...]


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """One rule with its source."""

    rule: str
    says: str
    kept_by: KeptBy
    source: str
    jurisdiction: str
    as_of: str
    confirmed: bool
    firm: bool


class RulesReport(Report, frozen=True, kw_only=True, tag="tocsin/message-rules/v1"):
    """Every rule of messages, and the overrides in the incident."""

    rules: tuple[RuleView, ...]
    overrides: tuple[OverrideView, ...]


def override_views(incident: Incident | None) -> tuple[OverrideView, ...]:
    """Return the rule overrides, oldest first."""
    found = incident.overrides.values() if incident is not None else ()
    return tuple(
        filled(OverrideView, override, entry=override.seq, domains=tuple(sorted(override.domains)))
        for override in found
    )


def rules_report(incident: Incident | None) -> RulesReport:
    """Return all rules."""
    return RulesReport(
        rules=tuple(filled(RuleView, one, rule=one.number) for one in rule_book().values()),
        overrides=override_views(incident),
    )


@paged
def rules_page(report: RulesReport, now: datetime) -> Iterator[Block]:
    """Draw the rules, each with its source and its confidence."""
    if report.overrides:
        yield from overrides_blocks(report.overrides, now)
        yield Blank()
    for rule in report.rules:
        firm = ", no override" if rule.firm else ""
        doubt = "" if rule.confirmed else " – RECALLED, not confirmed"
        ground = f"{rule.source} ({rule.jurisdiction}, as of {rule.as_of}){doubt}{firm}"
        yield flow(Cell(f"{rule.rule:<9}", "title"), rule.says, hang=9)
        yield line(ground, "dim", indent=9, hang=2)


def overrides_blocks(found: Sequence[OverrideView], now: datetime) -> tuple[Block, ...]:
    """Return the rule overrides as blocks; nothing without any."""
    if not found:
        return ()
    rows: list[Cells] = []
    for view in found:
        scope = scope_words(view.channel, view.message_class, view.person, view.text)
        who = f"{view.by}{f' ({view.role})' if view.role else ''}, {when(view.at, now)}"
        rows.append((Cell(view.rule, "alarm"), Cell(f"{scope}: {view.reason}", "warn"), Cell(who, "dim")))
    return (line("RULE OVERRIDES", "title"), table(rows, 1))
