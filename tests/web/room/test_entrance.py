"""Logging in to the room with an account: invitation, factors, sessions, the rights of a proven name, and the step-up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta

import pytest
import requests
from pyotp import TOTP

from runner.app.core.rights import ANY
from runner.app.people.accounts import CODES
from runner.app.people.login_pace import FORGOTTEN, FREE, LONGEST_DELAY, begin_attempt
from runner.app.people.logins import FRESH, TERMINAL
from runner.app.people.passwords import _HASHING
from runner.app.people.tokens import find
from runner.reports.core.page import Page, line
from runner.web.room.acts.table import ACTING
from runner.web.room.application import HASHING, WAITING
from runner.web.room.entrance import local
from runner.web.room.table import BY_OPERATION, TABLE, act_address, address
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room import factors
from tests.web.room.factors import Person, an_account
from tests.web.room.room import Served, a_breach, hidden, landlord, served
from tests.web.room.test_access import DUTY, EXPECTED, PAGES, references

TASK = ACTING["task"]
PEOPLE = {"counsel": "jonas", ANY: "technical"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    """A home in which each role has a person, and a breach."""
    folder = tmp_path_factory.mktemp("entrance")
    made = AtDesk(folder / "home")
    made.done("init")
    a_breach(made, folder)
    for role in ("outside_counsel", "dpo", "executive", "hr", "evaluator", "auditor", "technical"):
        made.done("person", "add", role, "--name", role, "--as", "maria")
        made.done("role", "assign", role, role, "--always", "--as", "maria")
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(desk: AtDesk) -> Iterator[Served]:
    """The room of that home."""
    document = str(desk("notice", "list", "--format", "json").json["notices"][-1]["document"])
    with served(desk, document) as room:
        yield room


@pytest.fixture(scope="module")
def jonas(desk: AtDesk, house: Served) -> Person:
    return an_account(desk, "jonas")


def post(room: Served, path: str, reader: requests.Session, **given: str) -> requests.Response:
    headers = {"Origin": room.url}
    data = {name.replace("_", "-"): value for name, value in given.items()}
    return reader.post(
        f"{room.url}{path}", data=data, headers=headers, allow_redirects=False, timeout=PATIENCE
    )


def logged_in(room: Served, who: Person, **more: str) -> requests.Session:
    """Return a browser in which a person logged in with the factors."""
    reader = requests.Session()
    answer = post(
        room,
        "/login",
        reader,
        person=who.name,
        account_password=factors.PASSWORD,
        account_code=who.code(),
        **more,
    )
    assert answer.status_code == 303, answer.text
    return reader


def test_an_account_is_opened_with_an_invitation(desk: AtDesk, house: Served) -> None:
    path = desk.done("account", "invite", "executive").split()[0].partition(":8760")[2]
    reader = requests.Session()
    for _ in range(2):
        looked = house.get(reader, path)
        assert (looked.status_code, "executive" in looked.text, "<svg" in looked.text) == (200, False, False)
    form = post(house, path, reader).text
    nonce = re.findall(r'name="nonce" value="([^"]+)"', form)[0]
    seed = re.findall(r"<p>((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})</p>", form)[0].replace(" ", "")
    code = TOTP(seed).at(desk.clock.now())
    given = {"nonce": nonce, "new": factors.PASSWORD, "again": factors.PASSWORD, "account_code": code}
    wrong = post(house, path, reader, **{**given, "account_code": "000000"})
    assert (wrong.status_code, seed[:4] in wrong.text, "data-error" in wrong.text) == (409, True, True)
    assert post(house, path, reader, **{**given, "again": "another"}).status_code == 409
    opened = post(house, path, reader, **given)
    assert (opened.status_code, len(re.findall(r"<li><code>", opened.text))) == (200, CODES)
    assert '<a href="/">' in opened.text
    assert "executive" in house.get(reader, "/me").text
    assert post(house, path, requests.Session(), **given).status_code == 401
    assert post(house, "/join/unknown", requests.Session(), nonce="x").status_code == 401


def test_a_login_leads_to_the_page_that_was_asked_for(desk: AtDesk, house: Served, jonas: Person) -> None:
    place = f"/i/{house.codename}/duties"
    asked = house.get(requests.Session(), place)
    assert (asked.status_code, f'name="next" value="{place}"' in asked.text) == (401, True)
    reader = requests.Session()
    wrong = post(house, "/login", reader, person="jonas", account_password="no", account_code="1", next=place)
    assert (wrong.status_code, 'value="jonas"' in wrong.text, "set-cookie" in wrong.headers) == (
        401,
        True,
        False,
    )
    answer = post(
        house,
        "/login",
        reader,
        person="jonas",
        account_password=factors.PASSWORD,
        account_code=jonas.code(),
        next=place,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, place)
    assert house.get(reader, place).status_code == 200


@pytest.mark.parametrize("place", ["https://evil.test/", "//evil.test", "/\\evil.test", "/a\nb", "me", ""])
def test_a_login_never_leads_to_another_site(place: str) -> None:
    assert local(place) == "/"


def test_a_wrong_password_a_wrong_code_and_an_unknown_name_get_the_same_answer(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    answers = {
        re.sub(
            r'value="[^"]*"',
            "",
            post(
                house,
                "/login",
                requests.Session(),
                person=person,
                account_password=password,
                account_code=code,
            ).text,
        )
        for person, password, code in (
            ("jonas", "a wrong password", jonas.code()),
            ("jonas", factors.PASSWORD, "000000"),
            ("nobody", factors.PASSWORD, "000000"),
            ("maria", factors.PASSWORD, "000000"),
        )
    }
    assert len(answers) == 1
    logged_in(house, jonas)


def test_a_login_ends_the_session_that_the_browser_had(desk: AtDesk, house: Served, jonas: Person) -> None:
    reader = house.reader("maria", os_user="maria")
    before = reader.cookies.get_dict()
    post(
        house, "/login", reader, person="jonas", account_password=factors.PASSWORD, account_code=jonas.code()
    )
    old = requests.Session()
    old.cookies.update(before)
    assert reader.cookies.get_dict() != before
    assert house.get(old, "/me").status_code == 401
    assert house.get(reader, "/me").status_code == 200


def test_a_person_sees_and_ends_the_own_sessions_and_no_other(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    ada = logged_in(house, an_account(desk, "ada"))
    here, other = logged_in(house, jonas), logged_in(house, jonas)
    names = re.findall(r'name="end" value="(s-\d+)"', house.get(here, "/me").text)
    of_ada = re.findall(r'name="end" value="(s-\d+)"', house.get(ada, "/me").text)
    assert not set(names) & set(of_ada)
    assert post(house, "/me", here, end=of_ada[0]).status_code == 303
    assert house.get(ada, "/me").status_code == 200
    assert post(house, "/me", here, end=names[0]).status_code == 303
    assert [house.get(one, "/me").status_code for one in (here, other)] == [200, 401]


@pytest.mark.parametrize("role", ["counsel", ANY])
def test_a_person_who_logged_in_has_the_rights_of_the_roles(
    desk: AtDesk, house: Served, jonas: Person, role: str
) -> None:
    person = PEOPLE[role]
    reader = logged_in(house, jonas if person == "jonas" else an_account(desk, person))
    things, found = {**references(house, house.document), "duty": DUTY}, ""
    for row in TABLE:
        answer = house.get(reader, address(row, house.codename, things.get(row.operation, "")))
        found += "y" if answer.status_code == 200 or re.search("[dab]-none", answer.text) is not None else "-"
    assert (found, len(found)) == (EXPECTED[role], len(PAGES))


@pytest.fixture
def bound() -> Iterator[None]:
    """The first act of a task needs the factors again."""
    before = dict(TASK.acts)
    TASK.acts["comment"] = before["comment"]._replace(bound=True)
    yield
    TASK.acts["comment"] = before["comment"]


@pytest.mark.usefixtures("bound")
def test_an_act_that_binds_asks_for_the_factors_again_and_keeps_what_was_typed(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    reader, typed = logged_in(house, jonas), {"mark": "m", "text": "a long <text>"}
    path = act_address(BY_OPERATION["task"], "comment", house.codename, "law")
    assert post(house, path, reader, **typed).status_code == 303
    desk.clock.advance(FRESH)
    asked = post(house, path, reader, **typed)
    assert asked.status_code == 401
    assert f'action="{path}"' in asked.text
    assert 'name="text" value="a long &lt;text&gt;"' in asked.text
    wrong = post(house, path, reader, **typed, account_password="wrong", account_code="1")
    assert (wrong.status_code, "a long &lt;text&gt;" in wrong.text) == (401, True)
    before = reader.cookies.get_dict()
    given = {"account_password": factors.PASSWORD, "account_code": jonas.code()}
    assert post(house, path, reader, **typed, **given).status_code == 303
    assert post(house, path, reader, **typed).status_code == 303
    assert reader.cookies.get_dict() != before
    stolen = requests.Session()
    stolen.cookies.update(before)
    assert house.get(stolen, "/me").status_code == 401, "the old identifier ended"
    comments = desk("task", "show", "law", "--format", "json").json["comments"]
    assert [one["text"] for one in comments] == ["a long <text>"] * 3


@pytest.mark.usefixtures("bound")
def test_an_act_that_binds_asks_for_the_factors_after_its_preview(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    TASK.acts["comment"] = TASK.acts["comment"]._replace(
        preview=lambda asked, given: Page((line(given["text"]),))
    )
    reader, typed = logged_in(house, jonas), {"mark": "m", "text": "seen"}
    path = act_address(BY_OPERATION["task"], "comment", house.codename, landlord(desk))
    desk.clock.advance(FRESH)
    shown = post(house, path, reader, **typed)
    sure = hidden(shown.text, "sure")
    assert (shown.status_code, bool(sure)) == (200, True)
    assert post(house, path, reader, **typed, sure=sure).status_code == 401
    given = {"account_password": factors.PASSWORD, "account_code": "123456"}
    other = post(house, path, reader, **typed, sure="other", unknown="still here", **given)
    back = [text in other.text for text in ("still here", factors.PASSWORD, "123456")]
    assert (other.status_code, back) == (200, [True, False, False])
    given["account_code"] = jonas.code()
    assert post(house, path, reader, **typed, sure=sure, **given).status_code == 303


@pytest.mark.usefixtures("bound")
def test_a_file_is_sent_once_also_if_the_factors_are_asked_between(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    reader, step = logged_in(house, jonas), landlord(desk)
    path = act_address(BY_OPERATION["task"], "comment", house.codename, step)
    desk.clock.advance(FRESH)
    file = {"file": ("receipt.pdf", b"%PDF")}
    headers = {"Origin": house.url}
    asked = reader.post(f"{house.url}{path}", data={"text": "x"}, files=file, headers=headers, timeout=30)
    held = hidden(asked.text, "held-file")
    assert held
    stranger = house.reader("maria")
    assert post(house, path, stranger, text="x", held_file=held).status_code == 409, "another person's file"
    given = {"account_password": factors.PASSWORD, "account_code": jonas.code()}
    assert post(house, path, reader, text="x", held_file=held, **given).status_code == 303
    (comment,) = desk("task", "show", step, "--format", "json").json["comments"]
    assert comment["text"] == "x"
    assert post(house, path, reader, text="y", held_file=held).status_code == 409, "it was taken"
    assert len(desk("task", "show", step, "--format", "json").json["comments"]) == 1


def test_a_file_made_after_the_factors_says_so_and_is_saved_once(
    desk: AtDesk, house: Served, jonas: Person
) -> None:
    reader, path = logged_in(house, jonas), act_address(BY_OPERATION["record"], "export", house.codename, "")
    desk.clock.advance(FRESH)
    assert post(house, path, reader, audience="court").status_code == 401
    given = {"account_password": factors.PASSWORD, "account_code": jonas.code()}
    answer = post(house, path, reader, audience="court", **given)
    assert (answer.status_code, "Nothing was done" in answer.text) == (200, False)
    (address_,) = re.findall(r'href="(/made/[^"]+)"', answer.text)
    assert house.get(house.reader("jonas"), address_).status_code == 404
    assert house.get(reader, address_).content.startswith(b"PK")
    assert house.get(reader, address_).status_code == 404
    assert len(desk("audit", "exports", "--format", "json").json["exports"]) == 1


def test_new_recovery_codes_need_the_factors_again(desk: AtDesk, house: Served, jonas: Person) -> None:
    reader = logged_in(house, jonas)
    desk.clock.advance(FRESH)
    assert post(house, "/me", reader).status_code == 401
    answer = post(house, "/me", reader, account_password=factors.PASSWORD, account_code=jonas.code())
    assert (answer.status_code, len(re.findall(r"<li><code>", answer.text))) == (200, CODES)
    old = post(
        house,
        "/login",
        requests.Session(),
        person="jonas",
        account_password=factors.PASSWORD,
        account_code=jonas.codes[0],
    )
    assert old.status_code == 401
    assert house.get(reader, "/me").status_code == 200


def test_a_login_of_a_terminal_is_no_login_of_a_browser(desk: AtDesk, house: Served, jonas: Person) -> None:
    secret = house.logins.begin("jonas", "password+totp", f"{TERMINAL} desk", desk.world().who("jonas"))
    thief = requests.Session()
    thief.cookies.update(dict.fromkeys(house.reader("maria").cookies.get_dict(), secret))
    found = [house.get(thief, path).status_code for path in ("/", "/me", "/live", "/api/v1/incidents")]
    assert found == [401] * 4
    assert house.logins.find(secret) is not None


def test_a_link_of_this_machine_proves_no_name_and_a_disabled_account_ends(
    desk: AtDesk, house: Served
) -> None:
    by_link = house.reader("maria", os_user="maria")
    assert 'name="end"' not in house.get(by_link, "/me").text
    assert post(house, "/me", by_link).status_code == 200
    reader = logged_in(house, an_account(desk, "auditor"))
    desk.done("account", "disable", "auditor", "--reason", "left", "--as", "maria")
    assert house.get(reader, "/").status_code == 401


def test_a_session_ends_with_its_account_also_if_it_began_meanwhile(desk: AtDesk, house: Served) -> None:
    an_account(desk, "hr")
    an_account(desk, "dpo")
    cookie = next(iter(house.reader("maria").cookies.get_dict()))

    def reads(secret: str) -> list[int]:
        reader = requests.Session()
        reader.cookies.set(cookie, secret)
        return [house.get(reader, path).status_code for path in ("/me", "/live?part=x", "/api/v1/incidents")]

    before = house.logins.begin("hr", "password+totp")
    reader = requests.Session()
    reader.cookies.set(cookie, before)
    assert house.get(reader, "/me").status_code == 200
    desk.clock.advance(timedelta(milliseconds=1))
    desk.done("account", "disable", "hr", "--reason", "left", "--as", "maria")
    assert reads(house.logins.begin("hr", "password+totp")) == [401] * 3, "a login was under way"
    assert reads(before) == [401] * 3
    token = desk.done(
        "token", "create", "of-dpo", "--owner", "dpo", "--scope", "incident.read", "--as", "maria"
    )
    assert find(desk.office(), token.strip()) is not None
    marks = dict(desk.office().marks("token/of-dpo"))
    desk.done("person", "forget", "dpo", "--yes", "--as", "maria")
    assert reads(house.logins.begin("dpo", "password+totp")) == [401] * 3
    desk.office().change_marks(tuple(marks), lambda found: marks)
    assert find(desk.office(), token.strip()) is None


def test_strangers_slow_no_known_browser_and_no_step_up(desk: AtDesk, house: Served) -> None:
    person = an_account(desk, "evaluator")
    browser, service = logged_in(house, person), desk.office()

    def guess(name: str) -> None:
        for _ in range(FREE["name"] + 9):
            desk.clock.advance(LONGEST_DELAY)
            begin_attempt(service, name, "127.0.0.1")

    def status(reader: requests.Session, name: str, code: str) -> int:
        given = {"person": name, "account_password": factors.PASSWORD, "account_code": code}
        return post(house, "/login", reader, **given).status_code

    guess("evaluator")
    assert status(requests.Session(), "evaluator", person.code()) == 429
    assert status(browser, "evaluator", person.code()) == 303
    desk.clock.advance(FRESH)
    answer = post(house, "/me", browser, account_password=factors.PASSWORD, account_code=person.code())
    assert (answer.status_code, "recovery codes" in answer.text) == (200, True)
    assert status(requests.Session(), "evaluator", person.code()) == 429
    guess("hr")
    assert status(browser, "hr", "000000") == 429, "the browser is known for the evaluator alone"
    assert [status(browser, "evaluator", "000000") for _ in range(FREE["known"] + 1)] == [401] * FREE[
        "known"
    ] + [429]
    desk.clock.advance(FORGOTTEN)


def test_pages_are_answered_while_many_log_in_and_the_rest_come_again(desk: AtDesk, house: Served) -> None:
    given = {"person": "nobody", "account_password": "a wrong password", "account_code": "000000"}
    reader = house.reader("maria")

    def ask() -> int:
        return post(house, "/login", requests.Session(), **given).status_code

    for _ in range(HASHING):
        _HASHING.acquire()
    try:
        with ThreadPoolExecutor(HASHING + WAITING + 1) as pool:
            asked = [pool.submit(ask) for _ in range(HASHING + WAITING + 1)]
            first = next(as_completed(asked, timeout=60))
            assert first.result() == 503
            assert house.get(reader, "/").status_code == 200
            assert house.get(requests.Session(), "/login").status_code == 200
            nothing = post(house, "/login", requests.Session(), **{**given, "account_password": ""})
            assert nothing.status_code in (401, 429), "no password is no work, so it waits in no queue"
            for _ in range(HASHING):
                _HASHING.release()
            assert {one.result() for one in asked if one is not first} <= {401, 429}
    finally:
        desk.clock.advance(FORGOTTEN)
