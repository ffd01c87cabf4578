"""The rules about one text message or call to an affected person (R39 to R44), condition by condition."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.incident.campaigns.texting import Texting, text_refusals
from runner.routing.messaging import Channel
from runner.routing.sender_names import country_of, name_problem, sender_names
from tests.incident.campaigns.test_bulk import contact

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
GOOD = "Example Bank: news about your data, reference K1. Call 1-800-555-0101."
CHANNEL: Mapping[str, Any] = {
    "id": "texts",
    "adapter": "smpp",
    "address_kind": "phone",
    "domains": frozenset(),
    "confidentiality": "public",
    "personal_data": "none",
}


def refused(one: Mapping[str, Any], text: str, channel: Mapping[str, Any], **more: Any) -> list[str]:
    """Return the rules that refuse a text to a person."""
    texting = Texting(
        channel=Channel(**{**CHANNEL, **channel}),
        at=AT,
        text=lambda _: text,
        **{"organisation": "Example Bank", **more},
    )
    person = contact(**{"phone": "+12125550010", **one})
    return [refusal.rule for refusal in text_refusals(person, texting)]


BANK = {"sms_consent": False, "sms_exemption": "bank_breach"}


@pytest.mark.parametrize(
    ("text", "free", "more", "rules"),
    [
        (GOOD, True, {"financial": True}, []),
        (GOOD, False, {"financial": True}, ["R40"]),
        (GOOD, True, {"financial": False}, ["R40"]),
        (GOOD, True, {"financial": True, "earlier": 3}, ["R40"]),
        (GOOD, True, {"financial": True, "organisation": "Another Bank"}, ["R40"]),
        ("Example Bank: news of 24.11.2026, see 2026-11-24, K1.", True, {"financial": True}, ["R40"]),
        (GOOD.ljust(459, "."), True, {"financial": True}, ["R40"]),
        (GOOD.ljust(459, "."), True, {"financial": True, "overridden": {"R40": "maria"}}, []),
    ],
)
def test_the_exemption_of_banks_has_each_of_its_conditions(
    text: str, free: bool, more: dict[str, Any], rules: list[str]
) -> None:
    assert refused(BANK, text, {"free_to_reader": free}, **more) == rules


def test_an_exemption_of_an_older_campaign_is_free_text() -> None:
    assert refused({"sms_consent": False, "sms_exemption": "counsel said so"}, GOOD, {}) == []


@pytest.mark.parametrize(
    ("text", "key", "rules"),
    [
        (GOOD, True, []),
        (GOOD, False, ["R44"]),
        (f"Hello. {GOOD}", True, ["R44"]),
        ("Example Bank: call the number that you know.", True, ["R44"]),
    ],
)
def test_a_call_with_an_artificial_voice_has_each_of_its_conditions(
    text: str, key: bool, rules: list[str]
) -> None:
    assert refused({}, text, {"spoken": True, "stop_by_key": key}) == rules


def test_a_reference_is_no_telephone_number_to_opt_out() -> None:
    assert refused(
        {"phone": "+4915112345678"}, "Example Bank: news of 24.11.2026, K1.", {"sender_name": "Bank"}
    ) == ["R39"]


@pytest.mark.parametrize(
    ("country", "registered", "at", "problem"),
    [
        ("ES", set(), datetime(2026, 9, 14, 12, tzinfo=UTC), False),
        ("ES", set(), datetime(2026, 9, 15, 12, tzinfo=UTC), True),
        ("ES", {"ES"}, AT, False),
        ("US", {"US"}, AT, True),  # registration of a name does not exist there
        ("FR", set(), AT, False),  # no rule is known
    ],
)
def test_a_sender_name_is_a_problem_from_its_day_until_it_is_registered(
    country: str, registered: set[str], at: datetime, problem: bool
) -> None:
    assert bool(name_problem(country, registered, at)) is problem


def test_each_country_of_sender_names_has_a_source_and_a_day() -> None:
    for one in sender_names().values():
        assert one.source
        assert datetime.strptime(one.as_of, "%Y-%m").replace(tzinfo=UTC) <= AT


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12125550010", "US"),
        ("+17875550010", "US"),  # Puerto Rico
        ("+16135550010", "CA"),
        ("+12425550010", "BS"),
        ("+447700900123", "GB"),
        ("+88213300000", ""),
        ("anybody", ""),
    ],
)
def test_a_number_shows_its_country(number: str, country: str) -> None:
    assert country_of(number) == country
