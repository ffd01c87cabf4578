"""Phrases that documents add, by language: ``phrases.csv`` beside this module; labels of codes are in ``labels``.

Templates are written in one language each; only these words cannot stand in them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import msgspec

from runner.documents.wording.labels import table

_SOUNDS_I = re.compile(r"h?[ií](?!e)", re.IGNORECASE)


class Phrases(msgspec.Struct, frozen=True):
    """The program's own words in one language."""

    to_follow: str
    missing: str
    undecided: str
    conjunction: str
    yes: str
    no: str
    union: str
    not_known: str
    perhaps: str
    """Precedes text under an undetermined condition."""


@cache
def phrases(language: str) -> Phrases:
    """Return the words of a BCP 47 tag's language, English where we have none."""
    languages = table("phrases.csv")
    return Phrases(**languages.get(language.split("-")[0].lower(), languages["en"]))


def joined(entries: Sequence[str], language: str) -> str:
    """Join a list as a person would: ``a, b and c``; entries with commas of their own by semicolons."""
    if len(entries) < 2:
        return "".join(entries)
    comma = "; " if any("," in entry for entry in entries) else ", "
    return f"{comma.join(entries[:-1])} {_and(entries[-1], language)} {entries[-1]}"


def _and(following: str, language: str) -> str:
    """Return the word for *and*; the Spanish one is another before the sound of an ``i``."""
    if language.startswith("es") and _SOUNDS_I.match(following):
        return "e"
    return phrases(language).conjunction
