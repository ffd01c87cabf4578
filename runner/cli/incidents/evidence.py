"""Commands of evidence files: list, save, describe, hand over, receive, custody form. ``attach`` stores one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, Where, command, group, instant_of
from runner.cli.framework.outcome import tell
from runner.cli.framework.session import Session

Exhibit = Annotated[str, Argument("EVIDENCE", "Number or id of the evidence file.")]
Description = Annotated[str, Option("--description", "What the file is.")]
CollectedBy = Annotated[str, Option("--collected-by", "Person who collected it.")]
CollectedAt = Annotated[str, Option("--collected-at INSTANT", "Time of the collection.")]
Place = Annotated[str, Option("--place", "Where it was collected: machine, account, room.")]
Method = Annotated[str, Option("--method", "How it was collected: tool, version, settings.")]


def add(app: Commands) -> None:
    """Add ``evidence …``."""
    commands = group(app, "evidence", "Manage evidence files: list, save, describe, hand over.")
    command(commands, "list")(list_)
    command(commands, "save")(save)
    command(commands, "describe", Scope.WRITES)(describe)
    command(commands, "hand-over", Scope.WRITES)(hand_over)
    command(commands, "receive", Scope.WRITES)(receive)
    command(commands, "form")(form)


def list_(session: Session, where: Where = None) -> None:
    """List the evidence files with their SHA-256 and their source."""
    from runner.reports.core.custody import evidence, evidence_page

    incident = session.incident(where)
    report = evidence(incident, session.reader.events(incident))
    session.show(report, lambda: evidence_page(report))


def save(
    session: Session,
    evidence: Exhibit,
    file: Annotated[Path, Argument("FILE", "New file for the bytes.")],
) -> None:
    """Save an evidence file unchanged.

    \b
    Example:
      tocsin evidence save e-2yqq5bdmeq login.log
    """
    from runner.app.incidents.evidence import save as write
    from runner.reports.core.custody import evidence as view
    from runner.reports.core.custody import evidence_page

    incident = session.incident()
    known = write(session.reader, incident, evidence, file)
    report = view(incident, session.reader.events(incident), known.id)
    session.show(report, lambda: evidence_page(report))


def describe(
    session: Session,
    evidence: Exhibit,
    description: Description = "",
    collected_by: CollectedBy = "",
    collected_at: CollectedAt = "",
    place: Place = "",
    method: Method = "",
) -> None:
    """Record what an evidence file is, and how it was collected.

    An option that you leave out keeps what was recorded before.

    \b
    Example:
      tocsin evidence describe 1 --collected-by maria --place "laptop 12" --method "dd 9.1, write blocker"
    """
    from runner.app.incidents.evidence import describe as record
    from runner.app.incidents.evidence import described

    at = instant_of(session, collected_at) if collected_at else None
    about = described(description, collected_by, at, place, method)
    tell(session, record(session.service, session.name(), evidence, about), "Described")


def hand_over(
    session: Session,
    evidence: Exhibit,
    person: Annotated[str, Argument("PERSON", "Person who receives it.")],
    purpose: Annotated[str, Option("--purpose WHY", "Purpose of the handover. Required.")] = "",
    at: Annotated[str, Option("--at INSTANT", "Time of the handover. Default: now.")] = "",
) -> None:
    """Record the handover of an evidence file to a person.

    The handover stays open until that person confirms the receipt: tocsin evidence receive EVIDENCE --as PERSON

    \b
    Example:
      tocsin evidence hand-over 1 jonas --purpose "analysis of the mailbox rules"
    """
    from runner.app.incidents.evidence import hand_over as record

    given = instant_of(session, at) if at else None
    turn = record(session.service, session.name(), evidence, person, purpose, given)
    tell(
        session,
        turn,
        f"Handed over. {person} must confirm the receipt: tocsin evidence receive {evidence} --as {person}",
    )


def receive(
    session: Session,
    evidence: Exhibit,
    sha256: Annotated[str, Option("--sha256 DIGEST", "SHA-256 that you calculated from your copy.")] = "",
    note: Annotated[str, Option("--note TEXT", "Condition, seal, or what is missing.")] = "",
) -> None:
    """Confirm that you received an evidence file.

    Only the receiver of a handover can do this, in their own name.

    \b
    Example:
      tocsin evidence receive 1 --as jonas --sha256 DIGEST
    """
    from runner.app.incidents.evidence import receive as record

    tell(session, record(session.service, session.name(), evidence, sha256, note), "Receipt confirmed")


def form(
    session: Session,
    evidence: Exhibit,
    file: Annotated[Path, Argument("FILE", "New file for the form, as custody.pdf.")],
) -> None:
    """Write the custody form of an evidence file as PDF.

    \b
    Example:
      tocsin evidence form 1 custody-1.pdf
    """
    from runner.app.incidents.evidence import form as made
    from runner.app.incidents.evidence import write_new
    from runner.reports.core.page import Page, line

    write_new(file, made(session.service, session.reader, session.incident(), evidence))
    answer = {"schema": "tocsin/custody-form/v1", "file": str(file)}
    session.show(answer, lambda: Page((line(str(file)),)))
