"""The commands of the hook for pre-commit, and of the action for GitHub without its installation, do what their files say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parent.parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
ACTION = yaml.safe_load((ROOT / ".github/actions/validate/action.yml").read_text(encoding="utf-8"))
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {"required": ["driver"], "properties": {"driver": {"required": ["name", "rules"]}}},
                    "results": {
                        "minItems": 1,
                        "items": {
                            "required": ["message", "ruleId", "locations"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"required": ["text"]},
                                "locations": {
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "region": {"properties": {"startLine": {"minimum": 1}}}
                                                },
                                            }
                                        }
                                    }
                                },
                            },
                        },
                    },
                },
            }
        },
    },
}  # fmt: skip
"""The part of SARIF 2.1.0 that GitHub reads, written by hand."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as a user's repository: one valid playbook with its test, and one with a mistake."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("good/playbooks/tests", "bad/playbooks"):
        (folder / name).mkdir(parents=True)
    playbook = (ROOT / "playbooks" / "lost-device.yaml").read_text(encoding="utf-8")
    (folder / "good/playbooks/lost-device.yaml").write_text(playbook, encoding="utf-8")
    wrong = playbook.replace("role: commander", "role: comander", 1)
    (folder / "bad/playbooks/lost-device.yaml").write_text(wrong, encoding="utf-8")
    shutil.copy(ROOT / "playbooks/tests/lost-device.yaml", folder / "good/playbooks/tests")
    return folder


def run(command: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell as the action does, with the program of this environment and no home of a user."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        **given,
    }
    words = ("bash", "-e", "-o", "pipefail", "-c", command)
    return subprocess.run(words, cwd=folder, env=environment, check=False, capture_output=True, text=True)


def test_the_hook_takes_playbooks_alone_and_its_entry_finds_their_mistakes(repository: Path) -> None:
    (hook,) = HOOKS
    files = re.compile(hook["files"])
    taken = ("playbooks/a.yaml", "ops/playbooks/tests/a.yml", "a.tocsin.yaml")
    assert [bool(files.search(one)) for one in (*taken, "a.yaml", "playbooks/a.json")] == [True] * 3 + [
        False
    ] * 2
    assert (hook["id"], hook["language"]) == ("tocsin-validate", "python")
    ran = [
        run(f"{hook['entry']} {shlex.quote(f'{one}/playbooks/lost-device.yaml')}", repository)
        for one in ("good", "bad")
    ]
    assert [one.returncode for one in ran] == [0, 1], ran
    assert "unknown-role" in ran[1].stdout + ran[1].stderr


def test_the_lines_of_the_action_run_and_write_sarif(repository: Path) -> None:
    steps = {step["name"]: step for step in ACTION["runs"]["steps"]}
    assert list(steps) == ["Set up Python", "Install", "Validate", "Upload", "Test"]
    installed = (ROOT / ".github/actions/validate" / "../../..").resolve()
    assert (installed / "pyproject.toml").exists()
    assert not [step for step in steps.values() if "inputs." in step.get("run", "")], "a value is no code"
    good, bad = repository / "good", repository / "bad"
    validated = [run(steps["Validate"]["run"], one, PLAYBOOKS="playbooks") for one in (good, bad)]
    assert [one.returncode for one in validated] == [0, 1], validated
    file = steps["Upload"]["with"]["sarif_file"]
    jsonschema.validate(json.loads((bad / file).read_bytes()), SARIF)
    found = [json.loads((one / file).read_bytes())["runs"][0]["results"] for one in (good, bad)]
    assert [any(result["level"] == "error" for result in results) for results in found] == [False, True]
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in found[1]]
    assert {*places} == {"playbooks/lost-device.yaml"}, "GitHub shows a problem at a path of the repository"
    tested = run(steps["Test"]["run"], good, TESTS="playbooks/tests")
    assert tested.returncode == 0, tested
