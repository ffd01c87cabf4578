"""The load and the containment time of every shipped playbook, when each step is done exactly at its due time.

The page ``docs/reference/playbooks.md`` has the measures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from runner.base.states import PROFILES, Profile
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from runner.playbook.format import Approve
from runner.playbook.profiles import bundle_of_profile
from tests.golden_files import same
from tests.playbooks.first_hour import LIMITS, Measure, clock, measure, names

pytestmark = pytest.mark.shipped

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "playbooks.md"
FIRST = "the first containment step"
BLOCKS = {
    "breach-duties",
    "client-lanes",
    "demand",
    "duty-lanes",
    "identity-lockout",
    "mobilise",
    "payment-cards",
    "secrets-rotation",
    "stop-request",
    "substitute-notice",
}
"""Playbooks that others call, or that contain nothing: they have no containment step of their own."""
CONTAINED: Mapping[str, Mapping[str, int]] = {
    "business-email-compromise": {"money.recall": 15, "lock_out": 30, "rules": 60},
    "cisa-federal-incident": {"urgent_containment": 60},
    "credential-stuffing": {"batches.reset": 60},
    "exploited-vulnerability": {"restrict": 20, "sessions": 60, "early_secrets": 300},
    "insider-exfiltration": {"hold": 60, "logs": 60, "limit": 120},
    "lost-device": {"sessions": 20, "lock": 30, "wipe": 120},
    "personal-data-breach": {"contain": 90},
    "ransomware": {"lock_backups": 20, "isolate": 30, "close_ways": 60},
    "software-supply-chain": {"stop_builds": 10, "isolate": 50, "revoke": 70},
    "text-fraud": {"stop": 15},
}
"""The steps that stop the harm, and by which minute after the opening; of other playbooks ``USUAL``."""
USUAL: Mapping[str, int] = {FIRST: 60}
ORDER: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "exploited-vulnerability": (
        ("restrict", "sessions", "early_secrets", "secrets"),
        ("capture", "sessions"),
    ),
    "insider-exfiltration": (("people", "alert"), ("people", "mobilise"), ("hold", "circle")),
    "lost-device": (("record", "wipe_plan", "sign_wipe", "wipe"), ("lock", "wipe_plan")),
    "ransomware": (
        ("first_breach", "evict", "gate_recovery", "restore"),
        ("evidence", "evict"),
        ("lock_backups", "contained_at", "evict"),
    ),
    "software-supply-chain": (("stop_builds", "installed", "isolate", "revoke"),),
}
"""Steps of which each waits for the one before it: the other order destroys evidence, warns the attacker or lets them return."""
AT_ONCE: Mapping[str, tuple[str, ...]] = {
    "exploited-vulnerability": ("restrict", "capture"),
    "insider-exfiltration": ("people",),
    "lost-device": ("sessions", "lock"),
    "ransomware": ("isolate", "lock_backups"),
}
"""Steps that wait for nothing."""
NEVER = 100_000
HEAD = """\
# Playbooks

For teams that choose a playbook: how much work each shipped playbook is. The program plays each playbook with every step done exactly when it is due, and
with the answers that open the most steps. *Person steps* are tasks, questions, forms, approvals and filings, also of called playbooks. *Open at once* is the
highest number of person steps that are open at the same time. *First containment* is the time from the opening to the end of the first step that stops
the harm. Each pair of values is for the small and the large profile.

| playbook | person steps | open at once | first containment | sources |
|---|---|---|---|---|
"""


def found(name: str, profile: Profile) -> dict[str, int]:
    """Return the measures of a profile that have a limit."""
    seen = measure(name, profile)
    times = {step: minutes(seen, step) for step in limits_of(name)}
    return {
        "open": seen.most_open,
        "one_person": seen.most_for_one[0],
        "without_due": len(seen.undated),
        **times,
    }


def minutes(seen: Measure, step: str) -> int:
    """Return the minute in which a step ended, ``NEVER`` if it did not."""
    first = seen.contained[0][1] if seen.contained else None
    at = first if step == FIRST else seen.ended.get(step)
    return NEVER if at is None else int(at.total_seconds()) // 60


def limits_of(name: str) -> Mapping[str, int]:
    return {} if name in BLOCKS else CONTAINED.get(name, USUAL)


def limits(name: str, profile: Profile) -> dict[str, int]:
    most, one = LIMITS[profile]
    return {"open": most, "one_person": one, "without_due": 0, **limits_of(name)}


def too_much(name: str, profile: Profile) -> dict[str, int]:
    """Return the measures above their limits."""
    bounds = limits(name, profile)
    return {what: value for what, value in found(name, profile).items() if value > bounds[what]}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", names())
def test_a_playbook_keeps_the_limits_of_the_first_hour(name: str, profile: Profile) -> None:
    assert too_much(name, profile) == {}, f"python -m tests.playbooks.first_hour {name} --profile {profile}"


@pytest.mark.parametrize(("name", "small", "large"), [("ransomware", 33, 70), ("misdirected-message", 8, 20)])
def test_a_playbook_has_few_person_steps(name: str, small: int, large: int) -> None:
    assert measure(name, "small").person_steps <= small
    assert measure(name, "large").person_steps <= large


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ORDER)
def test_a_step_waits_for_the_one_that_must_come_before_it(name: str, profile: Profile) -> None:
    steps = bundle_of_profile(load_bundle(name, Catalog(None)), profile).playbook.steps
    waits = {step.id: set(step.after.steps) for step in steps}
    late = [
        (one, other) for row in ORDER[name] for one, other in pairwise(row) if one not in before(waits, other)
    ]
    assert late == []
    assert [step for step in AT_ONCE.get(name, ()) if waits[step]] == []


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ORDER)
def test_a_step_that_others_must_wait_for_cannot_be_left_out(name: str, profile: Profile) -> None:
    required = {
        "exploited-vulnerability": {"restrict", "capture"},
        "insider-exfiltration": {"people", "hold", "logs"},
        "lost-device": {"record"},
        "ransomware": {"lock_backups", "evidence", "first_breach", "evict", "gate_recovery"},
        "software-supply-chain": {"isolate"},
    }
    steps = bundle_of_profile(load_bundle(name, Catalog(None)), profile).playbook.steps
    assert required[name] <= {step.id for step in steps if getattr(step, "required", False)}


@pytest.mark.parametrize("profile", PROFILES)
def test_nobody_with_the_key_of_the_house_it_team_hears_of_an_insider(profile: Profile) -> None:
    playbook = bundle_of_profile(load_bundle("insider-exfiltration", Catalog(None)), profile).playbook
    told = {to for message in playbook.messages.values() for to in message.to}
    assert "technical" not in playbook.roles
    assert "role:technical" not in told


@pytest.mark.parametrize("profile", PROFILES)
def test_a_wipe_needs_the_one_who_proposes_it_and_another_who_approves_it(profile: Profile) -> None:
    steps = bundle_of_profile(load_bundle("lost-device", Catalog(None)), profile).playbook.steps
    plan, sign, wipe = (
        next(step for step in steps if step.id == one) for one in ("wipe_plan", "sign_wipe", "wipe")
    )
    assert isinstance(sign, Approve)
    assert (sign.approve, set(sign.by.roles)) == ("wipe_plan", {"counsel", "dpo"})
    assert not {plan.role, wipe.role} & set(sign.by.roles)


def before(waits: Mapping[str, set[str]], step: str) -> set[str]:
    """Return the steps that are over before a step can start."""
    return set().union(*({one} | before(waits, one) for one in waits[step]))


def test_each_containment_step_with_a_limit_is_named_for_a_shipped_playbook() -> None:
    assert set(CONTAINED) <= set(names())


def test_the_page_shows_the_measures() -> None:
    same(PAGE, HEAD + "".join(f"{row}\n" for row in rows()))


def rows() -> Iterator[str]:
    """Yield the row of each playbook."""
    for name in names():
        description = load_bundle(name, Catalog(None)).playbook.description
        both = [measure(name, profile) for profile in PROFILES]
        contained = pair([clock(seen.contained[0][1]) if seen.contained else "-" for seen in both])
        cells = (
            f"`{name}`",
            pair([str(seen.person_steps) for seen in both]),
            pair([str(seen.most_open) for seen in both]),
            "-" if name in BLOCKS else contained,
            sources(description),
        )
        yield f"| {' | '.join(cells)} |"


def pair(values: list[str]) -> str:
    """Return the values of the small and the large profile; one if they are equal."""
    return " / ".join(dict.fromkeys(values))


def sources(description: str) -> str:
    """Return the sources that a playbook's description names, also those that are secondary only."""
    text = " ".join(description.split())
    found = re.search(r"\bSources?: (.*)|\b(from secondary sources only: .*)", text, re.IGNORECASE)
    return "-" if found is None else (found[1] or found[2]).replace("|", "\\|")
