"""A notice file: YAML front matter that says what the law requires, then the template's text.

Front matter and text are checked together: every fact that an item requires must be read by the text, and
the text is rendered once with nothing known, which finds what a template or its Markdown does wrong.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from runner.documents.coverage import short
from runner.documents.hostile import findings
from runner.documents.render import render
from runner.documents.syntax import check_syntax, facts_read
from runner.documents.tree import RenderContext
from runner.errors import Invalid, Problem
from runner.loading.source import Source, scan
from runner.model.notice import Ban, Item, Notice
from runner.model.vocabulary import nearest

SCHEMA: Final = "tocsin/notice/v1"
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_WHERE = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def load_notice(content: bytes, file: str) -> tuple[Notice, str]:
    """Return the notice and its template text; raises ``Invalid`` with every problem found."""
    notice, body, problems = scan_notice(content, file)
    errors = [problem for problem in problems if problem.severity == "error"]
    if notice is None or errors:
        count = len(errors)
        raise Invalid(
            f"{file} does not hold: {count} problem{'s' if count > 1 else ''}",
            code="notice",
            problems=problems,
        )
    return notice, body


def scan_notice(content: bytes, file: str) -> tuple[Notice | None, str, tuple[Problem, ...]]:
    """Read as far as possible and return what was read with all that is wrong; never raises."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, "", (_problem(file, 1, "notice-encoding", f"not UTF-8 at byte {error.start}"),)
    front = _FRONT.match(text)
    if front is None:
        hint = f"begin with '---', 'schema: {SCHEMA}' and the other keys, then '---'"
        return None, "", (_problem(file, 1, "notice-front-matter", "there is no front matter", hint),)
    source = scan(f"\n{front[1]}", file)
    body, offset = text[front.end() :], text[: front.end()].count("\n")
    notice, problems = (None, source.problems) if source.problems else _decoded(source)
    problems += tuple(_moved(problem, file, offset) for problem in check_syntax(body, file))
    problems += tuple(
        _problem(file, offset + number, "notice-character", f"the text holds {found[0]}")
        for number, line in enumerate(body.splitlines(), 1)
        if (found := findings(line))
    )
    if notice is None:
        return None, body, problems
    notice = msgspec.structs.replace(notice, sha256=hashlib.sha256(content).hexdigest())
    problems += _meaning(notice, source)
    if not problems:
        problems = _text_problems(notice, body, source, offset)
    return notice, body, problems


def _decoded(source: Source) -> tuple[Notice | None, tuple[Problem, ...]]:
    data = source.data
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        hint = f"write 'schema: {SCHEMA}'"
        return None, (source.problem(("schema",), "notice-schema", "this is not a notice file", hint=hint),)
    fields = {key: value for key, value in data.items() if key != "schema"}
    unknown = tuple(_unknown_keys(fields, source))
    if unknown:
        return None, unknown
    try:
        return msgspec.convert(fields, Notice), ()
    except msgspec.ValidationError as error:
        where, message = _where(str(error))
        return None, (source.problem(where, "notice-value", message),)


def _unknown_keys(fields: dict[str, Any], source: Source) -> list[Problem]:
    """Find every unknown key at once, each with the nearest known one."""
    known = tuple(name for name in Notice.__struct_fields__ if name != "sha256")
    places: list[tuple[tuple[str | int, ...], Any, tuple[str, ...]]] = [((), fields, known)]
    for key, kind in (("requires", Item), ("forbids", Ban)):
        entries = fields.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            places.append(((key, index), entry, kind.__struct_fields__))
    return [
        source.problem((*where, key), "notice-key", f"unknown key {key!r}", hint=_hint(key, names), key=True)
        for where, mapping, names in places
        if isinstance(mapping, dict)
        for key in mapping
        if key not in names
    ]


def _hint(word: str, known: tuple[str, ...]) -> str:
    near = nearest(word, known)
    return f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"


def _where(message: str) -> tuple[tuple[str | int, ...], str]:
    found = _WHERE.search(message)
    if found is None:
        return (), message
    steps = tuple(int(index) if index else name for name, index in _STEP.findall(found[1]))
    return steps, message[: found.start()]


def _meaning(notice: Notice, source: Source) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if not _ID.fullmatch(notice.id):
        found.append(source.problem(("id",), "notice-id", "an id is lower-case words joined by hyphens"))
    if not _VERSION.fullmatch(notice.version):
        found.append(source.problem(("version",), "notice-version", "a version is three numbers, as 1.0.0"))
    if notice.at_once and not notice.phased:
        hint = "set 'phased: true' or take 'at_once' away"
        found.append(source.problem(("at_once",), "notice-phases", "nothing may follow later", hint=hint))
    for index, item in enumerate(notice.requires):
        if item.when:
            found += [
                source.problem(("requires", index, "when"), "notice-condition", problem.message)
                for problem in check_syntax("{% if " + item.when + " %}{% endif %}", source.file)
            ]
    return tuple(found)


def _text_problems(notice: Notice, body: str, source: Source, offset: int) -> tuple[Problem, ...]:
    read = {short(path) for path, _line in facts_read(body)}
    found = [
        source.problem(
            ("requires",), "notice-uncovered", f"the text never says {path}, which an item requires", key=True
        )
        for path in notice.required_facts()
        if path not in read
    ]
    epoch = RenderContext(timestamp=datetime(2000, 1, 1, tzinfo=UTC))
    try:
        render(notice, body, {}, context=epoch)
    except Invalid as error:
        inner = error.problems or (_problem(source.file, 1, error.code, error.message, error.hint),)
        found += [_moved(problem, source.file, offset) for problem in inner]
    return tuple(found)


def _moved(problem: Problem, file: str, offset: int) -> Problem:
    """Count a text's line from the beginning of the file."""
    return msgspec.structs.replace(problem, file=file, line=problem.line + offset)


def _problem(file: str, line: int, code: str, message: str, hint: str = "") -> Problem:
    return Problem(file=file, line=line, column=1, severity="error", code=code, message=message, hint=hint)
