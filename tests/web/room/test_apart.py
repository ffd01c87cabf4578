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


def test_nobody_gives_himself_a_role_that_checks_the_commander(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    before = present(desk).roles
    for role in ("counsel", "dpo", "executive", "hr"):
        assert submitted(room, maria, PAGE, "role", role=role, persons="maria, ada").status_code == 409
        given = {"role": role, "persons": "maria, ada"}
        assert submitted(room, maria, "people", "role", **given).status_code == 409
    assert present(desk).roles == before
    assert "maria" not in desk.office().directory.roles.get("counsel", ())
    assert submitted(room, maria, PAGE, "role", role="counsel", persons="ada").status_code == 303
    assert submitted(room, maria, "people", "role", role="counsel", persons="ada").status_code == 303


def test_a_holder_of_a_role_adds_another_person_to_it(room: Served, desk: AtDesk) -> None:
    desk.done("role", "assign", "counsel", "maria", "--yes", "--as", "maria")
    maria = room.reader("maria")
    assert submitted(room, maria, PAGE, "role", role="counsel", persons="maria, ada").status_code == 303


def test_nobody_makes_himself_the_deputy_of_counsel(room: Served, desk: AtDesk) -> None:
    given = {"person": "jonas", "state": "away"}
    maria = room.reader("maria")
    assert submitted(room, maria, "people", "away", alternate="maria", **given).status_code == 409
    assert submitted(room, maria, "people", "away", alternate="ada", **given).status_code == 303


def test_whoever_opens_an_incident_gets_no_role_and_decides_no_duty(room: Served, desk: AtDesk) -> None:
    a_responder(desk, always=True)
    tim, one = room.reader("tim"), {"kind": "real", "playbook": "lost-device", "once": "i-own"}

    def opens(**given: str) -> int:
        return submitted(room, tim, "incidents", "open", **one, **given).status_code

    for fact in ("risk.to_people=unlikely", "incident.aware_at=2026-11-20T08:00:00Z"):
        assert opens(facts=fact) == 409
    for role in ("commander=ada", "commander=tim", "dpo=tim", "communications=tim"):
        assert opens(roles=role) == 409
    assert room.codename == present(desk).codename
    assert opens(facts="incident.summary=Lost on a train", roles="communications=ada") == 303
    assert room.codename != present(desk).codename
    assert "tim" not in {
        person
        for role, held in present(desk).roles.items()
        for person in held
        if role not in desk.office().directory.roles
    }


def test_a_commander_opens_an_incident_with_the_time_of_awareness(room: Served, desk: AtDesk) -> None:
    given = {"kind": "real", "playbook": "lost-device", "once": "i-own"}
    given["facts"] = "incident.aware_at=2026-11-20T08:00:00Z"
    maria = room.reader("maria")
    assert submitted(room, maria, "incidents", "open", roles="dpo=maria", **given).status_code == 409
    given["roles"] = "communications=maria"
    assert submitted(room, maria, "incidents", "open", **given).status_code == 303
