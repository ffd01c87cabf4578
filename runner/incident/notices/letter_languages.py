"""The language of letters by place: where one official language serves everybody (Arts. 12(1) and 34(2) GDPR ask for clear language)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from runner.incident.notices.letters import Group

_PLACES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("AU", "CA", "GB", "IE", "MT", "NZ", "US"), "en"),
        **dict.fromkeys(("AT", "DE", "LI"), "de"),
        **dict.fromkeys(("FR", "MC", "CA-QC"), "fr"),
        **dict.fromkeys(("IT", "SM"), "it"),
        "ES": "es",
        "NL": "nl",
        "PL": "pl",
    }
)


def language_of(place: str) -> str:
    """Return the language of a place; empty for several languages, as in Belgium, and for a place without translations."""
    return _PLACES.get(place) or _PLACES.get(place.partition("-")[0], "")


def unchosen(group: Group, chosen: str, written: str) -> str:
    """Return why a text is in a language that nobody chose; ``chosen`` is of the column, the place or a fact."""
    if chosen == written:
        return ""
    if chosen:
        return f"no template in {chosen}"
    return f"no language is known for {group.jurisdiction or 'people without a place'}"


def unchosen_words(groups: Iterable[Group]) -> list[str]:
    """Return a sentence for each number of letters in a language that nobody chose."""
    counts: Counter[tuple[str, str]] = Counter()
    for group in groups:
        counts[group.written_in, group.unchosen] += group.letters if group.unchosen else 0
    return [
        f"{count:,} letters are in the language {written}: {why}. Add a column language, or a template."
        for (written, why), count in sorted(counts.items())
        if count
    ]
