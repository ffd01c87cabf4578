"""Channels to a person, duration of a plan, outcomes and brakes of a campaign, and lines of substitute notice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.base.states import Refusal
from runner.incident.campaigns.campaign import REACHED, Campaign, Contact, Counters, Ground, Owed, Tally
from runner.incident.campaigns.decide import crossed
from runner.incident.campaigns.eligible_channels import asleep_at, eligible_channels, next_waking_hour
from runner.incident.campaigns.pacing import canary_size, chunk_size, describe, feasibility
from runner.incident.campaigns.transitions import after, alarm, back_off, higher
from runner.incident.notices.letters import Group, Person
from runner.routing.messaging import SendResult
from runner.routing.traffic import read_rate

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
OFFERS = {"email": None, "sms": None}


def ground(place: str = "DE", **changes) -> Ground:
    group = Group(
        jurisdiction=place,
        population="",
        duty="law/people",
        notice="letter",
        version="1",
        text="t",
        status="final",
    )
    return Ground(**{"group": group, "regime": "law", **changes})


def contact(**changes) -> Contact:
    person = Person(reference="K1", name="Ada", address=changes.pop("address", "1 Elm Road"))
    known = {"email": "ada@people.example", "phone": "+15005550006", "sms_consent": True}
    return Contact(person=person, **{**known, **changes})


def campaign(**changes) -> Campaign:
    known = {
        "id": "b-1",
        "incident": "i-1",
        "notice": "letter",
        "list_name": "people.csv",
        "list_sha256": "",
        "planned_at": NOW,
        "by": "maria",
        "grounds": (ground(due=NOW + timedelta(hours=5)),),
        "channels": {"email": "relay", "sms": "text"},
        "canary": 500,
    }
    return Campaign(**{**known, **changes})


LAW = [
    # place, forms, basis, by mail?
    ("DE", ("direct_message", "letter"), (), True),
    ("DE", (), (), True),
    ("US-MA", ("letter", "electronic_esign"), (), False),
    ("US-MA", ("letter", "electronic_esign"), ("primary",), False),
    ("US-MA", ("letter", "electronic_esign"), ("esign",), True),
    ("US-CO", ("letter", "electronic", "telephone"), (), False),
    ("US-CO", ("letter", "electronic", "telephone"), ("primary",), True),
    ("CA", ("letter", "electronic"), (), True),
    ("US-CA", ("letter", "email_if_agreed"), ("esign",), False),
    ("US-CA", ("letter", "email_if_agreed"), ("agreed",), True),
    ("JP", ("public_communication",), (), False),
]


@pytest.mark.parametrize(("place", "forms", "basis", "mail"), LAW)
def test_mail_goes_where_the_law_of_the_place_lets_it(place, forms, basis, mail) -> None:
    found = eligible_channels(contact(basis=frozenset(basis)), ground(place, forms=forms), OFFERS, {})
    assert ("email" in found.ways) is mail


@pytest.mark.parametrize(
    ("changes", "rule", "way"),
    [
        ({"email_breached": True}, "R21", "email"),
        ({"sms_consent": False}, "R25", "sms"),
        ({"deceased": True}, "R22", "email"),
        ({"email": ""}, "contact", "email"),
        ({"address": ""}, "contact", "post"),
    ],
)
def test_a_blocked_channel_names_its_rule(changes, rule, way) -> None:
    found = eligible_channels(contact(**changes), ground(forms=("direct_message",)), OFFERS, {})
    assert way not in found.ways
    assert (way, rule) in [(refusal.channel, refusal.rule) for refusal in found.refusals]


def test_the_planner_and_the_stop_list_remove_channels_but_not_the_letter() -> None:
    refusal = Refusal(channel="relay", rule="R1", why="compromised")
    found = eligible_channels(contact(), ground(), {"email": refusal, "sms": None}, {"sms": "stop"})
    assert found.ways == ("post",)
    assert [refusal.rule for refusal in found.refusals] == ["R1", "R32"]


def test_a_group_with_breached_mailboxes_gets_no_email() -> None:
    assert eligible_channels(contact(), ground(breached=frozenset({"email"})), OFFERS, {}).ways == (
        "sms",
        "post",
    )


@pytest.mark.parametrize(
    ("hour", "zone", "morning"),
    [
        (20, "UTC", 20),
        (21, "UTC", 8),
        (7, "UTC", 8),
        (3, "America/New_York", 13),
        (12, "America/New_York", 13),
    ],
)
def test_text_messages_wait_for_the_morning_of_their_reader(hour: int, zone: str, morning: int) -> None:
    at = datetime(2026, 11, 24, hour, tzinfo=UTC)
    found = next_waking_hour(at, ZoneInfo(zone))
    assert found >= at
    assert found.astimezone(UTC).hour == morning


def test_a_text_message_expires_when_the_first_reader_may_sleep() -> None:
    zones = ("America/New_York", "America/Los_Angeles")
    evening = datetime(2026, 11, 25, 2, tzinfo=UTC)
    assert asleep_at(datetime(2026, 11, 24, 17, tzinfo=UTC), zones) == evening
    assert asleep_at(evening, zones[:1]) == evening + timedelta(days=1)
    assert asleep_at(evening, ()) is None


def test_the_duration_is_people_divided_by_the_slowest_rate_of_each_channel() -> None:
    rates = {"relay": (read_rate("60/s"), read_rate("100000/day")), "text": (read_rate("1/s"),)}
    found = feasibility(campaign(rates=rates), {"email": 100_000, "sms": 3600}, NOW)
    assert [describe(stretch.takes) for stretch in found.stretches] == ["1 d", "1 h"]
    assert found.takes == timedelta(days=1, hours=1, minutes=30)
    assert not found.in_time
    assert found.sum == (
        "100,000 over relay / 100000/day = 1 d + 3,600 over text / 1/s = 1 h + 30 min for the pilot batch = 1 d 1 h"
    )


def test_a_million_over_one_relay_is_in_time_where_the_deadline_lets_it() -> None:
    rates = {"relay": (read_rate("390/s"),)}
    found = feasibility(campaign(rates=rates), {"email": 1_000_000}, NOW)
    assert describe(found.stretches[0].takes) == "42 min 45 s"
    assert found.in_time


@pytest.mark.parametrize(("people", "first"), [(1, 1), (10, 10), (100, 10), (5_000, 50), (1_000_000, 500)])
def test_a_canary_is_a_hundredth_and_at_most_five_hundred(people: int, first: int) -> None:
    assert canary_size(people) == first


@pytest.mark.parametrize(
    ("counted", "stops"),
    [
        (Counters(sent=100), False),
        (Counters(sent=9, bounced=1), False),
        (Counters(sent=95, bounced=5), False),
        (Counters(sent=94, bounced=6), True),
        (Counters(sent=0, bounced=2), True),
        (Counters(sent=1000, complaints=1), False),
        (Counters(sent=999, complaints=1), True),
    ],
)
def test_too_many_bounces_or_complaints_stop_it(counted: Counters, stops: bool) -> None:
    assert bool(alarm(campaign(), counted)) is stops


def test_bounces_before_the_resume_are_not_counted_again() -> None:
    seen = campaign(resumed_sent=94, resumed_bounced=6)
    assert not alarm(seen, Counters(sent=194, bounced=7))
    assert alarm(seen, Counters(sent=194, bounced=20))


def owed(ways: tuple = ("email", "post"), tries: int = 0) -> Owed:
    return Owed(campaign="b-1", n=1, group=0, state="sending", ways=ways, tries=tries)


OUTCOMES = [
    (SendResult(state="accepted", evidence="accepted"), "notified", False, None),
    (SendResult(state="unknown", reason="lost"), "unknown", False, None),
    (SendResult(state="not_sent", reason="no line"), "ready", False, None),
    (SendResult(state="throttled", code="451 4.7.1"), "ready", False, None),
    (
        SendResult(state="rejected", code="550 5.1.1", about="recipient", address="gone"),
        "post",
        True,
        "hard_bounce",
    ),
    (SendResult(state="rejected", code="550 5.7.1", about="message"), "post", False, None),
    (SendResult(state="rejected", code="21610", about="recipient", address="stopped"), "post", False, "stop"),
    (SendResult(state="rejected", code="550", about="recipient"), "post", True, None),
    (SendResult(state="rejected", code="554 5.6.0", about="message"), "post", False, None),
]


@pytest.mark.parametrize(("result", "state", "bounced", "suppress"), OUTCOMES)
def test_each_outcome_has_its_consequence(result, state, bounced, suppress) -> None:
    found = after(result, owed(), NOW)
    assert (found.owed.state, found.counted.bounced) == (state, int(bounced))
    assert (found.suppress, found.blocked) == (suppress, "")


@pytest.mark.parametrize(
    "result",
    [
        SendResult(state="rejected", code="550 5.7.1", about="account", reason="blocked"),
        SendResult(state="rejected", code="535", about="account", reason="password"),
    ],
)
def test_a_block_or_lockout_stops_the_campaign_and_drops_no_person(result) -> None:
    found = after(result, owed(tries=2), NOW)
    assert found.blocked
    assert (found.owed.state, found.owed.ways, found.owed.tries) == ("ready", ("email", "post"), 2)


def test_a_person_deferred_too_often_gets_another_channel() -> None:
    later = SendResult(state="throttled", reason="busy")
    assert after(later, owed(tries=6), NOW).owed.state == "ready"
    assert after(later, owed(tries=7), NOW).owed.state == "post"
    assert after(later, owed(("email",), 7), NOW).owed.state == "unreachable"


@given(st.integers(0, 60), st.none() | st.timedeltas())
def test_a_deferral_ends_after_a_second_and_within_a_day(tries: int, asked: timedelta | None) -> None:
    found = back_off(NOW, tries, asked)
    assert timedelta(seconds=1) <= found - NOW <= timedelta(days=1)


@given(st.lists(st.sampled_from(REACHED)))
def test_proofs_fold_to_the_same_in_any_order(proofs: list) -> None:
    one = two = REACHED[0]
    for proof in proofs:
        one = higher(one, proof)
    for proof in reversed([*proofs, *proofs]):
        two = higher(two, proof)
    assert one == two


def tally(state: str, people: int) -> Tally:
    return Tally(0, state, "none", "", "", False, people)


def test_lines_of_substitute_notice_are_counted_by_place() -> None:
    one = ground("US-CA", cost_over=250_000, class_over=500_000, substitute=("email", "website"))
    found = campaign(grounds=(one,), letter_cost=1.5)
    assert [c.ground for c in crossed(found, [tally("post", 200_000)])] == ["cost"]
    assert [c.ground for c in crossed(found, [tally("notified", 500_001)])] == ["class"]
    assert [c.ground for c in crossed(found, [tally("unreachable", 1)])] == ["unreachable"]
    assert list(crossed(found, [tally("post", 100_000), tally("exempt", 900_000)])) == []


def test_hipaa_draws_its_line_at_ten() -> None:
    one = ground("US-CA", regime="us-hipaa-164-400", substitute=("website",))
    found = campaign(grounds=(one,))
    assert [c.ground for c in crossed(found, [tally("unreachable", 9)])] == ["unreachable"]
    assert [c.ground for c in crossed(found, [tally("unreachable", 10)])] == ["unreachable-many"]


@pytest.mark.parametrize(
    ("rates", "size"),
    [
        ((), 50),
        (((),), 50),
        ((("60/s",),), 50),
        ((("2000/s",),), 200),
        ((("2000/s", "60/s"),), 50),
        ((("60/s",), ("1000/s",)), 100),
        ((("1000000/s",),), 500),
    ],
)
def test_a_chunk_is_a_moment_of_sending_over_a_fast_relay(
    rates: tuple[tuple[str, ...], ...], size: int
) -> None:
    assert chunk_size([tuple(map(read_rate, texts)) for texts in rates]) == size


def test_an_exemption_replaces_consent_to_a_text_message() -> None:
    without = eligible_channels(contact(sms_consent=False), ground(), OFFERS, {})
    exempted = eligible_channels(contact(sms_consent=False, sms_exemption="emergency"), ground(), OFFERS, {})
    assert (without.ways, exempted.ways) == (("email", "post"), ("email", "sms", "post"))
