"""Dates on which a text says that the organisation became aware: the legal moment of Art. 33 GDPR and its kin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from functools import cache
from types import MappingProxyType

from runner.documents.tree import Document, Fields, grouped, plain, walk

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
SENTENCE = re.compile(r"(?<=[a-zà-ÿ)”\"][.!?])\s+|\n\n")


def aware_dates(document: Document) -> tuple[str, ...]:
    """Return the dates in sentences and fields with the word "aware", in the document's language; see ``dates_in``."""
    language = document.language.partition("-")[0].lower()
    word = re.compile(_AWARE.get(language, _AWARE["en"]), re.IGNORECASE)
    found = (
        day
        for text in texts(document)
        for sentence in SENTENCE.split(text)
        if word.search(sentence)
        for _, day in dates_in(sentence, document.language, document.context.timestamp.date())
    )
    return tuple(dict.fromkeys(found))


def texts(document: Document) -> Iterator[str]:
    """Yield each paragraph, and each field with its label."""
    for block in walk(document.blocks):
        for between, group in grouped(block):
            words = map(plain, group)
            yield from (between.join(words),) if isinstance(block, Fields) else words


def dates_in(text: str, language: str, by: date) -> Iterator[tuple[str, str]]:
    """Yield each date in a text as it is written and in ISO; as it is written if it has two readings.

    A date without a year is the last one until ``by``. American English has the month first, "en" alone has either.
    """
    months, pattern = _months(language.partition("-")[0].lower())
    for found in pattern.finditer(text):
        part = found.groupdict()
        if first := part["first"]:
            other, year = part["second"], part["y4"]
            swapped = part["sign"] == "/" and language.lower().startswith("en")
            if (
                swapped
                and language.lower() != "en-us"
                and first != other
                and max(int(first), int(other)) < 13
            ):
                yield found[0], found[0]
                continue
            month_first = (swapped and int(other) > 12) or (
                language.lower() == "en-us" and swapped and int(first) < 13
            )
            days, month = ((other,), first) if month_first else ((first,), other)
        elif part["y"]:
            year, month, days = part["y"], part["m"], (part["d"],)
        else:
            year = part["y2"] or part["y3"]
            month = str(months[(part["name"] or part["name2"]).lower()])
            days = tuple(filter(None, (part["from"], part["d2"], part["d3"], part["to"])))
        for day in days:
            with suppress(ValueError):
                yield found[0], _day(int(day), int(month), year, by).isoformat()


def _day(day: int, month: int, year: str | None, by: date) -> date:
    near = date(int(year or by.year), month, day)
    return near if year or near <= by else date(by.year - 1, month, day)


@cache
def _months(language: str) -> tuple[Mapping[str, int], re.Pattern[str]]:
    """Return the months by name, and the pattern of a date (a constant for each language)."""
    from babel import Locale, UnknownLocaleError

    try:
        names = Locale.parse(language).months["format"]
    except (UnknownLocaleError, ValueError):
        names = Locale("en").months["format"]
    months = {
        str(name).lower().rstrip("."): number
        for width in ("abbreviated", "wide")
        for number, name in names[width].items()
    }
    name = "|".join(map(re.escape, sorted(months, key=len, reverse=True)))
    until = r"(?:\s*[-–—]\s*|\s+(?:to|and|until|bis|und|au|et|al|y|e|en|tot|do|i)\s+)"
    return months, re.compile(
        r"(?<![\d.])(?:(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
        r"|(?P<first>\d{1,2})(?P<sign>[./])(?P<second>\d{1,2})(?P=sign)(?P<y4>\d{4})"
        rf"|(?:(?P<from>\d{{1,2}})\.?{until})?(?P<d2>\d{{1,2}})(?:\.|er)?\s+(?:de\s+)?(?P<name>{name})\b\.?(?:,?\s+(?:de\s+)?(?P<y2>\d{{4}}))?"
        rf"|\b(?P<name2>{name})\b\.?\s+(?P<d3>\d{{1,2}})(?:{until}(?P<to>\d{{1,2}}))?(?:,?\s+(?P<y3>\d{{4}}))?)(?!\d)",
        re.IGNORECASE,
    )
