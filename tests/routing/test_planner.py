"""A plan says which channels may carry a message and names the rule for each one that may not."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.routing.messaging import (
    BUILT_IN_CLASSES,
    CONFIDENTIALITY,
    PERSONAL_DATA,
    Channel,
    ContactPoint,
    MessageClass,
    Recipient,
)
from runner.routing.planner import contact_points, plan
from runner.routing.rule_book import RuleOverride, rule_book
from runner.routing.rules import FOREIGN_LINK, LINK, RULES, Compromise, PlanContext

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
    return {refusal.channel: (refusal.rule, refusal.why) for refusal in found.refusals}


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
        "mail": ("R1", "depends on m365-tenant, which is compromised (since 2026-11-24 14:00 UTC)")
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


def test_a_domain_that_is_down_blocks_its_channels():
    found = plan(INTERNAL, [channel("chat", "slack"), channel("sms")], ALICE, context(down={"slack": START}))
    assert found.channels == ("sms",)
    assert refusals(found)["chat"] == (
        "outage",
        "depends on slack, which is down (since 2026-11-24 14:00 UTC)",
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


def test_the_quarantine_starts_at_the_first_compromise():
    fallen = Compromise(domain="idp", since=START - timedelta(days=30))
    point = ContactPoint(channel="handle", address="alice", changed_at=START - timedelta(days=20))
    found = plan(
        APPROVAL,
        [channel("hook", address_kind="handle")],
        Recipient(person="alice", contacts=(point,)),
        msgspec.structs.replace(REAL, compromised=(fallen,)),
    )
    assert refusals(found)["hook"][0] == "R7"


def test_an_opted_out_person_is_reached_over_another_kind_of_channel():
    point = ContactPoint(channel="phone", address="+15005550006", stopped={"sms": START})
    sms = channel("sms", adapter="sms", address_kind="phone")
    voice = channel("voice", adapter="voice", address_kind="phone")
    found = plan(INTERNAL, [sms, voice], Recipient(person="alice", contacts=(point,)), REAL)
    assert refusals(found)["sms"][0] == "R25"
    assert found.channels == ("voice",)


def test_a_sim_swappable_number_cannot_approve():
    sms = channel("sms", sim_swappable=True)
    assert refusals(plan(APPROVAL, [sms], ALICE, REAL))["sms"][0] == "R13"
    assert plan(INTERNAL, [sms], ALICE, REAL).channels == ("sms",)


def test_affected_people_are_not_notified_over_the_breached_account():
    mail = channel("mail", address_kind="email")
    bob = Recipient(person="bob", contacts=(ContactPoint(channel="email", address="b@x"),))
    told = MessageClass(name="m", audience="affected")
    where = context(affected_credentials=frozenset({"email"}))
    assert refusals(plan(told, [mail], bob, where))["mail"][0] == "R21"
    assert plan(told, [mail], bob, REAL).channels == ("mail",)
    assert plan(INTERNAL, [mail], bob, where).channels == ("mail",)


@pytest.mark.parametrize("kind", ["exercise", "test"])
def test_an_exercise_uses_only_allow_listed_channels_and_internal_people(kind):
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
    assert [point.address for point in contact_points(channel("relay-2", address_kind="email"), points)] == [
        "own@x"
    ]
    assert [point.address for point in contact_points(channel("other", address_kind="email"), points)] == [
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
    assert [(w.rule, w.why.endswith("(a)")) for w in one.warnings] == [("R3", True)]
    assert [(w.rule, w.why.endswith(" corp")) for w in both.warnings] == [("R3", True)]
    assert plan(INTERNAL, [channel("a", "corp")], ALICE, REAL).warnings == ()


def test_two_chats_that_wake_a_phone_through_the_same_services_fail_together():
    urgent = BUILT_IN_CLASSES["urgent-internal"]
    one, other = (channel(name, push=frozenset({"apns", "fcm"})) for name in ("own-chat", "their-chat"))
    both = plan(urgent, [one, other], ALICE, REAL)
    assert [(w.rule, "Apple" in w.why and "Google" in w.why) for w in both.warnings] == [("R3", True)]
    assert plan(urgent, [one, other, channel("call")], ALICE, REAL).warnings == ()
    # The first wave has what rings by itself, and no push service blocks a message that arrives in silence.
    wave = msgspec.structs.replace(urgent, first_wave=2)
    assert plan(wave, [one, other, channel("z-call")], ALICE, REAL).channels == (
        "own-chat",
        "z-call",
        "their-chat",
    )
    assert plan(urgent, [one], ALICE, context("apns")).channels == ("own-chat",)


def test_mail_to_an_authority_that_is_not_signed_is_warned_of():
    mail, signed = (
        channel(name, address_kind="email", signed=name == "signed") for name in ("mail", "signed")
    )
    person = msgspec.structs.replace(ALICE, contacts=(ContactPoint(channel="email", address="a@b.example"),))
    regulator = BUILT_IN_CLASSES["regulator-contact"]
    assert [w.rule for w in plan(regulator, [mail, signed], person, REAL).warnings] == ["R19"]
    assert plan(regulator, [signed, channel("pager")], person, REAL).warnings == ()
    assert plan(INTERNAL, [mail], person, REAL).warnings == (), "a code of ours stands in it (R15)"


@pytest.mark.parametrize(("kind", "refused"), [("affected-notice", True), ("regulator-contact", False)])
def test_mail_to_affected_people_contains_no_foreign_links(kind: str, refused: bool):
    mail = channel("mail", address_kind="email", personal_data="personal", signed=True)
    person = msgspec.structs.replace(ALICE, contacts=(ContactPoint(channel="email", address="a@b.example"),))
    found = plan(BUILT_IN_CLASSES[kind], [mail], person, REAL, frozenset({LINK, FOREIGN_LINK}))
    assert (found.channels == (), [refusal.rule for refusal in found.refusals] == ["R28"]) == (
        refused,
        refused,
    )
    assert plan(BUILT_IN_CLASSES[kind], [mail], person, REAL, frozenset({LINK})).refusals == ()


def test_a_plan_without_any_channel_says_to_telephone():
    found = plan(INTERNAL, [channel("a", "idp")], ALICE, context("idp"))
    assert [w.rule for w in found.warnings] == ["R3"]


def test_addresses_do_not_show_in_representations():
    point = ContactPoint(channel="email", address="secret@home")
    found = plan(
        INTERNAL, [channel("m", address_kind="email")], Recipient(person="a", contacts=(point,)), REAL
    )
    assert "secret@home" not in repr(found)
    assert "secret@home" not in repr(point.__rich_repr__())


def allowed(rule: str, *, domains: frozenset[str] = frozenset(), **more) -> RuleOverride:
    return RuleOverride(
        seq=9, rule=rule, by="ada", role="counsel", at=START, reason="no other way", domains=domains, **more
    )


def test_an_overridden_rule_blocks_nothing_and_the_plan_names_the_approver():
    low = channel("mail", confidentiality="public")
    where = context(overrides=(allowed("R8", channel="mail", message_class="internal"),))
    found = plan(INTERNAL, [low, channel("other", confidentiality="public")], ALICE, where)
    assert found.channels == ("mail",)
    assert refusals(found)["other"][0] == "R8"
    assert [(refusal.channel, refusal.rule) for refusal in found.overridden] == [("mail", "R8")]
    assert found.warnings[0].why.endswith(" ada (no other way)")


def test_an_override_covers_no_other_class_or_person():
    low = channel("mail", confidentiality="public")
    other = context(overrides=(allowed("R8", message_class="other"), allowed("R8", person="bob")))
    assert refusals(plan(INTERNAL, [low], ALICE, other))["mail"][0] == "R8"


def test_an_override_covers_only_domains_compromised_at_its_time():
    entry = allowed("R1", domains=frozenset({"idp"}))
    mail = channel("mail", "idp", "dns")
    assert plan(INTERNAL, [mail], ALICE, context("idp", overrides=(entry,))).channels == ("mail",)
    assert plan(INTERNAL, [mail], ALICE, context("idp", "dns", overrides=(entry,))).channels == ()


@pytest.mark.parametrize("rule", [number for number, one in rule_book().items() if one.firm])
def test_a_firm_rule_applies_despite_an_override(rule):
    where = msgspec.structs.replace(EXERCISE, overrides=(allowed(rule),))
    outside = MessageClass(name="m", audience="public")
    assert plan(outside, [channel("screen", exercise_safe=True)], ALICE, where).steps == ()


def test_credentials_go_nowhere_even_with_an_override():
    kind = MessageClass(name="m", personal_data="credentials")
    found = plan(
        kind, [channel("c", personal_data="credentials")], ALICE, context(overrides=(allowed("R10"),))
    )
    assert refusals(found)["c"][0] == "R10"


def test_a_law_enforcement_hold_blocks_only_affected_people_and_the_public():
    where = context(held_by="the police")

    def rule(audience):
        found = plan(MessageClass(name="m", audience=audience), [channel("mail")], ALICE, where)
        return refusals(found).get("mail", ("used", ""))[0]

    told = {one: rule(one) for one in ("responder", "executive", "regulator", "affected", "public")}
    assert told == {
        "responder": "used",
        "executive": "used",
        "regulator": "used",
        "affected": "R27",
        "public": "R27",
    }


def phoned(**more) -> Recipient:
    return Recipient(
        person="bob",
        contacts=(ContactPoint(channel="phone", address="+15005550006", **more),),
        zone="Europe/Berlin",
    )


TEXTED = MessageClass(name="m", audience="affected")


def test_affected_people_are_texted_with_their_consent_and_without_a_link():
    sms = channel("sms", address_kind="phone")
    agreed = phoned(consented_at=START)
    assert refusals(plan(TEXTED, [sms], phoned(), REAL))["sms"][0] == "R25"
    assert plan(TEXTED, [sms], agreed, REAL).channels == ("sms",)
    assert refusals(plan(TEXTED, [sms], agreed, REAL, frozenset({LINK})))["sms"][0] == "R14"
    assert plan(INTERNAL, [sms], phoned(), REAL, frozenset({LINK})).channels == ("sms",)


def test_an_opt_out_applies_despite_an_override():
    sms = channel("sms", address_kind="phone")
    recipient = phoned(consented_at=START, stopped={"scripted": START})
    assert refusals(plan(TEXTED, [sms], recipient, context(overrides=(allowed("R25"),))))["sms"][0] == "R25"
    assert plan(TEXTED, [sms], phoned(), context(overrides=(allowed("R25"),))).channels == ("sms",)


@pytest.mark.parametrize(
    ("number", "warned"), [("+61412345678", ["R26"]), ("+4915112345678", []), ("+88213300000", ["R41"])]
)
@pytest.mark.parametrize("zone", ["", "Nowhere/Unknown"])
def test_without_a_zone_the_night_is_judged_by_the_number(number: str, warned: list[str], zone: str):
    sms = channel("sms", address_kind="phone")
    contact = ContactPoint(channel="phone", address=number, consented_at=START)
    found = plan(TEXTED, [sms], Recipient(person="ada", contacts=(contact,), zone=zone), context(at=START))
    assert [warning.rule for warning in found.warnings] == warned


def test_at_night_a_person_decides_whether_affected_people_are_woken():
    sms = channel("sms", address_kind="phone")
    agreed = phoned(consented_at=START)

    def warned(hour, message=TEXTED, at=sms):
        night = START.replace(hour=hour)
        return [warning.rule for warning in plan(message, [at], agreed, context(at=night)).warnings]

    assert warned(22) == ["R26"]
    assert warned(6) == ["R26"]
    assert warned(11) == []
    assert warned(22, msgspec.structs.replace(TEXTED, urgency="immediate")) == []
    assert warned(22, INTERNAL) == []
    assert warned(11, at=msgspec.structs.replace(sms, quiet=(time(12), time(13)))) == ["R26"]


def test_an_address_of_which_a_risk_was_reported_carries_no_approval_until_verified():
    hook = channel("hook", address_kind="handle")
    risky = ContactPoint(channel="handle", address="alice", risk_at=START - timedelta(days=90))

    def rule(point, message=APPROVAL):
        found = plan(message, [hook], Recipient(person="alice", contacts=(point,)), REAL)
        return refusals(found).get("hook", ("used", ""))[0]

    assert rule(risky) == "R18"
    assert rule(msgspec.structs.replace(risky, verified_at=START - timedelta(days=91))) == "R18"
    assert rule(msgspec.structs.replace(risky, verified_at=START)) == "used"
    assert rule(risky, INTERNAL) == "used"


def test_a_critical_message_over_the_companys_own_systems_alone_is_warned_of():
    both = [channel("mail", "tenant"), channel("chat", "idp")]
    where = context(corporate=frozenset({"tenant", "idp"}))
    found = plan(BUILT_IN_CLASSES["urgent-internal"], both, ALICE, where)
    assert [warning.why.endswith(" idp, tenant") for warning in found.warnings] == [True]
    apart = plan(BUILT_IN_CLASSES["urgent-internal"], [*both, channel("signal")], ALICE, where)
    assert apart.warnings == ()


def test_every_rule_of_the_planner_is_in_the_rule_book():
    assert {number for number, _ in RULES} <= rule_book().keys()
    assert {f"R{n}" for n in range(1, 37)} <= rule_book().keys()


DOMAINS = st.sampled_from(["m365", "idp", "slack", "twilio", "relay"])
POINTS = st.builds(
    ContactPoint,
    channel=st.sampled_from(["email", "phone", "c0"]),
    address=st.just("x@y"),
    domains=st.frozensets(DOMAINS, max_size=2),
    changed_at=st.none() | st.just(START + timedelta(hours=1)) | st.just(START - timedelta(days=20)),
    verified_at=st.none() | st.just(START + timedelta(hours=3)),
    risk_at=st.none() | st.just(START + timedelta(hours=2)) | st.just(START + timedelta(hours=4)),
    consented_at=st.none() | st.just(START),
    stopped=st.dictionaries(st.just("scripted"), st.just(START)),
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
    audience=st.sampled_from(["responder", "executive", "regulator", "affected", "public"]),
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
    held_by=st.sampled_from(["", "the police"]),
    overrides=st.lists(
        st.builds(
            RuleOverride,
            seq=st.integers(1, 9),
            rule=st.sampled_from([*(number for number, _ in RULES), "R4"]),
            by=st.just("ada"),
            role=st.just("counsel"),
            at=st.just(START),
            reason=st.just("no other way"),
            channel=st.sampled_from(["", "c0", "c1"]),
            person=st.sampled_from(["", "alice", "bob"]),
            domains=st.frozensets(DOMAINS, max_size=3),
        ),
        max_size=3,
    ).map(tuple),
)
TRAITS = st.frozensets(st.just(LINK))
RECIPIENTS = st.builds(Recipient, person=st.just("alice"), contacts=st.lists(POINTS, max_size=3).map(tuple))


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS, TRAITS)
def test_every_channel_is_either_used_or_refused_with_a_known_rule_and_a_reason(
    message, channels, person, where, traits
):
    found = plan(message, channels, person, where, traits)
    used, refused = [step.channel for step in found.steps], [refusal.channel for refusal in found.refusals]
    assert sorted(used + refused) == sorted(channel.id for channel in channels)
    assert all(refusal.why and refusal.rule in {number for number, _ in RULES} for refusal in found.refusals)


def broken(message, used, step, where, traits) -> set[str]:
    """Return the rules that a used channel breaks, worked out once more from the declared properties alone."""
    point, kind = step.contact, used.address_kind
    fallen = {one.domain for one in where.compromised if not one.assumed} & step.domains
    assumed = {one.domain for one in where.compromised if one.assumed} & step.domains
    matters = message.confidentiality != "public" or message.goal == "authorised"
    begin = min([where.started_at, *(one.since for one in where.compromised)]) - where.quarantine_before
    texts = message.audience == "affected" and kind == "phone"
    verified = point.verified_at if point is not None else None

    def later(instant):
        return verified is not None and verified > instant

    found = {
        "R36": where.kind != "real"
        and not (used.exercise_safe and message.audience in ("responder", "executive")),
        "R10": message.personal_data == "credentials",
        "R27": bool(where.held_by) and message.audience in ("affected", "public"),
        "R1": bool(fallen) and matters,
        "R2": bool(assumed) and matters,
        "outage": bool(step.domains & where.down.keys()),
        "R8": CONFIDENTIALITY.index(message.confidentiality) > CONFIDENTIALITY.index(used.confidentiality),
        "R9": PERSONAL_DATA.index(message.personal_data) > PERSONAL_DATA.index(used.personal_data),
        "R13": message.goal == "authorised" and used.sim_swappable,
        "R14": texts and LINK in traits,
        "contact": point is None and kind != "none",
    }
    if point is not None:
        decides = message.goal == "authorised"
        breached = {kind, point.channel} & where.affected_credentials
        found |= {
            "R21": message.audience == "affected" and bool(breached),
            "R25": bool(point.stopped) or (texts and point.consented_at is None),
            "R7": decides
            and point.changed_at is not None
            and point.changed_at >= begin
            and not later(point.changed_at),
            "R18": decides and point.risk_at is not None and not later(point.risk_at),
        }
    return {number for number, breaks in found.items() if breaks}


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS, TRAITS)
def test_no_used_channel_breaks_a_rule_without_an_override(message, channels, person, where, traits):
    by_id = {channel.id: channel for channel in channels}
    found = plan(message, channels, person, where, traits)
    shown = {(refusal.channel, refusal.rule) for refusal in found.overridden}
    for step in found.steps:
        breaks = broken(message, by_id[step.channel], step, where, traits)
        assert {(step.channel, rule) for rule in breaks} == {
            pair for pair in shown if pair[0] == step.channel
        }
        assert not any(rule_book()[rule].firm or rule == "R10" for rule in breaks)


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS, DOMAINS, st.booleans(), TRAITS)
def test_an_additional_compromised_domain_never_adds_a_channel(
    message, channels, person, where, domain, assumed, traits
):
    more = Compromise(domain=domain, since=START, assumed=assumed)
    worse = msgspec.structs.replace(where, compromised=(*where.compromised, more))
    before = plan(message, channels, person, where, traits).channels
    assert set(plan(message, channels, person, worse, traits).channels) <= set(before)


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS, DOMAINS, TRAITS)
def test_an_outage_or_a_hold_never_adds_a_channel(message, channels, person, where, domain, traits):
    before = set(plan(message, channels, person, where, traits).channels)
    down = msgspec.structs.replace(where, down={**where.down, domain: START})
    held = msgspec.structs.replace(where, held_by="the police")
    for worse in (down, held):
        assert set(plan(message, channels, person, worse, traits).channels) <= before


@given(CLASSES, CHANNELS, RECIPIENTS, CONTEXTS, TRAITS)
def test_without_overrides_no_channel_is_used_that_is_refused_with_them(
    message, channels, person, where, traits
):
    strict = msgspec.structs.replace(where, overrides=())
    found = plan(message, channels, person, strict, traits)
    assert found.overridden == ()
    assert set(found.channels) <= set(plan(message, channels, person, where, traits).channels)
