"""Forbidden content of a notice, searched in the words of its text, whatever its template reads.

A number counts in every format of the languages: ``1,100``, ``1.100``, ``1 100``, ``1100``. Nothing found is no proof: a
person verifies the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.base.jurisdictions import PEOPLE, US_NAMES
from runner.documents.notice import Ban, Coverage, CoverageState
from runner.documents.tree import Document, plain, runs
from runner.facts.vocabulary.lookup import fact_type

_NUMBER = re.compile(r"(?<![\w.,/§$€£-])(?:\d{1,3}(?:[.,'’\u00a0\u202f ]\d{3})+|\d+)(?![\w/]|[.,:-]\d)")
_ENDING = re.compile(r"(?:ings?|ers?|ed|es|s)$")
_POPULATION = re.compile(r"^populations\[[^\]]*\]\.")
_SHORTEST = 6
"""Shorter texts of other facts stay in what is searched: they can also be a number of people."""
_SHOWN = 3


def judged(ban: Ban, document: Document) -> Coverage:
    """Return whether a text has forbidden content, with the words and the paragraph; ``to_check`` if none was found."""
    printed = {_POPULATION.sub("", used.path) for used in document.facts_used if used.printed}
    present = tuple(path for path in ban.facts if path in printed)
    certain: list[str] = []
    unsure: list[str] = []
    words: list[str] = []
    for number, text in enumerate(_texts(document), 1):
        found, weak = _found(ban, text)
        words += found
        certain += [f"“{word}” in paragraph {number}" for word in found]
        unsure += [f"“{word}” in paragraph {number}" for word in weak]
    state: CoverageState = "forbidden" if present or certain else "to_check"
    if certain:
        note = f"found: {'; '.join(certain[:_SHOWN])}"
    elif unsure:
        note = f"to verify: {'; '.join(unsure[:_SHOWN])} can have another meaning"
    else:
        note = "" if present else "to verify: the search found nothing"
    return Coverage(
        ref=ban.ref,
        item=f"must not say: {ban.item}",
        state=state,
        facts=present,
        note=note,
        words=tuple(dict.fromkeys(words)),
    )


def _texts(document: Document) -> Iterator[str]:
    """Yield each paragraph, without the texts of facts that cannot carry the content: addresses, times, data types."""
    known = [
        text
        for used in document.facts_used
        if used.printed and not _free(_POPULATION.sub("", used.path))
        for text in used.texts
        if len(text) >= _SHORTEST
    ]
    for inlines in runs(document.blocks):
        text = " ".join(plain(inlines).split())
        for other in sorted(known, key=len, reverse=True):
            text = text.replace(" ".join(other.split()), " ")
        yield text


def _free(path: str) -> bool:
    """Tell whether a fact is words of a person about the incident, or a number of people."""
    kind = fact_type(path)
    prose = kind is not None and kind.kind in ("prose", "text")
    return path.startswith("people.") or (
        prose and path.startswith(("incident.", "risk.", "law_enforcement."))
    )


def _found(ban: Ban, text: str) -> tuple[list[str], list[str]]:
    """Return what certainly is the forbidden content in a paragraph, and what may be it."""
    numbers = [(shown, int(re.sub(r"\D", "", shown))) for shown in _NUMBER.findall(text)]
    certain = [shown for shown, number in numbers if number in ban.numbers]
    common = [shown for shown, number in numbers if number in ban.common]
    certain += [shown for shown in common if _of_people(shown, text, ban)]
    unsure = [shown for shown in common if shown not in certain]
    certain += [hit for name in ban.names for hit in _stands(name, text)]
    prose = list(dict.fromkeys(hit.lower() for word in ban.prose for hit in _stands(word, text)))
    return (certain + prose, unsure) if len(prose) > 1 else (certain, unsure + prose)


def _of_people(shown: str, text: str, ban: Ban) -> bool:
    """Tell whether a number is one of people: it stands beside a word for them, or is of the place."""
    codes = {path.rpartition("US-")[2] for path in ban.facts}
    places = "|".join(US_NAMES[code] for code in codes if code in US_NAMES) or "(?!)"
    after = (
        rf"(?<!\w){re.escape(shown)}(?:\s[^\s.;]+){{0,2}}?\s(?:(?:{PEOPLE})\b|(?:in|from|of) (?:{places})\b)"
    )
    return re.search(rf"{after}|\b(?:{PEOPLE}):?\s{re.escape(shown)}(?!\w)", text, re.IGNORECASE) is not None


def _stands(word: str, text: str) -> list[str]:
    """Return the first form of a word in a text, such as “hackers” for “hacking”."""
    endings = "(?:ing|er|ed|e)?s?" if word.isalpha() else ""
    found = re.search(rf"(?<!\w){re.escape(stemmed(word))}{endings}(?!\w)", text, re.IGNORECASE)
    return [found[0]] if found else []


def stemmed(word: str) -> str:
    """Return a word without its English ending, if four letters are left."""
    stem = _ENDING.sub("", word)
    return stem if len(stem) >= 4 and word.isalpha() else word
