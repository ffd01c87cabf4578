"""Callbacks of providers: the channel of each address, verification, and processing.

The address of a channel has 160 bits derived from the master key. They prevent guessing; they prove
nothing. A callback is used only if the channel's adapter verified its signature over the raw bytes.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import HOME_KEYS
from runner.app.messages.inbound import Fate, Inbox
from runner.decoding import from_json
from runner.effects.gateway.gateway import Gateway
from runner.errors import TocsinError
from runner.reports.messages.channels import CallbackAddress
from runner.routing.inbound import Heard, Incoming, Words
from runner.routing.messaging import Channel
from runner.vault.derived_tokens import place_of
from runner.vault.master_key import read_master
from runner.vault.secrets import resolve

IN = "in"
"""The path of callbacks below the public address: ``PUBLIC_URL/in/PLACE``."""
_PLACES, _KEY = "home/callbacks", f"{HOME_KEYS}callbacks"
"""The mark with the places from before a change of the master key, and the key that seals it."""


class Believed(msgspec.Struct, frozen=True, kw_only=True):
    """A verified callback: its channel, its content, and the reply that its provider expects."""

    channel: Channel
    heard: tuple[Heard, ...]
    words: Words


class Callbacks:
    """The channels with callbacks, each at its own place."""

    def __init__(self, service: IncidentService, inbox: Inbox) -> None:
        """Read the channels, their secrets and the master key once: a change needs a restart."""
        self._service = service
        self._gateway = Gateway(base=service.folder)
        self.inbox = inbox
        places = places_of(service)
        self._channels = {places[name].encode(): service.directory.channels[name] for name in places}
        self._secrets = {name: secrets_of(service, service.directory.channels[name]) for name in places}

    def now(self) -> datetime:
        """Return the present instant."""
        return self._service.clock.now()

    def believe(self, place: str, incoming: Incoming) -> Believed | None:
        """Return a verified callback, or None for an unknown place or an invalid signature."""
        given = place.encode("utf-8", "replace")
        channel = None
        # Every place is compared in constant time, so the duration reveals nothing about the places.
        for known, one in self._channels.items():
            if hmac.compare_digest(known, given):
                channel = one
        if channel is None:
            return None
        secrets = self._secrets[channel.id]
        heard = self._gateway.parse_callback(channel, incoming, secrets)
        if heard is None:
            return None
        return Believed(channel=channel, heard=heard, words=self._gateway.reply(channel, incoming, secrets))

    def take(self, believed: Believed) -> Fate:
        """Process a verified callback."""
        fate = self.inbox.take(believed.channel, believed.heard)
        self.inbox.replies.send()
        return fate


def places_of(service: IncidentService) -> dict[str, str]:
    """Return the place of every channel with callbacks, by the channel's name."""
    channels = [channel for channel in service.directory.channels.values() if channel.called_back]
    if not channels:
        return {}
    master, kept = read_master(service.home.master_key, base=service.folder), _kept(service)
    return {channel.id: kept.get(channel.id) or place_of(master, channel.id) for channel in channels}


def keep_places(service: IncidentService) -> None:
    """Keep the present places, which providers know, before the master key changes; raises Sealed without it."""
    if places := _kept(service) | places_of(service):
        body = service.store.key(_KEY).seal(msgspec.json.encode(places), _PLACES.encode())
        service.change_marks((_PLACES,), lambda marks: {_PLACES: body})


def _kept(service: IncidentService) -> dict[str, str]:
    body = service.store.marks(_PLACES).get(_PLACES)
    if body is None:
        return {}
    return from_json(service.store.key(_KEY).open(body, _PLACES.encode()), dict[str, str])


def addresses(service: IncidentService) -> tuple[CallbackAddress, ...]:
    """Return the callback address of each channel, for its provider."""
    base = service.home.public_url.rstrip("/")
    return tuple(
        CallbackAddress(
            channel=name, adapter=service.directory.channels[name].adapter, url=f"{base}/{IN}/{place}"
        )
        for name, place in places_of(service).items()
    )


def secrets_of(service: IncidentService, channel: Channel) -> Mapping[str, str]:
    """Return a channel's secrets without missing secrets; callbacks that need a missing secret are refused."""
    found: dict[str, str] = {}
    for name, reference in channel.secrets.items():
        try:
            found[name] = resolve(reference, base=service.folder).reveal()
        except TocsinError:
            continue
    return found


LOOPBACK = ("127.0.0.1", "::1", "localhost")
SETTING = "callback_url"
"""The adapters' setting for the callback address that they send with each message."""
_LIST = "Show each address: tocsin serve-callbacks --list"


class Mismatch(NamedTuple):
    """One fault that blocks callbacks; it does not contain the secret part of an address."""

    severe: bool
    what: str
    hint: str


def mismatches(service: IncidentService) -> Iterator[Mismatch]:
    """Yield the faults of ``public_url``, then of each channel; raises Sealed without the master key."""
    places = places_of(service)
    public = urlsplit(service.home.public_url)
    if not service.home.public_url:
        waiting = [name for name in places if SETTING not in service.home.channels[name].settings]
        if waiting:
            what = f"public_url is not set, but {', '.join(waiting)} can receive callbacks"
            yield Mismatch(
                False, what, "Set public_url: https://HOST in tocsin.yaml. Without it, no callbacks arrive."
            )
    elif public.scheme != "https" and public.hostname not in LOOPBACK:
        hint = "Put a proxy with TLS in front of serve-callbacks."
        yield Mismatch(True, "public_url is not https", hint)
    for name, place in places.items():
        given = str(service.home.channels[name].settings.get(SETTING) or "")
        if given:
            yield from _compared(name, urlsplit(given), public, place)


def _compared(name: str, given: SplitResult, public: SplitResult, place: str) -> Iterator[Mismatch]:
    """Yield the differences between a channel's callback address and the served address."""
    base = public.path.rstrip("/") if public.netloc else given.path.rpartition(f"/{IN}/")[0]
    served = f"{base}/{IN}/{place}"
    if given.path != served:
        if given.path.rstrip("/") == served:
            what = f"{name}: its {SETTING} ends with a slash. No channel has this address"
        else:
            what = f"{name}: serve-callbacks does not serve the path of its {SETTING}"
        yield Mismatch(True, what, _LIST)
    if public.netloc and (given.scheme, given.netloc) != (public.scheme, public.netloc):
        what = f"{name}: its {SETTING} names {given.scheme}://{given.hostname}, and public_url {public.scheme}://{public.hostname}"
        yield Mismatch(False, what, f"Both addresses must lead to the same proxy. {_LIST}")
