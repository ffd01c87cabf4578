"""The call sheet on paper: numbers in clear, who waits to be reached first, and a file for its owner alone."""

from __future__ import annotations

import contextlib
import stat
from datetime import timedelta

import pytest

from tests.cli.at_desk import AtDesk, compare


@pytest.fixture
def reachable(incident: AtDesk) -> AtDesk:
    """The incident, with two telephone numbers."""
    incident.done("person", "add", "ada", "--contact", "phone=+15005550006")
    incident.done("person", "add", "jonas", "--contact", "phone=+15005550001")
    incident.clock.advance(timedelta(hours=1))
    incident.done("person", "verify", "jonas", "phone", "--how", "in person")
    return incident


def test_the_sheet_names_everybody_with_number_role_and_a_box(reachable: AtDesk) -> None:
    compare("call-sheet", reachable.done("message", "call-sheet"), reachable.home)


def test_without_an_incident_it_is_the_sheet_of_a_quiet_day(tocsin: AtDesk) -> None:
    compare("call-sheet.quiet", tocsin.done("message", "call-sheet"), tocsin.home)


def test_people_who_await_contact_come_first_on_the_call_sheet(reachable: AtDesk) -> None:
    delivery = reachable("message", "list", "--format", "json").json["deliveries"][0]
    assert delivery["recipient"] == "jonas"
    before = reachable.done("message", "call-sheet")
    reachable.done("domain", "compromised", "this-machine")
    reachable.done("message", "retry", delivery["delivery"], "--reason", "nobody saw it")
    after = reachable.done("message", "call-sheet")
    assert before.index("Ada Adler") < before.index("Jonas Jansen")
    assert after.index("Jonas Jansen") < after.index("Ada Adler")


@pytest.mark.parametrize("ending", ["pdf", "docx", "html", "txt", "md"])
def test_it_is_written_for_its_owner_alone(reachable: AtDesk, ending: str) -> None:
    with contextlib.chdir(reachable.home.parent):
        path = reachable.home.parent / f"calls.{ending}"
        path.write_text("older", encoding="utf-8")
        said = reachable.done("message", "call-sheet", "--out", path.name)
        compare("call-sheet.written", said.replace(path.name, "FILE"), reachable.home)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_size > 500


def test_phone_numbers_are_not_in_json_and_an_unknown_ending_is_refused(reachable: AtDesk) -> None:
    said = reachable("message", "call-sheet", "--format", "json")
    assert (said.code, said.error, "+1500" in said.out) == (2, "option_missing", False)
    said = reachable("message", "call-sheet", "--out", "calls.doc")
    assert (said.code, said.error) == (2, "unknown_ending")
