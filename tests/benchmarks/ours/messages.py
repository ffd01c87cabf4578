"""H, E: one message to each of n people over HTTP or by mail, intents and outcomes durable; the whole ``open`` command."""

from __future__ import annotations

import time
from typing import Any

from tests.benchmarks import protocol
from tests.benchmarks.ours.bulk import sink
from tests.cli.at_desk import AtDesk
from tests.crash.scenario import SIGNING

SINKS = {"H": "http_sink.py", "E": "sink.py"}
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
messages:
  alert: {class: task-notice, text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
"""


def channel(workload: str, port: int) -> dict[str, Any]:
    """Return the settings of the one channel."""
    if workload == "H":
        settings = {"url": f"http://127.0.0.1:{port}/hook"}
        return {"adapter": "webhook", "settings": settings, "secrets": {"signing": "file:signing"}}
    sender = "incident@breach.example"
    return {
        "adapter": "smtp",
        "settings": {"host": "127.0.0.1", "port": port, "sender": sender, "tls": "none"},
    }


def main() -> None:
    job = protocol.job()
    desk = AtDesk(job.folder / "home")
    desk.done("init")
    (desk.home / "signing").write_text(SIGNING)
    (desk.home / "signing").chmod(0o600)
    (job.folder / "call-out.yaml").write_text(PLAYBOOK, encoding="utf-8")
    names = [f"p{n}" for n in range(job.n)]
    people = {
        name: {"name": name, "contacts": [{"channel": "way", "address": f"{name}@people.example"}]}
        for name in names
    }
    with sink(SINKS[job.workload]) as port:
        desk.settings(people=people, roles={"counsel": names}, channels={"way": channel(job.workload, port)})
        desk.world()  # the tests' law is compiled once for a process: not ours to measure
        started = time.perf_counter()
        said = desk("open", str(job.folder / "call-out.yaml"), "--yes")
        seconds = time.perf_counter() - started
    listed = desk("message", "list", "--format", "json").json["deliveries"]
    if said.code or [delivery["evidence"] for delivery in listed] != ["accepted"] * job.n:
        raise SystemExit(f"not everybody was sent to: {said.err[:300]}")
    protocol.report(job, rate=job.n / seconds)


if __name__ == "__main__":
    main()
