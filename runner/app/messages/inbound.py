"""Assignment of inbound data: a receipt to its attempt, an answer to its message, a STOP to its address.

The adapter has already verified all inbound data. One item is processed at a time: callbacks arrive on several
threads, and a service has one principal.

Early receipts: stored until their attempt has a provider id.

A receipt can arrive before the provider's answer to the send: then no attempt has the receipt's message id
yet. The receipt is kept as a mark in the store, which survives the process, and tried again. It has no personal data.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.app.core.channel_state import hear_sender
from runner.app.core.directory import distrust_contact, stop_contact
from runner.app.core.incident_service import IncidentService
from runner.app.incidents.runs import graft
from runner.app.messages.messages import plan_anew
from runner.app.messages.opt_out_replies import OptOutReplies
from runner.app.messages.replies import AttemptRef, Whereabouts, answered, is_shared, owner_of, owners_of
from runner.base.text import spelled
from runner.decoding import from_json
from runner.errors import UNREADABLE, Sealed, Stale
from runner.files.people_lists.person_contacts import same_address
from runner.incident.state.commands import AddNote, TakeReceipt
from runner.incident.state.incident import Incident
from runner.incident.state.messages import ReceiptTaken
from runner.routing.inbound import Answer, Heard, Receipt, meaning
from runner.routing.messaging import Channel
from runner.routing.planner import contact_points

PREFIX = "held/"
LIMIT = timedelta(minutes=15)
"""How long an early receipt is kept: longer than any attempt lasts."""
MOST = 500
"""How many are kept at once; the provider must repeat further receipts."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One early receipt, its channel, and its arrival time."""

    channel: str
    receipt: Receipt
    since: datetime


def add(service: IncidentService, channel: str, receipt: Receipt, now: datetime) -> bool:
    """Keep a receipt; false if too many are waiting."""
    if len(service.marks(PREFIX)) >= MOST:
        return False
    name = f"{PREFIX}{receipt.event}"
    kept = msgspec.json.encode(Waiting(channel=channel, receipt=receipt, since=now))

    def put(there: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return there or {name: kept}

    service.change_marks([name], put)
    return True


Fate = Literal["taken", "nothing", "later"]
"""Recorded; unrelated to this home or not new; or not storable now, so the provider must repeat it."""
PLAYBOOK = "stop-request"
"""The playbook for a text that may mean STOP; a home may replace it with its own."""
LONGEST_NOTE = 500
"""The largest number of characters of such a text in the note."""


class Inbox:
    """Processes all inbound data."""

    def __init__(self, service: IncidentService) -> None:
        self._service = service
        self._where = Whereabouts(service)
        self._lock = threading.Lock()
        self.replies = OptOutReplies(service)

    def take(self, channel: Channel, heard: Sequence[Heard]) -> Fate:
        """Process one callback; ``later`` if any part cannot be stored now: a repetition of the rest is harmless."""
        with self._lock:
            self._where.refresh()
            self._service.forget_directory()
            fates = [
                self._receipt(channel, one) if isinstance(one, Receipt) else self._answer(channel, one)
                for one in heard
            ]
        for fate in ("later", "taken"):
            if fate in fates:
                return fate
        return "nothing"

    def again(self) -> None:
        """Retry waiting receipts, and delete expired receipts."""
        with self._lock:
            self._where.refresh()  # also so that no provider waits while incidents are folded
            now = self._service.clock.now()
            over: list[str] = []
            for name, body in self._service.marks(PREFIX).items():
                try:
                    one = from_json(body, Waiting)
                except msgspec.DecodeError:  # written by a later version: not changed
                    continue
                if self._again(one.channel, one.receipt) or now - one.since > LIMIT:
                    over.append(name)
            if over:
                self._service.change_marks(over, lambda there: {})

    def _again(self, name: str, receipt: Receipt) -> bool:
        """Retry a waiting receipt; tell whether it is settled."""
        place = self._where.find(name, receipt.provider_id, receipt.key)
        if place is not None:
            return self._placed(name, place, receipt) != "later"
        channel = self._service.directory.channels.get(name)
        return channel is not None and self._about_many(channel, receipt) == "taken"

    def used(self) -> frozenset[str]:
        """Return the channels with sends in an open incident."""
        with self._lock:
            self._where.refresh()
            return self._where.used()

    def _receipt(self, channel: Channel, receipt: Receipt) -> Fate:
        news = hear_sender(self._service, channel.id, receipt)
        fate = self._matched(channel, receipt)
        return "taken" if news and fate == "nothing" else fate

    def _matched(self, channel: Channel, receipt: Receipt) -> Fate:
        place = self._where.find(channel.id, receipt.provider_id, receipt.key)
        if place is not None:
            return self._placed(channel.id, place, receipt)
        fate = self._about_many(channel, receipt)
        if fate == "nothing" and receipt.provider_id and self._where.under_way(channel.id):
            fate = "later"
        if fate != "later":
            return fate
        return "taken" if add(self._service, channel.id, receipt, self._service.clock.now()) else "later"

    def _placed(self, name: str, place: AttemptRef, receipt: Receipt) -> Fate:
        """Record a receipt, new or waiting, whose attempt is known."""
        directory = self._service.directory
        channel = directory.channels.get(name)
        if receipt.kind == "read" and channel is not None and is_shared(directory, channel, place.person):
            return "nothing"  # the reader is unknown
        fate = self._submit(place, receipt)
        if receipt.kind == "stopped" and channel is not None:
            self._stop_recipient(channel, place)
        return fate

    def _about_many(self, channel: Channel, receipt: Receipt) -> Fate:
        """Record a receipt of a campaign; ``later`` while its batch is in progress."""
        if not self._where.bulk:
            return "nothing"
        from runner.app.campaigns.receipts import take_one
        from runner.incident.campaigns.campaign import BulkReceipt

        told = BulkReceipt(
            kind="failed" if receipt.kind == "stopped" else receipt.kind,
            key=receipt.key,
            provider_id=receipt.provider_id,
            way="sms" if channel.address_kind == "phone" else "email",
            code=receipt.code,
            about=receipt.about,
            found="stopped" if receipt.kind == "stopped" else receipt.address,
        )
        return take_one(self._service, told)

    def _submit(self, place: AttemptRef, receipt: Receipt) -> Fate:
        command = TakeReceipt(
            event=ReceiptTaken(
                delivery=place.delivery,
                n=place.n,
                kind=receipt.kind,
                event=receipt.event,
                part=receipt.provider_id,
                at_provider=receipt.at,
                code=receipt.code,
            )
        )
        try:
            turn = self._service.act(self._service.principal, place.incident, [command])
            return "taken" if turn.events else "nothing"
        except Stale:
            return "later"
        except Sealed:
            return "nothing"

    def _answer(self, channel: Channel, answer: Answer) -> Fate:
        directory, names = self._service.directory, [name for name in (answer.sender, answer.also) if name]
        known = next((name for name in names if owner_of(directory, channel, name)), answer.sender)
        answer = msgspec.structs.replace(answer, sender=known)
        if answer.moved:
            return self._distrust(channel, names)
        said = meaning(answer.text) if channel.address_kind == "phone" else ""
        named = answer.sender.startswith("+") or owner_of(directory, channel, answer.sender)
        owed = said in ("stop", "help") and named and self._owes_reply(channel, answer.sender)
        if said == "help" and owed:
            self.replies.add(channel, answer.sender, "help")
        if said == "stop" and named:
            fates = [self._stop(channel, name, f"a STOP over {channel.id}") for name in names]
            if owed:  # after the opt-out is stored: the reply says so
                self.replies.add(channel, answer.sender, "stop")
            return "taken" if "taken" in fates else "nothing"
        if said == "start" and self._start(channel, answer.sender):
            return "taken"
        place = self._where.find(channel.id, answer.provider_id, answer.key)
        if said == "stop" and place is not None:  # without a number, in reply to a message
            self._stop_recipient(channel, place)
            return "taken"
        if place is None and answer.provider_id and self._where.under_way(channel.id):
            return "later"
        try:
            taken = answered(self._service, channel, answer, place)
            asked = said in ("stop", "perhaps") and self._judge(channel, answer, rest=not taken)
        except Stale:
            return "later"
        return "taken" if taken or asked else "nothing"

    def _owes_reply(self, channel: Channel, address: str) -> bool:
        """Tell whether a STOP or HELP gets a reply: of a person who is known here and has not opted out before (R38)."""
        if not channel.answers_stop:
            return False
        owner = owner_of(self._service.directory, channel, address)
        tables = self._service.campaign_tables(self._service.principal)
        known = owner or (self._where.bulk and tables.by_address(tables.digest(*same_address(address))))
        return bool(known) and not self._is_stopped(channel, address, owner)

    def _distrust(self, channel: Channel, names: Sequence[str]) -> Fate:
        """Record that an address can belong to somebody else now: it carries no approval until it is verified (R7)."""
        directory = self._service.directory
        for person in dict.fromkeys(owner for name in names for owner in owners_of(directory, channel, name)):
            points = contact_points(channel, directory.recipient(person).contacts)
            for contact in dict.fromkeys(point.channel for point in points if point.address in names):
                distrust_contact(self._service, person, contact, f"{channel.id} reported another account")
            plan_anew(self._service, person)
        return "taken"

    def _stop_recipient(self, channel: Channel, place: AttemptRef) -> None:
        """Record a person's opt-out that a provider reported: for all their addresses on the channel."""
        for contact in contact_points(channel, self._service.directory.recipient(place.person).contacts):
            self._stop(channel, contact.address, f"an opt-out that {channel.id} reported")

    def _start(self, channel: Channel, address: str) -> bool:
        """Undo an opt-out; false if there is none."""
        person = owner_of(self._service.directory, channel, address)
        how = f"a START over {channel.id}"
        if not person or not stop_contact(
            self._service, person, channel.adapter, address, how, stopped=False
        ):
            return False
        plan_anew(self._service, person)
        return True

    def _judge(self, channel: Channel, answer: Answer, *, rest: bool) -> bool:
        """Ask a person to decide whether a text is an opt-out; sending pauses meanwhile (47 CFR 64.1200(a)(10)).

        A person who acknowledges in the same text still gets messages. One task per incident, one note per text.
        """
        owner = owner_of(self._service.directory, channel, answer.sender)
        incident = self._incident_with(owner, channel, answer.sender)
        if (incident is None and not owner) or self._is_stopped(channel, answer.sender, owner):
            return False
        if incident is not None:  # first the task: if it must be retried, sending is not paused yet
            begun = {incident.runs[step.partition(":")[0]].playbook for step in incident.active}
            if PLAYBOOK not in begun:
                why = f"a text over {channel.id} contains a word such as STOP"
                graft(self._service, incident, PLAYBOOK, why)
            who = owner or f"an unknown person at {answer.sender}"
            text = f"Text from {who} over {channel.id} that may ask for no more messages: {spelled(answer.text[:LONGEST_NOTE])}"
            self._service.act(self._service.principal, incident.id, [AddNote(text=text)])
        if rest:
            self._stop(channel, answer.sender, f"a text over {channel.id} that needs a decision of a person")
        return True

    def _is_stopped(self, channel: Channel, address: str, owner: str) -> bool:
        if owner:
            points = self._service.directory.people[owner].contacts
            return any(point.address == address and channel.adapter in point.stopped for point in points)
        if not self._where.bulk:
            return False
        tables = self._service.campaign_tables(self._service.principal)
        return "stop" in tables.suppressed([tables.digest(*same_address(address))]).values()

    def _incident_with(self, owner: str, channel: Channel, address: str) -> Incident | None:
        """Return the newest open incident with a message to the owner of an address.

        The sender without a number is unknown: then the newest incident that used the channel.
        """
        told = frozenset[str]()
        if self._where.bulk:
            tables = self._service.campaign_tables(self._service.principal)
            told = frozenset(
                standing.campaign for standing in tables.by_address(tables.digest(*same_address(address)))
            )
        for row in reversed(self._service.incidents("open")):
            try:
                incident = self._service.load(row.id)
            except UNREADABLE:
                continue
            sent = [delivery for delivery in incident.deliveries.values() if owner in (delivery.person, "")]
            if not owner:
                used = any(a.channel == channel.id for delivery in sent for a in delivery.attempts)
                sent = sent if used and not address.startswith("+") else []
            if sent or told & incident.campaigns.keys():
                return incident
        return None

    def _stop(self, channel: Channel, address: str, how: str) -> Fate:
        if self._where.bulk:
            from runner.app.campaigns.receipts import take
            from runner.incident.campaigns.campaign import BulkReceipt

            take(self._service, (BulkReceipt(kind="stopped", address=address),))
        person = owner_of(self._service.directory, channel, address)
        if not person or not stop_contact(self._service, person, channel.adapter, address, how):
            return "nothing"
        plan_anew(self._service, person)
        return "taken"
