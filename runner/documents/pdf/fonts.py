"""The fonts of everything that typst sets: the built-in ones and those of the stationery's folders, never the system's."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typst


@functools.lru_cache(maxsize=8)
def fonts(folders: tuple[str, ...]) -> typst.Fonts:
    """Read the fonts of some folders once; the built-in ones are always there."""
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[Path(folder) for folder in folders])
