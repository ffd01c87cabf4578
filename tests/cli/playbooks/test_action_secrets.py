"""Secrets of automatic actions: only those of the settings' list, in one form, never what Tocsin itself needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.testing.chaos import ChaosServer, Talk
from tests.cli.at_desk import AtDesk, Said

CALL = """\
schema: tocsin/playbook/v1
name: isolate
version: 1.0.0
title: Isolate
steps:
  - {{id: cut, act: Cut it off, http: {{url: "http://127.0.0.1:{port}/x", headers: {{X-Auth: "{value}"}}}}}}
"""
OUTER = """\
schema: tocsin/playbook/v1
name: outer
version: 1.0.0
title: Outer
steps:
  - {id: inner, playbook: isolate}
"""


class Receiver:
    """A service that keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.server = ChaosServer(self._answer)

    def _answer(self, talk: Talk) -> None:
        talk.hear_request()
        self.asked.append(bytes(talk.heard).decode())
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with found.server:
        yield found


@pytest.fixture
def desk(tocsin: AtDesk) -> AtDesk:
    """A home whose actions may call the loopback, with a secret in a file."""
    (tocsin.home / "edr.token").write_text("s3cret\n")
    allow(tocsin, {"edr": "file:edr.token"})
    return tocsin


def allow(desk: AtDesk, secrets: dict[str, str], **more: Any) -> None:
    channels = dict(desk.channels["channels"])
    channels["pager"] = {
        "adapter": "webhook",
        "settings": {"url": "http://127.0.0.1:9/hook"},
        "secrets": {"signing": "file:webhook.key"},
    }
    desk.settings(channels=channels, act={"hosts": ["127.0.0.1"], "secrets": secrets, **more})


def written(desk: AtDesk, value: str, port: int = 9) -> str:
    path = desk.home.parent / "isolate.yaml"
    path.write_text(CALL.format(port=port, value=value), encoding="utf-8")
    return str(path)


def codes(said: Said) -> list[str]:
    return [problem["code"] for problem in said.json["problems"]]


@pytest.mark.parametrize(
    ("value", "sent"), [("secret:edr", "s3cret"), ("Bearer secret:edr", "Bearer s3cret")]
)
def test_a_listed_secret_is_sent_and_shown_beforehand(
    desk: AtDesk, receiver: Receiver, value: str, sent: str
) -> None:
    path = written(desk, value, receiver.server.port)
    expected = [
        {"playbook": "isolate", "step": "cut", "host": "127.0.0.1", "secrets": ["edr"], "refused": []}
    ]
    assert desk("playbook", "validate", path, "--format", "json").json["http_calls"] == expected
    assert desk("playbook", "show", path, "--format", "json").json["http_calls"] == expected
    assert desk("open", path, "--yes", "--format", "json").json["http_calls"] == expected
    assert f"X-Auth: {sent}\r\n" in receiver.asked[0]


def test_calls_of_an_included_playbook_are_shown_with_the_outer_one(desk: AtDesk) -> None:
    written(desk, "secret:edr")
    outer = desk.home.parent / "outer.yaml"
    outer.write_text(OUTER, encoding="utf-8")
    for words in (("playbook", "validate"), ("playbook", "show")):
        calls = desk(*words, str(outer), "--format", "json").json["http_calls"]
        assert [(call["playbook"], call["host"], call["secrets"]) for call in calls] == [
            ("isolate", "127.0.0.1", ["edr"])
        ]


@pytest.mark.parametrize(
    "value",
    [
        "secret:file:master.key",
        "secret:env:HOME",
        "secret:keyring:tocsin/key",
        "env:EDR_TOKEN",
        "Bearer env:EDR_TOKEN",
        "file:edr.token",
        "keyring:tocsin/key",
        "$EDR_TOKEN",
        "Bearer ${EDR_TOKEN}",
        "secret:",
    ],
)
def test_every_other_form_of_a_reference_is_an_error(desk: AtDesk, value: str) -> None:
    said = desk("playbook", "validate", written(desk, value), "--format", "json")
    assert (said.code, "secret-form" in codes(said)) == (1, True)


def test_a_name_that_is_not_listed_is_an_error_with_a_home_and_cannot_be_checked_without_one(
    desk: AtDesk, tmp_path: Path
) -> None:
    path = written(desk, "secret:edrr")
    said = desk("playbook", "validate", path, "--format", "json")
    assert (said.code, codes(said)) == (1, ["unknown-secret"])
    nowhere = AtDesk(tmp_path / "nowhere")
    said = nowhere("playbook", "validate", path, "--format", "json")
    assert (said.code, codes(said)) == (0, ["secret-not-checked"])
    assert desk("open", path, "--yes", "--format", "json").json["http_calls"][0]["refused"] == [
        "unknown-secret"
    ]


def test_a_form_that_was_pinned_before_is_refused_when_it_is_used(desk: AtDesk, receiver: Receiver) -> None:
    from runner.effects.actions import act
    from runner.incident.state.work import DoAct
    from runner.playbook.format import Act, HttpCall

    desk.done("open", written(desk, "secret:edr", receiver.server.port), "--yes")
    receiver.asked.clear()
    office = desk.office()
    incident = office.load("i-1")
    old = HttpCall(url=f"http://127.0.0.1:{receiver.server.port}/", headers={"X-A": "secret:file:master.key"})
    work = DoAct(
        incident="i-1",
        step="cut",
        n=2,
        key="k",
        action=Act(id="cut", act="Cut", http=old),
        time_limit=timedelta(seconds=5),
    )
    assert act(work, incident, office.tools(incident)).result.state == "rejected"
    assert receiver.asked == []


def private(home: Path) -> dict[str, str]:
    """Return references to the master key and to a channel's secret, by many paths."""
    (home / "webhook.key").write_text("whsec_abc")
    (home / "soft.key").symlink_to(home / "master.key")
    os.link(home / "master.key", home / "hard.key")
    (home / "folder").symlink_to(home, target_is_directory=True)
    return {
        "key": "file:master.key",
        "path": f"file:{home}/../{home.name}/master.key",
        "soft": "file:soft.key",
        "hard": "file:hard.key",
        "folder": "file:folder/master.key",
        "channel": "file:./webhook.key",
    }


def test_secrets_of_the_program_cannot_be_allowed_for_actions(desk: AtDesk) -> None:
    secrets = private(desk.home)
    for name, reference in secrets.items():
        allow(desk, {name: reference})
        said = desk("list", "--format", "json")
        assert (said.code, codes(said)) == (1, ["secret-private"]), name


def test_a_file_that_becomes_the_master_key_later_is_refused_when_it_is_used(
    desk: AtDesk, receiver: Receiver
) -> None:
    token = desk.home / "edr.token"
    token.unlink()
    token.write_bytes((desk.home / "master.key").read_bytes())
    desk.done("open", written(desk, "secret:edr", receiver.server.port), "--yes")
    assert receiver.asked == []


def test_the_environment_of_a_local_command_is_small(desk: AtDesk) -> None:
    out = desk.home / "seen"
    allow(desk, {}, commands=True, environment=["EDR_PROFILE"])
    path = desk.home.parent / "local.yaml"
    path.write_text(
        CALL.split("steps:")[0].replace("{{", "{")
        + f'steps:\n  - {{id: see, act: Look, command: [sh, -c, "env > {out}"]}}\n',
        encoding="utf-8",
    )
    subprocess.run(
        [sys.executable, "-m", "runner", "open", str(path), "--yes", "--home", str(desk.home)],
        env={**os.environ, "EDR_TOKEN": "s3cret", "EDR_PROFILE": "prod"},
        check=True,
        capture_output=True,
    )
    names = {line.partition("=")[0] for line in out.read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} <= {
        *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "EDR_PROFILE")
    }
    assert {"PATH", "EDR_PROFILE"} <= names


@pytest.mark.parametrize("name", ["TOCSIN_MASTER", "PAGER_KEY"])
def test_a_variable_that_holds_a_secret_of_tocsin_is_passed_to_no_command(desk: AtDesk, name: str) -> None:
    channels = {"pager": {"adapter": "webhook", "settings": {}, "secrets": {"signing": "env:PAGER_KEY"}}}
    desk.settings(master_key="env:TOCSIN_MASTER", channels=channels, act={"environment": [name]})
    said = desk("list", "--format", "json")
    assert (said.code, codes(said)) == (1, ["secret-private"])


def test_a_missing_listed_secret_is_reported_by_doctor(desk: AtDesk) -> None:
    allow(desk, {"edr": "file:nowhere.token"})
    said = desk("doctor", "--format", "json")
    found = [finding["code"] for finding in said.json["findings"] if finding["area"] == "actions"]
    assert (said.code, found) == (4, ["secret_missing"])


def test_a_playbook_is_shown_though_the_settings_are_wrong(desk: AtDesk) -> None:
    path = written(desk, "secret:edr")
    allow(desk, {"edr": "file:master.key"})
    calls = desk("playbook", "show", path, "--format", "json").json["http_calls"]
    assert calls[0]["refused"] == []
