"""Strangers always get the same empty answer; floods and broken stores have a bounded effect."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from integrations.port import Callback
from runner.web.app import Pace
from runner.web.serving import LARGEST, LARGEST_HEAD
from tests.cli.at_desk import T0, AtDesk
from tests.servers.stand_ins import twilio
from tests.web.at_provider import ADA, by_twilio, opened
from tests.web.served import Answered, Serving, address, delivery, serving


@pytest.fixture
def sent(tocsin: AtDesk, tmp_path: Path):
    """A message that went out by Twilio, and the server that takes its callbacks."""
    with twilio.Twilio() as provider:
        by_twilio(tocsin, provider)
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            yield tocsin, provider, served


def delivered(tocsin: AtDesk, provider: twilio.Twilio, **more: str) -> Callback:
    [sid] = provider.things
    return provider.status(sid, "delivered", tocsin.clock.now(), **more)


def test_every_refusal_is_the_same_answer_byte_for_byte(sent) -> None:
    tocsin, provider, served = sent
    good = delivered(tocsin, provider)
    place = address(tocsin, "phone")
    wrong = {**good.headers, "x-twilio-signature": "AAAA" + good.headers["x-twilio-signature"][4:]}
    tried: list[Answered] = [
        served.ask("GET", "/"),
        served.ask("POST", "/in/"),
        served.ask("POST", f"/in/{'a' * 32}", good.body, good.headers),
        served.ask("POST", f"/in/{'%ff' * 8}", good.body, good.headers),
        served.ask("GET", place),
        served.ask("POST", place),
        served.ask("DELETE", place, good.body, good.headers),
        served.call_back(msgspec.structs.replace(good, headers=wrong)),
        served.call_back(msgspec.structs.replace(good, body=good.body + b"&x=1")),
        served.call_back(msgspec.structs.replace(good, path=good.path + "1")),
        served.ask("POST", place, b"\xff\xfe" * 99, good.headers),
    ]
    first = {name: value for name, value in tried[0].headers.items() if name != "date"}
    for answered in tried:
        shown = {name: value for name, value in answered.headers.items() if name != "date"}
        assert (answered.status, answered.body, shown) == (404, b"not found\n", first)
    assert delivery(tocsin)["evidence"] == "accepted"
    assert served.said == ["1 refused so far", "10 refused so far"]


def test_an_answer_says_nothing_of_the_server_and_lets_nothing_run_or_be_kept(sent) -> None:
    _, _, served = sent
    headers = served.ask("GET", "/").headers
    assert "server" not in headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert served.ask("HEAD", "/").body == b""


def test_log_lines_about_a_callback_contain_none_of_its_data(sent) -> None:
    tocsin, provider, served = sent
    served.call_back(delivered(tocsin, provider))
    served.ask("POST", "/in/" + "b" * 32, b"a secret word", {"x-secret": "another"})
    told = " ".join(served.said)
    for secret in (ADA, *provider.things, address(tocsin, "phone"), "secret word", "another", "b" * 32):
        assert secret not in told


def test_a_body_or_head_beyond_the_bound_is_not_read(sent) -> None:
    tocsin, _, served = sent
    for target in (address(tocsin, "phone"), "/nowhere"):
        line = socket.create_connection(("127.0.0.1", served.port), timeout=20)
        with line:
            line.sendall(
                f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST + 1}\r\n\r\n".encode()
            )
            assert line.recv(99).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * LARGEST_HEAD)
        assert line.recv(99).partition(b" ")[2].startswith(b"431 ")


def test_bytes_that_are_no_request_end_the_connection_and_not_the_server(sent) -> None:
    _, _, served = sent
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as line:
        line.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert b"400" in line.recv(99)
    assert served.ask("GET", "/").status == 404


def test_callbacks_beyond_the_rate_limit_are_deferred_and_strangers_cannot_tell(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with twilio.Twilio() as provider:
        by_twilio(tocsin, provider)
        opened(tocsin, tmp_path)
        with serving(tocsin, Pace(1.0, 2)) as served:
            good = delivered(tocsin, provider)
            assert [served.call_back(good).status for _ in range(3)] == [200, 200, 503]
            assert served.call_back(good).headers["retry-after"] == "5"
            forged = msgspec.structs.replace(good, body=good.body + b"&x=1")
            assert served.call_back(forged).status == 404
            tocsin.clock.advance(timedelta(seconds=1))
            assert served.call_back(good).status == 200


def test_a_clock_that_jumps_back_fills_no_bucket() -> None:
    pace = Pace(1.0, 1)
    assert pace.allows(T0)
    assert not pace.allows(T0 - timedelta(hours=1))
    assert pace.allows(T0 - timedelta(hours=1) + timedelta(seconds=1))


def test_a_signed_callback_about_another_message_is_answered_and_changes_nothing(sent) -> None:
    tocsin, provider, served = sent
    good = delivered(tocsin, provider)
    before = tocsin.done("timeline")
    url = f"https://callbacks.example.org{address(tocsin, 'phone')}?key={'A' * 32}"
    fields = {"MessageSid": "SM" + "ff" * 16, "MessageStatus": "delivered", "AccountSid": twilio.ACCOUNT}
    assert served.call_back(twilio.signed(url, fields, tocsin.clock.now())).status == 200
    assert tocsin.done("timeline") == before
    assert served.call_back(good).status == 200
    assert delivery(tocsin)["evidence"] == "delivered"


class Early(twilio.Twilio):
    """A provider whose receipt is faster than its answer."""

    serving: Serving
    tocsin: AtDesk

    def take(self, heard):
        answer = super().take(heard)
        if heard.method == "POST" and hasattr(self, "serving"):
            [sid] = self.things
            self.got = self.serving.call_back(self.status(sid, "delivered", self.tocsin.clock.now()))
        return answer


@pytest.mark.parametrize("act", ["accept", "lose_answer"])
def test_a_receipt_that_is_faster_than_the_providers_own_answer_proves_the_same(
    tocsin: AtDesk, tmp_path: Path, act
) -> None:
    with Early(act) as provider:
        by_twilio(tocsin, provider)
        with serving(tocsin) as served:
            provider.serving, provider.tocsin = served, tocsin
            opened(tocsin, tmp_path)
    assert provider.got.status == 200
    found = delivery(tocsin)
    assert (found["evidence"], found["attempts"][0]["state"]) == ("delivered", "accepted")
