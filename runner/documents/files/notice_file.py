"""Reader of a notice file: YAML front matter with the requirements of the law, then the template's text.

Front matter and text are checked together: every fact that an item requires must be read by the text, and
the text is rendered once without facts, which finds errors of a template and its Markdown.

Texts that several notices share are files of macros under ``notices/parts``; the files in ``parts:`` are put before
the text, and the digest of the notice covers them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, get_args

import msgspec

from runner.base.states import LetterPart
from runner.base.text import choice_hint, sentence
from runner.decoding import convert
from runner.documents.contents.coverage import short
from runner.documents.files.form_file import scan_fields
from runner.documents.notice import SLOTS, Ban, Fits, Form, Item, Notice, Section
from runner.documents.render import render
from runner.documents.template.syntax import check_syntax, facts_read
from runner.documents.tree import RenderContext
from runner.documents.unsafe_text import findings
from runner.errors import Invalid, Problem
from runner.yamlfile.positions import place_of, problem_at
from runner.yamlfile.source import Source, Where, scan

SCHEMA: Final = "tocsin/notice/v1"
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
Parts = Callable[[str], tuple[str, str] | None]
"""A name → a text and its file, None without one."""


def no_parts(name: str) -> None:
    """Return None: there are no parts."""
    del name


def load_notice(
    content: bytes, file: str, parts: Parts = no_parts, forms: Parts = no_parts
) -> tuple[Notice, str]:
    """Return the notice and its template text, parts included; raises ``Invalid`` with every problem found."""
    notice, body, problems = scan_notice(content, file, parts, forms)
    errors = [problem for problem in problems if problem.severity == "error"]
    if notice is None or errors:
        count = len(errors)
        raise Invalid(
            f'Notice file "{file}" has {count} problem{"s" if count > 1 else ""}.',
            code="notice",
            problems=problems,
        )
    return notice, body


def scan_notice(
    content: bytes, file: str, parts: Parts = no_parts, forms: Parts = no_parts
) -> tuple[Notice | None, str, tuple[Problem, ...]]:
    """Read as far as possible and return the notice with all problems; never raises."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, "", (problem_at(file, 1, "notice-encoding", f"Byte {error.start} is not UTF-8."),)
    front = _FRONT.match(text)
    if front is None:
        hint = f"Begin with ---, schema: {SCHEMA} and the other keys, then ---."
        return None, "", (problem_at(file, 1, "notice-front-matter", "The front matter is missing.", hint),)
    source = scan(f"\n{front[1]}", file)
    body, offset = text[front.end() :], text[: front.end()].count("\n")
    notice, problems = (None, source.problems) if source.problems else _decoded(source)
    shared, unknown = _shared(notice, source, parts)
    problems += unknown
    pieces = (*shared, _Piece(file, body, offset))
    text = "".join(piece.text for piece in pieces)
    problems += tuple(_placed(problem, pieces) for problem in check_syntax(text, file))
    problems += tuple(
        _placed(problem_at(file, number, "notice-character", f"The text contains {characters[0]}."), pieces)
        for number, line in enumerate(text.splitlines(), 1)
        if (characters := findings(line))
    )
    if notice is None:
        return None, text, problems
    form, wrong = _form(notice, source, forms)
    shares = "".join(piece.text for piece in shared) + form.text
    digest = hashlib.sha256(content + shares.encode()).hexdigest()
    notice = msgspec.structs.replace(notice, sha256=digest, sections=form.sections)
    problems += (*wrong, *_meaning(notice, source))
    if not problems:
        problems = _text_problems(notice, text, source, pieces)
    return (
        msgspec.structs.replace(notice, requires=(*notice.requires, *_asked(form.sections))),
        text,
        problems,
    )


class _Piece(msgspec.Struct, frozen=True):
    """One file's share of a notice's text, and on which of its lines it begins."""

    file: str
    text: str
    offset: int


class _Filled(msgspec.Struct, frozen=True):
    """The fields of a form at a notice's stage, and the text of its list."""

    sections: tuple[Section, ...] = ()
    text: str = ""


def _form(notice: Notice, source: Source, forms: Parts) -> tuple[_Filled, tuple[Problem, ...]]:
    """Return the fields of the form that a notice fills, with every problem."""
    if notice.form is None:
        return _Filled(), ()
    field_file = forms(notice.form.fields)
    if field_file is None:
        hint = f"Add the file notices/fields/{notice.form.fields}.yaml."
        what = f'List of fields "{notice.form.fields}" does not exist.'
        return _Filled(), (source.problem(("form", "fields"), "notice-form", what, hint=hint),)
    listed, problems = scan_fields(*field_file)
    if listed is None or problems:
        return _Filled(), problems
    if notice.form.stage not in listed.stages:
        hint = f"Choose one of: {', '.join(listed.stages)}."
        what = f'Stage "{notice.form.stage}" does not exist in the form.'
        return _Filled(), (source.problem(("form", "stage"), "notice-form", what, hint=hint),)
    return _Filled(listed.at(notice.form.stage), field_file[0]), ()


def _asked(sections: tuple[Section, ...]) -> Iterator[Item]:
    """Return the fields of a form as items that the law requires."""
    for field in (field for section in sections for field in section.fields):
        # A value of the duty stands under the path of its own fact: its gap in the text is enough.
        of_duty = any(path.startswith("duty.") for path in field.facts)
        facts = (field.fact,) if field.facts and not of_duty else ()
        only = "" if field.when else field.only
        yield Item(ref=field.id, item=field.name, facts=facts, when=field.when, only=only)


def _shared(
    notice: Notice | None, source: Source, parts: Parts
) -> tuple[tuple[_Piece, ...], tuple[Problem, ...]]:
    """Return the parts that a notice names, and a problem for each missing one."""
    pieces: list[_Piece] = []
    problems: list[Problem] = []
    for index, name in enumerate(notice.parts if notice is not None else ()):
        part = parts(name)
        if part is None:
            hint = f"Add the file notices/parts/{name}.md."
            text = f'Part "{name}" does not exist.'
            problems.append(source.problem(("parts", index), "notice-part", text, hint=hint))
            continue
        text, file = part
        pieces.append(_Piece(file, text if text.endswith("\n") else f"{text}\n", 0))
    return tuple(pieces), tuple(problems)


def _placed(problem: Problem, pieces: tuple[_Piece, ...]) -> Problem:
    """Return the source file and line of a line of the joined text."""
    line = problem.line
    for piece in pieces[:-1]:
        length = piece.text.count("\n")
        if line <= length:
            return msgspec.structs.replace(problem, file=piece.file, line=line)
        line -= length
    return msgspec.structs.replace(problem, file=pieces[-1].file, line=line + pieces[-1].offset)


def _decoded(source: Source) -> tuple[Notice | None, tuple[Problem, ...]]:
    data = source.data
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        hint = f"Write schema: {SCHEMA}."
        return None, (
            source.problem(("schema",), "notice-schema", "The file is not a notice file.", hint=hint),
        )
    fields = {key: value for key, value in data.items() if key != "schema"}
    unknown = tuple(_unknown_keys(fields, source))
    if unknown:
        return None, unknown
    try:
        return convert(fields, Notice), ()
    except msgspec.ValidationError as error:
        where, message = place_of(str(error))
        return None, (source.problem(where, "notice-value", sentence(message)),)


def _unknown_keys(fields: dict[str, Any], source: Source) -> list[Problem]:
    """Find every unknown key at once, each with the nearest known one."""
    known = tuple(name for name in Notice.__struct_fields__ if name not in ("sections", "sha256"))
    places: list[tuple[tuple[str | int, ...], Any, tuple[str, ...]]] = [((), fields, known)]
    places.append((("fits",), fields.get("fits"), Fits.__struct_fields__))
    places.append((("form",), fields.get("form"), Form.__struct_fields__))
    for key, kind in (("requires", Item), ("forbids", Ban)):
        entries = fields.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            own = tuple(name for name in kind.__struct_fields__ if name not in ("unsure", "of_law"))
            places.append(((key, index), entry, own))
    return [
        source.problem(
            (*where, key),
            "notice-key",
            f'The key "{key}" is unknown.',
            hint=choice_hint(key, names),
            key=True,
        )
        for where, mapping, names in places
        if isinstance(mapping, dict)
        for key in mapping
        if key not in names
    ]


def _meaning(notice: Notice, source: Source) -> tuple[Problem, ...]:
    problems: list[Problem] = []

    def report(where: Where, code: str, message: str, hint: str = "") -> None:
        problems.append(source.problem(where, code, message, hint=hint))

    if not _ID.fullmatch(notice.id):
        report(("id",), "notice-id", "The id must be lower-case words joined by hyphens.")
    if not _VERSION.fullmatch(notice.version):
        report(("version",), "notice-version", "The version must be three numbers, such as 1.0.0.")
    if notice.at_once and not notice.phased:
        hint = "Write phased: true, or remove at_once."
        report(("at_once",), "notice-phases", "The key at_once needs a notice in phases.", hint)
    parts = (("says", part) for part in notice.says)
    required = (("requires", item.part) for item in notice.requires if item.part)
    known = get_args(LetterPart)
    for key, part in (*parts, *required):
        if part not in known:
            text = f'The value "{part}" is not a part of a letter.'
            report((key,), "notice-part", text, choice_hint(part, known))
    for slot in (slot for slot in notice.slots if slot not in SLOTS):
        report(("slots",), "notice-slot", f'The value "{slot}" is not a slot.', choice_hint(slot, SLOTS))
    _conditions(notice, source, report)
    return tuple(problems)


def _conditions(notice: Notice, source: Source, report: Callable[[Where, str, str], None]) -> None:
    for index, item in enumerate(notice.requires):
        if item.when:
            for problem in check_syntax("{% if " + item.when + " %}{% endif %}", source.file):
                report(("requires", index, "when"), "notice-condition", problem.message)


def _text_problems(
    notice: Notice, body: str, source: Source, pieces: tuple[_Piece, ...]
) -> tuple[Problem, ...]:
    try:
        read = {short(path) for path, _line in facts_read(body)}
    except Invalid as error:
        return tuple(_placed(problem, pieces) for problem in error.problems)
    problems = [
        source.problem(
            ("requires",),
            "notice-uncovered",
            f'The text does not print fact "{path}", which an item requires.',
            key=True,
        )
        for path in notice.required_facts()
        if path not in read
    ]
    personal = {path for path in read if path.partition(".")[0] == "recipient"}
    for slot in sorted(personal.symmetric_difference(notice.slots)):
        what = (
            "is read by the text and missing in `slots`."
            if slot in personal
            else "is in `slots`, and the text does not read it."
        )
        problems.append(source.problem(("slots",), "notice-slot", f'Slot "{slot}" {what}', key=True))
    epoch = RenderContext(timestamp=datetime(2000, 1, 1, tzinfo=UTC))
    try:
        render(notice, body, {}, context=epoch)
    except Invalid as error:
        inner = error.problems or (problem_at(source.file, 1, error.code, error.message, error.hint),)
        problems += [_placed(problem, pieces) for problem in inner]
    return tuple(problems)
