"""Rooms: private, found again by whoever opens them twice, and open to those alone who are invited."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations import matrix, slack
from integrations.port import Accepted, Invitation, NewRoom, NotSent, Outcome, Rejected, Throttled, Unknown
from integrations.slack import PAGES
from integrations.testing.chaos import closed_port
from integrations.testing.conformance import IMPATIENT
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.matrix import MARIA, US, Matrix
from tests.servers.stand_ins.matrix import TOKEN as MATRIX_TOKEN
from tests.servers.stand_ins.slack import APP, Slack
from tests.servers.stand_ins.slack import TOKEN as SLACK_TOKEN

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
NEW = NewRoom(name="tocsin-abc234", title="amber-falcon", at=AT, timeouts=IMPATIENT)
SECRETS = {"matrix": {"token": Held(MATRIX_TOKEN)}, "slack": {"token": Held(SLACK_TOKEN)}}
CONTACT = "!maria:breach.example"


def on_matrix(server: Matrix, **more: Any) -> matrix.Settings:
    return matrix.Settings(url=server.url, user=US, **more)


def opened(server: Matrix, **more: Any) -> Outcome:
    return matrix.open_room(NEW, on_matrix(server, **more), SECRETS["matrix"])


def invited(server: Matrix, room: str = "!opened0:breach.example", contact: str = CONTACT) -> Outcome:
    invitation = Invitation(room=room, recipient=contact, at=AT, timeouts=IMPATIENT)
    return matrix.invite(invitation, on_matrix(server), SECRETS["matrix"])


def made(server: Slack, **more: Any) -> Outcome:
    return slack.open_room(NEW, slack.Settings(api=server.url, **more), SECRETS["slack"])


def let_in(server: Slack, person: str, room: str = "C0ROOM0") -> Outcome:
    invitation = Invitation(room=room, recipient=person, at=AT, timeouts=IMPATIENT)
    return slack.invite(invitation, slack.Settings(api=server.url), SECRETS["slack"])


# --- Matrix -----------------------------------------------------------------------------------------------


def test_a_matrix_room_is_private_and_encrypted_and_shows_outsiders_nothing_but_its_name():
    with Matrix() as server:
        assert opened(server, federated=False) == Accepted("!opened0:breach.example")
        asked = server.opened["!opened0:breach.example"]
    assert (asked["preset"], asked["visibility"]) == ("private_chat", "private")
    assert asked["creation_content"] == {"m.federate": False}
    states = {one["type"]: one["content"] for one in asked["initial_state"]}
    assert states["m.room.encryption"] == {"algorithm": "m.megolm.v1.aes-sha2"}
    assert states["m.room.guest_access"] == {"guest_access": "forbidden"}
    assert (asked["room_alias_name"], asked["name"]) == ("tocsin-abc234", "amber-falcon")


def test_a_matrix_room_with_a_lost_answer_is_found_by_its_alias():
    with Matrix("lose_answer") as server:
        assert isinstance(opened(server), Unknown)
        assert opened(server) == Accepted("!opened0:breach.example")
        assert len(server.opened) == 1


@pytest.mark.parametrize("strange", [{"made_by": "@mallory:breach.example"}, {"initial_state": []}])
def test_a_matrix_room_that_another_made_or_that_is_not_encrypted_is_not_taken_for_ours(
    strange: dict[str, Any],
):
    with Matrix() as server:
        opened(server)
        server.opened["!opened0:breach.example"].update(strange)
        outcome = opened(server)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "M_ROOM_IN_USE"


def test_a_matrix_room_that_we_are_not_in_is_not_taken_for_ours():
    with Matrix() as server:
        opened(server)
        server.members["!opened0:breach.example"] = {MARIA: "join"}
        assert isinstance(opened(server), Rejected)


@pytest.mark.parametrize("acts", [("accept", "lose_answer"), ("accept", "accept", "fail")])
def test_a_matrix_room_that_cannot_be_looked_at_stays_unknown(acts: tuple[Any, ...]):
    with Matrix("accept", *acts) as server:
        opened(server)
        assert isinstance(opened(server), Unknown)


def test_a_homeserver_that_says_later_is_obeyed_and_a_wrong_token_is_refused():
    with Matrix("throttle") as server:
        assert isinstance(opened(server), Throttled)
        strange = matrix.open_room(NEW, on_matrix(server), {"token": Held("syt_other")})
        assert isinstance(strange, Rejected)
        assert (strange.code, strange.about) == ("M_UNKNOWN_TOKEN", "account")
        assert matrix.open_room(NEW, on_matrix(server), {}).code == "secret"
        assert server.opened == {}
    gone = matrix.Settings(url=f"http://127.0.0.1:{closed_port()}", user=US)
    assert isinstance(matrix.open_room(NEW, gone, SECRETS["matrix"]), NotSent)


def test_the_only_other_member_of_a_contact_room_is_invited_once():
    with Matrix() as server:
        opened(server)
        assert invited(server) == Accepted()
        assert server.members["!opened0:breach.example"][MARIA] == "invite"
        assert invited(server) == Accepted()
        server.members["!opened0:breach.example"][MARIA] = "join"
        assert invited(server) == Accepted()


@pytest.mark.parametrize("others", [(), ("@ben:breach.example", MARIA), ("no id",)])
def test_an_ambiguous_contact_room_invites_no_person(others: tuple[str, ...]):
    with Matrix() as server:
        opened(server)
        server.members[CONTACT] = {US: "join", **dict.fromkeys(others, "join")}
        outcome = invited(server)
        assert list(server.members["!opened0:breach.example"]) == [US]
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.about) == ("members", "recipient")


def test_refused_and_unanswered_invitations_have_their_outcome():
    with Matrix("accept", "lose_answer") as server:
        lost = invited(server, room="!nowhere:breach.example")
        assert isinstance(lost, Unknown)
        refused = invited(server, room="!nowhere:breach.example")
        assert isinstance(refused, Rejected)
        assert refused.code == "M_FORBIDDEN"
        assert invited(server, contact="!unknown:breach.example").code == "M_FORBIDDEN"
    with Matrix("lose_answer") as server:
        # Nobody was asked to let anybody in yet.
        assert isinstance(invited(server), NotSent)


def test_the_address_of_a_matrix_room_is_a_link_through_our_server():
    chosen = matrix.Settings(url="https://matrix.breach.example", user=US)
    shown = matrix.room_address("!opened0:breach.example", chosen)
    assert shown == "https://matrix.to/#/!opened0:breach.example?via=breach.example"


# --- Slack ------------------------------------------------------------------------------------------------


def test_a_slack_channel_is_private_and_its_topic_names_the_incident():
    with Slack() as server:
        assert made(server) == Accepted("C0ROOM0")
        (channel,) = server.channels
    assert (channel["name"], channel["is_private"]) == ("tocsin-abc234", True)
    assert channel["topic"]["value"] == "amber-falcon"


def test_a_slack_channel_with_a_lost_answer_is_found_on_any_page():
    with Slack("lose_answer") as server:
        server.page = 1
        server.channels.append({"id": "C0OTHER", "name": "other", "is_archived": False, "members": [APP]})
        assert isinstance(made(server), Unknown)
        assert made(server) == Accepted("C0ROOM1")
        assert len(server.channels) == 2


def test_a_slack_channel_beyond_the_page_limit_stays_unknown():
    with Slack("lose_answer") as server:
        server.page = 1
        for number in range(PAGES):
            server.channels.append(
                {"id": f"C0N{number}", "name": f"n{number}", "is_archived": False, "members": [APP]}
            )
        assert isinstance(made(server), Unknown)
        assert isinstance(made(server), Unknown)


def test_a_slack_channel_of_that_name_that_is_not_ours_is_not_taken_for_ours():
    with Slack() as server:
        server.channels.append(
            {"id": "C0X", "name": NEW.name, "is_archived": False, "members": ["U0MALLORY"]}
        )
        outcome = made(server)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "name_taken"


def test_a_slack_channel_that_cannot_be_looked_for_stays_unknown_and_a_topic_that_fails_does_no_harm():
    with Slack("accept", "fail") as server:
        assert made(server) == Accepted("C0ROOM0")
    with Slack("accept", "accept", "accept", "fail") as server:
        made(server)
        assert isinstance(made(server), Unknown)


def test_slack_invites_a_person_once_and_names_unknown_people():
    with Slack() as server:
        made(server)
        assert let_in(server, "U0MARIA") == Accepted()
        assert let_in(server, "U0MARIA") == Accepted()
        assert server.channels[0]["members"] == [APP, "U0MARIA"]
        stranger = let_in(server, "U0NOBODY")
        assert isinstance(stranger, Rejected)
        assert (stranger.code, stranger.about) == ("user_not_found", "recipient")
        assert let_in(server, "U0MARIA", room="C0GONE").code == "channel_not_found"
        assert let_in(server, "D0MARIA").code == "address"


def test_slack_refuses_without_a_token_and_says_later_in_its_own_words():
    with Slack("throttle") as server:
        assert isinstance(made(server), Throttled)
        assert slack.open_room(NEW, slack.Settings(api=server.url), {}).code == "secret"
        invitation = Invitation(room="C0ROOM0", recipient="U0MARIA", at=AT, timeouts=IMPATIENT)
        assert slack.invite(invitation, slack.Settings(api=server.url), {}).code == "secret"
        assert server.channels == []


def test_the_address_of_a_slack_channel_is_a_link_into_the_workspace():
    assert slack.room_address("C0ROOM0", slack.Settings()) == "https://slack.com/app_redirect?channel=C0ROOM0"
    assert slack.room_address("C0ROOM0", slack.Settings(team="T0X")).endswith("?channel=C0ROOM0&team=T0X")


# --- what they claim --------------------------------------------------------------------------------------


def test_an_encrypted_room_may_hear_more_than_a_message_and_nothing_is_opened_over_a_readable_line():
    sealed = matrix.capabilities(matrix.Settings(url="https://matrix.breach.example", user=US))
    assert (sealed.confidentiality, sealed.rooms) == ("internal", "restricted")
    assert slack.capabilities(slack.Settings()).rooms == "confidential"
    assert matrix.capabilities(matrix.Settings(url="http://matrix.breach.example", user=US)).rooms is None
