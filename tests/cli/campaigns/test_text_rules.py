"""The rules about text messages to affected people (R39 to R46), in the plan, the status and the checks of the channel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrations.port import Callback
from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import listed, named, office, opened, planned, relay, sent
from tests.cli.campaigns.test_bulk_sms import approved, by_smsc, heard, texting
from tests.servers.receivers import MailServer
from tests.servers.smsc import Peer, running_smsc
from tests.servers.stand_ins import twilio
from tests.web.served import address, serving

__all__ = ["office", "relay"]

HEAD = "reference,name,address,jurisdiction,phone,sms_consent,sms_exemption,number_checked\n"
TEXT = "{{{{ organisation.name }}}}: news about your data, reference {{{{ recipient.reference }}}}. {}"

INVALID = "the phone number is invalid"


@pytest.fixture
def smsc() -> Iterator[Peer]:
    with running_smsc() as found:
        yield found


def rows(*cells: str) -> str:
    return HEAD + "".join(f"K{n},P{n},{n} Elm Road,DE,{row}\n" for n, row in enumerate(cells, 1))


def says(desk: AtDesk, more: str) -> None:
    """Let the text message end with a sentence of its own."""
    path = desk.home / "notices" / "our-text.md"
    head = path.read_text(encoding="utf-8").rpartition("---\n")[0]
    path.write_text(f"{head}---\n{TEXT.format(more)}\n", encoding="utf-8")
    opened(desk)


def plan(desk: AtDesk, folder: Path, *cells: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    return planned(desk, listed(folder, rows(*cells)), "--short", "our-text", *more)


def refusals(made: dict[str, Any]) -> dict[str, list[tuple[str, int]]]:
    """Return the refusals of text messages by rule: the beginning of the reason, and the people."""
    found: dict[str, list[tuple[str, int]]] = {}
    for one in made["campaign"]["refusals"]:
        if one["way"] == "sms":
            found.setdefault(one["rule"], []).append((one["why"].partition(":")[0], one["people"]))
    return found


def test_a_sender_name_texts_nobody_where_it_would_arrive_as_a_scam(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    says(office, "To opt out, call +49 30 555 0100.")
    by_smsc(office, relay, smsc, sender="Tocsin", registered=["ES"])
    numbers = (
        "+61412345678",
        "+34600000000",
        "+353861234567",
        "+353861234568",
        "+12125550010",
        "+4915112345678",
    )
    made = plan(office, tmp_path, *(f"{number},yes,," for number in numbers))
    assert refusals(made) == {"R42": [("AU", 1), ("IE", 2), ("US", 1)]}
    assert (made["countries"], made["campaign"]["ways"]) == ({"DE": 1, "ES": 1}, {"post": 4, "sms": 2})


def test_an_approver_overrides_the_rule_about_sender_names(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    says(office, "To opt out, call +49 30 555 0100.")
    by_smsc(office, relay, smsc, sender="Tocsin")
    office.done(
        "message", "override", "R42", "--channel", "texts", "--reason", "registered today", "--as", "maria"
    )
    made = plan(office, tmp_path, "+353861234567,yes,,")
    assert (refusals(made), made["countries"]) == ({}, {"IE": 1})
    (shown,) = (one for one in made["warnings"] if "R42" in one)
    assert {"maria", "registered"} <= named(shown)


def test_without_a_short_notice_no_text_message_is_planned(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc)
    made = planned(office, listed(tmp_path, rows("+4915112345678,yes,,")))
    assert made["campaign"]["ways"] == {"post": 1}
    assert {"channel"} == refusals(made).keys()


def test_a_plan_says_which_rows_have_an_invalid_number_and_for_whom_it_is_night(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc)
    office.clock.time = datetime(2026, 11, 24, 17, 41, tzinfo=UTC)
    made = plan(office, tmp_path, "0171 55555,yes,,", "+819012345678,yes,,")
    assert made["campaign"]["ways"] == {"post": 1, "sms": 1}
    assert [one["why"] for one in made["campaign"]["refusals"] if one["way"] == "sms"] == [INVALID]
    shown = [named(one) for one in made["warnings"]]
    assert any({"phone", "2", "people.csv"} <= one and "55555" not in one for one in shown)
    assert any({"R26", "00:00"} <= one for one in shown)


def test_a_text_from_a_name_says_how_else_to_opt_out(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc, sender="Tocsin")
    made = plan(office, tmp_path, "+4915112345678,yes,,")
    assert [*refusals(made)] == ["R39"]


def test_an_exemption_is_one_of_the_law(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc)
    cells = ("+12125550010,,consent,", "+12125550011,,health_and_safety,", "+4915112345678,,eu_notice,")
    made = plan(office, tmp_path, *cells, "+12125550012,,eu_notice,")
    assert made["exemptions"] == {"eu_notice": 1, "health_and_safety": 1}
    assert refusals(made) == {"R40": [("eu_notice", 1)]}
    path = listed(tmp_path, rows('+12125550013,,"emergency, 47 CFR 64.1200(a)(1)",'), "free.csv")
    said = office("bulk", "plan", "our-letter", "--people", path, "--short", "our-text", "--format", "json")
    assert (said.code, said.json["code"], len(said.json["problems"])) == (1, "people", 1)


def test_an_american_exemption_is_none_abroad(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc)
    made = plan(office, tmp_path, "+436641234567,,health_and_safety,")
    assert refusals(made) == {"R40": [("health_and_safety", 1)]}
    assert not any("--accept-date" in one for one in made["warnings"])


def test_a_bank_texts_without_consent_only_as_the_exemption_says(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    says(office, "Call 1-800-555-0101.")
    by_smsc(office, relay, smsc, free_to_reader=True)
    assert [*refusals(plan(office, tmp_path, "+12125550010,,bank_breach,"))] == ["R40"]
    office.done("fact", "set", "organisation.regulated_as=glba_institution", "--source", "counsel")
    made = plan(office, tmp_path, "+12125550010,,bank_breach,")
    assert (made["exemptions"], made["campaign"]["ways"]) == ({"bank_breach": 1}, {"sms": 1})


def test_a_number_without_a_time_zone_is_texted_only_with_the_column_zone(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc)
    assert [*refusals(plan(office, tmp_path, "+88213300000,yes,,"))] == ["R41"]


def test_old_consents_are_counted(office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path) -> None:
    by_smsc(office, relay, smsc)
    made = plan(
        office,
        tmp_path,
        "+12125550010,2024-03-01,,2026-11-01",  # checked since
        "+12125550011,2024-03-01,,",  # older than the last check, which was not of this number
        "+12125550012,2026-11-20,,",  # younger than the last check
        "+12125550013,yes,,",  # no day
        "+4915112345678,2020-01-01,,",  # of no American owner
    )
    assert (made["old_consents"], made["countries"]) == (2, {"DE": 1, "US": 4})


def test_an_artificial_voice_has_a_name_a_number_and_a_key(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        settings = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": server.url}
        calls = {"adapter": "twilio_voice", "settings": settings}
        texting(office, relay, calls, auth_token=twilio.TOKEN)
        assert [*refusals(plan(office, tmp_path, "+12125550010,yes,,", more=("--over", "texts")))] == ["R44"]
        says(office, "Call +49 30 555 0100.")
        settings |= {"stop_key": "9", "callback_url": "https://callbacks.example.org/in/x"}
        texting(office, relay, calls, auth_token=twilio.TOKEN)
        made = plan(office, tmp_path, "+12125550010,yes,,", more=("--over", "texts"))
    assert (refusals(made), made["campaign"]["ways"]) == ({}, {"sms": 1})


def back(desk: AtDesk, relay: MailServer, server: twilio.Twilio) -> str:
    """Give the home a channel over Twilio with callbacks, and return their address."""
    settings = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": server.url}
    texting(desk, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
    settings["callback_url"] = f"https://callbacks.example.org{address(desk, 'texts')}"
    texting(desk, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
    return settings["callback_url"]


def refused_channels(desk: AtDesk) -> list[str]:
    found = desk("doctor", "--offline", "--format", "json").json["findings"]
    return [one["ref"] for one in found if one.get("code") == "sender_refused"]


def test_a_test_that_american_carriers_refuse_is_an_error_of_the_channel(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        url = back(office, relay, server)
        about = {"MessageSid": "SM" + "0b" * 16, "AccountSid": twilio.ACCOUNT}
        with serving(office) as served:

            def reports(status: str, **more: str) -> Callback:
                return twilio.signed(url, about | {"MessageStatus": status} | more, office.clock.now())

            assert served.call_back(reports("undelivered", ErrorCode="30034")).status == 200
            assert refused_channels(office) == ["texts"]
            made = plan(office, tmp_path, "+12125550010,yes,,", "+4915112345678,yes,,")
            assert (refusals(made), made["countries"]) == (
                {"R43": [("American carriers refuse this sender (code 30034)", 1)]},
                {"DE": 1},
            )
            for to in ("+4915112345678", "rcs:+12125550010"):
                assert served.call_back(reports("delivered", To=to)).status == 200
                assert refused_channels(office) == ["texts"], "no American carrier took that"
            assert served.call_back(reports("delivered", To="+12125550010")).status == 200
    assert refused_channels(office) == []
    assert refusals(plan(office, tmp_path, "+12125550010,yes,,")) == {}


def test_an_opt_out_is_confirmed_once_and_help_is_answered_once(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    contact = {"name": "Maria Muster", "phone": "+49 30 555 0100"}
    by_smsc(office, relay, smsc)
    settings = office.home / "tocsin.yaml"
    home = msgspec.yaml.decode(settings.read_bytes())
    home["organisation"]["contact"] = contact
    settings.write_bytes(msgspec.yaml.encode(home))
    approved(office)
    plan(office, tmp_path, "+15005550378,yes,,", "+15005550379,yes,,")
    sent(office, str(tmp_path / "people.csv"))
    assert [*heard(smsc, 2)] == ["15005550378", "15005550379"]
    office("worker", "--once")
    replies = heard(smsc, 2)
    assert [*replies] == ["15005550378", "15005550379"]
    assert all("Maria Muster, +49 30 555 0100" in text for text in replies.values())
    office("worker", "--once")  # both wrote the same word again, as an answer to the reply
    path = listed(tmp_path, rows("+15005550020,yes,,"), "more.csv")
    planned(office, path, "--short", "our-text")
    sent(office, path, "--accept-repeats", "another person")
    assert [*heard(smsc, 1)] == ["15005550020"]


def test_readiness_asks_for_the_registration_of_a_sender(
    office: AtDesk, relay: MailServer, smsc: Peer
) -> None:
    def asked() -> list[str]:
        found = office("drill", "readiness", "--format", "json").json["needs_attention"]
        return [
            one["text"].partition("(")[2].partition(")")[0]
            for one in found
            if one["kind"] == "sender_unregistered"
        ]

    by_smsc(office, relay, smsc, sender="Tocsin")
    assert asked() == ["AU, ES, FI, IE, IN, SG"]
    by_smsc(office, relay, smsc)
    assert asked() == ["US"]
    by_smsc(office, relay, smsc, registered=["US"])
    assert asked() == []
