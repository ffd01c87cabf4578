"""Opt-out words by language, and their meaning in a reply (R37)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

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
