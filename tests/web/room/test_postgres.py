"""The room on a database that several machines share: sessions, pages, acts and signals are the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.servers.postgres import kept_in, postgres_server, postgres_url
from tests.web.room.room import a_breach, landlord, served
from tests.web.room.test_acts import act, shown
from tests.web.room.test_live import stream

__all__ = ["kept_in", "postgres_server", "postgres_url"]


@pytest.fixture
def shared(tmp_path: Path, postgres_url: str) -> Iterator[AtDesk]:
    """A machine whose home is kept on a server."""
    desk = AtDesk(tmp_path / "home", store=postgres_url)
    desk.done("init")
    yield desk
    desk.close()


@pytest.mark.postgres
def test_the_room_works_on_a_shared_database(shared: AtDesk, tmp_path: Path) -> None:
    document = a_breach(shared, tmp_path)
    with served(shared, document) as room, served(shared, document) as other:
        maria = room.reader("maria")
        step = landlord(shared)
        with stream(room, maria) as lines:
            assert act(other, other.reader("maria"), "start", step).status_code == 303
            signal = json.loads(next(line for line in lines if "changed" in line).removeprefix("data:"))
        assert len(signal["changed"]) == 1
        assert shown(shared, step)["task"]["state"] == "active"
        shared.done("serve", "--log-out")
        assert room.get(maria, "/").status_code == 401
