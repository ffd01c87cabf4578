"""Translations of prose: for each language, the same paths as the texts themselves, as ``translations.de.incident.summary``."""

from __future__ import annotations

from collections.abc import Mapping

from runner.facts.vocabulary.fact_types import Branch, FactType, Keyed

_NOT_SPOKEN = ("address", "claims")
"""Prose that is the same in every language, or that no notice prints."""
PREFIX = "translations."


def translations(roots: Mapping[str, Branch]) -> Keyed:
    """Return the facts of translated prose for a vocabulary."""
    return Keyed("Your texts in other languages, by language", "language", _spoken(roots))


def _spoken(group: Mapping[str, Branch]) -> Mapping[str, Branch]:
    found: dict[str, Branch] = {}
    for name, branch in group.items():
        match branch:
            case FactType(kind="prose") if name not in _NOT_SPOKEN:
                found[name] = FactType(f"{branch.title}, translated", "prose")
            case Keyed(title, key, member) if not isinstance(member, FactType) and name not in _NOT_SPOKEN:
                if below := _spoken(member):
                    found[name] = Keyed(title, key, below)
            case Mapping():
                if below := _spoken(branch):
                    found[name] = below
            case _:
                pass
    return found


def source_of(path: str) -> str:
    """Return the fact that a translation is of; empty for another fact."""
    return path.split(".", 2)[2] if path.startswith(PREFIX) and path.count(".") > 1 else ""
