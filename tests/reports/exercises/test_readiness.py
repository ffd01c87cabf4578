"""People who may not be reachable, with the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.reports.exercises.readiness import person_problem
from tests.scenario import T0

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("ways", "days", "failed", "problem"),
    [
        (0, None, False, "no usable contact method"),
        (1, None, False, "no contact method tested"),
        (1, None, True, "all channel tests failed"),
        (2, 3, True, "last channel test failed, last success 3 d ago"),
        (2, 90, False, ""),
        (2, 91, False, "last success 91 d ago: test again"),
    ],
)
def test_a_person_is_reachable_if_a_contact_worked_recently(
    ways: int, days: int | None, failed: bool, problem: str
) -> None:
    worked = None if days is None else T0 - days * DAY
    assert person_problem(ways, worked, failed, T0) == problem
