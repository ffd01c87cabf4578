"""Commands of the contact list in the database: import, export, forget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action
from runner.cli.framework.home_catalogue import ensure_home
from runner.cli.framework.options import Argument, Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Page, line
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.app.people.contact_import import Import
    from runner.reports.people.people import ImportReport


def add(people: Commands) -> None:
    """Add to ``person …``."""
    command(people, "import", Scope.HOME_WRITES)(import_)
    command(people, "export", Scope.ANYWHERE)(export)
    command(people, "forget", Scope.HOME_WRITES)(forget)


def import_(
    session: Session,
    file: Annotated[Path | None, Argument("[FILE]", "File in CSV, vCard, or YAML as in tocsin.yaml.")] = None,
    from_settings: Annotated[bool, Option("--from-settings", "Import the people of tocsin.yaml.")] = False,
    yes: Annotated[bool, Option("--yes", "No question before writing.")] = False,
) -> None:
    """Import people with contacts and roles, encrypted. Asks first.

    The person id identifies a person. People who are not in the list stay unchanged. A new address is unverified: in an
    open incident, nobody can approve with it.

    \b
    Examples:
      tocsin person import people.csv
      tocsin person import contacts.vcf --yes
      tocsin person import --from-settings
    """
    from runner.app.people.contact_import import carry_out, moved, planned
    from runner.cli.framework.outcome import reach
    from runner.reports.people.people import import_page

    if (file is None) is not from_settings:
        raise Usage(
            "The contact list to import is missing.",
            hint="Name a FILE, or use --from-settings alone",
            code="options_conflict" if from_settings else "argument_missing",
        )
    ensure_home(session)
    found = planned(session.service, file) if file is not None else moved(session.service)
    if not found.any:
        report = _report(session, found, file, written=False)
        session.show(report, lambda: import_page(report))
        return
    if not yes:
        session.tell(import_page(_report(session, found, file, written=False)))
        session.confirm("Write these changes?", "Repeat with --yes")
    carry_out(session.service, found)
    report = _report(session, found, file, written=True)
    session.show(report, lambda: import_page(report))
    for change in found.changes:
        if change.gained or change.lost:
            reach(session, change.person)


def _report(session: Session, found: Import, file: Path | None, *, written: bool) -> ImportReport:
    from runner.files.settings_file import lines_of_people
    from runner.reports.people.people import ImportReport, ImportRow, contact_words

    config = session.folder / CONFIG
    told = file is None and (written or not found.any)
    lines = lines_of_people(config) if told else ""
    return ImportReport(
        file=str(file or config),
        people=tuple(
            ImportRow(
                person=person.person,
                change=person.change,
                name=person.card.name,
                gained=tuple(contact_words(contact) for contact in person.gained),
                lost=tuple(contact_words(contact) for contact in person.lost),
            )
            for person in found.people
        ),
        roles=dict(found.roles),
        missing=found.missing,
        open=tuple(row.codename for row in session.service.incidents("open")),
        delete=(lines,) if lines else (),
        warnings=found.warnings,
        written=written,
    )


def export(
    session: Session,
    out: Annotated[Path, Argument("FILE", "File that ends in .yaml, readable only by you.")],
    replace: Annotated[bool, Option("--replace", "Replace an existing file.")] = False,
) -> None:
    """Export all people with contacts and roles, unencrypted.

    \b
    Example:
      tocsin person export people.yaml
    """
    from runner.app.core.directory import as_settings
    from runner.cli.framework.output_files import private_file

    if out.suffix not in (".yaml", ".yml"):
        raise Usage(
            f'File "{out}" does not end in .yaml.',
            hint=Action("person.export", "people.yaml"),
            code="unknown_ending",
        )
    private_file(out, as_settings(session.service), replace=replace)
    said = f"{out} contains unencrypted addresses. Delete the file after use."
    session.show({"schema": "tocsin/person-export/v1", "file": str(out)}, Page((line(said, "warn", hang=2),)))


def forget(
    session: Session,
    person: Annotated[str, Argument("PERSON", "Person id.")],
    yes: Annotated[bool, Option("--yes", "No question.")] = False,
) -> None:
    """Erase the contacts of a person, permanently.

    Destroys the key of the person. The person loses all roles, the account, sessions and tokens. Incidents and backups still contain their own copies. A legal hold on an incident that names the person prevents it.

    \b
    Example:
      tocsin person forget maria
    """
    from runner.app.core.directory import person as known
    from runner.app.home.retention import forget as erase
    from runner.cli.framework.outcome import warn_of_backups
    from runner.files.settings_file import lines_of_people

    known(session.service, person)
    if not yes:
        session.confirm(f"Erase all data of {person}?", "Repeat with --yes")
    shared = erase(session.service, person)
    warn_of_backups(session)
    in_settings = person in session.service.home.people
    lines = lines_of_people(session.folder / CONFIG) if in_settings else ""
    report = {
        "schema": "tocsin/person-forgotten/v1",
        "person": person,
        "under_shared_key": shared,
        "in_settings": in_settings,
    }
    blocks = [line(f"The data of {person} is erased. The key of the entries is destroyed.", "good")]
    if in_settings:
        words = f"tocsin.yaml still names {person} in lines {lines}. Delete these lines."
        blocks.append(line(words, "warn", hang=2))
    if shared:
        words = f"{count(shared, 'older entry', 'older entries')} about {person} cannot be erased: other people share the key"
        blocks.append(line(words, "warn", hang=2))
    session.show(report, Page(tuple(blocks)))
