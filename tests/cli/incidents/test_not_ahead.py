"""Past events cannot be in the future: such an instant is refused with the next action."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import DUTY, noticed, rendered

NOW, AHEAD = "2026-11-24T09:00:00Z", "2026-11-25T09:00:00Z"


def history(desk: AtDesk, key: str) -> list[str]:
    """Return what was said about a fact."""
    found = desk("fact", "history", key, "--format", "json").json["history"]
    return [one["value"] for one in found]


def test_a_fact_that_has_happened_is_not_set_in_the_future(incident: AtDesk) -> None:
    said = incident("fact", "set", f"incident.aware_at={AHEAD}", "--source", "ticket")
    assert (said.code, said.error, "incident.aware_at" in said.err) == (1, "ahead", True)
    assert set(re.findall(r"[\d-]{10}T[\d:]{8}Z", said.err)) == {AHEAD, NOW}
    assert history(incident, "incident.aware_at") == []


@pytest.mark.parametrize(
    "key", ["incident.individual_notice_sent_at.DE", "incident.stage_submitted_at.eu-nis2-23/early-warning"]
)
def test_an_entry_of_a_map_is_looked_at_as_well(incident: AtDesk, key: str) -> None:
    said = incident("fact", "set", f"{key}={AHEAD}", "--source", "plan")
    assert (said.code, said.error) == (1, "ahead")


@pytest.mark.parametrize("key", ["law_enforcement.hold.until", "incident.individual_notice_planned_at"])
def test_facts_about_planned_events_may_be_in_the_future(incident: AtDesk, key: str) -> None:
    incident.done("fact", "set", f"{key}={AHEAD}", "--source", "letter of the police")
    assert history(incident, key) == [AHEAD]


def test_clocks_that_differ_by_minutes_are_no_future(incident: AtDesk) -> None:
    incident.done("fact", "set", "incident.contained_at=2026-11-24T09:04:59Z", "--source", "another machine")
    said = incident("fact", "set", "incident.aware_at=2026-11-24T09:05:01Z", "--source", "another machine")
    assert (said.code, said.error) == (1, "ahead")


def test_an_answer_in_the_future_is_refused(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "asking.yaml"
    path.write_text(ASKING, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    said = tocsin("answer", "when", AHEAD)
    assert (said.code, said.error) == (1, "ahead")
    tocsin.done("answer", "when", "2026-11-24T08:00:00Z")


def test_an_incident_is_not_opened_with_a_fact_in_the_future(
    tocsin: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    said = tocsin("open", str(playbook), "--yes", "--fact", f"incident.detected_at={AHEAD}")
    assert (said.code, said.error, "incident.detected_at" in said.err) == (1, "ahead", True)
    facts = tmp_path / "facts.yaml"
    facts.write_text(f"schema: tocsin/facts/v1\nincident: {{aware_at: {AHEAD}}}\n", encoding="utf-8")
    said = tocsin("open", str(playbook), "--yes", "--facts", str(facts))
    assert (said.code, said.error, "incident.aware_at" in said.err) == (1, "ahead", True)
    assert tocsin("list", "--format", "json").json["incidents"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("record-filed", DUTY, "--reference", "A-1"),
        ("decide", DUTY, "--not-to-notify", "--reason", "no risk", "--ground", "none", "--as", "jonas"),
    ],
    ids=lambda words: words[0],
)
def test_a_duty_record_in_the_future_is_refused(
    tocsin: AtDesk, tmp_path: Path, words: tuple[str, ...]
) -> None:
    desk = noticed(tocsin, tmp_path)
    said = desk("duty", *words, "--at", AHEAD)
    assert (said.code, said.error, DUTY in said.err) == (1, "ahead", True)
    assert set(re.findall(r"[\d-]{10}T[\d:]{8}Z", said.err)) == {AHEAD, NOW}
    desk.clock.advance(timedelta(days=1))
    text = (
        ("--digest", rendered(desk)["digest"], "--reason", "by phone") if words[0] == "record-filed" else ()
    )
    desk.done("duty", *words, "--at", AHEAD, *text)


ASKING = """\
schema: tocsin/playbook/v1
name: asking
version: 1.0.0
title: Asking
roles: {commander: {title: Incident commander}}
steps:
  - {id: when, ask: "When was it noticed?", sets: incident.detected_at, role: commander}
"""
