"""Command ``audit verify``: check of the journals, documents and evidence."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.options import Commands, Option, command, group
from runner.cli.framework.session import Session


def add(app: Commands) -> None:
    """Add ``audit …``."""
    audit = group(app, "audit", "Verify the journal and the stored documents.")
    command(audit, "verify")(verify)


def verify(
    session: Session,
    anchor: Annotated[
        str, Option("--anchor N:sha256:HASH", "Head of the journal from another source, as on a document.")
    ] = "",
    checkpoint: Annotated[
        str, Option("--checkpoint N:HASH", "Checkpoint of the log of heads, as in the footer of a message.")
    ] = "",
) -> int:
    """Verify that every journal entry is present and unchanged.

    Compares documents and evidence with their digests, and keys and rows with the journals. Without --incident, verifies
    all journals of the home folder. Codes of heads and rows, and encrypted content, need the master key; the rest does not.
    The exit code is 1 if the verification fails.

    \b
    Examples:
      tocsin audit verify
      tocsin audit verify -i amber-falcon --anchor 41:sha256:9f2c…
    """
    from runner.app.home.verification import verification_page, verified
    from runner.cli.framework.progress_line import bars

    given = session.options.incident
    name = session.service.find(given) if given else None
    with bars(session) as shown:
        report = verified(session.service, name, anchor, shown.begin, checkpoint)
    session.show(report, lambda: verification_page(report))
    return 0 if report.ok else 1
