"""Errors of the API as ``application/problem+json`` (RFC 9457), with the codes and hints of the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from runner.errors import (
    Invalid,
    NotFound,
    Problem,
    Refused,
    Sealed,
    Stale,
    StoreCorrupt,
    StoreError,
    StoreTooNew,
    TocsinError,
    Usage,
)
from runner.reports.core.action_text import as_json, hint_text
from runner.web.room.door import Absent, Stranger

TYPE = "urn:tocsin:error:"
ABSENT = (
    "not_found",
    "There is nothing here, or you may not read it.",
    "Check the address and the scopes of the token",
)
"""What does not exist and what may not be read get the same answer."""
_STATUS: Sequence[tuple[type[TocsinError], int]] = (
    (NotFound, 404),
    (Stale, 409),
    (Usage, 422),
    (Invalid, 422),
    (Sealed, 410),
    (StoreCorrupt, 500),
    (StoreTooNew, 500),
    (StoreError, 503),
    (Refused, 409),
)
_BY_CODE = {
    "too_many_alerts": 429,
    "changed_meanwhile": 412,
    "two_logins": 400,
    "bad_body": 400,
    "token_needed": 403,
    "idempotency_key_missing": 400,
    "not_logged_in": 401,
    "key_reused": 422,
    "no_right": 404,
}


class ApiProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One error: ``type`` and ``code`` are stable, ``detail`` and ``hint`` are for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    action: Any = None
    problems: tuple[Problem, ...] = ()
    """Each finding in what was sent."""
    state: Any = None
    """For a stale change: the present state of what it was about."""


def answer(status: int, code: str, detail: str, hint: str = "", **more: Any) -> Response:
    """Return the answer for an error."""
    title = more.pop("title", "Error")
    problem = ApiProblem(
        type=f"{TYPE}{code}", title=title, status=status, detail=detail, code=code, hint=hint, **more
    )
    headers = {"www-authenticate": 'Bearer realm="tocsin"'} if status == 401 else None
    return Response(as_json(problem), status, headers, "application/problem+json")


def absent() -> Response:
    """Return the one answer for what does not exist and for what may not be read."""
    code, detail, hint = ABSENT
    return answer(404, code, detail, hint)


def stranger() -> Response:
    """Return the answer for a request without a valid token or session."""
    return answer(
        401, "not_logged_in", "There is no valid token or session.", "Send: Authorization: Bearer TOKEN"
    )


def answered(say: Callable[[str], None], made: Callable[[], Response]) -> Response:
    """Return what is made, or the answer for its error: the boundary of the API, whose errors are JSON, too."""
    try:
        return made()
    except Stranger:
        return stranger()
    except Absent:
        return absent()
    except TocsinError as error:
        return of_error(error)
    except Exception as error:  # noqa: BLE001
        return broken(say, error)


def broken(say: Callable[[str], None], error: Exception) -> Response:
    """Return the answer for an internal error, and write a line about it without content."""
    say(f"An answer of the API could not be made: internal error ({type(error).__name__})")
    hint = "If you sent a change, look whether it was recorded before you repeat it: tocsin timeline"
    return answer(500, "our_fault", "The answer could not be made.", hint)


def of_error(error: TocsinError, state: Any = None) -> Response:
    """Return the answer for what the service says; ``state`` is the present state after a stale change."""
    if error.code == "no_right":
        return absent()
    status = _BY_CODE.get(error.code) or next(
        (code for kind, code in _STATUS if isinstance(error, kind)), 500
    )
    return answer(
        status,
        error.code,
        error.message,
        hint_text(error),
        title=error.kind,
        action=error.action,
        problems=error.problems,
        state=state,
    )
