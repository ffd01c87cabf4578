"""One thing that an examination looked at, and how it was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from runner.errors import TocsinError

Severity = Literal["good", "warning", "error", "mended"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    area: str
    severity: Severity
    what: str
    hint: str = ""
    code: str = ""
    """Says what it is to a program, where it has a name."""
    incident: str = ""
    ref: str = ""
    """What of the incident it is about, as in ``needs_attention``."""


def of_error(area: str, error: TocsinError) -> Iterator[Finding]:
    """Yield an error as findings: itself, and each problem of its file."""
    yield Finding(area=area, code=error.code, severity="error", what=error.message, hint=error.hint)
    for problem in error.problems:
        severity: Severity = "error" if problem.severity == "error" else "warning"
        yield Finding(area=area, severity=severity, what=str(problem))
