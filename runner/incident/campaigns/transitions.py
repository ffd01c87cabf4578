"""State machine of a campaign and of one person in it: which event changes which state, and what blocks it.

A campaign::

    planned --send--> sending --end--> done
                      sending --stop (automatic)--> paused
                      done --reopen (automatic: a late report)--> paused
    planned, sending --pause (a person)--> paused
    paused, done --resume--> sending; done --send--> sending, if somebody is ready again

Each change is in the tables of the campaign and in the journal. A change to ``sending`` is first recorded in the journal, each other
change in the tables: so nothing is sent while either says that the campaign is not being sent.

A person: one attempt (``after``) or one receipt (``folded``) changes the state (R31, R32). A 4xx defers the attempt. A refusal names
its cause: the address does not exist, this mailbox refuses this message, its server refuses the sender, or our provider blocks us. An unknown outcome stays unknown:
it is shown, and only a person sends again. A receipt raises the evidence, in any order and however often it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from runner.actions import REASON, Action, Argument, Slot
from runner.errors import Refused
from runner.incident.campaigns.campaign import (
    BOUNCED,
    COMPLAINED,
    REACHED,
    STOPPED,
    BulkReceipt,
    Campaign,
    CampaignState,
    Counters,
    Owed,
    Reached,
    SuppressedFor,
)
from runner.incident.state.incident import Incident
from runner.routing.messaging import SendResult

MoveName = Literal["send", "pause", "resume", "stop", "reopen", "end"]
CommandName = Literal["plan", "send", "pause", "resume", "resend"]

RETURNED = "the letter was returned"
"""Why a person whose letter came back has no usable contact."""


class Move(NamedTuple):
    """One change of a campaign's state."""

    before: tuple[CampaignState, ...]
    after: Literal["sending", "paused", "done"]


MOVES: Mapping[MoveName, Move] = {
    "send": Move(("planned", "done"), "sending"),
    "pause": Move(("planned", "sending"), "paused"),
    "resume": Move(("paused", "done"), "sending"),
    "stop": Move(("sending",), "paused"),
    "reopen": Move(("done",), "paused"),
    "end": Move(("sending",), "done"),
}


class Guard(NamedTuple):
    """The states in which a command is permitted, and its refusal in the others: the end of a sentence, and a code."""

    states: tuple[CampaignState, ...]
    refused: str
    code: str
    verb: Literal["bulk.resume", "bulk.send", "bulk.status"] | None = None
    """The next actions; if none is about the campaign, people use another list."""


_NOT_PAUSED = Guard(("paused", "done"), "{state}, not paused.", "not_paused", "bulk.send")
GUARDS: Mapping[CommandName, Guard] = {
    "plan": Guard(("planned",), "{state} already.", "already_begun"),
    "send": Guard(("planned", "sending", "done"), "{state}{why}", "paused", "bulk.resume"),
    "pause": Guard(("planned", "sending"), "{state}. It is not sending.", "not_sending", "bulk.status"),
    "resume": _NOT_PAUSED,
    "resend": _NOT_PAUSED._replace(states=("paused", "done", "sending")),
}
"""``resend`` is ``resume`` for the people whose outcome is unknown."""


def admit(name: CommandName, campaign: Campaign, state: CampaignState, why: str = "") -> None:
    """Raise Refused if a command is not permitted in the state of a campaign; ``why`` is the reason for that state."""
    guard = GUARDS[name]
    if state in guard.states:
        return
    words = guard.refused.format(state=state, why=f": {why}" if why else ".")
    people: dict[str, Argument] = {"people": campaign.list_name}
    args = {**people, "reason": REASON} if guard.verb == "bulk.resume" else people
    other = "Put more people into a list with another name."
    raise Refused(
        f'The campaign "{campaign.notice}" to "{campaign.list_name}" is {words}',
        hint=other if guard.verb is None else Action(guard.verb, campaign.notice, args),
        code=guard.code,
    )


def sendable(incident: Incident) -> None:
    """Raise Refused if no message to affected people may be sent: in an exercise (R36), and while the incident is paused or closed."""
    if incident.kind != "real":
        raise Refused(
            f'Incident "{incident.codename}" is of kind {incident.kind}. Rule R36 blocks every message to affected people.',
            hint=Action(
                "notice.letters",
                Slot("NOTICE"),
                {"people": Slot("FILE", "file"), "out": Slot("DIR", "file"), "draft": True},
            ),
            code="exercise",
        )
    if incident.state != "open":
        raise Refused(
            f'Incident "{incident.codename}" is {incident.state}. Nothing was sent.',
            hint=Action("incident.resume") if incident.state == "paused" else "Open another incident.",
            code="incident_paused" if incident.state == "paused" else "incident_closed",
        )


WORST_BOUNCES, WORST_COMPLAINTS = 0.05, 0.001
"""Shares of the sent messages above which a campaign pauses (R30)."""
BOUNCES_AT_LEAST = 2
"""One bad address among a few is a mistake in the list; the list itself is valid."""


def alarm(campaign: Campaign, counted: Counters) -> str:
    """Return why a campaign must pause, counted since a person last resumed it, or nothing."""
    sent = counted.sent - campaign.resumed_sent
    bounced = counted.bounced - campaign.resumed_bounced
    complaints = counted.complaints - campaign.resumed_complaints
    whole = max(sent + bounced, 1)
    if bounced >= BOUNCES_AT_LEAST and bounced > WORST_BOUNCES * whole:
        return f"{bounced} of {whole} addresses do not exist ({bounced / whole:.1%}; the limit is {WORST_BOUNCES:.0%})"
    if complaints > WORST_COMPLAINTS * whole:
        return f"{complaints} of {whole} readers complained ({complaints / whole:.2%}; the limit is {WORST_COMPLAINTS:.1%})"
    return ""


# --- one person -----------------------------------------------------------------------------------------------

MOST_TRIES = 8
"""How often a deferring address is tried before the next contact method is used."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=4)
_Owed = TypeVar("_Owed", bound=Owed)


class Turned(msgspec.Struct, Generic[_Owed], frozen=True, kw_only=True):
    """The state of a person after an attempt or a receipt, and its consequences for the address and the campaign."""

    owed: _Owed
    counted: Counters = Counters()
    suppress: SuppressedFor | None = None
    blocked: str = ""
    """Why the whole campaign waits for a person."""
    refused: str = ""
    """The code with which the destination refuses the sender."""


def onward(owed: _Owed, why: str, **changes: Any) -> _Owed:
    """Return a person after the first channel has failed: the next channel, a letter, or no usable contact."""
    ways = owed.ways[1:]
    state = "unreachable" if not ways else "post" if ways[0] == "post" else "ready"
    cleared = {"evidence": "none", "not_before": None, "address": b"", "domain": b""}
    return replace(owed, state=state, ways=ways, why=why, **cleared, **changes)


def put_off(owed: _Owed, why: str, until: datetime | None = None, **changes: Any) -> _Owed:
    """Return a person who is to be notified, from an instant on."""
    return replace(owed, state="ready", why=why, not_before=until, **changes)


def after(result: SendResult, owed: _Owed, now: datetime) -> Turned[_Owed]:
    """Return a person after an attempt over the first contact method."""
    tries = owed.tries + 1
    match result.state:
        case "accepted":
            proved = next((level for level in REACHED[2:] if level == result.evidence), "accepted")
            told = replace(owed, state="notified", evidence=proved, tries=tries, not_before=None)
            return Turned(owed=told, counted=Counters(sent=1))
        case "unknown" | "sending":
            lost = replace(owed, state="unknown", tries=tries, not_before=None, why=result.reason)
            return Turned(owed=lost, counted=Counters(sent=1))
        case "not_sent":
            return Turned(owed=put_off(owed, result.reason))
        case "throttled" if tries < MOST_TRIES:
            later = back_off(now, owed.tries, result.retry_after)
            return Turned(owed=put_off(owed, result.reason, later, tries=tries))
        case "throttled":
            why = f"deferred by provider {tries} times: {result.reason}"
            return Turned(owed=onward(owed, why, tries=tries))
        case "rejected" if result.about == "destination" and tries < MOST_TRIES:
            later = back_off(now, owed.tries, None)
            return Turned(owed=put_off(owed, result.reason, later, tries=tries), refused=result.code)
        case "rejected" if result.about in ("account", "provider"):
            return Turned(owed=put_off(owed, result.reason), blocked=result.reason)
        case "rejected" if result.address == "stopped":
            stopped = onward(owed, "the reader opted out (STOP)", tries=tries, hit=owed.hit | STOPPED)
            return Turned(owed=stopped, suppress="stop")
        case "rejected":
            dead = result.about == "recipient"
            return Turned(
                owed=onward(owed, result.reason, tries=tries, hit=owed.hit | BOUNCED if dead else owed.hit),
                counted=Counters(bounced=int(dead)),
                suppress="hard_bounce" if result.address == "gone" else None,
            )


def back_off(now: datetime, tries: int, asked: timedelta | None) -> datetime:
    """Return when a deferred attempt is retried: as requested, else after 5 minutes, doubling up to 4 hours."""
    usual = min(_FIRST_WAIT * 2 ** min(tries, 10), _LONGEST_WAIT)
    wanted = usual if asked is None else min(max(asked, timedelta(seconds=1)), timedelta(days=1))
    return now + wanted


def suppression(receipt: BulkReceipt) -> SuppressedFor | None:
    """Return why a receipt blocks its address; the person is still to be notified (R25, R32)."""
    if receipt.kind == "stopped" or receipt.found == "stopped":
        return "stop"
    if receipt.kind == "complained":
        return "complaint"
    return "hard_bounce" if receipt.kind == "failed" and receipt.found == "gone" else None


def folded(receipt: BulkReceipt, standing: Owed) -> Turned[Owed] | None:
    """Return the state of a person after a receipt, or None if the receipt changes nothing."""
    owed = replace(standing, why="", not_before=None)
    match receipt.kind:
        case "accepted" | "relayed" | "delivered" | "read" | "posted":
            return _proved(receipt.kind, owed)
        case "complained" if not owed.hit & COMPLAINED:
            return Turned(owed=replace(owed, hit=owed.hit | COMPLAINED), counted=Counters(complaints=1))
        case "stopped" if owed.state == "ready":
            # STOP blocks this contact method only: a person who is not notified yet gets the next one
            return Turned(owed=_moved(replace(owed, hit=owed.hit | STOPPED), "the reader sent STOP"))
        case "returned" if owed.state in ("post", "notified") and higher(owed.evidence, "posted") == "posted":
            lost = replace(owed, state="unreachable", evidence="none", why=RETURNED, ways=())
            return Turned(owed=lost)
        case "failed":
            return _failed(receipt, owed)
        case "complained" | "stopped" | "returned" | "delayed" | "recalled" | "not_recalled":
            return None


def _proved(kind: Reached, owed: Owed) -> Turned[Owed] | None:
    """Raise the evidence; a person whose sending failed or is unknown is notified after all."""
    if owed.state in ("exempt", "duplicate", "sending"):
        return None
    if kind == "posted" and owed.state not in ("post", "unreachable", "notified", "unknown"):
        return None
    evidence = higher(owed.evidence, kind)
    if owed.state == "notified" and evidence == owed.evidence:
        return None
    if owed.hit & BOUNCED and kind in ("accepted", "relayed"):
        return None  # older than the bounce that is recorded
    # a person who is to be sent to again does not count as sent, until a receipt proves that the first message arrived
    counted = Counters(sent=int(owed.state == "ready"))
    return Turned(owed=replace(owed, state="notified", evidence=evidence), counted=counted)


def _failed(receipt: BulkReceipt, owed: Owed) -> Turned[Owed] | None:
    """A late failure never revokes a proved delivery; otherwise the person's next contact method is used."""
    if owed.state not in ("notified", "unknown") or owed.evidence in ("delivered", "read", "posted"):
        return None
    dead = receipt.about == "recipient" and receipt.found != "stopped"
    ours = receipt.about in ("account", "provider")
    hit = BOUNCED if dead else STOPPED if receipt.found == "stopped" else 0
    return Turned(
        owed=_moved(
            replace(owed, hit=owed.hit | hit),
            f"not delivered ({receipt.code or 'no code'})",
        ),
        counted=Counters(sent=-1, bounced=int(dead and not owed.hit & BOUNCED)),
        blocked=f"a receiver blocks the sender ({receipt.code})" if ours else "",
        refused=receipt.code or "no code" if receipt.about == "destination" else "",
    )


def _moved(owed: Owed, why: str) -> Owed:
    """Return a person on the next contact method; another electronic one needs a stored address: a letter is always possible."""
    return onward(replace(owed, ways=(*owed.ways[:1], *(way for way in owed.ways[1:] if way == "post"))), why)


def higher(first: Reached, second: Reached) -> Reached:
    """Return the higher level of evidence: receipts in any order, any number of times, give the same result."""
    return first if REACHED.index(first) >= REACHED.index(second) else second
