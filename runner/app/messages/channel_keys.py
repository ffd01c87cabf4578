"""Keys of a channel that encrypts end to end: those of our device, and those of people in the contact list.

The device is a secret in a file, written before it is published: an interruption loses no key, and a repetition continues.
A key of a person is taken from the provider once, and stands in the address from then on.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from runner.app.core.directory import add_person
from runner.app.messages.communications_check import Way, ways
from runner.errors import NotFound, Refused, TocsinError, unwritable
from runner.reports.messages.channel_keys import KeysReport, PinnedKey
from runner.routing.messaging import Channel, ContactPoint
from runner.vault.secrets import resolve

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

DEVICE = "device"
"""The name of the secret."""


def missing_secret(
    folder: Path, channel: str, secret: str, reference: str, error: TocsinError
) -> TocsinError:
    """Return why a secret of a channel is missing: the file of a device does not exist before its first use."""
    path = reference.removeprefix("file:")
    if secret != DEVICE or path == reference or (folder / Path(path).expanduser()).exists():
        return error
    return Refused(
        "The device that encrypts is not published yet.",
        hint=f"Publish it: tocsin channel keys {channel}",
        code="device_missing",
    )


def set_up_keys(
    service: IncidentService, name: str, persons: Collection[str], *, replace: bool
) -> KeysReport:
    """Make or publish the device of a channel, and compare the keys of people with the provider's.

    A key is stored in an address that has none, a changed key only on request. Raises NotFound and Refused.
    """
    found = ways(service, persons, (name,))
    if persons and not found:
        raise NotFound(
            f"No contact for channel {name}: {', '.join(persons)}.",
            hint="Add it: tocsin person add PERSON --contact CHANNEL=ADDRESS",
            code="unknown_contact",
        )
    channel = service.directory.channels[name]
    secrets = {
        one: resolve(reference, base=service.folder).reveal()
        for one, reference in channel.secrets.items()
        if one != DEVICE
    }
    device = _device(service, channel, secrets) if service.gateway.has_device(channel) else ""
    pinned = tuple(
        _pin(service, channel, way, way.contact, secrets, replace) for way in found if way.contact is not None
    )
    return KeysReport(channel=name, device=device, keys=pinned)


def _device(service: IncidentService, channel: Channel, secrets: dict[str, str]) -> str:
    """Make or publish the device, add it to the secrets, and return its name; raises Refused."""
    scheme, _, rest = channel.secrets.get(DEVICE, "").partition(":")
    if not channel.seals and (channel.e2ee or service.gateway.subscribes(channel)):
        raise Refused(
            f'Channel "{channel.id}" encrypts without stored keys.',
            hint="No action required.",
            code="no_device",
        )
    if not channel.seals or scheme != "file" or not rest:
        raise Refused(
            f'Channel "{channel.id}" does not encrypt, or names no file for the keys of its device.',
            hint=f'For Matrix, set encrypted: true, and in secrets: device: "file:{channel.id}.device"',
            code="no_device",
        )
    path, now = service.folder / Path(rest).expanduser(), service.clock.now()
    if path.exists():
        secrets[DEVICE] = resolve(channel.secrets[DEVICE], base=service.folder).reveal()
    made = service.gateway.keys(channel, "new_device", now, secrets)
    if isinstance(made, str):
        if made != secrets.get(DEVICE):
            _write(path, made)
        secrets[DEVICE] = made
        made = service.gateway.keys(channel, "publish_device", now, secrets)
    if isinstance(made, str) or made.state != "accepted":
        raise Refused(
            f'The device of channel "{channel.id}" is not usable: {made if isinstance(made, str) else made.reason}.',
            hint="Correct the cause, and repeat the command.",
            code="device_failed",
        )
    return made.provider_id


def _pin(
    service: IncidentService,
    channel: Channel,
    way: Way,
    contact: ContactPoint,
    secrets: dict[str, str],
    replace: bool,
) -> PinnedKey:
    shown = service.gateway.keys(channel, "pin", service.clock.now(), secrets, contact.address)
    if not isinstance(shown, str):
        return PinnedKey(person=way.person, state="failed", reason=shown.reason)
    key, known = (address.partition("#")[2] for address in (shown, contact.address))
    if known == key:
        return PinnedKey(person=way.person, state="same", key=key)
    if known and not replace:
        return PinnedKey(person=way.person, state="changed", key=key)
    changed = ContactPoint(channel=contact.channel, address=shown, domains=contact.domains)
    add_person(service, way.person, "", (changed,))
    return PinnedKey(person=way.person, state="replaced" if known else "first", key=key)


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
        raise unwritable(path, error) from None
