"""The long demo: a breach worked from a real record to its proof, with a compromised tenant and a killed worker.

Everything is done by the ``tocsin`` command that a person would type; only the mail server, the receiver of the webhook
and the kill are the demo's own. It listens on the loopback and nowhere else, and leaves its documents in ``demo-output``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.demo.typist import DOCUMENTS, HOME, OUT, ROOT, Typist, short
from tests.servers.receivers import HttpReceiver, MailServer

EXAMPLES = ROOT / "playbooks" / "examples"
SIGNING = base64.b64encode(hashlib.sha256(b"the demo's webhook").digest()).decode()
NEEDS_A_PERSON = 4
GDPR = "eu-gdpr-33-controller-sa/initial"
LANE = f"duties.lanes.notify[{GDPR}]"

SETTINGS = """\
schema: tocsin/home/v1
organisation:
  country: NL
  zone: Europe/Amsterdam
  language: en
  address: "Voorbeeldstraat 1\\n1000 AA Amsterdam"
  established_in: [NL]
  main_establishment: NL
  does_business_in: [NL, US-CA]
  contact: {{name: Sam Example, role: Privacy desk, email: privacy@example.org, phone: "+31 20 000 0000", address: Amsterdam}}
  dpo: {{name: Dana Example, email: dpo@example.org, phone: "+31 20 000 0001"}}
  signatory: {{name: Dana Example, role: Managing director}}
people:
  ana: {{name: Ana, contacts: [{{channel: corporate-mail, address: ana@corp.example}}, {{channel: outside-mail, address: ana@outside.example}}, {{channel: pager, address: ana}}]}}
  ben: {{name: Ben, contacts: [{{channel: corporate-mail, address: ben@corp.example}}, {{channel: outside-mail, address: ben@outside.example}}, {{channel: pager, address: ben}}]}}
worker: manual
roles:
  commander: [ana]
  technical: [ana]
  communications: [ana]
  counsel: [ana]
  dpo: [ben]
channels:
  corporate-mail:
    adapter: smtp
    domains: [m365-tenant]
    priority: 10
    settings: {{host: 127.0.0.1, port: {smtp}, sender: incident@corp.example, tls: none}}
  outside-mail:
    adapter: smtp
    domains: [outside-provider]
    priority: 20
    confidentiality: confidential  # mailboxes of our own choice, on another provider, with TLS all the way
    settings: {{host: 127.0.0.1, port: {smtp}, sender: incident@outside.example, tls: none}}
  pager:
    adapter: webhook
    priority: 30
    settings: {{url: "http://127.0.0.1:{http}/page"}}
    secrets: {{signing: file:webhook.key}}
"""


class Demo(Typist):
    """The commands of the long demo, with the receivers of its messages."""

    def __init__(self) -> None:
        """Start the two receivers and make a home that knows them."""
        super().__init__()
        self.mail, self.pager = MailServer(), HttpReceiver()
        shutil.rmtree(OUT, ignore_errors=True)

    def prepare(self) -> None:
        """Make the home, its settings and the receiver's key."""
        self.say("A home folder: settings, key and database")
        self.tocsin("init", "--as", "ana")
        settings = SETTINGS.format(smtp=self.mail.port, http=self.pager.port)
        (HOME / "tocsin.yaml").write_text(settings, encoding="utf-8")
        key = HOME / "webhook.key"
        key.write_text(f"whsec_{SIGNING}", encoding="ascii")
        key.chmod(0o600)

    def open(self) -> None:
        """Open the incident from a real record and the demo's own facts."""
        self.say("A real breach (VERIS, CC BY-SA 4.0), and invented facts that such a record does not have")
        print((EXAMPLES / "demo-facts.yaml").read_text(encoding="utf-8").split("schema:")[0].rstrip())
        self.say("Ana opens it. The attacker may read the corporate mail, so Tocsin uses other channels")
        self.tocsin(
            "open", "personal-data-breach",
            "--facts", f"veris:{(EXAMPLES / 'veris' / 'kpn-2012.json').relative_to(ROOT)}",
            "--facts", str((EXAMPLES / "demo-facts.yaml").relative_to(ROOT)),
            "--compromised", "m365-tenant", "--as", "ana", "--yes", shown=70,
        )  # fmt: skip
        self.say("What the mail server and the pager received")
        for recipient, _, subject in self.mail.mails:
            print(f"  mail server: {subject!r} for {recipient.partition('@')[0]}")
        for _, headers, body in self.pager.posts:
            print(f"  pager: message {headers['webhook-id'][:12]}… signature {verdict(headers, body)}")
        if not self.mail.mails or not self.pager.posts:
            raise SystemExit("nobody was alerted")
        self.tocsin("message", "list")

    def work(self) -> None:
        """Work a task and a question; the clocks are provisional until somebody fixes the awareness."""
        self.say("What must Ana do now?")
        self.tocsin("next")
        self.tocsin("task", "check", "triage", "--all", "--as", "ana")
        self.tocsin(
            "task",
            "done",
            "triage",
            "--comment",
            "Intruder in a customer database; two populations",
            "--as",
            "ana",
        )
        now = datetime.now(UTC).replace(microsecond=0)
        self.say("The access is closed. Questions of law and the lanes of the notices begin")
        contained = f"incident.contained_at={now.isoformat()}"
        self.tocsin("fact", "set", contained, "--source", "technical lead", "--as", "ana")
        self.say("The deadlines already count. The time of awareness is unconfirmed")
        self.tocsin("duties", shown=48)
        aware = (datetime.now(UTC) - timedelta(hours=3)).replace(microsecond=0).isoformat()
        grounds = "The first report was a rumour; the logs confirmed it then"
        fact = f"incident.aware_at={aware}"
        self.tocsin("fact", "set", fact, "--source", "counsel", "--grounds", grounds, "--as", "ben")
        self.say("The answer moves a statutory deadline later, so a second person must confirm it")
        (entry,) = (
            one["entry"] for one in self.json("status")["second_person"] if one["state"] == "awaiting"
        )
        self.tocsin("confirm", str(entry), "--as", "ana")
        self.say("Ben assesses the risk to people and gives the grounds")
        self.tocsin(
            "fact", "set", "risk.to_people=high", "risk.harm_assessment.by=Ben, data protection officer",
            f"risk.harm_assessment.at={aware}", "risk.harm_assessment.grounds=Account and tax numbers: fraud is likely",
            "--source", "risk meeting", "--as", "ben",
        )  # fmt: skip
        self.say("Confirmed: the 72 hours start with the awareness, California's 30 days with the discovery")
        self.tocsin("duties", shown=48)

    def notice(self) -> None:
        """Look at the notice with its gaps, and sign it twice."""
        self.say("Tocsin has generated the notice under Art. 33. Its gaps are visible")
        self.tocsin("notice", "list")
        self.tocsin("notice", "check", "gdpr-33-initial", allowed=(0, 1))
        self.tocsin("notice", "show", "gdpr-33-initial", shown=70)
        self.tocsin("task", "check", f"{LANE}.complete", "--all", "--as", "ben")
        self.tocsin(
            "task", "done", f"{LANE}.complete", "--comment", "the rest follows in phases", "--as", "ben"
        )
        self.say("One person reads the items that no program can check, and confirms them")
        digest = self.digest()
        items = self.json("notice", "show", "gdpr-33-initial")["notice"]["to_verify"]
        if items:
            numbers = [str(number + 1) for number in range(len(items))]
            self.tocsin("notice", "tick", "gdpr-33-initial", *numbers, "--digest", digest, "--as", "ana")
        self.say("Two people approve the exact version")
        self.tocsin("approve", f"{LANE}.sign", "--digest", digest, "--as", "ana")
        self.tocsin("approve", f"{LANE}.sign", "--digest", digest, "--as", "ben")
        self.tocsin("status", shown=44)

    def digest(self) -> str:
        """Return the digest of the notice as it stands."""
        for notice in self.json("status")["notices"]:
            if f"{LANE}.final" in json.dumps(notice):
                return str(notice["digest"])
        raise SystemExit("there is no Art. 33 notice")

    def kill(self) -> None:
        """Kill a worker when the message has left and its outcome has not come back."""
        self.say("A worker is killed after it sent a message and before it recorded the outcome")
        self.mail.arrived.clear()
        self.mail.hold = threading.Event()
        worker = subprocess.Popen(
            [self.program, "worker"], env=self.environment, cwd=ROOT, stderr=subprocess.DEVNULL
        )
        delivery = next(d for d in self.json("message", "list")["deliveries"] if d["recipient"] == "ben")
        self.tocsin(
            "message", "retry", delivery["delivery"], "--reason", "did not answer", "--as", "ana", "--no-work"
        )
        if not self.mail.arrived.wait(240):
            raise SystemExit("the worker never sent the message")
        self.wait_for_pager(delivery["delivery"])
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        print(
            f"\n  kill -9 {worker.pid}: the mail server has the message, the journal has the intent, the outcome is missing"
        )
        self.mail.hold.set()
        self.mail.hold = None
        self.tocsin("message", "show", delivery["delivery"])
        self.say("The next worker records an unknown outcome. It does not guess")
        self.tocsin("worker", "--once", allowed=(0, NEEDS_A_PERSON))
        self.tocsin("message", "show", delivery["delivery"])
        self.tocsin(
            "call", delivery["delivery"], "--reached", "--note", "answered the telephone", "--as", "ana"
        )

    def wait_for_pager(self, delivery: str) -> None:
        """Wait until only the mail's answer is outstanding, so that exactly one attempt is left in doubt."""
        for _ in range(50):
            found = next(d for d in self.json("message", "list")["deliveries"] if d["delivery"] == delivery)
            if [a["state"] for a in found["attempts"]].count("sending") <= 1:
                return

    def prove(self) -> None:
        """Verify, print the timeline, and pull the documents."""
        self.say("The journal is verified")
        self.tocsin("audit", "verify")
        self.tocsin("timeline", shown=45)
        self.say("The documents for counsel: all formats, cover sheet and manifest")
        self.tocsin("notice", "pull", "gdpr-33-initial", "--out", short(str(DOCUMENTS)))
        files = sorted(short(str(path)) for path in DOCUMENTS.rglob("*.*"))
        for ending in (".docx", ".pdf", ".html", ".txt"):
            if not any(name.endswith(ending) for name in files):
                raise SystemExit(f"there is no {ending} among the documents")
        print("\n".join(f"  {name}" for name in files))

    def stop(self) -> None:
        """Stop the receivers."""
        self.mail.stop()
        self.pager.stop()


def verdict(headers: dict[str, str], body: bytes) -> str:
    """Check a Standard Webhooks signature as its receiver would."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(base64.b64decode(SIGNING), signed, hashlib.sha256).digest()).decode()
    return "good" if f"v1,{expected}" in headers["webhook-signature"].split() else "WRONG"


def main() -> None:
    """Run the demo and say where its documents are."""
    started = time.monotonic()
    demo = Demo()
    try:
        demo.prepare()
        demo.open()
        demo.work()
        demo.notice()
        demo.kill()
        demo.prove()
    finally:
        demo.stop()
    print(f"\nDone in {time.monotonic() - started:.0f} s. The documents are in {short(str(DOCUMENTS))}/")


if __name__ == "__main__":
    main()
