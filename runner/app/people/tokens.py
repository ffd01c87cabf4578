"""Tokens of programs: each belongs to a person, has some of this person's rights, and ends.

A token is a mark of the store, so every process of the home sees it and its end. The mark has the SHA-256 of the secret;
the secret is shown once.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.app.core import organisation_journal
from runner.app.core.identifiers import new_secret
from runner.app.core.rights import PROGRAMS, read_accounts, require, rights_of
from runner.base.actor import Principal
from runner.base.text import nearest
from runner.decoding import from_json
from runner.errors import NotFound, Refused, StoreError, Usage
from runner.incident.people.account_journal import JOURNAL, AccountChanged

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import ChangeMarks
    from runner.app.people.calendars import Feed

LONGEST = timedelta(days=365)
PREFIX = "tcs_"
"""Scanners for secrets find a token by it."""
PROOF = "token:"
_MARK = "token/"
_NAME = re.compile("[a-z][a-z0-9-]{0,39}")
_SEEN = timedelta(minutes=5)
"""Smallest interval between two writes of the last use."""


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token without its secret."""

    name: str
    owner: str
    scopes: tuple[str, ...]
    digest: str
    """SHA-256 of the secret."""
    by: str
    """The person who created it."""
    made: datetime
    expires: datetime
    used: datetime | None = None
    """The last use, up to five minutes earlier."""


def create(
    service: IncidentService,
    principal: Principal,
    name: str,
    owner: str,
    scopes: tuple[str, ...],
    lasts: timedelta,
) -> tuple[Token, str]:
    """Create a token and return it with its secret, which nobody can see again."""
    _manages(service, principal)
    service.known(owner)
    _check(service, name, owner, scopes, lasts)
    now, secret = service.clock.now(), new_secret()
    made = Token(
        name=name,
        owner=owner,
        scopes=tuple(sorted(scopes)),
        digest=sha256(secret.encode()).hexdigest(),
        by=principal.person,
        made=now,
        expires=now + lasts,
    )
    body = msgspec.json.encode(made)
    if (
        service.change_marks((_MARK + name,), lambda marks: marks or {_MARK + name: body})[_MARK + name]
        != body
    ):
        raise Refused(
            f'Token "{name}" exists.',
            hint=f"Use another name, or revoke it: tocsin token revoke {name}",
            code="token_exists",
        )
    return made, f"{PREFIX}{name}_{secret}"


def _manages(service: IncidentService, principal: Principal) -> None:
    require(service.read(principal).may("token.manage"), principal, "manage tokens")


def _check(
    service: IncidentService, name: str, owner: str, scopes: tuple[str, ...], lasts: timedelta
) -> None:
    """Refuse a bad name, no scope, an unknown one, one that the owner does not have, and a wrong duration."""
    if not _NAME.fullmatch(name):
        raise Usage(
            f'"{name}" is not a name of a token.',
            hint="Use up to 40 letters, digits and hyphens",
            code="bad_name",
        )
    for scope in scopes:
        if scope not in PROGRAMS:
            close = nearest(scope, PROGRAMS)
            raise Usage(
                f'No token can have the scope "{scope}".',
                hint=f"Use {close}" if close else f"Use: {', '.join(sorted(PROGRAMS))}",
                code="unknown_scope",
            )
    if not scopes:
        raise Usage("The token has no scope.", hint="Add --scope incident.read", code="option_missing")
    if not timedelta() < lasts <= LONGEST:
        raise Usage("A token lasts from 1 to 365 days.", hint="Use --days 90", code="bad_duration")
    proven = Principal(person=owner, proven_by=PROOF)
    if beyond := sorted({*scopes} - rights_of(proven, lambda: service.directory.roles).grants):
        raise Refused(
            f"{owner} does not have the right {', '.join(beyond)}. A token has no more rights than its owner.",
            hint=Action("role.list"),
            code="scope_beyond_owner",
        )


def tokens(service: IncidentService, principal: Principal) -> list[Token]:
    """Return all tokens by name, with those that expired."""
    _manages(service, principal)
    return sorted(
        (from_json(body, Token) for body in service.marks(_MARK).values()), key=lambda one: one.name
    )


def revoke(service: IncidentService, principal: Principal, name: str) -> Token:
    """End a token, everywhere and at once; raises NotFound."""
    found = {one.name: one for one in tokens(service, principal)}
    if name not in found:
        close = nearest(name, found)
        raise NotFound(
            f'Token "{name}" does not exist.',
            hint=f"Use {close}" if close else "Show all: tocsin token list",
            code="unknown_token",
        )
    # Recorded first: its row, if somebody puts it back, does not work again.
    ended = AccountChanged(person=found[name].owner, change="token_revoked", by=principal.person, reason=name)
    organisation_journal.change(service, JOURNAL, lambda home: read_accounts(home.store), lambda _: (ended,))
    service.change_marks((_MARK + name,), lambda marks: {})
    return found[name]


def unconfirmed(service: IncidentService, principal: Principal) -> dict[str, Token | Feed]:
    """Return the tokens and calendar addresses that an older version stored, by mark; not what is no such thing."""
    from runner.app.people.calendars import Feed

    _manages(service, principal)
    found: dict[str, Token | Feed] = {}
    for mark, body in sorted(service.sealed.unconfirmed().items()):
        with suppress(msgspec.DecodeError):
            if mark.startswith("calendar/"):  # an invitation has the same fields
                found[mark] = from_json(body, Feed)
            elif mark == _MARK + (one := from_json(body, Token)).name:
                found[mark] = one
    return found


def kept_of(shown: Mapping[str, Token | Feed], without: Collection[str]) -> dict[str, Token | Feed]:
    """Return what is not named in ``without``, by token or person; raises NotFound for a name of none."""
    named = {mark: one.name if isinstance(one, Token) else one.person for mark, one in shown.items()}
    for name in sorted({*without} - {*named.values()}):
        raise NotFound(f'Token "{name}" does not exist.', hint=Action("token.reseal"), code="unknown_token")
    return {mark: one for mark, one in shown.items() if named[mark] not in without}


def reseal(service: IncidentService, principal: Principal, kept: Mapping[str, Token | Feed]) -> None:
    """Have tokens and calendar addresses of ``unconfirmed`` work again as they were shown; all others end."""
    _manages(service, principal)
    service.sealed.confirm({mark: msgspec.json.encode(one) for mark, one in kept.items()})


def end_of(service: IncidentService, owner: str) -> int:
    """End all tokens of a person, whose account ended; return their number."""
    names = [mark for mark, body in service.marks(_MARK).items() if from_json(body, Token).owner == owner]
    if names:
        service.change_marks(names, lambda marks: {})
    return len(names)


def find(service: IncidentService, given: str) -> Principal | None:
    """Return the principal of a token; None if it is unknown, revoked or expired, or its owner gone. The last use is recorded."""
    name, _, secret = given.removeprefix(PREFIX).partition("_")
    if not given.startswith(PREFIX) or not _NAME.fullmatch(name):
        return None
    mark, now = _MARK + name, service.clock.now()
    body = service.marks(mark).get(mark)
    token = None if body is None else from_json(body, Token)
    if token is None or not hmac.compare_digest(token.digest, sha256(secret.encode()).hexdigest()):
        return None
    owner = token.owner
    if now >= token.expires or owner not in service.directory.people:
        return None
    if not read_accounts(service.store).holds_token(owner, token.made, name):  # ended meanwhile
        return None
    if token.used is None or now - token.used >= _SEEN:
        with suppress(StoreError):
            service.change_marks((mark,), _used(now), waits=False)
    return Principal(person=owner, proven_by=f"{PROOF}{name}", scopes=frozenset(token.scopes))


def identity(service: IncidentService, principal: Principal) -> str:
    """Return what tells a token from all others, also from a later one of its name."""
    mark = _MARK + (principal.proven_by or "").removeprefix(PROOF)
    body = service.marks(mark).get(mark)
    return f"{mark}\0{from_json(body, Token).digest if body is not None else ''}"


def _used(now: datetime) -> ChangeMarks:
    def change(marks: Mapping[str, bytes]) -> dict[str, bytes]:
        return {
            name: msgspec.json.encode(msgspec.structs.replace(from_json(body, Token), used=now))
            for name, body in marks.items()
        }

    return change
