"""Logging in with a token in place of a password: client credentials (RFC 6749 4.4), then SASL XOAUTH2.

A token is cached in this process until shortly before it expires, and dropped if a server refuses it. The token service is a
failure domain of its own: without it no email is sent.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from urllib.parse import urlencode

from integrations.http import Reply, Request, exchange, json_object, judge
from integrations.http.service import held, private, usable
from integrations.port import NotSent, Outcome, Rejected, Secrets, Throttled, Timeouts
from integrations.smtp import OAuth

EARLY = timedelta(minutes=5)
_TOKEN = re.compile(r"[!-~]{1,8000}")
_TOKENS: dict[tuple[str, ...], tuple[str, datetime]] = {}


def bearer(given: OAuth, secrets: Secrets, at: datetime, timeouts: Timeouts, ca_file: str) -> str | Outcome:
    """Return a token that is valid at ``at``, or why there is none."""
    secret = held(secrets, "client_secret")
    if isinstance(secret, Rejected):
        return secret
    key = _key(given, secret)
    if not private(given.token_url):
        return Rejected("token_url", "token_url is http: the client secret is not sent", about="account")
    token = _TOKENS.get(key)
    if token is not None and at < token[1]:
        return token[0]
    fields = {"grant_type": "client_credentials", "client_id": given.client_id, "scope": given.scope}
    request = Request(
        method="POST",
        url=given.token_url,
        at=at,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=urlencode({**fields, "client_secret": secret}).encode(),
        timeouts=timeouts,
        ca_file=ca_file,
    )
    return _read(exchange(request), at, key)


def _read(reply: Reply | Outcome, at: datetime, key: tuple[str, ...]) -> str | Outcome:
    if not isinstance(reply, Reply):
        return reply if isinstance(reply, Rejected) else NotSent("the token service did not answer")
    judged = judge(reply, at)
    if isinstance(judged, Throttled):
        return judged
    if isinstance(judged, Rejected):
        why = f"the token service refused the request with {judged.code}"
        return Rejected(judged.code, why, about="account")
    said = json_object(reply.body)
    token, holds = said.get("access_token"), said.get("expires_in")
    if judged is not None or not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return NotSent("the token service returned no token")
    span = timedelta(seconds=min(holds, 86_400)) if isinstance(holds, int) else timedelta()
    _TOKENS[key] = token, at + span - EARLY
    return token


def forget(given: OAuth, secrets: Secrets) -> None:
    """Drop a token that a server refused."""
    _TOKENS.pop(_key(given, usable(secrets, "client_secret")), None)


def _key(given: OAuth, secret: str) -> tuple[str, ...]:
    return given.token_url, given.client_id, given.scope, hashlib.sha256(secret.encode()).hexdigest()


def xoauth2(user: str, token: str) -> str:
    """Return the initial response of SASL XOAUTH2."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"
