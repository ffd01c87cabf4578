"""What a person reads, compared whole with a file: prose is asserted here and nowhere else.

``TOCSIN_UPDATE_GOLDEN=1`` (``make golden``) writes the files and the outputs on the pages of the documentation; read the difference
before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"
UPDATES = bool(os.environ.get("TOCSIN_UPDATE_GOLDEN"))


def same(path: Path, text: str) -> None:
    """Compare a text with its golden file; with the switch set, write it."""
    if UPDATES:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
