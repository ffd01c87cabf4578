"""Alerts of monitoring programs: they wait as drafts until a person opens or dismisses them."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.app.incidents.alerts import MOST
from runner.files.alert_mapping import load_mapping, read_alerts
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.patience import PATIENCE
from tests.servers.needed import absent
from tests.web.room.filled import sure
from tests.web.room.room import Served, offered, served

LABELS = {"alertname": "DataExfil", "severity": "critical", "system": "crm"}
AT = "2026-11-24T08:30:00.123456789Z"


def prometheus(key: str = "f1", status: str = "firing", **more: Any) -> dict[str, Any]:
    alert = {
        "status": status,
        "labels": LABELS,
        "annotations": {"summary": "many rows left"},
        "startsAt": AT,
        "fingerprint": key,
    }
    return {"version": "4", "alerts": [{**alert, **more}]}


SAMPLES: dict[str, tuple[dict[str, Any], tuple[str, str, str, str]]] = {
    "alertmanager": (
        prometheus(),
        ("DataExfil · many rows left", "f1", "critical", "2026-11-24T08:30:00.123456+00:00"),
    ),
    "grafana": (
        {"receiver": "tocsin", "status": "firing", **prometheus("f2")},
        ("DataExfil · many rows left", "f2", "critical", "2026-11-24T08:30:00.123456+00:00"),
    ),
    "sentinel": (
        {
            "object": {
                "name": "0c9",
                "properties": {
                    "title": "Sign-in from two countries",
                    "severity": "High",
                    "status": "New",
                    "createdTimeUtc": "2026-11-24T08:40:00Z",
                    "firstActivityTimeUtc": "2026-11-24T08:31:00Z",
                },
            }
        },
        ("Sign-in from two countries", "0c9", "High", "2026-11-24T08:31:00+00:00"),
    ),
    "splunk": (
        {
            "search_name": "Many failed logins",
            "sid": "s1",
            "result": {"_time": "1795509060", "severity": "high"},
        },
        ("Many failed logins", "Many failed logins", "high", "2026-11-24T08:31:00+00:00"),
    ),
    "elastic": (
        {
            "alerts": [
                {
                    "kibana.alert.rule.name": "Shadow copies deleted",
                    "kibana.alert.reason": "on fs-01",
                    "kibana.alert.severity": "high",
                    "kibana.alert.uuid": "u1",
                    "kibana.alert.status": "active",
                    "kibana.alert.start": "2026-11-24T08:31:00.000Z",
                }
            ]
        },
        ("Shadow copies deleted · on fs-01", "u1", "high", "2026-11-24T08:31:00+00:00"),
    ),
    "pagerduty": (
        {
            "event": {
                "event_type": "incident.triggered",
                "occurred_at": "2026-11-24T08:32:00Z",
                "data": {
                    "id": "P1",
                    "title": "Disk encrypted",
                    "urgency": "high",
                    "created_at": "2026-11-24T08:31:00Z",
                },
            }
        },
        ("Disk encrypted", "P1", "high", "2026-11-24T08:31:00+00:00"),
    ),
    "generic": (
        {"title": "Badge used twice", "at": "2026-11-24T09:31:00+01:00", "severity": "low", "key": "b1"},
        ("Badge used twice", "b1", "low", "2026-11-24T09:31:00+01:00"),
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served, str]]:
    """A home, its room, and a token that may send alerts."""
    folder = tmp_path_factory.mktemp("alerts")
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    secret = desk.done("token", "create", "prom", "--owner", "maria", "--scope", "alert.send").strip()
    with served(desk) as room:
        yield desk, room, secret
    desk.close()


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test nothing waits."""
    yield
    if "place" in request.fixturenames:
        desk = request.getfixturevalue("place")[0]
        for row in waiting(desk):
            desk.done("alert", "dismiss", row["alert"], "--reason", "end of the test")


def post(
    place: tuple[AtDesk, Served, str], body: Any, name: str = "alertmanager", secret: str = ""
) -> requests.Response:
    _, room, own = place
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {secret or own}", "Content-Type": "application/json"}
    return requests.post(f"{room.url}/api/v1/alerts/{name}", data=data, headers=headers, timeout=PATIENCE)


def waiting(desk: AtDesk, *more: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = desk("alert", "list", *more, "--format", "json").json["alerts"]
    return rows


@pytest.mark.parametrize("name", SAMPLES)
def test_each_shipped_mapping_reads_its_sample(name: str, tmp_path: Path) -> None:
    body, expected = SAMPLES[name]
    (alert,) = read_alerts(load_mapping(name, tmp_path), json.dumps(body).encode())
    at = alert.at.isoformat() if alert.at else ""
    assert (alert.title, alert.key, alert.severity, at, alert.resolved) == (*expected, False)


def test_an_alert_becomes_a_draft_and_nothing_else(place: tuple[AtDesk, Served, str]) -> None:
    desk, _, _ = place
    shown, opened = desk.console, desk("list", "--all", "--format", "json").json["incidents"]
    answer = post(place, prometheus())
    assert (answer.status_code, answer.json()["schema"]) == (202, "tocsin/alerts-taken/v1")
    (row,) = waiting(desk)
    assert answer.json()["alerts"] == [row["alert"]]
    assert (row["sender"], row["count"], row["state"]) == ("token:prom", 1, "waiting")
    assert json.loads(row["body"])["labels"] == LABELS
    assert desk("list", "--all", "--format", "json").json["incidents"] == opened
    assert desk.console == shown


def test_alerts_that_belong_together_join(place: tuple[AtDesk, Served, str]) -> None:
    desk, _, _ = place
    (first,) = post(place, prometheus("j1")).json()["alerts"]
    assert post(place, prometheus("j1")).json()["alerts"] == [first]
    assert waiting(desk)[0]["count"] == 1  # not each repetition within five minutes is an entry
    desk.clock.advance(timedelta(minutes=5))
    both = {"alerts": prometheus("j1")["alerts"] + prometheus("j2")["alerts"]}
    assert len(post(place, both).json()["alerts"]) == 2
    assert [row["count"] for row in waiting(desk)] == [2, 1]
    post(place, prometheus("j1", "resolved"))
    assert [row["resolved"] for row in waiting(desk)] == [True, False]  # only a person ends a draft
    desk.done("alert", "dismiss", first, "--reason", "load test")
    assert post(place, prometheus("j1")).json()["alerts"] != [first]
    assert post(place, prometheus("j9", "resolved")).json()["alerts"] == []


def test_a_person_opens_an_incident_with_the_time_of_discovery(place: tuple[AtDesk, Served, str]) -> None:
    desk, _, _ = place
    (alert,) = post(place, prometheus("o1")).json()["alerts"]
    playbook = str(desk.home.parent / "lost-badge.yaml")
    opened = desk("alert", "open", alert, playbook, "--yes", "--format", "json").json
    assert opened["title"] == "DataExfil · many rows left"
    facts = {one["key"]: one for one in desk("fact", "show", "incident", "--format", "json").json["facts"]}
    assert facts["incident.discovered_at"]["value"].startswith("2026-11-24T08:30:00.123456")
    assert alert in facts["incident.discovered_at"]["source"]
    assert "incident.aware_at" not in facts
    desk.clock.advance(timedelta(minutes=6))
    assert post(place, prometheus("o1")).json()["alerts"] == [alert]  # it joins the incident that is open
    (row,) = [one for one in waiting(desk, "--all") if one["alert"] == alert]
    assert (row["state"], row["codename"], row["count"]) == ("opened", opened["codename"], 2)
    assert desk("alert", "open", alert, playbook, "--yes").error == "alert_ended"
    desk.cancelled(opened["codename"])
    assert post(place, prometheus("o1")).json()["alerts"] != [alert]


def test_a_time_ahead_of_ours_is_the_time_of_receipt(place: tuple[AtDesk, Served, str]) -> None:
    desk, _, _ = place
    ahead = (desk.clock.now() + timedelta(hours=3)).isoformat()
    (alert,) = post(place, prometheus("t1", startsAt=ahead)).json()["alerts"]
    received = waiting(desk)[0]["received"]
    desk.done("alert", "open", alert, str(desk.home.parent / "lost-badge.yaml"), "--yes")
    facts = desk("fact", "show", "incident.discovered_at", "--format", "json").json["facts"]
    assert [one["value"] for one in facts] == [received]
    desk.cancelled(desk("list", "--format", "json").json["incidents"][0]["codename"])


def test_a_draft_is_dismissed_with_a_reason(place: tuple[AtDesk, Served, str]) -> None:
    desk, _, _ = place
    (alert,) = post(place, prometheus("d1")).json()["alerts"]
    assert desk("alert", "dismiss", alert).error == "reason_missing"
    desk.done("alert", "dismiss", alert, "--reason", "planned load test", "--as", "jonas")
    (row,) = [one for one in waiting(desk, "--all") if one["alert"] == alert]
    assert (row["state"], row["by"], row["reason"]) == ("dismissed", "jonas", "planned load test")
    assert desk("alert", "dismiss", alert, "--reason", "x").error == "alert_ended"
    assert desk("alert", "dismiss", "a-none", "--reason", "x").error == "unknown_alert"


def live(desk: AtDesk) -> list[str]:
    """Return the codenames of the open incidents."""
    rows = desk("list", "--format", "json").json["incidents"]
    return [row["codename"] for row in rows if row["state"] == "open"]


def form(room: Served, reader: requests.Session, alert: str, verb: str, **given: str) -> requests.Response:
    """Send a form of the page of an alert."""
    target = f"{room.url}/act/alert/{verb}/{alert}"
    return reader.post(target, data=given, allow_redirects=False, timeout=PATIENCE)


def test_a_person_opens_an_alert_in_the_browser(place: tuple[AtDesk, Served, str]) -> None:
    desk, room, _ = place
    suggests = desk.home / "alerts" / "generic.yaml"
    suggests.parent.mkdir(exist_ok=True)
    shipped = (files("playbooks") / "alerts" / "generic.yaml").read_text(encoding="utf-8")
    suggests.write_text(f"{shipped}playbook: lost-device\n", encoding="utf-8")
    body = {"title": "Laptop <b>gone</b>", "at": "2026-11-24T08:30:00Z", "key": "w1"}
    (alert,) = post(place, body, "generic").json()["alerts"]
    maria, jonas = room.reader("maria"), room.reader("jonas")
    assert f'href="/alert/{alert}"' in room.get(maria, "/").text
    assert room.get(jonas, f"/alert/{alert}").content == room.get(jonas, "/nothing").content
    page = room.get(maria, f"/alert/{alert}").text
    assert offered(page) == {"open", "dismiss"}
    assert ("<b>gone" in page, '<option value="lost-device" selected>' in page) == (False, True)
    fields = {"playbook": "lost-device", "title": "A lost laptop", "facts": "incident.summary=Gone."}
    ahead = form(room, maria, alert, "open", **fields)
    assert live(desk) == []
    opened = form(room, maria, alert, "open", **fields, **sure(ahead))
    codename = opened.headers["location"].removeprefix("/i/")
    found = desk("fact", "show", "incident", "-i", codename, "--format", "json").json["facts"]
    values = {one["key"]: one["value"] for one in found}
    assert values["incident.discovered_at"] == "2026-11-24T08:30:00Z"
    assert "incident.aware_at" not in values
    assert offered(room.get(maria, f"/alert/{alert}").text) == set()
    again = form(room, maria, alert, "open", **fields)
    assert (again.status_code, live(desk)) == (409, [codename])
    desk.cancelled(codename)


def test_two_people_who_open_one_alert_open_one_incident(place: tuple[AtDesk, Served, str]) -> None:
    desk, room, _ = place
    (alert,) = post(place, prometheus("w2")).json()["alerts"]
    maria, local = room.reader("maria"), room.reader("ben", os_user="ben")
    fields = {"playbook": "lost-device", "title": "A lost laptop"}
    seen = [sure(form(room, one, alert, "open", **fields)) for one in (maria, local)]
    done = [
        form(room, one, alert, "open", **fields, **had) for one, had in zip((maria, local), seen, strict=True)
    ]
    assert [one.status_code for one in done] == [303, 409]
    (codename,) = live(desk)
    desk.cancelled(codename)


def test_a_person_dismisses_an_alert_in_the_browser(place: tuple[AtDesk, Served, str]) -> None:
    desk, room, _ = place
    (alert,) = post(place, prometheus("w3")).json()["alerts"]
    maria = room.reader("maria")
    empty = form(room, maria, alert, "dismiss", reason=" ")
    assert (empty.status_code, [row["alert"] for row in waiting(desk)]) == (409, [alert])
    assert form(room, maria, alert, "dismiss", reason="a load test").headers["location"] == "/"
    (row,) = [one for one in waiting(desk, "--all") if one["alert"] == alert]
    assert (row["state"], row["by"], row["reason"]) == ("dismissed", "maria", "a load test")


def test_a_draft_is_on_the_first_page_and_ages(place: tuple[AtDesk, Served, str]) -> None:
    desk, room, _ = place
    post(place, prometheus("p1", annotations={"summary": "<b>\u202eevil</b>"}))
    maria, jonas = room.reader("maria"), room.reader("jonas")
    page = room.get(maria, "/").text
    assert ("evil" in page, "<b>" in page, "\u202e" in page) == (True, False, False)
    assert "evil" not in room.get(jonas, "/").text
    desk.clock.advance(timedelta(hours=1))
    later = room.get(room.reader("maria"), "/").text
    assert re.findall(r"class=(\w+)>waits", page + later) == ["warn", "alarm"]
    assert "evil" in desk.done("list")


def test_a_wrong_request_records_nothing(place: tuple[AtDesk, Served, str]) -> None:
    desk, _, _ = place
    reader = desk.done("token", "create", "other", "--owner", "maria", "--scope", "incident.read").strip()
    for body, name, secret, expected in (
        (prometheus(), "alertmanager", "tcs_x_y", (401, "not_logged_in")),
        (prometheus(), "alertmanager", reader, (404, "not_found")),
        (prometheus(), "no-such", "", (404, "unknown_mapping")),
        (prometheus(), "..%2ftocsin", "", (404, "not_found")),
        (b"{", "alertmanager", "", (422, "bad_alert")),
        (b"[" * 100_000, "alertmanager", "", (422, "bad_alert")),
        ({"alerts": {}}, "alertmanager", "", (422, "bad_alert")),
        ({"alerts": [{}]}, "alertmanager", "", (422, "bad_alert")),
        ({"alerts": prometheus()["alerts"] * 501}, "alertmanager", "", (422, "bad_alert")),
    ):
        answer = post(place, body, name, secret)
        assert (answer.status_code, answer.json()["code"]) == expected, (name, expected)
    assert post(place, b"x" * (1024 * 1024 + 1)).status_code == 413
    assert waiting(desk) == []


def test_a_flood_is_refused_and_stays_small(place: tuple[AtDesk, Served, str]) -> None:
    desk, _, _ = place
    many = {"alerts": [prometheus(f"m{n}")["alerts"][0] for n in range(MOST + 1)]}
    answer = post(place, many)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_alerts")
    assert waiting(desk) == []


def test_a_mapping_of_the_home_comes_first_and_its_errors_have_a_line(
    place: tuple[AtDesk, Served, str],
) -> None:
    desk, _, _ = place
    own = desk.home / "alerts" / "ticket.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text("schema: tocsin/alert-mapping/v1\ntitle: Tickets\nname: [ticket.text]\n", encoding="utf-8")
    assert post(place, {"ticket": {"text": "Stolen laptop"}}, "ticket").status_code == 202
    assert [row["title"] for row in waiting(desk)] == ["Stolen laptop"]
    own.write_text("schema: tocsin/alert-mapping/v1\ntitle: Tickets\nnam: [ticket.text]\n", encoding="utf-8")
    wrong = post(place, {"ticket": {"text": "Stolen laptop"}}, "ticket").json()
    assert (wrong["code"], [one["line"] for one in wrong["problems"]]) == ("bad_mapping", [3, 1])


def test_alertmanager_itself_sends_an_alert(place: tuple[AtDesk, Served, str], tmp_path: Path) -> None:
    program, tool = shutil.which("prometheus-alertmanager"), shutil.which("amtool")
    if program is None or tool is None:
        absent("prometheus-alertmanager", "Debian: apt-get install prometheus-alertmanager")
    desk, room, secret = place
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    receiver = {
        "name": "tocsin",
        "webhook_configs": [
            {
                "url": f"{room.url}/api/v1/alerts/alertmanager",
                "http_config": {"authorization": {"credentials": secret}},
            }
        ],
    }
    route = {"receiver": "tocsin", "group_wait": "1s", "group_interval": "1s"}
    (tmp_path / "am.yml").write_text(json.dumps({"route": route, "receivers": [receiver]}), encoding="utf-8")
    server = subprocess.Popen(
        [
            program,
            f"--config.file={tmp_path / 'am.yml'}",
            f"--storage.path={tmp_path / 'data'}",
            "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        add = [tool, f"--alertmanager.url=http://127.0.0.1:{port}", "alert", "add", "alertname=DataExfil"]
        more = ["severity=critical", "system=crm", "--annotation=summary=many rows left"]
        assert until(lambda: subprocess.run([*add, *more], capture_output=True, check=False).returncode == 0)
        assert until(lambda: bool(waiting(desk)))
    finally:
        server.terminate()
        server.wait(PATIENCE)
    (row,) = waiting(desk)
    assert (row["title"], row["severity"], row["sender"]) == (
        "DataExfil · many rows left",
        "critical",
        "token:prom",
    )
    assert json.loads(row["body"])["labels"]["system"] == "crm"


def until(done: Any) -> bool:
    """Tell whether it becomes true within 20 seconds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if done():
            return True
    return False
