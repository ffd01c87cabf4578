"""The first page over all incidents: what is late, one's own tasks, exercises apart from real incidents."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served

NOT_REACHED = re.compile(r">(\d+) not reached<")
COUNTS = re.compile(r"Open (\d+) .*?Late (\d+).*?Yours (\d+)")


def counts(text: str) -> tuple[str, ...]:
    found = COUNTS.search(text)
    return found.groups() if found else ()


def test_what_is_late_and_mine_is_counted_and_leads_to_the_task(room: Served, desk: AtDesk) -> None:
    desk.done("task", "add", "Call the landlord", "--to", "jonas", "--due", "1h", "--as", "maria")
    jonas = room.reader("jonas")
    text = room.get(jonas, "/").text
    one, late, mine = counts(text)
    (task,) = set(re.findall(rf'href="(/i/{room.codename}/task/added[^"]+)"', text))
    assert (one, room.get(jonas, task).status_code) == ("1", 200)
    desk.clock.advance(timedelta(hours=2))
    after = counts(room.get(room.reader("jonas"), "/").text)
    assert (int(after[1]) - int(late), after[2]) == (1, mine)
    other = counts(room.get(room.reader("ada"), "/").text)
    assert (other[1], int(mine) - int(other[2])) == (after[1], 1)


def test_exercises_stand_apart_from_real_incidents(room: Served, desk: AtDesk, tmp_path: Path) -> None:
    playbook = str(tmp_path / "noticed.yaml")
    desk.done("open", playbook, "--kind", "exercise", "--title", "Played", "--yes", "--as", "maria")
    desk.done("open", playbook, "--title", "Newest", "--yes", "--as", "maria")
    text = room.get(room.reader("maria"), "/").text
    order = re.findall(r"<td class=\"tight\">.*?(amber-falcon|calm-heron|jade-otter)", text)
    assert order[-1] == "calm-heron"
    real, played = (text.index(f'id="h-{n}') for n in (2, 3))
    assert real < played
    assert counts(text)[0] == "2"  # the exercise is counted apart


def test_people_who_are_not_reached_are_counted_and_come_first(
    room: Served, desk: AtDesk, tmp_path: Path
) -> None:
    assert NOT_REACHED.search(room.get(room.reader("maria"), "/").text) is None
    desk.settings(channels={"screen": {"adapter": "console", "confidentiality": "confidential"}})
    words = ("--to", "person:ada", "--ask-ack", "--yes", "-i", room.codename, "--as", "maria")
    desk.done("message", "send", "Call me", *words)
    text = room.get(room.reader("maria"), "/").text
    found = NOT_REACHED.search(text)
    assert found is not None
    assert found.group(1) == "1"
    call = text.index("/message/d-")
    assert all(call < found.start() for found in re.finditer("YOUR TASKS|/task/", text))


def test_the_timeline_can_begin_at_a_time(room: Served, desk: AtDesk) -> None:
    desk.done("note", "before")
    desk.clock.advance(timedelta(hours=2))
    desk.done("note", "afterwards")
    maria, path = room.reader("maria"), f"/i/{room.codename}/timeline"
    text = room.get(maria, f"{path}?all=1&since=1h+ago").text
    assert ("afterwards" in text, ">before<" in text) == (True, False)
    assert room.get(maria, f"{path}?since=nonsense").status_code == 409
