"""How the items of a list are counted where a format has no counting of its own."""

from __future__ import annotations

from typing import Final

_ROMAN: Final = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


def number(style: str, count: int) -> str:
    """Return ``1.``, ``(a)`` or ``(iv)``; counts from 1."""
    match style:
        case "alpha":
            letters = ""
            while count > 0:
                count, rest = divmod(count - 1, 26)
                letters = chr(ord("a") + rest) + letters
            return f"({letters})"
        case "roman":
            return f"({_roman(count)})"
        case _:
            return f"{count}."


def _roman(count: int) -> str:
    digits = ""
    for value, sign in _ROMAN:
        times, count = divmod(count, value)
        digits += sign * times
    return digits
