"""Forms of the room, and what they do. Each act is one that the command line has too.

A form carries a mark of what its page was drawn from. If that changed meanwhile, nothing is recorded, and the person sees both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.core.rights import Right
from runner.errors import Refused
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page
from runner.web.room.pages import Asked

SURE = "sure"
"""The hidden field of a form that was shown with its preview: a digest of what was previewed."""


class Upload(NamedTuple):
    """One file of a form."""

    name: str
    """As the browser says; never a path that is opened."""
    body: bytes


class Given(dict[str, str]):
    """The fields of a submitted form, empty where one is absent, and its files."""

    def __init__(self, fields: Mapping[str, str], files: Mapping[str, Upload] | None = None) -> None:
        """Take both by the names of the fields."""
        super().__init__(fields)
        self.files: Mapping[str, Upload] = files or {}

    def __missing__(self, name: str) -> str:
        """Return what an absent field has."""
        return ""


class Field(NamedTuple):
    """One field of a form."""

    name: str
    label: str
    kind: Literal["line", "text", "choice", "file"] = "line"
    choices: tuple[tuple[str, str], ...] = ()
    """Value and words."""
    help: str = ""
    needed: bool = False
    value: str = ""
    """What stands in it before anybody types."""


class Form(NamedTuple):
    """One form of a page."""

    verb: str
    label: str
    """On its button."""
    fields: tuple[Field, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    folded: bool = False
    """Behind its label: it is needed rarely."""


class Act(NamedTuple):
    """What one form does, and the right that it needs."""

    right: Right
    do: Callable[[Asked, Given], str | None]
    """Records it with ``asked.service``; returns the path of the next page, if that is not the page of the form."""
    preview: Callable[[Asked, Given], Page | None] | None = None
    """What will happen: shown before, with a second button; None is done at once."""
    adds: bool = False
    """It only adds, such as a comment: what changed meanwhile does not matter."""
    bound: bool = False
    """It binds, as a signature does: a person with an account gives the factors again after five minutes."""


class Acting(NamedTuple):
    """The forms of a page, and what they do by their verbs."""

    forms: Callable[[Asked], Sequence[Form]]
    """Those of the present state; the room leaves out the forms that the reader has no right to."""
    acts: Mapping[str, Act]
    seen: Callable[[IncidentService, Incident, str], Any] | None = None
    """What the forms were drawn from, of the service, the present incident and the reference of the page."""


def mark_of(acting: Acting, asked: Asked, incident: Incident | None) -> str:
    """Return a mark of what the forms of a page are drawn from: another state is another mark."""
    if acting.seen is None or incident is None:
        return ""
    seen = acting.seen(asked.service, incident, asked.ref)
    return sha256(msgspec.json.encode(seen, order="deterministic")).hexdigest()[:16]


def offered(acting: Acting, asked: Asked) -> list[Form]:
    """Return the forms that the reader may use now."""
    about: Any = asked.incident
    return [form for form in acting.forms(asked) if asked.reader.may(acting.acts[form.verb].right, about)]


def perform(acting: Acting, asked: Asked, verb: str, given: Given) -> str | None:
    """Do what a form says; raises Refused ``changed_meanwhile`` if its page changed since the form was drawn."""
    act = acting.acts[verb]

    def unchanged(incident: Incident) -> None:
        if given["mark"] != mark_of(acting, asked, incident):
            raise Refused(
                "This page changed while you had it open. Nothing was recorded.",
                hint="Read the page again. What you typed is still in its form.",
                code="changed_meanwhile",
            )

    guard = None if act.adds or acting.seen is None else unchanged
    return act.do(asked._replace(service=asked.service.of(asked.principal, guard)), given)


def what_was_seen(given: Given) -> str:
    """Return a digest of the fields of a form, so that what was previewed is what is done."""
    fields = sorted((name, value) for name, value in given.items() if name not in (SURE, "mark"))
    files = sorted((name, sha256(one.body).hexdigest()) for name, one in given.files.items())
    return sha256(msgspec.json.encode((fields, files))).hexdigest()[:16]


def command(make: Callable[[str, Given], AnyCommand]) -> Callable[[Asked, Given], None]:
    """Return an act that performs one command, made from the reference of the page and the fields."""

    def do(asked: Asked, given: Given) -> None:
        asked.service.act(asked.principal, asked.incident.id, lambda incident: [make(asked.ref, given)])

    return do


def number_of(given: Given, name: str) -> int:
    """Return a hidden number of a form; raises Refused if it is none."""
    number = given[name]
    if not number.isascii() or not number.isdigit():
        raise Refused(
            "The form names nothing on the page. Nothing was recorded.",
            hint="Use the page again",
            code="bad_form",
        )
    return int(number)


def people_field(asked: Asked) -> Field:
    """Return the field that names a person of the home."""
    people = sorted((name, one.name) for name, one in asked.service.directory.people.items())
    return Field("person", "Person", "choice", tuple(people), needed=True)


REASON = Field("reason", "Reason", needed=True)
