"""Incoming callbacks become limited, cleaned data; untrusted callbacks give nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations import console
from integrations.port import Answer as PortAnswer
from integrations.port import Callback, CallbackReply, Unauthentic
from integrations.port import Receipt as PortReceipt
from runner.effects.gateway.gateway import Gateway
from runner.effects.gateway.translation import LONGEST_ANSWER, LONGEST_REASON
from runner.routing.inbound import Answer, Incoming, Receipt
from runner.routing.messaging import ChannelConfig
from tests.servers.stand_ins import twilio as fake
from tests.servers.stand_ins.scripted import ScriptedChannel

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
INCOMING = Incoming(method="POST", path="/x", headers={}, body=b"{}", at=AT)


class Speaking(ScriptedChannel):
    """An integration that believes what it is told to."""

    def __init__(self, *said, error: Exception | None = None):
        super().__init__()
        self.said, self.error = said, error
        self.kept: list[bool] = []

    def parse_callback(self, callback: Callback, settings, secrets):
        if self.error:
            raise self.error
        return self.said or Unauthentic(reason="no")

    def reply(self, callback, settings, secrets):
        if self.error:
            raise self.error
        return CallbackReply(content_type="text/xml", body=b"<Response/>")

    def collect(self, took, at, timeouts, settings, secrets):
        if self.error:
            raise self.error
        self.kept = [took(one) for one in self.said]
        return "" if all(self.kept) else f"not kept within {timeouts.read}\n"


def door(integration):
    gateway = Gateway(lambda name: integration)
    return gateway, gateway.channel("c", ChannelConfig(adapter="x"))


def heard(*said):
    gateway, channel = door(Speaking(*said))
    return gateway.parse_callback(channel, INCOMING, {})


def test_a_receipt_has_a_digest_in_place_of_personal_identifiers():
    [one] = heard(
        PortReceipt(kind="read", event_id="+15005550006:1", provider_id="17", idempotency_key=KEY, at=AT)
    )
    assert isinstance(one, Receipt)
    assert (one.kind, one.provider_id, one.key, one.at) == ("read", "17", KEY, AT)
    assert len(one.event) == 32
    assert "15005550006" not in one.event


def test_callback_fields_from_strangers_are_limited_and_cleaned():
    long = "x" * 99_999
    [one] = heard(
        PortReceipt(kind="failed", event_id=long, provider_id=f"a\n{long}", idempotency_key="k\n", code=long)
    )
    assert isinstance(one, Receipt)
    assert (len(one.provider_id), one.provider_id[:3], one.key, len(one.code)) == (
        LONGEST_REASON,
        "a x",
        "",
        40,
    )
    [two] = heard(PortAnswer(event_id="e", sender=long, text=long, at=AT.replace(tzinfo=None)))
    assert isinstance(two, Answer)
    assert (len(two.sender), len(two.text), two.at) == (LONGEST_REASON, LONGEST_ANSWER, None)


def test_an_integration_without_callbacks_accepts_none():
    gateway, channel = door(console)
    assert gateway.parse_callback(channel, INCOMING, {}) is None


def test_untrusted_callbacks_and_broken_integrations_give_the_same_empty_result():
    assert heard() is None
    gateway, channel = door(Speaking(error=KeyError("body")))
    assert gateway.parse_callback(channel, INCOMING, {}) is None
    assert gateway.reply(channel, INCOMING, {}).body == b""
    assert (
        gateway.collect(channel, lambda one: True, AT, {}, timedelta(1))
        == "the integration failed (KeyError)"
    )


def test_a_channel_with_callback_replies_gets_its_reply():
    gateway, channel = door(Speaking(PortReceipt(kind="read", event_id="e")))
    assert gateway.reply(channel, INCOMING, {}).content_type == "text/xml"
    assert gateway.reply(door(ScriptedChannel())[1], INCOMING, {}).body == b"<Response/>"
    plain, channel = door(ScriptedChannel())
    assert plain.reply(channel, INCOMING, {}).body == b""


def test_collected_items_are_confirmed_only_after_they_are_stored():
    integration = Speaking(*(PortReceipt(kind="read", event_id=name) for name in "ab"))
    gateway, channel = door(integration)
    assert gateway.collects(channel)
    kept = iter((True, False))
    trouble = gateway.collect(channel, lambda one: next(kept), AT, {}, timedelta(seconds=2))
    assert integration.kept == [True, False]
    assert trouble == "not kept within 0:00:02 "


def test_a_channel_that_is_called_back_has_nothing_to_collect():
    gateway, channel = door(ScriptedChannel())
    assert not gateway.collects(channel)


@pytest.mark.parametrize(("token", "believed"), [(fake.TOKEN, True), ("another", False)])
def test_a_real_integration_checks_the_signature_over_the_bytes_as_they_came(token, believed):
    gateway = Gateway()
    url = f"https://hooks.example.org/in/abc?key={KEY}"
    settings = {
        "account": fake.ACCOUNT,
        "sender": "+15005550006",
        "callback_url": "https://hooks.example.org/in/abc",
    }
    channel = gateway.channel("sms", ChannelConfig(adapter="twilio_sms", settings=settings))
    fields = {"MessageSid": "SM" + "0a" * 16, "MessageStatus": "delivered", "AccountSid": fake.ACCOUNT}
    callback = fake.signed(url, fields, AT, token=token)
    incoming = msgspec.convert(callback, Incoming, from_attributes=True)
    found = gateway.parse_callback(channel, incoming, {"auth_token": fake.TOKEN})
    assert (found is not None) is believed
    assert not found or (found[0].key, found[0].kind) == (KEY, "delivered")
