"""Structs whose representation shows identifiers only, because logs and tracebacks contain representations."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class Redacted(msgspec.Struct, frozen=True):
    """A struct that shows only the fields in ``SHOWN``, without addresses, texts and secrets."""

    SHOWN: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Return the name of the class with the fields that may be shown."""
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
        )

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # type: ignore[explicit-override]
        """Return the same fields for Rich's representation."""
        return [(name, getattr(self, name)) for name in self.SHOWN]
