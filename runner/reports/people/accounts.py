"""Accounts as a list: who may log in, since when, and what is left of their factors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from runner.incident.people.account_journal import BREAK_GLASS_LASTS, BreakGlass, State
from runner.reports.core.formatting import count, moment, screen_time
from runner.reports.core.page import Block, Cell, Tone, flow, line, paged
from runner.reports.core.report import Report

_WORDS: dict[State, tuple[str, Tone]] = {
    "invited": ("invited, cannot log in yet", "warn"),
    "active": ("can log in", "good"),
    "disabled": ("disabled", "alarm"),
    "reset": ("reset: no factors, needs an invitation", "warn"),
}
_SEALED = {
    "off": "off",
    "armed": "armed",
    "in use": "IN USE → tocsin account break-glass disarm --reason WHY",
    "spent": "used up → tocsin account break-glass arm",
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
    provider: bool = False
    """Whether it is bound to the login provider."""
    used: datetime | None = None
    """The last login whose session is still there."""


class AccountsReport(Report, frozen=True, kw_only=True, tag="tocsin/accounts/v1"):
    """All accounts; ``require_proof`` are the acts that need a proven name now."""

    accounts: tuple[AccountRow, ...]
    require_proof: tuple[str, ...] = ()
    break_glass: Literal["off", "armed", "in use", "spent"] = "off"
    break_glass_used: datetime | None = None
    break_glass_reason: str = ""
    break_glass_alarm: str = ""
    """How the alarm about its last use went."""


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
            if one.provider:
                rest += " · login provider"
            if one.used is not None:
                rest += f" · last login {moment(one.used)}"
            yield flow("password and app · ", codes, rest, indent=2)
    if not report.accounts:
        yield line("Nobody has an account: every name is a claim → tocsin account invite PERSON", "warn")
    elif report.require_proof:
        yield line(f"A login is needed for: {', '.join(report.require_proof)}", "dim")
    state: Tone = (
        "alarm" if report.break_glass == "in use" else "warn" if report.break_glass == "spent" else "dim"
    )
    yield line(f"Break-glass account: {_SEALED[report.break_glass]}", state)
    if report.break_glass_used is not None:
        yield line(f"  first used {moment(report.break_glass_used)}: {report.break_glass_reason}", state)
        yield line(f"  {report.break_glass_alarm or 'Nobody is known to be alerted'}", state)


def break_glass_band(sealed: BreakGlass, now: datetime) -> str:
    """Return the line above every page while the break-glass account is in use; else empty."""
    if sealed.used is None or not sealed.in_use(now):
        return ""
    since, until = (screen_time(at, named=True) for at in (sealed.used, sealed.used + BREAK_GLASS_LASTS))
    alarm = sealed.alarm or "Nobody is known to be alerted"
    return f"BREAK-GLASS ACCESS in use since {since}, until {until}. Reason given: {sealed.reason}. {alarm}."
