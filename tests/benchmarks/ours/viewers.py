"""V: many viewers of one incident. ``python -m tests.benchmarks.ours.viewers [VIEWERS]`` prints what the server needs.

The server is the real ``tocsin serve``, in a process of its own. Each viewer has a session of their own and an open stream; the
changes are made at the command line. First the streams alone, with one change each second; then each viewer fetches the page
anew at each signal, with one change in ten seconds. Then the pages of an incident of 500 tasks. At last a page alone, and while
``LOGINS`` people log in at once with a wrong password.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

import requests

from runner.app.core.identifiers import SystemClock
from runner.app.people.logins import Logins
from runner.base.actor import Principal
from runner.cli.framework.session import Options, Session
from tests.cli.at_desk import AtDesk, Clock

TASKS, PAGES, LOGINS = 500, 100, 16
_TICKS = os.sysconf("SC_CLK_TCK")
_PLAYBOOK = """\
schema: tocsin/playbook/v1
name: many
version: 1.0.0
title: Many tasks
roles: {commander: {title: Commander}}
steps:
"""


class Now(Clock):
    """The time of the server."""

    def now(self) -> datetime:
        """Return it."""
        return SystemClock().now()


def home(folder: Path, viewers: int) -> AtDesk:
    """Make a home with an incident of ``TASKS`` tasks and a person for each viewer."""
    desk = AtDesk(folder / "home", clock=Now())
    desk.done("init")
    people = {f"p{n}": {"name": f"Person {n}"} for n in range(viewers)}
    desk.settings(
        people={**people, "maria": {"name": "Maria"}},
        roles={"commander": ["maria"], "technical": list(people)},
    )
    steps = "".join(
        f"  - {{id: t{n}, task: Look at machine {n}, role: commander, due: {n % 72 + 1}h"
        f"{f', after: [t{n - 10}]' if n >= 10 else ''}}}\n"
        for n in range(TASKS)
    )
    (folder / "many.yaml").write_text(_PLAYBOOK + steps, encoding="utf-8")
    desk.done("open", str(folder / "many.yaml"), "--yes")
    return desk


@contextmanager
def server(desk: AtDesk) -> Iterator[tuple[int, int]]:
    """Run the room; yield its process and its port."""
    command = [
        sys.executable,
        "-m",
        "runner",
        "--home",
        str(desk.home),
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--as",
        "maria",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        listening = (re.search(r"127\.0\.0\.1:(\d+)/enter", line) for line in process.stdout)
        found = next(match for match in listening if match)
        try:
            yield process.pid, int(found[1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.read()


def cookies(desk: AtDesk, viewers: int) -> list[str]:
    """Begin a session for each viewer."""
    with Session(desk.world(), Options(claimed="maria", records=True)) as session:
        logins = Logins(session.service)
        names = ["maria", *(f"p{n}" for n in range(viewers - 1))]
        people = [Principal(person=name, proven_by="login:bench") for name in names]
        return [logins.enter(logins.invite(person)) or "" for person in people]


def cpu(process: int) -> float:
    """Return the seconds that a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(process: int) -> float:
    """Return the MiB that a process holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def stream(port: int, cookie: str, told: asyncio.Queue[tuple[str, float]]) -> None:
    """Read the signals of one viewer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    while line := await reader.readline():
        if b'"changed"' in line:
            told.put_nowait((cookie, time.perf_counter()))


async def fetch(port: int, cookie: str, path: str) -> int:
    """Fetch a page; return its status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def watch(desk: AtDesk, process: int, port: int, secrets: list[str], path: str) -> None:
    """Measure the streams alone, and with fetched pages."""
    told: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
    names = [f"tocsin-room-{port}={secret}" for secret in secrets]
    viewers = [asyncio.create_task(stream(port, name, told)) for name in names]
    await asyncio.sleep(5)
    for title, changes, pause, fetches in (("streams alone", 10, 1.0, False), ("with pages", 3, 10.0, True)):
        before, began, delays, statuses = cpu(process), time.perf_counter(), [], []
        for _ in range(changes):
            next_at = time.perf_counter() + pause
            await asyncio.to_thread(desk.done, "note", "another look", "--no-work")
            committed = time.perf_counter()
            fetching = []
            for _ in viewers:
                who, at = await asyncio.wait_for(told.get(), 30)
                delays.append(at - committed)
                if fetches:
                    fetching.append(asyncio.create_task(fetch(port, who, path)))
            statuses += await asyncio.gather(*fetching)
            await asyncio.sleep(max(0.0, next_at - time.perf_counter()))
        used = (cpu(process) - before) / (time.perf_counter() - began)
        print(
            f"{title}: {used:.1%} of a core, {memory(process):.0f} MiB, signal median {median(delays) * 1000:.0f} ms,"
            f" worst {max(delays) * 1000:.0f} ms" + (f", {statuses.count(200)} pages" if fetches else "")
        )
    for viewer in viewers:
        viewer.cancel()


def pages(desk: AtDesk, port: int, secret: str, codename: str) -> None:
    """Print the server's time for pages that are asked for after a change each."""
    for name in ("", "/tasks", "/duties", "/timeline"):
        times, size = [], 0
        for _ in range(PAGES):
            desk.done("note", "one more", "--no-work")
            answer = requests.get(
                f"http://127.0.0.1:{port}/i/{codename}{name}",
                cookies={f"tocsin-room-{port}": secret},
                timeout=60,
            )
            assert answer.status_code == 200
            size = len(answer.content)
            times.append(sum(map(float, re.findall(r"dur=([\d.]+)", answer.headers["server-timing"]))))
        print(
            f"page {name or '/'}: p50 {median(times):.0f} ms, p95 {quantiles(times, n=20)[18]:.0f} ms, {size / 1024:.0f} KB"
        )


def logins(port: int, secret: str, path: str) -> None:
    """Print how long a page takes while many people log in, and how long they wait for an answer."""
    url, given = (
        f"http://127.0.0.1:{port}",
        {"account-password": "a wrong password", "account-code": "000000"},
    )
    cookie = {f"tocsin-room-{port}": secret}

    def timed(answer: Callable[[], requests.Response]) -> tuple[float, int]:
        began = time.perf_counter()
        status = answer().status_code
        return time.perf_counter() - began, status

    def page() -> float:
        return timed(lambda: requests.get(url + path, cookies=cookie, timeout=60))[0]

    def enter(person: int) -> tuple[float, int]:
        form = {**given, "person": f"p{person}"}
        return timed(lambda: requests.post(f"{url}/login", form, headers={"Origin": url}, timeout=60))

    alone = [page() for _ in range(LOGINS)]
    with ThreadPoolExecutor(LOGINS) as people:
        entering = people.map(enter, range(LOGINS))
        busy = [page() for _ in range(LOGINS)]
        answers = [*entering]
    waits, statuses = [wait for wait, _ in answers], Counter(status for _, status in answers)
    print(
        f"page alone: median {median(alone) * 1000:.0f} ms; while {LOGINS} log in: median {median(busy) * 1000:.0f} ms,"
        f" worst {max(busy) * 1000:.0f} ms; a login answers in {median(waits) * 1000:.0f} ms,"
        f" worst {max(waits) * 1000:.0f} ms; answers {dict(statuses)}"
    )


def main() -> None:
    """Measure and print."""
    viewers = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        desk = home(Path(folder), viewers)
        codename = desk("list", "--format", "json").json["incidents"][0]["codename"]
        secrets = cookies(desk, viewers)
        with server(desk) as (process, port):
            asyncio.run(watch(desk, process, port, secrets, f"/i/{codename}?part=live"))
            pages(desk, port, secrets[0], codename)
            logins(port, secrets[0], f"/i/{codename}/duties")


if __name__ == "__main__":
    main()
