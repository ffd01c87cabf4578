"""The API: the pages as JSON, for programs with a token and for people with a session."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest
import requests

from runner.app.core.rights import ANY, PROGRAMS
from runner.web.room.openapi import BASE, REPORTS, api_path, description
from runner.web.room.openapi import served as rows
from runner.web.room.table import TABLE
from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, a_breach, served
from tests.web.room.test_access import DUTY, EXPECTED, references

COMMANDS: dict[str, tuple[str, ...]] = {
    "incidents": ("list",),
    "incident": ("status",),
    "tasks": ("task", "list"),
    "task": ("task", "show", "law"),
    "missing": ("fact", "missing"),
    "duty": ("duty", "show", DUTY),
    "notices": ("notice", "list"),
    "timeline": ("timeline",),
}
"""The command that prints the same report."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A home with people of a few roles, a breach, and its room."""
    folder = tmp_path_factory.mktemp("api")
    desk = AtDesk(folder / "home")
    desk.done("init")
    document = a_breach(desk, folder)
    for role in ("evaluator", "auditor", "technical"):
        desk.done("person", "add", role, "--name", role, "--as", "maria")
        desk.done("role", "assign", role, role, "--always", "--as", "maria")
    with served(desk, document) as room:
        yield desk, room
    desk.close()


_made: dict[tuple[str, tuple[str, ...]], str] = {}


def token(desk: AtDesk, person: str, *scopes: str) -> str:
    """Return a token of a person; without scopes with all that this person can give."""
    from runner.app.core.rights import rights_of
    from runner.base.actor import Principal

    office = desk.office()
    has = rights_of(Principal(person=person, proven_by="x"), lambda: office.directory.roles).grants
    scopes = scopes or tuple(sorted(has & PROGRAMS))
    options = [word for scope in scopes for word in ("--scope", scope)]
    name = f"t{len(_made)}-{desk.home.parent.name.strip('0123456789')}"
    key = (str(desk.home) + person, scopes)
    if key not in _made:
        _made[key] = desk.done("token", "create", name, "--owner", person, *options).strip()
    return _made[key]


def get(room: Served, path: str, secret: str = "", **headers: str) -> requests.Response:
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    return requests.get(f"{room.url}{BASE}{path}", headers=headers, timeout=30)


def filled(path: str, room: Served, ref: str = "") -> str:
    return path.replace("{incident}", room.codename).replace("{ref:path}", ref).replace("{ref}", ref)


def code(answer: requests.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = answer.json()
    assert (found["type"], found["status"]) == (f"urn:tocsin:error:{found['code']}", answer.status_code)
    return str(found["code"])


def test_each_answer_is_what_the_command_prints(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    maria = room.reader("maria", os_user="maria")
    for row in TABLE:
        if row.operation not in COMMANDS:
            continue
        ref = {"task": "law", "duty": DUTY}.get(row.operation, "")
        answer = room.get(maria, BASE + filled(api_path(row), room, ref))
        printed = desk(*COMMANDS[row.operation], "--format", "json").json
        found = answer.json()
        if row.operation == "incidents":  # the command line also has a chosen incident
            found["incidents"][0]["chosen"] = True
        if row.operation == "incident":  # it knows who asks, and has the duties in sight alone
            ids = {duty["id"] for duty in found["duties"]}
            printed["me"], printed["duties"] = "maria", [d for d in printed["duties"] if d["id"] in ids]
        assert found == printed, row.operation
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("role", ["commander", "counsel", "evaluator", "auditor", ANY])
def test_a_token_reads_what_its_owner_reads_and_no_more(place: tuple[AtDesk, Served], role: str) -> None:
    desk, room = place
    person = {"commander": "maria", "counsel": "jonas", ANY: "technical"}.get(role, role)
    secret, things, found = token(desk, person), references(room, room.document), ""
    absent = get(room, "/incidents/no-such/tasks", secret)
    assert code(absent) == "not_found"
    for row in TABLE:
        answer = get(room, filled(api_path(row), room, things.get(row.operation, "")), secret)
        allowed = answer.status_code == 200 or (row.operation == "message" and "d-none" in answer.text)
        found += "y" if allowed else "-"
        if not allowed:
            assert (answer.status_code, answer.content) == (404, absent.content), row.operation
    assert found == "".join(
        letter if row.right in (*PROGRAMS, "login") else "-"
        for row, letter in zip(TABLE, EXPECTED[role], strict=True)
    )


@pytest.mark.parametrize("scope", sorted(PROGRAMS))
def test_a_scope_opens_its_own_pages_alone(place: tuple[AtDesk, Served], scope: str) -> None:
    desk, room = place
    owner = "auditor" if scope == "register.read" else "maria"
    secret, things = token(desk, owner, scope), references(room, room.document)
    opened = {
        row.operation
        for row in TABLE
        if get(room, filled(api_path(row), room, things.get(row.operation, "")), secret).status_code == 200
    }
    expected = {row.operation for row in TABLE if row.right == scope} - {"message"}
    assert opened == expected | ({"incidents", "approvals"} if scope == "incident.read" else set())


def test_without_a_token_or_with_a_wrong_one_nothing_is_read(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    right = token(desk, "maria")
    bodies = set()
    for path in ("/incidents", f"/incidents/{room.codename}", "/events", "/law"):
        for secret in ("", "x", right[:-1], right.upper()):
            answer = get(room, path, secret)
            assert (answer.status_code, code(answer)) == (401, "not_logged_in")
            bodies.add(answer.content)
    assert len(bodies) == 1
    basic = requests.get(
        f"{room.url}{BASE}/incidents", headers={"Authorization": f"Basic {right}"}, timeout=30
    )
    assert basic.status_code == 401


def test_a_token_beside_a_session_is_refused(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    browser = room.reader("maria")
    answer = browser.get(
        f"{room.url}{BASE}/incidents", headers={"Authorization": f"Bearer {token(desk, 'maria')}"}, timeout=30
    )
    assert (answer.status_code, code(answer)) == (400, "two_logins")


def test_an_answer_has_a_version_and_is_not_sent_twice(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    secret, path = token(desk, "maria"), f"/incidents/{room.codename}/tasks"
    first = get(room, path, secret)
    version = desk.office().load(desk.office().incidents()[0].id).version
    mark = first.headers["etag"]
    assert mark.startswith(f'"{version}.')
    again = get(room, path, secret, **{"If-None-Match": f'"x", {mark}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", mark)
    desk.clock.advance(timedelta(minutes=1))  # a deadline may have passed: it is read again
    assert get(room, path, secret, **{"If-None-Match": mark}).status_code == 200
    desk.done("note", "one more entry")
    assert get(room, path, secret).headers["etag"].startswith(f'"{version + 1}.')
    home = get(room, "/law", secret)
    assert get(room, "/law", secret, **{"If-None-Match": home.headers["etag"]}).status_code == 304


def test_a_document_is_named_by_its_digest(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    secret, path = token(desk, "maria"), f"/incidents/{room.codename}/document/{quote(room.document)}/txt"
    answer = get(room, path, secret)
    digest = sha256(answer.content)
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    assert b64decode(answer.headers["repr-digest"].removeprefix("sha-256=:")[:-1]) == digest.digest()
    assert answer.headers["content-disposition"] == "attachment"
    assert get(room, path, secret, **{"If-None-Match": answer.headers["etag"]}).status_code == 304
    absent = get(room, f"/incidents/{room.codename}/document/nothing/txt", secret)
    foreign = get(room, path, token(desk, "technical"))
    assert absent.content == foreign.content == get(room, "/nothing", secret).content


def test_errors_keep_the_codes_of_the_command_line(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    secret, base = token(desk, "maria"), f"/incidents/{room.codename}"
    for path, status, expected in (
        (f"{base}/duty/none", 404, "unknown_duty"),
        (f"{base}/timeline?kind=x", 404, "unknown_kind"),
        (f"{base}/tasks?all=1", 422, "unknown_parameter"),
        (f"{base}/events?after=x", 422, "bad_number"),
        (f"{base}/events?limit=501", 422, "bad_number"),
        (f"{base}/events?limit=1&limit=2", 422, "unknown_parameter"),
        ("/events?after=%20", 422, "bad_cursor"),
        ("/events?after=bm8", 422, "bad_cursor"),
        (f"/incidents/{room.codename}/nothing", 404, "not_found"),
    ):
        answer = get(room, path, secret)
        assert (answer.status_code, code(answer)) == (status, expected), path
        assert answer.json()["hint"]


def test_entries_come_in_pages_and_each_once(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    desk.done("note", "canary-of-counsel", "--privileged", "--as", "jonas")
    secret, path, seen, withheld, after = token(desk, "maria"), f"/incidents/{room.codename}/events", [], 0, 0
    while True:
        page = get(room, f"{path}?after={after}&limit=7", secret).json()
        seen += [entry["event"] for entry in page["entries"]]
        withheld += page["withheld"]
        after = page["next"]
        if not page["more"]:
            break
    head = desk.office().load(desk.office().incidents()[0].id).version
    assert (withheld, after, int(page["head"].partition(":")[0])) == (1, head, head)
    assert seen == sorted(set(seen))
    assert len(seen) == head - 1
    everything = get(room, path, secret).text + get(room, "/events", secret).text
    assert "canary-of-counsel" not in everything
    assert "canary-of-counsel" not in get(room, "/events", token(desk, "jonas")).text


def test_the_feed_gives_each_entry_of_all_incidents_once(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    secret = token(desk, "maria", "incident.read")
    cursor, seen = "", []
    while True:
        page = get(room, f"/events?limit=9&after={cursor}", secret).json()
        seen += [(one["incident"], one["entry"]["event"]) for one in page["entries"]]
        cursor = page["next"]
        if not page["more"]:
            break
    assert len(seen) == len(set(seen)) > 10
    assert get(room, f"/events?after={cursor}", secret).json()["entries"] == []
    desk.done("note", "something new")
    (entry,) = get(room, f"/events?after={cursor}", secret).json()["entries"]
    assert (entry["codename"], entry["entry"]["type"]) == (room.codename, "NoteAdded")
    assert get(room, "/events", token(desk, "maria", "law.read")).json()["entries"] == []


def test_no_secret_is_in_an_answer(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    secret = token(desk, "maria")
    for row in TABLE:
        assert secret not in get(room, filled(api_path(row), room, "law"), secret).text
    assert json.loads(get(room, "/incidents", secret).text)["schema"] == "tocsin/incidents/v1"


def test_the_api_answers_no_other_site(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    answer: Any = get(room, "/incidents", token(desk, "maria"), Origin="https://evil.example")
    assert "access-control-allow-origin" not in answer.headers


# --- the description -------------------------------------------------------------------------------------

DOCUMENT = json.loads(description())


def test_the_description_is_valid() -> None:
    from openapi_spec_validator import validate

    validate(DOCUMENT)


def test_each_page_of_the_table_is_described_with_its_right() -> None:
    found = {
        operation["operationId"]: operation["x-right"]
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
        if path.keys() == {"get"}
    }
    pages = {row.operation: row.right for row in TABLE if row.right in (*PROGRAMS, "login")}
    assert pages.items() <= found.items()
    assert [row.operation for row in rows()] == list(pages)
    assert found.keys() - REPORTS.keys() == {"events", "event_feed", "document"}


def known(room: Served) -> dict[str, Any]:
    """Return the description with what exists among the values of its parameters."""
    things = {
        "task": "law",
        "duty": DUTY,
        "file": DUTY,
        "notice": room.document,
        "changes": room.document,
        "document": room.document,
        "message": "d-1",
    }
    found: dict[str, Any] = json.loads(description())
    for path in found["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                match parameter["name"]:
                    case "incident":
                        parameter["schema"]["enum"] = [room.codename]
                    case "ref":
                        parameter["schema"]["enum"] = [things[operation["operationId"]], "none"]
                    case "after" if parameter["schema"]["type"] == "string":
                        parameter["schema"]["enum"] = [""]
                    case "form":
                        parameter["schema"]["enum"] = ["txt", "none"]
                    case _:
                        pass
    return found


def play(place: tuple[AtDesk, Served], examples: int) -> list[str]:
    """Send generated requests to each address; return each problem."""
    import hypothesis
    import schemathesis
    from schemathesis.core.failures import FailureGroup

    desk, room = place
    secret, schema = token(desk, "maria"), schemathesis.openapi.from_dict(known(room))
    problems: list[str] = []
    for result in schema.include(method="GET").get_all_operations():
        operation = result.ok()

        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def one(case: Any) -> None:
            case.call_and_validate(
                base_url=room.url, headers={"Authorization": f"Bearer {secret}"}, timeout=30
            )

        try:
            one()
        except FailureGroup as failed:
            problems += [f"{operation.label}: {one}" for one in failed.exceptions]
    return problems


def test_generated_requests_get_described_answers(place: tuple[AtDesk, Served]) -> None:
    assert play(place, 2) == []


@pytest.mark.nightly
def test_many_generated_requests_get_described_answers(place: tuple[AtDesk, Served]) -> None:
    assert play(place, 100) == []


def test_the_description_is_served(place: tuple[AtDesk, Served]) -> None:
    answer = requests.get(f"{place[1].url}/api/v1/openapi.json", timeout=30)
    assert answer.json() == DOCUMENT
