"""The live view: counting down without sleeping, resized without breaking, plain when piped."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from rich.console import Console

from runner.reports.core.action_text import typed
from runner.reports.core.page import plain
from runner.reports.incidents.live_status import scrolled, watch
from runner.reports.incidents.status import Status
from runner.reports.incidents.status_page import status_page
from tests import scenario as s
from tests.reports import scenes


class Watching:
    """A world whose clock moves a minute with each tick; ``sizes`` are the terminal's at each of them."""

    def __init__(
        self, world: s.World, sizes: tuple[tuple[int, int], ...], console: Console | None = None
    ) -> None:
        self.world = world
        self.sizes = sizes
        self.console = console

    def ticks(self) -> Iterator[int]:
        for n, size in enumerate(self.sizes):
            self.world.now += timedelta(minutes=bool(n))
            if self.console is not None:
                self.console.size = size
            yield n

    def fetch(self) -> Status:
        return scenes.shown(self.world, "ann")


def terminal() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(
        file=out, force_terminal=True, color_system=None, width=80, height=24, legacy_windows=False
    ), out


def test_clocks_count_down_with_each_tick() -> None:
    console, out = terminal()
    watching = Watching(scenes.opened(), ((80, 60), (80, 60)), console)
    watch(watching.fetch, watching.ticks(), io.StringIO(), console=console)
    assert "1 h left" in out.getvalue()
    assert "59 min left" in out.getvalue()


def test_a_smaller_terminal_gets_fitting_lines_and_a_note_about_the_rest() -> None:
    console, out = terminal()
    watching = Watching(scenes.trouble(), ((100, 80), (44, 12)), console)
    watch(watching.fetch, watching.ticks(), io.StringIO(), console=console)
    last = out.getvalue().rpartition("calm otter")[2]
    assert "lines 1-11 of " in last
    assert "RECENTLY DONE" not in last
    assert "RECENTLY DONE" in out.getvalue()


def test_keys_scroll_the_page_and_read_nothing_again() -> None:
    console, out = terminal()
    watching = Watching(scenes.trouble(), (), console)
    read: list[Status] = []

    def fetch() -> Status:
        read.append(watching.fetch())
        return read[-1]

    watch(fetch, iter(["", "page-down", "up", "end"]), io.StringIO(), console=console)
    assert "RECENTLY DONE" in out.getvalue().rpartition("lines ")[0].rpartition("lines ")[2]
    assert len(read) == 1


@pytest.mark.parametrize(
    ("top", "key", "now"),
    [(0, "up", 0), (0, "down", 1), (0, "page-down", 22), (30, "end", 37), (37, "page-up", 15), (9, "top", 0)],
)
def test_a_key_moves_the_page_within_its_lines(top: int, key: str, now: int) -> None:
    assert scrolled(top, key, 60, 24) == now


def test_a_watched_screen_of_80_by_24_shows_overdue_deadline_and_tasks() -> None:
    world = scenes.opened()
    world.advance(timedelta(hours=3))
    page = status_page(scenes.shown(world, "ann"), brief=True)
    scenes.compare("watch.late", page)
    seen = "\n".join(plain(typed(page)).splitlines()[:23])
    assert all(title in seen for title in ("DO NOW", "OVERDUE", "LEGAL DEADLINES", "left"))


def test_an_exercise_is_marked_on_the_live_view() -> None:
    console, out = terminal()
    watching = Watching(scenes.opened(kind="exercise"), ((80, 40),), console)
    watch(watching.fetch, watching.ticks(), io.StringIO(), console=console)
    assert "EXERCISE · EXERCISE" in out.getvalue()


def test_piped_it_is_plain_text_and_written_again_only_when_something_happened() -> None:
    world, out = scenes.opened(), io.StringIO()
    watching = Watching(world, ((0, 0),) * 3)
    last = watch(watching.fetch, watching.ticks(), out)
    assert out.getvalue().count("calm otter") == 1
    assert "\x1b" not in out.getvalue()
    assert last is not None
    assert last.as_of == world.now
    world.work()
    watch(watching.fetch, [0], out)
    assert out.getvalue().count("calm otter") == 2


def test_without_a_tick_nothing_is_drawn() -> None:
    out = io.StringIO()
    assert watch(Watching(scenes.opened(), ()).fetch, (), out) is None
    assert out.getvalue() == ""
