"""Which domains of a list have the same mail servers, asked of a server on the loopback; and the limits of relays."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from integrations import smtp
from integrations.smtp.providers import Destinations, providers
from runner.incident.campaigns.pacing import feasibility
from runner.routing.traffic import read_rate
from tests.incident.campaigns.test_bulk import campaign, ground
from tests.servers.nameserver import nameserver

pytest.importorskip("dns", reason="NOT TESTED: dnspython is not installed (make install)")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
RECORDS = {
    ("corp.example", "MX"): ("5 alt1.aspmx.l.google.com.", "1 aspmx.l.google.com."),
    ("tenant.example", "MX"): ("0 tenant-example.mail.protection.outlook.com.",),
    ("dane.example", "MX"): ("0 dane-example.a-v1.mx.microsoft.",),
    ("aol.example", "MX"): ("10 mx-aol.mail.gm0.yahoodns.net.",),
    ("one.example", "MX"): ("20 mx2.hoster.example.", "10 mx1.hoster.example."),
    ("two.example", "MX"): ("10 MX1.hoster.example.",),
    ("forged.example", "MX"): ("10 notgoogle.com.",),
    ("mixed.example", "MX"): ("5 mx.mixed.example.", "10 aspmx.l.google.com."),
    ("behind.example", "MX"): ("0 tenant-example.mail.protection.outlook.com.", "5 mx.behind.example."),
    ("none.example", "MX"): ("0 .",),
}
FOUND = {
    "gmail.com": "gmail.com",
    "googlemail.com": "gmail.com",
    "hotmail.com": "outlook.com",
    "corp.example": "gmail.com",
    "tenant.example": "outlook.com",
    "dane.example": "outlook.com",
    "aol.example": "yahoo.com",
    "one.example": "mx1.hoster.example",
    "two.example": "mx1.hoster.example",
    "forged.example": "notgoogle.com",
    "mixed.example": "mx.mixed.example",
    "behind.example": "tenant-example.mail.protection.outlook.com",
    "none.example": "none.example",
    "unknown.example": "unknown.example",
}


def test_domains_with_the_same_mail_servers_are_one_destination() -> None:
    with nameserver(RECORDS) as where:
        found = smtp.destinations(smtp.Settings(host="h.example", sender="a@b.example", nameserver=where))
        assert found.find([*FOUND, ""]) == FOUND
    assert found.find(["corp.example"]) == {"corp.example": "gmail.com"}
    assert found.unknown == 0


def test_a_silent_dns_server_is_left_alone_and_each_domain_is_its_own_destination() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{line.getsockname()[1]}"
    found = Destinations(where)
    names = {f"d{n}.example": f"d{n}.example" for n in range(200)}
    assert found.find([*names, "gmail.com"]) == {**names, "gmail.com": "gmail.com"}
    assert found.unknown == 200


def test_reserved_names_are_asked_only_of_a_server_of_the_channel() -> None:
    found = Destinations("")
    assert found.find(["corp.example", "example.org"]) == {x: x for x in ("corp.example", "example.org")}
    assert found.unknown == 0


def test_each_provider_has_a_readable_rate_and_lower_case_names() -> None:
    for one in providers():
        assert read_rate(one.rate).messages
        assert all(name == name.lower() for name in (one.name, *one.servers, *one.domains))
    assert [one.name for one in providers()][-1] == "*"


@pytest.mark.parametrize(
    ("host", "people", "hours", "carries"),
    [
        ("smtp.office365.com", 3_000, 2, True),
        ("smtp.office365.com", 3_000, 1.5, False),
        ("smtp.office365.com", 100_000, 72, False),
        ("smtp.gmail.com", 2_000, 1, True),
        ("SMTP.gmail.com", 10_000, 72, False),
        ("relay.example.org", 3_000, 2, True),
    ],
)
def test_a_relay_that_cannot_carry_the_list_before_the_deadline_is_refused(
    host: str, people: int, hours: float, carries: bool
) -> None:
    claimed = smtp.capabilities(smtp.Settings(host=host, sender="a@b.example")).rates
    one = campaign(
        rates={"relay": tuple(map(read_rate, claimed))} if claimed else {},
        grounds=(ground(due=NOW + timedelta(hours=hours)),),
        canary_wait=timedelta(),
    )
    found = feasibility(one, {"email": people}, {}, NOW)
    assert found.in_time is carries
