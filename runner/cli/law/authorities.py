"""Commands of the authority directory: list, show."""

from __future__ import annotations

from typing import Annotated

from runner.base.text import near_hint
from runner.cli.framework.home_catalogue import catalog
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.errors import NotFound
from runner.playbook.catalogue import Catalog
from runner.reports.core.page import Cell, Page, table


def add(app: Commands) -> None:
    """Add ``authority …``."""
    commands = group(app, "authority", "List and show the authorities that take notices.")
    command(commands, "list", Scope.ANYWHERE)(list_)
    command(commands, "show", Scope.ANYWHERE)(show)


def list_(
    session: Session,
    place: Annotated[str, Option("--in PLACE", "Only this place, as DE, DE-HE or US-CA.")] = "",
) -> None:
    """List the authorities of the home folder and of Tocsin.

    \b
    Example:
      tocsin authority list --in DE
    """
    found = [
        one
        for one in _catalog(session).authorities.values()
        if f"{one.place}-".startswith(f"{place}-" if place else "")
    ]
    rows = [
        (one.id, one.name, Cell(str(one.checked.date) if one.checked else "not checked", "dim"))
        for one in found
    ]
    session.show(
        {"schema": "tocsin/authority-list/v1", "authorities": found},
        lambda: Page((table(rows, 1, indent=0),)),
    )


def show(session: Session, authority: Annotated[str, Argument("ID", "As in tocsin authority list.")]) -> None:
    """Show one authority.

    \b
    Example:
      tocsin authority show us-sec-edgar
    """
    from runner.reports.law.authority import authority_page

    known = _catalog(session).authorities
    if authority not in known:
        hint = near_hint(authority, known, "tocsin authority list")
        raise NotFound(f'Authority "{authority}" does not exist.', hint=hint, code="unknown_authority")
    one = known[authority]
    session.show(
        {"schema": "tocsin/authority/v1", "authority": one}, lambda: authority_page(one, session.now())
    )


def _catalog(session: Session) -> Catalog:
    """Return the catalogue of the home, with a warning for each file of authorities that is not used."""
    found = catalog(session)
    for error in found.bad_authorities if found.authorities else ():
        session.warn("bad_authorities", f"{error.message} Its entries are not used.")
    return found
