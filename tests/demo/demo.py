"""The main job in about a dozen commands, for a newcomer: a breach worked from its first fact to its proof.

Every command is one that a person would type. Only the mail server is the demo's own: it listens on the loopback
interface and on no other. The commands use the embedded default: SQLite, and a worker in the background.
The longer demo, with a compromised tenant and a killed worker, is ``full.py``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.demo.typist import DOCUMENTS, HOME, OUT, Typist, short
from tests.servers.receivers import MailServer

DUTY = "eu-gdpr-33-controller-sa/initial"
PHASES = "eu-gdpr-33-controller-sa/phases"
LANE = f"duties.lanes.notify[{DUTY}]"
PATIENCE = 240.0
"""Seconds to wait for the worker in the background."""

SETTINGS = """\
schema: tocsin/home/v1
organisation:
  name: Example B.V.
  country: NL
  zone: Europe/Amsterdam
  language: en
  address: "Voorbeeldstraat 1\\n1000 AA Amsterdam"
  established_in: [NL]
  offers_to: []
  does_business_in: []
  regulated_as: []
  public_body: false
  role: [controller]
  contact: {{name: Ana Ruiz, role: Privacy desk, email: privacy@example.org, phone: "+31 20 000 0000", address: Amsterdam}}
  dpo: {{name: Ben Cole, email: dpo@example.org, phone: "+31 20 000 0001"}}
  signatory: {{name: Cleo Marsh, role: General counsel}}
people:
  ana: {{name: Ana Ruiz, contacts: [{{channel: mail, address: ana@example.org}}]}}
  ben: {{name: Ben Cole, contacts: [{{channel: mail, address: ben@example.org}}]}}
  cleo: {{name: Cleo Marsh, contacts: [{{channel: mail, address: cleo@example.org}}]}}
roles: {{commander: [ana], dpo: [ben], counsel: [cleo]}}
profile: small
small: {{technical: commander, communications: commander, executive: counsel}}
channels:
  mail:
    adapter: smtp
    domains: [outside-provider]
    confidentiality: confidential  # the demo's own server on this machine
    settings: {{host: 127.0.0.1, port: {port}, sender: incident@example.org, tls: none}}
"""

FACTS = """\
schema: tocsin/facts/v1
source: help desk
incident:
  summary: A list of customers was open on the internet for some days.
  impact: [confidentiality]
  vector: misconfiguration
  detected_at: {discovered}
  discovered_at: {discovered}
  aware_at: {aware}
data: {{involved: true, elements: [name, contact], encrypted: false, records: 120}}
people: {{kinds: [customers], total: 120, by_jurisdiction: {{NL: 120}}}}
risk: {{consequences: Unwanted mail and attempts at fraud., mitigation: The list was taken offline.}}
"""


class Story(Typist):
    """The commands of the demo, in the order in which people type them."""

    def __init__(self) -> None:
        """Start the mail server."""
        super().__init__(columns=98)
        self.mail = MailServer()
        shutil.rmtree(OUT, ignore_errors=True)

    def prepare(self) -> None:
        """Make a home for three people who are reached by mail."""
        self.say(
            "A home folder has the settings, a key and the database. A small firm: Ana, Ben (DPO), Cleo (counsel)."
        )
        self.tocsin("init", "--as", "ana", shown=2)
        (HOME / "tocsin.yaml").write_text(SETTINGS.format(port=self.mail.port), encoding="utf-8")
        now = datetime.now(UTC).replace(microsecond=0)
        facts = FACTS.format(
            discovered=(now - timedelta(hours=5)).isoformat(), aware=(now - timedelta(hours=3)).isoformat()
        )
        (OUT / "facts.yaml").write_text(facts, encoding="utf-8")

    def alert(self) -> None:
        """Open the incident; one person acknowledges with the code that the mail brought."""
        self.say("Ana opens an incident with the first facts. Tocsin alerts Ben and Cleo by mail.")
        self.tocsin(
            "open", "personal-data-breach", "--title", "Customer list on the internet",
            "--facts", short(str(OUT / "facts.yaml")), "--as", "ana", "--yes", shown=3, last=2,
        )  # fmt: skip
        code = self.wait("the mail to Ben", self.code)
        self.say("Ben reads the mail and acknowledges it with its code.")
        self.tocsin("ack", code, "--as", "ben")
        self.say("Who has acknowledged? Ben has, Cleo has not.")
        self.tocsin("message", "list", shown=5)

    def work(self) -> None:
        """Assess the risk and do the first task; the duties follow."""
        self.say("Ben assesses the risk to people. Each fact has a source.")
        self.tocsin(
            "fact", "set", "risk.to_people=risk", "risk.harm_assessment.by=Ben Cole",
            "risk.harm_assessment.grounds=Names and mail addresses only",
            "--source", "risk meeting", "--grounds", "no high risk", "--as", "ben", shown=2,
        )  # fmt: skip
        self.say("This ends the duty to notify the people, so Ana confirms as the second person.")
        self.tocsin("confirm", self.wait("the request of Ben", self.asked), "--as", "ana", shown=1)
        self.say("What must Ana do now? Each action has its command. A form is answered with one command.")
        self.tocsin("next", shown=3)
        self.tocsin(
            "answer", "command", "incident.mobilised.command_at=2m ago", "incident.mobilised.scribe=no",
            "incident.mobilised.deputy=no", "incident.mobilised.channel=telephone",
            "incident.mobilised.channel_answered=yes", "incident.mobilised.staff_told_at=unknown", "--as", "ana",
            shown=3,
        )  # fmt: skip
        self.tocsin("task", "done", "triage", "--all", "--as", "ana", shown=1)
        self.say("Each item on which safety or evidence depends is checked by its number.")
        self.tocsin("task", "check", "contain", "1", "2", "3", "4", "--as", "ana", shown=1)
        self.tocsin("task", "done", "contain", "--as", "ana", shown=3)
        self.tocsin("answer", "contained_at", "1m ago", "--as", "ana", shown=3)
        self.say("Which legal duties apply, why, and by when? Tocsin has assessed all its laws.")
        self.tocsin("duties", shown=8)

    def notify(self) -> None:
        """Complete the notice, approve it by two people, file it, and export it."""
        self.say("Tocsin has generated the notice to the authority. Ana checks that it is complete.")
        number = self.wait("the task", lambda: self.task("complete"))
        self.tocsin("task", "done", number, "--all", "--as", "ana")
        digest = self.wait("the final notice", self.digest)
        number = self.wait("the approval", lambda: self.task("sign"))
        self.say("Two items only a person can check: Cleo reads the text and confirms them.")
        self.tocsin("notice", "tick", "gdpr-33-initial", "1", "2", "--digest", digest, "--as", "cleo")
        self.say("Two people approve the exact version: Cleo, then Ben.")
        for person in ("cleo", "ben"):
            self.tocsin("approve", number, "--digest", digest, "--as", person)
        self.say("Ben files the notice with the authority and records its reference number.")
        self.tocsin("duty", "record-filed", DUTY, "--reference", "AP-2026-4711", "--as", "ben")
        self.say("The documents for counsel: Word, PDF, HTML and text, with the list of duties.")
        self.tocsin("notice", "pull", "gdpr-33-initial", "--out", short(str(DOCUMENTS)), shown=2)

    def prove(self) -> None:
        """Close the incident by two people and verify the journal."""
        self.say("What has Ben done? Each entry of the journal has its author and its time.")
        self.tocsin("timeline", "--by", "ben", shown=6)
        self.say("Ana closes the incident. One duty stays open, so Cleo must agree.")
        words = ("--reason", "end of the demo", "--leave-open", f"{PHASES}=no new facts yet")
        self.tocsin("close", *words, "--as", "ana", shown=3, last=5)
        waiting = self.json("status")["second_person"]
        (entry,) = (one["entry"] for one in waiting if one["state"] == "awaiting")
        self.tocsin("confirm", str(entry), "--as", "cleo")
        self.say("Tocsin verifies the record. It finds each change by whoever lacks the master key.")
        self.tocsin("audit", "verify")

    def code(self) -> str | None:
        """Return the code of the message to Ben, once it has left."""
        if not any("ben@" in recipient for recipient, _, _ in self.mail.mails):
            return None
        deliveries = self.json("message", "list")["deliveries"]
        delivery = next(one["delivery"] for one in deliveries if one["recipient"] == "ben")
        return str(self.json("message", "show", delivery)["code"])

    def asked(self) -> str | None:
        """Return the entry that awaits a second person."""
        found = self.json("status")["second_person"]
        return next((str(one["entry"]) for one in found if one["state"] == "awaiting"), None)

    def task(self, step: str) -> str | None:
        """Return the number of an open task."""
        found = [one for one in self.json("task", "list")["tasks"] if one["state"] == "ready"]
        rows = [
            str(one["row"]) for one in found if one["invocation"].partition("#")[0].endswith(f"{LANE}.{step}")
        ]
        return rows[0] if rows else None

    def digest(self) -> str | None:
        """Return the digest of the notice to approve."""
        for notice in self.json("status")["notices"]:
            if f"{LANE}.final" in str(notice):
                return str(notice["digest"])
        return None

    def wait(self, what: str, look: Callable[[], str | None]) -> str:
        """Wait for the worker in the background."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if (found := look()) is not None:
                return found
            time.sleep(0.2)
        raise SystemExit(f"The demo stopped: {what} did not come.")

    def stop(self) -> None:
        """Stop the worker and the mail server."""
        subprocess.run(
            [self.program, "worker", "stop"], env=self.environment, capture_output=True, check=False
        )
        self.mail.stop()


def main() -> None:
    """Run the demo and print where its documents are."""
    started = time.monotonic()
    story = Story()
    try:
        story.prepare()
        story.alert()
        story.work()
        story.notify()
        story.prove()
    finally:
        story.stop()
    print(
        f"Done in {time.monotonic() - started:.0f} s. The documents are in {short(str(DOCUMENTS))}/."
        f"\nSee it in a browser: .venv/bin/tocsin serve --as ana --home {short(str(HOME))}"
        "\nNext: docs/tutorial.md. A longer demo: make demo-full"
    )


if __name__ == "__main__":
    main()
