"""Organisation journals on either store: of two concurrent writers, the second decides again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.app.core import organisation_journal
from runner.app.exercises.improvements import add, read
from runner.incident.exercises.improvements import (
    JOURNAL,
    AnyImprovementEvent,
    ImprovementAdded,
    Items,
    Plan,
    Source,
)
from tests.cli.at_desk import AtDesk
from tests.refusals import refused
from tests.servers.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AtDesk]:
    """A home on either store."""
    tocsin = AtDesk(tmp_path / "home")
    tocsin.done("init")
    if request.param == "postgres":
        tocsin.settings(store=request.getfixturevalue("postgres_url"))
        tocsin.done("doctor", "--repair")
    yield tocsin
    tocsin.close()


def added(found: Items) -> list[AnyImprovementEvent]:
    return [ImprovementAdded(item=f"I-{len(found.items) + 1}", by="maria", plan=Plan(text="slow"))]


def test_a_second_writer_decides_again_and_no_event_is_lost(home: AtDesk) -> None:
    here, there = home.office("maria"), home.office("ada")
    seen: list[int] = []

    def decide(found: Items) -> list[AnyImprovementEvent]:
        seen.append(found.version)
        if len(seen) == 1:
            add(there, [(Source(), Plan(text="faster"))])
        return added(found)

    (made,) = organisation_journal.change(here, JOURNAL, read, decide)
    assert (made.item, seen) == ("I-2", [0, 1])
    assert [item.plan.text for item in read(there).items.values()] == ["faster", "slow"]
    assert here.store.verify().ok


def test_a_writer_that_always_conflicts_gets_stale(home: AtDesk) -> None:
    here, there = home.office("maria"), home.office("ada")

    def decide(found: Items) -> list[AnyImprovementEvent]:
        add(there, [(Source(), Plan(text="faster"))])
        return added(found)

    with refused("stale"):
        organisation_journal.change(here, JOURNAL, read, decide)


def test_the_same_proposal_from_two_people_becomes_one_item(home: AtDesk) -> None:
    row = (Source(incident="i-1", ref="rating:T1"), Plan(text="slow"))
    assert [item.id for item in add(home.office("maria"), [row])] == ["I-1"]
    assert add(home.office("ada"), [row]) == ()
