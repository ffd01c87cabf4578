"""Runner of playbook tests: each case opens an incident in a sandbox and runs to its end in virtual time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from pathlib import Path

import msgspec

from runner.actions import Action
from runner.app.core.incident_service import IncidentService
from runner.app.core.reader import Reader
from runner.app.exercises.simulated_responders import Players
from runner.app.incidents.open_incident import Request, commit_opening, prepare_opening
from runner.app.playbooks import sandbox
from runner.base.instants import parse_instant
from runner.decoding import from_json
from runner.effects.messages.compose import Body
from runner.effects.simulated import Simulation
from runner.errors import Refused, Sealed, TocsinError
from runner.incident.exercises.improvements import Item, Tested, closing
from runner.incident.state.commands import CancelIncident, Close
from runner.incident.state.events import AnyEvent, decode
from runner.incident.state.incident import Document, Incident
from runner.incident.state.steps import step_path
from runner.playbook.catalogue import Catalog
from runner.playbook.playbook_test import Case, merged
from runner.playbook.playbook_test_file import TestFile, around, find_tests, load_tests, named_duties, paths
from runner.reports.playbooks.case_report import CaseReport, FileReport, covered
from runner.reports.playbooks.case_result import CaseResult, differences, played
from runner.workers.virtual import VirtualClock, play, simulating

Words = Callable[[TocsinError], str]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one case: it passed if there are no ``failures``."""

    name: str
    failures: tuple[str, ...]
    """The differences from the expected end; or, alone, why the case could not run to its end."""
    refused: frozenset[str] = frozenset()
    """Refused approvals."""
    found: CaseResult | None = None


def run_file(
    file: TestFile,
    catalog: Catalog,
    cache: Path | None,
    words: Words,
    only: str = "",
    seen: Callable[[int], None] = lambda _count: None,
) -> tuple[Result, ...]:
    """Run the cases that have ``only`` in their name, and return the result of each; ``seen`` gets each result.

    Compiled law is kept in ``cache``. ``words`` gives the text of an error and of the next action.
    """
    found = []
    for result in _results(file, catalog, cache, words, only):
        found.append(result)
        seen(1)
    return tuple(found)


def report_of(file: TestFile, results: Sequence[Result]) -> FileReport:
    """Return the results of one file for people and programs."""
    runs = [result.found for result in results if result.found is not None]
    refused = frozenset[str]().union(*(result.refused for result in results))
    playbook = file.bundle.playbook
    return FileReport(
        file=file.file,
        playbook=playbook.name,
        version=playbook.version,
        cases=tuple(_case(result) for result in results),
        coverage=covered(
            {path: step for path, step in paths(file.bundle) if file.own(path)},
            named_duties(file),
            runs,
            refused,
        ),
    )


def _case(result: Result) -> CaseReport:
    return CaseReport(
        name=result.name,
        passed=not result.failures,
        failures=result.failures,
        virtual_seconds=int(result.found.span.total_seconds()) if result.found is not None else None,
    )


def _results(
    file: TestFile, catalog: Catalog, cache: Path | None, words: Words, only: str
) -> Iterator[Result]:
    start = parse_instant(file.tests.opened)
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-test-", ignore_cleanup_errors=True) as folder,
        sandbox.sandbox_home(Path(folder), file, VirtualClock(start), catalog.classes) as service,
    ):
        digest = sandbox.pin(service, catalog, cache or Path(folder) / "cache", file)
        for case in file.tests.cases:
            if only in case.name:
                yield _run(service, file, case, catalog, digest, words)


def _run(
    service: IncidentService, file: TestFile, case: Case, catalog: Catalog, pinned: str, words: Words
) -> Result:
    clock = VirtualClock(parse_instant(file.tests.opened))
    found = copy(service)
    found.clock = clock
    try:
        incident, close = _play(found, file, case, catalog, pinned, clock)
    except TocsinError as error:
        problems = "".join(f"; {problem}" for problem in error.problems[:3])
        return Result(name=case.name, failures=(f"{words(error)}{problems}",))
    came = _came(found, incident, clock, file, close)
    refused = {
        step_path(i.id) for i in incident.invocations.values() if any(not a.approved for a in i.approvals)
    }
    return Result(
        name=case.name,
        failures=differences(case.expect, came, file.own),
        refused=frozenset(refused),
        found=came,
    )


def _play(
    service: IncidentService, file: TestFile, case: Case, catalog: Catalog, pinned: str, clock: VirtualClock
) -> tuple[Incident, str]:
    """Open the case, run it, close it; return it as before closing, and why it could not be closed."""
    behaviour = merged(file.tests.usual, case)
    request = Request(
        playbooks=(file.playbook,),
        title=case.name,
        kind="test",
        assignments=behaviour.facts,
        profile=behaviour.profile or "large",
    )
    opening = prepare_opening(service, request, around(Path(file.file), catalog), pinned)
    name = commit_opening(service, opening).after.id
    worker = simulating(service, Simulation(behaviour.channels, behaviour.acts))
    players = Players(service, name, behaviour, last_moment=case.last_moment, sleep=clock.advance)
    try:
        play(worker, name, players, clock)
        return _ended(service, name)
    finally:
        # No work on this case during the next one.
        worker.close()
        if service.load(name).state not in ("closed", "cancelled"):
            service.act(service.principal, name, [CancelIncident(reason="the test is over")])


def _ended(service: IncidentService, name: str) -> tuple[Incident, str]:
    incident = service.load(name)
    try:
        service.act(service.principal, name, [Close()])
    except Refused as refusal:
        return incident, refusal.message
    return incident, ""


def _came(
    service: IncidentService, incident: Incident, clock: VirtualClock, file: TestFile, close: str
) -> CaseResult:
    reader = service.read(service.principal)

    def text_of(digest: str) -> str:
        body = from_json(service.repository.document(digest), Body)
        return f"{body.subject}\n{body.text}"

    def words_of(document: Document) -> str:
        return reader.document(incident, document.id, "txt").decode() if "txt" in document.files else ""

    span = clock.now() - parse_instant(file.tests.opened)
    return played(incident, _events(reader, incident), span, close, text_of, words_of)


def _events(reader: Reader, incident: Incident) -> Iterator[AnyEvent]:
    for row in reader.events(incident):
        if row.payload is None:
            raise Sealed("a payload is gone", code="shredded")
        yield decode(row.payload)


def passed_test(known: Item, catalog: Catalog, cache: Path | None, words: Words) -> Tested | None:
    """Run the test that an action item closes with, if there is one; raises Refused if it fails."""
    wanted = closing(known.plan.closes_with)
    if wanted.kind != "test":
        return None
    for path in find_tests((wanted.name,), catalog):
        file = load_tests(path, catalog)
        if wanted.what not in {case.name for case in file.tests.cases}:
            continue
        (result,) = (
            result
            for result in run_file(file, catalog, cache, words, wanted.what)
            if result.name == wanted.what
        )
        if result.failures:
            again = Action("playbook.test", wanted.name, {"only": wanted.what})
            raise Refused(f'Test "{wanted.what}" fails: {result.failures[0]}', hint=again, code="test_failed")
        playbook = file.bundle.playbook
        return Tested(
            case=result.name, playbook=f"{playbook.name} {playbook.version}", digest=file.bundle.digest
        )
    raise Refused(
        f'Test "{wanted.what}" is not in the tests of "{wanted.name}".',
        hint=Action("playbook.test"),
        code="unknown_test",
    )
