"""The client of signal-cli-rest-api against the simulated gateway.

A stand-in and an adapter by the same author can agree and both be wrong; ``pysignalclirestapi`` is by the author of the gateway.
"""

from __future__ import annotations

import re
import warnings

import pytest

from integrations import signal
from integrations.port import Accepted, Answer, Receipt, Timeouts
from integrations.testing.conformance import AT, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.signal_gateway import NUMBER, REFUSALS, SignalGateway, receipt, written

with warnings.catch_warnings():
    # Its docstrings escape what needs no escape, of which Python complains when it first compiles them.
    warnings.simplefilter("ignore")
    from pysignalclirestapi import SignalCliRestApi, SignalCliRestApiError

TO = "+15005550010"
MESSAGE = outbound(TO)
SECRETS = {"token": Held("marker-token")}


def settings(server: SignalGateway) -> signal.Settings:
    return signal.Settings(url=server.url, number=NUMBER)


def test_the_gateways_client_sends_a_message_and_gets_its_timestamp():
    with SignalGateway() as server:
        sent = SignalCliRestApi(server.url, NUMBER).send_message("Fire", [TO])
    assert server.sent[sent["timestamp"]]["message"] == "Fire"


@pytest.mark.parametrize("to", ["+15005550001", "+15005550002"])
def test_the_gateways_client_reads_the_refusal_of_the_simulated_server(to):
    with SignalGateway() as server:
        there = SignalCliRestApi(server.url, NUMBER)
        with pytest.raises(SignalCliRestApiError) as refused:
            there.send_message("Fire", [to])
    assert str(refused.value) == REFUSALS[to].format(number=to)


def test_the_gateways_client_gets_errors_for_unknown_numbers_and_limits():
    with SignalGateway() as server:
        there = SignalCliRestApi(server.url, "+15005550099")
        with pytest.raises(SignalCliRestApiError, match=re.escape("+15005550099")):
            there.send_message("Fire", [TO])
    # It asks what the gateway can do before it sends: once when it is made, twice with each message.
    with SignalGateway("accept", "accept", "accept", "throttle") as server:
        there = SignalCliRestApi(server.url, NUMBER)
        with pytest.raises(SignalCliRestApiError) as limited:
            there.send_message("Fire", [TO])
        assert str(limited.value) == REFUSALS["+15005550003"]
    assert server.sent == {}


def test_our_message_is_the_one_that_the_gateways_client_would_have_sent():
    with SignalGateway() as server:
        assert isinstance(signal.send(MESSAGE, settings(server), {}), Accepted)
        [ours] = server.heard
        SignalCliRestApi(server.url, NUMBER).send_message(
            ours.json["message"], TO, text_mode="normal", notify_self=None
        )
        theirs = server.heard[-1]
    plain = {name: value for name, value in theirs.json.items() if value not in ([], "", None)}
    assert (ours.method, ours.path, ours.json) == (theirs.method, theirs.path, plain)


def test_the_vendor_client_and_our_adapter_fetch_with_the_same_request():
    with SignalGateway() as server:
        server.waiting = [receipt("1795528920000"), written("OK")]
        theirs = SignalCliRestApi(server.url, NUMBER).receive(ignore_attachments=True, timeout=1)
        asked = server.heard[-1]
        server.waiting = [written("OK")]
        took: list[Receipt | Answer] = []

        def take(one: Receipt | Answer) -> bool:
            took.append(one)
            return True

        assert signal.collect(take, AT, Timeouts(), settings(server), SECRETS) == ""
        ours = server.heard[-1]
    assert [their["envelope"]["sourceNumber"] for their in theirs] == [TO, TO]
    assert theirs[0]["envelope"]["receiptMessage"]["timestamps"] == [1795528920000]
    assert [(receipt.sender, receipt.text) for receipt in took if isinstance(receipt, Answer)] == [(TO, "OK")]
    assert (ours.method, set(ours.query) <= set(asked.query)) == (asked.method, True)
    assert ours.query["timeout"] == asked.query["timeout"]
    assert ours.query["ignore_attachments"] == asked.query["ignore_attachments"]
