"""H, E: the same messages by ``requests.Session``, by smtplib over one connection, and by Apprise; nothing is remembered."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from email.message import EmailMessage

import requests

from tests.benchmarks import protocol
from tests.benchmarks.ours.bulk import sink
from tests.benchmarks.ours.messages import SINKS

SENDER = "incident@breach.example"
SUBJECT, TEXT = "amber-falcon: alert", "It begins"


def by_requests(port: int, n: int) -> None:
    with requests.Session() as session:
        for number in range(n):
            body = {"to": f"p{number}@people.example", "subject": SUBJECT, "text": TEXT}
            session.post(f"http://127.0.0.1:{port}/hook", json=body, timeout=10).raise_for_status()


def by_smtplib(port: int, n: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as line:
        for number in range(n):
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = SENDER, f"p{number}@people.example", SUBJECT
            message.set_content(TEXT)
            line.send_message(message)


def by_apprise(address: str, n: int) -> None:
    from apprise import Apprise

    for number in range(n):
        one = Apprise()
        if not one.add(address.format(to=f"p{number}@people.example")) or not one.notify(TEXT, SUBJECT):
            raise SystemExit("refused")


WAYS: dict[str, Callable[[int, int], None]] = {
    "H": by_requests,
    "E": by_smtplib,
    "H apprise": lambda port, n: by_apprise(f"json://127.0.0.1:{port}/hook?to={{to}}", n),
    "E apprise": lambda port, n: by_apprise(f"mailto://127.0.0.1:{port}?from={SENDER}&to={{to}}", n),
}


def main() -> None:
    job = protocol.job()
    send = WAYS[f"{job.workload} {job.variant}".strip()]
    with sink(SINKS[job.workload]) as port:
        started = time.perf_counter()
        send(port, job.n)
        seconds = time.perf_counter() - started
    protocol.report(job, rate=job.n / seconds)


if __name__ == "__main__":
    main()
