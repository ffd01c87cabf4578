"""What a person with a login cannot do alone, or with a role that is for something else."""

from __future__ import annotations

from typing import Any

from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, submitted

PAGE = "incident"
DUTY = "eu-gdpr-33-controller-sa/initial"


def present(desk: AtDesk) -> Any:
    """Return the newest incident of the home."""
    service = desk.office()
    return service.load(service.incidents()[-1].id)


def a_responder(desk: AtDesk, *, always: bool = False) -> None:
    """Add Tim, who has a role of no special rights in the incident."""
    desk.done("person", "add", "tim", "--name", "Tim Example", "--as", "maria")
    desk.done("role", "assign", "technical", "tim", *(("--always",) if always else ()), "--as", "maria")


def test_whoever_gets_the_brief_of_one_role_takes_no_other(room: Served, desk: AtDesk) -> None:
    a_responder(desk)
    maria, tim = room.reader("maria"), room.reader("tim")
    assert submitted(room, maria, PAGE, "brief", person="tim", role="commander").status_code == 303
    before = present(desk).roles
    assert submitted(room, tim, PAGE, "take", role="executive", read_back="understood").status_code == 409
    assert submitted(room, tim, PAGE, "take", role="counsel", read_back="understood").status_code == 409
    assert present(desk).roles == before
    assert submitted(room, tim, PAGE, "take", role="commander", read_back="understood").status_code == 303
    assert present(desk).roles["commander"][0] == "tim"
