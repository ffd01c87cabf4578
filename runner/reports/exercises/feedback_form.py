"""The form on which everybody who took part says what was good, what is to be better, and how the exercise itself was."""

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
    """Return the form as a tree, to be written like any other document."""
    return book(about, "feedback", "Feedback form", _blocks(about))


def _blocks(about: Book) -> Iterator[Block]:
    plan = about.plan
    contact = plan.overview.contact or "a controller"
    yield paragraph(
        f"Right after EndEx, while it is fresh: fill it in, alone, and give it to {contact}. No name is needed. What it says goes into the "
        "after-action report without names."
    )
    parts = "\n".join(f"{_BOX} {part}" for part in PARTS.values())
    who = (("Name (may stay empty)", LINE), ("Organisation, department", LINE))
    yield fields((*who, ("I took part as", parts)))
    yield heading(2, "What went well")
    yield table(("No.", "What", "Whose work, which plan or tool"), [(row, _WIDE, _WIDE) for row in _ROWS])
    yield heading(2, "Improvements")
    heads = ("No.", "What, and its effect", "What should be done", "Who, by when")
    yield table(heads, [(row, _WIDE, _WIDE, f"\n{LINE[:12]}") for row in _ROWS])
    yield heading(2, "The exercise")
    yield paragraph("1: not at all. 5: fully. Leave empty what you cannot say.")
    statements = _statements(talked=plan.type in DISCUSSION)
    yield table(("", *"12345"), [(statement, *[_BOX] * 5) for statement in statements])
    yield heading(2, "What it was for")
    yield paragraph("After the exercise I could do my part in this on a real day:")
    goals = [f"{objective.id}: {objective.text}" for objective in plan.objectives]
    yield table(("", *"12345"), [(goal, *[_BOX] * 5) for goal in goals])
    yield heading(2, "Anything else")
    yield paragraph("\n".join([LINE * 3] * 4))


def _statements(*, talked: bool) -> Iterator[str]:
    yield "The scenario could happen here."
    yield "I knew what was expected of me, and what the rules were."
    yield "The right people took part."
    yield "The time was enough, and was well used."
    if talked:
        yield "Everybody had their say, and what was said was written down."
    else:
        yield "What happened was told clearly and at the right time."
        yield "The program showed me what to do next."
    yield "The plan that was exercised helped."
    yield "I would take part again."
