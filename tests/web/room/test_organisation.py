"""The law, the verification of the record, administration and rights in the browser, as at the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from runner.app.core.rights import ROLES
from runner.app.home import verification
from runner.errors import Refused
from runner.playbook.catalogue import Catalog
from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, a_breach, offered, served, submitted

LAW = "eu-gdpr-33-controller-sa"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A home with a breach, an auditor, and a local correction of a law."""
    folder = tmp_path_factory.mktemp("organisation")
    desk = AtDesk(folder / "home")
    desk.done("init")
    document = a_breach(desk, folder)
    desk.done("person", "add", "udo", "--name", "Udo", "--as", "maria")
    desk.done("role", "assign", "auditor", "udo", "--always", "--as", "maria")
    (desk.home / "regimes").mkdir(exist_ok=True)
    shipped = Catalog().regime_files["us-ca-breach"]
    text = shipped.read_bytes().decode()
    (desk.home / "regimes" / "us-ca-breach.yaml").write_text(
        re.sub(r"(?m)^name: .*$", "name: Corrected here", text, count=1), encoding="utf-8"
    )
    with served(desk, document) as room:
        yield desk, room
    desk.close()


def test_a_law_is_shown_with_its_local_correction_and_its_changes(home: tuple[AtDesk, Served]) -> None:
    desk, room = home
    udo = room.reader("udo")
    listed = room.get(udo, "/law").text
    assert 'href="/law/us-ca-breach"' in listed
    own = room.get(udo, "/law/us-ca-breach").text
    assert re.search(r"id=\"h-\d+-localcorrections\"", own)
    assert not re.search(r"id=\"h-\d+-localcorrections\"", room.get(udo, f"/law/{LAW}").text)
    changes = desk("regime", "diff", "--from", "2025-06-01", "--format", "json").json["changes"]
    text = room.get(udo, "/law?since=2025-06-01").text
    assert all(one["what"] in text for one in changes)
    assert text.index(changes[0]["what"]) < text.index('href="/law/')
    # A member state has the law of the Union, too.
    shown = {place: room.get(udo, f"/law?in={place}").text for place in ("DE", "GB")}
    assert [f"/law/{LAW}" in text for text in shown.values()] == [True, False]
    # An address names a law and never a file.
    (desk.home / "secret.yaml").write_text("canary: canary-file", encoding="utf-8")
    for name in ("no-such-law", "/etc/passwd", f"{desk.home}/secret.yaml", "regimes/us-ca-breach.yaml"):
        answer = room.get(udo, f"/law/{name}")
        assert (answer.status_code, "canary-file" in answer.text) == (404, False), name


def test_a_check_of_a_law_is_recorded_for_its_duty_by_those_who_may(home: tuple[AtDesk, Served]) -> None:
    desk, room = home
    jonas, own = room.reader("jonas"), Catalog().regime(LAW)
    duty, page = f"{LAW}/{own.versions[0].duties[0].slug}", own.source.url
    given = {"name": duty, "by": "jonas", "source": page}
    assert offered(room.get(room.reader("udo"), f"/law/{LAW}").text) == set()
    assert submitted(room, room.reader("udo"), "provisions", "verify", LAW, **given).status_code == 404
    other = {**given, "source": "https://law.example.org/page"}
    refused = submitted(room, jonas, "provisions", "verify", LAW, **other)
    assert (refused.status_code, "--reason" in refused.text) == (409, False)
    wrong = {**given, "name": "us-ca-breach/individuals"}
    assert submitted(room, jonas, "provisions", "verify", LAW, **wrong).status_code == 409
    assert (
        submitted(room, jonas, "provisions", "verify", f"{desk.home}/secret.yaml", **given).status_code == 404
    )
    assert submitted(room, jonas, "provisions", "verify", LAW, **given).status_code == 303
    found = desk.office().law_checks().found
    assert {name: one.by for name, one in found.items()} == {duty: "jonas"}


def test_a_check_of_the_record_is_kept_with_its_time_and_person(home: tuple[AtDesk, Served]) -> None:
    desk, room = home
    udo = room.reader("udo")
    head = desk("status", "--format", "json").json
    path = f"/i/{room.codename}/audit"
    assert submitted(room, udo, "record", "verify", anchor="nonsense").status_code == 409
    assert submitted(room, udo, "record", "verify", anchor=f"1:sha256:{'0' * 64}").status_code == 303
    assert 'class="alarm"' in room.get(udo, path).text or "class=alarm" in room.get(udo, path).text
    assert submitted(room, udo, "record", "verify", anchor="").status_code == 303
    with_result = room.get(udo, path).text
    assert "class=good" in with_result
    desk.done("note", "One more entry")
    assert room.get(udo, path).text.count("class=warn") > with_result.count("class=warn")
    assert submitted(room, udo, "audit", "verify").status_code == 303
    assert "class=good" in room.get(udo, "/audit").text
    assert head["incident"]


def test_a_check_that_takes_too_long_is_stopped_and_changes_no_result(home: tuple[AtDesk, Served]) -> None:
    desk, _ = home
    office = desk.office()
    verification.verify_for_page(office, None)
    before = verification.last_check(office, None)
    with pytest.raises(Refused) as refused:
        verification.verify_for_page(office, None, longest=0)
    assert refused.value.code == "check_stopped"
    assert verification.last_check(office, None) == before
    office.close()


def test_the_administration_shows_health_and_tokens_without_secrets(home: tuple[AtDesk, Served]) -> None:
    desk, room = home
    secret = desk.done("token", "create", "siem", "--owner", "maria", "--scope", "incident.read").strip()
    local, maria = room.reader("maria", os_user="maria"), room.reader("maria")
    page = room.get(local, "/admin").text
    assert ("siem" in page, secret in page) == (True, False)
    of_maria = room.get(maria, "/admin").text
    assert ("siem" in of_maria, "ERASURE" in page) == (False, True)
    assert "tocsin doctor" in page
    assert str(desk.home) not in page


@pytest.mark.parametrize("role", ["commander", "counsel", "auditor"])
def test_why_agrees_with_the_table_of_roles(home: tuple[AtDesk, Served], role: str) -> None:
    desk, _ = home
    person = {"commander": "maria", "counsel": "jonas", "auditor": "udo"}[role]
    for right in ("duty.decide", "law.read", "exercise.conduct", "token.manage"):
        found = desk("role", "why", person, right, "--format", "json").json
        assert found["holds"] == (right in ROLES[role].grants), right
        assert {one["role"] for one in found["roles"] if one["gives"]} <= set(found["given_by"])
    assert desk("role", "why", person, "duty.decides").error == "unknown_right"


def test_a_person_asks_why_only_about_oneself(home: tuple[AtDesk, Served]) -> None:
    _, room = home
    jonas, maria = room.reader("jonas"), room.reader("maria")
    own = room.get(jonas, "/me/why").text
    assert own.count("class=good") == len(ROLES["counsel"].grants)
    asked = f"/me/why?person=maria&right=incident.lead&incident={room.codename}"
    assert "class=alarm" in room.get(jonas, asked).text  # the answer is about Jonas
    assert "class=good" in room.get(maria, asked).text
    assert room.get(maria, "/me/why?right=nonsense").status_code == 409
    nobody = room.reader("nobody")
    answers = [
        room.get(nobody, f"/me/why?right=law.read&incident={name}") for name in (room.codename, "no-such")
    ]
    assert answers[0].content == answers[1].content
