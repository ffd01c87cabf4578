"""Commands of laws: list, show, check, verify, compare, import."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from runner.actions import Action
from runner.cli.framework.home_catalogue import catalog
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    Scope,
    calendar_day,
    command,
    duration,
    group,
)
from runner.cli.framework.session import Session
from runner.errors import TocsinError, Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Blank, Block, Cell, Page, line, paged, table
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.app.law.regimes import Checked, Imported
    from runner.incident.law.verifications import Checks

Names = Annotated[list[str] | None, Argument("[REGIME]...", "Ids or files. Default: all laws.")]


def add(app: Commands) -> None:
    """Add ``regime …``."""
    commands = group(app, "regime", "List, show, check, verify and compare laws.")
    command(commands, "list", Scope.ANYWHERE)(list_)
    command(commands, "show", Scope.ANYWHERE)(show)
    command(commands, "check", Scope.ANYWHERE)(check)
    command(commands, "verify", Scope.HOME_WRITES)(verify)
    command(commands, "diff", Scope.ANYWHERE)(diff)
    command(commands, "import", Scope.HOME_WRITES)(import_)


def recorded_checks(session: Session) -> Checks:
    """Return the checks that the home recorded; none without a home, or with a warning if it cannot be read."""
    from runner.incident.law.verifications import Checks

    try:
        return session.service.law_checks() if (session.folder / CONFIG).exists() else Checks()
    except TocsinError as error:
        if error.code != "no_store":
            text = f"The checks of the law cannot be read, so duties show the confidence of the law files. Run: tocsin doctor. {error.message}"
            session.warn("checks_unreadable", text)
        return Checks()


def list_(
    session: Session,
    jurisdiction: Annotated[str, Option("--in PLACE", "Only laws of this place, as US-CA or EU.")] = "",
) -> None:
    """List the laws of the home folder and of Tocsin.

    \b
    Example:
      tocsin regime list --in US
    """
    from runner.app.law.regimes import listed
    from runner.reports.law.regimes import RegimesReport, list_page

    entries = listed(catalog(session), jurisdiction, recorded_checks(session))
    session.show(RegimesReport(regimes=entries), lambda: list_page(entries))


def show(
    session: Session,
    regime: Annotated[str, Argument("REGIME", "Id of the law, or a file.")],
    at: Annotated[str, Option("--at DATE", "Version in force on this date. Default: the newest.")] = "",
) -> None:
    """Show a law in words, with a worked example of each deadline.

    \b
    Examples:
      tocsin regime show us-ca-breach
      tocsin regime show us-ca-breach --at 2025-06-01
    """
    from runner.app.law.regimes import shown
    from runner.reports.law.regimes import show_page

    found = shown(regime, catalog(session), calendar_day(at), recorded_checks(session))
    session.show(found, lambda: show_page(found))


def check(
    session: Session,
    regime: Names = None,
    stale: Annotated[
        str,
        Option("--stale DURATION", "List the duties that nobody looked at for this time, as 180d."),
    ] = "",
) -> int:
    """Check the files of laws, and count the confidence. Exit code 1 on errors.

    \b
    Examples:
      tocsin regime check
      tocsin regime check my-own-law.yaml
      tocsin regime check --stale 180d
    """
    from runner.app.law.regimes import checked

    since = session.now().date() - duration(stale) if stale else None
    found = checked(regime or (), catalog(session), recorded_checks(session), since)
    session.show(found, lambda: _check_page(found, since))
    return 1 if any(problem.severity == "error" for problem in found.problems) else 0


@paged
def _check_page(found: Checked, since: date | None) -> Iterator[Block]:
    from runner.reports.law.confidence import LEVEL_WORDS, TONES

    yield from (line(str(problem), "alarm") for problem in found.problems)
    share = f"{found.executable} of {found.duties} duties ({found.share:.1%}) can be executed"
    only_words = f"{found.duties - found.numbered} only words of the law"
    yield line(f"{count(found.regimes, 'regime')}, {count(len(found.problems), 'problem')}", "title")
    yield line(f"{share}: Tocsin computes scope and deadline", "good" if found.share == 1 else "warn")
    yield line(f"{found.numbered} have a fixed deadline, {only_words}")
    for level, number in found.confidence.items():
        yield line(f"{number} ({found.shares[level]:.1%}) {LEVEL_WORDS[level]}", TONES[level])
    for name in found.outdated:
        yield line(f"{name}: the rule in the law file changed after the check. Check it again.", "warn")
    yield from (line(f"{name}: only in words, a person decides", "warn") for name in found.in_words)
    if since is not None:
        yield Blank()
        yield line(f"NOT LOOKED AT SINCE {since} ({len(found.stale)})", "title")
        rows = ((one.duty, str(one.last or "never"), one.confidence) for one in found.stale)
        yield table(rows, 0, indent=2)


def verify(
    session: Session,
    name: Annotated[str, Argument("ID", "Id of a duty, or of a law with all its duties.")],
    by: Annotated[str, Option("--by PERSON", "Who opened the official page: an id, or a full name.")],
    source: Annotated[str, Option("--source URL", "Official page, https.")],
    reason: Annotated[
        str,
        Option("--reason WHY", "Why the page is on another site than the law file names."),
    ] = "",
) -> None:
    """Record that a person compared a duty with the official page.

    The check counts as long as the law file has the same rule.

    \b
    Example:
      tocsin regime verify us-ca-breach/individuals --by ana --source https://leginfo.legislature.ca.gov/PAGE
    """
    from runner.app.law.verifications import verify as recorded
    from runner.reports.core.formatting import person_name

    found = recorded(session.service, catalog(session), name, by=by, url=source, reason=reason)
    duties = count(sum("/" in rule for rule in found.rules), "duty", "duties")
    done = f"{name}, {duties}: verified by {person_name(found.by)} on {found.on}: {found.url}"
    session.show(
        {"schema": "tocsin/regime-verification/v1", **msgspec.structs.asdict(found)},
        lambda: Page((line(done, "good"),)),
    )


def diff(
    session: Session,
    regime: Names = None,
    since: Annotated[str, Option("--from DATE", "First date of the comparison.")] = "",
    to: Annotated[str, Option("--to DATE", "Second date of the comparison. Default: today.")] = "",
) -> None:
    """Compare laws: two dates, two files, or your copy.

    One id without dates compares your copy in the home folder with the law of Tocsin.

    \b
    Examples:
      tocsin regime diff --from 2025-06-01
      tocsin regime diff us-ca-breach --from 2025-06-01 --to 2026-06-01
      tocsin regime diff us-ca-breach
      tocsin regime diff old.yaml new.yaml
    """
    from runner.app.law.regimes import between_dates, between_files, own_and_built_in
    from runner.reports.law.regime_changes import diff_page

    names, known = regime or [], catalog(session)
    begin = calendar_day(since)
    if begin is not None:
        difference = between_dates(names, begin, calendar_day(to) or session.now().date(), known)
    elif to:
        action = Action("regime.diff", args={"from": "2025-06-01", "to": "2026-06-01"})
        raise Usage("--to needs --from.", hint=action, code="option_missing")
    elif len(names) == 2:
        difference = between_files(names[0], names[1], known)
    elif len(names) == 1:
        difference = own_and_built_in(names[0], known)
    else:
        hint = "Name two dates, two files, or the id of a law with a copy in the home folder."
        raise Usage("The two versions to compare are missing.", hint=hint, code="argument_missing")
    session.show(difference, lambda: diff_page(difference))


def import_(
    session: Session,
    file: Annotated[
        Path,
        Argument(
            "FILE",
            "CSV file with columns regime, name, duty, recipient, starts …; or a contract template, as acquirer.",
        ),
    ],
    replace: Annotated[
        bool, Option("--replace", "Replace laws of the home folder with the same ids.")
    ] = False,
) -> None:
    """Import duties of contracts or insurers from a spreadsheet, or copy a contract template.

    Writes one file for each regime into the home folder. A template makes no duty until it is filled.

    \b
    Examples:
      tocsin regime import contracts.csv
      tocsin regime import acquirer
    """
    from runner.app.law.regimes import imported

    importeds = imported(file, session.folder, replace=replace)
    session.show({"schema": "tocsin/regime-import/v1", "regimes": importeds}, lambda: _import_page(importeds))


def _import_page(found: tuple[Imported, ...]) -> Page:
    def state(one: Imported) -> Cell:
        if one.to_fill:
            return Cell(f"not filled: {count(one.to_fill, 'line')}", "warn")
        return Cell(count(one.duties, "duty", "duties"), "dim")

    return Page((table(((one.id, state(one), one.file) for one in found), 2, indent=0),))
