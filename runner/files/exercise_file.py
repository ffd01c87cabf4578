"""Reader of exercises of the home folder and of the program, checked against their playbooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from runner import actions
from runner.base.instants import parse_duration, parse_instant
from runner.base.text import near_hint, sentence
from runner.errors import NotFound, Problem, TocsinError
from runner.facts.expressions.parser import ExpressionError, parse_condition
from runner.facts.fact_files import misstated
from runner.facts.vocabulary.lookup import fact_type, path_hint
from runner.incident.exercises.exercise_plan import DISCUSSION, Action, Exercise, ScenarioEvent
from runner.incident.state.exercise import LIVE
from runner.playbook.bundle import is_path, load_bundle
from runner.playbook.catalogue import Catalog, shipped_folder
from runner.playbook.format import Bundle
from runner.playbook.playbook_test_file import bare_path, behaviour_problems, no_such, paths, roles_of
from runner.yamlfile.source import Source, Where, scan_file
from runner.yamlfile.strict import invalid_file, read_struct

SCHEMA: Final = "tocsin/exercise/v1"
FOLDER: Final = "exercises"


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """An exercise, its playbook, and the name of the playbook."""

    file: str
    exercise: Exercise
    playbook: str
    bundle: Bundle


def load_exercise(name: str, catalog: Catalog) -> Loaded:
    """Return an exercise by its name or its file; raises NotFound with the nearest name, or Invalid with every problem."""
    path = Path(name) if is_path(name) else _find(name, catalog)
    source = scan_file(path)
    exercise, problems = read_exercise(source)
    if exercise is None:
        raise invalid_file(source, problems, code="bad_exercise")
    playbook = _playbook(exercise, path)
    bundle = load_bundle(playbook, catalog.beside_of(path))
    problems = tuple(_meaning(source, exercise, bundle))
    if any(problem.severity == "error" for problem in problems):
        raise invalid_file(source, problems, code="bad_exercise")
    return Loaded(file=str(path), exercise=exercise, playbook=playbook, bundle=bundle)


def exercise_files(catalog: Catalog) -> dict[str, Path]:
    """Return the files of exercises by name, the home's own first."""
    files: dict[str, Path] = {}
    for folder in (catalog.folder, shipped_folder()):
        place = folder / FOLDER if folder is not None else None
        for file in sorted(place.glob("*.yaml")) if place is not None and place.is_dir() else ():
            files.setdefault(file.stem, file)
    return files


def read_exercise(source: Source) -> tuple[Exercise | None, tuple[Problem, ...]]:
    """Return the exercise of a file, or None with its problems; conditions are parsed."""
    if source.problems or not isinstance(source.data, dict):
        return read_struct(source, Exercise, SCHEMA)
    problems: list[Problem] = []
    lowered = {**source.data, "events": _events(source, problems)} if "events" in source.data else source.data
    exercise, more = read_struct(
        Source(source.file, source.text, lowered, source.spot, source.problems), Exercise, SCHEMA
    )
    all_problems = (*problems, *more)
    return (None, all_problems) if all_problems else (exercise, ())


def check_exercise(source: Source, catalog: Catalog) -> tuple[Problem, ...]:
    """Return every problem of an exercise; nothing is raised."""
    exercise, problems = read_exercise(source)
    if exercise is None:
        return problems
    path = Path(source.file)
    try:
        bundle = load_bundle(_playbook(exercise, path), catalog)
    except TocsinError as error:
        return (source.problem(("playbook",), "playbook", error.message, hint=error.hint),)
    return tuple(_meaning(source, exercise, bundle))


def _events(source: Source, problems: list[Problem]) -> Any:
    """Return the injects with parsed conditions."""
    events = source.data["events"]
    if not isinstance(events, list):
        return events
    found: list[Any] = []
    for index, event in enumerate(events):
        if not isinstance(event, dict) or not isinstance(event.get("on"), str):
            found.append(event)
            continue
        try:
            parsed = msgspec.to_builtins(parse_condition(event["on"]))
        except ExpressionError as error:
            where = ("events", index, "on")
            problems.append(source.problem(where, "condition", error.message, hint=error.hint or ""))
            parsed = msgspec.to_builtins(parse_condition("false"))
        found.append({**event, "on": parsed})
    return found


def _find(name: str, catalog: Catalog) -> Path:
    files = exercise_files(catalog)
    if name not in files:
        hint = near_hint(name, files) or actions.Action("drill.list")
        raise NotFound(f'Exercise "{name}" does not exist.', hint=hint, code="unknown_exercise")
    return files[name]


def _playbook(exercise: Exercise, path: Path) -> str:
    named = exercise.playbook
    return str((path.absolute().parent / named).resolve()) if is_path(named) else named


# --------------------------------------------------------------------------------------------------- meaning


def _meaning(source: Source, exercise: Exercise, bundle: Bundle) -> Iterator[Problem]:
    steps = dict(paths(bundle))
    roles = roles_of(bundle)
    objectives = [objective.id for objective in exercise.objectives]
    yield from _twice(source, ("objectives",), objectives)
    yield from _twice(source, ("events",), [event.number for event in exercise.events], "number")
    yield from _clock(source, exercise)
    yield from _targets(source, exercise, bundle, steps)
    for index, person in enumerate(exercise.participants):
        if person.plays and person.plays not in roles:
            yield no_such(source, ("participants", index, "plays"), "role", person.plays, roles, key=False)
        for n, covered in enumerate(person.covers):
            if covered not in objectives:
                yield no_such(
                    source, ("participants", index, "covers", n), "objective", covered, objectives, key=False
                )
    for index, text in enumerate(exercise.facts):
        yield from misstated(source, ("facts", index), text)
    yield from behaviour_problems(source, exercise.script, ("script",), steps)
    if exercise.ends is not None and (last := exercise.ends.after) and bare_path(last) not in steps:
        yield no_such(source, ("ends", "after"), "step", last, steps, key=False)
    numbers = [event.number for event in exercise.events]
    for index, event in enumerate(exercise.events):
        yield from _event(source, ("events", index), event, steps, roles, objectives, numbers)


def _targets(
    source: Source, exercise: Exercise, bundle: Bundle, steps: Mapping[str, object]
) -> Iterator[Problem]:
    for index, objective in enumerate(exercise.objectives):
        for n, target in enumerate(objective.targets):
            where: Where = ("objectives", index, "targets", n, "tasks")
            yield from _actions(source, where, target.tasks, steps)
            for k, task in enumerate(target.tasks):
                yield from _can_fail(source, (*where, k), task, exercise, bundle)


def _clock(source: Source, exercise: Exercise) -> Iterator[Problem]:
    if exercise.clock.start:
        try:
            parse_instant(exercise.clock.start)
        except ValueError as error:
            yield source.problem(("clock", "start"), "instant", sentence(str(error)))
    if exercise.clock.mode == "real" and exercise.clock.rate != 1:
        yield source.problem(
            ("clock", "rate"), "clock", "A clock of mode real has no rate.", hint="Write mode: accelerated."
        )
    if exercise.type == LIVE and (exercise.clock.mode != "real" or exercise.clock.start):
        yield source.problem(
            ("clock",), "clock", "An exercise with real messages needs real time.", hint="Remove `clock`."
        )
    if exercise.type in DISCUSSION and not exercise.modules:
        yield source.problem(
            ("type",),
            "modules",
            f'An exercise of type "{exercise.type}" needs modules.',
            hint="Add `modules:`.",
        )


def _event(
    source: Source,
    where: Where,
    event: ScenarioEvent,
    steps: Mapping[str, object],
    roles: Sequence[str],
    objectives: Sequence[str],
    numbers: Sequence[str],
) -> Iterator[Problem]:
    if sum((event.at is not None, bool(event.after), event.on is not None)) > 1:
        yield source.problem(
            where, "when", "The inject has more than one of at, after and on.", hint="Choose one."
        )
    if event.after and bare_path(event.after) not in steps:
        yield no_such(source, (*where, "after"), "step", event.after, steps, key=False)
    for index, role in enumerate(event.to):
        if role not in roles:
            yield no_such(source, (*where, "to", index), "role", role, roles, key=False)
    if event.objective and event.objective not in objectives:
        yield no_such(source, (*where, "objective"), "objective", event.objective, objectives, key=False)
    if event.if_missed and event.if_missed not in numbers:
        yield no_such(source, (*where, "if_missed"), "event", event.if_missed, numbers, key=False)
    for index, text in enumerate(event.facts):
        yield from misstated(source, (*where, "facts", index), text)
    yield from _actions(source, (*where, "expected"), event.expected, steps)
    for index, action in enumerate(event.expected):
        if action.after:
            text = "Only the task of a target can have `after`."
            yield source.problem((*where, "expected", index, "after"), "action", text, hint="Add a target.")


def _actions(
    source: Source, where: Where, actions: Sequence[Action], steps: Mapping[str, object]
) -> Iterator[Problem]:
    for index, one in enumerate(actions):
        place = (*where, index)
        named = [name for name in ("step", "fact", "document", "message", "duty") if getattr(one, name)]
        if len(named) != 1:
            hint = "Write one of step, fact, document, message, duty."
            yield source.problem(
                place, "action", "An expected action has exactly one of its keys.", hint=hint
            )
        if one.after and not one.step:
            yield source.problem(
                (*place, "after"), "action", "The key `after` needs `step`.", hint="Add `step:`."
            )
        for name in ("step", "document", "message", "after"):
            path = getattr(one, name)
            if path and bare_path(path) not in steps:
                yield no_such(source, (*place, name), "step", path, steps, key=False)
        if one.fact and fact_type(one.fact) is None:
            yield source.problem(
                (*place, "fact"), "fact", f'Fact "{one.fact}" does not exist.', hint=path_hint(one.fact)
            )


# --------------------------------------------------------------------------------- targets that can fail


def _can_fail(
    source: Source, where: Where, task: Action, exercise: Exercise, bundle: Bundle
) -> Iterator[Problem]:
    """Yield the warning about the task of a target that every play meets, or that no play can meet."""
    faults = [event for event in exercise.events if any(one.channel or one.person for one in event.faults)]
    if task.message and faults and not any(_in_time(event, task.message, bundle) for event in faults):
        yield source.problem(
            (*where, "message"),
            "fault-after-message",
            f'Message "{task.message}" is sent before fault {faults[0].number} starts. The fault cannot delay it.',
            hint=f"Start fault {faults[0].number} at 0m, or name a later message.",
            severity="warning",
        )
    if task.after and (why := _fixed(task, bundle)):
        hint = "Name a step that people do or skip, and a later step."
        yield source.problem((*where, "after"), "order-fixed", why, hint=hint, severity="warning")


def _in_time(event: ScenarioEvent, message: str, bundle: Bundle) -> bool:
    """Tell whether a fault can start before a message is sent."""
    names = bare_path(message).split(".")
    outer = [".".join(names[: n + 1]) for n in range(len(names))]
    if not any(step.after.steps for path, step in paths(bundle) if path in outer):
        return event.at is not None and not parse_duration(event.at)
    return not event.after or not (
        bare_path(event.after) in outer or _comes_before(bundle, outer[-1], bare_path(event.after))
    )


def _fixed(task: Action, bundle: Bundle) -> str:
    """Return why the order of two steps is always right or always wrong, else nothing."""
    first, then = bare_path(task.after), bare_path(task.step)
    known = dict(paths(bundle))
    if first not in known or then not in known:
        return ""
    if f"{first}.".startswith(f"{then}.") or f"{then}.".startswith(f"{first}."):
        return f'Steps "{first}" and "{then}" are the same step, or one contains the other.'
    if _comes_before(bundle, then, first):
        return f'The playbook starts "{first}" after "{then}": no player can meet the target.'
    if _comes_before(bundle, first, then) and known[first].done_by not in ("people", "steps"):
        return f'The playbook ends "{first}" by itself before "{then}": the target cannot fail.'
    return ""


def _comes_before(bundle: Bundle, first: str, then: str) -> bool:
    """Tell whether the order of the playbook ends a step before the other starts; both are paths."""
    known, before, after = dict(paths(bundle)), first.split("."), then.split(".")
    level = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), -1)
    body = "".join(f"{name}." for name in before[:level])

    def waits(name: str) -> bool:
        rule = known[body + name].after
        found = [one == before[level] or waits(one) for one in rule.steps if body + one in known]
        return bool(found) and (all(found) if rule.join == "any" else any(found))

    return level >= 0 and waits(after[level])


def _twice(source: Source, where: Where, names: Sequence[str], key: str = "id") -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield source.problem((*where, index, key), "twice", f'The name "{name}" is used twice.')
        seen.add(name)
