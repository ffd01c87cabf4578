"""A rule is set aside by a named approver with a reason, holds from then on, and holds again when its entry is corrected."""

from __future__ import annotations

import re

import pytest

from runner.actions import Action
from runner.errors import NotFound, Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from tests import scenario as s
from tests.refusals import refused


def world() -> s.World:
    found = s.World(s.message("tell"), roles={"lead": "ann bob", "counsel": "eve"})
    found.work()
    return found


def given(**more: str) -> c.OverrideRule:
    return c.OverrideRule(**{"rule": "R8", "reason": "no other way", "channel": "mail", **more})


def told(found: s.World, kind: type) -> list[e.AnyEvent]:
    return [one.event for one in found.journal if isinstance(one.event, kind)]


def test_an_override_records_approver_role_reason_and_compromised_domains():
    found = world()
    found.give(c.DeclareDomain(domain="idp", state="compromised", since=s.T0), by="ann")
    found.give(given(), by="eve")
    (event,) = told(found, e.RuleOverridden)
    assert (event.by, event.role, event.reason, event.domains) == ("eve", "counsel", "no other way", ("idp",))
    assert [override.rule for override in found.incident.overrides.values()] == ["R8"]


def test_only_an_approver_sets_a_rule_aside_and_only_with_a_reason():
    found = world()
    with refused("person", Refused) as no_approver:
        found.give(given(), by="ann")
    assert {"ann", "eve"} <= set(re.findall(r"\w+", no_approver.value.message)), "who is none, and who is one"
    with refused("person_missing", Refused):
        found.give(given())
    with refused("reason_missing", Refused):
        found.give(given(reason=" "), by="eve")
    assert found.incident.overrides == {}


def test_without_approvers_any_named_person_can_override_a_rule():
    found = s.World(s.message("tell"), roles={"lead": "ann"})
    found.give(given(), by="ann")
    assert [override.by for override in found.incident.overrides.values()] == ["ann"]


@pytest.mark.parametrize("rule", ["R36", "contact", "R17", "R11"])
def test_a_firm_rule_cannot_be_overridden(rule):
    with refused("firm_rule", Refused):
        world().give(given(rule=rule), by="eve")


def test_overrides_of_harmless_and_unknown_rules_are_refused():
    with refused("nothing_to_override", Refused) as harmless:
        world().give(given(rule="R30"), by="eve")
    assert "R30" in harmless.value.message
    with refused("unknown_rule", NotFound) as unknown:
        world().give(given(rule="R99"), by="eve")
    assert "R99" in unknown.value.message
    assert (unknown.value.hint, unknown.value.action) == ("", Action("message.rules"))  # R9 is another rule


def test_an_override_of_r10_applies_to_one_text_only():
    found = world()
    with refused("text_missing", Refused):
        found.give(given(rule="R10"), by="eve")
    with refused("bad_digest", Refused):
        found.give(given(rule="R10", text="a"), by="eve")
    found.give(given(rule="R10", text="a" * 12), by="eve")
    assert len(found.incident.overrides) == 1


def test_a_corrected_override_ends_and_open_messages_are_planned_again():
    found = world()
    found.give(given(), by="eve")
    (entry,) = found.incident.overrides
    found.give(c.CorrectEvent(seq=entry, reason="another way was found"), by="eve")
    assert found.incident.overrides == {}


def test_a_compromised_domain_is_trusted_again_only_with_its_grounds():
    found = world()
    found.give(c.DeclareDomain(domain="idp", state="compromised", since=s.T0), by="ann")
    up = c.DeclareDomain(domain="idp", state="up", since=s.T0)
    with refused("reason_missing", Refused):
        found.give(up, by="ann")
    found.give(c.DeclareDomain(domain="idp", state="up", since=s.T0, reason="checked by forensics"), by="ann")
    assert found.incident.domains["idp"].state == "up"


def test_a_domain_that_was_only_down_comes_back_without_further_words():
    found = world()
    found.give(c.DeclareDomain(domain="idp", state="down", since=s.T0), by="ann")
    found.give(c.DeclareDomain(domain="idp", state="up", since=s.T0), by="ann")
    assert found.incident.domains["idp"].state == "up"
