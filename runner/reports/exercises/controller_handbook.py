"""The controllers' and evaluators' handbook: the scenario as a list (MSEL), and a guide for each objective to rate it by (EEG)."""

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
    longest,
    overview,
    part,
)
from runner.reports.exercises.ratings import KEY

_CONDUCT = (
    ("see what happened, what is expected, what comes", "tocsin drill show"),
    ("begin; go on after Ctrl-C", "tocsin drill run {name}; tocsin drill run --go-on CODENAME"),
    ("have an event happen now, or never", "tocsin drill inject NO; tocsin drill leave-out NO --reason …"),
    ("stop time, and let it go on", "tocsin drill pause; tocsin drill resume"),
    ("go to what comes next, or to an instant", "tocsin drill jump; tocsin drill jump --to INSTANT"),
    ("write down what you see", 'tocsin drill observe "…" --objective ID --kind strength|improvement'),
    ("end it", "tocsin drill end; when all is done: tocsin drill end --close"),
    ("rate a target; see what the record proposes", 'tocsin drill rate ID P|S|M|U --note "…"; tocsin drill rate ID'),
    ("write the after-action report", "tocsin drill report --to docx,pdf --out DIR"),
)  # fmt: skip
_LETTERS = "P\u00a0\u00a0S\u00a0\u00a0M\u00a0\u00a0U"
_TALKED = ("keep an answer", 'tocsin drill observe "…" --question ID')


def controllers_book(about: Book) -> Document:
    """Return the book as a tree, to be written like any other document."""
    return book(
        about,
        "handbook-controllers-not-for-players",
        "Controllers' and evaluators' handbook",
        _blocks(about),
    )


def _blocks(about: Book) -> Iterator[Block]:
    plan = about.plan
    yield bold("NOT FOR PLAYERS. It says what will happen, what is expected of players, and how it is rated.")
    yield from overview(about)
    yield fields(_hidden(plan))
    yield from _people(about)
    yield heading(2, "Conduct")
    yield paragraph(clock_words(plan))
    yield paragraph(_doors(plan))
    talked = (_TALKED,) if plan.modules else ()
    yield table(("To", "Type"), [(to, how.format(name=plan.name)) for to, how in (*_CONDUCT, *talked)])
    yield from emergency(plan)
    yield paragraph(
        f"While it is conducted it ends by itself {longest(plan)} after StartEx by the wall's clock."
    )
    if plan.events:
        yield from _scenario(about)
    for module in plan.modules:
        yield heading(2, f"{module.id}: {module.title}")
        yield paragraph(module.text.strip())
        rows = [(f"{one.id}: {one.text}", one.objective, LINES) for one in module.questions]
        yield table(("Question", "Objective", "What was answered, and by whom"), rows)
    yield heading(2, "Exercise evaluation guides")
    yield paragraph(
        "A guide for each objective. Write down what was seen and when, then rate each target. From the record the program proposes a "
        "rating; only an evaluator's counts. A target is as good as its worst critical task, an objective as its worst target."
    )
    yield bullets(KEY)
    for objective in plan.objectives:
        yield from _guide(objective, about)


def _hidden(plan: Exercise) -> Iterator[tuple[str, str]]:
    """Yield what of the overview players are not told."""
    yield "Scenario", plan.overview.scenario
    yield "Announced", "yes" if plan.announced else "NO: say nothing before StartEx"
    yield "Facts at the opening", "\n".join(plan.facts)
    yield "Taken as compromised", ", ".join(plan.compromised)


def _people(about: Book) -> Iterator[Block]:
    yield heading(2, "Who takes part")
    rows = [
        (about.person(one.person), part(one), ", ".join(one.covers), "yes" if one.opted_in else "no")
        for one in about.plan.participants
    ]
    if rows:
        yield table(("Person", "Part", "Covers", "Agreed to real messages"), rows)
    else:
        yield paragraph("The plan names nobody: put people into participants before it is run.")


def _doors(plan: Exercise) -> str:
    if plan.live:
        return f"Messages really leave to {', '.join(plan.live)}, and to nobody else; authorities, the public and customers are never reached."
    return "Nothing leaves this machine: messages, filings and actions are simulated, and what fails in the scenario fails here alone."


# ------------------------------------------------------------------------------------------------ scenario


def _scenario(about: Book) -> Iterator[Block]:
    yield heading(2, "Master scenario events list")
    yield paragraph(
        "An inject happens as planned. A contingency inject happens only where what was expected did not come. An expected action is "
        "nothing that happens: it is what players are to do. What is by hand waits for: tocsin drill inject NO."
    )
    heads = ("No.", "When", "What happens", "Expected of players")
    yield table(heads, [_event(event, about) for event in about.plan.events])


def _event(one: ScenarioEvent, about: Book) -> tuple[str, ...]:
    kind = f", {one.kind}" if one.category == "inject" else ""
    what = (
        f"{one.title} ({one.category.replace('_', ' ')}{kind})",
        ", ".join(filter(None, _way(one))),
        f"“{one.text.strip()}”" if one.text.strip() else "",
        f"true with it: {', '.join(one.facts)}" if one.facts else "",
        *map(_fault, one.faults),
        f"Note: {one.notes}" if one.notes else "",
    )
    expected = (*map(_action, one.expected), f"if not: {one.if_missed}" if one.if_missed else "")
    return one.number, _when(one, about), *("\n".join(filter(None, lines)) for lines in (what, expected))


def _when(one: ScenarioEvent, about: Book) -> str:
    if one.at is None and one.after:
        return f"after {one.after}"
    if one.at is None:
        return "by hand" if one.on is None else f"as soon as {one.on.source}"
    later, clock = parse_duration(one.at), about.plan.clock
    lines = [f"StartEx + {span(later)}"]
    if clock.start:
        lines.append(clocked(parse_instant(clock.start) + later, about.zone))
    if clock.mode == "accelerated" and clock.rate != 1:
        lines.append(f"by the wall + {span(later / clock.rate)}")
    return "\n".join(lines)


def _way(one: ScenarioEvent) -> Iterator[str]:
    yield f"from {one.sender}" if one.sender else ""
    yield f"to {', '.join(one.to)}" if one.to else ""
    yield f"way: {one.via.replace('_', ' ')}"
    yield f"given by {one.controller}" if one.controller else ""
    yield f"objective {one.objective}" if one.objective else ""


def _fault(one: FaultPlan) -> str:
    lasts = f" for {one.lasts}" if one.lasts else " to the end"
    if one.channel:
        return f"fails: channel {one.channel}{lasts}"
    if one.person:
        return f"not reached: {one.person}{lasts}"
    return f"wrong clock: by {one.clock_skew}{lasts}" if one.clock_skew else "the worker starts anew"


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
    who = (("Evaluator", ", ".join(evaluators) or LINE), ("E-mail, telephone", LINE))
    yield fields((("Core capability", objective.capability), *who))
    rows = [_target(target) for target in objective.targets] or [_whole(objective, about.plan)]
    rows.append((f"{objective.id} as a whole: {objective.capability}", "", LINES, _LETTERS))
    yield table(("Target", "Critical tasks", "What was seen, and why this rating", "Rating"), rows)


def _target(one: Target) -> tuple[str, ...]:
    return (f"{one.id}: {one.text}", "\n".join(map(_action, one.tasks)), LINES, _LETTERS)


def _whole(objective: Objective, plan: Exercise) -> tuple[str, ...]:
    """Return a row for an objective without targets: what the scenario or the discussion has for it."""
    questions = [q.id for module in plan.modules for q in module.questions if q.objective == objective.id]
    tasks = [
        _action(each) for event in plan.events if event.objective == objective.id for each in event.expected
    ]
    tasks += [f"answers to {', '.join(questions)}"] if questions else []
    return (objective.text, "\n".join(tasks), LINES, _LETTERS)
