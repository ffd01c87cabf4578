"""The list of accounts, with what is left of their factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.reports.people.accounts import AccountRow, AccountsReport

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.people.accounts import Accounts
    from runner.app.people.logins import Logins


def listed(accounts: Accounts, service: IncidentService, logins: Logins) -> AccountsReport:
    """Return the list of the accounts."""
    book, factors, now = accounts.book(), accounts.all_factors(), service.clock.now()
    rows = []
    for person, one in sorted(book.found.items()):
        kept, sessions = factors.get(person), logins.of(person)
        rows.append(
            AccountRow(
                person=person,
                state=one.state,
                since=one.since,
                by=one.by,
                reason=one.reason,
                passkeys=len(kept.passkeys) if kept else 0,
                recovery_codes=len(kept.codes) if kept else 0,
                sessions=len(sessions),
                provider=bool(kept and kept.subjects),
                used=sessions[0].made if sessions else None,
            )
        )
    sealed = book.break_glass
    return AccountsReport(
        accounts=tuple(rows),
        require_proof=service.home.identity.require_proof if book.proves else (),
        break_glass=sealed.state(now),
        break_glass_used=sealed.used,
        break_glass_reason=sealed.reason,
        break_glass_alarm=sealed.alarm,
    )
