"""Lead times of filings: the remaining work before a duty's notice can be sent, step by step.

A duty's start-by time is its deadline minus this lead time. Work of people counts with the time that the
playbook gives it. An approval without a due time counts with its expiry. A step that is due some hours before the
deadline moves the start at least that far. An ended step counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from runner.incident.state.incident import Incident, Scope
from runner.incident.state.library import Library
from runner.playbook.format import AnyStep, Call, File, Group
from runner.playbook.plan import Body, Plan

NOTHING = timedelta()


def lead_times(incident: Incident, library: Library) -> dict[str, timedelta]:
    """Return the lead time of every duty that a playbook files; the longest if several do."""
    times: dict[str, timedelta] = {}
    called = _called(incident)
    for scope in incident.scopes.values():
        body = library.body(incident.runs, scope)
        for step in body.steps.values():
            if isinstance(step, File) and step.duty:
                _keep(times, _duty(step.duty, scope), _way(incident, scope, body, step))
            elif isinstance(step, Group) and step.for_each is not None:
                _unopened(incident, library, scope, step, times)
            elif isinstance(step, Call) and f"{scope.id}|{step.id}" not in called:
                _uncalled(incident, library.plans[incident.runs[scope.run].plan], step.name, times)
    return times


def _called(incident: Incident) -> frozenset[str]:
    """Return the places of the steps whose playbooks have started, or have ended and will not start."""
    begun = {scope.parent for scope in incident.scopes.values()}
    return frozenset(
        place
        for place, invocation in incident.latest.items()
        if invocation in begun or incident.invocations[invocation].over
    )


def _uncalled(incident: Incident, plan: Plan, name: str, leads: dict[str, timedelta]) -> None:
    """In a playbook that has not started, a filing takes as long as all of its steps, and so do its lanes."""
    for (playbook, _), body in plan.bodies.items():
        if playbook != name:
            continue
        for step in body.steps.values():
            if isinstance(step, File) and step.duty:
                lead = _whole(body, step, {})
                for duty in incident.duties if step.duty == "item" else (step.duty,):
                    _keep(leads, duty, lead)
            elif isinstance(step, Call):
                _uncalled(incident, plan, step.name, leads)


def _unopened(
    incident: Incident, library: Library, scope: Scope, group: Group, leads: dict[str, timedelta]
) -> None:
    """A lane that does not exist yet takes as long as all of its steps."""
    body = library.plans[incident.runs[scope.run].plan].bodies[(scope.playbook, group.id)]
    open_lanes = {s.item for s in incident.scopes.values() if s.body == group.id and s.run == scope.run}
    for step in body.steps.values():
        if isinstance(step, File) and step.duty == "item":
            lead = _whole(body, step, {})
            for duty in incident.duties.values():
                if duty.id not in open_lanes:
                    _keep(leads, duty.id, lead)


def _keep(leads: dict[str, timedelta], duty: str, lead: timedelta) -> None:
    leads[duty] = max(lead, leads.get(duty, NOTHING))


def _duty(name: str, scope: Scope) -> str:
    return scope.item if name == "item" and scope.item is not None else name


def _way(incident: Incident, scope: Scope, body: Body, step: AnyStep) -> timedelta:
    """Return the longest path to a step through the steps that have not ended, the step itself included."""
    costs: dict[str, timedelta] = {}
    for name in body.steps:
        invocation = incident.latest.get(f"{scope.id}|{name}")
        if invocation is None or incident.invocations[invocation].over:
            costs[name] = NOTHING
    return _whole(body, step, costs)


def _whole(body: Body, step: AnyStep, known: Mapping[str, timedelta]) -> timedelta:
    """Follow the steps before a step without recursion: a playbook may have a thousand steps in a row."""
    ways: dict[str, timedelta] = {}
    latest = NOTHING
    stack = [step.id]
    while stack:
        here = body.steps[stack[-1]]
        missing = [name for name in here.after.steps if name not in ways]
        if missing:
            stack.extend(missing)
            continue
        before = max((ways[name] for name in here.after.steps), default=NOTHING)
        ways[here.id] = before + known.get(here.id, lead_time(here))
        if here.id not in known and here.due is not None and here.due.anchor == "duty":
            latest = max(latest, -here.due.offset)
        stack.pop()
    return max(ways[step.id], latest)


def lead_time(step: AnyStep) -> timedelta:
    """Return the time of one step."""
    if step.due is not None and step.due.anchor == "ready":
        return step.due.offset
    return step.lead
