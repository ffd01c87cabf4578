"""How sure a rule of law is, in words: the four levels apart, and the quotation with the place where it was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, get_args

from runner.law.duty import Verification
from runner.law.regime import Level, Words
from runner.reports.core.formatting import person_name
from runner.reports.core.page import Block, Cell, Tone, flow

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
LEVEL_WORDS: Final[dict[Level, str]] = {
    "verified": "verified: a named person opened the official page",
    "text": "text: words seen in a stored copy, page not opened",
    "secondary": "secondary: a source that cites the article",
    "unverified": "unverified",
}
TONES: Final[dict[Level, Tone]] = {
    "verified": "good",
    "text": "plain",
    "secondary": "plain",
    "unverified": "warn",
}
_SPEAKER = {"official": "", "regulator": " (the regulator)", "secondary": " (in another writer's words)"}


def counted(levels: Iterable[Level]) -> dict[Level, int]:
    """Return the number of duties of each level; every level is there."""
    found = Counter(levels)
    return {level: found[level] for level in LEVELS}


def counts_words(levels: Mapping[Level, int]) -> str:
    """Return the levels that occur with their numbers: ``2 text, 1 secondary``."""
    return ", ".join(f"{number} {level}" for level, number in levels.items() if number)


def _quotation(one: Words) -> str:
    """Return the words with the article and who speaks; in quotation marks unless another writer speaks."""
    said = one.quote if one.kind == "secondary" else f"“{one.quote}”"
    language = f" [{one.language}]" if one.language != "en" else ""
    about = f" on {one.about}" if one.about else ""
    return f"{one.ref}{about}{_SPEAKER[one.kind]}{language}: {said}"


def _provenance(one: Words, source: str, *, opened: bool) -> str:
    """Return where the words were seen, and whether a person whom the file names opened the official page."""
    seen = (
        f"stored copy: {one.seen_in}, {one.seen or 'date not given'}"
        if one.seen_in
        else "words not seen in a copy"
    )
    page = f"{person_name(one.by)} opened the page on {one.checked}" if one.by else "page not opened"
    address = f": {one.url}" if one.url != source else ""
    return f"{seen}{'' if opened else f'; {page}'}{address}{f' ({one.note})' if one.note else ''}"


def words_blocks(words: Iterable[Words], check: Verification | None, source: str) -> Iterator[Block]:
    """Yield each quotation with where it was seen, and the check of the home; the page ``source`` is not repeated."""
    opened = check is not None and not check.outdated
    for one in words:
        yield flow(Cell("Words    ", "dim"), _quotation(one), indent=2, hang=9)
        yield flow(
            Cell("Seen in  ", "dim"), Cell(_provenance(one, source, opened=opened), "dim"), indent=2, hang=9
        )
    if check is not None:
        said = Cell(check_words(check), "good" if opened else "warn")
        yield flow(Cell("Check    ", "dim"), said, indent=2, hang=9)


def check_words(check: Verification) -> str:
    """Return who opened which page, and whether the rule in the law file changed since."""
    later = "The rule in the law file changed after this check: check it again." if check.outdated else ""
    why = f"(another site: {check.reason}) " if check.reason else ""
    return f"{person_name(check.by)} opened the page on {check.on}: {check.url} {why}{later}".strip()
