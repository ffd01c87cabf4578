"""A list of people is compared with the facts, place by place."""

from __future__ import annotations

from datetime import UTC, datetime

from runner.facts.vocabulary.register import Fact
from runner.incident.notices.list_counts import Counts, differences
from runner.incident.state.incident import Incident
from runner.law.populations import Span

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def found(facts: dict[str, int], counts: Counts, *laws: str) -> dict[str, tuple[int, Span | None]]:
    at = {path: Fact(key=path, value=value, at=AT) for path, value in facts.items()}
    one = Incident(id="i-1", codename="amber-falcon", title="x", kind="real", opened_at=AT, facts=at)
    return {row.place: (row.listed, row.recorded) for row in differences(one, counts, laws)}


def test_a_list_that_agrees_has_no_difference() -> None:
    facts = {"people.by_jurisdiction.US-TX": 249, "people.total": 249}
    assert found(facts, {("US-TX", ""): 249}, "US-TX") == {}


def test_more_or_fewer_people_and_places_without_a_count_are_differences() -> None:
    facts = {"people.by_jurisdiction.US-TX": 249, "people.by_jurisdiction.US-MA": 40}
    counts = {("US-TX", ""): 250, ("US-MA", ""): 39, ("US-IL", ""): 3}
    assert found(facts, counts) == {
        "US-IL": (3, Span(0, 0)),
        "US-MA": (39, Span(40, 40)),
        "US-TX": (250, Span(249, 249)),
    }
    assert found({}, {("US-TX", ""): 1}) == {"US-TX": (1, None)}


def test_places_of_the_law_that_the_list_leaves_out_are_differences() -> None:
    facts = {
        "people.by_jurisdiction.DE": 10,
        "people.by_jurisdiction.FR": 4,
        "people.by_jurisdiction.US-CA": 7,
    }
    assert found(facts, {("DE", ""): 10}, "EU") == {"FR": (0, Span(4, 4))}


def test_parts_of_a_country_count_for_the_country() -> None:
    assert found({"people.by_jurisdiction.DE": 10}, {("DE-BE", ""): 4, ("DE", ""): 6}) == {}


def test_members_of_the_union_count_for_the_union() -> None:
    facts = {"people.by_jurisdiction.EU": 14}
    assert found(facts, {("DE-BE", ""): 4, ("FR", ""): 10}, "EU") == {}
    assert found(facts, {("DE", ""): 4}, "EU") == {"EU": (4, Span(14, 14))}
    facts = {"people.by_jurisdiction.EU": 14, "people.by_jurisdiction.DE": 4}
    assert found(facts, {("DE", ""): 4, ("FR", ""): 10}, "EU") == {}


def test_a_list_without_places_is_compared_with_the_total() -> None:
    assert found({"people.total": 12}, {("", ""): 12}) == {}
    assert found({"people.total": 12}, {("", ""): 13}) == {"": (13, Span(12, 12))}
