"""The answer to ``playbook test``: each case with what was wrong, and what the tests went through; for people, programs
and build servers (JUnit).
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import msgspec

from runner.base.text import text_problem
from runner.reports.core.formatting import count
from runner.reports.core.page import Block, Cell, Page, Paragraph, Table, line
from runner.reports.playbooks.coverage import Covered, Share


class CaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """One case; it passed when there are no failures."""

    name: str
    passed: bool
    failures: tuple[str, ...]
    virtual_seconds: int | None
    """From opening to the end, in its own time; None where it was not played to the end."""


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file of tests."""

    file: str
    playbook: str
    version: str
    cases: tuple[CaseReport, ...]
    coverage: Covered


class TestReport(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/playbook-tests/v1"
):
    """The whole answer."""

    __test__ = False
    passed: int
    failed: int
    files: tuple[FileReport, ...]


def report(files: Sequence[FileReport]) -> TestReport:
    """Return the answer for all files."""
    cases = [case for file in files for case in file.cases]
    passed = sum(case.passed for case in cases)
    return TestReport(passed=passed, failed=len(cases) - passed, files=tuple(files))


def page(found: TestReport, *, missed: bool = False) -> Page:
    """Draw it: failures in full, coverage in a line, and with ``missed`` what no test went through."""
    blocks: list[Block] = []
    for file in found.files:
        blocks += [line(f"{file.playbook} {file.version}", "title"), line(file.file, "dim", indent=2)]
        for case in file.cases:
            mark = Cell("ok  ", "good") if case.passed else Cell("FAILED  ", "alarm")
            blocks.append(Paragraph(cells=(mark, Cell(case.name)), indent=2, hang=2))
            blocks += [line(f"- {words}", "alarm", indent=6, hang=2) for words in case.failures]
        blocks.append(_coverage(file.coverage))
        blocks += _missed(file.coverage) if missed else []
    ended = f"{count(found.passed, 'test')} passed, {found.failed} failed"
    blocks.append(line(ended, "alarm" if found.failed else "good"))
    return Page(tuple(blocks))


def _coverage(covered: Covered) -> Paragraph:
    parts = (("steps", covered.steps), ("branches", covered.branches), ("duties", covered.duties))
    return line("covered: " + ", ".join(f"{_share(share)} {name}" for name, share in parts), "dim", indent=2)


def _share(share: Share) -> str:
    return f"{share.met}/{share.of}"


def _missed(covered: Covered) -> list[Block]:
    rows = tuple(
        (Cell(kind, "dim"), Cell(name))
        for kind, share in (("step", covered.steps), ("branch", covered.branches), ("duty", covered.duties))
        for name in share.missed
    )
    return (
        [line("no test went through:", "warn", indent=2), Table(rows=rows, elastic=1, indent=4)]
        if rows
        else []
    )


def junit(found: TestReport) -> str:
    """Return the answer as build servers read it: JUnit's XML, one suite for each file."""
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
    """Return a text without what XML cannot hold and terminals could act on."""
    return "".join(" " if text_problem(one) else one for one in text)
