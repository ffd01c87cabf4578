"""The break-glass account: sealed access for the time when nobody can log in as usual. It is off until somebody arms it.

It is an identity of its own: whoever opens it is nobody else, and signs, decides and files nothing. Its use is recorded first,
then people are alerted, and only then does a session begin.
"""

from __future__ import annotations

import base64
import hmac
import os
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from runner.app.core import organisation_journal
from runner.app.core.active_incident import OPEN
from runner.app.incidents.entries import note
from runner.app.messages.account_notices import holders, notify
from runner.app.people.accounts import Accounts, account_book, wrong_login
from runner.app.people.factors import totp_step
from runner.app.people.login_pace import begin_attempt, end_attempt
from runner.base.instants import instant_text
from runner.base.redacted import Redacted
from runner.errors import UNREADABLE, Refused, TocsinError, reason_given
from runner.incident.people.account_journal import (
    BREAK_GLASS,
    BREAK_GLASS_LASTS,
    JOURNAL,
    AccountBook,
    AccountChanged,
)

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.people.logins import Logins

_MARK, _SEAL = "login-break-glass", b"break-glass account, version 1"
ALERTED = ("commander", "counsel", "administrator")
"""Roles whose people are alerted about its use: in the home, and in each open incident."""


class Factors(Redacted, frozen=True, kw_only=True):
    """What opens the break-glass account."""

    SHOWN = ("step",)
    passphrase: str
    """The SHA-256 of the passphrase: 160 random bits need no slow hash."""
    totp: str = ""
    """The secret of an authenticator app; empty if the passphrase alone is enough."""
    step: int = 0


def arm(service: IncidentService, accounts: Accounts, *, app: bool = False) -> tuple[str, str]:
    """Arm the account anew; return its passphrase, and with ``app`` the secret of an authenticator app.

    An earlier passphrase and its sessions end. Raises Refused where nobody has an account.
    """
    if not accounts.book().proves:
        raise Refused(
            "Nobody has an account, so no name is proved here.",
            hint="First invite people: tocsin account invite PERSON",
            code="no_accounts",
        )
    drawn = base64.b32encode(os.urandom(20)).decode().lower()
    seed = base64.b32encode(os.urandom(20)).decode() if app else ""
    body = accounts.seal(Factors(passphrase=_digest(drawn), totp=seed), _SEAL)
    # First the factors: an earlier passphrase must not open what is armed now.
    service.change_marks((_MARK,), lambda found: {_MARK: body})
    accounts.note(BREAK_GLASS, "armed", service.principal.person)
    return "-".join(drawn[at : at + 4] for at in range(0, len(drawn), 4)), seed


def disarm(accounts: Accounts, logins: Logins, by: str, reason: str) -> int:
    """Switch the account off, and end its sessions; return their number. Without its entry in the journal, no factor counts."""
    accounts.note(BREAK_GLASS, "disarmed", by, reason)
    return logins.end_of(BREAK_GLASS)


def prove(
    service: IncidentService, accounts: Accounts, passphrase: str, code: str, address: str, known: str = ""
) -> datetime | None:
    """Check what somebody gave, and return when it was armed; raises Refused as any login does."""
    name, now, right = f"{BREAK_GLASS}\0{address}", service.clock.now(), False
    sealed = accounts.book().break_glass
    attempt = begin_attempt(service, name, address, known)

    def change(found: dict[str, bytes]) -> dict[str, bytes]:
        nonlocal right
        if _MARK not in found or sealed.state(now) not in ("armed", "in use"):
            return found
        kept = accounts.unseal(found[_MARK], _SEAL, Factors)
        step = totp_step(kept.totp, code, now, kept.step) if kept.totp else kept.step
        right = hmac.compare_digest(_digest(passphrase), kept.passphrase) and step is not None
        if not right or step is None:
            return found
        used = Factors(passphrase=kept.passphrase, totp=kept.totp, step=step)
        return {_MARK: accounts.seal(used, _SEAL)}

    service.change_marks((_MARK,), lambda found: change(dict(found)))
    if not right:
        raise wrong_login()
    end_attempt(service, attempt)
    return sealed.armed


def use(service: IncidentService, armed: datetime | None, reason: str) -> datetime:
    """Record a use, and return the first one; raises Refused if it was disarmed, or armed anew, after ``prove``."""

    def decide(book: AccountBook) -> tuple[AccountChanged, ...]:
        sealed = book.break_glass
        if sealed.armed != armed or sealed.state(service.clock.now()) not in ("armed", "in use"):
            raise wrong_login()
        return (AccountChanged(person=BREAK_GLASS, change="used", by=BREAK_GLASS, reason=reason),)

    organisation_journal.change(service, JOURNAL, account_book, decide)
    return account_book(service).break_glass.used or service.clock.now()


def log_in(
    service: IncidentService,
    accounts: Accounts,
    logins: Logins,
    given: tuple[str, str, str],
    address: str,
) -> str:
    """Record the use with its reason, alert people, and return the secret of a session; raises Refused.

    ``given`` are the passphrase, the code of the app, and the reason.
    """
    passphrase, code, reason = given
    reason_given(reason, hint="Write who you are, and why you need this access.")
    armed, reason = prove(service, accounts, passphrase, code, address), reason.strip()[:500]
    ends = use(service, armed, reason) + BREAK_GLASS_LASTS
    accounts.note(BREAK_GLASS, "alarmed", BREAK_GLASS, _alarm(service, reason, ends))
    return logins.begin(BREAK_GLASS, BREAK_GLASS, ends=ends)


def _alarm(service: IncidentService, reason: str, ends: datetime) -> str:
    """Alert the people who must know, and write the use into each open incident; return how that went."""
    words = note(f"The break-glass account was used. Reason given: {reason}")
    for row in service.incidents():
        if row.state in OPEN:
            with suppress(TocsinError, *UNREADABLE):
                service.act(service.principal, row.id, [words])
    text = (
        "Somebody logged in with the break-glass account. "
        f"The access ends at {instant_text(ends)} at the latest.\n"
        "If you do not know of this, end it: tocsin account break-glass disarm --reason WHY"
    )
    return notify(service, sorted(holders(service, ALERTED)), "Break-glass account used", text)


def _digest(passphrase: str) -> str:
    letters = "".join(one for one in passphrase.lower() if one.isalnum())
    return sha256(letters.encode()).hexdigest()
