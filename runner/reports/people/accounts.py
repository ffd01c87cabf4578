"""Accounts as a list: who may log in, since when, and what is left of their factors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from runner.incident.people.account_journal import State
from runner.reports.core.formatting import count, moment
from runner.reports.core.page import Block, Cell, Tone, flow, line, paged
from runner.reports.core.report import Report

_WORDS: dict[State, tuple[str, Tone]] = {
    "invited": ("invited, cannot log in yet", "warn"),
    "active": ("can log in", "good"),
    "disabled": ("disabled", "alarm"),
}
FEW = 3
"""Recovery codes below which the list says that new ones are needed."""


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account; ``sessions`` are those that have not ended."""

    person: str
    state: State
    since: datetime
    by: str
    reason: str = ""
    passkeys: int = 0
    recovery_codes: int = 0
    sessions: int = 0


class AccountsReport(Report, frozen=True, kw_only=True, tag="tocsin/accounts/v1"):
    """All accounts; ``require_proof`` are the acts that need a proven name now."""

    accounts: tuple[AccountRow, ...]
    require_proof: tuple[str, ...] = ()


@paged
def accounts_page(report: AccountsReport) -> Iterator[Block]:
    """Draw the list."""
    for one in report.accounts:
        words, tone = _WORDS[one.state]
        reason = f": {one.reason}" if one.reason else ""
        yield flow(
            Cell(one.person, "title"),
            "  ",
            Cell(f"{words}{reason}", tone),
            Cell(f"  since {moment(one.since)}, by {one.by}", "dim"),
            hang=2,
        )
        if one.state == "active":
            codes = Cell(
                count(one.recovery_codes, "recovery code"), "warn" if one.recovery_codes < FEW else "plain"
            )
            rest = f" · {count(one.passkeys, 'passkey')} · {count(one.sessions, 'session')}"
            yield flow("password and app · ", codes, rest, indent=2)
    if not report.accounts:
        yield line("Nobody has an account: every name is a claim → tocsin account invite PERSON", "warn")
    elif report.require_proof:
        yield line(f"A login is needed for: {', '.join(report.require_proof)}", "dim")
