"""Notices to many people in the browser: planned from a list, paused and resumed, and shown as counts alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import LETTER, by_mail, people
from tests.servers.receivers import MailServer
from tests.web.room.room import a_breach, offered, served, submitted

NOTICE = "our-letter"


def test_a_list_is_planned_paused_and_resumed_and_no_person_is_named(tmp_path: Path) -> None:
    desk, relay = AtDesk(tmp_path / "home"), MailServer()
    desk.done("init")
    desk.settings(channels={**desk.channels["channels"], "relay": by_mail(relay)})
    (desk.home / "notices").mkdir(exist_ok=True)
    (desk.home / "notices" / "our-letter.md").write_text(LETTER, encoding="utf-8")
    document = a_breach(desk, tmp_path)
    with served(desk, document) as room:
        maria, page = room.reader("maria"), f"/i/{room.codename}/letters"

        def act(verb: str, body: str = "", **given: str) -> Any:
            files = {"file": ("../people 1.csv", body.encode())} if body else None
            return submitted(room, maria, "letters", verb, files=files, **given)

        def standing() -> Any:
            words = ("bulk", "status", NOTICE, "--people", "_people_1.csv", "--format", "json")
            return desk(*words).json

        refused = act("plan", people(3).replace("Person 2", ""), notice=NOTICE)
        assert (refused.status_code, "2 Elm Road" in refused.text) == (409, False)
        assert "f-plan-2-wrong" in refused.text  # the line is beside the field of the file
        assert str(desk.home) not in refused.text
        assert act("plan", people(3), notice="/etc/passwd").status_code == 409
        assert act("plan", notice=NOTICE).status_code == 409

        assert act("plan", people(40), notice=NOTICE).status_code == 303
        about = {"notice": NOTICE, "list": "_people_1.csv"}
        shown = room.get(maria, page).text
        assert (standing()["state"], standing()["standing"]["owed"]) == ("planned", 40)
        assert offered(shown) == {"plan", "pause"}
        assert not any(f"person{n}@" in shown or f"Person {n}" in shown for n in range(1, 41))

        assert act("pause", **about).status_code == 409  # without a reason
        assert act("pause", reason="the text changed", **about).status_code == 303
        assert (standing()["state"], standing()["reason"]) == ("paused", "the text changed")
        assert act("pause", reason="again", **about).status_code == 409
        assert act("resume", reason="the text is right", **about).status_code == 303
        assert standing()["state"] == "sending"
        assert act("receipts", "kind,address\nwhat,person7@people.example\n", **about).status_code == 409
        returned = act("receipts", "kind,reference\nreturned,K7\n", **about)
        assert returned.status_code == 303
        assert act("substitute", place="DE", reason="home page", **about).status_code == 303
        assert relay.mails == []
        assert not list(desk.home.rglob("*.csv"))
        assert offered(room.get(room.reader("vera"), page).text) == set()
    relay.stop()
    desk.close()
