"""Receipts in any order: evidence only rises, and a failure changes only its own attempt."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import NotFound
from runner.incident.messages.failover import idempotency_key
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Delivery
from runner.incident.state.messages import ReceiptTaken
from runner.routing.messaging import EVIDENCE, MessageClass, SendResult
from tests.refusals import refused
from tests.scenario import HOUR, MINUTE, World, message

ONE = {"lead": "ann"}
ALERT = MessageClass(name="alert", goal="delivered", fail_over_after=5 * MINUTE, stale_after=12 * HOUR)
NAMED = SendResult(state="accepted", provider_id="SM1", evidence="accepted")
LOST = SendResult(state="unknown", reason="no answer", phase="answer")
KINDS = ("accepted", "relayed", "delivered", "read", "failed")


def world(*outcomes: SendResult, channels: tuple[str, ...] = ("sms",), **more: object) -> World:
    found = World(message("m"), roles=ONE, message_class=more.get("kind", ALERT), channels=channels)
    found.outcomes["sms"] = [*outcomes]
    found.work()
    return found


def receipt(kind: str, n: int = 1, *, part: str = "", event: str = "", code: str = "") -> c.TakeReceipt:
    return c.TakeReceipt(
        event=ReceiptTaken(
            delivery="d1-ann", n=n, kind=kind, event=event or f"{kind}{part}", part=part, code=code
        )
    )


def delivery(found: World) -> Delivery:
    return found.incident.deliveries["d1-ann"]


def test_a_receipt_raises_the_evidence_and_ends_a_satisfied_delivery() -> None:
    found = world(NAMED)
    assert (delivery(found).evidence, delivery(found).state) == ("accepted", "active")
    said = found.give(receipt("delivered"))
    assert [type(event) for event in said[:2]] == [e.ReceiptTaken, e.DeliveryEnded]
    assert (delivery(found).evidence, delivery(found).state) == ("delivered", "satisfied")


def test_a_repeated_receipt_creates_no_event() -> None:
    found = world(NAMED)
    found.give(receipt("relayed"))
    assert found.give(receipt("relayed")) == []
    assert found.give(receipt("relayed", event="another name for the same")) == []


@pytest.mark.parametrize("order", list(permutations(("accepted", "delivered", "read"))))
def test_the_order_of_receipts_does_not_matter(order: tuple[str, ...]) -> None:
    found = world(NAMED)
    for kind in order:
        found.give(receipt(kind))
    assert delivery(found).evidence == "read"


def test_a_late_failure_changes_its_attempt_alone_and_the_next_channel_opens_at_once() -> None:
    found = world(NAMED, channels=("sms", "mail"))
    found.give(receipt("failed", code="30003"))
    assert delivery(found).attempts[0].state == "rejected"
    assert "30003" in delivery(found).attempts[0].reason
    assert delivery(found).evidence == "accepted"
    found.work()
    assert [attempt.channel for attempt in delivery(found).attempts] == ["sms", "mail"]


def test_a_failure_that_comes_after_the_proof_takes_nothing_back() -> None:
    found = world(NAMED)
    found.give(receipt("delivered"))
    found.give(receipt("failed"))
    assert (delivery(found).evidence, delivery(found).attempts[0].state) == ("delivered", "accepted")
    assert delivery(found).state == "satisfied"


@pytest.mark.parametrize("order", list(permutations((("delivered", "A"), ("failed", "B")))))
def test_a_part_that_failed_fails_the_message_although_another_part_arrived(
    order: tuple[tuple[str, str], ...],
) -> None:
    found = world(
        SendResult(state="accepted", provider_id="A B", evidence="accepted"), channels=("sms", "mail")
    )
    for kind, part in order:
        found.give(receipt(kind, part=part))
    assert (delivery(found).attempts[0].state, delivery(found).evidence) == ("rejected", "accepted")
    found.work()
    assert [attempt.channel for attempt in delivery(found).attempts] == ["sms", "mail"]


def test_a_receipt_settles_an_attempt_with_an_unknown_outcome() -> None:
    found = world(LOST)
    assert delivery(found).attempts[0].state == "unknown"
    found.give(receipt("accepted", part="SM7"))
    assert (delivery(found).attempts[0].state, delivery(found).attempts[0].provider_id) == ("accepted", "SM7")
    assert delivery(found).evidence == "accepted"


def test_a_receipt_answers_the_question_that_a_person_was_asked() -> None:
    asking = MessageClass(name="ask", goal="delivered", on_unknown="ask", duplicate_tolerance="harmful")
    found = world(LOST, kind=asking)
    assert delivery(found).stuck
    found.give(receipt("accepted"))
    assert not delivery(found).stuck


@pytest.mark.parametrize(
    ("before", "outcome", "state", "evidence"),
    [
        ("delivered", LOST, "accepted", "delivered"),
        ("delivered", NAMED, "accepted", "delivered"),
        ("accepted", LOST, "accepted", "accepted"),
        ("failed", LOST, "rejected", "none"),
        ("failed", NAMED, "rejected", "accepted"),
    ],
)
def test_a_receipt_that_comes_before_our_own_commit_of_the_outcome_holds(
    before: str, outcome: SendResult, state: str, evidence: str
) -> None:
    world = World(message("m"), roles=ONE, message_class=ALERT, channels=("sms",))
    world.perform(*world.claim())
    [work] = world.claim()
    world.give(receipt(before))
    assert delivery(world).attempts[0].state == "sending"
    world.give(c.AttemptDone(effect="d1-ann", n=work.n, result=outcome))
    assert (delivery(world).attempts[0].state, delivery(world).evidence) == (state, evidence)


def test_an_attempt_with_a_receipt_counts_as_accepted_after_its_worker_died() -> None:
    world = World(message("m"), roles=ONE, message_class=ALERT, channels=("sms",))
    world.perform(*world.claim())
    world.claim()
    world.give(receipt("relayed"))
    world.crash()
    world.recover()
    assert (delivery(world).attempts[0].state, delivery(world).evidence) == ("accepted", "relayed")


def test_a_message_in_parts_has_come_as_far_as_the_part_that_is_furthest_behind() -> None:
    found = world(SendResult(state="accepted", provider_id="a b c", evidence="accepted"))
    found.give(receipt("delivered", part="a"))
    found.give(receipt("delivered", part="b"))
    assert delivery(found).evidence == "accepted"
    found.give(receipt("delivered", part="c"))
    assert delivery(found).evidence == "delivered"


def test_a_receipt_for_an_earlier_send_proves_nothing_for_the_new_one() -> None:
    found = world(NAMED)
    found.give(c.Resend(delivery="d1-ann", reason="lost the phone"), by="cid")
    found.give(receipt("delivered"))
    assert delivery(found).evidence == "none"


def test_a_receipt_brings_back_a_delivery_that_was_given_up() -> None:
    found = world(NAMED)
    found.advance(13 * HOUR)
    assert delivery(found).state == "exhausted"
    found.give(receipt("delivered"))
    assert delivery(found).state == "satisfied"


def test_a_receipt_is_recorded_after_the_incident_ended() -> None:
    found = world(NAMED)
    found.give(c.CancelIncident(reason="a mistake"), by="cid")
    found.give(receipt("delivered"))
    assert delivery(found).evidence == "delivered"


def test_a_receipt_of_an_attempt_that_is_not_there_is_refused() -> None:
    found = world(NAMED)
    with refused("unknown_attempt", NotFound) as error:
        found.give(receipt("delivered", n=9))
    assert ("9" in error.value.message, "d1-ann" in error.value.message) == (True, True)


@given(st.lists(st.sampled_from(KINDS), max_size=8), st.integers(0, 8), st.booleans())
def test_receipts_in_any_order_only_raise_evidence_and_replay_agrees(
    kinds: list[str], outcome_at: int, answered: bool
) -> None:
    world = World(message("m"), roles=ONE, message_class=ALERT, channels=("sms",))
    world.perform(*world.claim())
    [work] = world.claim()
    proved = [delivery(world).evidence]
    for place, kind in enumerate([*kinds, ""]):
        if place == min(outcome_at, len(kinds)):
            world.give(c.AttemptDone(effect="d1-ann", n=work.n, result=NAMED if answered else LOST))
        if kind:
            world.give(receipt(kind))
        world.advance(timedelta(seconds=1))
        proved.append(delivery(world).evidence)
    ranks = [EVIDENCE.index(one) for one in proved]
    assert ranks == sorted(ranks)
    highest = max((EVIDENCE.index(kind) for kind in kinds if kind != "failed"), default=0)
    assert ranks[-1] == max(highest, 1 if answered else 0)
    assert world.replayed() == world.incident
    assert delivery(world).attempts[0].key == idempotency_key(
        "d1-ann", "sms", world.incident.messages[delivery(world).message].body, 0
    )
