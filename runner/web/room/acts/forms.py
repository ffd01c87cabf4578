"""Forms of the room, and what they do. Each act is one that the command line has too.

A form carries a mark of what its page was drawn from. If that changed meanwhile, nothing is recorded, and the person sees both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from runner.acts.asked import Asked, File, Upload
from runner.app.core.incident_service import IncidentService
from runner.app.core.rights import Right
from runner.app.incidents.home_catalogue import catalogue
from runner.app.playbooks.playbooks import listed
from runner.base.instants import instant, instant_text, parse_duration, spoken_instant
from runner.errors import Invalid, Refused
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import find
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import person_name
from runner.reports.core.page import Page

T = TypeVar("T")
DAY = "As 2026-12-24."
"""Help of a field for a day."""
SURE = "sure"
"""The hidden field of a form that was shown with its preview: a digest of what was previewed."""

FACTORS, HELD = "account-", "held-"
"""The beginning of the names of fields that confirm who acts, and of those that name a file that was sent before."""


class Given(dict[str, str]):
    """The fields of a submitted form, empty where one is absent, and its files."""

    def __init__(
        self,
        fields: Mapping[str, str],
        files: Mapping[str, Upload] | None = None,
        held: Mapping[str, str] | None = None,
    ) -> None:
        """Take all by the names of the fields; ``held`` are the references of files that the room holds."""
        super().__init__(fields)
        self.files: Mapping[str, Upload] = files or {}
        self.held: Mapping[str, str] = held or {}

    def __missing__(self, name: str) -> str:
        """Return what an absent field has."""
        return ""


def without_factors(given: Given) -> tuple[Given, Given]:
    """Return a form without the factors of an account, and these alone: they never come back on a page."""
    proof = {name: value for name, value in given.items() if name.startswith(FACTORS)}
    rest = {name: value for name, value in given.items() if name not in proof}
    return Given(rest, given.files), Given(proof)


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
    timed: bool = False
    """It takes a time, alone or after ``=``: it is settled with the preview."""


class Form(NamedTuple):
    """One form of a page."""

    verb: str
    label: str
    """On its button."""
    fields: tuple[Field, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    folded: bool = False
    """Behind its label: it is needed rarely."""
    once: str = ""
    """An identifier that stays when the form is shown again: sent twice, it does one thing."""
    note: str = ""
    """Something to know before it is sent; above its button."""
    off: bool = False
    """It cannot be sent now; ``note`` says why."""


class Preview(NamedTuple):
    """What a form would do."""

    page: Page
    about: Any = None
    """What must be the same when it is done, besides the fields; not the page where that tells times left."""


def fixed(page: Page) -> Preview:
    """Return a preview that is shown again if anything in it changed."""
    return Preview(page, page.blocks)


class Act(NamedTuple):
    """What one form does, and the right that it needs."""

    right: Right
    do: Callable[[Asked, Given], str | File | None]
    """Records it with ``asked.service``; returns the path of the next page, if that is not the page of the form, or a file to save."""
    preview: Callable[[Asked, Given], Page | Preview | None] | None = None
    """What will happen: shown before, with a second button; None is done at once."""
    adds: bool = False
    """It only adds, such as a comment: what changed meanwhile does not matter."""
    opens: bool = False
    """It opens an incident, whose messages a worker has to send."""
    bound: bool = False
    """It binds, as a signature does: a person with an account gives the factors again after five minutes."""
    shows: bool = False
    """``do`` returns a text that is shown once, in place of a path."""
    program: bool = True
    """A program may do it, if it has the right and nothing is looked at before."""
    takes: tuple[Field, ...] = ()
    """Only of an act of programs: all fields that it reads in any state; a name that ends with ``.N`` stands for one with each number."""


class Acting(NamedTuple):
    """The forms of a page, and what they do by their verbs."""

    forms: Callable[[Asked], Iterable[Form]]
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


_SPOKEN = re.compile(r"(?m)^(?P<key>(?P<name>[^=\n]*)=)?[ \t]*(?P<time>now|[^=\n]+ ago)[ \t\r]*$")


def _settled(acting: Acting, asked: Asked, verb: str, given: Given) -> Given:
    """Return a form with the instants of ``now`` and ``2h ago``: what is confirmed later is what a preview shows now."""
    if not any(map(_SPOKEN.search, given.values())):
        return given
    fields = (field for form in acting.forms(asked) if form.verb == verb for field in form.fields)
    timed = {field.name for field in fields if field.timed}
    clock = asked.clock.replace(microsecond=0)

    def settle(found: re.Match[str]) -> str:
        fact = find((found["name"] or given["fact"]).strip())
        if not isinstance(fact, FactType) or fact.kind == "instant":
            with suppress(ValueError):  # the act says what is wrong
                moment = spoken_instant(found["time"], clock).astimezone(clock.tzinfo)
                return f"{found['key'] or ''}{instant_text(moment)}"
        return found[0]

    said = {name: _SPOKEN.sub(settle, text) if name in timed else text for name, text in given.items()}
    return Given(said, given.files, given.held)


def perform(acting: Acting, asked: Asked, verb: str, given: Given) -> str | File | None:
    """Do what a form says; raises Refused ``changed_meanwhile`` if its page changed since the form was drawn."""
    act = acting.acts[verb]

    def unchanged(incident: Incident) -> None:
        if given["mark"] != mark_of(acting, asked, incident):
            raise changed_meanwhile()

    guard = None if act.adds or acting.seen is None else unchanged
    return act.do(asked._replace(service=asked.service.of(asked.principal, guard)), given)


def changed_meanwhile() -> Refused:
    """Return the refusal of a form that was made from another state than the present one."""
    return Refused(
        "This page changed while you had it open. Nothing was recorded.",
        hint="Read the page again. What you typed is still in its form.",
        code="changed_meanwhile",
    )


def foreseen(acting: Acting, asked: Asked, verb: str, given: Given) -> tuple[Given, Preview | None]:
    """Return a form with its times settled, and what it would do now; None for a form without a preview."""
    given, preview = _settled(acting, asked, verb, given), acting.acts[verb].preview
    if preview is None:
        return given, None
    found = preview(asked._replace(service=asked.service.of(asked.principal)), given)
    return given, Preview(found) if isinstance(found, Page) else found


def what_was_seen(given: Given, preview: Preview) -> str:
    """Return a digest of the fields of a form and of its preview, so that what was previewed is what is done."""
    fields = sorted(one for one in given.items() if one[0] not in (SURE, "mark"))
    files = sorted((name, sha256(one.body).hexdigest()) for name, one in given.files.items())
    return sha256(msgspec.json.encode((fields, files, preview.about), order="deterministic")).hexdigest()[:16]


def command(make: Callable[[str, Given], AnyCommand]) -> Callable[[Asked, Given], None]:
    """Return an act that performs one command, made from the reference of the page and the fields."""

    def do(asked: Asked, given: Given) -> None:
        asked.service.act(asked.principal, asked.incident.id, lambda incident: [make(asked.ref, given)])

    return do


def number_of(given: Given, name: str) -> int:
    """Return a number of a form; raises Refused if it is none."""
    number = given[name].strip()
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise Refused(
            "The form names nothing on the page. Nothing was recorded.",
            hint="Use the page again",
            code="bad_form",
        )
    return int(number)


def people_choices(asked: Asked) -> tuple[tuple[str, str], ...]:
    """Return the people of the home as choices: id and name, by id."""
    return tuple(sorted((name, one.name) for name, one in asked.service.directory.people.items()))


def people_field(asked: Asked) -> Field:
    """Return the field that names a person of the home."""
    return Field("person", "Person", "choice", people_choices(asked), needed=True)


def playbook_field(asked: Asked) -> Field:
    """Return the field that names a playbook: one by its name, never a file."""
    books = asked.lasting("playbooks", lambda: listed(catalogue(asked.service)))
    names = tuple(
        (one.name, f"{one.title} ({one.name})") for one in books if not one.problem and not one.block
    )
    return Field("playbook", "Playbook", "choice", (CHOOSE, *names), needed=True)


def playbook_of(asked: Asked, given: Given) -> str:
    """Return the playbook of that field; raises Refused for anything else."""
    return one_of(given, "playbook", catalogue(asked.service).playbook_files)


def instant_of(given: Given, name: str, now: datetime) -> datetime | None:
    """Return the time in a field, None if it is empty; raises Usage."""
    return instant(given[name], now) if given[name].strip() else None


def span_of(given: Given, name: str) -> timedelta | None:
    """Return the duration in a field, None if it is empty; raises Invalid."""
    try:
        return parse_duration(given[name]) if given[name].strip() else None
    except ValueError as error:
        raise Invalid(f'Duration "{given[name]}" is not valid: {error}.', code="bad_duration") from None


def one_of(given: Given, name: str, choices: Iterable[T]) -> T:
    """Return the choice in a field; raises Refused for anything that the form did not offer."""
    for choice in choices:
        if choice == given[name]:
            return choice
    if not given[name]:
        what = f"Nothing is chosen for {name.replace('_', ' ')}."
        raise Refused(what, hint="Choose an entry of the list", code="bad_form")
    raise Refused(
        f'"{given[name]}" is not a choice of this form.', hint="Use the page again", code="bad_form"
    )


def words_of(given: Given, name: str) -> tuple[str, ...]:
    """Return the words of a field that takes several, separated by commas or spaces."""
    return tuple(given[name].replace(",", " ").split())


def assigned(asked: Asked, given: Given) -> tuple[str, tuple[str, ...]]:
    """Return the role and the people of a form that assigns one; raises Invalid or NotFound."""
    role, persons = given["role"].strip(), words_of(given, "persons")
    if not (role and persons):
        raise Invalid(
            "The role or its people are missing.",
            hint="Write both, people by their ids",
            code="argument_missing",
        )
    for person in persons:
        asked.service.known(person)
    return role, persons


def role_words(
    role: str, persons: Sequence[str], gone: Sequence[str], lost: Sequence[str], *, known: bool
) -> list[str]:
    """Return what an assignment does, in sentences: who loses the role, and what becomes impossible."""
    words = [f"{', '.join(map(person_name, persons))}: role {role}."]
    words += [f"They replace {', '.join(map(person_name, gone))}."] if gone else []
    words += [] if known else [f"Nobody has the role {role} yet: it is new."]
    words += [f"Too few people remain for an approval: {'; '.join(lost)}."] if lost else []
    return words


CHOOSE = ("", "choose")
"""The first choice of a field that has no safe default."""
REASON = Field("reason", "Reason", needed=True)
SOURCE = Field("source", "Source", help="Where you know it from; regulator and board read it. Default: you.")
