"""The load and the containment time of every shipped playbook, when each step is done exactly at its due time.

The page ``docs/reference/playbooks.md`` has the measures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runner.base.states import PROFILES, Profile
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
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
    "insider-exfiltration": {"limit": 120},
    "personal-data-breach": {"contain": 90},
    "ransomware": {"isolate": 30, "close_ways": 60},
    "text-fraud": {"stop": 15},
}
"""The steps that stop the harm, and by which minute after the opening; of other playbooks ``USUAL``."""
USUAL: Mapping[str, int] = {FIRST: 60}
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


@pytest.mark.parametrize(("name", "small", "large"), [("ransomware", 30, 70), ("misdirected-message", 8, 20)])
def test_a_playbook_has_few_person_steps(name: str, small: int, large: int) -> None:
    assert measure(name, "small").person_steps <= small
    assert measure(name, "large").person_steps <= large


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
