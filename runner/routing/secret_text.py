"""Secrets that no message can contain: passwords, keys, one-time codes, complete card and social security numbers (R10).

The final text is checked (R11), line by line. A finding names its kind and line and never repeats the text. The check
is not a proof: a finding is suspicious, but a text without findings can still contain secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from runner.base.link_targets import hosts_in

_WEB = re.compile(r"\b(?:https?://|www\.)\S", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")
_MARKS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "an access key"),
    (re.compile(r"\bxox[abposr]-[0-9A-Za-z-]{10,}"), "an access token"),
    (re.compile(r"\bgh[pousr]_[0-9A-Za-z]{30,}"), "an access token"),
    (re.compile(r"\bsk_live_[0-9A-Za-z]{16,}"), "an access key"),
    (re.compile(r"\bwhsec_[0-9A-Za-z+/=]{16,}"), "a signing key"),
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"), "an access token"),
    (re.compile(r"\b\w+://[^\s/:@]+:[^\s/@]+@"), "a password in an address"),
    (
        re.compile(
            r"\b(?:password|passwort|passphrase|passwd|pwd|kennwort|mot de passe|contraseña)\s*(?:is|ist|[:=])\s*\S",
            re.IGNORECASE,
        ),
        "a password",
    ),
    (
        re.compile(
            r"\b(?:one[- ]time|verification|security|login|sign-in|otp|2fa|mfa|tan)\s*(?:pass)?(?:code|pin|password)?\s*(?:is|ist|[:=])\s*[\d-]{4,9}\b",
            re.IGNORECASE,
        ),
        "a one-time code",
    ),
)


class Found(NamedTuple):
    """One finding: its kind, and its line, counted from 1."""

    what: str
    line: int


def secrets_in(text: str) -> tuple[Found, ...]:
    """Return the findings in a text that no channel may carry."""
    return tuple(
        Found(what, number) for number, line in enumerate(text.splitlines(), 1) for what in _of(line)
    )


def has_link(text: str) -> bool:
    """Return whether a text contains a web address, also without its scheme."""
    return _WEB.search(text) is not None or bool(hosts_in(text))


def _of(line: str) -> Iterator[str]:
    for pattern, what in _MARKS:
        if pattern.search(line):
            yield what
    if _SSN.search(line):
        yield "a social security number"
    if any(_is_card(match[0]) for match in _CARD.finditer(line)):
        yield "a card number"


def _is_card(text: str) -> bool:
    """Return whether digits begin like cards of the large schemes and have the right check digit (Luhn)."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    if digits[0] not in (2, 3, 4, 5, 6) or len(set(digits)) < 2:
        return False
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
