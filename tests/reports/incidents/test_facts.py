"""Facts: what is known, what is missing, what was said before."""

from __future__ import annotations

from runner.base.actor import Actor
from runner.facts.vocabulary.register import value_words
from runner.incident.law.duties import duty_statuses
from runner.reports.core.page import plain
from runner.reports.incidents.facts import history, history_page, missing, missing_page
from runner.reports.incidents.known_facts import FactsReport, facts, facts_page
from tests import scenario as s
from tests.reports import scenes


def known(world: s.World, under: str = "") -> FactsReport:
    duties = duty_statuses(world.incident, world.now, world.library)
    return facts(world.incident, world.library, duties, scenes.stored(world), under, world.now)


def test_facts_show_their_source_and_whether_they_are_estimates() -> None:
    world = scenes.opened(kind="exercise")
    world.fact("data.encrypted", None)
    scenes.compare("facts.show", facts_page(known(world), world.now))


def test_facts_can_be_narrowed_to_a_part() -> None:
    report = known(scenes.opened(), "organisation")
    assert [fact.key for fact in report.facts] == ["organisation.country", "organisation.role"]


def test_missing_facts_list_the_blocked_items_and_possible_answers() -> None:
    world = scenes.opened()
    duties = duty_statuses(world.incident, world.now, world.library)
    scenes.compare("facts.missing", missing_page(missing(world.incident, world.library, duties)))


def test_a_page_without_missing_facts_states_so() -> None:
    world = s.World(s.task("wipe"))
    page = missing_page(missing(world.incident, world.library, ()))
    assert "No missing fact blocks a task or a duty" in plain(page)


def test_a_correction_keeps_the_earlier_value() -> None:
    world = scenes.opened()
    world.advance(s.HOUR)
    world.fact("organisation.country", "FR")
    actors = {len(world.journal) - 1: Actor(claimed="ann", os_user="aroot", host="desk1")}
    report = history(world.incident, "organisation.country", scenes.stored(world, actors))
    assert [(one.value, one.current) for one in report.history] == [("DE", False), ("FR", True)]
    scenes.compare("facts.history", history_page(report))


def test_values_read_as_people_write_them() -> None:
    said = [value_words(one) for one in (None, True, False, ["a", "?"], [], 3, "x")]
    assert said == ["unknown", "yes", "no", "a, and perhaps more", "none", "3", "x"]


def test_the_json_carries_values_as_they_are() -> None:
    document = scenes.document(known(scenes.opened(), "organisation.role"))
    assert document["schema"] == "tocsin/known-facts/v1"
    assert document["facts"][0]["value"] == ["controller"]
