"""An incident with one short notice of the house's own: drafted, to be approved, to be filed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk

DUTY = "eu-gdpr-33-controller-sa/initial"
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: noticed
version: 1.0.0
title: A notice
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
steps:
  - {id: law, duties: all}
  - {id: draft, notice: short-notice, duty: eu-gdpr-33-controller-sa/initial, after: [law]}
  - {id: sign, approve: draft, by: {roles: [counsel]}, after: [draft]}
  - {id: hand-in, file: draft, duty: eu-gdpr-33-controller-sa/initial, role: commander, after: [sign]}
"""
NOTICE = """\
---
schema: tocsin/notice/v1
id: short-notice
version: 1.0.0
title: Notice of a breach
language: @language
requires:
  - {ref: "@refs", item: What happened, facts: [incident.summary]}
  - {ref: b, item: How it happened, facts: [incident.vector]}
forbids: @forbids
@more
---
@body
"""
BODY = """\
# Notice of a breach

{{ incident.summary }}

How: {{ incident.vector|label }}.
"""
FACTS = """\
schema: tocsin/facts/v1
source: the demo
organisation: {role: [controller], established_in: [DE], zone: Europe/Berlin}
incident: {aware_at: "2026-11-24T09:10:00+01:00", summary: Somebody read a mailbox.}
data: {involved: true, elements: [name, contact]}
risk: {to_people: high}
"""


def noticed(
    desk: AtDesk,
    folder: Path,
    *,
    body: str = BODY,
    language: str = "en",
    forbids: str = "[]",
    refs: str = "33(3)(a), 33(3)(b), 33(3)(c), 33(3)(d)",
    more: str = "",
    playbook: str = PLAYBOOK,
) -> AtDesk:
    """Open the incident; its notice is drafted, and one fact that it must say is missing."""
    desk.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"]})
    own = desk.home / "notices"
    own.mkdir(exist_ok=True)
    text = NOTICE.replace("@language", language).replace("@forbids", forbids).replace("@refs", refs)
    text = text.replace("@body", body).replace("@more\n", f"{more}\n" if more else "")
    (own / "short-notice.md").write_text(text, encoding="utf-8")
    for name, content in (("noticed.yaml", playbook), ("facts.yaml", FACTS)):
        (folder / name).write_text(content, encoding="utf-8")
    desk.done("open", str(folder / "noticed.yaml"), "--yes", "--facts", str(folder / "facts.yaml"))
    return desk


def verified(desk: AtDesk, step: str = "draft", by: str = "ada") -> None:
    """Verify every open item of the current texts of a step, by its numbers and its exact version."""
    for row in desk("notice", "list", "--format", "json").json["notices"]:
        open_ = [str(n) for n, item in enumerate(row["to_verify"], 1) if item not in row["ticks"]]
        if row["current"] and step in row["step"] and open_:
            desk.done("notice", "tick", row["step"], *open_, "--as", by, "--digest", row["digest"])


def rendered(desk: AtDesk) -> Any:
    """Return the newest rendering, as JSON."""
    return desk("notice", "list", "--format", "json").json["notices"][-1]
