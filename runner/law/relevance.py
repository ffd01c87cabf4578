"""Relevance of undetermined duties: a recorded fact points to them, or they are open only because facts are missing.

Theory. Of more than a hundred laws nearly all are unknown until the facts say what the organisation is regulated as
and where the affected people live. Each such question settles dozens of duties at once, so a person is asked the
question; a clock for every duty would hide the few that matter. A duty is relevant if its verdict is
known, or if it depends on the case alone: the data, the risk, the dates. It is also relevant while its territory is
open but a recorded fact is in it, such as a resident or an office.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from runner.base.jurisdictions import EU_MEMBERS
from runner.facts.expression import Unknown
from runner.facts.vocabulary.register import Fact, nested

T = TypeVar("T")

_WHAT_WE_ARE = ("regulated_as", "sectors", "public_body", "public_kind", "home_state")
_WHERE_WE_ARE = (
    "organisation.country",
    "organisation.established_in",
    "organisation.main_establishment",
    "organisation.offers_to",
    "organisation.does_business_in",
)
SET_UP: Mapping[str, str] = MappingProxyType(
    {
        "country": "PLACE",
        "role": "[controller]",
        "established_in": "[PLACE]",
        "offers_to": "[PLACE]",
        "does_business_in": "[PLACE]",
        "regulated_as": "[KIND]",
    }
)
"""Facts of the organisation that the settings answer before an incident → an example for the settings."""
_BROADER: Mapping[str, Sequence[str]] = MappingProxyType(
    {"home_state": ("regulated_as", "public_body"), "public_kind": ("public_body", "home_state")}
)
"""A narrow question about the organisation, and the questions that decide whether it is necessary."""
_RESIDENTS = "people.by_jurisdiction"


def is_relevant(answer: bool | Unknown, jurisdictions: Sequence[str], known: frozenset[str]) -> bool:
    """Whether a duty gets a clock of its own; ``known`` are the places in recorded facts."""
    if not isinstance(answer, Unknown):
        return True
    if any(map(depends_on_profile, answer.missing)):
        return False
    return not any(depends_on_location(path) for path in answer.missing) or not known.isdisjoint(
        jurisdictions
    )


Rank = tuple[int, datetime]
"""Nearness of a duty's law, and its deadline."""
ELSEWHERE = 3
CONTRACT = "contract"
"""The place of a contract's duties, which bind the organisation wherever it is; also the beginning of their ids."""
_OURS = {CONTRACT, "own"}


def nearness(facts: Mapping[str, Any]) -> Callable[[Sequence[str]], int]:
    """Return the nearness of the places of a law: 0 is the organisation's home, 1 another place that facts name,
    2 another part of such a country, ``ELSEWHERE`` all others. If no home is known, every place is 1 or 2.
    """
    organisation = facts.get("organisation") or {}
    home = places({"organisation": {key: organisation.get(key) for key in ("country", "main_establishment")}})
    known = places(facts)

    def of(jurisdictions: Sequence[str]) -> int:
        if not home.isdisjoint(jurisdictions) or not _OURS.isdisjoint(jurisdictions):
            return 0
        if not known.isdisjoint(jurisdictions):
            return 1
        near = not home or not known.isdisjoint(place.partition("-")[0] for place in jurisdictions)
        return 2 if near else ELSEWHERE

    return of


def questions(duties: Iterable[tuple[T, Sequence[str], Rank]]) -> dict[str, list[T]]:
    """Return the questions that make duties relevant, each with the duties that depend on it, the nearest first.

    Each duty has its missing facts and its rank; at the same rank, the question that decides more duties is first. A
    question that only laws elsewhere ask is left out, except where the affected people live.

    Residence is one question for all places, under ``PLACE``; the answers are per place. The home state of an
    insurer is asked only of a known insurer: a duty that misses both facts has only the broad question.
    """
    asked: dict[str, list[T]] = {}
    ranks: dict[str, Rank] = {}
    known: dict[Sequence[str], list[str]] = {}
    for duty, missing, rank in duties:
        facts = tuple(missing)
        if facts not in known:
            known[facts] = list(_questions(facts))
        for question in known[facts]:
            asked.setdefault(question, []).append(duty)
            ranks[question] = min(rank, ranks.get(question, rank))
    near = (one for one in asked.items() if ranks[one[0]][0] < ELSEWHERE or _RESIDENTS in one[0])
    return dict(sorted(near, key=lambda one: (ranks[one[0]], -len(one[1]))))


def _questions(missing: Sequence[str]) -> Iterable[str]:
    """Return the questions of a duty that misses these facts, once each."""
    wanted = dict.fromkeys(path for path in missing if depends_on_profile(path) or depends_on_location(path))
    return dict.fromkeys(_question(path) for path in wanted if wanted.keys().isdisjoint(_broader(path)))


def _broader(path: str) -> Iterable[str]:
    """Return the questions before a narrow one, about the same organisation."""
    of, _, name = path.rpartition(".")
    return (f"{of}.{broader}" for broader in _BROADER.get(name, ()))


def _question(path: str) -> str:
    before, found, _ = path.partition(f"{_RESIDENTS}.")
    return f"{before}{found}PLACE" if found else path


def depends_on_profile(path: str) -> bool:
    """Whether a fact describes the organisation or the places of its people: a duty that waits for this fact is not relevant."""
    return path.rpartition(".")[2] in _WHAT_WE_ARE or _RESIDENTS in path


def unknown_organisation(known: Collection[str]) -> tuple[str, ...]:
    """Return the facts about the organisation that every law asks and that are not among the known ones: its place, its role."""
    places = ("organisation.country", "organisation.established_in")
    place = () if any(path in known for path in places) else places[:1]
    return (*place, *(path for path in ("organisation.role",) if path not in known))


def is_set_up(path: str) -> bool:
    """Whether a fact is a question of the settings, never one for the first minutes of an incident."""
    of, _, name = path.partition(".")
    return of == "organisation" and name in SET_UP


def depends_on_location(path: str) -> bool:
    """Whether a fact is where the organisation is."""
    return path in _WHERE_WE_ARE or path.endswith(".country")


def awaited(
    duties: Iterable[tuple[Sequence[str], Sequence[str], bool]], facts: Mapping[str, Fact]
) -> tuple[str, ...]:
    """Return the facts still to come that may make one of these undetermined duties apply.

    Each duty has its missing facts, the places of its law, and whether it is relevant. A law without contact to a
    recorded place is not waited for, except while nobody's place is recorded.
    """
    known = places(nested(facts))
    found: set[str] = set()
    for missing, jurisdictions, relevant in duties:
        if relevant or not known.isdisjoint(jurisdictions):
            found.update(missing)
        else:
            groups = {path.partition(_RESIDENTS)[0] + _RESIDENTS for path in missing if _RESIDENTS in path}
            found |= {group for group in groups if not any(key.startswith(f"{group}.") for key in facts)}
    return tuple(sorted(found))


def places(facts: Mapping[str, Any]) -> frozenset[str]:
    """Return every place that the facts name, with the country of each part and the Union of each member."""
    named = {place for place in _named(facts) if place}
    countries = {place.partition("-")[0] for place in named}
    union = {"EU"} if countries & EU_MEMBERS else set()
    return frozenset(named | countries | union)


def _named(facts: Mapping[str, Any]) -> Iterator[str]:
    organisation = facts.get("organisation") or {}
    for key in ("country", "main_establishment"):
        yield str(organisation.get(key) or "")
    for key in ("established_in", "offers_to", "does_business_in"):
        yield from map(str, organisation.get(key) or ())
    for entity in _members(organisation.get("entities")):
        yield str(entity.get("country") or "")
    for group in (facts, *_members(facts.get("populations"))):
        residents = (group.get("people") or {}).get("by_jurisdiction") or {}
        yield from (place for place, count in residents.items() if count)


def _members(listed: Any) -> Iterable[Mapping[str, Any]]:
    members = listed.values() if isinstance(listed, Mapping) else listed or ()
    return [member for member in members if isinstance(member, Mapping)]
