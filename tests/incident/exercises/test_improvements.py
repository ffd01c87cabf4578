"""Action items: proposals and allowed changes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from runner.incident.exercises.exercise_plan import (
    Action,
    Exercise,
    Objective,
    Participant,
    ScenarioEvent,
)
from runner.incident.exercises.improvement_proposals import lessons
from runner.incident.exercises.improvements import (
    AnyImprovementEvent,
    ImprovementAdded,
    ImprovementDone,
    ImprovementDropped,
    ImprovementReopened,
    Item,
    Plan,
    Source,
    changed,
    checked,
    closing,
    fold_items,
    may,
    overdue,
)
from runner.incident.state.exercise import Observation, Rated, Rating, Released
from runner.incident.state.incident import Attempt, Delivery, Incident, Run
from runner.law.duty import ClockReading, DutyStatus
from runner.reports.core.action_text import hint_text
from tests.golden_files import FOLDER, same
from tests.incident.exercises.test_ratings import plan as plain
from tests.incident.exercises.test_ratings import played as played_
from tests.refusals import refused
from tests.scenario import MINUTE, T0

DAY = timedelta(days=1)


def plan(**changes: Any) -> Exercise:
    """Return the exercise ``evening`` with an evaluator; O2 has no target."""
    exercise = plain()
    more = Objective(id="O2", text="Talked about", capability="Planning")
    staff = (Participant(person="olga", role="evaluator"),)
    return replace(exercise, objectives=(*exercise.objectives, more), participants=staff, **changes)


def played(given: dict[str, Rating] | None = None, *, started: timedelta = DAY, by: str = "olga") -> Incident:
    """Return the exercise as it was played, begun so long after T0."""
    incident = played_(10)
    assert incident.drill is not None
    ratings = {name: Rated(rating=one, by=by, at=T0) for name, one in (given or {}).items()}
    drill = replace(incident.drill, name="evening", plan="kept", started=T0 + started, ratings=ratings)
    run = Run(id="1", playbook="lost-badge", version="1.0.0", digest="sha256:1", bundle="b", at=T0)
    return replace(incident, drill=drill, runs={"1": run})


def after(*events: AnyImprovementEvent, source: Source = Source(), **row: Any) -> Item:  # noqa: B008  # frozen
    """Return an item after some events, all recorded at T0."""
    born = ImprovementAdded(item="I-1", by="maria", plan=Plan(text="slow", **row), source=source)
    return fold_items((n, T0, one) for n, one in enumerate((born, *events), 1)).items["I-1"]


def done(source: Source = Source(), **row: Any) -> Item:  # noqa: B008  # frozen
    return after(ImprovementDone(item="I-1", by="maria", evidence="seen"), source=source, **row)


@pytest.mark.parametrize("text", ["hope", "test:", "test:lost-device", "exercise:evening", "exercise::T1"])
def test_an_invalid_closing_condition_is_refused(text: str) -> None:
    with refused("bad_closing"):
        closing(text)


def test_an_item_is_late_on_the_day_after_it_was_due_and_only_while_it_is_open() -> None:
    due = date(2026, 12, 1)
    assert not overdue(after(due=due), due)
    assert overdue(after(due=due), due + DAY)
    assert not overdue(done(due=due), due + DAY)
    assert not overdue(after(), due)


def test_allowed_changes_of_an_item_depend_on_its_status() -> None:
    assert may(after(), "done", " seen ", "a note") == "seen"
    with refused("improvement_status") as found:
        may(done(), "done", "seen", "a note")
    assert "I-1" in found.value.message
    with refused("words_missing") as found:
        may(after(), "dropped", " ", "a-reason")
    assert all(word in found.value.message for word in ("I-1", "dropped", "a-reason"))


def test_a_row_says_something_and_ends_after_it_starts() -> None:
    assert checked(Plan(text=" slow ")).text == "slow"
    with refused("words_missing"):
        checked(Plan(text=" "))
    with refused("due_before_start"):
        checked(Plan(text="slow", start=date(2026, 12, 2), due=date(2026, 12, 1)))


def test_an_item_that_is_opened_again_has_lost_its_proof_and_keeps_its_story() -> None:
    again = after(
        ImprovementDone(item="I-1", by="maria", evidence="seen"),
        ImprovementReopened(item="I-1", by="ada", reason="no"),
    )
    assert (again.status, again.done_at, again.evidence) == ("open", None, "")
    assert [(one.what, one.note) for one in again.history] == [
        ("added", ""),
        ("done", "seen"),
        ("reopened", "no"),
    ]
    dropped = after(ImprovementDropped(item="I-1", by="ada", reason="gone"))
    assert (dropped.status, dropped.done_at) == ("dropped", None)
    stray = ImprovementDropped(item="I-9", by="ada", reason="gone")
    assert fold_items([(1, T0, stray)]).items == {}


def test_a_done_item_keeps_its_closing_condition_until_it_is_reopened() -> None:
    other = Plan(text="slow", closes_with="exercise:evening:T1")
    with refused("improvement_status") as found:
        changed(done(), other)
    assert {"reopen", "I-1"} <= set(hint_text(found.value).split())
    assert changed(after(), other) == other
    reopened = after(
        ImprovementDone(item="I-1", by="maria", evidence="seen"),
        ImprovementReopened(item="I-1", by="ada", reason="no"),
    )
    assert changed(reopened, other) == other
    owned = Plan(text="slow", owner="ada")
    assert changed(done(), owned) == owned


# --------------------------------------------------------------------------------------------------- proposals


def refs(incident: Incident, exercise: Exercise | None) -> dict[str, str]:
    return {source.ref: row.text for source, row in lessons(incident, exercise, ())}


def compare(name: str, found: dict[str, str]) -> None:
    """Compare what proposals say with a golden file."""
    text = "".join(f"{ref}: {words}\n" for ref, words in found.items())
    same(FOLDER / "engine" / f"{name}.txt", text)


def test_targets_and_objectives_that_were_rated_m_or_u_are_proposed() -> None:
    proposeds = lessons(played({"T1": "M", "O2": "U"}), plan(), ())
    assert [(source.ref, source.objective, source.target, source.step) for source, _ in proposeds] == [
        ("rating:T1", "O1", "T1", "block"),
        ("rating:O2", "O2", "", ""),
    ]
    assert all(word in proposeds[0][1].text for word in ("blocked", "M", "10m", "20m"))
    assert refs(played({"T1": "S", "O2": "N/O"}), plan()) == {}


def test_expected_actions_that_came_late_or_not_at_all_are_proposed_by_their_inject() -> None:
    block = Action(step="block", within="5m", text="Block it")
    wipe = Action(step="wipe", text="Wipe it")
    events = (
        ScenarioEvent(number="1", title="It is gone", expected=(block, wipe), objective="O1"),
        ScenarioEvent(number="2", title="In time", expected=(replace(block, within="20m"),)),
        ScenarioEvent(number="3", title="Minor", expected=(replace(wipe, critical=False),)),
        ScenarioEvent(number="4", title="Never released", expected=(wipe,)),
        ScenarioEvent(number="5", title="Expected", category="expected_action", expected=(wipe,)),
    )
    incident = played()
    assert incident.drill is not None
    released = {one: Released(at=T0, cause="time") for one in ("1", "2", "3")}
    proposeds = lessons(
        replace(incident, drill=replace(incident.drill, released=released)), plan(events=events), ()
    )
    assert [(source.ref, row.capability, source.step) for source, row in proposeds] == [
        ("inject:1", "Coordination", "block"),
        ("inject:5", "", "wipe"),
    ]
    compare("proposals-injects", {source.ref: row.text for source, row in proposeds})


def test_a_discussion_proposes_ratings_and_observations_only() -> None:
    wipe = ScenarioEvent(number="1", title="It is gone", expected=(Action(step="wipe"),))
    incident = played({"O2": "U"})
    assert incident.drill is not None
    released = replace(
        incident.drill,
        released={"1": Released(at=T0, cause="time")},
        observations=(Observation(by="olga", at=T0, text="Nobody knew", kind="improvement"),),
    )
    ada = Delivery(
        id="d",
        message="m",
        person="ada",
        goal="acked",
        step="alert",
        state="exhausted",
        channels=(),
        refusals=(),
    )
    incident = replace(incident, drill=released, deliveries={"d": ada})
    assert set(refs(incident, plan(events=(wipe,)))) == {"rating:O2", "inject:1", "seen:1", "person:ada"}
    assert set(refs(incident, plan(events=(wipe,), type="ttx"))) == {"rating:O2", "seen:1"}


def test_improvements_from_observers_are_proposed_by_number() -> None:
    incident = played()
    assert incident.drill is not None
    seen = (
        Observation(at=T0, by="olga", text="Calm", kind="strength"),
        Observation(at=T0, by="olga", text="Old list", kind="improvement", objective="O1", about="call list"),
        Observation(at=T0, by="olga", text="Loud", kind="improvement"),
    )
    incident = replace(incident, drill=replace(incident.drill, observations=seen))
    assert refs(incident, plan()) == {"seen:2": "Old list (call list)", "seen:3": "Loud"}


def delivery(name: str, person: str, **changes: Any) -> Delivery:
    goal: Any = "acked"
    return Delivery(
        id=name, message="m-1", step="1:tell#1", person=person, channels=(), refusals=(), goal=goal, **changes
    )


def test_an_unreached_person_is_proposed_once_also_in_a_real_incident() -> None:
    tried = Attempt(n=1, key="k", channel="mail", state="rejected", started_at=T0, worker="w")
    found = (
        delivery("d-1", "ben", state="exhausted", attempts=(tried,)),
        delivery("d-2", "ben", stuck="nobody answers"),
        delivery("d-3", "ada", state="satisfied", stuck="nobody answers"),
        delivery("d-4", "cleo", stuck="no channel"),
        delivery("d-5", "dan"),
    )
    incident = replace(played(), kind="real", drill=None, deliveries={one.id: one for one in found})
    told = refs(incident, None)
    assert list(told) == ["person:ben", "person:cleo"]
    assert [("tell" in text, "mail" in text) for text in told.values()] == [(True, True), (True, False)]


def row(name: str, **changes: Any) -> DutyStatus:
    """Return a duty that applies."""
    return DutyStatus(
        **{
            "id": name,
            "regime": "x",
            "jurisdiction": "DE",
            "law_version": "2018-05-25",
            "stage": "initial",
            "recipient": "sa",
            "populations": (),
            "verdict": "applies",
            "unless": (),
            "due_local": None,
            "due_date": None,
            "due_kind": "instant",
            "provisional": False,
            "not_before": None,
            "latest_legal": None,
            "latest_safe_start": None,
            "standard": "",
            "clock": ClockReading(start_fact="", start=None, rule=""),
            "missing_facts": (),
            "because": (),
            "citation": "Art. 1",
            "confidence": "text",
            "notes": (),
            "in_sight": True,
            **changes,
        }
    )


def test_legal_clocks_that_ran_out_are_proposed() -> None:
    rows = (
        row("x/late", state="filed_late", due=T0 + 3 * MINUTE),
        row("x/over", state="overdue", due=None),
        row("x/open", state="open", due=T0),
        row("x/not", state="overdue", due=T0, verdict="not_applicable"),
    )
    incident = replace(played(), kind="real", drill=None)
    told = {source.ref: one.text for source, one in lessons(incident, None, rows)}
    assert list(told) == ["clock:x/late", "clock:x/over"]
    compare("proposals-clocks", told)
