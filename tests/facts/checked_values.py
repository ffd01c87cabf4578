"""Check of a value given as data."""

from __future__ import annotations

from typing import Any

from runner.facts.vocabulary.fact_values import FactProblem
from runner.facts.vocabulary.nested_facts import Misplaced, flatten


def check_value(path: str, value: Any) -> tuple[FactProblem, ...]:
    """Return everything that is wrong with a value given as data for a fact, a map, a list or a group."""
    found: list[Misplaced] = []
    for _ in flatten(path, value, found.append):
        pass
    return tuple(misplaced.problem for misplaced in found)
