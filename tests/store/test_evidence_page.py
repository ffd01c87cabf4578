"""The verifier printed in the documentation works and finds the same faults as ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.journals import event, personal, write

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "evidence.md"


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the page's program on the store in ``folder``."""
    program = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    return subprocess.run(
        [sys.executable, "-I", "-c", program, folder / "tocsin.db"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_printed_verifier_agrees_with_ours(sqlite):
    with sqlite.opened() as store:
        write(store, "a", event(), personal(), event())
        write(store, "b", personal(b'{"name":"Zo\xc3\xab"}'))
        store.shred("b")
        heads = [(name, store.head(name)) for name in ("a", "b")]
        done = verify(sqlite.base)
    assert done.stdout.splitlines() == [f"{name} {head.version} {head.hash}" for name, head in heads], (
        done.stderr
    )


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "UPDATE events SET payload = CAST('{}' AS BLOB) WHERE seq = 2",
            "the content of event 2 was changed",
        ),
        ("UPDATE events SET header = replace(header, 'ada', 'eve') WHERE seq = 3", "event 3 was changed"),
        ("DELETE FROM events WHERE seq = 2", "a: gap at 3"),
    ],
)
def test_the_printed_verifier_finds_each_tampering(sqlite, statement, message):
    with sqlite.opened() as store:
        write(store, "a", event(), event(), event())
    sqlite.execute(statement)
    assert message in verify(sqlite.base).stderr
