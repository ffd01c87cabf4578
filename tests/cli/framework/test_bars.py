"""Bars on long work are for a person at a terminal, on standard error, and leave the answer alone."""

from __future__ import annotations

import re

import pytest

from tests.cli.at_desk import AtDesk

BAR = "━"
LONG = [
    (("audit", "verify"), {"EVENTS", "?"}),
    (("audit", "verify", "-i", "amber-falcon"), {"EVENTS", "?"}),
    (("doctor",), {"EVENTS", "1", "?"}),
    (("worker", "--once"), {"?"}),
]
"""Commands, and what their bars count up to: all events, the one incident, what nobody knows before."""


@pytest.mark.parametrize(("words", "totals"), LONG)
def test_long_work_shows_a_bar_at_a_terminal(
    incident: AtDesk, words: tuple[str, ...], totals: set[str]
) -> None:
    events = str(incident("audit", "verify", "--format", "json").json["events"])
    said = incident(*words, types="")
    shown = re.findall(r"\d/(\d+|\?)", said.err)
    assert {"EVENTS" if one == events else one for one in shown} == totals
    assert (BAR in said.err, BAR in said.out) == (True, False)


@pytest.mark.parametrize("words", [words for words, _ in LONG])
def test_pipes_and_programs_see_none(incident: AtDesk, words: tuple[str, ...]) -> None:
    assert BAR not in incident(*words).err
    assert BAR not in incident(*words, "--format", "json", types="").err
    incident.environ["NO_COLOR"] = "1"
    assert BAR not in incident(*words, types="").err


def accepted(text: str) -> set[str]:
    """Return the deliveries of which a line says that their channel accepted them."""
    lines = [
        splitline for splitline in text.splitlines() if "screen" in splitline and "accepted" in splitline
    ]
    return {found for line in lines for found in re.findall(r"\bd-\d+\b", line)}


def deliveries(desk: AtDesk, name: str) -> set[str]:
    found = desk("message", "list", "-i", name, "--format", "json").json["deliveries"]
    return {delivery["delivery"] for delivery in found}


def test_the_worker_reports_its_work_above_the_progress_bar(tocsin: AtDesk, playbook: object) -> None:
    words = ("--yes", "--no-work", "--fact", "incident.summary=x")
    tocsin.done("open", str(playbook), *words)
    said = tocsin("worker", "--once", types="")
    assert (BAR in said.err, accepted(said.err)) == (True, deliveries(tocsin, "amber-falcon"))
    tocsin.done("open", str(playbook), *words)
    found = accepted(tocsin("worker", "--once").err)
    assert (len(found), found) == (2, deliveries(tocsin, "calm-heron"))


def test_every_event_is_counted(incident: AtDesk) -> None:
    counted: list[int] = []
    from runner.app.home.integrity import events, verify
    from runner.app.home.open_home import open_service

    desk = open_service(incident.home, incident.world().who(""), clock=incident.clock, chance=incident.chance)
    with desk.store:
        verification = verify(desk, None, seen=counted.append)
        assert (sum(counted), verification.events) == (events(desk, None), events(desk, None))
        one = desk.find("amber-falcon")
        assert verify(desk, one, seen=counted.append).events == events(desk, one)
