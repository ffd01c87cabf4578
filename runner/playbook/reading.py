"""Reader of a playbook file: a fast decoder first, and the JSON Schema only if it fails.

If a part is malformed, the rest is still checked: a person with one mistyped key also needs the reports of the unknown
role and the dependency cycle. So placeholders replace parts that cannot be decoded, step by step, and the checks continue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from runner.decoding import convert
from runner.errors import Problem
from runner.playbook.format import KINDS, MessageTemplate, Playbook, Role, Step
from runner.playbook.normalise import lower
from runner.yamlfile.source import Source, Where

_PATH: Final = re.compile(r" - at `(?:key in )?\$(.*)`$")
_PART: Final = re.compile(r"\.([A-Za-z_]+)|\[(\d+)\]|\[\.\.\.\]")
_BLANK: Final = {"schema": "tocsin/playbook/v1", "name": "unnamed", "version": "0.0.0", "title": "?"}


class Read(msgspec.Struct, frozen=True):
    """A playbook as far as it could be read. ``guessed`` are the positions of replaced steps."""

    playbook: Playbook | None
    problems: tuple[Problem, ...] = ()
    guessed: frozenset[Where] = frozenset()
    inherited: Mapping[Where, Where] = {}
    """Position of each key that a step has from ``defaults``, with the position where it is written."""


def read_playbook(source: Source) -> Read:
    """Return the playbook, or its readable parts with every problem of its form; never raises."""
    if source.problems:
        return Read(None, source.problems)
    lowered = lower(source)
    problems = tuple(lowered.problems)
    if lowered.shaped:
        try:
            return Read(convert(lowered.data, Playbook), problems, inherited=lowered.inherited)
        except (msgspec.ValidationError, OverflowError):
            pass
    from runner.playbook.explain import explain

    problems = explain(source) + problems
    if not isinstance(lowered.data, dict):
        return Read(None, problems)
    return msgspec.structs.replace(_salvaged(lowered.data, problems), inherited=lowered.inherited)


def _salvaged(data: dict[str, Any], problems: tuple[Problem, ...]) -> Read:
    """Decode all valid parts separately."""
    guessed: set[Where] = set()
    steps = data.get("steps")
    whole = {
        **_BLANK,
        **{key: _or(data.get(key), str, blank) for key, blank in _BLANK.items() if key != "schema"},
        "roles": {name: _or(role, Role, Role(title="?")) for name, role in _items(data, "roles")},
        "messages": {
            name: _or(one, MessageTemplate, MessageTemplate(message_class="status-update", text="?"))
            for name, one in _items(data, "messages")
        },
        "inputs": {name: str(one) for name, one in _items(data, "inputs")},
        "assume_compromised": _or(data.get("assume_compromised", ()), tuple[str, ...], ()),
        "steps": _steps(steps if isinstance(steps, list) else [], ("steps",), guessed),
    }
    known = {key: value for key, value in whole.items() if key in ("steps", "roles", "messages")}
    playbook = Playbook(
        schema="tocsin/playbook/v1",
        name=str(whole["name"]),
        version=str(whole["version"]),
        title=str(whole["title"]),
        inputs=whole["inputs"],
        assume_compromised=whole["assume_compromised"],
        facts=_or(data.get("facts", {}), dict[str, Any], {}),
        **known,
    )
    return Read(playbook, problems, frozenset(guessed))


def _items(data: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    items = data.get(key)
    return list(items.items()) if isinstance(items, dict) else []


def _or(value: Any, wanted: Any, otherwise: Any) -> Any:
    try:
        return convert(value, wanted)
    except (msgspec.ValidationError, OverflowError):
        return otherwise


def _steps(steps: list[Any], where: Where, guessed: set[Where]) -> tuple[Step, ...]:
    return tuple(_step(step, (*where, index), guessed) for index, step in enumerate(steps))


def _step(step: Any, where: Where, guessed: set[Where]) -> Step:
    """Decode one step without its invalid keys; a placeholder if no key is valid."""
    fields = dict(step) if isinstance(step, dict) else {}
    kind = KINDS.get(str(fields.get("kind")))
    inner = fields.get("steps")
    if kind is not None and isinstance(inner, list) and "steps" in kind.__struct_fields__:
        fields["steps"] = _steps(inner, (*where, "steps"), guessed)
    while kind is not None:
        try:
            return convert(fields, kind)
        except (msgspec.ValidationError, OverflowError) as error:
            guessed.add(where)
            if fields.pop(_culprit(str(error)), None) is None:
                break
    guessed.add(where)
    name = step.get("id") if isinstance(step, dict) else None
    return KINDS["task"](id=name if isinstance(name, str) else "", task="?")  # type: ignore[call-arg]


def _culprit(message: str) -> str:
    """Return the step's key at which decoding stopped, nothing if the whole step is invalid."""
    unknown = re.match(r"Object contains unknown field `([^`]*)`(?: - at `\$`)?$", message)
    if unknown:
        return unknown[1]
    match = _PATH.search(message)
    part = _PART.match(match[1]) if match else None
    return part[1] if part and part[1] else ""
