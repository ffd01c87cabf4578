"""The guide to writing an integration is run: its module passes its own suite."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from integrations import discovery
from runner.effects.gateway import Gateway
from runner.model.messaging import ChannelConfig

ROOT = Path(__file__).parents[2]


def test_the_integration_in_the_guide_passes_the_conformance_suite(tmp_path):
    guide = (ROOT / "docs/how-to/write-an-integration.md").read_text(encoding="utf-8")
    module, suite = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "pager.py").write_text(module, encoding="utf-8")
    (tmp_path / "test_pager.py").write_text(suite, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = . {ROOT}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pager.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "25 passed" in done.stdout


def examples() -> dict[str, dict]:
    """Return every channel that the guide sets up in a fence of its own, by name."""
    page = (ROOT / "docs/how-to/set-up-channels.md").read_text(encoding="utf-8")
    fences = re.findall(r"```yaml\n(channels:\n.*?)```", page, re.DOTALL)
    return {name: given for one in fences for name, given in yaml.safe_load(one)["channels"].items()}


@pytest.mark.parametrize("name", examples())
def test_every_channel_of_the_guide_can_be_set_up_as_it_stands(name):
    given = examples()[name]
    shown = ChannelConfig(**{**given, "domains": frozenset(given.get("domains", ()))})
    gateway = Gateway()
    found = gateway.lint(gateway.channel(name, shown), {})
    # The guide holds no secrets, so they are all that may be missing; and it names none that is not used.
    assert [one for one in found if one.severity == "error" and "secret" not in one.what] == []
    assert [one for one in found if "uses no secret" in one.what] == []


def test_every_adapter_is_in_the_guide():
    page = (ROOT / "docs/how-to/set-up-channels.md").read_text(encoding="utf-8")
    assert {name for name in discovery.BUILT_IN if f"`{name}`" not in page} == set()
