"""The language of letters by place: where one official language serves everybody (Arts. 12(1) and 34(2) GDPR ask for clear language)."""

from __future__ import annotations

from collections.abc import Mapping
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
