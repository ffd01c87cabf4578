"""The players' handbook (HSEEP: situation manual): how it begins, who plays what, the rules, and nothing of what will happen."""

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
    """Return the book as a tree, to be written like any other document."""
    known = replace(about, plan=open_to_players(about.plan))
    document = book(about, "handbook-players", "Players' handbook", iter(()))
    return replace(document, blocks=(*document.blocks, *_blocks(known)))


def open_to_players(plan: Exercise) -> Exercise:
    """Return the part of a plan that players may know: no event, module or question, and nothing that is rated.

    The book is made from this alone, so that nothing else can get into it.
    """
    return replace(
        plan,
        events=(),
        modules=(),
        facts=(),
        compromised=(),
        script=Behaviour(),
        objectives=tuple(replace(objective, targets=()) for objective in plan.objectives),
        participants=tuple(replace(participant, covers=()) for participant in plan.participants),
    )


def _blocks(about: Book) -> Iterator[Block]:
    plan = about.plan
    yield paragraph(
        "For everybody who takes part. It says how the exercise begins and how it is played. What will happen in it stands in the "
        "controllers' handbook, which players do not read."
    )
    if not plan.announced:
        yield bold("This exercise is not announced: nobody who plays is given this book before StartEx.")
    yield from overview(about)
    yield heading(2, "How it begins")
    yield paragraph(plan.overview.scenario or "A controller tells you at StartEx.")
    yield heading(2, "Objectives")
    rows = [(objective.id, objective.text, objective.capability) for objective in plan.objectives]
    yield table(("No.", "What the exercise is to show", "Core capability"), rows)
    yield from _people(about)
    yield heading(2, "Rules of play")
    yield bullets(_discussed(plan) if plan.type in DISCUSSION else _played(plan))
    yield from emergency(plan)
    yield heading(2, "Schedule")
    yield table(("When", "What"), list(_schedule(about)))


def _people(about: Book) -> Iterator[Block]:
    plan = about.plan
    yield heading(2, "Who plays what")
    rows = []
    for role, title in about.playbook.roles.items():
        players = ", ".join(about.person(one.person) for one in plan.participants if one.plays == role)
        rows.append((title.title or role, players or "whoever holds it on other days"))
    yield table(("Role of the playbook", "Played by"), rows)
    others = [(about.person(one.person), PARTS[one.role]) for one in plan.participants if not one.plays]
    if others:
        yield table(("Person", "Part"), others)
    yield bullets(
        (
            "Players do their work as on a real day.",
            "Controllers, or a facilitator, say what happens, and keep time. Ask them whatever is unclear.",
            "Simulators play everybody outside: authorities, press, customers, suppliers.",
            "Evaluators watch and write. They rate plans and means, not persons.",
            "Observers watch, and take no part.",
        )
    )


def _played(plan: Exercise) -> Iterator[str]:
    yield "Do what you would do on a real day, with the same program: its steps, clocks, approvals and documents are the real ones."
    yield "What a controller tells you and what the program shows is so. Do not argue with the scenario, and do not guess what comes."
    if plan.live:
        yield "Messages really leave, to those who agreed to it and to nobody else. Each says that it is an exercise."
    else:
        yield (
            "No message leaves this machine. Those to you: tocsin message list; one of them, with the code by which you acknowledge: "
            "tocsin message show DELIVERY; and then: tocsin ack CODE."
        )
    yield "Call or write to nobody outside. Where you would, tell a controller: a simulator answers."
    yield "Change nothing on real systems. Say what you would do, and then mark the step as done."
    yield f"Whatever you write or say for the exercise begins and ends with: {plan.marking}."
    yield clock_words(plan) + " Whatever is due, legal clocks too, counts by it."


def _discussed(plan: Exercise) -> Iterator[str]:
    yield "People talk, and nothing is sent. The facilitator reads what has happened by then, and asks."
    yield "Answer with what you have today: today's plans, people, numbers and keys. Nobody is tested, and different answers are welcome."
    yield "Take the scenario as it is, also where you would expect it otherwise."
    yield "Answers are written down, with who gave them. A question without an answer is as valuable: it shows what to improve."
    yield f"Whatever is written for the exercise is marked: {plan.marking}."
    yield clock_words(plan)


def _schedule(about: Book) -> Iterator[tuple[str, str]]:
    plan = about.plan
    talk = plan.type in DISCUSSION
    yield LINE, "Briefing: the rules, the real emergency, who does what"
    yield LINE, f"StartEx. In the exercise it is then: {started(about)}"
    yield (
        "from StartEx",
        "The discussion" if talk else "Play. PauseEx and ResumeEx stop time and let it go on",
    )
    yield f"at the latest {longest(plan)} after StartEx", "EndEx: everybody stops playing"
    yield "right after EndEx", "Hot wash: what went well, what did not. Everybody fills in a feedback form"
    yield LINE, "After-action meeting: action items, owners, dates"
