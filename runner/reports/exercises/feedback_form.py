"""The feedback form for participants: strengths, improvements and the quality of the exercise."""

from __future__ import annotations

from collections.abc import Iterator

from runner.documents.tree import Block, Document
from runner.incident.exercises.exercise_plan import DISCUSSION
from runner.reports.core.report_blocks import fields, heading, paragraph, table
from runner.reports.exercises.handbook import LINE, PARTS, Book, book

_BOX = "[\u00a0\u00a0]"
_WIDE = f"\n{LINE}{LINE[:8]}"
_ROWS = ("1", "2", "3")


def feedback_form(about: Book) -> Document:
    """Return the form as a document tree."""
    return book(about, "feedback", "Feedback form", _blocks(about))


def _blocks(about: Book) -> Iterator[Block]:
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
