"""The question about the start of a legal clock is wanted once, of the playbook that others call or of its caller."""

from __future__ import annotations

from pathlib import Path

from runner.files.validate import validate
from runner.playbook.catalogue import Catalog
from tests.playbooks.first_hour import names
from tests.warm import cache

HEAD = "schema: tocsin/playbook/v1\nversion: 1.0.0\ntitle: T\n"
CALLED = f"{HEAD}name: texan\nsteps:\n  - {{id: duties, duties: [us-tx-breach]}}\n"
CALLER = f"{HEAD}name: caller\nsteps:\n  - {{id: inner, playbook: texan@1.0.0}}\n"
QUESTION = "  - {id: at, ask: When was it determined?, sets: incident.determined_at, role: counsel}\n"


def warned(folder: Path, **files: str) -> list[str]:
    """Return the names of the playbooks of a home folder that ask too little."""
    for name, text in files.items():
        (folder / "playbooks").mkdir(exist_ok=True)
        (folder / "playbooks" / f"{name}.yaml").write_text(text)
    catalog = Catalog(folder)
    problems = [problem for name in files for problem in validate([Path(name)], catalog)]
    return [Path(problem.file).stem for problem in problems if problem.code == "clock-never-asked"]


def test_a_playbook_without_callers_is_judged_by_itself(tmp_path: Path) -> None:
    assert warned(tmp_path, texan=CALLED) == ["texan"]


def test_a_called_playbook_is_judged_in_its_caller(tmp_path: Path) -> None:
    assert warned(tmp_path, texan=CALLED, caller=CALLER) == ["caller"]


def test_a_question_of_either_is_enough(tmp_path: Path) -> None:
    assert warned(tmp_path, texan=CALLED, caller=CALLER + QUESTION) == []
    assert warned(tmp_path, texan=CALLED + QUESTION, caller=CALLER) == []


def test_every_shipped_playbook_asks_for_the_starts_of_all_clocks() -> None:
    catalog = Catalog(None, cache=cache())
    problems = [problem for name in names() for problem in validate([Path(name)], catalog)]
    assert [problem for problem in problems if not problem.code.endswith("-not-checked")] == []
