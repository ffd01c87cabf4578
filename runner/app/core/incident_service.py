"""Incident service: an open home folder with its store, people and channels, and the changes of incidents.

A ``Desk`` lives as long as a command or a worker. It keeps compiled plans and pinned law by digest; incidents it folds
from the journal whenever they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from runner.app.core import snapshots
from runner.app.core.active_incident import OPEN as OPEN_STATES
from runner.app.core.active_incident import Choice, counts
from runner.app.core.conflict_retry import Backoff, retry
from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.transaction import Transaction, catch_up, load_incident, prepare
from runner.app.core.war_room import guest_list, room_choice
from runner.base.actor import Actor
from runner.decoding import from_json
from runner.effects.context import EffectContext, Sender
from runner.errors import NotFound, Refused, StoreError
from runner.incident.law.duties import duty_statuses, near_statuses
from runner.incident.people.contact_journal import STREAM
from runner.incident.state.commands import AnyCommand
from runner.incident.state.exercise_time import time_in
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.duty import DutyStatus
from runner.playbook.format import Bundle
from runner.playbook.pinned import Contents, Pinned
from runner.playbook.plan import Plan, compile_plan
from runner.routing.organisation import Directory, Home
from runner.routing.rate_limit import OPEN, Quotas
from runner.store.port import Appended, Conflict, IncidentRow, Snapshot, Store
from runner.yamlfile.limited_files import read_file

if TYPE_CHECKING:
    from runner.app.core.channel_state import Probe, Traffic
    from runner.app.core.on_call import Rotas
    from runner.documents.tree import Logo
    from runner.effects.gateway.gateway import Gateway
    from runner.law.counting import HolidayCalendar
    from runner.routing.messaging import Channel, SendResult

_Made = TypeVar("_Made", bound=Sequence[AnyCommand])
Write = Callable[..., "list[Appended | Conflict]"]
"""``Store.append``, or something before or after it."""
KEPT = 4
"""Folded incidents that a desk keeps between two loads."""
PAPER = 16 * 1024 * 1024
"""Bytes of a letterhead or a logo."""


class IncidentService:
    """What every use case works at."""

    def __init__(
        self, folder: Path, home: Home, store: Store, clock: Clock, chance: IdGenerator, actor: Actor
    ) -> None:
        """Take the parts; nothing is read yet."""
        self.folder = folder
        self.home = home
        self.store = store
        self.clock = clock
        self.chance = chance
        self.actor = actor
        self.write: Write = store.append
        """How turns reach the store; a driver may have its workers told, in the same transaction or after it."""
        self.backoff: Backoff | None = None
        """How a person's command waits for others; None for a program, whose loop must not wait."""
        self.cache: Callable[[], Path | None] = lambda: folder / "cache"
        """Where public holidays are kept. A command keeps them with the user: it may only read the home."""
        self._plans: dict[str, Plan] = {}
        self._catalogues: dict[str, Pinned] = {}
        self._folded: dict[str, Incident] = {}
        self._kept_at: dict[str, int] = {}
        self._libraries: dict[tuple[str, ...], Library] = {}

    # --- what an incident refers to -----------------------------------------------------------------------

    def library(self, incident: Incident) -> Library:
        """Return the plans and the law pinned to an incident, compiled once for each digest."""
        pinned = (incident.catalogue, *(run.bundle for run in incident.runs.values()))
        found = self._libraries.get(pinned)
        if found is None:
            law = self.catalogue(incident)
            plans = {bundle: self._plan(bundle) for bundle in pinned[1:]}
            calendar = self._calendar if law.regimes else None
            alone = self.home.second_person.none or ""
            found = Library(plans, law.regimes, calendar, law.outline, alone)
            self._libraries[pinned] = found
        return found

    def catalogue(self, incident: Incident) -> Pinned:
        """Return the law and templates pinned to an incident, most of them not read yet."""
        return (
            self.pinned(incident.catalogue) if incident.catalogue else Pinned(Contents(), self.store.get_blob)
        )

    def pinned(self, digest: str) -> Pinned:
        """Return the law and templates of a digest."""
        found = self._catalogues.get(digest)
        if found is None:
            contents = from_json(self.store.get_blob(digest), Contents)
            found = self._catalogues[digest] = Pinned(contents, self.store.get_blob)
        return found

    def _plan(self, digest: str) -> Plan:
        plan = self._plans.get(digest)
        if plan is None:
            plan = compile_plan(from_json(self.store.get_blob(digest), Bundle))
            self._plans[digest] = plan
        return plan

    @cached_property
    def _calendar(self) -> HolidayCalendar:
        from runner.app.core.public_holidays import PublicHolidays

        return PublicHolidays(self.cache())

    @property
    def directory(self) -> Directory:
        """Return the people, roles and channels as of now; a rota says who is on call at this moment."""
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
        """Return what is known of the domains and accounts of our channels; nothing is read yet."""
        from runner.app.core.channel_state import Traffic

        return Traffic(self.store, lambda: self.channels)

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """Return the channels of the home that can be used."""
        from runner.app.core.directory import read_channels

        return read_channels(self.home)[0] if self.home.channels else {}

    def probe(self, probe: Probe) -> SendResult:
        """Look whether a channel works again."""
        from runner.effects.messages.channel_probe import probe as look
        from runner.vault.secrets import resolve

        return look(
            probe.channel,
            probe.kind,
            probe.key,
            self.clock.now(),
            self._gateway,
            lambda reference: resolve(reference, base=self.folder),
        )

    def known(self, person: str) -> None:
        """Raise NotFound, with the nearest one, where a person is not one of ours."""
        if person not in self.directory.people:
            from runner.base.text import nearest

            close = nearest(person, self.directory.people)
            hint = f"Use {close}" if close else "tocsin person list"
            raise NotFound(f'Person "{person}" is not in the contact list.', hint=hint, code="unknown_person")

    # --- reading ------------------------------------------------------------------------------------------

    def find(self, name: str | None, choice: Choice | None = None) -> str:
        """Return an incident's id from an id, a codename, a choice that counts, or nothing when only one can be meant."""
        rows = self.incidents()
        if name:
            found = [row.id for row in rows if name in (row.id, row.codename)]
            if found:
                return found[-1]
            raise NotFound(f'Incident "{name}" does not exist.', hint="tocsin list", code="unknown_incident")
        if chosen := counts(choice, rows):
            return chosen
        open_rows = [row for row in rows if row.state in OPEN_STATES]
        real = [row for row in open_rows if row.kind == "real"]
        open_rows = real or open_rows  # what is real is meant before what is played
        if len(open_rows) == 1:
            return open_rows[0].id
        if not open_rows:
            from runner.app.core.step_reference import nothing_open

            raise nothing_open(self.store, rows)
        names = ", ".join(row.codename for row in open_rows[:8])
        raise Refused(
            f"{len(open_rows)} incidents are open: {names}.",
            hint="Add -i INCIDENT",
            code="which_incident",
        )

    def incidents(self) -> list[IncidentRow]:
        """Return the rows of all incidents: what the store keeps in other journals is none."""
        return [row for row in self.store.rows() if row.kind != STREAM]

    def load(self, incident: str) -> Incident:
        """Return an incident as of now; one that was loaded before is only caught up with."""
        known = self._folded.pop(incident, None) or self._snapshot(incident)
        found = self.refresh(known) if known is not None else self.fold(incident)
        self.keep(found)
        return found

    def fold(self, incident: str) -> Incident:
        """Return an incident from its journal alone, from the first event on."""
        return load_incident(self.store, incident, self.library)

    def _snapshot(self, incident: str) -> Incident | None:
        snapshot = self.store.snapshot(incident)
        if snapshot is None or snapshot.code != self._code:
            return None
        self._kept_at[incident] = snapshot.version
        return snapshots.decode(snapshot.body)

    def keep_snapshot(self, incident: Incident) -> None:
        """Have the next process spared the folding, where much has happened; called after a commit only."""
        if incident.version - self._kept_at.get(incident.id, 0) <= snapshots.AFTER or not self._code:
            return
        self._kept_at[incident.id] = incident.version
        body = snapshots.encode(incident)
        with suppress(StoreError):
            self.store.put_snapshot(
                incident.id, Snapshot(version=incident.version, code=self._code, body=body)
            )

    @cached_property
    def _code(self) -> str:
        return snapshots.code()

    def keep(self, incident: Incident) -> None:
        """Keep a folded incident for the next load; the oldest of a few makes room."""
        self._folded.pop(incident.id, None)
        self._folded[incident.id] = incident
        while len(self._folded) > KEPT:
            self._folded.pop(next(iter(self._folded)))

    def refresh(self, incident: Incident) -> Incident:
        """Return an incident with what others appended since."""
        return catch_up(self.store, incident, self.library)

    def now_in(self, incident: Incident) -> datetime:
        """Return the time by which an incident counts: an exercise's own, else the clock's."""
        return time_in(incident, self.clock.now())

    def duties(self, incident: Incident, at: datetime | None = None) -> tuple[DutyStatus, ...]:
        """Return every duty in full as of an instant."""
        return duty_statuses(incident, at or self.now_in(incident), self.library(incident))

    def near_duties(self, incident: Incident, at: datetime | None = None) -> tuple[DutyStatus, ...]:
        """Return the duties of those laws alone of which something is in sight, or was done or claimed."""
        return near_statuses(incident, at or self.now_in(incident), self.library(incident))

    def misread(self, incident: Incident) -> tuple[str, ...]:
        """Return the positions of counsel in an incident, also those asked for, that no pinned law knows, in words."""
        from runner.decoding import from_json
        from runner.facts.vocabulary.register import Fact, nested
        from runner.law.counsel_positions import ineffective_positions

        library = self.library(incident)
        asked = {
            change.key: Fact(key=change.key, value=from_json(change.value), at=people.at)
            for people in incident.second_person.values()
            if people.state == "awaiting"
            for change in people.act.facts
        }
        known = library.regimes if library.outline is None else library.outline.laws
        return ineffective_positions(
            nested({**incident.facts, **asked}), [law.id for law in known], library.regime
        )

    # --- changing -----------------------------------------------------------------------------------------

    def submit(self, incident: str, *commands: AnyCommand, actor: Actor | None = None) -> Incident:
        """Do commands together, or none of them; decides anew when somebody else was faster, and raises Stale at last."""
        return self.change(incident, lambda _: commands, actor)[0]

    def change(
        self, incident: str, make: Callable[[Incident], _Made], actor: Actor | None = None
    ) -> tuple[Incident, _Made]:
        """Do the commands that are made from an incident; they are made anew when somebody else was faster."""

        def attempt() -> tuple[Incident, _Made] | None:
            found = self.load(incident)
            made = make(found)
            turn = self.turn(found, made, actor=actor)
            if turn.append is not None and not self.append([turn])[0]:
                return None
            self.keep(turn.incident)
            self.keep_snapshot(turn.incident)
            return turn.incident, made

        return retry(self, incident, attempt)

    def turn(
        self,
        incident: Incident,
        commands: Sequence[AnyCommand],
        *,
        worker: str = "",
        actor: Actor | None = None,
        room: int | None = None,
        rooms: Quotas = OPEN,
        now: datetime | None = None,
    ) -> Transaction:
        """Prepare one turn of an incident without writing it; ``now`` is the clock's time where nothing else is said."""
        library = self.library(incident)
        at, who = now or self.clock.now(), actor or self.actor
        told = (*self._handovers(incident), *commands)
        turn = prepare(incident, told, at, library, who, worker, room=room, rooms=rooms)
        for step in (room_choice, guest_list):
            if found := step(self, turn.incident):
                told = (*told, found)
                turn = prepare(incident, told, at, library, who, worker, room=room, rooms=rooms)
        return turn

    def _handovers(self, incident: Incident) -> tuple[AnyCommand, ...]:
        """Return what hands roles over to whoever is on call by now: whatever happens next finds them in place."""
        if not incident.on_call:
            return ()
        from runner.app.core.on_call import handovers

        return tuple(handovers(incident, self.directory))

    def append(self, turns: Sequence[Transaction]) -> list[str]:
        """Commit turns together; return each one's new head, empty where somebody else was faster."""
        appends = [turn.append for turn in turns if turn.append is not None]
        results = self.write(appends, recorded=self.clock.now()) if appends else []
        return [result.head if isinstance(result, Appended) else "" for result in results]

    # --- effects ------------------------------------------------------------------------------------------

    def tools(self, incident: Incident) -> EffectContext:
        """Return what an effect of an incident works with."""
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
            now=lambda: self.now_in(incident),
            wall=self.clock.now,
            new_id=self.chance.name,
            duties=duty_statuses,
            letterhead=self.letterhead,
            public_url=self.home.public_url,
            logo=self.logo,
            privileged=self.home.stationery.privileged,
        )

    def _sender(self, incident: Incident) -> Sender:
        """Return the door to the world: an exercise has one of its own before it."""
        if incident.drill is None:
            return self._gateway
        from runner.effects.simulated import ExerciseSender

        return ExerciseSender(self._gateway, incident, self.now_in(incident))

    def letterhead(self) -> bytes:
        """Return the firm's own Word file, empty where none is named; raises NotFound where it is not there."""
        named = self.home.stationery.letterhead
        return self._paper(named, "letterhead") if named else b""

    def logo(self) -> Logo | None:
        """Return the firm's logo, None where none is named; raises NotFound or Refused where it cannot be used."""
        named = self.home.stationery.logo
        if not named:
            return None
        from runner.documents.pictures import read_logo

        return read_logo(self._paper(named, "logo"), self.home.stationery.logo_sha256)

    def _paper(self, named: str, what: str) -> bytes:
        try:
            return read_file(self.folder / named, PAPER)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no such name"
            raise NotFound(
                f'The {what} "{named}" cannot be read: {why}.',
                hint=f"Correct stationery.{what} in tocsin.yaml. The path is relative to the home folder.",
                code="file_unreadable",
            ) from None

    @property
    def gateway(self) -> Gateway:
        """Return the door to the integrations."""
        return self._gateway

    @cached_property
    def _gateway(self) -> Gateway:
        from runner.effects.gateway.gateway import Gateway

        return Gateway(base=self.folder)

    def forget_directory(self) -> None:
        """Read people and channels anew next time: somebody changed them."""
        self.__dict__.pop("_directory", None)
