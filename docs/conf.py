"""How Sphinx reads these pages: Markdown through MyST, the Furo theme, every broken reference an error."""

from __future__ import annotations

import tomllib
from pathlib import Path

_pyproject = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))

project = "Tocsin"
author = "the Tocsin authors"
copyright = "the Tocsin authors, Apache-2.0"
version = release = _pyproject["project"]["version"]

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"Tocsin {version}"
html_show_sphinx = False
# Pages that a person reads from a disk during an incident load nothing from elsewhere.
html_copy_source = False
