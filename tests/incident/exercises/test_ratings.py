"""Provisional ratings: which rule gives which letter, how they roll up, and that nobody's word is replaced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from runner.base.states import TaskState
from runner.facts.vocabulary.register import Fact
from runner.incident.exercises.exercise_plan import Action, Exercise, Objective, ScenarioEvent, Target
from runner.incident.exercises.ratings import proposal_for, ratings, unconfirmed
from runner.incident.state.exercise import Drill, ExerciseClock, Rated, Rating, Released
from runner.incident.state.incident import Document, DutyView, Incident, Invocation, Override
from runner.law.duty import DutyRecord
from tests.scenario import MINUTE, T0

STEP = Action(step="block", within="20m")


def plan(*tasks: Action, events: tuple[ScenarioEvent, ...] = (), type_: str = "functional") -> Exercise:
    targets = (Target(id="T1", text="It is blocked", tasks=tasks or (STEP,)),)
    return Exercise(
        schema="tocsin/exercise/v1",
        name="evening",
        title="An evening",
        type=type_,
        playbook="lost-badge",
        objectives=(Objective(id="O1", text="In time", capability="Coordination", targets=targets),),
        events=events,
    )


def played(
    minutes: int | None = None,
    *,
    state: TaskState = "done",
    ended: int | None = 120,
    frozen: bool = False,
    released: dict[str, int] | None = None,
    given: dict[str, Rating] | None = None,
    reason: str = "",
) -> Incident:
    """Return an exercise in which ``block`` was done so many minutes after StartEx."""
    drill = Drill(
        clock=ExerciseClock(wall=T0, at=T0),
        stage="frozen" if frozen else "running" if ended is None else "ended",
        begun_at=T0,
        ended_at=None if ended is None else T0 + ended * MINUTE,
        released={
            number: Released(at=T0 + at * MINUTE, cause="missed") for number, at in (released or {}).items()
        },
        ratings={name: Rated(rating=rating, by="olga", at=T0) for name, rating in (given or {}).items()},
    )
    step = Invocation(
        id="1:block#1",
        step="block",
        scope="1:",
        n=1,
        kind="task",
        state=state if minutes is not None or state in ("skipped", "not_applicable") else "ready",
        ended_at=None if minutes is None else T0 + minutes * MINUTE,
        reason=reason,
    )
    return Incident(
        id="i-1",
        codename="amber-falcon",
        title="",
        kind="exercise",
        opened_at=T0,
        drill=drill,
        invocations={step.id: step},
    )


def proposed(plan_: Exercise, incident: Incident, name: str = "T1") -> tuple[str, str]:
    proposal = proposal_for(ratings(plan_, incident), name)
    assert proposal is not None
    return proposal.rating, proposal.rule


@pytest.mark.parametrize(
    ("minutes", "rating"),
    [(0, "P"), (20, "P"), (21, "S"), (30, "S"), (31, "M"), (120, "M"), (121, "U"), (None, "U")],
)
def test_a_task_is_rated_by_how_much_of_its_time_it_took(minutes: int | None, rating: str) -> None:
    assert proposed(plan(), played(minutes))[0] == rating


def test_the_rating_rule_states_its_calculation() -> None:
    assert proposed(plan(), played(75)) == ("M", "done 1h15m after StartEx, later than 1.5 × 20m")
    assert proposed(plan(Action(step="block")), played(75)) == ("P", "done; it has no time limit")


def test_an_undone_task_stays_unrated_until_endex() -> None:
    assert proposed(plan(), played(None, ended=None)) == ("", "not done yet")
    assert proposed(plan(), played(None)) == ("U", "not done by EndEx")


def test_a_task_done_after_a_contingency_inject_is_rated_m() -> None:
    event = ScenarioEvent(
        number="1", title="It is gone", expected=(replace(STEP, text="Block"),), if_missed="9"
    )
    helped = ScenarioEvent(number="9", title="Nobody blocked it", category="contingency")
    exercise = plan(events=(event, helped))
    assert proposed(exercise, played(15, released={"9": 10})) == ("M", "done after contingency inject 9")
    assert proposed(exercise, played(15, released={"9": 16}))[0] == "P"
    assert proposed(plan(events=(helped,)), played(15, released={"9": 10}))[0] == "P"


def test_skipped_tasks_are_rated_m_and_dropped_tasks_not_applicable() -> None:
    skipped = played(None, state="skipped", reason="the printer is broken")
    assert proposed(plan(), skipped) == ("M", "skipped: the printer is broken")
    assert proposed(plan(), played(None, state="not_applicable"))[0] == "N/A"


def both(block: int | None, first: int | None, state: TaskState = "done", **more: Any) -> Incident:
    """Return an exercise in which ``block`` and ``report`` were done so many minutes after StartEx."""
    incident = played(block, **more)
    ended = None if first is None else T0 + first * MINUTE
    other = Invocation(
        id="1:report#1", step="report", scope="1:", n=1, kind="task", state=state, ended_at=ended
    )
    return replace(incident, invocations={**incident.invocations, other.id: other})


@pytest.mark.parametrize(
    ("block", "first", "state", "rating"),
    [
        (20, 10, "done", "P"),
        (20, 20, "done", "P"),
        (20, 21, "done", "U"),
        (20, 10, "skipped", "U"),
        (20, None, "ready", "U"),
        (20, 10, "not_applicable", "N/A"),
        (None, 10, "done", "N/O"),
    ],
)
def test_an_order_is_rated_by_which_step_was_done_first(
    block: int | None, first: int | None, state: TaskState, rating: str
) -> None:
    order = plan(Action(step="block", after="report"))
    assert proposed(order, both(block, first, state))[0] == rating


def test_an_order_with_a_time_limit_is_rated_by_both() -> None:
    order = plan(replace(STEP, after="report"))
    assert [proposed(order, both(block, 5))[0] for block in (20, 25, 40, None)] == ["P", "S", "M", "U"]
    assert proposed(order, both(None, 5, ended=None)) == ("", "not done yet")
    assert proposed(plan(Action(step="block", after="report")), both(None, 5, ended=None))[0] == ""


def test_a_run_without_people_has_no_rating() -> None:
    scripted = replace(played(5), kind="test")
    assert proposed(plan(), scripted) == ("", "scripted, not rated")


def test_an_emergency_stop_rates_open_tasks_na_and_late_ones_u() -> None:
    assert proposed(plan(), played(None, ended=29, frozen=True))[0] == "N/A"
    assert proposed(plan(), played(None, ended=31, frozen=True))[0] == "U"


def test_facts_from_the_scenario_are_not_observed() -> None:
    fact = Fact(key="data.encrypted", value=True, at=T0, source="exercise 2")
    task = Action(fact="data.encrypted", within="20m")
    incident = replace(played(), facts={"data.encrypted": fact})
    assert proposed(plan(task), incident)[0] == "N/O"
    by_people = replace(incident, facts={"data.encrypted": replace(fact, source="")})
    assert proposed(plan(task), by_people)[0] == "P"


def test_a_notice_with_an_override_and_a_duty_that_was_waived_are_m() -> None:
    why = Override(by="counsel", at=T0, reason="urgent", items=("x is missing",))
    document = Document(
        id="d1",
        step="1:letter#1",
        notice="n",
        version="1",
        digest="sha256:0",
        files={},
        gaps=(),
        facts={},
        at=T0,
        override=why,
    )
    incident = replace(played(), documents={"d1": document})
    task = Action(document="letter", within="20m")
    assert proposed(plan(task), incident)[0] == "M"
    record = DutyRecord(kind="waived", by="counsel", at=T0)
    duty = DutyView(id="gdpr/sa", verdict="applies", record=record)
    incident = replace(played(), duties={"gdpr/sa": duty})
    assert proposed(plan(Action(duty="gdpr/sa", within="20m")), incident)[0] == "M"
    idle = replace(duty, verdict="not_applicable", record=None)
    incident = replace(played(), duties={"gdpr/sa": idle})
    assert proposed(plan(Action(duty="gdpr/sa")), incident)[0] == "N/A"


def test_talk_cannot_be_rated_from_the_record() -> None:
    assert proposed(plan(type_="ttx"), played(5))[0] == "N/O"


def test_a_target_is_as_good_as_its_worst_critical_task() -> None:
    late = replace(STEP, within="5m")
    assert proposed(plan(STEP, late), played(15))[0] == "M"
    assert proposed(plan(STEP, replace(late, critical=False)), played(15))[0] == "P"
    assert proposed(plan(STEP, late), played(15), "O1") == proposed(plan(STEP, late), played(15))


def test_an_objective_has_a_rating_once_each_target_has_one_and_not_before() -> None:
    two = plan()
    other = Target(id="T2", text="It is known", tasks=(STEP,))
    objective = replace(two.objectives[0], targets=(*two.objectives[0].targets, other))
    two = replace(two, objectives=(objective,))
    (one,) = ratings(two, played(5, given={"T1": "P"}))
    assert (one.rating, unconfirmed((one,))) == ("", ("T2",))
    (one,) = ratings(two, played(5, given={"T1": "P", "T2": "M"}))
    assert (one.rating, unconfirmed((one,))) == ("M", ())
    (one,) = ratings(two, played(5, given={"T1": "P", "T2": "N/O"}))
    assert one.rating == "P"
    (one,) = ratings(two, played(5, given={"T1": "P", "T2": "M", "O1": "S"}))
    assert one.rating == "S"


def test_an_objective_without_targets_is_rated_and_unknown_names_are_not() -> None:
    bare = plan()
    bare = replace(bare, objectives=(replace(bare.objectives[0], targets=()),))
    found = ratings(bare, played(5))
    assert unconfirmed(found) == ("O1",)
    assert proposed(bare, played(5), "O1")[0] == ""
    assert proposal_for(found, "T9") is None
    assert unconfirmed(ratings(bare, played(5, given={"O1": "N/A"}))) == ()


def test_an_exercise_that_never_began_was_not_played() -> None:
    incident = played(None)
    assert incident.drill is not None
    never = replace(incident, drill=replace(incident.drill, begun_at=None))
    assert proposed(plan(), never)[0] == "N/A"
    assert ratings(plan(), replace(incident, drill=None)) == ()


def test_minutes_are_rounded_and_hours_written_out() -> None:
    task = replace(STEP, within="2h")
    incident = played(90)
    assert proposed(plan(task), incident)[1] == "done 1h30m after StartEx, within 2h"
    moved = incident.invocations["1:block#1"]
    earlier = replace(moved, ended_at=T0 + timedelta(seconds=100))
    assert proposed(plan(task), replace(incident, invocations={moved.id: earlier}))[1].startswith("done 2m")


def test_a_task_whose_time_had_not_run_out_at_the_end_was_not_observed() -> None:
    assert proposed(plan(), played(None, ended=15))[0] == "N/O"
    assert proposed(plan(), played(None, ended=20))[0] == "U"
