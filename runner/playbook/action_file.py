"""Reader of action templates: form and meaning, every problem with its position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from runner.errors import Problem
from runner.playbook.action_template import RESERVED, SAVED, ActionTemplate, Request, placeholders, span
from runner.playbook.checks.action_calls import SECRET_HEADERS, host_of
from runner.playbook.parts import is_bad_reference, secret_in
from runner.yamlfile.source import Source, Where
from runner.yamlfile.strict import read_struct

SCHEMA: Final = "tocsin/action/v1"
_Fault = tuple[Where, str, str, str]
"""Position, code, message and hint of one problem."""


def read_action(source: Source) -> tuple[ActionTemplate | None, tuple[Problem, ...]]:
    """Return the template of a file, or None with its problems."""
    template, problems = read_struct(source, ActionTemplate, SCHEMA)
    if template is None:
        return None, problems
    found = tuple(source.problem(*problem[:3], hint=problem[3]) for problem in _meaning(template))
    return (None, found) if found else (template, ())


def _meaning(template: ActionTemplate) -> Iterator[_Fault]:
    known = {*template.expects, *_groups(template), "incident", "step", "now"}
    for name in template.expects.keys() & set(RESERVED):
        text = f'The input name "{name}" is reserved.'
        yield ("expects", name), "reserved-input", text, "Choose another name."
    for path in template.save.keys() - set(SAVED):
        text = f'An action cannot set fact "{path}".'
        yield ("save", path), "save-not-allowed", text, f"Choose one of: {', '.join(SAVED)}."
    if template.verify is not None and span(template.verify.every) > span(template.verify.until):
        yield ("verify", "every"), "never-verified", "The first read is after `until`.", "Shorten `every`."
    for name, one in template.expects.items():
        if _compiled(one.pattern) is None:
            text = "The pattern is not a regular expression."
            yield ("expects", name, "pattern"), "pattern", text, ""
    for key, request in template.requests():
        each = ("each",) if key == ("http",) and template.each else ()
        receipt = ("receipt",) if key == ("verify",) and template.receipt else ()
        yield from _address(key, request.url, template)
        yield from _headers(key, request)
        yield from _places(key, request, {*known, *each, *receipt})
        hidden = {name for name, one in template.expects.items() if one.kind == "secret"}
        if hidden & {*placeholders(request.url)}:
            text = "A secret must not be in an address: services log addresses."
            yield (*key, "url"), "secret", text, "Put it into the body."


def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _groups(template: ActionTemplate) -> Iterator[str]:
    for one in template.expects.values():
        pattern = _compiled(one.pattern)
        yield from pattern.groupindex if pattern is not None else ()


def _headers(key: Where, request: Request) -> Iterator[_Fault]:
    for name, value in request.headers.items():
        where = (*key, "headers", name)
        if is_bad_reference(value) or secret_in(value) or name.lower() in SECRET_HEADERS:
            text = "A template has no secret: its profile in the settings has it."
            yield where, "secret", text, "Write `auth:` with the name of a profile."
        elif "{" in value:
            text = "Nothing fills in a placeholder here. The call would send the braces."
            yield where, "template-in-call", text, "Write the value."


def _places(key: Where, request: Request, known: set[str]) -> Iterator[_Fault]:
    for part in ("url", "json", "form"):
        for name in dict.fromkeys(placeholders(getattr(request, part))):
            if name not in known:
                text = f'The placeholder "{name}" is not a declared input.'
                yield (*key, part), "unknown-input", text, f"Choose one of: {', '.join(sorted(known))}."


def _address(key: Where, url: str, template: ActionTemplate) -> Iterator[_Fault]:
    here = (*key, "url")
    if url.startswith("/"):
        if not template.auth:
            text = "A path needs a profile, whose settings have the address."
            yield here, "bad-url", text, "Write `auth:`, or the whole address."
    elif not host_of(url) or "{" in host_of(url):
        text = "The address must begin with https:// and a host, without a password or a placeholder."
        yield here, "bad-url", text, "Or write a path, such as /api/v1/users/{user}."
