"""Sending of a campaign in batches. Each batch is claimed before a connection is opened.

One process sends one campaign. It may be killed at any moment: the current batch then has unknown outcomes, is shown, and is
sent again only at a person's request. Before each batch it checks whether somebody paused it, whether too many addresses were
invalid, and whether the incident still permits sending.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from runner.actions import Action
from runner.app.campaigns.chunk import Sender
from runner.app.campaigns.destinations import Destinations
from runner.app.campaigns.doubts import NO_DOUBTS, NO_REASONS, Doubts, Reasons, doubts, require_accepted
from runner.app.campaigns.legal_basis import CampaignChannels, CampaignTexts, carriers, unapproved
from runner.app.campaigns.record import ask_substitutes, known, move, record, record_stretch
from runner.app.campaigns.tables import Known
from runner.errors import Refused, Stale, StoreLocked, TocsinError
from runner.incident.campaigns.campaign import ELECTRONIC, Campaign, Ground, Tally, Way
from runner.incident.campaigns.destinations import STOPPED
from runner.incident.campaigns.transitions import MOVES, admit, alarm, sendable
from runner.incident.state.campaigns import CampaignMoved
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.reports.campaigns.campaigns import Ending, Sent
from runner.reports.core.formatting import count
from runner.yamlfile.limited_files import open_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

STRETCH = 100
"""How many batches one entry of the journal covers."""
MOST_FAILURES = 3
"""Batches in a row without a sent message, before a person is asked."""
LONGEST_WAIT = timedelta(seconds=5)
"""How long it waits at most before it checks again whether somebody paused it."""
_SENDER = "bulk-"
"""The name of a sending process while it is alive, with the campaign's name at the end."""
Tell = Callable[[int, int], None]


class WaitPolicy(NamedTuple):
    """How a campaign waits, and the stop request: a signal, a test."""

    wait: Callable[[timedelta], None]
    """Returns after that time, or as soon as ``stopped`` is true."""
    stopped: Callable[[], bool]
    waits: bool = True
    """False to end instead of waiting."""


class Checked(NamedTuple):
    """Values that stay the same as long as the incident does not change."""

    texts: CampaignTexts
    groups: tuple[int, ...]
    """Groups that may be sent to now."""
    against: Doubts = NO_DOUBTS
    """What contradicts sending, if it was compared."""
    accepted: tuple[str, ...] = ()
    """Contradictions that a person accepts now."""


def texts_of(
    service: IncidentService,
    incident: Incident,
    campaign: Campaign,
    statuses: Iterable[DutyStatus] | None = None,
) -> CampaignTexts:
    """Return the texts of a campaign, from the present facts and templates; ``statuses`` are its duties if assessed."""
    return CampaignTexts(service, incident, campaign.notice, campaign.short, campaign.duties, statuses)


def check(
    service: IncidentService, incident: Incident, campaign: Campaign, texts: CampaignTexts | None = None
) -> Checked:
    """Raise Refused if the incident, the texts or their approvals do not permit sending a campaign now."""
    sendable(incident)
    texts = texts or texts_of(service, incident, campaign)
    now = texts.again(campaign)
    changed = [one.place for one, new in zip(campaign.grounds, now, strict=True) if _text(one) != _text(new)]
    if changed:
        raise Refused(
            f"The text for {', '.join(changed)} changed after the plan was made.",
            hint="Plan and approve again: tocsin bulk plan NOTICE --people FILE",
            code="campaign_stale",
        )
    problems = unapproved(texts, now)
    if problems:
        texts_used = {(one.group.notice, one.group.version, one.group.duty) for one in now}
        texts_used |= {("short", campaign.short, one.group.duty) for one in now if one.short}
        raise Refused(
            f"{len(problems)} of {count(len(texts_used), 'text')} {'is' if len(problems) == 1 else 'are'} not approved. Nothing was sent.",
            hint=problems[0].hint
            or "Approve the notice with the same template and version: tocsin approve STEP",
            code="unapproved",
            problems=problems,
        )
    groups = tuple(number for number, ground in enumerate(now) if not ground.held)
    if not groups:
        raise Refused(
            "Law enforcement asked to delay this notice (rule R27). Nothing was sent.",
            hint=Action("duty.list"),
            code="held",
        )
    return Checked(texts, groups)


def _text(ground: Ground) -> tuple[str, ...]:
    group = ground.group
    return (group.duty, group.notice, group.version, group.text, ground.short)


def ready(
    service: IncidentService, incident: Incident, notice: str, people: PurePath, reasons: Reasons = NO_REASONS
) -> tuple[Known, Checked]:
    """Return a campaign that may be sent now; raises Refused with the reason for any other."""
    found = known(service, incident, notice, people)
    _same_list(found.campaign, people)
    admit("send", found.campaign, found.state, incident.campaigns[found.campaign.id].reason)
    if is_sending(service, found.campaign.id):
        raise _already_sending(found.campaign)
    checked = check(service, incident, found.campaign)
    against = doubts(service, incident, found.campaign, checked.texts)
    accepted = require_accepted(service, incident, found.campaign, checked.texts, against, reasons)
    return found, checked._replace(against=against, accepted=accepted)


def left(service: IncidentService, found: Known) -> dict[Way, int]:
    """Return the people who are still to be sent to, by contact method."""
    return left_of(service.campaign_tables(service.principal).tally(found.campaign.id, service.clock.now()))


def left_of(tallies: Iterable[Tally]) -> dict[Way, int]:
    """Return the people of these counts who are still to be sent to, by contact method."""
    people: Counter[Way] = Counter()
    for tally in tallies:
        if tally.state == "ready" and tally.way in ELECTRONIC:
            people[tally.way] += tally.people
    return dict(people)


def is_sending(service: IncidentService, campaign: str) -> bool:
    """Tell whether a process sends a campaign now: one in the state ``sending`` may have lost it."""
    return service.worker_alive(_SENDER + campaign)


def _already_sending(campaign: Campaign) -> Refused:
    return Refused(
        "Another process sends this campaign.",
        hint=Action("bulk.status", campaign.notice, {"people": campaign.list_name}),
        code="already_sending",
    )


def send(
    service: IncidentService,
    incident: Incident,
    notice: str,
    people: PurePath,
    patience: WaitPolicy,
    tell: Tell,
    reasons: Reasons = NO_REASONS,
) -> Sent:
    """Send, or continue after an earlier run stopped or was killed."""
    found, checked = ready(service, incident, notice, people, reasons)
    try:
        alone = service.register_worker(_SENDER + found.campaign.id)
    except StoreLocked:
        raise _already_sending(found.campaign) from None
    try:
        return _Run(service, incident, found, checked, patience, tell).go(reasons)
    finally:
        alone.release()


def _same_list(campaign: Campaign, people: PurePath) -> None:
    if not isinstance(people, Path) or not people.is_file():
        return  # the people are in the store: a page has only the name, and the file may be gone by now
    with open_file(people) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != campaign.list_sha256:
        raise Stale(
            f'The list "{people}" changed after the plan was made.',
            hint="Plan again, or restore the file.",
            code="list_changed",
        )


class _Run:
    """One run of the sender."""

    def __init__(
        self,
        service: IncidentService,
        incident: Incident,
        found: Known,
        checked: Checked,
        patience: WaitPolicy,
        tell: Tell,
    ) -> None:
        self._service, self._incident, self._checked = service, incident, checked
        self._campaign, self._tag = found.campaign, found.tag
        self._patience, self._tell = patience, tell
        self._tables = service.campaign_tables(service.principal)
        self._outcomes: Counter[str] = Counter()
        self._since_record = 0
        self._failures = 0
        self._said = service.compromises()
        self._total = found.campaign.sent_to

    def go(self, reasons: Reasons) -> Sent:
        """Send until it is done, paused, stopped, or has to wait longer than it may."""
        why = "the sender ended before the outcomes were stored"
        lost = self._tables.lose(self._campaign.id, self._service.clock.now(), why)
        self._begin(reasons)
        offered = self._offered()
        sender = Sender(
            self._service, self._incident, self._campaign, self._tag, offered.channels, self._checked.texts
        )
        try:
            if why := self._closed(offered):
                ending, reason, until = self._pause(why)
            else:
                ending, reason, until = self._loop(sender)
        finally:
            sender.close()
            self._record()
        if ending in ("done", "paused"):
            ask_substitutes(self._service, self._campaign)
        return Sent(
            campaign=self._campaign.id,
            ending=ending,
            reason=reason,
            until=until,
            outcomes=dict(self._outcomes),
            lost=sum(people for _, people, _ in lost),
        )

    def _begin(self, reasons: Reasons) -> None:
        if (
            not self._campaign.head
        ):  # what an earlier campaign was refused may be mended: each destination is tried
            Destinations(self._service, self._tables).resume()
        new = self._checked.accepted
        if new or not self._campaign.head:
            moved = CampaignMoved(
                campaign=self._campaign.id,
                state="sending",
                by=self._service.principal.person,
                reason=". ".join(filter(None, reasons)) if new else "",
            )
            record(self._service, self._incident.id, moved)
            head = self._service.store.head(self._incident.id)
            self._change(
                head=self._campaign.head or f"{head.version}:sha256:{head.hash}",
                accepted=(*self._campaign.accepted, *new),
            )
        # Another process may have ended it since it was looked up: only now does this one have the lock.
        if self._tables.campaign(self._campaign.id).state in MOVES["send"].before:
            move(self._service, self._campaign, "send", by=self._service.principal.person)
        self._incident = self._service.load(self._incident.id)

    def _offered(self) -> CampaignChannels:
        return carriers(self._service, self._incident, tuple(self._campaign.channels.values()))

    def _closed(self, offered: CampaignChannels) -> str:
        """Return why a channel of the plan may not be used now, or nothing."""
        for way, channel in self._campaign.channels.items():
            refusal = offered.offers.get(way)
            if way not in offered.channels and refusal is not None:
                return f"{channel} is now blocked ({refusal.rule}): {refusal.why}"
        return ""

    def _loop(self, sender: Sender) -> tuple[Ending, str, datetime | None]:
        while True:
            if self._patience.stopped():
                return "stopped", "the run was stopped", None
            if why := self._changed(sender):
                return self._pause(why)
            state = self._tables.campaign(self._campaign.id)
            if state.state != "sending":
                return "paused", "a person paused the campaign", None
            if why := self._alarm(sender, state):
                return self._pause(why)
            held = self._canary(state)
            if held is None and self._one(sender, state):
                if self._failures >= MOST_FAILURES or sender.blocked:
                    return self._pause(sender.blocked or f"nothing could be sent: {sender.last}")
                continue
            until = held or self._soonest(sender)
            if until is None or until >= STOPPED:
                return self._ended(until)
            if not self._patience.waits:
                return (
                    "waiting",
                    "the pilot batch is sent" if held else "the remaining people are scheduled for later",
                    until,
                )
            left = until - self._service.clock.now()
            self._patience.wait(max(timedelta(), min(left, LONGEST_WAIT)))

    def _alarm(self, sender: Sender, state: Known) -> str:
        one, counted = self._campaign, state.counters
        return alarm(one, counted) or sender.destinations.alarm(one, counted)

    def _ended(self, until: datetime | None) -> tuple[Ending, str, datetime | None]:
        if until is not None:
            return self._pause("only people at destinations that refuse the sender remain")
        move(self._service, self._campaign, "end")
        return "done", "no recipients remain", None

    def _one(self, sender: Sender, state: Known) -> bool:
        """Send one batch; tell whether there was one."""
        tried = state.counters.sent + state.counters.bounced
        left = self._campaign.canary - tried if self._campaign.canary_until is None else 0
        for way in sender.ways:
            now = self._service.clock.now()
            if sender.rates.opens_at(way, now) > now:
                continue
            most = sender.rates.most(
                way, min(self._campaign.chunk, left) if left > 0 else self._campaign.chunk, now
            )
            chunk = self._tables.claim(self._campaign, way, self._checked.groups, most, now)
            if chunk is None:
                continue
            outcomes = sender.send(chunk, now)
            self._outcomes.update(outcomes)
            moved = sum(outcomes.values()) - outcomes["not_sent"]
            self._failures = 0 if moved else self._failures + 1
            self._since_record += 1
            if self._since_record >= STRETCH:
                self._record()
            self._tell(sum(self._outcomes.values()), self._total)
            return True
        return False

    def _canary(self, state: Known) -> datetime | None:
        """Return until when to wait for the result of the pilot batch, or None if no wait is needed (any more)."""
        tried = state.counters.sent + state.counters.bounced
        if tried < self._campaign.canary or self._campaign.canary >= self._total:
            return None
        if self._campaign.canary_until is None:
            self._change(canary_until=self._service.clock.now() + self._campaign.canary_wait)
        until = self._campaign.canary_until
        return until if until is not None and until > self._service.clock.now() else None

    def _soonest(self, sender: Sender) -> datetime | None:
        now, found = self._service.clock.now(), []
        for way in sender.ways:
            text = self._tables.soonest(self._campaign.id, way, self._checked.groups)
            if text is not None:
                ready = datetime.fromisoformat(text) if text else now
                found.append(max(ready, sender.rates.opens_at(way, now)))
        return min(found, default=None)

    def _changed(self, sender: Sender) -> str:
        """Check the incident again if it has changed; return why nothing may be sent any more."""
        said = self._service.compromises()
        if (
            said == self._said
            and self._service.store.head(self._incident.id).version == self._incident.version
        ):
            return ""
        self._said = said
        self._incident = self._service.load(self._incident.id)
        try:
            self._checked = check(self._service, self._incident, self._campaign)
        except TocsinError as error:
            return error.message
        if why := self._closed(self._offered()):
            return why
        sender.look(self._incident, self._checked.texts)
        return ""

    def _pause(self, why: str) -> tuple[Ending, str, None]:
        move(self._service, self._campaign, "stop", why)
        return "paused", why, None

    def _change(self, **changes: object) -> None:
        self._campaign = msgspec.structs.replace(self._campaign, **changes)
        self._tables.put(self._campaign)

    def _record(self) -> None:
        self._since_record = 0
        self._incident = record_stretch(self._service, self._incident.id, self._campaign.id)
