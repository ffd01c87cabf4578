"""Commands ``step-link``: links with which people without an account do one task, or read one approval."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.cli.people.accounts import accounts_of, told
from runner.errors import Usage
from runner.reports.core.formatting import moment
from runner.reports.core.page import Page, line


def add(app: Commands) -> None:
    """Add ``step-link …``."""
    links = group(app, "step-link", "Manage links for people without an account: one task or approval each.")
    command(links, "create", Scope.WRITES)(create)
    command(links, "list", Scope.ANYWHERE)(list_)
    command(links, "revoke", Scope.HOME_WRITES)(revoke)


def create(
    session: Session,
    person: Annotated[str, Argument("PERSON", "Person id.")],
    step: Annotated[str, Argument("STEP", "Open task or approval.")],
    lasts: Annotated[str, Option("--for DURATION", "How long it lasts, at most 24h.")] = "24h",
) -> None:
    """Print a link with which a person does one task, or reads one approval.

    The link works once. It never approves and shows no other page. The record says that the link was used, not who used it.

    \b
    Example:
      tocsin step-link create nils contain --for 4h
    """
    from runner.app.people import step_links
    from runner.base.instants import parse_duration

    try:
        span = parse_duration(lasts)
    except ValueError as error:
        raise Usage(
            f"The duration is not valid: {error}.", hint="Write --for 4h", code="bad_duration"
        ) from None
    made, secret = step_links.create(session.service, session.name(), step, person, span)
    address = accounts_of(session).link(secret, "link")
    session.show(
        {
            "schema": "tocsin/step-link/v1",
            "name": made.name,
            "person": person,
            "link": address,
            "ends": made.ends,
        },
        Page((line(address), line(f"{made.name}: for {person}, once, until {moment(made.ends)}.", "dim"))),
    )


def list_(session: Session) -> None:
    """List the unused links."""
    from runner.app.people.step_links import unused

    found = unused(session.service)
    rows = [
        {
            "name": one.name,
            "person": one.person,
            "purpose": one.purpose,
            "step": one.step,
            "by": one.by,
            "ends": one.ends,
        }
        for one in found
    ]
    texts = [
        f"{one.name}  {one.person}: {one.purpose} {one.step}, until {moment(one.ends)}, by {one.by}"
        for one in found
    ]
    session.show(
        {"schema": "tocsin/step-links/v1", "links": rows},
        Page(tuple(map(line, texts or ["No unused links"]))),
    )


def revoke(session: Session, name: Annotated[str, Argument("NAME", "Name of the link, as l-…")]) -> None:
    """End a link at once.

    \b
    Example:
      tocsin step-link revoke l-3
    """
    from runner.app.people.step_links import revoke as end

    end(session.service, name)
    told(session, f"Link {name} is revoked")
