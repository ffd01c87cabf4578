"""Provisioning of the war room: requests to open it and to invite each person, with retries.

A request is done once. A second request has no effect, since the room is found again by its name and its members
stay in it. So every outcome but a clear refusal is retried, soon, and a few times only. People wait for the room,
and another room is possible.

Messages wait for a room that is being opened until its first attempt has ended, and at most ``AWAITED``: then
they are sent without its address.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.incident.state.events import AttemptStarted
from runner.incident.state.incident import Incident, RoomTask
from runner.incident.state.work import Host, opening_of
from runner.routing.messaging import SendResult

TRIES = 3
"""Attempts that end without an answer, or are not sent."""
LATER_TRIES = 20
"""Attempts that a provider defers: the members of a team are invited one by one."""
PAUSE = timedelta(seconds=5)
"""After the first attempt; doubles each time."""
AWAITED = timedelta(seconds=15)


def room_name(incident: Incident, room: str) -> str:
    """Return the name under which a room is created and found again; it contains no incident data."""
    about = f"{incident.id}|{incident.codename}|{incident.opened_at.isoformat()}|{room}"
    return "tocsin-" + base64.b32encode(hashlib.sha256(about.encode()).digest())[:20].decode().lower()


def opened(errand: RoomTask | None) -> str:
    """Return the provider's name of the created object; empty if there is none."""
    done = (
        [attempt for attempt in errand.attempts if attempt.state == "accepted"] if errand is not None else []
    )
    return done[-1].provider_id if done else ""


def is_done(errand: RoomTask) -> bool:
    """Tell whether the provider said yes."""
    return any(attempt.state == "accepted" for attempt in errand.attempts)


def failure(errand: RoomTask | None) -> str:
    """Return why a room task is not retried automatically, empty if it is done or pending."""
    tried = errand.attempts[errand.given_up :] if errand is not None else ()
    if errand is None or not tried or is_done(errand) or tried[-1].state == "sending" or tried[-1].retry_at:
        return ""
    return tried[-1].reason or tried[-1].state


def again_at(errand: RoomTask, result: SendResult, now: datetime) -> datetime | None:
    """Return when such an attempt is retried, None if it is not."""
    tried = errand.attempts[errand.given_up :]
    alike = sum((attempt.state == "throttled") is (result.state == "throttled") for attempt in tried)
    tries = LATER_TRIES if result.state == "throttled" else TRIES
    if result.state == "accepted" or (result.state == "rejected" and result.permanent) or alike >= tries:
        return None
    return now + max(PAUSE * (1 << min(len(tried) - 1, 3)), result.retry_after or timedelta())


def hosting(incident: Incident, now: datetime, worker: str) -> Iterator[tuple[AttemptStarted, Host]]:
    """Yield the attempts to claim now for the room of the incident; an abandoned room gets none."""
    for task in _open(incident):
        if _due(task, now) > now:
            continue
        n, key = len(task.attempts) + 1, room_name(incident, task.room)
        yield (
            AttemptStarted(effect=task.id, n=n, key=key, worker=worker, channel=task.channel),
            Host(incident=incident.id, errand=task.id, n=n, channel=task.channel, key=key),
        )


def next_hosting(incident: Incident, now: datetime) -> datetime | None:
    """Return when the next attempt is due, None when none is."""
    return min((_due(task, now) for task in _open(incident)), default=None)


def awaited(incident: Incident, now: datetime) -> datetime | None:
    """Return until when messages wait for the room, None if they do not wait."""
    room = incident.war_room
    errand = incident.errands.get(opening_of(room.name)) if room is not None and not room.address else None
    if errand is None or len(errand.attempts) > 1:
        return None
    first = errand.attempts[0] if errand.attempts else None
    if first is None:
        return now + AWAITED
    until = first.started_at + AWAITED
    return until if first.state == "sending" and now < until else None


def _open(incident: Incident) -> Iterator[RoomTask]:
    room = incident.war_room
    for errand in incident.errands.values():
        if room is None or errand.room != room.name or errand.left_out or is_done(errand) or failure(errand):
            continue
        if not errand.attempts or errand.attempts[-1].state != "sending":
            yield errand


def _due(errand: RoomTask, now: datetime) -> datetime:
    tried = errand.attempts[errand.given_up :]
    return tried[-1].retry_at or now if tried else now
