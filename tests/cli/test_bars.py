"""Bars on long work are for a person at a terminal, on standard error, and leave the answer alone."""

from __future__ import annotations

import pytest

from tests.cli.at_desk import AtDesk

LONG = [
    (("audit", "verify"), "verifying events"),
    (("audit", "verify", "-i", "amber-falcon"), "verifying events"),
    (("doctor",), "reading incidents"),
    (("worker", "--once"), "working"),
]


@pytest.mark.parametrize(("words", "shown"), LONG)
def test_long_work_shows_a_bar_at_a_terminal(incident: AtDesk, words: tuple[str, ...], shown: str) -> None:
    said = incident(*words, types="")
    assert shown in said.err
    assert shown not in said.out


@pytest.mark.parametrize(("words", "shown"), LONG)
def test_pipes_and_programs_see_none(incident: AtDesk, words: tuple[str, ...], shown: str) -> None:
    assert shown not in incident(*words).err
    assert shown not in incident(*words, "--format", "json", types="").err
    incident.environ["NO_COLOR"] = "1"
    assert shown not in incident(*words, types="").err


def test_what_a_worker_does_is_said_above_its_bar(tocsin: AtDesk, playbook: object) -> None:
    words = ("--yes", "--no-work", "--fact", "incident.summary=x")
    tocsin.done("open", str(playbook), *words)
    said = tocsin("worker", "--once", types="")
    assert "over screen: accepted" in said.err
    tocsin.done("open", str(playbook), *words)
    assert tocsin("worker", "--once").err.count("over screen: accepted") == 2


def test_every_event_is_counted(incident: AtDesk) -> None:
    counted: list[int] = []
    from runner.service.audit import events, verify
    from runner.service.opening import open_desk

    desk = open_desk(incident.home, incident.world().who(""), clock=incident.clock, chance=incident.chance)
    with desk.store:
        found = verify(desk, None, seen=counted.append)
        assert (sum(counted), found.events) == (events(desk, None), events(desk, None))
        one = desk.find("amber-falcon")
        assert verify(desk, one, seen=counted.append).events == events(desk, one)
