"""Reader of action templates: form and meaning, every problem with its position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from runner.errors import Problem
from runner.playbook.action_template import RESERVED, SAVED, ActionTemplate, Request, placeholders, span
from runner.playbook.checks.action_calls import SECRET_HEADERS
from runner.playbook.checks.step_map import Findings
from runner.playbook.parts import host_of, is_bad_reference, secret_in
from runner.yamlfile.source import Source, Where
from runner.yamlfile.strict import read_struct

SCHEMA: Final = "tocsin/action/v1"


def read_action(source: Source) -> tuple[ActionTemplate | None, tuple[Problem, ...]]:
    """Return the template of a file, or None with its problems."""
    template, problems = read_struct(source, ActionTemplate, SCHEMA)
    if template is None:
        return None, problems
    found = Findings(source)
    if template.name != (stem := PurePath(source.file).stem):
        found.error(("name",), "file-name", "The file has another name.", f"Write name: {stem}.")
    _meaning(template, found)
    if found.problems:
        return None, tuple(sorted(found.problems, key=lambda one: (one.line, one.column, one.code)))
    return template, ()


def _meaning(template: ActionTemplate, found: Findings) -> None:
    known = {*template.expects, *_groups(template), "incident", "step", "now"}
    for name in template.expects.keys() & set(RESERVED):
        text = f'The input name "{name}" is reserved.'
        found.error(("expects", name), "reserved-input", text, "Choose another name.")
    for path in template.save.keys() - set(SAVED):
        text = f'An action cannot set fact "{path}".'
        found.error(("save", path), "save-not-allowed", text, f"Choose one of: {', '.join(SAVED)}.")
    if template.verify is not None and span(template.verify.every) > span(template.verify.until):
        found.error(
            ("verify", "every"), "never-verified", "The first read is after `until`.", "Shorten `every`."
        )
    for name, one in template.expects.items():
        if _compiled(one.pattern) is None:
            text = "The pattern is not a regular expression."
            found.error(("expects", name, "pattern"), "pattern", text)
    for key, request in template.requests():
        each = ("each",) if key == ("http",) and template.each else ()
        receipt = ("receipt",) if key == ("verify",) and template.receipt else ()
        _address(key, request.url, template, found)
        _headers(key, request, found)
        _places(key, request, {*known, *each, *receipt}, found)
        hidden = {name for name, one in template.expects.items() if one.kind == "secret"}
        if hidden & {*placeholders(request.url)}:
            text = "A secret must not be in an address: services log addresses."
            found.error((*key, "url"), "secret", text, "Put it into the body.")


def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _groups(template: ActionTemplate) -> Iterator[str]:
    for one in template.expects.values():
        pattern = _compiled(one.pattern)
        yield from pattern.groupindex if pattern is not None else ()


def _headers(key: Where, request: Request, found: Findings) -> None:
    for name, value in request.headers.items():
        where = (*key, "headers", name)
        if is_bad_reference(value) or secret_in(value) or name.lower() in SECRET_HEADERS:
            text = "A template has no secret: its profile in the settings has it."
            found.error(where, "secret", text, "Write `auth:` with the name of a profile.")
        elif "{" in value:
            text = "Nothing fills in a placeholder here. The call would send the braces."
            found.error(where, "template-in-call", text, "Write the value.")


def _places(key: Where, request: Request, known: set[str], found: Findings) -> None:
    for part in ("url", "json", "form"):
        for name in dict.fromkeys(placeholders(getattr(request, part))):
            if name not in known:
                text = f'The placeholder "{name}" is not a declared input.'
                found.error(
                    (*key, part), "unknown-input", text, f"Choose one of: {', '.join(sorted(known))}."
                )


def _address(key: Where, url: str, template: ActionTemplate, found: Findings) -> None:
    here = (*key, "url")
    if url.startswith("/"):
        if not template.auth:
            text = "A path needs a profile, whose settings have the address."
            found.error(here, "bad-url", text, "Write `auth:`, or the whole address.")
    elif not host_of(url) or "{" in host_of(url):
        text = "The address must begin with https:// and a host, without a password or a placeholder."
        found.error(here, "bad-url", text, "Or write a path, such as /api/v1/users/{user}.")
