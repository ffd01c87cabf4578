"""What a person with a login cannot do alone, or with a role that is for something else."""

from __future__ import annotations

from typing import Any

import pytest

from runner.app.core.rights import require_rights
from runner.base.actor import Principal
from runner.errors import Refused
from runner.incident.state import commands as c
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
    for role in ("counsel", "dpo", "executive", "hr", "administrator"):
        assert submitted(room, maria, PAGE, "role", role=role, persons="maria, ada").status_code == 409
        given = {"role": role, "persons": "maria, ada"}
        assert submitted(room, maria, "people", "role", **given).status_code == 409
    assert present(desk).roles == before
    assert "maria" not in desk.office().directory.roles.get("counsel", ())
    assert submitted(room, maria, PAGE, "role", role="counsel", persons="ada").status_code == 303
    assert submitted(room, maria, "people", "role", role="counsel", persons="ada").status_code == 303


def test_a_commander_hands_over_no_role_that_checks_the_commander(room: Served, desk: AtDesk) -> None:
    maria, before = room.reader("maria"), present(desk).roles
    for role in ("counsel", "dpo", "executive", "hr", "administrator"):
        assert submitted(room, maria, PAGE, "brief", person="ada", role=role).status_code == 409
    assert present(desk).roles == before
    brief = [c.GiveBrief(to="ada", role="counsel", version=1, digest="d")]
    require_rights(lambda right: False, Principal(person="jonas", proven_by="x"), present(desk), brief)


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


def test_a_program_neither_skips_nor_reopens_an_approval(room: Served, desk: AtDesk) -> None:
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    approval = next(one["invocation"] for one in tasks if one["kind"] == "approve" and one["invocation"])
    program = Principal(person="maria", proven_by="token:bot", scopes=frozenset(("task.act", "task.steer")))
    service, name = desk.office(), present(desk).id
    for command in (c.SkipStep, c.FailStep, c.ReopenStep):
        with pytest.raises(Refused) as refused:
            service.act(program, name, [command(step=approval, reason="by a program")])
        assert refused.value.code == "no_right"


def test_a_real_incident_with_open_duties_is_closed_and_not_cancelled(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    refused = submitted(room, maria, PAGE, "cancel", reason="a false alarm")
    assert (refused.status_code, DUTY in refused.text, present(desk).state) == (409, True, "open")
    said = desk("cancel", "--reason", "a false alarm", "--as", "maria", "--format", "json")
    assert (said.code, "open_duties" in said.err + said.out) == (1, True)


def test_a_responder_does_not_undo_what_counsel_decided(room: Served, desk: AtDesk) -> None:
    a_responder(desk)
    tim, jonas = room.reader("tim"), room.reader("jonas")
    decision = {"ground": "none", "reason": "no risk remains"}
    assert submitted(room, jonas, "duty", "decide", DUTY, **decision).status_code == 303
    (entry,) = present(desk).second_person
    wrong = {"entry": str(entry), "reason": "not so"}
    assert submitted(room, tim, "timeline", "correct", **wrong).status_code == 409
    assert submitted(room, room.reader("maria"), "timeline", "correct", **wrong).status_code == 409
    assert entry in present(desk).second_person
    assert submitted(room, jonas, "timeline", "correct", **wrong).status_code == 303
    assert entry not in present(desk).second_person
    assert submitted(room, tim, PAGE, "note", text="a plain entry").status_code == 303
    plain = {"entry": str(present(desk).version), "reason": "not so"}
    assert submitted(room, tim, "timeline", "correct", **plain).status_code == 303


def test_a_responder_does_not_undo_a_filing(room: Served, desk: AtDesk) -> None:
    a_responder(desk)
    filed = (
        "duty",
        "record-filed",
        DUTY,
        "--reference",
        "R-1",
        "--reason",
        "by phone",
        "--late-reason",
        "late",
    )
    desk.done(*filed, "--as", "jonas")
    entry = present(desk).duties[DUTY].entry
    wrong = {"entry": str(entry), "reason": "not so"}
    assert submitted(room, room.reader("tim"), "timeline", "correct", **wrong).status_code == 409
    assert present(desk).duties[DUTY].record is not None
    assert submitted(room, room.reader("jonas"), "timeline", "correct", **wrong).status_code == 303


def test_only_who_leads_trusts_a_compromised_domain_again(room: Served, desk: AtDesk) -> None:
    a_responder(desk)
    maria, tim = room.reader("maria"), room.reader("tim")
    domain = {"domain": "this-machine", "reason": "seen in the log"}
    assert submitted(room, tim, PAGE, "domain", state="compromised", **domain).status_code == 303
    for state in ("up", "down"):
        assert submitted(room, tim, PAGE, "domain", state=state, **domain).status_code == 409
        assert present(desk).domains["this-machine"].state == "compromised"
    assert submitted(room, maria, PAGE, "domain", state="up", **domain).status_code == 303


def test_a_domain_is_shared_with_no_incident_of_other_people(room: Served, desk: AtDesk) -> None:
    a_responder(desk)
    desk.done("open", "lost-device", "--title", "A laptop", "--yes", "--as", "maria")
    other = present(desk).codename
    domain = {"domain": "this-machine", "reason": "no answer"}
    assert room.codename != other
    for state in ("down", "up"):
        answer = submitted(room, room.reader("tim"), PAGE, "domain", state=state, **domain)
        assert (answer.status_code, other in answer.text) == (303, False)
    assert "this-machine" not in present(desk).domains
