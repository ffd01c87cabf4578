"""Checks of a home folder, and repairs that need no decision of a person.

Each examination yields findings and marks what it repaired. Repair marks the attempts of dead workers as unknown,
rebuilds the indexes from the journals, and creates a missing store.
"""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path

import msgspec

from runner.actions import Action, assign_role
from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import IncidentRow
from runner.app.core.suspended_incidents import set_aside
from runner.app.core.transaction import row_of
from runner.app.core.trusted_clock import TrustedClock
from runner.app.home.doctor_checks import (
    USUAL,
    Finding,
    Network,
    Severity,
    channels,
    database,
    exposed_files,
    laws,
    of_error,
    refused_senders,
    schedulers,
    ways_out,
    wrong,
)
from runner.app.home.home_journal import backup_findings
from runner.app.home.home_journal import findings as changes
from runner.app.home.integrity import HINTS, Integrity, checkpoint_findings, missing, row_from_journal
from runner.app.home.integrity import examine as examine_documents
from runner.app.home.open_home import open_service
from runner.base.actor import Principal
from runner.errors import TocsinError
from runner.files.settings_file import load_home
from runner.incident.people.contact_journal import STREAM
from runner.incident.state.commands import AttemptLost
from runner.incident.state.incident import Attempt, Delivery, Incident, Invocation
from runner.incident.state.work import Failed
from runner.reports.core.formatting import aside_words, count
from runner.reports.core.suggested_actions import NO_WORKER, START_WORKER, resolve, resume
from runner.routing.organisation import Home
from runner.settings import CONFIG, is_shared_folder

AHEAD = timedelta(minutes=5)
"""The largest time difference between journal and clock without a finding."""
DO_NOW = "do now"
"""The area of the findings that are required actions in incidents, and no faults of the home."""
POSTGRES = "psycopg"
"""The Python package for a store on PostgreSQL; an extra of Tocsin installs it."""

Watched = Callable[[str, int | None], Callable[[int], None]]
"""Takes the name and, where known, the size of a piece of work; returns a function that reports progress."""


class Examination(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/doctor/v1"):
    """All findings; ``ok`` is false when a person must act."""

    home: str
    """Empty for a quick look."""
    ok: bool
    findings: tuple[Finding, ...]


def examine(
    folder: Path,
    principal: Principal,
    clock: Clock,
    chance: IdGenerator,
    *,
    repair: bool = False,
    network: Network = USUAL,
    memory: Path | None = None,
    watched: Watched = lambda words, total: lambda count: None,
) -> Examination:
    """Examine a home from its folder to its blobs; faults are findings, never exceptions.

    ``memory`` remembers the newest checkpoint outside of the database.
    """
    findings = list(_examined(folder, principal, clock, chance, watched, memory, network, repair=repair))
    return Examination(
        home=str(folder),
        ok=all(finding.severity != "error" for finding in findings),
        findings=tuple(findings),
    )


def _examined(
    folder: Path,
    principal: Principal,
    clock: Clock,
    chance: IdGenerator,
    watched: Watched,
    memory: Path | None,
    network: Network,
    *,
    repair: bool,
) -> Iterator[Finding]:
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}"
    yield Finding("machine", "good", versions)
    if shared := is_shared_folder(folder):
        hint = "Move the home folder to a local disk. Locks are not reliable here."
        yield Finding("folder", "warning", f"{folder}: {shared}", hint)
    try:
        home = load_home(folder / CONFIG)
    except TocsinError as error:
        yield from of_error("settings", error)
        return
    yield Finding("settings", "good", f"{folder / CONFIG}: valid")
    yield from exposed_files(folder, home, repair=repair)
    if home.second_person.none:
        what = f"no second person confirms (second_person.none): {home.second_person.none}"
        yield Finding("settings", "warning", what)
    yield from _whole("key", lambda: _master_key(folder, home))
    yield from channels(folder, home, clock.now(), network)
    yield from _action_secrets(folder, home)
    yield from _whole("laws", lambda: laws(folder, clock.now().date()))
    try:
        service, made = _opened(folder, principal, clock, chance, repair)
    except TocsinError as error:
        yield from of_error("store", error)
        return
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != POSTGRES:
            raise
        what = f"The database is on PostgreSQL, but the Python package '{POSTGRES}' is not installed"
        yield Finding("store", "error", what, "Install Tocsin with its extra: tocsin[postgres]")
        return
    service.checkpoints.memory = memory
    with closing(service):
        yield from _state(service, made)
        checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
            (
                "store",
                lambda: chain(database(service.store, repair), backup_findings(service), changes(service)),
            ),
            ("journal", lambda: _record(service, repair, watched)),
            ("people", lambda: ways_out(service)),
            (DO_NOW, lambda: _do_now(service)),
            ("organisation", lambda: _between(service)),
            ("clock", lambda: _clock(service, repair)),
            ("roles", lambda: _unheld(service)),
        )
        for area, look in checks:
            yield from _whole(area, look)


def _state(service: IncidentService, made: bool) -> Iterator[Finding]:
    if made:
        yield Finding("store", "mended", "The database was missing. An empty one was created.")
    if service.read_only:
        what = "The database cannot be written. This report is from a copy."
        hint = "Free space on the disk, or mount the disk for writing."
        yield Finding("store", "error", what, hint, code="store_read_only")


def glance(service: IncidentService) -> Examination:
    """Return the quick findings: no journal is verified, no incident is read, and no server is called."""
    now = service.clock.now()
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("worker", lambda: _workers(service)),
        ("channels", lambda: channels(service.folder, service.home, now, Network(offline=True))),
        (
            "store",
            lambda: chain(database(service.store, repair=False), backup_findings(service), changes(service)),
        ),
        ("people", lambda: ways_out(service)),
        ("organisation", lambda: _between(service)),
        ("checkpoints", lambda: checkpoint_findings(service, None, copies=True)),
        ("clock", lambda: _clock(service)),
        ("roles", lambda: _unheld(service)),
    )
    folder = f"{service.folder}/"  # who reads a page may have no access to this machine
    findings = tuple(
        msgspec.structs.replace(one, what=one.what.replace(folder, ""), hint=one.hint.replace(folder, ""))
        for area, look in checks
        for one in _whole(area, look)
    )
    unseen = "Not checked here: journals, documents, servers of channels, files of the home folder"
    return Examination(
        home="",
        ok=all(one.severity != "error" for one in findings),
        findings=(*findings, Finding("journal", "warning", unseen, "Run: tocsin doctor")),
    )


def _workers(service: IncidentService) -> Iterator[Finding]:
    from runner.app.home.workers import living

    if alive := living(service):
        yield Finding("worker", "good", f"{count(len(alive), 'worker runs', 'workers run')}")
    elif not service.incidents("open"):
        yield Finding("worker", "warning", "no worker runs; no incident is open", action=START_WORKER)
    if service.read_only:
        yield Finding("store", "error", "The database cannot be written", code="store_read_only")


def _opened(
    folder: Path, principal: Principal, clock: Clock, chance: IdGenerator, repair: bool
) -> tuple[IncidentService, bool]:
    made = False
    try:
        service = open_service(
            folder, principal, or_copy=not repair, older=repair, clock=clock, chance=chance
        )
    except TocsinError as error:
        if error.code != "no_store" or not repair:
            raise
        service, made = open_service(folder, principal, create=True, clock=clock, chance=chance), True
    service.cache = lambda: None  # an examination does not change the home
    return service, made


def _master_key(folder: Path, home: Home) -> Iterator[Finding]:
    from runner.vault.master_key import read_master

    read_master(home.master_key, base=folder)
    yield Finding("key", "good", "the master key is present")


def _action_secrets(folder: Path, home: Home) -> Iterator[Finding]:
    """Fetch the secrets that automatic actions may send."""
    from runner.vault.action_secrets import given_secret

    for name in home.act.references:
        try:
            given_secret(name, home, base=folder)
        except TocsinError as error:
            yield from of_error("actions", error)


def _whole(area: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check; if the check fails, the failure is a finding and the report continues."""
    try:
        yield from look()
    except TocsinError as error:
        yield from of_error(area, error)
    except Exception as error:  # noqa: BLE001  # damaged data can fail in any way; the other checks still run
        what, verify = f"the check failed ({type(error).__name__})", Action("audit.verify")
        yield Finding(area, "error", what, action=verify, code="check_failed")


def _record(service: IncidentService, repair: bool, watched: Watched) -> Iterator[Finding]:
    known = service.store.rows()
    verified = service.store.verify(seen=watched("verifying events", sum(row.version for row in known)))
    looked_at = watched("reading incidents", len(known))
    if verified.broken is not None:
        broken = verified.broken
        what = f"{broken.incident}, entry {broken.seq}: {broken.why}"
        hint = "Do not change the database. Restore a backup beside it. Run: tocsin audit verify"
        yield Finding("journal", "error", what, hint)
    else:
        yield Finding("journal", "good", f"{verified.events} entries verified")
    lost: dict[str, IncidentRow] = {}
    for name in verified.unwitnessed if repair else ():
        with suppress(TocsinError):  # the journal of a shredded incident cannot be read
            lost[name] = row_from_journal(service, name)
    seen = watched("checking documents", None)
    yield from _whole(
        "integrity",
        lambda: _integrity(service, examine_documents(service, verified, seen=seen), lost, repair),
    )
    rows: list[IncidentRow] = []
    aside = set_aside(service)
    for row in service.store.rows():
        looked_at(1)
        if row.kind == STREAM:
            rows.append(row)
            continue
        again = [row]
        yield from _whole("incidents", partial(_one, service, row, repair, again, aside.get(row.id)))
        rows += again
    yield from _lists(service, rows, repair, list(lost.values()))


def _one(
    service: IncidentService, row: IncidentRow, repair: bool, again: list[IncidentRow], aside: Failed | None
) -> Iterator[Finding]:
    """Examine one incident, and replace its row in ``again`` with the row from its journal."""
    try:
        incident = service.repository.fold(row.id)
        service.repository.keep(incident)
    except TocsinError as error:
        lawful = error.code == "shredded"
        severity: Severity = "warning" if lawful else "error"
        what, hint = f"{row.codename}: {error.message}", "" if lawful else error.hint
        yield Finding("incidents", severity, what, hint, error.action, error.code)
        return
    if aside is not None and incident.state in ("open", "paused"):
        what = f"{incident.codename}: {aside_words(aside)}"
        yield Finding("incidents", "error", what, action=resume(incident.codename))
    yield from _incident(service, incident, repair)
    incident = service.load(row.id)
    again[:] = [row_of(incident, service.clock.now(), service.library(incident))]


def _integrity(
    service: IncidentService, found: Integrity, mended: Collection[str], repair: bool
) -> Iterator[Finding]:
    """Yield integrity faults, also those that the repair has removed."""
    if repair and any(fault.code == "mark_forged" for fault in found.faults):
        service.sealed.remove(name for _, names in service.sealed.forged() for name in names)
    for fault in found.faults:
        forged = fault.code == "mark_forged"
        is_mended = repair if forged else fault.code == "row_missing" and fault.incident in mended
        what = f"{fault.where}: {fault.what}"
        hint = HINTS.get(fault.code, "Restore a backup beside the database, and compare.")
        yield wrong("integrity", what, hint, fault.code, mended=is_mended)
    if not found.faults:
        unread = f", {found.unread} not readable here" if found.unread else ""
        what = f"documents: {found.documents - found.unread} verified{unread}"
        yield Finding("integrity", "good", what)
    yield from checkpoint_findings(service, found.uncovered_since)


def _incident(service: IncidentService, incident: Incident, repair: bool) -> Iterator[Finding]:
    dead = lost_attempts(service, incident)
    if dead and repair:
        service.act(service.principal, incident.id, dead)
        incident = service.load(incident.id)
    for claim in dead:
        what = (
            f"{incident.codename}: attempt {claim.n} of {claim.effect} has no outcome, and its worker stopped"
        )
        yield wrong("attempts", what, "Mark the attempt as unknown: tocsin doctor --repair", mended=repair)
    for effect, attempt in _unknown(incident):
        what = f"{incident.codename}: attempt {attempt.n} of {effect} has an unknown outcome"
        yield Finding("attempts", "error", what, action=resolve(effect))
    for fault in missing(service, incident):
        what = f"{incident.codename}: {fault.what}"
        yield Finding("blobs", "error", what, "Restore the documents from a backup.", code=fault.code)


def lost_attempts(service: IncidentService, incident: Incident) -> list[AttemptLost]:
    """Return the commands that mark the attempts of workers that stopped as unknown."""
    return [
        AttemptLost(effect=effect, n=attempt.n)
        for effect, holder in (*_holders(incident), *incident.errands.items())
        for attempt in holder.attempts
        if attempt.state == "sending" and not service.worker_alive(attempt.worker)
    ]


def _holders(incident: Incident) -> Iterator[tuple[str, Delivery | Invocation]]:
    yield from incident.deliveries.items()
    yield from incident.invocations.items()


def _unknown(incident: Incident) -> Iterator[tuple[str, Attempt]]:
    """Yield the attempts whose outcome a person must resolve: none in a closed incident, or where policy retries."""
    if incident.state in ("closed", "cancelled"):
        return
    for effect, holder in _holders(incident):
        asks = bool(holder.stuck) or getattr(holder, "state", "") == "outcome_unknown"
        for attempt in holder.attempts:
            if asks and attempt.state == "unknown" and not attempt.resolved_by:
                yield effect, attempt


def _lists(
    service: IncidentService, rows: list[IncidentRow], repair: bool, lost: list[IncidentRow]
) -> Iterator[Finding]:
    """Write ``lost`` rows, and compare the indexes with the journals, except for ``next_due``, which changes with time."""
    kept = {row.id: row for row in service.store.rows()}
    compared = attrgetter("codename", "title", "kind", "state", "version")
    differ = [row.codename for row in rows if compared(row) != compared(kept[row.id])]
    unread = any(row.unread for row in (*rows, *lost))  # an unreadable row cannot be written
    if repair and (differ or lost) and not unread:
        service.rebuild(service.principal, [*rows, *lost])
    if not differ:
        yield Finding("lists", "good", f"{len(rows)} rows match the journals")
        return
    what = f"The indexes differ from the journals: {', '.join(differ)}"
    hint = "With the master key present, run: tocsin doctor --repair"
    yield wrong("lists", what, hint, mended=repair and not unread)


def _do_now(service: IncidentService) -> Iterator[Finding]:
    """Yield the required actions of each incident, and open duties of closed ones; an earlier check reports unreadable incidents."""
    from runner.app.exercises.organisation_attention import do_now, left_running
    from runner.reports.core.do_now import waits

    for row, found in do_now(service):
        for item in found if not isinstance(found, TocsinError) else ():
            later = waits(item) or item.kind == "exercise_over"
            severity: Severity = "warning" if later else "error"
            what = f"{row.codename}: {item.text}"
            yield Finding(DO_NOW, severity, what, "", item.action, item.kind, row.codename, item.ref)
    for closed, left in left_running(service):
        if left:
            name = closed.codename
            words = f"{name}: closed with {count(len(left), 'open duty', 'open duties')}"
            yield Finding(
                DO_NOW, "warning", words, action=Action("duty.list"), code="duties_left", incident=name
            )


def _between(service: IncidentService) -> Iterator[Finding]:
    """Yield required actions outside incidents, and a missing worker while an incident is open."""
    from runner.app.exercises.organisation_attention import waiting
    from runner.app.home.workers import living, outdated

    if words := outdated(service):
        what, _, hint = words.partition(". ")
        yield Finding("worker", "warning", what, hint, code="worker_outdated")
    if service.incidents("open") and not living(service):
        yield Finding("worker", "warning", NO_WORKER, action=START_WORKER, code="no_worker")
    yield from schedulers(service)
    yield from refused_senders(service)
    for item in waiting(service):
        severity: Severity = "error" if item.kind == "drill_missed" else "warning"
        yield Finding("organisation", severity, item.text, action=item.action, code=item.kind)


def _unheld(service: IncidentService) -> Iterator[Finding]:
    """Yield the roles of the playbooks without a person, and the tasks that need them."""
    from runner.app.playbooks.playbooks import unheld_of, unreachable_of
    from runner.reports.people.unassigned_roles import unheld_words, unreachable_words, ways_words

    if roles := unheld_of(service):
        what = f"{len(roles)} roles have no person: {'; '.join(unheld_words(role) for role in roles)}"
        yield Finding("roles", "warning", what, action=assign_role(roles[0].role, always=True))
    if stuck := unreachable_of(service):
        hint = ways_words(one.ways for one in stuck)
        yield Finding("roles", "warning", unreachable_words(stuck), hint, code="approval_unreachable")


def _clock(service: IncidentService, repair: bool = False) -> Iterator[Finding]:
    now, log, time = service.clock.now(), service.store.log, TrustedClock.of(service)
    newest, latest = log.recorded() or now, log.recorded(latest=True) or now
    if (problem := time.problem()) is not None:
        if repair:
            time.confirm()
        yield wrong("clock", problem.message, problem.hint, problem.code, mended=repair)
    elif latest > now + AHEAD:
        what = f"The clock of this computer is {now:%Y-%m-%d %H:%M:%SZ}, but an entry is {latest - now} later"
        hint = "Set the clock of this computer. Deadlines depend on it."
        yield Finding("clock", "error" if newest > now + AHEAD else "warning", what, hint)
    else:
        yield Finding("clock", "good", f"{now:%Y-%m-%d %H:%M:%SZ}, after the latest entry")
