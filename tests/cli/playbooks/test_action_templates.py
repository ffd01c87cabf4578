"""Action templates: filled requests, approvals of exactly these, one receipt for each item, and work by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.testing.chaos import ChaosServer, Talk
from tests.cli.at_desk import AtDesk
from tests.web.room.room import served
from tests.web.room.test_acts import act, page

TEMPLATE = """\
schema: tocsin/action/v1
name: end-sessions
version: 1.2.0
title: End the sessions
depends: idp
risk: {risk}
expects: {{user: {{kind: account}}, note: {{kind: text}}}}
auth: directory
permission: [Sessions.Revoke]
http:
  url: "/users/{{user}}/end?why={{note}}"
  json: {{who: "{{user}}", quiet: true, at: "{{now}}"}}
  expect: [200]
  expect_json: {{ok: true}}
save: {{incident.automation.reference: ticket}}
by_hand: "Console > Users > End sessions"
idempotent: true
{more}
"""
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: takeover
version: 1.0.0
title: Takeover
roles: {{commander: {{title: Incident commander}}, counsel: {{title: Counsel, minimum: 2}}}}
steps:
  - {{id: sign, approve: end, by: {{roles: [counsel], distinct: {distinct}}}}}
  - {{id: end, act: End all sessions, use: end-sessions@1, role: commander, after: [sign],
     for_each: incident.accounts, with: {{user: item, note: "'left; now'"}}{more}}}
  - {{id: later, task: Look again, role: commander, after: [end]}}
"""


class Service:
    """A service with tokens that expire, and scripted answers by path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        """Method and path, authorization, body."""
        self.answers: dict[str, list[tuple[int, str]]] = {}
        self.tokens = 0
        self.server = ChaosServer(self._answer)

    def _answer(self, talk: Talk) -> None:
        talk.hear_request()
        head, _, body = talk.heard.partition(b"\r\n\r\n")
        line, *rest = head.decode().split("\r\n")
        method, path, _ = line.split(" ")
        given = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
        if path == "/token":
            self.tokens += 1
            status, said = 200, json.dumps({"access_token": f"t{self.tokens}", "expires_in": 3600})
        else:
            self.asked.append((f"{method} {path}", given.get("authorization", ""), body.decode()))
            left = self.answers.get(path.split("?")[0], [])
            status, said = left.pop(0) if left else (200, '{"ok": true, "ticket": "T-7"}')
        extra = "Retry-After: 90\r\n" if status == 429 else ""
        talk.say(
            f"HTTP/1.1 {status} X\r\n{extra}Content-Length: {len(said)}\r\nConnection: close\r\n\r\n{said}".encode()
        )


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    with found.server:
        yield found


def prepared(desk: AtDesk, service: Service | None, **more: Any) -> str:
    """Write the template and the playbook, and the profile unless there is no service; return the playbook's path."""
    (desk.home / "actions").mkdir(exist_ok=True)
    risk, extra = more.pop("risk", "disruptive"), more.pop("template", "")
    text = TEMPLATE.format(risk=risk, more=extra)
    (desk.home / "actions" / "end-sessions.yaml").write_text(text, encoding="utf-8")
    (desk.home / "client.secret").write_text("s3cr3t-of-the-client\n")
    auth = {}
    if service is not None:
        url = f"http://127.0.0.1:{service.server.port}"
        auth = {
            "directory": {
                "kind": "oauth2",
                "url": url,
                "token_url": f"{url}/token",
                "client_id": "tocsin",
                "secret": "file:client.secret",
            }
        }
    desk.settings(act={"auth": auth, **more.pop("act", {})})
    path = desk.home.parent / "takeover.yaml"
    path.write_text(
        PLAYBOOK.format(distinct=more.pop("distinct", 1), more=more.pop("step", "")), encoding="utf-8"
    )
    return str(path)


def opened(desk: AtDesk, path: str, accounts: str = "ana@x.example,ben@x.example") -> None:
    desk.done("open", path, "--yes", "--fact", f"incident.accounts={accounts}")


def shown(desk: AtDesk, step: str) -> Any:
    return desk("task", "show", step, "--format", "json").json


def ran(desk: AtDesk, after: timedelta = timedelta()) -> None:
    desk.clock.advance(after)
    desk("worker", "--once")


def test_an_approved_action_runs_once_for_each_item_with_encoded_inputs(
    tocsin: AtDesk, service: Service
) -> None:
    opened(tocsin, prepared(tocsin, service), "ana@x.example,ben /../x")
    assert service.asked == []
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    paths = [asked[0] for asked in service.asked]
    assert paths == ["POST /users/ana%40x.example/end?why=left%3B%20now"]
    task = shown(tocsin, "end")
    assert task["task"]["state"] == "failed"
    assert [(one["state"], one["item"]) for one in task["attempts"]] == [("accepted", "ana@x.example")]
    assert "ben /../x" in task["task"]["stuck"]


def test_the_request_has_the_token_and_the_inputs_as_whole_texts(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service))
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert [(path, auth) for path, auth, _ in service.asked] == [
        ("POST /users/ana%40x.example/end?why=left%3B%20now", "Bearer t1"),
        ("POST /users/ben%40x.example/end?why=left%3B%20now", "Bearer t1"),
    ]
    body = json.loads(service.asked[0][2])
    assert (body["who"], body["quiet"], body["at"][:10]) == ("ana@x.example", True, "2026-11-24")
    assert shown(tocsin, "end")["task"]["state"] == "done"
    assert shown(tocsin, "later")["task"]["state"] == "ready"
    facts = tocsin("fact", "show", "incident.automation.reference", "--format", "json").out
    assert "T-7" in facts


def test_other_items_void_the_approval_before_the_action_runs(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service, distinct=2))
    first = shown(tocsin, "sign")["subject_digest"]
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    tocsin.done("fact", "set", "incident.accounts+=cleo@x.example", "--source", "log")
    again = shown(tocsin, "sign")
    assert again["subject_digest"] != first
    assert [one["binds"] for one in again["approvals"]] == [False]
    said = tocsin("approve", "sign", "--digest", first, "--as", "ada", types="y\n")
    assert said.error == "digest_changed"
    for person in ("jonas", "ada"):
        tocsin.done("approve", "sign", "--as", person, types="y\n")
    ran(tocsin)
    assert len(service.asked) == 3


def test_without_the_integration_people_do_it_with_one_checklist_item_each(tocsin: AtDesk) -> None:
    opened(tocsin, prepared(tocsin, None))
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    task = shown(tocsin, "end")
    assert (task["task"]["kind"], task["task"]["state"], task["task"]["role"]) == (
        "task",
        "ready",
        "commander",
    )
    assert [row["text"] for row in task["checklist"]] == [
        "End the sessions: ana@x.example",
        "End the sessions: ben@x.example",
    ]
    assert "Console > Users > End sessions" in task["instructions"]
    tocsin.done("task", "check", "end", "1")
    tocsin.done("task", "check", "end", "2")
    tocsin.done("task", "done", "end")
    assert shown(tocsin, "sign")["task"]["state"] == "done", "what was approved was done"
    assert shown(tocsin, "later")["task"]["state"] == "ready"
    assert tocsin("audit", "verify", "--format", "json").code == 0


def test_a_refusal_names_the_permission_and_a_retry_repeats_only_what_failed(
    tocsin: AtDesk, service: Service
) -> None:
    service.answers["/users/ben%40x.example/end"] = [(403, "{}")]
    opened(tocsin, prepared(tocsin, service))
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    task = shown(tocsin, "end")
    assert task["task"]["state"] == "failed"
    assert "Sessions.Revoke" in task["task"]["stuck"]
    service.asked.clear()
    tocsin.done("task", "retry", "end", "--reason", "permission granted")
    ran(tocsin)
    assert [path.split("/")[2] for path, _, _ in service.asked] == ["ben%40x.example"]
    assert shown(tocsin, "end")["task"]["state"] == "done"


def test_a_withdrawn_token_is_renewed_once_and_throttling_waits(tocsin: AtDesk, service: Service) -> None:
    service.answers["/users/ana%40x.example/end"] = [(401, "{}"), (429, "{}"), (503, "{}")]
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert [auth for _, auth, _ in service.asked] == ["Bearer t1", "Bearer t2"]
    ran(tocsin, timedelta(seconds=60))
    assert len(service.asked) == 2
    ran(tocsin, timedelta(seconds=40))
    ran(tocsin, timedelta(minutes=5))
    assert shown(tocsin, "end")["task"]["state"] == "done"
    assert len(service.asked) == 4


def test_an_answer_that_says_no_is_a_failure_with_any_status(tocsin: AtDesk, service: Service) -> None:
    service.answers["/users/ana%40x.example/end"] = [(200, '{"ok": false}')]
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert shown(tocsin, "end")["task"]["state"] == "failed"


def test_the_effect_is_read_until_it_is_seen(tocsin: AtDesk, service: Service) -> None:
    verify = 'verify: {url: "/users/{user}", expect_json: {sessions: 0}, every: 30s, until: 5m}'
    service.answers["/users/ana%40x.example"] = [(200, '{"sessions": 2}'), (200, '{"sessions": 0}')]
    opened(tocsin, prepared(tocsin, service, template=verify), "ana@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert shown(tocsin, "end")["task"]["state"] == "active"
    ran(tocsin, timedelta(seconds=31))
    assert shown(tocsin, "end")["task"]["state"] == "active"
    ran(tocsin, timedelta(seconds=31))
    assert shown(tocsin, "end")["task"]["state"] == "done"
    assert [path for path, _, _ in service.asked][1:] == ["GET /users/ana%40x.example"] * 2


def test_an_effect_that_is_never_seen_asks_a_person(tocsin: AtDesk, service: Service) -> None:
    verify = 'verify: {url: "/users/{user}", expect_json: {sessions: 0}, every: 1m, until: 2m}'
    service.answers["/users/ana%40x.example"] = [(200, '{"sessions": 2}')] * 9
    opened(tocsin, prepared(tocsin, service, template=verify), "ana@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    for _ in range(5):
        ran(tocsin, timedelta(seconds=61))
    assert shown(tocsin, "end")["task"]["state"] == "failed"
    assert sum(path.startswith("POST") for path, _, _ in service.asked) == 1


def test_items_of_the_never_list_are_not_touched(tocsin: AtDesk, service: Service) -> None:
    path = prepared(tocsin, service, act={"never": ["BREAK-glass*"]})
    opened(tocsin, path, "ana@x.example,Break-Glass-1@x.example")
    assert [one["why"] for one in shown(tocsin, "end")["requests"]] == [
        "",
        "it is on the never-list of the settings",
    ]
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert [path.split("/")[2] for path, _, _ in service.asked] == ["ana%40x.example"]
    assert shown(tocsin, "end")["task"]["state"] == "failed"


@pytest.mark.parametrize(
    ("never", "account"),
    [
        ("svc[1]@x.example", "svc[1]@x.example"),
        ("ana@x.example", "\uff21na@x.example"),
        ("Stra\u00dfe@x.example", "STRASSE@x.example"),
        ("srv1.x.example", "srv1.x.example."),
        (" ana@* ", "ana@x.example"),
    ],
)
def test_the_never_list_compares_names_as_services_do(
    tocsin: AtDesk, service: Service, never: str, account: str
) -> None:
    opened(tocsin, prepared(tocsin, service, act={"never": [never]}), f"{account},b?@x.example")
    assert [bool(one["why"]) for one in shown(tocsin, "end")["requests"]] == [True, False]


def test_more_items_than_the_cap_stop_the_action(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service), ",".join(f"u{n}@x.example" for n in range(26)))
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert (service.asked, shown(tocsin, "end")["task"]["state"]) == ([], "failed")


def test_a_compromised_failure_domain_asks_before_it_runs(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    tocsin.done("domain", "compromised", "idp")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert service.asked == []
    assert "idp" in shown(tocsin, "end")["task"]["stuck"]
    tocsin.done("task", "retry", "end", "--reason", "the token is not affected")
    ran(tocsin)
    assert len(service.asked) == 1


def test_a_retry_before_the_compromise_does_not_let_it_run_after(tocsin: AtDesk, service: Service) -> None:
    service.answers["/users/ana%40x.example/end"] = [(403, "{}"), (429, "{}")]
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    tocsin.done("task", "retry", "end", "--reason", "permission granted")
    ran(tocsin)
    tocsin.done("domain", "compromised", "idp")
    ran(tocsin, timedelta(minutes=5))
    assert len(service.asked) == 2
    assert "idp" in shown(tocsin, "end")["task"]["stuck"]


def test_a_reopened_action_needs_its_approvals_again(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service, risk="irreversible", distinct=2), "ana@x.example")
    for runs in (1, 2):
        for person in ("jonas", "ada"):
            assert len(service.asked) == runs - 1
            tocsin.done("approve", "sign", "--as", person, types="y\n")
        ran(tocsin)
        assert (len(service.asked), shown(tocsin, "end")["task"]["state"]) == (runs, "done")
        tocsin.done("task", "reopen", "end", "--reason", "the sessions are back")
        ran(tocsin)
    assert [shown(tocsin, step)["task"]["state"] for step in ("sign", "end")] == ["ready", "waiting"]


def test_an_approval_is_for_the_account_of_the_profile(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    first = shown(tocsin, "sign")["subject_digest"]
    settings = tocsin.home / "tocsin.yaml"
    text = settings.read_text(encoding="utf-8").replace("/token", "/other-tenant/token")
    settings.write_text(text, encoding="utf-8")
    tocsin("approve", "sign", "--digest", first, "--as", "jonas", types="y\n")
    ran(tocsin)
    assert service.asked == []
    assert shown(tocsin, "sign")["subject_digest"] != first


def test_a_part_of_an_input_cannot_leave_its_place_in_the_address(tocsin: AtDesk, service: Service) -> None:
    path, file = prepared(tocsin, service), tocsin.home / "actions" / "end-sessions.yaml"
    text = file.read_text(encoding="utf-8").replace("/users/{user}/end?", "/orgs/{org}/{repo}/end?")
    text = text.replace(
        "user: {kind: account}", 'user: {kind: account, pattern: "(?P<org>[^/]*)/(?P<repo>.*)"}'
    )
    file.write_text(text, encoding="utf-8")
    opened(tocsin, path, "../admin,/admin,x/..,x/y")
    assert [bool(one["why"]) for one in shown(tocsin, "end")["requests"]] == [True, True, True, False]


def test_a_skipped_approval_does_not_let_the_action_run(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    tocsin.done("task", "skip", "sign", "--reason", "no time")
    ran(tocsin)
    tocsin.done("task", "retry", "end", "--reason", "run it")
    ran(tocsin)
    assert service.asked == []
    assert "0 of 1 approvals" in shown(tocsin, "end")["task"]["stuck"]


def test_a_later_change_of_the_template_changes_nothing(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    file = tocsin.home / "actions" / "end-sessions.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("/end?", "/erase?"), encoding="utf-8")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert [path.split("?")[0] for path, _, _ in service.asked] == ["POST /users/ana%40x.example/end"]


def test_secrets_and_tokens_are_in_no_file_of_the_home(tocsin: AtDesk, service: Service) -> None:
    service.answers["/users/ana%40x.example/end"] = [(403, "{}")]
    opened(tocsin, prepared(tocsin, service), "ana@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    out = tocsin("log", "--format", "json").out + tocsin("task", "show", "end").out
    files = [file for file in tocsin.home.rglob("*") if file.is_file() and file.name != "client.secret"]
    for text in (b"s3cr3t-of-the-client", b"Bearer t1"):
        assert text.decode() not in out
        assert not [file for file in files if text in file.read_bytes()]


@pytest.mark.parametrize(("risk", "distinct", "code"), [("disruptive", 1, 0), ("irreversible", 1, 1)])
def test_the_risk_decides_how_many_persons_must_approve(
    tocsin: AtDesk, risk: str, distinct: int, code: int
) -> None:
    path = prepared(tocsin, None, risk=risk, distinct=distinct)
    said = tocsin("playbook", "validate", path, "--format", "json")
    codes = [problem["code"] for problem in said.json["problems"]]
    assert (said.code, "action-not-approved" in codes) == (code, bool(code))


def test_every_shipped_template_is_valid() -> None:
    from runner.playbook.catalogue import Catalog

    catalog = Catalog()
    for name in catalog.action_files:
        template, _ = catalog.action(name)
        assert template.name == name
        assert not template.undo or template.undo in catalog.action_files


def test_the_templates_fit_the_schema_for_editors() -> None:
    import jsonschema

    from runner.files.validate import EDITOR_SCHEMAS
    from runner.yamlfile.source import scan

    folder = Path(__file__).parents[3] / "playbooks" / "actions"
    for file in sorted(folder.glob("*.yaml")):
        jsonschema.validate(scan(file.read_bytes(), file.name).data, EDITOR_SCHEMAS["action"]())


EACH = """\
schema: tocsin/action/v1
name: end-sessions
version: 1.0.0
title: Remove the rules
risk: low
expects: {user: {kind: account}, key: {kind: secret}}
auth: directory
each: {url: "/users/{user}/rules", items: value, value: id}
http: {method: DELETE, url: "/users/{user}/rules/{each}", json: {proof: "{key}"}}
by_hand: Remove them
"""


def test_a_call_is_made_for_each_listed_value_and_secrets_are_only_in_the_request(
    tocsin: AtDesk, service: Service
) -> None:
    path = Path(prepared(tocsin, service, act={"secrets": {"leaked": "file:leaked.txt"}}))
    (tocsin.home / "leaked.txt").write_text('ghp_"leaked"\n')
    (tocsin.home / "actions" / "end-sessions.yaml").write_text(EACH, encoding="utf-8")
    path.write_text(
        path.read_text(encoding="utf-8").replace("note: \"'left; now'\"", "key: \"'leaked'\""),
        encoding="utf-8",
    )
    service.answers["/users/ana/rules"] = [(200, '{"value": [{"id": "r/1"}, {"id": "r 2"}]}')]
    opened(tocsin, str(path), "ana")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert [asked[0] for asked in service.asked] == [
        "GET /users/ana/rules",
        "DELETE /users/ana/rules/r%2F1",
        "DELETE /users/ana/rules/r%202",
    ]
    assert json.loads(service.asked[1][2]) == {"proof": 'ghp_"leaked"'}
    assert shown(tocsin, "end")["task"]["state"] == "done"
    assert "ghp_" not in tocsin("task", "show", "end").out + tocsin("log", "--format", "json").out


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ('{"value": [{"id": ""}]}', "failed"),
        ('{"value": [{"id": ".."}]}', "failed"),
        ('{"value": [{"name": "a"}]}', "failed"),
        ('{"value": "a"}', "failed"),
        ("no JSON", "failed"),
        ("{}", "done"),
    ],
)
def test_a_list_without_good_values_calls_nothing(
    tocsin: AtDesk, service: Service, answer: str, state: str
) -> None:
    path = Path(prepared(tocsin, service))
    text = EACH.replace(", key: {kind: secret}", ", note: {kind: text}").replace("{key}", "{note}")
    (tocsin.home / "actions" / "end-sessions.yaml").write_text(text, encoding="utf-8")
    service.answers["/users/ana/rules"] = [(200, answer)]
    opened(tocsin, str(path), "ana")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert [asked[0] for asked in service.asked] == ["GET /users/ana/rules"]
    assert shown(tocsin, "end")["task"]["state"] == state


def test_an_unanswered_call_that_may_not_be_repeated_asks_what_happened(
    tocsin: AtDesk, service: Service
) -> None:
    path = prepared(tocsin, service)
    file = tocsin.home / "actions" / "end-sessions.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("idempotent: true\n", ""), encoding="utf-8")
    service.answers["/users/ana%40x.example/end"] = [(500, "{}")]
    opened(tocsin, path)
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    task = shown(tocsin, "end")
    assert task["task"]["state"] == "outcome_unknown"
    assert [one["state"] for one in task["requests"]] == ["unknown", "done"]
    tocsin.done("message", "resolve", "end", "--happened", "--reason", "seen in the console")
    assert shown(tocsin, "end")["task"]["state"] == "done"


TESTS = """\
schema: tocsin/playbook-test/v1
playbook: ../takeover.yaml
{auth}
laws: []
cases:
  - name: every account
    facts: ["incident.accounts=ana,ben"]
    {acts}
    expect: {{path: {{done: [sign, end, later]}}}}
"""


@pytest.mark.parametrize(
    ("auth", "acts", "deeds"),
    [
        ("", "", ""),
        ("auth: [directory]", "acts: {end: [accepted]}", ""),
        ("auth: [directory]", "acts: {end: ['403', accepted, accepted]}", "deeds: {end: [retry]}"),
        ("auth: [directory]", "acts: {end: [timeout, accepted, accepted]}", ""),
    ],
    ids=["by hand", "accepted", "a permission is missing", "no answer"],
)
def test_playbook_tests_play_actions_by_hand_and_with_scripted_answers(
    tocsin: AtDesk, auth: str, acts: str, deeds: str
) -> None:
    path = Path(prepared(tocsin, None))
    folder = path.parent / "tests"
    folder.mkdir()
    text = TESTS.format(auth=auth, acts="\n    ".join(filter(None, (acts, deeds))))
    (folder / "takeover.yaml").write_text(text, encoding="utf-8")
    said = tocsin("playbook", "test", str(folder / "takeover.yaml"))
    assert said.code == 0, said.out + said.err


EXERCISE = """\
schema: tocsin/exercise/v1
name: takeover-evening
title: An account is taken over
type: functional
playbook: ./takeover.yaml
objectives: [{id: O1, text: The sessions end in time, capability: Operational Coordination,
  targets: [{id: T1, text: Within 15 minutes, tasks: [{step: end, within: 15m}]}]}]
participants: [{person: maria, role: player, plays: commander}, {person: jonas, role: player, plays: counsel}]
facts: ["incident.accounts=ana,ben"]
script: {acts: {end: ["403", accepted]}}
laws: []
"""


def test_an_exercise_answers_by_its_script_and_nothing_leaves(tocsin: AtDesk, service: Service) -> None:
    from runner.app.exercises.exercises import prepare_drill, set_clock
    from runner.app.incidents.open_incident import commit_opening
    from runner.files.exercise_file import load_exercise
    from runner.playbook.catalogue import Catalog

    path = Path(prepared(tocsin, service)).with_name("takeover-evening.yaml")
    path.write_text(EXERCISE, encoding="utf-8")
    office = tocsin.office()
    opening = prepare_drill(office, load_exercise(str(path), Catalog(tocsin.home)))
    set_clock(office, commit_opening(office, opening).after.id, "begun")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    task = shown(tocsin, "end")
    assert [(one["item"], one["state"]) for one in task["attempts"]] == [
        ("ana", "rejected"),
        ("ben", "accepted"),
    ]
    assert (service.asked, service.tokens) == ([], 0)


def test_a_missing_secret_of_a_profile_is_reported_by_doctor(tocsin: AtDesk, service: Service) -> None:
    prepared(tocsin, service)
    (tocsin.home / "client.secret").unlink()
    said = tocsin("doctor", "--format", "json")
    found = [finding["code"] for finding in said.json["findings"] if finding["area"] == "actions"]
    assert found == ["secret_missing"]


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ({"kind": "oauth2", "secret": "env:X", "client_id": "a"}, "auth-incomplete"),
        ({"kind": "static", "secret": "s3cret"}, "secret"),
        ({"kind": "static", "secret": "file:master.key"}, "secret-private"),
        ({"kind": "static", "secret": "env:X", "url": "ftp://x.example"}, "bad-url"),
    ],
)
def test_a_profile_that_cannot_work_is_a_problem_of_the_settings(
    tocsin: AtDesk, profile: dict[str, str], code: str
) -> None:
    tocsin.settings(act={"auth": {"directory": profile}})
    assert [problem["code"] for problem in tocsin("list", "--format", "json").json["problems"]] == [code]


def test_settings_that_change_after_the_approval_stop_the_action(tocsin: AtDesk, service: Service) -> None:
    path = prepared(tocsin, service, step=", timeout: 5s")
    opened(tocsin, path, "ana@x.example,ben@x.example")
    service.answers["/users/ana%40x.example/end"] = [(429, "{}")]
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    prepared(tocsin, service, act={"never": ["ana@*"]})
    asked = len(service.asked)
    ran(tocsin, timedelta(minutes=2))
    assert len(service.asked) == asked
    assert "settings" in shown(tocsin, "end")["task"]["stuck"]


def test_a_second_start_of_the_worker_repeats_no_item(tocsin: AtDesk, service: Service) -> None:
    opened(tocsin, prepared(tocsin, service))
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    for _ in range(3):
        ran(tocsin, timedelta(minutes=1))
    assert len(service.asked) == 2


def test_a_done_action_offers_the_task_that_undoes_it(tocsin: AtDesk, service: Service) -> None:
    undo = "undo: start-sessions\n"
    path = prepared(tocsin, service, template=undo)
    text = (tocsin.home / "actions" / "end-sessions.yaml").read_text(encoding="utf-8").replace(undo, "")
    text = text.replace("name: end-sessions", "name: start-sessions").replace("Console", "Other console")
    (tocsin.home / "actions" / "start-sessions.yaml").write_text(text, encoding="utf-8")
    opened(tocsin, path, "ana@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert shown(tocsin, "end")["undo"] == "start-sessions: Other console > Users > End sessions"


def test_a_template_of_another_name_than_its_file_is_refused(tocsin: AtDesk) -> None:
    path = prepared(tocsin, None)
    (tocsin.home / "actions" / "end-sessions.yaml").rename(tocsin.home / "actions" / "end-session.yaml")
    said = tocsin("playbook", "validate", path, "--format", "json")
    assert [problem["code"] for problem in said.json["problems"]] == ["unknown-action"]
    file = tocsin.home / "actions" / "end-session.yaml"
    said = tocsin("playbook", "validate", str(file), "--format", "json")
    assert [problem["code"] for problem in said.json["problems"]] == ["file-name"]


def test_an_open_set_gives_no_item_that_nobody_named(tocsin: AtDesk, service: Service) -> None:
    path = prepared(tocsin, service)
    tocsin.done("open", path, "--yes", "--fact", "incident.accounts+=zed@x.example")
    assert [one["item"] for one in shown(tocsin, "end")["requests"]] == ["zed@x.example"]
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(tocsin)
    assert [path.split("/")[2] for path, _, _ in service.asked] == ["zed%40x.example"]
    assert shown(tocsin, "end")["task"]["state"] == "done"


def test_an_open_set_is_done_by_hand_with_one_row_for_each_known_item(tocsin: AtDesk) -> None:
    path = prepared(tocsin, None)
    tocsin.done("open", path, "--yes", "--fact", "incident.accounts+=zed@x.example")
    tocsin.done("approve", "sign", "--as", "jonas", types="y\n")
    assert [row["text"] for row in shown(tocsin, "end")["checklist"]] == ["End the sessions: zed@x.example"]


def with_two_left(desk: AtDesk, service: Service) -> None:
    """Run the action on four accounts: two are done, one fails, one is never to be touched."""
    service.answers["/users/ben%40x.example/end"] = [(403, "{}")]
    opened(
        desk,
        prepared(desk, service, act={"never": ["glass*"]}),
        "ana@x.example,ben@x.example,cn=cleo,glass@x.example",
    )
    desk.done("approve", "sign", "--as", "jonas", types="y\n")
    ran(desk)
    assert shown(desk, "end")["task"]["state"] == "failed"


def test_an_action_is_not_done_before_it_is_said_how_each_item_was_done_instead(
    tocsin: AtDesk, service: Service
) -> None:
    with_two_left(tocsin, service)
    said = tocsin(
        "task", "done", "end", "--instead", "ben@x.example=blocked in the console", "--format", "json"
    )
    assert (said.code, said.error) == (1, "items_not_done")
    assert "glass@x.example" in said.json["message"]
    assert "ben@x.example" not in said.json["message"]
    wrong = tocsin("task", "done", "end", "--instead", "ana@x.example=again", "--format", "json")
    assert (wrong.code, wrong.error) == (1, "unknown_item")
    assert shown(tocsin, "end")["task"]["state"] == "failed"
    how = ("ben@x.example=blocked in the console", "glass@x.example=left, it is the emergency account")
    tocsin.done("task", "done", "end", *(word for one in how for word in ("--instead", one)))
    assert shown(tocsin, "end")["task"]["state"] == "done"
    texts = " ".join(entry["text"] for entry in tocsin("timeline", "--format", "json").json["entries"])
    assert all(one.replace("=", ": ") in texts for one in how)
    assert tocsin("audit", "verify", "--format", "json").code == 0


def test_a_terminal_asks_how_each_item_was_done_instead(tocsin: AtDesk, service: Service) -> None:
    with_two_left(tocsin, service)
    said = tocsin("task", "done", "end", types="blocked in the console\n\n")
    assert (said.code, shown(tocsin, "end")["task"]["state"]) == (1, "failed")
    tocsin.done("task", "done", "end", types="blocked in the console\nleft as it is\n")
    assert shown(tocsin, "end")["task"]["state"] == "done"


def test_the_room_asks_how_each_item_was_done_instead(tocsin: AtDesk, service: Service) -> None:
    with_two_left(tocsin, service)
    with served(tocsin) as room:
        maria, step = room.reader("maria"), "takeover:end#1"
        text = page(room, maria, step)
        assert ("ben@x.example" in text, 'name="instead.1"' in text, 'name="instead.3"' in text) == (
            True,
            True,
            False,
        )
        half = {"instead.1": "blocked in the console", "instead.2": " "}
        assert act(room, maria, "done", step, **half).status_code == 409
        assert act(room, maria, "done", step, **half | {"instead.2": "left as it is"}).status_code == 303
    assert shown(tocsin, "end")["task"]["state"] == "done"
