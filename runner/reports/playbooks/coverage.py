"""Which steps, branches and duties of a playbook its tests went through, and which none of them did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from runner.playbook.format import AnyStep, Approve, Group, Repeat
from runner.reports.playbooks.case_result import DONE, CaseResult


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How many of how many, and which were missed."""

    met: int
    of: int
    missed: tuple[str, ...] = ()


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """What the tests of one playbook went through."""

    steps: Share
    """Steps that were done at least once."""
    branches: Share
    """Each ``when`` that held and that did not; approvals given and refused; loops done again; lanes opened."""
    duties: Share
    """Duties that the playbook names, and that applied at least once."""


def covered(
    steps: Mapping[str, AnyStep], duties: Sequence[str], runs: Sequence[CaseResult], refused: frozenset[str]
) -> Covered:
    """Return the coverage of all runs together. ``refused`` are the approvals that somebody refused."""
    return Covered(
        steps=_share((step, any(run.ever.get(step, frozenset()) & DONE for run in runs)) for step in steps),
        branches=_share(_branches(steps, runs, refused)),
        duties=_share((duty, any(duty in run.verdicts for run in runs)) for duty in duties),
    )


def _branches(
    steps: Mapping[str, AnyStep], runs: Sequence[CaseResult], refused: frozenset[str]
) -> Iterator[tuple[str, bool]]:
    for path, step in steps.items():
        ever = frozenset[str]().union(*(run.ever.get(path, frozenset()) for run in runs))
        if step.when is not None:
            yield (
                f"{path}: when {step.when.source} holds",
                bool(ever - {"not_applicable", "waiting", "cancelled"}),
            )
            yield f"{path}: when {step.when.source} does not hold", "not_applicable" in ever
        match step:
            case Approve():
                yield f"{path}: refused", path in refused
            case Repeat():
                inner = f"{path}.{step.steps[0].id}"
                yield f"{path}: done again", any(_again(run, path, inner) for run in runs)
            case Group(for_each=items) if items is not None:
                inner = f"{path}.{step.steps[0].id}"
                yield f"{path}: a lane", any(inner in run.ever for run in runs)
            case _:
                pass


def _again(one: CaseResult, path: str, inner: str) -> bool:
    return one.times.get(inner, 0) > 1 or one.times.get(path, 0) > 1


def _share(found: Iterable[tuple[str, bool]]) -> Share:
    every = list(found)
    missed = tuple(name for name, met in every if not met)
    return Share(met=len(every) - len(missed), of=len(every), missed=missed)
