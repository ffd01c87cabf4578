"""Integrations are found by name: ours without metadata, others by entry point."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from integrations import console, discovery
from integrations.port import Integration, UnknownIntegration

ROOT = Path(__file__).parents[2]


def test_ours_are_declared_in_the_project_as_they_are_loaded():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["entry-points"][discovery.GROUP] == discovery.BUILT_IN


@pytest.mark.parametrize("name", sorted(discovery.BUILT_IN))
def test_each_built_in_integration_implements_the_port(name):
    integration: Integration = discovery.load(name)
    functions = [var for var in vars(Integration) if not var.startswith("_")]
    assert {"send", "lint", "Settings"} <= set(functions)
    assert all(hasattr(integration, function) for function in functions)
    assert integration.Settings.__struct_config__.frozen
    assert integration.Settings.__struct_config__.forbid_unknown_fields


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownIntegration) as caught:
        discovery.load("WebHok")
    assert caught.value.nearest == "webhook"
    assert set(discovery.BUILT_IN) <= set(caught.value.known)
    with pytest.raises(UnknownIntegration) as caught:
        discovery.load("zzz")
    assert caught.value.nearest == ""


PROGRAM = """
import sys
sys.path[:0] = {paths!r}
from integrations import discovery
print(discovery.names())
print(discovery.load("carrier-pigeon").VALUE, discovery.load("owl"))
print(discovery.load("smtp").__name__)
"""


def test_other_integrations_are_found_by_entry_point_and_replace_no_built_in(tmp_path):
    (tmp_path / "pigeon.py").write_text("VALUE = 7\nclass Loft:\n    owl = 'hoo'\n")
    info = tmp_path / "pigeon-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[tocsin.integrations]\ncarrier-pigeon = pigeon\nowl = pigeon:Loft.owl\nsmtp = pigeon\n"
    )
    program = PROGRAM.format(paths=[str(ROOT), str(tmp_path)])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        str(tuple(sorted({*discovery.BUILT_IN, "carrier-pigeon", "owl"}))),
        "7 hoo",
        "integrations.smtp",
    ]


def test_finding_a_built_in_integration_imports_nothing_heavy():
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from integrations import discovery\n"
        "[discovery.load(name) for name in discovery.BUILT_IN]\n"
        "print([name for name in ('requests', 'smtplib', 'ssl', 'importlib.metadata') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import site; site.main()\n" + program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_console_is_the_console():
    assert discovery.load("console") is console
