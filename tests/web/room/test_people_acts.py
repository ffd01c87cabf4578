"""Standing roles and absences, in the browser as at the command line."""

from __future__ import annotations

from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, offered, submitted


def test_a_person_is_away_with_a_deputy_and_back(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")

    def away() -> dict[str, tuple[bool, str]]:
        people = desk("person", "list", "--format", "json").json["people"]
        return {one["person"]: (one["away"], one["alternate"]) for one in people}

    given = {"person": "jonas", "state": "away", "alternate": "ada"}
    assert submitted(room, maria, "people", "away", **given).status_code == 303
    assert away()["jonas"] == (True, "ada")
    assert submitted(room, maria, "people", "away", person="jonas", state="back").status_code == 303
    assert away()["jonas"][0] is False
    for wrong in ({"person": "nobody-known"}, {"state": "lost"}, {"alternate": "nobody-known"}):
        assert submitted(room, maria, "people", "away", **{**given, **wrong}).status_code in (404, 409)


def test_a_standing_role_is_assigned_after_a_look(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    shown = submitted(room, maria, "people", "role", looks=True, role="counsel", persons="ada")
    assert shown.status_code == 200
    assert submitted(room, maria, "people", "role", role="counsel", persons="ada").status_code == 303
    roles = desk("role", "list", "--format", "json").json["roles"]
    assert next(one["persons"] for one in roles if one["role"] == "counsel") == ["ada"]
    assert submitted(room, maria, "people", "role", role="", persons="ada").status_code == 409
    jonas = room.reader("jonas")
    assert offered(room.get(jonas, "/people").text) == set()
    assert submitted(room, jonas, "people", "away", person="ada", state="away").status_code == 404
