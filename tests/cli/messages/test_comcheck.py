"""The communications check, and a reported risk, from the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from integrations import modem
from integrations.port import Timeouts
from integrations.testing.chaos import ChaosServer, Talk
from runner.app.core.contact_store import read_book
from runner.app.core.incident_service import IncidentService
from runner.app.messages.communications_check import check_contacts
from runner.app.messages.communications_check import ways as all_ways
from tests.app.core.test_contact_store import Counted
from tests.cli.at_desk import AtDesk, compare
from tests.crash.scenario import SIGNING
from tests.patience import PATIENCE
from tests.web.at_provider import telephone


def ways(desk: AtDesk) -> dict[str, tuple[object, object]]:
    rows = desk("channel", "check", "--show", "--format", "json").json["ways"]
    return {row["person"]: (row["worked_at"], row["state"]) for row in rows}


def test_looking_at_the_check_sends_nothing(tocsin: AtDesk) -> None:
    assert ways(tocsin) == {"ada": (None, None), "jonas": (None, None), "maria": (None, None)}
    assert tocsin.console == ""


def test_a_channel_check_sends_nothing_before_a_person_confirms(tocsin: AtDesk) -> None:
    said = tocsin("channel", "check")
    assert (said.code, said.error) == (1, "no_terminal")
    said = tocsin("channel", "check", types="n\n")
    assert (said.code, "[not_confirmed]" in said.err) == (1, True)
    assert tocsin.console == ""
    tocsin.done("channel", "check", types="y\n")
    assert re.findall(r"^To: (\w+)", tocsin.console, re.MULTILINE) == ["ada", "jonas", "maria"]


def test_results_of_a_check_are_stored_and_shown_at_opening(tocsin: AtDesk, playbook: Path) -> None:
    words = ("open", str(playbook), "--fact", "incident.summary=x")
    at = tocsin.clock.now()
    pages = [tocsin(*words).err]
    tocsin.done("channel", "check", "--to", "ada", "--yes")
    pages.append(tocsin.console)
    tocsin.clock.advance(timedelta(days=12))
    assert ways(tocsin)["ada"] == (f"{at:%Y-%m-%dT%H:%M:%SZ}", "accepted")
    pages.append(tocsin.done("channel", "check", "--show", "--to", "ada"))
    pages.append(tocsin(*words).err)
    compare("comcheck", "\n".join(pages), tocsin.home)


def test_a_test_by_a_modem_expires_and_leaves_no_text_in_its_folders(tocsin: AtDesk, tmp_path: Path) -> None:
    for name in modem.FOLDERS:
        (tmp_path / name).mkdir()
    settings = {"operator": "carrier-x", "folder": str(tmp_path)}
    telephone(tocsin, {"adapter": "modem", "settings": settings, "timeout": "1s"})
    assert tocsin("channel", "check", "--to", "ada", "--yes").code == 1, "nothing sends what waits"
    until = f"; until {(tocsin.clock.now() + timedelta(hours=1)).timestamp():.0f}\n"
    for waiting in (tmp_path / "outbox").iterdir():
        assert waiting.read_text().startswith(until)
        waiting.rename(tmp_path / "sent" / waiting.name)
    found: list[object] = []

    def took(one: object) -> bool:
        found.append(one)
        return True

    by = modem.Settings(operator="carrier-x", folder=tmp_path)
    modem.collect(took, tocsin.clock.now(), Timeouts(), by, {})
    assert len(found) == 1, "the parts are one text"
    assert ["Text00" in sent.read_text() for sent in (tmp_path / "sent").iterdir()] == [False, False]


def test_a_failed_try_leaves_standing_when_it_last_worked_and_is_said(tocsin: AtDesk) -> None:
    tocsin.done("channel", "check", "--to", "ada", "--yes")
    before = ways(tocsin)["ada"][0]
    tocsin.clock.advance(timedelta(days=1))
    nowhere = {"adapter": "console", "settings": {"path": str(tocsin.home / "missing" / "file.txt")}}
    tocsin.settings(channels={"screen": nowhere})
    assert tocsin("channel", "check", "--to", "ada", "--yes").code == 1
    assert ways(tocsin)["ada"] == (before, "not_sent")


def test_a_success_says_nothing_of_an_address_that_was_changed_since(tocsin: AtDesk) -> None:
    tocsin.done("channel", "check", "--to", "ada", "--yes")
    tocsin.clock.advance(timedelta(days=1))
    tocsin.done("person", "add", "ada", "--contact", "screen=ada-2")
    assert ways(tocsin)["ada"] == (None, "accepted")


def test_unreachable_people_are_named_and_unknown_names_refused(
    tocsin: AtDesk,
) -> None:
    relay = {"host": "127.0.0.1", "port": 9, "sender": "a@example.org", "tls": "none"}
    tocsin.settings(channels={"mail": {"adapter": "smtp", "settings": relay}})
    tocsin.done("person", "add", "ada", "--contact", "mail=ada@example.org")
    assert tocsin("channel", "check", "--show", "--format", "json").json["without"] == ["jonas", "maria"]
    said = tocsin("channel", "check", "--to", "jonsa", "--show")
    assert (said.code, said.error) == (1, "unknown_person")
    assert {"jonsa", "jonas"} <= set(re.findall(r"\w+", said.err))


def test_a_contact_of_which_a_risk_was_reported_carries_no_approval_until_verified(tocsin: AtDesk) -> None:
    path = str(tocsin.home / "console.txt")
    screen = {"adapter": "console", "confidentiality": "confidential", "settings": {"path": path}}
    tocsin.settings(channels={"screen": screen})

    def risk() -> str | None:
        people = tocsin("person", "list", "--format", "json").json["people"]
        [contact] = next(person["contacts"] for person in people if person["person"] == "ada")
        return contact["risk_at"]

    def refused() -> list[str]:
        rows = tocsin("message", "plan", "approval-request", "--to", "ada", "--format", "json").json["plan"]
        return [row["rule"] for row in rows[0]["refusals"]]

    assert (refused(), risk()) == ([], None)
    said = tocsin("person", "distrust", "ada", "screen")
    assert (said.code, said.error) == (2, "reason_missing")
    tocsin.done("person", "distrust", "ada", "screen", "--reason", "her telephone was stolen")
    assert (refused(), risk()) == (["R18"], f"{tocsin.clock.now():%Y-%m-%dT%H:%M:%SZ}")
    assert "RISK" in tocsin.done("person", "list")
    tocsin.clock.advance(timedelta(hours=1))
    tocsin.done("person", "verify", "ada", "screen", "--how", "in person")
    assert refused() == []


def test_affected_people_are_texted_only_where_they_agreed(tocsin: AtDesk) -> None:
    tocsin.done("person", "agreed", "ada", "screen", "--how", "signed on paper")
    said = tocsin("person", "agreed", "ada", "screen")
    assert (said.code, said.error) == (2, "option_missing")
    said = tocsin("person", "agreed", "ada", "phone", "--how", "x")
    assert (said.code, said.error, "phone" in said.err) == (1, "unknown_contact", True)


def test_new_contacts_leave_the_name_of_a_person_unchanged(tocsin: AtDesk) -> None:
    tocsin.done("person", "add", "ada", "--contact", "screen=ada-2")
    tocsin.done("person", "add", "eve", "--contact", "screen=eve")
    names = {
        person["person"]: person["name"]
        for person in tocsin("person", "list", "--format", "json").json["people"]
    }
    assert (names["ada"], names["eve"]) == ("Ada Adler", "eve")


def hook(desk: AtDesk, port: int) -> None:
    """Have the one channel be a webhook on this machine."""
    (desk.home / "signing").write_text(SIGNING, encoding="utf-8")
    (desk.home / "signing").chmod(0o600)
    settings = {"url": f"http://127.0.0.1:{port}/hook"}
    desk.settings(
        channels={
            "screen": {"adapter": "webhook", "settings": settings, "secrets": {"signing": "file:signing"}}
        }
    )


def recorded(desk: AtDesk) -> list[str]:
    """Return what is on record of tries, by the kinds of the entries."""
    found = [type(event).__name__ for _, event in read_book(desk.office().store)]
    return [one for one in found if one.startswith("Way")]


def test_an_attempt_is_recorded_before_anything_is_sent(tocsin: AtDesk) -> None:
    seen: list[list[str]] = []

    def answer(talk: Talk) -> None:
        talk.hear_request()
        seen.append(recorded(tocsin))
        talk.say(b"HTTP/1.1 200 Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with ChaosServer(answer) as server:
        hook(tocsin, server.port)
        tocsin.done("channel", "check", "--to", "ada", "--yes")
    assert seen == [["WayTried"]]
    assert recorded(tocsin) == ["WayTried", "WayChecked"]


@pytest.mark.slow
def test_a_check_killed_before_the_answer_has_an_unknown_outcome(
    tocsin: AtDesk,
) -> None:
    tocsin.done("channel", "check", "--to", "ada", "--yes")
    before, _ = ways(tocsin)["ada"]
    heard = threading.Event()

    def never(talk: Talk) -> None:
        talk.hear_request()
        heard.set()
        talk.stay_silent()

    with ChaosServer(never) as server:
        hook(tocsin, server.port)
        child = subprocess.Popen(
            [sys.executable, "-m", "runner", "channel", "check", "--to", "ada", "--yes"],
            env={**os.environ, "TOCSIN_HOME": str(tocsin.home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert heard.wait(PATIENCE)
        assert ways(tocsin)["ada"] == (before, "sending")
        pages = [tocsin.done("channel", "check", "--show", "--to", "ada")]
        child.kill()
        child.wait(PATIENCE)
    assert ways(tocsin)["ada"] == (before, "unknown")
    pages.append(tocsin.done("channel", "check", "--show", "--to", "ada"))
    compare("comcheck-broken-off", "\n".join(pages), tocsin.home)


def test_a_check_stopped_between_two_contacts_leaves_the_second_untried(tocsin: AtDesk) -> None:
    desk = tocsin.office()
    tries = check_contacts(desk, all_ways(desk))
    next(tries)
    tries.close()
    assert [state for _, state in ways(tocsin).values()].count(None) == 2


@pytest.mark.parametrize("persons", [2, 20])
def test_store_reads_do_not_grow_with_the_number_of_checked_people(tocsin: AtDesk, persons: int) -> None:
    names = [f"p{n}" for n in range(persons)]
    contacts = {name: {"contacts": [{"channel": "screen", "address": name}]} for name in names}
    tocsin.settings(people=contacts, roles={})
    desk = tocsin.office()
    counted = Counted(desk.store)
    at_work = IncidentService(desk.folder, desk.home, counted, desk.clock, desk.chance, desk.principal)
    tried = list(check_contacts(at_work, all_ways(at_work)))
    assert len(tried) == persons
    assert counted.reads == 4, "whom there is to try, whose journal is which, and twice what is compromised"
