"""An exercise in the browser: its staff conducts and rates it, its players see nothing of what is to come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runner.web.room.table import TABLE, address
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.web.room.room import Served, offered, served, submitted

PLAN = """\
schema: tocsin/exercise/v1
name: badge-evening
title: A badge is missing
type: functional
playbook: ./lost-badge.yaml
clock: {mode: real, start: 2026-10-05T08:00:00+02:00}
objectives:
  - id: O1
    text: The badge is blocked in time
    capability: Operational Coordination
    targets: [{id: T1, text: Blocked within 15 minutes, tasks: [{step: block, within: 15m}]}]
participants:
  - {person: jonas, role: player, plays: commander}
  - {person: ada, role: player, plays: counsel}
  - {person: olga, role: evaluator, covers: [O1]}
  - {person: maria, role: lead_controller}
  - {person: kim, role: evaluator, covers: [O1]}
  - {person: pat, role: controller}
events:
  - {number: "1", title: The caller, at: 0m, to: [commander], via: phone, text: My badge is gone}
  - {number: "2", title: Badge-copied, at: 10m, via: system, facts: [incident.malicious=yes]}
  - {number: "3", title: Badge-used, at: 20m, to: [counsel], text: Somebody is in the canteen}
laws: []
"""


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A home in which an exercise is open and has not begun."""
    folder = tmp_path_factory.mktemp("exercise")
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    for person, role in (("olga", "evaluator"), ("vera", "technical")):
        desk.done("person", "add", person, "--name", person.capitalize(), "--as", "maria")
        desk.done("role", "assign", role, person, "--always", "--as", "maria")
    for person in ("kim", "pat", "rex"):
        desk.done("person", "add", person, "--name", person.capitalize(), "--as", "maria")
    desk.done("role", "assign", "commander", "maria", "jonas", "rex", "--always", "--as", "maria")
    an_exercise(desk, folder)
    with served(desk) as room:
        yield desk, room
    desk.close()


def an_exercise(desk: AtDesk, folder: Path, text: str = PLAN) -> str:
    """Open an exercise that has not begun, and return its codename."""
    from runner.app.exercises.exercises import prepare_drill
    from runner.app.incidents.open_incident import commit_opening
    from runner.files.exercise_file import load_exercise
    from runner.playbook.catalogue import Catalog

    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    plan = folder / "badge-evening.yaml"
    plan.write_text(text, encoding="utf-8")
    office = desk.office()
    loaded = load_exercise(str(plan), Catalog(desk.home))
    codename = commit_opening(office, prepare_drill(office, loaded, despite="a test")).after.codename
    office.close()
    return codename


def state(desk: AtDesk, name: str) -> Any:
    """Return what the command line shows of the exercise."""
    return desk("drill", "show", "-i", name, "--format", "json").json


def test_an_exercise_is_conducted_rated_and_reported_in_the_browser(play: tuple[AtDesk, Served]) -> None:
    desk, room = play
    maria, olga, jonas, vera = (room.reader(name) for name in ("maria", "olga", "jonas", "vera"))
    page = f"/i/{room.codename}/exercise"

    # The staff of the plan needs no standing role; its right is in this exercise.
    kim, pat, rex = room.reader("kim"), room.reader("pat"), room.reader("rex")
    assert [room.get(one, page).status_code for one in (kim, pat, rex)] == [200, 200, 200]
    assert [room.get(one, "/exercises").status_code for one in (kim, pat)] == [404, 404]
    why = f"/me/why?right=exercise.rate&incident={room.codename}"
    assert ["class=good" in room.get(one, why).text for one in (kim, pat)] == [True, True]

    # Whoever gets a role later plays, too, and so does the name of a player that a link of the machine claims.
    desk.done("role", "assign", "counsel", "ada", "rex", "-i", room.codename, "--as", "maria")
    for player in (rex, room.reader("jonas", os_user="maria")):
        assert room.get(player, page).status_code == 409

    # The staff reads what each inject says, and what a rating means; an exercise is opened on their list.
    shown = room.get(maria, page).text
    assert ("canteen" in shown, "challenges" in shown) == (True, True)
    assert "open" in offered(room.get(maria, "/exercises").text)

    # To a player the plan is hidden, and a form of it does nothing.
    for path in (page, f"/i/{room.codename}/report", f"/i/{room.codename}/report/pdf"):
        hidden = room.get(jonas, path)
        assert (hidden.status_code, "Badge-" in hidden.text) == (409, False), path
    assert submitted(room, jonas, "exercise", "inject", number="2").status_code == 409
    assert submitted(room, vera, "exercise", "begun").status_code == 404
    assert state(desk, room.codename)["stage"] == "planned"

    assert submitted(room, maria, "exercise", "begun").status_code == 303
    assert submitted(room, maria, "exercise", "inject", number="1").status_code == 303
    assert submitted(room, maria, "exercise", "leave_out", number="3", reason="no time").status_code == 303
    assert submitted(room, kim, "exercise", "paused").status_code == 404
    assert submitted(room, pat, "exercise", "paused", reason="coffee").status_code == 303
    assert "resumed" in offered(room.get(maria, page).text)
    assert submitted(room, maria, "exercise", "resumed").status_code == 303
    assert submitted(room, maria, "exercise", "jumped", to="").status_code == 303
    found = state(desk, room.codename)
    assert [one["state"] for one in found["events"]] == ["released", "waiting", "left out"]
    assert found["stage"] == "running"

    # A form of an older state is refused, and nothing is recorded.
    old = submitted(room, maria, "exercise", "inject", number="2", mark="0123456789abcdef")
    assert old.status_code == 412
    assert state(desk, room.codename)["events"][1]["state"] == "waiting"

    # The evaluator observes, rates after the end, and conducts nothing.
    assert offered(room.get(olga, page).text) == {"observe"}
    assert submitted(room, olga, "exercise", "paused").status_code == 404
    seen = {"text": "Counsel was reached in 4 minutes", "objective": "O1", "kind": "strength"}
    assert submitted(room, olga, "exercise", "observe", **seen).status_code == 303
    assert submitted(room, maria, "exercise", "ended", reason="enough").status_code == 303
    assert offered(room.get(olga, page).text) == {"observe", "rate"}
    rated = submitted(room, olga, "exercise", "rate", target="T1", rating="S", note="a call too many")
    assert rated.status_code == 303
    assert (
        submitted(room, kim, "exercise", "observe", text="Nobody asked", kind="observation").status_code
        == 303
    )
    assert state(desk, room.codename)["ratings"]["objectives"][0]["targets"][0]["rating"] == "S"
    assert seen["text"] in room.get(olga, page).text

    # After the end the players read the report, too.
    assert room.get(jonas, f"/i/{room.codename}/report").status_code == 200
    assert "h-text" in room.get(olga, f"/i/{room.codename}/report").text
    report = room.get(olga, f"/i/{room.codename}/report/pdf")
    assert report.content.startswith(b"%PDF")
    assert "EXERCISE" in report.headers["content-disposition"]
    assert room.get(olga, f"/i/{room.codename}/report/exe").status_code == 404

    # An evaluator of the plan signs it; the signed bytes stay as they are.
    place = f"/i/{room.codename}/report"
    assert [offered(room.get(one, place).text) for one in (pat, jonas)] == [set(), set()]
    assert submitted(room, pat, "report", "sign").status_code == 409
    old = submitted(room, kim, "report", "sign", mark="0123456789abcdef")
    assert old.status_code == 412
    assert submitted(room, kim, "report", "sign").status_code == 303
    signed = re.findall(rf"{place}/([0-9a-f]{{64}})", room.get(olga, place).text)
    assert len(signed) == 4
    assert [sha256(room.get(olga, f"{place}/{one}").content).hexdigest() for one in signed] == signed

    # Whoever conducts the exercise closes it, without a role in it; an evaluator does not.
    assert f'href="{page}"' in room.get(pat, f"/i/{room.codename}").text
    assert [submitted(room, one, "exercise", "close").status_code for one in (olga, kim, vera)] == [404] * 3
    assert submitted(room, pat, "exercise", "close", reason="over").status_code == 303
    assert "close" not in offered(room.get(maria, page).text)
    assert desk("status", "-i", room.codename, "--format", "json").json["state"] == "closed"


def test_every_page_of_an_exercise_says_so_in_title_head_and_text(play: tuple[AtDesk, Served]) -> None:
    _, room = play
    reader = room.reader("maria", os_user="maria")
    for row in TABLE:
        if row.about_incident and "{ref" not in row.path:
            text = room.get(reader, address(row, room.codename)).text
            title = text[text.index("<title>") : text.index("</title>")]
            main = text[text.index("<main") :]
            assert ("EXERCISE" in title, '<p class="marking">' in main) == (True, True), row.operation


def test_a_player_stops_an_exercise_for_a_real_emergency(tmp_path: Path) -> None:
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    an_exercise(desk, tmp_path, PLAN.replace("olga", "maria"))
    with served(desk) as room:
        stopped = submitted(room, room.reader("ada"), "incident", "frozen", reason="fire")
        assert stopped.status_code == 303
        assert state(desk, room.codename)["stage"] == "frozen"
    desk.close()


def test_action_items_have_an_owner_and_a_date_and_go_to_their_end(play: tuple[AtDesk, Served]) -> None:
    desk, room = play
    maria, olga = room.reader("maria"), room.reader("olga")
    given = {"text": "The call list is old", "owner": "role:commander", "due": "2026-12-24"}
    made = submitted(room, maria, "exercises", "add", **given)
    assert made.headers["location"] == "/improvement/i-1"
    assert offered(room.get(maria, "/improvement/i-1").text) == {"change", "done", "drop"}
    assert offered(room.get(olga, "/improvement/i-1").text) == set()

    def item() -> Any:
        return desk("improvement", "show", "I-1", "--format", "json").json["items"][0]

    changed = {"owner": "maria", "due": "2026-12-31", "action": "Check it", "status": "open"}
    assert submitted(room, maria, "improvement", "change", "i-1", **changed).status_code == 303
    assert (item()["owner"], item()["due"]) == ("maria", "2026-12-31")
    stale = submitted(room, maria, "improvement", "drop", "i-1", words="no", status="done")
    assert stale.status_code == 412
    done = {"words": "in the calendar", "status": "open"}
    assert submitted(room, maria, "improvement", "done", "i-1", **done).status_code == 303
    assert item()["status"] == "done"
    assert 'href="/improvement/i-1"' in room.get(olga, "/exercises?all=1").text


def test_an_exercise_is_scheduled_and_taken_from_the_schedule(play: tuple[AtDesk, Served]) -> None:
    desk, room = play
    maria = room.reader("maria")
    assert (
        submitted(room, maria, "exercises", "schedule", exercise="/etc/passwd", every="90d").status_code
        == 409
    )
    assert (
        submitted(room, maria, "exercises", "schedule", exercise="lost-laptop", every="x").status_code == 409
    )
    done = submitted(room, maria, "exercises", "schedule", exercise="lost-laptop", every="90d")
    assert done.status_code == 303
    (one,) = desk("drill", "schedules", "--format", "json").json["schedules"]
    assert submitted(room, maria, "exercises", "unschedule", schedule=one["schedule"]).status_code == 303
    assert desk("drill", "schedules", "--format", "json").json["schedules"] == []


def test_an_exercise_is_opened_and_started_in_the_browser(play: tuple[AtDesk, Served]) -> None:
    desk, room = play
    maria, played = room.reader("maria"), room.codename

    def exercises() -> list[Any]:
        rows = desk("list", "--all", "--format", "json").json["incidents"]
        return [one for one in rows if one["kind"] == "exercise"]

    before, given = len(exercises()), {"once": "i-xyz", "exercise": "lost-laptop"}
    assert (
        submitted(room, maria, "exercises", "open", **{**given, "exercise": "/etc/passwd"}).status_code == 409
    )
    assert submitted(room, room.reader("vera"), "exercises", "open", **given).status_code == 404
    looked = submitted(room, maria, "exercises", "open", looks=True, **given)
    assert (looked.status_code, "EXERCISE" in looked.text, len(exercises())) == (200, True, before)
    answer = submitted(room, maria, "exercises", "open", **given)
    assert (answer.status_code, len(exercises())) == (303, before + 1)
    assert (
        submitted(room, maria, "exercises", "open", **given).headers["location"] == answer.headers["location"]
    )
    room.codename = answer.headers["location"].rpartition("/")[2]
    try:
        assert desk("drill", "show", "-i", room.codename, "--format", "json").json["stage"] == "planned"
        here = room.reader("maria", os_user="maria")  # its plan names no staff
        assert submitted(room, here, "exercise", "begun").status_code == 303
        assert desk("drill", "show", "-i", room.codename, "--format", "json").json["stage"] == "running"
        assert submitted(room, here, "exercise", "ended", reason="enough").status_code == 303
        desk.done("open", str(desk.home.parent / "lost-badge.yaml"), "--yes", "--title", "Real")
        again = {**given, "once": "i-xyw"}
        assert submitted(room, maria, "exercises", "open", **again).status_code == 409
        assert submitted(room, maria, "exercises", "open", **again, despite="agreed").status_code == 303
    finally:
        for one in desk("list", "--format", "json").json["incidents"]:
            if one["title"] == "Real":
                desk.cancelled(one["codename"])
        room.codename = played


def test_the_report_of_a_real_incident_is_signed_in_the_browser_after_it_is_closed(
    desk: AtDesk, tmp_path: Path
) -> None:
    (tmp_path / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    desk.settings()
    desk.done("open", str(tmp_path / "lost-badge.yaml"), "--yes", "--fact", "data.involved=no")
    with served(desk) as room:
        signed_by_maria(desk, room)


def signed_by_maria(desk: AtDesk, room: Served) -> None:
    maria, place = room.reader("maria"), f"/i/{room.codename}/report"
    assert "sign_real" not in offered(room.get(maria, place).text), "it is open"
    assert submitted(room, maria, "report", "sign_real").status_code == 409
    desk.closed("--reason", "the badge is back", "--as", "maria")
    ada = room.reader("ada")  # she has no role in it
    assert submitted(room, ada, "report", "sign_real").status_code in (404, 409)
    assert offered(room.get(maria, place).text) == {"sign_real"}
    assert submitted(room, maria, "report", "sign_real", mark="0123456789abcdef").status_code == 412
    assert submitted(room, maria, "report", "sign_real").status_code == 303
    signed = re.findall(rf"{place}/([0-9a-f]{{64}})", room.get(maria, place).text)
    assert [sha256(room.get(maria, f"{place}/{one}").content).hexdigest() for one in signed] == signed != []
    out = str(desk.home.parent / "report")
    (found,) = desk("report", "--out", out, "--format", "json", "-i", room.codename).json["signed"]
    assert found["by"] == "maria"
