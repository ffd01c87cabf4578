"""Notices to many people from the command line, over a real mail server."""

from __future__ import annotations

import atexit
import csv
import functools
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.cli.notices.noticed import verified
from tests.integrations.test_smtp_reports import group, report
from tests.integrations.test_smtp_verdicts import complaint
from tests.servers.receivers import MailServer

FACTS = """\
schema: tocsin/facts/v1
source: the incident team
organisation: {{name: Example GmbH, country: DE, zone: Europe/Berlin, role: [controller]}}
incident: {{summary: Somebody copied a file., aware_at: "2026-11-24T08:00:00Z"}}
data: {{involved: true, elements: {elements}, encrypted: false}}
risk: {{to_people: high, mitigation: We closed the door., advice: Keep your eyes open.}}
{more}
"""
LETTER = """\
---
schema: tocsin/notice/v1
id: our-letter
version: 1.0.0
title: What happened to your data
language: en-GB
audience: individuals
slots: [recipient.name, recipient.address, recipient.reference]
---
::: lines
{{ recipient.name }}
{{ recipient.address }}
:::

# What happened to your data

Dear {{ recipient.name }}, your reference is {{ recipient.reference }}. {{ incident.summary }}
"""
TEXT = """\
---
schema: tocsin/notice/v1
id: our-text
version: 1.0.0
title: Text message
language: en-GB
audience: individuals
duties: [eu-gdpr-34-data-subjects/individuals]
slots: [recipient.reference]
---
{{ organisation.name }}: there is news about your data, reference {{ recipient.reference }}. Call the number that you know.
"""
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: tell
version: 1.0.0
title: Tell people
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel, minimum: 2}}
steps:
  - {id: letter, notice: our-letter, duty: eu-gdpr-34-data-subjects/individuals}
  - {id: sign, approve: letter, by: {roles: [counsel], distinct: 1}, after: [letter]}
"""
TEXAS = """\
schema: tocsin/facts/v1
source: the incident team
organisation:
  name: Example Stores Inc.
  address: "1 Main Street\\nAustin, TX"
  role: [data_owner]
  source_of_breach: true
  public_body: false
  regulated_as: []
  zone: America/Chicago
  country: US
  does_business_in: [US]
  contact: {name: Maria Muster, phone: 1-800-555-0101}
incident:
  summary: Somebody copied a file of customer records.
  impact: [confidentiality]
  vector: hacking
  occurred_at: "2026-11-01T09:00:00-06:00"
  discovered_at: "2026-11-20T09:00:00-06:00"
  determined_at: "2026-11-21T16:00:00-06:00"
data: {involved: true, form: [electronic], with_name: true, elements: [ssn], encrypted: false}
people: {total: 400, by_jurisdiction: {US-TX: 400}, good_faith_only: false}
risk: {harm: likely, mitigation: We closed the door., advice: Keep your eyes open.}
law_enforcement: {engaged: false}
"""
HEAD = "reference,name,address,jurisdiction,email\n"


def people(count: int, *, domain: str = "people.example") -> str:
    rows = (f'K{n},Person {n},"{n} Elm Road",DE,person{n}@{domain}\n' for n in range(1, count + 1))
    return HEAD + "".join(rows)


@pytest.fixture
def relay() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


def by_mail(relay: MailServer, **more: Any) -> dict[str, Any]:
    """Return the settings of a channel to a relay."""
    return {
        "adapter": "smtp",
        "personal_data": "personal",
        "settings": {
            "host": "127.0.0.1",
            "port": relay.port,
            "sender": "notice@breach.example",
            "tls": "none",
        },
        "rates": ["10000/s"],
        **more,
    }


def configure(desk: AtDesk, relay: MailServer, **more: Any) -> None:
    desk.settings(channels={**desk.channels["channels"], "relay": by_mail(relay, **more)})


@functools.cache
def prepared() -> Path:
    """Return a home with our letters in which an incident runs: all law is compiled with them once."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bulk-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    notices = desk.home / "notices"
    notices.mkdir(exist_ok=True)
    (notices / "our-letter.md").write_text(LETTER, encoding="utf-8")
    (notices / "our-text.md").write_text(TEXT, encoding="utf-8")
    opened(desk)
    return folder / "home"


def opened(
    desk: AtDesk,
    *,
    elements: str = "[name, contact]",
    more: str = "",
    kind: str = "real",
    playbook: str = PLAYBOOK,
) -> None:
    """Open an incident, and choose it."""
    folder = desk.home.parent
    (folder / "facts.yaml").write_text(FACTS.format(elements=elements, more=more), encoding="utf-8")
    (folder / "tell.yaml").write_text(playbook, encoding="utf-8")
    words = ("--yes", "--kind", kind, "--facts", str(folder / "facts.yaml"), "--format", "json")
    found = json.loads(desk.done("open", str(folder / "tell.yaml"), *words))
    desk.done("use", found["incident"])


def approve(desk: AtDesk) -> None:
    verified(desk, "", "jonas")
    desk.done("approve", "sign", "--as", "jonas", types="y\n")


@pytest.fixture
def office(relay: MailServer, tmp_path: Path) -> Iterator[AtDesk]:
    """A home with a relay and an incident; nobody approved its letter."""
    shutil.copytree(prepared(), tmp_path / "home")
    desk = AtDesk(tmp_path / "home")
    for _ in range(200):
        desk.chance.name("skipped")
    desk.chance.codename()
    configure(desk, relay)
    yield desk
    desk.close()


@pytest.fixture
def bulk(office: AtDesk) -> AtDesk:
    """The same, and the letter is approved."""
    approve(office)
    return office


def listed(folder: Path, text: str, name: str = "people.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(desk: AtDesk, verb: str, path: str, *more: str, notice: str = "our-letter") -> Any:
    said = desk("bulk", verb, notice, "--people", path, "--format", "json", *more)
    assert said.code in (0, 4), (said.out, said.err)
    return said.json


def planned(desk: AtDesk, path: str, *more: str) -> Any:
    return run(desk, "plan", path, "--canary-wait", "0s", *more)


def sent(desk: AtDesk, path: str, *more: str) -> Any:
    return run(desk, "send", path, "--yes", "--no-wait", "--accept-counts", "nobody counted", *more)


def refused(desk: AtDesk, *words: str) -> dict[str, Any]:
    said = desk(*words, "--format", "json")
    assert said.code == 1, (said.code, said.out, said.err)
    return json.loads(said.out or said.err)


def standing(desk: AtDesk, path: str) -> dict[str, Any]:
    found = run(desk, "status", path)
    whole = found["standing"]
    parts = whole["notified"] + whole["substituted"] + whole["exempt"] + whole["open"]
    assert parts == whole["owed"]
    assert whole["owed"] + found["duplicates"] == found["rows"]
    assert sum(whole["evidence"].values()) == whole["notified"]
    assert sum(whole["still_open"].values()) == whole["open"]
    assert sum(place["standing"]["owed"] for place in found["places"]) == whole["owed"]
    return whole


def named(text: str) -> set[str]:
    """Return the numbers, names and dates of a sentence."""
    return {word.strip(';,:()."') for word in text.split()}


def told(relay: MailServer) -> list[str]:
    return [address for address, _, _ in relay.mails]


def test_each_listed_person_is_notified_once_and_the_totals_agree(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(120))
    plan = planned(bulk, path, "--chunk", "50")
    assert plan["campaign"]["ways"] == {"email": 120}
    (stretch,) = plan["feasible"]["stretches"]
    assert (stretch["people"], stretch["channel"]) == (120, "relay")
    assert {"120", "relay"} <= named(plan["feasible"]["sum"])
    result = sent(bulk, path)
    assert (result["ending"], result["outcomes"]) == ("done", {"accepted": 120})
    assert sorted(told(relay)) == sorted(f"person{n}@people.example" for n in range(1, 121))
    assert standing(bulk, path)["evidence"] == {"accepted": 120}
    assert {subject for *_, subject in relay.mails} == {"What happened to your data"}
    again = sent(bulk, path)
    assert again["outcomes"] == {}
    assert len(relay.mails) == 120
    proof = run(bulk, "status", path, "--verify")["proof"]
    assert proof == {"chunks": 4, "attempts": 120}
    bulk.done("audit", "verify")


def test_the_pilot_batch_goes_first_and_the_rest_waits_for_bounces(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(60))
    run(bulk, "plan", path)
    first = sent(bulk, path)
    assert (first["ending"], len(relay.mails)) == ("waiting", 10)
    assert sent(bulk, path)["outcomes"] == {}
    bulk.clock.advance(timedelta(minutes=31))
    assert sent(bulk, path)["ending"] == "done"
    assert len(relay.mails) == 60


def test_closing_names_a_campaign_until_it_is_done(bulk: AtDesk, relay: MailServer, tmp_path: Path) -> None:
    path = listed(tmp_path, people(60))

    def named_at_close() -> list[str]:
        found = refused(bulk, "close")
        assert found["code"] == "open_work"
        return [one["file"] for one in found["problems"] if one["code"] == "open_campaign"]

    campaign = run(bulk, "plan", path)["campaign"]["id"]
    sent(bulk, path)
    assert named_at_close() == [campaign]
    bulk.clock.advance(timedelta(minutes=31))
    assert sent(bulk, path)["ending"] == "done"
    assert named_at_close() == []


def test_dead_addresses_in_the_pilot_batch_pause_the_campaign_until_a_person_resumes(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    relay.answers = {f"person{n}@people.example": "550 5.1.1 no such user" for n in (1, 2)}
    path = listed(tmp_path, people(60))
    planned(bulk, path)
    first = sent(bulk, path)
    assert first["ending"] == "paused"
    assert {"2", "10"} <= named(first["reason"])
    assert run(bulk, "status", path)["counters"]["bounced"] == 2
    assert refused(bulk, "bulk", "send", "our-letter", "--people", path, "--yes")["code"] == "paused"
    attention = json.loads(bulk("status", "--format", "json").out)["needs_attention"]
    assert [one["kind"] for one in attention if one["kind"].startswith("bulk")] == ["bulk_paused"]
    assert bulk("bulk", "resume", "our-letter", "--people", path).code == 1
    run(bulk, "resume", path, "--reason", "two leavers, we looked")
    assert sent(bulk, path)["ending"] == "done"
    whole = standing(bulk, path)
    assert (whole["notified"], whole["still_open"]) == (58, {"post": 2})
    assert not set(told(relay)) & set(relay.answers)


def waits(desk: AtDesk) -> list[tuple[str, str]]:
    """Return the kind and the command of each campaign in DO NOW."""
    items = json.loads(desk("status", "--check", "--format", "json").out)["needs_attention"]
    found = [(one["kind"], one["action"]["verb"]) for one in items if one["kind"].startswith("bulk")]
    told = [
        one["text"] for one in json.loads(desk("worker", "--once", "--format", "json").out)["needs_attention"]
    ]
    assert all(one["text"] in told for one in items if one["kind"].startswith("bulk"))
    return found


def test_a_campaign_that_waits_for_a_person_is_in_do_now_until_everybody_is_notified(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    before = "  - {id: contain, task: Contain the systems}\n  - {id: sign"
    opened(
        office, playbook=PLAYBOOK.replace("  - {id: sign", before).replace("[letter]", "[letter, contain]")
    )
    path = listed(tmp_path, people(60) + "K99,Paula Post,9 Elm Road,DE,\n")
    assert waits(office) == []
    run(office, "plan", path)
    items = json.loads(office("status", "--format", "json").out)["needs_attention"]
    (unapproved,) = (one for one in items if one["kind"] == "bulk_planned")
    assert {"Contain", "systems"} <= named(unapproved["detail"])
    office.done("task", "done", "contain")
    verified(office, "", "jonas")
    assert waits(office) == [("bulk_planned", "step.approve")]  # before that, sending is refused
    approve(office)
    assert waits(office) == [("bulk_planned", "bulk.send")]
    run(office, "pause", path, "--reason", "the text is read again")
    assert waits(office) == [("bulk_paused", "bulk.resume")]
    run(office, "resume", path, "--reason", "it is right")
    assert waits(office) == [("bulk_idle", "bulk.send")]
    assert sent(office, path)["ending"] == "waiting"
    assert waits(office) == [("bulk_idle", "bulk.send")]  # no process sends the rest after the pilot batch
    office.clock.advance(timedelta(minutes=31))
    assert sent(office, path)["ending"] == "done"
    assert waits(office) == [("bulk_left", "bulk.status")]
    posted = listed(tmp_path, "kind,reference\nposted,K99\n", "posted.csv")
    office.done("bulk", "receipts", "our-letter", "--people", path, "--from", posted)
    assert waits(office) == []


def test_a_bounced_address_is_not_used_again_in_a_later_campaign(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    relay.answers = {"person1@people.example": "550 5.1.1 no such user"}
    first = listed(tmp_path, people(1), "first.csv")
    planned(bulk, first)
    sent(bulk, first)
    second = listed(tmp_path, people(2), "second.csv")
    assert planned(bulk, second)["campaign"]["ways"] == {"email": 1, "post": 1}


def test_an_address_on_the_stop_list_is_left_alone_though_it_came_after_the_plan(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(30))
    planned(bulk, path)
    stop = tmp_path / "stop.txt"
    stop.write_text("Person7@PEOPLE.example\n", encoding="utf-8")
    bulk.done("bulk", "suppress", str(stop), "--because", "stop")
    assert sent(bulk, path)["ending"] == "done"
    assert "person7@people.example" not in told(relay)
    whole = standing(bulk, path)
    assert (whole["notified"], whole["still_open"]) == (29, {"post": 1})


def test_a_stop_list_with_an_invalid_address_is_refused_without_repeating_it(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(2))
    planned(bulk, path)
    stop = tmp_path / "stop.csv"
    stop.write_text(
        "email;since\nperson1@people.example;2026-11-01\nperson2@people.example\n", encoding="utf-8"
    )
    said = refused(bulk, "bulk", "suppress", str(stop))
    assert (said["code"], {"2", "3"} <= named(said["message"])) == ("bad_stop_list", True)
    assert [problem["line"] for problem in said["problems"]] == [1, 2]
    assert "person1" not in json.dumps(said)
    assert sent(bulk, path)["ending"] == "done"
    assert len(told(relay)) == 2


def test_a_campaign_that_would_end_late_is_refused_with_the_calculation(
    office: AtDesk, tmp_path: Path
) -> None:
    (office.home.parent / "us.yaml").write_text(TEXAS, encoding="utf-8")
    words = ("--yes", "--facts", str(office.home.parent / "us.yaml"), "--format", "json")
    found = json.loads(office.done("open", str(prepared().parent / "tell.yaml"), *words))
    office.done("use", found["incident"])
    path = listed(tmp_path, people(400).replace(",DE,", ",US-TX,"))
    consent = listed(
        tmp_path,
        Path(path)
        .read_text()
        .replace("email\n", "email,email_basis\n")
        .replace("@people.example\n", "@people.example,esign\n"),
    )
    said = refused(office, "bulk", "plan", "our-letter", "--people", consent, "--rate", "relay=1/day")
    assert said["code"] == "too_late"
    arithmetic = {"400", "relay", "1/day", "30", "2027-12-29T09:30:00Z"}
    assert {*arithmetic, "us-tx-breach/individuals", "2027-01-21T05:59:59Z"} <= named(said["message"])
    assert office("bulk", "status", "our-letter", "--people", consent).code == 1
    assert planned(office, consent)["campaign"]["ways"] == {"email": 400}
    without = listed(tmp_path, people(4).replace(",DE,", ",US-TX,"), "without.csv")
    plan = planned(office, without)
    assert plan["campaign"]["ways"] == {"post": 4}
    assert "R23" in {refusal["rule"] for refusal in plan["campaign"]["refusals"]}


def test_each_address_is_used_once_and_each_person_counted_once(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    rows = (
        "K1,Ada Álvarez,1 Elm Road,DE,ada@people.example\n"
        "K2,ADA  Álvarez,1 Elm Road,DE,Ada@PEOPLE.example\n"
        "K3,Bo Ek,1 Elm Road,DE,ada@people.example\n"
        "K4,Ola Ek,,DE,ola@people.example\n"
        "K5,Jean Dupont,,DE,\n"
    )
    path = listed(tmp_path, HEAD + rows)
    plan = planned(bulk, path)
    assert plan["campaign"]["duplicates"] == 1
    assert ("R29", 1) in [(refusal["rule"], refusal["people"]) for refusal in plan["campaign"]["refusals"]]
    sent(bulk, path)
    assert sorted(told(relay)) == ["ada@people.example", "ola@people.example"]
    whole = standing(bulk, path)
    assert (whole["owed"], whole["still_open"]) == (4, {"post": 1, "unreachable": 1})


def test_odd_names_change_no_recipient_and_no_spreadsheet(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    rows = (
        "=1,x,y,DE,a@people.example\n"
        'K2,"=HYPERLINK(""http://x.example"")",@home,DE,\n'
        'K3,"Bcc: c@d.example\\r\\nX: y",5 Long Lane,DE,k3@people.example\n'
        'K4,<b>{{ 7*7 }}</b>,5 Long Lane,DE,"k4@people.example,other@people.example"\n'
        "K5,אברהם לוי,5 Long Lane,DE,k5@people.example\n"
    )
    path = listed(tmp_path, HEAD + rows)
    said = refused(bulk, "bulk", "plan", "our-letter", "--people", path)
    assert [problem["line"] for problem in said["problems"]] == [2]
    planned(bulk, path, "--skip-bad")
    sent(bulk, path)
    assert sorted(told(relay)) == ["k3@people.example", "k5@people.example"]
    out = tmp_path / "open.csv"
    bulk.done("bulk", "status", "our-letter", "--people", path, "--open", str(out))
    cells = [row["name"] for row in csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))]
    assert cells == ['\'=HYPERLINK("http://x.example")', "<b>{{ 7*7 }}</b>"]
    assert out.stat().st_mode & 0o77 == 0


def test_a_campaign_sends_nothing_before_its_template_is_approved(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(3) + 'K9,Zoe,"9 Elm Road",FR,zoe@people.example\n')
    plan = planned(office, path)
    assert [ground["group"]["approved"] for ground in plan["campaign"]["grounds"]] == [False, False]
    assert [{"our-letter", "1.0.0"} <= named(warning) for warning in plan["warnings"]][-1:] == [True]
    said = refused(office, "bulk", "send", "our-letter", "--people", path, "--yes")
    assert (said["code"], named(said["message"]) & {"is", "are"}) == ("unapproved", {"is"})
    assert ("1" in named(said["message"]), "2" in named(said["message"])) == (
        True,
        False,
    )  # 1 text for 2 places
    assert {"approve", "sign"} <= named(said["hint"])
    assert relay.mails == []
    approve(office)
    assert sent(office, path)["ending"] == "done"


def test_a_text_with_one_of_two_approvals_names_who_approved(office: AtDesk, tmp_path: Path) -> None:
    opened(office, playbook=PLAYBOOK.replace("distinct: 1", "distinct: 2"))
    approve(office)
    path = listed(tmp_path, people(1))
    planned(office, path)
    said = refused(office, "bulk", "send", "our-letter", "--people", path, "--yes")
    assert {"jonas", "approve"} <= named(said["hint"])


def test_a_text_that_changed_since_the_plan_is_not_sent(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(3))
    planned(bulk, path)
    bulk.done("fact", "set", "incident.summary=Somebody copied two files.", "--source", "log")
    said = refused(bulk, "bulk", "send", "our-letter", "--people", path, "--yes")
    assert said["code"] == "campaign_stale"
    assert relay.mails == []


def test_a_list_that_changed_since_the_plan_is_not_sent_and_one_that_is_gone_is(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(3))
    planned(bulk, path)
    listed(tmp_path, people(4))
    assert bulk("bulk", "send", "our-letter", "--people", path, "--yes").code == 5
    Path(path).unlink()
    assert sent(bulk, path)["outcomes"] == {"accepted": 3}


def test_other_counts_and_people_of_another_list_need_a_reason_before_anything_is_sent(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    bulk.done("fact", "set", "people.total=3", "people.by_jurisdiction.DE=3", "--source", "forensics")
    path, again = listed(tmp_path, people(4)), listed(tmp_path, people(3), "same.csv")
    assert any({"DE", "4", "3"} <= named(warning) for warning in planned(bulk, path)["warnings"])
    words = ("bulk", "send", "our-letter", "--yes", "--no-wait")
    assert refused(bulk, *words, "--people", path)["code"] == "counts_differ"
    asked = bulk(*words[:3], "--people", path, "--accept-counts", "counted again", types="n\n")
    assert ({"DE", "4", "3"} <= named(asked.out + asked.err), relay.mails) == (True, [])
    assert sent(bulk, path)["outcomes"] == {"accepted": 4}
    bulk.done(*words, "--people", path)  # the reason was given
    assert any({"3", "people.csv"} <= named(warning) for warning in planned(bulk, again)["warnings"])
    assert refused(bulk, *words, "--people", again)["code"] == "people_repeated"
    assert len(relay.mails) == 4
    assert sent(bulk, again, "--accept-repeats", "corrected")["outcomes"] == {"accepted": 3}
    assert "corrected" in bulk.done("timeline", "--format", "json")


def test_a_text_with_the_date_of_another_day_is_sent_only_with_a_reason(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    (office.home / "notices" / "our-letter.md").write_text(
        LETTER.replace("Dear {{", "{{ notice.date|date }}. Dear {{"), encoding="utf-8"
    )
    opened(office)
    office.done("fact", "set", "incident.individual_notice_planned_at=2026-11-25T08:00:00Z", "--source", "us")
    office.done("notice", "render", "letter", "--as", "maria")
    approve(office)
    path = listed(tmp_path, people(2))
    assert any(
        {"2026-11-25", "2026-11-24"} <= named(warning) for warning in planned(office, path)["warnings"]
    )
    words = ("bulk", "send", "our-letter", "--people", path, "--accept-counts", "nobody counted")
    assert refused(office, *words, "--yes")["code"] == "notice_date"
    asked = office(*words, "--accept-date", "the printer is late", types="n\n")
    assert ("2026-11-25" in asked.out + asked.err, relay.mails) == (True, [])
    office.clock.advance(timedelta(hours=15))  # the planned day, in the organisation's zone
    assert sent(office, path)["outcomes"] == {"accepted": 2}


def test_a_paused_incident_sends_nothing(bulk: AtDesk, relay: MailServer, tmp_path: Path) -> None:
    path = listed(tmp_path, people(3))
    planned(bulk, path)
    bulk.done("pause", "--reason", "we look again")
    assert bulk("bulk", "send", "our-letter", "--people", path, "--yes").code == 1
    assert relay.mails == []


def test_an_exercise_sends_no_campaign(office: AtDesk, relay: MailServer, tmp_path: Path) -> None:
    configure(office, relay, exercise=True)
    opened(office, kind="exercise")
    said = refused(office, "bulk", "plan", "our-letter", "--people", listed(tmp_path, people(3)))
    assert said["code"] == "exercise"
    assert relay.mails == []
    stop = listed(tmp_path, "person1@people.example\n", "stop.txt")
    assert refused(office, "bulk", "suppress", stop)["code"] == "exercise"
    assert office.office().campaign_tables(office.office().principal).suppressions() == {}


def test_a_breached_mailbox_is_not_used_to_notify_its_owner(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    opened(office, elements="[name, online_credentials]")
    plan = planned(office, listed(tmp_path, people(3)))
    assert plan["campaign"]["ways"] == {"post": 3}
    assert [refusal["rule"] for refusal in plan["campaign"]["refusals"] if refusal["way"] == "email"] == [
        "R21"
    ]


def test_a_relay_that_may_not_carry_personal_data_carries_none(
    office: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    configure(office, relay, personal_data="contact")
    plan = planned(office, listed(tmp_path, people(3)))
    assert plan["campaign"]["ways"] == {"post": 3}
    assert [refusal["rule"] for refusal in plan["campaign"]["refusals"] if refusal["way"] == "email"] == [
        "R9"
    ]


def test_a_blocking_server_is_tried_again_later_and_a_deferral_is_retried(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    relay.answers = {"person3@people.example": "451 4.7.1 later"}
    path = listed(tmp_path, people(5))
    planned(bulk, path)
    first = sent(bulk, path)
    assert (first["ending"], first["outcomes"]) == ("waiting", {"accepted": 4, "throttled": 1})
    assert standing(bulk, path)["still_open"] == {"deferred": 1}
    relay.answers = {"person3@people.example": "550 5.7.1 blocked"}
    bulk.clock.advance(timedelta(minutes=31))
    second = sent(bulk, path)
    assert (second["ending"], second["outcomes"]) == ("waiting", {"rejected": 1})
    assert standing(bulk, path)["still_open"] == {"deferred": 1}
    for _ in range(5):  # one reader's server, however often: the next contact method, and no pause
        bulk.clock.advance(timedelta(hours=5))
        assert sent(bulk, path)["ending"] == "waiting"
    bulk.clock.advance(timedelta(hours=5))
    assert sent(bulk, path)["ending"] == "done"
    assert (standing(bulk, path)["still_open"], len(relay.mails)) == ({"post": 1}, 4)


def test_pause_and_resume_send_to_each_person_only_once(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(40))
    run(bulk, "plan", path)
    sent(bulk, path)
    run(bulk, "pause", path, "--reason", "the text is wrong for three")
    bulk.clock.advance(timedelta(hours=1))
    assert refused(bulk, "bulk", "send", "our-letter", "--people", path, "--yes")["code"] == "paused"
    run(bulk, "resume", path, "--reason", "it was right after all")
    assert sent(bulk, path)["ending"] == "done"
    assert sorted(told(relay)) == sorted({*told(relay)})
    assert len(relay.mails) == 40


def test_receipts_raise_the_evidence_and_a_bounce_reopens_the_person(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(40))
    planned(bulk, path)
    sent(bulk, path)
    key = {address: one.strip("<>").partition("@")[0] for address, one, _ in relay.mails}
    back = (
        "kind,key,reference,address,code\n"
        f"delivered,{key['person1@people.example']},,,\n"
        f"failed,{key['person1@people.example']},,,5.1.1\n"
        f"relayed,{key['person2@people.example']},,,\n"
        f"relayed,{key['person2@people.example']},,,\n"
        f"failed,{key['person3@people.example']},,,5.1.1\n"
        f"accepted,{key['person3@people.example']},,,\n"
        "delivered,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,,,\n"
        "posted,,K3,,\n"
    )
    result = run(bulk, "receipts", path, "--from", listed(tmp_path, back, "back.csv"))
    assert (result["receipts"], result["unmatched"]) == (8, 1)
    assert standing(bulk, path)["evidence"] == {"accepted": 37, "delivered": 1, "relayed": 1, "posted": 1}
    returned = listed(tmp_path, "kind,reference\nreturned,K3\nreturned,K1\n", "returned.csv")
    run(bulk, "receipts", path, "--from", returned)
    assert standing(bulk, path)["still_open"] == {"unreachable": 1}
    search = tmp_path / "search.csv"
    found = run(bulk, "status", path, "--returned", str(search))
    rows = list(csv.DictReader(io.StringIO(search.read_text(encoding="utf-8"))))
    assert [row["reference"] for row in rows] == ["K3"]
    assert {"reference", "name", "address", "jurisdiction"} <= rows[0].keys()
    assert found["counters"] == {"sent": 39, "bounced": 1, "complaints": 0}


def test_complaints_pause_a_running_campaign(bulk: AtDesk, relay: MailServer, tmp_path: Path) -> None:
    path = listed(tmp_path, people(40))
    run(bulk, "plan", path)
    sent(bulk, path)
    back = listed(tmp_path, "kind,address\ncomplained,person1@people.example\n", "back.csv")
    said = bulk("bulk", "receipts", "our-letter", "--people", path, "--from", back, "--format", "json")
    assert said.code == 4
    assert run(bulk, "status", path)["state"] == "paused"
    assert {"1", "10"} <= named(run(bulk, "status", path)["reason"])
    assert run(bulk, "status", path)["counters"]["complaints"] == 1


def test_a_file_of_receipts_with_bad_lines_is_not_taken_in_part(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(40))
    run(bulk, "plan", path)
    sent(bulk, path)
    good = "kind,address\ncomplained,person1@people.example\n"
    back = listed(
        tmp_path, good + "compliant,person2@people.example\nbounce,person3@people.example\n", "back.csv"
    )
    said = refused(bulk, "bulk", "receipts", "our-letter", "--people", path, "--from", back)
    assert [problem["line"] for problem in said["problems"]] == [3, 4]
    assert (said["code"], "2" in named(said["message"])) == ("receipts", True)
    assert run(bulk, "status", path)["counters"]["complaints"] == 0
    mended = listed(tmp_path, good, "back.csv")
    assert bulk("bulk", "receipts", "our-letter", "--people", path, "--from", mended).code == 4


def test_substitute_notice_is_a_question_and_a_person_s_answer(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, HEAD + "K1,Ada,,DE,\nK2,Bo,2 Elm Road,DE,bo@people.example\n")
    planned(bulk, path)
    sent(bulk, path)
    kinds = [load["kind"] for load in json.loads(bulk("status", "--format", "json").out)["needs_attention"]]
    assert "substitute_notice" in kinds
    tasks = json.loads(bulk("status", "--format", "json").out)["tasks"]
    found = {task["invocation"]: task for task in tasks}
    decide, give = found["substitute-notice:decide#1"], found["substitute-notice:give#1"]
    assert (decide["state"], decide["due"]) == ("ready", "2026-11-26T09:00:00Z")
    assert give["state"] == "waiting"
    assert decide["role"] == "counsel"
    (shown,) = (line for line in bulk.done("task", "list").splitlines() if decide["title"] in line)
    assert "counsel" in shown
    # what was asked once is not asked again, and nothing was done by itself
    assert sent(bulk, path)["outcomes"] == {}
    assert len(json.loads(bulk("status", "--format", "json").out)["tasks"]) == len(tasks)
    assert standing(bulk, path)["substituted"] == 0
    run(bulk, "substitute", path, "--place", "DE", "--reason", "posted on the home page")
    whole = standing(bulk, path)
    assert (whole["notified"], whole["substituted"], whole["open"]) == (1, 1, 0)
    kinds = [load["kind"] for load in json.loads(bulk("status", "--format", "json").out)["needs_attention"]]
    assert "substitute_notice" not in kinds


def test_a_tampered_campaign_table_does_not_match_the_journal(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    import sqlite3
    from contextlib import closing

    path = listed(tmp_path, people(30))
    planned(bulk, path)
    sent(bulk, path)
    with closing(sqlite3.connect(bulk.home / "tocsin.db")) as store:
        store.execute("UPDATE bulk_attempts SET state = 'rejected' WHERE n = 3")
        store.commit()
    assert bulk("bulk", "status", "our-letter", "--people", path, "--verify").code != 0


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--rate", "relay"),
        ("plan", "--rate", "relay=fast"),
        ("plan", "--rate", "people.example=10/s"),
        ("plan", "--rate", "*=5/s"),
        ("plan", "--canary-wait", "soon"),
        ("plan", "--letter-cost", "-1"),
        ("plan", "--chunk", "0"),
    ],
)
def test_options_that_say_nothing_are_refused_as_such(
    bulk: AtDesk, tmp_path: Path, words: tuple[str, ...]
) -> None:
    verb, *more = words
    assert bulk("bulk", verb, "our-letter", "--people", listed(tmp_path, people(1)), *more).code == 2


def test_campaign_pages_show_the_necessary_information(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, people(12) + 'K99,Zoë Łukasiewicz,"9 Elm Road",DE,\n')
    none = bulk("bulk", "status", "our-letter", "--people", path)
    assert (none.code, none.error) == (1, "unknown_campaign")
    pages = [
        bulk.done("bulk", verb, "our-letter", "--people", path, *more)
        for verb, more in (
            ("plan", ()),
            ("send", ("--yes", "--no-wait", "--accept-counts", "nobody counted")),
            ("status", ()),
        )
    ]
    compare("bulk.pages", "\n".join(pages), bulk.home)
    entries = bulk("timeline", "--format", "json").json["entries"]
    assert [entry["type"] for entry in entries if "b-201" in named(entry["text"])] == [
        "CampaignMoved",
        "CampaignStretch",
    ]


@pytest.mark.parametrize(
    ("without", "names"),
    [("with_name: true, ", {"us-tx-breach/individuals", "data.with_name"}), ("", {"--duty", "auto"})],
)
def test_a_duty_that_is_unknown_or_of_another_template_is_not_said_to_be_absent(
    office: AtDesk, tmp_path: Path, without: str, names: set[str]
) -> None:
    (tmp_path / "us.yaml").write_text(TEXAS.replace(without, ""), encoding="utf-8")
    (tmp_path / "texan.yaml").write_text(
        PLAYBOOK.replace("eu-gdpr-34-data-subjects", "us-tx-breach"), encoding="utf-8"
    )
    words = ("--yes", "--facts", str(tmp_path / "us.yaml"), "--format", "json")
    found = json.loads(office.done("open", str(tmp_path / "texan.yaml"), *words))
    office.done("use", found["incident"])
    path = listed(tmp_path, HEAD + "K1,Ada,1 Elm Road,US-TX,a@people.example\n")
    (problem,) = refused(office, "bulk", "plan", "gdpr-34-letter", "--people", path)["problems"]
    assert names <= {word.partition("=")[0] for word in named(problem["message"])}


def test_a_channel_that_was_left_out_is_not_said_to_be_missing(office: AtDesk, tmp_path: Path) -> None:
    path = listed(tmp_path, people(1))
    (email,) = (
        one
        for one in planned(office, path, "--over", "screen")["campaign"]["refusals"]
        if one["way"] == "email"
    )
    assert "--over" in named(email["why"])


def test_a_template_that_came_after_the_opening_is_said_to_be_new(office: AtDesk, tmp_path: Path) -> None:
    new = LETTER.replace("id: our-letter", "id: new-letter")
    (office.home / "notices" / "new-letter.md").write_text(new, encoding="utf-8")
    said = refused(office, "bulk", "plan", "new-letter", "--people", listed(tmp_path, people(1)))
    assert (said["code"], "opening" in named(said["hint"])) == ("unknown_notice", True)


def test_a_hold_of_law_enforcement_keeps_its_readers_back(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    hold = (
        '{agency: "the police", form: written, from: "2026-11-24T08:30:00Z", until: "2026-12-24T08:30:00Z"}'
    )
    (bulk.home.parent / "us.yaml").write_text(
        TEXAS.replace("engaged: false", f"engaged: true, hold: {hold}"), encoding="utf-8"
    )
    texan = bulk.home.parent / "texan.yaml"
    texan.write_text(PLAYBOOK.replace("eu-gdpr-34-data-subjects", "us-tx-breach"), encoding="utf-8")
    words = ("--yes", "--facts", str(bulk.home.parent / "us.yaml"), "--format", "json")
    found = json.loads(bulk.done("open", str(texan), *words))
    bulk.done("use", found["incident"])
    approve(bulk)
    rows = "reference,name,address,jurisdiction,email,email_basis\nK1,Ada,1 Elm Road,US-TX,a@people.example,esign\n"
    path = listed(tmp_path, rows)
    plan = planned(bulk, path)
    (ground,) = plan["campaign"]["grounds"]
    assert (ground["group"]["duty"], ground["held"]) == ("us-tx-breach/individuals", True)
    assert [{"us-tx-breach/individuals", "R27"} <= named(warning) for warning in plan["warnings"]][-1:] == [
        True
    ]
    assert refused(bulk, "bulk", "send", "our-letter", "--people", path, "--yes")["code"] == "held"
    assert relay.mails == []


def test_a_worker_takes_bounces_of_a_campaign_from_the_mailbox(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    (bulk.home / "mail" / "new").mkdir(parents=True)
    configure(
        bulk,
        relay,
        settings={
            "host": "127.0.0.1",
            "port": relay.port,
            "sender": "notice@breach.example",
            "tls": "none",
            "mailbox": "mail",
        },
    )
    path = listed(tmp_path, people(3))
    planned(bulk, path)
    sent(bulk, path)
    before = standing(bulk, path)
    (key,) = re.findall(r"([A-Z2-7]{32})@", relay.mails[0][1])
    told = report(group("failed", status="5.1.1"), envelope=key)
    (bulk.home / "mail" / "new" / "1").write_bytes(told)
    bulk("worker", "--once")
    after = standing(bulk, path)
    assert (before["notified"], after["notified"]) == (3, 2)
    assert bulk("bulk", "status", "our-letter", "--people", path, "--verify").code in (0, 4)


def mailboxed(bulk: AtDesk, relay: MailServer) -> Path:
    """Give the relay a mailbox to which reports come, and return where new mail lies."""
    folder = bulk.home / "mail" / "new"
    folder.mkdir(parents=True)
    settings = {"host": "127.0.0.1", "port": relay.port, "sender": "notice@breach.example"}
    configure(bulk, relay, settings={**settings, "tls": "none", "mailbox": "mail"})
    return folder


def test_one_mailbox_policy_pauses_nothing_and_a_bad_sender_suppresses_nobody(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    relay.answers = {"person3@people.example": "550 5.7.1 not authorized to write to this mailbox"}
    path = listed(tmp_path, people(5))
    planned(bulk, path)
    assert sent(bulk, path)["ending"] == "done"
    assert standing(bulk, path)["still_open"] == {"post": 1}
    found = run(bulk, "status", path)
    assert (found["counters"]["bounced"], found["suppressed"]) == (0, {})
    back = listed(tmp_path, "kind,address,code\nfailed,person1@people.example,5.1.8\n", "back.csv")
    bulk("bulk", "receipts", "our-letter", "--people", path, "--from", back)
    found = run(bulk, "status", path)
    assert (found["counters"]["bounced"], found["suppressed"]) == (0, {})


def test_a_complaint_in_the_mailbox_counts_and_the_reader_is_left_alone(
    bulk: AtDesk, relay: MailServer, tmp_path: Path
) -> None:
    folder = mailboxed(bulk, relay)
    path = listed(tmp_path, people(3))
    planned(bulk, path)
    sent(bulk, path)
    (key,) = re.findall(r"([A-Z2-7]{32})@", relay.mails[0][1])
    (folder / "1").write_bytes(complaint(returned=key))
    bulk("worker", "--once")
    found = run(bulk, "status", path)
    assert (found["counters"]["complaints"], found["suppressed"]) == (1, {"complaint": 1})


def test_a_delayed_report_changes_nothing(bulk: AtDesk, relay: MailServer, tmp_path: Path) -> None:
    folder = mailboxed(bulk, relay)
    path = listed(tmp_path, people(40))
    run(bulk, "plan", path, "--canary-wait", "1m")
    assert sent(bulk, path)["ending"] == "waiting"
    before = run(bulk, "status", path)
    keys = [re.findall(r"([A-Z2-7]{32})@", mail[1])[0] for mail in relay.mails]
    for n, key in enumerate(keys):
        (folder / f"{n}").write_bytes(report(group("delayed", status="4.4.1"), envelope=key))
    bulk("worker", "--once")
    after = run(bulk, "status", path)
    assert (after["standing"], after["counters"]) == (before["standing"], before["counters"])
    bulk.clock.advance(timedelta(minutes=2))
    assert sent(bulk, path)["ending"] == "done"
    assert sorted(told(relay)) == sorted(f"person{n}@people.example" for n in range(1, 41))
