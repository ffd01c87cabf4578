"""Passkeys of accounts (WebAuthn): registered by their owner, and used in place of password and code.

A challenge is sealed with the key of the accounts and has its time: asking for one writes nothing, and it is used once.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeVar

import msgspec

from runner.app.people.accounts import Accounts
from runner.app.people.factors import Factors, Passkey
from runner.decoding import from_json
from runner.errors import Refused

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

PATIENCE = timedelta(minutes=5)
"""How long a challenge is valid."""
_USED, _LOGIN, _MAKE, _CONFIRM = "login-challenge/", "login", "make\0", "confirm\0"
"""Where used challenges are, and what a challenge is for: to log in, or to make a passkey or confirm an act as a person."""
Verified = TypeVar("Verified")


class _Answer(msgspec.Struct):
    """What a browser says of a passkey; the library checks the rest."""

    class Response(msgspec.Struct, rename="camel"):
        """The part with the challenge."""

        client_data_json: str = msgspec.field(name="clientDataJSON")

    id: str
    response: Response


class _ClientData(msgspec.Struct):
    challenge: str


class Passkeys:
    """The passkeys of the accounts, for one thread and one address of the room."""

    def __init__(self, accounts: Accounts, service: IncidentService, host: str, *, secure: bool) -> None:
        """Take the accounts, and the value of ``Host`` in the browser's address."""
        self._accounts = accounts
        self._service = service
        self._rp = host.partition(":")[0]
        self._origin = f"{'https' if secure else 'http'}://{host}"

    @property
    def usable(self) -> bool:
        """Whether a browser accepts passkeys for this address: it needs a name."""
        try:
            ip_address(self._rp)
        except ValueError:
            return not self._rp.startswith("[")
        return False

    def creation(self, person: str) -> str:
        """Return what a browser needs to make a passkey for a person, as JSON."""
        import webauthn
        from webauthn.helpers import structs as s

        asked = webauthn.generate_registration_options(
            rp_id=self._rp,
            rp_name="Tocsin",
            user_name=person,
            user_id=self._accounts.vouch(f"user\0{person}")[:16],
            challenge=self._challenge(_MAKE + person),
            authenticator_selection=s.AuthenticatorSelectionCriteria(
                resident_key=s.ResidentKeyRequirement.REQUIRED,
                user_verification=s.UserVerificationRequirement.REQUIRED,
            ),
        )
        return webauthn.options_to_json(asked)

    def add(self, person: str, name: str, credential: str) -> None:
        """Register the passkey that a browser made; raises Refused."""
        import webauthn

        made = self._verified(
            lambda challenge: webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._rp,
                expected_origin=self._origin,
                require_user_verification=True,
            ),
            credential,
            _MAKE + person,
        )
        known = (one.id for kept in self._accounts.all_factors().values() for one in kept.passkeys)
        if made.credential_id in known:  # of another account, or of this one
            raise _refused()
        words, now = " ".join(name.split())[:40] or "passkey", self._service.clock.now()
        key = Passkey(name=words, id=made.credential_id, key=made.credential_public_key, made=now)
        self._accounts.change(person, lambda kept: _with(kept, (*kept.passkeys, key)))
        self._accounts.record(person, "passkey_added")

    def remove(self, person: str, name: str) -> None:
        """Remove the passkeys of an account that have a name."""
        self._accounts.change(
            person, lambda kept: _with(kept, tuple(one for one in kept.passkeys if one.name != name))
        )
        self._accounts.record(person, "passkey_removed")

    def request(self, person: str = "") -> str:
        """Return what a browser needs to ask for a passkey, as JSON: to log in, or to confirm an act of a person."""
        import webauthn
        from webauthn.helpers.structs import UserVerificationRequirement

        need = UserVerificationRequirement.REQUIRED
        asked = webauthn.generate_authentication_options(
            rp_id=self._rp, challenge=self._challenge(_purpose(person)), user_verification=need
        )
        return webauthn.options_to_json(asked)

    def prove(self, credential: str, confirms: str = "") -> str:
        """Return the person whose passkey a browser used, to log in or to confirm an act of this person; raises Refused."""
        import webauthn

        person, key = self._owner(credential)
        if confirms not in ("", person):
            raise _refused()
        done = self._verified(
            lambda challenge: webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._rp,
                expected_origin=self._origin,
                credential_public_key=key.key,
                credential_current_sign_count=key.count,
                require_user_verification=True,
            ),
            credential,
            _purpose(confirms),
        )
        used = msgspec.structs.replace(key, count=done.new_sign_count)
        self._accounts.change(
            person,
            lambda kept: _with(kept, tuple(used if one.id == key.id else one for one in kept.passkeys)),
        )
        return person

    def _owner(self, credential: str) -> tuple[str, Passkey]:
        found = _bytes(_read(credential, _Answer).id)
        for person, kept in self._accounts.all_factors().items():
            for one in kept.passkeys:
                if one.id == found:
                    return person, one
        raise _refused()

    def _verified(self, verify: Callable[[bytes], Verified], credential: str, purpose: str) -> Verified:
        """Use up the challenge of an answer, and check the answer; raises Refused."""
        from webauthn.helpers.exceptions import WebAuthnException

        said = _bytes(_read(credential, _Answer).response.client_data_json)
        challenge = _bytes(_read(said, _ClientData).challenge)
        body = challenge[:24]
        if (
            not hmac.compare_digest(challenge[24:], self._seal(purpose, body))
            or self._service.clock.now() - _time(body) >= PATIENCE
        ):
            raise _refused()
        used = not use_up(self._service, body)
        try:
            if not used:
                return verify(challenge)
        except WebAuthnException:
            pass
        raise _refused()

    def _challenge(self, purpose: str) -> bytes:
        body = new_challenge(self._service.clock.now())
        return body + self._seal(purpose, body)

    def _seal(self, purpose: str, body: bytes) -> bytes:
        return self._accounts.vouch(f"challenge\0{purpose}\0{body.hex()}")[:16]


def new_challenge(now: datetime) -> bytes:
    """Return 24 bytes that nobody can guess and that have their time."""
    return os.urandom(16) + int(now.timestamp()).to_bytes(8, "big")


def use_up(service: IncidentService, challenge: bytes) -> bool:
    """Tell whether a challenge is used for the first time, within its time."""
    name, now, first = f"{_USED}{challenge.hex()}", service.clock.now(), False
    marks = service.marks(_USED)
    old = [mark for mark in marks if now - _time(bytes.fromhex(mark[len(_USED) :])) >= PATIENCE]

    def change(found: Mapping[str, bytes]) -> dict[str, bytes]:
        nonlocal first
        first = name not in found
        return {name: b""}

    service.change_marks((name, *old), change)
    return first and now - _time(challenge) < PATIENCE


def _purpose(person: str) -> str:
    return _CONFIRM + person if person else _LOGIN


def _with(kept: Factors, passkeys: tuple[Passkey, ...]) -> Factors:
    return msgspec.structs.replace(kept, passkeys=passkeys)


def _time(body: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(body[16:], "big"), UTC)


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}")
    except ValueError:  # also letters that base64 never has
        raise _refused() from None


def _read(body: str | bytes, kind: type[Verified]) -> Verified:
    try:
        return from_json(body, kind)
    except msgspec.MsgspecError:
        raise _refused() from None


def _refused() -> Refused:
    hint = "Try again, or use your password and a code."
    return Refused("The passkey was not accepted.", hint=hint, code="login_refused")
