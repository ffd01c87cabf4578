"""A ransomware incident from ``open`` to ``report``: every command that five people type, and what it shows.

Each round does what the task list offers, in its order. What only people know stands in ``FACTS`` and ``ANSWERS``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.docs.consoles import ROOT, Desk

RECORDING = ROOT / "docs" / "explanation" / "ransomware-session.txt"
ROLES = {
    "commander": "maria",
    "technical": "tom",
    "dpo": "jonas",
    "counsel": "ada",
    "executive": "eva",
    "communications": "eva",
}
SETTINGS = """\
schema: tocsin/home/v1
organisation:
  name: Example GmbH
  country: DE
  zone: Europe/Berlin
  role: [controller]
  established_in: [DE]
  main_establishment: DE
  offers_to: []
  does_business_in: []
  sectors: [retail]
  regulated_as: []
  public_body: false
  address: "Musterweg 1, 10115 Berlin"
  contact: {name: Ada Adler, role: Counsel, email: counsel@example.org, phone: "+49 30 1234560", address: "Musterweg 1, 10115 Berlin"}
  dpo: {name: Jonas Jansen, email: dpo@example.org, phone: "+49 30 1234561"}
people:
  maria: {name: Maria Muster}
  jonas: {name: Jonas Jansen}
  ada: {name: Ada Adler}
  tom: {name: Tom Thal}
  eva: {name: Eva Ehlers}
roles: {commander: [maria], technical: [tom], dpo: [jonas], counsel: [ada], executive: [eva], communications: [eva]}
channels:
  radio: {adapter: console, priority: 10, confidentiality: confidential, settings: {path: radio.txt}}
worker: manual
"""
FACTS = """\
incident.detected_at=2026-11-24T08:40:00+01:00 incident.discovered_at=2026-11-24T08:40:00+01:00
incident.aware_at=2026-11-24T09:30:00+01:00 incident.started_at=2026-11-21T02:00:00+01:00
incident.vector=ransomware incident.malicious=yes incident.exfiltration=none incident.impact=availability
data.involved=yes data.elements=contact data.with_name=yes data.encrypted=no data.records=1200
'data.categories_text=names and addresses of customers'
people.total=1200 people.kinds=customers people.by_jurisdiction.DE=1200 risk.to_people=risk
'incident.summary=On 21 November ransomware encrypted two file servers with the addresses of customers.'
'risk.consequences=Orders may be delayed.' 'risk.mitigation=The servers are rebuilt from offline backups.'
'risk.advice=You need not do anything.'
"""
NEWS = "Contained since the afternoon. No data were taken."
NOW = "now"
ANSWERS = {
    "alternatives": "Restore from offline backups within four days",
    "sanctions": "Wallets and group were checked against the lists of the EU and of OFAC: no match",
    "contained_at": NOW,
    "recovered_at": NOW,
    "assessed_by": "Jonas Jansen",
    "assessed_at": NOW,
    "grounds": "Data were unavailable for some hours; no sign that they were taken",
    "to_people": "risk",
}
PACE = timedelta(minutes=20)
REFUSED = re.compile(r"^(?!Warning)[A-Z][a-z ]+ \[\w+\]: ", re.MULTILINE)
AT_ONCE = re.compile(r"(?:^\d\d:\d\d:\d\d .*\n)+", re.MULTILINE)
ROUNDS = 60
"""More than it takes."""


class Session:
    """One desk at which everybody types, and the record of it."""

    def __init__(self, folder: Path) -> None:
        """Make the home."""
        self.desk = Desk(folder)
        self.shown: list[str] = []
        self.desk.type("tocsin init --home .tocsin --as maria", ())
        settings = folder / ".tocsin" / "tocsin.yaml"
        settings.write_text(SETTINGS, encoding="utf-8")

    def type(self, line: str, *answers: str) -> None:
        """Run a command, which must do what it is for, and keep what it shows."""
        shown = self.desk.type(line.replace("\\\n", " "), answers).strip("\n")
        assert REFUSED.search(shown) is None, f"{line}\n{shown}"
        # What goes out at the same time ends in any order.
        shown = AT_ONCE.sub(lambda found: "".join(sorted(found[0].splitlines(keepends=True))), shown)
        self.shown.append(f"$ {line}\n{shown}".rstrip())

    def look(self, line: str) -> Any:
        """Return what a command shows in JSON; nobody types that."""
        return json.loads(self.desk.type(f"{line} --format json", ()))

    def work(self) -> bool:
        """Do every task that is there; false when there was none."""
        tasks = [
            task for task in self.look("tocsin task list")["tasks"] if task["state"] in ("ready", "active")
        ]
        mine = [task for task in tasks if task["kind"] in ("task", "ask", "approve")]
        for event in mine:
            self._do(event)
        self.desk.clock.advance(PACE)
        self.desk.type("tocsin worker --once", ())
        return bool(mine)

    def _do(self, task: Mapping[str, Any]) -> None:
        roles = task["roles"] or ["commander"]
        name, who = shlex.quote(task["command_name"]), ROLES[roles[0]]
        step = task["step"].rpartition(".")[2]
        match task["kind"]:
            case "approve":
                self._sign(task, name, roles)
            case "ask":
                now = self.desk.clock.now().isoformat()
                answer = ANSWERS[step] if ANSWERS[step] != NOW else now
                self.type(f"tocsin answer {name} {shlex.quote(answer)} --as {who}")
            case _ if step == "complete" and "/phases" in name:
                self.type(f'tocsin fact set --source Tom --as tom incident.new_information="{NEWS}"')
                self.type(f"tocsin task done {name} --all --as {who}")
            case _ if step == "pay":
                self.type(f'tocsin task skip {name} --reason "decided not to pay" --as {who}')
            case _:
                self.type(f"tocsin task done {name} --all --as {who}", *["y"] * 9)
        if step == "triage":
            why = '--source "Tom, logs of the file servers" --grounds "when the help desk was called"'
            facts = " \\\n    ".join(FACTS.splitlines())
            self.type(f"tocsin fact set {why} --as tom \\\n    {facts}")

    def _sign(self, task: Mapping[str, Any], name: str, roles: list[str]) -> None:
        for role in roles:
            shown = self.look(f"tocsin task show {name}")
            if shown["task"]["state"] == "ready":
                self.type(f"tocsin approve {name} --digest {shown['subject_digest']} --as {ROLES[role]}")
        for one in self.look("tocsin task list")["tasks"]:
            if one["kind"] == "file" and one["state"] == "ready":
                duty = one["duty"] or one["item"]
                self.type(f"tocsin duty record-filed {duty} --reference LDA-2026-118 --as jonas")


def play(session: Session) -> str:
    """Work the incident and return the record of it; its last line counts the commands."""
    session.type('tocsin open ransomware --title "File servers encrypted" --severity sev1 --as maria --yes')
    session.type("tocsin status")
    for delivery in session.look("tocsin message list")["deliveries"]:
        session.type(f"tocsin call {delivery['delivery']} --reached --as maria")
    rounds = 0
    while session.work():
        rounds += 1
        assert rounds < ROUNDS, session.shown[-5:]
    session.type("tocsin status")
    incident = session.look("tocsin status")["codename"]
    session.type('tocsin close --reason "recovered, duties done" --as maria')
    session.type(f"tocsin report --incident {incident} --out report")
    text = "\n".join(session.shown)
    text = re.sub(r"\b[0-9a-f]{12,64}\b", lambda found: "0" * len(found[0]), text)
    return f"{text}\n\n{len(session.shown)} commands from open to report\n"
