"""Tokens of programs as a list, without their secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from runner.reports.core.formatting import moment
from runner.reports.core.page import Block, Cell, fields, line, paged
from runner.reports.core.report import Report, filled


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """One token; ``used`` is null if no program used it."""

    name: str
    owner: str
    scopes: tuple[str, ...]
    by: str
    made: datetime
    expires: datetime
    expired: bool
    used: datetime | None


class TokensReport(Report, frozen=True, kw_only=True, tag="tocsin/tokens/v1"):
    """All tokens by name."""

    tokens: tuple[TokenRow, ...]


class TokensResealed(Report, frozen=True, kw_only=True, tag="tocsin/tokens-resealed/v1"):
    """The tokens of an older version that work again, the people whose calendar address does, and how many ended."""

    tokens: tuple[TokenRow, ...]
    calendars: tuple[str, ...]
    ended: int


class TokenCreated(Report, frozen=True, kw_only=True, tag="tocsin/token-created/v1"):
    """A new token with its secret, which is shown once."""

    token: TokenRow
    secret: str


def token_rows(found: Iterable[msgspec.Struct], now: datetime) -> tuple[TokenRow, ...]:
    """Return the rows of tokens."""
    rows = (filled(TokenRow, one, expired=False) for one in found)
    return tuple(msgspec.structs.replace(row, expired=now >= row.expires) for row in rows)


@paged
def tokens_page(report: TokensReport | TokensResealed) -> Iterator[Block]:
    """Draw the list."""
    for row in report.tokens:
        yield line(f"{row.name}{'  EXPIRED' if row.expired else ''}", "warn" if row.expired else "title")
        yield fields(
            (
                ("Owner", row.owner),
                ("Scopes", ", ".join(row.scopes)),
                ("Expires", moment(row.expires)),
                ("Last use", Cell(moment(row.used)) if row.used else Cell("never", "dim")),
                ("Created", f"{moment(row.made)}, by {row.by}"),
            )
        )
    if isinstance(report, TokensResealed):
        for person in report.calendars:
            yield line(f"Calendar address of {person}", "title")
        if report.ended:
            yield line(f"Ends, or cannot be read: {report.ended}", "warn")
    elif not report.tokens:
        yield line(
            "No program has a token → tocsin token create NAME --owner PERSON --scope incident.read", "dim"
        )
