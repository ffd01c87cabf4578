"""The shipped exercises: each has targets that players miss if they are late, silent or in the wrong order."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from runner.base.instants import parse_duration
from runner.files.exercise_file import Loaded, exercise_files, load_exercise
from runner.incident.exercises.exercise_plan import Action, Exercise
from runner.incident.exercises.ratings import ratings
from runner.playbook.catalogue import Catalog
from runner.workers.simulated_exercise import unattended
from tests.warm import cache

pytestmark = pytest.mark.shipped

NAMES = sorted(exercise_files(Catalog(None)))
PLAYED = [name for name in NAMES if name != "tabletop"]
"""Exercises with a clock: the journal of a discussion shows no deeds, so people rate it."""
SHORT = {
    "account-takeover": "stolen-session",
    "cloud-key-leak": "key-in-repository",
    "data-extortion": "stolen-archive",
    "ddos-extortion": "flooded-shop",
    "exploited-vulnerability": "open-gateway",
    "exposed-data": "public-folder",
    "impersonation-fraud": "false-director",
    "saas-token-theft": "stolen-token",
    "software-supply-chain": "bad-package",
    "web-breach": "changed-checkout",
}
"""Playbook → its exercise for one meeting."""


@functools.cache
def shipped(name: str) -> Loaded:
    """Return a shipped exercise."""
    return load_exercise(name, Catalog(None, cache=cache()))


def tasks(plan: Exercise) -> list[tuple[str, Action]]:
    """Return each task with its target."""
    targets = [target for objective in plan.objectives for target in objective.targets]
    return [(target.id, task) for target in targets for task in target.tasks]


def badly(loaded: Loaded) -> Loaded:
    """Return an exercise whose players are late with each target, skip what comes first, and answer no message."""
    plan = loaded.exercise
    takes, deeds = dict(plan.script.takes), dict(plan.script.deeds)
    for _, task in tasks(plan):
        if task.message:
            deeds[task.message] = ("unreached", "skip")
        if task.after:
            deeds[task.after] = ("skip",)
        elif task.step and task.within:
            takes[task.step] = f"{2 * parse_duration(task.within).total_seconds() / 60:.0f}m"
    return replace(loaded, exercise=replace(plan, script=replace(plan.script, takes=takes, deeds=deeds)))


def proposed(loaded: Loaded) -> Mapping[str, str]:
    """Return the rating that the journal gives to each target, as if people had played."""
    with unattended(loaded, Catalog(None, cache=cache()), cache(), lambda event: None) as (_, incident):
        found = ratings(loaded.exercise, replace(incident, kind="exercise"))
    return {target.id: target.proposal.rating for objective in found for target in objective.targets}


@pytest.mark.nightly
@pytest.mark.parametrize("name", PLAYED)
def test_late_silent_and_disordered_players_miss_the_targets(name: str) -> None:
    loaded = shipped(name)
    found = proposed(badly(loaded))
    timed = {target for target, task in tasks(loaded.exercise) if task.message or (task.step and task.within)}
    ordered = {target for target, task in tasks(loaded.exercise) if task.after}
    assert {found[target] for target in timed - ordered} <= {"M", "U"}, found
    assert {found[target] for target in ordered} <= {"U", "N/O"}, found
    assert timed - ordered


@pytest.mark.parametrize("name", PLAYED)
def test_an_exercise_changes_facts_hands_out_artefacts_and_ends(name: str) -> None:
    plan = shipped(name).exercise
    assert sum(bool(event.facts) for event in plan.events) >= 2
    assert sum(event.artefact is not None for event in plan.events) >= 2
    assert plan.ends is not None
    assert plan.ends.at
    gaps = [
        (parse_duration(one.at), parse_duration(one.jump_to)) for one in plan.events if one.at and one.jump_to
    ]
    events = [parse_duration(one.at) for one in plan.events if one.at]
    limits = [parse_duration(task.within) for _, task in tasks(plan) if task.within]
    assert max(events) < parse_duration(plan.ends.at)
    assert max(limits) <= parse_duration(plan.ends.at)
    assert [at for at in (*events, *limits) for begin, end in gaps if begin < at < end] == [], (
        "nobody plays then"
    )


@pytest.mark.parametrize("playbook", SHORT)
def test_an_exercise_for_one_meeting_is_short_and_players_in_time_meet_its_targets(playbook: str) -> None:
    loaded = shipped(SHORT[playbook])
    plan = loaded.exercise
    jumps = [
        parse_duration(one.jump_to) - parse_duration(one.at) for one in plan.events if one.at and one.jump_to
    ]
    assert plan.playbook == playbook
    assert plan.ends is not None
    assert plan.ends.at
    played = parse_duration(plan.ends.at) - sum(jumps, timedelta())
    assert played / plan.clock.rate <= timedelta(minutes=90)
    assert 8 <= len(plan.events) <= 14
    assert any(task.after for _, task in tasks(plan))
    assert set(proposed(loaded).values()) == {"P"}


def test_the_exercises_have_a_false_positive_an_authority_that_asks_back_and_a_failed_restore() -> None:
    events = [event for name in PLAYED for event in shipped(name).exercise.events]
    assert {"The authority asks back", "The test restore fails"} <= {event.title for event in events}
    assert sum(event.notes.startswith("False positive. Expected: ") for event in events) == len(PLAYED)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_exercise_has_no_warning(name: str) -> None:
    from runner.files.validate import validate

    assert validate([Path(shipped(name).file)], Catalog(None), strict=True) == ()
