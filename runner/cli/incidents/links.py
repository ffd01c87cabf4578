"""Commands ``link`` and ``unlink``: two incidents that turn out to be one."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.completion import incidents
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command
from runner.cli.framework.session import Session
from runner.reports.core.page import Page, line

Other = Annotated[str, Argument("OTHER", "Id or codename of the other incident.", autocompletion=incidents)]


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "link", Scope.WRITES)(link)
    command(app, "unlink", Scope.WRITES)(unlink)


def link(
    session: Session,
    other: Other,
    leads: Annotated[
        str, Option("--leads INCIDENT", "The incident that leads. Required.", autocompletion=incidents)
    ] = "",
    reason: Reason = "",
) -> None:
    """Link two incidents that turn out to be one. One of them leads.

    Nothing is merged: the tasks, duties and deadlines of both continue. The earlier deadline counts.

    \b
    Example:
      tocsin link calm-heron -i amber-falcon --leads amber-falcon --reason "same intruder"
    """
    from runner.app.incidents import links
    from runner.reports.incidents.links import MEANING

    made = links.link(session.service, session.principal, (session.name(), other), leads, reason)
    names = {row.id: row.codename for row in session.reader.incidents()}
    report = {"schema": "tocsin/linked/v1", "leading": made.leading, "following": made.following}
    words = f"{names[made.leading]} leads {names[made.following]}"
    session.show(report, Page((line(words, "good"), line(MEANING))))


def unlink(session: Session, other: Other, reason: Reason = "") -> None:
    """End the link of two incidents.

    \b
    Example:
      tocsin unlink calm-heron -i amber-falcon --reason "two intruders"
    """
    from runner.app.incidents import links

    links.unlink(session.service, session.principal, (session.name(), other), reason)
    session.show({"schema": "tocsin/unlinked/v1", "other": other}, Page((line("The link is ended", "good"),)))
