"""Passwords: how they are stored, and which are refused. Argon2id with the low-memory profile of RFC 9106, 64 MiB."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from runner.errors import Refused

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 1024
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5bm9ib2R5bm9ib2Q$bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm8"
"""No password has this hash: an unknown name costs as much time as a known one."""
_HASHING = threading.BoundedSemaphore(2)
"""Each needs 64 MiB."""
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)
_COMMON = tuple(
    """
    admin administrator azerty changeme default dragon football guest iloveyou incident letmein login master monkey
    password passw0rd passwort princess qwerty qwertz root secret security starwars sunshine superman tocsin
    trustno welcome whatever
    """.split()  # noqa: SIM905  # a list of words
)
"""Words that the commonest passwords repeat or lengthen."""


@cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher, profiles
    except ImportError:
        raise without_extra() from None
    return PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


def without_extra() -> Refused:
    """Return the refusal for an installation without what accounts need."""
    return Refused(
        "Accounts are not installed.", hint="Install Tocsin with its extra: tocsin[web]", code="no_web"
    )


def hash_password(password: str, *known: str) -> str:
    """Return the hash to store; raises Refused for a weak password. ``known`` are words that others know, such as the name."""
    refuse_weak(password, *known)
    with _HASHING:
        return _hasher().hash(_normal(password))


def is_password(stored: str | None, password: str) -> bool:
    """Tell whether a password is the stored one; None takes as long, and is never right. An empty one costs nothing."""
    from argon2.exceptions import VerifyMismatchError

    if not password:
        return False
    hasher = _hasher()
    try:
        with _HASHING:
            hasher.verify(stored or _NOBODY, _normal(password)[:LONGEST])
    except VerifyMismatchError:
        return False
    return stored is not None


def _normal(password: str) -> str:
    """Return the same characters however a keyboard composes them."""
    return unicodedata.normalize("NFC", password)


def refuse_weak(password: str, *known: str, shortest: int = SHORTEST) -> None:
    """Raise Refused for a password that others guess; ``known`` are words that they know."""
    if not shortest <= len(_normal(password)) <= LONGEST:
        raise Refused(
            f"The password is not {shortest} to {LONGEST:,} characters long.",
            hint="Use four random words, or a password manager.",
            code="weak_password",
        )
    left = password.casefold()[:64]
    own = (one.casefold() for text in known for one in text.split() if len(one) > 2)
    for word in sorted((*_COMMON, *own), key=len, reverse=True):
        left = left.replace(word, "")
    for run in _RUNS:
        for piece in (run, run[::-1]):
            for start in range(len(piece) - 3):
                left = left.replace(piece[start : start + 4], "")
    left = re.sub(r"(.+?)\1{2,}", r"\1", re.sub(r"[\W_]|\d{1,4}$", "", left))
    if len(left) < 6 or len(set(left)) < 5:
        raise Refused(
            "The password is too easy to guess.",
            hint="Use four random words, or a password manager.",
            code="weak_password",
        )
