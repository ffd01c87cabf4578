"""Commands ``token``: tokens with which programs use the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.reports.core.page import Page, line

Name = Annotated[str, Argument("NAME", "Name of the token.")]


def add(app: Commands) -> None:
    """Add ``token …``."""
    tokens = group(app, "token", "Manage tokens of programs that use the API.")
    command(tokens, "create", Scope.HOME_WRITES)(create)
    command(tokens, "list", Scope.HOME_WRITES)(list_)
    command(tokens, "revoke", Scope.HOME_WRITES)(revoke)
    command(tokens, "reseal", Scope.HOME_WRITES)(reseal)


def create(
    session: Session,
    name: Name,
    owner: Annotated[str, Option("--owner PERSON", "Person who answers for the program. Default: you.")] = "",
    scope: Annotated[
        list[str] | None, Option("--scope RIGHT", "Right of the program. Repeat for more.")
    ] = None,
    days: Annotated[int, Option("--days DAYS", "Days until it expires, at most 365.")] = 90,
) -> None:
    """Create a token for a program. Shows its secret once.

    The program has only the scopes that its owner has as rights, too. It cannot approve, decide, file or administer.

    \b
    Example:
      tocsin token create siem --owner maria --scope incident.read --days 90
    """
    from runner.app.people import tokens
    from runner.reports.people.tokens import TokenCreated, token_rows

    lasts = timedelta(days=min(max(days, 0), tokens.LONGEST.days + 1))
    made, secret = tokens.create(
        session.service,
        session.principal,
        name,
        owner or session.by,
        tuple(dict.fromkeys(scope or ())),
        lasts,
    )
    (row,) = token_rows((made,), session.now())
    session.show(TokenCreated(token=row, secret=secret), Page((line(secret),)))
    session.say(f"Store the token now: nobody can show it again. To end it: tocsin token revoke {name}")


def list_(session: Session) -> None:
    """List the tokens with owner, scopes, expiry and last use."""
    from runner.app.people.tokens import tokens
    from runner.reports.people.tokens import TokensReport, token_rows, tokens_page

    report = TokensReport(tokens=token_rows(tokens(session.service, session.principal), session.now()))
    session.show(report, lambda: tokens_page(report))


def revoke(session: Session, name: Name) -> None:
    """End a token at once.

    \b
    Example:
      tocsin token revoke siem
    """
    from runner.app.people import tokens

    tokens.revoke(session.service, session.principal, name)
    session.show(
        {"schema": "tocsin/token-revoked/v1", "name": name}, Page((line(f"Token {name} is revoked", "good"),))
    )


def reseal(
    session: Session,
    without: Annotated[
        list[str] | None,
        Option("--without NAME", "Token, or person of a calendar address, that ends. Repeat for more."),
    ] = None,
    yes: Annotated[bool, Option("--yes", "No question: you have read the list.")] = False,
) -> None:
    """Confirm the tokens and calendar addresses that an earlier version of Tocsin stored.

    Who could write the database could add or change them, so none works until you confirm the list. If the database was in other hands, end
    all and make new ones: a changed secret is not visible.

    \b
    Example:
      tocsin token reseal --without siem --yes
    """
    from runner.app.people import tokens
    from runner.reports.people.tokens import TokensResealed, token_rows, tokens_page

    service, now = session.service, session.now()
    kept = tokens.kept_of(tokens.unconfirmed(service, session.principal), without or ())
    rows = token_rows((one for one in kept.values() if isinstance(one, tokens.Token)), now)
    people = tuple(one.person for one in kept.values() if not isinstance(one, tokens.Token))
    ended = len(service.sealed.unconfirmed()) - len(kept)
    report = TokensResealed(tokens=rows, calendars=people, ended=ended)
    if not yes:
        session.tell(tokens_page(report))
        session.confirm("Do these work again?", "Read the list, then repeat the command with --yes")
    tokens.reseal(service, session.principal, kept)
    session.show(report, lambda: tokens_page(report))
