"""Homes as older versions wrote them: how one is made, opened again, and what has to be said of it.

``python -m tests.homes.homes NAME`` makes one. That is done once for each released format; later versions have to open it.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.docs.consoles import Desk
from tests.docs.ransomware_session import Session, play

HERE = Path(__file__).parent
FILES = ("tocsin.yaml", "tocsin.db", "master.key")
ROUNDS = 3
"""So far is the second incident worked, which stays open."""


def made(folder: Path) -> Desk:
    """Work one incident to its closing and another one for some rounds, and return the desk at which that was done."""
    session = Session(folder)
    play(session)
    session.type('tocsin open ransomware --title "Backup server encrypted" --severity sev2 --as maria --yes')
    for _ in range(ROUNDS):
        session.work()
    return session.desk


def pack(folder: Path, file: Path) -> None:
    """Put what a home cannot do without into one file."""
    with tarfile.open(file, "w:xz") as archive:
        for name in FILES:
            archive.add(folder / ".tocsin" / name, arcname=name, filter=_nobody)


def unpack(file: Path, folder: Path, now: str) -> Desk:
    """Make the home again in a folder and return a desk at it, at the time when it was written."""
    with tarfile.open(file) as archive:
        archive.extractall(folder / ".tocsin", filter="data")
    (folder / ".tocsin" / "master.key").chmod(0o600)
    desk = Desk(folder)
    desk.clock.time = datetime.fromisoformat(now)
    return desk


def look(desk: Desk, words: str) -> Any:
    """Return what a reading command says in JSON."""
    return json.loads(desk.type(f"tocsin {words} --format json", ()))


def facts_of(desk: Desk) -> dict[str, Any]:
    """Return what every version says of the home: data, no wording."""
    verified = look(desk, "audit verify")
    codenames = [incident["codename"] for incident in look(desk, "list")["incidents"]]
    return {
        "now": desk.clock.now().isoformat(),
        "verify": {name: verified[name] for name in ("ok", "events", "head")},
        "incidents": {codename: _incident(desk, f"-i {codename}") for codename in sorted(codenames)},
    }


def _incident(desk: Desk, chosen: str) -> dict[str, Any]:
    status = look(desk, f"status {chosen}")
    duties = look(desk, f"duties {chosen}")["duties"]
    deliveries = look(desk, f"message list {chosen}")["deliveries"]
    return {
        "state": status["state"],
        "version": status["version"],
        "playbooks": status["playbooks"],
        "tasks": _columns(status["tasks"], "step", "invocation", "kind", "state", "assignee", "due"),
        "duties": sorted(_columns(duties, "id", "verdict", "state", "due", "provisional")),
        "deliveries": _columns(deliveries, "delivery", "recipient", "goal", "evidence", "state"),
        "attempts": [
            _columns(delivery["attempts"], "n", "channel", "state", "at") for delivery in deliveries
        ],
        "notices": _columns(look(desk, f"notice list {chosen}")["notices"], "notice", "digest"),
        "facts": _columns(look(desk, f"fact show {chosen}")["facts"], "key", "value", "source", "confidence"),
        "entries": _columns(look(desk, f"timeline {chosen}")["entries"], "type", "at"),
    }


def _columns(rows: list[dict[str, Any]], *names: str) -> list[list[Any]]:
    return [[row.get(name) for name in names] for row in rows]


def _nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def _make(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = made(Path(folder))
        pack(Path(folder), HERE / f"{name}.tar.xz")
        said = facts_of(desk)
    (HERE / f"{name}.json").write_text(json.dumps(said, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _make(sys.argv[1])
