"""The next action for one delivery, computed from its attempts only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.incident.messages.failover import (
    AskPerson,
    DeliveryContext,
    Exhausted,
    Policy,
    Remind,
    Satisfied,
    Send,
    WaitUntil,
    idempotency_key,
    next_move,
    pause,
)
from runner.incident.state.incident import Attempt, Delivery
from runner.routing.messaging import MessageClass

START = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
BODY = "b" * 64
PLAIN = MessageClass(name="plain", fail_over_after=timedelta(minutes=30))


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def effort(message: MessageClass = PLAIN, **keys: timedelta | None) -> DeliveryContext:
    return DeliveryContext(message=message, body_sha256=BODY, started_at=START, key_lifetimes=keys)


def delivery(*attempts: Attempt, channels=("mail", "hook"), **more) -> Delivery:
    given = {"message": "m1", "step": "s", "person": "alice", "refusals": (), "goal": "accepted", **more}
    return Delivery(id="d1", channels=channels, attempts=attempts, **given)


def attempt(
    n: int, channel: str, state: str, at: datetime = START, *, generation: int = 0, **more
) -> Attempt:
    ended = None if state == "sending" else at
    key = idempotency_key("d1", channel, BODY, generation)
    return Attempt(
        n=n, key=key, worker="w", started_at=at, state=state, channel=channel, ended_at=ended, **more
    )


def send(n: int, channel: str, generation: int = 0) -> Send:
    return Send(channel, n, idempotency_key("d1", channel, BODY, generation))


def cause(action: object) -> str:
    assert isinstance(action, Exhausted)
    return action.cause


def test_the_first_channel_is_tried_first():
    assert next_move(delivery(), effort(), START) == send(1, "mail")


def test_the_key_is_one_for_a_channel_a_body_and_a_generation():
    key = idempotency_key("d1", "mail", BODY, 0)
    assert len(key) == 32
    assert set(key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    others = {
        idempotency_key("d2", "mail", BODY, 0),
        idempotency_key("d1", "hook", BODY, 0),
        idempotency_key("d1", "mail", "c" * 64, 0),
        idempotency_key("d1", "mail", BODY, 1),
    }
    assert key not in others
    assert len(others) == 4


def test_sufficient_evidence_ends_the_delivery():
    assert next_move(delivery(goal="delivered", evidence="read"), effort(), START) == Satisfied()


def test_an_open_attempt_delays_the_next_channel():
    found = next_move(delivery(attempt(1, "mail", "sending")), effort(), minutes(1))
    assert found == WaitUntil(START + Policy().attempt_limit)


def test_an_attempt_beyond_its_limit_does_not_hide_when_the_next_channel_opens():
    one = delivery(attempt(1, "mail", "sending"))
    assert next_move(one, effort(), minutes(10)) == WaitUntil(minutes(30))
    assert next_move(one, effort(), minutes(30)) == send(2, "hook")


def test_the_last_attempt_beyond_its_limit_is_not_the_end():
    one = delivery(attempt(1, "mail", "sending"), channels=("mail",))
    assert next_move(one, effort(), minutes(10)) == WaitUntil(START + PLAIN.stale_after)


def test_a_rejected_attempt_opens_the_next_channel_at_once():
    assert next_move(delivery(attempt(1, "mail", "rejected")), effort(), START) == send(2, "hook")


def test_an_attempt_that_was_not_sent_opens_the_next_channel_at_once():
    assert next_move(delivery(attempt(1, "mail", "not_sent")), effort(), START) == send(2, "hook")


def test_an_unsent_attempt_without_alternatives_is_retried_after_a_pause():
    one = delivery(attempt(1, "mail", "not_sent"), attempt(2, "hook", "rejected"))
    found = next_move(one, effort(), START)
    assert isinstance(found, WaitUntil)
    assert timedelta(seconds=1) <= found.instant - START <= timedelta(seconds=2)
    assert next_move(one, effort(), found.instant) == send(3, "mail")


def test_pauses_double_up_to_a_limit_and_are_never_short():
    policy = Policy()
    key = idempotency_key("d1", "mail", BODY, 0)
    waits = [pause(key, n, policy) for n in range(1, 30)]
    windows = [min(timedelta(seconds=2) * 2 ** (n - 1), timedelta(minutes=5)) for n in range(1, 30)]
    assert all(window / 2 <= wait <= window for wait, window in zip(waits, windows, strict=True))
    assert pause(key, 3, policy) == pause(key, 3, policy)
    assert pause(key, 3, policy) != pause("other", 3, policy)


def test_a_throttled_channel_is_tried_again_exactly_when_the_provider_said():
    again = minutes(3)
    one = delivery(attempt(1, "mail", "throttled", retry_at=again))
    assert next_move(one, effort(), minutes(1)) == WaitUntil(again)
    assert next_move(one, effort(), again) == send(2, "mail")


def test_a_throttle_beyond_the_channels_time_fails_over_at_once():
    one = delivery(attempt(1, "mail", "throttled", retry_at=minutes(60)))
    assert next_move(one, effort(), START) == send(2, "hook")


def test_an_unanswered_attempt_is_repeated_with_the_same_key_where_the_channel_honours_it():
    harmful = msgspec.structs.replace(PLAIN, on_unknown="ask")
    one = delivery(attempt(1, "mail", "unknown"))
    waiting = next_move(one, effort(harmful, mail=None), START)
    assert isinstance(waiting, WaitUntil)
    assert next_move(one, effort(harmful, mail=None), waiting.instant) == send(2, "mail")


def test_a_key_that_the_channel_has_forgotten_protects_nothing():
    harmful = msgspec.structs.replace(PLAIN, on_unknown="ask")
    one = delivery(attempt(1, "mail", "unknown"))
    found = next_move(one, effort(harmful, mail=timedelta(seconds=1)), minutes(5))
    assert isinstance(found, AskPerson)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [("failover", send(2, "hook")), ("retry", send(2, "mail")), ("wait_then_retry", send(2, "mail"))],
)
def test_without_a_key_the_class_decides_over_the_unknown(policy, wanted):
    message = msgspec.structs.replace(PLAIN, on_unknown=policy)
    assert next_move(delivery(attempt(1, "mail", "unknown")), effort(message), minutes(5)) == wanted


def test_a_retry_of_the_unknown_may_first_wait_for_a_receipt():
    message = msgspec.structs.replace(PLAIN, on_unknown="wait_then_retry")
    found = next_move(delivery(attempt(1, "mail", "unknown")), effort(message), START)
    assert isinstance(found, WaitUntil)
    assert found.instant >= START + Policy().receipt_window


def test_an_unknown_outcome_of_a_message_that_must_not_repeat_needs_a_person():
    message = msgspec.structs.replace(PLAIN, on_unknown="ask", first_wave=1)
    found = next_move(delivery(attempt(4, "mail", "unknown")), effort(message), minutes(90))
    assert isinstance(found, AskPerson)
    assert (found.channel, found.n) == ("mail", 4)


def test_a_resolution_by_a_person_continues_the_delivery():
    message = msgspec.structs.replace(PLAIN, on_unknown="ask")
    absent = delivery(attempt(1, "mail", "not_sent", resolved_by="carol"))
    left = delivery(attempt(1, "mail", "unknown", resolved_by="carol"))
    assert next_move(absent, effort(message), START) == send(2, "hook")
    assert next_move(left, effort(message), START) == send(2, "hook")


def test_acceptance_is_not_the_goal_so_time_runs_on_to_the_next_channel():
    one = delivery(attempt(1, "mail", "accepted"), goal="acked", evidence="accepted")
    assert next_move(one, effort(), minutes(29)) == WaitUntil(minutes(30))
    assert next_move(one, effort(), minutes(30)) == send(2, "hook")


def test_a_delivery_without_evidence_of_its_goal_ends_with_a_person():
    one = delivery(
        attempt(1, "mail", "accepted"),
        attempt(2, "hook", "accepted", minutes(30)),
        goal="acked",
        evidence="accepted",
    )
    assert next_move(one, effort(), minutes(59)) == WaitUntil(minutes(60))
    assert cause(next_move(one, effort(), minutes(60))) == "goal_unmet"


def test_the_first_wave_uses_several_channels_at_once():
    urgent = msgspec.structs.replace(PLAIN, first_wave=2)
    one = delivery(attempt(1, "mail", "sending"), channels=("mail", "hook", "sms"), goal="acked")
    assert next_move(one, effort(urgent), START) == send(2, "hook")
    both = delivery(
        attempt(1, "mail", "accepted"),
        attempt(2, "hook", "accepted"),
        channels=("mail", "hook", "sms"),
        goal="acked",
    )
    assert next_move(both, effort(urgent), minutes(29)) == WaitUntil(minutes(30))
    assert next_move(both, effort(urgent), minutes(30)) == send(3, "sms")


def test_downtime_is_not_made_up_by_a_burst():
    late = minutes(300)
    channels = ("mail", "hook", "sms")
    first = delivery(attempt(1, "mail", "accepted", late), channels=channels, goal="acked")
    assert next_move(delivery(channels=channels, goal="acked"), effort(), late) == send(1, "mail")
    assert next_move(first, effort(), late) == WaitUntil(late + timedelta(minutes=30))


def test_a_stale_message_is_not_sent():
    message = msgspec.structs.replace(PLAIN, stale_after=timedelta(hours=4))
    found = next_move(delivery(), effort(message), minutes(240))
    assert cause(found) == "stale"
    waiting = next_move(
        delivery(attempt(1, "mail", "throttled", retry_at=minutes(900)), channels=("mail",)),
        effort(message),
        START,
    )
    assert waiting == WaitUntil(minutes(240))


def test_a_plan_without_channels_is_at_its_end():
    found = next_move(delivery(channels=()), effort(), START)
    assert cause(found) == "no_channel"


def test_every_channel_refused_is_the_end():
    one = delivery(attempt(1, "mail", "rejected"), attempt(2, "hook", "rejected"))
    assert cause(next_move(one, effort(), START)) == "tried_all"


def test_send_again_is_a_new_key_that_forgets_the_attempts_before():
    one = delivery(attempt(1, "mail", "rejected"), attempt(2, "hook", "rejected"), generation=1)
    assert next_move(one, effort(), START) == send(3, "mail", generation=1)


def test_channels_that_left_the_plan_count_for_nothing():
    one = delivery(attempt(1, "chat", "unknown"), channels=("mail",))
    assert next_move(one, effort(msgspec.structs.replace(PLAIN, on_unknown="ask")), START) == send(2, "mail")


STATES = st.sampled_from(["accepted", "rejected", "throttled", "not_sent", "unknown"])
CLASSES = st.builds(
    MessageClass,
    name=st.just("m"),
    on_unknown=st.sampled_from(["retry", "wait_then_retry", "failover", "ask"]),
    first_wave=st.integers(1, 3),
    fail_over_after=st.sampled_from([timedelta(minutes=5), timedelta(hours=1)]),
    stale_after=st.sampled_from([timedelta(minutes=10), timedelta(hours=24)]),
    remind_after=st.sampled_from([None, timedelta(minutes=7), timedelta(hours=2)]),
    reminders=st.integers(0, 3),
)


@given(CLASSES, st.lists(STATES, max_size=60), st.sampled_from(["accepted", "acked"]), st.booleans())
def test_a_delivery_always_ends_and_never_resends_against_its_class(message, outcomes, goal, keys):
    world = effort(message, **({"a": None} if keys else {}))
    now, one = START, delivery(channels=("a", "b", "c"), goal=goal)
    answers = iter(outcomes)
    for _ in range(400):
        match next_move(one, world, now):
            case Send(channel=channel, n=n, key=key):
                mine = idempotency_key("d1", channel, BODY, 0, one.reminders)
                before = [t for t in one.attempts if t.channel == channel and t.key == mine]
                assert n == len(one.attempts) + 1
                assert key == mine
                assert not any(t.state in {"accepted", "rejected"} for t in before)
                doubtful = any(t.state == "unknown" for t in before)
                assert (
                    not doubtful
                    or message.on_unknown in {"retry", "wait_then_retry"}
                    or channel in world.key_lifetimes
                )
                made = attempt(n, channel, next(answers, "not_sent"), now)
                made = msgspec.structs.replace(made, key=key)
                evidence = "accepted" if made.state == "accepted" else one.evidence
                one = msgspec.structs.replace(one, attempts=(*one.attempts, made), evidence=evidence)
            case WaitUntil(instant=instant):
                assert instant > now
                now = instant
            case Remind(count=count):
                assert count == one.reminders + 1 <= message.reminders
                one = msgspec.structs.replace(one, reminders=count, reminded_at=now)
                world = msgspec.structs.replace(world, started_at=now, fresh_from=START)
            case AskPerson():
                assert message.on_unknown == "ask"
                return
            case Satisfied() | Exhausted():
                return
    pytest.fail("the delivery does not end")
