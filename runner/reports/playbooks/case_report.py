"""The report of ``playbook test``: cases, failures and coverage, for people, programs and build servers (JUnit)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.etree import ElementTree

import msgspec

from runner.base.text import text_problem
from runner.playbook.format import AnyStep, Approve, Group, Repeat
from runner.reports.core.formatting import count
from runner.reports.core.page import Block, Cell, flow, line, paged, table
from runner.reports.core.report import Report
from runner.reports.playbooks.case_result import DONE, CaseResult


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """The covered number, the total, and the names without coverage."""

    met: int
    of: int
    missed: tuple[str, ...] = ()


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """The test coverage of one playbook."""

    steps: Share
    """Steps that were done at least once."""
    branches: Share
    """Each ``when`` as true and as false, refused approvals, repeated loops and groups with items."""
    duties: Share
    """Duties of the playbook that applied at least once."""


def covered(
    steps: Mapping[str, AnyStep], duties: Sequence[str], runs: Sequence[CaseResult], refused: frozenset[str]
) -> Covered:
    """Return the coverage of all runs together. ``refused`` are the approvals that a person refused."""
    return Covered(
        steps=_covered((step, any(run.ever.get(step, frozenset()) & DONE for run in runs)) for step in steps),
        branches=_covered(_branches(steps, runs, refused)),
        duties=_covered((duty, any(duty in run.verdicts for run in runs)) for duty in duties),
    )


def _branches(
    steps: Mapping[str, AnyStep], runs: Sequence[CaseResult], refused: frozenset[str]
) -> Iterator[tuple[str, bool]]:
    for path, step in steps.items():
        ever = frozenset[str]().union(*(run.ever.get(path, frozenset()) for run in runs))
        if step.when is not None:
            yield (
                f"{path}: when {step.when.source} is true",
                bool(ever - {"not_applicable", "waiting", "cancelled"}),
            )
            yield f"{path}: when {step.when.source} is false", "not_applicable" in ever
        match step:
            case Approve():
                yield f"{path}: refused", path in refused
            case Repeat():
                inner = f"{path}.{step.steps[0].id}"
                yield f"{path}: repeated", any(_again(run, path, inner) for run in runs)
            case Group(for_each=items) if items is not None:
                inner = f"{path}.{step.steps[0].id}"
                yield f"{path}: 1 or more items", any(inner in run.ever for run in runs)
            case _:
                pass


def _again(one: CaseResult, path: str, inner: str) -> bool:
    return one.times.get(inner, 0) > 1 or one.times.get(path, 0) > 1


def _covered(found: Iterable[tuple[str, bool]]) -> Share:
    every = list(found)
    missed = tuple(name for name, met in every if not met)
    return Share(met=len(every) - len(missed), of=len(every), missed=missed)


class CaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """One test case; passed without failures."""

    name: str
    passed: bool
    failures: tuple[str, ...]
    virtual_seconds: int | None
    """Virtual time from opening to the end; None if the case did not end."""


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One test file."""

    file: str
    playbook: str
    version: str
    cases: tuple[CaseReport, ...]
    coverage: Covered


class TestReport(Report, frozen=True, kw_only=True, tag="tocsin/playbook-tests/v1"):
    """The report of all files."""

    __test__ = False
    passed: int
    failed: int
    files: tuple[FileReport, ...]


def report(files: Sequence[FileReport]) -> TestReport:
    """Return the report of all files."""
    cases = [case for file in files for case in file.cases]
    passed = sum(case.passed for case in cases)
    return TestReport(passed=passed, failed=len(cases) - passed, files=tuple(files))


@paged
def page(found: TestReport, *, missed: bool = False) -> Iterator[Block]:
    """Draw all failures and the coverage; with ``missed``, also the names without coverage."""
    for file in found.files:
        yield line(f"{file.playbook} {file.version}", "title")
        yield line(file.file, "dim", indent=2)
        for case in file.cases:
            mark = Cell("OK  ", "good") if case.passed else Cell("FAILED  ", "alarm")
            yield flow(mark, case.name, indent=2, hang=2)
            yield from (line(f"- {words}", "alarm", indent=6, hang=2) for words in case.failures)
        covered = file.coverage
        parts = (("steps", covered.steps), ("branches", covered.branches), ("duties", covered.duties))
        shares = ", ".join(f"{share.met}/{share.of} {name}" for name, share in parts)
        yield line(f"Coverage: {shares}", "dim", indent=2)
        if missed:
            yield from _missed(covered)
    ended = f"{count(found.passed, 'test')} passed, {found.failed} failed"
    yield line(ended, "alarm" if found.failed else "good")


def _missed(covered: Covered) -> list[Block]:
    shares = (("step", covered.steps), ("branch", covered.branches), ("duty", covered.duties))
    rows = tuple((Cell(kind, "dim"), name) for kind, share in shares for name in share.missed)
    return [line("Not covered:", "warn", indent=2), table(rows, 1, indent=4)] if rows else []


def junit(found: TestReport) -> str:
    """Return the report as JUnit XML for build servers, one suite for each file."""
    root = ElementTree.Element(
        "testsuites", tests=str(found.passed + found.failed), failures=str(found.failed)
    )
    for file in found.files:
        failed = sum(not case.passed for case in file.cases)
        suite = ElementTree.SubElement(
            root, "testsuite", name=file.playbook, tests=str(len(file.cases)), failures=str(failed)
        )
        for case in file.cases:
            made = ElementTree.SubElement(suite, "testcase", classname=file.playbook, name=_xml(case.name))
            if not case.passed:
                told = "\n".join(map(_xml, case.failures))
                ElementTree.SubElement(made, "failure", message=_xml(case.failures[0])).text = told
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _xml(text: str) -> str:
    """Return a text without characters that XML forbids or terminals interpret."""
    return "".join(" " if text_problem(one) else one for one in text)
