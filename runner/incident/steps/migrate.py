"""Migration of a run to a newer version of its playbook: a plan of the changes, then one event.

The theory: an incident is completed work, a playbook is work to do, and only the second may be replaced.
Ended invocations never change, nor does any running clock. Waiting steps get their new definition,
removed steps are cancelled, and new ones are opened. A started step continues under its new definition if that
asks for the same kind of work by the same time; otherwise the migration is refused, with all reasons.

A change of the profile is a migration to the same file. A step that the new profile leaves out is cancelled, also if it
has started: the check of the playbook proves that it is neither an approval nor a filing. Only an attempt in
progress prevents it. A step that the change cancelled opens again when its profile returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from runner.base.states import Profile
from runner.errors import Problem, Refused, reason_given
from runner.incident.apply.steps import newest_scopes
from runner.incident.state.events import PlaybookMigrated
from runner.incident.state.expression_view import find_step
from runner.incident.state.incident import Incident, Invocation, Run, Scope
from runner.incident.state.library import Library
from runner.incident.steps.approvals import authors, counted, filed, reached
from runner.playbook.format import AnyStep, Approve, Bundle, Call, Group, Repeat, Step
from runner.playbook.plan import Body, Plan, compile_plan
from runner.playbook.profiles import bundle_of_profile

Code = Literal[
    "incident_over",
    "run_unknown",
    "other_playbook",
    "not_newer",
    "begun_removed",
    "container_open",
    "attempt_sending",
    "kind_changed",
    "due_changed",
    "container_changed",
]


class Refusal(msgspec.Struct, frozen=True):
    """Reason against a migration; ``step`` is the invocation that prevents it, empty for the run itself."""

    code: Code
    step: str
    why: str


class MigrationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a migration, all as invocation ids; nothing changes if there are refusals."""

    run: str
    old: str = ""
    """The present version."""
    new: str
    profile: Profile
    """The profile from then on."""
    kept: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Waiting steps that the new version does not have, or has as another kind of work."""
    changed: tuple[str, ...] = ()
    """Open steps that continue under another definition."""
    changed_after_done: tuple[str, ...] = ()
    """Ended steps that differ in the new version: they stay, and are shown."""
    reapprove: tuple[str, ...] = ()
    """Approvals that are asked again: their subject or their approvers changed."""
    refusals: tuple[Refusal, ...] = ()


def decide_migration(
    incident: Incident, run: Run, bundle: Bundle, library: Library, reason: str
) -> PlaybookMigrated:
    """Return the event that moves a run to a bundle; raises Refused with every reason.

    ``run`` is the run after the migration: the same id, the new version, digests and instant. To fold the event, the library
    must contain the plan of ``run.bundle``.
    """
    reason_given(reason, "The reason for the update")
    plan = plan_migration(incident, run.id, bundle, library, run.profile)
    if plan.refusals:
        first = plan.refusals[0]
        problems = [
            Problem(file="", line=0, column=0, severity="error", code=refusal.code, message=refusal.why)
            for refusal in plan.refusals
        ]
        raise Refused(
            f'Incident "{incident.codename}" cannot change to playbook "{bundle.playbook.name}" {plan.new}. {first.why}',
            hint="End or reopen the task, or add the new version as another playbook: tocsin graft PLAYBOOK",
            code=first.code,
            problems=problems,
        )
    return PlaybookMigrated(
        run=run,
        kept=plan.kept,
        added=plan.added,
        removed=plan.removed,
        changed=plan.changed,
        reapprove=plan.reapprove,
        reason=reason.strip(),
    )


def plan_migration(
    incident: Incident, run: str, bundle: Bundle, library: Library, profile: Profile | None = None
) -> MigrationPlan:
    """Return the changes of moving a run to a bundle and a profile. ``library`` has the present plan."""
    version = bundle.playbook.version
    if profile is None:
        profile = incident.runs[run].profile if run in incident.runs else "large"
    refusal = _not_at_all(incident, run, bundle, profile)
    if refusal is not None:
        return MigrationPlan(run=run, new=version, profile=profile, refusals=(refusal,))
    comparison = _Comparison(incident, incident.runs[run], library, bundle, profile)
    comparison.compare()
    return MigrationPlan(
        run=run,
        old=incident.runs[run].version,
        new=version,
        profile=profile,
        kept=tuple(comparison.kept),
        added=tuple(comparison.added),
        removed=tuple(comparison.removed),
        changed=tuple(comparison.changed),
        changed_after_done=tuple(comparison.changed_after_done),
        reapprove=tuple(comparison.reapprovals()),
        refusals=tuple(comparison.refusals),
    )


def _not_at_all(incident: Incident, run: str, bundle: Bundle, profile: Profile) -> Refusal | None:
    known_run = incident.runs.get(run)
    if incident.state in ("closed", "cancelled"):
        return Refusal("incident_over", "", f"The incident is {incident.state}.")
    if known_run is None:
        known = ", ".join(sorted(incident.runs))
        return Refusal("run_unknown", "", f'Run "{run}" does not exist in this incident. Runs: {known}.')
    if known_run.playbook != bundle.playbook.name:
        why = f'Run "{run}" uses playbook "{known_run.playbook}", not "{bundle.playbook.name}".'
        return Refusal("other_playbook", "", why)
    if bundle.digest == known_run.digest and profile != known_run.profile:
        return None
    if _rank(bundle.playbook.version) <= _rank(known_run.version):
        why = f'Run "{run}" uses version {known_run.version}. Version {bundle.playbook.version} is not newer.'
        return Refusal("not_newer", "", why)
    return None


def _rank(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Return a semantic version's order: numbers first, and before a release its pre-releases."""
    core, _, pre = version.partition("+")[0].partition("-")
    parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in pre.split("."))
    return tuple(int(part) for part in core.split(".")), not pre, parts


class _Comparison:
    """Two versions of a run side by side, scope by scope; collects the result for every newest invocation."""

    def __init__(
        self, incident: Incident, run: Run, library: Library, bundle: Bundle, profile: Profile
    ) -> None:
        self.incident = incident
        self.run = run
        self.library = library
        self.new = compile_plan(bundle_of_profile(bundle, profile))
        self.whole: Plan | None = compile_plan(bundle) if profile != run.profile else None
        """The new version with the steps of both profiles, if the profile changes."""
        self.kept: list[str] = []
        self.added: list[str] = []
        self.removed: list[str] = []
        self.changed: list[str] = []
        self.changed_after_done: list[str] = []
        self.refusals: list[Refusal] = []

    def compare(self) -> None:
        """Go through every scope of the run."""
        growing = {scope.id for scope in newest_scopes(self.incident.scopes, self.run.id)}
        for scope in self.incident.scopes.values():
            if scope.run != self.run.id:
                continue
            new = self._body(scope)
            for step in self._old_steps(scope):
                name = self.incident.latest.get(f"{scope.id}|{step}")
                if name is not None:
                    self._one(scope, self.incident.invocations[name], new)
            if new is not None and scope.id in growing and not self._ended(scope):
                self._additions(scope, new)

    def _body(self, scope: Scope) -> Body | None:
        """Return the new body of a scope, None if it or a container around it does not exist any more."""
        return None if scope.parent in self.removed else self.new.bodies.get((scope.playbook, scope.body))

    def _left_out(self, scope: Scope, step: str) -> bool:
        """Tell whether the change of the profile alone leaves out a step, or a container around it."""
        if self.whole is None:
            return False
        if scope.parent in self.removed:
            return True
        body = self.whole.bodies.get((scope.playbook, scope.body))
        return body is not None and step in body.steps

    def _old_steps(self, scope: Scope) -> tuple[str, ...]:
        plan = self.library.plans[self.run.plan]
        body = plan.bodies.get((scope.playbook, scope.body))
        return tuple(body.steps) if body is not None else ()

    def _ended(self, scope: Scope) -> bool:
        return bool(scope.parent) and self.incident.invocations[scope.parent].over

    def _one(self, scope: Scope, invocation: Invocation, body: Body | None) -> None:
        old = self.library.body(self.incident.runs, scope).steps[invocation.step]
        new = body.steps.get(invocation.step) if body is not None else None
        waiting = invocation.state == "waiting"
        left_out = new is None and self._left_out(scope, invocation.step)
        if (new is not None and _same(old, new)) or (left_out and invocation.over):
            self.kept.append(invocation.id)
        elif invocation.over:
            self.changed_after_done.append(invocation.id)
        elif (left_out and not any(attempt.state == "sending" for attempt in invocation.attempts)) or (
            waiting and (new is None or type(new) is not type(old))
        ):
            self.removed.append(invocation.id)
        elif not waiting and (refusal := _obstacle(invocation, old, new)) is not None:
            self.refusals.append(refusal)
        else:
            self.changed.append(invocation.id)

    def _additions(self, scope: Scope, body: Body) -> None:
        for step in body.steps:
            latest = self.incident.latest.get(f"{scope.id}|{step}")
            if latest is None or latest in self.removed or self._comes_back(scope, latest):
                n = self.incident.counts.get(scope.prefix + step, 0) + 1
                self.added.append(f"{scope.prefix}{step}#{n}")

    def _comes_back(self, scope: Scope, latest: str) -> bool:
        """Tell whether an earlier change of the profile cancelled a step that the new profile has again."""
        known = self.incident.invocations[latest]
        return known.state == "cancelled" and not known.ended_by and known.step not in self._old_steps(scope)

    # --- approvals -----------------------------------------------------------------------------------------

    def reapprovals(self) -> Iterator[str]:
        """Yield the started, given and not yet filed approvals that the new version does not continue."""
        for scope in newest_scopes(self.incident.scopes, self.run.id):
            body = self._body(scope)
            for step in self._old_steps(scope) if body is not None and not self._ended(scope) else ():
                name = self.incident.latest.get(f"{scope.id}|{step}")
                new = body.steps.get(step) if body is not None else None
                if name is not None and isinstance(new, Approve) and self._asked_again(scope, name, new):
                    yield name

    def _asked_again(self, scope: Scope, name: str, new: Approve) -> bool:
        invocation = self.incident.invocations[name]
        old = self.library.body(self.incident.runs, scope).steps[invocation.step]
        answered = invocation.state in ("done", "done_late")
        if not isinstance(old, Approve) or not (answered or invocation.state in ("ready", "active")):
            return False
        bound = find_step(self.incident, scope, old.approve)
        if bound is None or filed(self.incident, bound, self.library):
            return False
        if new.approve != old.approve or self._made_otherwise(bound):
            return True
        binding = counted(invocation, invocation.digest, authors(self.incident, bound))
        return answered and not reached(new, binding)

    def _made_otherwise(self, bound: Invocation) -> bool:
        """Tell whether the new version produces the approved document in another way."""
        scope = self.incident.scopes[bound.scope]
        old = self.library.body(self.incident.runs, scope).steps[bound.step]
        body = self.new.bodies.get((scope.playbook, scope.body))
        new = body.steps.get(bound.step) if body is not None else None
        return new is None or _product(old) != _product(new)


def _obstacle(invocation: Invocation, old: AnyStep, new: AnyStep | None) -> Refusal | None:
    """Return why a step that has started cannot continue under its new definition."""
    name = invocation.id
    if new is None:
        if any(attempt.state == "sending" for attempt in invocation.attempts):
            return Refusal(
                "attempt_sending",
                name,
                f'The new version has no task "{name}", and an attempt of the task is in progress.',
            )
        if isinstance(old, Group | Repeat | Call):
            return Refusal(
                "container_open", name, f'The new version has no task "{name}", and tasks inside it are open.'
            )
        return Refusal(
            "begun_removed",
            name,
            f'The new version has no task "{name}", and the task is {invocation.state}.',
        )
    if type(old) is not type(new):
        return Refusal(
            "kind_changed",
            name,
            f'Task "{name}" is {invocation.state} as kind {invocation.kind}. The new version changes its kind.',
        )
    if old.due != new.due:
        return Refusal(
            "due_changed", name, f'Task "{name}" is {invocation.state}. The new version changes its due time.'
        )
    if _shape(old) != _shape(new):
        return Refusal(
            "container_changed", name, f'Task "{name}" is open. The new version opens other tasks inside it.'
        )
    return None


def _shape(step: AnyStep) -> object:
    """Return the fields that decide which bodies a container opens."""
    match step:
        case Group(for_each=items):
            return items is not None
        case Call(name=name):
            return name
        case _:
            return None


def _same(old: AnyStep, new: AnyStep) -> bool:
    """Compare two definitions without the body of a container, which is compared separately."""
    return type(old) is type(new) and _parts(old, set()) == _parts(new, set())


def _product(step: AnyStep) -> dict[str, object]:
    """Return the fields that decide the bytes of a step's product."""
    return {"kind": type(step), **_parts(step, {*Step.__struct_fields__, "role", "assignee"})}


def _parts(step: AnyStep, without: set[str]) -> dict[str, object]:
    names = [name for name in step.__struct_fields__ if name not in {*without, "steps", "defaults"}]
    return {name: getattr(step, name) for name in names}
