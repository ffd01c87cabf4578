"""What people do on the status page of an incident: all of it is a command too, and is read back with one."""

from __future__ import annotations

import re
from typing import Any

from runner.web.room.acts.incident import INCIDENT
from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, hidden, offered, submitted

PAGE = "incident"


def page(room: Served, person: str) -> str:
    return room.get(room.reader(person), f"/i/{room.codename}").text


def status(desk: AtDesk) -> Any:
    return desk("status", "amber-falcon", "--format", "json").json


def entries(desk: AtDesk) -> list[Any]:
    found: list[Any] = desk("timeline", "--all", "--format", "json").json["entries"]
    return found


def test_notes_evidence_tasks_and_the_severity_are_recorded(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    assert submitted(room, maria, PAGE, "note", text="seen at the gate", at="2h ago").status_code == 303
    assert submitted(room, maria, PAGE, "note", text=" ").status_code == 409
    wrong = submitted(room, maria, PAGE, "note", text="a <b> text", at="yesterday")
    assert (wrong.status_code, "a &lt;b&gt; text" in wrong.text) == (409, True)
    file = {"file": ("C:\\tmp\\log\u202egpj.txt", b"who logged in")}
    assert submitted(room, maria, PAGE, "attach", files=file, source="the provider").status_code == 303
    assert submitted(room, maria, PAGE, "attach", source="no file").status_code == 409
    task = {"title": "Call the landlord", "instructions": "Ask for keys.", "person": "maria", "due": "2h"}
    assert submitted(room, maria, PAGE, "task", **task).status_code == 303
    assert submitted(room, maria, PAGE, "task", title="For nobody").status_code == 409
    assert submitted(room, maria, PAGE, "severity", severity="sev2", reason="mail").status_code == 303
    assert submitted(room, maria, PAGE, "severity", severity="sev9").status_code == 409
    texts = " ".join(one["text"] for one in entries(desk))
    assert ("seen at the gate" in texts, "log\\u202egpj.txt" in texts, "tmp" in texts) == (True, True, False)
    (mine,) = (one for one in status(desk)["tasks"] if one["title"] == "Call the landlord")
    shown = desk("task", "show", mine["invocation"], "--format", "json").json
    assert (shown["instructions"], mine["due"] is not None) == ("Ask for keys.", True)
    assert status(desk)["severity"] == "sev2"


def test_evidence_is_handed_over_and_its_receiver_confirms_it(room: Served, desk: AtDesk) -> None:
    maria, jonas = room.reader("maria"), room.reader("jonas")
    about = {"file": {"file": ("login.log", b"foo")}}
    assert submitted(room, maria, PAGE, "attach", files=about["file"], collected_by="ana").status_code == 303

    def stored() -> Any:
        return desk("evidence", "list", "--format", "json").json["files"][-1]

    name = stored()["id"]
    assert (
        submitted(room, maria, "evidence", "describe", evidence=name, place="mail tenant").status_code == 303
    )
    assert submitted(room, maria, "evidence", "describe", evidence=name).status_code == 409
    given = {"evidence": name, "person": "jonas", "purpose": "analysis of <b> rules"}
    late = submitted(room, maria, "evidence", "hand_over", **given, at="yesterday")
    assert (late.status_code, "analysis of &lt;b&gt; rules" in late.text) == (409, True)
    assert submitted(room, maria, "evidence", "hand_over", **given).status_code == 303
    assert (stored()["collected_by"], stored()["place"]) == ("ana", "mail tenant")

    assert "receive" not in offered(page(room, "maria"))
    assert "receive" in offered(page(room, "jonas"))
    assert submitted(room, maria, PAGE, "receive", evidence=name).status_code == 409
    wrong = submitted(room, jonas, PAGE, "receive", evidence=name, sha256="0" * 64)
    assert (wrong.status_code, "0" * 64 in wrong.text) == (409, True)
    look = submitted(room, jonas, PAGE, "receive", looks=True, evidence=name)
    assert (look.status_code, stored()["sha256"] in look.text) == (200, True)
    assert submitted(room, jonas, "evidence", "receive", evidence=name, note="seal 17").status_code == 303
    (handover,) = stored()["handovers"]
    assert (handover["note"], handover["received_by"].partition(" (")[0]) == ("seal 17", "jonas")
    form = room.get(jonas, f"/i/{room.codename}/evidence/{name}.pdf")
    assert (form.content[:5], form.headers["content-disposition"][:10]) == (b"%PDF-", "attachment")
    desk.done("evidence", "hand-over", name, "ada", "--purpose", "a copy", "--as", "maria")
    assert "receive" in offered(room.get(room.reader("ada"), f"/i/{room.codename}/evidence").text)


def test_a_privileged_note_is_for_counsel_alone(room: Served, desk: AtDesk) -> None:
    desk.done("person", "add", "tim", "--name", "Tim Example", "--as", "maria")
    desk.done("role", "assign", "technical", "tim", "--as", "maria")
    assert submitted(room, room.reader("jonas"), PAGE, "privileged", text="advice").status_code == 303
    assert submitted(room, room.reader("tim"), PAGE, "privileged", text="advice").status_code == 404
    assert "privileged" not in offered(page(room, "tim"))
    assert offered(page(room, "tim")) == {"note", "attach", "domain"}


def test_a_role_is_given_after_a_look_at_who_loses_it(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    shown = submitted(room, maria, PAGE, "role", looks=True, role="counsel", persons="ada")
    assert (shown.status_code, "jonas" in shown.text) == (200, True)
    assert submitted(room, maria, PAGE, "role", role="counsel", persons="ada, jonas").status_code == 303
    roles = desk("role", "list", "--format", "json").json["roles"]
    assert next(one["incident_persons"] for one in roles if one["role"] == "counsel") == ["ada", "jonas"]
    assert submitted(room, maria, PAGE, "role", role="counsel", persons="nobody-known").status_code == 409
    assert submitted(room, maria, PAGE, "role", role=" ", persons="ada").status_code == 409


def test_command_is_handed_over_with_the_brief(room: Served, desk: AtDesk) -> None:
    maria, jonas = room.reader("maria"), room.reader("jonas")
    assert "take" not in offered(page(room, "jonas"))
    assert submitted(room, maria, PAGE, "brief", person="jonas", role="commander").status_code == 303
    assert "take" in offered(page(room, "jonas"))
    assert "take" not in offered(page(room, "ada"))
    assert submitted(room, jonas, PAGE, "take", role="commander", read_back=" ").status_code == 409
    assert submitted(room, jonas, PAGE, "take", role="commander", read_back="two clocks").status_code == 303
    assert "brief" in offered(page(room, "jonas"))


def test_a_domain_is_declared_after_a_look_at_what_depends_on_it(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    domains = desk("domain", "list", "--format", "json").json["domains"]
    domain = next(one for one in domains if one["channels"])
    given = {"domain": domain["domain"], "state": "compromised", "reason": "seen in the log"}
    shown = submitted(room, maria, PAGE, "domain", looks=True, **given)
    assert domain["channels"][0] in shown.text
    assert submitted(room, maria, PAGE, "domain", **given).status_code == 303
    after = desk("domain", "list", "--format", "json").json["domains"]
    assert next(one["state"] for one in after if one["domain"] == domain["domain"]) == "compromised"
    for wrong in ({"domain": "no-such"}, {"state": "lost"}):
        assert submitted(room, maria, PAGE, "domain", **{**given, **wrong}).status_code == 409


def test_what_was_looked_at_is_what_is_done(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    given = {"role": "counsel", "persons": "ada"}
    shown = submitted(room, maria, PAGE, "role", looks=True, **given)
    sure = {"sure": hidden(shown.text, "sure"), "mark": hidden(shown.text, "mark")}
    other = submitted(room, maria, PAGE, "role", looks=True, **{**given, "persons": "maria"}, **sure)
    assert (other.status_code, "data-error" in other.text) == (200, True)
    desk.done("role", "assign", "counsel", "maria", "--yes", "--as", "maria")
    changed = submitted(room, maria, PAGE, "role", looks=True, **given, **sure)
    assert (changed.status_code, "data-error" in changed.text) == (200, True)
    roles = desk("role", "list", "--format", "json").json["roles"]
    assert next(one["incident_persons"] for one in roles if one["role"] == "counsel") == ["maria"]


def test_an_incident_is_paused_closed_by_two_and_reopened(room: Served, desk: AtDesk) -> None:
    maria, jonas = room.reader("maria"), room.reader("jonas")
    assert submitted(room, maria, PAGE, "pause", reason="restoring").status_code == 303
    assert "pause" not in offered(page(room, "maria"))
    assert submitted(room, maria, PAGE, "resume").status_code == 303
    refused = submitted(room, maria, PAGE, "close", reason="contained")
    assert (refused.status_code, "eu-gdpr-33-controller-sa/initial" in refused.text) == (409, True)
    line = "eu-gdpr-33-controller-sa/initial = "
    assert line in page(room, "maria")
    refused = submitted(room, maria, PAGE, "close", reason="contained", leave_open=line)
    assert refused.status_code == 409
    owed = [
        one["id"] for one in desk("duties", "--format", "json").json["duties"] if one["verdict"] == "applies"
    ]
    left = "\n".join(f"{duty} = counsel does it" for duty in owed)
    shown = submitted(room, maria, PAGE, "close", looks=True, reason="contained", leave_open=left)
    assert (shown.status_code, "hand-in" in shown.text or "draft" in shown.text) == (200, True)
    assert submitted(room, maria, PAGE, "close", reason="contained", leave_open=left).status_code == 303
    assert status(desk)["state"] == "open"
    assert "confirm" not in offered(page(room, "maria"))
    (asked,) = (one["entry"] for one in status(desk)["second_person"] if one["state"] == "awaiting")
    assert submitted(room, maria, PAGE, "confirm", entry=str(asked)).status_code == 409
    assert submitted(room, jonas, PAGE, "confirm", entry="x").status_code == 409
    assert submitted(room, jonas, PAGE, "confirm", entry=str(asked)).status_code == 303
    assert status(desk)["state"] == "closed"
    assert offered(page(room, "maria")) == {"note", "attach", "reopen"}
    assert submitted(room, maria, PAGE, "reopen", reason="again").status_code == 303
    listed = submitted(room, maria, PAGE, "cancel", looks=True, reason="a false alarm")
    assert (listed.status_code, "eu-gdpr-33-controller-sa/initial" in listed.text) == (409, True)
    assert status(desk)["state"] == "open"


def test_who_asks_for_the_end_sees_who_must_confirm_and_takes_it_back(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    owed = [
        one["id"] for one in desk("duties", "--format", "json").json["duties"] if one["verdict"] == "applies"
    ]
    left = "\n".join(f"{duty} = counsel does it" for duty in owed)

    def waits() -> tuple[int, int]:
        """Count on the page of who asked the second person, and the links to the act that takes it back."""
        live = page(room, "maria").partition('id="live"')[2].partition('id="acts"')[0]
        return live.count("Jonas"), live.count(f"/i/{room.codename}/timeline")

    named, linked = waits()
    assert submitted(room, maria, PAGE, "close", reason="contained", leave_open=left).status_code == 303
    (asked,) = (one for one in status(desk)["second_person"] if one["state"] == "awaiting")
    assert ("jonas" in asked["confirmers"], waits()) == (True, (named + 1, linked + 1))
    given = {"entry": str(asked["entry"]), "reason": "too early"}
    assert submitted(room, maria, "timeline", "correct", **given).status_code == 303
    assert waits() == (named, linked)


def test_the_refusal_of_an_end_names_what_is_open_as_its_preview_does(room: Served, desk: AtDesk) -> None:
    maria, duty = room.reader("maria"), "eu-gdpr-33-controller-sa/initial"
    desk.done("domain", "compromised", "idp", "--as", "maria")
    refused = submitted(room, maria, PAGE, "close").text.partition("data-error")[2].partition("</div>")[0]
    owed = [
        one["id"] for one in desk("duties", "--format", "json").json["duties"] if one["verdict"] == "applies"
    ]
    left = "\n".join(f"{duty} = counsel does it" for duty in owed)
    shown = submitted(room, maria, PAGE, "close", looks=True, reason="contained", leave_open=left).text
    rows = re.findall(r"<p>([^<]+)</p>", refused)
    assert {"idp:", f"{duty}:"} < {text.partition(" ")[0] for text in rows}
    assert ([row for row in rows[1:] if row.strip() not in shown], len(set(rows))) == ([], len(rows))


def test_a_playbook_is_added_by_its_name_and_by_no_path(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    given = {"playbook": "lost-device", "reason": "the laptop is gone, too"}
    assert submitted(room, maria, PAGE, "graft", **given).status_code == 303
    assert "lost-device" in {one["name"] for one in status(desk)["playbooks"]}
    for name in ("/etc/passwd", "../playbooks/noticed.yaml", ""):
        assert submitted(room, maria, PAGE, "graft", **{**given, "playbook": name}).status_code == 409


def test_every_act_is_in_a_story_above() -> None:
    # "frozen" is in test_exercises.
    done = {
        "note",
        "privileged",
        "attach",
        "receive",
        "restrict",
        "unrestrict",
        "link",
        "unlink",
        "task",
        "confirm",
        "take",
        "severity",
        "role",
        "brief",
        "domain",
        "graft",
    }
    assert INCIDENT.acts.keys() == {*done, "frozen", "pause", "resume", "time", "close", "cancel", "reopen"}
