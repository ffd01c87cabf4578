"""List of the workers that run for a home folder, in the settings of the store.

It is a hint, and is read as one: a name counts only while its worker proves that it lives. Two workers that begin in the
same instant can lose one name; then a command does its work by itself, which is never wrong.

One worker of a home may run in the background. It holds a lock of its own, so that there is one of them, and writes a
record, so that commands know that a person wants it: whoever removes the record stops the worker. No process id is
relied on for this.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.errors import TocsinError
from runner.incident.state.exercise import OVER
from runner.routing.messaging import HttpCall
from runner.routing.organisation import Home
from runner.vault.secrets import resolve

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident

WORKERS = "worker"
"""The store's setting: names, with spaces between them."""
FOLDER = "workers"
"""The home's folder of locks, of places where embedded workers can be woken, and of the record."""
BACKGROUND = "background"
"""The lock of the worker in the background."""
STARTING = "starting"
"""The lock of the command that starts it."""
PING_TIMEOUT = timedelta(seconds=10)


class Background(msgspec.Struct, frozen=True, kw_only=True):
    """The worker in the background, as it wrote itself down."""

    worker: str
    pid: int
    since: datetime
    environment: tuple[str, ...]
    """Names of the variables that its environment has, never their values."""


def living(service: IncidentService) -> list[str]:
    """Return the workers that go on."""
    return [name for name in (service.setting(WORKERS) or "").split() if service.worker_alive(name)]


def works_by_itself(incident: Incident) -> bool:
    """Tell whether reminders, escalation and failover are to happen in an incident, and need a worker."""
    return incident.state == "open" and (incident.drill is None or incident.drill.stage not in OVER)


def enlist(service: IncidentService, name: str) -> None:
    """Put a worker that begins on the list; those that died go from it."""
    service.set_setting(WORKERS, " ".join(dict.fromkeys((*living(service), name))))


def dismiss(service: IncidentService, name: str) -> None:
    """Take a worker that ends from the list, and leave the others on it."""
    service.set_setting(WORKERS, " ".join(worker for worker in living(service) if worker != name) or None)


def record_file(home: Path) -> Path:
    """Return where the worker in the background writes itself down."""
    return home / FOLDER / "background.json"


def recorded(home: Path) -> Background | None:
    """Return the worker in the background that is wanted; whether it lives is another question."""
    try:
        return from_json(record_file(home).read_bytes(), Background)
    except (OSError, msgspec.DecodeError):
        return None


def keep_record(home: Path, background: Background) -> None:
    """Write it down, whole or not at all."""
    file = record_file(home)
    written = file.with_suffix(".new")
    written.write_bytes(msgspec.json.encode(background))
    written.replace(file)


def lacking(home: Home, names: Collection[str]) -> tuple[str, ...]:
    """Return the variables that the settings name as ``env:NAME`` and that are not among ``names``."""
    named = re.findall(r'"env:([^"\\]+)"', msgspec.json.encode(home).decode())
    return tuple(sorted({*named} - {*names}))


def ping(home: Home, folder: Path, at: datetime) -> None:
    """Call the home's dead man's switch, if there is one; raises TocsinError, without the URL, where it does not answer 2xx."""
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
