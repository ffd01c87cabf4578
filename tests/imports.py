"""Modules that another module needs, as a fresh interpreter loads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
EMPTY = ("__init__.py", "errors.py")
"""Files that decide nothing of what is computed: packages hold one docstring."""


def loaded_by(*names: str) -> set[Path]:
    """Return the files of the runner that are loaded when these modules are imported."""
    listing = (
        f"import sys, {', '.join(names)}; "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('runner.')), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {path for line in done.stdout.splitlines() if (path := Path(line)).name not in EMPTY}
