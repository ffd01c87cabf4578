"""The shared parts of the exercise handbooks: marking, overview, clock and emergency."""

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
