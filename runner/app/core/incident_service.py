"""Incident service: an open home folder with its store, people and channels, and the changes of incidents.

An ``IncidentService`` lives as long as a command or a worker. It caches compiled plans and pinned law by digest; incidents are
folded from the journal on each request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.actions import Action
from runner.app.core.active_incident import OPEN as OPEN_STATES
from runner.app.core.active_incident import Choice, counts
from runner.app.core.conflict_retry import Backoff, retry
from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.proof.checkpoints import Checkpoints
from runner.app.core.proof.sealed_marks import SealedMarks
from runner.app.core.reader import Reader
from runner.app.core.repository import (
    Append,
    Appended,
    ChangeMarks,
    Conflict,
    IncidentRow,
    Repository,
    Store,
    Turn,
    WorkerHandle,
    incident_exists,
    recorded,
    unknown_incident,
    whole,
)
from runner.app.core.rights import (
    Rights,
    refuse_hidden,
    refuse_other_names,
    require,
    require_act,
    require_rights,
    rights_of,
)
from runner.app.core.trusted_clock import TrustedClock
from runner.base.actor import Principal
from runner.effects.context import EffectContext, Sender
from runner.errors import NotFound, Refused
from runner.incident.law.duties import Keep, Statuses, kept_statuses, near_statuses
from runner.incident.law.verifications import JOURNAL, READER, Checks, fold_checks, readable, with_checks
from runner.incident.state.commands import AnyCommand, MigratePlaybook, PinPlaybook
from runner.incident.state.events import IncidentOpened, PlaybookMigrated, Recorded
from runner.incident.state.exercise_time import clock_time, time_in
from runner.incident.state.incident import Incident, Run
from runner.incident.state.library import Library
from runner.incident.turn.fold import begin
from runner.playbook.pinned import Pinned
from runner.routing.organisation import Directory, Home
from runner.routing.rate_limit import OPEN, Quotas
from runner.routing.rules import Compromise

if TYPE_CHECKING:
    from runner.app.core.channel_state import Traffic
    from runner.app.core.on_call import Rotas
    from runner.app.core.repository import BulkTables
    from runner.app.core.transaction import Transaction
    from runner.documents.tree import Logo
    from runner.effects.gateway.gateway import Gateway
    from runner.law.counting import HolidayCalendar
    from runner.routing.messaging import Channel

Commands = Sequence[AnyCommand]
Write = Callable[..., "list[Appended | Conflict]"]
"""``Store.append``, or a function that wraps it."""
Guard = Callable[[Incident], None]
"""Raises Refused if a change was not meant for the incident as it is now."""


class IncidentService:
    """The one interface through which use cases read and write incidents."""

    def __init__(
        self, folder: Path, home: Home, store: Store, clock: Clock, chance: IdGenerator, principal: Principal
    ) -> None:
        """Take the parts; nothing is read yet."""
        self.folder, self.home = folder, home
        alone, target = home.second_person.none or "", home.law.target
        self.repository = Repository(store, lambda: self._calendar, alone, home.act, target)
        self._tokens: dict[str, object] = {}
        self.clock, self.chance, self.principal, self.process = clock, chance, principal, principal
        self.clock = TrustedClock.of(self)
        self.checkpoints, self.sealed = Checkpoints(store), SealedMarks(store)
        self._guard: Guard | None = None
        self.write: Write = store.append
        """The function that stores turns; a driver can notify its workers, in the same transaction or after it."""
        self.backoff: Backoff | None = None
        """How a person's command waits for other writers; None for a program, whose loop must not wait."""
        self.watched: Callable[[], bool] = lambda: True  # a person sees the screen of the process that sends
        self.cache: Callable[[], Path | None] = lambda: folder / "cache"
        """The cache of public holidays. A command uses the user's cache: it may only read the home."""

    # --- references of an incident ------------------------------------------------------------------------

    def apart(self) -> IncidentService:
        """Return a service for another thread: on the same store, with nothing folded in common."""
        own = IncidentService(self.folder, self.home, self.store, self.clock, self.chance, self.principal)
        own.principal, own.watched, own.checkpoints = self.principal.program(), self.watched, self.checkpoints
        return own

    def of(self, principal: Principal, guard: Guard | None = None) -> IncidentService:
        """Return a service of a principal, for one use case; ``guard`` is asked inside its first change."""
        own = copy(self)
        own.principal, own._guard = principal, guard
        return own

    def close(self) -> None:
        """Close the store; a second call has no effect."""
        self.store.close()

    @property
    def read_only(self) -> bool:
        """Tell whether the home is on a read-only medium."""
        return self.store.read_only

    @property
    def store(self) -> Store:
        """The journals, documents and tables of the home. Outside the core, nothing is written here and no content is read."""
        return self.repository.store

    def library(self, incident: Incident) -> Library:
        """Return the plans and the law pinned to an incident."""
        return self.repository.library(incident)

    def catalogue(self, incident: Incident) -> Pinned:
        """Return the law and templates pinned to an incident, most of them not read yet."""
        return self.repository.catalogue(incident)

    @cached_property
    def _calendar(self) -> HolidayCalendar:
        from runner.app.core.public_holidays import PublicHolidays

        return PublicHolidays(self.cache())

    @property
    def directory(self) -> Directory:
        """Return the people, roles and channels now; a rota decides who is on call."""
        if not self.home.oncall:
            return self._directory
        return self._rotas.on_watch(self._directory, self.clock.now())

    @cached_property
    def _directory(self) -> Directory:
        from runner.app.core.directory import read_directory

        return read_directory(self)

    @cached_property
    def _rotas(self) -> Rotas:
        from runner.app.core.on_call import Rotas

        return Rotas(self.folder, self.home)

    @cached_property
    def traffic(self) -> Traffic:
        """Return the state of the domains and accounts of our channels; nothing is read yet."""
        from runner.app.core.channel_state import Traffic

        return Traffic(self, lambda: self.channels, self.compromises)

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """Return the usable channels of the home."""
        from runner.app.core.directory import read_channels

        return read_channels(self.home, self.watched)[0] if self.home.channels else {}

    def known(self, person: str) -> None:
        """Raise NotFound, with the nearest name, if a person is not in the home."""
        if person not in self.directory.people:
            from runner.base.text import nearest

            close = nearest(person, self.directory.people)
            hint = f"Use {close}" if close else Action("person.list")
            raise NotFound(f'Person "{person}" is not in the contact list.', hint=hint, code="unknown_person")

    # --- reading ------------------------------------------------------------------------------------------

    def find(self, name: str | None, choice: Choice | None = None) -> str:
        """Return an incident's id from an id, a codename, a valid choice, or nothing if there is only one candidate."""
        rows = self.incidents()
        if name:
            if matches := [row.id for row in rows if name in (row.id, row.codename)]:
                return matches[-1]
            raise unknown_incident(name)
        if chosen := counts(choice, rows):
            return chosen
        open_rows = [row for row in rows if row.state in OPEN_STATES]
        open_rows = [row for row in open_rows if row.kind == "real"] or open_rows  # before exercises
        if len(open_rows) == 1:
            return open_rows[0].id
        if not open_rows:
            from runner.app.core.step_reference import nothing_open

            raise nothing_open(self.repository, rows)
        names = ", ".join(row.codename for row in open_rows[:8])
        raise Refused(
            f"{len(open_rows)} incidents are open: {names}.", hint="Add -i INCIDENT", code="which_incident"
        )

    def incidents(self, state: str | None = None) -> list[IncidentRow]:
        """Return the rows of all incidents, or of those in a state."""
        return self.repository.incidents(state)

    def versions(self) -> int:
        """Return a number that differs after any entry in any journal."""
        return hash(tuple((row.id, row.version) for row in self.store.rows()))

    def compromises(self) -> tuple[Compromise, ...]:
        """Return what real incidents say is compromised, of the domains that this home knows: an own name stays in its incident."""
        from runner.app.core.directory import known_domains

        told = [one for _, one in self.repository.compromises()]
        known = known_domains(self) if told else ()
        return tuple(one for one in told if one.domain in known)

    def row(self, incident: str) -> IncidentRow | None:
        """Return the row of an incident; None where there is none."""
        return self.store.row(incident)

    def load(self, incident: str) -> Incident:
        """Return the present incident."""
        return self.repository.load(incident)

    def now_in(self, incident: Incident) -> datetime:
        """Return the time of an incident: an exercise's own, otherwise the clock's."""
        return time_in(incident, self.clock.now())

    def duties(self, incident: Incident, at: datetime | None = None, keep: Keep | None = None) -> Statuses:
        """Return every duty in full as of an instant; ``keep`` remembers the laws that only facts and time can change."""
        library, now = self.library(incident), at or self.now_in(incident)
        return self._checked(incident, library, kept_statuses(incident, now, library, keep), now)

    def law_checks(self) -> Checks:
        """Return the checks of the law that people of the home recorded."""
        with whole(self.store, JOURNAL):
            payloads = self.store.read_payloads(JOURNAL)
            return fold_checks((seq, at, READER(data)) for seq, at, data in payloads if data is not None)

    def near_duties(
        self, incident: Incident, at: datetime | None = None, also: Iterable[str] = ()
    ) -> Statuses:
        """Return the duties of only those laws that are relevant, or have a record or an exemption, or a duty of ``also``."""
        library, now = self.library(incident), at or self.now_in(incident)
        return self._checked(incident, library, near_statuses(incident, now, library, also), now)

    def _checked(self, incident: Incident, library: Library, found: Statuses, now: datetime) -> Statuses:
        """Return duties with the checks of the home and with their next acts."""
        from runner.reports.law.next_act import with_next

        return with_next(incident, library, with_checks(found, readable(self.law_checks), library), now)

    def read(self, principal: Principal) -> Reader:
        """Return what a principal may read."""
        return Reader(self.repository, principal, lambda: self.directory.roles)

    def _rights(self, principal: Principal) -> Rights:
        """Return the rights in the home: those of the person's roles there."""
        return rights_of(principal, lambda: self.directory.roles)

    # --- changing -----------------------------------------------------------------------------------------

    def act(
        self, principal: Principal, incident: str, commands: Commands | Callable[[Incident], Commands]
    ) -> Turn:
        """Perform all commands or none, and return the turn; raises Stale if others are faster each time.

        A function makes the commands from the present incident, and again if another writer was faster.
        """
        from runner.incident.messages.acknowledgement import by_acting  # a command that reads needs no engine

        def attempt() -> Turn | None:
            before = self.load(incident)
            if self._guard is not None:
                self._guard(before)
            made = commands(before) if callable(commands) else commands
            refuse_other_names(principal, made)
            refuse_hidden(made)
            made = (*by_acting(before, principal, made), *made)
            require_rights(partial(self.read(principal).may, incident=before), principal, before, made)
            done = self.prepare(before, made, principal=principal)
            if done.append is not None and not self._commit([done])[0]:
                return None
            self._guard = None
            self.repository.keep(done.incident)
            self.repository.keep_snapshot(done.incident)
            return Turn(before=before, after=done.incident, events=done.events, work=done.work)

        return retry(self, incident, attempt)

    def since(self, turn: Turn) -> Turn:
        """Return a turn together with all later entries."""
        after, last = self.load(turn.after.id), turn.after.version
        rows = self.store.read_payloads(after.id, last)
        later = [recorded(after.id, row, seq) for seq, row in enumerate(rows, last + 1)]
        return Turn(before=turn.before, after=after, events=(*turn.events, *later))

    def prepare(
        self,
        incident: Incident,
        commands: Sequence[AnyCommand],
        *,
        worker: str = "",
        principal: Principal | None = None,
        room: int | None = None,
        rooms: Quotas = OPEN,
        now: datetime | None = None,
    ) -> Transaction:
        """Return one transaction of an incident without writing it; ``now`` is the clock's time by default."""
        from runner.app.core.transaction import make_transaction  # a command that reads needs no engine

        at, who = now or self.clock.now(), principal or self.principal
        require_act(self.store, who, incident, commands, self.home.identity.require_proof)
        library = self.repository.library_with(incident, *(run for made in commands for run in _pinned(made)))
        if not who.os_user:  # a user of this machine has all rights
            from runner.app.core.fact_rights import require_fact_rights

            require_fact_rights(self.read(who), who, incident, commands, time_in(incident, at), library)
        decided = tuple(commands)
        if incident.on_call:  # whoever is on call now gets his roles before any other change
            from runner.app.core.on_call import handovers

            decided = (*handovers(incident, self.directory), *decided)
        make = partial(make_transaction, incident, now=at, library=library, principal=who, worker=worker)
        transaction = make(decided, room=room, rooms=rooms, held=TrustedClock.of(self).held)
        if self.home.war_rooms or transaction.incident.war_room:
            from runner.app.core.war_room import guest_list, room_choice

            for choose in (room_choice, guest_list):
                if command := choose(self, transaction.incident):
                    decided = (*decided, command)
                    transaction = make(decided, room=room, rooms=rooms, held=TrustedClock.of(self).held)
        return transaction

    def append(self, principal: Principal, turns: Sequence[Transaction]) -> list[str]:
        """Commit turns together; return each one's new head, empty if another writer was faster."""
        require(self._rights(principal).acts, principal, "change incidents")
        return self._commit(turns)

    def _commit(self, turns: Sequence[Transaction]) -> list[str]:
        appends = [turn.append for turn in turns if turn.append is not None]
        results = self.checkpoints.write(self.write, appends, self.clock.now()) if appends else []
        return [result.head if isinstance(result, Appended) else "" for result in results]

    def open(self, principal: Principal, event: IncidentOpened, commands: Commands) -> Turn:
        """Store an incident; raises Refused if there is one with its name."""
        from runner.app.core.fact_rights import require_opening
        from runner.app.core.transaction import make_transaction

        require(self._rights(principal).acts, principal, "open an incident")
        require_opening(self.read(principal), principal, commands)
        now = self.clock.now()
        born = begin(Recorded(1, clock_time(event.clock, now) if event.clock else now, event))
        library = self.repository.library_with(born, *(run for made in commands for run in _pinned(made)))
        done = make_transaction(born, commands, now, library, principal, birth=event)
        if not self._commit([done])[0]:
            raise incident_exists()
        return Turn(before=born, after=done.incident, events=done.events, work=done.work)

    def record(
        self, principal: Principal, batch: Sequence[Append], recorded: datetime, about: Incident | None = None
    ) -> list[Appended | Conflict]:
        """Append to journals of the organisation, or to one whose payloads are erased; no incident is decided on."""
        require(self.read(principal).may_record(batch, about), principal, "change data of the organisation")
        return self.checkpoints.write(self.store.append, batch, recorded)

    def erase(self, principal: Principal, journal: str) -> None:
        """Destroy the key of a journal: nobody can read its personal payloads and documents again."""
        require(self._rights(principal).manages, principal, "erase")
        self.store.shred(journal)

    def rebuild(self, principal: Principal, rows: Sequence[IncidentRow]) -> None:
        """Replace the rows of all journals by rows computed from these."""
        require(self._rights(principal).manages, principal, "rebuild the indexes")
        self.store.rebuild(rows)

    def keep_document(self, principal: Principal, incident: str | None, content: bytes) -> str:
        """Store a document under its digest, encrypted for an incident or shared by all; return the digest."""
        require(self.read(principal).may_store(incident), principal, "store a document")
        return self.store.put_blob(incident, content)

    def campaign_tables(self, principal: Principal) -> BulkTables:
        """Return the tables of notices to many people."""
        require(self._rights(principal).acts, principal, "work on campaigns")
        return self.store.bulk()

    # --- state that all processes on the home share, outside of the journals ----------------------------------

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        """Return the marks with this prefix; those of ``sealed_marks.KINDS`` only if the key of the home made them."""
        return self.sealed.read(prefix)

    def change_marks(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> dict[str, bytes]:
        """Change marks, with no other change at the same time; as ``Store.change_marks``."""
        require(self._rights(self.principal).acts, self.principal, "change marks")
        return self.sealed.change(names, change, waits=waits)

    def setting(self, name: str) -> str | None:
        """Return a small setting."""
        return self.store.setting(name)

    def set_setting(self, name: str, value: str | None) -> None:
        """Store a small setting; None removes it."""
        require(self._rights(self.principal).acts, self.principal, "change settings")
        self.store.set_setting(name, value)

    def changed(self) -> str:
        """Return a token that differs after any change of the store; cheap enough to poll."""
        return self.store.changed()

    def worker_alive(self, worker: str) -> bool:
        """Tell whether a worker is alive."""
        return self.store.worker_alive(worker)

    def register_worker(self, worker: str) -> WorkerHandle:
        """Prove from now on that a worker is alive; raises StoreLocked if one of that name is."""
        return self.store.register_worker(worker)

    def is_work_due(self) -> bool:
        """Tell whether work is due now, or a probe of a domain that is down."""
        now = self.clock.now()
        if self.store.due(now):
            return True
        self.traffic.refresh()
        return self.traffic.probe_due(now)

    # --- effects ------------------------------------------------------------------------------------------

    def tools(self, incident: Incident) -> EffectContext:
        """Return the resources for an effect of an incident."""
        from runner.effects.gateway import gateway
        from runner.vault.action_secrets import given_secret
        from runner.vault.secrets import resolve

        notices = self.catalogue(incident).notices
        return EffectContext(
            blobs=self.store,
            sender=self._sender(incident),
            call=gateway.call,
            directory=self.directory,
            acting=self.home.act,
            notices={name: (pinned.notice, pinned.body) for name, pinned in notices.items()},
            secret=lambda reference: resolve(reference, base=self.folder),
            given_secret=lambda name: given_secret(name, self.home, base=self.folder),
            tokens=self._tokens,
            now=lambda: self.now_in(incident),
            wall=self.clock.now,
            new_id=self.chance.name,
            duties=near_statuses,
            compromises=self.compromises,
            letterhead=self.letterhead,
            public_url=self.home.public_url,
            logo=self.logo,
            privileged=self.home.stationery.privileged,
        )

    def _sender(self, incident: Incident) -> Sender:
        """Return the gateway to the world: an exercise adds its own before it."""
        if incident.drill is None:
            return self.gateway
        from runner.effects.simulated import ExerciseSender

        return ExerciseSender(self.gateway, incident, self.now_in(incident))

    def letterhead(self) -> bytes:
        """Return the organisation's Word template, empty if none is named; raises NotFound if the file is missing."""
        if not (named := self.home.stationery.letterhead):
            return b""
        from runner.app.core.directory import read_stationery

        return read_stationery(self.folder, named, "letterhead")

    def logo(self) -> Logo | None:
        """Return the organisation's logo, None if none is named; raises NotFound or Refused if it cannot be used."""
        if not (named := self.home.stationery.logo):
            return None
        from runner.app.core.directory import read_stationery
        from runner.documents.pictures import read_logo

        return read_logo(read_stationery(self.folder, named, "logo"), self.home.stationery.logo_sha256)

    @cached_property
    def gateway(self) -> Gateway:
        """Return the gateway to the integrations."""
        from runner.effects.gateway.gateway import Gateway

        return Gateway(base=self.folder)

    def forget_directory(self) -> None:
        """Read people and channels again next time, after a change."""
        self.__dict__.pop("_directory", None)


def _pinned(command: AnyCommand) -> tuple[Run, ...]:
    """Return the run whose plan a command adds."""
    match command:
        case PinPlaybook(run=run) | MigratePlaybook(event=PlaybookMigrated(run=run)):
            return (run,)
        case _:
            return ()
