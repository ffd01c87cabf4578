"""The break-glass account: armed and disarmed, used with a reason, loud, short, and never more than it may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from pyotp import TOTP

from runner.app.people import break_glass
from runner.errors import Refused
from runner.incident.people.account_journal import (
    BREAK_GLASS,
    BREAK_GLASS_LASTS,
    AccountChanged,
    fold_accounts,
)
from runner.web.room.acts.accounts import ACCOUNTS
from runner.web.room.table import BY_OPERATION, act_address
from tests.cli.at_desk import AtDesk
from tests.web.room import factors
from tests.web.room.factors import Person, accounts_of, an_account
from tests.web.room.room import Served, a_breach, landlord, offered, served, submitted
from tests.web.room.test_entrance import logged_in, post

REASON = "Nils: all phones were wiped"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    folder = tmp_path_factory.mktemp("break-glass")
    made = AtDesk(folder / "home")
    made.done("init")
    a_breach(made, folder)
    made.done("person", "add", "root", "--name", "Root", "--as", "maria")
    made.done("role", "assign", "administrator", "root", "--always", "--as", "maria")
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(desk: AtDesk) -> Iterator[Served]:
    with served(desk) as room:
        yield room


@pytest.fixture(scope="module")
def jonas(desk: AtDesk, house: Served) -> Person:
    return an_account(desk, "jonas")


def armed(desk: AtDesk, *more: str) -> list[str]:
    found = desk("account", "break-glass", "arm", *more, "--as", "maria", "--format", "json").json
    return [found["passphrase"], found["app"]]


def opened(
    room: Served, passphrase: str, code: str = "", reason: str = REASON
) -> tuple[requests.Session, int]:
    browser = requests.Session()
    browser.headers["Origin"] = room.url
    given = {"account_password": passphrase, "account_code": code, "reason": reason}
    return browser, post(room, "/login/break-glass", browser, **given).status_code


def state(desk: AtDesk) -> str:
    return str(desk("account", "list", "--format", "json").json["break_glass"])


def screen(desk: AtDesk) -> str:
    """Return what the channel of the home received."""
    path = desk.home / "console.txt"
    return path.read_text() if path.exists() else ""


def test_the_account_is_off_until_somebody_arms_it(desk: AtDesk, house: Served, jonas: Person) -> None:
    desk("account", "break-glass", "disarm", "--reason", "none", "--as", "maria")
    assert state(desk) == "off"
    assert "/login/break-glass" not in house.get(requests.Session(), "/login").text
    assert opened(house, "any")[1] == 401
    assert desk("account", "break-glass", "disarm").error == "option_missing"
    added = desk("person", "add", "break-glass", "--name", "Nobody", "--as", "maria")
    listed = desk.home / "list.csv"
    listed.write_text("person,name\nbreak-glass,Nobody\n")
    imported = desk("person", "import", str(listed), "--yes", "--as", "maria")
    assert (added.error, imported.error) == ("reserved_name", "reserved_name")


def test_its_use_needs_a_reason_alerts_people_is_on_every_page_and_on_record(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    passphrase = armed(desk)[0]
    reader, before = logged_in(house, jonas), screen(desk).count("break-glass")
    assert opened(house, passphrase, reason=" ")[1] == 409
    assert opened(house, "wrong")[1] == 401
    assert (state(desk), screen(desk).count("break-glass")) == ("armed", before)
    browser, status = opened(house, passphrase)
    assert (status, state(desk)) == (200, "in use")
    assert screen(desk).count("break-glass") > before
    for path in ("/", f"/i/{house.codename}", "/people", "/me"):
        assert [REASON in house.get(one, path).text for one in (reader, browser)] == [True, True]
    landlord_task = landlord(desk)
    assert submitted(house, browser, "task", "start", landlord_task).status_code == 303
    found = desk("timeline", "--all", "--format", "json").json["entries"]
    mine = [row for row in found if row["claimed"] == "break-glass"]
    assert {row["proven_by"].partition("/")[0] for row in mine} == {"login:break-glass"}
    assert any(REASON in row["text"] for row in found)
    report = desk("account", "list", "--format", "json").json
    assert (report["break_glass_reason"], report["break_glass_alarm"].startswith("0 of")) == (REASON, False)


def test_it_signs_decides_and_files_nothing_and_is_nobody_else(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    browser, _ = opened(house, armed(desk)[0])
    assert house.get(browser, f"/i/{house.codename}/duties").status_code == 200
    for operation, verbs in (
        ("duty", ("decide", "waive")),
        ("file", ("file",)),
        ("accounts", tuple(ACCOUNTS.acts)),
    ):
        row = BY_OPERATION[operation]
        for verb in verbs:
            path = act_address(row, verb, house.codename if row.about_incident else "", "x")
            assert post(house, path, browser, reason="x", person="jonas").status_code == 404
    assert house.get(browser, "/admin/accounts").status_code == 404
    page = house.get(browser, f"/i/{house.codename}/sign/approve-notice")
    assert page.status_code == 404


def test_it_restricts_no_incident(desk: AtDesk, house: Served, jonas: Person) -> None:
    browser, _ = opened(house, armed(desk)[0])
    path = act_address(BY_OPERATION["incident"], "restrict", house.codename, "")
    post(house, path, browser, reason="x")
    assert desk("status", "--format", "json").json["restricted"] is False


def test_it_gives_nobody_a_role_that_would_outlast_it(desk: AtDesk, house: Served, jonas: Person) -> None:
    desk.done("person", "add", "eve", "--name", "Eve", "--as", "maria")
    browser, _ = opened(house, armed(desk)[0])
    held = desk("role", "list", "--format", "json").json
    for role in ("counsel", "dpo", "executive", "hr", "administrator", "commander"):
        given = submitted(house, browser, "incident", "role", role=role, persons="eve")
        handed = submitted(house, browser, "incident", "brief", role=role, person="eve")
        assert (given.status_code, handed.status_code) == (409, 409)
        once = {"kind": "real", "playbook": "lost-device", "once": "i-glass", "roles": f"{role}=eve"}
        assert submitted(house, browser, "incidents", "open", **once).status_code == 409
    assert desk("role", "list", "--format", "json").json == held
    assert submitted(house, browser, "incident", "role", role="technical", persons="eve").status_code == 303


def test_it_ends_after_four_hours_or_when_it_is_disarmed_and_is_then_used_up(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    passphrase = armed(desk)[0]
    browser, _ = opened(house, passphrase)
    desk.clock.advance(timedelta(minutes=6))
    asks = post(house, "/me", browser, name="")
    assert (asks.status_code, 'name="account-code"' in asks.text) == (401, True)
    assert post(house, "/me", browser, name="", account_password=passphrase).status_code == 404
    for _ in range(11):  # somebody works all the time
        desk.clock.advance(timedelta(minutes=20))
        assert house.get(browser, "/").status_code == 200
    again, status = opened(house, passphrase)
    assert status == 200
    desk.clock.advance(BREAK_GLASS_LASTS - timedelta(minutes=220))
    assert [house.get(one, "/").status_code for one in (browser, again)] == [401, 401]
    assert (state(desk), opened(house, passphrase)[1]) == ("spent", 401)
    passphrase = armed(desk)[0]
    browser, _ = opened(house, passphrase)
    new = armed(desk)[0]
    assert (house.get(browser, "/").status_code, opened(house, passphrase)[1]) == (401, 401)
    browser, _ = opened(house, new)
    desk.done("account", "break-glass", "disarm", "--reason", "it works again", "--as", "maria")
    assert house.get(browser, "/").status_code == 401


def test_a_use_after_it_was_disarmed_or_armed_anew_opens_nothing(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    service, passphrase = desk.office(), armed(desk)[0]
    proved = break_glass.prove(service, accounts_of(service), passphrase, "", "desk")
    desk.clock.advance(timedelta(seconds=1))
    armed(desk)
    with pytest.raises(Refused):
        break_glass.use(service, proved, REASON)
    assert state(desk) == "armed"
    desk.done("account", "break-glass", "disarm", "--reason", "found", "--as", "maria")
    with pytest.raises(Refused):
        break_glass.use(service, proved, REASON)
    at = desk.clock.now()
    used = AccountChanged(person=BREAK_GLASS, change="used", by=BREAK_GLASS)
    assert not fold_accounts([(1, at, used)]).break_glass.in_use(at)


def test_ending_sessions_does_not_disarm_it(desk: AtDesk, house: Served, jonas: Person) -> None:
    armed(desk)
    root = logged_in(house, an_account(desk, "root"))
    root.headers["Origin"] = house.url
    for person in ("break-glass", "nobody-known"):
        assert submitted(house, root, "accounts", "end", person=person, mark="").status_code == 409
    assert state(desk) == "armed"
    service = desk.office()
    accounts_of(service).note(BREAK_GLASS, "sessions_ended", "root")
    assert state(desk) == "armed"


def test_it_can_have_an_app_of_its_own(desk: AtDesk, house: Served, jonas: Person) -> None:
    passphrase, seed = armed(desk, "--app")
    assert opened(house, passphrase)[1] == 401
    code = TOTP(seed).at(desk.clock.now())
    assert opened(house, passphrase, code)[1] == 200
    assert opened(house, passphrase, code)[1] == 401


def test_the_owner_hears_of_a_used_recovery_code_and_of_a_second_invitation(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    before = screen(desk).count("ecovery code")
    answer = post(
        house, "/login", requests.Session(),
        person="jonas", account_password=factors.PASSWORD, account_code=jonas.codes[0],
    )  # fmt: skip
    assert (answer.status_code, screen(desk).count("ecovery code") > before) == (303, True)
    desk.done("person", "add", "fay", "--name", "Fay", "--as", "maria")
    for invited in ("jonas", "fay"):  # with an account, and without one: the others are alerted, too
        before = screen(desk).count("nvitation")
        desk.done("account", "invite", invited)
        assert screen(desk).count("nvitation") >= before + 2


def test_an_administrator_gives_access_and_reads_no_incident(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    root = logged_in(house, an_account(desk, "root"))
    assert house.get(root, f"/i/{house.codename}").status_code == 404
    assert house.codename not in house.get(root, "/").text
    root.headers["Origin"] = house.url
    page = house.get(root, "/admin/accounts")
    assert (page.status_code, offered(page.text)) == (200, set(ACCOUNTS.acts))
    desk.done("person", "add", "ben", "--name", "Ben", "--as", "maria")
    victim = logged_in(house, an_account(desk, "ben"))
    invited = submitted(house, root, "accounts", "invite", person="ben", mark="")
    assert (invited.status_code, "/join/" in invited.text) == (200, True)
    assert submitted(house, root, "accounts", "end", person="ben", mark="").status_code == 303
    assert house.get(victim, "/").status_code == 401
    assert submitted(house, root, "accounts", "disable", person="ben", mark="").status_code == 409
    assert (
        submitted(house, root, "accounts", "disable", person="ben", reason="left", mark="").status_code == 303
    )
    row = next(
        one for one in desk("account", "list", "--format", "json").json["accounts"] if one["person"] == "ben"
    )
    assert (row["state"], row["by"], row["reason"]) == ("disabled", "root", "left")
    plain = logged_in(house, jonas)
    assert house.get(plain, "/admin/accounts").status_code == 404
    assert accounts_of(desk.office()).invited("x") == ""
