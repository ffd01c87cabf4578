"""Exercise handbooks: their shared parts, the players' handbook, and the feedback form.

The players' handbook (HSEEP: situation manual) has start, roles and rules, without the scenario. The feedback form asks
participants for strengths, improvements and the quality of the exercise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

import msgspec
from msgspec.structs import replace

from runner.base.instants import parse_duration, parse_instant
from runner.documents.tree import Block, Document, Paragraph, RenderContext, Stationery, Strong, Text
from runner.incident.exercises.exercise_plan import DISCUSSION, Exercise, HseepRole, Participant
from runner.incident.state.exercise import LIVE
from runner.playbook.format import Playbook
from runner.playbook.playbook_test import Behaviour
from runner.reports.core.formatting import span
from runner.reports.core.header import clocked
from runner.reports.core.report_blocks import bullets, fields, heading, paragraph, table

TYPES: Mapping[str, str] = {
    "seminar": "Seminar: a discussion that explains plans",
    "workshop": "Workshop: a discussion that creates a product, for example a plan",
    "ttx": "Tabletop: a discussion of a scenario, led by a facilitator",
    "game": "Game: a discussion in which teams decide and see the consequences",
    "drill": "Drill: an exercise of one capability",
    "functional": "Functional: an exercise of the whole playbook with simulated messages",
    "full_scale": "Full-scale: an exercise of the whole playbook with all people",
    LIVE: "Live communications: an exercise with real messages to people who consented",
}
PARTS: Mapping[HseepRole, str] = {
    "director": "Exercise director",
    "lead_controller": "Lead controller",
    "controller": "Controller",
    "facilitator": "Facilitator",
    "evaluator": "Evaluator",
    "simulator": "Simulator (simulation cell)",
    "player": "Player",
    "observer": "Observer",
}
LINE = "_" * 20
LINES = "\n".join([LINE] * 4)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The source data of a handbook."""

    plan: Exercise
    playbook: Playbook
    made_at: datetime
    """Real time."""
    zone: tzinfo
    """The time zone of exercise time."""
    stationery: Stationery = Stationery()
    names: Mapping[str, str] = {}
    """Person → display name, if known."""

    def person(self, name: str) -> str:
        """Return the display name of a person."""
        return self.names.get(name) or name


def book(about: Book, name: str, title: str, blocks: Iterator[Block]) -> Document:
    """Return a handbook as a document, with the exercise marking and the plan digest as its version."""
    plan = about.plan
    return Document(
        id=f"{name}-{plan.name}",
        version=hashlib.sha256(msgspec.json.encode(plan)).hexdigest()[:12],
        template_sha256="",
        title=f"{title}: {plan.title}",
        language="en",
        context=RenderContext(
            status="final",
            kind="exercise",
            timestamp=about.made_at,
            language="en",
            stationery=about.stationery,
        ),
        blocks=(heading(1, f"{title}: {plan.title}"), bold(plan.marking), *blocks),
    )


def bold(text: str) -> Paragraph:
    """Return a bold paragraph."""
    return Paragraph((Strong((Text(text),)),))


def overview(about: Book) -> Iterator[Block]:
    """Yield the public overview of the exercise."""
    plan, said = about.plan, about.plan.overview
    yield heading(2, "The exercise")
    yield fields(
        (
            ("Name", plan.name),
            ("Type", TYPES[plan.type]),
            ("Exercised plan", f"{about.playbook.title} ({about.playbook.name})"),
            ("StartEx (exercise time)", started(about)),
            ("Scope", said.scope),
            ("Mission areas", ", ".join(said.mission_areas)),
            ("Core capabilities", ", ".join(dict.fromkeys(each.capability for each in plan.objectives))),
            ("Threat or hazard", said.threat),
            ("Sponsor", said.sponsor),
            ("Participating organisations", ", ".join(said.organizations)),
            ("Point of contact", said.contact),
        )
    )


def started(about: Book) -> str:
    """Return the instant of exercise time at StartEx."""
    start = about.plan.clock.start
    return clocked(parse_instant(start), about.zone) if start else "the real time at StartEx"


def clock_words(plan: Exercise) -> str:
    """Return the description of exercise time."""
    if plan.type in DISCUSSION:
        return "The exercise has no clock. The facilitator announces the scenario time."
    if plan.clock.mode == "jump":
        return "Exercise time is paused until a controller jumps to the next inject."
    if plan.clock.mode == "accelerated" and plan.clock.rate != 1:
        hour = span(timedelta(hours=1) / plan.clock.rate)
        return f"Exercise time runs {plan.clock.rate:g} times as fast as real time: 1 exercise hour takes {hour}."
    return "Exercise time runs at the speed of real time."


def emergency(plan: Exercise) -> Iterator[Block]:
    """Yield the procedure for a real emergency."""
    able = " or ".join(PARTS[role].lower() for role in plan.safety.stop_authority)
    yield heading(2, "A real emergency")
    yield bold(f"Say: {plan.safety.real_world_word}. The exercise then ends immediately for all people.")
    yield paragraph(
        "Any person may say this phrase, and any person may run: tocsin drill real-world. The command freezes the exercise. Open a real "
        f"incident for the emergency. Without an emergency, the {able or 'exercise director'} may end the exercise early."
    )


def longest(plan: Exercise) -> str:
    """Return the maximum duration in real time."""
    return span(parse_duration(plan.safety.max_wall_time))


def ends(plan: Exercise) -> str:
    """Return when the exercise ends by itself."""
    at = plan.ends
    when = (
        f"after step {at.after}" if at is not None and at.after else "",
        f"at StartEx + {at.at}" if at is not None and at.at else "",
        f"{longest(plan)} (real time) after StartEx",
    )
    return " or ".join(filter(None, when))


def part(one: Participant) -> str:
    """Return the exercise part and the playbook role of a participant."""
    return f"{PARTS[one.role]}: {one.plays}" if one.plays else PARTS[one.role]


def players_book(about: Book) -> Document:
    """Return the handbook as a document tree."""
    known = replace(about, plan=open_to_players(about.plan))
    document = book(about, "handbook-players", "Players' handbook", iter(()))
    return replace(document, blocks=(*document.blocks, *_player_blocks(known)))


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


def _player_blocks(about: Book) -> Iterator[Block]:
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


_BOX = "[\u00a0\u00a0]"
_WIDE = f"\n{LINE}{LINE[:8]}"
_ROWS = ("1", "2", "3")


def feedback_form(about: Book) -> Document:
    """Return the form as a document tree."""
    return book(about, "feedback", "Feedback form", _feedback_blocks(about))


def _feedback_blocks(about: Book) -> Iterator[Block]:
    plan = about.plan
    contact = plan.overview.contact or "a controller"
    yield paragraph(
        f"Complete this form alone, immediately after EndEx. Return the form to {contact}. Your name is optional. The after-action report "
        "uses the answers without names."
    )
    parts = "\n".join(f"{_BOX} {part}" for part in PARTS.values())
    who = (("Name (optional)", LINE), ("Organisation, department", LINE))
    yield fields((*who, ("Role in the exercise", parts)))
    yield heading(2, "Strengths")
    yield table(("No.", "Strength", "Person, plan or tool"), [(row, _WIDE, _WIDE) for row in _ROWS])
    yield heading(2, "Improvements")
    heads = ("No.", "Issue and effect", "Corrective action", "Owner and date")
    yield table(heads, [(row, _WIDE, _WIDE, f"\n{LINE[:12]}") for row in _ROWS])
    yield heading(2, "The exercise")
    yield paragraph("1: not at all. 5: fully. Leave a row empty if you have no answer.")
    statements = _statements(talked=plan.type in DISCUSSION)
    yield table(("", *"12345"), [(statement, *[_BOX] * 5) for statement in statements])
    yield heading(2, "Objectives")
    yield paragraph("After the exercise, I could do my part in a real incident:")
    goals = [f"{objective.id}: {objective.text}" for objective in plan.objectives]
    yield table(("", *"12345"), [(goal, *[_BOX] * 5) for goal in goals])
    yield heading(2, "Other comments")
    yield paragraph("\n".join([LINE * 3] * 4))


def _statements(*, talked: bool) -> Iterator[str]:
    yield "The scenario was realistic."
    yield "I knew my tasks and the rules."
    yield "The right people took part."
    yield "The time was sufficient and well used."
    if talked:
        yield "Every person could speak, and the answers were recorded."
    else:
        yield "The injects were clear and timely."
        yield "Tocsin showed me my next task."
    yield "The exercised plan was useful."
    yield "I would take part again."
