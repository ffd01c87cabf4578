"""Short ways to write the types of facts, so that the vocabulary reads as a list of questions."""

from __future__ import annotations

from runner.facts.vocabulary.fact_types import FactType


def text(title: str) -> FactType:
    """Make a fact of one line."""
    return FactType(title, "text")


def if_any(title: str) -> FactType:
    """Make a fact of one line about somebody or something that there may not be: ``none`` says so."""
    return FactType(title, "text", optional=True)


def prose(title: str) -> FactType:
    """Make a fact of several sentences."""
    return FactType(title, "prose")


def yes_no(title: str) -> FactType:
    """Make a fact that is true or false."""
    return FactType(title, "bool")


def count(title: str) -> FactType:
    """Make a whole number."""
    return FactType(title, "int")


def number(title: str) -> FactType:
    """Make a number."""
    return FactType(title, "number")


def instant(title: str, *, ahead: bool = False) -> FactType:
    """Make a moment with its offset; ``ahead`` where it may be one to come."""
    return FactType(title, "instant", ahead=ahead)


def place(title: str) -> FactType:
    """Make a country, or a part of one."""
    return FactType(title, "jurisdiction")


def places(title: str) -> FactType:
    """Make a set of places."""
    return FactType(title, "jurisdiction", many=True)


def one_of(title: str, choices: str) -> FactType:
    """Make one of several words, which ``choices`` holds with spaces between them."""
    return FactType(title, "choice", tuple(choices.split()))


def set_of(title: str, choices: str) -> FactType:
    """Make a set of several words, which ``choices`` holds with spaces between them."""
    return FactType(title, "choice", tuple(choices.split()), many=True)
