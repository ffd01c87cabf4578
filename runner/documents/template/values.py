"""Facts as a template reads them: every value has its path, and a missing fact is marked.

``Group`` is a mapping of facts, ``Series`` a list of mappings, ``Leaf`` one value, ``Missing`` the absence
of one. Nothing here is text: what a template prints goes through ``Ledger.mark``, which hands out a mark
of private-use characters, so that a fact can never become structure.

A condition on a missing fact is *undecided*: it takes the branch that it would hide and the document shows
the path at that place, so that a gap never removes a paragraph in silence.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

OPEN: Final = "\ue000"
CLOSE: Final = "\ue001"
MAX_STEPS: Final = 1_000_000
MAX_OUTPUT: Final = 300_000
CHARACTERS: Final = 64
"""How many characters are looked at in one step."""
DERIVED: Final[Mapping[str, str]] = MappingProxyType(
    {"notice.elements": "data.elements", "notice.date": "incident.individual_notice_planned_at"}
)
"""Computed names, with the fact to ask for if they cannot be computed."""


class TooCostly(Exception):
    """A template asks for more steps or text than any notice needs."""


class Budget:
    """What texts may cost together. It counts and never looks at a clock: a text fails everywhere or nowhere."""

    __slots__ = ("_output", "_steps")

    def __init__(self) -> None:
        self._steps = self._output = 0

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self._steps > MAX_STEPS or self._output > MAX_OUTPUT

    def spend(self, steps: int, characters: int = 0) -> None:
        """Count steps and output; raises ``TooCostly`` once there are too many."""
        self._steps += steps
        self._output += characters
        if self.spent:
            raise TooCostly(f"The template needs more than {MAX_STEPS:,} steps or {MAX_OUTPUT:,} characters.")


class Wrong(Exception):
    """A template has an impossible operation on a value; the message has the alternative."""


class Ledger:
    """Facts that one rendering read, printed, missed and could not decide (the only mutable object here)."""

    __slots__ = ("_undecided", "asked", "budget", "cells", "printed", "read", "whose")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.cells: list[Missing | Undecided | str] = []
        self.read: dict[str, Any] = {}
        self.asked: dict[str, None] = {}
        self.printed: dict[str, dict[str, None]] = {}
        self.whose: dict[int, str] = {}  # the cell of a fact → its path
        self._undecided: dict[str, None] = {}

    def mark(self, cell: Missing | Undecided | str) -> str:
        """Store a cell and return its mark in the Markdown."""
        match cell:
            case Missing():
                self.budget.spend(1, len(cell.path_))
            case Undecided():
                self.budget.spend(1, sum(map(len, cell.paths)))
            case str():
                self.budget.spend(1, len(cell))
        self.cells.append(cell)
        return f"{OPEN}{len(self.cells) - 1}{CLOSE}"

    def undecided(self, path: str) -> bool:
        """Record that a condition depended on a missing fact; the hidden branch is taken."""
        self._undecided[path] = None
        return True

    def flush(self) -> str:
        """Return a mark for the conditions that could not be decided since the last call, or nothing."""
        if not self._undecided:
            return ""
        paths = tuple(self._undecided)
        self._undecided = {}
        return self.mark(Undecided(paths))


class Undecided:
    """The conditions at one place that depend on missing facts."""

    __slots__ = ("paths",)

    def __init__(self, paths: tuple[str, ...]) -> None:
        """Keep the paths, in the order in which they were asked."""
        self.paths = paths


class Kept:
    """A plain value that is still known by the path of the fact that it was copied from; ``None`` is unknown.

    ``shown`` is what stands for it in a text, where that is not the value itself.
    """

    __slots__ = ("path", "shown", "value")

    def __init__(self, path: str, value: Any, shown: str = "") -> None:
        self.path = path
        self.value = value
        self.shown = shown


class Value:
    """A place in the facts: its path and the ledger that watches it."""

    __slots__ = ("_ledger", "_path")

    def __init__(self, path: str, ledger: Ledger) -> None:
        """Remember where. Every value costs a step: paths grow with each key."""
        ledger.budget.spend(1 + len(path) // CHARACTERS)
        self._path = path
        self._ledger = ledger

    def child_(self, key: str) -> Value:
        """Return what stands below ``key``, or its absence."""
        raise NotImplementedError


class Missing(Value):
    """An unknown fact; everything below it is unknown as well."""

    __slots__ = ()

    def __init__(self, path: str, ledger: Ledger) -> None:
        super().__init__(DERIVED.get(path, path), ledger)
        ledger.asked[self._path] = None

    @property
    def path_(self) -> str:
        """The whole dotted path."""
        return self._path

    def child_(self, key: str) -> Value:  # type: ignore[explicit-override]
        """Return a deeper absence: that alone was asked for."""
        self._ledger.asked.pop(self._path, None)
        return Missing(f"{self._path}.{key}", self._ledger)

    def __iter__(self) -> Iterator[Value]:
        """Go round once, so that the loop's text is seen with its gaps."""
        yield Missing(f"{self._path}[]", self._ledger)

    def __bool__(self) -> bool:
        """Return True and record that the value is undetermined."""
        return self._ledger.undecided(self._path)

    def __len__(self) -> int:
        """Count as one (see ``__iter__``)."""
        return int(self._ledger.undecided(self._path))

    def _any(self, _other: object) -> bool:
        return self._ledger.undecided(self._path)

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _any
    __hash__ = None  # type: ignore[assignment]


def _comparison(question: Callable[[Any, Any], Any]) -> Callable[[Leaf, object], bool]:
    """Make a comparison of values; with a missing fact on the other side it is undecided."""

    def compare(leaf: Leaf, other: object) -> bool:
        if isinstance(other, Missing):
            return leaf._ledger.undecided(other.path_)
        try:
            return bool(question(leaf.value_, other.value_ if isinstance(other, Leaf) else other))
        except TypeError as error:
            raise Wrong(
                f'Fact "{leaf._path}" cannot be compared in this way ({type(leaf.value_).__name__}).'
            ) from error

    return compare


class Leaf(Value):
    """One known value: text, number, truth, instant, or a list of them."""

    __slots__ = ("value_",)

    def __init__(self, value: Any, path: str, ledger: Ledger) -> None:
        """Remember the value as it was recorded or as a filter made it."""
        super().__init__(path, ledger)
        self.value_ = value

    @property
    def path_(self) -> str:
        """The whole dotted path."""
        return self._path

    def with_(self, value: Any) -> Leaf:
        """Return what a filter made of it, still known by its path."""
        return Leaf(value, self._path, self._ledger)

    def child_(self, key: str) -> Value:  # type: ignore[explicit-override]
        """Refuse: a value has no parts."""
        raise Wrong(f'Fact "{self._path}" is a single value and has no part "{key}".')

    def __bool__(self) -> bool:
        """Whether the value is true, or not empty."""
        return bool(self.value_)

    def __len__(self) -> int:
        """Count the entries of a list."""
        return len(self.value_)

    def __iter__(self) -> Iterator[Leaf]:
        """Give the entries of a list, each under the list's path."""
        if not isinstance(self.value_, (list, tuple)):
            raise Wrong(f'Fact "{self._path}" is not a list. A loop needs a list.')
        for entry in self.value_:
            yield self.with_(entry)

    __contains__ = _comparison(operator.contains)
    __eq__ = _comparison(operator.eq)
    __ne__ = _comparison(operator.ne)
    __lt__ = _comparison(operator.lt)
    __le__ = _comparison(operator.le)
    __gt__ = _comparison(operator.gt)
    __ge__ = _comparison(operator.ge)
    __hash__ = None  # type: ignore[assignment]


class Group(Value):
    """A mapping of facts."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Mapping[str, Any], path: str, ledger: Ledger) -> None:
        """Remember the mapping; nothing is copied."""
        super().__init__(path, ledger)
        self._facts = facts

    def child_(self, key: str) -> Value:  # type: ignore[explicit-override]
        """Return what the facts hold under ``key``."""
        path = f"{self._path}.{key}" if self._path else key
        return wrap(self._facts.get(key), path, self._ledger)

    def __iter__(self) -> Iterator[Leaf]:
        """Give the keys of a map such as ``people.by_jurisdiction``, in their order."""
        self._ledger.asked[f"{self._path}[]"] = None
        for key in sorted(self._facts):
            yield Leaf(key, self._path, self._ledger)

    def __len__(self) -> int:
        """Count the keys."""
        self._ledger.asked[f"{self._path}[]"] = None
        return len(self._facts)

    def __contains__(self, key: object) -> bool:
        """Tell whether the map has the key."""
        self._ledger.asked[f"{self._path}[]"] = None
        return (key.value_ if isinstance(key, Leaf) else key) in self._facts


class Series(Value):
    """A list of mappings, such as ``populations``; entries are named by their ``id`` where they have one."""

    __slots__ = ("_entries",)

    def __init__(self, entries: list[Mapping[str, Any]], path: str, ledger: Ledger) -> None:
        super().__init__(path, ledger)
        self._entries = entries

    def __iter__(self) -> Iterator[Group]:
        """Give each entry as a group of facts."""
        self._ledger.asked[f"{self._path}[]"] = None
        for number, entry in enumerate(self._entries):
            yield Group(entry, f"{self._path}[{entry.get('id', number)}]", self._ledger)

    def __len__(self) -> int:
        """Count the entries."""
        self._ledger.asked[f"{self._path}[]"] = None
        return len(self._entries)

    def child_(self, key: str) -> Value:  # type: ignore[explicit-override]
        """Refuse: a list is looped over."""
        raise Wrong(f'Fact "{self._path}" is a list. Use a loop to read "{key}".')


def wrap(value: Any, path: str, ledger: Ledger) -> Value:
    """Put a plain value under watch; ``None`` is unknown, and an empty group is as well."""
    if isinstance(value, Kept):
        inner = wrap(value.value, value.path, ledger)
        return inner.with_(value.shown) if value.shown and isinstance(inner, Leaf) else inner
    if value is None:
        return Missing(path, ledger)
    if isinstance(value, Mapping):
        return Group(value, path, ledger)
    if isinstance(value, (list, tuple, set, frozenset)):
        ledger.budget.spend(len(value))
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(entry, Mapping) for entry in value):
        return Series(list(value), path, ledger)
    ledger.read[path] = value
    return Leaf(value, path, ledger)


def weigh(value: Any, budget: Budget) -> None:
    """Spend the cost of reading a whole value: nested lists as often as they are read."""
    if isinstance(value, Leaf):
        value = value.value_
    if isinstance(value, str):
        budget.spend(1 + len(value) // CHARACTERS)
    elif isinstance(value, (list, tuple)):
        budget.spend(1 + len(value))
        for member in value:
            weigh(member, budget)
