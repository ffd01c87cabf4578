"""A domain that fails blocks the contacts that depend on it, over every channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
messages:
  alert: {class: urgent-internal, text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
  - {id: over, task: End it, role: counsel, after: [tell]}
"""


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """Two ways that share nothing; jonas's mailbox hangs on a tenant that no channel names, ada's does not."""

    def screen(name: str, priority: int) -> dict:
        path = str(tocsin.home / f"{name}.txt")
        return {"adapter": "console", "domains": [name], "priority": priority, "settings": {"path": path}}

    def person(*domains: str) -> dict:
        first = {"channel": "mail", "address": "x", "domains": list(domains)}
        return {"contacts": [first, {"channel": "pager", "address": "x"}]}

    tocsin.settings(
        channels={"mail": screen("mail", 10), "pager": screen("pager", 20)},
        people={"maria": {}, "jonas": person("tenant"), "ada": person()},
        roles={"counsel": ["jonas", "ada"]},
    )
    (tmp_path / "call-out.yaml").write_text(PLAYBOOK, encoding="utf-8")
    return tocsin


def opened(desk: AtDesk, folder: Path, *words: str) -> str:
    said = desk.done("open", str(folder / "call-out.yaml"), "--yes", "--format", "json", *words)
    return str(json.loads(said)["codename"])


def refused(desk: AtDesk, incident: str) -> dict[str, set[tuple[str, str]]]:
    rows = desk("message", "list", "--incident", incident, "--format", "json").json["deliveries"]
    return {row["recipient"]: {(r["channel"], r["rule"]) for r in row["refusals"]} for row in rows}


def test_a_domain_of_contacts_alone_is_listed_with_them_and_declared_without_a_warning(
    desk: AtDesk, tmp_path: Path
) -> None:
    opened(desk, tmp_path)
    rows = desk("domain", "list", "--format", "json").json["domains"]
    tenant = next(row for row in rows if row["domain"] == "tenant")
    assert tenant["channels"] == []
    (contact,) = tenant["contacts"]
    assert ("jonas" in contact, "mail" in contact) == (True, True)
    assert desk("domain", "declare-down", "tenant").warnings == []
    compare("domain.list-contacts", desk.done("domain", "list"), desk.home)


def test_a_domain_that_is_down_blocks_its_contacts_everywhere(desk: AtDesk, tmp_path: Path) -> None:
    first, second = opened(desk, tmp_path), opened(desk, tmp_path)
    desk.done("domain", "declare-down", "tenant", "--incident", first)
    desk("worker", "--once")
    for incident in (first, second):
        assert refused(desk, incident) == {"jonas": {("mail", "outage")}, "ada": set()}
    desk.done("domain", "declare-up", "tenant", "--incident", second)
    desk("worker", "--once")
    assert refused(desk, first)["jonas"] == set()


def test_an_incident_with_a_compromised_tenant_avoids_its_mailboxes(desk: AtDesk, tmp_path: Path) -> None:
    incident = opened(desk, tmp_path, "--compromised", "tenant")
    assert refused(desk, incident) == {"jonas": {("mail", "R1")}, "ada": set()}
    assert (desk.home / "mail.txt").read_text(encoding="utf-8").count("It begins") == 1, "to ada"


def test_a_domain_down_after_failures_blocks_its_contacts(desk: AtDesk, tmp_path: Path) -> None:
    office = desk.office()
    office.traffic.declare("tenant", "down", desk.clock.now())
    incident = opened(desk, tmp_path)
    assert refused(desk, incident)["jonas"] == {("mail", "outage")}
