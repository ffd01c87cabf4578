"""Actions as rows of a screen: the time first, then the task and its person, then the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.formatting import call_words, remaining
from runner.reports.core.page import Cell, Cells, Row, arrow

_FIRST: Mapping[str, str] = {
    "containment": "now",
    "organisation_unknown": "answer",
    "outcome_unknown": "check now",
    "stuck": "blocked",
    "rejected": "rejected",
    "unreachable": "call now",
    "acknowledge": "acknowledge",
    "no_war_room": "agree now",
    "no_outcome": "check now",
    "not_worked": "no worker",
    "duty_reopened": "again",
    "duty_claimed": "confirm",
    "duty_to_file": "file",
    "filed_unsigned": "approve",
    "filing_differs": "correct",
    "notice_stale": "generate",
    "paused": "paused",
    "set_aside": "stopped",
    "fact_missing": "answer",
    "role_unheld": "assign",
    "alternate_missing": "assign",
    "unconfirmed": "confirm",
    "second_person": "confirm",
    "exposed": "ask again",
    "bulk_paused": "paused",
    "bulk_unknown": "check now",
    "bulk_planned": "send",
    "bulk_idle": "not sending",
    "bulk_left": "not notified",
    "letters_waiting": "letters",
    "substitute_notice": "decide",
    "exercise_over": "close",
}
"""Text of the first column without a deadline."""
_LOUD = frozenset({"organisation_unknown", "outcome_unknown", "unreachable", "exposed", "set_aside"})


def attention_row(item: AttentionItem, now: datetime) -> Row:
    """Return one required action as a row."""
    call = call_words(item.person, item.ref) if item.kind == "unreachable" else ()
    details: tuple[Cells, ...] = tuple((one,) for one in call)
    return Row(first=first_cell(item, now), cells=_what(item.text, item.who), details=(*details, _how(item)))


def attention_rows(items: Sequence[AttentionItem], now: datetime) -> list[Row]:
    """Return required actions as rows, in their order."""
    return [attention_row(item, now) for item in items]


def first_cell(item: AttentionItem, now: datetime) -> Cell:
    """Return the time left, in red when overdue; without a deadline, the verb."""
    if item.due is not None:
        return Cell(remaining(item.due, now), "alarm" if item.due <= now else "title")
    return Cell(_FIRST.get(item.kind, "to do"), "alarm" if item.kind in _LOUD else "title")


def _what(text: str, who: str) -> Cells:
    return (text, f" · {who}") if who else (text,)


def _how(item: AttentionItem) -> Cells:
    return (item.detail, arrow(item.action)) if item.detail else (arrow(item.action, ""),)
