"""The books of an exercise, made before it from its plan: what they share, which is how they are marked and what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

import msgspec

from runner.base.instants import parse_duration, parse_instant
from runner.documents.tree import Block, Document, Paragraph, RenderContext, Stationery, Strong, Text
from runner.incident.exercises.exercise_plan import DISCUSSION, Exercise, HseepRole, Participant
from runner.incident.state.exercise import LIVE
from runner.playbook.format import Playbook
from runner.reports.core.formatting import span
from runner.reports.core.header import clocked
from runner.reports.core.report_blocks import fields, heading, paragraph

TYPES: Mapping[str, str] = {
    "seminar": "Seminar: a discussion that makes people familiar with plans",
    "workshop": "Workshop: a discussion that makes something, as a plan",
    "ttx": "Tabletop: a discussion of a scenario, led by a facilitator",
    "game": "Game: a discussion in which sides decide, and see what follows",
    "drill": "Drill: one capability is played",
    "functional": "Functional: the whole playbook is played, and nothing leaves this machine",
    "full_scale": "Full-scale: the whole playbook is played, with everybody",
    LIVE: "Live communications: the playbook is played, and messages really leave to those who agreed",
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
    """What a book is made from."""

    plan: Exercise
    playbook: Playbook
    made_at: datetime
    """By the wall's clock."""
    zone: tzinfo
    """In which exercise time is read."""
    stationery: Stationery = Stationery()
    names: Mapping[str, str] = {}
    """What persons are called, where that is known."""

    def person(self, name: str) -> str:
        """Return what somebody is called."""
        return self.names.get(name) or name


def book(about: Book, name: str, title: str, blocks: Iterator[Block]) -> Document:
    """Return a book as a document: marked as an exercise's, with the plan's digest as its version."""
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
    """Return a paragraph that nobody overlooks."""
    return Paragraph((Strong((Text(text),)),))


def overview(about: Book) -> Iterator[Block]:
    """Yield what the exercise is, as far as everybody may know it."""
    plan, said = about.plan, about.plan.overview
    yield heading(2, "The exercise")
    yield fields(
        (
            ("Name", plan.name),
            ("Type", TYPES[plan.type]),
            ("Plan that is exercised", f"{about.playbook.title} ({about.playbook.name})"),
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
    return clocked(parse_instant(start), about.zone) if start else "the time by the wall's clock then"


def clock_words(plan: Exercise) -> str:
    """Say how exercise time goes."""
    if plan.type in DISCUSSION:
        return "No clock runs: the facilitator says what time it is in the scenario."
    if plan.clock.mode == "jump":
        return "Exercise time stands until a controller jumps to what comes next."
    if plan.clock.mode == "accelerated" and plan.clock.rate != 1:
        hour = span(timedelta(hours=1) / plan.clock.rate)
        faster = f"{plan.clock.rate:g} times as fast as the wall's"
        return f"Exercise time goes {faster}: an hour of it takes {hour}."
    return "Exercise time goes as fast as the wall's."


def emergency(plan: Exercise) -> Iterator[Block]:
    """Yield how a real emergency ends it."""
    able = " or ".join(PARTS[role].lower() for role in plan.safety.stop_authority)
    yield heading(2, "A real emergency")
    yield bold(f"Say: {plan.safety.real_world_word}. Then the exercise is over for everybody, at once.")
    yield paragraph(
        "Anybody may say it, and anybody may type: tocsin drill real-world. It freezes the exercise; what is real goes into a real "
        f"incident. Without an emergency the {able or 'exercise director'} may end the exercise early."
    )


def longest(plan: Exercise) -> str:
    """Return how long it takes at most, by the wall."""
    return span(parse_duration(plan.safety.max_wall_time))


def part(one: Participant) -> str:
    """Return as what somebody takes part, and in which role of the playbook."""
    return f"{PARTS[one.role]}: {one.plays}" if one.plays else PARTS[one.role]
