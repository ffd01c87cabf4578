"""Inbound requests of a channel, and how far each is trusted."""

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
    """An HTTP request from outside, raw: signatures are over exactly these bytes."""

    SHOWN = ("method",)

    method: str
    path: str
    """With the query, as it came."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider said of an earlier attempt: ``provider_id`` or ``key`` names it."""

    kind: ReceiptKind
    event: str
    """A digest of the channel and of the provider's own name for it."""
    provider_id: str = ""
    key: str = ""
    at: datetime | None = None
    code: str = ""
    about: About = "recipient"
    """With ``failed``: whose fault it is."""
    address: AddressState = ""


class Answer(Redacted, frozen=True, kw_only=True):
    """What a person sent back over a channel."""

    SHOWN = ("event",)

    event: str
    sender: str
    text: str
    provider_id: str = ""
    """The message that it answers, where the person or the client named it."""
    key: str = ""
    at: datetime | None = None
    shared: bool = False
    """It came from a place where others than the recipient can answer too."""


Heard = Receipt | Answer
Took = Callable[[Heard], bool]
"""Keeps what was heard for good, and only then returns true."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider wants to read in the answer to a callback that was believed."""

    content_type: str = "text/plain"
    body: bytes = b""


Meaning = Literal["stop", "perhaps", "start", ""]
"""It ends messages; it may mean that, so a person judges; it takes a stop back; it says nothing of it."""
STOP: Mapping[str, tuple[str, ...]] = {
    # 47 CFR 64.1200(a)(10): seven words that always suffice, of any reasonable way; the others are what operators take.
    "en": ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"),
    "operators": ("stopall", "stop all", "optout", "remove", "td"),
    "fr": ("arret",),  # Canada's operators take it beside STOP
    "es, pt": ("alto", "pare", "baja", "parar"),
    "de": ("stopp", "abmelden"),
}
"""Lower case, without accents."""
START = frozenset({"start", "unstop", "yes"})
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
    """Return what an answer means, whatever its case, accents, quotes, punctuation, emoji and polite words."""
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )
    words = _WORD.findall(plain.casefold())
    bare = [word for word in words if word not in _POLITE]
    if bare and (" ".join(bare) in _PHRASES or all(word in _PHRASES for word in bare)):
        return "stop"
    if len(bare) == 1 and bare[0] in START:
        return "start"
    return "perhaps" if _ANY.search(f" {' '.join(words)} ") else ""
