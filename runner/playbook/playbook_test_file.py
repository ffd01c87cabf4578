"""Reader of playbook tests, checked against the playbook that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.base.instants import parse_duration
from runner.base.text import near_hint
from runner.errors import Invalid, Problem, TocsinError
from runner.facts.fact_files import misstated, says_unknown
from runner.facts.vocabulary.lookup import fact_type, path_hint
from runner.playbook.bundle import is_path, load_bundle
from runner.playbook.catalogue import Catalog, shipped_folder
from runner.playbook.checks.step_map import Map
from runner.playbook.format import Bundle, Call, Playbook
from runner.playbook.playbook_test import DEEDS, Behaviour, Case, PlaybookTests, Usual, merged
from runner.yamlfile.limited_files import read_file
from runner.yamlfile.source import MAX_BYTES, Source, Where, scan_file
from runner.yamlfile.strict import invalid_file, read_struct

if TYPE_CHECKING:
    from runner.playbook.format import AnyStep

SCHEMA: Final = "tocsin/playbook-test/v1"
_PLAYBOOK: Final = "tocsin/playbook/v1"
FOLDER: Final = "tests"
"""Folder of test files beside the playbooks."""


class TestFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of tests with its playbook."""

    __test__ = False
    file: str
    tests: PlaybookTests
    playbook: str
    """Its name, or the path to it."""
    bundle: Bundle
    called: tuple[str, ...] = ()
    """The steps that call a playbook with tests of its own: its steps and branches are covered there."""

    def own(self, step: str) -> bool:
        """Return whether a step, by its path, is tested here and not in the tests of a called playbook."""
        return not any(step.startswith(f"{call}.") for call in self.called)


def load_tests(path: Path, catalog: Catalog) -> TestFile:
    """Return a file of tests; raises Invalid with every problem, NotFound if its playbook does not exist."""
    source = scan_file(path)
    test_file, problems = _read(source, path, catalog)
    if test_file is None or problems:
        raise invalid_file(source, problems, code="bad_tests")
    return test_file


def _read(source: Source, path: Path, catalog: Catalog) -> tuple[TestFile | None, tuple[Problem, ...]]:
    tests, problems = read_struct(source, PlaybookTests, SCHEMA)
    if tests is None:
        return None, problems
    playbook = str((path.parent / tests.playbook).resolve()) if is_path(tests.playbook) else tests.playbook
    bundle = load_bundle(playbook, around(path, catalog))
    problems = tuple(_meaning(source, tests, bundle))
    called = _called(bundle, path, catalog)
    tests = msgspec.structs.replace(tests, usual=_inherited(called, tests.usual))
    return TestFile(
        file=str(path), tests=tests, bundle=bundle, playbook=playbook, called=tuple(called)
    ), problems


def with_called(own: Usual, bundle: Bundle, path: Path, catalog: Catalog) -> Usual:
    """Return the behaviour of a file with the usual behaviour in the tests of the called playbooks below it."""
    return _inherited(_called(bundle, path, catalog), own)


def _inherited(called: Mapping[str, Usual], own: Usual) -> Usual:
    for call, usual in called.items():
        own = merged(_below(call, usual), own)
    return own


def _called(bundle: Bundle, path: Path, catalog: Catalog) -> dict[str, Usual]:
    """Return the usual behaviour in the tests of each called playbook that has tests, by the path of the call."""
    found: dict[str, Usual] = {}
    for name, step in paths(bundle):
        if not isinstance(step, Call) or any(name.startswith(f"{call}.") for call in found):
            continue
        beside = [folder / f"{step.name}.yaml" for folder in (path.parent, path.parent / FOLDER)]
        tests = [file for file in beside if _is_a(file, SCHEMA)] or _named(step.name, catalog)
        if tests:
            found[name] = load_tests(tests[0], catalog).tests.usual
    return found


def _below(call: str, usual: Usual) -> Usual:
    """Return the answers and acts of people for the steps of a called playbook, with the paths of the caller."""

    def under(steps: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{call}.{step}": one for step, one in steps.items()}

    return Usual(
        answers=under(usual.answers),
        finds=under(usual.finds),
        deeds=under(usual.deeds),
        takes=under(usual.takes),
    )


def around(path: Path, catalog: Catalog) -> Catalog:
    """Return the catalogue with precedence for the playbooks beside a file of tests."""
    folder = path.absolute().parent
    return catalog.beside_of((folder.parent if folder.name == FOLDER else folder) / path.name)


def check_tests(source: Source, catalog: Catalog) -> tuple[Problem, ...]:
    """Return every problem of a file of tests; nothing is raised."""
    try:
        return _read(source, Path(source.file), catalog)[1]
    except TocsinError as error:
        return (source.problem(("playbook",), "playbook", error.message, hint=error.hint),)


def find_tests(names: Sequence[str], catalog: Catalog) -> tuple[Path, ...]:
    """Return the selected files of tests: files, folders, or those of a playbook by its name or its file.

    Without names, all files; raises Invalid for a name without tests.
    """
    files: dict[Path, None] = {}
    for name in names:
        tests = _named(name, catalog)
        if not tests:
            raise Invalid(
                f'Playbook "{name}" has no tests.',
                hint=f"Write {FOLDER}/{Path(name).stem}.yaml beside the playbook, with schema: {SCHEMA}.",
                code="no_tests",
            )
        files.update(dict.fromkeys(tests))
    return tuple(files) if names else tuple(_all(catalog))


def _named(name: str, catalog: Catalog) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        return [file for file in sorted(path.rglob("*.yaml")) if _is_a(file, SCHEMA)]
    if not is_path(name):
        return [file for file in _all(catalog) if _is_of(file, name)]
    if path.is_file() and _is_a(path, _PLAYBOOK):
        return [file for file in sorted((path.parent / FOLDER).glob("*.yaml")) if _is_of(file, path.stem)]
    return [path]


def _all(catalog: Catalog) -> Iterator[Path]:
    for folder in (catalog.folder / "playbooks" if catalog.folder else None, shipped_folder()):
        if folder is not None and (folder / FOLDER).is_dir():
            yield from sorted((folder / FOLDER).glob("*.yaml"))


def _is_of(file: Path, name: str) -> bool:
    return file.stem == name or file.stem.startswith(f"{name}.")


def _is_a(file: Path, schema: str) -> bool:
    with suppress(OSError):
        text = read_file(file, MAX_BYTES).decode("utf-8", errors="replace")
        return any(line.strip() == f"schema: {schema}" for line in text.splitlines())
    return False


# --------------------------------------------------------------------------------------------------- meaning


def _meaning(source: Source, tests: PlaybookTests, bundle: Bundle) -> Iterator[Problem]:
    steps = dict(paths(bundle))
    names: set[str] = set()
    for role in tests.roles:
        if role not in roles_of(bundle):
            yield no_such(source, ("roles", role), "role", role, roles_of(bundle))
    yield from behaviour_problems(source, tests.usual, ("usual",), steps)
    for index, case in enumerate(tests.cases):
        where: Where = ("cases", index)
        if case.name in names:
            yield source.problem((*where, "name"), "name", f'The test name "{case.name}" is used twice.')
        names.add(case.name)
        yield from behaviour_problems(source, case, where, steps)
        yield from _expected(source, case, (*where, "expect"), steps)


def behaviour_problems(
    source: Source, one: Behaviour, where: Where, steps: Mapping[str, AnyStep]
) -> Iterator[Problem]:
    """Yield the problems of the answers, facts and actions of people in a test; ``steps`` are those of the playbook."""
    for name, mentioned in (("answers", one.answers), ("finds", one.finds), ("deeds", one.deeds)):
        yield from _steps(source, (*where, name), mentioned, steps)
    yield from _steps(source, (*where, "acts"), one.acts, steps)
    yield from _steps(source, (*where, "takes"), one.takes, steps)
    for step, span in one.takes.items():
        yield from _duration(source, (*where, "takes", step), span)
    yield from _deeds(source, one, (*where, "deeds"))
    yield from _assignments(source, one, where)


def _deeds(source: Source, one: Behaviour, where: Where) -> Iterator[Problem]:
    for step, deeds in one.deeds.items():
        for index, deed in enumerate(deeds):
            word, _, rest = deed.partition(" ")
            if word not in DEEDS:
                yield no_such(source, (*where, step, index), "deed", word, DEEDS)
            elif word == "sleep":
                yield from _duration(source, (*where, step, index), rest)


def _answers(source: Source, where: Where, answers: str | tuple[str, ...]) -> Iterator[Problem]:
    if isinstance(answers, str):
        if not answers.strip():
            yield source.problem(where, "wrong-form", "The text is empty.")
        return
    for index, text in enumerate(answers):
        if not says_unknown(text):
            yield from misstated(source, (*where, index), text)


def _assignments(source: Source, one: Behaviour, where: Where) -> Iterator[Problem]:
    """Yield the problems of the assignments under ``facts``, ``finds``, ``learns``, and of the answers to forms."""
    for step, answers in one.answers.items():
        yield from _answers(source, (*where, "answers", step), answers)
    for index, text in enumerate(one.facts):
        yield from misstated(source, (*where, "facts", index), text)
    for step, found in one.finds.items():
        for index, text in enumerate(found):
            yield from misstated(source, (*where, "finds", step, index), text)
    for path, text in one.learns.items():
        yield from misstated(source, (*where, "learns", path), text)
        if fact_type(path) is None:
            yield source.problem(
                (*where, "learns", path),
                "fact",
                f'Fact "{path}" does not exist.',
                hint=path_hint(path),
                key=True,
            )


def _expected(source: Source, case: Case, where: Where, steps: Mapping[str, AnyStep]) -> Iterator[Problem]:
    wanted = case.expect
    for state, named in (wanted.path or {}).items():
        for index, step in enumerate(named):
            if step not in steps:
                yield no_such(source, (*where, "path", state, index), "step", step, steps)
    for index, step in enumerate(wanted.again):
        if step not in steps:
            yield no_such(source, (*where, "again", index), "step", step, steps)
    for name in ("steps", "times", "waits_for", "overdue", "messages", "documents"):
        yield from _steps(source, (*where, name), getattr(wanted, name), steps)
    if wanted.within:
        yield from _duration(source, (*where, "within"), wanted.within)


def _duration(source: Source, where: Where, text: str) -> Iterator[Problem]:
    try:
        parse_duration(text)
    except ValueError as error:
        yield source.problem(where, "duration", f'The value "{text}" is not valid: {error}.')


def _steps(
    source: Source, where: Where, named: Mapping[str, object], steps: Mapping[str, AnyStep]
) -> Iterator[Problem]:
    for step in named:
        if bare_path(step) not in steps:
            yield no_such(source, (*where, step), "step", step, steps)


def no_such(
    source: Source,
    where: Where,
    what: str,
    name: str,
    known: Mapping[str, object] | Sequence[str],
    *,
    key: bool = True,
) -> Problem:
    """Return the problem of an unknown name, at a key or at a value, with the nearest name."""
    hint = near_hint(name, known, f"Choose one of: {', '.join(list(known)[:12])}.")
    return source.problem(where, what, f'{what.capitalize()} "{name}" does not exist.', hint=hint, key=key)


def bare_path(path: str) -> str:
    """Return the path of a step without the item of a repeated step: ``a/b`` of ``a[x]/b``."""
    head, bracket, rest = path.partition("[")
    return head + rest.partition("]")[2] if bracket else path


def roles_of(bundle: Bundle) -> tuple[str, ...]:
    """Return the roles of a playbook and of the playbooks that it runs, without repetition."""
    return tuple(dict.fromkeys(role for playbook in _playbooks(bundle) for role in playbook.roles))


def _playbooks(bundle: Bundle) -> tuple[Playbook, ...]:
    return (bundle.playbook, *bundle.includes.values())


def paths(bundle: Bundle) -> Iterator[tuple[str, AnyStep]]:
    """Yield every step by its path: containers and the step; a called playbook's steps below its name."""
    yield from _inside("", bundle.playbook.steps, bundle)


def _inside(prefix: str, steps: Sequence[AnyStep], bundle: Bundle) -> Iterator[tuple[str, AnyStep]]:
    for step in steps:
        yield prefix + step.id, step
        called = bundle.includes.get(step.name) if isinstance(step, Call) else None
        yield from _inside(f"{prefix}{step.id}.", step.inner if called is None else called.steps, bundle)


def named_duties(file: TestFile) -> tuple[str, ...]:
    """Return the duties that a playbook names in its steps and conditions, without those of called playbooks with tests."""
    duties: dict[str, None] = {}
    tested = {
        step.name for path, step in paths(file.bundle) if path in file.called and isinstance(step, Call)
    }
    for playbook in _playbooks(file.bundle):
        if playbook.name in tested:
            continue
        places = Map(playbook)
        for place in places.places:
            first = getattr(place.step, "duty", "").partition(" or ")[0]
            for name in (first, place.step.due.ref if place.step.due else ""):
                if "/" in name:
                    duties[name] = None
        for _, _, expression in places.expressions():
            duties.update(dict.fromkeys(expression.duties))
    return tuple(duties)
