"""The journals of incidents, and their folded state.

Use cases, except those that open or move a store, import the types of the store (rows, events, appends) from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, get_args

import msgspec

from runner.actions import Action
from runner.app.core import snapshots
from runner.base.actor import PROGRAM
from runner.decoding import from_json
from runner.errors import UNREADABLE, NotFound, Refused, Sealed, StoreCorrupt, StoreError, StoreTooNew
from runner.incident.people.contact_journal import STREAM
from runner.incident.state.events import AnyEvent, PlaybookMigrated, PlaybookPinned, Recorded, decode
from runner.incident.state.incident import Incident, Run
from runner.incident.state.library import Library
from runner.incident.state.work import AnyWork
from runner.incident.turn.fold import begin, fold
from runner.playbook.format import Bundle
from runner.playbook.pinned import Contents, Pinned
from runner.playbook.plan import Plan, compile_plan
from runner.playbook.profiles import bundle_of_profile
from runner.routing.organisation import Acting
from runner.routing.rules import Compromise
from runner.store.chain import event_of as event_of
from runner.store.port import HOME_KEYS as HOME_KEYS
from runner.store.port import IN_HAND as IN_HAND
from runner.store.port import PATIENCE as PATIENCE
from runner.store.port import UNFINISHED as UNFINISHED
from runner.store.port import Append as Append
from runner.store.port import Appended as Appended
from runner.store.port import ChangeMarks as ChangeMarks
from runner.store.port import Conflict as Conflict
from runner.store.port import Head as Head
from runner.store.port import HeadFault as HeadFault
from runner.store.port import HeadFaultCode as HeadFaultCode
from runner.store.port import HeadsCheck as HeadsCheck
from runner.store.port import IncidentRow as IncidentRow
from runner.store.port import Inspection as Inspection
from runner.store.port import KeptCheckpoint as KeptCheckpoint
from runner.store.port import Link as Link
from runner.store.port import NewEvent as NewEvent
from runner.store.port import Snapshot
from runner.store.port import Store as Store
from runner.store.port import StoredEvent as StoredEvent
from runner.store.port import Verification as Verification
from runner.store.port import WorkerHandle as WorkerHandle
from runner.store.upgrades import SCHEMA_VERSION as SCHEMA_VERSION
from runner.store.upgrades import SEALED as SEALED
from runner.store.worker_lock import FileLock as FileLock
from runner.store.worker_lock import worker_lock_held as worker_lock_held

if TYPE_CHECKING:
    from runner.law.counting import HolidayCalendar
    from runner.store.campaigns.tables import BulkTables as BulkTables


RESTRICTED = b"/restricted"
"""After the severity in the summary of a row: the incident is restricted to the people with a role in it."""
_OPEN = ("open", "paused")
KEPT = 4
"""How many folded incidents are cached."""


Libraries = Callable[[Incident], Library]


def summary_of(incident: Incident) -> bytes:
    """Return the summary of an incident's row: its severity, its compromised domains, and whether it is restricted.

    Of domains only what counts beyond the incident: nothing of an exercise, and after the end what is still compromised.
    """
    told = [
        Compromise(domain=one.name, since=one.since, assumed=one.assumed)
        for one in (domain.own for domain in incident.domains.values() if incident.kind == "real")
        if one is not None and one.state == "compromised" and (one.kept or incident.state in _OPEN)
    ]
    summary = incident.severity.encode() + b"/" + msgspec.json.encode(told)
    return summary + RESTRICTED if incident.restricted else summary


def unknown_incident(name: str) -> NotFound:
    """Return the error for a name that no incident has."""
    return NotFound(
        f'Incident "{name}" does not exist.', hint=Action("incident.list"), code="unknown_incident"
    )


def incident_exists() -> Refused:
    """Return the error for an incident whose name another one has."""
    return Refused(
        "An incident with this codename exists. Nothing was saved.",
        hint="repeat the command",
        code="incident_exists",
    )


def _folded(
    incident: Incident, rows: Iterator[tuple[int, datetime, bytes | None]], libraries: Libraries
) -> Incident:
    """Fold in parts that end before a newly pinned playbook, whose plan is needed from then on."""
    pending: list[Recorded] = []
    library = libraries(incident)
    for seq, row in enumerate(rows, incident.version + 1):
        entered = recorded(incident.id, row, seq)
        match entered.event:
            case PlaybookPinned(run=run) | PlaybookMigrated(run=run):
                incident = fold(incident, pending, library)
                pending = []
                library = libraries(msgspec.structs.replace(incident, runs={**incident.runs, run.id: run}))
            case _:
                pass
        pending.append(entered)
    return fold(incident, pending, library) if pending else incident


def recorded(incident: str, row: tuple[int, datetime, bytes | None], expected: int) -> Recorded:
    """Return one stored event; raises StoreCorrupt, with its place, if it is missing or damaged."""
    seq, at, payload = row
    if seq != expected:
        raise _damaged(incident, expected, missing=True)
    if payload is None:
        raise Sealed("The personal data of the incident was erased. It cannot be read.", code="shredded")
    try:
        return Recorded(seq, at, decode(payload))
    except msgspec.ValidationError as error:
        if not _is_unknown_type(payload):
            raise _damaged(incident, seq) from error
        raise StoreTooNew(
            f"Entry {seq} of the incident is from a later version of Tocsin.",
            hint="Install the later version of Tocsin.",
        ) from error
    except msgspec.DecodeError as error:
        raise _damaged(incident, seq) from error


@contextmanager
def whole(store: Store, journal: str) -> Iterator[None]:
    """Read a journal; an error from a damaged or missing event becomes StoreCorrupt with its place."""
    try:
        yield
    except Exception as error:
        may = isinstance(error, Sealed | StoreCorrupt) or not isinstance(error, StoreError)
        named = isinstance(error, StoreCorrupt) and error.code in _CODES
        broken = store.verify(journal).broken if may and not named else None
        if broken is None:
            raise
        raise _damaged(journal, broken.seq, missing=broken.kind in ("removed", "truncated")) from error


_CODES = ("event_damaged", "event_missing")


def _damaged(incident: str, seq: int, *, missing: bool = False) -> StoreCorrupt:
    what = "is missing" if missing else "is damaged"
    return StoreCorrupt(
        f'Entry {seq} of incident "{incident}" {what}.',
        hint="Copy the database. Restore a backup beside it. Run: tocsin audit verify",
        code="event_missing" if missing else "event_damaged",
    )


def _is_unknown_type(payload: bytes) -> bool:
    """Tell whether a well-formed event names a type that this version does not know."""
    found = from_json(payload)
    known = {kind.__struct_config__.tag for kind in get_args(AnyEvent)}
    return isinstance(found, dict) and isinstance(kind := found.get("type"), str) and kind not in known


class Repository:
    """The incidents of one store. It caches compiled plans and pinned law by digest, and a few folded incidents."""

    def __init__(
        self,
        store: Store,
        calendar: Callable[[], HolidayCalendar],
        alone: str,
        acting: Acting,
        target: timedelta,
    ) -> None:
        """Take the store, public holidays, which are read when a law first needs them, and settings that decisions read."""
        self.store = store
        self._calendar = calendar
        self._alone = alone
        self._acting, self._target = acting, target
        self._plans: dict[str, Plan] = {}
        self._catalogues: dict[str, Pinned] = {}
        self._folded: dict[str, Incident] = {}
        self._kept_at: dict[str, int] = {}
        self._libraries: dict[tuple[str, ...], Library] = {}

    def library(self, incident: Incident) -> Library:
        """Return the plans and the law pinned to an incident, compiled once for each digest."""
        pinned = (incident.catalogue, *(run.plan for run in incident.runs.values()))
        library = self._libraries.get(pinned)
        if library is None:
            law = self.catalogue(incident)
            plans = {plan: self._plan(plan) for plan in pinned[1:]}
            calendar = self._calendar() if law.regimes else None
            library = Library(
                plans, law.regimes, calendar, law.outline, self._alone, self._acting, self._target
            )
            self._libraries[pinned] = library
        return library

    def library_with(self, incident: Incident, *runs: Run) -> Library:
        """Return the library of an incident with the plans of additional runs."""
        if not runs:
            return self.library(incident)
        more = {f"+{run.id}": run for run in runs}
        return self.library(msgspec.structs.replace(incident, runs={**incident.runs, **more}))

    def catalogue(self, incident: Incident) -> Pinned:
        """Return the law and templates pinned to an incident, most of them not read yet."""
        return (
            self.pinned(incident.catalogue) if incident.catalogue else Pinned(Contents(), self.store.get_blob)
        )

    def document(self, digest: str) -> bytes:
        """Return a document by its digest, for the program itself: people read documents with a ``Reader``."""
        return self.store.get_blob(digest)

    def pinned(self, digest: str) -> Pinned:
        """Return the law and templates of a digest."""
        catalogue = self._catalogues.get(digest)
        if catalogue is None:
            contents = from_json(self.store.get_blob(digest), Contents)
            catalogue = self._catalogues[digest] = Pinned(contents, self.store.get_blob)
        return catalogue

    def _plan(self, key: str) -> Plan:
        plan = self._plans.get(key)
        if plan is None:
            digest, _, profile = key.partition("/")
            bundle = from_json(self.store.get_blob(digest), Bundle)
            plan = compile_plan(bundle_of_profile(bundle, "small" if profile else "large"))
            self._plans[key] = plan
        return plan

    def incidents(self, state: str | None = None) -> list[IncidentRow]:
        """Return the rows of all incidents, or of those in a state, without the store's other journals."""
        return [row for row in self.store.rows(state) if row.kind != STREAM]

    def compromises(self) -> Iterator[tuple[IncidentRow, Compromise]]:
        """Yield what real incidents say is compromised beyond themselves: declared by a person, or assumed while they are open.

        Of a row that the key did not make, or of an earlier version, the journal says it.
        """
        vouched = frozenset[str]()
        with suppress(Sealed):
            vouched = self.store.log.vouched()
        for row in self.store.rows():
            summary = row.summary
            older = b"/[" not in summary and row.kind == "real" and row.state in _OPEN
            if older or row.id not in vouched:
                with suppress(*UNREADABLE):
                    summary = summary_of(self.load(row.id))
            told = summary.removesuffix(RESTRICTED).partition(b"/")[2]
            yield from ((row, one) for one in (from_json(told, tuple[Compromise, ...]) if told else ()))

    def load(self, incident: str) -> Incident:
        """Return the present incident; a cached one is brought up to date."""
        known = self._folded.pop(incident, None) or self._snapshot(incident)
        loaded = self.refresh(known) if known is not None else self.fold(incident)
        self.keep(loaded)
        return loaded

    def has_journals(self) -> bool:
        """Tell whether the organisation has journals beside its contact list."""
        return any(row.id != STREAM for row in self.store.rows(STREAM))

    def last_entry(self, row: IncidentRow) -> datetime:
        """Return the real time of an incident's last entry."""
        return max((event.at for event in self.store.read(row.id, row.version - 1)), default=row.opened_at)

    def last_act(self, row: IncidentRow, is_other: Callable[[StoredEvent], bool]) -> datetime:
        """Return the real time of the last entry that is no other one, nor Tocsin's own."""
        told = (one for one in self.store.read(row.id) if one.actor.claimed != PROGRAM)
        return max((one.at for one in told if not is_other(one)), default=row.opened_at)

    def refuse_read_only(self, place: str) -> None:
        """Raise StoreReadOnly if the store is read-only."""
        if self.store.read_only:
            from runner.store.database_errors import read_only

            raise read_only(place)

    def fold(self, incident: str) -> Incident:
        """Return an incident from its journal alone; raises NotFound, or Sealed if it is erased."""
        with whole(self.store, incident):
            last = self.store.head(incident).version
            rows = self.store.read_payloads(incident)
            first = next(rows, None)
            if first is None and not last:
                raise unknown_incident(incident)
            if first is None:
                raise _damaged(incident, 1, missing=True)
            folded = _folded(begin(recorded(incident, first, 1)), rows, self.library)
            if folded.version < last:
                raise _damaged(incident, folded.version + 1, missing=True)
            return folded

    def known_at(self, incident: str, at: datetime) -> Incident:
        """Return an incident as its journal shows it at an instant; raises NotFound if it was not open yet."""
        with whole(self.store, incident):
            known = takewhile(lambda row: row.recorded <= at, self.store.read(incident))
            rows = ((row.seq, row.exercise_at or row.at, row.payload) for row in known)
            first = next(rows, None)
            if first is None:
                raise NotFound(
                    f'Incident "{incident}" was not open yet at {at:%Y-%m-%d %H:%M:%S %z}.',
                    hint=Action("incident.timeline"),
                    code="not_opened",
                )
            return _folded(begin(recorded(incident, first, 1)), rows, self.library)

    def _snapshot(self, incident: str) -> Incident | None:
        snapshot = self.store.snapshot(incident)
        if snapshot is None or snapshot.code != self._code:
            return None
        self._kept_at[incident] = snapshot.version
        return snapshots.decode(snapshot.body)

    def keep_snapshot(self, incident: Incident) -> None:
        """Store a snapshot after many events, to spare the next process the fold; called after a commit only."""
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
        """Cache a folded incident; the oldest of a few is removed."""
        self._folded.pop(incident.id, None)
        self._folded[incident.id] = incident
        while len(self._folded) > KEPT:
            self._folded.pop(next(iter(self._folded)))

    def refresh(self, incident: Incident) -> Incident:
        """Return an incident with the events that others appended since."""
        with whole(self.store, incident.id):
            rows = self.store.read_payloads(incident.id, incident.version)
            return _folded(incident, rows, self.library)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """The change of an incident: its state before and after, the events between, and the work that may start."""

    before: Incident
    after: Incident
    events: tuple[Recorded, ...] = ()
    work: tuple[AnyWork, ...] = ()
