"""A plan says which channels may carry a message and names the rule for each one that may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.planner import RULES, Compromise, PlanContext, contact_points, plan
from runner.model.messaging import (
    BUILT_IN_CLASSES,
    CONFIDENTIALITY,
    PERSONAL_DATA,
    Channel,
    ContactPoint,
    MessageClass,
    Recipient,
)

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
REAL = PlanContext(kind="real", started_at=START)
EXERCISE = PlanContext(kind="exercise", started_at=START)


def channel(identifier: str, *domains: str, **more) -> Channel:
    given = {
        "adapter": "scripted",
        "address_kind": "none",
        "confidentiality": "confidential",
        "personal_data": "contact",
        **more,
    }
    return Channel(id=identifier, domains=frozenset(domains or {identifier}), **given)


def context(*compromised: str, assumed: bool = False, **more) -> PlanContext:
    fallen = tuple(Compromise(domain=name, since=START, assumed=assumed) for name in compromised)
    return msgspec.structs.replace(REAL, compromised=fallen, **more)


def refusals(found) -> dict[str, tuple[str, str]]:
    return {one.channel: (one.rule, one.why) for one in found.refusals}


ALICE = Recipient(person="alice")
INTERNAL = MessageClass(name="internal")
APPROVAL = BUILT_IN_CLASSES["approval-request"]


def test_channels_are_used_in_order_of_priority_then_name():
    found = plan(INTERNAL, [channel("b"), channel("a"), channel("z", priority=1)], ALICE, REAL)
    assert found.channels == ("z", "a", "b")
    assert found.refusals == ()


def test_a_channel_in_a_compromised_domain_is_refused_with_domain_and_time():
    found = plan(
        INTERNAL, [channel("mail", "m365-tenant", "corp-dns"), channel("sms")], ALICE, context("m365-tenant")
    )
    assert found.channels == ("sms",)
    assert refusals(found) == {
        "mail": ("R1", "depends on m365-tenant, which is compromised (since 2026-11-24T14:00+00:00)")
    }


def test_a_domain_that_the_playbook_assumes_compromised_is_refused_under_its_own_rule():
    found = plan(INTERNAL, [channel("mail", "idp")], ALICE, context("idp", assumed=True))
    rule, why = refusals(found)["mail"]
    assert rule == "R2"
    assert "assumed compromised until triage" in why


def test_a_public_message_may_cross_a_compromised_domain_but_an_approval_never():
    public = MessageClass(name="public", confidentiality="public")
    deciding = MessageClass(name="deciding", confidentiality="public", goal="authorised")
    assert plan(public, [channel("mail", "idp")], ALICE, context("idp")).channels == ("mail",)
    assert refusals(plan(deciding, [channel("mail", "idp")], ALICE, context("idp")))["mail"][0] == "R1"


def test_the_mailbox_counts_as_much_as_the_relay_in_front_of_it():
    corporate = ContactPoint(channel="email", address="a@corp", domains=frozenset({"m365-tenant"}))
    private = ContactPoint(channel="email", address="a@home")
    mail = channel("mail", "relay", address_kind="email")
    found = plan(
        INTERNAL, [mail], Recipient(person="alice", contacts=(corporate, private)), context("m365-tenant")
    )
    assert found.steps[0].contact == private
    only = plan(INTERNAL, [mail], Recipient(person="alice", contacts=(corporate,)), context("m365-tenant"))
    assert refusals(only)["mail"][0] == "R1"


def test_a_domain_that_is_down_takes_its_channels_along():
    found = plan(INTERNAL, [channel("chat", "slack"), channel("sms")], ALICE, context(down={"slack": START}))
    assert found.channels == ("sms",)
    assert refusals(found)["chat"] == (
        "outage",
        "depends on slack, which is down (since 2026-11-24T14:00+00:00)",
    )


@pytest.mark.parametrize("wanted", CONFIDENTIALITY)
@pytest.mark.parametrize("ceiling", CONFIDENTIALITY)
def test_confidentiality_stays_below_the_ceiling(wanted, ceiling):
    message = MessageClass(name="m", confidentiality=wanted)
    found = plan(message, [channel("c", confidentiality=ceiling)], ALICE, REAL)
    fits = CONFIDENTIALITY.index(wanted) <= CONFIDENTIALITY.index(ceiling)
    assert bool(found.steps) is fits
    if not fits:
        assert refusals(found)["c"] == ("R8", f"carries at most {ceiling}; the message is {wanted}")


@pytest.mark.parametrize("wanted", PERSONAL_DATA)
@pytest.mark.parametrize("ceiling", PERSONAL_DATA)
def test_personal_data_stays_below_the_ceiling_and_credentials_go_nowhere(wanted, ceiling):
    message = MessageClass(name="m", personal_data=wanted)
    found = plan(message, [channel("c", personal_data=ceiling)], ALICE, REAL)
    fits = PERSONAL_DATA.index(wanted) <= PERSONAL_DATA.index(ceiling) and wanted != "credentials"
    assert bool(found.steps) is fits
    if not fits:
        assert refusals(found)["c"][0] == ("R10" if wanted == "credentials" else "R9")


def test_a_contact_changed_since_the_start_carries_no_approval_until_verified():
    changed = ContactPoint(channel="handle", address="alice", changed_at=START + timedelta(hours=1))
    hook = channel("hook", address_kind="handle")

    def found(message, point):
        return plan(message, [hook], Recipient(person="alice", contacts=(point,)), REAL)

    verified = msgspec.structs.replace(changed, verified_at=START + timedelta(hours=2))
    stale = msgspec.structs.replace(changed, verified_at=START)
    old = msgspec.structs.replace(changed, changed_at=START - timedelta(days=8))
    days_before = msgspec.structs.replace(changed, changed_at=START - timedelta(days=6))
    assert refusals(found(APPROVAL, changed))["hook"][0] == "R7"
    assert refusals(found(APPROVAL, stale))["hook"][0] == "R7"
    assert refusals(found(APPROVAL, days_before))["hook"][0] == "R7"
    assert found(APPROVAL, verified).channels == ("hook",)
    assert found(APPROVAL, old).channels == ("hook",)
    assert found(INTERNAL, changed).channels == ("hook",)


def test_the_quarantine_reaches_back_to_when_the_first_domain_fell():
    fallen = Compromise(domain="idp", since=START - timedelta(days=30))
    point = ContactPoint(channel="handle", address="alice", changed_at=START - timedelta(days=20))
    found = plan(
        APPROVAL,
        [channel("hook", address_kind="handle")],
        Recipient(person="alice", contacts=(point,)),
        msgspec.structs.replace(REAL, compromised=(fallen,)),
    )
    assert refusals(found)["hook"][0] == "R7"


def test_who_said_stop_gets_nothing_more_over_that_kind_of_channel_and_is_reached_over_another():
    point = ContactPoint(channel="phone", address="+15005550006", stopped={"sms": START})
    sms = channel("sms", adapter="sms", address_kind="phone")
    voice = channel("voice", adapter="voice", address_kind="phone")
    found = plan(INTERNAL, [sms, voice], Recipient(person="alice", contacts=(point,)), REAL)
    assert refusals(found)["sms"][0] == "R25"
    assert found.channels == ("voice",)


def test_who_can_be_swapped_out_of_his_number_cannot_approve_with_it():
    sms = channel("sms", sim_swappable=True)
    assert refusals(plan(APPROVAL, [sms], ALICE, REAL))["sms"][0] == "R13"
    assert plan(INTERNAL, [sms], ALICE, REAL).channels == ("sms",)


def test_affected_people_are_not_told_through_the_account_that_was_breached():
    mail = channel("mail", address_kind="email")
    bob = Recipient(person="bob", contacts=(ContactPoint(channel="email", address="b@x"),))
    told = MessageClass(name="m", audience="affected")
    where = context(affected_credentials=frozenset({"email"}))
    assert refusals(plan(told, [mail], bob, where))["mail"][0] == "R21"
    assert plan(told, [mail], bob, REAL).channels == ("mail",)
    assert plan(INTERNAL, [mail], bob, where).channels == ("mail",)


@pytest.mark.parametrize("kind", ["exercise", "test"])
def test_an_exercise_reaches_only_allow_listed_channels_and_nobody_outside(kind):
    where = msgspec.structs.replace(EXERCISE, kind=kind)
    both = [channel("mail"), channel("console", exercise_safe=True)]
    found = plan(INTERNAL, both, ALICE, where)
    assert found.channels == ("console",)
    assert refusals(found)["mail"][0] == "R36"
    for audience in ("regulator", "affected", "public"):
        outside = plan(MessageClass(name="m", audience=audience), both, ALICE, where)
        assert outside.steps == ()
        assert {rule for rule, _ in refusals(outside).values()} == {"R36"}


def test_a_person_without_an_address_is_not_reached_by_a_channel_that_needs_one():
    found = plan(INTERNAL, [channel("mail", address_kind="email")], ALICE, REAL)
    assert refusals(found) == {"mail": ("contact", "no email contact is known for this channel")}


def test_a_contact_given_for_a_channel_itself_goes_before_those_of_its_kind():
    points = (
        ContactPoint(channel="email", address="kind@x"),
        ContactPoint(channel="relay-2", address="own@x"),
    )
    assert [one.address for one in contact_points(channel("relay-2", address_kind="email"), points)] == [
        "own@x"
    ]
    assert [one.address for one in contact_points(channel("other", address_kind="email"), points)] == [
        "kind@x"
    ]


def test_the_first_wave_of_a_critical_message_shares_no_domain():
    channels = [
        channel("a", "corp", "relay", priority=1),
        channel("b", "corp", "slack", priority=2),
        channel("c", "twilio", priority=3),
    ]
    found = plan(BUILT_IN_CLASSES["urgent-internal"], channels, ALICE, REAL)
    assert found.channels == ("a", "c", "b")
    assert [step.after for step in found.steps] == [timedelta(0), timedelta(0), timedelta(minutes=5)]
    assert found.warnings == ()


def test_a_critical_message_without_two_channels_that_fail_apart_is_warned_of():
    urgent = BUILT_IN_CLASSES["urgent-internal"]
    one = plan(urgent, [channel("a", "corp")], ALICE, REAL)
    both = plan(urgent, [channel("a", "corp", "x"), channel("b", "corp", "y")], ALICE, REAL)
    assert [(w.rule, w.why) for w in one.warnings] == [
        ("R3", "a critical message wants two channels that fail apart; only one channel is usable (a)")
    ]
    assert [(w.rule, w.why) for w in both.warnings] == [
        ("R3", "a critical message wants two channels that fail apart; all hang on corp")
    ]
    assert plan(INTERNAL, [channel("a", "corp")], ALICE, REAL).warnings == ()


def test_a_plan_without_any_channel_says_to_telephone():
    found = plan(INTERNAL, [channel("a", "idp")], ALICE, context("idp"))
    assert [w.why for w in found.warnings] == ["no channel may carry this: reach the person by telephone"]


def test_addresses_do_not_show_in_representations():
    point = ContactPoint(channel="email", address="secret@home")
    found = plan(
        INTERNAL, [channel("m", address_kind="email")], Recipient(person="a", contacts=(point,)), REAL
    )
    assert "secret@home" not in repr(found)
    assert "secret@home" not in repr(point.__rich_repr__())


DOMAINS = st.sampled_from(["m365", "idp", "slack", "twilio", "relay"])
POINTS = st.builds(
    ContactPoint,
    channel=st.sampled_from(["email", "phone", "c0"]),
    address=st.just("x@y"),
    domains=st.frozensets(DOMAINS, max_size=2),
    changed_at=st.none() | st.just(START + timedelta(hours=1)) | st.just(START - timedelta(days=20)),
    verified_at=st.none() | st.just(START + timedelta(hours=3)),
)
CHANNELS = st.lists(
    st.builds(
        Channel,
        id=st.sampled_from(["c0", "c1", "c2", "c3", "c4"]),
        adapter=st.just("scripted"),
        address_kind=st.sampled_from(["email", "phone", "none"]),
        domains=st.frozensets(DOMAINS, max_size=3),
        confidentiality=st.sampled_from(CONFIDENTIALITY),
        personal_data=st.sampled_from(PERSONAL_DATA),
        priority=st.integers(0, 3),
        sim_swappable=st.booleans(),
        exercise_safe=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda one: one.id,
)
CLASSES = st.builds(
    MessageClass,
    name=st.just("m"),
    confidentiality=st.sampled_from(CONFIDENTIALITY),
    personal_data=st.sampled_from(PERSONAL_DATA),
    availability=st.sampled_from(["routine", "critical"]),
    audience=st.sampled_from(["responder", "affected", "regulator"]),
    goal=st.sampled_from(["accepted", "acked", "authorised"]),
    first_wave=st.integers(1, 3),
)
CONTEXTS = st.builds(
    PlanContext,
    kind=st.sampled_from(["real", "exercise", "test"]),
    started_at=st.just(START),
    compromised=st.lists(
        st.builds(
            Compromise,
            domain=DOMAINS,
            since=st.integers(-300, 5).map(lambda days: START + timedelta(days=days)),
            assumed=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    down=st.dictionaries(DOMAINS, st.just(START), max_size=2),
    affected_credentials=st.frozensets(st.sampled_from(["email", "phone"])),
)
RECIPIENTS = st.builds(Recipient, person=st.just("alice"), contacts=st.lists(POINTS, max_size=3).map(tuple))


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS)
def test_every_channel_is_either_used_or_refused_with_a_known_rule_and_a_reason(
    message, channels, person, where
):
    found = plan(message, channels, person, where)
    used, refused = [one.channel for one in found.steps], [one.channel for one in found.refusals]
    assert sorted(used + refused) == sorted(one.id for one in channels)
    assert all(one.why and one.rule in {number for number, _ in RULES} for one in found.refusals)


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS)
def test_no_used_channel_breaks_a_rule(message, channels, person, where):
    by_id = {one.id: one for one in channels}
    fallen = {one.domain for one in where.compromised}
    for step in plan(message, channels, person, where).steps:
        used = by_id[step.channel]
        assert CONFIDENTIALITY.index(message.confidentiality) <= CONFIDENTIALITY.index(used.confidentiality)
        assert PERSONAL_DATA.index(message.personal_data) <= PERSONAL_DATA.index(used.personal_data)
        assert not step.domains & where.down.keys()
        assert message.confidentiality == "public" or not step.domains & fallen
        assert where.kind == "real" or (used.exercise_safe and message.audience == "responder")
        assert not (message.goal == "authorised" and (used.sim_swappable or step.domains & fallen))


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS, DOMAINS, st.booleans())
def test_one_more_compromised_domain_never_adds_a_channel(message, channels, person, where, domain, assumed):
    more = Compromise(domain=domain, since=START, assumed=assumed)
    worse = msgspec.structs.replace(where, compromised=(*where.compromised, more))
    before = plan(message, channels, person, where).channels
    assert set(plan(message, channels, person, worse).channels) <= set(before)
