"""Notices to many people by text message, through a foreign SMSC and a simulated Twilio, from plan to totals."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrations import modem
from integrations.port import Callback
from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import (
    by_mail,
    listed,
    office,
    opened,
    planned,
    refused,
    relay,
    run,
    sent,
    standing,
    told,
)
from tests.cli.notices.noticed import verified
from tests.servers.receivers import MailServer
from tests.servers.smsc import PASSWORD, Peer, running_smsc
from tests.servers.stand_ins import twilio
from tests.web.served import Answered, address, serving

__all__ = ["office", "relay"]

BOTH = """\
schema: tocsin/playbook/v1
name: tell-and-text
version: 1.0.0
title: Tell people, by mail and by text message
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel, minimum: 2}}
steps:
  - {id: letter, notice: our-letter, duty: eu-gdpr-34-data-subjects/individuals}
  - {id: sign, approve: letter, by: {roles: [counsel], distinct: 1}, after: [letter]}
  - {id: text, notice: our-text, duty: eu-gdpr-34-data-subjects/individuals}
  - {id: sign-text, approve: text, by: {roles: [counsel], distinct: 1}, after: [text]}
"""
WORDS = "Example GmbH: there is news about your data, reference {}. Call the number that you know."
HEAD = "reference,name,address,jurisdiction,email,phone,sms_consent,sms_exemption\n"


@pytest.fixture
def smsc() -> Iterator[Peer]:
    with running_smsc() as found:
        yield found


def texting(desk: AtDesk, relay: MailServer, channel: dict[str, Any], **secrets: str) -> None:
    """Give the home a relay and a way to telephones."""
    for secret, text in secrets.items():
        (desk.home / secret).write_text(text, encoding="utf-8")
    texts = {"secrets": {name: f"file:{name}" for name in secrets}, "rates": ["10000/s"], **channel}
    channels = {**desk.channels["channels"], "relay": by_mail(relay), "texts": texts}
    desk.settings(channels=channels, public_url="https://callbacks.example.org")


def by_smsc(
    desk: AtDesk, relay: MailServer, smsc: Peer, sender: str = "+15005550000", **channel: Any
) -> None:
    settings = {
        "host": smsc.settings.host,
        "port": smsc.settings.port,
        "line": "private",
        "system_id": "tocsin",
        "sender": sender,
    }
    texting(desk, relay, {"adapter": "smpp", "settings": settings, **channel}, password=PASSWORD)


DAY = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
"""When it is day in every zone that a number of no one place may be in, from Guam to Newfoundland."""


def approved(desk: AtDesk, at: datetime = DAY) -> None:
    """Open an incident whose letter and text message are both approved."""
    desk.clock.time = at
    opened(desk, playbook=BOTH)
    verified(desk, "", "jonas")
    for step in ("sign", "sign-text"):
        desk.done("approve", step, "--as", "jonas", types="y\n")


def people(*rows: str) -> str:
    return HEAD + "".join(f"{row}\n" for row in rows)


def heard(smsc: Peer, count: int) -> dict[str, str]:
    """Return what each telephone was sent."""
    found = [smsc.heard() for _ in range(count)]
    return {str(one["to"]): str(one["text"]) for one in found}


def by_reference(desk: AtDesk, path: str, folder: Path) -> dict[str, str]:
    """Return why each person who is told by no channel needs a letter, or cannot be reached."""
    out = folder / "open.csv"
    desk.done("bulk", "status", "our-letter", "--people", path, "--open", str(out))
    rows = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    return {row["reference"]: f"{row['state']}: {row['why']}" for row in rows}


def test_a_text_message_campaign_ends_with_each_person_notified_or_pending(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc)
    approved(office)
    relay.answers = {"gone@people.example": "550 5.1.1 no such user"}
    path = listed(
        tmp_path,
        people(
            "K1,Ada,1 Elm Road,DE,,+15005550010,yes,",
            "K2,Bo,2 Elm Road,DE,,+15005550404,yes,",
            "K3,Cy,3 Elm Road,DE,,+15005550378,yes,",
            "K4,Di,4 Elm Road,DE,,+15005550014,,",
            "K5,Ed,5 Elm Road,DE,,+15005550015,,health_and_safety",
            "K6,Flo,6 Elm Road,DE,,+15005550016,yes,",
            "K7,Gus,,DE,,+15005550017,yes,",
            "K8,Hal,8 Elm Road,DE,gone@people.example,+15005550018,yes,",
            "K9,Ida,9 Elm Road,DE,ida@people.example,+15005550019,yes,",
        ),
    )
    plan = planned(office, path, "--short", "our-text")
    assert plan["campaign"]["ways"] == {"email": 2, "post": 1, "sms": 6}
    assert ("sms", "R25", 1) in [
        (refusal["way"], refusal["rule"], refusal["people"]) for refusal in plan["campaign"]["refusals"]
    ]
    # STOP came between plan and sending
    (tmp_path / "stop.txt").write_text("+1 (500) 555-0016\n+15005550017\n", encoding="utf-8")
    office.done("bulk", "suppress", str(tmp_path / "stop.txt"), "--because", "stop")

    assert sent(office, path)["ending"] == "done"
    assert told(relay) == ["ida@people.example"]
    texts = heard(smsc, 5)
    assert texts == {
        "15005550010": WORDS.format("K1"),
        "15005550404": WORDS.format("K2"),
        "15005550378": WORDS.format("K3"),
        "15005550015": WORDS.format("K5"),
        "15005550018": WORDS.format("K8"),
    }
    office("worker", "--once")
    whole = standing(office, path)
    assert whole["evidence"] == {"accepted": 1, "delivered": 4}
    assert whole["still_open"] == {"post": 3, "unreachable": 1}
    assert by_reference(office, path, tmp_path) == {
        "K2": "post: not delivered (001)",
        "K4": "post: ",
        "K6": "post: the address is blocked: stop",
        "K7": "unreachable: the address is blocked: stop",
    }
    [place] = run(office, "status", path)["places"]
    assert place["still_owed"] == {"hard_bounce": 1, "stop": 2}  # K2, and K6 and K7; K3 opted out afterwards
    # the reply holds in the next campaign: that number is left alone, and its reader stays owed
    again = listed(tmp_path, people("K3,Cy,3 Elm Road,DE,,+15005550378,yes,"), "again.csv")
    assert planned(office, again, "--short", "our-text")["campaign"]["ways"] == {"post": 1}
    assert run(office, "status", again)["places"][0]["still_owed"] == {"stop": 1}
    assert run(office, "status", path, "--verify")["proof"]["attempts"] == 7


def test_a_campaign_by_twilio_is_proved_by_its_callbacks(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        settings = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": server.url}
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        settings["callback_url"] = f"https://callbacks.example.org{address(office, 'texts')}"
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        approved(office)
        path = listed(
            tmp_path,
            people(
                "K1,Ada,1 Elm Road,DE,,+15005550010,yes,",
                "K2,Bo,2 Elm Road,DE,,+15005550012,yes,",
                "K3,Cy,3 Elm Road,DE,,+15005550013,yes,",
                "K4,Di,4 Elm Road,DE,,+15005550004,yes,",  # Twilio knows that it sent STOP
            ),
        )
        planned(office, path, "--short", "our-text")
        assert sent(office, path)["outcomes"] == {"accepted": 3, "rejected": 1}
        named = {one["to"]: sid for sid, one in server.things.items()}
        with serving(office) as served:
            for number, status, more in (
                ("+15005550010", "delivered", {}),
                ("+15005550012", "undelivered", {"ErrorCode": "30003"}),
                ("+15005550013", "undelivered", {"ErrorCode": "21610"}),
            ):
                told_us = server.status(named[number], status, office.clock.now(), **more)
                assert served.call_back(told_us).status == 200
    whole = standing(office, path)
    assert (whole["evidence"], whole["still_open"]) == ({"delivered": 1}, {"post": 3})
    assert set(by_reference(office, path, tmp_path)) == {"K2", "K3", "K4"}
    known = run(office, "status", path)
    assert (known["suppressed"], known["counters"]["bounced"]) == ({"stop": 2}, 1)


def test_a_route_that_no_carrier_takes_stops_the_campaign_and_says_nothing_of_the_numbers(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        settings = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": server.url}
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        settings["callback_url"] = f"https://callbacks.example.org{address(office, 'texts')}"
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        approved(office)
        rows = [f"K{n},P{n},{n} Elm Road,DE,,+150055501{n:02},yes," for n in range(30)]
        path = listed(tmp_path, people(*rows))
        planned(office, path, "--short", "our-text", "--canary-wait", "1h")
        assert sent(office, path)["ending"] == "waiting"
        with serving(office) as served:
            for sid in server.things:
                told_us = server.status(sid, "undelivered", office.clock.now(), ErrorCode="30034")
                assert served.call_back(told_us).status == 200
    known = run(office, "status", path)
    assert (known["state"], known["counters"]["bounced"], known["suppressed"]) == ("paused", 0, {})


def test_a_possible_opt_out_stops_messages_until_a_person_decides(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        settings = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": server.url}
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        url = f"https://callbacks.example.org{address(office, 'texts')}"
        settings["callback_url"] = url
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        approved(office)
        path = listed(tmp_path, people("K1,Ada,1 Elm Road,DE,,+15005550010,yes,"))
        planned(office, path, "--short", "our-text")
        sent(office, path)
        said = {"MessageSid": "SM" + "0a" * 16, "SmsStatus": "received", "AccountSid": twilio.ACCOUNT}
        said |= {"From": "+15005550010", "Body": "could you stop sending me things"}
        with serving(office) as served:
            assert served.call_back(twilio.signed(url, said, office.clock.now())).status == 200
    tasks = office("status", "--format", "json").json["tasks"]
    assert [task["step"] for task in tasks if task["title"].startswith("Decide whether these texts")] == [
        "decide"
    ]
    again = listed(tmp_path, people("K1,Ada,1 Elm Road,DE,,+15005550010,yes,"), "again.csv")
    assert planned(office, again, "--short", "our-text")["campaign"]["ways"] == {"post": 1}


class Early(twilio.Twilio):
    """A provider whose callbacks come while the chunk that their messages are in is still under way."""

    call: Callable[[Callback], Answered]
    at: datetime

    def take(self, heard):
        status, answer = super().take(heard)
        failed = {"status": "undelivered", "ErrorCode": "30003"}
        for sid, more in zip(list(self.things)[:-1], ({"status": "delivered"}, failed), strict=False):
            if self.things[sid]["status"] == "queued":
                assert self.call(self.status(sid, at=self.at, **more)).status == 200
        return status, answer


def test_receipts_that_arrive_during_a_batch_count_when_it_ends(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    with Early() as server:
        settings = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": server.url}
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        settings["callback_url"] = f"https://callbacks.example.org{address(office, 'texts')}"
        texting(office, relay, {"adapter": "twilio_sms", "settings": settings}, auth_token=twilio.TOKEN)
        approved(office)
        rows = [f"K{n},P{n},{n} Elm Road,DE,,+1500555001{n},yes," for n in range(3)]
        path = listed(tmp_path, people(*rows))
        planned(office, path, "--short", "our-text")
        with serving(office) as served:
            server.call, server.at = served.call_back, office.clock.now()
            assert sent(office, path)["outcomes"] == {"accepted": 3}
            served.callbacks.inbox.again()
    whole = standing(office, path)
    assert (whole["evidence"], whole["still_open"]) == ({"accepted": 1, "delivered": 1}, {"post": 1})


def test_a_letter_cannot_be_sent_as_a_text_message(office: AtDesk, tmp_path: Path) -> None:
    path = listed(tmp_path, people("K1,Ada,1 Elm Road,DE,,+15005550010,yes,"))
    said = refused(office, "bulk", "plan", "our-letter", "--people", path, "--short", "our-letter")
    assert said["code"] == "short_text"
    assert "does not name the organisation (R14)" in said["message"]


def test_a_text_message_waits_for_the_morning_of_its_reader_and_expires_in_the_evening(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    folders = [tmp_path / "gammu" / name for name in modem.FOLDERS]
    for folder in folders:
        folder.mkdir(parents=True)
    by_modem = {"operator": "carrier-x", "folder": str(tmp_path / "gammu")}
    texting(office, relay, {"adapter": "modem", "settings": by_modem})
    approved(office, datetime(2026, 11, 24, 9, tzinfo=UTC))
    zoned = HEAD.replace("\n", ",zone\n") + "K1,Ada,1 Elm Road,DE,,+15005550010,yes,,America/Los_Angeles\n"
    path = listed(tmp_path, zoned)
    planned(office, path, "--short", "our-text")
    first = sent(office, path)
    assert (first["ending"], first["until"]) == ("waiting", "2026-11-24T16:00:00Z")
    office.clock.time = datetime(2026, 11, 24, 16, tzinfo=UTC)
    assert sent(office, path)["outcomes"] == {"accepted": 1}
    evening = datetime(2026, 11, 25, 5, tzinfo=UTC).timestamp()
    found = [one.read_text().partition("\n")[0] for one in folders[0].iterdir()]
    assert found == [f"; until {evening:.0f}"]


@pytest.mark.parametrize(
    ("number", "begun", "until"),
    [
        ("+12125550010", "2026-11-24T09:00:00+00:00", "2026-11-24T13:00:00Z"),  # New York
        ("+61412345678", "2026-11-24T10:00:00+00:00", "2026-11-25T01:30:00Z"),  # from Lord Howe to the Cocos
        ("+447700900123", "2026-11-24T22:00:00+00:00", "2026-11-25T08:00:00Z"),  # no zone: the country's
        ("+18005550010", "2026-11-24T09:00:00+00:00", "2026-11-24T22:00:00Z"),  # of no one place
    ],
)
def test_without_a_zone_a_text_message_waits_until_it_is_day_wherever_its_number_may_be(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path, number: str, begun: str, until: str
) -> None:
    by_smsc(office, relay, smsc)
    approved(office, datetime.fromisoformat(begun))
    path = listed(tmp_path, people(f"K1,Ada,1 Elm Road,DE,,{number},yes,"))
    planned(office, path, "--short", "our-text")
    first = sent(office, path)
    assert (first["ending"], first["until"]) == ("waiting", until)


def test_an_unapproved_short_text_is_not_sent(
    office: AtDesk, relay: MailServer, smsc: Peer, tmp_path: Path
) -> None:
    by_smsc(office, relay, smsc)
    opened(office, playbook=BOTH)
    verified(office, "", "jonas")
    office.done("approve", "sign", "--as", "jonas", types="y\n")
    path = listed(tmp_path, people("K1,Ada,1 Elm Road,DE,,+15005550010,yes,"))
    planned(office, path, "--short", "our-text")
    said = refused(office, "bulk", "send", "our-letter", "--people", path, "--yes")
    assert said["code"] == "unapproved"
    assert [problem["file"] for problem in said["problems"]] == [
        "our-text 1.0.0 for eu-gdpr-34-data-subjects/individuals"
    ]
