"""Validation of files of any kind, distinguished by their ``schema:`` line; every problem of every file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Final

import msgspec

from runner.base.text import near_hint
from runner.errors import Invalid, Problem
from runner.incident.exercises.exercise_plan import Exercise
from runner.playbook.action_file import read_action
from runner.playbook.action_template import ActionTemplate
from runner.playbook.catalogue import Catalog
from runner.playbook.checks.check import check
from runner.playbook.reading import read_playbook
from runner.playbook.schema import Schema, playbook_schema, tests_schema, top_schema
from runner.routing.messaging import Channel
from runner.routing.organisation import Home
from runner.yamlfile.limited_files import open_file, read_file
from runner.yamlfile.source import MAX_BYTES, Source, portability, scan_file
from runner.yamlfile.strict import read_struct

SCHEMAS = (
    "tocsin/playbook/v1",
    "tocsin/regime/v1",
    "tocsin/notice/v1",
    "tocsin/facts/v1",
    "tocsin/fields/v1",
    "tocsin/home/v1",
    "tocsin/playbook-test/v1",
    "tocsin/exercise/v1",
    "tocsin/action/v1",
    "tocsin/authorities/v1",
    "tocsin/contract/v1",
    "tocsin/alert-mapping/v1",
)
_NONE: Mapping[str, Channel] = {}
_ENDINGS = (".yaml", ".yml", ".md")


def validate(
    paths: Sequence[Path],
    catalog: Catalog,
    home: Home | None = None,
    *,
    channels: Mapping[str, Channel] = _NONE,
    strict: bool = False,
) -> tuple[Problem, ...]:
    """Return the problems of files, of all files in folders, and of playbooks by name; ``strict`` makes warnings errors.

    Raises NotFound for a version that a playbook does not have.
    """
    problems: list[Problem] = []
    for path in paths:
        name = str(path)
        if name.partition("@")[0] in catalog.playbook_names() and not path.exists():
            problems += validate_source(catalog.find_playbook(name)[0], catalog, home, channels=channels)
            continue
        for file in files_in(path):
            problems += validate_file(file, catalog, home, channels=channels)
    if strict:
        problems = [msgspec.structs.replace(problem, severity="error") for problem in problems]
    return tuple(problems)


def files_in(path: Path) -> Iterator[Path]:
    """Yield a file, or the files of a folder that look like Tocsin files."""
    if not path.is_dir():
        yield path
        return
    files = sorted(file for file in path.rglob("*") if file.suffix in _ENDINGS and file.is_file())
    for file in files:
        if file.suffix != ".md" or _is_notice(file):
            yield file


def _is_notice(file: Path) -> bool:
    with suppress(OSError), open_file(file) as opened:
        return opened.read(3) == b"---"
    return True  # its problems are reported when it is read


def validate_file(
    path: Path, catalog: Catalog, home: Home | None = None, *, channels: Mapping[str, Channel] = _NONE
) -> tuple[Problem, ...]:
    """Return every problem of one file."""
    if path.suffix == ".md":
        return _notice(path, catalog)
    source = scan_file(path)
    return validate_source(source, catalog.beside_of(path), home, channels=channels)


def validate_source(
    source: Source, catalog: Catalog, home: Home | None = None, *, channels: Mapping[str, Channel] = _NONE
) -> tuple[Problem, ...]:
    """Return every problem of a file that was read, first those of its form."""
    if source.problems:
        return source.problems
    return (*portability(source), *_meaning(source, catalog, home, channels))


def _meaning(  # noqa: C901  # one case for each kind of file
    source: Source, catalog: Catalog, home: Home | None, channels: Mapping[str, Channel]
) -> tuple[Problem, ...]:
    match _schema(source):
        case "tocsin/playbook/v1":
            known = catalog.known(home, channels=channels)
            return check(read_playbook(source), source, known, starts=True)
        case "tocsin/regime/v1":
            from runner.law.files.regime_file import read_regime

            return read_regime(source.text.encode(), source.file)[1]
        case "tocsin/authorities/v1":
            from runner.law.files.authority_file import read_authorities

            return read_authorities(source.text.encode(), source.file, catalog.authorities)[1]
        case "tocsin/contract/v1":
            from runner.law.files.contract_file import read_contract

            return read_contract(source.text.encode(), source.file)[1]
        case "tocsin/facts/v1":
            from runner.facts.fact_files import read_facts

            try:
                read_facts(source)
            except Invalid as error:
                return error.problems
            return ()
        case "tocsin/fields/v1":
            from runner.documents.files.form_file import scan_fields

            return scan_fields(source.text, source.file)[1]
        case "tocsin/home/v1":
            return _home(source, home)
        case "tocsin/playbook-test/v1":
            from runner.playbook.playbook_test_file import check_tests

            return check_tests(source, catalog)
        case "tocsin/exercise/v1":
            from runner.files.exercise_file import check_exercise

            return check_exercise(source, catalog)
        case "tocsin/action/v1":
            return read_action(source)[1]
        case "tocsin/alert-mapping/v1":
            from runner.files.alert_mapping import AlertMapping

            return read_struct(source, AlertMapping, "tocsin/alert-mapping/v1")[1]
        case "tocsin/notice/v1":
            text = "A notice must be a Markdown file with these keys between two lines of ---."
            return (source.problem(("schema",), "schema", text, hint="Rename the file to end in .md."),)
        case given:
            hint = near_hint(given, SCHEMAS, f"Choose one of: {', '.join(SCHEMAS)}.")
            text = f'Schema "{given}" does not exist.' if given else "The key `schema` is missing."
            return (source.problem(("schema",), "schema", text, hint=hint),)


def _schema(source: Source) -> str:
    """Return the kind of a file from its ``schema:``; a file with steps and without a schema counts as a playbook."""
    data = source.data if isinstance(source.data, dict) else {}
    schema = data.get("schema")
    return str(schema) if schema is not None else SCHEMAS[0] if "steps" in data else ""


def _notice(path: Path, catalog: Catalog) -> tuple[Problem, ...]:
    from runner.documents.files.notice_file import scan_notice

    try:
        content = read_file(path, MAX_BYTES)
    except OSError:
        return scan_file(path).problems
    return scan_notice(content, str(path), catalog.part, catalog.form)[2]


def _home(source: Source, home: Home | None) -> tuple[Problem, ...]:
    """Return the problems of a settings file; people can be stored in the database of ``home`` instead."""
    from runner.files.settings_file import load_home, strangers

    path = Path(source.file)
    try:
        loaded = load_home(path)
    except Invalid as error:
        return error.problems
    return tuple(strangers(path, loaded, {*loaded.people, *(home.people if home is not None else ())}))


EDITOR_SCHEMAS: Final[dict[str, Callable[[], Schema]]] = {
    "playbook": playbook_schema,
    "playbook-test": tests_schema,
    "exercise": lambda: top_schema(Exercise, "tocsin/exercise/v1", "a Tocsin exercise"),
    "action": lambda: top_schema(ActionTemplate, "tocsin/action/v1", "an action of Tocsin"),
    "home": lambda: top_schema(Home, "tocsin/home/v1", "the settings of Tocsin"),
}
"""JSON Schemas for editors, by kind of file."""
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(problems: Sequence[Problem], *, version: str = "") -> dict[str, Any]:
    """Return one SARIF log with one run; ``version`` is Tocsin's own."""
    codes = sorted({problem.code for problem in problems})
    driver: dict[str, Any] = {"name": "tocsin", "rules": [{"id": code} for code in codes]}
    if version:
        driver["version"] = version
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, codes.index(problem.code)) for problem in problems],
            }
        ],
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": PurePath(problem.file).as_posix()}}
    if problem.line:
        place["region"] = {"startLine": problem.line, "startColumn": max(problem.column, 1)}
    text = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
