"""``tocsin serve-callbacks`` as a process of its own, and the list of addresses."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.patience import PATIENCE

CHAT = {
    "adapter": "slack",
    "settings": {"button": "Seen"},
    "secrets": {"token": "file:t", "signing": "file:s"},
}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_callback_server_listens_on_loopback_and_stops_cleanly(
    tocsin: AtDesk, number: signal.Signals
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "runner", "serve-callbacks", "--listen", "127.0.0.1:0"],
        env={**os.environ, "TOCSIN_HOME": str(tocsin.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stderr is not None
        said = child.stderr.readline()
        [port] = re.findall(r"127\.0\.0\.1:(\d+)", said)
        line = http.client.HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE)
        line.request("GET", "/")
        assert line.getresponse().status == 404
        line.close()
        child.send_signal(number)
        _, err = child.communicate(timeout=PATIENCE)
    finally:
        child.kill()
    assert child.returncode == 0
    compare("callbacks-served", said.replace(port, "PORT") + err, tocsin.home)


@pytest.mark.parametrize("given", ["8750", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ":1"])
def test_an_invalid_listen_address_is_refused_with_an_example(tocsin: AtDesk, given: str) -> None:
    said = tocsin("serve-callbacks", "--listen", given)
    assert (said.code, said.error) == (2, "bad_address")
    assert "127.0.0.1:8750" in said.err


def test_the_list_shows_an_address_that_stays_for_each_channel_that_is_called_back(tocsin: AtDesk) -> None:
    channels = {**tocsin.channels["channels"], "chat": CHAT, "other": CHAT}
    tocsin.settings(channels=channels)
    first = tocsin("serve-callbacks", "--list", "--format", "json").json["callbacks"]
    assert [(callback["channel"], callback["adapter"]) for callback in first] == [
        ("chat", "slack"),
        ("other", "slack"),
    ]
    assert len({callback["url"] for callback in first}) == 2
    assert all(re.fullmatch(r"/in/[a-z2-7]{32}", callback["url"]) for callback in first)
    assert "public_url" in tocsin.done("serve-callbacks", "--list")
    tocsin.settings(channels=channels, public_url="https://callbacks.example.org/")
    then = tocsin("serve-callbacks", "--list", "--format", "json").json["callbacks"]
    assert [callback["url"] for callback in then] == [
        f"https://callbacks.example.org{callback['url']}" for callback in first
    ]
    assert "public_url" not in tocsin.done("serve-callbacks", "--list")


def test_the_callback_list_says_when_no_channel_has_callbacks(tocsin: AtDesk) -> None:
    assert tocsin("serve-callbacks", "--list", "--format", "json").json["callbacks"] == []
    assert "tocsin.yaml" in tocsin.done("serve-callbacks", "--list")


def told(desk: AtDesk) -> list[tuple[str, str]]:
    """Return what doctor says of callbacks: severity and the beginning of each finding."""
    found = desk("doctor", "--format", "json").json["findings"]
    return [(finding["severity"], finding["what"]) for finding in found if finding["area"] == "callbacks"]


def carrier(url: str) -> dict:
    settings = {"account": f"AC{'0' * 32}", "sender": "+15005550006"}
    return {
        "adapter": "twilio_sms",
        "settings": {**settings, "callback_url": url} if url else settings,
        "secrets": {"auth_token": "env:NONE"},
    }


def place(desk: AtDesk) -> str:
    listed = desk("serve-callbacks", "--list", "--format", "json").json["callbacks"]
    return next(callback["url"] for callback in listed if callback["channel"] == "text").partition("/in/")[2]


def test_an_address_that_is_served_is_not_remarked_upon(tocsin: AtDesk) -> None:
    public = "https://callbacks.example.org/tocsin/"
    tocsin.settings(channels={"text": carrier("")}, public_url=public)
    assert told(tocsin) == []
    tocsin.settings(channels={"text": carrier(f"{public}in/{place(tocsin)}")}, public_url=public)
    assert told(tocsin) == []
    tocsin.settings(channels={"text": carrier(f"https://other.example/x/in/{place(tocsin)}?a=b")})
    assert told(tocsin) == []


def test_an_address_at_which_nothing_is_served_for_the_channel_is_an_error(tocsin: AtDesk) -> None:
    public = "https://callbacks.example.org"
    tocsin.settings(channels={"text": carrier("")}, public_url=public)
    right = place(tocsin)
    said = []
    for path in (f"/in/{right}/", "/in/aaaabbbbccccddddeeeeffffgggghhhh", "/somewhere"):
        tocsin.settings(channels={"text": carrier(public + path)}, public_url=public)
        [(severity, what)] = told(tocsin)
        assert (severity, "callback_url" in what, right in what) == ("error", True, False)
        said.append(what)
    a_slash_too_much, another, none = said
    assert a_slash_too_much != another == none
    tocsin.settings(channels={"text": carrier("https://nowhere.example/hook")})
    assert [severity for severity, _ in told(tocsin)] == ["error"]


def test_an_address_on_another_machine_than_the_public_one_is_asked_about(tocsin: AtDesk) -> None:
    tocsin.settings(channels={"text": carrier("")}, public_url="https://callbacks.example.org")
    other = f"https://old.example.org/in/{place(tocsin)}"
    tocsin.settings(channels={"text": carrier(other)}, public_url="https://callbacks.example.org")
    [(severity, what)] = told(tocsin)
    assert severity == "warning"
    assert set(re.findall(r"https://[a-z.]+", what)) == {
        "https://old.example.org",
        "https://callbacks.example.org",
    }


def test_a_public_address_without_tls_is_an_error_save_on_this_machine(tocsin: AtDesk) -> None:
    tocsin.settings(public_url="http://callbacks.example.org")
    [(severity, what)] = told(tocsin)
    assert (severity, "public_url" in what, "https" in what) == ("error", True, True)
    for host in ("127.0.0.1:8750", "localhost:8750", "[::1]:8750"):
        tocsin.settings(public_url=f"http://{host}")
        assert told(tocsin) == []


def test_a_channel_awaiting_answers_without_a_public_url_is_reported(tocsin: AtDesk) -> None:
    tocsin.settings(channels={"chat": CHAT})
    [(severity, what)] = told(tocsin)
    assert (severity, "public_url" in what, "chat" in what) == ("warning", True, True)
