"""Dates on which a text says that the organisation became aware: the legal moment of Art. 33 GDPR and its kin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from types import MappingProxyType

from runner.documents.tree import Document, Fields, plain, runs, walk

_AWARE: Mapping[str, str] = MappingProxyType(
    {
        "en": r"\baware(?:ness)?\b",
        "de": r"\b(?:Kenntnis|bekannt (?:seit|geworden|wurde)|bewusst)\b",
        "fr": r"\bconnaissance\b",
        "es": r"\b(?:constancia|conocimiento)\b",
        "nl": r"\b(?:kennis|bekend)\b",
        "it": r"\b(?:conoscenza|consapevol\w+)\b",
        "pl": r"\b(?:stwierdz\w+|świadom\w*|wiadomoś\w+)\b",
    }
)
_SENTENCE = re.compile(r"(?<=[a-zà-ÿ)”\"][.!?])\s+|\n\n")


def aware_dates(document: Document) -> tuple[str, ...]:
    """Return the dates (ISO) in sentences and fields with the word "aware", in the document's language."""
    language = document.language.partition("-")[0].lower()
    word = re.compile(_AWARE.get(language, _AWARE["en"]), re.IGNORECASE)
    found = (
        day
        for text in _texts(document)
        for sentence in _SENTENCE.split(text)
        if word.search(sentence)
        for day in dates_in(sentence, language)
    )
    return tuple(dict.fromkeys(day.isoformat() for day in found))


def _texts(document: Document) -> Iterator[str]:
    for block in walk(document.blocks):
        if isinstance(block, Fields):
            yield from (f"{plain(row.label)}: {plain(row.value)}" for row in block.rows)
        else:
            yield from map(plain, runs((block,)))


def dates_in(text: str, language: str) -> Iterator[date]:
    """Yield the dates in a text: ISO, or with the name of the month in the language."""
    months, pattern = _months(language)
    for found in pattern.finditer(text):
        parts = found.groupdict()
        year = parts["y"] or parts["y2"] or parts["y3"]
        month = parts["m"] or months[(parts["name"] or parts["name2"]).lower()]
        day = parts["d"] or parts["d2"] or parts["d3"]
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            continue


@cache
def _months(language: str) -> tuple[Mapping[str, int], re.Pattern[str]]:
    """Return the months by name, and the pattern of a date (a constant for each language)."""
    from babel import Locale, UnknownLocaleError

    try:
        names = Locale.parse(language).months["format"]["wide"]
    except (UnknownLocaleError, ValueError):
        names = Locale("en").months["format"]["wide"]
    months = {str(name).lower(): number for number, name in names.items()}
    name = "|".join(map(re.escape, months))
    return months, re.compile(
        r"(?<!\d)(?:(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
        rf"|(?P<d2>\d{{1,2}})(?:\.|er)?\s+(?:de\s+)?(?P<name>{name})\s+(?:de\s+)?(?P<y2>\d{{4}})"
        rf"|(?P<name2>{name})\s+(?P<d3>\d{{1,2}}),?\s+(?P<y3>\d{{4}}))(?!\d)",
        re.IGNORECASE,
    )
