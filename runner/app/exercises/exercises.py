"""Use cases of exercises: open, start, release injects, end. Real incidents stay separate."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.app.core.repository import IncidentRow
from runner.app.exercises.schedules import real_incidents
from runner.app.incidents.facts import assignments
from runner.app.incidents.open_incident import Opening, Request, prepare_opening
from runner.base.actor import Principal
from runner.base.instants import parse_duration, parse_instant
from runner.base.states import Kind
from runner.decoding import from_json
from runner.errors import NotFound, Refused, TocsinError
from runner.files.exercise_file import exercise_files, load_exercise
from runner.incident.exercises.exercise_plan import Exercise, FaultPlan, ScenarioEvent
from runner.incident.exercises.injects import Due, due_injects, is_over, next_inject, skew
from runner.incident.exercises.ratings import Proposal, proposal_for, ratings
from runner.incident.state import commands as c
from runner.incident.state.exercise import LIVE, OVER, ClockChange, ExerciseBegun, ExerciseClock, FaultSet
from runner.incident.state.incident import Incident
from runner.incident.turn.settle import next_wakeup
from runner.reports.incidents.incidents import Playing

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
    from runner.files.exercise_file import Loaded
    from runner.playbook.catalogue import Catalog

RATES = {"real": 1.0, "accelerated": 1.0, "jump": 0.0}
SCENARIO = "exercise"
"""The source of facts from the scenario."""


def prepare_drill(
    service: IncidentService,
    loaded: Loaded,
    *,
    kind: Kind = "exercise",
    despite: str = "",
    catalog: Catalog | None = None,
    pinned: str = "",
    incident: str = "",
) -> Opening:
    """Return the opening of an exercise, to be shown and then committed; its clock starts with the exercise.

    Refused while a real incident is open, unless ``despite`` has a reason. ``incident`` is its id; empty for a new one.
    """
    real = real_incidents(service)
    if real and kind == "exercise" and not despite.strip():
        raise Refused(
            f"A real incident is open: {', '.join(real)}.",
            hint="Postpone the exercise, or add --despite 'REASON'",
            code="real_incident",
        )
    plan, wall = loaded.exercise, service.clock.now()
    start = parse_instant(plan.clock.start) if plan.clock.start else wall
    request = Request(
        incident=incident,
        playbooks=(loaded.playbook,),
        title=plan.title,
        kind=kind,
        assignments=plan.facts,
        compromised=plan.compromised,
        profile=plan.profile,
    )
    opening = prepare_opening(service, request, catalog, pinned, at=start)
    event = msgspec.structs.replace(opening.event, clock=ExerciseClock(wall=wall, at=start, rate=0.0))
    begun = c.BeginExercise(
        event=ExerciseBegun(
            name=plan.name,
            title=plan.title,
            exercise_type=plan.type,
            plan=service.keep_document(service.principal, None, msgspec.json.encode(plan)),
            marking=plan.marking,
            live=tuple(participant.person for participant in plan.participants if participant.opted_in),
            head=service.store.verify().head if plan.type == LIVE else "",
        )
    )
    # The plan's roles replace the usual roles.
    held: dict[str, tuple[str, ...]] = {}
    for participant in plan.participants:
        if participant.plays:
            held[participant.plays] = (*held.get(participant.plays, ()), participant.person)
    roles = (c.AssignRole(role=role, persons=persons) for role, persons in held.items())
    return msgspec.structs.replace(opening, event=event, commands=(begun, *opening.commands, *roles))


def plan_of(service: IncidentService, incident: Incident) -> Exercise:
    """Return the plan of a started exercise; raises Refused for any other incident."""
    if incident.drill is None or not incident.drill.plan:
        raise Refused(
            f'"{incident.codename}" is not an exercise.', hint=Action("drill.list"), code="not_an_exercise"
        )
    return from_json(service.repository.document(incident.drill.plan), Exercise)


def conducted(service: IncidentService, principal: Principal, incident: Incident) -> Exercise:
    """Return the plan for a person who may see the injects to come; raises Refused for a player before the end."""
    plan = plan_of(service, incident)
    staff = {person for people in plan.staff.values() for person in people}
    planned = any(one.plays and one.person == principal.person for one in plan.participants)
    assigned = any(principal.person in people for people in incident.roles.values())
    # Without staff in the plan, the user of this machine conducts the exercise.
    plays = planned or (assigned and bool(staff or not principal.os_user))
    if (
        plays
        and principal.person not in staff
        and incident.drill is not None
        and incident.drill.stage not in OVER
    ):
        raise Refused(
            "You play in this exercise. Its injects and ratings are hidden from you until it ends.",
            hint="Use the status page of the exercise",
            code="plays",
        )
    return plan


def set_clock(
    service: IncidentService, name: str, change: ClockChange, *, to: datetime | None = None, reason: str = ""
) -> Turn:
    """Begin, pause, resume, jump, freeze or end an exercise."""
    incident = service.load(name)
    made = _set(service, incident, plan_of(service, incident), change, to, reason)
    return service.act(service.principal, name, [made])


def close(service: IncidentService, name: str, reason: str) -> Turn:
    """Close an ended exercise."""
    return service.act(service.principal, name, [c.Close(reason=reason or "EndEx")])


def _set(
    service: IncidentService,
    incident: Incident,
    plan: Exercise,
    change: ClockChange,
    to: datetime | None,
    reason: str,
) -> c.SetExerciseClock:
    rate = 1.0 if incident.kind == "test" else RATES[plan.clock.mode] * plan.clock.rate
    return c.SetExerciseClock(change=change, wall=service.clock.now(), rate=rate, to=to, reason=reason)


def end_due(service: IncidentService, name: str, plan: Exercise) -> bool:
    """End an exercise that its plan ends now; tell whether it is over."""
    incident = service.load(name)
    if why := is_over(plan, incident, service.now_in(incident)):
        set_clock(service, name, "ended", reason=why)
    return bool(why) or (incident.drill is not None and incident.drill.stage in OVER)


def next_time(service: IncidentService, incident: Incident) -> datetime | None:
    """Return the exercise time of the next automatic change."""
    now = service.now_in(incident)
    times = (
        next_inject(plan_of(service, incident), incident, now),
        next_wakeup(incident, now, service.library(incident)),
    )
    return min((time for time in times if time is not None and time > now), default=None)


def release_due(service: IncidentService, name: str, plan: Exercise) -> tuple[ScenarioEvent, ...]:
    """Release every inject of an exercise's plan that is due, and return them."""
    incident = service.load(name)
    dues = due_injects(plan, incident, service.now_in(incident), service.library(incident))
    return tuple(due.event for due in dues if _released(service, name, due))


def _released(service: IncidentService, name: str, due: Due) -> bool:
    """Release an inject; false if a controller released or skipped it, or ended the exercise, in the meantime."""
    try:
        _release(service, name, due)
    except Refused:
        drill = service.load(name).drill
        number = due.event.number
        if drill is not None and (
            drill.stage in OVER or number in drill.released or number in drill.deferred
        ):
            return False
        raise
    return True


def release(service: IncidentService, name: str, number: str) -> tuple[Turn, ScenarioEvent]:
    """Release one inject by hand, and return it; raises NotFound for an unknown inject."""
    incident = service.load(name)
    event = event_of(plan_of(service, incident), number)
    return _release(service, name, Due(event, "hand")), event


def event_of(plan: Exercise, number: str) -> ScenarioEvent:
    """Return an inject by its number."""
    for event in plan.events:
        if event.number == number:
            return event
    raise NotFound(
        f'Exercise "{plan.name}" has no inject {number}.',
        hint=one_of([event.number for event in plan.events]),
        code="unknown_inject",
    )


def one_of(names: Iterable[str]) -> str:
    """Return the hint that lists the possible names."""
    return f"Use one of: {', '.join(names) or 'none'}"


def leave_out(service: IncidentService, name: str, number: str, reason: str) -> Turn:
    """Skip an inject; raises NotFound for an unknown inject."""
    event_of(plan_of(service, service.load(name)), number)
    return service.act(service.principal, name, [c.DeferInject(number=number, reason=reason)])


def observe(service: IncidentService, name: str, seen: c.Observe) -> Turn:
    """Record an observation or an answer; raises NotFound for an unknown objective or question."""
    plan = plan_of(service, service.load(name))
    questions = {question.id: question for module in plan.modules for question in module.questions}
    if seen.question and seen.question not in questions:
        why = f'Exercise "{plan.name}" has no question "{seen.question}".'
        raise NotFound(why, hint=one_of(questions), code="unknown_question")
    objectives = [objective.id for objective in plan.objectives]
    if seen.objective and seen.objective not in objectives:
        why = f'Exercise "{plan.name}" has no objective "{seen.objective}".'
        raise NotFound(why, hint=one_of(objectives), code="unknown_objective")
    asked = questions.get(seen.question)
    if asked is not None:
        about = seen.objective or asked.objective
        kind = "answer" if seen.kind == "observation" else seen.kind
        seen = msgspec.structs.replace(seen, objective=about, kind=kind)
    return service.act(service.principal, name, [seen])


def _release(service: IncidentService, name: str, due: Due) -> Turn:
    """Record an inject with its facts and its faults in one turn."""
    incident = service.load(name)
    now, plan = service.now_in(incident), plan_of(service, incident)
    drill, jump = incident.drill, due.event.jump_to
    to = drill.begun_at + parse_duration(jump) if jump and drill is not None and drill.begun_at else now
    facts = assignments(service, incident, due.event.facts, f"{SCENARIO} {due.event.number}", "confirmed")
    return service.act(
        service.principal,
        name,
        [
            c.ReleaseInject(number=due.event.number, cause=due.cause, planned=due.planned),
            *((c.RecordFacts(changes=facts),) if facts else ()),
            *(_fault(fault, now) for fault in due.event.faults),
            *((_set(service, incident, plan, "jumped", to, due.event.title),) if to > now else ()),
        ],
    )


def _fault(plan: FaultPlan, now: datetime) -> c.SetFault:
    until = now + parse_duration(plan.lasts) if plan.lasts else None
    if plan.channel:
        return c.SetFault(event=FaultSet(kind="channel", ref=plan.channel, until=until))
    if plan.person:
        return c.SetFault(event=FaultSet(kind="person", ref=plan.person, until=until))
    if plan.clock_skew:
        return c.SetFault(
            event=FaultSet(kind="clock", ref="clock", until=until, shift=parse_duration(plan.clock_skew))
        )
    return c.SetFault(event=FaultSet(kind="worker", ref="worker", until=now))


def targets_of(plan: Exercise) -> dict[str, str]:
    """Return the objectives and targets of a plan, each with its objective."""
    return {
        name: objective.id
        for objective in plan.objectives
        for name in (objective.id, *(target.id for target in objective.targets))
    }


def no_target(plan: Exercise, name: str) -> NotFound:
    """Return the error for an unknown objective or target."""
    return NotFound(
        f'Exercise "{plan.name}" has no target "{name}".',
        hint=one_of(targets_of(plan)),
        code="unknown_target",
    )


def proposed(service: IncidentService, incident: Incident, target: str) -> Proposal:
    """Return the proposed rating of a target or an objective; raises NotFound if the plan has neither."""
    plan = plan_of(service, incident)
    proposal = proposal_for(ratings(plan, incident), target)
    if proposal is None:
        raise no_target(plan, target)
    return proposal


def rate(service: IncidentService, name: str, made: c.Rate) -> Turn:
    """Record a rating; raises Refused for other people if the plan names evaluators."""
    able, by = plan_of(service, service.load(name)).evaluators, service.principal.person
    if able and by not in able:
        raise Refused(
            f'"{by}" is not an evaluator of this exercise.',
            hint=f"Ask one of: {', '.join(sorted(able))}. Your observations: tocsin drill observe 'TEXT'",
            code="no_evaluator",
        )
    return service.act(service.principal, name, [made])


def overran(service: IncidentService, incident: Incident, plan: Exercise, began: datetime) -> bool:
    """Tell whether an exercise exceeds the time limit of its plan, in real time."""
    return service.clock.now() - began > parse_duration(plan.safety.max_wall_time)


def skewed(service: IncidentService, name: str) -> timedelta:
    """Return the current clock error that the scenario simulates."""
    return skew(service.load(name), service.clock.now())


Exercised = tuple[Incident, Exercise]


def exercised(service: IncidentService) -> tuple[Exercised, ...]:
    """Return every started exercise, newest first, without shredded exercises.

    Test runs (kind ``test``) are not included.
    """
    found: list[tuple[datetime, Exercised]] = []
    for row in service.incidents():
        if row.kind != "exercise":
            continue
        try:
            incident = service.load(row.id)
            drill = incident.drill
            if drill is not None and drill.plan and drill.started is not None:
                found.append((drill.started, (incident, plan_of(service, incident))))
        except TocsinError as error:
            if error.code != "shredded":
                raise
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0], reverse=True))


def playing(service: IncidentService, rows: Iterable[IncidentRow]) -> dict[str, Playing]:
    """Return the progress of open exercises by id; unreadable exercises are skipped."""
    found: dict[str, Playing] = {}
    for row in rows:
        if row.kind == "real" or row.state not in ("open", "paused"):
            continue
        with suppress(TocsinError):  # one unreadable exercise does not stop the list
            incident = service.load(row.id)
            if incident.drill is not None and incident.drill.plan:
                found[row.id] = Playing(stage=incident.drill.stage, time=service.now_in(incident))
    return found


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One exercise; ``problem`` is the reason if it cannot run."""

    name: str
    title: str
    exercise_type: str
    playbook: str
    file: str
    problem: str = ""


def listed(catalog: Catalog) -> tuple[Listed, ...]:
    """Return all exercises, also invalid ones with their problem."""
    return tuple(_listed(name, str(file), catalog) for name, file in sorted(exercise_files(catalog).items()))


def _listed(name: str, file: str, catalog: Catalog) -> Listed:
    try:
        loaded = load_exercise(file, catalog)
    except TocsinError as error:
        return Listed(name=name, title="", exercise_type="", playbook="", file=file, problem=error.message)
    found = loaded.exercise
    return Listed(
        name=found.name,
        title=found.title,
        exercise_type=found.type,
        playbook=f"{loaded.bundle.playbook.name}@{loaded.bundle.playbook.version}",
        file=file,
    )
