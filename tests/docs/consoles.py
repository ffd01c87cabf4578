"""Pages that run: every ``console`` block is typed by one person, on one machine, and its output compared.

A page is a story in a folder of its own. A fence after ``<!-- file: NAME -->`` is written to that file; each ``$ tocsin``
line of a ``console`` block runs in this process, with a clock that stands until ``<!-- 20 minutes later -->`` moves it.
What a reader need not see stands in comments: ``<!-- file: NAME``, its content, ``-->``, and ``<!-- before``, commands, ``-->``.
A page that makes no home finds an empty one.
A line of ``…`` stands for any lines. What a person types at a question is what the page shows behind it.

``python -m tests.docs.consoles [--write] PAGE…`` shows the differences, or writes the true output into the pages.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from runner.__main__ import main
from runner.base.actor import Principal
from runner.cli.framework.environment import World
from tests.cli.at_desk import Chance, Clock, manual, no_process

ROOT = Path(__file__).resolve().parents[2]
PERSON = "maria"
WIDTH = "100"
"""A page's column; the program wraps its lines there."""
OUR_FAULT = 3

_FENCE = re.compile(r"^( *)```([a-z]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"<!-- file: (\S+) -->\n+ *$")
_HIDDEN = re.compile(r"<!-- (?:file: (?P<name>\S+)|(?P<before>before))\n(?P<body>.*?)-->", re.DOTALL)
_LATER = re.compile(r"<!-- (\d+) (minute|hour|day)s? later -->")
_ANSWER = re.compile(r"\[y/N\] (\w+)$", re.MULTILINE)
_HEX = re.compile(r"(?<![0-9a-z-])[0-9a-f]{8,64}(?![0-9a-z-])")
_HEADS = re.compile(r"^\d+( heads verified with the key; )\d+")
"""A commit has one head, and a busy machine puts more into one commit."""
_ELISION = "…"


class Terminal(io.StringIO):
    """What the person sees: the answer and what is said beside it, in one stream, as on a screen."""

    def isatty(self) -> bool:
        return False


class Keyboard(io.StringIO):
    """What the person types; it appears on the screen as well."""

    def __init__(self, text: str, screen: Terminal) -> None:
        super().__init__(text)
        self._screen = screen

    def isatty(self) -> bool:
        return True

    def readline(self, *size: Any) -> str:  # type: ignore[override]  # io declares it twice
        typed = super().readline(*size)
        self._screen.write(typed)
        return typed


class Screen(Terminal):
    """Standard error of somebody who can be asked: a terminal that knows no colours."""

    def isatty(self) -> bool:
        return True


@dataclass
class Desk:
    """One machine in one folder: the commands of a page run here one after the other."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    chance: Chance = field(default_factory=Chance)

    def type(self, line: str, answers: tuple[str, ...]) -> str:
        """Run one command line and return what the screen shows."""
        words = shlex.split(line)
        assert words[0] == "tocsin", f"only tocsin is typed on a page: {line}"
        screen = Screen() if answers else Terminal()
        world = World(
            inp=Keyboard("".join(f"{answer}\n" for answer in answers), screen) if answers else io.StringIO(),
            out=screen,
            err=screen,
            environ={"NO_COLOR": "1", "COLUMNS": WIDTH, "TOCSIN_STATE": str(self.folder / ".state")},
            cwd=self.folder,
            clock=self.clock,
            chance=self.chance,
            who=lambda claimed: Principal(person=claimed or PERSON, host="desk", os_user=PERSON),
            spawn=no_process,
        )
        manual(self.folder / ".tocsin")
        with contextlib.chdir(self.folder), contextlib.redirect_stderr(screen):
            code = main(words[1:], world)
        shown = screen.getvalue().replace(str(self.folder), "~/tutorial")
        assert code != OUR_FAULT, f"{line}\n{shown}"
        return shown


@dataclass(frozen=True)
class Command:
    """One command of a block, with the output that the page shows."""

    lines: tuple[str, ...]
    """As written: the prompt, and what continues behind a backslash."""
    expected: str

    @property
    def line(self) -> str:
        """Return the command as a shell would see it."""
        return " ".join(line.strip().removesuffix("\\") for line in self.lines).removeprefix("$ ")

    @property
    def answers(self) -> tuple[str, ...]:
        """Return what the page shows to be typed at questions."""
        return tuple(_ANSWER.findall(self.expected))


def commands(block: str) -> Iterator[Command]:
    """Take a console block apart."""
    lines = block.splitlines()
    while lines:
        head = [lines.pop(0)]
        assert head[0].startswith("$ "), f"a console block begins with a command: {head[0]}"
        while head[-1].endswith("\\"):
            head.append(lines.pop(0))
        shown = []
        while lines and not lines[0].startswith("$ "):
            shown.append(lines.pop(0))
        yield Command(tuple(head), "\n".join(shown))


def run(text: str, folder: Path) -> Iterator[tuple[Command, str]]:
    """Live through a page and yield each command with its true output."""
    desk = Desk(folder)
    if "$ tocsin init" not in text:
        desk.type(f"tocsin init --home .tocsin --as {PERSON}", ())
    place = 0
    for fence in _FENCE.finditer(text):
        between = text[place : fence.start()]
        place = fence.end()
        _prepare(desk, between)
        body = "\n".join(line.removeprefix(fence[1]) for line in fence[3].splitlines())
        named = _FILE.search(between)
        if named:
            _save(folder / named[1], body)
        elif fence[2] == "console":
            for command in commands(body):
                yield command, desk.type(command.line, command.answers).strip("\n")


def _prepare(desk: Desk, between: str) -> None:
    """Do what stands in comments between two fences: time that passes, files, commands."""
    for number, unit in _LATER.findall(between):
        desk.clock.advance(timedelta(**{f"{unit}s": int(number)}))
    for hidden in _HIDDEN.finditer(between):
        if hidden["name"]:
            _save(desk.folder / hidden["name"], hidden["body"].rstrip())
            continue
        for line in hidden["body"].strip().splitlines():
            desk.type(line.removeprefix("$ "), ())


def _save(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(f"{content}\n", encoding="utf-8")
    path.chmod(0o600)


def agrees(expected: str, shown: str) -> bool:
    """Compare line by line; digests are nobody's business, and a line of ``…`` stands for any lines."""
    wanted = [re.escape(line) for line in _plain(expected).splitlines()]
    pattern = "\n".join(wanted).replace(f"\n{re.escape(_ELISION)}\n", r"\n(?:.*\n)*?")
    pattern = re.sub(rf"^{re.escape(_ELISION)}\n", r"(?:.*\\n)*?", pattern)
    pattern = re.sub(rf"\n{re.escape(_ELISION)}$", r"(?:\\n.*)*", pattern)
    return re.fullmatch(pattern, _plain(shown)) is not None


def _plain(text: str) -> str:
    return "\n".join(_HEX.sub("0123abcd", _HEADS.sub(r"N\1N", line)).rstrip() for line in text.splitlines())


def differences(page: Path) -> list[tuple[Command, str]]:
    """Return every command of a page whose output is not the one that the page shows."""
    return [(command, shown) for command, shown in lived(page) if not agrees(command.expected, shown)]


def lived(page: Path) -> list[tuple[Command, str]]:
    """Live through a page in a folder that is thrown away; return each command with its true output."""
    with _folder() as folder:
        return list(run(page.read_text(encoding="utf-8"), folder))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pages-") as name:
        yield Path(os.path.realpath(name))


def _elided(expected: str, shown: str) -> str:
    """Leave out of the true output what the page left out; the whole, where its places cannot be found again."""
    if _ELISION not in expected.splitlines():
        return shown
    parts = [part.strip("\n").splitlines() for part in f"\n{expected}\n".split(f"\n{_ELISION}\n")]
    lines, found, place = shown.splitlines(), [], 0
    for number, part in enumerate(parts):
        if not part:
            continue
        if number == len(parts) - 1:
            place = len(lines) - len(part)
        elif number:
            likely = (n for n in range(place, len(lines)) if _alike(lines[n], part[0]))
            place = next(likely, len(lines))
        if not 0 <= place <= len(lines) - len(part):
            return shown
        found.append("\n".join(lines[place : place + len(part)]))
        place += len(part)
    ends = "" if parts[0] else f"{_ELISION}\n", "" if parts[-1] else f"\n{_ELISION}"
    return ends[0] + f"\n{_ELISION}\n".join(found) + ends[1]


def _alike(one: str, other: str) -> bool:
    """Do two lines say the same but for numbers?"""
    return re.sub(r"[\d ]+", " ", _plain(one)) == re.sub(r"[\d ]+", " ", _plain(other))


def write(page: Path) -> int:
    """Put the true output into a page where it differs and return how many commands that were."""
    true = iter(lived(page))
    written = 0

    def again(fence: re.Match[str]) -> str:
        nonlocal written
        if fence[2] != "console":
            return fence[0]
        lines: list[str] = []
        for _ in commands("\n".join(line.removeprefix(fence[1]) for line in fence[3].splitlines())):
            command, shown = next(true)
            same = agrees(command.expected, shown)
            written += not same
            lines += [
                *command.lines,
                *(command.expected if same else _elided(command.expected, shown)).splitlines(),
            ]
        body = "".join(f"{fence[1]}{line}".rstrip() + "\n" for line in lines)
        return f"{fence[1]}```console\n{body}{fence[1]}```"

    text = _FENCE.sub(again, page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")
    return written


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if name == "--write":
            continue
        if "--write" in sys.argv:
            print(f"{name}: {write(Path(name))} outputs written")  # noqa: T201
            continue
        for command, shown in differences(Path(name)):
            print(f"--- {name}: {command.line}\n{command.expected}\n+++\n{shown}\n")  # noqa: T201
