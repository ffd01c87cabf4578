"""Journal of accounts: who may log in, since when, and who invited or disabled them. It has no secret.

It is a journal of the organisation, encrypted as personal data. Its key also encrypts the factors of the accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.actions import Action
from runner.decoding import json_reader
from runner.errors import NotFound, Refused

JOURNAL = "accounts"
"""The journal's name; it is not an incident."""
BREAK_GLASS = "break-glass"
"""The name of the break-glass account: it is of nobody in the contact list."""
BREAK_GLASS_LASTS = timedelta(hours=4)
"""From its first use on. Then it must be armed again."""
Change = Literal[
    "invited", "opened", "disabled", "codes_made", "code_used", "passkey_added", "passkey_removed",
    "sessions_ended", "provider_bound", "provider_unbound", "armed", "used", "alarmed", "disarmed",
    "link_made", "link_used", "link_revoked", "factors_reset", "token_revoked",
]  # fmt: skip
State = Literal["invited", "active", "disabled", "reset"]
"""``reset``: without factors, until its person uses an invitation."""


class AccountChanged(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True
):
    """A change of the account of a person."""

    person: str
    change: Change
    by: str
    reason: str = ""
    """Why it was disabled, or the break-glass account used; what a link is for; how the alarm went; the name of a token."""


READER: Callable[[bytes], AccountChanged] = json_reader(AccountChanged)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one person."""

    person: str
    state: State
    since: datetime
    by: str
    """The person who invited or disabled it, or its owner."""
    reason: str = ""
    ended: datetime | None = None
    """When it was last disabled or reset."""


class BreakGlass(msgspec.Struct, frozen=True, kw_only=True):
    """The break-glass account: off, armed, or in use."""

    armed: datetime | None = None
    by: str = ""
    used: datetime | None = None
    """Its first use since it was armed."""
    reason: str = ""
    """Of its last use."""
    alarm: str = ""
    """How the alarm about the last use went."""

    def in_use(self, now: datetime) -> bool:
        """Tell whether it was used less than four hours ago, and not disarmed since. What is not armed is never in use."""
        return self.armed is not None and self.used is not None and now - self.used < BREAK_GLASS_LASTS

    def state(self, now: datetime) -> Literal["off", "armed", "in use", "spent"]:
        """Return its state: somebody can log in with it while it is armed or in use."""
        if self.armed is None:
            return "off"
        return "armed" if self.used is None else "in use" if self.in_use(now) else "spent"


class AccountBook(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts, by person."""

    found: Mapping[str, Account] = {}
    version: int = 0
    break_glass: BreakGlass = BreakGlass()
    revoked: Mapping[str, datetime] = {}
    """Token → when it was revoked last; one that was made later goes on."""

    @property
    def proves(self) -> bool:
        """Whether somebody can log in, or will after a reset, so that a name can be proved here."""
        return any(one.state in ("active", "reset") for one in self.found.values())

    def is_active(self, person: str) -> bool:
        """Tell whether a person can log in."""
        return person in self.found and self.found[person].state == "active"

    def require(self, person: str, *states: State) -> None:
        """Raise NotFound for a person without an account, and Refused for an account in another state."""
        account = self.found.get(person)
        if account is None:
            raise NotFound(f'"{person}" has no account.', hint=Action("account.list"), code="unknown_account")
        if account.state not in states:
            words = {"disabled": "is disabled", "reset": "was reset"}.get(account.state, "was not opened yet")
            raise Refused(
                f'The account of "{person}" {words}. Nothing was changed.',
                hint="To open it again: tocsin account invite PERSON",
                code="account_ended",
            )

    def holds_session(self, person: str, made: datetime) -> bool:
        """Tell whether a session of an account goes on: it began after the account was opened last, and not disabled."""
        return self.is_active(person) and made >= self.found[person].since

    def holds_token(self, person: str, made: datetime, name: str = "") -> bool:
        """Tell whether a token of a person goes on, or a calendar address: not revoked, and no account that was disabled or reset since."""
        one = self.found.get(person)
        if made < self.revoked.get(name, made):
            return False
        return one is None or (one.state != "disabled" and (one.ended is None or made >= one.ended))


_AFTER: Mapping[Change, State] = {
    "invited": "invited",
    "opened": "active",
    "disabled": "disabled",
    "factors_reset": "reset",
}


def fold_accounts(events: Iterable[tuple[int, datetime, AccountChanged]]) -> AccountBook:
    """Return the accounts. An invitation to an account that is active changes nothing until it is used."""
    found: dict[str, Account] = {}
    number, sealed, revoked = 0, BreakGlass(), dict[str, datetime]()
    for number, at, event in events:  # noqa: B007  # the last one counts
        if event.person == BREAK_GLASS:
            sealed = _after(sealed, at, event)
            continue
        if event.change == "token_revoked":
            revoked[event.reason] = at
        state = _AFTER.get(event.change)
        before = found.get(event.person)
        if state is None or (
            state == "invited" and before is not None and before.state in ("active", "reset")
        ):
            continue
        ended = at if state in ("disabled", "reset") else before.ended if before is not None else None
        found[event.person] = Account(
            person=event.person, state=state, since=at, by=event.by, reason=event.reason, ended=ended
        )
    return AccountBook(found=found, version=number, break_glass=sealed, revoked=revoked)


def _after(before: BreakGlass, at: datetime, event: AccountChanged) -> BreakGlass:
    match event.change:
        case "armed":
            return BreakGlass(armed=at, by=event.by)
        case "used":
            return msgspec.structs.replace(before, used=before.used or at, reason=event.reason, alarm="")
        case "alarmed":
            return msgspec.structs.replace(before, alarm=event.reason)
        case "disarmed":
            return BreakGlass()
        case _:  # changes of people's accounts: they do not end it
            return before
