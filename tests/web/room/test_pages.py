"""What a page shows: the same as the command line, with links, and nothing that a stranger wrote as HTML."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from hashlib import sha256
from importlib import resources

import pytest

from runner.actions import Action
from runner.reports.core.page import Cell, Page, ends, flow, line, table
from runner.web.room.drawing import STATIC, about, draw
from runner.web.room.table import BY_OPERATION, TABLE, address, document_address
from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, landlord

HOSTILE = '<script>alert("x")</script>'
FILES = resources.files("runner.web.room") / "static"


def words(html: str) -> list[str]:
    """Return the words of a page without its elements."""
    return re.sub(r"<[^>]+>", " ", html).split()


def test_the_incident_page_says_what_status_says(room: Served, desk: AtDesk) -> None:
    page = room.get(room.reader("maria"), f"/i/{room.codename}").text
    main = words(page[page.index("<main") :])
    said = [word for word in desk.done("status", "--me", "maria").split() if word.isalpha() and len(word) > 4]
    # An action is a link on the page, without the value that its command asks for.
    assert {word for word in said if word not in main} <= {"SOURCE"}


def test_a_task_a_duty_and_a_notice_are_linked_and_open(room: Served) -> None:
    maria = room.reader("maria")
    for page in ("", "/tasks", "/duties", "/notices"):
        text = room.get(maria, f"/i/{room.codename}{page}").text
        targets = set(re.findall(rf'href="(/i/{room.codename}/(?:task|duty|notice)/[^"]+)"', text))
        assert targets or page == ""
        assert {room.get(maria, target).status_code for target in targets} <= {200}


def test_the_bytes_of_a_document_are_those_of_its_digest(room: Served, desk: AtDesk) -> None:
    files = desk("notice", "show", room.document, "--format", "json").json["notice"]["files"]
    maria = room.reader("maria")
    for form, digest in files.items():
        answer = room.get(maria, document_address(room.codename, room.document, form))
        assert sha256(answer.content).hexdigest() == digest.removeprefix("sha256:"), form
        assert answer.headers["content-type"] == "application/octet-stream"


def test_text_of_others_is_shown_as_text(room: Served, desk: AtDesk) -> None:
    desk.done("task", "add", HOSTILE, "--to", "maria")
    desk.done("fact", "set", f"incident.summary={HOSTILE}", "--source", HOSTILE)
    maria = room.reader("maria")
    for row in TABLE:
        if row.title:
            text = room.get(maria, address(row, room.codename) + "?all=1").text
            assert HOSTILE not in text, row.operation
    assert "&lt;script&gt;" in room.get(maria, f"/i/{room.codename}/facts").text


def test_an_unknown_thing_and_an_error_are_said_with_what_is_next(room: Served) -> None:
    maria = room.reader("maria")
    for path, status in (("/task/nonsense", 404), ("/duty/nonsense", 404), ("/notice/nonsense", 404)):
        answer = room.get(maria, f"/i/{room.codename}{path}")
        assert (answer.status_code, "nonsense" in answer.text) == (status, True), path


def test_the_timeline_has_its_filters_in_the_address(room: Served) -> None:
    maria = room.reader("maria")
    everything = room.get(maria, f"/i/{room.codename}/timeline?all=1").text
    facts = room.get(maria, f"/i/{room.codename}/timeline?all=1&kind=fact").text
    assert len(words(facts)) < len(words(everything))


def test_an_exercise_is_marked_in_the_navigation_and_on_the_page() -> None:
    drawn = draw(
        Page((line("EXERCISE", "marking"), ends((Cell("amber", "title"), " · x"), ("OPEN",)), flow("words"))),
        lambda about: "",
    )
    assert (drawn.mark, len(drawn.sections), drawn.notes) == ("EXERCISE", 1, [])
    assert "amber" in drawn.heading


def test_a_table_with_titles_has_a_head() -> None:
    titles = tuple(Cell(word, "dim") for word in ("Left", "Law"))
    (section,) = draw(Page((table((titles, ("1 d", "GDPR")), 1, titled=True),)), lambda about: "").sections
    assert section.parts[0].count("<th scope=col") == 2


@pytest.mark.parametrize(
    ("action", "page"),
    [
        (Action("task.done", "triage"), "task/triage"),
        (Action("step.answer", "a"), "task/a"),
        (Action("duty.show", "eu/x"), "duty/eu/x"),
        (Action("duty.list", args={"all": True}), "duties?all=1"),
        (Action("incident.close"), ""),
    ],
)
def test_an_action_leads_to_the_page_where_it_belongs(action: Action, page: str) -> None:
    assert about(action) == page


def test_a_page_names_no_command_for_what_has_a_page(room: Served, desk: AtDesk) -> None:
    """Who may read the page gets a link to it, and anybody else nothing: that right is missing there, too."""
    desk.done("person", "add", "tom", "--name", "Tom", "--as", "maria")
    desk.done("role", "assign", "technical", "tom", "--as", "maria")
    desk.done("domain", "compromised", "idp", "--as", "maria")
    for person, links in (("maria", True), ("tom", False)):
        text = room.get(room.reader(person), f"/i/{room.codename}").text
        live = text.partition('id="live"')[2].partition('id="acts"')[0]
        commands = set(re.findall(r"<code>tocsin (\w+)", live))
        assert (commands & {"duties", "domain", "call"}, "/duties" in live) == (set(), links), person
        assert re.findall(r"→\s*</(?:span|p)>", live) == []
        assert '"#acts"' in live


def test_each_file_of_others_is_the_one_on_record() -> None:
    record = tomllib.loads((FILES / "VENDORED.toml").read_text(encoding="utf-8"))["file"]
    for one in record:
        assert sha256((FILES / one["path"]).read_bytes()).hexdigest() == one["sha256"], one["path"]
    scripts = {"left.js", "passkey.js", "push.js", "room.js", "worker.js"}
    own = {*scripts, "room.css", "room.webmanifest", "icon.svg", "VENDORED.toml"}
    assert {entry.name for entry in FILES.iterdir()} == own | {one["path"] for one in record}
    assert {*STATIC} == {entry.name for entry in FILES.iterdir()} - {"VENDORED.toml"}


def test_the_style_sheet_and_the_script_stay_small() -> None:
    assert len((FILES / "room.css").read_bytes()) <= 12 * 1024
    assert len((FILES / "room.js").read_text(encoding="utf-8").splitlines()) <= 150


def test_a_static_file_is_found_under_its_digest_alone(room: Served) -> None:
    maria = room.reader("maria")
    page = room.get(maria, "/").text
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(found) == 5
    for target in found:
        answer = room.get(maria, target)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert room.get(maria, "/static/0/room.css").status_code == 404
    assert room.get(maria, "/static/0/..%2fserver.py").status_code == 404


def test_the_timeline_has_the_zone_of_the_command_line(room: Served, desk: AtDesk) -> None:
    said = re.findall(r"\d\d:\d\d:\d\d", desk.done("timeline", "--all"))
    page = room.get(room.reader("maria"), f"/i/{room.codename}/timeline?all=1").text
    page = page[page.index('id="live"') :]
    assert re.findall(r"\d\d:\d\d:\d\d", page) == said != []


def test_a_page_keeps_its_filters_when_it_follows_changes(room: Served) -> None:
    text = room.get(room.reader("maria"), f"/i/{room.codename}/timeline?kind=fact&search=a%26b").text
    (fragment,) = re.findall(r'hx-get="([^"]+)"', text)
    assert fragment.replace("&amp;", "&").endswith("?kind=fact&search=a%26b&part=live")
    assert room.get(room.reader("maria"), f"/i/{room.codename}/timeline?kind=nonsense").status_code == 409


def test_what_waits_in_the_organisation_is_on_the_incident_page(room: Served, desk: AtDesk) -> None:
    desk.done(
        "improvement", "add", "Change the locks", "--owner", "maria", "--due", "2026-11-25", "--as", "maria"
    )
    desk.clock.advance(timedelta(days=3))
    said = [word for word in desk.done("status").split() if word.startswith("I-")]
    page = room.get(room.reader("maria"), f"/i/{room.codename}").text
    assert said != []
    assert all(word.rstrip(",") in page for word in said)


def test_a_new_person_and_a_changed_role_count_at_once(room: Served, desk: AtDesk) -> None:
    ada, jonas = room.reader("maria"), room.reader("lena")
    assert room.get(jonas, "/readiness").status_code == 404
    assert "lena" not in room.get(ada, "/people").text
    desk.done("person", "add", "lena", "--name", "Lena", "--as", "maria")
    desk.done("role", "assign", "executive", "lena", "--always", "--as", "maria")
    assert "lena" in room.get(ada, "/people").text
    assert room.get(jonas, "/readiness").status_code == 200


def test_an_erased_incident_is_absent_for_a_stranger(room: Served, desk: AtDesk) -> None:
    maria, stranger = room.reader("maria", os_user="maria"), room.reader("nobody-known")
    duties = desk("duties", "--format", "json").json["duties"]
    owed = [f"--leave-open={one['id']}=counsel files it" for one in duties if one["verdict"] == "applies"]
    desk.closed("--reason", "contained", *owed, "--as", "maria")
    desk.done("shred", room.codename, "--reason", "asked by its owner", "--yes")
    assert room.get(stranger, f"/i/{room.codename}").content == room.get(stranger, "/nothing").content
    assert room.get(maria, f"/i/{room.codename}").status_code == 503
    assert room.get(maria, document_address(room.codename, room.document, "txt")).status_code == 503


def test_viewers_share_a_report_and_each_sees_their_own_tasks(room: Served, desk: AtDesk) -> None:
    landlord(desk)
    status = address(BY_OPERATION["incident"], room.codename)
    owners = [
        re.findall(r"TASKS \((\w+)", room.get(room.reader(person), status).text)
        for person in ("maria", "ada")
    ]
    kept = room.server.room._reports._reports
    assert (len([key for key in map(str, kept) if "'status'" in key]), len(owners[0])) == (1, 1)
    assert owners[0] != owners[1]


def test_a_page_tells_the_time_that_it_took(room: Served) -> None:
    told = room.get(room.reader("maria"), "/").headers["server-timing"]
    assert re.fullmatch(r"page;dur=\d+\.\d", told)
