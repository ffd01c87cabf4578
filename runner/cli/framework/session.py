"""Session of one command with a home folder: open it when first needed, perform due work, close it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from datetime import datetime, tzinfo
from functools import cache, cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

import msgspec

from runner.actions import Action
from runner.app.core.active_incident import OPEN, Choice, choice_file, keep_choice, read_choice
from runner.app.core.trusted_clock import TrustedClock
from runner.cli.framework.environment import World
from runner.cli.framework.streams import broken_pipe, cleaned
from runner.cli.framework.who_acts import KeptLogin, kept_login, proof_of, refuse_stranger
from runner.decoding import from_json
from runner.errors import NotFound, Refused, StoreError, TocsinError, Usage, warning
from runner.reports.core.action_text import as_json, typed
from runner.settings import PERSON, cache_folder, find_home, is_shared_folder, state_folder

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.base.actor import Principal
    from runner.incident.state.incident import Incident
    from runner.reports.core.page import Page

FORMATS = ("text", "json")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The common options of every command."""

    home: str | None = None
    format: str = "text"
    claimed: str = ""
    on_behalf_of: str = ""
    via: str = ""
    no_work: bool = False
    no_pager: bool = False
    incident: str | None = None
    writes: bool = False
    """The command can change an incident: workers are notified."""
    records: bool = False
    """The command can change data, and the actor is recorded."""
    reads: bool = False
    """The command only reads about an incident: it can do so with a part of the settings."""


def _watched(service: IncidentService) -> bool:
    """Tell whether this command sends the messages itself, in a person's terminal."""
    from runner.app.home.workers import in_background

    return not in_background(service)


class Session:
    """The session of a command; a context manager that closes the database."""

    def __init__(self, world: World, options: Options, formats: tuple[str, ...] = FORMATS) -> None:
        """Check the options; nothing is opened yet."""
        self.world, self.options = world, options
        self._about: Incident | None = None
        self._named = False
        self.aim: Callable[[str], str] = str
        """Names the incident in the commands of a text."""
        self._left_out: tuple[str, ...] = ()
        if options.format not in formats:
            raise Usage(
                f'Format "{options.format}" is not available for this command.',
                hint=f"Use --format {'|'.join(formats)}",
                code="unknown_format",
            )
        if bool(options.on_behalf_of) != bool(options.via.strip()):
            raise Usage(
                "--on-behalf-of PERSON needs --via, and --via needs --on-behalf-of.",
                hint="Use --on-behalf-of PERSON --via phone",
                code="option_missing",
            )
        if options.on_behalf_of and options.on_behalf_of == self.by:
            raise Usage(
                f'"{self.by}" cannot act on behalf of "{self.by}".',
                hint="Remove --on-behalf-of, or name yourself with --as",
                code="acts_for_self",
            )

    @property
    def json(self) -> bool:
        """Return whether the output is for a program."""
        return self.options.format == "json"

    @cached_property
    def folder(self) -> Path:
        """Return the home folder, which may not exist."""
        return find_home(self.options.home, self.world.environ, self.world.cwd)

    @cached_property
    def principal(self) -> Principal:
        """Return the principal: a claim, and the person acted for."""
        kept = self._kept_login
        found = self.world.who(self._claim or (kept.person if kept else ""))
        if not self.options.on_behalf_of:
            return found
        behalf, via = self.options.on_behalf_of, self.options.via
        return msgspec.structs.replace(found, on_behalf_of=behalf, via=via)

    @cached_property
    def _kept_login(self) -> KeptLogin | None:
        """The login of this terminal's user, unless the command is in another name."""
        found = kept_login(self.world.environ, self.folder)
        return found if found and self._claim in ("", found.person) else None

    def _prove(self, service: IncidentService, kept: KeptLogin) -> None:
        """Act with a proven name from now on, or warn that the login ended."""
        proof = proof_of(kept, service, self.principal, counts=self.options.records)
        if proof is None:
            self.warn("login_ended", "Your login ended: your name is a claim. Log in again: tocsin login")
        self.principal = service.principal = msgspec.structs.replace(self.principal, proven_by=proof)

    @property
    def _claim(self) -> str:
        return self.options.claimed or self.world.environ.get(PERSON, "")

    @property
    def by(self) -> str:
        """Return the person who runs the command."""
        return self.principal.person

    @cached_property
    def service(self) -> IncidentService:
        """Return the opened home; raises NotFound without one."""
        from runner.app.core.conflict_retry import opened
        from runner.app.home.open_home import open_service

        world, writes = self.world, self.options.writes
        told = {"partly": self._partly_read if self.options.reads else None, "upgraded": self._upgraded}
        opening = partial(open_service, self.folder, self.principal, clock=world.clock, chance=world.chance)
        service = opened(world.backoff, partial(opening, or_copy=not writes, writes=writes, **told))
        service.backoff = world.backoff
        service.cache = lambda: cache_folder(world.environ)
        service.checkpoints.begin(state_folder(world.environ), self.folder, self.say)
        if service.read_only:
            self.warn(
                "store_read_only",
                "The home folder cannot be written. You can read it, but nothing can be recorded. "
                "Free space on its disk, or mount the disk for writing",
            )
        service.watched = partial(_watched, service)
        if self.options.writes:
            from runner.workers.choice import attach

            attach(service)
        try:
            if self._kept_login is not None:
                self._prove(service, self._kept_login)
            if self.options.records and self._claim:
                refuse_stranger(service.directory.people, self._claim, by_option=bool(self.options.claimed))
            if self.options.on_behalf_of:
                service.known(self.options.on_behalf_of)
            self._check_time(TrustedClock.of(service))
        except BaseException:
            service.close()
            raise
        from runner.reports.core.header import named_zone

        self._read_in(named_zone(service.home.organisation.get("zone")))
        self._name_people(service)
        return service

    def _check_time(self, time: TrustedClock) -> None:
        writes, problem = self.options.writes, time.problem()
        if problem is not None and problem.code == "time_unconfirmed" and writes:
            if not self.world.asks:
                raise problem
            self.confirm(f"{problem.message}\nIs the clock of this computer right?", problem.hint)
            time.confirm()
        elif problem is not None:
            self.warn(problem.code, f"{problem.message} {problem.hint}")
        elif writes and time.idle:
            self.warn("no_process_ran", f"No process of Tocsin ran from {time.idle}.")

    def _partly_read(self, words: str, left_out: tuple[str, ...]) -> None:
        self._left_out = left_out
        self.warn("settings_wrong", words)

    def _upgraded(self, old: int, copy: Path) -> None:
        from runner.app.home.doctor_checks import changed, exposed_files

        list(exposed_files(self.folder, self.service.home, repair=True, secret=False))
        self.warn("home_upgraded", f"The home was upgraded {changed(old, copy)}.")

    @property
    def reader(self) -> Reader:
        """Return the reader with the access of the person who runs the command."""
        return self.service.read(self.principal)

    @property
    def opened(self) -> bool:
        """Return whether the command opened the home."""
        return "service" in self.__dict__

    @property
    def machine(self) -> IncidentService:
        """Return the service with the program as the principal, for automatic work."""
        self.service.repository.refuse_read_only(str(self.folder))
        found = copy(self.service)
        found.principal = self.principal.program()
        return found

    def watched(self, watched: bool) -> None:
        """Set whether a person watches the terminal of this process, which goes on after the command."""
        self.service.watched = lambda: watched
        self.service.forget_directory()

    def alive(self, name: str) -> None:
        """Hold a lock while this server runs, so that no command moves or upgrades the database below it."""
        if not self.service.read_only:
            with suppress(StoreError):  # a full disk stops no server
                self.service.register_worker(self.world.chance.name(name))

    def apart(self) -> IncidentService:
        """Return a service for another thread, which notifies the workers."""
        from runner.workers.choice import attach

        attach(service := self.machine.apart())
        return service

    def warn_of_place(self) -> None:
        """Warn of a folder with unreliable locks or syncing."""
        if why := is_shared_folder(self.folder):
            self.warn("shared_folder", f"{self.folder}: {why}. Move the home folder to a local disk.")

    def now(self) -> datetime:
        """Return the present time: exercise time after a command selected an exercise."""
        if self._about is not None and self._about.drill is not None:
            return self.service.now_in(self._about)
        return self.service.clock.now() if self.opened else self.world.clock.now()

    def name(self, given: str | None = None) -> str:
        """Return the id of the incident; a command that writes names it if several are open."""
        found = self.service.find(given or self.options.incident, self.choice)
        if self.options.writes and not self._named:
            self._name_first(found)
        return found

    def name_or_none(self) -> str | None:
        """Return the id of the incident; None if none is open and none was named."""
        try:
            return self.name()
        except NotFound:
            if self.options.incident:
                raise
            return None

    def incident_or_none(self) -> Incident | None:
        """Return the incident as of now; None if none is open and none was named."""
        name = self.name_or_none()
        return self.incident(name) if name else None

    def _name_first(self, incident: str) -> None:
        self._named = True
        rows = {row.id: row for row in self.service.incidents()}
        if sum(row.state in OPEN for row in rows.values()) > 1 and (row := rows.get(incident)) is not None:
            self.say(f"Incident: {row.codename} · {row.title}")

    @cached_property
    def choice(self) -> Choice | None:
        """Return the active incident of this system user in this home."""
        return read_choice(self._choice_file) if self._choice_file else None

    @property
    def _choice_file(self) -> Path | None:
        state = state_folder(self.world.environ)
        return choice_file(state, self.folder) if state is not None else None

    def choose(self, choice: Choice | None) -> None:
        """Set or clear the active incident; raises OSError if it cannot be saved."""
        if self._choice_file is None:
            raise OSError("TOCSIN_STATE is empty")
        keep_choice(self._choice_file, choice)

    def incident(self, given: str | None = None) -> Incident:
        """Return the incident as of now."""
        from runner.reports.core.header import zone_of

        self._about = self.reader.incident(self.name(given))
        if "organisation.zone" in self._about.facts:
            self._read_in(zone_of(self._about))
        return self._about

    def _name_people(self, service: IncidentService | None) -> None:
        """Show people by name from now on; None ends this."""
        from runner.reports.core.formatting import CALLS, PEOPLE

        def names() -> dict[str, str]:
            from runner.app.core.directory import read_people

            if service is None:
                return {}
            try:
                return {name: person.name for name, person in read_people(service).people.items()}
            except TocsinError:  # a contact list that cannot be read is said where it is needed
                return {}

        def calls(person: str, delivery: str) -> tuple[str, ...]:
            from runner.app.messages.call_sheet import lines_for_call

            try:
                return () if service is None else lines_for_call(service, self._about, person, delivery)
            except TocsinError:
                return ("No phone number known",)

        PEOPLE.set(None if service is None else cache(names))
        CALLS.set(None if service is None else calls)

    def _read_in(self, zone: tzinfo | None) -> None:
        """Show all times in a zone from now on; None ends this."""
        from runner.reports.core.formatting import READER

        READER.set(zone)

    def reopen(self) -> None:
        """Read the settings again if a home is open."""
        if self.opened:
            self.__dict__.pop("service").close()

    # --- showing ------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Write a text to standard error."""
        self.world.err.write(f"{cleaned(self.aim(text))}\n")
        self.world.err.flush()

    def warn(self, code: str, text: str) -> None:
        """Write a warning to standard error; the work continues."""
        self.say(warning(code, text))

    def show(self, report: Any, page: Callable[[], Page] | Page, *, reads: bool | None = None) -> None:
        """Print a view: its JSON for programs, its page for people.

        A read of an open incident also shows whether a worker runs. A command that can read and write sets ``reads``.
        """
        about = self._about if (not self.options.writes if reads is None else reads) else None
        if self.json:
            if about is not None:
                from runner.app.home.workers import with_worker

                report = with_worker(self.service, about, report)
            if self._left_out:
                report = {**from_json(msgspec.json.encode(report)), "settings_left_out": self._left_out}
            self.show_json(report)
            return
        shown = page() if callable(page) else page
        shown = self.topped(shown, about) if about is not None else shown
        if self._left_out:
            from runner.reports.core.header import without_settings

            shown = without_settings(shown, self._left_out)
        self._print(shown, self.world.out)

    def topped(self, page: Page, incident: Incident) -> Page:
        """Return a page about an incident, with a note under its marking if no worker runs."""
        from runner.app.home.workers import lacks_worker
        from runner.reports.core.header import without_worker

        return typed(without_worker(page) if lacks_worker(self.service, incident) else page, self.aim)

    def tell(self, page: Page) -> None:
        """Show a page on standard error."""
        self._print(page, self.world.err)

    def read(self, text: str) -> None:
        """Show a long text: in a pager at a terminal, else on standard error."""
        from runner.cli.framework.pager import show_paged

        words = self._pager()
        if not words or not show_paged(f"{cleaned(text)}\n", words, self.world.environ):
            self.say(text)

    def _print(self, page: Page, stream: TextIO) -> None:
        page = typed(page, self.aim)
        try:
            if stream is self.world.out and self._paged(page):
                return
            from runner.reports.core.page import Drawing, plain

            if self.world.colours(stream):
                from rich.console import Console

                Console(file=stream, highlight=False, markup=False).print(Drawing(page))
                return
            stream.write(plain(page, self.world.width))
            stream.flush()
        except OSError as error:
            broken_pipe(stream, error)

    def _paged(self, page: Page) -> bool:
        """Show a page that is longer than the terminal in a pager; False without a terminal, a pager or need."""
        world, words = self.world, self._pager()
        if not words:
            return False
        from runner.cli.framework.pager import height_of, show_paged
        from runner.reports.core.page import ansi, layout, plain

        try:
            height = height_of(world.out.fileno())
        except (OSError, ValueError):  # a stream without a file
            return False
        if len(layout(page, world.width)) < height:
            return False
        text = ansi(page, world.width) if world.colours(world.out) else plain(page, world.width)
        return show_paged(text, words, world.environ)

    def _pager(self) -> tuple[str, ...]:
        """Return the words of the pager; none without a terminal, or with --no-pager."""
        world = self.world
        if self.options.no_pager or not (world.out.isatty() and world.inp.isatty()):
            return ()
        from runner.cli.framework.pager import pager_command

        return pager_command(world.environ)

    def show_json(self, report: Any) -> None:
        """Print one JSON document."""
        try:
            self.world.out.write(as_json(report))
        except OSError as error:
            broken_pipe(self.world.out, error)

    def confirm(self, question: str, otherwise: str | Action) -> None:
        """Ask a person at a terminal; without a terminal or a yes, raise Refused with the next step."""
        self.terminal(otherwise)
        self.world.err.write(f"{cleaned(question)} [y/N] ")
        self.world.err.flush()
        if self.world.inp.readline().strip().lower() not in ("y", "yes"):
            raise Refused("You did not confirm. Nothing was done.", hint=otherwise, code="not_confirmed")

    def terminal(self, otherwise: str | Action) -> None:
        """Raise Refused, with the next step, if there is no terminal."""
        if not self.world.asks:
            raise Refused(
                "There is no terminal for the question. Nothing was done.", hint=otherwise, code="no_terminal"
            )

    def ask(self, question: str) -> str:
        """Ask a person at a terminal and return the answer without spaces; empty without a terminal."""
        self.world.err.write(f"{cleaned(question)} ")
        self.world.err.flush()
        return self.world.inp.readline().strip()

    def ask_hidden(self, question: str) -> str:
        """Ask without showing the answer, if the terminal is a real one."""
        from io import UnsupportedOperation

        with suppress(UnsupportedOperation):
            self.world.inp.fileno()
            from getpass import getpass

            return getpass(f"{question} ", self.world.err)
        return self.ask(question)

    # --- closing ------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, TocsinError) and error.code != "ambiguous" and self._about is not None:
            from runner.reports.core.task_rows import name_tasks

            name_tasks(error, self._about)
        if self.opened:
            self.service.checkpoints.end()
            self.service.close()
            self._read_in(None)
            self._name_people(None)
