"""How refusals of a destination count, when it pauses, and when the whole campaign does."""

from __future__ import annotations

import msgspec
import pytest

from runner.decoding import from_json
from runner.incident.campaigns.destinations import CANCELS, Destination, recovered, refused, refusing


def test_what_an_earlier_version_kept_of_a_slow_destination_is_read() -> None:
    slow = {"held_until": "2026-11-24T09:30:00Z", "share": 0.25, "since": "2026-11-24T09:00:00Z"}
    known = {"readers": ["b-1-1"], "stopped": True, "code": "550 5.7.26"}
    assert from_json(msgspec.json.encode({**slow, **known}), Destination) == STOPPED


@pytest.mark.parametrize(
    ("large", "code", "needed"),
    [(True, "550 5.7.26", 1), (True, "5.7.515", 1), (True, "550 5.7.1", 2), (False, "550 5.7.26", 3)],
)
def test_refusals_of_so_many_readers_pause_a_destination(large: bool, code: str, needed: int) -> None:
    one, seen = Destination(), []
    for n in range(needed):
        one = refused(refused(one, f"b-1-{n}", "550 5.7.1", large=large), f"b-1-{n}", code, large=large)
        seen.append(one.stopped)
    assert seen == [False] * (needed - 1) + [True]
    assert refused(one, "b-1-9", "550 5.7.1", large=large) == recovered(one, 100) == one


def test_one_reader_counts_once_however_often_the_message_is_refused() -> None:
    one = Destination()
    for _ in range(8):
        one = refused(one, "b-1-3", "550 5.7.1", large=False)
    assert (len(one.readers), one.stopped) == (1, False)


def test_accepted_messages_cancel_refusals_so_a_strict_mailbox_now_and_then_pauses_nothing() -> None:
    one = Destination()
    for n in range(50):
        one = refused(one, f"b-1-{n}", "550 5.7.1", large=False)
        one = recovered(one, CANCELS // 2)
        one = recovered(one, CANCELS // 2)
    assert one == Destination()
    for n in range(3):
        one = recovered(refused(one, f"b-1-{n}", "550 5.7.1", large=False), CANCELS // 4)
    assert one.stopped


def small(campaign: str) -> Destination:
    return Destination(readers=(f"{campaign}-7",), code="550 5.7.1")


STOPPED = Destination(readers=("b-1-1",), stopped=True, code="550 5.7.26")


@pytest.mark.parametrize(
    ("large", "others", "tried", "pauses"),
    [
        (1, 0, 1, False),
        (2, 0, 100_000, True),
        (0, 4, 4, False),
        (0, 5, 5, True),
        (0, 5, 500, False),
        (1, 5, 599, True),
    ],
)
def test_the_campaign_pauses_last(large: int, others: int, tried: int, pauses: bool) -> None:
    assert bool(refusing("b-1", [STOPPED] * large, [small("b-1")] * others, tried)) is pauses


def test_refusals_of_another_campaign_do_not_pause_this_one() -> None:
    assert refusing("b-1", [], [small("b-1")] * 4 + [small("b-12")] * 4, 8) == ""
