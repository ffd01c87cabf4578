"""A text of the channel's full length is sent, whatever space subject, marking and footer take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import signal, smpp, whatsapp
from integrations.port import SHORTEST, NotSent, Outbound, Rejected, fitted, plain_body
from integrations.testing.chaos import closed_port
from integrations.testing.conformance import IMPATIENT
from integrations.twilio import sms
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.twilio import ACCOUNT

FOOTER = (
    f"Tocsin amber-falcon · d-0123456789 · journal 123:sha256:{'a' * 64}"
    " · war room: https://matrix.to/#/!mBqQhXzvXnAbCdEfGh:chat.example.org?via=chat.example.org · code K7M2QX"
    f" · acknowledge: https://callbacks.example.org/ack/i-0123.d-0123.1.t6h3k2.{'B' * 26}"
)
MESSAGE = Outbound(
    delivery="d1",
    attempt=1,
    idempotency_key="A" * 32,
    recipient="+15005550010",
    subject="s" * 160,
    text="",
    marking="CONFIDENTIAL",
    footer=FOOTER,
    at=datetime(2026, 11, 24, tzinfo=UTC),
    timeouts=IMPATIENT,
)


def channels() -> dict[str, tuple[Any, Any, dict[str, str]]]:
    dead = f"http://127.0.0.1:{closed_port()}"
    mobile = signal.Settings(url=dead, number="+15005550006", recipients_lock=True)
    template = whatsapp.Settings(phone_number_id="1", template="t", api=dead)
    operator = smpp.Settings(
        host="127.0.0.1", port=closed_port(), line="private", system_id="a", sender="Tocsin"
    )
    texts = sms.Settings(account=ACCOUNT, sender="+15005550006", api=dead)
    return {
        "signal": (signal, mobile, {}),
        "whatsapp": (whatsapp, whatsapp.Settings(phone_number_id="1", api=dead), {"token": "t"}),
        "whatsapp by template": (whatsapp, template, {"token": "t"}),
        "smpp": (smpp, operator, {"password": "p"}),
        "twilio_sms": (sms, texts, {"auth_token": "t"}),
    }


@pytest.mark.parametrize("name", channels())
@pytest.mark.parametrize("letter", ["x", "л"])
def test_the_longest_allowed_text_is_accepted_with_its_surrounding_parts(name: str, letter: str) -> None:
    adapter, settings, secrets = channels()[name]
    longest = adapter.capabilities(settings).max_length
    held = {key: Held(text) for key, text in secrets.items()}
    whole = msgspec.structs.replace(MESSAGE, text=letter * longest)
    assert isinstance(adapter.send(whole, settings, held), NotSent)
    longer = msgspec.structs.replace(MESSAGE, text=letter * 10_000)
    assert isinstance(adapter.send(longer, settings, held), Rejected)


@given(size=st.integers(0, 500), around=st.integers(0, 500), room=st.integers(0, 700))
def test_the_longest_part_of_a_text_that_fits_is_kept(size: int, around: int, room: int) -> None:
    given = msgspec.structs.replace(MESSAGE, text="x" * size, footer="f" * around)

    def fits(one: Outbound) -> bool:
        return len(plain_body(one)) <= room

    found = fitted(given, 400, fits)
    if size > 400:
        assert found is None
    elif fits(given):
        assert found == given
    elif found is not None:
        assert fits(found)
        assert found.text == "x" * (len(found.text) - 1) + "…"
        assert not fits(msgspec.structs.replace(found, text="x" * len(found.text) + "…"))
    else:
        assert not fits(msgspec.structs.replace(given, text="x" * SHORTEST + "…"))
