"""The players' handbook (HSEEP: situation manual): start, roles and rules, without the scenario."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from runner.documents.tree import Block, Document
from runner.incident.exercises.exercise_plan import DISCUSSION, Exercise
from runner.playbook.playbook_test import Behaviour
from runner.reports.core.report_blocks import bullets, heading, paragraph, table
from runner.reports.exercises.handbook import (
    LINE,
    PARTS,
    Book,
    bold,
    book,
    clock_words,
    emergency,
    longest,
    overview,
    started,
)


def players_book(about: Book) -> Document:
    """Return the handbook as a document tree."""
    known = replace(about, plan=open_to_players(about.plan))
    document = book(about, "handbook-players", "Players' handbook", iter(()))
    return replace(document, blocks=(*document.blocks, *_blocks(known)))


def open_to_players(plan: Exercise) -> Exercise:
    """Return the plan without scenario events, modules, questions and targets.

    The handbook uses only this part, so it cannot contain hidden content.
    """
    return replace(
        plan,
        events=(),
        modules=(),
        facts=(),
        compromised=(),
        ends=None,
        script=Behaviour(),
        objectives=tuple(replace(objective, targets=()) for objective in plan.objectives),
        participants=tuple(replace(participant, covers=()) for participant in plan.participants),
    )


def _blocks(about: Book) -> Iterator[Block]:
    plan = about.plan
    yield paragraph(
        "This handbook is for all participants. It explains the start and the rules of the exercise. The scenario is in the controllers' "
        "handbook. Players do not read the controllers' handbook."
    )
    if not plan.announced:
        yield bold("This exercise is not announced. Do not give this handbook to players before StartEx.")
    yield from overview(about)
    yield heading(2, "Start of the exercise")
    yield paragraph(plan.overview.scenario or "A controller explains the situation at StartEx.")
    yield heading(2, "Objectives")
    rows = [(objective.id, objective.text, objective.capability) for objective in plan.objectives]
    yield table(("No.", "Objective", "Core capability"), rows)
    yield from _people(about)
    yield heading(2, "Rules of play")
    yield bullets(_discussed(plan) if plan.type in DISCUSSION else _played(plan))
    yield from emergency(plan)
    yield heading(2, "Schedule")
    yield table(("Time", "Activity"), list(_schedule(about)))


def _people(about: Book) -> Iterator[Block]:
    plan = about.plan
    yield heading(2, "Roles")
    rows = []
    for role, title in about.playbook.roles.items():
        players = ", ".join(about.person(one.person) for one in plan.participants if one.plays == role)
        rows.append((title.title or role, players or "the usual person"))
    yield table(("Playbook role", "Player"), rows)
    others = [(about.person(one.person), PARTS[one.role]) for one in plan.participants if not one.plays]
    if others:
        yield table(("Person", "Part"), others)
    yield bullets(
        (
            "Players do their work as in a real incident.",
            "Controllers or a facilitator release the injects and control time. Ask a controller or facilitator if a point is unclear.",
            "Simulators play external people: authorities, press, customers, suppliers.",
            "Evaluators observe and record. Evaluators rate plans and resources, not people.",
            "Observers watch only.",
        )
    )


def _played(plan: Exercise) -> Iterator[str]:
    yield "Act as in a real incident, with the same program. Tasks, deadlines, approvals and documents work as in a real incident."
    yield "Accept the information from controllers and from Tocsin. Do not dispute the scenario. Do not guess the next inject."
    if plan.live:
        yield "Tocsin sends real messages only to people who consented. Each message is marked as an exercise."
    else:
        yield (
            "No message leaves this machine. To list your messages: tocsin message list. To read a message with its code: "
            "tocsin message show DELIVERY. To acknowledge: tocsin ack CODE."
        )
    yield "Do not call or write to external people. Tell a controller instead, and a simulator answers."
    yield "Do not change real systems. Describe your action, then mark the task as done."
    yield f"Begin and end every exercise message and call with: {plan.marking}."
    yield clock_words(plan) + " All deadlines use exercise time, including legal deadlines."


def _discussed(plan: Exercise) -> Iterator[str]:
    yield "This is a discussion: Tocsin sends no messages. The facilitator reads the situation and asks questions."
    yield "Answer with the plans, people, numbers and keys that exist today. This is not a test of people. Different answers are welcome."
    yield "Accept the scenario, even if you expect a different course."
    yield "Answers are recorded with names. A question without an answer is also useful: it shows a need for improvement."
    yield f"Mark all exercise documents: {plan.marking}."
    yield clock_words(plan)


def _schedule(about: Book) -> Iterator[tuple[str, str]]:
    plan = about.plan
    talk = plan.type in DISCUSSION
    yield LINE, "Briefing: rules, real emergency, roles"
    yield LINE, f"StartEx. Exercise time: {started(about)}"
    yield (
        "from StartEx",
        "Discussion" if talk else "Play. PauseEx and ResumeEx pause and resume exercise time",
    )
    yield f"at most {longest(plan)} after StartEx", "EndEx: all players stop"
    yield (
        "immediately after EndEx",
        "Hot wash: strengths and improvements. All participants complete a feedback form",
    )
    yield LINE, "After-action meeting: action items, owners, dates"
