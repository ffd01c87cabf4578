"""Links for people without an account: one person, one task or approval, once, within a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NoReturn

import pytest
import requests

from runner.app.people import step_links
from runner.base.actor import Actor
from runner.errors import Refused, TocsinError
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import describe_actor
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.web.room.room import Served, a_breach, landlord, served
from tests.web.room.test_entrance import post


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    folder = tmp_path_factory.mktemp("links")
    made = AtDesk(folder / "home")
    made.done("init")
    a_breach(made, folder)
    made.done("person", "add", "nils", "--name", "Nils", "--as", "maria")
    made.done("role", "assign", "forensics", "nils", "--as", "maria")
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(desk: AtDesk) -> Iterator[Served]:
    with served(desk) as room:
        yield room


def linked(desk: AtDesk, step: str, person: str = "nils", *more: str) -> tuple[str, str]:
    """Return the path of a new link, and its name."""
    found = desk("step-link", "create", person, step, *more, "--as", "maria", "--format", "json").json
    return "/link/" + found["link"].rpartition("/")[2], str(found["name"])


def pressed(room: Served, path: str, **given: str) -> requests.Response:
    return post(room, path, requests.Session(), **given)


def state_of(desk: AtDesk, step: str) -> str:
    return str(desk("task", "show", step, "--format", "json").json["task"]["state"])


def test_a_link_does_its_task_once_and_the_record_says_that_a_link_did(desk: AtDesk, house: Served) -> None:
    step = landlord(desk)
    path, name = linked(desk, step)
    looked = house.get(requests.Session(), path)
    assert (looked.status_code, "landlord" in looked.text, looked.cookies.get_dict()) == (200, False, {})
    shown = pressed(house, path)
    assert (shown.status_code, "landlord" in shown.text) == (200, True)
    assert state_of(desk, step) != "done"
    assert pressed(house, path, done="1", comment="He answered").status_code == 200
    assert state_of(desk, step) == "done"
    assert [pressed(house, path, **given).status_code for given in ({}, {"done": "1"})] == [401, 401]
    found = desk("timeline", "--all", "--format", "json").json["entries"]
    (entry,) = [row for row in found if (row["proven_by"] or "").startswith("link:")][-1:]
    assert (entry["claimed"], entry["proven_by"]) == ("nils", f"link:{name}")
    assert entry["actor"] == describe_actor(Actor(claimed="nils", proven_by=f"link:{name}"))
    assert not entry["actor"].startswith("nils")  # it proves nobody


def test_a_checklist_is_on_the_page_of_a_link_once(desk: AtDesk, house: Served) -> None:
    path = desk.home.parent / "lost-badge.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    desk.done("graft", str(path), "--reason", "a badge, too", "--as", "maria")
    page, _ = linked(desk, "block")
    text = pressed(house, page).text
    assert (text.count("Canteen"), text.count("Door system"), "tocsin " in text) == (1, 1, False)
    desk.done("task", "check", "block", "1", "--as", "maria")
    text = pressed(house, page).text
    assert (text.count("Canteen"), text.count('type="checkbox"')) == (1, 1)


def test_a_link_opens_no_other_page_and_begins_no_session(desk: AtDesk, house: Served) -> None:
    browser = requests.Session()
    path, _ = linked(desk, landlord(desk))
    post(house, path, browser)
    assert not browser.cookies
    assert house.get(browser, f"/i/{house.codename}").status_code == 401


def test_an_approval_is_shown_once_and_never_given(desk: AtDesk, house: Served) -> None:
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    step = next(
        str(task["invocation"])
        for task in tasks
        if task["kind"] == "approve" and task["state"] in ("ready", "active")
    )
    path, _ = linked(desk, step)
    before = desk("timeline", "--all", "--format", "json").json["entries"]
    shown = pressed(house, path, decision="approve", done="1")
    assert (shown.status_code, "<form" in shown.text) == (200, False)
    assert pressed(house, path).status_code == 401
    assert desk("timeline", "--all", "--format", "json").json["entries"] == before


def test_a_link_ends_with_its_day_its_task_a_revocation_and_its_person(desk: AtDesk, house: Served) -> None:
    step = landlord(desk)
    path, _ = linked(desk, step, "nils", "--for", "2h")
    desk.clock.advance(timedelta(hours=2))
    assert pressed(house, path).status_code == 401
    path, name = linked(desk, step)
    assert [row["name"] for row in desk("step-link", "list", "--format", "json").json["links"]][:1] == [name]
    desk.done("step-link", "revoke", name)
    assert (pressed(house, path).status_code, desk("step-link", "revoke", name).error) == (
        401,
        "unknown_link",
    )
    path, _ = linked(desk, step)
    desk.done("task", "done", step, "--as", "maria")
    assert pressed(house, path).status_code == 401
    desk.done("person", "add", "olga", "--name", "Olga", "--as", "maria")
    desk.done("role", "assign", "press", "olga", "--as", "maria")
    path, _ = linked(desk, landlord(desk), "olga")
    desk.done("person", "forget", "olga", "--yes", "--as", "maria")
    assert pressed(house, path).status_code == 401


def test_a_link_is_for_a_person_who_may_do_it_and_lasts_a_day_at_most(desk: AtDesk, house: Served) -> None:
    step = landlord(desk)
    desk.done("person", "add", "per", "--name", "Per", "--as", "maria")
    assert desk("step-link", "create", "per", step, "--as", "maria").error == "no_right"
    assert desk("step-link", "create", "nobody", step, "--as", "maria").error == "unknown_person"
    assert desk("step-link", "create", "nils", step, "--for", "25h", "--as", "maria").error == "bad_duration"
    desk.done("task", "done", step, "--as", "maria")
    assert desk("step-link", "create", "nils", step, "--as", "maria").error == "link_for_nothing"


def test_a_link_ends_with_the_right_of_its_person(desk: AtDesk, house: Served) -> None:
    desk.done("person", "add", "dan", "--name", "Dan", "--as", "maria")
    desk.done("role", "assign", "forensics", "nils", "dan", "--as", "maria")
    path, _ = linked(desk, landlord(desk), "dan")
    desk.done("role", "assign", "forensics", "nils", "--yes", "--as", "maria")
    shown = pressed(house, path)
    assert (shown.status_code, "landlord" in shown.text) == (401, False)


def test_a_link_that_was_revoked_during_its_use_stays_revoked(desk: AtDesk, house: Served) -> None:
    service, step = desk.office(), landlord(desk)
    path, name = linked(desk, step)
    secret = path.rpartition("/")[2]

    def refuses(before: Incident) -> NoReturn:
        desk.done("step-link", "revoke", name)
        raise Refused("It was refused.", hint="", code="no_right")

    with pytest.raises(Refused):
        step_links.use(service.of(service.principal, refuses), secret)
    assert step_links.find(service, secret) is None
    path, _ = linked(desk, step)
    service = desk.office()
    with pytest.raises(TocsinError):
        step_links.use(service, path.rpartition("/")[2], rows=frozenset((99,)))
    assert pressed(house, path).status_code == 200  # a refused use takes nothing
