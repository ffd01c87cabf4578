"""Inbound requests of a channel, and the trust in each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.redacted import Redacted
from runner.base.states import ReceiptKind
from runner.routing.messaging import About, AddressState


class Incoming(Redacted, frozen=True, kw_only=True):
    """A raw HTTP request from outside: signatures cover exactly these bytes."""

    SHOWN = ("method",)

    method: str
    path: str
    """With the query, unchanged."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's report about an earlier attempt: ``provider_id`` or ``key`` names it."""

    kind: ReceiptKind
    event: str
    """A digest of the channel and of the provider's own name for it."""
    provider_id: str = ""
    key: str = ""
    at: datetime | None = None
    code: str = ""
    about: About = "recipient"
    """With ``failed``: the subject of the failure."""
    address: AddressState = ""
    country: str = ""
    """The country of the recipient's number (ISO 3166-1); empty if it is unknown, or no network delivered it."""


class Answer(Redacted, frozen=True, kw_only=True):
    """A person's reply over a channel."""

    SHOWN = ("event",)

    event: str
    sender: str
    text: str
    provider_id: str = ""
    """The answered message, if the person or the client named it."""
    key: str = ""
    at: datetime | None = None
    shared: bool = False
    """It came from a place where other people can answer as well."""
    also: str = ""
    """A second address of the sender."""
    moved: bool = False
    """Nothing was said: the provider reports that the sender's address changed."""


Heard = Receipt | Answer
Took = Callable[[Heard], bool]
"""Stores the reports and replies durably, and only then returns true."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The response that a provider expects to a verified callback."""

    content_type: str = "text/plain"
    body: bytes = b""


Meaning = Literal["stop", "perhaps", "start", "help", ""]
"""The person opts out; may opt out, so a person judges; opts in again; asks who sends; says nothing about it."""
STOP: Mapping[str, tuple[str, ...]] = {
    # 47 CFR 64.1200(a)(10): seven words always suffice, as does any reasonable way; operators also accept the others.
    "en": ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"),
    "operators": ("stopall", "stop all", "optout", "remove", "td"),
    "fr": ("arret",),  # Canada's operators accept it beside STOP
    "es, pt": ("alto", "pare", "baja", "parar"),
    "de": ("stopp", "abmelden"),
}
"""Lower case, without accents."""
START = frozenset({"start", "unstop", "yes"})
HELP = frozenset({"help", "info", "aide", "ayuda", "hilfe"})
_POLITE = frozenset(
    re.findall(
        r"\w+",
        "please pls now thanks thank you me texting text texts messages bitte jetzt danke por favor svp merci",
    )
)
_WORD = re.compile(r"[^\W_]+")
_PHRASES = frozenset(phrase for phrases in STOP.values() for phrase in phrases)
_ANY = re.compile(rf" (?:{'|'.join(sorted(_PHRASES))}) ")


def meaning(text: str) -> Meaning:
    """Return the meaning of an answer, whatever its case, accents, quotes, punctuation, emoji and polite words."""
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )
    words = _WORD.findall(plain.casefold())
    bare = [word for word in words if word not in _POLITE]
    if bare and (" ".join(bare) in _PHRASES or all(word in _PHRASES for word in bare)):
        return "stop"
    if len(bare) == 1 and bare[0] in START:
        return "start"
    if len(bare) == 1 and bare[0] in HELP:
        return "help"
    return "perhaps" if _ANY.search(f" {' '.join(words)} ") else ""
