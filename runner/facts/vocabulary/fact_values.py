"""Values of facts: reading from text, and checking of data.

Values are hostile until checked here: imports and answers supply them, and letters to authorities contain them. The
result is plain JSON in one spelling: text in normal form C, instants as RFC 3339, sets as lists without repetition.
Nothing is guessed: ``03/04/2026``, ``1,200`` and ``UK`` are refused with the right spelling.
"""

from __future__ import annotations

import math
import re
from typing import Any

from runner.base.instants import instant_text, is_zone, parse_instant
from runner.base.jurisdictions import place_problem
from runner.base.text import clean, nearest, text_problem
from runner.facts.vocabulary.fact_types import NONE, Branch, FactType, Keyed, key_problem
from runner.facts.vocabulary.lookup import find, path_hint
from runner.facts.vocabulary.register import OPEN

MAX_MEMBERS = 1_000
_LARGEST = 2**53
_ZONE = re.compile(r"[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_WHOLE = re.compile(r"\d{1,16}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)
TRUTH_WORDS = {"true": True, "yes": True, "false": False, "no": False}


class FactProblem(ValueError):
    """A path or a value that cannot be a fact. ``hint`` says what to write instead."""

    def __init__(self, path: str, message: str, hint: str = "") -> None:
        """Store the parts; the value itself is never quoted, except a short word of an enumeration."""
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint


def branch_at(path: str) -> Branch:
    """Return the type at a path, or raise ``FactProblem`` with the nearest path."""
    branch = find(path)
    if branch is not None:
        return branch
    raise no_such_path(path)


def no_such_path(path: str) -> FactProblem:
    """Return the error for a path that is not in the vocabulary: a bad key, a part of a single fact, or a wrong word."""
    *way, last = path.split(".")
    above = find(".".join(way)) if way else None
    if isinstance(above, Keyed) and (problem := key_problem(above.key, last)):
        return FactProblem(path, f'Fact "{path}" is not valid: {problem}.')
    if isinstance(above, FactType):
        return FactProblem(path, f'Fact "{".".join(way)}" is a single fact and has no parts.')
    return FactProblem(path, f'Fact "{path[:100]}" does not exist.', path_hint(path))


def parse_value(path: str, text: str) -> Any:
    """Return the plain JSON value that a person wrote for a path, as on the command line.

    Lists are separated by commas; a map is written ``DE=1200,FR=30``. Raises ``FactProblem``.
    """
    match branch_at(path):
        case FactType() as fact_type:
            return _from_text(path, fact_type, text)
        case Keyed(_, _, FactType() as member):
            pairs = [piece.partition("=") for piece in text.split(",")]
            entries = {key.strip(): (sign, value) for key, sign, value in pairs}
            for key, (sign, _) in entries.items():
                if not sign:
                    raise FactProblem(
                        path, f'Fact "{path}" is a map.', f"Write {path}.DE=1200 or {path}=DE=1200,FR=30."
                    )
                branch_at(f"{path}.{key}")
            return {key: _from_text(f"{path}.{key}", member, value) for key, (_, value) in entries.items()}
        case _:
            raise FactProblem(
                path,
                f'The name "{path}" is a group of facts.',
                "Set one fact of the group, or use a facts file.",
            )


def _from_text(path: str, fact_type: FactType, text: str) -> Any:
    if fact_type.many:
        pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
        return _checked_set(path, fact_type, [] if pieces == [NONE] else pieces)
    written = text.strip()
    match fact_type.kind:
        case "bool":
            if written.lower() not in TRUTH_WORDS:
                raise FactProblem(
                    path, f'Fact "{path}" must be yes or no.', "Write yes or no, or ? for unknown."
                )
            return TRUTH_WORDS[written.lower()]
        case "int" if _WHOLE.fullmatch(written):
            return _checked_one(path, fact_type, int(written))
        case "number" if _DECIMAL.fullmatch(written):
            return _checked_one(path, fact_type, float(written) if "." in written else int(written))
        case "int" if written.isdecimal() and len(written) > len(str(_LARGEST)):
            raise _too_many(path)
        case _:
            return _checked_one(path, fact_type, written)


def _too_many(path: str) -> FactProblem:
    return FactProblem(path, f'Fact "{path}" must be at most {_LARGEST:,}.', "Check the number of digits.")


def checked_value(path: str, value: Any) -> Any:
    """Return a fact's value in its one spelling; raises ``FactProblem``. ``None`` (unknown) is unchanged."""
    fact_type = branch_at(path)
    if not isinstance(fact_type, FactType):
        raise FactProblem(path, f'The name "{path}" is a group of facts.')
    if value is None:
        return None
    return _checked_set(path, fact_type, value) if fact_type.many else _checked_one(path, fact_type, value)


def _checked_set(path: str, fact_type: FactType, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise FactProblem(
            path,
            f'Fact "{path}" must be a list.',
            f"Write [{_short(value)}]." if _short(value) else "Write [a, b].",
        )
    if len(value) > MAX_MEMBERS:
        raise FactProblem(path, f'Fact "{path}" has {len(value)} members, more than {MAX_MEMBERS}.')
    members = dict.fromkeys(_checked_one(path, fact_type, member) for member in value if member != OPEN)
    return [*members, OPEN] if OPEN in value else list(members)


def _checked_one(path: str, fact_type: FactType, value: Any) -> Any:
    match fact_type.kind:
        case "bool":
            if not isinstance(value, bool):
                raise FactProblem(path, f'Fact "{path}" must be true or false.', _truth_hint(value))
            return value
        case "int" | "number":
            return _checked_number(path, fact_type.kind, value)
        case _ if not isinstance(value, str):
            hint = "Put the value in quotes." if isinstance(value, int | float) else ""
            raise FactProblem(path, f'Fact "{path}" must be {_WHAT[fact_type.kind]}.', hint)
        case "text" | "prose":
            text = _checked_text(path, value, many_lines=fact_type.kind == "prose")
            return NONE if fact_type.optional and text.lower() == NONE else text
        case "instant":
            try:
                return instant_text(parse_instant(value))
            except ValueError as error:
                raise FactProblem(path, f'Fact "{path}" is not valid: {error}.') from None
        case _:
            return _checked_word(path, fact_type, value)


_WHAT = {
    "text": "text",
    "prose": "text",
    "instant": "a date and time",
    "zone": "a time zone",
    "jurisdiction": "a jurisdiction",
    "choice": "one word of a list",
}


def _checked_number(path: str, kind: str, value: Any) -> int | float:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "int" and whole and value > _LARGEST:
        raise _too_many(path)
    if kind == "int" and not (whole and value >= 0):
        raise FactProblem(
            path, f'Fact "{path}" must be a whole number from 0.', "Write digits only, such as 1200."
        )
    if not whole and not (isinstance(value, float) and math.isfinite(value)):
        raise FactProblem(
            path, f'Fact "{path}" must be a number.', "Write digits with a point, such as 1200.5."
        )
    if abs(value) > _LARGEST:
        raise FactProblem(path, f'Fact "{path}" is too large.')
    number: int | float = value
    return number


def _checked_text(path: str, value: str, *, many_lines: bool) -> str:
    text = clean(value)
    if not text:
        raise FactProblem(path, f'Fact "{path}" is empty.', "Remove the fact, or write ? for unknown.")
    problem = text_problem(text, many_lines=many_lines)
    if problem:
        raise FactProblem(path, f'Fact "{path}" is not valid: {problem}.')
    return text


def _checked_word(path: str, fact_type: FactType, value: str) -> str:
    """Check a zone, a jurisdiction or a choice."""
    if fact_type.kind == "zone" and not (_ZONE.fullmatch(value) and is_zone(value)):
        raise FactProblem(
            path, f'Fact "{path}" must be an IANA time zone.', "Write a time zone such as Europe/Berlin."
        )
    if fact_type.kind == "jurisdiction" and (problem := place_problem(value)):
        raise FactProblem(path, f'Fact "{path}" is not valid: {problem}.')
    if fact_type.kind == "choice" and value not in fact_type.choices:
        close = nearest(value, fact_type.choices) if len(fact_type.choices) > 10 else ""  # mail is not email
        parts = set(value.split("_"))
        alike = sorted(fact_type.choices, key=lambda one: parts.isdisjoint(one.split("_")))
        few = ", ".join(alike[:10])
        few += f". All {len(alike)}: tocsin fact show {path} --all" if len(alike) > 10 else "."
        message = (
            f'Fact "{path}" cannot be "{_short(value)}".'
            if _short(value)
            else f'Fact "{path}" must be one word of a list.'
        )
        raise FactProblem(
            path, message, f'Write "{close}", the nearest word.' if close else f"Choose one of: {few}"
        )
    return value


def _short(value: Any) -> str:
    """Return the value if it can be shown: one short plain word, never personal data."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z_-]{1,40}", value) else ""


def _truth_hint(value: Any) -> str:
    written = TRUTH_WORDS.get(str(value).lower())
    return "Write true or false without quotes." if written is None else f"Write {str(written).lower()}."
