"""What a playbook means, checked: every problem at once, in the order of the file."""

from __future__ import annotations

from runner.errors import Problem
from runner.loading.check_cadence import check_cadence
from runner.loading.check_clock import check_clocks
from runner.loading.check_flow import check_flow
from runner.loading.check_links import check_links
from runner.loading.check_map import Findings, Map
from runner.loading.check_names import check_names
from runner.loading.check_order import check_order
from runner.loading.check_people import check_people
from runner.loading.check_reach import check_reach
from runner.loading.check_texts import check_texts
from runner.loading.known import Known
from runner.loading.reading import Read
from runner.loading.source import Source


def check(read: Read, source: Source, known: Known) -> tuple[Problem, ...]:
    """Return every problem of a playbook that was read, of its form and of its meaning, sorted by place."""
    found = Findings(source, list(read.problems))
    if read.playbook is not None:
        steps = Map(read.playbook, read.guessed)
        check_order(steps, found)
        check_names(steps, known, found)
        check_flow(steps, known, found)
        check_people(steps, known, found)
        check_reach(steps, known, found)
        check_clocks(steps, known, found)
        check_texts(steps, found)
        check_links(steps, known, found)
        check_cadence(steps, found)
    return tuple(sorted(dict.fromkeys(found.problems), key=lambda one: (one.line, one.column, one.code)))
