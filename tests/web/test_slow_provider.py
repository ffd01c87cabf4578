"""A provider that takes a message and says so when we no longer listen: the outcome is unknown, until it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.servers.postgres import BOTH_STORES
from tests.servers.stand_ins import slack, twilio
from tests.servers.stand_ins.stand_in import Heard, StandIn
from tests.web.at_provider import by_slack, by_twilio, opened
from tests.web.served import delivery

pytestmark = BOTH_STORES
LIMIT = "1s"
"""The shortest time that a channel can give an attempt: what the test waits for is the socket's own end."""


class Slow:
    """What a provider does to be slow: it neither keeps nor answers what it is sent before it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.taken = threading.Event()
        self.sent = 0
        super().__init__()

    def take(self, heard: Heard) -> tuple[int, object]:
        if not self.is_message(heard):
            return super().take(heard)  # type: ignore[misc]  # the stand-in's
        self.sent += 1
        assert self.go_on.wait(PATIENCE)
        answer = super().take(heard)  # type: ignore[misc]
        self.taken.set()
        return answer

    def is_message(self, heard: Heard) -> bool:
        raise NotImplementedError


class SlowTwilio(Slow, twilio.Twilio):
    def is_message(self, heard: Heard) -> bool:
        return heard.method == "POST"


class SlowSlack(Slow, slack.Slack):
    def is_message(self, heard: Heard) -> bool:
        return heard.path == "/chat.postMessage"


def limited(tocsin: AtDesk) -> None:
    """Let the one channel of the home wait no longer than the test wants to."""
    settings = tocsin.home / "tocsin.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("  adapter:", f"  timeout: {LIMIT}\n    adapter:"), encoding="utf-8")


@pytest.mark.parametrize(
    ("slow", "reach"),
    [
        (SlowTwilio, by_twilio),
        (SlowSlack, lambda tocsin, server: by_slack(tocsin, server, "C0INCIDENT")),
    ],
)
def test_a_late_answer_cannot_be_seen_so_the_outcome_is_unknown_until_the_provider_is_asked(
    tocsin: AtDesk,
    tmp_path: Path,
    slow: Callable[[], Any],
    reach: Callable[[AtDesk, StandIn], None],
) -> None:
    with slow() as server:
        reach(tocsin, server)
        limited(tocsin)
        opened(tocsin, tmp_path)
        found = delivery(tocsin)
        assert [attempt["state"] for attempt in found["attempts"]] == ["unknown"]
        assert (found["evidence"], found["state"]) == ("none", "active")
        assert "unknown" in tocsin.done("message", "show", found["delivery"])

        server.go_on.set()
        assert server.taken.wait(PATIENCE)
        tocsin.clock.advance(timedelta(seconds=10))
        tocsin("worker", "--once")
        found = delivery(tocsin)
        assert [attempt["state"] for attempt in found["attempts"]] == ["accepted"]
        assert (found["evidence"], bool(found["attempts"][0]["provider_id"])) == ("accepted", True)
        assert server.sent == 1, "who was asked about it is not sent it again"
