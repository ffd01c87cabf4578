"""The worked examples of a new kind of step and of a new event, applied to a copy of the program and run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.consoles import ROOT

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "decisions" / "0169-a-table-for-each-half-of-a-step-kind.md"
HEAD = """schema: tocsin/playbook/v1
name: lost-badge
version: 1.0.0
title: A badge is lost
steps:
"""
PASSIVE = """
  - {id: block, task: Block the badge}
  - {id: blocked, milestone: The badge is useless, after: [block]}
  - {id: tell, task: Tell the owner, after: [blocked]}
"""
EFFECT = """
  - {id: look, probe: door.example}
  - {id: tell, task: Tell the owner, after: [look]}
"""
READ = """
from pathlib import Path
import sys
from runner.playbook.reading import read_playbook
from runner.playbook.schema import playbook_schema
from runner.yamlfile.source import load
from tests.scenario import World

steps = read_playbook(load(Path(sys.argv[1]))).playbook.steps
world = World(*steps)
"""
MILESTONE = """
assert "milestone" in playbook_schema()["$defs"]
assert world.states("block", "blocked", "tell") == ["ready", "waiting", "waiting"]
world.done("block")
assert world.states("block", "blocked", "tell") == ["done", "done", "ready"]
assert steps[1].words == "Milestone: The badge is useless"
"""
PROBE = """
from runner.effects.perform import perform

(work,) = world.claim()
assert (world.state("look"), work.host) == ("active", "door.example")
world.give(perform(work, world.incident, "", world.library, None))
assert world.states("look", "tell") == ["done", "ready"]
"""
EVENT = """
from runner.incident.state import events as e
from runner.incident.turn.fold import fold
from runner.incident.turn.settle import number
from runner.reports.incidents.event_descriptions import Words, describe, kind_of
from tests.scenario import World, task

named = e.WitnessNamed(person="ana", by="ben")
assert e.decode(e.encode(named)) == named
world = World(task("look"))
after = fold(world.incident, number(world.incident, world.now, [named]), world.library)
assert after.version == world.incident.version + 1
assert (describe(named, Words({}, {})), kind_of("WitnessNamed")) == ("ana was named as a witness", "note")
"""


def program(copy: Path, example: dict[str, list[tuple[str, str]]]) -> Path:
    """Copy the program to a folder, with an example."""
    for name in ("runner", "integrations", "playbooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, hunks in example.items():
        file = copy / name
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        for old, new in hunks:
            assert (text.count(old) if text else not old) == 1, f"{name} has not once:\n{old}"
            text = text.replace(old, new) if text else new
        file.write_text(text, encoding="utf-8")
    return copy


def examples() -> list[dict[str, list[tuple[str, str]]]]:
    """Return for each diff of the page its files, and for each file what is replaced by what."""
    found = []
    for diff in re.findall(r"```diff\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        files = re.split(r"^--- a/(.*)\n", diff, flags=re.MULTILINE)[1:]
        found.append({name: _hunks(body) for name, body in zip(files[::2], files[1::2], strict=True)})
    return found


def _hunks(body: str) -> list[tuple[str, str]]:
    hunks = [hunk.splitlines() for hunk in body.split("@@\n")[1:]]
    return [
        tuple("\n".join(line[1:] for line in lines if line[:1] in signs) for signs in (" -", " +"))  # type: ignore[misc]
        for lines in hunks
    ]


def run(program: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=program,
        env={**os.environ, "PYTHONPATH": f"{program}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_kind_changes_three_files_with_an_effect_six_and_a_new_event_four() -> None:
    assert [len(files) for files in examples()] == [3, 6, 4]


def test_the_new_kinds_are_validated_and_worked(tmp_path: Path) -> None:
    for example, playbook, script in zip(examples(), (PASSIVE, EFFECT), (MILESTONE, PROBE), strict=False):
        copy = program(tmp_path / script[:20].strip(), example)
        file = copy / "playbook.yaml"
        file.write_text(HEAD + playbook, encoding="utf-8")
        run(copy, "-m", "runner", "playbook", "validate", str(file), "--home", str(copy / "home"))
        run(copy, "-c", READ + script, str(file))


def test_the_new_event_is_encoded_folded_and_described(tmp_path: Path) -> None:
    run(program(tmp_path / "copy", examples()[2]), "-c", EVENT)
