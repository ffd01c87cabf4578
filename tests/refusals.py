"""Asserting that something is refused: by its code, never by its words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runner.errors import TocsinError


@contextmanager
def refused(code: str, kind: type[TocsinError] = TocsinError) -> Iterator[pytest.ExceptionInfo[TocsinError]]:
    """Expect an error with this code; what was raised can be looked at afterwards."""
    with pytest.raises(kind) as found:
        yield found
    assert found.value.code == code, found.value.message
