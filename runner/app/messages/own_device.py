"""Tocsin's own device of a channel that encrypts end to end, and the keys of people in the contact list.

The device is a secret in a file, written before it is published: an interruption loses no key, and a repetition continues.
A key of a person is taken from the homeserver once, and stands in the address from then on.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from runner.app.core.directory import add_person
from runner.app.messages.communications_check import ways
from runner.effects.gateway.own_device import new_device, pin, publish_device
from runner.errors import NotFound, Refused
from runner.reports.messages.own_device import PinnedKey
from runner.routing.messaging import Channel, ContactPoint, SendResult
from runner.vault.secrets import resolve

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

DEVICE = "device"
"""The name of the secret."""


def make_device(service: IncidentService, name: str) -> SendResult:
    """Make the device of a channel, or publish it again; raises NotFound and Refused, also for what the provider refuses."""
    channel = _channel(service, name)
    scheme, _, rest = channel.secrets.get(DEVICE, "").partition(":")
    if scheme != "file" or not rest:
        raise Refused(
            f'Channel "{name}" names no file for its device.',
            hint=f'Add to its secrets: device: "file:{name}.device"',
            code="device_place",
        )
    path = service.folder / Path(rest).expanduser()
    secrets, now = _secrets(service, channel), service.clock.now()
    present = resolve(f"file:{path}", base=service.folder).reveal() if path.exists() else ""
    made = new_device(service.gateway, channel, present, now, secrets)
    if not isinstance(made, str):
        raise _failed(name, made)
    if made != present:
        _write(path, made)
    done = publish_device(service.gateway, channel, now, {**secrets, DEVICE: made})
    if done.state != "accepted":
        raise _failed(name, done)
    return done


def pin_keys(
    service: IncidentService, name: str, persons: Collection[str], *, replace: bool
) -> tuple[PinnedKey, ...]:
    """Compare the key of each person with the provider's, and store it in an address that has none; changed keys on request."""
    channel = _channel(service, name)
    secrets = _secrets(service, channel)
    found = []
    for way in ways(service, persons, (name,)):
        if way.contact is not None:
            found.append(_pin(service, channel, way.person, way.contact, secrets, replace))
    return tuple(found)


def _pin(
    service: IncidentService,
    channel: Channel,
    person: str,
    contact: ContactPoint,
    secrets: dict[str, str],
    replace: bool,
) -> PinnedKey:
    shown = pin(service.gateway, channel, contact.address, service.clock.now(), secrets)
    if not isinstance(shown, str):
        return PinnedKey(person=person, state="failed", reason=shown.reason)
    key = shown.partition("#")[2]
    known = contact.address.partition("#")[2]
    if known == key:
        return PinnedKey(person=person, state="same", key=key)
    if known and not replace:
        return PinnedKey(person=person, state="changed", key=key)
    changed = ContactPoint(channel=contact.channel, address=shown, domains=contact.domains)
    add_person(service, person, "", (changed,))
    return PinnedKey(person=person, state="replaced" if known else "first", key=key)


def _channel(service: IncidentService, name: str) -> Channel:
    channel = service.directory.channels.get(name)
    if channel is None:
        known = ", ".join(sorted(service.directory.channels)) or "none"
        raise NotFound(
            f'Channel "{name}" does not exist.', hint=f"Use one of: {known}", code="unknown_channel"
        )
    if not channel.seals:
        raise Refused(
            f'Channel "{name}" does not encrypt messages itself.',
            hint="For Matrix, set: encrypted: true",
            code="no_device",
        )
    return channel


def _secrets(service: IncidentService, channel: Channel) -> dict[str, str]:
    """Return the secrets except the device, which may not exist yet."""
    return {
        name: resolve(reference, base=service.folder).reveal()
        for name, reference in channel.secrets.items()
        if name != DEVICE
    }


def _failed(name: str, result: SendResult) -> Refused:
    return Refused(
        f'The device of channel "{name}" is not usable: {result.reason}.',
        hint="Correct the cause, and repeat the command.",
        code="device_failed",
    )


def _write(path: Path, text: str) -> None:
    """Write the secret, durable on return, for its owner alone."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise Refused(
            f'File "{path}" cannot be written: {error.strerror}.',
            hint="Name another file.",
            code="file_unwritable",
        ) from None
