"""Channel health of a worker: records outcomes, reserves rate limits, and probes channels that are down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from runner.app.core.channel_state import Probe
from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import Transaction
from runner.app.core.trusted_clock import TrustedClock
from runner.app.messages.replies import stop_person
from runner.incident.state.commands import AnyCommand, AttemptDone, Composed, ReportDomain
from runner.incident.state.exercise import LIVE
from runner.incident.state.incident import Incident
from runner.incident.state.work import Deliver
from runner.routing.messaging import SendResult
from runner.routing.rate_limit import OPEN, Quotas
from runner.workers.visit_results import Inbox, Outcome, Probed


class ChannelHealth:
    """What one worker knows, hears and asks; for its loop alone, save for ``look_at``."""

    def __init__(self, service: IncidentService, time: TrustedClock) -> None:
        """Take the desk and the worker's time; nothing is read yet."""
        self._service = service
        self._time = time
        self._traffic = service.traffic
        self.rooms = OPEN
        """What may still be claimed in the turns that are being prepared."""

    def hear(self, outcome: Outcome) -> None:
        """Take in what an attempt tells of the world, whatever becomes of it in its incident."""
        if isinstance(outcome.work, Deliver) and isinstance(outcome.command, AttemptDone):
            channel = self._service.directory.channels.get(outcome.work.channel)
            if channel is not None:
                self._traffic.heard(channel, outcome.command.result, self._time.now())
                if outcome.command.result.address == "stopped":
                    incident = self._service.load(outcome.work.incident)
                    person = incident.deliveries[outcome.work.delivery].person
                    stop_person(self._service, channel, person, f"an opt-out that {channel.id} reported")

    def refresh(self) -> None:
        """See what other processes heard."""
        self._traffic.refresh()

    def news(self) -> list[str]:
        """Name every open incident when a domain fell or rose: all of them are to know it at once."""
        return [row.id for row in self._service.store.rows("open")] if self._traffic.news() else []

    def reports(self, incident: Incident) -> tuple[ReportDomain, ...]:
        """Return what an incident does not know yet."""
        return self._traffic.reports(incident) if incident.state == "open" else ()

    def next_look(self, now: datetime) -> datetime | None:
        """Return when the world outside asks for a look."""
        return self._traffic.next_look(now)

    def patience(self) -> timedelta | None:
        """Return how long to wait for what arrives; None for ever."""
        now = self._time.now()
        soon = self.next_look(now)
        return None if soon is None else max(soon - now, timedelta(milliseconds=5))

    # --- probes -------------------------------------------------------------------------------------------

    def probes(self) -> list[Probe]:
        """Begin the probes that are due."""
        if not self._traffic.domains or not self._traffic.probe_due(now := self._time.now()):
            return []
        return self._traffic.probes({row.kind for row in self._service.store.rows("open")}, now)

    def look_at(self, probe: Probe, inbox: Inbox) -> None:
        """Do a probe, in a thread of the pool; it always comes back."""
        try:
            result = self._service.probe(probe)
        except Exception as error:  # noqa: BLE001  # it told nothing, and must come back
            result = SendResult(state="rejected", reason=type(error).__name__)
        inbox.put(Probed(probe, result))

    def probed(self, probed: Probed) -> None:
        """Take in what came of a probe."""
        self._traffic.probed(probed.probe, probed.result, self._time.now())

    # --- places in accounts -------------------------------------------------------------------------------

    def turns(self, prepared: Callable[[], Sequence[Transaction]]) -> Sequence[Transaction]:
        """Prepare turns, with places in limited accounts taken for all that they would send.

        Where another process took some of them meanwhile, the turns are prepared anew with what was left.
        """
        now = self._time.now()
        before = self.rooms = self._traffic.rooms(now)
        turns = prepared()
        if not before.accounts:
            return turns
        wanted = sum((_places(turn, before) for turn in turns), Counter[str]())
        if not wanted:
            return turns
        granted = self._traffic.take(wanted, now)
        if all(granted[name] == number for name, number in wanted.items()):
            return turns
        self.rooms = before.only(granted)
        return prepared()

    def rooms_of(self, incident: Incident) -> Quotas:
        """Return what may be claimed in one incident: what an exercise plays takes nobody's place in an account, and waits for none."""
        return OPEN if _is_played(incident) else self.rooms

    def took(self, turn: Transaction) -> None:
        """Leave to the turns that follow what this one does not take."""
        if self.rooms.accounts:
            self.rooms = self.rooms.without(_places(turn, self.rooms))


def may_send(known: Mapping[str, Incident], commands: Mapping[str, Iterable[AnyCommand]]) -> bool:
    """Tell whether any of these incidents may have something to send; else no channel is looked at."""
    return any(
        name not in known or known[name].deliveries or any(isinstance(command, Composed) for command in given)
        for name, given in commands.items()
    )


def _places(turn: Transaction, rooms: Quotas) -> Counter[str]:
    if _is_played(turn.incident):
        return Counter()
    return rooms.used_by(work.channel for work in turn.work if isinstance(work, Deliver))


def _is_played(incident: Incident) -> bool:
    """Tell whether nothing of an incident leaves: each of its messages is answered here."""
    return incident.drill is not None and incident.drill.exercise_type != LIVE
