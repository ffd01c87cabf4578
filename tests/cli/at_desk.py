"""A person at a machine: commands run in this process, against a real home, with a clock and chance of the test's own."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, TextIO

import msgspec

from runner.__main__ import main
from runner.app.core.conflict_retry import Backoff, this_backoff
from runner.app.core.incident_service import IncidentService
from runner.app.home.open_home import open_service
from runner.base.actor import Principal
from runner.cli.framework.environment import World
from tests import made_homes
from tests.golden_files import FOLDER, same
from tests.warm import cache, warm

T0 = datetime(2026, 11, 24, 9, tzinfo=UTC)
_CODE = re.compile(
    r"(?:^|\[y/N\] )(?:Error|Not allowed|Conflict|Internal error) \[([a-z0-9_-]+)\]: ", re.MULTILINE
)
_WARNING = re.compile(r"^Warning \[([a-z0-9_-]+)\]: ", re.MULTILINE)


class Stream(io.StringIO):
    """A stream that may be a terminal."""

    def __init__(self, text: str = "", *, terminal: bool = False) -> None:
        super().__init__(text)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def text_of(stream: TextIO) -> str:
    """Return what was written to one of our streams."""
    assert isinstance(stream, Stream)
    return stream.getvalue()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = T0

    def now(self) -> datetime:
        return self.time

    def advance(self, span: timedelta) -> None:
        self.time += span


class Machine(Clock):
    """A clock that somebody may set, one that nobody can, and a second clock, where there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = timedelta()
        self.server = False

    def advance(self, span: timedelta) -> None:
        self.time += span
        self.passed += span

    def steady(self) -> timedelta:
        return self.passed

    def second(self) -> datetime | None:
        """Return the true time, if a time server keeps the clock."""
        return T0 + self.passed if self.server else None


class Chance:
    """Identifiers that count."""

    def __init__(self, *first: str) -> None:
        self.state = (0, 0)
        """How many identifiers and how many codenames were given."""
        self._first = first or ("amber-falcon", "calm-heron", "jade-otter", "iron-lark")

    def name(self, prefix: str) -> str:
        number, names = self.state
        self.state = (number + 1, names)
        return f"{prefix}-{number + 1}"

    def codename(self) -> str:
        number, names = self.state
        self.state = (number, names + 1)
        left = names - len(self._first)
        return self._first[names] if left < 0 else f"grey-owl-{left + 1}"


def no_process(*given: object) -> NoReturn:
    """Start nothing: what a test starts in the background would outlive it."""
    raise AssertionError("a command of a test starts a worker: write 'worker: manual' into its home")


def manual(home: Path) -> None:
    """Have no command start a worker in a home, if there is one."""
    settings = home / "tocsin.yaml"
    text = settings.read_text(encoding="utf-8") if settings.exists() else "worker: manual"
    if "\nworker: auto\n" in text:
        settings.write_text(text.replace("\nworker: auto\n", "\nworker: manual\n"), encoding="utf-8")
    elif "worker:" not in text:
        settings.write_text(f"{text}\nworker: manual\n", encoding="utf-8")


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """Return the code of the error that ended the command, empty where none did."""
        told = _CODE.findall(self.err)
        if not told and self.out.startswith('{"schema":"tocsin/error/v1"'):
            return str(self.json["code"])
        return str(told[-1]) if told else ""

    @property
    def warnings(self) -> list[str]:
        """Return the codes of the warnings, in order."""
        return _WARNING.findall(self.err)


@dataclass
class AtDesk:
    """Runs commands as one user of one machine."""

    home: Path
    clock: Clock = field(default_factory=Clock)
    chance: Chance = field(default_factory=Chance)
    os_user: str = "maria"
    environ: dict[str, str] = field(default_factory=dict)
    backoff: Backoff = field(default_factory=this_backoff)
    """How commands wait for others."""
    spawn: Callable[..., NoReturn] = no_process
    offices: list[IncidentService] = field(default_factory=list)
    """Desks that a test opened beside the commands; they are closed with it."""
    store: str = ""
    """The URL of the store; empty for the file that ``init`` makes."""

    def office(self, person: str = "maria") -> IncidentService:
        """Return a desk at the home, for what no command does."""
        desk = open_service(
            self.home,
            self.world().who(person),
            create=bool(self.store),
            clock=self.clock,
            chance=self.chance,
        )
        self.offices.append(desk)
        return desk

    def close(self) -> None:
        """Let the stores of desks go."""
        for office in self.offices:
            office.store.close()

    def __call__(self, *words: str, types: str | None = None, terminal: bool = False) -> Said:
        """Run one command; ``types`` is what the person at the terminal answers."""
        world = self.world(types, terminal=terminal)
        code = main(words, world)
        return Said(code, text_of(world.out), text_of(world.err))

    def world(self, types: str | None = None, *, terminal: bool = False) -> World:
        """Return the world of one command."""
        return World(
            inp=Stream(types or "", terminal=types is not None),
            out=Stream(terminal=terminal),
            err=Stream(terminal=types is not None),
            environ={
                "TOCSIN_HOME": str(self.home),
                "TOCSIN_CACHE": str(cache()),
                "TOCSIN_STATE": str(self.home.with_name("state")),
                **self.environ,
            },
            cwd=self.home.parent,
            clock=self.clock,
            chance=self.chance,
            who=lambda claimed: Principal(person=claimed or self.os_user, host="desk", os_user=self.os_user),
            spawn=self.spawn,
            backoff=self.backoff,
        )

    def done(self, *words: str, types: str | None = None) -> str:
        """Run one command that must succeed and return what it printed."""
        return (
            made_homes.done(self, words, lambda: self._done(words, types))
            if types is None
            else self._done(words, types)
        )

    def special(self) -> bool:
        """Tell whether more than the files of its home decides what a command does here."""
        usual = type(self) is AtDesk and self.clock.__class__ is Clock and self.chance.__class__ is Chance
        return not usual or bool(self.store or self.environ or self.offices) or self.spawn is not no_process

    def _done(self, words: tuple[str, ...], types: str | None) -> str:
        said = self(*words, types=types)
        assert said.code == 0, (words, said.err)
        if words[0] == "init":
            warm(self.home)
            manual(self.home)
            if self.store:
                self.settings()
                self.office()
        return said.out

    def cancelled(self, name: str, second: str = "jonas") -> None:
        """Cancel an incident; a second person confirms while legal duties are undetermined."""
        self.done("cancel", name, "--reason", "false alarm")
        for one in self("status", name, "--format", "json").json["second_person"]:
            if one["state"] == "awaiting":
                self.done("confirm", str(one["entry"]), "-i", name, "--as", second)

    def closed(self, *words: str) -> None:
        """Close an incident; a second person confirms where one has to: one of those who have the role."""
        said = json.loads(self.done("close", *words, "--format", "json"))
        for entry in said.get("second_person", ()):
            confirm = ("confirm", str(entry), "-i", said["codename"], "--as")
            assert any(self(*confirm, person).code == 0 for person in ("jonas", "maria", "ada", "p0"))

    def settings(self, **changes: Any) -> None:
        """Write the home's settings: a small organisation, with changes laid over it."""
        kept = {"store": self.store} if self.store else {}
        (self.home / "tocsin.yaml").write_text(
            msgspec.yaml.encode({**ORGANISATION, **kept, **self.channels, **changes}).decode(),
            encoding="utf-8",
        )

    @property
    def channels(self) -> dict[str, Any]:
        """Return the settings of one channel that writes into the home."""
        path = str(self.home / "console.txt")
        return {"channels": {"screen": {"adapter": "console", "settings": {"path": path}}}}

    @property
    def console(self) -> str:
        """Return what was shown on the console channel."""
        path = self.home / "console.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""


ORGANISATION: dict[str, Any] = {
    "schema": "tocsin/home/v1",
    "organisation": {
        "name": "Example GmbH",
        "country": "DE",
        "zone": "Europe/Berlin",
        "role": ["controller"],
    },
    "people": {
        "maria": {"name": "Maria Muster", "contacts": [{"channel": "screen", "address": "maria"}]},
        "jonas": {"name": "Jonas Jansen", "contacts": [{"channel": "screen", "address": "jonas"}]},
        "ada": {"name": "Ada Adler", "contacts": [{"channel": "screen", "address": "ada"}]},
    },
    "roles": {"commander": ["maria"], "counsel": ["jonas", "ada"]},
    "worker": "manual",
}

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: lost-badge
version: 1.0.0
title: Lost badge
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel, minimum: 2}}
messages:
  heads-up: {class: task-notice, text: "A badge is missing: {{ incident.summary }}"}
steps:
  - {id: tell, message: heads-up, to: [role:counsel]}
  - {id: block, task: Block the badge, role: commander, due: 15m, checklist: [Door system, Canteen]}
  - {id: used, ask: "Was it used after it was lost?", sets: data.encrypted, role: commander, due: 1h}
  - {id: report, task: Write the report, role: commander, after: [block, used]}
  - {id: sign, approve: report, by: {roles: [counsel], distinct: 2}, after: [report]}
  - {id: over, task: Tell the front desk, role: commander, after: [sign]}
"""


def compare(name: str, text: str, home: Path) -> None:
    """Compare what a person reads with its golden file; the home's folder stands as HOME."""
    told = re.sub(r"Python [\d.]+, SQLite [\d.]+, \w+", "MACHINE", text.replace(str(home), "HOME"))
    same(FOLDER / "cli" / f"{name}.txt", told)
