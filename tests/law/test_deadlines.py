"""One row per worked deadline: the start, the period, and the moment to bind to, with the place it comes from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.facts.expression import Unknown
from runner.law.clock import Clock, CountingRule, CutOff, Extension, Limb, Period, Start, Unit, Variation
from runner.law.counting import NoHolidays, end_of, last_day, plus_months, plus_working_days
from runner.law.deadlines import Began, Deadline, Place, deadline, held_until, latest_safe_start, rule_words
from runner.law.grounds import Condition
from tests.golden_files import FOLDER, same

US_FEDERAL = {
    date.fromisoformat(day)
    for day in [
        "2026-01-01",
        "2026-01-19",
        "2026-02-16",
        "2026-05-25",
        "2026-06-19",
        "2026-07-03",
        "2026-09-07",
        "2026-10-12",
        "2026-11-11",
        "2026-11-26",
        "2026-12-25",
        "2027-01-01",
    ]
}
EASTER_2027 = {date(2027, 3, 26), date(2027, 3, 29)}


class Holidays:
    """A calendar that a test writes down."""

    def __init__(self, days: set[date]) -> None:
        self.days = days

    def is_holiday(self, day: date, place: str) -> bool:
        return day in self.days


class Facts:
    """What is known in a test: instants by path, filings by slug, answers by a condition's code."""

    def __init__(self, instants: dict[str, str] | None = None, **answers: bool) -> None:
        self.instants = instants or {}
        self.answers = answers

    def instant(self, path: str) -> datetime | None:
        text = self.instants.get(path)
        return datetime.fromisoformat(text) if text else None

    def filed(self, slug: str) -> datetime | None:
        return self.instant(f"filed:{slug}")

    def holds(self, condition: Condition) -> bool | Unknown:
        return self.answers.get(condition.code, Unknown((condition.code,)))


def limb(amount: int | None, unit: Unit = "hours", counting: CountingRule = "ELAPSED", **start: Any) -> Limb:
    period = Period(amount=amount, unit=unit, counting=counting) if amount is not None else None
    return Limb(start=Start(**(start or {"facts": ("incident.aware_at",)})), period=period)


def run(
    clock: Clock, known: Facts, zone: str = "UTC", holidays: set[date] | None = None, **more: Any
) -> Deadline:
    calendar = Holidays(holidays) if holidays else NoHolidays()
    return deadline(clock, known, Place(ZoneInfo(zone), "XX", calendar), **more)


def aware(at: str) -> Facts:
    return Facts({"incident.aware_at": at})


HOURS = [
    # place in the law, counting, zone, start, hours, due, kinder end (None where the rule knows none)
    ("GDPR 33(1), Dublin", "EU-H", "Europe/Dublin", "2026-11-24T09:10+00:00", 72, "2026-11-27T09:10+00:00", "2026-11-27T10:00+00:00"),
    ("GDPR 33(1), clocks go forward", "EU-H", "Europe/Berlin", "2027-03-26T10:00+01:00", 72, "2027-03-29T11:00+02:00", "2027-03-29T12:00+02:00"),
    ("Reg. 611/2013", "EU-H", "Europe/Vienna", "2026-12-12T14:05+01:00", 24, "2026-12-13T14:05+01:00", "2026-12-13T15:00+01:00"),
    ("NIS2 23(4)(a)", "NAT", "Europe/Rome", "2026-12-04T18:30+01:00", 24, "2026-12-05T18:30+01:00", "2026-12-05T19:00+01:00"),
    ("CERT-In", "ELAPSED", "Asia/Kolkata", "2026-11-24T23:40+05:30", 6, "2026-11-25T05:40+05:30", None),
    ("China, other operators", "ELAPSED", "Asia/Shanghai", "2026-12-01T08:15+08:00", 4, "2026-12-01T12:15+08:00", None),
    ("Australia, ransom payment", "ELAPSED", "Australia/Sydney", "2026-12-18T17:00+11:00", 72, "2026-12-21T17:00+11:00", None),
    ("Indonesia 46", "ELAPSED", "Asia/Jakarta", "2026-11-30T10:00+07:00", 72, "2026-12-03T10:00+07:00", None),
    ("APRA, clocks go back", "ELAPSED", "Australia/Melbourne", "2027-04-02T12:00+11:00", 72, "2027-04-05T11:00+10:00", None),
    ("US banks, over Presidents Day", "ELAPSED", "America/New_York", "2026-02-14T22:30-05:00", 36, "2026-02-16T10:30-05:00", None),
    ("NCUA, clocks go forward", "ELAPSED", "America/Chicago", "2026-03-06T23:00-06:00", 72, "2026-03-10T00:00-05:00", None),
    ("DFARS, over Columbus Day", "ELAPSED", "America/Chicago", "2026-10-09T18:20-05:00", 72, "2026-10-12T18:20-05:00", None),
    ("NYDFS, over Memorial Day", "ELAPSED", "America/New_York", "2026-05-22T16:00-04:00", 72, "2026-05-25T16:00-04:00", None),
    ("NYDFS, ransom payment", "ELAPSED", "America/New_York", "2026-05-23T09:15-04:00", 24, "2026-05-24T09:15-04:00", None),
    ("Georgia, vendor to owner", "ELAPSED", "UTC", "2026-04-10T00:00+00:00", 24, "2026-04-11T00:00+00:00", None),
    ("Reg. S-P, provider", "ELAPSED", "UTC", "2026-04-10T00:00+00:00", 72, "2026-04-13T00:00+00:00", None),
]  # fmt: skip


@pytest.mark.parametrize(("where", "counting", "zone", "start", "hours", "due", "kinder"), HOURS)
def test_hours_are_elapsed_time_and_the_later_reading_is_only_shown(
    where: str, counting: CountingRule, zone: str, start: str, hours: int, due: str, kinder: str | None
) -> None:
    deadline = run(Clock(limbs=(limb(hours, "hours", counting),)), aware(start), zone)
    assert deadline.due == datetime.fromisoformat(due)
    assert deadline.latest_legal == (datetime.fromisoformat(kinder) if kinder else None)
    assert deadline.due_kind == "instant"


DAYS = [
    # place in the law, zone, start, amount, unit, counting, last day
    ("SEC 8-K, over Thanksgiving", "America/New_York", "2026-11-20T17:45-05:00", 4, "business_days", "BUS-EXCL", "2026-11-27"),
    ("SEC 8-K, over Columbus Day", "America/New_York", "2026-10-09T11:00-04:00", 4, "business_days", "BUS-EXCL", "2026-10-16"),
    ("SEC 8-K, on that Saturday", "America/New_York", "2026-10-10T11:00-04:00", 4, "business_days", "BUS-EXCL", "2026-10-16"),
    ("HIPAA, a nurse knew", "America/Chicago", "2026-01-15T12:00-06:00", 60, "calendar_days", "CAL-EXCL", "2026-03-16"),
    ("HIPAA, US07", "America/Chicago", "2026-11-20T17:00-06:00", 60, "calendar_days", "CAL-EXCL", "2027-01-19"),
    ("FCC 64.2011, over Juneteenth", "America/New_York", "2026-06-15T14:00-04:00", 7, "business_days", "BUS-EXCL", "2026-06-25"),
    ("Vermont AG", "America/New_York", "2026-08-03T09:00-04:00", 14, "business_days", "BUS-EXCL", "2026-08-21"),
    ("Vermont AG, US04", "America/New_York", "2026-04-06T08:00-04:00", 14, "business_days", "BUS-EXCL", "2026-04-24"),
    ("Maryland, before any hold", "America/New_York", "2026-03-02T09:00-05:00", 45, "calendar_days", "CAL-EXCL", "2026-04-16"),
    ("California, US01", "America/Los_Angeles", "2026-03-02T09:00-08:00", 30, "calendar_days", "CAL-EXCL", "2026-04-01"),
    ("California AG on a Saturday, no roll", "America/Los_Angeles", "2026-03-27T09:00-07:00", 15, "calendar_days", "CAL-EXCL", "2026-04-11"),
    ("Texas, US01", "America/Los_Angeles", "2026-03-05T16:00-08:00", 60, "calendar_days", "CAL-EXCL", "2026-05-04"),
    ("Texas AG, US01", "America/Los_Angeles", "2026-03-05T16:00-08:00", 30, "calendar_days", "CAL-EXCL", "2026-04-04"),
    ("Florida, US04", "America/New_York", "2026-04-08T08:00-04:00", 30, "calendar_days", "CAL-EXCL", "2026-05-08"),
    ("Vermont, US04", "America/New_York", "2026-04-06T08:00-04:00", 45, "calendar_days", "CAL-EXCL", "2026-05-21"),
    ("NYDFS explanation, US10", "America/New_York", "2026-05-23T09:15-04:00", 30, "calendar_days", "CAL-EXCL", "2026-06-22"),
    ("FTC Safeguards, US10", "America/New_York", "2026-05-22T11:00-04:00", 30, "calendar_days", "CAL-EXCL", "2026-06-21"),
    ("Alabama, vendor to owner, US16", "UTC", "2026-04-10T00:00+00:00", 10, "calendar_days", "CAL-EXCL", "2026-04-20"),
    ("New York, vendor to owner, US16", "UTC", "2026-04-10T00:00+00:00", 30, "calendar_days", "CAL-EXCL", "2026-05-10"),
    ("Tennessee, vendor to owner, US16", "UTC", "2026-04-10T00:00+00:00", 45, "calendar_days", "CAL-EXCL", "2026-05-25"),
    ("HIPAA 164.410, US16", "UTC", "2026-04-10T00:00+00:00", 60, "calendar_days", "CAL-EXCL", "2026-06-09"),
    ("Oklahoma AG after notice, US19", "America/Chicago", "2026-01-20T12:00-06:00", 60, "calendar_days", "CAL-EXCL", "2026-03-21"),
    ("Iowa AG after notice, US19", "America/Chicago", "2026-01-20T12:00-06:00", 5, "business_days", "BUS-EXCL", "2026-01-27"),
    ("Washington, US22", "America/New_York", "2026-03-16T09:00-04:00", 30, "calendar_days", "CAL-EXCL", "2026-04-15"),
    ("Singapore 26D", "Asia/Singapore", "2026-12-03T17:00+08:00", 3, "calendar_days", "CAL-EXCL", "2026-12-06"),
    ("Japan final, day 1 is the day of knowing", "Asia/Tokyo", "2026-12-01T10:00+09:00", 30, "calendar_days", "CAL-INCL", "2026-12-30"),
    ("NIS2 final", "Europe/Brussels", "2027-01-31T14:00+01:00", 1, "months", "EU-M", "2027-02-28"),
    ("DORA final", "Europe/Paris", "2027-01-29T16:00+01:00", 1, "months", "DORA-54", "2027-02-28"),
    ("leap year", "Europe/Paris", "2028-01-31T16:00+01:00", 1, "months", "EU-M", "2028-02-29"),
    ("weeks", "Europe/Paris", "2026-11-24T16:00+01:00", 2, "weeks", "EU-D", "2026-12-08"),
    ("years", "Europe/Paris", "2028-02-29T16:00+01:00", 1, "years", "EU-M", "2029-02-28"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "zone", "start", "amount", "unit", "counting", "day"), DAYS)
def test_days_leave_the_day_of_the_event_out_and_end_with_the_last_second_of_the_day(
    where: str, zone: str, start: str, amount: int, unit: Unit, counting: CountingRule, day: str
) -> None:
    deadline = run(Clock(limbs=(limb(amount, unit, counting),)), aware(start), zone, US_FEDERAL)
    assert str(deadline.due_date) == day
    assert deadline.due is not None
    assert f"{deadline.due.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}" == f"{day}T23:59:59"
    assert deadline.due_kind == "date"


def test_a_month_that_ends_on_a_sunday_shows_the_later_reading() -> None:
    deadline = run(
        Clock(limbs=(limb(1, "months", "EU-M"),)), aware("2027-01-31T14:00+01:00"), "Europe/Brussels"
    )
    assert deadline.latest_legal == datetime.fromisoformat("2027-03-01T23:59:59+01:00")


def test_the_minority_reading_of_article_3_5_is_only_a_note() -> None:
    clock = Clock(limbs=(limb(72, "hours", "EU-H"),))
    deadline = run(clock, aware("2027-03-26T10:00+01:00"), "Europe/Berlin", EASTER_2027)
    assert any("3(5)" in note and "2027-03-31" in note for note in deadline.notes)
    assert deadline.latest_legal == datetime.fromisoformat("2027-03-29T12:00+02:00")


def test_an_event_on_the_full_hour_lies_in_the_hour_that_begins_then() -> None:
    deadline = run(
        Clock(limbs=(limb(72, "hours", "EU-H"),)), aware("2026-11-24T12:00+01:00"), "Europe/Berlin"
    )
    assert deadline.latest_legal == datetime.fromisoformat("2026-11-27T13:00+01:00")


DORA = Clock(
    limbs=(
        limb(4, "hours", "DORA-54", facts=("incident.classified_at",)),
        limb(24, "hours", "DORA-54", facts=("incident.aware_at",)),
    ),
    lapsed_limbs_fall_away=True,
    no_relief_when=Condition(code="credit_institution", text="a credit institution"),
)


@pytest.mark.parametrize(
    ("known_at", "classified", "due", "relief"),
    [
        ("2026-12-07T08:00+01:00", "2026-12-08T06:00+01:00", "2026-12-08T08:00+01:00", None),
        (
            "2026-12-11T20:00+01:00",
            "2026-12-12T10:00+01:00",
            "2026-12-12T14:00+01:00",
            "2026-12-14T12:00+01:00",
        ),
        ("2026-12-07T08:00+01:00", "2026-12-09T10:00+01:00", "2026-12-09T14:00+01:00", None),
    ],
)
def test_dora_takes_the_earlier_limb_unless_it_ran_out_before_classification(
    known_at: str, classified: str, due: str, relief: str | None
) -> None:
    facts = Facts(
        {"incident.aware_at": known_at, "incident.classified_at": classified}, credit_institution=False
    )
    deadline = run(DORA, facts, "Europe/Paris")
    assert deadline.due == datetime.fromisoformat(due)
    assert deadline.latest_legal == (datetime.fromisoformat(relief) if relief else None)


def test_dora_relief_does_not_cover_credit_institutions_or_unknown_entities() -> None:
    instants = {
        "incident.aware_at": "2026-12-11T20:00+01:00",
        "incident.classified_at": "2026-12-12T10:00+01:00",
    }
    assert run(DORA, Facts(instants, credit_institution=True), "Europe/Paris").latest_legal is None
    assert run(DORA, Facts(instants), "Europe/Paris").latest_legal is None


def test_dora_final_ends_at_noon_of_the_next_working_day_at_the_latest() -> None:
    deadline = run(
        Clock(limbs=(limb(1, "months", "DORA-54"),)), aware("2027-01-29T16:00+01:00"), "Europe/Paris"
    )
    assert deadline.latest_legal == datetime.fromisoformat("2027-03-01T12:00+01:00")


def test_an_unclassified_incident_has_a_provisional_dora_clock_from_awareness() -> None:
    deadline = run(DORA, aware("2026-12-07T08:00+01:00"), "Europe/Paris")
    assert deadline.due == datetime.fromisoformat("2026-12-08T08:00+01:00")
    assert deadline.provisional
    assert deadline.missing == ("incident.classified_at",)


def test_hipaa_small_breaches_count_from_the_end_of_the_year() -> None:
    clock = Clock(
        limbs=(limb(60, "calendar_days", "CAL-EXCL", facts=("incident.aware_at",), anchor="year_end"),)
    )
    deadline = run(clock, aware("2026-11-20T17:00-06:00"), "America/Chicago")
    assert str(deadline.due_date) == "2027-03-01"
    assert deadline.reading.rule == rule_words(clock.limbs[0])


def test_a_recipients_cut_off_ends_the_day_in_its_own_zone() -> None:
    cut = CutOff(time="17:30", zone="America/New_York")
    clock = Clock(limbs=(limb(4, "business_days", "BUS-EXCL"),), cut_off=cut)
    deadline = run(clock, aware("2026-11-20T23:45+01:00"), "Europe/Berlin", US_FEDERAL)
    assert deadline.due == datetime.fromisoformat("2026-11-27T17:30-05:00")


def test_an_unknown_start_gives_a_provisional_clock_and_never_an_awareness() -> None:
    first = Began(datetime(2026, 11, 24, 6, tzinfo=UTC), "incident.detected_at")
    deadline = run(Clock(limbs=(limb(72),)), Facts(), earliest=first)
    assert deadline.due == datetime(2026, 11, 27, 6, tzinfo=UTC)
    assert deadline.provisional
    assert deadline.missing == ("incident.aware_at",)
    assert deadline.reading.start_fact == "incident.aware_at"


def test_without_a_start_there_is_no_deadline_and_the_start_is_missing() -> None:
    deadline = run(Clock(limbs=(limb(72),)), Facts())
    assert (deadline.due, deadline.due_kind, deadline.provisional) == (None, "instant", True)
    assert deadline.missing == ("incident.aware_at",)


def test_a_final_waits_for_the_stage_before_it() -> None:
    clock = Clock(limbs=(limb(1, "months", "EU-M", duty="notification"),))
    first = Began(datetime(2026, 11, 24, 6, tzinfo=UTC), "incident.detected_at")
    waiting = run(clock, Facts(), earliest=first)
    assert (waiting.due, waiting.due_kind, waiting.provisional) == (None, "waits_for_event", False)
    filed = run(clock, Facts({"filed:notification": "2027-01-31T14:00+01:00"}), "Europe/Brussels")
    assert str(filed.due_date) == "2027-02-28"


def test_an_event_is_waited_for_even_where_a_discovery_is_known() -> None:
    clock = Clock(limbs=(limb(24, facts=("incident.ransom_paid_at",), event=True),))
    first = Began(datetime(2026, 11, 24, 6, tzinfo=UTC), "incident.detected_at")
    assert run(clock, Facts(), earliest=first).due_kind == "waits_for_event"


def test_words_without_a_number_have_no_due() -> None:
    deadline = run(
        Clock(limbs=(limb(None),), standard="without undue delay"), aware("2026-11-24T09:10+00:00")
    )
    assert (deadline.due, deadline.due_kind, deadline.reading.rule) == (
        None,
        "no_number",
        rule_words(limb(None)),
    )
    assert deadline.missing == ()


def test_the_latest_of_two_starts_needs_both() -> None:
    maine = limb(
        30,
        "calendar_days",
        "CAL-EXCL",
        facts=("incident.aware_at", "incident.scope_identified_at"),
        pick="latest",
    )
    only = run(Clock(limbs=(maine,)), aware("2026-03-02T09:00-05:00"), "America/New_York")
    assert only.missing == ("incident.scope_identified_at",)
    instants = {
        "incident.aware_at": "2026-03-02T09:00-05:00",
        "incident.scope_identified_at": "2026-03-10T09:00-04:00",
    }
    assert str(run(Clock(limbs=(maine,)), Facts(instants), "America/New_York").due_date) == "2026-04-09"


def test_a_waiting_period_gives_the_first_moment_and_no_deadline() -> None:
    wait = limb(
        7, "full_business_days", "BUS-EXCL", facts=("incident.recipient_notified_at.fbi",), event=True
    )
    clock = Clock(limbs=(limb(None),), not_before=wait)
    facts = Facts({"incident.recipient_notified_at.fbi": "2026-06-15T14:00-04:00"})
    deadline = run(clock, facts, "America/New_York", US_FEDERAL)
    assert deadline.not_before == end_of(date(2026, 6, 25), ZoneInfo("America/New_York"))
    assert run(clock, Facts(), "America/New_York").not_before is None


BRAZIL = Clock(
    limbs=(
        Limb(
            start=Start(facts=("incident.aware_at",)),
            period=Period(
                amount=3,
                unit="business_days",
                counting="BUS-EXCL",
                variations=(
                    Variation(
                        condition=Condition(code="small", text="small agent"), amount=6, unit="business_days"
                    ),
                ),
            ),
        ),
    )
)


@pytest.mark.parametrize(
    ("small", "day", "missing"),
    [(True, "2026-12-02", ()), (False, "2026-11-27", ()), (None, "2026-11-27", ("small",))],
)
def test_the_shorter_amount_binds_while_a_longer_one_is_not_earned(
    small: bool | None, day: str, missing: tuple[str, ...]
) -> None:
    facts = Facts(
        {"incident.aware_at": "2026-11-24T09:00-03:00"}, **({} if small is None else {"small": small})
    )
    deadline = run(BRAZIL, facts, "America/Sao_Paulo")
    assert (str(deadline.due_date), deadline.missing) == (day, missing)


def test_an_extension_moves_only_the_latest_legal_moment() -> None:
    good_cause = Extension(
        period=Period(amount=15, unit="calendar_days", counting="CAL-EXCL"),
        condition=Condition(code="good_cause", text="good cause shown in writing"),
    )
    clock = Clock(limbs=(limb(30, "calendar_days", "CAL-EXCL"),), extensions=(good_cause,))
    facts = {"incident.aware_at": "2026-04-08T08:00-04:00"}
    with_cause = run(clock, Facts(facts, good_cause=True), "America/New_York")
    assert str(with_cause.due_date) == "2026-05-08"
    assert with_cause.latest_legal == end_of(date(2026, 5, 23), ZoneInfo("America/New_York"))
    assert run(clock, Facts(facts), "America/New_York").latest_legal is None


@pytest.mark.parametrize("home", ["Europe/Berlin", "America/Los_Angeles", "America/New_York"])
@pytest.mark.parametrize("hour", range(1, 24, 4))
def test_the_first_day_is_the_earlier_one_of_the_organisation_and_the_recipient(home: str, hour: int) -> None:
    event = datetime(2026, 4, 10, hour, tzinfo=UTC)
    place = Place(ZoneInfo("America/New_York"), "US", NoHolidays(), ZoneInfo(home))
    clock = Clock(
        limbs=(
            Limb(
                start=Start(facts=("incident.aware_at",)),
                period=Period(amount=30, unit="calendar_days", counting="CAL-EXCL"),
            ),
        )
    )
    first = min(event.astimezone(zone).date() for zone in (place.zone, ZoneInfo(home)))
    found = deadline(clock, aware(event.isoformat()), place)
    assert (found.due, found.due_date) == (
        end_of(first + timedelta(days=30), place.zone),
        first + timedelta(days=30),
    )
    assert held_until(None, event, 7, "calendar_days", place) == end_of(first + timedelta(days=7), place.zone)


def test_midnight_of_the_organisation_is_its_day_without_an_hour() -> None:
    place = Place(ZoneInfo("America/New_York"), "US", NoHolidays(), ZoneInfo("Europe/Berlin"))
    event = datetime(2026, 4, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    assert held_until(None, event, 7, "calendar_days", place) == end_of(date(2026, 4, 17), place.zone)


def test_after_a_hold_maryland_gives_seven_days_and_never_less_than_its_own_number() -> None:
    place = Place(ZoneInfo("America/New_York"), "US", NoHolidays())
    own = end_of(date(2026, 4, 16), place.zone)
    lifted = datetime.fromisoformat("2026-05-04T10:00-04:00")
    assert held_until(own, lifted, 7, "calendar_days", place) == end_of(date(2026, 5, 11), place.zone)
    assert held_until(own, lifted - timedelta(days=40), 7, "calendar_days", place) == own
    assert held_until(own, lifted, None, "calendar_days", place) == lifted
    assert held_until(None, lifted, 24, "hours", place) == lifted + timedelta(hours=24)


def test_the_latest_safe_start_leaves_the_lead_time() -> None:
    due = datetime(2026, 11, 27, 9, 10, tzinfo=UTC)
    assert latest_safe_start(due, timedelta(hours=4)) == due - timedelta(hours=4)
    assert latest_safe_start(None, timedelta(hours=4)) is None


def test_rules_are_said_in_words() -> None:
    rules = [
        limb(72),
        limb(1, "months", "EU-M"),
        limb(15, "calendar_days", "CAL-EXCL", duty="initial"),
        limb(30, "calendar_days", "CAL-INCL"),
        limb(60, "calendar_days", "CAL-EXCL", facts=("incident.aware_at",), anchor="year_end"),
        limb(None),
    ]
    said = "".join(f"{rule_words(rule)}\n" for rule in rules)
    same(FOLDER / "engine" / "deadlines-rules.txt", said)


def test_a_clock_may_name_its_own_zone() -> None:
    clock = Clock(limbs=(limb(1, "calendar_days", "CAL-EXCL"),), zone="Asia/Tokyo")
    assert run(clock, aware("2026-11-24T16:00+00:00")).due_date == date(2026, 11, 26)


@given(st.integers(0, 100 * 365 * 86_400), st.integers(0, 500))
def test_hours_never_depend_on_the_zone_in_which_the_start_was_written(second: int, hours: int) -> None:
    clock = Clock(limbs=(limb(hours),))
    utc = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    shown = [
        run(clock, aware(utc.astimezone(ZoneInfo(zone)).isoformat())) for zone in ("UTC", "Asia/Kolkata")
    ]
    assert shown[0].due == shown[1].due == utc + timedelta(hours=hours)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 60))
def test_months_keep_the_day_or_take_the_last_one(day: date, amount: int) -> None:
    later = plus_months(day, amount)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == amount
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


@given(st.dates(date(2026, 1, 1), date(2026, 12, 1)), st.integers(1, 15))
def test_working_days_end_on_a_working_day_and_are_never_shorter_than_calendar_days(
    day: date, amount: int
) -> None:
    last = plus_working_days(day, amount, Holidays(US_FEDERAL), "US")
    assert last.weekday() < 5
    assert last not in US_FEDERAL
    assert last >= last_day(day, amount, "calendar_days", "CAL-EXCL", NoHolidays(), "US")


def test_hours_have_no_last_day() -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # it is no error of ours, and its words are no matter
        last_day(date(2026, 1, 1), 3, "hours", "ELAPSED", NoHolidays(), "US")


def test_a_deadline_is_frozen_data() -> None:
    deadline = run(Clock(limbs=(limb(72),)), aware("2026-11-24T09:10+00:00"))
    with pytest.raises(AttributeError):
        deadline.due = None  # type: ignore[misc]
    assert msgspec.structs.replace(deadline, due=None).due is None
