"""What players read does not depend on anything that they are not to know, whatever an exercise says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.write import write
from runner.incident.exercises.exercise_plan import (
    Action,
    Exercise,
    FaultPlan,
    Module,
    Objective,
    Participant,
    Question,
    ScenarioEvent,
    Target,
)
from runner.playbook.format import Playbook, Role, Task
from runner.playbook.playbook_test import Behaviour
from runner.reports.exercises.controller_handbook import controllers_book
from runner.reports.exercises.handbook import Book, players_book

SECRET = "Zwölf Boxkämpfer"
SECRETS = st.text(alphabet="abcxyz", min_size=1, max_size=4).map(lambda text: f"{SECRET} {text}")


@st.composite
def plans(draw: Any) -> Exercise:
    """Draw an exercise in which whatever players are not to know has the secret in it."""

    def word() -> str:
        return str(draw(SECRETS))

    events = tuple(
        ScenarioEvent(
            number=str(number),
            title=word(),
            category=draw(st.sampled_from(("inject", "contingency", "expected_action", "other"))),
            at=draw(st.sampled_from((None, "10m", "3d"))),
            sender=word(),
            to=("commander",),
            text=word(),
            facts=(word(),),
            faults=(FaultPlan(channel=word()), FaultPlan(person=word(), lasts="1h")),
            expected=(Action(step=word(), within="1h", text=word()),),
            controller=word(),
            notes=word(),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    return Exercise(
        schema="tocsin/exercise/v1",
        name="quiet-evening",
        title="A quiet evening",
        type=draw(st.sampled_from(("ttx", "functional", "live_comms", "drill"))),
        playbook="lost-badge",
        objectives=(
            Objective(
                id="O1",
                text="People are reached",
                capability="Operational Communications",
                targets=(Target(id="T1", text=word(), tasks=(Action(fact=word()),)),),
            ),
        ),
        announced=draw(st.booleans()),
        facts=(word(),),
        compromised=(word(),),
        participants=(Participant(person="olga", role="evaluator", covers=(word(),)),),
        events=events,
        modules=(Module(id="M1", title=word(), text=word(), questions=(Question(id="Q1", text=word()),)),),
        script=Behaviour(facts=(word(),)),
    )


def book(plan: Exercise) -> Book:
    playbook = Playbook(
        schema="tocsin/playbook/v1",
        name="lost-badge",
        version="1.0.0",
        title="Lost badge",
        roles={"commander": Role(title="Incident commander")},
        steps=(Task(id="block", task="Block it"),),
    )
    return Book(plan=plan, playbook=playbook, made_at=datetime(2026, 11, 24, 9, tzinfo=UTC), zone=UTC)


@given(plans())
def test_controller_secrets_are_in_the_controllers_book_only(
    plan: Exercise,
) -> None:
    for form in ("md", "html", "txt"):
        assert SECRET not in write(players_book(book(plan)), form).decode()
    told = write(controllers_book(book(plan)), "md").decode()
    assert all(event.text in told and event.notes in told for event in plan.events)


@given(plans(), plans())
def test_plans_that_differ_only_in_secrets_have_the_same_players_book(one: Exercise, other: Exercise) -> None:
    same = msgspec.structs.replace(other, type=one.type, announced=one.announced)
    assert players_book(book(one)).blocks == players_book(book(same)).blocks
