"""Every shipped playbook, worked along every branch to its honest end by the tests that ship with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.playbook.catalogue import Catalog, shipped_folder
from runner.playbook.format import Message, Wait
from runner.playbook.playbook_test_file import find_tests, load_tests, paths
from runner.reports.core.action_text import sentence
from runner.workers.playbook_test_runner import Result, report_of, run_file
from tests.warm import cache as warm_law

pytestmark = [pytest.mark.shipped, pytest.mark.timeout(900)]
GAP = re.compile(r"\[(not known|cannot be told)")
CATALOG = Catalog(None)
FILES = find_tests((), CATALOG)


def played(path: Path) -> tuple[Result, ...]:
    return run_file(load_tests(path, CATALOG), CATALOG, warm_law(), sentence)


def name(path: Path) -> str:
    return path.stem


def test_every_shipped_playbook_has_tests() -> None:
    folder = shipped_folder()
    assert folder is not None
    books = {path.stem for path in folder.glob("*.yaml") if "@" not in path.stem}
    assert {load_tests(path, CATALOG).bundle.playbook.name for path in FILES} == books


def test_every_wait_has_a_title() -> None:
    waits = [
        (path.stem, step, one)
        for path in FILES
        for step, one in paths(load_tests(path, CATALOG).bundle)
        if isinstance(one, Wait)
    ]
    assert [(book, step) for book, step, one in waits if not one.title] == []


# One test plays a playbook once: as three tests, two processes would each play it.
@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_path_ends_every_step_is_covered_and_every_message_is_sent_with_known_facts(path: Path) -> None:
    results = played(path)
    assert {result.name: result.failures for result in results if result.failures} == {}
    found = report_of(load_tests(path, CATALOG), results).coverage
    assert (found.steps.missed, found.branches.missed, found.duties.missed) == ((), (), ())
    messages = {step for step, one in paths(load_tests(path, CATALOG).bundle) if isinstance(one, Message)}
    texts = [text for result in results if result.found is not None for text in result.found.texts.items()]
    assert messages <= {step for step, _ in texts}
    assert [text for _, text in texts if GAP.search(text) or not text.strip()] == []
