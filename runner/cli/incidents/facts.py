"""Commands of facts: set, import, export, show, missing facts and what they block, and the history of one fact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.base.instants import is_local
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group, instant_of
from runner.cli.framework.outcome import tell
from runner.cli.framework.session import Session
from runner.cli.incidents.status import Known, read_incident
from runner.errors import Usage
from runner.reports.core.page import Cell, Page, line, table

VERIS = "veris:"

if TYPE_CHECKING:
    from runner.facts.vocabulary.fact_types import FactType


def add(app: Commands) -> None:
    """Add ``fact …``."""
    facts = group(app, "fact", "Show and record facts with their source.")
    command(facts, "set", Scope.WRITES)(set_)
    command(facts, "import", Scope.WRITES)(import_)
    command(facts, "export")(export)
    command(facts, "show")(show)
    command(facts, "missing")(missing)
    command(facts, "history")(history)


def set_(
    session: Session,
    assignment: Annotated[
        list[str], Argument("KEY=VALUE...", "Facts to record; also KEY+=MEMBER and KEY=?.")
    ],
    source: Annotated[
        str, Option("--source", "Source of the fact; regulator and board read it. Required.")
    ] = "",
    confidence: Annotated[str, Option("--confidence", "Certainty: confirmed or estimated.")] = "confirmed",
    grounds: Annotated[str, Option("--grounds", "Reason for the change of the fact.")] = "",
) -> None:
    """Record, correct or withdraw facts, together.

    \b
    Examples:
      tocsin fact set incident.aware_at=2026-11-24T09:10:00+01:00 --source "ticket 4711"
      tocsin fact set "incident.aware_at=2h ago" --source "telephone"
      tocsin fact set data.elements+=ssn people.total=1200 --source forensics --confidence estimated
      tocsin fact set data.encrypted=? --source "the inventory was wrong"
    """
    from runner.app.incidents.facts import record_facts
    from runner.app.incidents.outcome import ended_duties, moved

    service = session.service
    turn, changes = record_facts(service, session.incident().id, assignment, source, confidence, grounds)
    keys = [change.key for change in changes]
    if any(key.startswith("claims.") for key in keys):
        from runner.app.law.duties import ineffective_claims

        for told in ineffective_claims(service, turn.after):
            session.warn("claim_misread", told)
    if ended := ended_duties(turn):
        session.warn(
            "duties_ended", f"These duties no longer apply, or their law is undetermined: {', '.join(ended)}"
        )
    tell(session, turn, f"Recorded: {', '.join(keys)}", moved(service, turn, changes))
    for text in assignment:
        key, _, value = text.partition("=")
        fact = turn.after.facts.get(key.strip())
        if is_local(value) and fact is not None and fact.value != value.strip():
            instant_of(session, value)


def import_(
    session: Session,
    file: Annotated[str, Argument("FILE", "File with facts, or veris:FILE.")],
    grounds: Annotated[str, Option("--grounds", "Reason, if a fact moves a deadline.")] = "",
    yes: Annotated[bool, Option("--yes", "No question before recording.")] = False,
) -> None:
    """Record the facts of a file that differ. Shows the changes and asks first.

    \b
    Examples:
      tocsin fact import facts.yaml
      tocsin fact import veris:record.json --yes
    """
    from runner.app.incidents.evidence import read
    from runner.app.incidents.fact_import import FactsFile, import_facts, preview_import
    from runner.app.incidents.outcome import moved
    from runner.reports.incidents.facts import fact_changes_page
    from runner.yamlfile.source import MAX_BYTES

    name = file.removeprefix(VERIS)
    given = FactsFile(name, read(Path(name), MAX_BYTES), veris=name != file)
    incident, service = session.incident(), session.service
    session.tell(fact_changes_page(preview_import(service, incident, given)))
    if not yes:
        session.confirm("Record these facts?", "Read the changes, then repeat the command with --yes")
    turn, changes = import_facts(service, incident.id, given, grounds)
    tell(session, turn, f"Recorded: {', '.join(one.key for one in changes)}", moved(service, turn, changes))


def export(
    session: Session,
    file: Annotated[str, Argument("veris:FILE", "File to write: a VERIS record in JSON.")],
    added: Annotated[
        str,
        Option(
            "--with PARTS",
            "Also, with commas: name (of the organisation, and turnover), summary (free text).",
        ),
    ] = "",
    replace: Annotated[bool, Option("--replace", "Replace an existing file.")] = False,
    known: Known = "",
) -> None:
    """Write the facts as a VERIS record, without names and free text. Lists the facts that do not fit.

    \b
    Examples:
      tocsin fact export veris:record.json
      tocsin fact export veris:record.json --with name,summary
    """
    from runner.app.incidents.fact_import import export_veris
    from runner.cli.framework.output_files import private_file

    name = file.removeprefix(VERIS)
    if name in (file, ""):
        raise Usage(f'"{file}" has no format.', hint="Write veris:FILE", code="unknown_format")
    chosen = [one.strip() for one in added.split(",") if one.strip()]
    found, content = export_veris(read_incident(session, None, known), chosen)
    private_file(Path(name), content, replace=replace)
    session.say(f"{name}: VERIS record with {len(found.facts)} facts in full.")
    report = {
        "schema": "tocsin/fact-export/v1",
        "file": name,
        "facts": found.facts,
        "unmapped": found.unmapped,
    }
    session.show(report, lambda: _export_page(found.unmapped))


def _export_page(unmapped: tuple[str, ...]) -> Page:
    title = line(f"NOT IN THE RECORD, OR ONLY IN PART ({len(unmapped)})", "title")
    return Page((title, *(line(words, "dim", indent=2, hang=2) for words in unmapped)))


def show(
    session: Session,
    path: Annotated[str, Argument("[PATH]", "Only facts at or below this path.")] = "",
    everything: Annotated[
        bool, Option("--all", "All possible facts with their types. Needs no incident.")
    ] = False,
    known: Known = "",
) -> None:
    """Show the recorded facts with their source.

    \b
    Examples:
      tocsin fact show people
      tocsin fact show --as-known-at 2026-11-24T10:00:00Z
      tocsin fact show organisation --all
    """
    if everything:
        _vocabulary(session, path)
        return
    from runner.app.incidents.facts import known as view
    from runner.reports.incidents.known_facts import facts_page

    now = instant_of(session, known) if known else session.now()
    report = view(session.service, session.reader, read_incident(session, None, known), path, now)
    session.show(report, lambda: facts_page(report, now))


def _vocabulary(session: Session, path: str) -> None:
    from runner.facts.vocabulary.lookup import all_patterns, fact_type

    found = {
        key: kind
        for key, kind in all_patterns().items()
        if not path or key == path or key.startswith(f"{path}.")
    }
    if not found and (kind := fact_type(path)) is not None:
        found = {path: kind}
    report = {
        "schema": "tocsin/vocabulary/v1",
        "facts": [
            {"key": key, "type": _type(kind), "choices": kind.choices, "title": kind.title}
            for key, kind in found.items()
        ],
    }
    session.show(report, lambda: _vocabulary_page(found))


def _type(kind: FactType) -> str:
    return f"set of {kind.kind}" if kind.many else kind.kind


def _vocabulary_page(found: dict[str, FactType]) -> Page:
    if not found:
        return Page((line("No fact has this name", "warn"),))
    rows = tuple(
        (key, Cell(_type(kind), "dim"), f"{kind.title}{_choices(kind)}") for key, kind in found.items()
    )
    return Page((table(rows, 2, indent=0),))


def _choices(kind: FactType) -> str:
    return f": {', '.join(kind.choices)}" if kind.choices else ""


def missing(session: Session) -> None:
    """List missing facts and what depends on them."""
    from runner.reports.incidents.facts import missing as view
    from runner.reports.incidents.facts import missing_page

    incident = session.incident()
    service = session.service
    report = view(incident, service.library(incident), service.near_duties(incident))
    session.show(report, lambda: missing_page(report))


def history(session: Session, key: Annotated[str, Argument("KEY", "Full name of the fact.")]) -> None:
    """Show all recorded values of one fact.

    \b
    Example:
      tocsin fact history incident.aware_at
    """
    from runner.reports.incidents.facts import history as view
    from runner.reports.incidents.facts import history_page

    incident = session.incident()
    report = view(incident, key, session.reader.events(incident))
    session.show(report, lambda: history_page(report))
