"""An after-action report says what the journal says: whole, against golden files, and number by number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runner.incident.state.events import AnyEvent, DutyRecorded, decode
from runner.incident.state.exercise import ExerciseClockSet, InjectReleased
from runner.incident.state.messages import AttemptEnded, AttemptStarted, EvidenceRaised
from runner.store.port import StoredEvent
from tests.cli.at_desk import AtDesk
from tests.cli.exercises import reported
from tests.golden_files import FOLDER, same


@pytest.fixture
def exercise(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A machine with the exercise, played to its end."""
    reported.played(reported.staffed(tocsin), tmp_path)
    return tocsin


@pytest.fixture
def real(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A machine with the real incident, closed."""
    reported.worked(reported.staffed(tocsin, down=True), tmp_path)
    return tocsin


def written(tocsin: AtDesk, kind: str, out: Path) -> tuple[dict[str, str], Any, str]:
    """Write the report; return its text by format, what the program answered, and that as text."""
    verb = ("report",) if kind == "real" else ("drill", "report")
    said = tocsin(*verb, "-i", "amber-falcon", "--to", "md,html", "--out", str(out), "--format", "json")
    assert said.code == 0, said.err
    reports = [Path(file["path"]) for file in said.json["files"] if not file["notice"].endswith("-journal")]
    return {report.suffix[1:]: report.read_text(encoding="utf-8") for report in reports}, said.json, said.out


def compared(name: str, text: str, folder: Path) -> None:
    """Compare a report with its golden file, but for digests and the folder."""
    text = re.sub(r"\blog [0-9]+", "log N", text)  # how often Tocsin wrote depends on the time
    told = re.sub(r"\b(?:[0-9a-f]{64}|[0-9a-f]{32})\b", "DIGEST", text.replace(str(folder), "FOLDER"))
    same(FOLDER / "after-action" / name, told)


def journal(tocsin: AtDesk) -> list[tuple[StoredEvent, AnyEvent]]:
    """Return the journal, each event with what it says."""
    store = tocsin.office().store
    (row,) = store.rows()
    return [(event, decode(event.payload)) for event in store.read(row.id) if event.payload is not None]


def at(one: StoredEvent) -> datetime:
    return one.exercise_at or one.at


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_report_of_an_exercise_reads_as_its_golden_files(exercise: AtDesk, tmp_path: Path) -> None:
    texts, _, answer = written(exercise, "exercise", tmp_path / "out")
    compared("exercise.md", texts["md"], tmp_path)
    compared("exercise.html", texts["html"], tmp_path)
    compared("exercise.json", answer, tmp_path)


def test_the_report_of_a_real_incident_reads_as_its_golden_files(real: AtDesk, tmp_path: Path) -> None:
    texts, _, answer = written(real, "real", tmp_path / "out")
    compared("real.md", texts["md"], tmp_path)
    compared("real.html", texts["html"], tmp_path)
    compared("real.json", answer, tmp_path)


@pytest.mark.parametrize("kind", ["exercise", "real"])
def test_every_number_of_the_report_is_the_journal_s(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    tocsin: AtDesk = request.getfixturevalue(kind)
    _, numbers, _ = written(tocsin, kind, tmp_path / "out")
    events = journal(tocsin)
    assert dict(answers(events)) == {
        one["asked"]: one["acknowledged"] for one in by_answer(numbers) if one["acknowledged"]
    }
    assert {
        number["channel"]: (number["attempts"], number["accepted"], number["failed"])
        for number in numbers["channels"]
    } == {
        channel: (sum(states.values()), states["accepted"], states["not_sent"])
        for channel, states in attempts(events).items()
    }
    recorded = {one.duty: at(row) for row, one in events if isinstance(one, DutyRecorded)}
    for one in numbers["deadlines"]:
        if one["state"] != "open":
            assert instant(one["at"]) == recorded[one["duty"]]
        assert one["margin_seconds"] == (instant(one["due"]) - instant(one["at"])).total_seconds()
    people = Counter(row.actor.claimed for row, _ in events)
    assert {number["person"]: number["entries"] for number in numbers["people"] if number["entries"]} == {
        name: n for name, n in people.items() if name not in ("tocsin", "worker")
    }
    hashes = {f"{row.seq}:sha256:{row.hash}" for row, _ in events}
    assert {numbers["head"], *(number["head"] for number in numbers["heads"])} <= hashes


def by_answer(numbers: Any) -> Iterator[dict[str, Any]]:
    """Yield the report's answers with their times made comparable, ``asked`` by person as well."""
    for number in numbers["acknowledgements"]:
        acknowledged = instant(number["acknowledged"]) if number["acknowledged"] else None
        if acknowledged is not None:
            assert number["took_seconds"] == (acknowledged - instant(number["asked"])).total_seconds()
        yield {"asked": (number["person"], instant(number["asked"])), "acknowledged": acknowledged}


def answers(events: list[tuple[StoredEvent, AnyEvent]]) -> Iterator[tuple[tuple[str, datetime], datetime]]:
    """Yield from the journal who acknowledged what was first tried when, and when."""
    first: dict[str, datetime] = {}
    for row, event in events:
        match event:
            case AttemptStarted(effect=effect):
                first.setdefault(effect, at(row))
            case EvidenceRaised(delivery=delivery, evidence="acked", by=by):
                yield (by, first[delivery]), at(row)
            case _:
                pass


def attempts(events: list[tuple[StoredEvent, AnyEvent]]) -> dict[str, Counter[str]]:
    """Count from the journal how the attempts of each channel ended."""
    found: dict[str, Counter[str]] = {}
    channels: dict[tuple[str, int], str] = {}
    for _, event in events:
        match event:
            case AttemptStarted(effect=effect, n=n, channel=channel) if channel:
                channels[effect, n] = channel
            case AttemptEnded(effect=effect, n=n, state=state) if (effect, n) in channels:
                found.setdefault(channels[effect, n], Counter())[state] += 1
            case _:
                pass
    return found


def test_the_scenario_and_the_marks_are_those_of_the_journal(exercise: AtDesk, tmp_path: Path) -> None:
    texts, numbers, _ = written(exercise, "exercise", tmp_path / "out")
    events = journal(exercise)
    released = {one.number: at(row) for row, one in events if isinstance(one, InjectReleased)}
    played = {number["number"]: number for number in numbers["scenario"]["events"]}
    assert {name: instant(one["released"]) for name, one in played.items() if one["released"]} == released
    assert {name for name, one in played.items() if one["state"] == "left out"} == {"7"}
    clock = {one.change: row for row, one in events if isinstance(one, ExerciseClockSet)}
    assert {number["name"]: number["head"] for number in numbers["heads"]} == {
        "StartEx": f"{clock['begun'].seq}:sha256:{clock['begun'].hash}",
        "EndEx": f"{clock['ended'].seq}:sha256:{clock['ended'].hash}",
    }
    for one in numbers["heads"]:
        assert f"**Journal at {one['name']}:** {one['head']}" in texts["md"].replace("\\", "")


def test_every_picture_of_an_exercise_has_its_mark_and_none_of_a_real_incident(
    exercise: AtDesk, tmp_path: Path
) -> None:
    texts, _, _ = written(exercise, "exercise", tmp_path / "out")
    drawn = re.findall(r"<svg.*?</svg>", texts["html"], re.DOTALL)
    assert len(drawn) == 4
    assert all(">EXERCISE</text>" in one and 'aria-label="' in one for one in drawn)
    assert "<script" not in texts["html"]
    assert "href" not in "".join(drawn)
