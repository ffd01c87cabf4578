"""Encrypted messages in the store: one form for each key, erased with the incident, dropped when no attempt needs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from runner.effects.context import EffectContext
from runner.effects.messages.sealed_message import KEPT, sealed
from runner.errors import Sealed
from runner.routing.messaging import Channel, Dispatch, SendResult, refused
from tests.cli.at_desk import AtDesk

CHANNEL = Channel(
    id="chat",
    adapter="matrix",
    address_kind="handle",
    domains=frozenset(),
    confidentiality="restricted",
    personal_data="personal",
    e2ee=True,
    seals=True,
)


class Sealer:
    """Encrypts with the words of a script; before the first a faster worker may have its turn."""

    def __init__(self, *words: bytes | SendResult) -> None:
        self.words = list(words)
        self.faster: tuple[Dispatch, EffectContext] | None = None

    def seal(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> bytes | SendResult:
        if self.faster is not None:
            one, tools = self.faster
            self.faster = None
            assert taken(one, tools).sealed == b"fast"
        return self.words.pop(0)


def taken(one: Dispatch, tools: EffectContext) -> Dispatch:
    found = sealed(one.delivery, CHANNEL, one, {}, tools)
    assert isinstance(found, Dispatch)
    return found


def begin(incident: AtDesk, *words: bytes | SendResult) -> tuple[Dispatch, EffectContext, Sealer]:
    office = incident.office()
    [row] = office.incidents()
    sealer = Sealer(*words)
    tools = msgspec.structs.replace(office.tools(office.load(row.id)), sender=sealer)
    one = Dispatch(
        delivery=row.id,
        attempt=1,
        idempotency_key="A" * 32,
        kind="real",
        audience="responder",
        address="!room",
        text="Secret",
        at=incident.clock.now(),
    )
    return one, tools, sealer


def test_of_two_workers_that_encrypt_one_message_the_first_counts(incident: AtDesk) -> None:
    one, tools, sealer = begin(incident, b"slow")
    _, other, _ = begin(incident, b"fast")
    sealer.faster = one, other
    assert taken(one, tools).sealed == b"fast"
    again, tools, _ = begin(incident)
    assert taken(again, tools).sealed == b"fast"


def test_what_cannot_be_encrypted_or_is_simulated_leaves_nothing(incident: AtDesk) -> None:
    one, tools, _ = begin(incident, refused("no device", "no_signed_device"), b"", b"now")
    found = sealed(one.delivery, CHANNEL, one, {}, tools)
    assert isinstance(found, SendResult)
    assert found.code == "no_signed_device"
    assert taken(one, tools).sealed == b""
    assert taken(one, tools).sealed == b"now"


def test_an_erased_incident_has_no_encrypted_message_any_more(incident: AtDesk) -> None:
    one, tools, _ = begin(incident, b"first", b"second")
    assert taken(one, tools).sealed == b"first"
    incident.office().store.shred(one.delivery)
    with pytest.raises(Sealed):
        sealed(one.delivery, CHANNEL, one, {}, tools)


def test_marks_that_no_attempt_needs_are_dropped(incident: AtDesk) -> None:
    one, tools, _ = begin(incident, b"first", b"second")
    taken(one, tools)
    incident.clock.advance(KEPT + timedelta(days=1))
    taken(msgspec.structs.replace(one, idempotency_key="B" * 32), tools)
    [mark] = incident.office().marks("sealed/")
    assert mark.startswith(f"sealed/{one.delivery}/{'B' * 32}/")


def test_a_changed_address_gets_nothing_that_was_encrypted_for_the_old_one(incident: AtDesk) -> None:
    one, tools, _ = begin(incident, b"old", b"new")
    assert taken(one, tools).sealed == b"old"
    assert taken(msgspec.structs.replace(one, address="!room#other"), tools).sealed == b"new"
    assert taken(one, tools).sealed == b"old"
