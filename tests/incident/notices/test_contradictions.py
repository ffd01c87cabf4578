"""Facts, texts and lists that cannot all be true are contradictions; what can be true is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.facts.vocabulary.register import Fact
from runner.incident.notices.verification import contradictions, items_of, questions
from runner.incident.state.documents import Document
from runner.incident.state.incident import Incident

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)
PLACE = "people.by_jurisdiction."
PLANNED, SENT = "incident.individual_notice_planned_at", "incident.individual_notice_sent_at.US-MA"


def having(facts: dict[str, Any], *documents: Document) -> Incident:
    """An incident with facts and generated notices."""
    return Incident(
        id="i-1",
        codename="amber-falcon",
        title="x",
        kind="real",
        opened_at=AT,
        facts={path: Fact(key=path, value=value, at=AT) for path, value in facts.items()},
        documents={one.id: one for one in documents},
    )


def text(*facts: str, files: tuple[str, ...] = ("txt",), aware: tuple[str, ...] = ()) -> Document:
    """A generated notice that read some facts."""
    return Document(
        id="draft/sheet",
        step="draft",
        notice="sheet",
        version="1.0.0",
        digest="sha256:1",
        files=dict.fromkeys(files, "0"),
        gaps=(),
        facts=dict.fromkeys(facts, 1),
        duty="us-ma-breach/attorney_general",
        status="final",
        at=AT,
        by="",
        aware=aware,
    )


def codes(incident: Incident) -> list[str]:
    return [one.code for one in contradictions(incident)]


@pytest.mark.parametrize(
    ("places", "total", "wrong"),
    [
        ({"US": 500, "US-MA": 100}, 500, False),
        ({"US": 500, "US-MA": 400, "US-TX": 200}, None, True),
        ({"US": 500, "US-MA": 100}, 400, True),
        ({"US-MA": 100, "US-TX": 200}, 300, False),
        ({"EU": 900, "DE": 500, "FR": 400}, 900, False),
        ({"EU": 900, "DE": 500, "FR": 500}, None, True),
        ({"EU": 900, "DE": 500, "US": 200}, 1_000, True),
        ({"EU": 900, "DE": 500, "US": 100}, 1_000, False),
        ({"DE": 10, "DE-BE": 12}, None, True),
        ({"EU": 30, "DE-BE": 12, "DE": 10, "FR": 19}, None, True),
    ],
)
def test_a_place_counts_with_its_parts_once(places: dict[str, int], total: int | None, wrong: bool) -> None:
    facts = {f"{PLACE}{place}": people for place, people in places.items()}
    found = codes(having(facts if total is None else {**facts, "people.total": total}))
    assert bool(found) is wrong
    assert set(found) <= {"places_over_total"}


def test_a_sample_letter_of_another_day_than_the_notice_that_encloses_it_blocks() -> None:
    both = text(PLANNED, SENT, files=("txt", "enclosure-1.txt"))
    days = {PLANNED: "2026-11-28T09:00:00Z", SENT: "2026-12-01T09:00:00Z"}
    one = having(days, both)
    assert codes(one) == ["mail_dates"]
    assert len(items_of(one, both)) == 1
    assert codes(having({**days, SENT: "2026-11-28T15:00:00Z"}, both)) == []
    assert codes(having(days, text(SENT))) == [], "no letter is enclosed"


def test_a_notice_dated_before_the_letters_that_it_calls_sent_blocks() -> None:
    dated = "incident.dated_at.us-ma-breach/attorney_general"
    sheet = text(SENT, dated)
    days = {dated: "2026-11-28T09:00:00Z", SENT: "2026-12-01T09:00:00Z"}
    assert codes(having(days, sheet)) == ["mail_dates"]
    assert codes(having({**days, dated: "2026-12-02T09:00:00Z"}, sheet)) == []


@pytest.mark.parametrize(
    ("said", "code", "asked"),
    [
        ("Files of twelve thousand people were copied.", ["prose_and_facts"], 0),
        ("Files of twelve thousand four hundred people were copied.", [], 0),
        ("Files of twenty-one million customers.", ["prose_and_facts"], 0),
        ("Files of 13 thousand people.", ["prose_and_facts"], 0),
        ("Files of 12.4 thousand people.", [], 0),
        ("Two employees told one customer.", [], 1),
    ],
)
def test_numbers_in_words_are_compared(said: str, code: list[str], asked: int) -> None:
    one = having({"people.total": 12_400, "incident.summary": said})
    assert (codes(one), len(list(questions(one)))) == (code, asked)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Somebody read files on 23 November 2026.", 1),
        ("Somebody read files on November 23.", 1),
        ("Somebody read files on 23 Nov 2026.", 1),
        ("Somebody read files from 23 to 25 November 2026.", 0),
        ("Somebody read files on 23–25 Nov 2026.", 0),
        ("Between November 23 and November 25 somebody read files.", 0),
        ("Somebody read files on November 23-25, 2026.", 0),
    ],
)
def test_one_day_in_prose_is_asked_if_the_incident_lasted_longer(said: str, asked: int) -> None:
    days = {"incident.started_at": "2026-11-23T09:00:00Z", "incident.ended_at": "2026-11-25T09:00:00Z"}
    one = having({**days, "incident.summary": said})
    assert (codes(one), len(list(questions(one)))) == ([], asked)


def test_a_day_outside_the_incident_blocks() -> None:
    days = {"incident.started_at": "2026-11-23T09:00:00Z", "incident.ended_at": "2026-11-25T09:00:00Z"}
    assert codes(having({**days, "incident.occurred_at": "2026-11-21T09:00:00Z"})) == ["days_of_incident"]
    assert codes(having({**days, "incident.occurred_at": "2026-11-24T09:00:00Z"})) == []


def test_a_date_of_awareness_that_has_two_readings_is_verified_by_a_person() -> None:
    said = text(aware=("05/11/2026",))
    one = having({"incident.aware_at": "2026-11-27T09:00:00Z"}, said)
    assert codes(one) == []
    assert len(items_of(one, said)) == 1
