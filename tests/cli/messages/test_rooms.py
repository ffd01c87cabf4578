"""Rooms opened by providers, from the command line: one room, its guests, its address in messages; none in exercises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from integrations.testing.chaos import closed_port
from runner.incident.messages.room_provisioning import room_name
from runner.reports.core.page import Blank, Page, plain
from runner.reports.messages.war_room import GuestRow, RoomView, room_blocks
from tests.cli.at_desk import AtDesk, compare
from tests.cli.exercises.test_drills import begun
from tests.cli.messages.test_war_room import BRIDGE, PLAYBOOK
from tests.servers.stand_ins.matrix import MARIA, US, Matrix
from tests.servers.stand_ins.matrix import TOKEN as MATRIX_TOKEN
from tests.servers.stand_ins.slack import APP, Slack
from tests.servers.stand_ins.slack import TOKEN as SLACK_TOKEN
from tests.servers.stand_ins.stand_in import Act

PEOPLE = PLAYBOOK.replace(
    "roles: {commander: {title: Incident commander}}",
    "roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}",
)

EXERCISE = """\
schema: tocsin/exercise/v1
name: evening
title: Where do we talk
type: functional
playbook: ./call-out.yaml
clock: {mode: accelerated, rate: 60, start: 2026-10-05T08:00:00+02:00}
objectives:
  - {id: O1, text: They talk, capability: Operational Coordination, targets: [{id: T1, text: In time, tasks: [{step: over, within: 3h}]}]}
participants:
  - {person: maria, role: player, plays: commander}
  - {person: jonas, role: player, plays: counsel}
events:
  - {number: "1", title: The caller, at: 0m, to: [commander], text: It begins}
script: {}
laws: []
"""


class Providers:
    """A home whose war rooms are opened on Slack, then on Matrix, and last on a telephone bridge."""

    def __init__(self, tocsin: AtDesk, folder: Path, slack: str, matrix: str) -> None:
        self.tocsin = tocsin
        self.playbook = folder / "call-out.yaml"
        self.playbook.write_text(PEOPLE, encoding="utf-8")
        for name, text in (("slack", SLACK_TOKEN), ("matrix", MATRIX_TOKEN)):
            (tocsin.home / name).write_text(text, encoding="utf-8")
            (tocsin.home / name).chmod(0o600)
        plain = {"adapter": "console", "settings": {"path": str(tocsin.home / "console.txt")}, "priority": 1}
        self.channels: dict[str, Any] = {
            "plain": plain,
            "slack": {
                "adapter": "slack",
                "priority": 200,
                "domains": ["tenant"],
                "settings": {"api": slack},
                "secrets": {"token": "file:slack"},
            },
            "matrix": {
                "adapter": "matrix",
                "priority": 300,
                "domains": ["own-matrix"],
                "settings": {"url": matrix, "user": US},
                "secrets": {"token": "file:matrix"},
            },
        }
        contacts = [
            {"channel": "plain", "address": "maria"},
            {"channel": "slack", "address": "U0MARIA"},
            {"channel": "matrix", "address": "!maria:breach.example"},
        ]
        taken = {"channel": "slack", "address": "U0ADA", "domains": ["ada-laptop"]}
        self.people = {
            "maria": {"name": "Maria", "contacts": contacts},
            "jonas": {"name": "Jonas", "contacts": [{"channel": "plain", "address": "jonas"}]},
            "ada": {"name": "Ada", "contacts": [{"channel": "plain", "address": "ada"}, taken]},
        }
        self.rooms: dict[str, Any] = {
            "chat": {"open": True, "channel": "slack"},
            "own": {"open": True, "channel": "matrix"},
            "bridge": {"address": BRIDGE, "domains": ["carrier"], "confidentiality": "confidential"},
        }
        self.settings()

    def settings(self, **more: Any) -> None:
        held = {"commander": ["maria"], "counsel": ["jonas", "ada"]}
        told = {
            "channels": self.channels,
            "people": self.people,
            "roles": held,
            "war_rooms": self.rooms,
            **more,
        }
        self.tocsin.settings(**told)

    def open(self, *words: str) -> None:
        self.tocsin.done("open", str(self.playbook), "--yes", *words)

    def room(self) -> dict[str, Any]:
        found: dict[str, Any] = self.tocsin("status", "--format", "json").json["war_room"]
        return found

    def guests(self) -> dict[str, str]:
        return {guest["person"]: guest["state"] for guest in self.room()["guests"]}

    def why_not(self, person: str) -> str:
        """Return why somebody was not asked in."""
        (why,) = (guest["why"] for guest in self.room()["guests"] if guest["person"] == person)
        return str(why)

    def drawn(self) -> str:
        """Return the lines in which a page says where the room is and who was asked in."""
        return plain(Page(tuple(room_blocks(msgspec.convert(self.room(), RoomView)))), 100)

    def told(self, kind: str) -> list[str]:
        """Return what the timeline says in events of a type."""
        entries = self.tocsin("timeline", "--all", "--format", "json").json["entries"]
        return [entry["text"] for entry in entries if entry["type"] == kind]

    def later(self, **span: float) -> None:
        self.tocsin.clock.advance(timedelta(**span))
        self.tocsin("worker", "--once")


@contextmanager
def organisation(
    tocsin: AtDesk, folder: Path, slack: tuple[Act, ...] = (), matrix: tuple[Act, ...] = ()
) -> Iterator[tuple[Providers, Slack, Matrix]]:
    with Slack(*slack) as first, Matrix(*matrix) as second:
        first.known.add("U0ADA")
        yield Providers(tocsin, folder, first.url, second.url), first, second


def test_a_room_is_opened_the_right_people_are_let_in_and_every_message_has_its_address(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with organisation(tocsin, tmp_path) as (home, slack, _):
        home.open("--compromised", "ada-laptop")
        (channel,) = slack.channels
        assert channel["members"] == [APP, "U0MARIA"]
    room = home.room()
    assert (room["name"], room["opened"]) == ("chat", True)
    assert room["address"] == "https://slack.com/app_redirect?channel=C0ROOM0"
    assert room["address"] in tocsin.console
    assert home.guests() == {"maria": "invited", "jonas": "not_invited", "ada": "not_invited"}
    assert ("handle" in home.why_not("jonas"), "ada-laptop" in home.why_not("ada")) == (True, True)
    for command in ("status", "brief"):
        assert home.drawn() in tocsin.done(command)
    opening = [reason for reason in home.told("AttemptEnded") if "chat" in reason and "maria" not in reason]
    assert [("slack" in reason, "accepted" in reason) for reason in opening] == [(True, True)]
    (listed,) = home.told("GuestsListed")
    assert all(word in listed for word in ("chat", "maria", "jonas", home.why_not("jonas")))


def test_each_state_of_a_war_room_matches_its_golden_page(tocsin: AtDesk) -> None:
    """Being opened; opened, in place of one that could not be; agreed on by people; and none that can be used."""
    guests = (
        GuestRow(person="maria", state="invited"),
        GuestRow(person="jonas", state="pending"),
        GuestRow(person="ada", state="not_invited", why="she has no account"),
    )
    views = (
        RoomView(name="chat", address="", opened=True),
        RoomView(name="own", address="!1:breach.example", guests=guests, passed_over={"chat": "it is down"}),
        RoomView(name="agreed", address="Cafe at the corner", agreed_by="maria"),
        RoomView(name="", address=""),
    )
    blocks = (block for view in views for block in (*room_blocks(view), Blank()))
    compare("rooms", plain(Page(tuple(blocks)), 100), tocsin.home)


def test_outsiders_see_no_personal_name_or_title_of_a_room(tocsin: AtDesk, tmp_path: Path) -> None:
    with organisation(tocsin, tmp_path) as (home, slack, matrix):
        home.open("--title", "Mailbox takeover", "--compromised", "tenant")
        (asked,) = matrix.opened.values()
        assert slack.heard == []
    seen = f"{asked['room_alias_name']} {asked['name']}"
    assert not any(word in seen.lower() for word in ("mailbox", "takeover", "maria", "example"))
    assert asked["name"] == "amber-falcon"
    assert list(matrix.members["!opened0:breach.example"]) == [US, MARIA]


def test_an_answer_that_is_lost_leaves_one_room_and_messages_do_not_wait_for_the_second_attempt(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with organisation(tocsin, tmp_path, slack=("lose_answer",)) as (home, slack, _):
        home.open()
        assert (home.room()["name"], home.room()["address"]) == ("chat", "")
        assert home.drawn() in tocsin.done("status")
        assert ("maria" in tocsin.console, "slack.com" in tocsin.console) == (True, False)
        home.later(seconds=6)
        assert len(slack.channels) == 1
        assert home.room()["address"].endswith("channel=C0ROOM0")
        assert sorted(slack.channels[0]["members"]) == ["U0ADA", "U0MARIA", APP]


def test_a_worker_that_is_killed_after_the_room_was_made_finds_it_again(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with organisation(tocsin, tmp_path) as (home, slack, _):
        home.open("--no-work")
        desk = tocsin.office()
        name = desk.find(None)
        turn = desk.prepare(desk.load(name), (), worker="w-dead")
        assert desk.append(desk.principal, [turn])[0]
        slack.channels.append(
            {
                "id": "C0KILLED",
                "name": room_name(turn.incident, "chat"),
                "is_archived": False,
                "members": [APP],
            }
        )
        home.later(seconds=1)
        assert home.room()["address"] == ""
        home.later(seconds=6)
        assert home.room()["address"].endswith("channel=C0KILLED")
        assert len(slack.channels) == 1


def test_a_provider_that_fails_is_passed_over_and_the_next_one_opens_the_room(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with organisation(tocsin, tmp_path) as (home, slack, matrix):
        home.channels["slack"]["settings"]["api"] = f"http://127.0.0.1:{closed_port()}"
        home.settings()
        home.open()
        home.later(seconds=6)
        home.later(seconds=11)
        assert home.room()["name"] == "own"
        assert list(home.room()["passed_over"]) == ["chat"]
        assert len(matrix.opened) == 1
        assert slack.channels == []
        assert home.drawn() in tocsin.done("status")
        home.later(hours=2)
        assert home.room()["address"] in tocsin.console
        (_, chosen, _) = home.told("RoomChosen")
        assert all(word in chosen for word in ("own", "chat", home.room()["passed_over"]["chat"]))


def test_a_room_in_a_failed_domain_is_replaced_and_people_invited(tocsin: AtDesk, tmp_path: Path) -> None:
    with organisation(tocsin, tmp_path) as (home, _, matrix):
        home.open()
        tocsin.done("domain", "compromised", "tenant")
        assert home.room()["name"] == "own"
        assert home.guests()["maria"] == "invited"
        assert matrix.members["!opened0:breach.example"] == {US: "join", MARIA: "invite"}
        tocsin.done("domain", "compromised", "own-matrix")
        assert home.room()["address"] == BRIDGE
        home.later(hours=2)
        assert BRIDGE in tocsin.console


def test_a_person_who_gets_a_role_later_is_invited_then(tocsin: AtDesk, tmp_path: Path) -> None:
    with organisation(tocsin, tmp_path) as (home, slack, _):
        home.people["ada"]["contacts"] = [{"channel": "plain", "address": "ada"}]
        home.settings()
        home.open()
        assert (home.guests()["ada"], "handle" in home.why_not("ada")) == ("not_invited", True)
        home.people["eve"] = {"name": "Eve", "contacts": [{"channel": "slack", "address": "U0EVE"}]}
        home.settings()
        slack.known.add("U0EVE")
        tocsin.done("role", "assign", "counsel", "jonas", "eve")
        assert home.guests()["eve"] == "invited"
        assert "U0EVE" in slack.channels[0]["members"]


def test_a_failed_invitation_is_shown_with_its_reason_and_retried_on_request(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with organisation(tocsin, tmp_path) as (home, slack, _):
        slack.known.discard("U0ADA")
        home.open()
        assert (home.guests()["ada"], "handle" in home.why_not("ada")) == ("not_invited", False)
        assert home.why_not("ada") in home.drawn()
        slack.known.add("U0ADA")
        tocsin.done("room", "retry")
        assert home.guests()["ada"] == "invited"
        said = tocsin("room", "retry")
        assert (said.code, said.error) == (1, "nothing_to_retry")


def test_without_a_usable_room_a_person_is_asked_for_one(tocsin: AtDesk, tmp_path: Path) -> None:
    with organisation(tocsin, tmp_path) as (home, _, _):
        home.open("--compromised", "tenant", "--compromised", "own-matrix", "--compromised", "carrier")
        waits = tocsin("status", "--format", "json").json["needs_attention"]
        (found,) = [wait for wait in waits if wait["kind"] == "no_war_room"]
        assert found["command"] == "tocsin room use ADDRESS"
        assert tocsin("status", "--check").code == 4
        assert home.drawn() in tocsin.done("brief")
        tocsin.done("room", "use", "Cafe at the corner", "--domain", "cafe")
        room = home.room()
        assert (room["address"], room["agreed_by"]) == ("Cafe at the corner", "maria")
        assert home.drawn() in tocsin.done("status")
        home.later(hours=2)
        assert room["address"] in tocsin.console
        tocsin.done("domain", "compromised", "cafe")
        assert home.room()["name"] == ""
        said = tocsin("room", "use", "two\nlines")
        assert (said.code, said.error) == (2, "bad_address")


def test_an_exercise_simulates_rooms_and_invitations(tocsin: AtDesk, tmp_path: Path) -> None:
    with organisation(tocsin, tmp_path) as (home, slack, matrix):
        exercise = tmp_path / "evening.yaml"
        exercise.write_text(EXERCISE, encoding="utf-8")
        tocsin.done("drill", "run", str(exercise), "--unattended")
        begun(tocsin, exercise).step()
        tocsin("worker", "--once")
        room = home.room()
        assert (room["name"], room["address"].startswith("[EXERCISE]")) == ("chat", True)
        assert home.guests()["maria"] == "invited"
        tocsin.done("domain", "compromised", "tenant")
        room = home.room()
        assert (room["name"], room["address"].startswith("[EXERCISE]")) == ("own", True)
        tocsin.done("brief", "--give", "jonas", "--as", "maria")
        tocsin.done("brief", "--take-over", "--read-back", "the room is played", "--as", "jonas")
        assert (slack.heard, matrix.heard) == ([], [])
        assert BRIDGE not in tocsin.done("timeline", "--all")


def test_a_provider_that_opens_no_rooms_is_found_on_a_quiet_day(tocsin: AtDesk) -> None:
    tocsin.settings(war_rooms={"screen": {"open": True, "channel": "screen"}})
    found = tocsin("doctor", "--format", "json").json["findings"]
    (told,) = (finding for finding in found if finding["area"] == "war rooms")
    assert (told["severity"], "screen" in told["what"], "console" in told["what"]) == ("warning", True, True)
