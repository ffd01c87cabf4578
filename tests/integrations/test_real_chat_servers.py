"""Matrix and ntfy against the real servers: what our stand-ins say of them is so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations import matrix, ntfy
from integrations.port import (
    Accepted,
    Answer,
    Invitation,
    NewRoom,
    NotSent,
    Outbound,
    Receipt,
    Rejected,
    Throttled,
    Timeouts,
    Unknown,
)
from integrations.testing.chaos import ChaosServer
from runner.effects.gateway.translation import Held
from tests.servers.chat import (
    Ntfy,
    Synapse,
    ntfy_program,
    relay,
    running_ntfy,
    running_synapse,
    synapse_python,
)
from tests.servers.needed import absent

pytestmark = pytest.mark.slow


def message(address: str, **more: str) -> Outbound:
    plain = Outbound(
        delivery="dlv-1",
        attempt=1,
        idempotency_key="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        recipient=address,
        subject="Störung",
        text="Bitte melden\n.\n<b>&",
        marking="INTERNAL",
        footer="Tocsin amber-falcon · dlv-1",
        at=datetime.now(UTC),
    )
    return msgspec.structs.replace(plain, **more)


@pytest.fixture(scope="module")
def push(tmp_path_factory) -> Iterator[Ntfy]:
    program = ntfy_program()
    if program is None:
        absent("ntfy", "apt-get install ntfy")
    with running_ntfy(program, tmp_path_factory.mktemp("ntfy")) as server:
        yield server


@pytest.fixture(scope="module")
def homeserver(tmp_path_factory) -> Iterator[Synapse]:
    python = synapse_python()
    if python is None:
        absent("synapse", "make servers")
    with running_synapse(python, tmp_path_factory.mktemp("synapse")) as server:
        yield server


def test_ntfy_publishes_refuses_and_throttles_like_the_simulated_server(push: Ntfy):
    settings, secrets = ntfy.Settings(url=push.url), {"token": Held(push.token)}
    assert isinstance(ntfy.send(message("oncall"), settings, secrets), Accepted)
    assert isinstance(ntfy.send(message("oncall", text="é" * 1200), settings, secrets), Accepted)
    first = ntfy.send(message("oncall"), settings, secrets)
    assert isinstance(first, Accepted)
    # The server of Debian is older than 2.16: nothing is published to replace the message.
    assert ntfy.recall(message("oncall"), first.provider_id, settings, secrets).code == "old_server"
    other = ntfy.send(message("elsewhere"), settings, secrets)
    assert (other.code, other.about) == ("40301", "recipient")
    stranger = ntfy.send(message("oncall"), settings, {"token": Held("tk_made_up")})
    assert (stranger.code, stranger.about) == ("40101", "account")
    outcomes = [ntfy.send(message("oncall"), settings, secrets) for _ in range(20)]
    assert outcomes[0] != outcomes[-1] == Throttled(None, "the service answered 429: retry later", "42901")


def test_a_homeserver_accepts_a_transaction_once_and_reports_readers(homeserver: Synapse):
    settings = matrix.Settings(url=homeserver.url, user="@tocsin:localhost")
    secrets = {"token": Held(homeserver.tokens["tocsin"])}
    first = matrix.send(message(homeserver.room), settings, secrets)
    assert isinstance(first, Accepted)
    homeserver.kill()
    assert isinstance(matrix.send(message(homeserver.room), settings, secrets), NotSent | Unknown)
    homeserver.start()
    assert matrix.send(message(homeserver.room), settings, secrets) == first
    assert_seen_and_read(homeserver, first.provider_id)
    assert_edited(homeserver, first.provider_id)
    assert_one_room_whatever_is_lost(homeserver)
    assert_refused(homeserver)
    assert_no_clear_text_into_an_encrypted_room(homeserver)
    # Last, since the homeserver takes no more for a while.
    assert_throttled(homeserver)


def assert_seen_and_read(homeserver: Synapse, event: str) -> None:
    relation = {"rel_type": "m.annotation", "event_id": event, "key": "✅"}
    homeserver.ask("maria", "PUT", f"rooms/{homeserver.room}/send/m.reaction/1", {"m.relates_to": relation})
    homeserver.ask("maria", "POST", f"rooms/{homeserver.room}/receipt/m.read/{event}", {})
    found: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        found.append(one)
        return True

    settings = matrix.Settings(url=homeserver.url, user="@tocsin:localhost")
    secrets = {"token": Held(homeserver.tokens["tocsin"])}
    assert matrix.collect(took, datetime.now(UTC), Timeouts(), settings, secrets) == ""
    seen, read = found
    assert isinstance(seen, Answer)
    assert (seen.sender, seen.text, seen.provider_id) == ("@maria:localhost", "✅", event)
    assert isinstance(read, Receipt)
    assert (read.kind, read.provider_id) == ("read", event)


def assert_edited(homeserver: Synapse, event: str) -> None:
    """A recall is one edit of the event, however often it is asked for."""
    settings = matrix.Settings(url=homeserver.url, user="@tocsin:localhost")
    secrets = {"token": Held(homeserver.tokens["tocsin"])}
    assert matrix.recall(message(homeserver.room, text=""), event, settings, secrets).code == "blocked"
    said = message(homeserver.room, text="Maria acknowledged")
    first, again = (matrix.recall(said, event, settings, secrets) for _ in range(2))
    assert isinstance(first, Accepted)
    assert first == again
    shown = homeserver.ask("maria", "GET", f"rooms/{homeserver.room}/event/{event}", {})
    edit = shown["unsigned"]["m.relations"]["m.replace"]
    assert edit["event_id"] == first.provider_id
    assert "Maria acknowledged" in edit["content"]["m.new_content"]["body"]


def assert_one_room_whatever_is_lost(homeserver: Synapse) -> None:
    """The answer to the first attempt is lost on the way, after the server has made the room."""
    new = NewRoom(name="tocsin-abc234", title="amber-falcon", at=datetime.now(UTC))
    secrets = {"token": Held(homeserver.tokens["tocsin"])}
    through = relay(homeserver.port, lambda request: b"/createRoom" in request.splitlines()[0])
    with ChaosServer(through) as lossy:
        broken = matrix.Settings(url=f"http://{lossy.host}:{lossy.port}", user="@tocsin:localhost")
        assert isinstance(matrix.open_room(new, broken, secrets), Unknown)
    settings = matrix.Settings(url=homeserver.url, user="@tocsin:localhost")
    outcome = matrix.open_room(new, settings, secrets)
    assert isinstance(outcome, Accepted)
    assert homeserver.ask("tocsin", "GET", "joined_rooms", {})["joined_rooms"].count(outcome.provider_id) == 1
    assert len(homeserver.ask("tocsin", "GET", "joined_rooms", {})["joined_rooms"]) == 2
    assert_private_and_encrypted(homeserver, outcome.provider_id)
    invitation = Invitation(room=outcome.provider_id, recipient=homeserver.room, at=datetime.now(UTC))
    assert matrix.invite(invitation, settings, secrets) == Accepted()
    assert matrix.invite(invitation, settings, secrets) == Accepted()
    homeserver.ask("maria", "POST", f"join/{outcome.provider_id}", {})
    assert matrix.invite(invitation, settings, secrets) == Accepted()
    squatted = matrix.Settings(url=homeserver.url, user="@maria:localhost")
    taken = matrix.open_room(new, squatted, {"token": Held(homeserver.tokens["maria"])})
    assert isinstance(taken, Rejected)
    assert taken.code == "M_ROOM_IN_USE"


def assert_private_and_encrypted(homeserver: Synapse, room: str) -> None:
    def state(kind: str) -> dict[str, object]:
        return homeserver.ask("tocsin", "GET", f"rooms/{room}/state/{kind}/", {})

    assert state("m.room.join_rules") == {"join_rule": "invite"}
    assert state("m.room.guest_access") == {"guest_access": "forbidden"}
    assert state("m.room.encryption") == {"algorithm": "m.megolm.v1.aes-sha2"}


def assert_no_clear_text_into_an_encrypted_room(homeserver: Synapse) -> None:
    cipher = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = homeserver.ask("tocsin", "POST", "createRoom", {"initial_state": [cipher]})["room_id"]
    settings = matrix.Settings(url=homeserver.url, user="@tocsin:localhost")
    outcome = matrix.send(message(room), settings, {"token": Held(homeserver.tokens["tocsin"])})
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.about) == ("encrypted_room", "recipient")
    said = homeserver.ask("tocsin", "GET", f"rooms/{room}/messages?dir=b&limit=100", {})["chunk"]
    assert "m.room.message" not in {one["type"] for one in said}


def assert_refused(homeserver: Synapse) -> None:
    settings = matrix.Settings(url=homeserver.url, user="@tocsin:localhost")
    stranger = matrix.send(message(homeserver.room), settings, {"token": Held("syt_made_up")})
    assert (stranger.code, stranger.about) == ("M_UNKNOWN_TOKEN", "account")
    ours = {"token": Held(homeserver.tokens["tocsin"])}
    away = matrix.send(message("!nowhere:localhost"), settings, ours)
    assert isinstance(away, Rejected)
    assert (away.code, away.about) == ("M_FORBIDDEN", "recipient")


def assert_throttled(homeserver: Synapse) -> None:
    settings = matrix.Settings(url=homeserver.url, user="@tocsin:localhost")
    secrets = {"token": Held(homeserver.tokens["tocsin"])}
    keys = (f"{n:032}" for n in range(40))
    outcomes = (matrix.send(message(homeserver.room, idempotency_key=key), settings, secrets) for key in keys)
    later = next(outcome for outcome in outcomes if isinstance(outcome, Throttled))
    assert later.code == "M_LIMIT_EXCEEDED"
    assert later.retry_after is not None
    assert timedelta(0) < later.retry_after < timedelta(minutes=1)
