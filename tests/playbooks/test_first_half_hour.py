"""What ``next`` shows in the first half hour of every shipped playbook: what stops the harm stands first, questions of law stand last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import pytest

from runner.base.states import PROFILES, Profile
from runner.incident.law.duties import duty_statuses
from runner.incident.state.incident import Invocation
from runner.incident.state.steps import step_path
from runner.playbook import format as p
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from runner.reports.core.action_text import command_text
from runner.reports.core.attention_item import AttentionItem
from runner.reports.incidents.recommendations import next_actions
from runner.reports.incidents.status import status
from runner.reports.law.next_act import with_next
from tests.playbooks.first_hour import Played, names
from tests.scenario import HOUR, T0

pytestmark = pytest.mark.shipped

HALF = timedelta(minutes=30)
FIRST: Mapping[str, str] = {
    "account-takeover": "lockout.which",
    "business-email-compromise": "money.recall",
    "cisa-federal-incident": "harm",
    "cloud-key-leak": "which_keys",
    "credential-stuffing": "slow",
    "data-extortion": "close_way",
    "ddos-extortion": "confirm",
    "exploited-vulnerability": "restrict",
    "exposed-data": "close_access",
    "identity-lockout": "which",
    "impersonation-fraud": "recall",
    "insider-exfiltration": "people",
    "lost-device": "report",
    "misdirected-message": "recall",
    "personal-data-breach": "mobilise.command",
    "ransomware": "lock_backups",
    "saas-token-theft": "which_apps",
    "sim-swap": "refuse",
    "software-supply-chain": "stop_builds",
    "text-fraud": "stop",
}
"""The step that stands first at the opening, in both profiles."""
IN_SMALL: Mapping[str, str] = {"misdirected-message": "report"}


class Moment(NamedTuple):
    """What ``next`` shows at one moment, and what is open then."""

    at: timedelta
    shown: tuple[AttentionItem, ...]
    contain: set[str]
    """The containment steps that are due first."""
    soon: set[str]
    """The steps with less than an hour left."""


class HalfHour(Played):
    """A play that ends after half an hour and keeps what ``next`` shows at each moment."""

    length = HALF

    def __init__(self, bundle: p.Bundle, profile: Profile) -> None:
        """Open the incident; nothing was seen yet."""
        self.seen: list[Moment] = []
        super().__init__(bundle, profile)

    def _look(self) -> None:
        super()._look()
        near = with_next(
            self.incident,
            self.library,
            duty_statuses(self.incident, self.now, self.library),
            self.now,
        )
        shown = next_actions(status(self.incident, self.library, near, self.now)).next
        opened = self.open_steps()
        contain = [one for one in opened if self.contains(one)]
        first = {one.id for one in contain if self.due(one) == self.due(contain[0])}
        soon = {one.id for one in opened if self.due(one) - self.now < HOUR}
        self.seen.append(Moment(self.now - T0, shown, first, soon))

    def contains(self, one: Invocation) -> bool:
        """Tell whether an open step contains the incident, or is a question that such a step waits for."""
        step = self.library.step(self.incident, one.id)
        others = [
            self.library.step(self.incident, other.id)
            for other in self.incident.invocations.values()
            if other.scope == one.scope and other.state == "waiting"
        ]
        gates = isinstance(step, p.Ask | p.Form) and any(
            _contains(other) and one.step in other.after.steps for other in others
        )
        return gates or _contains(step)


def _contains(step: p.AnyStep) -> bool:
    return step.phase == "containment" or "RS.MI-01" in step.csf


def half_hour(name: str, profile: Profile) -> HalfHour:
    """Play the first half hour of a shipped playbook."""
    played = HalfHour(load_bundle(name, Catalog(None)), profile)
    played.play()
    return played


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", names())
def test_the_first_thing_stands_first_in_the_first_half_hour(name: str, profile: Profile) -> None:
    played = half_hour(name, profile)
    assert played.seen[0][0] == timedelta()
    for at, shown, contain, soon in played.seen:
        assert not contain or shown[0].ref in contain, at
        assert [item.rank for item in shown] == sorted(item.rank for item in shown), at
        assert not [text for item in shown if set(text := command_text(item.action)) & set("#[")], at
        if any(item.kind == "fact_missing" for item in shown):
            assert soon <= {item.ref for item in shown}, at
    wanted = {**FIRST, **IN_SMALL} if profile == "small" else FIRST
    assert name not in wanted or step_path(played.seen[0].shown[0].ref) == wanted[name]
