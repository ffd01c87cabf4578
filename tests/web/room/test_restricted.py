"""A restricted incident: only the people with a role in it know that it exists, on every surface but this machine's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room.room import Served, a_breach, offered, served, submitted
from tests.web.room.test_access import reader_of

OUTSIDER, MEMBER = "uwe", "jonas"
"""An auditor of the home without a role in the incident, and its counsel."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A breach that is restricted, in a home with a person whose roles are standing ones alone."""
    folder = tmp_path_factory.mktemp("restricted")
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.done("person", "add", OUTSIDER, "--name", "Uwe Ulm", "--as", "maria")
    for role in ("auditor", "alert-desk"):  # in the home: no incident is open yet
        desk.done("role", "assign", role, OUTSIDER, "--always", "--as", "maria")
    document = a_breach(desk, folder)
    with served(desk, document) as room:
        yield desk, room
    desk.close()


@pytest.fixture
def restricted(place: tuple[AtDesk, Served]) -> Iterator[tuple[AtDesk, Served]]:
    """Restrict the incident for one test."""
    desk, room = place
    desk.done("restrict", room.codename, "--reason", "an employee is suspected", "--as", "maria")
    yield place
    desk("unrestrict", room.codename, "--reason", "end of the test", "--as", "maria")


def surfaces(desk: AtDesk, room: Served, person: str) -> dict[str, str]:
    """Return what a person gets of each page and feed that lists incidents."""
    reader = room.reader(person)
    found = {path: room.get(reader, path).text for path in ("/", "/register", "/sign", "/audit", "/people")}
    made = desk(
        "token", "create", f"t-{person}", "--owner", person, "--scope", "incident.read", "--format", "json"
    )
    if made.code == 0:
        head = {"Authorization": f"Bearer {made.json['secret']}"}
        for path in ("/incidents", "/events"):
            found[f"api{path}"] = requests.get(
                f"{room.url}/api/v1{path}", headers=head, timeout=PATIENCE
            ).text
        desk.done("token", "revoke", f"t-{person}")
    address = desk.done("calendar", "address", "--as", person).strip().rpartition("/cal/")[2]
    found["calendar"] = requests.get(f"{room.url}/cal/{address}", timeout=PATIENCE).text
    return found


def test_a_person_with_standing_roles_alone_does_not_learn_of_it(restricted: tuple[AtDesk, Served]) -> None:
    desk, room = restricted
    incident = desk("status", room.codename, "--format", "json").json["incident"]
    outside, inside = surfaces(desk, room, OUTSIDER), surfaces(desk, room, MEMBER)
    assert not [name for name, text in outside.items() if room.codename in text or incident in text]
    assert {"/", "calendar"} <= {name for name, text in inside.items() if room.codename in text}
    absent = room.get(room.reader(OUTSIDER), "/i/no-such")
    for path in ("", "/tasks", "/duties", "/timeline", "/record"):
        answer = room.get(room.reader(OUTSIDER), f"/i/{room.codename}{path}")
        assert (answer.status_code, answer.content) == (404, absent.content), path
        assert room.get(room.reader(MEMBER), f"/i/{room.codename}").status_code == 200


def test_without_the_restriction_the_same_person_reads_it(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    shown = {name for name, text in surfaces(desk, room, OUTSIDER).items() if room.codename in text}
    assert {"/", "/register", "/audit", "calendar"} <= shown
    assert room.get(room.reader(OUTSIDER), f"/i/{room.codename}/duties").status_code == 200


def test_the_rights_of_the_break_glass_account_end_at_a_restriction(
    restricted: tuple[AtDesk, Served],
) -> None:
    _, room = restricted
    sealed = reader_of(room, "(break-glass account)")
    assert room.get(sealed, f"/i/{room.codename}").status_code == 404
    assert room.codename not in room.get(sealed, "/").text


def test_a_user_of_this_machine_still_reads_it_and_sees_that_it_is_restricted(
    restricted: tuple[AtDesk, Served],
) -> None:
    desk, room = restricted
    found: Any = desk("status", room.codename, "--format", "json").json
    assert found["restricted"]
    assert room.codename in desk.done("list")


def test_the_page_shows_who_will_see_it_before_and_asks_for_a_reason(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    reader = room.reader("maria")
    why = "an employee is suspected"
    before = submitted(room, reader, "incident", "restrict", looks=True, reason=why)
    assert (before.status_code, MEMBER in before.text) == (200, True)
    assert not desk("status", room.codename, "--format", "json").json["restricted"]
    assert submitted(room, reader, "incident", "restrict", reason=why).status_code == 303
    assert desk("status", room.codename, "--format", "json").json["restricted"]
    desk.done("unrestrict", room.codename, "--reason", "end of the test", "--as", "maria")


def test_nobody_restricts_an_incident_that_nobody_would_lead(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    assert desk("restrict", room.codename).error == "reason_missing"
    outsider = room.reader(OUTSIDER)
    assert "restrict" not in offered(room.get(outsider, f"/i/{room.codename}").text)


def test_an_incident_can_be_restricted_from_the_start(place: tuple[AtDesk, Served], tmp_path: Path) -> None:
    desk, room = place
    opened = desk("open", "lost-device", "--restricted", "--yes", "--format", "json", "--as", "maria")
    name = opened.json["codename"]
    assert desk("status", name, "--format", "json").json["restricted"]
    assert name not in room.get(room.reader(OUTSIDER), "/").text


def test_what_it_names_compromised_counts_without_its_name(
    restricted: tuple[AtDesk, Served], tmp_path: Path
) -> None:
    desk, room = restricted
    incident = ("--incident", room.codename, "--as", "maria")
    desk.done("domain", "compromised", "idp", *incident)
    other = desk("open", "lost-device", "--yes", "--format", "json", "--as", "maria").json["codename"]
    outside, inside = room.reader(OUTSIDER), room.reader("maria")
    paths = (*(f"/i/{other}{page}" for page in ("", "/messages", "/timeline", "/record")), "/admin")
    seen = {path: room.get(outside, path).text for path in paths}
    seen["figures"] = room.get(
        requests.Session(), "/metrics"
    ).text  # a scraper on this machine needs no login
    assert not [path for path, text in seen.items() if room.codename in text]
    assert 'tocsin_domain_up{domain="idp"} 0' in seen["figures"]
    assert (
        "idp (compromised; declared in an incident that you may not read)"
        in room.get(outside, f"/i/{other}").text
    )
    assert f"idp (compromised; declared in {room.codename})" in room.get(inside, f"/i/{other}").text
    desk.done("domain", "declare-up", "idp", "--reason", "end of the test", *incident)
    desk.done("close", other, "--reason", "end of the test", "--as", "maria")
