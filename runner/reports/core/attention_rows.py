"""Required actions as rows of a screen: the time first, then the task and its person, then the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from runner.actions import Action
from runner.reports.core.formatting import call_words, remaining
from runner.reports.core.page import Cell, Cells, Row, arrow
from runner.reports.core.suggested_actions import as_shown


class Required(Protocol):
    """A required action, from any source."""

    @property
    def kind(self) -> str:
        """As in ``needs_attention``, or ``ready``."""

    @property
    def ref(self) -> str:
        """Its subject, such as a delivery."""

    @property
    def text(self) -> str:
        """Its title."""

    @property
    def who(self) -> str:
        """The people who do it."""

    @property
    def detail(self) -> str:
        """Its progress, or what depends on it."""

    @property
    def due(self) -> datetime | None:
        """Its deadline."""

    @property
    def person(self) -> str:
        """The person to reach; empty in other actions."""

    @property
    def action(self) -> Action:
        """The command for it."""


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


def attention_row(item: Required, now: datetime) -> Row:
    """Return one required action as a row."""
    call = call_words(item.person, item.ref) if item.kind == "unreachable" else ()
    details: tuple[Cells, ...] = tuple((one,) for one in call)
    return Row(first=first_cell(item, now), cells=_what(item.text, item.who), details=(*details, _how(item)))


def attention_rows(items: Sequence[Required], now: datetime) -> list[Row]:
    """Return required actions as rows, in their order."""
    return [attention_row(item, now) for item in items]


def first_cell(item: Required, now: datetime) -> Cell:
    """Return the time left, in red when overdue; without a deadline, the verb."""
    if item.due is not None:
        return Cell(remaining(item.due, now), "alarm" if item.due <= now else "title")
    if item.kind == "ready":
        return Cell("to do", "title")
    return Cell(_FIRST.get(item.kind, "to do"), "alarm" if item.kind in _LOUD else "title")


def _what(text: str, who: str) -> Cells:
    return (text, f" · {who}") if who else (text,)


def _how(item: Required) -> Cells:
    action = as_shown(item.action)
    return (item.detail, arrow(action)) if item.detail else (arrow(action, ""),)
