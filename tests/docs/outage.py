"""The picture of a messenger that is down worldwide: who was reached over what, drawn from a run.

``make golden`` plays ``messenger_down`` and writes ``docs/_static/outage.svg``; a test compares it with
what happens today.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape

from tests.docs.consoles import ROOT
from tests.docs.messenger_down import ABOVE, MINUTE, OPENED, RESPONDERS, STAND_IN, Attempt, Course, Story

PICTURE = ROOT / "docs" / "_static" / "outage.svg"
ALT = (
    "Six people are told over a messenger at 14:00. At 14:02 it fails: everybody who has not answered is told by text message "
    "in the same minute. One does not answer: his stand-in, the commander, and at last a telephone call."
)
PEOPLE = (*RESPONDERS, STAND_IN, ABOVE)
WHO = {STAND_IN: "gil, stands in", ABOVE: "hana, commander"}
LEFT, TOP, ROW, LANE, WIDE = 140, 64, 44, 10, 24
"""The first minute and the first row; between rows, lanes of a row and minutes."""
LAST = 30
INK, PALE, TAKEN, TEXT, FAILED, ANSWERED = "#24292f", "#d0d7de", "#0969da", "#bf8700", "#cf222e", "#1a7f37"
NEXT_TO = 11
"""What happened in one minute stands side by side."""


def draw(story: Story) -> str:
    """Return the story as SVG; it refers to nothing outside itself."""
    width, height = LEFT + LAST * WIDE + 30, TOP + len(PEOPLE) * ROW + 56
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="13">'
    )
    parts = [
        head,
        f"<title>{escape(ALT)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    parts += _ground(story, height)
    for course in story.courses:
        parts += _course(course, _over(story, course.step))
    return "\n".join((*parts, *_legend(height), "</svg>")) + "\n"


def _ground(story: Story, height: int) -> Iterator[str]:
    """Draw the outage, the minutes and the people."""
    bottom, begin = height - 56, _x(min(story.down.values()))
    wide = _x(OPENED + LAST * MINUTE) - begin
    yield f'<rect x="{begin}" y="{TOP - 26}" width="{wide}" height="{bottom - TOP + 26}" fill="#ffebe9"/>'
    yield _words(begin + 6, TOP - 10, "the messenger is down: nothing but probes is sent over it", FAILED)
    for minute in range(0, LAST + 1, 2):
        at = OPENED + minute * MINUTE
        yield f'<path d="M{_x(at)} {TOP - 26}V{bottom}" stroke="{PALE}" stroke-width="0.5"/>'
        if minute % 4 == 2 or minute == 0:
            yield _words(_x(at) - 16, TOP - 34, f"{at:%H:%M}", INK)
    for person in PEOPLE:
        yield _words(10, _y(person) + 4, WHO.get(person, person), INK)


def _over(story: Story, step: str) -> datetime:
    """Return when the last of those for whom a message was meant had answered it: then nobody is asked any more."""
    return max(
        course.answered for course in story.courses if course.step == step and course.answered is not None
    )


def _course(course: Course, over: datetime) -> Iterator[str]:
    """Draw one message to one person: from the first attempt to the answer."""
    if not course.attempts:
        return
    y = _y(course.person) + (LANE if course.step == "call" else -LANE)
    begin, end = course.attempts[0].at, course.answered or over
    yield f'<path d="M{_x(begin)} {y}H{_x(end)}" stroke="{INK}" stroke-opacity="0.35" stroke-width="2"/>'
    before: dict[datetime, int] = {}
    for attempt in course.attempts:
        aside = before.get(attempt.at, 0)
        before[attempt.at] = aside + 1
        yield _mark(attempt, _x(attempt.at) + aside * NEXT_TO, y)
    if course.answered is not None:
        x = _x(course.answered) + before.get(course.answered, 0) * NEXT_TO
        yield _check(x, y)
        if course.telephoned:
            yield _words(x + 12, y + 4, "telephone", ANSWERED)


def _mark(attempt: Attempt, x: int, y: int) -> str:
    if attempt.state != "accepted":
        return _cross(x, y)
    return _dot(x, y) if attempt.channel == "messenger" else _square(x, y)


def _dot(x: int, y: int) -> str:
    return f'<circle cx="{x}" cy="{y}" r="4.5" fill="{TAKEN}"/>'


def _square(x: int, y: int) -> str:
    return f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="{TEXT}"/>'


def _cross(x: int, y: int) -> str:
    return f'<path d="M{x - 4} {y - 4}l8 8m0 -8l-8 8" stroke="{FAILED}" stroke-width="2.5"/>'


def _check(x: int, y: int) -> str:
    return f'<path d="M{x - 4} {y}l3 4l6 -9" stroke="{ANSWERED}" stroke-width="2.5" fill="none"/>'


def _legend(height: int) -> Iterator[str]:
    y = height - 20
    kinds = (
        (_dot, "taken by the messenger"),
        (_cross, "the messenger failed"),
        (_square, "taken as a text message"),
        (_check, "answered"),
    )
    for n, (mark, words) in enumerate(kinds):
        yield mark(16 + n * 190, y)
        yield _words(28 + n * 190, y + 4, words, INK)


def _words(x: int, y: int, words: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}">{escape(words)}</text>'


def _x(at: datetime) -> int:
    return LEFT + round((at - OPENED) / MINUTE * WIDE)


def _y(person: str) -> int:
    return TOP + PEOPLE.index(person) * ROW + ROW // 2
