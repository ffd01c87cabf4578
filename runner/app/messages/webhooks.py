"""Webhooks out (Standard Webhooks): what is new in the journals, to addresses of the organisation, without content.

The journals themselves are the outbox: a webhook has the number of the last entry of each incident that its receiver took. An
entry is sent until it is taken, so it can come twice, with the same ``webhook-id``. The settings of a webhook are in a journal of
the organisation, encrypted: its address can contain a secret. Its position is a mark of the store.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from runner.app.core import organisation_journal
from runner.app.core.identifiers import new_secret
from runner.app.core.rights import require
from runner.base.actor import Principal
from runner.base.text import nearest
from runner.decoding import from_json, json_reader
from runner.errors import UNREADABLE, Invalid, NotFound, Refused, TocsinError, Usage, warning
from runner.reports.core.report import filled
from runner.reports.incidents.event_descriptions import KINDS, kind_of
from runner.reports.messages.webhooks import WebhookRow, WebhooksReport
from runner.routing.messaging import HttpCall

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

JOURNAL = "webhooks"
"""The journal's name; it is not an incident."""
SECRET = "whsec_"  # noqa: S105  # the beginning of a secret, as the standard has it
OVERLAP = timedelta(hours=24)
"""The time in which both secrets sign after a rotation."""
PATIENCE = timedelta(hours=24)
"""After this time without a delivery, a webhook is paused."""
LONGEST_WAIT = timedelta(hours=1)
ROUND = 60.0
"""Seconds after which a round begins no other delivery."""
_FIRST_WAIT, _TIMEOUT = timedelta(seconds=5), timedelta(seconds=15)
_HAND = timedelta(minutes=1)
"""After this time, another worker may send what one has in hand."""
_GONE = 410
_MARK = "webhook/"
_NAME = re.compile("[a-z][a-z0-9-]{0,39}")


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook: where it goes, what it sends, in whose rights."""

    name: str
    url: str
    events: tuple[str, ...]
    owner: str
    secrets: tuple[str, ...]
    """The present secret and the one before it: each itself, or a reference to it."""
    made: datetime
    rotated: datetime | None = None
    paused: str = ""
    """Why it is paused."""


class WebhookChanged(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """A webhook as it is from now on; None if it was removed."""

    name: str
    by: str
    webhook: Webhook | None


_READER: Callable[[bytes], WebhookChanged] = json_reader(WebhookChanged)


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """All webhooks by name."""

    webhooks: Mapping[str, Webhook]
    version: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a webhook is."""

    done: dict[str, int]
    """The last entry of each incident that was taken, or that is not sent."""
    delivered: datetime | None = None
    failing: datetime | None = None
    """Since when no delivery succeeded."""
    failures: int = 0
    retry: datetime | None = None
    why: str = ""
    hand: str = ""
    """The one attempt that is in progress."""
    until: datetime | None = None


def read(service: IncidentService) -> Webhooks:
    """Return all webhooks; cheap without any."""
    found: dict[str, Webhook] = {}
    last = 0
    if service.store.head(JOURNAL).version:
        for seq, _, event in organisation_journal.entries(service, JOURNAL, _READER):
            last = seq
            found.pop(event.name, None)
            if event.webhook is not None:
                found[event.name] = event.webhook
    return Webhooks(webhooks=found, version=last)


def _named(book: Webhooks, name: str) -> Webhook:
    if name not in book.webhooks:
        close = nearest(name, book.webhooks)
        hint = f"Use {close}" if close else "Show all: tocsin webhook list"
        raise NotFound(f'Webhook "{name}" does not exist.', hint=hint, code="unknown_webhook")
    return book.webhooks[name]


def change(
    service: IncidentService, principal: Principal, name: str, make: Callable[[Webhooks], Webhook | None]
) -> None:
    """Record a webhook as ``make`` returns it, or its end; raises NotFound, and Refused without the right."""
    require(service.read(principal).may("token.manage"), principal, "manage webhooks")

    def decide(book: Webhooks) -> list[WebhookChanged]:
        return [WebhookChanged(name=name, by=principal.person, webhook=make(book))]

    organisation_journal.change(service, JOURNAL, read, decide)


def add(service: IncidentService, principal: Principal, made: Webhook) -> str:
    """Add a webhook, which begins with what comes from now on; return its secret if a new one was made."""
    service.known(made.owner)
    _check(service, made)
    secret = "" if made.secrets else _new()
    kept = replace(made, secrets=made.secrets or (secret,))
    _keys(service, kept)

    def make(book: Webhooks) -> Webhook:
        if made.name in book.webhooks:
            hint = f"Use another name, or remove it: tocsin webhook remove {made.name}"
            raise Refused(f'Webhook "{made.name}" exists.', hint=hint, code="webhook_exists")
        return kept

    now = Position(done={row.id: row.version for row in service.incidents()})
    change(service, principal, made.name, make)
    mark = _MARK + made.name
    service.change_marks((mark,), lambda marks: {mark: msgspec.json.encode(now)})
    return secret


def _check(service: IncidentService, made: Webhook) -> None:
    from runner.effects.gateway.gateway import url_problem

    if not _NAME.fullmatch(made.name):
        raise Usage(
            f'"{made.name}" is not a name.', hint="Use lower-case letters, digits, hyphens", code="bad_name"
        )
    problem = url_problem(made.url)
    if not problem and urlsplit(made.url).scheme != "https" and not _private(service, made):
        problem = "the URL is not https"
    if problem:
        hint = "Use https://HOST/PATH. For a private host: webhooks.private_hosts in tocsin.yaml"
        raise Usage(f"The webhook cannot be added: {problem}.", hint=hint, code="bad_url")
    if unknown := sorted(set(made.events) - set(KINDS)):
        raise Usage(
            f'No event has the kind "{unknown[0]}".', hint=f"Use: {', '.join(KINDS)}", code="unknown_kind"
        )
    if not service.read(_sender(made)).may("incident.read"):
        raise Refused(
            f"{made.owner} has no role in the home folder that reads incidents. A webhook has no more rights.",
            hint="Choose another owner: --owner PERSON",
            code="scope_beyond_owner",
        )


def _new() -> str:
    return SECRET + base64.b64encode(sha256(new_secret().encode()).digest()).decode()


def remove(service: IncidentService, principal: Principal, name: str) -> None:
    """Remove a webhook."""
    _named(read(service), name)
    change(service, principal, name, lambda book: None)


def rotate(service: IncidentService, principal: Principal, name: str, reference: str) -> str:
    """Sign with a new secret, and for a day with the old one, too; return the new one unless it is a reference."""
    secret, now = "" if reference else _new(), service.clock.now()

    def make(book: Webhooks) -> Webhook:
        one = _named(book, name)
        made = replace(one, secrets=(reference or secret, one.secrets[0]), rotated=now)
        _keys(service, made)
        return made

    change(service, principal, name, make)
    return secret


def pause(service: IncidentService, principal: Principal, name: str, reason: str) -> None:
    """Send nothing until it is resumed; with an empty reason, send again at once, beginning with what was not taken."""
    change(service, principal, name, lambda book: replace(_named(book, name), paused=reason))
    if not reason:
        _move(service, name, lambda at: Position(done=at.done, delivered=at.delivered))


def report(service: IncidentService) -> WebhooksReport:
    """Return all webhooks with their state, without their secrets and paths."""
    rows = []
    for one in read(service).webhooks.values():
        able = service.read(_sender(one)).may("incident.read")
        state, both = _position(service, one.name), len(_signing(service, one)) > 1
        rows.append(filled(WebhookRow, one, state, host=_host(one), able=able, two_secrets=both))
    return WebhooksReport(as_of=service.clock.now(), webhooks=tuple(rows))


def problems(service: IncidentService) -> Iterator[tuple[str, str]]:
    """Yield the name of each webhook that sends nothing, and why."""
    for row in report(service).webhooks if service.store.head(JOURNAL).version else ():
        if why := row.problem:
            yield row.name, f"Webhook {row.name} sends nothing: {why}"


# --- delivery -------------------------------------------------------------------------------------------------


class WebhookSender:
    """Sends what is new; of several workers one at a time sends for a webhook."""

    def __init__(self, service: IncidentService, say: Callable[[str], None]) -> None:
        """Take an unshared service; ``say`` gets a warning when a webhook is paused."""
        self._service = service
        self._say = say
        self._last = ""

    def round(self) -> None:
        """Send what is due, one delivery of each webhook in turn: a slow receiver delays no other for longer than one delivery."""
        known, ends = read(self._service).webhooks, monotonic() + ROUND
        turns = deque(sorted((n for n in known if not known[n].paused), key=lambda n: (n <= self._last, n)))
        while turns and monotonic() < ends:
            self._last = turns.popleft()
            if self._step(known[self._last]):
                turns.append(self._last)

    def _step(self, one: Webhook) -> bool:
        """Send the next entry; tell whether there may be more."""
        service, hand, now = self._service, new_secret(), self._service.clock.now()
        if _unsent(service, one, _position(service, one.name)) is None:
            return False

        def take(at: Position) -> Position:
            busy = any(time is not None and time > now for time in (at.until, at.retry))
            return at if busy else replace(at, hand=hand, until=now + _HAND)

        at = _move(service, one.name, take)
        found = _unsent(service, one, at) if at.hand == hand else None
        if found is None:  # another worker has it
            return False
        name, body, done = found
        why, status = post(service, one, name, body)
        at = _move(service, one.name, partial(_after, hand, {} if why else done, why, service.clock.now()))
        if at.failing is not None and (status == _GONE or service.clock.now() - at.failing >= PATIENCE):
            reason = f"failing since {at.failing:%Y-%m-%d %H:%M} UTC: {at.why}"
            pause(service, service.principal, one.name, reason)
            self._say(warning("webhook_paused", f"Webhook {one.name} is paused, {reason}"))
        return not why


def _after(hand: str, done: Mapping[str, int], why: str, now: datetime, at: Position) -> Position:
    """Return the position after an attempt; unchanged if another worker took over."""
    if at.hand != hand:
        return at
    if not why:
        return Position(done={**at.done, **done}, delivered=now)
    retry = now + min(_FIRST_WAIT * 2 ** min(at.failures, 20), LONGEST_WAIT)
    failing, failures = at.failing or now, at.failures + 1
    return replace(at, failing=failing, failures=failures, retry=retry, why=why, hand="", until=None)


def _position(service: IncidentService, name: str) -> Position:
    body = service.marks(_MARK + name).get(_MARK + name)
    return Position(done={}) if body is None else from_json(body, Position)


def _move(service: IncidentService, name: str, make: Callable[[Position], Position]) -> Position:
    mark = _MARK + name

    def changed(marks: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return {mark: msgspec.json.encode(make(from_json(marks[mark], Position)))} if mark in marks else {}

    body = service.change_marks((mark,), changed).get(mark)
    return Position(done={}) if body is None else from_json(body, Position)


def _sender(one: Webhook) -> Principal:
    """Return the principal of a webhook: a program that reads with the roles of its owner, and never more."""
    return Principal(person=one.owner, proven_by=f"webhook:{one.name}", scopes=frozenset(("incident.read",)))


def _unsent(service: IncidentService, one: Webhook, at: Position) -> tuple[str, bytes, dict[str, int]] | None:
    """Return the id and the body of the next entry to send, and the position after it."""
    reader, done = service.read(_sender(one)), dict(at.done)
    if not reader.may("incident.read"):  # with a role in one incident alone, nothing is sent
        return None
    readable = {row.id for row in reader.incidents()}
    for row in service.incidents():
        if row.version <= done.get(row.id, 0):
            continue
        if row.id not in readable or row.kind != "real":  # an exercise calls no other system (R36)
            done[row.id] = row.version
            continue
        try:
            for entry in reader.events(reader.incident(row.id), done.get(row.id, 0)):
                done[row.id] = entry.seq
                kind = kind_of(entry.type)
                if entry.stream == "operational" and kind in (one.events or KINDS):
                    data = {"incident": row.id, "codename": row.codename, "event": entry.seq}
                    body = {"type": f"entry.{kind}", "timestamp": entry.recorded, "data": data}
                    return f"{row.id}_{entry.seq}", msgspec.json.encode(body), done
        except UNREADABLE:
            continue
    return None


def test(service: IncidentService, principal: Principal, name: str) -> str:
    """Send a test message now; return why it failed, and nothing if the receiver took it."""
    require(service.read(principal).may("token.manage"), principal, "manage webhooks")
    body = {"type": "webhook.test", "timestamp": service.clock.now(), "data": {}}
    return post(service, _named(read(service), name), f"test_{new_secret()}", msgspec.json.encode(body))[0]


def post(service: IncidentService, one: Webhook, name: str, body: bytes) -> tuple[str, int]:
    """Send one message once; return why it failed, which has no content, and the status of the answer."""
    from runner.effects.gateway.gateway import call

    now = service.clock.now()
    stamp = str(int(now.timestamp()))
    signed = b".".join((name.encode(), stamp.encode(), body))
    try:
        signatures = [base64.b64encode(hmac.digest(key, signed, "sha256")) for key in _keys(service, one)]
    except TocsinError as error:
        return error.message, 0
    headers = {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature.decode()}" for signature in signatures),
    }
    request = HttpCall(
        kind="real",
        method="POST",
        url=one.url,
        allowed_hosts=frozenset((_host(one),)),
        idempotency_key=name,
        at=now,
        headers=headers,
        body=body,
        time_limit=_TIMEOUT,
        public=not _private(service, one),
    )
    answer = call(request)
    if 200 <= answer.status < 300:
        return "", answer.status
    return answer.outcome.reason or f"the receiver answered {answer.status}", answer.status


def _host(one: Webhook) -> str:
    return urlsplit(one.url).hostname or ""


def _private(service: IncidentService, one: Webhook) -> bool:
    """Tell whether the settings allow a private address for the host of a webhook."""
    return _host(one) in service.home.webhooks.private_hosts


def _signing(service: IncidentService, one: Webhook) -> tuple[str, ...]:
    """Return the secrets that sign now."""
    both = one.rotated is not None and service.clock.now() - one.rotated < OVERLAP
    return one.secrets if both else one.secrets[:1]


def _keys(service: IncidentService, one: Webhook) -> list[bytes]:
    """Return the keys that sign now; raises NotFound for a missing secret, and Invalid for one of another form."""
    from runner.vault.secrets import resolve

    keys = []
    for given in _signing(service, one):
        text = given if given.startswith(SECRET) else resolve(given, base=service.folder).reveal().strip()
        try:
            keys.append(base64.b64decode(text.removeprefix(SECRET), validate=True))
        except ValueError:
            keys.append(b"")
        if not text.startswith(SECRET) or not 24 <= len(keys[-1]) <= 64:
            raise Invalid(
                "The secret of the webhook is not whsec_ and 24 to 64 bytes in base64.",
                hint="Leave --secret out to have one made",
                code="bad_secret",
            )
    return keys
