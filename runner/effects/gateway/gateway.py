"""Gateway to integrations: the only importer of them. Its results are data types of the runner.

The guard here has no setting: an incident of kind exercise or test reaches allow-listed
channels only, never a regulator, an affected person or the public, and every message is marked. The
planner refuses the same earlier; the guard works even if the planner, a template or a caller is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from integrations import http
from integrations.discovery import load as load_installed
from integrations.http import service
from integrations.port import (
    Absent,
    Accepted,
    Capabilities,
    Finding,
    Found,
    Integration,
    Invitation,
    NewRoom,
    NotSent,
    Outcome,
    Query,
    Rejected,
    Throttled,
    Timeouts,
    Unauthentic,
    Unknown,
    UnknownIntegration,
)
from integrations.port import Answer as PortAnswer
from integrations.port import Receipt as PortReceipt
from runner.base.states import Kind
from runner.decoding import convert
from runner.effects.gateway.line import BulkLine
from runner.effects.gateway.translation import (
    as_callback,
    as_held,
    as_outbound,
    as_result,
    exceeds_capability,
    from_inbound,
    hint_for,
    read_hours,
    read_limit,
    read_rates,
    safe,
    sender_findings,
    to_result,
    waits,
)
from runner.errors import Invalid, TocsinError
from runner.routing.inbound import Heard, Incoming, Took, Words
from runner.routing.messaging import (
    Audience,
    CallResult,
    Channel,
    ChannelConfig,
    Dispatch,
    HttpCall,
    RoomRequest,
    SendResult,
    refused,
)
from runner.routing.rules import OUTSIDERS

_T = TypeVar("_T")
_HERE = Path()
_AS_CLAIMED = (
    *("address_kind", "receipts", "ack", "ack_strength", "sim_swappable", "e2ee", "signed", "idempotency"),
    *("key_lifetime", "reconcile", "max_length", "called_back", "rooms", "screen"),
    *("sender_name", "answers_stop", "spoken", "stop_by_key"),
)
"""The fields of a channel that are copied from its adapter."""


class Gateway:
    """Sends, checks and describes channels; ``load`` turns an adapter's name into its integration."""

    def __init__(self, load: Callable[[str], Integration] = load_installed, *, base: Path = _HERE) -> None:
        """Take another ``load`` for integrations of tests; paths are relative to ``base``, the home."""
        self._load = load
        self._base = base

    def channel(self, identifier: str, config: ChannelConfig) -> Channel:
        """Return the channel as the planner sees it: the adapter's capabilities, narrowed or raised by config.

        The domains always include the adapter's own. Raises Invalid for an adapter that is missing or
        does not load, and for settings that do not fit its schema.
        """
        settings = self._settings(identifier, config.adapter, config.settings)
        able = self._capabilities(identifier, config.adapter, settings)
        return Channel(
            id=identifier,
            adapter=config.adapter,
            domains=able.domains | able.hosts | (config.domains or frozenset()),
            hosts=able.hosts - (config.domains or frozenset()),
            server=frozenset(name for name in able.domains if ":" in name) or able.domains,
            confidentiality=config.confidentiality or able.confidentiality,
            personal_data=config.personal_data or able.personal_data,
            priority=config.priority,
            quiet=read_hours(config.quiet),
            recalls=hasattr(self._integration(identifier, config.adapter), "recall"),
            push=able.push if config.push is None else config.push,
            seals=able.e2ee and hasattr(self._integration(identifier, config.adapter), "seal"),
            rates=read_rates(identifier, able.rates if config.rates is None else config.rates),
            account=config.account or identifier,
            timeout=read_limit(identifier, config.timeout),
            exercise_safe=config.exercise or able.stays_here,
            registered=config.registered,
            free_to_reader=config.free_to_reader,
            settings=config.settings,
            secrets=config.secrets,
            **{name: getattr(able, name) for name in _AS_CLAIMED},
        )

    def lint(self, channel: Channel, secrets: Mapping[str, str], at: datetime) -> tuple[Finding, ...]:
        """Return the faults of a channel at ``at``, without network access."""
        integration, settings = self._ready(channel)
        able, held = integration.capabilities(settings), as_held(secrets)
        found = [*integration.lint(settings, held)]
        if hasattr(integration, "lint_at"):
            found += integration.lint_at(at, settings, held)
        for what in exceeds_capability(channel, able):
            above = f"{what} is above the default of {channel.adapter}"
            found.append(Finding(severity="warning", what=above, hint="Record the reason in tocsin.yaml."))
        found += sender_findings(channel)
        known = able.secrets | able.optional_secrets
        for name in sorted(channel.secrets.keys() - known):
            what = f"{channel.adapter} has no secret with the name {name}"
            found.append(Finding(severity="warning", what=what, hint=hint_for(name, known)))
        return tuple(found)

    def server(self, channel: Channel) -> tuple[str, int] | None:
        """Return the host and port of a channel from its settings, or None."""
        named = msgspec.structs.asdict(self._ready(channel)[1])
        try:
            url = urlsplit(str(named.get("url") or named.get("api") or ""))
            host = url.hostname or named.get("host")
            port = url.port or named.get("port") or (443 if url.scheme == "https" else 80)
        except ValueError:  # lint reports it
            return None
        return (str(host), int(port)) if host else None

    def look_up(self, channel: Channel) -> tuple[Finding, ...]:
        """Return the network faults of a channel, if its integration can check them."""
        integration, settings = self._ready(channel)
        return integration.look_up(settings) if hasattr(integration, "look_up") else ()

    def address_problem(self, channel: Channel, address: str) -> str:
        """Return the fault of an address for this channel, without the address, or the empty string."""
        problem = self._integration(channel.id, channel.adapter).address_problem(address)
        if not problem and self.subscribes(channel) and not self.address_domains(channel, address):
            return "its push service is not known; a trusted one belongs into the settings of the channel (services)"
        return problem

    def subscribes(self, channel: Channel) -> bool:
        """Tell whether the addresses of a channel are subscriptions that browsers make."""
        return hasattr(self._integration(channel.id, channel.adapter), "browser_key")

    def browser_key(self, channel: Channel, secrets: Mapping[str, str]) -> str:
        """Return the public key for which browsers subscribe; empty without a usable secret."""
        return self._asked(channel, lambda able, settings: able.browser_key(settings, as_held(secrets)), "")

    def address_domains(self, channel: Channel, address: str) -> frozenset[str]:
        """Return the failure domains of a subscription: those of its push service; none for other addresses."""
        return self._asked(
            channel, lambda able, settings: able.address_domains(address, settings), frozenset[str]()
        )

    def send(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str]) -> SendResult:
        """Make one attempt to send or to recall a message."""
        outbound, held = as_outbound(dispatch, channel), as_held(secrets)

        def make(integration: Any, settings: msgspec.Struct) -> Outcome:
            if dispatch.recall is None:
                return integration.send(outbound, settings, held)  # type: ignore[no-any-return]
            return integration.recall(outbound, dispatch.recall, settings, held)  # type: ignore[no-any-return]

        barred = _forbidden(channel, dispatch.kind, dispatch.audience)
        return barred or self._attempt(channel, dispatch.address, make)

    def unsent(self, channel: Channel, dispatch: Dispatch) -> str:
        """Return why an accepted message has not left this machine, or the empty string."""
        outbound = as_outbound(dispatch, channel)
        return self._asked(channel, lambda able, known: str(able.unsent(outbound, known)), "")

    def seal(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str]) -> bytes | SendResult:
        """Return the encrypted message of a channel that seals, or why there is none. Nothing is sent in either case."""
        outbound, held = as_outbound(dispatch, channel), as_held(secrets)
        if barred := _forbidden(channel, dispatch.kind, dispatch.audience):
            return barred
        return self._prepared(
            channel, dispatch.address, lambda able, settings: able.seal(outbound, settings, held)
        )

    def _prepared(
        self, channel: Channel, address: str, make: Callable[[Any, msgspec.Struct], _T | Outcome]
    ) -> _T | SendResult:
        """Return what an integration makes before a message, or the outcome: a failure is "not sent"."""
        try:
            made = make(*self._ready(channel))
        except Exception as error:  # noqa: BLE001  # nothing was sent
            made = NotSent(f"the integration failed ({type(error).__name__})")
        if isinstance(made, Accepted | Rejected | Throttled | NotSent | Unknown):
            return to_result(made, address, channel.id)
        return made

    def has_device(self, channel: Channel) -> bool:
        """Tell whether a channel needs a device for its keys; also for one that encrypts nothing, which is refused later."""
        able = self._integration(channel.id, channel.adapter)
        return hasattr(able, "new_device") or not channel.seals

    def keys(
        self, channel: Channel, act: str, at: datetime, secrets: Mapping[str, str], address: str = ""
    ) -> str | SendResult:
        """Call one function for the device of an integration; return its text or its outcome."""
        query, held = Query(at=at, recipient=address), as_held(secrets)
        return self._prepared(channel, address, lambda able, known: getattr(able, act)(query, known, held))

    def _attempt(
        self, channel: Channel, address: str, make: Callable[[Any, msgspec.Struct], Outcome]
    ) -> SendResult:
        """Make one attempt. It always returns: every failure of an integration is an unknown outcome."""
        try:
            integration, settings = self._ready(channel)
        except Invalid as error:
            return SendResult(state="not_sent", reason=error.message)
        try:
            outcome = make(integration, settings)
        except Exception as error:  # noqa: BLE001  # it may have been done
            outcome = Unknown(f"the integration failed ({type(error).__name__})", "integration")
        return to_result(outcome, address, channel.id)

    def reconcile(
        self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str]
    ) -> SendResult | None:
        """Ask whether an unanswered attempt arrived: accepted, not sent, or None if unknown."""
        if channel.reconcile == "none" or _forbidden(channel, dispatch.kind, dispatch.audience):
            return None
        outbound, held = as_outbound(dispatch, channel), as_held(secrets)
        answer = self._asked(channel, lambda able, settings: able.reconcile(outbound, settings, held), None)
        match answer:
            case Found(provider_id=provider_id, evidence=evidence):
                result = to_result(Accepted(provider_id, evidence), dispatch.address)
                return result if result.state == "accepted" else None
            case Absent():
                return SendResult(state="not_sent", reason="the provider does not have it")
            case _:
                return None

    def host(self, channel: Channel, order: RoomRequest, secrets: Mapping[str, str]) -> SendResult:
        """Open a room, or invite a person; an attempt that is not possible is an outcome as well."""
        if order.kind != "real":  # the guard of exercises (R36), for rooms
            return refused(f"an incident of kind {order.kind} opens no room and invites nobody", "R36")
        if channel.rooms is None:
            return refused(f"{channel.adapter} opens no rooms with these settings")
        timeouts, held = waits(order.time_limit), as_held(secrets)

        def make(integration: Any, settings: msgspec.Struct) -> Outcome:
            if order.room:
                invitation = Invitation(
                    room=order.room, recipient=order.address, at=order.at, timeouts=timeouts
                )
                return integration.invite(invitation, settings, held)  # type: ignore[no-any-return]
            new = NewRoom(name=order.name, title=order.title, at=order.at, timeouts=timeouts)
            outcome: Outcome = integration.open_room(new, settings, held)
            if isinstance(outcome, Accepted) and not outcome.provider_id:
                return Unknown("the integration did not name the room", "integration")
            return outcome

        return self._attempt(channel, order.address, make)

    def room_address(self, channel: Channel, room: str) -> str:
        """Return the address of a room for people, cleaned; empty if the integration has none."""
        # a room without an address is identified by its name
        given = self._asked(channel, lambda able, settings: str(able.room_address(room, settings)), "")
        return safe(given, "")

    def _asked(self, channel: Channel, ask: Callable[[Any, msgspec.Struct], _T], otherwise: _T) -> _T:
        """Return an integration's answer to a read-only question; ``otherwise`` for any failure."""
        try:
            return ask(*self._ready(channel))
        except Exception:  # noqa: BLE001  # a read-only question: no harm was done
            return otherwise

    def self_test(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str]) -> SendResult:
        """Send a test message over a channel, as similar to a real message as possible."""
        outbound, held = as_outbound(dispatch, channel), as_held(secrets)
        barred = _forbidden(channel, dispatch.kind, dispatch.audience)
        return barred or self._attempt(
            channel,
            dispatch.address,
            lambda integration, settings: integration.self_test(outbound, settings, held),
        )

    def parse_callback(
        self, channel: Channel, incoming: Incoming, secrets: Mapping[str, str]
    ) -> tuple[Heard, ...] | None:
        """Return the content of a callback, or None if it is not authentic.

        Untrusted bytes may cause any exception in an integration: an exception means not authentic.
        """
        callback, held = as_callback(incoming), as_held(secrets)
        parsed = self._asked(
            channel, lambda able, settings: able.parse_callback(callback, settings, held), None
        )
        if parsed is None or isinstance(parsed, Unauthentic):
            return None
        return tuple(from_inbound(channel.id, heard) for heard in parsed)

    def reply(self, channel: Channel, incoming: Incoming, secrets: Mapping[str, str]) -> Words:
        """Return the reply that the provider expects to a verified callback."""
        callback, held = as_callback(incoming), as_held(secrets)
        said = self._asked(channel, lambda able, settings: able.reply(callback, settings, held), None)
        return Words() if said is None else Words(content_type=said.content_type, body=said.body)

    def collects(self, channel: Channel) -> bool:
        """Tell whether receipts and answers of a channel must be fetched."""
        return hasattr(self._integration(channel.id, channel.adapter), "collect")

    def collect(
        self, channel: Channel, took: Took, at: datetime, secrets: Mapping[str, str], patience: timedelta
    ) -> str:
        """Fetch waiting data of a channel once; return the fault, or the empty string."""
        timeouts = Timeouts(
            connect=min(Timeouts().connect, patience), read=patience, total=max(Timeouts().total, patience)
        )

        def keep(one: PortReceipt | PortAnswer) -> bool:
            return took(from_inbound(channel.id, one))

        try:
            integration, settings = self._ready(channel)
            trouble = integration.collect(keep, at, timeouts, settings, as_held(secrets))  # type: ignore[attr-defined]  # Collecting, where ``collects``
        except TocsinError:
            raise
        except Exception as error:  # noqa: BLE001  # the next round tries again
            return f"the integration failed ({type(error).__name__})"
        return safe(str(trouble), "")

    def open_line(self, channel: Channel, secrets: Mapping[str, str]) -> BulkLine:
        """Return a line for many messages over a channel, not yet connected. Raises Invalid for its settings."""
        integration, settings = self._ready(channel)
        opens = getattr(integration, "open_line", None)
        line = opens(settings, as_held(secrets)) if opens is not None else None
        return BulkLine(
            channel,
            line,
            lambda one: self.send(channel, one, secrets),
            lambda one: _forbidden(channel, one.kind, one.audience),
        )

    def _ready(self, channel: Channel) -> tuple[Integration, msgspec.Struct]:
        settings = self._settings(channel.id, channel.adapter, channel.settings)
        return self._integration(channel.id, channel.adapter), settings

    def _integration(self, channel: str, adapter: str) -> Integration:
        try:
            return self._load(adapter)
        except UnknownIntegration as error:
            near = f"Use {error.nearest}, or one of: " if error.nearest else ""
            raise Invalid(
                f'Integration "{adapter}" of channel "{channel}" does not exist.',
                hint=f"{near or 'Use one of: '}{', '.join(error.known)}",
                code="unknown_adapter",
            ) from error
        except Exception as error:
            raise Invalid(
                f'Integration "{adapter}" of channel "{channel}" cannot be loaded ({type(error).__name__}).',
                hint="Install the integration again with its dependencies.",
                code="broken_adapter",
            ) from error

    def _capabilities(self, channel: str, adapter: str, settings: msgspec.Struct) -> Capabilities:
        integration = self._integration(channel, adapter)
        try:
            return integration.capabilities(settings)
        except Exception as error:
            raise Invalid(
                f'The settings of channel "{channel}" ({adapter}) cannot be read ({type(error).__name__}).',
                hint="Check the settings of the channel in tocsin.yaml.",
                code="channel_settings",
            ) from error

    def _settings(self, channel: str, adapter: str, given: Mapping[str, object]) -> msgspec.Struct:
        schema = self._integration(channel, adapter).Settings
        try:
            return convert(dict(given), schema, dec_hook=self._path)
        except msgspec.ValidationError as error:
            unknown = [name for name in given if name not in schema.__struct_fields__]
            hint = hint_for(unknown[0], schema.__struct_fields__) if unknown else ""
            raise Invalid(
                f'The settings of channel "{channel}" ({adapter}) are not valid: {error}.',
                hint=hint,
                code="channel_settings",
            ) from error

    def _path(self, kind: type, given: object) -> object:
        """Read a setting that is a path: a relative path starts at the home, not at the current folder."""
        if kind is not Path or not isinstance(given, str):
            raise ValueError("not a path")
        return self._base / given


url_problem = http.url_problem
is_private = service.private


def call(request: HttpCall) -> CallResult:
    """Make one HTTP call to a host of the allow-list; an exercise makes none."""
    if request.kind != "real":
        why = f"an incident of kind {request.kind} makes no call to other systems"
        return CallResult(outcome=refused(why, "R36"))
    reply = http.exchange(
        http.Request(
            method=request.method,
            url=request.url,
            at=request.at,
            headers={"Idempotency-Key": request.idempotency_key, **request.headers},
            body=request.body,
            timeouts=waits(request.time_limit),
            hosts=request.allowed_hosts,
            public=request.public,
            ca_file=request.ca_file,
        )
    )
    if not isinstance(reply, http.Reply):
        return CallResult(outcome=as_result(reply))
    outcome = http.judge(reply, request.at) or Accepted()
    return CallResult(outcome=as_result(outcome), status=reply.status, body=reply.body)


def _forbidden(channel: Channel, kind: Kind, audience: Audience) -> SendResult | None:
    """The guard of exercises (R36), and of a screen that no person watches. It must never get a setting."""
    if channel.unwatched:
        return refused("no person watches the screen of the process that sends", "screen")
    if kind == "real":
        return None
    if audience in OUTSIDERS:
        return refused(f"an incident of kind {kind} never reaches the audience {audience}", "R36")
    if not channel.exercise_safe:
        return refused(f"the channel is not on the allow-list for an incident of kind {kind}", "R36")
    return None
