"""Notices to many people in the browser: planned from a list, sampled, approved, sent, paused and resumed; letters too."""

from __future__ import annotations

import csv
import io
import re
import shutil
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import requests

from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import approve, configure, people, prepared
from tests.patience import PATIENCE
from tests.servers.receivers import MailServer
from tests.web.room.room import Served, hidden, offered, served, submitted

NOTICE = "our-letter"


@pytest.fixture(scope="module")
def relay() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


def an_office(folder: Path, relay: MailServer, **more: Any) -> AtDesk:
    """Return a home with a relay and an incident; nobody approved its letter."""
    shutil.copytree(prepared(), folder / "home")
    desk = AtDesk(folder / "home")
    for _ in range(200):
        desk.chance.name("skipped")
    desk.chance.codename()
    configure(desk, relay, **more)
    return desk


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, relay: MailServer) -> Iterator[tuple[AtDesk, Served]]:
    """A home whose letter nobody approved, and its room."""
    desk = an_office(tmp_path_factory.mktemp("office"), relay)
    for person, role in (("vera", "technical"), ("eve", "executive")):
        desk.done("person", "add", person, "--name", person.capitalize(), "--as", "maria")
        desk.done("role", "assign", role, person, "--always", "--as", "maria")
        desk.done("role", "assign", role, person, "--as", "maria")
    with served(desk) as room:
        yield desk, room
    desk.close()


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, relay: MailServer) -> Iterator[tuple[AtDesk, Served]]:
    """The same, and the letter is approved."""
    desk = an_office(tmp_path_factory.mktemp("ready"), relay)
    approve(desk)
    with served(desk) as room:
        yield desk, room
    desk.close()


def planned(room: Served, who: requests.Session, text: str, name: str, **given: str) -> requests.Response:
    """Send the form of a plan."""
    files = {"file": (name, text.encode())}
    return submitted(room, who, "letters", "plan", files=files, **{"notice": NOTICE, **given})


def campaign(room: Served, who: requests.Session, text: str, name: str, **given: str) -> str:
    """Plan a campaign without a wait for bounces, and return its id."""
    answer = planned(room, who, text, name, **{"canary_wait": "0s", **given})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


def standing(desk: AtDesk, name: str) -> Any:
    return desk("bulk", "status", NOTICE, "--people", name, "--format", "json").json


REASONS = {"accept_counts": "nobody counted", "accept_repeats": "the names are others"}
"""Why lists are sent that differ from the facts, and that have the references of each other."""


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, at most 20 seconds."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)  # each look is a command, beside the sender in this process


def test_a_list_is_planned_paused_and_resumed_and_no_person_is_named_on_the_page_of_counts(
    office: tuple[AtDesk, Served],
) -> None:
    desk, room = office
    maria, page = room.reader("maria"), f"/i/{room.codename}/letters"
    refused = planned(room, maria, people(3).replace("Person 2", ""), "p.csv")
    assert (refused.status_code, "2 Elm Road" in refused.text) == (409, False)
    assert "f-plan-2-wrong" in refused.text  # the line is beside the field of the file
    assert str(desk.home) not in refused.text
    assert planned(room, maria, people(3), "p.csv", notice="/etc/passwd").status_code == 409
    assert submitted(room, maria, "letters", "plan", notice=NOTICE).status_code == 409
    for wrong in ({"rates": "60/s"}, {"rates": "*=9/s"}, {"letter_cost": "much"}):
        assert planned(room, maria, people(3), "p.csv", **wrong).status_code == 409, wrong

    name = campaign(room, maria, people(40), "../people 1.csv", rates="relay=50/s", chunk="7")
    shown = room.get(maria, page).text
    assert (
        standing(desk, "_people_1.csv")["state"],
        standing(desk, "_people_1.csv")["standing"]["owed"],
    ) == (
        "planned",
        40,
    )
    assert f"/i/{room.codename}/campaign/{name}" in shown
    assert not any(f"person{n}@" in shown or f"Person {n}" in shown for n in range(1, 41))

    one = f"/i/{room.codename}/campaign/{name}"
    text = room.get(maria, one).text
    assert offered(text) == {"send", "pause"}
    assert "50/s" in text
    assert f"/i/{room.codename}/sign/sign" in text  # the approval that sending waits for

    def act(verb: str, body: str = "", **given: str) -> requests.Response:
        files = {"file": ("r.csv", body.encode())} if body else None
        return submitted(room, maria, "campaign", verb, name, files=files, **given)

    assert act("send").status_code == 409  # nobody approved the text
    assert act("pause").status_code == 409  # without a reason
    assert act("pause", reason="the text changed").status_code == 303
    found = standing(desk, "_people_1.csv")
    assert (found["state"], found["reason"]) == ("paused", "the text changed")
    assert act("pause", reason="again").status_code == 409
    assert act("resume", reason="the text is right").status_code == 303
    assert standing(desk, "_people_1.csv")["state"] == "sending"
    assert "class=alarm" in room.get(maria, one).text  # no process sends it
    assert act("receipts", "kind,address\nwhat,person7@people.example\n").status_code == 409
    assert act("receipts", "kind,reference\nreturned,K7\n").status_code == 200
    assert act("substitute", place="DE", reason="home page").status_code == 303
    stop = {"file": ("stop.txt", b"person9@people.example\n")}
    look = submitted(room, maria, "letters", "suppress", files=stop, why="stop", looks=True)
    assert ("sure" in look.text, standing(desk, "_people_1.csv")["suppressed"]) == (True, {})
    assert submitted(room, maria, "letters", "suppress", files=stop, why="stop").status_code == 200
    assert standing(desk, "_people_1.csv")["suppressed"]["stop"] == 1
    assert not list(desk.home.rglob("*.csv"))


def test_samples_and_lists_with_names_go_to_who_may_send(office: tuple[AtDesk, Served]) -> None:
    _, room = office
    maria = room.reader("maria")
    text = people(3) + "K9,Paula Post,9 Elm Road,DE,\n"
    name = campaign(room, maria, text, "samples.csv")
    pages = [f"/i/{room.codename}/{place}/{name}" for place in ("campaign", "samples")]
    lists = [f"/i/{room.codename}/people-of/{name}/{which}" for which in ("open", "returned")]
    shown = room.get(maria, pages[1]).text
    assert all(word in shown for word in ("person1@people.example", "Person 2", "K9", "9 Elm Road"))
    assert "person3@" not in shown  # two of each place and kind
    rows = list(csv.DictReader(io.StringIO(room.get(maria, lists[0]).text)))
    assert [(row["reference"], row["state"]) for row in rows] == [("K9", "post")]
    assert room.get(maria, f"/i/{room.codename}/people-of/{name}/all").status_code == 404
    for person in ("vera", "eve"):
        reader = room.reader(person)
        absent = room.get(reader, "/nothing")
        for path in (*pages, *lists):
            answer = room.get(reader, path)
            assert (answer.status_code, answer.content) == (404, absent.content), (person, path)
    eve = room.get(room.reader("eve"), f"/i/{room.codename}/letters")
    assert (eve.status_code, offered(eve.text), f"campaign/{name}" in eve.text) == (200, set(), False)


def test_an_approved_campaign_is_sent_beside_the_pages_and_its_deliveries_match_the_journal(
    ready: tuple[AtDesk, Served], relay: MailServer
) -> None:
    desk, room = ready
    maria = room.reader("maria")
    name = campaign(room, maria, people(30, domain="sent.example"), "sent.csv")
    assert submitted(room, maria, "campaign", "send", name).status_code == 409  # nobody counted the people
    asked = submitted(room, maria, "campaign", "send", name, looks=True, **REASONS)
    assert (asked.status_code, "30" in asked.text) == (200, True)
    before = len(relay.mails)
    assert submitted(room, maria, "campaign", "send", name, **REASONS).status_code == 303
    until(lambda: bool(standing(desk, "sent.csv")["state"] == "done"))
    assert sorted(to for to, _, _ in relay.mails[before:]) == sorted(
        f"person{n}@sent.example" for n in range(1, 31)
    )
    assert standing(desk, "sent.csv")["standing"]["evidence"] == {"accepted": 30}
    assert "send" not in offered(room.get(maria, f"/i/{room.codename}/campaign/{name}").text)
    verify = submitted(room, maria, "campaign", "verify", name)
    assert (verify.status_code, "30 attempts" in verify.text) == (200, True)


def test_a_campaign_stops_with_the_server_and_goes_on_when_a_person_continues_it(
    ready: tuple[AtDesk, Served], relay: MailServer
) -> None:
    desk, _ = ready
    with served(desk) as room:
        maria = room.reader("maria")
        text = people(15, domain="slow.example")
        given = {"canary_wait": "30m", "rates": "relay=2/s", "chunk": "2"}
        name = campaign(room, maria, text, "slow.csv", **given)
        assert submitted(room, maria, "campaign", "send", name, **REASONS).status_code == 303
        until(lambda: any(to.endswith("@slow.example") for to, *_ in relay.mails))
        assert "send" not in offered(room.get(maria, f"/i/{room.codename}/campaign/{name}").text)
    assert standing(desk, "slow.csv")["state"] == "sending"
    with served(desk) as room:
        maria, one = room.reader("maria"), f"/i/{room.codename}/campaign/{name}"
        assert "send" in offered(room.get(maria, one).text)
        assert submitted(room, maria, "campaign", "send", name, **REASONS).status_code == 303
        assert submitted(room, maria, "campaign", "pause", name, reason="wrong").status_code == 303
        until(lambda: "resume" in offered(room.get(maria, one).text))
    assert standing(desk, "slow.csv")["standing"]["open"] > 0


def test_an_item_that_somebody_ticks_meanwhile_changes_the_page_of_an_approval(
    office: tuple[AtDesk, Served],
) -> None:
    desk, room = office
    maria, jonas = room.reader("maria"), room.reader("jonas")
    files = {"file": ("items.csv", people(2).encode())}
    made = submitted(room, maria, "letters", "make", files=files, notice=NOTICE, accept_counts="a test")
    run = made.headers["location"].rpartition("/")[2]
    page = room.get(jonas, f"/i/{room.codename}/run/{run}").text
    ticks = re.findall(r'name="(tick-\w+)"', page)
    found = desk("notice", "list", "--format", "json").json["notices"][-1]
    digests = [f"tick-{sha256(item.encode()).hexdigest()[:16]}" for item in found["to_verify"]]
    assert ticks == [name for name in digests if name in ticks] != []  # by the words: a number can move
    desk.done("notice", "tick", found["step"], "1", "--as", "jonas", "--digest", found["digest"])
    after = room.get(jonas, f"/i/{room.codename}/run/{run}").text
    assert re.findall(r'name="(tick-\w+)"', after) == [name for name in ticks if name != digests[0]]
    assert hidden(after, "mark") != hidden(page, "mark")


def test_letters_are_made_sampled_approved_and_made_again_without_the_draft_mark(
    ready: tuple[AtDesk, Served],
) -> None:
    desk, room = ready
    maria, jonas = room.reader("maria"), room.reader("jonas")

    def make(who: requests.Session, number: int = 5, **given: str) -> requests.Response:
        files = {"file": ("post.csv", people(number).encode())}
        return submitted(room, who, "letters", "make", files=files, **{"notice": NOTICE, **given})

    def run_of(answer: requests.Response) -> str:
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].rpartition("/")[2]

    def waiting() -> list[str]:
        items = desk("status", "--format", "json").json["needs_attention"]
        return [one["action"]["verb"] for one in items if one["kind"] == "letters_waiting"]

    refused = make(maria)
    assert (refused.status_code, "f-make-" in refused.text) == (409, True)  # the facts have no counts
    first = run_of(make(maria, accept_counts="a test"))
    assert waiting() == ["notice.sign_letters"]
    shown = room.get(jonas, f"/i/{room.codename}/run/{first}").text
    assert all(word in shown for word in ("DRAFT", "Person 1", "approve"))
    sample = room.get(jonas, f"/i/{room.codename}/letters-of/{first}/00001/DRAFT_0000001_K1.pdf")
    assert sample.content.startswith(b"%PDF"), sample.text
    digest = shown.partition('name="manifest" value="')[2].partition('"')[0]
    ticks = dict.fromkeys(re.findall(r'name="(tick-\w+)"', shown), "yes")
    act = {"manifest": digest, **ticks}
    assert (
        submitted(room, maria, "run", "approve", first, **act).status_code == 412
    )  # her page has no such form
    assert submitted(room, jonas, "run", "approve", first, **{**act, "manifest": "x"}).status_code == 412
    approved = submitted(room, jonas, "run", "approve", first, **act)
    assert approved.status_code == 303, approved.text
    assert waiting() == ["notice.letters"]
    assert offered(room.get(maria, f"/i/{room.codename}/run/{first}").text) == {"final"}
    last = run_of(submitted(room, maria, "run", "final", first))
    assert waiting() == []
    run_of(make(maria, 4, accept_counts="a test"))
    run_of(make(maria, accept_counts="the last time"))
    assert waiting() == ["notice.sign_letters"]  # of the other list
    packed = room.get(maria, f"/i/{room.codename}/letters-of/{last}/letters.zip")
    names = ZipFile(io.BytesIO(packed.content)).namelist()
    assert ("00001/0000005_K5.pdf" in names, any("DRAFT" in name for name in names)) == (True, False)
    assert not list(desk.home.rglob("*.pdf"))
    desk.done("audit", "verify")
