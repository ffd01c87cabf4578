"""Names that a playbook can use: laws, notices, other playbooks, message classes, people and hosts of a home folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from runner.law.regime import DutyRule, Regime
from runner.playbook.action_template import ActionTemplate
from runner.playbook.format import Playbook
from runner.routing.messaging import BUILT_IN_CLASSES, Channel, MessageClass
from runner.routing.organisation import Home

_HOURS: Mapping[str, float] = {
    "minutes": 1 / 60,
    "hours": 1,
    "calendar_days": 24,
    "business_days": 24,
    "full_business_days": 24,
    "weeks": 168,
    "months": 720,
    "years": 8760,
}


class Known(msgspec.Struct, frozen=True):
    """The names that a playbook can use. Without a home (None) people cannot be checked."""

    regimes: frozenset[str] = frozenset()
    notices: frozenset[str] = frozenset()
    playbooks: frozenset[str] = frozenset()
    regime: Callable[[str], Regime | None] = lambda _name: None
    """The compiled regime; None if its file is invalid."""
    playbook: Callable[[str], Playbook | None] = lambda _name: None
    """A playbook by ``name`` or ``name@version``; None if it is missing or invalid."""
    actions: frozenset[str] = frozenset()
    action: Callable[[str], ActionTemplate | None] = lambda _use: None
    """An action template by ``name`` or ``name@version``; None if it is missing or invalid."""
    clock_starts: Callable[[], frozenset[str]] = frozenset
    """The facts that start a clock of a duty, of all law."""
    law_reads: Callable[[], frozenset[str]] = frozenset
    """The facts that a law reads; a map or a list includes its entries."""
    grounds: Callable[[], frozenset[str]] = frozenset
    """The grounds on which some law lets people decide not to notify."""
    recipients: Callable[[], frozenset[str]] = frozenset
    """The recipients of the duties of all law."""
    classes: Mapping[str, MessageClass] = msgspec.field(default_factory=lambda: BUILT_IN_CLASSES)
    """The built-in message classes with the home's own."""
    home: Home | None = None
    domains: frozenset[str] = frozenset()
    """Failure domains that the home's channels and contacts declare."""
    channels: Mapping[str, Channel] = {}
    """The home folder's channels as their adapters describe them; empty if unknown."""

    def duty(self, duty: str) -> DutyRule | None:
        """Return a duty's newest rule by ``regime/slug``."""
        return self.rules(duty.partition("/")[0]).get(duty.partition("/")[2])

    def rules(self, regime: str) -> dict[str, DutyRule]:
        """Return the newest rule of every duty of a regime, by slug."""
        law = self.regime(regime) if regime in self.regimes else None
        rules: dict[str, DutyRule] = {}
        for version in law.versions if law is not None else ():
            for rule in version.duties:
                rules.setdefault(rule.slug, rule)
        return rules


def hours(rule: DutyRule) -> float | None:
    """Return the hours of a duty's shortest clock, None if the law has only words."""
    spans = [
        limb.period.amount * _HOURS[limb.period.unit] for limb in rule.clock.limbs if limb.period is not None
    ]
    return min(spans, default=None)


def declared_domains(home: Home | None) -> frozenset[str]:
    """Return the failure domains that a home's channels and contacts name."""
    if home is None:
        return frozenset()
    named = [channel.domains or frozenset() for channel in home.channels.values()]
    named += [contact.domains for person in home.people.values() for contact in person.contacts]
    return frozenset().union(*named)
