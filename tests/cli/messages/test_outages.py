"""A provider outage found by one message applies to all messages in every incident until it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.testing.chaos import ChaosServer, Talk
from runner.app.exercises.exercises import prepare_drill, set_clock
from runner.app.incidents.open_incident import commit_opening
from runner.files.exercise_file import load_exercise
from runner.playbook.catalogue import Catalog
from tests.cli.at_desk import AtDesk, compare
from tests.crash.scenario import SIGNING
from tests.servers.postgres import BOTH_STORES

PEOPLE = [f"p{n}" for n in range(20)]
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
messages:
  alert: {class: task-notice, text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
"""


class Service:
    """A provider whose next answers are a status and headers of the test's choosing."""

    def __init__(self, status: int, *headers: str) -> None:
        self.answers(status, *headers)
        self.server = ChaosServer(self._answer)

    def answers(self, status: int, *headers: str, body: str = "") -> None:
        lines = (*headers, f"Content-Length: {len(body)}", "Connection: close")
        self._head = "".join(f"{line}\r\n" for line in lines)
        self._status, self._body = status, body

    def _answer(self, talk: Talk) -> None:
        talk.hear_request()
        talk.say(f"HTTP/1.1 {self._status} Said\r\n{self._head}\r\n{self._body}".encode())

    @property
    def asked(self) -> int:
        return len(self.server.talks)


class Providers:
    """A messenger with two channels in one failure domain, and another provider that shares nothing with it."""

    def __init__(self, tocsin: AtDesk, messenger: Service, other: Service, **more: Any) -> None:
        (tocsin.home / "signing").write_text(SIGNING)
        (tocsin.home / "signing").chmod(0o600)
        self.tocsin, self.messenger, self.other = tocsin, messenger, other
        self.second = Service(200)
        self.channels = {
            "chat": self._channel(messenger, "messenger", 10) | more,
            "chat-again": self._channel(self.second, "messenger", 20),
            "pager": self._channel(other, "pager-provider", 30),
        }

    @staticmethod
    def _channel(service: Service, domain: str, priority: int) -> dict[str, Any]:
        return {
            "adapter": "webhook",
            "priority": priority,
            "domains": [domain],
            # All stand on one machine: what fails is a service, and its machine falls by a person's word alone.
            "settings": {"url": f"http://127.0.0.1:{service.server.port}/hook"},
            "secrets": {"signing": "file:signing"},
        }

    def settle(self) -> None:
        people = {n: {"name": n, "contacts": [{"channel": "handle", "address": n}]} for n in PEOPLE}
        self.tocsin.settings(people=people, roles={"counsel": PEOPLE}, channels=self.channels)

    def open(self, path: Path) -> str:
        path.write_text(PLAYBOOK, encoding="utf-8")
        said = self.tocsin("open", str(path), "--yes", "--format", "json")
        assert said.code == 0, said.err
        return str(said.json["codename"])

    def deliveries(self, incident: str) -> list[dict[str, Any]]:
        found = self.tocsin("message", "list", "--incident", incident, "--format", "json").json
        return list(found["deliveries"])


@pytest.fixture
def providers(tocsin: AtDesk) -> Iterator[Providers]:
    made = Providers(tocsin, Service(500), Service(200))
    with ExitStack() as stack:
        for one in (made.messenger, made.other, made.second):
            stack.enter_context(one.server)
        made.settle()
        yield made


def domains(tocsin: AtDesk, incident: str) -> dict[str, str]:
    rows = tocsin("domain", "list", "--incident", incident, "--format", "json").json["domains"]
    return {row["domain"]: row["state"] for row in rows}


def told(tocsin: AtDesk, incident: str, kind: str) -> list[str]:
    """Return what the timeline says of every event of a kind."""
    entries = tocsin("timeline", incident, "--format", "json").json["entries"]
    return [entry["text"] for entry in entries if entry["type"] == kind]


def examined(tocsin: AtDesk, area: str) -> list[tuple[str, str]]:
    """Return how severe everything is that the doctor finds in an area, and what it says."""
    findings = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    return [(finding["severity"], finding["what"]) for finding in findings if finding["area"] == area]


def without_ports(text: str) -> str:
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


@BOTH_STORES
def test_a_storm_of_5xx_is_left_at_once_for_a_provider_that_shares_nothing_with_it(
    providers: Providers, tmp_path: Path
) -> None:
    providers.second.answers(500)
    incident = providers.open(tmp_path / "call-out.yaml")
    found = providers.deliveries(incident)
    assert {row["recipient"] for row in found} == set(PEOPLE)
    assert {(row["state"], row["evidence"]) for row in found} == {("satisfied", "accepted")}
    for one in (providers.messenger, providers.second):
        assert 5 <= one.asked <= 12, "what had begun when it opened, and nothing after"
    assert providers.other.asked == len(PEOPLE)
    assert domains(providers.tocsin, incident)["messenger"] == "down"
    status = providers.tocsin("status", incident, "--format", "json").json["domains"]
    assert {(domain["state"], domain["automatic"]) for domain in status} == {("down", True)}
    assert any("messenger" in one for one in told(providers.tocsin, incident, "DomainDeclared"))


def test_a_failing_server_is_no_outage_of_what_its_channel_shares(
    providers: Providers, tmp_path: Path
) -> None:
    incident = providers.open(tmp_path / "call-out.yaml")
    assert domains(providers.tocsin, incident)["messenger"] == "up"
    assert providers.second.asked == len(PEOPLE), "the other channel of the same provider works"
    assert providers.other.asked == 0
    [failed] = providers.tocsin("status", incident, "--format", "json").json["domains"]
    assert failed["domain"] == f"host:127.0.0.1:{providers.messenger.server.port}"
    assert {"5", "chat"} <= set(re.findall(r"\w+", failed["why"]))
    assert failed["why"] in providers.tocsin.done("domain", "list", "--incident", incident)


@BOTH_STORES
def test_an_outage_applies_to_all_incidents_until_a_probe_arrives(
    providers: Providers, tmp_path: Path
) -> None:
    tocsin = providers.tocsin
    providers.messenger.answers(200)
    first = providers.open(tmp_path / "call-out.yaml")
    providers.messenger.answers(500)
    providers.second.answers(500)
    second = providers.open(tmp_path / "call-out.yaml")
    assert domains(tocsin, first)["messenger"] == domains(tocsin, second)["messenger"] == "down"

    before = providers.second.asked + providers.messenger.asked
    third = providers.open(tmp_path / "call-out.yaml")
    assert providers.second.asked + providers.messenger.asked == before, "it is known before anything is sent"
    assert {delivery["state"] for delivery in providers.deliveries(third)} == {"satisfied"}

    providers.second.answers(200)
    tocsin.clock.advance(timedelta(seconds=31))
    tocsin("worker", "--once")
    assert providers.messenger.asked + providers.second.asked == before + 2, "one probe of each server"
    for incident in (first, second, third):
        assert domains(tocsin, incident)["messenger"] == "up", "one of its channels works"


def test_a_failed_probe_extends_the_pause(providers: Providers, tmp_path: Path) -> None:
    providers.second.answers(500)
    incident = providers.open(tmp_path / "call-out.yaml")
    asked = providers.messenger.asked + providers.second.asked
    for span, probes in ((31, 2), (31, 2), (31, 4)):
        providers.tocsin.clock.advance(timedelta(seconds=span))
        providers.tocsin("worker", "--once")
        assert providers.messenger.asked + providers.second.asked == asked + probes
    assert domains(providers.tocsin, incident)["messenger"] == "down"


@pytest.mark.parametrize("status", [400, 404, 422])
def test_refusals_never_close_a_provider_off(providers: Providers, tmp_path: Path, status: int) -> None:
    providers.messenger.answers(status)
    incident = providers.open(tmp_path / "call-out.yaml")
    assert domains(providers.tocsin, incident)["messenger"] == "up"
    assert providers.second.asked == len(PEOPLE)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Retry-After: 20"], ""),
        (["Retry-After: Tue, 24 Nov 2026 09:00:20 GMT"], ""),
        (["Retry-After: Tue, 24 Nov 2026 11:00:20 GMT", "Date: Tue, 24 Nov 2026 11:00:00 GMT"], ""),
        ([], '{"retry_after_ms": 20000}'),
    ],
)
def test_a_later_holds_the_account_and_not_only_one_message_however_it_is_said(
    providers: Providers, tmp_path: Path, headers: list[str], body: str
) -> None:
    providers.messenger.answers(429, *headers, body=body)
    incident = providers.open(tmp_path / "call-out.yaml")
    asked = providers.messenger.asked
    assert asked <= 8, "whoever had not begun does not begin"
    assert domains(providers.tocsin, incident)["messenger"] == "up"
    providers.messenger.answers(200)
    providers.tocsin.clock.advance(timedelta(seconds=19))
    providers.tocsin("worker", "--once")
    assert providers.messenger.asked == asked
    providers.tocsin.clock.advance(timedelta(seconds=1))
    providers.tocsin("worker", "--once")
    assert {delivery["state"] for delivery in providers.deliveries(incident)} == {"satisfied"}
    assert providers.messenger.asked == asked + len(PEOPLE)
    assert providers.second.asked == providers.other.asked == 0


@pytest.mark.parametrize("said", ["0", "-7", "soon", "nan", ""])
def test_a_later_that_says_nothing_is_not_answered_in_the_same_breath(
    providers: Providers, tmp_path: Path, said: str
) -> None:
    providers.messenger.answers(429, f"Retry-After: {said}")
    incident = providers.open(tmp_path / "call-out.yaml")
    assert providers.messenger.asked == len(PEOPLE), "once for each, and nobody else is held up by it"
    assert {len(delivery["attempts"]) for delivery in providers.deliveries(incident)} == {1}


def test_an_expired_message_is_dropped_with_its_reason(providers: Providers, tmp_path: Path) -> None:
    providers.messenger.answers(429, "Retry-After: 3600")
    providers.channels = {"chat": providers.channels["chat"]}
    providers.settle()
    incident = providers.open(tmp_path / "call-out.yaml")
    asked = providers.messenger.asked
    providers.tocsin.clock.advance(timedelta(hours=25))
    providers.tocsin("worker", "--once")
    assert providers.messenger.asked == asked
    assert {delivery["state"] for delivery in providers.deliveries(incident)} == {"exhausted"}
    [why] = {re.sub(r"\bp\d+\b", "p0", one) for one in told(providers.tocsin, incident, "DeliveryEnded")}
    compare("outages-dropped", f"{why}\n", providers.tocsin.home)


def test_a_deferral_beyond_the_channel_time_causes_failover(providers: Providers, tmp_path: Path) -> None:
    providers.messenger.answers(429, "Retry-After: 1000000000")
    incident = providers.open(tmp_path / "call-out.yaml")
    assert {delivery["state"] for delivery in providers.deliveries(incident)} == {"satisfied"}
    assert providers.messenger.asked <= 8
    assert providers.second.asked == len(PEOPLE)


def test_a_rate_lets_as_many_through_as_it_says_and_the_rest_in_their_turn(
    providers: Providers, tmp_path: Path
) -> None:
    providers.messenger.answers(200)
    providers.channels["chat"]["rates"] = ["20/min burst 4"]
    providers.settle()
    incident = providers.open(tmp_path / "call-out.yaml")
    assert providers.messenger.asked == 4
    for span, wanted in ((2, 4), (1, 5), (3, 6), (12, 10), (60, 14), (60, 18), (60, 20)):
        providers.tocsin.clock.advance(timedelta(seconds=span))
        providers.tocsin("worker", "--once")
        assert providers.messenger.asked == wanted
    assert {delivery["state"] for delivery in providers.deliveries(incident)} == {"satisfied"}
    assert providers.other.asked == 0


EXERCISE = """\
schema: tocsin/exercise/v1
name: dry-run
title: Everybody is called
type: functional
playbook: ./call-out.yaml
objectives: [{id: O1, text: Everybody is called, capability: Operational Communications}]
laws: []
"""


def test_an_exercise_uses_no_rate_limit_and_waits_for_none(providers: Providers, tmp_path: Path) -> None:
    tocsin = providers.tocsin
    providers.messenger.answers(200)
    providers.channels["chat"]["rates"] = ["20/min burst 4"]
    providers.settle()
    (tmp_path / "call-out.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "dry-run.yaml").write_text(EXERCISE, encoding="utf-8")
    desk = tocsin.office()
    loaded = load_exercise(str(tmp_path / "dry-run.yaml"), Catalog(tocsin.home))
    drill = commit_opening(desk, prepare_drill(desk, loaded)).after
    set_clock(desk, drill.id, "begun")
    tocsin("worker", "--once")
    assert {delivery["state"] for delivery in providers.deliveries(drill.codename)} == {"satisfied"}
    assert providers.messenger.asked == 0
    providers.open(tmp_path / "call-out.yaml")
    assert providers.messenger.asked == 4


# --- what people see and say -----------------------------------------------------------------------------------


def test_channels_are_listed_with_the_cause_of_their_delay(providers: Providers, tmp_path: Path) -> None:
    providers.channels["pager"]["rates"] = ["20/min burst 30", "2000/day burst 50"]
    providers.channels["lost"] = {"adapter": "slakc"}
    providers.settle()
    providers.second.answers(500)
    providers.open(tmp_path / "call-out.yaml")
    said = providers.tocsin("channel", "list", "--format", "json").json
    rows = {row["channel"]: row for row in said["channels"]}
    assert said["schema"] == "tocsin/channels/v1"
    [fallen] = [row for row in rows["chat-again"]["domains"] if row["domain"] == "messenger"]
    assert (fallen["state"], fallen["why"].count("5 ")) == ("down", 2)
    assert (fallen["since"], fallen["next_probe"]) == ("2026-11-24T09:00:00Z", "2026-11-24T09:00:30Z")
    assert rows["pager"]["rates"] == ["20/min burst 30", "2000/day burst 50"]
    assert "slakc" in rows["lost"]["broken"]
    shown = providers.tocsin.done("channel", "list")
    compare("outages-channels", without_ports(shown), providers.tocsin.home)
    found = [(how, what) for how, what in examined(providers.tocsin, "domains") if "messenger" in what]
    [(how, what)] = found
    assert (how, fallen["why"] in what) == ("warning", True)
    assert {"2026-11-24", "09:00:00Z"} <= set(re.findall(r"[\w:-]*\w", what))


def test_an_account_that_its_provider_holds_is_shown(providers: Providers, tmp_path: Path) -> None:
    providers.messenger.answers(429, "Retry-After: 90")
    providers.open(tmp_path / "call-out.yaml")
    rows = providers.tocsin("channel", "list", "--format", "json").json["channels"]
    held = {row["channel"]: row["held_until"] for row in rows}
    assert held == {"chat": "2026-11-24T09:01:30Z", "chat-again": None, "pager": None}
    shown = providers.tocsin.done("channel", "list")
    compare("outages-held", without_ports(shown), providers.tocsin.home)
    [what] = [what for how, what in examined(providers.tocsin, "channels") if how == "warning"]
    assert {"chat", "2026-11-24", "09:01:30Z"} <= set(re.findall(r"[\w:-]*\w", what))


def test_a_channel_check_that_succeeds_ends_the_pause_of_an_account(
    providers: Providers, tmp_path: Path
) -> None:
    providers.messenger.answers(429, "Retry-After: 3600")
    providers.open(tmp_path / "call-out.yaml")
    for status, over in ((429, False), (200, True)):
        providers.messenger.answers(status, "Retry-After: 60")
        providers.tocsin("channel", "check", "--channel", "chat", "--to", PEOPLE[0], "--yes")
        rows = providers.tocsin("channel", "list", "--format", "json").json["channels"]
        held = {row["channel"]: row["held_until"] for row in rows}
        assert (held["chat"] is None) == over


def test_a_domain_declared_down_or_up_applies_to_every_incident(providers: Providers, tmp_path: Path) -> None:
    tocsin = providers.tocsin
    providers.messenger.answers(200)
    first, second = (providers.open(tmp_path / "call-out.yaml") for _ in range(2))
    asked = providers.messenger.asked
    said = tocsin("domain", "declare-down", "messenger", "--incident", first, "--reason", "on the news")
    assert (said.warnings, "messenger" in said.err) == ([], True)
    assert {first, second} <= set(re.findall(r"[a-z]+-[a-z]+", said.err)), (
        "the one that is meant, and the other"
    )
    [there] = told(tocsin, second, "DomainDeclared")
    assert ("messenger" in there, first in there) == (True, False), "not everybody may read the first one"
    third = providers.open(tmp_path / "call-out.yaml")
    tocsin.clock.advance(timedelta(hours=1))
    tocsin("worker", "--once")
    assert providers.messenger.asked == asked, "nobody probes what a person declared"
    assert {delivery["state"] for delivery in providers.deliveries(third)} == {"satisfied"}
    said = tocsin("domain", "declare-up", "messenger", "--incident", second)
    assert "messenger" in said.err
    assert {first, second, third} <= set(re.findall(r"[a-z]+-[a-z]+", said.err))
    assert domains(tocsin, first)["messenger"] == "up"


@pytest.mark.parametrize("machine", ["gate.example", "host:gate.example"])
def test_a_machine_declared_down_blocks_every_service_on_it(
    tocsin: AtDesk, tmp_path: Path, machine: str
) -> None:
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    mail = {"host": "gate.example", "port": 2525, "sender": "a@corp.example"}
    channels = {
        "mail": {"adapter": "smtp", "settings": mail},
        "push": {"adapter": "ntfy", "settings": {"url": "https://gate.example:8443"}},
    }
    ways = [{"channel": "mail", "address": "p@out.example"}, {"channel": "push", "address": "topic"}]
    people = {"p": {"name": "P", "contacts": ways}}
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["p"]})
    opened = tocsin("open", str(path), "--yes", "--no-work", "--format", "json")
    incident = str(opened.json["codename"])
    assert {"host:gate.example", "host:gate.example:8443", "smtp:gate.example:2525"} <= {
        *domains(tocsin, incident)
    }
    said = tocsin("domain", "declare-down", machine, "--no-work")
    assert said.warnings == []
    [row] = tocsin("message", "plan", "--format", "json").json["plan"]
    refused = {
        refusal["channel"]: (refusal["rule"], "host:gate.example" in refusal["why"])
        for refusal in row["refusals"]
    }
    assert refused == {"mail": ("outage", True), "push": ("outage", True)}
    tocsin("domain", "declare-up", machine, "--no-work")
    assert domains(tocsin, incident)["host:gate.example"] == "up"


def test_an_exercise_says_nothing_about_the_world(providers: Providers, tmp_path: Path) -> None:
    providers.messenger.answers(200)
    real = providers.open(tmp_path / "call-out.yaml")
    tocsin = providers.tocsin
    path = str(tmp_path / "call-out.yaml")
    drill = tocsin("open", path, "--kind", "exercise", "--yes", "--format", "json").json["codename"]
    tocsin.done("domain", "declare-down", "messenger", "--incident", drill)
    assert domains(tocsin, real)["messenger"] == "up"


def test_people_without_another_channel_wait_and_a_person_is_alerted(
    providers: Providers, tmp_path: Path
) -> None:
    del providers.channels["pager"]
    providers.settle()
    providers.second.answers(500)
    incident = providers.open(tmp_path / "call-out.yaml")
    said = providers.tocsin("status", incident, "--format", "json").json["needs_attention"]
    waits = [one["detail"] for one in said if one["kind"] == "unreachable"]
    assert (len(waits), all("messenger" in wait for wait in waits)) == (len(PEOPLE), True)
    providers.messenger.answers(200)
    providers.tocsin.clock.advance(timedelta(seconds=31))
    providers.tocsin("worker", "--once")
    providers.tocsin.clock.advance(timedelta(seconds=31))
    providers.tocsin("worker", "--once")
    assert {delivery["state"] for delivery in providers.deliveries(incident)} == {"satisfied"}


def test_a_provider_is_declared_down_while_no_incident_is_open_and_holds_for_the_next(
    providers: Providers, tmp_path: Path
) -> None:
    tocsin = providers.tocsin
    providers.messenger.answers(200)
    said = tocsin("domain", "declare-down", "messenger", "--reason", "on the news")
    assert said.code == 0
    assert (said.warnings, "messenger" in said.err) == ([], True)
    assert len(said.err.splitlines()) == 2, "that the reason is kept in no incident is said besides"
    rows = tocsin("domain", "list", "--format", "json").json
    assert rows["incident"] is None
    assert [row["state"] for row in rows["domains"] if row["domain"] == "messenger"] == ["down"]
    [(how, what)] = examined(tocsin, "domains")
    assert (how, "messenger" in what, "maria" in what) == ("warning", True, True)
    planned = tocsin("message", "plan", "task-notice", "--to", "counsel", "--format", "json").json["plan"]
    assert {row["channels"][0]["channel"] for row in planned} == {"pager"}, "also before the incident"
    incident = providers.open(tmp_path / "call-out.yaml")
    assert providers.messenger.asked == 0
    assert {delivery["state"] for delivery in providers.deliveries(incident)} == {"satisfied"}
    [there] = told(tocsin, incident, "DomainDeclared")
    assert ("messenger" in there, "maria" in there) == (True, True)
    tocsin.done("domain", "declare-up", "messenger")
    assert domains(tocsin, incident)["messenger"] == "up"


def test_a_domain_declared_down_without_an_incident_can_be_declared_up(providers: Providers) -> None:
    tocsin = providers.tocsin
    said = tocsin("domain", "declare-down", "messenger")
    assert (said.code, len(said.err.splitlines())) == (0, 1)
    tocsin.done("domain", "declare-up", "messenger")
    rows = tocsin("domain", "list", "--format", "json").json["domains"]
    assert {row["state"] for row in rows} == {"up"}


def test_that_a_domain_is_compromised_is_said_of_an_incident(providers: Providers) -> None:
    said = providers.tocsin("domain", "compromised", "messenger")
    assert (said.code, said.error) == (1, "no_incident")


def test_a_domain_is_declared_down_without_an_incident_but_not_in_a_closed_one(
    incident: AtDesk, playbook: Path
) -> None:
    incident.closed("--reason", "found in the canteen")
    said = incident("domain", "declare-down", "this-machine")
    assert (said.code, said.warnings, "this-machine" in said.err) == (0, [], True)
    assert incident("domain", "list", "--format", "json").json["incident"] is None
    rows = incident("domain", "list", "--format", "json").json["domains"]
    assert [row["domain"] for row in rows if row["state"] != "up"] == ["this-machine"]
    named = incident("domain", "declare-up", "this-machine", "--incident", "amber-falcon")
    assert (named.code, named.error, "amber-falcon" in named.err) == (1, "incident_closed", True)
    incident.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4712")
    refused = incident("domain", "declare-up", "this-machine", "--incident", "amber-falcon")
    assert (refused.code, refused.error, "amber-falcon" in refused.err) == (1, "incident_closed", True)
    [(how, what)] = examined(incident, "domains")
    assert (how, "this-machine" in what) == ("warning", True)
