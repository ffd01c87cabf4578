"""Callbacks of providers: which channel an address is of, whether what comes there is believed, and that it is taken.

The address of a channel holds 160 bits that come from the master key. They keep strangers from trying; they prove
nothing. What a callback says is used only when the channel's own adapter believed its signature over the raw bytes.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

import msgspec

from runner.app.core.incident_service import Desk
from runner.app.messages.inbound import Fate, Inbox
from runner.effects.gateway.gateway import Gateway
from runner.errors import TocsinError
from runner.reports.messages.callbacks import CallbackAddress
from runner.routing.inbound import Heard, Incoming, Words
from runner.routing.messaging import Channel
from runner.vault.master_key import read_master
from runner.vault.places import place_of
from runner.vault.secrets import resolve

IN = "in"
"""Where callbacks stand below the public address: ``PUBLIC_URL/in/PLACE``."""


class Believed(msgspec.Struct, frozen=True, kw_only=True):
    """A callback whose signature holds: its channel, what it says, and what its provider wants to read."""

    channel: Channel
    heard: tuple[Heard, ...]
    words: Words


class Callbacks:
    """The channels that are called back, each at its own place."""

    def __init__(self, desk: Desk, inbox: Inbox) -> None:
        """Read the channels, their secrets and the master key, once: a change of any wants a new start."""
        self._desk = desk
        self._gateway = Gateway(base=desk.folder)
        self.inbox = inbox
        places = places_of(desk)
        self._channels = {places[name].encode(): desk.directory.channels[name] for name in places}
        self._secrets = {name: secrets_of(desk, desk.directory.channels[name]) for name in places}

    def now(self) -> datetime:
        """Return the present instant."""
        return self._desk.clock.now()

    def believe(self, place: str, incoming: Incoming) -> Believed | None:
        """Return what a callback says, or None for a place that is none and for what its adapter does not believe."""
        given = place.encode("utf-8", "replace")
        channel = None
        # Every place is compared, in constant time: how long it takes says nothing about which there are.
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
        """Keep what a callback says."""
        return self.inbox.take(believed.channel, believed.heard)


def places_of(desk: Desk) -> dict[str, str]:
    """Return the place of every channel that is called back, by the channel's name."""
    channels = [one for one in desk.directory.channels.values() if one.called_back]
    if not channels:
        return {}
    master = read_master(desk.home.master_key, base=desk.folder)
    return {one.id: place_of(master, one.id) for one in channels}


def addresses(desk: Desk) -> tuple[CallbackAddress, ...]:
    """Return where each channel is called back, as its provider is to be told."""
    base = desk.home.public_url.rstrip("/")
    return tuple(
        CallbackAddress(
            channel=name, adapter=desk.directory.channels[name].adapter, url=f"{base}/{IN}/{place}"
        )
        for name, place in places_of(desk).items()
    )


def secrets_of(desk: Desk, channel: Channel) -> Mapping[str, str]:
    """Return a channel's secrets; one that is not there is left out, and what needs it is not believed."""
    found: dict[str, str] = {}
    for name, reference in channel.secrets.items():
        try:
            found[name] = resolve(reference, base=desk.folder).reveal()
        except TocsinError:
            continue
    return found
