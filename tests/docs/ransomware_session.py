"""A ransomware incident from ``open`` to ``report``: every command that five people type, and what it shows.

Each round does what the task list offers, in its order. What only people know stands in ``FORMS``.
The organisation is small: the playbook has its small profile, and Maria has two roles.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
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
    "communications": "maria",
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
  signatory: {name: Jonas Jansen, role: Data protection officer}
people:
  maria: {name: Maria Muster}
  jonas: {name: Jonas Jansen}
  ada: {name: Ada Adler}
  tom: {name: Tom Thal}
  eva: {name: Eva Ehlers}
roles: {commander: [maria], deputy_commander: [tom], technical: [tom], dpo: [jonas], counsel: [ada], executive: [eva], scribe: [eva]}
profile: small
small: {communications: commander}
channels:
  radio: {adapter: console, priority: 10, confidentiality: confidential, settings: {path: radio.txt}}
worker: manual
"""
RESIDENCE = 'people.by_jurisdiction.DE=1200 --as jonas --source "customer list"'
FORMS = {
    "command": """\
incident.mobilised.command_at="20m ago" incident.mobilised.scribe=yes incident.mobilised.deputy=yes
'incident.mobilised.channel=phone bridge' incident.mobilised.channel_answered=yes
incident.mobilised.staff_told_at="5m ago"
""",
    "discovered": """\
incident.detected_at=2026-11-24T08:40:00+01:00 incident.discovered_at=2026-11-24T08:40:00+01:00 data.involved=yes
--source "Tom, logs of the file servers" --grounds "when the help desk was called"
""",
    "legal": """\
incident.mobilised.counsel_at="20m ago" incident.mobilised.insured=yes incident.mobilised.insurer_called_at="10m ago"
incident.mobilised.insurer_claim=C-2026-77 incident.mobilised.forensics_engaged_by=counsel
law_enforcement.engaged=yes law_enforcement.reference=LKA-4471
""",
    "power_down_decision": "incident.isolation.complete=yes",
    "proposal": """\
'incident.ransom.alternatives=Restore from offline backups within four days'
'incident.ransom.sanctions_check=Wallets and group are not on the lists of the EU and of OFAC'
'incident.ransom.proposal=do not pay' 'incident.ransom.grounds=The backups are complete'
""",
    "pay": "incident.ransom.paid=no",
    "clocks": """\
incident.aware_at=2026-11-24T09:30:00+01:00 incident.determined_at=unknown
--source "Tom, logs of the file servers" --grounds "the servers hold addresses of customers"
""",
    "what_happened": """\
incident.impact=availability incident.started_at=2026-11-21T02:00:00+01:00 incident.exfiltration=none
'incident.summary=On 21 November ransomware encrypted two file servers with the addresses of customers.'
'risk.consequences=Orders may be delayed.' 'risk.mitigation=The servers are rebuilt from offline backups.'
'risk.advice=You need not do anything.'
""",
    "whose_data": """\
people.total=1200 people.kinds=customers data.elements=contact data.with_name=yes data.encrypted=no
'data.categories_text=names and addresses of customers'
""",
    "risk": """\
'risk.harm_assessment.by=Jonas Jansen' risk.harm_assessment.at="5m ago" risk.to_people=risk
'risk.harm_assessment.grounds=Data were unavailable for some hours; no sign that they were taken'
--grounds "no high risk to people"
""",
}
NEWS = "Contained since the morning. No data were taken."
NOW = "1m ago"
PACE = timedelta(minutes=10)
SOON = timedelta(hours=12)
"""So much later than the most urgent task another one may be due."""
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
        """Do every task that is due soon; false when there was none."""
        tasks = [
            task for task in self.look("tocsin task list")["tasks"] if task["state"] in ("ready", "active")
        ]
        mine = [task for task in tasks if task["kind"] in ("task", "ask", "form", "approve", "file")]
        dues = [datetime.fromisoformat(task["due"]) for task in mine if task["due"]]
        for task in mine:
            if not dues or (task["due"] and datetime.fromisoformat(task["due"]) <= min(dues) + SOON):
                self._do(task)
        self.desk.clock.advance(PACE)
        self.desk.type("tocsin worker --once", ())
        return bool(mine)

    def _do(self, task: Mapping[str, Any]) -> None:
        roles = task["roles"] or ["commander"]
        name, who = shlex.quote(task["command_name"]), ROLES[roles[0]]
        step = task["step"].rpartition(".")[2]
        match task["kind"]:
            case "approve":
                self._sign(name, roles)
            case "file":
                duty = task["duty"] or task["item"]
                self.type(f"tocsin duty record-filed {duty} --reference LDA-2026-118 --as {who}")
            case "ask":
                self.type(f'tocsin answer {name} "{NOW}" --as {who}')
            case "form":
                answers = " \\\n    ".join(FORMS[step].splitlines())
                self.type(f"tocsin answer {name} --as {who} \\\n    {answers}")
                if step in ("clocks", "risk"):
                    waiting = self.look("tocsin status")["second_person"]
                    for entry in (one["entry"] for one in waiting if one["state"] == "awaiting"):
                        second = "jonas" if step == "clocks" else "maria"
                        self.type(f"tocsin confirm {entry} --as {second}")
                if step == "whose_data":
                    self.type(f"tocsin fact set {RESIDENCE}")
            case _ if step == "complete" and "/phases" in task["item"]:
                self.type(f'tocsin fact set --source Tom --as tom incident.new_information="{NEWS}"')
                self._done(name, who)
            case _:
                self._done(name, who)

    def _done(self, name: str, who: str) -> None:
        rows = self.look(f"tocsin task show {name}")["checklist"]
        self.type(f"tocsin task done {name} --as {who}", *["y"] * len(rows))

    def _sign(self, name: str, roles: list[str]) -> None:
        shown = self.look(f"tocsin task show {name}")
        notice = shown.get("notice") or {}
        numbers = [
            str(n) for n, item in enumerate(notice.get("to_verify", ()), 1) if item not in notice["ticks"]
        ]
        if numbers:
            tick = f"tocsin notice tick {notice['notice']} {' '.join(numbers)} --digest {notice['digest']}"
            self.type(f"{tick} --as {ROLES[roles[0]]}")
        for role in roles:
            shown = self.look(f"tocsin task show {name}")
            if shown["task"]["state"] == "ready":
                self.type(f"tocsin approve {name} --digest {shown['subject_digest']} --as {ROLES[role]}")


def play(session: Session) -> str:
    """Work the incident and return the record of it; its last line counts the commands."""
    session.type('tocsin open ransomware --title "File servers encrypted" --severity sev1 --as maria --yes')
    session.type("tocsin status")
    # Two messages that are composed at the same time number their deliveries in any order.
    deliveries = session.look("tocsin message list")["deliveries"]
    deliveries.sort(key=lambda one: (one["step"], one["recipient"]))
    for delivery in deliveries:
        session.type(f"tocsin call {delivery['delivery']} --reached --as maria")
    first = min(int(one["delivery"].removeprefix("d-")) for one in deliveries)
    ordered = {one["delivery"]: f"d-{number}" for number, one in enumerate(deliveries, first)}
    rounds = 0
    while session.work():
        rounds += 1
        assert rounds < ROUNDS, session.shown[-5:]
    session.type("tocsin status")
    incident = session.look("tocsin status")["codename"]
    session.type('tocsin close --reason "recovered, duties done" --as maria')
    session.type(f"tocsin report --incident {incident} --out report")
    text = "\n".join(session.shown)
    text = re.sub(r"\bd-\d+\b", lambda found: ordered.get(found[0], found[0]), text)
    text = re.sub(r"\b[0-9a-f]{12,64}\b", lambda found: "0" * len(found[0]), text)
    return f"{text}\n\n{len(session.shown)} commands from open to report\n"
