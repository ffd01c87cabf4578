"""The door of the room: who comes in, how, and what a stranger learns."""

from __future__ import annotations

import socket
import sqlite3
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest
import requests

from runner.app.people.logins import IDLE, LINK_LASTS, LONGEST, Logins
from runner.base.actor import Principal
from runner.errors import StoreError
from runner.web.room.door import HEADERS, LARGEST_FORM, is_foreign
from runner.web.room.server import CONNECTIONS
from runner.web.room.table import BY_OPERATION, TABLE, act_address, address, document_address
from runner.web.serving import listening
from tests.cli.at_desk import AtDesk, Clock
from tests.patience import PATIENCE
from tests.web.room.room import Served, served

MARIA = Principal(person="maria", os_user="maria", host="desk")


def enter(room: Served, link: str, session: requests.Session | None = None) -> requests.Response:
    return (session or requests.Session()).post(
        link, headers={"Origin": room.url}, allow_redirects=False, timeout=PATIENCE
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_does_not_wait_for_an_acknowledgement(host: str) -> None:
    with listening(host, 0) as bound, socket.create_connection(bound.getsockname()[:2]):
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"sec-fetch-site": "same-origin", "cookie": "s=1"}, False),
        ({"sec-fetch-site": "none", "cookie": "s=1"}, False),
        ({"sec-fetch-site": "cross-site", "cookie": "s=1"}, True),
        ({"sec-fetch-site": "same-site", "cookie": "s=1"}, True),
        ({"origin": "http://room.test", "cookie": "s=1"}, False),
        ({"origin": "http://evil.test", "cookie": "s=1"}, True),
        ({"origin": "null", "cookie": "s=1"}, True),
        ({"cookie": "s=1"}, True),
        ({}, False),
    ],
)
def test_a_change_from_another_site_is_recognised(headers: dict[str, str], *, foreign: bool) -> None:
    assert is_foreign("POST", {"host": "room.test", **headers}) is foreign
    by_link = {"host": "room.test", **headers, "sec-fetch-mode": "navigate"}
    assert not is_foreign("GET", by_link)
    assert is_foreign("GET", {**by_link, "sec-fetch-mode": "no-cors"}) is (
        "site" in headers.get("sec-fetch-site", "").removeprefix("same-origin")
    )


def test_no_page_is_shown_without_a_session(room: Served) -> None:
    stranger = requests.Session()
    answers = {row.operation: room.get(stranger, address(row, room.codename, "x")) for row in TABLE}
    answers["document"] = room.get(stranger, document_address(room.codename, room.document, "txt"))
    answers["live"] = room.get(stranger, "/live")
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert not [name for name, answer in answers.items() if room.codename in answer.text]


def test_a_link_is_used_up_by_its_button_and_not_by_looking(room: Served) -> None:
    link = room.link(MARIA)
    for method in ("GET", "HEAD"):
        looked = requests.request(method, link, timeout=PATIENCE)
        assert (looked.status_code, "set-cookie" in looked.headers) == (200, False)
    assert enter(room, link).status_code == 303
    assert enter(room, link).status_code == 401
    assert enter(room, f"{room.url}/enter/unknown").status_code == 401


def test_a_link_is_valid_for_some_minutes(room: Served, desk: AtDesk) -> None:
    link = room.link(MARIA)
    desk.clock.advance(LINK_LASTS)
    assert enter(room, link).status_code == 401


def test_the_cookie_is_for_this_site_alone_and_for_no_script(room: Served) -> None:
    said = enter(room, room.link(MARIA)).headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in said.split(";")}


def test_a_session_ends_when_it_is_idle(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    desk.clock.advance(IDLE - timedelta(minutes=1))
    assert room.get(maria, "/").status_code == 200
    desk.clock.advance(IDLE - timedelta(minutes=1))
    assert room.get(maria, "/?part=live").status_code == 200, (
        "what a page asks by itself is no request of a person"
    )
    desk.clock.advance(timedelta(minutes=1))
    assert room.get(maria, "/").status_code == 401


def test_a_session_ends_after_its_longest_time_also_in_use(room: Served, desk: AtDesk) -> None:
    maria, step = room.reader("maria"), timedelta(minutes=20)
    for _ in range(LONGEST // step - 1):
        desk.clock.advance(step)
        assert room.get(maria, "/").status_code == 200
    desk.clock.advance(step)
    assert room.get(maria, "/").status_code == 401


def test_a_new_login_ends_the_session_that_the_browser_had(room: Served) -> None:
    maria = room.reader("maria")
    old = requests.Session()
    old.cookies.update(maria.cookies.get_dict())
    assert enter(room, room.link(MARIA), maria).status_code == 303
    assert (room.get(old, "/").status_code, room.get(maria, "/").status_code) == (401, 200)


def test_reading_goes_on_while_the_store_cannot_be_written(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    desk.clock.advance(timedelta(minutes=6))
    with sqlite3.connect(desk.home / "tocsin.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert room.get(maria, f"/i/{room.codename}").status_code == 200
        other.execute("ROLLBACK")
    other.close()


def test_logging_out_ends_the_session_also_for_a_stolen_cookie(room: Served) -> None:
    maria = room.reader("maria")
    stolen = requests.Session()
    stolen.cookies.update(maria.cookies.get_dict())
    assert room.get(stolen, "/").status_code == 200
    assert maria.post(f"{room.url}/leave", timeout=PATIENCE).status_code == 200
    assert room.get(stolen, "/").status_code == 401


def test_all_sessions_and_links_are_ended_by_a_command(room: Served, desk: AtDesk) -> None:
    maria, link = room.reader("maria"), room.link(MARIA)
    desk.done("serve", "--log-out")
    assert room.get(maria, "/").status_code == 401
    assert enter(room, link).status_code == 401


def test_a_secret_is_never_in_the_store(room: Served, desk: AtDesk) -> None:
    maria, link = room.reader("maria"), room.logins.invite(MARIA)
    (cookie,) = maria.cookies.get_dict().values()
    stored = b"".join(path.read_bytes() for path in desk.home.glob("tocsin.db*"))
    assert b"room-login/" in stored
    assert (cookie.encode() in stored, link.encode() in stored) == (False, False)


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1:1", "127.0.0.1"])
def test_another_host_name_gets_nothing(room: Served, host: str) -> None:
    answer = requests.get(f"{room.url}/healthz", headers={"Host": host}, timeout=PATIENCE)
    assert (answer.status_code, "ok" in answer.text) == (421, False)


def test_a_foreign_change_a_large_body_and_an_unknown_method_are_refused(room: Served) -> None:
    maria = room.reader("maria")
    foreign = maria.post(f"{room.url}/leave", headers={"Origin": "http://evil.test"}, timeout=PATIENCE)
    assert foreign.status_code == 403
    large = maria.post(f"{room.url}/leave", data=b"x" * (LARGEST_FORM + 1), timeout=PATIENCE)
    assert large.status_code == 413
    assert maria.delete(f"{room.url}/", timeout=PATIENCE).status_code == 405
    assert room.get(maria, "/").status_code == 200


def test_only_a_form_that_can_have_a_file_may_be_large(room: Served) -> None:
    maria, large = room.reader("maria"), {"file": ("a", b"x" * (LARGEST_FORM + 1))}
    for path in ("/login", "/me", "/leave", "/api/v1/incidents/x/act/task/comment/law"):
        assert maria.post(f"{room.url}{path}", files=large, timeout=PATIENCE).status_code == 413, path
    act = f"{room.url}{act_address(BY_OPERATION['incident'], 'note', room.codename, '')}"
    assert maria.post(act, files=large, timeout=PATIENCE).status_code not in (401, 413)
    stranger = requests.post(act, files=large, headers={"Origin": room.url}, timeout=PATIENCE)
    assert stranger.status_code == 401


def test_half_open_connections_end_and_leave_room_for_others(desk: AtDesk) -> None:
    with served(desk, patience=1.0) as room, ExitStack() as stack:
        ways = [
            stack.enter_context(socket.create_connection(("127.0.0.1", room.port), 20))
            for _ in range(CONNECTIONS + 5)
        ]
        posted = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{room.port}\r\nOrigin: {room.url}\r\nContent-Length: 9\r\n\r\na"
        heads = (b"G", posted.encode(), b"")
        for way, head in zip(ways, cycle(heads), strict=False):
            with suppress(OSError):
                way.sendall(head)
        for way in ways:
            with suppress(ConnectionResetError):
                assert way.recv(1) == b"", "it ends without an answer"
        assert requests.get(f"{room.url}/healthz", timeout=20).status_code == 200


def test_an_open_stream_stays_longer_than_a_request_may_take_to_arrive(desk: AtDesk) -> None:
    with served(desk, patience=0.5) as room:
        maria = room.reader("maria")
        with maria.get(f"{room.url}/live", stream=True, timeout=20) as answer:
            signs = answer.iter_lines()
            assert next(signs) is not None
            ends = time.monotonic() + 2
            while time.monotonic() < ends:
                assert next(signs) is not None


def test_a_form_of_the_entrance_has_few_fields(room: Served) -> None:
    many = requests.post(
        f"{room.url}/login", data="a=&" * 200, headers={"Origin": room.url}, timeout=PATIENCE
    )
    assert many.status_code == 409


def test_every_answer_has_the_headers_that_keep_a_page_alone(room: Served) -> None:
    maria = room.reader("maria")
    for path in ("/", "/nothing", f"/i/{room.codename}", "/healthz"):
        answer = room.get(maria, path)
        assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS), path
        assert "server" not in answer.headers


def test_other_machines_cannot_be_let_in_without_accounts(desk: AtDesk) -> None:
    said = desk("serve", "--listen", "0.0.0.0:8760")
    assert (said.code, said.error) == (1, "needs_tls")
    assert desk("serve", "--listen", "nowhere").error == "bad_address"


def test_one_more_link_comes_from_a_command(room: Served, desk: AtDesk) -> None:
    assert desk("serve", "--link", "--as", "jonas").error == "no_room"
    room.logins.announce(f"127.0.0.1:{room.port}")
    printed = desk.done("serve", "--link", "--as", "jonas").strip()
    jonas = requests.Session()
    assert enter(room, printed, jonas).status_code == 303
    assert "jonas" in room.get(jonas, "/").text


class Unwritable:
    """A service whose store says that it cannot be written."""

    read_only = False
    clock = Clock()

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        return {}

    def change_marks(self, *given: object, **options: object) -> dict[str, bytes]:
        raise StoreError("The database cannot be written.", code="store_read_only")


def test_a_store_that_cannot_be_written_for_a_moment_keeps_the_sessions(room: Served, desk: AtDesk) -> None:
    maria, service = room.reader("maria"), room.logins._service
    logins: Any = room.logins
    logins._service = Unwritable()
    with pytest.raises(StoreError):
        room.logins.invite(MARIA)
    logins._service = service
    assert room.get(maria, "/").status_code == 200
    desk.done("serve", "--log-out")
    assert room.get(maria, "/").status_code == 401


def test_where_nothing_can_be_written_sessions_are_in_the_process() -> None:
    service: Any = Unwritable()
    logins = Logins(service)
    session = logins.enter(logins.invite(MARIA))
    assert session is not None
    found = logins.find(session)
    assert found is not None
    assert found.principal == MARIA
    logins.end(session)
    assert logins.find(session) is None
