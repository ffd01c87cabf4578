"""Slack, by its Web API: ``chat.postMessage`` with a bot's token, and a button below the message.

Slack answers 200 also to refuse, so ``ok`` decides; two of its errors say that a part may be
done, and those are *unknown*. It has no idempotency key: the message contains the key as metadata, which can be
searched. The fallback text for pushes is only the subject. Links are not unfurled, so nobody fetches them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode

import msgspec

from integrations.http import Reply, json_object, retry_after
from integrations.http.service import (
    Refusals,
    Timed,
    answered,
    fetch,
    findings,
    held,
    identifier,
    listed,
    member,
    private,
    refusal,
    send_json,
    usable,
    web_capabilities,
)
from integrations.port import (
    PHONES,
    Accepted,
    Answer,
    Callback,
    CannotTell,
    Capabilities,
    Finding,
    Found,
    Invitation,
    NewRoom,
    NotSent,
    Outbound,
    Outcome,
    Parsed,
    Reconciled,
    Rejected,
    Secrets,
    Throttled,
    Unauthentic,
    Unknown,
    named,
    plain_body,
    self_test_to,
    unwritable,
)

ID = re.compile(r"[A-Z][A-Z0-9]{1,31}", re.ASCII)
_HALF_DONE = "fatal_error internal_error service_unavailable"
_LATER = "ratelimited rate_limited message_limit_exceeded team_added_to_org org_login_required"
_REFUSALS: Refusals = {
    "recipient": (
        "channel_not_found user_not_found not_in_channel is_archived user_disabled messages_tab_disabled"
        " cannot_dm_bot restricted_action_read_only_channel restricted_action_thread_locked cant_invite"
        " user_is_restricted user_is_ultra_restricted ura_max_channels user_team_not_in_channel"
        " message_not_found cant_update_message edit_window_closed",
        "Slack cannot reach this address",
    ),
    "account": (
        "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope no_permission"
        " access_denied not_allowed_token_type ekm_access_denied two_factor_setup_required"
        " team_access_not_granted accesslimited enterprise_is_restricted deprecated_endpoint"
        " method_deprecated restricted_action",
        "Slack does not allow this app to send the request",
    ),
    "message": (
        "msg_too_long no_text invalid_blocks invalid_blocks_format msg_blocks_too_long metadata_too_large"
        " invalid_metadata_format invalid_arguments",
        "Slack refused the request",
    ),
}
"""Slack's own words for its errors, by subject; other words are not repeated."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workspace's app. The secret ``token`` is its bot token, ``signing`` its signing secret."""

    api: str = "https://slack.com/api"
    button: str = ""
    """Label of a button that confirms reading; needs callbacks from Slack."""
    team: str = ""
    """Workspace (``T…``) whose callbacks are accepted; empty means any with a valid signature."""
    test_to: str = ""
    """Recipient of a test message: a channel or user id."""
    ca_file: str = ""


def method(settings: Settings, name: str) -> str:
    """Return the address of a method of the Web API."""
    return f"{settings.api.rstrip('/')}/{name}"


def call(
    attempt: Timed, settings: Settings, name: str, content: Mapping[str, object], token: str | Rejected
) -> Reply | NotSent | Rejected | Unknown:
    """Make one call of a method that writes."""
    return send_json(attempt, method(settings, name), content, token=token, ca_file=settings.ca_file)


def ask(
    attempt: Timed, settings: Settings, name: str, query: Mapping[str, str], token: str | Rejected
) -> dict[str, object]:
    """Return the answer of a reading method, or nothing without ``ok``. Such a method has a query instead of a JSON body."""
    reply = fetch(
        f"{method(settings, name)}?{urlencode(query)}",
        attempt.at,
        attempt.timeouts,
        token=token,
        ca_file=settings.ca_file,
        max_answer=2_000_000,
    )
    said = json_object(reply.body) if isinstance(reply, Reply) and reply.complete else {}
    return said if said.get("ok") is True else {}


def not_ok(said: dict[str, object], reply: object, at: datetime) -> Outcome:
    """Return the outcome of an answer without ``ok``."""
    error = said.get("error")
    if said.get("ok") is not False or not isinstance(error, str) or error in _HALF_DONE.split():
        return Unknown("the response of Slack does not state the outcome", "answer")
    if error in _LATER.split():
        wait = retry_after(reply, at) if isinstance(reply, Reply) else None
        return Throttled(wait, "Slack asks to retry later", error)
    return refusal(error, _REFUSALS) or Rejected("error", "Slack refused the request")


WINDOW = timedelta(minutes=5)
"""Maximum difference of a callback's timestamp from now, as Slack requires."""
LONGEST = 8_000
"""Characters of text: Slack accepts 50 blocks of 3,000, and refuses a message whose blocks are too long in sum."""
PIECE = 3_000
EVENT = "tocsin_message"
ACTION = "tocsin_seen"
_STAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}", re.ASCII)


def capabilities(settings: Settings) -> Capabilities:
    """One provider over TLS. Any user of a reader's session can press the button: it shows only *seen*."""
    return web_capabilities(
        settings.api,
        "slack",
        called_back=bool(settings.button),
        ack="button" if settings.button else "none",
        ack_strength="seen" if settings.button else "none",
        reconcile="query",
        max_length=LONGEST,
        rates=("1/s burst 5",),  # chat.postMessage, for each conversation
        push=PHONES,
        secrets=frozenset({"token", "signing"} if settings.button else {"token"}),
        optional_secrets=frozenset() if settings.button else frozenset({"signing"}),
        rooms="confidential" if private(settings.api) else None,
    )


def address_problem(address: str) -> str:
    """An address is an id, never a name: names can be taken over."""
    if ID.fullmatch(address) and address[0] in "CDGUW":
        return ""
    return "a Slack address is the id of a channel or a person: C…, G…, D…, U… or W…"


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post one message; only ``ok`` with a timestamp means accepted."""
    if len(outbound.text) > LONGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters")
    return _posted(
        outbound, settings, "chat.postMessage", _content(outbound, settings), held(secrets, "token")
    )


def _posted(
    outbound: Outbound, settings: Settings, name: str, content: Mapping[str, object], token: str | Rejected
) -> Outcome:
    """Return the outcome of a method that writes a message."""
    reply = call(outbound, settings, name, content, token)

    def read(said: dict[str, object]) -> Outcome:
        if said.get("ok") is True:
            return named(_stamp(said.get("ts")), "Slack answered ok without a message")
        return not_ok(said, reply, outbound.at)

    return answered(reply, outbound, read)


def _content(outbound: Outbound, settings: Settings) -> dict[str, object]:
    whole = f"{outbound.subject}\n\n{plain_body(outbound)}"
    blocks: list[object] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": piece}} for piece in _pieces(whole)
    ]
    if settings.button:
        label = {"type": "plain_text", "text": settings.button[:75]}
        button = {"type": "button", "action_id": ACTION, "text": label, "value": outbound.idempotency_key}
        blocks.append({"type": "actions", "elements": [button]})
    return {
        "channel": outbound.recipient,
        "text": _escaped(outbound.subject),
        "blocks": blocks,
        "metadata": {"event_type": EVENT, "event_payload": {"key": outbound.idempotency_key}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _escaped(text: str) -> str:
    """Escape the three characters of Slack's mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _pieces(text: str) -> Iterator[str]:
    """Yield the escaped text in sections, cut between lines, or within a very long line."""
    piece = ""
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), PIECE // 5):
            part = _escaped(line[start : start + PIECE // 5])
            if piece.strip() and len(piece) + len(part) > PIECE:
                yield piece
                piece = ""
            piece += part
    if piece.strip():
        yield piece


def _stamp(given: object) -> str:
    """Return a message's timestamp, its name in its conversation; the conversation itself is an address."""
    return given if isinstance(given, str) and _STAMP.fullmatch(given) else ""


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Rewrite the message, without its button. A person's conversation has an id of its own, which Slack is asked for."""
    if barred := unwritable(outbound, provider_id):
        return barred
    token, channel = held(secrets, "token"), outbound.recipient
    if channel[:1] in {"U", "W"}:
        reply = call(outbound, settings, "conversations.open", {"users": channel}, token)

        def opened(said: dict[str, object]) -> Outcome:
            if said.get("ok") is True:
                return _named(member(said, "channel", "id"))
            return not_ok(said, reply, outbound.at)

        found = answered(reply, outbound, opened)
        if not isinstance(found, Accepted):
            return found
        channel = found.provider_id
    plain = _content(outbound, msgspec.structs.replace(settings, button=""))
    content = {name: plain[name] for name in ("text", "blocks", "metadata")}
    return _posted(
        outbound, settings, "chat.update", {**content, "channel": channel, "ts": provider_id}, token
    )


def reconcile(outbound: Outbound, settings: Settings, secrets: Secrets) -> Reconciled:
    """Look for the key among the last messages of a channel. An absent key proves nothing: scopes, other pages."""
    token = held(secrets, "token")
    if isinstance(token, Rejected):
        return CannotTell("the token is not usable")
    if outbound.recipient[:1] not in {"C", "D", "G"}:
        return CannotTell("the history of a conversation needs its own id, not the id of a person")
    query = {"channel": outbound.recipient, "include_all_metadata": "true", "limit": "50"}
    said = ask(outbound, settings, "conversations.history", query, token)
    for message in listed(said.get("messages")):
        if member(message, "metadata", "event_payload", "key") == outbound.idempotency_key:
            return Found(_stamp(member(message, "ts")))
    return CannotTell("the history of Slack does not contain the message")


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Check Slack's signature ``v0`` over the raw bytes; only a press of Tocsin's button is an answer."""
    try:
        key = usable(secrets, "signing")
        timestamp = int(callback.headers.get("x-slack-request-timestamp", ""))
    except ValueError:
        return Unauthentic(reason="no usable timestamp or key")
    if abs(int(callback.at.timestamp()) - timestamp) > WINDOW.total_seconds():
        return Unauthentic(reason="the timestamp is outside the window")
    wanted = signature(key, timestamp, callback.body).encode()
    if not hmac.compare_digest(
        wanted, callback.headers.get("x-slack-signature", "").encode("utf-8", "replace")
    ):
        return Unauthentic(reason="the signature is not valid")
    return _presses(callback.body, settings.team)


def signature(key: str, timestamp: int, body: bytes) -> str:
    """Return ``v0=`` and the hexadecimal HMAC-SHA-256 over ``v0:timestamp:body``."""
    return "v0=" + hmac.new(key.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


def _presses(body: bytes, team: str) -> tuple[Answer, ...]:
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=10)
    except ValueError:
        return ()
    said = json_object(form.get("payload", [""])[0].encode())
    sender = identifier(member(said, "user", "id"))
    actions = said.get("actions")
    if said.get("type") != "block_actions" or not sender or not isinstance(actions, list):
        return ()
    if team and member(said, "team", "id") != team:
        return ()
    digest = hashlib.sha256(body).hexdigest()[:32]
    keys = [
        identifier(member(action, "value")) for action in actions if member(action, "action_id") == ACTION
    ]
    # Only in a direct conversation, whose id begins with D, the person who presses is the recipient.
    shared = not identifier(member(said, "channel", "id")).startswith("D")
    return tuple(
        Answer(event_id=f"{digest}-{n}", sender=sender, text="seen", idempotency_key=key, shared=shared)
        for n, key in enumerate(keys)
        if key
    )


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = list(findings(settings.api, secrets, *sorted(capabilities(settings).secrets)))
    if "token" in secrets and not secrets["token"].reveal().startswith("xoxb-"):
        what = "the token is not a bot token: it can act for a person"
        found.append(Finding("warning", what, "Use the Bot User OAuth Token, xoxb-…"))
    if settings.test_to and (problem := address_problem(settings.test_to)):
        found.append(Finding("error", f"test_to: {problem}"))
    return tuple(found)


self_test = self_test_to(send, "test_to")


PAGES = 20
"""Hundreds of private channels that are searched for a name."""
_INSIDE = frozenset({"already_in_channel", "already_invited", "cant_invite_self"})


def open_room(room: NewRoom, settings: Settings, secrets: Secrets) -> Outcome:
    """Make a private channel, or find the channel of an earlier attempt; its topic is set if possible."""
    token = held(secrets, "token")
    content = {"name": room.name, "is_private": True}
    reply = call(room, settings, "conversations.create", content, token)

    def read(said: dict[str, object]) -> Outcome:
        if said.get("ok") is True:
            return _named(member(said, "channel", "id"))
        taken = said.get("error") == "name_taken"
        return _found(room, settings, token) if taken else not_ok(said, reply, room.at)

    opened = answered(reply, room, read)
    if isinstance(opened, Accepted):
        topic = {"channel": opened.provider_id, "topic": room.title[:250]}
        call(room, settings, "conversations.setTopic", topic, token)
    return opened


def _named(given: object) -> Outcome:
    name = given if isinstance(given, str) and ID.fullmatch(given) else ""
    return named(name, "Slack answered ok without a channel")


def _found(room: NewRoom, settings: Settings, token: str | Rejected) -> Outcome:
    for page in _pages(room, settings, token):
        if page is None:
            return Unknown("a channel with this name exists, and Slack does not state its owner", "answer")
        for channel in page:
            if member(channel, "name") == room.name:
                return _named(member(channel, "id"))
    return Rejected("name_taken", "a different channel with this name exists")


def _pages(room: NewRoom, settings: Settings, token: str | Rejected) -> Iterator[list[object] | None]:
    """Yield the private channels of Tocsin's app, a hundred at a time; None if the list is incomplete."""
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
    """Invite one person; only a person's own id can be invited."""
    if invitation.recipient[:1] not in {"U", "W"}:
        return Rejected("address", "the contact is a conversation, not a person's own id", about="recipient")
    token = held(secrets, "token")
    content = {"channel": invitation.room, "users": invitation.recipient}
    reply = call(invitation, settings, "conversations.invite", content, token)

    def read(said: dict[str, object]) -> Outcome:
        if said.get("ok") is True or said.get("error") in _INSIDE:
            return Accepted()
        return not_ok(said, reply, invitation.at)

    return answered(reply, invitation, read)


def room_address(room: str, settings: Settings) -> str:
    """Return a link that opens a channel in any Slack client."""
    team = {"team": settings.team} if settings.team else {}
    return f"https://slack.com/app_redirect?{urlencode({'channel': room, **team})}"
