"""Due injects: by time, after a step, or after a missed action."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from runner.incident.exercises.exercise_plan import Action, Exercise, ScenarioEvent
from runner.incident.exercises.injects import due_injects, missed_by, next_inject, step_is
from runner.incident.state.exercise import Released
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from tests.incident.exercises.test_ratings import plan as plain
from tests.incident.exercises.test_ratings import played
from tests.scenario import MINUTE, T0

CALL = ScenarioEvent(
    number="1", title="The call", at="0m", expected=(Action(step="wipe", within="30m"),), if_missed="2"
)
HELP = ScenarioEvent(number="2", title="Nobody wiped it", category="contingency")
LATER = ScenarioEvent(number="3", title="Later", at="45m")
PLAN = replace(plain(), events=(CALL, HELP, LATER))


def running(*released: str, deferred: str = "") -> Incident:
    """Return an exercise that runs, in which the step ``block`` was done 10 minutes after StartEx and ``wipe`` never."""
    incident = played(10)
    assert incident.drill is not None
    drill = replace(
        incident.drill,
        stage="running",
        ended_at=None,
        released={one: Released(at=T0, cause="time") for one in released},
        deferred={deferred: "enough"} if deferred else {},
    )
    return replace(incident, drill=drill)


def due(incident: Incident, after: timedelta, plan: Exercise = PLAN) -> list[tuple[str, str]]:
    return [
        (inject.event.number, inject.cause) for inject in due_injects(plan, incident, T0 + after, Library({}))
    ]


def test_a_contingency_comes_when_its_time_is_up_and_neither_before_nor_twice_nor_once_it_is_left_out() -> (
    None
):
    assert due(running(), timedelta()) == [("1", "time")]
    assert due(running("1"), 29 * MINUTE) == []
    assert due(running("1"), 30 * MINUTE) == [("2", "missed")]
    assert due(running("1", "2"), 31 * MINUTE) == []
    assert due(running("1", deferred="2"), 31 * MINUTE) == []
    assert due(running("1"), 60 * MINUTE) == [("2", "missed"), ("3", "time")]


def test_an_action_done_late_counts_as_missed() -> None:
    incident = running("1")
    for within, missed in (("10m", False), ("9m", True), ("2h", False)):
        event = replace(CALL, expected=(Action(step="block", within=within),))
        assert missed_by(event, incident, T0 + 60 * MINUTE) is missed
    trifle = replace(CALL, expected=(Action(step="wipe", within="1m", critical=False),))
    assert not missed_by(trifle, incident, T0 + 60 * MINUTE)


def test_the_next_look_is_when_something_comes_or_is_late_and_never_in_the_past() -> None:
    assert next_inject(PLAN, running("1"), T0) == T0 + 30 * MINUTE
    assert next_inject(PLAN, running("1"), T0 + 30 * MINUTE) == T0 + 45 * MINUTE
    assert next_inject(PLAN, running("1", "2"), T0) == T0 + 45 * MINUTE
    assert next_inject(PLAN, running("1", "2", "3"), T0) is None


def test_a_path_is_of_a_step_in_any_lane_and_of_no_other_step() -> None:
    invocation = "main:lanes.notify[eu.x/first].sign#2"
    for path, is_it in (
        ("lanes.notify.sign", True),
        ("lanes.notify[eu.x/first].sign", True),
        ("lanes.notify[eu.x/other].sign", False),
        ("notify.sign", False),
        ("sign", False),
        ("", False),
    ):
        assert step_is(invocation, path) is is_it
