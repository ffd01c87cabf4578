"""Commands of playbooks: list, show, copy, validate, compare and test; JSON Schemas for editors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from runner.actions import Action, Slot
from runner.cli.framework.completion import incidents, playbooks
from runner.cli.framework.home_catalogue import catalog as _catalog
from runner.cli.framework.home_catalogue import ensure_home, readable_home
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    ProfileOption,
    Scope,
    command,
    group,
    profile_of,
)
from runner.cli.framework.session import Session
from runner.cli.playbooks import charts
from runner.cli.playbooks.charts import Name
from runner.errors import NotFound, Problem, Refused, TocsinError, Usage
from runner.reports.core.action_text import sentence
from runner.reports.core.formatting import count
from runner.reports.core.page import (
    Blank,
    Block,
    Cell,
    Cells,
    Page,
    Tone,
    do,
    flow,
    line,
    paged,
    table,
    visible,
)
from runner.settings import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.app.playbooks.playbooks import Difference, Entry, Outline, Shown
    from runner.playbook.checks.action_calls import CalledHost
    from runner.reports.playbooks.case_report import FileReport
    from runner.routing.messaging import Channel
    from runner.routing.organisation import Home

_TONES: dict[str, Tone] = {"added": "good", "removed": "alarm", "changed": "warn"}


def add(app: Commands) -> None:
    """Add ``playbook …`` and ``schema``."""
    commands = group(app, "playbook", "List, show, copy, validate, compare, test and print playbooks.")
    command(commands, "list", Scope.ANYWHERE)(list_)
    command(commands, "show", Scope.ANYWHERE)(show)
    command(commands, "copy", Scope.ANYWHERE)(copy)
    command(commands, "validate", Scope.ANYWHERE, formats=("text", "json", "sarif"))(validate)
    command(commands, "diff", Scope.ANYWHERE)(diff)
    command(commands, "test", Scope.ANYWHERE, formats=("text", "json", "junit"))(rehearse)
    command(commands, "fixture", Scope.ANYWHERE, formats=("text",))(fixture)
    charts.add(commands)
    command(app, "schema", Scope.ANYWHERE)(schema)


def list_(
    session: Session,
    everything: Annotated[
        bool, Option("--all", "Also list the playbooks that only other playbooks run.")
    ] = False,
) -> None:
    """List the playbooks of the home folder and of Tocsin."""
    from runner.app.playbooks.playbooks import listed

    entries = listed(_catalog(session))
    session.show(
        {"schema": "tocsin/playbooks/v1", "playbooks": entries},
        lambda: _list_page([one for one in entries if everything or one.problem or not one.block]),
    )


def _list_page(found: Sequence[Entry]) -> Page:
    rows = tuple(
        (
            entry.name,
            Cell(entry.version, "dim"),
            Cell(entry.problem or entry.title, "alarm" if entry.problem else "plain"),
        )
        for entry in found
    )
    return Page((table(rows, 2, indent=0),))


def show(
    session: Session,
    name: Name,
    yaml: Annotated[bool, Option("--yaml", "Print the file.")] = False,
    profile: ProfileOption = "",
) -> None:
    """Show the outline and the digest of a playbook.

    \b
    Examples:
      tocsin playbook show lost-device
      tocsin playbook show lost-device --yaml > lost-laptop.yaml
    """
    from runner.app.playbooks.playbooks import shown
    from runner.playbook.bundle import find
    from runner.yamlfile.source import checked

    if yaml and session.json:
        raise Usage(
            "--yaml and --format json exclude each other.",
            hint="Remove one of them.",
            code="options_conflict",
        )
    if yaml:
        session.world.out.write(checked(find(name, _catalog(session))[0], code="bad_playbook").text)
        return
    home = readable_home(session)
    size = profile_of(profile) or (home.profile if home is not None else "large")
    found = shown(name, _catalog(session), None if home is None else home.act, size)
    session.show(found, lambda: _show_page(found))


def copy(
    session: Session,
    name: Name,
    new: Annotated[str, Option("--as NEW", "Name of the copy.")] = "",
) -> None:
    """Copy a playbook into the home folder, to change it.

    Without --as, the copy replaces the playbook of the same name.

    \b
    Examples:
      tocsin playbook copy lost-device --as lost-laptop
      tocsin playbook copy ransomware
    """
    from runner.app.playbooks.playbooks import copied
    from runner.cli.framework.output_files import private_file
    from runner.files.modeline import with_modeline

    ensure_home(session)
    catalog = _catalog(session)
    own, text = copied(name, catalog, new)
    file = session.folder / "playbooks" / f"{own}.yaml"
    if catalog.is_own("playbooks", own):
        raise Refused(
            f'Playbook "{own}" exists in the home folder. Nothing was copied.',
            hint=Action("playbook.copy", name, {"as": Slot("NEW")}),
            code="file_exists",
        )
    file.parent.mkdir(mode=0o700, exist_ok=True)
    private_file(file, with_modeline(text, "playbook", file, session.folder).encode(), replace=False)
    report = {"schema": "tocsin/playbook-copied/v1", "playbook": own, "file": str(file)}
    check = do(Action("playbook.validate", own), hang=0)
    session.show(report, Page((line(f"{own} is in {file}", "good", hang=2), check)))


@paged
def _show_page(found: Shown) -> Iterator[Block]:
    yield flow(Cell(found.name, "title"), f" {found.version}  {found.title}", hang=2)
    yield line(found.digest, "dim")
    if found.description:
        yield Blank()
        yield line(found.description)
    for title, words in (
        ("Roles", ", ".join(f"{role} ({title})" for role, title in found.roles.items())),
        ("Messages", ", ".join(found.messages)),
        ("Includes", ", ".join(found.includes)),
    ):
        if words:
            yield flow(Cell(f"{title}: ", "dim"), words, hang=2)
    for call in found.http_calls:
        yield line(str(call), "warn" if call.refused else "plain", hang=2)
    yield Blank()
    yield table(map(_outline, found.steps), 2, indent=0)


def _outline(one: Outline) -> Cells:
    after = f"after {', '.join(one.after)}" if one.after else ""
    when = f"if {one.when}" if one.when else ""
    rest = "; ".join(part for part in (one.role, after, when) if part)
    return "  " * one.depth + one.step, Cell(one.kind, "dim"), one.title, Cell(rest, "dim")


def validate(
    session: Session,
    path: Annotated[list[Path], Argument("PATH...", "Files, folders, or names of playbooks.")],
    strict: Annotated[bool, Option("--strict", "Count warnings as errors.")] = False,
) -> int:
    """Check files and list all problems. Exit code 1 on errors.

    Checks playbooks, action templates, regimes, notices, lists of fields, facts and tocsin.yaml. The schema line decides the kind.

    \b
    Examples:
      tocsin playbook validate my.yaml
      tocsin playbook validate lost-device
      tocsin playbook validate playbooks --strict --format sarif
    """
    from runner.app.playbooks.playbooks import called
    from runner.files.validate import validate as validated

    home, catalog = _home(session), _catalog(session)
    problems = validated(path, catalog, home, channels=_channels(home), strict=strict)
    calls = called(path, problems, catalog, None if home is None else home.act)
    _print_problems(session, problems, calls, len(path))
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _home(session: Session) -> Home | None:
    """Return the settings of the home folder with the recorded people."""
    from runner.app.core.directory import read_people
    from runner.files.settings_file import load_home

    config = session.folder / CONFIG
    if not config.exists():
        return None
    home = load_home(config)
    try:
        people = read_people(session.service)
    except TocsinError:  # without a readable store, use the settings file only
        return home
    return msgspec.structs.replace(home, people=dict(people.people), roles=dict(people.roles))


def _channels(home: Home | None) -> Mapping[str, Channel]:
    """Return the channels of the home folder with the descriptions of their adapters."""
    if home is None or not home.channels:
        return {}
    from runner.app.core.directory import read_channels

    return read_channels(home)[0]


def _print_problems(
    session: Session, problems: tuple[Problem, ...], calls: tuple[CalledHost, ...], files: int
) -> None:
    if session.options.format == "sarif":
        from runner import __version__
        from runner.files.validate import to_sarif

        session.show_json(to_sarif(problems, version=__version__))
        return
    if session.json:
        session.show_json({"schema": "tocsin/problems/v1", "problems": problems, "http_calls": calls})
        return
    for problem in problems:
        session.world.out.write(f"{visible(str(problem))}\n")
    for call in calls:
        session.say(str(call))
    errors = sum(problem.severity == "error" for problem in problems)
    if problems:
        session.say(f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}")
    else:
        session.say(f"{count(files, 'path')}: no problems")


def diff(
    session: Session,
    old: Annotated[str, Argument("A", "Name, NAME@VERSION or file.")],
    new: Annotated[str, Argument("B", "Playbook to compare with.")],
) -> None:
    """Compare two playbooks: steps, roles, messages.

    \b
    Example:
      tocsin playbook diff lost-device@1.0.0 ./lost-device.yaml
    """
    from runner.app.playbooks.playbooks import difference

    found = difference(old, new, _catalog(session))
    session.show(found, lambda: _diff_page(found))


def _diff_page(found: Difference) -> Page:
    head = line(f"{found.old} → {found.new}", "title")
    if not found.changes:
        return Page((head, line("No differences", "good")))
    rows = tuple(
        (
            Cell(change.change, _TONES[change.change]),
            Cell(change.kind, "dim"),
            change.what,
            Cell(", ".join(change.fields), "dim"),
        )
        for change in found.changes
    )
    return Page((head, table(rows, 3, indent=0)))


def schema(
    session: Session,
    kind: Annotated[
        str, Argument("KIND", "Kind of file: playbook, playbook-test, exercise, action or home.")
    ] = "playbook",
) -> None:
    """Print the JSON Schema of a kind of file, for editors.

    \b
    Example:
      tocsin schema playbook > playbook.schema.json
    """
    from runner.files.validate import EDITOR_SCHEMAS
    from runner.playbook.schema import as_text

    if kind not in EDITOR_SCHEMAS:
        raise NotFound(
            f'Schema "{kind}" is unknown.',
            hint=f"Use one of: {', '.join(EDITOR_SCHEMAS)}",
            code="unknown_schema",
        )
    session.world.out.write(as_text(EDITOR_SCHEMAS[kind]()))


def rehearse(
    session: Session,
    name: Annotated[
        list[str] | None,
        Argument(
            "[PLAYBOOK|FILE|FOLDER]...",
            "Playbooks or files with tests. Default: all.",
            autocompletion=playbooks,
        ),
    ] = None,
    only: Annotated[str, Option("--only WORDS", "Only cases with this text in their name.")] = "",
    missed: Annotated[bool, Option("--missed", "Show branches that no test covers.")] = False,
    cover: Annotated[int, Option("--cover PERCENT", "Smallest share of covered branches, in percent.")] = 0,
    junit: Annotated[str, Option("--junit FILE", "File for a JUnit report in XML.")] = "",
) -> int:
    """Test playbooks with written cases. Sends nothing.

    \b
    Examples:
      tocsin playbook test lost-device
      tocsin playbook test my-playbooks --missed --junit report.xml
    """
    from runner.reports.playbooks.case_report import junit as junit_text
    from runner.reports.playbooks.case_report import page, report

    if not 0 <= cover <= 100:
        raise Usage(
            "--cover is not a percentage between 0 and 100.", hint="Use --cover 100", code="bad_cover"
        )
    found = report([report for report in _reports(session, tuple(name or ()), only) if report.cases])
    if not found.files:
        raise Refused(f'No test has "{only}" in its name.', hint="Remove --only", code="unknown_test")
    if junit:
        Path(junit).write_text(junit_text(found), encoding="utf-8")
    if session.options.format == "junit":
        session.world.out.write(junit_text(found))
    else:
        session.show(found, lambda: page(found, missed=missed))
    shares = ((file.playbook, file.coverage.branches) for file in found.files)
    thin = [(playbook, share) for playbook, share in shares if 100 * share.met < cover * share.of]
    for playbook, share in thin:
        session.say(
            f"{playbook}: coverage of {share.met} of {share.of} branches is less than {cover} %. See --missed"
        )
    return 1 if found.failed or thin else 0


def _reports(session: Session, names: tuple[str, ...], only: str) -> list[FileReport]:
    """Run the test files in order, with a progress bar on a terminal."""
    from runner.cli.framework.progress_line import bars
    from runner.playbook.playbook_test_file import find_tests, load_tests
    from runner.settings import cache_folder
    from runner.workers.playbook_test_runner import report_of, run_file

    known = _catalog(session)
    files = [load_tests(path, known) for path in find_tests(names, known)]
    total = sum(only in case.name for file in files for case in file.tests.cases)
    cache = cache_folder(session.world.environ)
    with bars(session) as shown:
        seen = shown.begin("testing", total)
        return [report_of(file, run_file(file, known, cache, sentence, only, seen)) for file in files]


def fixture(
    session: Session,
    incident: Annotated[
        str, Option("--from-incident INCIDENT", "Id or codename of the incident.", autocompletion=incidents)
    ],
    out: Annotated[str, Option("--out FILE", "File to write. Default: the screen.")] = "",
    keep_text: Annotated[
        bool, Option("--keep-text", "Keep free text, which can name people. Default: replaced.")
    ] = False,
) -> None:
    """Create a playbook test from an incident.

    \b
    Example:
      tocsin playbook fixture --from-incident amber-falcon --out playbooks/tests/lost-device.train.yaml
    """
    from runner.app.playbooks.fixtures import fixture as make
    from runner.files.modeline import with_modeline

    made = make(session.reader, session.incident(incident), keep_text=keep_text)
    if not out:
        session.world.out.write(made.text())
    elif Path(out).exists():
        raise Refused(
            f'File "{out}" exists. Nothing was written.',
            hint="Name another file: --out FILE",
            code="file_exists",
        )
    else:
        text = with_modeline(made.text(), "playbook-test", Path(out), session.folder)
        Path(out).write_text(text, encoding="utf-8")
        session.say(f"Wrote {out}. Read the file, then run: tocsin playbook test {out}")
    for words in made.lost:
        session.say(f"Not included: {words}")
