"""The guide to writing an integration is run: its module passes its own suite."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

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
