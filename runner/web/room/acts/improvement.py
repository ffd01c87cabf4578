"""What a person can do on the pages of exercises: schedules and their missed runs, and action items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from runner.acts.asked import Asked
from runner.app.exercises import improvements
from runner.app.exercises.exercises import prepare_drill
from runner.app.exercises.schedules import acknowledge, drop, keep, read, standing_of
from runner.app.incidents.home_catalogue import catalogue
from runner.app.incidents.open_incident import Opening
from runner.base.instants import calendar_day
from runner.files.exercise_file import Loaded, exercise_files, load_exercise
from runner.incident.exercises.improvements import POSSIBLE, Item, Plan, Source
from runner.incident.exercises.schedules import Rule, Schedule
from runner.incident.exercises.schedules import attention as failed
from runner.reports.core.formatting import person_name
from runner.reports.core.page import Page, line
from runner.web.room.acts.forms import (
    CHOOSE,
    DAY,
    REASON,
    Act,
    Acting,
    Field,
    Form,
    Given,
    Preview,
    changed_meanwhile,
    one_of,
    span_of,
)
from runner.web.room.acts.incidents import once_of, opened

DONE = {"change": "changed", "done": "done", "reopen": "reopened", "drop": "dropped"}
"""The change of an item that each form records."""
_ACTION = Field("action", "Corrective action")
_DUE = Field("due", "Due", help=DAY)


def _owners(asked: Asked, first: tuple[str, str]) -> Field:
    directory = asked.service.directory
    people = ((name, one.name) for name, one in sorted(directory.people.items()))
    roles = ((f"role:{role}", f"role {role}") for role in sorted(directory.roles))
    return Field("owner", "Owner", "choice", (first, *people, *roles))


# --- the list ---------------------------------------------------------------------------------------------


def _offered(asked: Asked) -> Iterator[Form]:
    text = Field("text", "Issue or area for improvement", needed=True)
    yield Form(
        "add", "Add an action item", (text, _ACTION, _owners(asked, ("", "nobody yet")), _DUE), folded=True
    )
    standing = standing_of(read(asked.service), routine=False)
    if wrong := [one for one in standing if failed(one) is not None]:
        yield Form("acknowledge", "Accept a missed or failed run", (_schedules(wrong), REASON))
    names = tuple((name, name) for name in sorted(exercise_files(catalogue(asked.service))))
    exercise = Field("exercise", "Exercise", "choice", (CHOOSE, *names), needed=True)
    despite = Field("despite", "Reason to run it during a real incident", help="Needed while one is open.")
    once = asked.service.chance.name("i")
    yield Form("open", "Open an exercise", (exercise, despite), folded=True, once=once)
    fields = (
        exercise,
        Field("every", "Every", help="As 90d.", needed=True),
    )
    yield Form("schedule", "Schedule an exercise", fields, folded=True)
    if standing:
        yield Form("unschedule", "Remove a schedule", (_schedules(standing),), folded=True)


def _schedules(found: Sequence[Schedule]) -> Field:
    return Field("schedule", "Schedule", "choice", tuple((one.id, one.id) for one in found), needed=True)


def _add(asked: Asked, given: Given) -> str:
    row = Plan(
        text=given["text"], action=given["action"], owner=given["owner"], due=calendar_day(given["due"])
    )
    (made,) = improvements.add(asked.service, [(Source(), row)])
    return f"/improvement/{made.id.lower()}"


def _prepared(asked: Asked, given: Given) -> tuple[Loaded, Opening]:
    known = catalogue(asked.service)
    loaded = load_exercise(one_of(given, "exercise", exercise_files(known)), known)
    return loaded, prepare_drill(
        asked.service, loaded, despite=given["despite"], catalog=known, incident=once_of(given)
    )


def _ahead(asked: Asked, given: Given) -> Preview:
    """Show what is played by whom, and who gets real messages."""
    plan = _prepared(asked, given)[0].exercise
    live = f"Real messages are sent to: {', '.join(map(person_name, plan.live))}."
    parts = (f"{person_name(one.person)}: {one.plays or one.role}" for one in plan.participants)
    words = (
        f"{plan.marking}: {plan.title} ({plan.type})",
        live if plan.live else "Messages are simulated. Tocsin sends no real messages.",
        *parts,
        f"In a real emergency, say {plan.safety.real_world_word}, and stop the exercise on its page.",
        "Exercise time does not run yet: the staff starts it on the page of the exercise.",
    )
    return Preview(Page(tuple(map(line, words))), plan)


def _schedule(asked: Asked, given: Given) -> None:
    service = asked.service
    rule = Rule(
        exercise=one_of(given, "exercise", exercise_files(catalogue(service))),
        every=span_of(given, "every"),
        zone=str(service.home.organisation.get("zone", "UTC")),
    )
    keep(service, rule)


EXERCISES = Acting(
    _offered,
    {
        "add": Act("exercise.manage", _add, adds=True),
        "acknowledge": Act(
            "exercise.manage",
            lambda asked, given: acknowledge(asked.service, given["schedule"], given["reason"]),
        ),
        "open": Act(
            "exercise.manage",
            lambda asked, given: opened(asked, _prepared(asked, given)[1]),
            _ahead,
            opens=True,
        ),
        "schedule": Act("exercise.manage", _schedule),
        "unschedule": Act("exercise.manage", lambda asked, given: drop(asked.service, given["schedule"])),
    },
)


# --- one action item --------------------------------------------------------------------------------------


def _item_forms(asked: Asked) -> Sequence[Form]:
    one = improvements.item(improvements.read(asked.service), asked.ref)
    bound = (("status", one.status),)
    note = Field("words", "What was done, and the evidence", "text", needed=True)
    why = Field("words", "Reason", needed=True)
    forms = {
        "change": Form("change", "Change owner, date or action", _changes(asked, one), bound),
        "done": Form("done", "Record that it is done", (note,), bound),
        "reopen": Form("reopen", "Reopen the action item", (why,), bound, folded=True),
        "drop": Form("drop", "Drop the action item", (why,), bound, folded=True),
    }
    return [form for verb, form in forms.items() if one.status in POSSIBLE[DONE[verb]]]


def _changes(asked: Asked, one: Item) -> tuple[Field, ...]:
    plan = one.plan
    return (
        _owners(asked, ("", "nobody"))._replace(value=plan.owner),
        _DUE._replace(value=str(plan.due or "")),
        _ACTION._replace(value=plan.action),
    )


def _change(asked: Asked, given: Given) -> None:
    fields: dict[str, object] = {
        "owner": given["owner"],
        "due": calendar_day(given["due"]),
        "action": given["action"],
    }
    improvements.change(asked.service, asked.ref, fields)


def _on_item(do: Callable[[Asked, Given], object]) -> Act:
    """Return an act on an item that is refused if the item has another status than on the page."""

    def act(asked: Asked, given: Given) -> None:
        if improvements.item(improvements.read(asked.service), asked.ref).status != given["status"]:
            raise changed_meanwhile()
        do(asked, given)

    return Act("exercise.manage", act)


IMPROVEMENT = Acting(
    _item_forms,
    {
        "change": _on_item(_change),
        "done": _on_item(lambda asked, given: improvements.done(asked.service, asked.ref, given["words"])),
        "reopen": _on_item(
            lambda asked, given: improvements.reopen(asked.service, asked.ref, given["words"])
        ),
        "drop": _on_item(lambda asked, given: improvements.drop(asked.service, asked.ref, given["words"])),
    },
)
