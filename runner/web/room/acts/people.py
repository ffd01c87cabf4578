"""What a person can do on the page of people: standing roles, and absences."""

from __future__ import annotations

from collections.abc import Sequence

from runner.acts.asked import Asked
from runner.app.core.directory import hold_role, set_away
from runner.app.playbooks.playbooks import replacing
from runner.reports.core.page import Page, line
from runner.web.room.acts.forms import (
    Act,
    Acting,
    Field,
    Form,
    Given,
    Preview,
    assigned,
    fixed,
    one_of,
    people_field,
    role_words,
)

_STATES = {"away": "away", "back": "back"}


def _forms(asked: Asked) -> Sequence[Form]:
    person = people_field(asked)
    deputy = Field("alternate", "Deputy", "choice", (("", "nobody"), *person.choices))
    state = Field("state", "New state", "choice", tuple(_STATES.items()), needed=True)
    roles = ", ".join(sorted(asked.service.directory.roles)) or "none"
    who = Field("persons", "People", help="Their ids, separated by commas.", needed=True)
    return (
        Form("away", "Mark a person as away or back", (person, state, deputy), folded=True),
        Form(
            "role",
            "Assign a role in future incidents",
            (Field("role", "Role", help=f"Assigned now: {roles}.", needed=True), who),
            folded=True,
        ),
    )


def _away(asked: Asked, given: Given) -> None:
    away = one_of(given, "state", _STATES) == "away"
    asked.service.known(given["person"])
    set_away(asked.service, given["person"], away, given["alternate"])


def _hold(asked: Asked, given: Given) -> None:
    role, persons = assigned(asked, given)
    hold_role(asked.service, role, persons)


def _holds(asked: Asked, given: Given) -> Preview:
    role, persons = assigned(asked, given)
    gone, lost = replacing(asked.service, None, role, persons)
    known = role in asked.service.directory.roles
    return fixed(Page(tuple(line(text) for text in role_words(role, persons, gone, lost, known=known))))


PEOPLE = Acting(
    _forms, {"away": Act("person.manage", _away), "role": Act("person.manage", _hold, _holds, bound=True)}
)
