"""Two incidents that turn out to be one: linked and unlinked, at the command line and in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.notices.noticed import FACTS, noticed
from tests.web.room.room import Served, offered, served, submitted

WHY = "the same intruder"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served, str, str]]:
    """A home with two open incidents, of which Lena has a role in the second one alone."""
    folder = tmp_path_factory.mktemp("links")
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    names = [
        desk("open", str(folder / "lost-badge.yaml"), "--yes", "--format", "json").json["codename"]
        for _ in range(2)
    ]
    desk.done("person", "add", "lena", "--name", "Lena Holm")
    desk.done("role", "assign", "helper", "lena", "-i", names[1])
    with served(desk) as room:
        room.codename = names[1]
        yield desk, room, names[0], names[1]
    desk.close()


@pytest.fixture(autouse=True)
def unlinked(place: tuple[AtDesk, Served, str, str]) -> Iterator[None]:
    """After a test nothing is linked."""
    yield
    desk, _, first, second = place
    desk("unlink", first, "-i", second, "--reason", "end of the test")


def shown(desk: AtDesk, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk("status", name, "--format", "json").json["links"]
    return found


def test_both_incidents_show_a_link_and_which_one_leads(place: tuple[AtDesk, Served, str, str]) -> None:
    desk, _, first, second = place
    desk.done("link", first, "-i", second, "--leads", first, "--reason", WHY)
    (one,), (other,) = shown(desk, second), shown(desk, first)
    assert (one["codename"], one["leads"], one["reason"]) == (first, True, WHY)
    assert (other["codename"], other["leads"]) == (second, False)
    rows = {row["codename"]: row for row in desk("list", "--format", "json").json["incidents"]}
    assert (rows[second]["led_by"], rows[first]["leads"]) == (first, [second])
    assert {rows[first]["state"], rows[second]["state"]} == {"open"}


def test_a_link_changes_no_duty_and_no_journal(place: tuple[AtDesk, Served, str, str]) -> None:
    desk, _, first, second = place

    def state() -> list[Any]:
        found = [desk("status", name, "--format", "json").json for name in (first, second)]
        return [(one["version"], one["tasks"], one["duties"]) for one in found]

    before = state()
    desk.done("link", first, "-i", second, "--leads", second, "--reason", WHY)
    assert state() == before


def test_a_link_that_cannot_be_is_refused(place: tuple[AtDesk, Served, str, str]) -> None:
    desk, _, first, second = place
    assert desk("link", first, "-i", second, "--leads", first).error == "reason_missing"
    assert desk("link", second, "-i", second, "--leads", second, "--reason", WHY).error == "bad_link"
    assert desk("link", first, "-i", second, "--leads", "", "--reason", WHY).error == "unknown_incident"
    assert (
        desk("link", "no-such", "-i", second, "--leads", second, "--reason", WHY).error == "unknown_incident"
    )
    assert desk("unlink", first, "-i", second, "--reason", WHY).error == "not_linked"
    desk.done("link", first, "-i", second, "--leads", first, "--reason", WHY)
    for leads in (first, second):
        again = desk("link", first, "-i", second, "--leads", leads, "--reason", WHY)
        assert again.error == "linked_already"
    desk.done("unlink", second, "-i", first, "--reason", "two intruders")
    assert (shown(desk, first), shown(desk, second)) == ([], [])


def test_an_exercise_and_a_real_incident_cannot_be_one(place: tuple[AtDesk, Served, str, str]) -> None:
    desk, _, first, _ = place
    book = str(desk.home.parent / "lost-badge.yaml")
    played = desk("open", book, "--kind", "exercise", "--yes", "--format", "json").json["codename"]
    assert desk("link", played, "-i", first, "--leads", first, "--reason", WHY).error == "other_kind"
    desk.done("cancel", played, "--reason", "for the test")


def test_incidents_are_linked_and_unlinked_in_the_browser(place: tuple[AtDesk, Served, str, str]) -> None:
    desk, room, first, second = place
    maria = room.reader("maria")
    empty = submitted(room, maria, "incident", "link", other=first, leads=first, reason="")
    assert (empty.status_code, f'value="{first}" selected' in empty.text) == (409, True)
    done = submitted(room, maria, "incident", "link", other=first, leads=first, reason=WHY)
    assert (done.status_code, [one["by"] for one in shown(desk, second)]) == (303, ["maria"])
    page = room.get(maria, f"/i/{second}").text
    assert f'<a href="/i/{first}">{first}</a>' in page
    submitted(room, maria, "incident", "unlink", other=first, reason="two intruders")
    assert shown(desk, second) == []


def test_a_reader_never_sees_the_name_of_an_incident_that_they_may_not_read(
    place: tuple[AtDesk, Served, str, str],
) -> None:
    desk, room, first, second = place
    desk.done("link", first, "-i", second, "--leads", first, "--reason", WHY)
    lena = room.reader("lena")
    for path in (
        "/",
        f"/i/{second}",
        f"/i/{second}/timeline",
        f"/api/v1/incidents/{second}",
        "/api/v1/incidents",
    ):
        text = room.get(lena, path).text
        assert (second in text, first in text) == (True, False), path
    assert first in room.get(room.reader("maria"), f"/api/v1/incidents/{second}").text
    assert not {"link", "unlink"} & offered(room.get(lena, f"/i/{second}").text)
    absent = room.get(lena, "/nothing").content
    posted = submitted(room, lena, "incident", "link", other=first, leads=first, reason=WHY)
    assert (posted.status_code, posted.content) == (404, absent)


def test_the_report_names_a_link(place: tuple[AtDesk, Served, str, str], tmp_path: Path) -> None:
    desk, _, first, second = place
    desk.done("link", first, "-i", second, "--leads", first, "--reason", WHY)
    desk.done("report", "-i", second, "--out", str(tmp_path), "--to", "md")
    text = "".join(one.read_text(encoding="utf-8") for one in tmp_path.glob("*.md"))
    assert (first in text, WHY in text) == (True, True)


def test_a_duty_shows_its_earlier_deadline_in_the_linked_incident(desk: AtDesk, tmp_path: Path) -> None:
    noticed(desk, tmp_path)
    facts = tmp_path / "later.yaml"
    facts.write_text(FACTS.replace("T09:10", "T09:50"), encoding="utf-8")
    opened = desk("open", str(tmp_path / "noticed.yaml"), "--facts", str(facts), "--yes", "--format", "json")
    first, later = "amber-falcon", str(opened.json["codename"])
    assert first not in desk.done("duties", "-i", later)
    desk.done("link", first, "-i", later, "--leads", later, "--reason", WHY)
    (link,) = shown(desk, later)
    assert link["deadlines"]["eu-gdpr-33-controller-sa/initial"] == link["deadline"]
    with served(desk) as room:
        maria = room.reader("maria")
        screens = [desk.done(*words) for words in (("duties", "-i", later), ("duties", "--why", "-i", later))]
        screens.append(room.get(maria, f"/i/{later}/duties").text)
        rows = [text for text in screens if first in text]
        assert len(rows) == len(screens)
        named = [desk.done("status", name).splitlines() for name in (first, later)]
        counts = [sum(first in row and "→" not in row for row in rows) for rows in named]
        assert counts == [1, 3], "only the row of the later deadline names the other one once more"
        assert later not in room.get(maria, f"/i/{first}/duties").text
