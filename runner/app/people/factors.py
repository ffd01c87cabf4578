"""The factors of an account, and the codes of an authenticator app (RFC 6238)."""

from __future__ import annotations

import hmac
from datetime import datetime

from runner.app.people.passwords import without_extra
from runner.base.redacted import Redacted

STEP = 30
"""Seconds of one code."""


class Passkey(Redacted, frozen=True, kw_only=True):
    """One passkey of an account."""

    SHOWN = ("name",)
    name: str
    id: bytes
    key: bytes
    count: int = 0
    """The counter of its last use; 0 if it has none."""
    made: datetime


class Subject(Redacted, frozen=True, kw_only=True):
    """Who somebody is for a login provider."""

    SHOWN = ("issuer",)
    issuer: str
    sub: str


class Factors(Redacted, frozen=True, kw_only=True):
    """The factors of an account."""

    SHOWN = ("step",)
    password: str
    """Its Argon2id hash."""
    totp: str
    """The secret of the authenticator app, in base32."""
    step: int = 0
    """The last used step: a code is valid once."""
    codes: tuple[str, ...] = ()
    """The SHA-256 of each unused recovery code: 80 random bits need no slow hash."""
    passkeys: tuple[Passkey, ...] = ()
    subjects: tuple[Subject, ...] = ()


def app_address(seed: str, person: str, organisation: str) -> str:
    """Return the address that an authenticator app reads from a picture."""
    from pyotp import TOTP

    return TOTP(seed, name=person, issuer=f"Tocsin {organisation}".strip()).provisioning_uri()


def totp_step(seed: str, code: str, now: datetime, last: int) -> int | None:
    """Return the step of a code, one step early or late; None if it is wrong, or not after the last used step."""
    try:
        from pyotp import TOTP
    except ImportError:
        raise without_extra() from None
    totp, present = TOTP(seed, interval=STEP), int(now.timestamp()) // STEP
    given = "".join(code.split()).encode()
    for step in (present - 1, present, present + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), given) and step > last:
            return step
    return None
