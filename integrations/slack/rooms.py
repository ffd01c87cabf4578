"""Rooms on Slack: private channels, found again by the name that we choose. Whoever administers the workspace can get in.

A name belongs to one channel for good, so a second attempt is answered ``name_taken``; the channel is ours when our app
is a member of it, as it is of what it made. Slack shows private channels to their members alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from integrations.http.service import answered, member, send_json, usable
from integrations.port import Accepted, Invitation, NewRoom, Outcome, Rejected, Secrets, Unknown
from integrations.slack.api import ID, Settings, ask, method, refusal

PAGES = 20
"""How many hundreds of private channels of ours are looked through for one of a name."""
_INSIDE = frozenset({"already_in_channel", "already_invited", "cant_invite_self"})


def open_room(room: NewRoom, settings: Settings, secrets: Secrets) -> Outcome:
    """Make a private channel, or find the one that an earlier attempt made; its topic is set where that can be done."""
    try:
        token = usable(secrets, "token")
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    content = {"name": room.name, "is_private": True}
    reply = send_json(
        room, method(settings, "conversations.create"), content, token=token, ca_file=settings.ca_file
    )

    def read(said: dict[str, object]) -> Outcome:
        if said.get("ok") is True:
            return _named(member(said, "channel", "id"))
        return (
            _found(room, settings, token)
            if said.get("error") == "name_taken"
            else refusal(said, reply, room.at)
        )

    opened = answered(reply, room, read)
    if isinstance(opened, Accepted):
        topic = {"channel": opened.provider_id, "topic": room.title[:250]}
        send_json(
            room, method(settings, "conversations.setTopic"), topic, token=token, ca_file=settings.ca_file
        )
    return opened


def _named(given: object) -> Outcome:
    if isinstance(given, str) and ID.fullmatch(given):
        return Accepted(given)
    return Unknown("Slack answered ok without a channel", "answer")


def _found(room: NewRoom, settings: Settings, token: str) -> Outcome:
    for page in _pages(room, settings, token):
        if page is None:
            return Unknown("a channel with this name exists, and Slack does not state its owner", "answer")
        for channel in page:
            if member(channel, "name") == room.name:
                return _named(member(channel, "id"))
    return Rejected("name_taken", "a different channel with this name exists")


def _pages(room: NewRoom, settings: Settings, token: str) -> Iterator[list[object] | None]:
    """Yield the private channels that our app is in, a hundred at a time; None where it is not told in full."""
    cursor = ""
    for _ in range(PAGES):
        query = {"types": "private_channel", "exclude_archived": "true", "limit": "100", "cursor": cursor}
        said = ask(room, settings, "users.conversations", query, token)
        channels = said.get("channels")
        if not isinstance(channels, list):
            yield None
            return
        yield channels
        after = member(said, "response_metadata", "next_cursor")
        if not isinstance(after, str) or not after:
            return
        cursor = after
    yield None


def invite(invitation: Invitation, settings: Settings, secrets: Secrets) -> Outcome:
    """Let one person in; only a person's own id can be invited."""
    if invitation.recipient[:1] not in {"U", "W"}:
        return Rejected("address", "the contact is a conversation, not a person's own id", about="recipient")
    try:
        token = usable(secrets, "token")
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    content = {"channel": invitation.room, "users": invitation.recipient}
    reply = send_json(
        invitation, method(settings, "conversations.invite"), content, token=token, ca_file=settings.ca_file
    )

    def read(said: dict[str, object]) -> Outcome:
        if said.get("ok") is True or said.get("error") in _INSIDE:
            return Accepted()
        return refusal(said, reply, invitation.at)

    return answered(reply, invitation, read)


def room_address(room: str, settings: Settings) -> str:
    """Return a link that opens a channel in whatever Slack its reader has."""
    team = {"team": settings.team} if settings.team else {}
    return f"https://slack.com/app_redirect?{urlencode({'channel': room, **team})}"
