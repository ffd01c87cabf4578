"""Start-up is a feature: the documents room loads no heavy library before it renders."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("jinja2", "markdown_it", "babel", "typst", "markupsafe", "xml.etree")
FLOOR = (
    "contents.coverage",
    "contents.cover_sheet",
    "render",
    "template.syntax",
    "template.template",
    "unsafe_text",
    "watermark",
    "write",
)


def test_importing_the_room_imports_no_heavy_library() -> None:
    imports = "; ".join(f"import runner.documents.{name}" for name in FLOOR)
    code = f"import sys; {imports}; import runner.documents.files.notice_file; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
