"""Types of the fact vocabulary: the values of a fact, and the parts of a path that are keys.

A path is dotted: ``data.encrypted``. Two things have keys of their own, each a segment of the path: a map
(``people.by_jurisdiction.US-CA``) and a list whose members have an id (``populations.customers.data.elements``).
In the vocabulary such a segment is written ``*``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Literal, TypeAlias

from msgspec import Struct

from runner.base.jurisdictions import place_problem

Kind: TypeAlias = Literal[
    "text", "prose", "bool", "int", "number", "instant", "zone", "jurisdiction", "choice"
]
"""``text`` is one line, ``prose`` may have several; ``choice`` is one of the type's ``choices``."""
KeyKind: TypeAlias = Literal["id", "jurisdiction", "jurisdiction_or_all", "recipient", "duty", "language"]
_KEYS: Mapping[str, re.Pattern[str]] = {
    "id": re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII),
    "recipient": re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII),
    "language": re.compile(r"[a-z]{2}", re.ASCII),
    "duty": re.compile(r"[a-z0-9][a-z0-9_-]{0,126}/[a-z0-9][a-z0-9_-]{0,62}", re.ASCII),
}
_KEY_EXAMPLES: Mapping[str, str] = {
    "id": "customers",
    "recipient": "competent_sa",
    "language": "de",
    "duty": "eu-gdpr-33-controller-sa/initial",
}


class FactType(Struct, frozen=True):
    """Type of one fact. ``many`` makes it a set: a list without order or repetition, known as a whole.

    ``optional`` is a party or a number that may not exist: then ``none`` is a known answer.
    """

    title: str
    kind: Kind
    choices: tuple[str, ...] = ()
    many: bool = False
    ahead: bool = False
    """An instant that may be in the future, such as a planned one."""
    optional: bool = False


class Keyed(Struct, frozen=True):
    """A map (``member`` is a ``FactType``) or a list of members with an id (``member`` is a group)."""

    title: str
    key: KeyKind
    member: FactType | Mapping[str, Branch]

    @property
    def is_list(self) -> bool:
        """Return whether the members are groups, shown as a list, rather than the single values of a map."""
        return not isinstance(self.member, FactType)


Branch: TypeAlias = "FactType | Keyed | Mapping[str, Branch]"
NONE = "none"
"""The word for none: no choice of a set, no parent company."""


def key_problem(key: KeyKind, text: str) -> str:
    """Return why ``text`` is not a key of that kind, or nothing."""
    if key == "jurisdiction" or key == "jurisdiction_or_all":
        return "" if key == "jurisdiction_or_all" and text == "*" else place_problem(text)
    if _KEYS[key].fullmatch(text):
        return ""
    return f'"{text[:40]}" is not a valid {key.replace("_", " ")}; write {_KEY_EXAMPLES[key]}'


text = partial(FactType, kind="text")
"""Make a fact of one line."""
if_any = partial(FactType, kind="text", optional=True)
"""Make a fact of one line about a person or thing that may not exist: ``none`` means absent."""
prose = partial(FactType, kind="prose")
"""Make a fact of several sentences."""
yes_no = partial(FactType, kind="bool")
"""Make a fact that is true or false."""
count = partial(FactType, kind="int")
"""Make a whole number."""
number = partial(FactType, kind="number")
"""Make a number."""
instant = partial(FactType, kind="instant")
"""Make an instant with its offset; ``ahead`` allows a future instant."""
place = partial(FactType, kind="jurisdiction")
"""Make a country, or a part of a country."""
places = partial(FactType, kind="jurisdiction", many=True)
texts = partial(FactType, kind="text", many=True)
"""Make a set of places."""


def one_of(title: str, choices: str, *, many: bool = False) -> FactType:
    """Make a choice of one word; ``choices`` are the words, separated by spaces."""
    return FactType(title, "choice", tuple(choices.split()), many)


set_of = partial(one_of, many=True)
"""Make a set of words; ``choices`` are the words, separated by spaces."""


def reached(who: str) -> Mapping[str, Branch]:
    """Make the facts of a contact: name, e-mail and telephone."""
    return {
        "name": if_any(f"{who}: name"),
        "email": text(f"{who}: e-mail"),
        "phone": text(f"{who}: telephone"),
    }
