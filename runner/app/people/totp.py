"""Codes of an authenticator app (RFC 6238)."""

from __future__ import annotations

import hmac
from datetime import datetime

from runner.app.people.passwords import without_extra

STEP = 30
"""Seconds of one code."""


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
