"""Figures of reports: what is missing has a look of its own, text of others stays text, and no picture is higher than a page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from runner.base.states import MARKS
from runner.documents.word.docx_package import parse
from runner.reports.after_action.channels import ChannelUse, channels_figure
from runner.reports.after_action.clock import ClockMark, wall_of
from runner.reports.after_action.response_times import (
    Answer,
    Margin,
    Outcome,
    answers_figure,
    answers_words,
    margins_figure,
    margins_words,
    median_seconds,
)
from runner.reports.charts.figure import (
    Axis,
    Bar,
    CountScale,
    Figure,
    Line,
    MarginScale,
    Row,
    SpanScale,
    Tick,
    TimeScale,
)
from runner.reports.charts.figure_svg import TALLEST, WIDTH, pictures

T0 = datetime(2026, 10, 5, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOSTILE = '"><script>x</script>&\u202eevil\x07'
SHAPES = {"svg", "rect", "path", "circle", "text"}


def answer(person: str, took: int | None, outcome: Outcome, target: int = 600) -> Answer:
    at = T0 + timedelta(seconds=took) if took is not None else None
    return Answer(
        person=person,
        message="alert",
        asked=T0,
        acknowledged=at,
        took_seconds=took,
        target_seconds=target,
        outcome=outcome,
    )


def margin(duty: str, seconds: int, state: str = "filed") -> Margin:
    return Margin(duty=duty, due=T0, state=state, at=T0 - timedelta(seconds=seconds), margin_seconds=seconds)


def figure(*rows: Row, lines: tuple[Line, ...] = ()) -> Figure:
    axis = Axis(
        ticks=(Tick(at=0.0, words="0", under="then"), Tick(at=1.0, words="1")), name="time", under="wall"
    )
    return Figure(
        title=f"Title {HOSTILE}", about=f"About {HOSTILE}", mark="EXERCISE", rows=rows, axis=axis, lines=lines
    )


def test_an_answer_that_never_came_is_a_hollow_bar_to_the_end_and_no_bar_of_no_length() -> None:
    figure = answers_figure(
        [answer("ada", 60, "in_time"), answer("ben", None, "never"), answer("cem", None, "called_off")], ""
    )
    ada, ben, cem = figure.rows
    assert [bar.look for bar in ada.bars] == ["pale"]
    assert ben.bars == (Bar(0.0, 1.0, "open"),)
    assert (ben.words, cem.words, cem.bars) == ("not acknowledged", "paging stopped", ())


def test_a_missing_acknowledgement_is_shown_beside_those_of_the_same_person() -> None:
    found = [answer("ada", 60, "in_time"), answer("ada", 900, "late"), answer("ada", None, "never")]
    (row,) = answers_figure(found, "").rows
    assert [bar.look for bar in row.bars] == ["open", "pale"]
    assert [mark.shape for mark in row.marks] == ["limit", "answered", "answered_late"]
    assert row.words == "8 min (median of 2), 1 not acknowledged"


def test_the_median_is_of_those_that_came_and_there_is_none_where_none_came() -> None:
    found = [
        answer("a", 60, "in_time"),
        answer("b", 120, "in_time"),
        answer("c", 1200, "late"),
        answer("d", None, "never"),
    ]
    assert median_seconds(found) == 120
    assert answers_words(found) == (
        "4 acknowledgements required: 2 in time, 1 late, 1 not acknowledged; median 2 min."
    )
    nobody = answers_figure([answer("d", None, "never")], "")
    assert (median_seconds([answer("d", None, "never")]), nobody.lines) == (None, ())


def test_a_target_far_out_is_left_to_the_table() -> None:
    near, far = answer("a", 60, "in_time", target=120), answer("b", 90, "in_time", target=86_400)
    figure = answers_figure([near, far], "")
    assert [len([mark for mark in row.marks if mark.shape == "limit"]) for row in figure.rows] == [1, 0]


def test_a_margin_bar_points_right_for_time_left_and_left_for_lateness() -> None:
    found = [
        margin("a/kept", 3600),
        margin("b/missed", -1800),
        margin("c/open", -60, "open"),
        margin("d/waived", 60, "waived"),
    ]
    figure = margins_figure(found, "")
    bars = [row.bars[0] for row in figure.rows]
    assert [bar.look for bar in bars] == ["good", "late", "open", "pale"]
    assert [bar.end > bar.begin for bar in bars] == [True, False, False, True]
    assert [row.words for row in figure.rows] == [
        "1 h left",
        "late by 30 min",
        "open, late by 1 min",
        "waived, 1 min left",
    ]
    assert margins_words(found) == (
        "4 legal deadlines: 2 missed, 1 open. Smallest margin: b/missed, late by 30 min."
    )


def test_minutes_and_months_are_distinguishable_on_one_axis() -> None:
    scale = MarginScale(10 * MINUTE, timedelta(days=90))
    places = [
        scale.at(one)
        for one in (-10 * MINUTE, timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=90))
    ]
    assert places[0] == pytest.approx(0.0)
    assert places[-1] == pytest.approx(1.0)
    assert all(after - before > 0.05 for before, after in pairwise(places))


@pytest.mark.parametrize(
    "length", [timedelta(0), 40 * MINUTE, timedelta(hours=9), timedelta(days=3), timedelta(days=4000)]
)
def test_an_axis_has_few_values_in_order_and_all_of_them_on_it(length: timedelta) -> None:
    for axis in (
        TimeScale(T0 + 7 * MINUTE, T0 + 7 * MINUTE + length).axis("time"),
        SpanScale(length).axis("span"),
        CountScale(int(length / MINUTE)).axis("count"),
        MarginScale(length, length).axis("margin"),
    ):
        places = [tick.at for tick in axis.ticks]
        assert places == sorted(places)
        assert 1 <= len(places) <= 14
        assert all(0 <= place <= 1 for place in places)


def test_a_channel_bar_has_a_part_for_each_outcome() -> None:
    use = ChannelUse(
        channel="mail", domains=("tenant",), attempts=6, accepted=3, failed=2, unknown=1, failovers=2
    )
    (row,) = channels_figure([use], "").rows
    assert (row.label, row.words) == ("mail (tenant)", "2 failed, 1 unknown outcome, 2 failed over")
    assert [(bar.begin, bar.end, bar.look) for bar in row.bars] == [
        (0.0, 0.5, "good"),
        (0.5, pytest.approx(5 / 6), "late"),
        (pytest.approx(5 / 6), 1.0, "open"),
    ]


def test_wall_time_follows_the_clock_of_the_exercise_through_pause_and_jump() -> None:
    def mark(name: str, at: float, wall: float, rate: float, event: int) -> ClockMark:
        there = datetime(2026, 11, 24, 9, tzinfo=UTC) + wall * MINUTE
        return ClockMark(name=name, at=T0 + at * MINUTE, wall=there, rate=rate, event=event, head="")

    marks = (
        mark("opened", 0, 0, 1, 1),
        mark("StartEx", 0, 5, 60, 2),
        mark("PauseEx", 60, 6, 0, 3),
        mark("ResumeEx", 60, 20, 60, 4),
        mark("jump", 300, 22, 60, 5),
    )
    shown = [
        (wall_of(marks, T0 + n * MINUTE) - marks[0].wall) / MINUTE for n in (0, 30, 60, 120, 200, 299, 330)
    ]
    assert shown == pytest.approx([5, 5.5, 20, 21, 22, 22, 22.5])


def test_text_of_others_stays_text_and_a_drawing_holds_shapes_alone() -> None:
    (drawn,) = pictures(figure(Row(label=HOSTILE, words=HOSTILE), lines=(Line(at=0.5, words=HOSTILE),)))
    root = parse(drawn.svg.encode())
    assert {one.tag.rpartition("}")[2] for one in root.iter()} <= SHAPES
    assert not [name for one in root.iter() for name in one.attrib if name.startswith("on") or "href" in name]
    assert "\u202e" not in drawn.svg
    assert "U+202E" in drawn.svg
    assert drawn.alt == 'About "><script>x</script>&U+202EevilU+0007'


def test_a_long_figure_comes_as_several_pictures_each_with_its_mark_and_none_higher_than_a_page() -> None:
    rows = tuple(Row(label=f"{n} {'long ' * (n % 9)}", bars=(Bar(0.1, 0.5, "late"),)) for n in range(120))
    drawn = pictures(figure(*rows))
    assert len(drawn) == 5
    for n, one in enumerate(drawn, 1):
        assert one.height <= TALLEST + 110
        assert one.width == WIDTH
        assert f"({n} of 5)" in one.svg
        assert ">EXERCISE</text>" in one.svg
    labels = [label for picture in drawn for label in re.findall(r">(\d+)(?: long|<)", picture.svg)]
    assert [label for label in labels if label not in ("0", "1")] == [str(n) for n in range(2, 120)]


def test_the_same_figure_gives_the_same_bytes() -> None:
    made = [
        margins_figure([margin("a/kept", 3600), margin("b/missed", -1800)], MARKS["test"]) for _ in range(2)
    ]
    assert pictures(made[0]) == pictures(made[1])
    assert ">SELF-TEST</text>" in pictures(made[0])[0].svg
