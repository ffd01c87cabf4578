"""Shared parts of Slack messages and rooms: the app, and the meaning of errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from integrations.http import Reply, Request, exchange, json_object, retry_after
from integrations.http.service import Timed
from integrations.port import Outcome, Rejected, Throttled, Unknown

ID = re.compile(r"[A-Z][A-Z0-9]{1,31}", re.ASCII)

_HALF_DONE = "fatal_error internal_error service_unavailable"
_LATER = "ratelimited rate_limited message_limit_exceeded team_added_to_org org_login_required"
_RECIPIENT = (
    "channel_not_found user_not_found not_in_channel is_archived user_disabled messages_tab_disabled cannot_dm_bot"
    " restricted_action_read_only_channel restricted_action_thread_locked cant_invite user_is_restricted"
    " user_is_ultra_restricted ura_max_channels user_team_not_in_channel"
)
_ACCOUNT = (
    "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope no_permission access_denied"
    " not_allowed_token_type ekm_access_denied two_factor_setup_required team_access_not_granted accesslimited"
    " enterprise_is_restricted deprecated_endpoint method_deprecated restricted_action"
)
_MESSAGE = (
    "msg_too_long no_text invalid_blocks invalid_blocks_format msg_blocks_too_long metadata_too_large"
    " invalid_metadata_format invalid_arguments"
)
"""Slack's own words for its errors, by what they are about; a word that is not here is not repeated."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workspace's app. The secret ``token`` is its bot token, ``signing`` its signing secret."""

    api: str = "https://slack.com/api"
    button: str = ""
    """Label of a button with which a reader says that they have seen it; Slack must be able to call us back."""
    team: str = ""
    """Workspace (``T…``) whose callbacks are believed; any that the signing secret signs when empty."""
    test_to: str = ""
    """Where a self-test goes: a channel or user id of ours."""
    ca_file: str = ""


def method(settings: Settings, name: str) -> str:
    """Return the address of a method of the Web API."""
    return f"{settings.api.rstrip('/')}/{name}"


def ask(
    attempt: Timed, settings: Settings, name: str, query: Mapping[str, str], token: str
) -> dict[str, object]:
    """Return what a reading method says, or nothing unless it says ``ok``. Such a method takes no JSON body, but a query."""
    reply = exchange(
        Request(
            method="GET",
            url=f"{method(settings, name)}?{urlencode(query)}",
            at=attempt.at,
            headers={"Authorization": f"Bearer {token}"},
            timeouts=attempt.timeouts,
            ca_file=settings.ca_file,
            max_answer=2_000_000,
        )
    )
    said = json_object(reply.body) if isinstance(reply, Reply) and reply.complete else {}
    return said if said.get("ok") is True else {}


def refusal(said: dict[str, object], reply: object, at: datetime) -> Outcome:
    """Return what an answer means that does not say ``ok``."""
    error = said.get("error")
    if said.get("ok") is not False or not isinstance(error, str) or error in _HALF_DONE.split():
        return Unknown("the response of Slack does not state the outcome", "answer")
    if error in _LATER.split():
        wait = retry_after(reply, at) if isinstance(reply, Reply) else None
        return Throttled(wait, "Slack asks to retry later", error)
    if error in _RECIPIENT.split():
        return Rejected(error, "Slack cannot reach this address", about="recipient")
    if error in _ACCOUNT.split():
        return Rejected(error, "Slack does not allow this app to send the request", about="account")
    return Rejected(error if error in _MESSAGE.split() else "error", "Slack refused the request")
