"""Checks of a playbook: every problem at once, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from runner.base.states import PROFILES
from runner.errors import Problem
from runner.playbook.checks.clock import check_cadence, check_clocks
from runner.playbook.checks.clock_starts import check_starts
from runner.playbook.checks.flow import check_flow
from runner.playbook.checks.kinds import check_kinds
from runner.playbook.checks.names import check_names
from runner.playbook.checks.order import check_order
from runner.playbook.checks.people import check_people
from runner.playbook.checks.profiles import check_profiles
from runner.playbook.checks.reach import check_reach
from runner.playbook.checks.step_map import Findings, Map
from runner.playbook.checks.texts import check_links, check_texts
from runner.playbook.format import Playbook
from runner.playbook.lookup import Known
from runner.playbook.profiles import has_profiles
from runner.playbook.reading import Read
from runner.yamlfile.source import Source


def check(read: Read, source: Source, known: Known, *, starts: bool = False) -> tuple[Problem, ...]:
    """Return every problem of a playbook's form and meaning in each of its profiles, sorted by position.

    ``starts`` also checks that the starts of legal clocks are asked for: it reads all playbooks and all laws.
    """
    problems = list(read.problems)
    if read.playbook is not None:
        if has_profiles(read.playbook.steps):
            problems += _of_profiles(read, read.playbook, source, known)
        else:
            problems += _meaning(Map(read.playbook, read.guessed), read, source, known)
        if starts:
            findings = Findings(source, [])
            check_starts(Map(read.playbook, read.guessed), known, findings)
            problems += findings.problems
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: (one.line, one.column, one.code)))


def _of_profiles(read: Read, playbook: Playbook, source: Source, known: Known) -> Iterator[Problem]:
    """Yield the problems of the profiles; one that only one profile has names it."""
    maps = {profile: Map(playbook, read.guessed, profile) for profile in PROFILES}
    found = {profile: _meaning(steps, read, source, known) for profile, steps in maps.items()}
    shared = set[Problem].intersection(*map(set, found.values()))
    for profile, problems in found.items():
        for problem in problems:
            text = f"In the {profile} profile: {problem.message}"
            yield problem if problem in shared else replace(problem, message=text)
    findings = Findings(source, [], read.inherited)
    check_profiles(Map(playbook, read.guessed), maps, known, findings)
    yield from findings.problems


def _meaning(steps: Map, read: Read, source: Source, known: Known) -> list[Problem]:
    """Return the problems of a playbook's meaning."""
    findings = Findings(source, [], read.inherited)
    check_order(steps, findings)
    check_names(steps, known, findings)
    check_kinds(steps, known, findings)
    check_flow(steps, findings)
    if known.home is None or steps.profile in (None, known.home.profile):
        check_people(steps, known, findings)
        check_reach(steps, known, findings)
    check_clocks(steps, known, findings)
    check_texts(steps, findings)
    check_links(steps, known, findings)
    check_cadence(steps, findings)
    return findings.problems
