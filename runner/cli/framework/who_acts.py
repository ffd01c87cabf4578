"""Who acts at a terminal: a claim, or the person whose login the user of the machine has.

The secret of a login is in a private file of the state folder, one for each home folder. The session in the store is bound to the user and the machine: a copied file is no login elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.decoding import from_json
from runner.errors import NotFound
from runner.settings import PERSON, open_to_others, state_folder

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.base.actor import Principal


class KeptLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Who is logged in at this terminal, and the secret of the session."""

    person: str
    secret: str


def _file(environ: Mapping[str, str], home: Path) -> Path | None:
    state = state_folder(environ)
    digest = sha256(str(home.absolute()).encode()).hexdigest()[:16]
    return None if state is None else state / f"login-{digest}.json"


def kept_login(environ: Mapping[str, str], home: Path) -> KeptLogin | None:
    """Return the kept login; None without one, or if other users can read the file."""
    path = _file(environ, home)
    try:
        if path is None or open_to_others(path):
            return None
        return from_json(path.read_bytes(), KeptLogin)
    except (OSError, msgspec.MsgspecError):
        return None


def keep_login(environ: Mapping[str, str], home: Path, person: str, secret: str) -> None:
    """Keep a login, readable only by this user; raises OSError."""
    path = _file(environ, home)
    if path is None:
        raise OSError("TOCSIN_STATE is empty")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)  # an older file can have another mode
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(KeptLogin(person=person, secret=secret)))


def forget_login(environ: Mapping[str, str], home: Path) -> None:
    """Remove the kept login."""
    path = _file(environ, home)
    if path is not None:
        path.unlink(missing_ok=True)


def proof_of(found: KeptLogin, service: IncidentService, principal: Principal, *, counts: bool) -> str | None:
    """Return what a kept login proves to the same user and machine; None if the session ended."""
    from runner.app.people.accounts import account_book, holds
    from runner.app.people.logins import Logins

    login = Logins(service).find(found.secret, counts=counts)
    if login is None or not holds(service, account_book(service), login):
        return None
    who = login.principal
    return who.proven_by if (who.os_user, who.host) == (principal.os_user, principal.host) else None


def refuse_stranger(people: Collection[str], claim: str, *, by_option: bool) -> None:
    """Raise NotFound if a claim is not a known person; the first person of a home can add themselves."""
    from runner.base.text import nearest
    from runner.files.contacts.contact_entries import is_short_name

    if claim in people or not people:
        return
    near = nearest(claim, people)
    where, other = ("", "") if by_option else (f" ({PERSON})", " --as PERSON")
    hints = (
        f"Use --as {near}, if you mean this person." if near else "",
        f"Or add the person: tocsin person add {claim}{other}" if is_short_name(claim) else "",
    )
    raise NotFound(
        f'Person "{claim}"{where} is not in the contact list. Nothing was recorded.',
        hint=" ".join(filter(None, hints)) or Action("person.list"),
        code="unknown_person",
    )
