"""Commands ``playbook test`` and ``playbook fixture``: written test cases of playbooks.

``playbook fixture`` writes such a way down from an incident.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.completion import incidents, playbooks
from runner.cli.framework.options import Argument, Commands, Option, Scope, command
from runner.cli.framework.session import Session, catalog
from runner.errors import Refused, Usage

if TYPE_CHECKING:
    from runner.reports.playbooks.case_report import FileReport


def add(group: Commands) -> None:
    """Add the commands to ``playbook``."""
    command(group, "test", Scope.ANYWHERE, formats=("text", "json", "junit"))(rehearse)
    command(group, "fixture", Scope.ANYWHERE, formats=("text",))(fixture)


def rehearse(
    session: Session,
    name: Annotated[
        list[str] | None,
        Argument(
            metavar="[PLAYBOOK|FILE|FOLDER]...",
            help="Playbooks or files with tests. Default: all.",
            autocompletion=playbooks,
        ),
    ] = None,
    only: Annotated[
        str, Option("--only", metavar="WORDS", help="Only cases with this text in their name.")
    ] = "",
    missed: Annotated[bool, Option("--missed", help="Show branches that no test covers.")] = False,
    cover: Annotated[
        int, Option("--cover", metavar="PERCENT", help="Smallest share of covered branches, in percent.")
    ] = 0,
    junit: Annotated[str, Option("--junit", metavar="FILE", help="File for a JUnit report in XML.")] = "",
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
    thin = [
        file for file in found.files if 100 * file.coverage.branches.met < cover * file.coverage.branches.of
    ]
    for file in thin:
        share = file.coverage.branches
        session.say(
            f"{file.playbook}: {share.met} of {share.of} branches are less than {cover} %. See --missed"
        )
    return 1 if found.failed or thin else 0


def _reports(session: Session, names: tuple[str, ...], only: str) -> list[FileReport]:
    """Run the files of tests one after the other, with a bar where a person waits."""
    from runner.cli.framework.progress_line import bars
    from runner.playbook.playbook_test_file import find_tests, load_tests
    from runner.settings import cache_folder
    from runner.workers.playbook_test_runner import report_of, run_file

    known = catalog(session)
    files = [load_tests(path, known) for path in find_tests(names, known)]
    total = sum(only in case.name for file in files for case in file.tests.cases)
    cache = cache_folder(session.world.environ)
    with bars(session) as shown:
        seen = shown.begin("playing", total)
        return [report_of(file, run_file(file, known, cache, only, seen)) for file in files]


def fixture(
    session: Session,
    incident: Annotated[
        str,
        Option(
            "--from-incident",
            metavar="INCIDENT",
            help="Id or codename of the incident.",
            autocompletion=incidents,
        ),
    ],
    out: Annotated[str, Option("--out", metavar="FILE", help="File to write. Default: the screen.")] = "",
    keep_text: Annotated[
        bool, Option("--keep-text", help="Keep free text, which can name people. Default: replaced.")
    ] = False,
) -> None:
    """Create a playbook test from an incident.

    \b
    Example:
      tocsin playbook fixture --from-incident amber-falcon --out playbooks/tests/lost-device.train.yaml
    """
    from runner.app.playbooks.fixtures import fixture as make

    made = make(session.service, session.incident(incident), keep_text=keep_text)
    if not out:
        session.world.out.write(made.text())
    elif Path(out).exists():
        raise Refused(
            f'File "{out}" exists. Nothing was written.',
            hint="Name another file: --out FILE",
            code="file_exists",
        )
    else:
        Path(out).write_text(made.text(), encoding="utf-8")
        session.say(f"Wrote {out}. Read the file, then run: tocsin playbook test {out}")
    for words in made.lost:
        session.say(f"Not included: {words}")
