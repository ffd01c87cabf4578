"""List of the workers that run for a home folder, in the settings of the store.

The list is only a hint: a name counts only while its worker proves that it lives. If two workers start at the same
instant, a name can be lost; then a command does the work itself, which is always safe.

One worker of a home may run in the background. Its own lock makes it unique, and it writes a
record, so that commands know that a person wants it. To remove the record stops the worker. Process ids are
not used.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runner.decoding import from_json
from runner.errors import StoreError, StoreLocked, TocsinError
from runner.incident.state.exercise import OVER
from runner.routing.messaging import HttpCall
from runner.routing.organisation import Home
from runner.settings import CONFIG
from runner.vault.secrets import resolve

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.app.core.repository import Store, WorkerHandle
    from runner.incident.state.incident import Incident

WORKERS = "worker"
"""The setting in the store: names, separated by spaces."""
LEADER = "scheduler"
"""The lock of the scheduler that leads, and the setting with the name of its machine."""
FOLDER = "workers"
"""The home's folder for locks, wake-up sockets of embedded workers, and the record."""
BACKGROUND = "background"
"""The lock of the background worker."""
STARTING = "starting"
"""The lock of the command that starts the background worker."""
APART, MOST_APART = timedelta(seconds=2), timedelta(seconds=30)
"""The clocks of this machine and of the database server: a larger difference is a warning, or no worker starts."""
PING_TIMEOUT = timedelta(seconds=10)


class Background(msgspec.Struct, frozen=True, kw_only=True):
    """The record of the background worker."""

    worker: str
    pid: int
    since: datetime
    environment: tuple[str, ...]
    """Names of the variables in its environment, never their values."""


def living(service: IncidentService) -> list[str]:
    """Return the living workers."""
    return [name for name in (service.setting(WORKERS) or "").split() if service.worker_alive(name)]


def lead(service: IncidentService) -> WorkerHandle | None:
    """Become the scheduler that leads; None if another one does."""
    try:
        lock = service.register_worker(LEADER)
    except StoreLocked:
        return None
    try:
        service.set_setting(LEADER, service.principal.host)
    except BaseException:
        lock.release()
        raise
    return lock


def leader(service: IncidentService) -> str:
    """Return the machine of the scheduler that leads; empty if no scheduler runs."""
    return (service.setting(LEADER) or "?") if service.worker_alive(LEADER) else ""


def ask_authority(service: IncidentService) -> None:
    """Ask the timestamp authority, if the settings name one and it is time; raises TocsinError without a valid answer."""
    from runner.app.core.proof.timestamps import stamp

    make, settings = service.checkpoints.make, service.home.timestamps
    stamp(service.store, make, settings, service.folder, service.clock.now())


def in_background(service: IncidentService) -> bool:
    """Tell whether the background worker sends the messages of this home: no person watches its screen."""
    background = recorded(service.folder)
    return background is not None and background.worker in living(service)


def outdated(service: IncidentService) -> str:
    """Return the warning that the background worker has older settings than the file; empty if it does not."""
    background = recorded(service.folder)
    changed = (service.folder / CONFIG).stat().st_mtime
    if background is None or background.since.timestamp() >= changed or not in_background(service):
        return ""
    return f"{CONFIG} changed after the start of the background worker. Restart the worker: tocsin worker stop; tocsin worker start"


def refuse_wrong_clock(store: Store) -> None:
    """Raise StoreError if the clock of this machine is too far from that of the database server: times decide what is sent."""
    server = store.shared_server()
    if server is not None and abs(server.offset) > MOST_APART:
        raise StoreError(
            f"The clock of this machine is {apart(server.offset)} the clock of the database server. No worker was started.",
            hint="Set both clocks, for example with NTP. Then start the worker again.",
            code="clock_apart",
        )


def apart(offset: timedelta) -> str:
    """Return how far a clock is from another, such as ``12 s behind``."""
    return f"{abs(offset).total_seconds():.0f} s {'behind' if offset < timedelta() else 'ahead of'}"


def works_by_itself(incident: Incident) -> bool:
    """Tell whether an incident needs a worker for reminders, escalation and failover."""
    return incident.state == "open" and (incident.drill is None or incident.drill.stage not in OVER)


def lacks_worker(service: IncidentService, incident: Incident) -> bool:
    """Tell whether an incident needs a worker and none runs."""
    return works_by_itself(incident) and not living(service)


def incidents_lack_worker(service: IncidentService, reader: Reader) -> bool:
    """Tell whether a reader sees an open real incident and no worker runs."""
    open_ = any(row.kind == "real" and row.state == "open" for row in reader.incidents())
    return open_ and not living(service)


def with_worker(service: IncidentService, incident: Incident, report: Any) -> Any:
    """Return a report about an incident as programs read it: with whether a worker runs, if the incident needs one."""
    if not works_by_itself(incident):
        return report
    from runner.reports.core.action_text import command_text
    from runner.reports.core.suggested_actions import START_WORKER

    worker = {"running": bool(living(service)), "start": command_text(START_WORKER)}
    return {**from_json(msgspec.json.encode(report)), "worker": worker}


def enlist(service: IncidentService, name: str) -> None:
    """Add a worker to the list and remove dead workers."""
    service.set_setting(WORKERS, " ".join(dict.fromkeys((*living(service), name))))


def dismiss(service: IncidentService, name: str) -> None:
    """Remove a worker from the list."""
    service.set_setting(WORKERS, " ".join(worker for worker in living(service) if worker != name) or None)


def record_file(home: Path) -> Path:
    """Return the path of the background worker's record."""
    return home / FOLDER / "background.json"


def recorded(home: Path) -> Background | None:
    """Return the record of the background worker, dead or alive."""
    try:
        return from_json(record_file(home).read_bytes(), Background)
    except (OSError, msgspec.DecodeError):
        return None


def keep_record(home: Path, background: Background) -> None:
    """Write the record atomically."""
    file = record_file(home)
    written = file.with_suffix(".new")
    written.write_bytes(msgspec.json.encode(background))
    written.replace(file)


def lacking(home: Home, names: Collection[str]) -> tuple[str, ...]:
    """Return the ``env:NAME`` variables of the settings that are not among ``names``."""
    named = re.findall(r'"env:([^"\\]+)"', msgspec.json.encode(home).decode())
    return tuple(sorted({*named} - {*names}))


def ping(home: Home, folder: Path, at: datetime) -> None:
    """Call the home's dead man's switch, if any; raises TocsinError, without the URL, for an answer other than 2xx."""
    url = home.working.ping
    if not url:
        return
    from runner.effects.gateway.gateway import call

    url = url if "://" in url else resolve(url, base=folder).reveal()
    hosts = frozenset({re.sub("^[^/]*//([^/?#]*).*", r"\1", url).lower()})
    key = f"{at:%Y%m%dT%H%M%S}"
    request = HttpCall(kind="real", method="GET", url=url, allowed_hosts=hosts, idempotency_key=key, at=at)
    answer = call(msgspec.structs.replace(request, time_limit=PING_TIMEOUT))
    if not 200 <= answer.status < 300:
        why = answer.outcome.reason
        raise TocsinError(
            f"The ping failed: {why}.", hint="Check worker.ping in tocsin.yaml.", code="ping_failed"
        )
