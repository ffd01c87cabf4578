"""Lookup of a path in the fact vocabulary, with the nearest name if the path does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from runner.base.text import nearest
from runner.facts.vocabulary.fact_paths import ROOTS
from runner.facts.vocabulary.fact_types import NONE, Branch, FactType, Keyed, key_problem


def roots() -> Mapping[str, Branch]:
    """Return the top of the vocabulary, by first segment."""
    return ROOTS


def find(path: str) -> Branch | None:
    """Return the type at a dotted path, or ``None``; keys of maps and lists are checked."""
    branch: Branch = roots()
    for segment in path.split("."):
        below = step_into(branch, segment)
        if below is None:
            return None
        branch = below
    return branch


def step_into(branch: Branch, segment: str) -> Branch | None:
    """Return the type after one more segment of a path, or ``None``."""
    match branch:
        case FactType():
            return None
        case Keyed(_, key, member):
            return None if key_problem(key, segment) else member
        case _:
            return branch.get(segment)


def fact_type(path: str) -> FactType | None:
    """Return the type of a path that names a single fact, or ``None``."""
    branch = find(path)
    return branch if isinstance(branch, FactType) else None


def nobody(path: str, value: object) -> bool:
    """Whether a value says that a party does not exist: ``organisation.parent`` is ``none``."""
    if value != NONE:
        return False
    kind = fact_type(path)
    return kind is not None and kind.optional


def patterns(branch: Branch | None = None, prefix: str = "") -> Iterator[tuple[str, FactType]]:
    """Yield every fact of the vocabulary, keys written ``*``, in the order of the vocabulary."""
    match branch:
        case None:
            yield from patterns(roots())
        case FactType():
            yield prefix, branch
        case Keyed(_, _, member):
            yield from patterns(member, f"{prefix}.*")
        case _:
            for name, below in branch.items():
                yield from patterns(below, f"{prefix}.{name}" if prefix else name)


@cache
def all_patterns() -> Mapping[str, FactType]:
    """Return every fact by its pattern (a constant, computed once)."""
    return dict(patterns())


def path_hint(path: str) -> str:
    """Return advice for a path that is not in the vocabulary: the nearest path, or paths with the same end."""
    known = all_patterns()
    last = path.rsplit(".", 1)[-1]
    same_end = [pattern for pattern in known if pattern.rsplit(".", 1)[-1] == last and "*" not in pattern]
    if len(same_end) == 1:
        return f"Write {same_end[0]}, the nearest name."
    near = nearest(path, (pattern for pattern in known if _resembles(path, pattern)))
    first = path.partition(".")[0]
    close = _with_keys(near, path) or ("" if first in roots() else nearest(first, roots()))
    if close:
        return f"Write {close}, the nearest name."
    return (
        f"tocsin fact show {first} --all" if first in roots() else f"Begin with one of: {', '.join(roots())}."
    )


def _resembles(path: str, pattern: str) -> bool:
    """Return whether each part of a path is near: a long common beginning alone is not enough."""
    written, words = path.split("."), pattern.split(".")
    pairs = list(zip(written, words, strict=False))
    if len(written) != len(words):
        pairs = [(written[0], words[0]), (written[-1], words[-1].replace("*", ""))]
    return all(word in (said, "*") or bool(nearest(said, (word,))) for said, word in pairs)


def _with_keys(pattern: str, path: str) -> str:
    """Put the keys that a person wrote where the pattern has ``*``."""
    written = path.split(".")
    words = pattern.split(".")
    return ".".join(
        written[at] if word == "*" and at < len(written) else word for at, word in enumerate(words)
    )
