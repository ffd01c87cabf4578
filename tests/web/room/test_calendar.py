"""The calendar feed of a person: deadlines and promised updates of the incidents that they may read, with codenames alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from icalendar import Calendar

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.incidents.test_cadence import PLAYBOOK as CADENCE
from tests.patience import PATIENCE
from tests.web.room.factors import an_account
from tests.web.room.room import Served, a_breach, served
from tests.web.room.test_entrance import logged_in, post


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A breach with duties, an incident that promises updates, and one in which Lena alone has a role beside the commander."""
    folder = tmp_path_factory.mktemp("calendar")
    desk = AtDesk(folder / "home")
    desk.done("init")
    a_breach(desk, folder)
    for name, text in (("cadence", CADENCE), ("lost-badge", PLAYBOOK)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        desk.done("open", str(folder / f"{name}.yaml"), "--yes", "--as", "maria")
    desk.done("open", str(folder / "cadence.yaml"), "--kind", "exercise", "--yes", "--as", "maria")
    desk.done("person", "add", "lena", "--name", "Lena Holm")
    desk.done("role", "assign", "helper", "lena", "-i", "jade-otter")
    with served(desk) as room:
        yield desk, room
    desk.close()


def address(desk: AtDesk, person: str) -> str:
    """Make the address of a person and return its path."""
    return "/cal/" + desk.done("calendar", "address", "--as", person).strip().rpartition("/cal/")[2]


def got(room: Served, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{room.url}{path}", headers=headers, timeout=PATIENCE)


def events(answer: requests.Response) -> list[Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    return list(Calendar.from_ical(answer.content).walk("VEVENT"))


def summaries(answer: requests.Response) -> set[tuple[str, str]]:
    """Return the codename and the kind of each event."""
    found = (str(event["summary"]).partition(": ") for event in events(answer))
    return {(name, what.removesuffix(" (unconfirmed)")) for name, _, what in found}


def test_a_feed_has_the_deadlines_that_the_command_line_shows(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    answer = got(room, address(desk, "maria"))
    rows = desk("duties", "calendar", "-i", "amber-falcon", "--format", "json").json["deadlines"]
    due = sorted(row["due_date"] if row["due_kind"] == "date" else row["due"] for row in rows if row["due"])
    legal = [event for event in events(answer) if event["summary"].startswith("amber-falcon: legal deadline")]
    assert sorted(event.decoded("dtstart").isoformat().replace("+00:00", "Z") for event in legal) == due
    assert len({event["uid"] for event in events(answer)}) == len(events(answer))


def test_a_promised_update_is_in_the_feed_until_it_came(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    path = address(desk, "jonas")
    assert ("calm-heron", "promised update") in summaries(got(room, path))


def test_a_feed_has_codenames_and_no_content(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    text = got(room, address(desk, "maria")).text
    assert "amber-falcon" in text
    for word in (
        "GDPR",
        "gdpr",
        "maria",
        "Maria",
        "Example GmbH",
        "mailbox",
        "i-1",
        "authority",
        "iron-lark",
    ):
        assert word not in text, word
    assert all(len(one.encode()) <= 75 for one in text.split("\r\n"))


def test_each_person_has_the_incidents_that_they_may_read(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    assert summaries(got(room, address(desk, "lena"))) == set()  # a member who may not read duties
    found = {name for name, _ in summaries(got(room, address(desk, "jonas")))}
    assert {"amber-falcon", "calm-heron"} <= found
    assert "iron-lark" not in found  # an exercise runs on another clock


def test_a_feed_is_the_same_until_something_changes(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    path = address(desk, "maria")
    first = got(room, path)
    desk.clock.advance(timedelta(minutes=1))
    again = got(room, path)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    same = got(room, path, **{"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")

    def marks(answer: requests.Response) -> dict[str, tuple[int, Any]]:
        return {str(one["uid"]): (int(one["sequence"]), one.decoded("dtstamp")) for one in events(answer)}

    before = marks(first)
    desk.done("note", "something new", "-i", "amber-falcon", "--as", "maria")
    after = marks(got(room, path, **{"If-None-Match": first.headers["etag"]}))
    assert after.keys() == before.keys()
    assert all(after[uid] >= before[uid] for uid in before)
    assert after != before


def test_an_address_ends_when_it_is_revoked_or_made_again(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    absent = got(room, "/cal/no-such.ics")
    first = address(desk, "lena")
    second = address(desk, "lena")
    assert [got(room, path).status_code for path in (first, second)] == [404, 200]
    desk.done("calendar", "revoke", "--as", "lena")
    for path in (first, second):
        ended = got(room, path)
        assert (ended.status_code, ended.content) == (404, absent.content)
    assert desk("calendar", "address", "--as", "nobody").error == "unknown_person"


def test_the_secret_of_an_address_is_not_stored(place: tuple[AtDesk, Served]) -> None:
    desk, _ = place
    secret = address(desk, "maria").removeprefix("/cal/").removesuffix(".ics")
    assert all(
        secret not in name and secret.encode() not in body for name, body in desk.office().marks().items()
    )
    assert secret.encode() not in b"".join(one.read_bytes() for one in desk.home.glob("*.db*"))
    assert len(secret) >= 40


def test_the_address_is_made_and_revoked_on_the_page_of_the_account(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    jonas = logged_in(room, an_account(desk, "jonas"))
    made = post(room, "/me", jonas, calendar="make")
    path = made.text.partition("/cal/")[2].partition(".ics")[0]
    assert got(room, f"/cal/{path}.ics").status_code == 200
    assert path not in room.get(jonas, "/me").text
    assert post(room, "/me", jonas, calendar="revoke").status_code == 303
    assert got(room, f"/cal/{path}.ics").status_code == 404


def test_an_address_ends_with_the_account(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    an_account(desk, "ada")
    path = address(desk, "ada")
    assert got(room, path).status_code == 200
    desk.done("account", "disable", "ada", "--reason", "left")
    assert got(room, path).status_code == 404


def test_the_command_line_writes_the_same_file(place: tuple[AtDesk, Served], tmp_path: Path) -> None:
    desk, room = place
    desk.done("calendar", "save", "--out", str(tmp_path / "own.ics"), "--as", "maria")
    assert (tmp_path / "own.ics").read_bytes() == got(room, address(desk, "maria")).content
