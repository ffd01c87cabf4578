"""Proposals of action items: ratings M and U, missed actions, failed deliveries, late deadlines.

A person adopts a proposal, or does not. Each proposal has a name, so that it is made once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.incident.exercises.exercise_plan import DISCUSSION, Exercise, ScenarioEvent, Target
from runner.incident.exercises.improvements import Element, Plan, Source
from runner.incident.exercises.injects import deadline, met
from runner.incident.exercises.ratings import ObjectiveRating, TargetRating, ratings
from runner.incident.state.exercise import Drill
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.steps import step_path
from runner.law.duty import DutyStatus

Proposed = tuple[Source, Plan]
_BAD = ("M", "U")


def lessons(incident: Incident, plan: Exercise | None, duties: Sequence[DutyStatus]) -> tuple[Proposed, ...]:
    """Return what an incident proposes; ``plan`` is the exercise's, None for a real incident."""
    return tuple(_lessons(incident, plan, duties))


def _lessons(incident: Incident, plan: Exercise | None, duties: Sequence[DutyStatus]) -> Iterator[Proposed]:
    drill = incident.drill
    if plan is not None and drill is not None:
        yield from _rated(incident, plan)
        yield from _seen(incident, plan, drill)
        if (
            plan.type in DISCUSSION
        ):  # in a discussion no action was required, nobody had to be reached, and no clock ran
            return
        yield from _missed(incident, plan, drill)
    yield from _unreached(incident)
    yield from _late(incident, duties)


def source_of(incident: Incident, ref: str, **more: str) -> Source:
    """Return an incident as the source of an item; ``ref`` names the proposal, ``more`` its subject."""
    drill = incident.drill
    return Source(
        incident=incident.id,
        codename=incident.codename,
        kind=incident.kind,
        exercise=drill.name if drill is not None else "",
        ref=ref,
        playbook=next((run.playbook for run in incident.runs.values()), ""),
        **more,
    )


def _rated(incident: Incident, plan: Exercise) -> Iterator[Proposed]:
    """Yield every target that was rated M or U, and every objective with such a rating of its own."""
    targets = {target.id: target for each in plan.objectives for target in each.targets}
    for objective in ratings(plan, incident):
        for target in objective.targets:
            if target.given is not None and target.given.rating in _BAD:
                yield _row(incident, objective, target, targets[target.id])
        if objective.given is not None and objective.given.rating in _BAD:
            yield _row(incident, objective, objective, None)


def _row(
    incident: Incident, objective: ObjectiveRating, row: ObjectiveRating | TargetRating, target: Target | None
) -> Proposed:
    rated = row.given
    why = (rated.note or row.proposal.rule) if rated is not None else ""
    rating = rated.rating if rated is not None else ""
    step = next((task.step for task in target.tasks if task.critical and task.step), "") if target else ""
    origin = source_of(
        incident,
        f"rating:{row.id}",
        objective=objective.id,
        target=target.id if target is not None else "",
        step=step,
    )
    text = f"{row.text}: rated {rating}{f', {why}' if why else ''}"
    return origin, Plan(text=text, capability=objective.capability, element="training")


def _missed(incident: Incident, plan: Exercise, drill: Drill) -> Iterator[Proposed]:
    """Yield injects whose expected actions were late or missing."""
    of = {objective.id: objective for objective in plan.objectives}
    for event in plan.events:
        late = [f"{words} {how}" for words, how in _owed(event, incident, drill)]
        if not late:
            continue
        objective = of.get(event.objective)
        origin = source_of(
            incident,
            f"inject:{event.number}",
            objective=event.objective,
            step=next(
                (expected.step for expected in event.expected if expected.critical and expected.step), ""
            ),
        )
        capability = objective.capability if objective is not None else ""
        text = f"After {event.number} ({event.title}): {'; '.join(late)}"
        yield origin, Plan(text=text, capability=capability, element="training")


def _owed(event: ScenarioEvent, incident: Incident, drill: Drill) -> Iterator[tuple[str, str]]:
    """Yield the critical actions that were late or missing, each with the state."""
    if event.number not in drill.released and event.category != "expected_action":
        return
    for action in event.expected:
        by, done = deadline(event, action, drill), met(action, incident)
        if not action.critical:
            continue
        if done is None:
            yield action.words, "was not done"
        elif by is not None and done > by:
            yield action.words, "was late"


def _seen(incident: Incident, plan: Exercise, drill: Drill) -> Iterator[Proposed]:
    """Yield the improvements that observers recommend, numbered in the order of the notes."""
    of = {objective.id: objective.capability for objective in plan.objectives}
    for number, observation in enumerate(drill.observations, start=1):
        if observation.kind == "improvement":
            origin = source_of(incident, seen(number), objective=observation.objective)
            text = f"{observation.text}{f' ({observation.about})' if observation.about else ''}"
            yield origin, Plan(text=text, capability=of.get(observation.objective, ""))


def seen(number: int) -> str:
    """Return the name of an observation, by its number from 1."""
    return f"seen:{number}"


def _unreached(incident: Incident) -> Iterator[Proposed]:
    """Yield each person without a delivered attempt, once."""
    unreached: dict[str, Delivery] = {}
    for delivery in incident.deliveries.values():
        if delivery.state == "exhausted" or (delivery.stuck and delivery.state != "satisfied"):
            unreached.setdefault(delivery.person, delivery)
    for person, one in unreached.items():
        ways = ", ".join(dict.fromkeys(attempt.channel for attempt in one.attempts)) or "no channel"
        step = step_path(one.step)
        text = f"{person} did not receive {step or 'a message'}; channels: {ways}"
        yield _plain(incident, f"person:{person}", text, "organization", step)


def _late(incident: Incident, duties: Sequence[DutyStatus]) -> Iterator[Proposed]:
    """Yield every statutory deadline that was missed."""
    for duty in duties:
        if duty.verdict == "applies" and duty.state in ("overdue", "filed_late"):
            how = "was filed late" if duty.state == "filed_late" else "was not filed in time"
            by = f"{duty.due:%Y-%m-%d %H:%M %Z}" if duty.due is not None else ""
            text = f"{duty.citation or duty.id}, to {duty.recipient}: {how}{f', due {by}' if by else ''}"
            yield _plain(incident, f"clock:{duty.id}", text, "planning")


def _plain(incident: Incident, ref: str, text: str, element: Element, step: str = "") -> Proposed:
    return source_of(incident, ref, step=step), Plan(text=text, element=element)
