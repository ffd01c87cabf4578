"""Messages that only the signed devices of one person can read (Olm and Megolm).

Each message has a Megolm session of its own, and new Olm sessions that carry its key: no ratchet is kept, so a restored or
copied home can never send with an old state. The device never reads, so it would not notice that a peer
lost an Olm session; with a new one for each message there is none to lose.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress

from integrations.http import json_object
from integrations.http.service import compact, held, member
from integrations.matrix.device import (
    NO_SIGNED_DEVICE,
    OLM,
    Device,
    held_device,
    known_keys,
    master_key,
    signed_devices,
    signs,
)
from integrations.matrix.server import CIPHER, Homeserver, Settings, StoppedError, split
from integrations.port import Outbound, Outcome, Rejected, Secrets

LARGEST = 45_000
"""Bytes of the text: the encrypted event, a third larger, must be smaller than 64 KiB."""
Devices = Mapping[str, tuple[str, str]]


def sealed(
    outbound: Outbound, content: Mapping[str, object], settings: Settings, secrets: Secrets
) -> bytes | Outcome:
    """Return the event and the messages with its key, encrypted for the person whose master key is in the address."""
    server, device = Homeserver(outbound, settings, held(secrets, "token")), held_device(secrets, settings)
    if isinstance(device, Rejected):
        return device
    try:
        return _sealed(outbound.recipient, content, server, device)
    except StoppedError as stopped:
        return stopped.outcome


def _sealed(address: str, content: Mapping[str, object], server: Homeserver, device: Device) -> bytes:
    import vodozemac

    room, key = split(address)
    if not key:
        raise _refuse("no_key", "the contact has no master key: tocsin channel keys CHANNEL")
    if server.cipher(room) != CIPHER:
        # In such a room clients may not decrypt, and people answer in clear.
        raise _refuse("clear_room", "the room is not encrypted with the cipher of this channel")
    others = server.others(room)
    found = known_keys(server, (*others, device.user))
    if not device.is_signed(found):
        why = "the homeserver does not show our device as signed: tocsin channel keys CHANNEL"
        raise StoppedError(Rejected("device", why, about="account"))
    user = next((name for name in others if master_key(found, name) == key), "")
    if not user:
        raise _refuse("master_key", "no person in the room has the master key of the contact")
    devices = signed_devices(found, user)
    if not devices:
        raise _refuse("no_signed_device", NO_SIGNED_DEVICE)
    group = vodozemac.GroupSession()
    session, secret = group.session_id, group.session_key.to_base64()
    room_key = {"algorithm": CIPHER, "room_id": room, "session_id": session, "session_key": secret}
    payload = compact({"type": "m.room.message", "room_id": room, "content": content})
    if len(payload) > LARGEST:
        raise _refuse("too_long", f"the message has more than {LARGEST} bytes")
    parts: dict[str, object] = {
        "room": room,
        "session": session,
        "keys": {user: _for_devices(server, room_key, user, devices, device)},
        "event": {
            "algorithm": CIPHER,
            "ciphertext": group.encrypt(payload).to_base64(),
            "session_id": session,
            "sender_key": device.curve,
            "device_id": device.name,
            # A relation is in clear in encrypted rooms: the homeserver connects the events.
            **({"m.relates_to": content["m.relates_to"]} if "m.relates_to" in content else {}),
        },
    }
    return compact(parts)


def _refuse(code: str, why: str) -> StoppedError:
    return StoppedError(Rejected(code, why, about="recipient"))


def _for_devices(
    server: Homeserver, room_key: Mapping[str, object], user: str, devices: Devices, device: Device
) -> dict[str, object]:
    """Return the key of the message for each device, encrypted; raises StoppedError if there is none for any device."""
    wanted = {user: dict.fromkeys(devices, "signed_curve25519")}
    claimed = server.content(server.send("keys/claim", {"one_time_keys": wanted}))
    ready: dict[str, object] = {}
    for name, (curve, fingerprint) in devices.items():
        offered = member(claimed, "one_time_keys", user, name)
        for one in offered.values() if isinstance(offered, dict) else ():
            one_time = member(one, "key")
            if isinstance(one_time, str) and signs(one, user, name, fingerprint):
                about = {
                    "type": "m.room_key",
                    "sender": device.user,
                    "recipient": user,
                    "keys": {"ed25519": device.fingerprint},
                    "recipient_keys": {"ed25519": fingerprint},
                    "content": room_key,
                }
                with suppress(ValueError):  # a key that is none: the other devices can read
                    ready[name] = _olm(device, curve, one_time, about)
    if not ready:
        why = "the homeserver has no key of a device of the person for a new message"
        raise StoppedError(Rejected("no_one_time_key", why, permanent=False, about="recipient"))
    return ready


def _olm(device: Device, curve: str, one_time: str, about: Mapping[str, object]) -> dict[str, object]:
    """Return a message to one device, in an Olm session of its own; raises ValueError."""
    from vodozemac import Curve25519PublicKey

    theirs = Curve25519PublicKey.from_base64(curve), Curve25519PublicKey.from_base64(one_time)
    session = device.account.create_outbound_session(*theirs)
    kind, body = session.encrypt(compact(about)).to_parts()
    cipher = {"type": kind, "body": base64.b64encode(body).decode().rstrip("=")}
    return {"algorithm": OLM, "sender_key": device.curve, "ciphertext": {curve: cipher}}


def opened(sealed_bytes: bytes) -> tuple[str, dict[str, object], dict[str, object], str]:
    """Return the parts of ``sealed``: room, event, messages with its key, and the name of its Megolm session."""
    parts = json_object(sealed_bytes)
    event, keys = parts.get("event"), parts.get("keys")
    if not isinstance(event, dict) or not isinstance(keys, dict):
        raise TypeError("the stored message is not whole")
    return str(parts["room"]), event, {"messages": keys}, str(parts["session"])
