"""Webhooks out (Standard Webhooks): what is new in the journals, to addresses of the organisation, without content.

The journals themselves are the outbox: a webhook has the number of the last entry of each incident that its receiver took. An
entry is sent until it is taken, so it can come twice, with the same ``webhook-id``. The settings of a webhook are in a journal of
the organisation, encrypted: its address can contain a secret. Its position is a mark of the store.
"""

from __future__ import annotations

import base64
import hmac
from binascii import Error as BadBase64
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

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
AT_ONCE = 100
"""Most deliveries of a webhook in one round."""
_FIRST_WAIT = timedelta(seconds=5)
_TIMEOUT = timedelta(seconds=15)
_HAND = timedelta(minutes=1)
"""After this time, another worker may send what one has in hand."""
_GONE = 410
_MARK = "webhook/"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook: where it goes, what it sends, in whose rights."""

    name: str
    url: str
    events: tuple[str, ...]
    owner: str
    secrets: tuple[str, ...]
    """The present secret and the one before it: each itself, or a reference to it."""
    by: str
    made: datetime
    rotated: datetime | None = None
    paused: str = ""
    """Why it is paused."""


class WebhookKept(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """A webhook as it is from now on."""

    webhook: Webhook
    by: str


class WebhookRemoved(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """A webhook was removed."""

    name: str
    by: str


_AnyEvent = WebhookKept | WebhookRemoved
_READER: Callable[[bytes], _AnyEvent] = json_reader(_AnyEvent)


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


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery."""

    id: str
    body: bytes


def read(service: IncidentService) -> Webhooks:
    """Return all webhooks; cheap without any."""
    found: dict[str, Webhook] = {}
    last = 0
    if service.store.head(JOURNAL).version:
        for seq, _, event in organisation_journal.entries(service, JOURNAL, _READER):
            last = seq
            if isinstance(event, WebhookKept):
                found[event.webhook.name] = event.webhook
            else:
                found.pop(event.name, None)
    return Webhooks(webhooks=found, version=last)


def _change(
    service: IncidentService, principal: Principal, name: str, make: Callable[[Webhook], Webhook]
) -> Webhook:
    """Change a webhook; raises NotFound, and Refused without the right."""
    require(service.read(principal).may("token.manage"), principal, "manage webhooks")

    def decide(book: Webhooks) -> list[_AnyEvent]:
        return [WebhookKept(webhook=make(_named(book, name)), by=principal.person)]

    organisation_journal.change(service, JOURNAL, read, decide)
    return _named(read(service), name)


def _named(book: Webhooks, name: str) -> Webhook:
    if name not in book.webhooks:
        close = nearest(name, book.webhooks)
        hint = f"Use {close}" if close else "Show all: tocsin webhook list"
        raise NotFound(f'Webhook "{name}" does not exist.', hint=hint, code="unknown_webhook")
    return book.webhooks[name]


def add(service: IncidentService, principal: Principal, made: Webhook) -> str:
    """Add a webhook, which begins with what comes from now on; return its secret if a new one was made."""
    require(service.read(principal).may("token.manage"), principal, "manage webhooks")
    service.known(made.owner)
    _check(service, made)
    secret = "" if made.secrets else _new()
    kept = msgspec.structs.replace(made, secrets=made.secrets or (secret,))
    _keys(service, kept)
    now = {row.id: row.version for row in service.incidents()}

    def decide(book: Webhooks) -> list[_AnyEvent]:
        if made.name in book.webhooks:
            raise Refused(
                f'Webhook "{made.name}" exists.',
                hint=f"Use another name, or remove it: tocsin webhook remove {made.name}",
                code="webhook_exists",
            )
        return [WebhookKept(webhook=kept, by=principal.person)]

    organisation_journal.change(service, JOURNAL, read, decide)
    mark = _MARK + made.name
    service.change_marks((mark,), lambda marks: {mark: msgspec.json.encode(Position(done=now))})
    return secret


def _check(service: IncidentService, made: Webhook) -> None:
    from urllib.parse import urlsplit

    from runner.effects.gateway.gateway import url_problem

    if not made.name.isidentifier() and not made.name.replace("-", "").isalnum():
        raise Usage(f'"{made.name}" is not a name.', hint="Use letters, digits and hyphens", code="bad_name")
    problem = url_problem(made.url)
    if not problem and urlsplit(made.url).scheme != "https" and not _private(service, made.url):
        problem = "the URL is not https"
    if problem:
        hint = "Use https://HOST/PATH. For a private host: webhooks.private_hosts in tocsin.yaml"
        raise Usage(f"The webhook cannot be added: {problem}.", hint=hint, code="bad_url")
    if unknown := sorted(set(made.events) - set(KINDS)):
        hint = f"Use: {', '.join(KINDS)}"
        raise Usage(f'No event has the kind "{unknown[0]}".', hint=hint, code="unknown_kind")
    if not service.read(_sender(made)).may("incident.read"):
        raise Refused(
            f"{made.owner} has no role in the home folder that reads incidents. A webhook has no more rights.",
            hint="Choose another owner: --owner PERSON",
            code="scope_beyond_owner",
        )


def _new() -> str:
    return SECRET + base64.b64encode(sha256(new_secret().encode()).digest()).decode()


def remove(service: IncidentService, principal: Principal, name: str) -> None:
    """Remove a webhook; raises NotFound."""
    require(service.read(principal).may("token.manage"), principal, "manage webhooks")

    def decide(book: Webhooks) -> list[_AnyEvent]:
        return [WebhookRemoved(name=_named(book, name).name, by=principal.person)]

    organisation_journal.change(service, JOURNAL, read, decide)
    service.change_marks((_MARK + name,), lambda marks: {})


def rotate(service: IncidentService, principal: Principal, name: str, reference: str) -> str:
    """Sign with a new secret, and for a day with the old one, too; return the new one unless it is a reference."""
    secret, now = "" if reference else _new(), service.clock.now()

    def make(one: Webhook) -> Webhook:
        made = msgspec.structs.replace(one, secrets=(reference or secret, one.secrets[0]), rotated=now)
        _keys(service, made)
        return made

    _change(service, principal, name, make)
    return secret


def pause(service: IncidentService, principal: Principal, name: str, reason: str) -> None:
    """Send nothing until it is resumed; nothing is lost."""
    _change(
        service, principal, name, lambda one: msgspec.structs.replace(one, paused=reason.strip() or "paused")
    )


def resume(service: IncidentService, principal: Principal, name: str) -> None:
    """Send again, at once, beginning with what was not taken."""
    _change(service, principal, name, lambda one: msgspec.structs.replace(one, paused=""))
    _move(service, name, lambda at: Position(done=at.done, delivered=at.delivered))


def report(service: IncidentService) -> WebhooksReport:
    """Return all webhooks with their state, without their secrets and paths."""
    from runner.effects.gateway.gateway import host_of

    rows = []
    for one in read(service).webhooks.values():
        at, able = _position(service, one.name), service.read(_sender(one)).may("incident.read")
        row = filled(
            WebhookRow, one, at, host=host_of(one.url), able=able, two_secrets=len(_signing(service, one)) > 1
        )
        rows.append(row)
    return WebhooksReport(as_of=service.clock.now(), webhooks=tuple(rows))


# --- delivery -------------------------------------------------------------------------------------------------


class WebhookSender:
    """Sends what is new; of several workers one at a time sends for a webhook."""

    def __init__(self, service: IncidentService, say: Callable[[str], None]) -> None:
        """Take an unshared service; ``say`` gets a warning when a webhook is paused."""
        self._service = service
        self._say = say

    def round(self) -> None:
        """Send all that is due; a webhook that fails does not delay the others."""
        for one in read(self._service).webhooks.values():
            if not one.paused:
                for _ in range(AT_ONCE):
                    if not self._step(one):
                        break

    def _step(self, one: Webhook) -> bool:
        """Send the next entry; tell whether there may be more."""
        service, hand = self._service, new_secret()
        now = service.clock.now()

        def take(at: Position) -> Position:
            busy = (at.until is not None and at.until > now) or (at.retry is not None and at.retry > now)
            return at if busy else msgspec.structs.replace(at, hand=hand, until=now + _HAND)

        if _unsent(service, one, _position(service, one.name)) is None:
            return False
        position = _move(service, one.name, take)
        if position.hand != hand:
            return False
        found = _unsent(service, one, position)
        why, status = ("", 200) if found is None else post(service, one, found[0])
        done = {} if found is None or why else found[1]
        self._tell(
            one, _move(service, one.name, lambda at: _after(at, hand, done, why, service.clock.now())), status
        )
        return not why and found is not None

    def _tell(self, one: Webhook, at: Position, status: int) -> None:
        """Pause a webhook that fails for long, or whose receiver says that it is gone."""
        now = self._service.clock.now()
        if at.failing is not None and (status == _GONE or now - at.failing >= PATIENCE):
            reason = f"failing since {at.failing:%Y-%m-%d %H:%M} UTC: {at.why}"
            pause(self._service, self._service.principal, one.name, reason)
            self._say(warning("webhook_paused", f"Webhook {one.name} is paused, {reason}"))


def _after(at: Position, hand: str, done: Mapping[str, int], why: str, now: datetime) -> Position:
    """Return the position after an attempt; unchanged if another worker took over."""
    if at.hand != hand:
        return at
    if not why:
        return Position(done={**at.done, **done}, delivered=now if done else at.delivered)
    wait = min(_FIRST_WAIT * 2 ** min(at.failures, 20), LONGEST_WAIT)
    failing, failures = at.failing or now, at.failures + 1
    return Position(
        done=at.done, delivered=at.delivered, failing=failing, failures=failures, retry=now + wait, why=why
    )


def _position(service: IncidentService, name: str) -> Position:
    body = service.marks(_MARK + name).get(_MARK + name)
    return Position(done={}) if body is None else from_json(body, Position)


def _move(service: IncidentService, name: str, change: Callable[[Position], Position]) -> Position:
    mark = _MARK + name

    def changed(marks: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return {mark: msgspec.json.encode(change(from_json(marks[mark], Position)))} if mark in marks else {}

    body = service.change_marks((mark,), changed).get(mark)
    return Position(done={}) if body is None else from_json(body, Position)


def _sender(one: Webhook) -> Principal:
    """Return the principal of a webhook: a program that reads with the roles of its owner, and never more."""
    return Principal(person=one.owner, proven_by=f"webhook:{one.name}", scopes=frozenset(("incident.read",)))


def _unsent(service: IncidentService, one: Webhook, at: Position) -> tuple[Message, dict[str, int]] | None:
    """Return the next entry to send, and the position after it; None if there is none."""
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
                    return _message(f"{row.id}_{entry.seq}", f"entry.{kind}", entry.recorded, data), done
        except UNREADABLE:
            continue
    return None


def _message(name: str, kind: str, at: datetime, data: Mapping[str, object]) -> Message:
    return Message(id=name, body=msgspec.json.encode({"type": kind, "timestamp": at, "data": data}))


def test(service: IncidentService, principal: Principal, name: str) -> str:
    """Send a test message now; return why it failed, and nothing if the receiver took it."""
    require(service.read(principal).may("token.manage"), principal, "manage webhooks")
    now = service.clock.now()
    message = _message(f"test_{new_secret()}", "webhook.test", now, {})
    return post(service, _named(read(service), name), message)[0]


def post(service: IncidentService, one: Webhook, message: Message) -> tuple[str, int]:
    """Send one message once; return why it failed, which has no content, and the status of the answer."""
    from runner.effects.gateway.gateway import call, host_of

    now = service.clock.now()
    stamp = str(int(now.timestamp()))
    signed = b".".join((message.id.encode(), stamp.encode(), message.body))
    try:
        signatures = [
            base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in _keys(service, one)
        ]
    except TocsinError as error:
        return error.message, 0
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
    answer = call(
        HttpCall(
            kind="real",
            method="POST",
            url=one.url,
            allowed_hosts=frozenset((host_of(one.url),)),
            idempotency_key=message.id,
            at=now,
            headers=headers,
            body=message.body,
            time_limit=_TIMEOUT,
            public=not _private(service, one.url),
        )
    )
    if 200 <= answer.status < 300:
        return "", answer.status
    return answer.outcome.reason or f"the receiver answered {answer.status}", answer.status


def _private(service: IncidentService, url: str) -> bool:
    """Tell whether the settings allow a private address for a host."""
    from runner.effects.gateway.gateway import host_of

    return host_of(url) in service.home.webhooks.private_hosts


def _signing(service: IncidentService, one: Webhook) -> tuple[str, ...]:
    """Return the secrets that sign now."""
    both = one.rotated is not None and service.clock.now() - one.rotated < OVERLAP
    return one.secrets if both else one.secrets[:1]


def _keys(service: IncidentService, one: Webhook) -> Iterator[bytes]:
    """Return the keys that sign now; raises NotFound for a missing secret, and Invalid for one of another form."""
    from runner.vault.secrets import resolve

    keys = []
    for given in _signing(service, one):
        text = given if given.startswith(SECRET) else resolve(given, base=service.folder).reveal().strip()
        try:
            key = base64.b64decode(text.removeprefix(SECRET), validate=True)
        except (BadBase64, ValueError):
            key = b""
        if not text.startswith(SECRET) or not 24 <= len(key) <= 64:
            raise Invalid(
                "The secret of the webhook is not of the form whsec_BASE64 with 24 to 64 bytes.",
                hint="Leave --secret out to have one made",
                code="bad_secret",
            )
        keys.append(key)
    return iter(keys)


def problems(service: IncidentService) -> Iterator[tuple[str, str]]:
    """Yield the name of each webhook that needs a person, and why."""
    for row in report(service).webhooks if service.store.head(JOURNAL).version else ():
        if row.paused:
            yield row.name, f"Webhook {row.name} sends nothing. It is paused: {row.paused}"
        elif row.failing is not None:
            yield row.name, f"Webhook {row.name} fails since {row.failing:%Y-%m-%d %H:%M} UTC: {row.why}"
        elif not row.able:
            yield row.name, f"Webhook {row.name} sends nothing: {row.owner} may not read incidents any more"
