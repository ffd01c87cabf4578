"""Sender names of text messages by country (R42), from ``sender_names.csv``, and the country of a telephone number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Literal

import msgspec

from runner.base.table_file import table_rows
from runner.decoding import convert
from runner.routing.messaging import Channel

Effect = Literal["undelivered", "blocked", "refused", "scam", "unverified"]
_WORDS: Mapping[Effect, str] = {
    "undelivered": "networks deliver no sender names",
    "blocked": "networks block a sender name that is not registered",
    "refused": "a sender name must be registered",
    "scam": "a sender name that is not registered is shown as a likely scam",
    "unverified": "a sender name that is not registered is shown as unverified",
}

_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})


class SenderName(msgspec.Struct, frozen=True, kw_only=True):
    """What networks of one country do with a sender name; except ``undelivered``, only if it is not registered there."""

    country: str
    effect: Effect
    since: str
    """The first day as an ISO date; empty if it applies already."""
    source: str
    as_of: str
    confirmed: bool


@cache
def sender_names() -> Mapping[str, SenderName]:
    """Return the countries with a rule about sender names (a constant, read once). A country that is missing is unknown."""
    return {
        row["country"]: convert({**row, "confirmed": row["confirmed"] == "yes"}, SenderName)
        for row in table_rows("runner.routing", "sender_names.csv")
    }


def unregistered(channel: Channel) -> tuple[str, ...]:
    """Return the countries that register the sender of this channel's texts, if no registration at all is recorded (R42, R43)."""
    if channel.registered or channel.spoken or channel.address_kind != "phone":
        return ()
    if channel.sender_name:
        return tuple(one.country for one in sender_names().values() if one.effect != "undelivered")
    return ("US",) if str(channel.settings.get("sender", "")).startswith("+1") else ()


def name_problem(country: str, registered: Collection[str], at: datetime | None) -> str:
    """Return why a sender name must not be used for a number of a country at a time, or the empty string."""
    rule = sender_names().get(country)
    if rule is None or (rule.effect != "undelivered" and country in registered):
        return ""
    if rule.since and at is not None and at.astimezone(UTC).date() < date.fromisoformat(rule.since):
        return ""
    return f"{country}: {_WORDS[rule.effect]}"


def country_of(number: str) -> str:
    """Return the country of a telephone number (ISO 3166-1); empty if it belongs to none, such as a satellite telephone's.

    Countries that share a calling code, except +1, count as the largest of them; American territories count as US.
    """
    import phonenumbers

    digits = number.removeprefix("+")
    for length in (1, 2, 3):
        known = (
            phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:length]))
            if digits[:length].isdigit()
            else None
        )
        if known is not None and known[0] == "US":
            try:
                found = phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
                return "US" if found in _TERRITORIES else found
            except phonenumbers.NumberParseException:
                return ""
        if known is not None:
            return known[0] if known[0].isalpha() else ""
    return ""
