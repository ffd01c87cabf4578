"""The checks for integrations find the mistakes that they are there for."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from integrations.port import Absent, Accepted, CannotTell, Found, NotSent, Rejected, Throttled, Unknown
from integrations.testing.conformance import Subject, check, outbound, rows
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.scripted import ABLE, NoSettings, ScriptedChannel

ROWS = {row.name: row for row in rows("http")}


class Says(ScriptedChannel):
    """An adapter that answers the same, whatever happens."""

    def __init__(self, outcome) -> None:
        super().__init__()
        self._outcome = outcome

    def send(self, outbound, settings, secrets):
        return self._outcome


def found(row: str, outcome) -> str:
    subject = Subject(
        adapter=Says(outcome),
        transport="http",
        settings=lambda *_: NoSettings(),
        recipient="marker@people.example",
        secrets={"token": Held("marker-token")},
    )
    return check(ROWS[row], subject)


@pytest.mark.parametrize(
    ("row", "outcome", "wanted"),
    [
        ("no answer", Unknown("lost", "answer"), ""),
        ("no answer", NotSent("gone"), "the outcome is NotSent(reason='gone'), not Unknown"),
        ("no answer", Unknown("MARKER-TEXT-4711", "answer"), "the outcome repeats the message"),
        ("no answer", Unknown("no marker@people.example", "answer"), "the outcome repeats the address"),
        ("no answer", Unknown("marker-token is bad", "answer"), "the outcome repeats a secret"),
        ("429 in seconds", Throttled(timedelta(seconds=7), "later"), ""),
        ("429 in seconds", Throttled(None, "later"), "retry_after is None, not 0:00:07"),
        ("4xx", Rejected("400", "no"), ""),
        ("success", Accepted("x"), ""),
    ],
)
def test_an_outcome_is_compared_with_its_row(row, outcome, wanted):
    assert found(row, outcome) == (f"http: {row}: {wanted}" if wanted else "")


class Talkative(ScriptedChannel):
    """An adapter that writes what it does into a log, at a level that is usually not kept, or with a traceback."""

    def __init__(self, text: str, *, broken: bool = False) -> None:
        super().__init__()
        self._text, self._broken = text, broken

    def send(self, outbound, settings, secrets):
        log = logging.getLogger("integrations.talkative")
        try:
            raise ValueError(self._text)
        except ValueError as error:
            log.debug("it went wrong: %s", "" if self._broken else error, exc_info=self._broken)
        return Unknown("lost", "answer")


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("to marker@people.example", "a log repeats the address"),
        ("with marker-token", "a log repeats a secret"),
        ("said MARKER-TEXT-4711", "a log repeats the message"),
        ("it was nothing", ""),
    ],
)
def test_log_lines_are_checked_like_the_outcome(text: str, wanted: str, broken: bool):
    subject = Subject(
        adapter=Talkative(text, broken=broken),
        transport="http",
        settings=lambda *_: NoSettings(),
        recipient="marker@people.example",
        secrets={"token": Held("marker-token")},
    )
    assert check(ROWS["no answer"], subject) == (f"http: no answer: {wanted}" if wanted else "")


def test_the_providers_id_is_compared_where_the_row_knows_it():
    (row,) = [row for row in rows("smtp") if row.provider_id]
    subject = Subject(
        adapter=Says(Accepted("else")), transport="smtp", settings=lambda *_: NoSettings(), recipient="nobody"
    )
    assert check(row, subject) == f"{row}: the provider's id is 'else', not '4bXyZ1'"


def test_the_scripted_channel_takes_a_repeated_key_once_where_it_honours_it():
    message = outbound("alice")
    for idempotency, effects in (("key", 1), ("none", 2)):
        channel = ScriptedChannel(
            ["lose_answer"], able=msgspec.structs.replace(ABLE, idempotency=idempotency)
        )
        assert isinstance(channel.send(message, NoSettings(), {}), Unknown)
        assert channel.send(message, NoSettings(), {}) == Accepted(f"scripted-{effects}")
        assert (len(channel.sent), len(channel.taken)) == (2, effects)


def test_the_scripted_channel_can_be_asked_where_it_says_so():
    channel = ScriptedChannel(
        ["lose_request", "lose_answer"], able=msgspec.structs.replace(ABLE, reconcile="query")
    )
    message = outbound("alice")
    channel.send(message, NoSettings(), {})
    assert channel.reconcile(message, NoSettings(), {}) == Absent()
    channel.send(message, NoSettings(), {})
    assert channel.reconcile(message, NoSettings(), {}) == Found("scripted-1")
    assert isinstance(ScriptedChannel().reconcile(message, NoSettings(), {}), CannotTell)
