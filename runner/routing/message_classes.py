"""Message classes of the organisation: each extends a built-in class.

``{from: urgent-internal, fail_over_after: 2m}`` in ``tocsin.yaml`` or at the top of a playbook. An existing name is changed
within the file's scope: the home's classes apply to all its playbooks, a playbook's own to that playbook only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args

import msgspec

from runner.base.instants import parse_duration
from runner.base.text import nearest
from runner.decoding import convert
from runner.routing.messaging import MessageClass, OnUnknown

FROM = "from"
_SPANS = frozenset(
    field.name
    for field in msgspec.structs.fields(MessageClass)
    if timedelta in (field.type, *get_args(field.type))
)
"""Keys whose value is a duration, such as ``90m``."""
_AFTER_UNKNOWN: Mapping[str, OnUnknown] = {"harmless": "retry", "annoying": "failover", "harmful": "ask"}
"""What follows an attempt with an unknown outcome if a class says only how bad a second copy is."""
Written = Mapping[str, Mapping[str, Any]]
"""Classes by name, in the form of a file."""


def laid_over(known: Mapping[str, MessageClass], layer: Written) -> Mapping[str, MessageClass]:
    """Return the classes overridden by those of a file; invalid ones are ignored, since the check has reported them."""
    if not layer:
        return known
    classes = dict(known)
    for name, given in layer.items():
        try:
            classes[name] = derived(name, given, classes)
        except ValueError:
            continue
    return classes


def class_problems(layer: Written, known: Mapping[str, MessageClass]) -> Iterator[tuple[str, str]]:
    """Yield the invalid classes of a file, each with a sentence for people."""
    classes = dict(known)
    for name, given in layer.items():
        try:
            classes[name] = derived(name, given, classes)
        except ValueError as error:
            yield name, str(error)


def derived(name: str, given: Mapping[str, Any], known: Mapping[str, MessageClass]) -> MessageClass:
    """Return a class that extends another one; raises ValueError with a sentence for people."""
    base = known.get(str(given.get(FROM, "")))
    if base is None:
        wanted = given.get(FROM)
        near = nearest(str(wanted), known) if wanted else None
        what = f'message class "{wanted}" does not exist' if wanted else "the key `from` is missing"
        raise ValueError(
            f"{what}; {f'the nearest name is {near}' if near else f'write from: {next(iter(known))}'}"
        )
    fields = {key: value for key, value in given.items() if key != FROM}
    unknown = next(
        (key for key in fields if key not in MessageClass.__struct_fields__ or key == "name"), None
    )
    if unknown is not None:
        near = nearest(unknown, MessageClass.__struct_fields__)
        raise ValueError(f'the key "{unknown}" is unknown{f"; the nearest name is {near}" if near else ""}')
    if after := _AFTER_UNKNOWN.get(str(fields.get("duplicate_tolerance"))):
        fields.setdefault("on_unknown", after)
    spans = {
        key: parse_duration(value) if key in _SPANS and isinstance(value, str) else value
        for key, value in fields.items()
    }
    plain = {key: getattr(base, key) for key in MessageClass.__struct_fields__}
    try:
        return convert({**plain, **spans, "name": name}, MessageClass)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
