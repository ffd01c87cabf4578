"""A signature under an after-action report: taken once the exercise is over or the real incident is closed, and kept in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from runner.errors import Refused
from runner.incident.exercises.decide import decide_drill
from runner.incident.state import commands as c
from runner.incident.state.events import Recorded
from runner.incident.state.exercise import Drill, ExerciseClock, ReportSigned, Signed
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.turn.fold import fold
from tests.refusals import refused

T0 = datetime(2026, 11, 24, 9, tzinfo=UTC)
REAL = Incident(id="i-1", codename="amber-falcon", title="", kind="real", opened_at=T0, version=7)
DRILL = Drill(clock=ExerciseClock(wall=T0, at=T0), plan="abc", stage="running")
SIGN = c.SignReport(digest="sha256:1", files={"pdf": "2"}, heads={"closed": "7:sha256:3"})


@pytest.mark.parametrize(
    ("incident", "code"),
    [
        (REAL, "not_closed"),
        (msgspec.structs.replace(REAL, kind="exercise", drill=DRILL), "exercise_stage"),
    ],
)
def test_the_report_of_an_open_incident_is_not_signed(incident: Incident, code: str) -> None:
    with refused(code, Refused):
        decide_drill(incident, SIGN, "olga", T0)


def test_a_finished_incident_is_signed_and_each_signature_stored_in_order() -> None:
    ended = msgspec.structs.replace(DRILL, stage="ended")
    for incident in (
        msgspec.structs.replace(REAL, state="closed"),
        msgspec.structs.replace(REAL, kind="exercise", drill=ended),
    ):
        (event,) = decide_drill(incident, SIGN, "olga", T0)
        assert event == ReportSigned(
            by="olga", digest="sha256:1", files={"pdf": "2"}, heads={"closed": "7:sha256:3"}
        )
        once = fold(incident, [Recorded(8, T0, event)], Library({}))
        twice = fold(once, [Recorded(9, T0 + timedelta(minutes=1), event)], Library({}))
        assert twice.reports == (
            Signed(by="olga", at=T0, digest="sha256:1", event=8),
            Signed(by="olga", at=T0 + timedelta(minutes=1), digest="sha256:1", event=9),
        )
