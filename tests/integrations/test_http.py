"""The one way to call HTTP: what it refuses to call, and what an answer means."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from integrations.http import (
    LONGEST_RETRY_AFTER,
    Reply,
    Request,
    exchange,
    json_object,
    judge,
    retry_after,
    url_problem,
)
from integrations.http.transport import checked, forbidden, lost
from integrations.port import NotSent, Rejected, Throttled, Timeouts, Unknown
from integrations.testing.chaos import ChaosServer, Talk, closed_port
from integrations.testing.conformance import IMPATIENT, answer

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)


def ask(url: str, **more) -> Request:
    return Request(method="POST", url=url, at=AT, timeouts=IMPATIENT, **more)


def reply(status: int, *, body: bytes = b"", complete: bool = True, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=body, complete=complete)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "file:///etc/passwd",
        "//host/x",
        "https://",
        "https://user:pw@host/",
        "https://host\\@evil/",
        "https://host/a b",
        "https://host/\r\nX: y",
        "https://[::1/",
        "https://host:99999/",
    ],
)
def test_urls_that_mean_something_else_than_they_say_are_refused(url):
    assert url_problem(url) != ""
    assert url not in url_problem(url)
    assert isinstance(exchange(ask(url)), Rejected)


def test_the_allow_list_names_hosts_or_hosts_with_ports():
    hosts = frozenset({"EDR.internal", "10.0.0.7:8443"})
    assert url_problem("https://edr.internal/x", hosts) == ""
    assert url_problem("https://EDR.INTERNAL.:444/x", hosts) == ""
    assert url_problem("https://10.0.0.7:8443/x", hosts) == ""
    assert url_problem("https://10.0.0.7/x", hosts) == "the host 10.0.0.7 is not on the allow-list"
    assert url_problem("https://edr.internal.evil/x", hosts) != ""
    assert url_problem("https://x/", frozenset()) != ""


@pytest.mark.parametrize(
    ("peer", "host", "wanted"),
    [
        ("169.254.169.254", "metadata.example", True),
        ("169.254.169.254", "169.254.169.254", True),
        ("fd00:ec2::254", "x", True),
        ("::ffff:169.254.169.254", "x", True),
        ("64:ff9b::169.254.169.254", "x", True),
        ("2002:a9fe:a9fe::1", "x", True),
        ("168.63.129.16", "x", True),
        ("fe80::1", "x", True),
        ("224.0.0.1", "x", True),
        ("0.0.0.0", "x", True),  # noqa: S104
        ("127.0.0.1", "rebound.example", True),
        ("::1", "rebound.example", True),
        ("127.0.0.1", "localhost", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "[::1]", False),
        ("127.0.0.1", "app.localhost", False),
        ("10.0.0.7", "edr.internal", False),
        ("192.0.2.1", "x", False),
    ],
)
def test_metadata_multicast_and_disguised_loopback_are_never_spoken_to(peer, host, wanted):
    assert forbidden(ipaddress.ip_address(peer), host) is wanted


def test_a_name_that_leads_to_the_loopback_is_refused_before_the_first_byte():
    with ChaosServer(Talk.stay_silent) as server:
        # 127.1 resolves to the loopback without saying so.
        outcome = exchange(ask(f"http://127.1:{server.port}/x", body=b"marker"))
    assert outcome == Rejected("address", "the host name resolves to a forbidden address", about="account")
    assert server.heard == b""


def test_a_certificate_that_does_not_hold_proves_that_nothing_was_sent():
    wrapped = requests.exceptions.SSLError(urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("x")))
    assert isinstance(lost(wrapped), NotSent)
    assert isinstance(lost(requests.exceptions.SSLError(ssl.SSLError("bad record"))), Unknown)


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": {"X-Marker": "a\r\nb"}},
        {"headers": {"X-Marker": "Grüße aus Łódź"}},
        {"headers": {"X-Märker": "a"}},
        {"method": "PO ST"},
        {"method": "PÖST"},
        {"url": f"http://{'a' * 64}.example/"},
        {"url": "http://a..example/"},
    ],
)
def test_a_request_that_cannot_be_formed_is_rejected_as_ours(wrong):
    def script(talk: Talk) -> None:
        talk.hear_request()
        talk.say(answer("204 No Content"))

    with ChaosServer(script) as server:
        asked = ask(f"http://127.0.0.1:{server.port}/")
        outcome = exchange(msgspec.structs.replace(asked, **wrong))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "request"
    assert server.heard == b""


def test_cookies_of_one_call_are_not_carried_to_the_next():
    def script(talk: Talk) -> None:
        while talk.hear_until(b"\r\n\r\n"):
            talk.lines.append(talk.heard)
            talk.heard = b""
            talk.say(answer("200 OK", "Set-Cookie: session=marker; Path=/"))

    with ChaosServer(script) as server:
        for _ in range(2):
            assert isinstance(exchange(ask(f"http://127.0.0.1:{server.port}/")), Reply)
        raw = b"".join(line for talk in server.talks for line in talk.lines)
    assert raw.count(b"POST / ") == 2
    assert b"marker" not in raw


CHILD = """
import sys
sys.path.insert(0, {root!r})
from datetime import UTC, datetime
from integrations.http import Request, exchange
print(exchange(Request(method="POST", url={url!r}, at=datetime(2026, 11, 24, tzinfo=UTC))))
"""


def test_proxies_and_credentials_of_the_environment_are_not_used(tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login marker password marker\n")
    netrc.chmod(0o600)
    environment = {
        **os.environ,
        "NETRC": str(netrc),
        "http_proxy": f"http://127.0.0.1:{closed_port()}",
        "HTTP_PROXY": f"http://127.0.0.1:{closed_port()}",
    }

    def script(talk: Talk) -> None:
        talk.hear_request()
        talk.say(answer("204 No Content"))

    with ChaosServer(script) as server:
        program = CHILD.format(root=str(ROOT), url=f"http://127.0.0.1:{server.port}/")
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
    assert done.stdout == "Reply(status=204, complete=True)\n"
    assert b"authorization" not in server.heard.lower()


def test_each_thread_has_its_own_connection_and_keeps_it():
    def script(talk: Talk) -> None:
        while talk.hear_until(b"\r\n\r\n"):
            talk.heard = b""
            talk.say(answer("200 OK", connection="keep-alive"))

    with ChaosServer(script) as server:
        url = f"http://127.0.0.1:{server.port}/"

        def twice() -> None:
            for _ in range(2):
                exchange(ask(url))

        threads = [threading.Thread(target=twice) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.talks) == 3


def test_the_whole_call_ends_within_its_limit_even_when_headers_drip():
    def script(talk: Talk) -> None:
        talk.hear_request()
        talk.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 1000)

    limits = Timeouts(read=timedelta(seconds=5), total=timedelta(seconds=0.3))
    with ChaosServer(script) as server:
        outcome = exchange(
            Request(method="GET", url=f"http://127.0.0.1:{server.port}/", at=AT, timeouts=limits)
        )
    assert not isinstance(outcome, Reply) or judge(outcome, AT) is not None


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (reply(200), type(None)),
        (reply(204, complete=False), Unknown),
        (reply(302), Rejected),
        (reply(401), Rejected),
        (reply(408), Unknown),
        (reply(425), Throttled),
        (reply(429), Throttled),
        (reply(500), Unknown),
        (reply(503), Unknown),
        (reply(503, retry_after="1"), Throttled),
        (reply(700), Unknown),
    ],
)
def test_a_status_gives_the_correct_outcome(said, wanted):
    assert isinstance(judge(said, AT), wanted)


def test_a_rejection_says_whether_it_is_about_us_or_about_the_message():
    ours, message = judge(reply(401), AT), judge(reply(422), AT)
    assert isinstance(ours, Rejected)
    assert isinstance(message, Rejected)
    assert (ours.about, message.about) == ("account", "message")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (reply(429, retry_after="7"), timedelta(seconds=7)),
        (reply(429, retry_after="0.5"), timedelta(seconds=0.5)),
        (reply(429, retry_after="-3"), timedelta(0)),
        (reply(429, retry_after="1e9"), timedelta(days=1)),
        (reply(429, retry_after="inf"), timedelta(days=1)),
        (reply(429, retry_after="nan"), None),
        (reply(429, retry_after="soon"), None),
        (reply(429, retry_after="Tue, 24 Nov 2026 14:02:09 GMT"), timedelta(seconds=9)),
        (reply(429, retry_after="Tue, 24 Nov 2026 14:00:00 GMT"), timedelta(0)),
        (
            reply(429, retry_after="Tue, 24 Nov 2026 15:00:09 GMT", date="Tue, 24 Nov 2026 15:00:00 GMT"),
            timedelta(seconds=9),
        ),
        (reply(429, retry_after="Tue, 24 Nov 2026 15:00:09 GMT", date="nonsense"), None),
        (reply(429, body=b'{"retry_after_ms": 4555}'), timedelta(seconds=4.555)),
        (reply(429, body=b'{"retry_after_ms": true}'), None),
        (reply(429, body=b'{"retry_after_ms": 1%s}' % (b"0" * 400)), LONGEST_RETRY_AFTER),
        (reply(429, body=b'{"retry_after_ms": -1%s}' % (b"0" * 400)), timedelta(0)),
        (reply(429, retry_after="2", body=b'{"retry_after_ms": 9000}'), timedelta(seconds=2)),
        (reply(429), None),
    ],
)
def test_retry_after_is_read_in_every_form_and_capped(said, wanted):
    assert retry_after(said, AT) == wanted


@given(st.text(max_size=40), st.binary(max_size=60))
def test_no_retry_after_whatsoever_breaks_us_or_waits_too_long(header, body):
    wait = retry_after(reply(429, retry_after=header, body=body), AT)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


def test_json_that_is_not_an_object_reads_as_an_empty_object():
    assert json_object(b"[1]") == {}
    assert json_object(b"{") == {}
    assert json_object(b"[" * 100_000) == {}
    assert json_object(b"\xff") == {}


def test_urls_headers_and_bodies_do_not_show_in_representations():
    shown = repr(ask("https://x/marker", headers={"A": "marker"}, body=b"marker")) + repr(
        reply(200, body=b"marker")
    )
    assert "marker" not in shown


def test_a_connection_that_its_peer_resets_at_once_is_closed_and_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        with contextlib.suppress(ConnectionError):
            connection.recv(1)
        with pytest.raises(NewConnectionError) as ended:
            checked(connection, HTTPConnection("127.0.0.1"))
    assert connection.fileno() == -1
    assert isinstance(lost(ended.value), NotSent)
