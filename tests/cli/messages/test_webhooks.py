"""Webhooks out, against a real receiver that verifies them with the library of Standard Webhooks."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from integrations.http.transport import forbidden, is_public
from runner.app.messages.webhooks import WebhookSender
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.patience import PATIENCE

KINDS = ("incident", "note")


@dataclass
class Receiver:
    """An HTTP server on the loopback that answers as a test says."""

    answers: list[int] = field(default_factory=list)
    """The statuses of the next answers; then 204. 0 is no answer at all."""
    took: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: int = 0
    port: int = 0

    def ids(self) -> list[str]:
        """Return the ids of all requests."""
        return [headers["webhook-id"] for headers, _ in self.took]

    def events(self, name: str) -> list[int]:
        """Return the numbers of the entries of an incident that came, in order."""
        found = [json.loads(body)["data"] for _, body in self.took]
        return [one["event"] for one in found if one.get("codename") == name]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Receiver, str]]:
    """A home with one open incident, whose settings allow the receiver."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.asked += 1
            receiver.took.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = receiver.answers.pop(0) if receiver.answers else 204
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            if status == 302:
                self.send_header("location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path_factory.mktemp("webhooks")
    desk = AtDesk(folder / "home")
    desk.clock.time = datetime.now(UTC)  # a worker of another process has this clock
    desk.done("init")
    desk.settings(webhooks={"private_hosts": ["127.0.0.1"]})
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    opened = desk("open", str(folder / "lost-badge.yaml"), "--yes", "--format", "json").json
    yield desk, receiver, opened["codename"]
    desk.close()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    """Before a test nothing came; after it no webhook is left."""
    desk, receiver = request.getfixturevalue("place")[:2] if "place" in request.fixturenames else (None, None)
    if receiver is not None:
        receiver.took, receiver.answers, receiver.asked = [], [], 0
    yield
    if desk is not None and rows(desk):
        desk.done("webhook", "remove", "siem")


def rows(desk: AtDesk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk("webhook", "list", "--format", "json").json["webhooks"]
    return found


def add(place: tuple[AtDesk, Receiver, str], *more: str) -> str:
    """Add the webhook and return its secret."""
    desk, receiver, _ = place
    url = f"http://127.0.0.1:{receiver.port}/hooks/path-of-the-receiver"
    kinds = [word for kind in KINDS for word in ("--events", kind)]
    return desk.done("webhook", "add", "siem", url, *kinds, *more).strip()


def note(place: tuple[AtDesk, Receiver, str], text: str = "words-of-a-person", *more: str) -> None:
    place[0].done("note", text, *more, "-i", place[2])


def verified(secret: str, took: tuple[dict[str, str], bytes]) -> bool:
    """Tell whether a receiver with a secret takes a message; the clock of the test is not that of the library."""
    headers, body = took
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    return (
        Webhook(secret).sign(headers["webhook-id"], at, body.decode()) in headers["webhook-signature"].split()
    )


def send(place: tuple[AtDesk, Receiver, str]) -> list[str]:
    """Do one round of a worker; return what it said."""
    said: list[str] = []
    WebhookSender(place[0].office(), said.append).round()
    return said


def test_a_receiver_verifies_what_comes_and_reads_no_content(place: tuple[AtDesk, Receiver, str]) -> None:
    _, receiver, codename = place
    secret = add(place)
    send(place)
    assert receiver.took == []  # what was recorded before is not sent
    note(place)
    note(place, "words-of-counsel", "--privileged", "--as", "jonas")
    send(place)
    send(place)
    (took,) = receiver.took
    headers, body = took
    found = json.loads(body)
    assert verified(secret, took)
    assert not verified(secret, (headers, body + b" "))
    assert not verified(secret, ({**headers, "webhook-id": "other"}, body))
    assert (found["type"], found["data"]["codename"], sorted(found["data"])) == (
        "entry.note", codename, ["codename", "event", "incident"],
    )  # fmt: skip
    assert not any(word in body + repr(headers).encode() for word in (b"words-of", b"maria", b"jonas"))


def test_a_failed_delivery_is_repeated_with_its_id_and_in_order(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, codename = place
    add(place)
    note(place)
    note(place)
    receiver.answers = [500, 0, 302]
    for wait in (5, 10, 20):
        send(place)
        send(place)  # not before its time
        assert rows(desk)[0]["failing"] is not None
        desk.clock.advance(timedelta(seconds=wait))
    assert (receiver.asked, len(set(receiver.ids()))) == (3, 1)
    send(place)
    events = receiver.events(codename)
    assert events == [*[events[0]] * 4, events[0] + 1]
    assert rows(desk)[0]["failing"] is None


def test_a_webhook_that_fails_for_a_day_is_paused_and_everybody_sees_it(
    place: tuple[AtDesk, Receiver, str],
) -> None:
    desk, receiver, codename = place
    add(place)
    note(place)
    receiver.answers = [500, 500]
    assert send(place) == []
    assert "webhook_silent" in {one["code"] for one in doctor(desk)}
    desk.clock.advance(timedelta(hours=24))
    (said,) = send(place)
    assert ("webhook_paused" in said, bool(rows(desk)[0]["paused"])) == (True, True)
    kinds = [one["kind"] for one in desk("status", codename, "--format", "json").json["organisation"]]
    assert "webhook_silent" in kinds
    note(place)
    desk.clock.advance(timedelta(hours=2))
    send(place)
    assert receiver.asked == 2
    desk.done("webhook", "resume", "siem")
    send(place)
    assert len(set(receiver.events(codename))) == 2  # nothing is lost


def doctor(desk: AtDesk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk("doctor", "--offline", "--format", "json").json["findings"]
    return found


def test_a_receiver_that_is_gone_is_not_asked_again(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, _ = place
    add(place)
    note(place)
    receiver.answers = [410]
    send(place)
    assert (receiver.asked, bool(rows(desk)[0]["paused"])) == (1, True)


def test_a_paused_webhook_sends_later(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, codename = place
    add(place)
    desk.done("webhook", "pause", "siem", "--reason", "maintenance")
    note(place)
    send(place)
    assert (receiver.asked, rows(desk)[0]["paused"]) == (0, "maintenance")
    desk.done("webhook", "resume", "siem")
    send(place)
    assert len(receiver.events(codename)) == 1


def test_after_a_rotation_both_secrets_verify_for_a_day(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, _ = place
    old = add(place)
    new = desk.done("webhook", "rotate", "siem").strip()
    note(place)
    send(place)
    assert [verified(secret, receiver.took[0]) for secret in (old, new)] == [True, True]
    desk.clock.advance(timedelta(hours=24))
    note(place)
    send(place)
    assert [verified(secret, receiver.took[-1]) for secret in (old, new)] == [False, True]


def test_a_secret_by_reference_is_read_when_it_signs(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, _ = place
    secret = "whsec_" + "a2tr" * 10 + "a2s="
    file = desk.home / "siem.secret"
    file.write_text(f"{secret}\n", encoding="utf-8")
    file.chmod(0o600)
    assert add(place, "--secret", "file:siem.secret") != ""
    note(place)
    send(place)
    assert verified(secret, receiver.took[0])
    file.write_text("not a secret", encoding="utf-8")
    note(place)
    send(place)
    assert (receiver.asked, rows(desk)[0]["failing"] is None) == (1, False)


def test_a_worker_that_is_killed_in_the_middle_of_a_delivery_loses_nothing(
    place: tuple[AtDesk, Receiver, str],
) -> None:
    desk, receiver, codename = place
    add(place)
    note(place)
    gate = threading.Event()
    receiver.answers = _Blocking(gate)
    words = [sys.executable, "-m", "runner", "worker", "--home", str(desk.home)]
    worker = subprocess.Popen(words)
    try:
        end = time.monotonic() + PATIENCE
        while not receiver.asked and time.monotonic() < end:
            time.sleep(0.02)
        assert receiver.asked == 1
    finally:
        worker.kill()
        worker.wait(PATIENCE)
        gate.set()
    receiver.answers = []
    desk.clock.advance(timedelta(minutes=5))
    send(place)
    assert (len(receiver.events(codename)), len(set(receiver.ids()))) == (2, 1)


class _Blocking(list[int]):
    """Answers that wait until a test goes on."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__([0])
        self._gate = gate

    def pop(self, at: Any = -1) -> int:
        self._gate.wait(PATIENCE)
        return super().pop(at)


def test_two_workers_send_each_entry_once(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, codename = place
    add(place)
    for _ in range(3):
        note(place)
    senders = [WebhookSender(desk.office(), print) for _ in range(2)]
    threads = [threading.Thread(target=one.round) for one in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    send(place)
    assert len(receiver.events(codename)) == len(set(receiver.events(codename))) == 3


def test_webhooks_send_in_turn(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, _ = place
    secret = add(place)
    url = f"http://127.0.0.1:{receiver.port}/hooks/other"
    other = desk.done("webhook", "add", "other", url, "--events", "note").strip()
    for _ in range(2):
        note(place)
    send(place)
    assert [verified(secret, took) for took in receiver.took] == [False, True, False, True]
    assert all(verified(other, took) for took in receiver.took[::2])
    desk.done("webhook", "remove", "other")


def test_exercises_and_what_the_owner_may_not_read_are_not_sent(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, _ = place
    add(place)
    book = str(desk.home.parent / "lost-badge.yaml")
    played = desk("open", book, "--kind", "exercise", "--yes", "--format", "json").json["codename"]
    desk.done("cancel", played, "--reason", "for the test")
    send(place)
    assert receiver.took == []
    outsider = desk("webhook", "add", "other", "https://hooks.example.org/x", "--owner", "nobody")
    assert outsider.error == "unknown_person"
    desk.done("person", "add", "lena", "--name", "Lena Holm")
    beyond = desk("webhook", "add", "other", "https://hooks.example.org/x", "--owner", "lena")
    assert beyond.error == "scope_beyond_owner"


def test_a_test_message_says_whether_it_was_taken(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, _ = place
    secret = add(place)
    assert desk("webhook", "test", "siem").code == 0
    (took,) = receiver.took
    assert (verified(secret, took), json.loads(took[1])["type"]) == (True, "webhook.test")
    receiver.answers = [500]
    assert desk("webhook", "test", "siem").code == 4
    assert rows(desk)[0]["failing"] is None


def test_a_private_address_needs_the_settings(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, receiver, _ = place
    for url, expected in (
        (f"http://localhost:{receiver.port}/", "bad_url"),
        ("https://maria:secret@hooks.example.org/", "bad_url"),
        ("ftp://hooks.example.org/", "bad_url"),
    ):
        assert desk("webhook", "add", "siem", url).error == expected, url
    desk.done("webhook", "add", "siem", f"https://localhost:{receiver.port}/")
    assert (desk("webhook", "test", "siem").code, receiver.asked) == (4, 0)
    shown = desk.done("webhook", "list")
    assert ("localhost" in shown, str(receiver.port) in shown) == (True, False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("10.0.0.8", False),
        ("192.168.1.1", False), ("172.16.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("::1", False), ("fd00:ec2::254", False), ("fe80::1", False), ("::ffff:10.0.0.8", False),
        ("64:ff9b::10.0.0.8", False), ("64:ff9b::5db8:d822", True), ("2002:0a00:0008::1", False), ("224.0.0.1", False),
        ("168.63.129.16", False), ("192.0.0.192", False), ("fec0::1", False), ("64:ff9b:1::a00:8", False),
        ("::10.0.0.8", False), ("::93.184.216.34", False),
    ],
)  # fmt: skip
def test_only_public_addresses_are_public(address: str, public: bool) -> None:
    assert (
        is_public(found := ipaddress.ip_address(address)) and not forbidden(found, "hooks.example.org")
    ) is public


def test_a_wrong_webhook_is_refused(place: tuple[AtDesk, Receiver, str]) -> None:
    desk, _, _ = place
    url = "https://hooks.example.org/x"
    assert desk("webhook", "add", "a b", url).error == "bad_name"
    assert desk("webhook", "add", "siem", url, "--events", "nothing").error == "unknown_kind"
    assert desk("webhook", "add", "siem", url, "--secret", "hunter2").error == "secret_reference"
    assert desk("webhook", "pause", "siem").error == "unknown_webhook"
    desk.done("webhook", "add", "siem", url)
    assert desk("webhook", "add", "siem", url).error == "webhook_exists"
