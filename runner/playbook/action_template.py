"""Format of an action template (``tocsin/action/v1``), and the requests that its inputs give.

A template is one call to a service that a playbook uses by name. Only declared inputs get into a request: percent-encoded
in the address, as whole texts in a JSON or form body. Filling is pure: an approval binds to the filled requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Meta

from runner.base.instants import parse_duration
from runner.playbook.parts import Id, Part, Semver, Status, Words

RESERVED: Final = ("incident", "step", "now", "each", "receipt")
"""Placeholders that are not inputs: ids, the time of sending, an element of ``each``, and the receipt of the call."""
LATE: Final = ("now", "each", "receipt")
"""Placeholders that are filled when the request is sent."""
SAVED: Final = ("incident.automation.reference",)
"""The facts that an action may set from an answer."""
MOST: Final = 25
"""How many items one run of an action may have."""
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_LONGEST: Final = 512
DOTS: Final = (".", "..")
"""Parts of a path that mean another part: never a value in an address."""
Span = Annotated[str, Meta(pattern=r"^[1-9]\d{0,4}[smh]$(?!\n)", title="a time such as 30s, 10m or 2h")]


class Input(Part, frozen=True, kw_only=True):
    """One input. A ``secret`` is a name of ``act.secrets``; its value is only in the request."""

    kind: Literal["account", "host", "device", "app", "key", "text", "choice", "secret"]
    help: str = ""
    choices: tuple[Words, ...] = ()
    pattern: str = ""
    """A regular expression for the whole value; its named groups are placeholders as well."""


class Request(Part, frozen=True, kw_only=True):
    """One HTTP request; ``{input}`` is replaced in the path and query of ``url`` and in the texts of the body."""

    url: str
    """An address, or a path of the address in the settings' profile."""
    method: Literal["GET", "PUT", "DELETE", "POST", "PATCH"] = "POST"
    headers: dict[str, str] = {}
    json: dict[str, Any] | None = None
    form: dict[str, str] | None = None
    expect: tuple[Status, ...] = (200, 201, 202, 204)
    expect_json: dict[str, Any] = {}
    """Path in the answer → its required value."""


class Each(Part, frozen=True, kw_only=True):
    """A read before the call: the call is made for each value that it lists, as ``{each}``."""

    url: str
    items: str
    """Path of the list in the answer."""
    value: str
    """Path of the value in one element."""


class Verify(Part, frozen=True, kw_only=True):
    """A read that must show the effect: repeated ``every`` so long ``until`` a time after the call."""

    url: str
    expect_json: dict[str, Any]
    every: Span = "30s"
    until: Span = "10m"


class ActionTemplate(Part, frozen=True, kw_only=True):
    """A ready-made action on another system, for the items of a step."""

    schema: Literal["tocsin/action/v1"]
    name: Id
    version: Semver
    title: Words
    risk: Literal["low", "disruptive", "irreversible"]
    """Approvals before it runs: none, one, or two persons."""
    expects: dict[Id, Input]
    http: Request
    by_hand: Words
    """How a person does it, without the integration."""
    depends: str = ""
    """The failure domain of the service: if it is compromised, a person decides."""
    auth: str = ""
    """The profile under ``act.auth`` of the settings; empty for a service that needs none."""
    permission: tuple[Words, ...] = ()
    each: Each | None = None
    save: dict[str, str] = {}
    """Fact → path in the answer. Nothing else of an answer is stored."""
    receipt: str = ""
    """Path in the answer of the service's own name for the call."""
    verify: Verify | None = None
    undo: str = ""
    """The template that undoes it."""
    notes: str = ""
    idempotent: bool = False
    """A call without an answer may be repeated."""

    @property
    def approvers(self) -> int:
        """How many persons must approve it."""
        return {"low": 0, "disruptive": 1, "irreversible": 2}[self.risk]

    @property
    def used(self) -> str:
        """Its name and version, as recorded."""
        return f"{self.name}@{self.version}"

    def requests(self) -> Iterator[tuple[tuple[str, ...], Request]]:
        """Yield every request with its key."""
        yield ("http",), self.http
        for key, read in (("each", self.each), ("verify", self.verify)):
            if read is not None:
                expect = read.expect_json if isinstance(read, Verify) else {}
                yield (key,), Request(url=read.url, method="GET", expect=(200,), expect_json=expect)


class Filled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request; until it is sent, the placeholders of ``LATE`` and of secrets are still in it."""

    method: str
    url: str
    headers: dict[str, str] = {}
    json: Any = None
    form: dict[str, str] | None = None

    @property
    def body(self) -> bytes:
        """The bytes to send."""
        if self.form is not None:
            return urlencode(self.form).encode()
        return b"" if self.json is None else msgspec.json.encode(self.json)

    @property
    def content_type(self) -> str:
        """The media type of the body; empty without one."""
        if self.form is not None:
            return "application/x-www-form-urlencoded"
        return "" if self.json is None else "application/json"


def span(text: str) -> timedelta:
    """Return the time of a ``Span``."""
    return parse_duration(text)


def input_problem(one: Input, value: str) -> str:
    """Return why a value cannot be an input, or the empty string."""
    if not value or len(value) > _LONGEST or not value.isprintable() or value in DOTS:
        return "the value is empty, too long or has control characters"
    if "{" in value or "}" in value:
        return "the value has braces"
    if one.choices and value not in one.choices:
        return f"choose one of: {', '.join(one.choices)}"
    match = re.fullmatch(one.pattern, value) if one.pattern else None
    if one.pattern and match is None:
        return one.help or f"it must match {one.pattern}"
    if match and not {"", *DOTS}.isdisjoint(match.groupdict("").values()):
        return "a part of the value is empty or only dots"
    if one.kind not in ("text", "choice") and " " in value:
        return "the value has spaces"
    return ""


def values_of(template: ActionTemplate, inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the placeholders: the inputs, and the named groups of their patterns."""
    found: dict[str, str] = {}
    for name, value in inputs.items():
        one = template.expects[name]
        match = re.fullmatch(one.pattern, value) if one.pattern else None
        found |= match.groupdict("") if match else {}
        if one.kind != "secret":  # its placeholder stays until the request is sent
            found[name] = value
    return found


def fill(request: Request, values: Mapping[str, str], base: str = "") -> Filled:
    """Return the request with its values; ``base`` replaces the scheme and host of its address."""
    return Filled(
        method=request.method,
        url=with_base(_PLACE.sub(lambda match: _encoded(match, values), request.url), base),
        headers=request.headers,
        json=_texts(request.json, values),
        form=_texts(request.form, values),
    )


def late(filled: Filled, values: Mapping[str, str]) -> Filled:
    """Return a request with the placeholders that are filled when it is sent."""
    return fill(Request(**msgspec.structs.asdict(filled)), values)


def with_base(url: str, base: str) -> str:
    """Return an address at the host of ``base``, if one is given; the path ``/`` is ``base`` as it is written."""
    if not base:
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{base}{query}" if parts.path == "/" else f"{base.rstrip('/')}{parts.path}{query}"


def _encoded(match: re.Match[str], values: Mapping[str, str]) -> str:
    value = values.get(match[1])
    return match[0] if value is None else quote(value, safe="")


def _texts(part: Any, values: Mapping[str, str]) -> Any:
    """Fill the texts of a body one by one: a value cannot leave its text."""
    match part:
        case str():
            return _PLACE.sub(lambda match: values.get(match[1], match[0]), part)
        case dict():
            return {key: _texts(value, values) for key, value in part.items()}
        case list():
            return [_texts(value, values) for value in part]
        case _:
            return part


def placeholders(part: Any) -> Iterator[str]:
    """Yield the names of the placeholders in a text or a body."""
    match part:
        case str():
            yield from _PLACE.findall(part)
        case dict() | list():
            for one in part.values() if isinstance(part, dict) else part:
                yield from placeholders(one)
        case _:
            pass


def at_path(answer: Any, path: str) -> Any:
    """Return the value at a dotted path of an answer, ``resources.0.status``; None if there is none."""
    for name in path.split("."):
        if isinstance(answer, dict):
            answer = answer.get(name)
        elif isinstance(answer, list) and name.isdigit() and int(name) < len(answer):
            answer = answer[int(name)]
        else:
            return None
    return answer
