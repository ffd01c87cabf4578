"""The error of an expression that cannot be read: it knows the offset, its caller knows the file."""

from __future__ import annotations

from runner.errors import Invalid


class ExpressionError(Invalid):
    """An expression that cannot be read; ``offset`` counts characters of the source from 0."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        """Keep the offset: the caller knows the file and turns it into a line and a column."""
        super().__init__(message, code="expression", hint=hint)
        self.offset = offset
