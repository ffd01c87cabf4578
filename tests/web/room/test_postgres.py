"""The room on a database that several machines share: sessions, pages, acts and signals are the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.web.room.room import a_breach, landlord, served
from tests.web.room.test_acts import act, shown
from tests.web.room.test_live import stream


@pytest.mark.postgres
@pytest.mark.parametrize("kept_in", ["postgres"], indirect=True)
def test_the_room_works_on_a_shared_database(tocsin: AtDesk, tmp_path: Path) -> None:
    document = a_breach(tocsin, tmp_path)
    with served(tocsin, document) as room, served(tocsin, document) as other:
        maria = room.reader("maria")
        step = landlord(tocsin)
        with stream(room, maria) as lines:
            assert act(other, other.reader("maria"), "start", step).status_code == 303
            signal = json.loads(next(line for line in lines if "changed" in line).removeprefix("data:"))
        assert len(signal["changed"]) == 1
        assert shown(tocsin, step)["task"]["state"] == "active"
        tocsin.done("serve", "--log-out")
        assert room.get(maria, "/").status_code == 401
