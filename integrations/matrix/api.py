"""Shared parts of Matrix messages and rooms: the homeserver, the user, and the meaning of errors."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from integrations.http import Reply, json_object, retry_after
from integrations.port import Rejected, Throttled

ROOM = re.compile(r"![^\s/?#]{1,254}", re.ASCII)
USER = re.compile(r"@[^\s:/?#]{1,200}:[^\s/?#]{1,200}", re.ASCII)

_RECIPIENT = "M_FORBIDDEN M_NOT_FOUND M_UNSUPPORTED_ROOM_VERSION"
_ACCOUNT = (
    "M_UNKNOWN_TOKEN M_MISSING_TOKEN M_USER_DEACTIVATED M_USER_SUSPENDED M_USER_LOCKED M_CONSENT_NOT_GIVEN"
    " M_UNRECOGNIZED M_RESOURCE_LIMIT_EXCEEDED"
)
_MESSAGE = "M_TOO_LARGE M_BAD_JSON M_NOT_JSON M_INVALID_PARAM"
"""The specification's codes, by what they are about; a code that is not here is not repeated."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A homeserver and our user. The secret ``token`` is its access token, or the application service's."""

    url: str
    """The homeserver's client address, as its ``.well-known`` says."""
    user: str
    """Our own id, ``@tocsin:example.org``: what it does itself is no answer."""
    federated: bool = True
    """Whether people of other servers are in the rooms: their servers then hold a copy of every message."""
    appservice: bool = False
    """Whether the server pushes what happens to us; needs the secret ``hs_token``."""
    test_to: str = ""
    """The room of a self-test."""
    ca_file: str = ""


def base(settings: Settings) -> str:
    """Return the address under which every call of the client-server API stands."""
    return f"{settings.url.rstrip('/')}/_matrix/client/v3"


def refused(reply: Reply, at: datetime) -> Rejected | Throttled | None:
    """Return what the server's own error says more than its status: whose fault it is."""
    error = error_code(reply)
    if error == "M_LIMIT_EXCEEDED":
        return Throttled(retry_after(reply, at), "the homeserver asks to retry later", "M_LIMIT_EXCEEDED")
    if error in _RECIPIENT.split():
        return Rejected(error, "our user cannot write to this room", about="recipient")
    if error in _ACCOUNT.split():
        return Rejected(error, "the homeserver does not let our user write", about="account")
    return Rejected(error, "the homeserver refused the event") if error in _MESSAGE.split() else None


def error_code(reply: Reply) -> str:
    """Return the code of a refusal as the server spells it, to be compared and not repeated; else the empty string."""
    error = json_object(reply.body).get("errcode") if reply.complete and 400 <= reply.status < 500 else ""
    return error if isinstance(error, str) else ""
