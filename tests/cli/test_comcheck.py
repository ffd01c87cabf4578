"""The communications check, and a reported risk, from the command line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.cli.at_desk import AtDesk


def ways(desk: AtDesk) -> dict[str, tuple[object, object]]:
    rows = desk("channel", "check", "--show", "--format", "json").json["ways"]
    return {one["person"]: (one["worked_at"], one["state"]) for one in rows}


def test_looking_at_the_check_sends_nothing(tocsin: AtDesk) -> None:
    assert ways(tocsin) == {"ada": (None, None), "jonas": (None, None), "maria": (None, None)}
    assert tocsin.console == ""


def test_nothing_is_sent_before_a_person_has_said_yes(tocsin: AtDesk) -> None:
    assert tocsin("channel", "check").code == 1
    assert tocsin("channel", "check", types="n\n").code == 1
    assert tocsin.console == ""
    tocsin.done("channel", "check", types="y\n")
    assert tocsin.console.count("Communications check: nothing has happened") == 3


def test_what_came_of_a_check_is_kept_with_its_age_and_shown_when_an_incident_is_opened(
    tocsin: AtDesk, playbook: Path
) -> None:
    words = ("open", str(playbook), "--fact", "incident.summary=x")
    assert "COMCHECK: of 2 ways none was ever tried: tocsin channel check" in tocsin(*words).err
    tocsin.done("channel", "check", "--to", "ada", "--yes")
    tocsin.clock.advance(timedelta(days=12))
    assert "worked 12 d ago" in tocsin.done("channel", "check", "--show", "--to", "ada")
    said = " ".join(tocsin(*words).err.split())
    assert "1 of 2 ways never worked; the oldest success is of 12 d ago (screen to ada)" in said


def test_a_failed_try_leaves_standing_when_it_last_worked_and_is_said(tocsin: AtDesk) -> None:
    tocsin.done("channel", "check", "--to", "ada", "--yes")
    before = ways(tocsin)["ada"][0]
    tocsin.clock.advance(timedelta(days=1))
    nowhere = {"adapter": "console", "settings": {"path": str(tocsin.home / "missing" / "file.txt")}}
    tocsin.settings(channels={"screen": nowhere})
    assert tocsin("channel", "check", "--to", "ada", "--yes").code == 1
    assert ways(tocsin)["ada"] == (before, "not_sent")


def test_a_success_says_nothing_of_an_address_that_was_changed_since(tocsin: AtDesk) -> None:
    tocsin.done("channel", "check", "--to", "ada", "--yes")
    tocsin.clock.advance(timedelta(days=1))
    tocsin.done("person", "add", "ada", "--contact", "screen=ada-2")
    assert ways(tocsin)["ada"] == (None, "accepted")


def test_whom_no_channel_reaches_is_named_and_a_wrong_name_is_refused_with_the_nearest(
    tocsin: AtDesk,
) -> None:
    relay = {"host": "127.0.0.1", "port": 9, "sender": "a@example.org", "tls": "none"}
    tocsin.settings(channels={"mail": {"adapter": "smtp", "settings": relay}})
    tocsin.done("person", "add", "ada", "--contact", "mail=ada@example.org")
    assert tocsin("channel", "check", "--show", "--format", "json").json["without"] == ["jonas", "maria"]
    assert "did you mean jonas?" in tocsin("channel", "check", "--to", "jonsa", "--show").err


def test_a_contact_of_which_a_risk_was_reported_carries_no_approval_until_verified(tocsin: AtDesk) -> None:
    path = str(tocsin.home / "console.txt")
    screen = {"adapter": "console", "confidentiality": "confidential", "settings": {"path": path}}
    tocsin.settings(channels={"screen": screen})

    def refused() -> list[str]:
        rows = tocsin("message", "plan", "approval-request", "--to", "ada", "--format", "json").json["plan"]
        return [one["rule"] for one in rows[0]["refusals"]]

    assert refused() == []
    assert tocsin("person", "distrust", "ada", "screen").code == 2
    tocsin.done("person", "distrust", "ada", "screen", "--reason", "her telephone was stolen")
    assert refused() == ["R18"]
    assert "RISK reported" in tocsin.done("person", "list")
    tocsin.clock.advance(timedelta(hours=1))
    tocsin.done("person", "verify", "ada", "screen", "--how", "in person")
    assert refused() == []


def test_affected_people_are_texted_only_where_they_agreed(tocsin: AtDesk) -> None:
    tocsin.done("person", "agreed", "ada", "screen", "--how", "signed on paper")
    assert tocsin("person", "agreed", "ada", "screen").code == 2
    assert "ada has no contact 'phone'" in tocsin("person", "agreed", "ada", "phone", "--how", "x").err


def test_new_contacts_of_somebody_leave_their_name_as_it_was(tocsin: AtDesk) -> None:
    tocsin.done("person", "add", "ada", "--contact", "screen=ada-2")
    tocsin.done("person", "add", "eve", "--contact", "screen=eve")
    names = {
        one["person"]: one["name"] for one in tocsin("person", "list", "--format", "json").json["people"]
    }
    assert (names["ada"], names["eve"]) == ("Ada Adler", "eve")
