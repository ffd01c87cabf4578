"""The reference page of what the program answers in JSON, written from real answers of one incident.

``make golden`` writes ``docs/reference/json.md``. Lists are shown with their first entry, long texts are cut.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.app.exercises.exercises import prepare_drill, set_clock
from runner.app.home.open_home import open_service
from runner.app.incidents.alerts import receive
from runner.app.incidents.open_incident import commit_opening
from runner.base.actor import Principal
from runner.files.exercise_file import load_exercise
from runner.playbook.catalogue import Catalog
from tests.cli.at_desk import Chance
from tests.docs.consoles import ROOT, Desk
from tests.docs.picture import EXAMPLES, SETTINGS
from tests.law.make_pack import archive, bag, law_files

PAGE = ROOT / "docs" / "reference" / "json.md"
WIDTH, LONGEST = 128, 72

INTRO = """\
# JSON

`--format json` prints one document on standard output, with its `schema`. A key that stands here keeps its name and meaning; new keys may be
added, so a script ignores those that it does not know. A change of meaning changes the number at the end.

Instants are RFC 3339 in UTC, digests are `sha256:` and hexadecimal. Addresses of people appear in no answer; names and facts do, where the
command is about them. The values here are from one invented incident; lists show their first entry only.

What to do next stands as a command (`command` or `hint`) and beside it as `action`: the `verb`, the `ref` that it is about (a step, duty, delivery
or entry), and `args`. An argument is a value, `true` for a flag, or a slot, which a person fills in: its `name`, its `kind` (`word`, `line`, `text`,
`person`, `file`, or `flag` for one of two) and its `choices`. `action` is `null` where a sentence says what to do.
"""

ASKED = (
    ("init --home .tocsin --as ana", ""),
    ("version", ""),
    (
        f"open personal-data-breach --facts veris:{EXAMPLES / 'veris' / 'kpn-2012.json'} "
        f"--facts {EXAMPLES / 'demo-facts.yaml'} --compromised m365-tenant --as ana --yes",
        "`tocsin open PLAYBOOK… --yes`",
    ),
    ("ack CODE --as ben", "`tocsin ack CODE`"),
    ("call d-4 --reached --as ana", "Any command that changes an incident"),
    ("list", ""),
    ("use amber-falcon", ""),
    (
        "status",
        "`tocsin status`; `needs_attention` is all that waits for a person, each with the command that helps; "
        "`duties` has those of laws that are relevant or have a record, `tocsin duties` has all",
    ),
    ("next", ""),
    ("task list", ""),
    ("step-link create ana triage --as ana", "`tocsin step-link create PERSON STEP`"),
    ("step-link list", ""),
    ("task show triage", ""),
    ("severity", "`tocsin severity`, without a level"),
    ("timeline", ""),
    ("fact show", ""),
    ("fact missing", ""),
    ("fact history data.encrypted", ""),
    ("fact show organisation --all", ""),
    ("duties", ""),
    ("duty show eu-gdpr-33-controller-sa/initial", "`tocsin duty show DUTY`"),
    ("duties register", ""),
    ("duties calendar", ""),
    ("regime list --in IE", "`tocsin regime list`"),
    ("regime show eu-gdpr-33-processor", "`tocsin regime show REGIME`"),
    ("regime check eu-gdpr-33-processor", "`tocsin regime check`"),
    (
        "regime verify eu-gdpr-33-processor/initial --by ana --source https://eur-lex.europa.eu/eli/reg/2016/679/oj --as ana",
        "`tocsin regime verify ID`",
    ),
    ("regime diff us-ca-breach --from 2025-06-01 --to 2026-06-01", "`tocsin regime diff`"),
    ("regime import contracts.csv", "`tocsin regime import FILE`"),
    ("law show", "`tocsin law show`"),
    ("law show law.zip", "`tocsin law show FILE`, `tocsin law update FILE`"),
    ("authority list --in AT", "`tocsin authority list`"),
    ("authority show at-dsb", "`tocsin authority show ID`"),
    ("channel list", ""),
    ("message plan", ""),
    ("message rules", ""),
    ("message call-sheet --out calls.txt", "`tocsin message call-sheet --out FILE`"),
    ("channel check --show", "`tocsin channel check`"),
    ("message list", ""),
    ("message show d-4", ""),
    ("message prove d-4", ""),
    ("notice check gdpr-33-initial", ""),
    ("notice consistency", ""),
    (
        "notice render gdpr-33-initial --out drafts --to txt",
        "`tocsin notice render NAME --out DIR` and `tocsin notice pull`",
    ),
    ("notice list", ""),
    ("fact export veris:record.json", "`tocsin fact export veris:FILE`"),
    ("notice show gdpr-33-initial", ""),
    (
        "notice diff gdpr-33-initial",
        "`tocsin notice diff NOTICE [A] [B]`; `lines` are those with a change, `facts` hold both values",
    ),
    (
        "notice letters gdpr-34-letter --people people.csv --out letters --to txt --draft "
        "--duty eu-gdpr-34-data-subjects/individuals",
        "`tocsin notice letters`",
    ),
    ("evidence list", "`tocsin evidence list`, `tocsin evidence save`"),
    ("evidence form 1 custody.pdf", "`tocsin evidence form EVIDENCE FILE`"),
    ("brief", ""),
    ("person list", ""),
    ("account invite ben", ""),
    ("account list", ""),
    (
        "account disable ben --reason left",
        "`tocsin account disable`, `tocsin step-link revoke`, `tocsin login`, `tocsin logout`",
    ),
    ("role list", ""),
    ("role why ben duty.decide", "`tocsin role why PERSON RIGHT`"),
    ("person away ben", "`tocsin person add`, `verify`, `away`; `tocsin role assign`"),
    ("domain list", ""),
    ("token create siem --owner ana --scope incident.read --as ana", "`tocsin token create NAME`"),
    ("token list --as ana", "`tocsin token list`"),
    ("token revoke siem --as ana", "`tocsin token revoke NAME`"),
    ("token reseal --yes --as ana", "`tocsin token reseal`"),
    ("alert list", ""),
    ("alert dismiss a-1 --reason 'planned load test' --as ana", "`tocsin alert dismiss ALERT --reason WHY`"),
    (
        "webhook add siem https://127.0.0.1:9/hooks --events duty --as ana",
        "`tocsin webhook add`, `remove`, `pause`, `resume`, `rotate`; `secret` is shown once",
    ),
    ("webhook test siem --as ana", "`tocsin webhook test NAME`"),
    ("webhook list --as ana", "`tocsin webhook list`"),
    ("calendar address --as ana", "`tocsin calendar address`"),
    ("calendar save --out own.ics --as ana", "`tocsin calendar save`"),
    ("calendar revoke --as ana", "`tocsin calendar revoke`"),
    ("playbook list", ""),
    ("playbook show lost-device", ""),
    ("playbook copy lost-device", ""),
    ("playbook validate wrong.yaml", ""),
    ("playbook diff lost-device lost-device.yaml", ""),
    ("playbook graph lost-device", "`tocsin playbook graph`, without `--out`"),
    ("playbook test lost-device --only 'the PIN'", "`tocsin playbook test`"),
    ("drill list", ""),
    (
        'drill schedule lost-laptop --cron "0 9 1 */3 *" --zone Europe/Berlin',
        "`tocsin drill schedule`, `tocsin drill unschedule`, `tocsin drill schedules`, `tocsin drill run --due`, `tocsin routine …`",
    ),
    ("drill run lost-laptop --unattended", "`tocsin drill run`, `tocsin drill show`"),
    (
        "improvement add 'The call list was old' --action 'Check it each quarter' --owner ben --due 2026-12-24",
        "`tocsin improvement list`; `add`, `show`, `change`, `done`, `reopen`, `drop` answer with the items concerned",
    ),
    ("migrate --to newer.yaml --plan", ""),
    ("worker --once", ""),
    ("worker status", "`tocsin worker status`, `worker start` and `worker stop`"),
    ("serve-callbacks --list", ""),
    ("audit verify", ""),
    ("doctor --offline", "`tocsin doctor`"),
    ("audit export --for regulator --out bundle.zip", "`tocsin audit export --out FILE.zip`"),
    ("audit exports", ""),
    ("verify bundle.zip", "`tocsin verify BUNDLE`"),
    ("backup --to backups", "`tocsin backup`"),
    ("backup --check BACKUP", "`tocsin backup --check BACKUP`"),
    ("restore BACKUP --home elsewhere --key .tocsin/master.key", "`tocsin restore BACKUP`"),
    ("pack --out home.age --passphrase-file pass.txt", "`tocsin pack --out FILE.age`"),
    ("unpack home.age --home third --passphrase-file pass.txt", "`tocsin unpack FILE`"),
    ("person import contacts.csv --yes", "`tocsin person import`"),
    ("person export people.yaml", "`tocsin person export FILE`"),
    ("person forget zoe --yes", "`tocsin person forget PERSON`"),
    ("status nothing", "Whatever was refused, with `--format json`"),
    ("drill rate T1", ""),
    (
        "drill readiness",
        "`tocsin drill readiness`; `needs_attention` not empty makes `--check` exit with 4",
    ),
    ("drill report --to md --out reports --as ana", "`tocsin drill report`"),
    ("drill report --check lost-device.yaml", ""),
    ("improvement add --from calm-heron", "`tocsin improvement add --from INCIDENT`"),
    ("shred calm-heron --reason 'policy 7.2' --yes", "`tocsin shred INCIDENT`"),
    ("shred", ""),
    (
        "link OTHER -i amber-falcon --leads amber-falcon --reason 'same intruder' --as ana",
        "`tocsin link OTHER --leads INCIDENT`",
    ),
    ("unlink OTHER -i amber-falcon --reason 'two intruders' --as ana", "`tocsin unlink OTHER`"),
    ("hold amber-falcon --reason 'claim of a customer' --as ana", "`tocsin hold`, `tocsin hold INCIDENT`"),
    ("key rotate --signing --reason 'each year' --as ana", "`tocsin key rotate`"),
    ("key list", ""),
    ("store move sqlite:moved.db --as ana", "`tocsin store move URL`"),
    ("service install --to .", "`tocsin service install`"),
)
"""Command and, where it says more, how the page names it."""

CONTRACTS = """\
regime,name,duty,recipient,starts,amount,unit
cyber-insurance,Policy 4711,claim,insurer,incident.discovered_at,72,hours
"""
PREPARED = (
    "task check triage --all --as ana",
    "task done triage --as ana",
    "attach wrong.yaml --source 'the mail tenant' --as ana",
    "fact set incident.contained_at=2026-11-24T08:55:00+01:00 --source meeting --as ana",
    "fact set incident.occurred_at=2026-11-24T05:10:00+01:00 --source meeting --as ana",
    "fact set incident.aware_at=2026-11-24T06:40:00+01:00 --source meeting --as ben",
    "fact set risk.to_people=high incident.summary='A mailbox was read.' --source meeting --as ben",
)
"""What is done, unshown, before notices are asked for."""

AGAIN = (
    "fact set risk.mitigation='Passwords were reset.' --source meeting --as ben",
    "notice render 'personal-data-breach:duties.lanes.notify[eu-gdpr-33-controller-sa/initial].draft#1' --as ben",
)
"""What is done, unshown, before two renderings are compared."""


def answers(folder: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield each command, how the page names it, and its whole answer."""
    desk = Desk(folder)
    for words, named in ASKED:
        for line in PREPARED if words == "notice list" else AGAIN if words.startswith("notice diff") else ():
            desk.type(f"tocsin {line}", ())
        if words == "alert list":
            _alerted(desk)
        if words.startswith("drill rate"):
            _exercised(desk)
        if words.startswith("shred calm"):
            desk.type("tocsin cancel calm-heron --reason 'for the page' --as ana", ())
        if words.startswith("link"):
            desk.type("tocsin open lost-device --as ana --yes", ())
        backup = next((f"backups/{path.name}" for path in folder.glob("backups/tocsin-*Z")), "")
        typed = words.replace("CODE", _code(desk, words)).replace("OTHER", _other(desk, words))
        shown = desk.type(f"tocsin {typed.replace('BACKUP', backup)} --format json", ())
        answer = [line for line in shown.splitlines() if line.startswith("{")][-1]
        document = json.loads(answer.replace(str(ROOT), "…").replace(str(folder), "…"))
        if "secret" in document:
            document["secret"] = re.sub(r"^(tcs_[a-z]+|whsec)_.*", r"\1_…", document["secret"])
        if words == "calendar address --as ana":
            document["url"] = f"{document['url'].partition('/cal/')[0]}/cal/….ics"
        yield words, named or f"`tocsin {words}`", document
        if words.startswith("init"):
            _write(folder)


def _other(desk: Desk, words: str) -> str:
    """Return the codename of another open incident, where a command wants it."""
    if "OTHER" not in words:
        return ""
    found = json.loads(desk.type("tocsin list --format json", ()).splitlines()[-1])
    real = [row for row in found["incidents"] if row["kind"] == "real" and row["state"] == "open"]
    return next(str(row["codename"]) for row in real if row["codename"] != "amber-falcon")


def _code(desk: Desk, words: str) -> str:
    """Return the code of Ben's message, where a command wants one."""
    if "CODE" not in words:
        return ""
    found = json.loads(desk.type("tocsin message list --format json", ()).splitlines()[-1])
    name = next(delivery["delivery"] for delivery in found["deliveries"] if delivery["recipient"] == "ben")
    return str(
        json.loads(desk.type(f"tocsin message show {name} --format json", ()).splitlines()[-1])["code"]
    )


def _alerted(desk: Desk) -> None:
    """Have a monitoring program send an alert."""
    who = Principal(person="tocsin", host="desk", os_user="ana")
    office = open_service(desk.folder / ".tocsin", who, clock=desk.clock, chance=Chance())
    body = {
        "title": "Shadow copies deleted",
        "at": "2026-11-24T08:40:00Z",
        "severity": "high",
        "key": "fs-01",
    }
    receive(office, "generic", "token:siem", json.dumps(body).encode())
    office.store.close()


def _exercised(desk: Desk) -> None:
    """Begin an exercise and end it, as its controllers do, beside the incident; and choose it."""
    folder = desk.folder / ".tocsin"
    who = Principal(person="ana", host="desk", os_user="ana")
    office = open_service(folder, who, clock=desk.clock, chance=desk.chance)
    opening = prepare_drill(office, load_exercise("lost-laptop", Catalog(folder)), despite="for the page")
    name = commit_opening(office, opening).after.id
    set_clock(office, name, "begun")
    set_clock(office, name, "ended")
    office.store.close()
    desk.type(f"tocsin use {name}", ())


def _write(folder: Path) -> None:
    """Write the settings and the playbooks that commands are asked about."""
    (folder / ".tocsin" / "tocsin.yaml").write_text(SETTINGS, encoding="utf-8")
    shipped = (ROOT / "playbooks" / "lost-device.yaml").read_text(encoding="utf-8")
    (folder / "lost-device.yaml").write_text(shipped.replace("wait: 30d", "wait: 60d"), encoding="utf-8")
    (folder / "pass.txt").write_text("lantern gravel 7 otter quilt\n", encoding="utf-8")
    (folder / "pass.txt").chmod(0o600)
    (folder / "people.csv").write_text("reference,name,address\nK-1,Ada,1 Elm Road\n", encoding="utf-8")
    (folder / "contacts.csv").write_text("person,name,phone\nzoe,Zoe Zimmer,+15005550006\n", encoding="utf-8")
    (folder / "contracts.csv").write_text(CONTRACTS, encoding="utf-8")
    (folder / "law.zip").write_bytes(archive(bag(law_files(), None)))
    (folder / "wrong.yaml").write_text(
        shipped.replace("role: technical", "role: tecnical", 1), encoding="utf-8"
    )
    ours = (ROOT / "playbooks" / "personal-data-breach.yaml").read_text(encoding="utf-8")
    newer = ours.replace("version: 1.1.0", "version: 1.2.0", 1).replace("wait: 4h", "wait: 6h", 1)
    (folder / "newer.yaml").write_text(newer, encoding="utf-8")


def page() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory(prefix="pages-") as made:
        found = sorted(answers(Path(made).resolve()), key=lambda one: one[2]["schema"])
    sections = [INTRO]
    seen: set[str] = set()
    for _, named, document in found:
        schema = document["schema"]
        if schema in seen:
            continue
        seen.add(schema)
        sections.append(f"## {schema}\n\n{named}\n\n```json\n{laid(short(document))}\n```\n")
    return "\n".join(sections)


def skeleton(value: Any) -> Any:
    """Return the keys of a document without its values."""
    match value:
        case dict():
            return {key: skeleton(one) for key, one in value.items()}
        case list():
            return [skeleton(value[0])] if value else []
        case _:
            return None


def short(value: Any) -> Any:
    """Return a value with one entry in each list and no long text."""
    match value:
        case dict():
            return {key: short(one) for key, one in value.items()}
        case list():
            return [short(value[0])] if value else []
        case str() if len(value) > LONGEST:
            return f"{value[:LONGEST]}…"
        case _:
            return value


def laid(value: Any, indent: int = 0, before: int = 0) -> str:
    """Return JSON in as few lines as fit."""
    inline = json.dumps(value, ensure_ascii=False)
    if len(inline) + indent + before <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return inline
    inner = " " * (indent + 1)
    if isinstance(value, list):
        return f"[{laid(value[0], indent + 1)}]"
    rows = []
    for key, one in value.items():
        head = f"{json.dumps(key)}: "
        rows.append(f"{inner}{head}{laid(one, indent + 2, len(head))}")
    return "{" + ",\n".join(rows).lstrip() + "}"
