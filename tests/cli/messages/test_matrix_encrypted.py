"""Matrix end to end, from the command line to a person's device, over a real homeserver that a witness stands before."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from integrations import matrix
from integrations.port import Accepted
from integrations.testing.chaos import ChaosServer, Talk
from integrations.testing.conformance import outbound
from runner.effects.gateway.translation import Held
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.servers.chat import Synapse, relay, running_synapse, synapse_python
from tests.servers.matrix_reader import CIPHER, CrossSigning, Reader
from tests.servers.needed import absent
from tests.web.served import delivery

pytest.importorskip("vodozemac", reason="NOT TESTED: the extra matrix-e2ee is not installed")
pytestmark = pytest.mark.slow

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
OPENING = """\
import sys
from pathlib import Path
from tests.cli.at_desk import AtDesk
print(AtDesk(Path(sys.argv[1])).done("open", sys.argv[2], "--yes"))
"""


class Witness:
    """Hears every request to the homeserver, and can kill a process instead of passing its request on."""

    def __init__(self, port: int) -> None:
        self.requests: list[bytes] = []
        self.fatal = b""
        """A path on which the process of ``victim`` dies, with its request not passed on."""
        self.victim: subprocess.Popen[str] | None = None
        self._pass = relay(port, lambda request: False)
        self.server = ChaosServer(self._talk)

    def _talk(self, talk: Talk) -> None:
        talk.hear_request()
        line = talk.heard.partition(b"\r\n")[0]
        self.requests.append(talk.heard)
        if self.victim is not None and self.fatal in line:
            self.victim.send_signal(signal.SIGKILL)
            self.victim.wait()
        else:
            self._pass(talk)

    def of(self, path: bytes) -> list[bytes]:
        """Return the bodies of the requests to a path, in order."""
        return [one.partition(b"\r\n\r\n")[2] for one in self.requests if path in one.partition(b"\r\n")[0]]


@pytest.fixture(scope="module")
def homeserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    python = synapse_python()
    if python is None:
        absent("synapse", "make servers")
    fast = "\nrc_message: {per_second: 1000, burst_count: 1000}\n"
    with running_synapse(python, tmp_path_factory.mktemp("synapse"), fast) as server:
        yield server


@pytest.fixture
def witness(homeserver: Synapse) -> Iterator[Witness]:
    witness = Witness(homeserver.port)
    with witness.server:
        yield witness


def encrypted_room(homeserver: Synapse) -> str:
    cipher = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": CIPHER}}
    asked = {"initial_state": [cipher], "invite": ["@maria:localhost"], "preset": "private_chat"}
    room = str(homeserver.ask("tocsin", "POST", "createRoom", asked)["room_id"])
    homeserver.ask("maria", "POST", f"join/{room}", {})
    return room


def furnish(tocsin: AtDesk, witness: Witness, homeserver: Synapse, room: str) -> Path:
    """Make a home that reaches Mia over Matrix; return a playbook that alerts her."""
    url = f"http://127.0.0.1:{witness.server.port}"
    (tocsin.home / "token").write_text(homeserver.tokens["tocsin"], encoding="utf-8")
    (tocsin.home / "token").chmod(0o600)
    settings = {"url": url, "user": "@tocsin:localhost", "encrypted": True}
    secrets = {"token": "file:token", "device": "file:matrix.device"}
    channels = {"matrix": {"adapter": "matrix", "settings": settings, "secrets": secrets}}
    people = {"mia": {"name": "Mia", "contacts": [{"channel": "matrix", "address": room}]}}
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["mia"]})
    playbook = tocsin.home.parent / "call-out.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    return playbook


def key_state(tocsin: AtDesk, *words: str) -> tuple[int, str]:
    said = tocsin("channel", "keys", "matrix", *words, "--format", "json")
    [key] = said.json["keys"]
    return said.code, key["state"]


def channel_test(tocsin: AtDesk) -> tuple[str, str]:
    """Send a channel test to Mia; return its state and its reason."""
    tocsin("channel", "check", "--yes")
    [way] = tocsin("channel", "check", "--show", "--format", "json").json["ways"]
    return way["state"], way["reason"]


def test_only_the_signed_devices_of_the_known_person_read_what_nobody_else_sees(
    tocsin: AtDesk, homeserver: Synapse, witness: Witness
) -> None:
    room = encrypted_room(homeserver)
    playbook = furnish(tocsin, witness, homeserver, room)
    phone, owner = Reader(homeserver, "maria"), CrossSigning()
    homeserver.login("maria", "laptop")
    laptop = Reader(homeserver, "maria", "laptop")
    owner.publish(homeserver, "maria")
    # No device of hers is signed, then her key is stored at its first use.
    assert key_state(tocsin) == (1, "failed")
    secret = tocsin.home / "matrix.device"
    kept = secret.read_text(encoding="utf-8")
    assert secret.stat().st_mode & 0o777 == 0o600
    phone.verify(owner)
    state, _ = channel_test(tocsin)
    assert (state, witness.of(b"/send/")) == ("rejected", [])
    assert key_state(tocsin) == (0, "first")
    assert key_state(tocsin) == (0, "same")
    assert secret.read_text(encoding="utf-8") == kept

    killed_between_commit_and_send(tocsin, witness, playbook)
    phone.sync()
    laptop.sync()
    [read] = phone.readable.values()
    assert CANARY in read["body"]
    assert read["m.mentions"] == {"room": True}
    assert laptop.readable == {}
    found = delivery(tocsin)
    assert [one["state"] for one in found["attempts"]] == ["unknown", "accepted"]
    assert found["evidence"] == "accepted"

    an_edit_is_encrypted_as_well(tocsin, witness, phone)
    a_copy_of_the_home_repeats_no_session(tocsin, witness)
    a_changed_key_gets_nothing(tocsin, homeserver, witness)
    for request in witness.requests:
        assert CANARY.encode() not in request
        assert b"m.room.message" not in request


def killed_between_commit_and_send(tocsin: AtDesk, witness: Witness, playbook: Path) -> None:
    """The process dies when its first byte of the message arrives; the next one sends the stored bytes."""
    command = [sys.executable, "-c", OPENING, str(tocsin.home), str(playbook)]
    witness.fatal = b"sendToDevice"
    witness.victim = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = witness.victim.communicate(timeout=PATIENCE)
    assert witness.victim.returncode == -signal.SIGKILL, said
    witness.victim = None
    [lost] = witness.of(b"sendToDevice")
    claimed = len(witness.of(b"keys/claim"))
    for name in range(1000):
        tocsin.chance.name(str(name))  # the dead process has used the first numbers
    for _ in range(4):
        tocsin.clock.advance(timedelta(minutes=1))
        tocsin("worker", "--once")
    assert len(witness.of(b"keys/claim")) == claimed
    assert set(witness.of(b"sendToDevice")) == {lost}
    assert len(set(witness.of(b"/send/m.room.encrypted/"))) == 1


def an_edit_is_encrypted_as_well(tocsin: AtDesk, witness: Witness, phone: Reader) -> None:
    [event] = phone.readable
    office = tocsin.office()
    channel = office.directory.channels["matrix"]
    [contact] = office.directory.people["mia"].contacts
    settings = matrix.Settings(**channel.settings)
    secrets = {name: Held((tocsin.home / at[5:]).read_text().strip()) for name, at in channel.secrets.items()}
    answered = msgspec.structs.replace(outbound(contact.address), text=f"Acknowledged. {CANARY}")
    assert isinstance(matrix.recall(answered, event, settings, secrets), Accepted)
    phone.sync()
    edit = list(phone.readable.values())[-1]
    assert edit["m.relates_to"] == {"rel_type": "m.replace", "event_id": event}
    assert CANARY in edit["m.new_content"]["body"]


def a_copy_of_the_home_repeats_no_session(tocsin: AtDesk, witness: Witness) -> None:
    """Two homes from one backup send: each message has a session of its own."""
    before = len(witness.of(b"/send/m.room.encrypted/"))
    copy = AtDesk(Path(shutil.copytree(tocsin.home, tocsin.home.parent / "copy")), store=tocsin.store)
    for desk in (tocsin, copy):
        assert channel_test(desk)[0] == "accepted"
    copy.close()
    events = [json.loads(body) for body in witness.of(b"/send/m.room.encrypted/")[before - 1 :]]
    assert len({event["session_id"] for event in events}) == len(events) == 3


def a_changed_key_gets_nothing(tocsin: AtDesk, homeserver: Synapse, witness: Witness) -> None:
    """A new master key is a new person until somebody has asked her."""
    homeserver.login("maria", "stranger")
    stranger = Reader(homeserver, "maria", "stranger")
    owner = CrossSigning()
    owner.publish(homeserver, "maria")
    stranger.verify(owner)
    before = len(witness.of(b"/send/"))
    state, reason = channel_test(tocsin)
    assert (state, "master" in reason) == ("rejected", True)
    assert len(witness.of(b"/send/")) == before
    assert key_state(tocsin) == (1, "changed")
    assert channel_test(tocsin)[0] == "rejected"
    assert key_state(tocsin, "--to", "mia", "--replace") == (0, "replaced")
    assert channel_test(tocsin)[0] == "accepted"
    stranger.sync()
    assert len(stranger.readable) == 1
