"""What a plain YAML scalar is: the 1.2 core schema, without the traps of 1.1, and no number that would lose digits."""

from __future__ import annotations

import math
import re

_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z"
)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("+-.0123456789")
_MAX_DIGITS = 18


class UnusableNumber(ValueError):
    """A plain scalar that YAML calls a number and that no record could hold exactly."""


def scalar(text: str) -> str | int | float | bool | None:
    """Resolve a plain scalar by the YAML 1.2 core schema; raises UnusableNumber."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INT.match(text):
        if len(text) > _MAX_DIGITS:
            raise UnusableNumber("it has too many digits")
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.match(text):
        if "n" in text.lower():
            raise UnusableNumber("infinity and not-a-number cannot be recorded")
        value = float(text)
        if math.isinf(value):
            raise UnusableNumber("it is too large")
        return value
    return text
