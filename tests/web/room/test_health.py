"""What monitoring reads: readiness, figures, and the log of requests."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runner.app.home.figures import HELP, unready
from runner.base.actor import Principal
from runner.errors import StoreError, StoreReadOnly
from tests.cli.at_desk import PLAYBOOK, AtDesk, Clock, Machine
from tests.patience import PATIENCE
from tests.web.room.room import Served, offered, served, submitted

LINES: list[str] = []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A room with one open incident, which writes a line for each request."""
    folder = tmp_path_factory.mktemp("health")
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    desk.done("open", str(folder / "lost-badge.yaml"), "--title", "Canary of Berlin", "--yes")
    with served(desk, log=LINES.append) as room:
        yield desk, room
    desk.close()


def get(room: Served, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{room.url}{path}", headers=headers, timeout=PATIENCE)


def test_a_home_that_can_be_written_is_ready(place: tuple[AtDesk, Served]) -> None:
    answer = get(place[1], "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "problems": []})


def test_a_time_that_nothing_confirms_is_said_until_a_commander_confirms_it(tmp_path: Path) -> None:
    machine = Machine()
    desk = AtDesk(tmp_path / "home", clock=machine)
    desk.done("init")
    desk.settings()
    (tmp_path / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    desk.done("open", str(tmp_path / "lost-badge.yaml"), "--yes")
    with served(desk) as room:
        assert get(room, "/readyz").status_code == 200
        machine.time += timedelta(hours=2)
        answer = get(room, "/readyz")
        assert (answer.status_code, answer.json()["problems"]) == (503, ["time_unconfirmed"])
        commander = room.reader("maria")
        status = f"/i/{room.codename}"
        assert "time" in offered(room.get(commander, status).text)
        assert submitted(room, commander, "incident", "time").status_code == 303
        machine.advance(timedelta(seconds=3))
        assert "time" not in offered(room.get(commander, status).text)
        assert get(room, "/readyz").status_code == 200
    desk.close()


class Away:
    """A service whose store answers with an error."""

    def __init__(self, folder: Path, error: StoreError | None, *, read_only: bool = False) -> None:
        self.folder, self.error, self.read_only = folder, error, read_only
        self.clock, self.store, self.principal = Clock(), None, Principal(person="maria")

    def change_marks(self, *given: object) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "read_only", "codes"),
    [
        (StoreError("away", code="store_unreachable"), False, ("store_unreachable",)),
        (StoreReadOnly("a standby"), False, ("store_read_only",)),
        (None, True, ("store_read_only",)),
        (None, False, ()),
    ],
)
def test_what_prevents_work_is_told_by_its_code(
    tmp_path: Path, error: StoreError | None, codes: tuple[str, ...], *, read_only: bool
) -> None:
    service: Any = Away(tmp_path, error, read_only=read_only)
    assert unready(service) == codes


def test_a_store_that_does_not_answer_is_not_ready(place: tuple[AtDesk, Served]) -> None:
    _, room = place
    served_room: Any = room.server.room
    service = served_room.service

    def failing() -> Any:
        raise StoreError("The store is away.", code="store_away")

    served_room.service = failing
    try:
        answer = get(room, "/readyz")
        figures = get(room, "/metrics").text
    finally:
        served_room.service = service
    assert (answer.status_code, answer.json()["problems"]) == (503, ["store_away"])
    assert "tocsin_store_writable 0" in figures


def parsed(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name.removeprefix("tocsin_"), []).append((sample.labels, sample.value))
    return found


def test_prometheus_reads_the_figures(place: tuple[AtDesk, Served]) -> None:
    _, room = place
    get(room, "/healthz")
    answer = get(room, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = parsed(answer.text)
    assert found["incidents"] == [({"kind": "real", "state": "open"}, 1)]
    assert found["store_writable"] == [({}, 1)]
    assert found["workers_alive"] == [({}, 0)]
    assert sum(value for _, value in found["deliveries"]) == 2
    assert ({"operation": "health", "status": "200"}, 1) in found["http_requests_total"]
    assert {name.removesuffix("_total") for name in found} >= HELP.keys() - {
        "deadline_next_seconds",
        "domain_up",
    }


def test_figures_name_no_incident_person_or_law(place: tuple[AtDesk, Served]) -> None:
    _, room = place
    maria = room.reader("maria")
    room.get(maria, f"/i/{room.codename}/task/lost-badge:block%231")
    text = get(room, "/metrics").text + "".join(LINES)
    for word in (room.codename, "i-1", "maria", "jonas", "Canary", "gdpr", "lost-badge", "127.0.0.1"):
        assert word not in text, word


def test_figures_are_for_this_machine_or_a_token_with_the_right(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    for header, value in (("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https")):
        assert get(room, "/metrics", **{header: value}).status_code == 404
    for name, scope, status in (("graphs", "metrics.read", 200), ("other", "incident.read", 404)):
        secret = desk.done("token", "create", name, "--owner", "maria", "--scope", scope).strip()
        headers = {"Authorization": f"Bearer {secret}", "X-Forwarded-For": "192.0.2.7"}
        assert get(room, "/metrics", **headers).status_code == status
    assert get(room, "/metrics", Authorization="Bearer tcs_x_y").status_code == 401


def requests_of_the_log(number: int) -> list[dict[str, Any]]:
    """Return the lines but that of the login; a line is written after its answer has left."""
    end = time.monotonic() + PATIENCE
    lines: list[dict[str, Any]] = []
    while len(lines) < number and time.monotonic() < end:
        lines = [one for line in tuple(LINES) if (one := json.loads(line))["operation"] != "enter"]
    return lines


def test_a_line_of_the_log_has_the_operation_and_no_address(place: tuple[AtDesk, Served]) -> None:
    _, room = place
    maria = room.reader("maria")
    LINES.clear()
    room.get(maria, f"/i/{room.codename}/tasks?search=secret-word")
    get(room, f"/api/v1/incidents/{room.codename}/tasks", Authorization="Bearer tcs_a_b")
    get(room, "/secret-word")
    lines = requests_of_the_log(3)
    assert [(one["operation"], one["status"], one["by"]) for one in lines] == [
        ("tasks", 200, "session"),
        ("api_tasks", 401, "token"),
        ("none", 404, "nobody"),
    ]
    assert all(re.fullmatch("[A-Za-z0-9_-]{12}", one["request"]) for one in lines)
    assert "secret-word" not in "".join(LINES)
    assert room.codename not in "".join(LINES)


def test_a_span_has_the_operation_and_the_status_and_no_address(place: tuple[AtDesk, Served]) -> None:
    desk, room = place
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    name = desk("list", "--format", "json").json["incidents"][0]["codename"]
    room.get(room.reader("maria"), f"/i/{name}/tasks?q=canary")
    get(room, "/no-such-page")
    end, found = time.monotonic() + PATIENCE, dict[str, dict[str, Any]]()
    while not {"tasks", "none"} <= found.keys() and time.monotonic() < end:  # a span ends after its answer
        found = {one.name: dict(one.attributes or {}) for one in spans.get_finished_spans()}
    assert found["tasks"] == {"http.request.method": "GET", "http.response.status_code": 200}
    assert found["none"]["http.response.status_code"] == 404
    texts = " ".join(one.to_json() for one in spans.get_finished_spans())
    assert not [text for text in (name, "canary", "maria", "no-such-page") if text in texts]
