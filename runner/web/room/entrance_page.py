"""The pages of the entrance: texts, small forms and links, without the frame of the other pages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from runner.errors import Refused
from runner.reports.core.action_text import hint_text
from runner.web.room import drawing
from runner.web.room.acts.forms import FACTORS, Given

PASSWORD, CODE = f"{FACTORS}password", f"{FACTORS}code"
KEY = f"{FACTORS}passkey"
"""Fields of the factors in a form; they never reach an act."""
FIELDS = 100
"""Most fields of a form of the entrance."""
_STATUS: Mapping[str, int] = {
    "too_many_attempts": 429,
    "login_refused": 401,
    "not_logged_in": 401,
    "provider_closed": 401,
    "provider_ended": 401,
    "provider_refused": 401,
    "provider_unknown": 401,
    "provider_down": 503,
    "link_ended": 401,
}


class Entry(NamedTuple):
    """One field of a form of the entrance."""

    name: str
    label: str
    kind: str = "text"
    complete: str = "off"
    """What a password manager fills in."""
    help: str = ""
    value: str = ""
    free: bool = False
    """Whether it may stay empty; a checkbox may, always."""


class Box(NamedTuple):
    """One part of a page: texts, and a form if it has a label for its button."""

    heading: str = ""
    texts: tuple[str, ...] = ()
    action: str = ""
    label: str = ""
    fields: tuple[Entry, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    quiet: bool = False
    passkey: str = ""
    """``get`` or ``create``: the button asks for a passkey, and is there only with a script."""
    options: str = ""
    """What the browser needs for that, as JSON."""
    push: str = ""
    """The key for which the browser subscribes to push: the button is there only with a script."""
    link: str = ""
    """The address to which its label leads, in place of a form."""


def fields_of(body: bytes) -> Given:
    """Return the fields of a form of the entrance; raises Refused for more than any has."""
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise Refused("The form has too many fields.", hint="Use the page again.", code="bad_form") from None
    return Given(dict(pairs))


def has_password(body: bytes) -> bool:
    """Tell whether a form has a password: to check or to store it costs 64 MiB and much time."""
    with suppress(Refused):
        given = fields_of(body)
        return bool(given[PASSWORD] or given["new"])
    return False


def factor_fields(*, sealed: bool = False) -> tuple[Entry, ...]:
    """Return the fields for password and code; ``sealed`` are those of the break-glass account, which may have no app."""
    if sealed:
        code = "Code of its app, if it has one"
        return Entry(PASSWORD, "Passphrase", "password"), Entry(
            CODE, code, complete="one-time-code", free=True
        )
    return (
        Entry(PASSWORD, "Password", "password", "current-password"),
        Entry(CODE, "Code of the app, or a recovery code", "text", "one-time-code"),
    )


def codes_page(codes: tuple[str, ...], more: tuple[Box, ...] = ()) -> Response:
    """Show recovery codes, once."""
    texts = (
        "Write these recovery codes down, and keep them apart from your phone. They are shown only now.",
        "Each one works once, in place of a code of the app.",
    )
    ready = Box(texts=("You are logged in.",), label="Continue", link="/")
    return entrance_page("Your recovery codes", (ready, *more), texts=texts, codes=codes)


def made_page(name: str, address: str, form: str) -> Response:
    """Return the page of a file that was made, with its address and that of the page where it was asked for."""
    texts = ("It was made and is on the record. Save it now: the address works once.",)
    boxes = (Box(texts=texts, label=f"Save {name}", link=address), Box(label="Back to the page", link=form))
    return entrance_page(f"Done: {name}", boxes)


def entrance_page(
    title: str, boxes: tuple[Box, ...], *, status: int = 200, failed: Refused | None = None, **more: Any
) -> Response:
    """Return a page of the entrance: texts and forms; ``more`` are further values of its template."""
    words = ("", "") if failed is None else (failed.message, hint_text(failed))
    said = (
        None
        if failed is None
        else dict(zip(("message", "hint"), map(drawing.page_words, words), strict=True))
    )
    values = {
        "texts": (),
        "picture": "",
        "codes": (),
        "onward": "",
        "band": "",
        "drawn": None,
        "text": "",
        **more,
    }
    text = drawing.render("entrance.html", title=title, boxes=boxes, failed=said, **values)
    return HTMLResponse(text, status if failed is None else _STATUS.get(failed.code, 409))


def picture_of(address: str) -> Markup:
    """Return an address as a picture for a phone."""
    import segno

    made = segno.make(address, error="m")
    return Markup(made.svg_inline(scale=4, border=4, light="white", svgclass=None, lineclass=None))  # noqa: S704  # of our own text


def refuse_different(given: Given) -> None:
    """Raise Refused if the two typed passwords differ."""
    if given["new"] != given["again"]:
        raise Refused("The two passwords differ.", hint="Type both again.", code="passwords_differ")


def address_of(request: Request) -> str:
    """Return the network address of who asks."""
    return request.client.host if request.client else ""
