"""One thing that an examination looked at, and how it was found."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["good", "warning", "error", "mended"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    area: str
    severity: Severity
    what: str
    hint: str = ""
    code: str = ""
    """Says what it is to a program, where it has a name."""
