"""Every channel that the guide shows by itself has settings that its adapter takes, and nothing to complain about."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from integrations import modem
from integrations.discovery import BUILT_IN
from runner.effects.gateway.gateway import Gateway
from runner.routing.messaging import ChannelConfig
from tests.servers.stand_ins.push_service import VAPID

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
TESTED = Path(__file__).parents[2] / "docs/explanation/delivery.md"
GUIDE = Path(__file__).parents[2] / "docs/how-to/set-up-channels.md"
SHOWN = [
    (name, config)
    for fence in re.findall(r"```yaml\n(channels:.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    for name, config in yaml.safe_load(fence)["channels"].items()
]

MADE_UP = {
    "slack": "xoxb-made-up",
    "mattermost": "madeupkey4711",
    "pagerduty": "made-up-integration-key-12345678",
    "jsm": "made-up-api-key",
    "alert_source": "made-up-source-token",
    "apprise": "service://made-up",
    "web_push": VAPID,
    "threema": "0a" * 32,
}
"""Secrets in the form that an adapter asks for, where it asks for one."""


@pytest.mark.parametrize(("name", "config"), SHOWN, ids=[name for name, _ in SHOWN])
def test_a_channel_of_the_guide_is_one(name, config, tmp_path):
    if config["adapter"] == "modem":  # its daemon is not on this machine
        for folder in modem.FOLDERS:
            (tmp_path / folder).mkdir()
        config["settings"]["folder"] = str(tmp_path)
    channel = Gateway().channel(
        name,
        ChannelConfig(
            adapter=config["adapter"], settings=config.get("settings", {}), secrets=config.get("secrets", {})
        ),
    )
    made_up = MADE_UP.get(config["adapter"], "made-up-secret")
    secrets = dict.fromkeys(config.get("secrets", {}), made_up)
    assert [one.what for one in Gateway().lint(channel, secrets, AT)] == []


def test_the_channels_of_telephones_are_shown():
    adapters = {config["adapter"] for _, config in SHOWN}
    assert {"twilio_sms", "twilio_voice", "whatsapp", "signal", "smpp", "modem"} <= adapters


def test_every_adapter_is_in_the_guide():
    page = GUIDE.read_text(encoding="utf-8")
    assert [name for name in BUILT_IN if f"`{name}`" not in page] == []


def test_every_adapter_has_a_row_that_says_what_it_was_tested_against():
    rows = [
        line.split("|")[1]
        for line in TESTED.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row) if name in BUILT_IN) == sorted(
        BUILT_IN
    )
