"""What the stand-ins for vendors' interfaces share: tokens that they issue, permissions, and a table of calls.

A stand-in names its calls in ``calls``: method, pattern of the path, permissions of which one is enough, and what is done.
The vendor's own words for a refusal are in ``problem``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

Answer = tuple[int, object]
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Call(msgspec.Struct, frozen=True):
    """One call of an interface; the groups of ``path`` are given to ``do``."""

    method: str
    path: str
    allowed_by: tuple[str, ...]
    """Permissions of which one is enough; none: nobody needs one."""
    do: Callable[..., Answer]
    audience: str = ""
    """For whom the token has to be, where one place issues tokens for several interfaces."""


class Token(msgspec.Struct, frozen=True):
    """What a token lets its bearer do."""

    permissions: frozenset[str]
    audience: str = ""


class RefusalError(Exception):
    """Ends a call with the vendor's own answer."""

    def __init__(self, status: int, what: str) -> None:
        """Name the status and the vendor's code."""
        super().__init__(status, what)
        self.status, self.what = status, what


class Cloud(StandIn):
    """An interface behind tokens. ``granted`` is what the next token carries; ``expire`` ends all that were issued.

    So many of the next tokens as ``expiring`` says have expired when they are used.
    """

    PERMISSIONS: frozenset[str] = frozenset()
    """All that its calls ask for."""

    def __init__(self, *acts: Act) -> None:
        """Grant every permission. The script is about calls, not about tokens."""
        super().__init__(*acts)
        self.granted = set(self.PERMISSIONS)
        self.tokens: dict[str, Token] = {}
        self.issued = 0
        self.expiring = 0

    def expire(self) -> None:
        """End all tokens."""
        self.tokens.clear()

    def issue(self, permissions: Iterable[str], audience: str = "") -> str:
        """Return a new token."""
        self.issued += 1
        token = f"made-up-token-{self.issued}"
        if self.expiring:
            self.expiring -= 1
        else:
            self.tokens[token] = Token(frozenset(permissions), audience)
        return token

    @property
    def called(self) -> list[Heard]:
        """Return the requests that were no requests for a token."""
        return [heard for heard in self.heard if self.is_scripted(heard)]

    def calls(self) -> tuple[Call, ...]:
        """Return the calls that it has."""
        raise NotImplementedError

    def token(self, heard: Heard) -> Answer | None:
        """Answer a request for a token; None for every other one."""
        return None

    def problem(self, status: int, what: str) -> object:
        """Return the vendor's body of a refusal; without ``what`` the usual one of that status."""
        raise NotImplementedError

    def bearer(self, heard: Heard) -> Token | None:
        """Return the token of a request, None without a valid one."""
        scheme, _, value = heard.headers.get("authorization", "").partition(" ")
        return self.tokens.get(value) if scheme == "Bearer" else None

    def take(self, heard: Heard) -> Answer:
        """Issue a token, or do one call."""
        try:
            return self.token(heard) or self._call(heard)
        except RefusalError as refused:
            return refused.status, self.problem(refused.status, refused.what)

    def throttled(self) -> object:
        """Return the vendor's body for too many requests."""
        return self.problem(429, "")

    def _call(self, heard: Heard) -> Answer:
        held = self.bearer(heard)
        for call in self.calls():
            found = re.fullmatch(call.path, heard.path)
            if found is None or call.method != heard.method:
                continue
            if call.allowed_by and (held is None or held.audience != call.audience):
                raise RefusalError(401, "")
            if held is not None and call.allowed_by and not held.permissions & set(call.allowed_by):
                raise RefusalError(403, "")
            return call.do(heard, *map(unquote, found.groups()))
        raise RefusalError(404, "")


def claims_of(token: str, key: rsa.RSAPublicKey) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a JWT that ``key`` proves; raises InvalidSignature and ValueError."""
    signed, _, signature = token.rpartition(".")
    header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
    ways: dict[str, padding.AsymmetricPadding] = {
        "RS256": padding.PKCS1v15(),
        "PS256": padding.PSS(padding.MGF1(hashes.SHA256()), 32),
    }
    if header.get("alg") not in ways:
        raise InvalidSignature
    key.verify(_decoded(signature), signed.encode(), ways[header["alg"]], hashes.SHA256())
    return header, claims


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
