"""The API: the pages as JSON, for programs with a token and for people with a session."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
import requests

from runner.app.core.rights import ANY, PROGRAMS
from runner.web.room.acts.table import ACTING
from runner.web.room.frame import asked_of
from runner.web.room.openapi import BASE, REPORTS, api_path, description
from runner.web.room.openapi import served as rows
from runner.web.room.table import TABLE
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room.room import Served, a_breach, served
from tests.web.room.test_access import DUTY, EXPECTED, PAGES, references

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
    for role in ("auditor", "technical"):
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
    return requests.get(f"{room.url}{BASE}{path}", headers=headers, timeout=PATIENCE)


def filled(path: str, room: Served, ref: str = "") -> str:
    return path.replace("{incident}", room.codename).replace("{ref:path}", ref).replace("{ref}", ref)


def code(answer: requests.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = answer.json()
    assert (found["type"], found["status"]) == (f"urn:tocsin:error:{found['code']}", answer.status_code)
    return str(found["code"])


def test_each_answer_is_what_the_command_prints(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    desk.clock.advance(timedelta(minutes=1))  # past what the server keeps of reports
    maria = room.reader("maria", os_user="maria")
    for row in rows():
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
            printed["mine"] = found["mine"]  # other tests give her tasks
        assert found == printed, row.operation
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("role", ["auditor", ANY])
def test_a_token_reads_what_its_owner_reads_and_no_more(place: tuple[AtDesk, Served], role: str) -> None:
    desk, room = place
    person = {"commander": "maria", "counsel": "jonas", ANY: "technical"}.get(role, role)
    secret, things, found = token(desk, person), references(room, room.document), ""
    absent = get(room, "/incidents/no-such/tasks", secret)
    assert code(absent) == "not_found"
    for row in rows():
        answer = get(room, filled(api_path(row), room, things.get(row.operation, "")), secret)
        allowed = answer.status_code == 200 or (row.operation == "message" and "d-none" in answer.text)
        found += "y" if allowed else "-"
        if not allowed:
            assert (answer.status_code, answer.content) == (404, absent.content), row.operation
    may = dict(zip(PAGES, EXPECTED[role], strict=True))
    assert found == "".join(may[row.operation] for row in rows())


@pytest.mark.parametrize("scope", sorted(PROGRAMS))
def test_a_scope_opens_its_own_pages_alone(place: tuple[AtDesk, Served], scope: str) -> None:
    desk, room = place
    owner = "auditor" if scope == "register.read" else "maria"
    secret, things = token(desk, owner, scope), references(room, room.document)
    opened = {
        row.operation
        for row in rows()
        if get(room, filled(api_path(row), room, things.get(row.operation, "")), secret).status_code == 200
    }
    expected = {row.operation for row in rows() if row.right == scope} - {"message"}
    assert opened == expected | ({"incidents"} if scope == "incident.read" else set())


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
        f"{room.url}{BASE}/incidents", headers={"Authorization": f"Basic {right}"}, timeout=PATIENCE
    )
    assert basic.status_code == 401


def test_a_token_beside_a_session_is_refused(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    browser = room.reader("maria")
    answer = browser.get(
        f"{room.url}{BASE}/incidents",
        headers={"Authorization": f"Bearer {token(desk, 'maria')}"},
        timeout=PATIENCE,
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
        (f"{base}/timeline?kind=x", 422, "unknown_kind"),
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
    for row in rows()[5:8]:
        assert secret not in get(room, filled(api_path(row), room, "law"), secret).text
    assert json.loads(get(room, "/incidents", secret).text)["schema"] == "tocsin/incidents/v1"


def test_the_api_answers_no_other_site(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    answer: Any = get(room, "/incidents", token(desk, "maria"), Origin="https://evil.example")
    assert "access-control-allow-origin" not in answer.headers


# --- the description -------------------------------------------------------------------------------------

DOCUMENT = json.loads(description())
PAGES_ALONE = {
    "approvals", "sign", "evidence", "fact",
    "provisions", "exercises", "improvement", "exercise", "report", "letters", "audit", "record",
    "administration", "accounts", "rights", "campaign", "samples", "run",
}  # fmt: skip
"""Pages without an address in the API: to approve and to administer is for people; the others are parts of another report, or several."""


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
    assert {row.operation: row.right for row in rows()}.items() <= found.items()
    assert {row.operation for row in TABLE} - REPORTS.keys() == PAGES_ALONE
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
                        parameter["schema"]["enum"] = [things.get(operation["operationId"], "law"), "none"]
                    case "after" if parameter["schema"]["type"] == "string":
                        parameter["schema"]["enum"] = [""]
                    case "kind" | "since" | "until" | "at":
                        parameter["schema"]["enum"] = [""]
                    case "form":
                        parameter["schema"]["enum"] = ["txt", "none"]
                    case _:
                        pass
    return found


def play(place: tuple[AtDesk, Served], examples: int, without: str = "") -> list[str]:
    """Send generated requests to each address; return each problem."""
    import hypothesis
    import schemathesis
    from schemathesis.core.failures import FailureGroup

    desk, room = place
    secret, schema = token(desk, "maria"), schemathesis.openapi.from_dict(known(room))
    problems: list[str] = []
    for result in schema.include(method="GET").get_all_operations():
        operation = result.ok()
        if without and operation.label.endswith(without):
            continue

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
                base_url=room.url, headers={"Authorization": f"Bearer {secret}"}, timeout=PATIENCE
            )

        try:
            one()
        except FailureGroup as failed:
            problems += [f"{operation.label}: {one}" for one in failed.exceptions]
    return problems


# The room draws random numbers in a thread of this process: Hypothesis takes them for those of a strategy.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_generated_requests_get_described_answers(place: tuple[AtDesk, Served]) -> None:
    assert play(place, 2, without="/law") == []  # several hundred laws take a second


@pytest.mark.nightly
def test_many_generated_requests_get_described_answers(place: tuple[AtDesk, Served]) -> None:
    assert play(place, 100) == []


def test_the_description_is_served(place: tuple[AtDesk, Served]) -> None:
    answer = requests.get(f"{place[1].url}/api/v1/openapi.json", timeout=PATIENCE)
    assert answer.json() == DOCUMENT


# --- acts of programs --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bot(place: tuple[AtDesk, Served]) -> str:
    """A token that may do tasks."""
    return token(place[0], "maria", "incident.read", "task.act", "task.steer")


def errand(desk: AtDesk, title: str) -> str:
    """Add a task for Maria and return its invocation."""
    desk.done("task", "add", title, "--to", "maria")
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    return str(next(task["invocation"] for task in tasks if task["title"] == title))


def post(room: Served, path: str, secret: str, key: str = "", **headers: str) -> Any:
    """Return what sends a body to an act."""

    def send(**body: object) -> requests.Response:
        given = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", **headers}
        if key:
            given["Idempotency-Key"] = key
        address = f"{room.url}{BASE}/incidents/{room.codename}/act/task{path}"
        return requests.post(address, data=json.dumps(body), headers=given, timeout=PATIENCE)

    return send


def comments(desk: AtDesk, step: str) -> list[str]:
    return [one["text"] for one in desk("task", "show", step, "--format", "json").json["comments"]]


def test_a_program_does_a_task_and_the_record_names_its_token(place: tuple[AtDesk, Served], bot: str) -> None:
    desk, room = place
    step = errand(desk, "Call the landlord")
    before = desk.office().load(desk.office().incidents()[0].id).version
    done = post(room, f"/done/{step}", bot, "k-1")(comment="Called")
    assert (done.status_code, done.json()["schema"]) == (200, "tocsin/act-done/v1")
    assert done.json()["version"] > before
    assert desk("task", "show", step, "--format", "json").json["task"]["state"] == "done"
    last = desk("timeline", "--format", "json").json["entries"][-1]
    assert (last["claimed"], last["proven_by"]) == ("maria", token_name(bot))


def token_name(secret: str) -> str:
    return "token:" + secret.removeprefix("tcs_").partition("_")[0]


def test_a_repeated_request_is_done_once(place: tuple[AtDesk, Served], bot: str) -> None:
    desk, room = place
    send = post(room, "/comment/law", bot, "k-2")
    first, again = send(text="Called twice?"), send(text="Called twice?")
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert comments(desk, "law").count("Called twice?") == 1
    other = send(text="Another text")
    assert (other.status_code, code(other)) == (422, "key_reused")
    desk.clock.advance(timedelta(hours=24))
    assert send(text="Another text").status_code == 200
    quoted = post(room, "/comment/law", bot, '"k-2"')(text="Another text")
    assert "idempotency-replayed" in quoted.headers


def test_a_request_in_progress_is_not_done_again(place: tuple[AtDesk, Served], bot: str) -> None:
    from runner.app.people import idempotency
    from runner.app.people.tokens import find

    desk, room = place
    office = desk.office()
    principal = find(office, bot)
    assert principal is not None
    path = f"{BASE}/incidents/{room.codename}/act/task/comment/law"
    body = json.dumps({"text": "Half done"}).encode()
    incident = office.load(office.find(room.codename))
    idempotency.begin(office, principal, "k-3", f"{path}\0\0".encode() + body, incident)
    send = post(room, "/comment/law", bot, "k-3")
    answer = send(text="Half done")
    assert (answer.status_code, code(answer)) == (409, "key_in_progress")
    desk.clock.advance(timedelta(minutes=2))  # the process that did it has stopped
    assert code(send(text="Half done")) == "key_outcome_unknown"
    assert "Half done" not in comments(desk, "law")


def test_a_token_made_again_under_its_name_meets_no_old_keys(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    words = (
        "token",
        "create",
        "twice",
        "--owner",
        "maria",
        "--scope",
        "incident.read",
        "--scope",
        "task.act",
    )
    first = post(room, "/comment/law", desk.done(*words).strip(), "k-20")(text="From the first token")
    desk.done("token", "revoke", "twice")
    other = post(room, "/comment/law", desk.done(*words).strip(), "k-20")(text="From the second token")
    assert (first.status_code, other.status_code) == (200, 200)
    assert "idempotency-replayed" not in other.headers
    desk.done("token", "revoke", "twice")


def test_old_keys_are_removed_but_not_looked_for_each_time(place: tuple[AtDesk, Served], bot: str) -> None:
    desk, room = place

    def kept() -> int:
        return len(desk.office().marks("api-key/"))

    desk.clock.advance(timedelta(hours=25))
    post(room, "/comment/law", bot, "k-30")(text="First of the day")
    assert kept() == 1
    desk.clock.advance(timedelta(hours=24))
    post(room, "/comment/law", bot, "k-31")(text="A day later")
    assert kept() == 1
    desk.clock.advance(timedelta(minutes=59))
    post(room, "/comment/law", bot, "k-32")(text="Within the hour")
    assert kept() == 2


def test_the_body_of_a_stranger_is_not_read(place: tuple[AtDesk, Served]) -> None:
    _, room = place
    path = f"{BASE}/incidents/{room.codename}/act/task/done/law"
    for secret, expected in (("tcs_x_y", 401), ("", 401)):
        with closing(HTTPConnection("127.0.0.1", room.port, timeout=PATIENCE)) as line:
            line.putrequest("POST", path)
            line.putheader("Content-Length", "60000")
            line.putheader("Authorization", f"Bearer {secret}")
            line.endheaders()  # and no body: who waits for it does not answer
            assert line.getresponse().status == expected


def test_a_refused_request_can_be_repeated_with_its_key(place: tuple[AtDesk, Served], bot: str) -> None:
    desk, room = place
    step = errand(desk, "Call the cleaner")
    send = post(room, f"/reopen/{step}", bot, "k-4")
    assert send(reason="wrong number").status_code == 409
    desk.done("task", "done", step)
    assert send(reason="wrong number").status_code == 200


def test_a_stale_request_gets_the_present_state(place: tuple[AtDesk, Served], bot: str) -> None:
    desk, room = place
    step = errand(desk, "Call the caterer")
    mark = get(room, f"/incidents/{room.codename}/task/{quote(step)}", bot).headers["etag"]
    desk.done("task", "start", step)
    stale = post(room, f"/done/{step}", bot, "k-5", **{"If-Match": mark})(comment="Called")
    assert (stale.status_code, code(stale)) == (412, "changed_meanwhile")
    assert stale.json()["state"]["task"]["state"] == "active"
    now = get(room, f"/incidents/{room.codename}/task/{quote(step)}", bot).headers["etag"]
    assert post(room, f"/done/{step}", bot, "k-5", **{"If-Match": now})(comment="Called").status_code == 200


def test_a_wrong_request_records_nothing(place: tuple[AtDesk, Served], bot: str) -> None:
    desk, room = place
    step = errand(desk, "Call the gardener")
    before = len(desk("timeline", "--format", "json").json["entries"])
    send = post(room, f"/done/{step}", bot, "k-6")
    assert code(post(room, f"/done/{step}", bot)(comment="x")) == "idempotency_key_missing"
    assert code(send(coment="x")) == "unknown_field"
    assert code(send(comment=["x"])) == "bad_body"
    assert code(post(room, f"/sign/{step}", bot, "k-7")()) == "not_found"
    assert code(post(room, "/done/none", bot, "k-8")()) == "unknown_step"
    reads = token(desk, "maria", "incident.read")
    assert code(post(room, f"/done/{step}", reads, "k-9")()) == "not_found"
    assert code(post(room, f"/done/{step}", "tcs_x_y", "k-9")()) == "not_logged_in"
    assert len(desk("timeline", "--format", "json").json["entries"]) == before


def test_no_field_and_no_empty_text_is_lost(place: tuple[AtDesk, Served], bot: str) -> None:
    desk, room = place
    office = desk.office()
    steps = office.load(office.incidents()[0].id).invocations
    alert = next(one for one, what in steps.items() if what.kind in ("message", "duties", "notice"))
    before = len(desk("timeline", "--format", "json").json["entries"])
    send = post(room, f"/comment/{quote(alert)}", bot, "k-40")
    refused = send(comment="Lost until now")
    assert (refused.status_code, code(refused), refused.json()["hint"]) == (422, "unknown_field", "Use: text")
    for text in ("", "  "):
        assert code(send(text=text)) == "words_missing"
    assert code(send()) == "words_missing"
    assert code(post(room, f"/start/{quote(alert)}", bot, "k-41")(reason="x")) == "unknown_field"
    assert code(post(room, f"/done/{quote(alert)}?comment=x", bot, "k-42")()) == "unknown_parameter"
    assert code(post(room, f"/reopen/{quote(alert)}", bot, "k-43")(why="x")) == "unknown_field"
    assert code(post(room, "/check/law", bot, "k-44")(row="1", done="false")) == "bad_form"
    assert len(desk("timeline", "--format", "json").json["entries"]) == before
    assert send(text="Kept").status_code == 200
    assert comments(desk, alert)[-1] == "Kept"


def test_the_fields_of_each_act_are_described(place: tuple[AtDesk, Served]) -> None:
    office, described = place[0].office(), {}
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            if operation["operationId"].startswith("task_"):
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                assert schema["additionalProperties"] is False, operation["operationId"]
                described[operation["operationId"].removeprefix("task_")] = schema
    assert described["comment"]["properties"].keys() == {"text"} == set(described["comment"]["required"])
    assert described["start"]["properties"] == {}
    assert described["done"]["patternProperties"].keys() == {"^instead\\.[0-9]+$"}
    incident = office.load(office.incidents()[0].id)
    for step in incident.invocations:
        for form in ACTING["task"].forms(asked_of(office, office.principal, incident, step, {})):
            if form.verb in described:
                told = described[form.verb]
                names = [one.name for one in form.fields] + [name for name, _ in form.hidden]
                assert set(names) <= told["properties"].keys(), (step, form.verb)
                needed = {one.name for one in form.fields if one.needed}
                assert needed <= set(told.get("required", ())), (step, form.verb)


def test_a_session_acts_on_the_pages_alone(place: tuple[AtDesk, Served]) -> None:
    _, room = place
    maria = room.reader("maria")
    address = f"{room.url}{BASE}/incidents/{room.codename}/act/task/done/law"
    answer = maria.post(address, data="{}", headers={"Idempotency-Key": "k"}, timeout=PATIENCE)
    assert (answer.status_code, code(answer)) == (403, "token_needed")


def test_each_act_of_programs_is_described_and_no_other(place: tuple[AtDesk, Served]) -> None:
    posts = {
        path["post"]["operationId"]: path["post"] for path in DOCUMENT["paths"].values() if "post" in path
    }
    assert {one["x-right"] for one in posts.values()} <= PROGRAMS
    assert {"task_done", "task_comment", "task_assign", "alerts"} <= posts.keys()
