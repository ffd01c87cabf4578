"""Phrases that documents add, by language; labels of codes are in ``labels``.

Templates are written in one language each; only these words cannot stand in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

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
    """Stands before what a condition lets in that nobody can decide."""


PHRASES: Final[Mapping[str, Phrases]] = MappingProxyType(
    {
        "en": Phrases(
            "not known at this time, will follow",
            "MISSING",
            "UNDECIDED",
            "and",
            "yes",
            "no",
            "the European Union",
            "not known at this time",
            "Not known at this time whether the following applies:",
        ),
        "de": Phrases(
            "zurzeit nicht bekannt, wird nachgereicht",
            "FEHLT",
            "NICHT ENTSCHIEDEN",
            "und",
            "ja",
            "nein",
            "die Europäische Union",
            "zurzeit nicht bekannt",
            "Zurzeit nicht bekannt, ob das Folgende zutrifft:",
        ),
        "fr": Phrases(
            "pas connu à ce stade, sera communiqué ultérieurement",
            "MANQUE",
            "NON DÉCIDÉ",
            "et",
            "oui",
            "non",
            "l’Union européenne",
            "pas connu à ce stade",
            "Pas connu à ce stade, si ce qui suit s’applique :",
        ),
        "es": Phrases(
            "no se conoce en este momento, se comunicará más adelante",
            "FALTA",
            "SIN DECIDIR",
            "y",
            "sí",
            "no",
            "la Unión Europea",
            "no se conoce en este momento",
            "No se conoce en este momento si lo siguiente es aplicable:",
        ),
    }
)


def phrases(language: str) -> Phrases:
    """Return the words of a BCP 47 tag's language, English where we have none."""
    return PHRASES.get(language.split("-")[0].lower(), PHRASES["en"])


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
