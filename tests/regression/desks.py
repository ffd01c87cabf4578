"""Several desks at one home, as several people or workers have them, and incidents opened there."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import make_transaction
from runner.incident.state import commands as c
from runner.incident.state.events import IncidentOpened, Recorded
from runner.incident.state.incident import Run
from runner.incident.turn.fold import begin
from runner.playbook.format import AnyStep, MessageTemplate
from runner.routing.messaging import ChannelConfig
from tests.crash.scenario import Boundaries, home, open_desk
from tests.scenario import bundle, change, playbook

ALERT = {"alert": MessageTemplate(message_class="status-update", text="it begins")}


class Desks:
    """The desks of one home; all are closed at the end."""

    def __init__(self, folder: Path, channels: dict[str, ChannelConfig] | None = None) -> None:
        self._folder = folder
        self._channels = channels or {}
        self._open: list[IncidentService] = []

    def open(self) -> IncidentService:
        """Return one more desk, with channels that were configured since the others were opened."""
        settings = home(1, 1)
        settings = msgspec.structs.replace(settings, channels={**settings.channels, **self._channels})
        self._open.append(open_desk(self._folder, settings, Boundaries(0), "sqlite:tocsin.db"))
        return self._open[-1]

    def incident(self, name: str, *steps: AnyStep, facts: dict[str, Any] | None = None) -> None:
        """Open an incident that ana leads."""
        desk = self.open()
        now = desk.clock.now()
        pinned = bundle(msgspec.structs.replace(playbook(*steps), messages=ALERT))
        stored = desk.store.put_blob(None, msgspec.json.encode(pinned))
        run = Run(id="main", playbook="main", version="1.0.0", digest=pinned.digest, bundle=stored, at=now)
        event = IncidentOpened(incident=name, codename=name, title="Test", kind="real", by="ana")
        born = begin(Recorded(1, now, event))
        known = tuple(change(key, value) for key, value in (facts or {}).items())
        commands = (
            c.AssignRole(role="lead", persons=("ana",)),
            c.RecordFacts(changes=known),
            c.PinPlaybook(run=run),
        )
        library = desk.library(msgspec.structs.replace(born, runs={"main": run}))
        desk.append(
            desk.principal, [make_transaction(born, commands, now, library, desk.principal, birth=event)]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for desk in self._open:
            desk.store.close()
