"""Mappings of alerts: which value in the JSON of a monitoring program is the title, the time, the key of an alert.

Paths are dotted keys; nothing in a mapping or in an alert is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from runner.base.instants import parse_instant
from runner.decoding import from_json
from runner.errors import Invalid, NotFound
from runner.yamlfile.source import scan, scan_file
from runner.yamlfile.strict import invalid_file, read_struct

SCHEMA = "tocsin/alert-mapping/v1"
FOLDER = "alerts"
LONGEST = 200
"""Characters of a title, a severity and a key."""
KEPT = 16 * 1024
"""Characters of an alert's own JSON that are stored."""
MOST = 500
"""Alerts of one request that are read."""
_NAME = re.compile("[a-z][a-z0-9-]{0,39}")


class AlertMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One mapping; each value is a path in the alert."""

    schema: str
    title: str
    name: tuple[str, ...]
    """The parts of the title; those that exist are joined."""
    each: str = ""
    """The list of alerts in the body; empty if the body is one alert."""
    at: tuple[str, ...] = ()
    """The time of the alert: the first that exists, in RFC 3339 or as seconds since 1970."""
    severity: str = ""
    same: tuple[str, ...] = ()
    """Alerts belong together if the first of these that exists is equal; by default the title."""
    when: dict[str, tuple[str, ...]] = {}
    """Only alerts that have one of these values at each path; all others are left out."""
    resolved: dict[str, tuple[str, ...]] = {}
    """The values with which the sender says that it is over."""
    playbook: str = ""
    """The playbook that a person is likely to open from these alerts."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in a body; all of it is text from outside."""

    title: str
    key: str
    at: datetime | None
    severity: str
    resolved: bool
    body: str
    """Its own JSON, cut."""


def load_mapping(name: str, home: Path) -> AlertMapping:
    """Return the mapping of a name: a file of the home, else a shipped one; raises NotFound and Invalid."""
    own, shipped = home / FOLDER / f"{name}.yaml", files("playbooks") / FOLDER / f"{name}.yaml"
    if not _NAME.fullmatch(name) or not (own.is_file() or shipped.is_file()):
        hint = f"Write {FOLDER}/{name[:40]}.yaml in the home folder"
        raise NotFound("There is no mapping of alerts with this name.", hint=hint, code="unknown_mapping")
    found = scan_file(own) if own.is_file() else scan(shipped.read_bytes(), f"{name}.yaml")
    mapping, problems = read_struct(found, AlertMapping, SCHEMA)
    if mapping is None:
        raise invalid_file(found, problems, code="bad_mapping")
    return mapping


def read_alerts(mapping: AlertMapping, body: bytes) -> tuple[Alert, ...]:
    """Return the alerts in a body that a mapping takes; raises Invalid if the body is not as the mapping says."""
    try:
        data = from_json(body)
    except (msgspec.DecodeError, RecursionError):
        raise _wrong("is not JSON") from None
    listed = _at(data, mapping.each) if mapping.each else [data]
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _wrong(f"has no list of objects at {mapping.each}" if mapping.each else "is not an object")
    if len(listed) > MOST:
        raise _wrong(f"has more than {MOST} alerts")
    return tuple(_alerts(mapping, listed))


def _wrong(what: str) -> Invalid:
    return Invalid(f"The body {what}.", hint="Compare the body with the mapping of alerts", code="bad_alert")


def _alerts(mapping: AlertMapping, listed: list[Any]) -> Iterator[Alert]:
    for one in listed:
        if not _has(one, mapping.when):
            continue
        title = " · ".join(filter(None, (_text(one, path) for path in mapping.name)))[:LONGEST]
        if not title:
            raise _wrong(f"has an alert without {' and '.join(mapping.name)}")
        yield Alert(
            title=title,
            key=next((text for path in mapping.same if (text := _text(one, path))), title),
            at=next((at for path in mapping.at if (at := _time(_at(one, path)))), None),
            severity=_text(one, mapping.severity) if mapping.severity else "",
            resolved=bool(mapping.resolved) and _has(one, mapping.resolved),
            body=json.dumps(one, ensure_ascii=False)[:KEPT],
        )


def _at(value: Any, path: str) -> Any:
    """Return the value at a path; a key may contain dots."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        key = ".".join(parts[:end])
        if isinstance(value, dict) and key in value:
            rest = ".".join(parts[end:])
            found = _at(value[key], rest) if rest else value[key]
            if found is not None:
                return found
    return None


def _text(one: Any, path: str) -> str:
    """Return a value as one line of printable text."""
    value = _at(one, path)
    if isinstance(value, dict | list | None):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())[:LONGEST]


def _has(one: Any, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    return all(_text(one, path) in values for path, values in wanted.items())


def _time(value: Any) -> datetime | None:
    """Return an instant of RFC 3339, or of seconds since 1970; None for anything else."""
    try:
        if isinstance(value, int | float) or (
            isinstance(value, str) and re.fullmatch(r"\d{9,11}(\.\d+)?", value)
        ):
            return datetime.fromtimestamp(float(value), UTC)
        # Some senders write nanoseconds.
        return parse_instant(re.sub(r"(\.\d{6})\d+", r"\1", value)) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
