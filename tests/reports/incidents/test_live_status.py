"""The live view: counting down without sleeping, resized without breaking, plain when piped."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

from rich.console import Console

from runner.reports.incidents.live_status import watch
from runner.reports.incidents.status import Status
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


def test_a_terminal_that_shrinks_gets_lines_that_fit_and_is_told_what_is_below() -> None:
    console, out = terminal()
    watching = Watching(scenes.trouble(), ((100, 80), (44, 12)), console)
    watch(watching.fetch, watching.ticks(), io.StringIO(), console=console)
    last = out.getvalue().rpartition("calm otter")[2]
    assert "more lines: tocsin status" in last
    assert "CANNOT BE PROVED" not in last
    assert "CANNOT BE PROVED" in out.getvalue()


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
