"""The controllers' and evaluators' handbook: the scenario list (MSEL) and an evaluation guide (EEG) for each objective."""

from __future__ import annotations

from collections.abc import Iterator

from runner.base.instants import parse_duration, parse_instant
from runner.documents.tree import Block, Document
from runner.incident.exercises.exercise_plan import (
    EVALUATING,
    Action,
    Exercise,
    FaultPlan,
    Objective,
    ScenarioEvent,
    Target,
)
from runner.reports.core.formatting import span
from runner.reports.core.header import clocked
from runner.reports.core.report_blocks import bullets, fields, heading, paragraph, table
from runner.reports.exercises.handbook import (
    LINE,
    LINES,
    Book,
    bold,
    book,
    clock_words,
    emergency,
    ends,
    overview,
    part,
)
from runner.reports.exercises.ratings import KEY

_CONDUCT = (
    ("show the state of the scenario", "tocsin drill show"),
    ("start; resume after Ctrl-C", "tocsin drill run {name}; tocsin drill run --go-on CODENAME"),
    ("release or skip an inject", "tocsin drill inject NO; tocsin drill leave-out NO --reason …"),
    ("pause and resume exercise time", "tocsin drill pause; tocsin drill resume"),
    ("jump to the next inject, or to a time", "tocsin drill jump; tocsin drill jump --to INSTANT"),
    ("record an observation", 'tocsin drill observe "…" --objective ID --kind strength|improvement'),
    ("end the exercise, and close it later", "tocsin drill end; tocsin drill end --close"),
    ("rate a target; show the proposed rating", 'tocsin drill rate ID P|S|M|U --note "…"; tocsin drill rate ID'),
    ("write the after-action report", "tocsin drill report --to docx,pdf --out DIR"),
)  # fmt: skip
_LETTERS = "P\u00a0\u00a0S\u00a0\u00a0M\u00a0\u00a0U"
_TALKED = ("record an answer", 'tocsin drill observe "…" --question ID')


def controllers_book(about: Book) -> Document:
    """Return the handbook as a document tree."""
    return book(
        about,
        "handbook-controllers-not-for-players",
        "Controllers' and evaluators' handbook",
        _blocks(about),
    )


def _blocks(about: Book) -> Iterator[Block]:
    plan = about.plan
    yield bold("NOT FOR PLAYERS. This handbook contains the scenario, the expected actions and the ratings.")
    yield from overview(about)
    yield fields(_hidden(plan))
    yield from _people(about)
    yield heading(2, "Conduct")
    yield paragraph(clock_words(plan))
    yield paragraph(_doors(plan))
    talked = (_TALKED,) if plan.modules else ()
    yield table(
        ("Purpose", "Command"), [(to, how.format(name=plan.name)) for to, how in (*_CONDUCT, *talked)]
    )
    yield from emergency(plan)
    yield paragraph(f"The exercise ends automatically {ends(plan)}.")
    if plan.events:
        yield from _scenario(about)
    for module in plan.modules:
        yield heading(2, f"{module.id}: {module.title}")
        yield paragraph(module.text.strip())
        rows = [(f"{one.id}: {one.text}", one.objective, LINES) for one in module.questions]
        yield table(("Question", "Objective", "Answers, with names"), rows)
    yield heading(2, "Exercise evaluation guides")
    yield paragraph(
        "There is 1 guide for each objective. Record each observation with its time, then rate each target. Tocsin proposes a rating "
        "from the journal. Only the rating of an evaluator counts. The worst critical task determines the rating of a target. The worst "
        "target determines the rating of an objective."
    )
    yield bullets(KEY)
    for objective in plan.objectives:
        yield from _guide(objective, about)


def _hidden(plan: Exercise) -> Iterator[tuple[str, str]]:
    """Yield the part of the overview that is hidden from players."""
    yield "Scenario", plan.overview.scenario
    yield "Announced", "yes" if plan.announced else "no: tell no player before StartEx"
    yield "Facts at opening", "\n".join(plan.facts)
    yield "Assumed compromised", ", ".join(plan.compromised)


def _people(about: Book) -> Iterator[Block]:
    yield heading(2, "Participants")
    rows = [
        (about.person(one.person), part(one), ", ".join(one.covers), "yes" if one.opted_in else "no")
        for one in about.plan.participants
    ]
    if rows:
        yield table(("Person", "Part", "Objectives", "Consent to real messages"), rows)
    else:
        yield paragraph("The plan has no participants. Add people to participants before the exercise.")


def _doors(plan: Exercise) -> str:
    if plan.live:
        return f"Tocsin sends real messages to {', '.join(plan.live)} only. Authorities, the public and customers receive nothing."
    return "Tocsin simulates all messages, filings, actions and failures. No data leaves this machine."


# ------------------------------------------------------------------------------------------------ scenario


def _scenario(about: Book) -> Iterator[Block]:
    yield heading(2, "Master scenario events list")
    yield paragraph(
        "An inject is released as planned. A contingency inject is released only if an expected action is missing. An expected action is a "
        "task of the players, without a release. To release a manual inject: tocsin drill inject NO."
    )
    heads = ("No.", "Time", "Event", "Expected actions of players")
    yield table(heads, [_event(event, about) for event in about.plan.events])


def _event(one: ScenarioEvent, about: Book) -> tuple[str, ...]:
    kind = f", {one.kind}" if one.category == "inject" else ""
    what = (
        f"{one.title} ({one.category.replace('_', ' ')}{kind})",
        ", ".join(filter(None, _way(one))),
        f"“{one.text.strip()}”" if one.text.strip() else "",
        f"Facts set: {', '.join(one.facts)}" if one.facts else "",
        *map(_fault, one.faults),
        f"Exercise time jumps to StartEx + {one.jump_to}" if one.jump_to else "",
        *(one.artefact.lines if one.artefact is not None else ()),
        f"Note: {one.notes}" if one.notes else "",
    )
    expected = (*map(_action, one.expected), f"If not done: {one.if_missed}" if one.if_missed else "")
    return one.number, _when(one, about), *("\n".join(filter(None, lines)) for lines in (what, expected))


def _when(one: ScenarioEvent, about: Book) -> str:
    if one.at is None and one.after:
        return f"after {one.after}"
    if one.at is None:
        return "manual" if one.on is None else f"when {one.on.source}"
    later, clock = parse_duration(one.at), about.plan.clock
    lines = [f"StartEx + {span(later)}"]
    if clock.start:
        lines.append(clocked(parse_instant(clock.start) + later, about.zone))
    if clock.mode == "accelerated" and clock.rate != 1:
        lines.append(f"real time + {span(later / clock.rate)}")
    return "\n".join(lines)


def _way(one: ScenarioEvent) -> Iterator[str]:
    yield f"from {one.sender}" if one.sender else ""
    yield f"to {', '.join(one.to)}" if one.to else ""
    yield f"channel: {one.via.replace('_', ' ')}"
    yield f"controller {one.controller}" if one.controller else ""
    yield f"objective {one.objective}" if one.objective else ""


def _fault(one: FaultPlan) -> str:
    lasts = f" for {one.lasts}" if one.lasts else " to the end"
    if one.channel:
        return f"Failure: channel {one.channel}{lasts}"
    if one.person:
        return f"Not reachable: {one.person}{lasts}"
    return f"Wrong clock: by {one.clock_skew}{lasts}" if one.clock_skew else "Worker restart"


def _action(one: Action) -> str:
    named = f"{one.text} ({one.thing})" if one.text else one.thing
    within = f", within {one.within}" if one.within else ""
    return f"{named}{within}{'' if one.critical else ', not critical'}"


# ---------------------------------------------------------------------------------------------- evaluation


def _guide(objective: Objective, about: Book) -> Iterator[Block]:
    yield heading(3, f"{objective.id}: {objective.text}")
    evaluators = [
        about.person(one.person)
        for one in about.plan.participants
        if one.role in EVALUATING and objective.id in one.covers
    ]
    who = (("Evaluator", ", ".join(evaluators) or LINE), ("Email, phone", LINE))
    yield fields((("Core capability", objective.capability), *who))
    rows = [_target(target) for target in objective.targets] or [_whole(objective, about.plan)]
    rows.append((f"{objective.id} as a whole: {objective.capability}", "", LINES, _LETTERS))
    yield table(("Target", "Critical tasks", "Observations and reason for the rating", "Rating"), rows)


def _target(one: Target) -> tuple[str, ...]:
    return (f"{one.id}: {one.text}", "\n".join(map(_action, one.tasks)), LINES, _LETTERS)


def _whole(objective: Objective, plan: Exercise) -> tuple[str, ...]:
    """Return a row for an objective without targets, with its expected actions and questions."""
    questions = [q.id for module in plan.modules for q in module.questions if q.objective == objective.id]
    tasks = [
        _action(each) for event in plan.events if event.objective == objective.id for each in event.expected
    ]
    tasks += [f"answers to {', '.join(questions)}"] if questions else []
    return (objective.text, "\n".join(tasks), LINES, _LETTERS)
