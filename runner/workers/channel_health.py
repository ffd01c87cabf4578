"""Channel health of a worker: records outcomes, reserves rate limits, and probes channels that are down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from runner.app.core.channel_state import Probe
from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import Transaction
from runner.app.core.trusted_clock import TrustedClock
from runner.app.messages import browser_push
from runner.app.messages.replies import stop_person
from runner.effects.messages.informing import ask_for_the_time
from runner.errors import TocsinError
from runner.incident.state.commands import AnyCommand, AttemptDone, Composed
from runner.incident.state.exercise import LIVE
from runner.incident.state.incident import Incident
from runner.incident.state.work import Deliver
from runner.routing.messaging import SendResult
from runner.routing.rate_limit import OPEN, Quotas
from runner.workers.visit_results import Inbox, Outcome, Probed


class ChannelHealth:
    """The state of channels as one worker knows it; only its own loop uses it, except for ``look_at``."""

    def __init__(self, service: IncidentService, time: TrustedClock) -> None:
        """Take the service and the worker's clock; nothing is read yet."""
        self._service = service
        self._time = time
        self._traffic = service.traffic
        self.rooms = OPEN
        """The remaining quota for the turns that are being prepared."""

    def hear(self, arrivals: Iterable[object]) -> None:
        """Record the effect of probes and attempts on channels and domains, whatever their incidents do with the outcome."""
        for one in arrivals:
            if isinstance(one, Probed):
                self._traffic.probed(one.probe, one.result, self._time.counted())
            elif isinstance(one, Outcome):
                self._heard(one)

    def _heard(self, outcome: Outcome) -> None:
        if isinstance(outcome.work, Deliver) and isinstance(outcome.command, AttemptDone):
            channel = self._service.directory.channels.get(outcome.work.channel)
            if channel is not None:
                self._traffic.heard(channel, outcome.command.result, self._time.counted())
                if outcome.command.result.address == "stopped":
                    incident = self._service.load(outcome.work.incident)
                    person = incident.deliveries[outcome.work.delivery].person
                    stop_person(self._service, channel, person, f"an opt-out that {channel.id} reported")
                elif outcome.command.result.address == "gone":
                    with suppress(TocsinError):  # the next send finds it again
                        browser_push.ended(self._service, outcome.work, channel)

    def refresh(self) -> None:
        """Read the records of other processes."""
        self._traffic.refresh()

    def news(self) -> list[str]:
        """Return every open incident if a domain's state changed: all of them must record that at once."""
        return [row.id for row in self._service.store.rows("open")] if self._traffic.news() else []

    def reports(self, incident: Incident) -> tuple[AnyCommand, ...]:
        """Return the changes that an incident does not have yet, and the question whether an unconfirmed time is right."""
        since = self._time.since
        problem = None if since is None else self._time.problem()
        if incident.state != "open" or since is None or problem is None:
            return (*self._traffic.reports(incident),) if incident.state == "open" else ()
        text, tools = f"{problem.message} {problem.hint}", self._service.tools(incident)
        return (*self._traffic.reports(incident), *ask_for_the_time(incident, since, text, tools))

    def next_look(self, now: datetime) -> datetime | None:
        """Return when the next check of channels is due."""
        return self._traffic.next_look(now)

    def patience(self) -> timedelta | None:
        """Return how long to wait for an arrival; None for ever."""
        now = self._time.counted()
        soon = self.next_look(now)
        return None if soon is None else max(soon - now, timedelta(milliseconds=5))

    # --- probes -------------------------------------------------------------------------------------------

    def probes(self) -> list[Probe]:
        """Start the probes that are due."""
        if not self._traffic.domains or not self._traffic.probe_due(now := self._time.counted()):
            return []
        return self._traffic.probes({row.kind for row in self._service.store.rows("open")}, now)

    def look_at(self, probe: Probe, inbox: Inbox) -> None:
        """Do a probe, in a thread of the pool; it always returns a result."""
        from runner.effects.messages.channel_probe import probe as send_probe
        from runner.vault.secrets import resolve

        service = self._service
        try:
            result = send_probe(
                probe.channel,
                probe.kind,
                probe.key,
                service.clock.now(),
                service.gateway,
                lambda reference: resolve(reference, base=service.folder),
            )
        except Exception as error:  # noqa: BLE001  # it told nothing, and must come back
            result = SendResult(state="rejected", reason=type(error).__name__)
        inbox.put(Probed(probe, result))

    # --- quota of accounts --------------------------------------------------------------------------------

    def turns(self, prepared: Callable[[], Sequence[Transaction]]) -> Sequence[Transaction]:
        """Prepare turns, with quota reserved in limited accounts for all their sends.

        If another process took some of the quota meanwhile, the turns are prepared again with the rest.
        """
        now = self._time.counted()
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
        """Return the quota for one incident: an exercise uses no real account, and waits for none."""
        return OPEN if _is_played(incident) else self.rooms

    def took(self, turn: Transaction) -> None:
        """Leave the unused quota of this turn to the next ones."""
        if self.rooms.accounts:
            self.rooms = self.rooms.without(_places(turn, self.rooms))


def may_send(known: Mapping[str, Incident], commands: Mapping[str, Iterable[AnyCommand]]) -> bool:
    """Tell whether any of these incidents may have something to send; otherwise no channel is checked."""
    return any(
        name not in known or known[name].deliveries or any(isinstance(command, Composed) for command in given)
        for name, given in commands.items()
    )


def _places(turn: Transaction, rooms: Quotas) -> Counter[str]:
    if _is_played(turn.incident):
        return Counter()
    return rooms.used_by(work.channel for work in turn.work if isinstance(work, Deliver))


def _is_played(incident: Incident) -> bool:
    """Tell whether an incident sends nothing: each of its messages is answered in this process."""
    return incident.drill is not None and incident.drill.exercise_type != LIVE
