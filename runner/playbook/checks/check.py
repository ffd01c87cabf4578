"""Checks of a playbook: every problem at once, in the order of the file."""

from __future__ import annotations

from runner.errors import Problem
from runner.playbook.checks.clock import check_cadence, check_clocks
from runner.playbook.checks.flow import check_flow
from runner.playbook.checks.kinds import check_kinds
from runner.playbook.checks.names import check_names
from runner.playbook.checks.order import check_order
from runner.playbook.checks.people import check_people
from runner.playbook.checks.reach import check_reach
from runner.playbook.checks.step_map import Findings, Map
from runner.playbook.checks.texts import check_links, check_texts
from runner.playbook.lookup import Known
from runner.playbook.reading import Read
from runner.yamlfile.source import Source


def check(read: Read, source: Source, known: Known) -> tuple[Problem, ...]:
    """Return every problem of a playbook's form and meaning, sorted by position."""
    findings = Findings(source, list(read.problems))
    if read.playbook is not None:
        steps = Map(read.playbook, read.guessed)
        check_order(steps, findings)
        check_names(steps, known, findings)
        check_kinds(steps, known, findings)
        check_flow(steps, findings)
        check_people(steps, known, findings)
        check_reach(steps, known, findings)
        check_clocks(steps, known, findings)
        check_texts(steps, findings)
        check_links(steps, known, findings)
        check_cadence(steps, findings)
    return tuple(sorted(dict.fromkeys(findings.problems), key=lambda one: (one.line, one.column, one.code)))
