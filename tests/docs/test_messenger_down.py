"""The messenger is down worldwide at 14:02: alerts use another channel, and missing acknowledgements escalate."""

from __future__ import annotations

import pytest

from tests.docs.messenger_down import ABOVE, DOWN, DUE, MINUTE, OWN, RESPONDERS, STAND_IN, Course, Story, play
from tests.docs.outage import PICTURE, draw
from tests.golden_files import same

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return play(tmp_path_factory.mktemp("outage"))


def open_at_the_outage(story: Story) -> list[Course]:
    """Return the messages for which somebody had been told, or was told then, and had not answered."""
    return [
        course
        for course in story.courses
        if course.level == 0 and (course.answered is None or course.answered > DOWN)
    ]


def test_its_domains_are_found_down_in_the_minute_in_which_it_fails(story: Story) -> None:
    assert story.down == {"meta": DOWN, "whatsapp": DOWN}


def test_responders_are_reached_over_another_domain_within_one_due_interval(story: Story) -> None:
    courses = open_at_the_outage(story)
    assert {course.person for course in courses} == set(RESPONDERS)
    assert len(courses) == len(RESPONDERS) + 4, (
        "the second message to all, the first to those who had not answered"
    )
    for course in courses:
        by_text = [each for each in course.attempts if (each.channel, each.state) == ("sms", "accepted")]
        assert DOWN <= by_text[0].at <= DOWN + DUE, course


def test_once_it_is_found_down_the_messenger_is_asked_for_nothing_but_probes(story: Story) -> None:
    before, probes = story.asked[: 2 * len(RESPONDERS)], story.asked[2 * len(RESPONDERS) :]
    assert OWN not in before
    assert set(probes) == {OWN}
    late = [each for course in story.courses for each in course.attempts if each.at > DOWN]
    assert {each.channel for each in late} == {"sms"}


def test_missing_acknowledgements_escalate_and_end_with_a_phone_call(story: Story) -> None:
    silent = [
        course
        for course in story.courses
        if course.step == "call" and course.person in ("finn", STAND_IN, ABOVE)
    ]
    first = {course.person: (course.level, course.attempts[0].at - DOWN) for course in silent}
    assert first == {"finn": (0, 0 * MINUTE), STAND_IN: (1, 10 * MINUTE), ABOVE: (2, 20 * MINUTE)}
    [finn] = [course for course in silent if course.person == "finn"]
    assert (finn.telephoned, finn.answered) == (True, DOWN + 25 * MINUTE)
    assert all(course.proved == "acked" for course in story.courses if course.level == 0)


def test_the_picture_matches_the_story(story: Story) -> None:
    same(PICTURE, draw(story))
    drawn = PICTURE.read_text(encoding="utf-8")
    assert "href=" not in drawn
    assert "url(" not in drawn
