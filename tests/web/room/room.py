"""The room in this process, on a port of the loopback, with the clock of the test; and readers of it."""

from __future__ import annotations

import html
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from runner.app.core.incident_service import IncidentService
from runner.app.people.logins import Logins
from runner.base.actor import Principal
from runner.cli.framework.session import Options, Session
from runner.errors import StoreError
from runner.routing.organisation import ServeSettings
from runner.web.room.application import Room
from runner.web.room.server import LONGEST, Server
from runner.web.room.table import BY_OPERATION, act_address, address
from runner.web.serving import listening
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE

FACTS = """\
schema: tocsin/facts/v1
source: the help desk
organisation: {role: [controller], established_in: [DE], main_establishment: DE}
incident: {summary: Somebody read a mailbox., impact: [confidentiality], aware_at: "2026-11-24T08:00:00Z"}
data: {involved: true, elements: [name, contact], encrypted: false}
people: {total: 120, by_jurisdiction: {DE: 120}}
risk: {to_people: risk}
"""


@dataclass
class Served:
    """The server that listens, and the logins of its home."""

    port: int
    logins: Logins
    codename: str
    document: str
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self, principal: Principal) -> str:
        """Return the address that logs one browser in."""
        return f"{self.url}/enter/{self.logins.invite(principal)}"

    def reader(self, person: str, *, proven: str = "login:test", os_user: str = "") -> requests.Session:
        """Return a browser in which a person is logged in."""
        session = requests.Session()
        session.headers["Origin"] = self.url
        who = Principal(person=person, proven_by=None if os_user else proven, os_user=os_user, host="desk")
        answer = session.post(self.link(who), allow_redirects=False, timeout=PATIENCE)
        assert answer.status_code == 303, answer.text
        return session

    def streams(self) -> int:
        """Return the number of open streams."""
        return self.server.room.signals.open

    def looked(self) -> bool:
        """Tell whether the server has looked for changes."""
        return self.server.room.signals.looked

    def fails_once(self) -> None:
        """Have the next look at the store fail."""
        signals = self.server.room.signals
        service = signals._service

        def failing() -> IncidentService:
            signals._service = service
            raise StoreError("The store is away.", code="store_away")

        signals._service = failing

    def hangs(self, seconds: float) -> None:
        """Have the server do nothing for a time."""
        loop = self.server.room.signals._loop
        assert loop is not None
        loop.call_soon_threadsafe(time.sleep, seconds)

    def server_stops(self) -> None:
        """Stop the server as SIGTERM does."""
        self.server.stop()

    def get(self, session: requests.Session, path: str) -> requests.Response:
        """Return a page of the room."""
        return session.get(f"{self.url}{path}", timeout=PATIENCE)


@contextmanager
def served(
    tocsin: AtDesk,
    document: str = "",
    *,
    bound: socket.socket | None = None,
    beyond: ServeSettings | None = None,
    log: Callable[[str], None] | None = None,
    patience: float = LONGEST,
) -> Iterator[Served]:
    """Serve the room of a home until the end of the block."""
    with Session(tocsin.world(), Options(claimed=tocsin.os_user, records=True)) as session:
        logins = Logins(session.service)
        server = Server(
            lambda port: Room(session.apart, logins, port, session.say, secure=beyond is not None),
            bound or listening("127.0.0.1", 0),
            "127.0.0.1",
            beyond,
            tocsin.home,
            log,
            patience=patience,
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            rows = session.service.incidents()
            yield Served(server.port, logins, rows[-1].codename if rows else "", document, server)
        finally:
            server.stop()
            thread.join(PATIENCE)


def a_breach(tocsin: AtDesk, folder: Path) -> str:
    """Open an incident with a task, duties, a message and a notice; return the notice's document."""
    from tests.cli.notices.noticed import noticed

    desk = noticed(tocsin, folder)
    return str(desk("notice", "list", "--format", "json").json["notices"][-1]["document"])


def landlord(desk: AtDesk) -> str:
    """Add a task for Maria and return its invocation."""
    desk.done("task", "add", "Call the landlord", "--to", "maria")
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    return [str(task["invocation"]) for task in tasks if task["title"] == "Call the landlord"][-1]


def hidden(text: str, name: str) -> str:
    """Return the value of the first hidden field or button of a page with a name; empty without one."""
    found = re.search(rf'name="{name}" value="([\w-][^"]*)"', text)
    return html.unescape(found[1]) if found else ""


def submitted(
    room: Served,
    reader: requests.Session,
    operation: str,
    verb: str,
    ref: str = "",
    *,
    files: dict[str, tuple[str, bytes]] | None = None,
    looks: bool = False,
    **given: str,
) -> requests.Response:
    """Submit a form of a page, with its preview confirmed; with ``looks`` return the preview."""
    row = BY_OPERATION[operation]
    incident = room.codename if row.about_incident else ""
    if "mark" not in given:
        given["mark"] = hidden(room.get(reader, address(row, incident, ref)).text, "mark")
    target = f"{room.url}{act_address(row, verb, incident, ref)}"

    def post() -> requests.Response:
        return reader.post(target, data=given, files=files, allow_redirects=False, timeout=PATIENCE)

    answer = post()
    if answer.status_code == 200 and not looks:
        given["sure"], given["mark"] = hidden(answer.text, "sure"), hidden(answer.text, "mark")
        return post()
    return answer


def offered(text: str) -> set[str]:
    """Return the verbs of the forms on a page."""
    return set(re.findall(r'data-draft="(\w+)"', text))
