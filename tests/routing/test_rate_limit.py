"""Rate limits of an account, computed only from its use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.routing.messaging import Channel
from runner.routing.rate_limit import OPEN, consume, hold_until, prune, quotas, room
from runner.routing.traffic import Account, Rate, read_rate

T0 = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEW = Account()


def channel(name: str, *rates: str, account: str = "") -> Channel:
    return Channel(
        id=name,
        adapter="webhook",
        address_kind="none",
        domains=frozenset({name}),
        confidentiality="internal",
        personal_data="none",
        rates=tuple(map(read_rate, rates)),
        account=account or name,
    )


@pytest.mark.parametrize(
    ("text", "messages", "per", "burst"),
    [
        ("1/s", 1, SECOND, 1),
        ("20/min", 20, 60 * SECOND, 1),
        ("1/5s", 1, 5 * SECOND, 1),
        ("2000/day", 2000, timedelta(days=1), 1),
        ("12/min burst 60", 12, 60 * SECOND, 60),
        (" 3 / 2 h ", 3, timedelta(hours=2), 1),
    ],
)
def test_a_rate_is_written_as_people_say_it(text: str, messages: int, per: timedelta, burst: int) -> None:
    rate = read_rate(text)
    assert rate == Rate(messages=messages, per=per, burst=burst)
    assert read_rate(rate.text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "fast", "1", "/s", "0/s", "1/0s", "-1/s", "1/s burst 0", "1/month", "1/s\n2/s"],
)
def test_an_invalid_rate_is_refused_with_the_correct_form(text: str) -> None:
    with pytest.raises(ValueError) as found:  # noqa: PT011  # it is no error of ours, and its words are no matter
        read_rate(text)
    assert "MESSAGES/TIME" in str(found.value)


def test_one_message_leaves_at_once_and_the_next_after_the_gap() -> None:
    rates = (read_rate("20/min"),)
    assert room(NEW, rates, T0).free == 1
    after = consume(NEW, rates, 1, T0)
    assert room(after, rates, T0).free == 0
    assert room(after, rates, T0).opens_at == T0 + 3 * SECOND
    assert room(after, rates, T0 + 3 * SECOND).free == 1


def test_a_burst_leaves_at_once_and_comes_back_one_by_one() -> None:
    rates = (read_rate("12/min burst 60"),)
    assert room(NEW, rates, T0).free == 60
    assert room(NEW, rates, T0).opens_at == T0 + 5 * SECOND
    after = consume(NEW, rates, 60, T0)
    assert (room(after, rates, T0).free, room(after, rates, T0).opens_at) == (0, T0 + 5 * SECOND)
    assert room(after, rates, T0 + 14 * SECOND).free == 2
    assert room(after, rates, T0 + timedelta(hours=1)).free == 60


def test_the_slowest_of_several_rates_applies() -> None:
    rates = (read_rate("10/s burst 10"), read_rate("2/h burst 2"))
    assert room(NEW, rates, T0).free == 2
    after = consume(NEW, rates, 2, T0)
    assert room(after, rates, T0 + SECOND) == room(after, rates, T0)
    assert room(after, rates, T0).opens_at == T0 + timedelta(minutes=30)


def test_a_providers_word_holds_the_whole_account_and_is_never_shortened() -> None:
    account = hold_until(hold_until(NEW, T0 + 90 * SECOND), T0 + 5 * SECOND)
    quota = room(account, (read_rate("1/s"),), T0)
    assert (quota.free, quota.opens_at) == (0, T0 + 90 * SECOND)
    assert room(account, (read_rate("1/s"),), T0 + 90 * SECOND).free == 1


def test_an_account_without_rates_is_limited_only_while_deferred() -> None:
    mail = channel("mail")
    assert quotas([mail], {}, T0) == OPEN
    known = {"mail": hold_until(NEW, T0 + SECOND)}
    assert quotas([mail], known, T0).not_before({}) == {"mail": T0 + SECOND}
    assert quotas([mail], known, T0 + SECOND) == OPEN


def test_channels_of_one_account_share_its_rate_limit() -> None:
    both = [channel("sms", "1/s burst 2", account="carrier"), channel("voice", account="carrier")]
    found = quotas(both, {}, T0)
    assert found.not_before({}) == {}
    assert found.used_by(["sms", "voice", "mail"]) == {"carrier": 2}
    assert found.not_before({"carrier": 2}) == {"sms": T0 + SECOND, "voice": T0 + SECOND}
    assert found.without({"carrier": 1}).not_before({"carrier": 1}).keys() == {"sms", "voice"}


def test_expired_limits_are_removed() -> None:
    account = hold_until(consume(NEW, (read_rate("1/s"), read_rate("1/h")), 1, T0), T0 + SECOND)
    assert prune(account, T0) == account
    assert prune(account, T0 + 2 * SECOND) == Account(next_free={"1/h": T0 + timedelta(hours=1)})


@given(
    messages=st.integers(1, 50),
    per=st.integers(1, 600),
    burst=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 30)), max_size=60),
)
def test_no_stretch_of_a_rates_time_lets_more_through_than_it_says(
    messages: int, per: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    rate = Rate(messages=messages, per=per * SECOND, burst=burst)
    account, now, left = NEW, T0, list[datetime]()
    for pause, wanted in steps:
        now += timedelta(milliseconds=pause)
        free = room(account, (rate,), now).free
        assert free is not None
        number = min(free, wanted)
        account = consume(account, (rate,), number, now) if number else account
        left += [now] * number
    for start in left:
        assert sum(start <= one < start + rate.per for one in left) <= messages + burst - 1


@given(burst=st.integers(1, 9), used=st.integers(0, 9), passed=st.integers(0, 30_000))
def test_when_it_opens_there_is_room_and_not_before(burst: int, used: int, passed: int) -> None:
    rates = (Rate(messages=7, per=10 * SECOND, burst=burst),)
    account = consume(NEW, rates, min(used, burst), T0)
    now = T0 + timedelta(milliseconds=passed)
    quota = room(account, rates, now)
    assert quota.free is not None
    emptied = consume(account, rates, quota.free, now) if quota.free else account
    if quota.opens_at > now:
        assert room(emptied, rates, quota.opens_at - timedelta(microseconds=1)).free == 0
    assert room(emptied, rates, quota.opens_at).free >= 1
