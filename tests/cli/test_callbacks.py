"""``tocsin serve-callbacks`` as a process of its own, and the list of addresses."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.cli.at_desk import AtDesk

CHAT = {
    "adapter": "slack",
    "settings": {"button": "Seen"},
    "secrets": {"token": "file:t", "signing": "file:s"},
}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_listens_on_the_loopback_and_stops_cleanly_when_it_is_told_to(
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
        [port] = re.findall(r"^listening on 127\.0\.0\.1:(\d+);", said)
        line = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        line.request("GET", "/")
        assert line.getresponse().status == 404
        line.close()
        child.send_signal(number)
        _, err = child.communicate(timeout=30)
    finally:
        child.kill()
    assert (child.returncode, err) == (0, "1 refused so far\nstopped listening\n")


@pytest.mark.parametrize("given", ["8750", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ":1"])
def test_what_is_no_address_is_refused_with_an_example(tocsin: AtDesk, given: str) -> None:
    said = tocsin("serve-callbacks", "--listen", given)
    assert (said.code, "as: --listen 127.0.0.1:8750" in said.err) == (2, True)


def test_the_list_shows_an_address_that_stays_for_each_channel_that_is_called_back(tocsin: AtDesk) -> None:
    channels = {**tocsin.channels["channels"], "chat": CHAT, "other": CHAT}
    tocsin.settings(channels=channels)
    first = tocsin("serve-callbacks", "--list", "--format", "json").json["callbacks"]
    assert [(one["channel"], one["adapter"]) for one in first] == [("chat", "slack"), ("other", "slack")]
    assert len({one["url"] for one in first}) == 2
    assert all(re.fullmatch(r"/in/[a-z2-7]{32}", one["url"]) for one in first)
    assert "set public_url in tocsin.yaml" in tocsin.done("serve-callbacks", "--list")
    tocsin.settings(channels=channels, public_url="https://callbacks.example.org/")
    then = tocsin("serve-callbacks", "--list", "--format", "json").json["callbacks"]
    assert [one["url"] for one in then] == [f"https://callbacks.example.org{one['url']}" for one in first]


def test_where_no_channel_is_called_back_the_list_says_so(tocsin: AtDesk) -> None:
    assert "no channel in tocsin.yaml is called back" in tocsin.done("serve-callbacks", "--list")
