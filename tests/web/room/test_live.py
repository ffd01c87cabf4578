"""An open page hears of a change within a second, and of nothing that its reader may not see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from runner.base.actor import Principal
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room.room import Served


@contextmanager
def stream(room: Served, reader: requests.Session) -> Iterator[Iterator[str]]:
    """Open the stream and wait until it is open."""
    with reader.get(f"{room.url}/live", stream=True, timeout=PATIENCE) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines(chunk_size=1, decode_unicode=True) if line)
        assert next(lines).startswith(":")
        time_to_look(room)
        yield lines


def time_to_look(room: Served) -> None:
    """Wait until the server has looked at the store once: what was there before is no change."""
    end = time.monotonic() + PATIENCE
    while not room.looked() and time.monotonic() < end:
        room.get(requests.Session(), "/healthz")


def test_a_change_by_the_command_line_is_signalled_without_its_content(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    with stream(room, maria) as lines:
        desk.done("task", "add", "Call the landlord", "--to", "maria")
        signal = json.loads(next(line for line in lines if "changed" in line).removeprefix("data:"))
    (key,) = signal["changed"]
    assert f'data-live="{key}"' in room.get(maria, f"/i/{room.codename}").text
    assert room.codename not in json.dumps(signal)


def test_two_sessions_have_different_names_for_one_incident(room: Served) -> None:
    pages = {room.get(room.reader("maria"), f"/i/{room.codename}").text for _ in range(2)}
    keys = {page.partition('data-live="')[2].partition('"')[0] for page in pages}
    assert len(keys) == 2


def test_who_may_not_see_an_incident_hears_nothing_of_it(room: Served, desk: AtDesk) -> None:
    stranger, maria = room.reader("nobody-known"), room.reader("maria")
    with stream(room, stranger) as silent, stream(room, maria) as lines:
        desk.done("task", "add", "Call the landlord", "--to", "maria")
        assert next(line for line in lines if "changed" in line)
        room.server_stops()
        assert not [line for line in silent if "changed" in line]


def test_the_stream_ends_with_the_server(room: Served) -> None:
    with stream(room, room.reader("maria")) as lines:
        room.server_stops()
        assert "event: bye" in list(lines)


def test_an_error_of_the_store_does_not_end_the_signals(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    room.fails_once()
    with stream(room, maria) as lines:
        desk.done("task", "add", "Call the landlord", "--to", "maria")
        assert next(line for line in lines if "changed" in line)


def test_a_stream_of_an_ended_session_ends_also_while_much_happens(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    with stream(room, maria) as lines:
        maria.post(f"{room.url}/leave", timeout=PATIENCE)
        assert "event: bye" in list(lines)


def test_head_of_the_stream_is_answered_at_once(room: Served) -> None:
    assert room.reader("maria").head(f"{room.url}/live", timeout=PATIENCE).status_code == 200


def test_an_open_page_ends_with_the_account_of_its_session(room: Served) -> None:
    secret = room.logins.begin("maria", "password+totp")  # maria has no account, or none any more
    assert secret in room.logins.alive({secret})
    assert secret not in room.server.room._alive({secret})


def test_a_session_and_a_link_without_an_account_end_with_a_forgotten_person(
    room: Served, desk: AtDesk
) -> None:
    desk.done("person", "add", "per", "--name", "Per", "--as", "maria")
    per, link = room.reader("per"), room.link(Principal(person="per", proven_by="login:test", host="desk"))
    assert room.get(per, "/").status_code == 200
    desk.done("person", "forget", "per", "--yes", "--as", "maria")
    assert room.get(per, "/").status_code == 401
    assert requests.post(link, headers={"Origin": room.url}, timeout=PATIENCE).status_code == 401
