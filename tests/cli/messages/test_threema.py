"""Threema, from the command line to the person: a key in the contact list, a sealed message, and a receipt."""

from __future__ import annotations

from tests.cli.at_desk import AtDesk
from tests.servers.stand_ins.threema import IDENTITY, PRIVATE, SECRET, Threema
from tests.web.served import delivery

CANARY = "Isolate the file servers"
PLAYBOOK = f"""\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {{counsel: {{title: Legal counsel}}}}
messages:
  alert: {{class: urgent-internal, text: "{CANARY}"}}
steps:
  - {{id: tell, message: alert, to: [role:counsel]}}
"""


def key_state(tocsin: AtDesk, *words: str) -> tuple[int, str]:
    said = tocsin("channel", "keys", "threema", *words, "--format", "json")
    [key] = said.json["keys"]
    return said.code, key["state"]


def channel_test(tocsin: AtDesk) -> str:
    tocsin("channel", "check", "--yes")
    [way] = tocsin("channel", "check", "--show", "--format", "json").json["ways"]
    return way["state"]


def blocked(tocsin: AtDesk) -> list[str]:
    """Return the rules that keep the channel out of the plan."""
    plan = tocsin("message", "plan", "urgent-internal", "--to", "person:ada", "--format", "json").json["plan"]
    return [one["rule"] for row in plan for one in row["refusals"]]


def test_only_a_contact_with_the_key_of_the_person_gets_a_message(tocsin: AtDesk) -> None:
    for name, text in (("secret", SECRET), ("key", PRIVATE)):
        (tocsin.home / name).write_text(text, encoding="utf-8")
        (tocsin.home / name).chmod(0o600)
    with Threema() as server:
        settings = {"identity": IDENTITY, "api": server.url}
        secrets = {"api_secret": "file:secret", "private_key": "file:key"}
        channels = {"threema": {"adapter": "threema", "settings": settings, "secrets": secrets}}
        people = {
            "ada": {"name": "Ada", "contacts": [{"channel": "threema", "address": "ADALOVE1"}]},
            "maria": {"name": "Maria"},
        }
        tocsin.settings(channels=channels, people=people, roles={"counsel": ["ada"]})
        assert blocked(tocsin) == ["contact"]
        assert (channel_test(tocsin), server.sent) == ("rejected", 0)
        assert {"keys", "threema"} <= set(tocsin("channel", "check", "--show").out.split())
        assert tocsin("channel", "keys", "threema", "--to", "maria").error == "unknown_contact"
        assert key_state(tocsin) == (0, "first")
        assert key_state(tocsin) == (0, "same")
        assert blocked(tocsin) == []
        playbook = tocsin.home.parent / "call-out.yaml"
        playbook.write_text(PLAYBOOK, encoding="utf-8")
        tocsin.done("open", str(playbook), "--yes")
        assert delivery(tocsin)["evidence"] == "accepted"
        assert [CANARY in text for _, _, text in server.read] == [True]
        assert CANARY.encode() not in b"".join(one.body for one in server.heard)
        server.people["ADALOVE1"] = server.people["BENCOLE2"]
        assert key_state(tocsin) == (1, "changed")
        assert channel_test(tocsin) == "rejected"
        assert (server.sent, key_state(tocsin, "--to", "ada", "--replace")) == (1, (0, "replaced"))
