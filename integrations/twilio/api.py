"""Shared parts of Twilio text messages and calls: the account, the responses, and signed callbacks.

Twilio has no idempotency key, so a lost answer remains unknown. But the address of its callbacks
contains Tocsin's key: a callback names the attempt even if its answer, and with it Twilio's own name for the
message, was lost.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from integrations.http import Reply, Request, exchange, json_object, judge, url_problem
from integrations.http.service import private
from integrations.port import (
    About,
    Callback,
    Capabilities,
    Finding,
    NotSent,
    Outbound,
    Outcome,
    Proof,
    Rejected,
    Secrets,
    Throttled,
    Unauthentic,
    Unknown,
    named,
    phone_problem,
)

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_ABOUT: dict[int, About] = {
    **dict.fromkeys((21211, 21214, 21217, 21219, 21610, 21612, 21614, 21635, 13224), "recipient"),
    **dict.fromkeys((30003, 30004, 30005, 30006, 63003, 63014, 63024), "recipient"),
    **dict.fromkeys((20003, 20005, 21210, 21212, 21215, 21216, 21408, 21603, 21606, 21660, 21703), "account"),
    **dict.fromkeys((21704, 30001, 30007, 30022, 30023, 30032, 30034, 63007, 63008), "account"),
}
"""Subjects of Twilio's error codes that are more exact than the status, and of failures in receipts.

21614 is a landline, 30001 a full queue, 30034 a number without a campaign, 30032 an unverified toll-free number;
63003 to 63024 are those of channels such as RCS.
"""
OPTED_OUT = frozenset({"21610", "63014"})
"""The person sent STOP, or blocked the sender in the messaging app."""
_LATER = frozenset({20429, 21611})
"""Too many requests; the queue of this sender is full."""


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Twilio account, and the address for its callbacks. The secret ``auth_token`` signs callbacks."""

    account: str
    """The account SID: ``AC`` and 32 hexadecimal digits."""
    api_key: str = ""
    """The SID of an API key; when set, requests are made with it and the secret ``api_key_secret``."""
    api: str = "https://api.twilio.com"
    callback_url: str = ""
    """The public address for this channel's callbacks, exactly as Twilio calls it; empty means no callbacks."""
    own_number: str = ""
    """An own telephone number for test messages."""


def phone_capabilities(
    settings: Account, *proofs: Proof, ack: Literal["reply", "button"], **more: Any
) -> Capabilities:
    """Return the capabilities of a channel over a number: readable or audible in transit, and bound to the number.

    Public, no personal data, an answer is not authority; without callbacks there are no answers and no further ``proofs``.
    """
    called_back = bool(settings.callback_url)
    return Capabilities(
        address_kind="phone",
        domains=frozenset({"twilio"}),
        confidentiality="public",
        personal_data="none",
        receipts=frozenset(("accepted", *(proofs if called_back else ()))),
        ack=ack if called_back else "none",
        ack_strength="seen" if called_back else "none",
        sim_swappable=True,
        called_back=True,
        secrets=required_secrets(settings),
        optional_secrets=frozenset({"auth_token_previous"}),
        **more,
    )


def request(
    method: str, what: str, fields: Mapping[str, str], outbound: Outbound, settings: Account, secrets: Secrets
) -> Reply | NotSent | Rejected | Unknown:
    """Make one call to the account's own part of the interface."""
    problem = _problem(settings, secrets)
    if problem:
        return Rejected("settings", problem, about="account")
    form = urlencode(fields)
    url = f"{settings.api}/2010-04-01/Accounts/{settings.account}/{what}.json"
    own = (settings.api_key, "api_key_secret") if settings.api_key else (settings.account, "auth_token")
    login = base64.b64encode(f"{own[0]}:{secrets[own[1]].reveal()}".encode()).decode()
    headers = {"Authorization": f"Basic {login}"}
    if method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return exchange(
        Request(
            method=method,
            url=url if method == "POST" else f"{url}?{form}",
            at=outbound.at,
            headers=headers,
            body=form.encode() if method == "POST" else b"",
            timeouts=outbound.timeouts,
            max_answer=1_000_000,
        )
    )


def outcome(reply: Reply | NotSent | Rejected | Unknown, at: datetime, prefix: str) -> Outcome:
    """Return the outcome of an answer; only a SID of the right kind means accepted."""
    if not isinstance(reply, Reply):
        return reply
    said = json_object(reply.body)
    judged = judge(reply, at)
    return (
        _refused(judged, said.get("code")) if isinstance(judged, Rejected) else judged or _taken(said, prefix)
    )


def _taken(said: Mapping[str, object], prefix: str) -> Outcome:
    sid = identifier(said, prefix)
    if sid and said.get("status") in {"failed", "undelivered", "canceled"}:
        return _refused(
            Rejected("failed", "the service accepted the message and failed it at once"),
            said.get("error_code"),
        )
    return named(sid, "the service reported success without a message id")


def identifier(said: Mapping[str, object], prefix: str) -> str:
    """Return the SID in an answer or callback, or the empty string without a valid SID."""
    given = said.get("sid")
    usable = isinstance(given, str) and re.fullmatch(prefix + "[0-9a-fA-F]{32}", given)
    return given if isinstance(given, str) and usable else ""


def _refused(judged: Rejected, code: object) -> Outcome:
    if not isinstance(code, int) or isinstance(code, bool) or not 0 < code < 100_000:
        return judged
    if code in _LATER:
        return Throttled(None, f"the service refused the message with {code}: retry later", str(code))
    reason, about = f"the service refused the message with {code}", _ABOUT.get(code, judged.about)
    return Rejected(str(code), reason, about=about, address="stopped" if str(code) in OPTED_OUT else "")


def about_of(code: str) -> About:
    """Return the subject of a receipt's code; an unknown code gives no information about the number."""
    return _ABOUT.get(int(code or 0), "message")


def number(address: object) -> str:
    """Return the telephone number in an address: other channels put their name before it (``rcs:+15005550006``)."""
    text = address if isinstance(address, str) else ""
    return text[text.find(":") + 1 :] if text.startswith(("rcs:", "whatsapp:")) else text


def callback_url(outbound: Outbound, settings: Account) -> str:
    """Return the callback address of one message: the key in it is not secret, and the signature covers it."""
    joint = "&" if "?" in settings.callback_url else "?"
    return f"{settings.callback_url}{joint}{urlencode({'key': outbound.idempotency_key})}"


def signature(token: str, url: str, fields: list[tuple[str, str]]) -> str:
    """Return the value of ``X-Twilio-Signature``: base64 of the HMAC-SHA-1 over the URL and every field, by name."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), "sha1").digest()).decode()


def believed(callback: Callback, settings: Account, secrets: Secrets) -> dict[str, str] | Unauthentic:
    """Return the fields of a callback with a valid signature; ``key`` is the key in its address.

    The address is that of the settings, with the received query: a proxy's changes to the rest, and
    a ``Host`` header, do not matter.
    """
    if callback.method != "POST" or "auth_token" not in secrets or not settings.callback_url:
        return Unauthentic(reason="not a POST, or auth_token or callback_url is missing")
    query = urlsplit(callback.path).query
    url = settings.callback_url.partition("?")[0] + (f"?{query}" if query else "")
    try:
        fields = parse_qsl(callback.body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return Unauthentic(reason="the body is not a form")
    given = callback.headers.get("x-twilio-signature", "").encode()
    tokens = [secrets[name].reveal() for name in ("auth_token", "auth_token_previous") if name in secrets]
    # Each is compared in constant time: the duration of the answer shows nothing.
    matches = [
        hmac.compare_digest(signature(token, spelt, fields).encode(), given)
        for token in tokens
        for spelt in _spellings(url)
    ]
    if not any(matches):
        return Unauthentic(reason="the signature is not valid")
    said = dict(fields)
    if said.get("AccountSid") != settings.account:
        return Unauthentic(reason="the callback is about another account")
    return {**said, "key": dict(parse_qsl(query)).get("key", "")}


def _spellings(url: str) -> tuple[str, str]:
    """Return an address with and without its port: Twilio signs either, as its own validator assumes."""
    parts = urlsplit(url)
    port = parts.netloc.rpartition(":")[2]
    standard = 443 if parts.scheme == "https" else 80
    other = parts.netloc.removesuffix(f":{port}") if port.isdigit() else f"{parts.netloc}:{standard}"
    return url, parts._replace(netloc=other).geturl()


def lint(settings: Account, secrets: Secrets) -> list[Finding]:
    """Find errors and leaks in the settings, without connecting."""
    findings = []
    if problem := _problem(settings, secrets):
        findings.append(Finding("error", problem, "secrets: {auth_token: env:NAME}"))
    if not settings.callback_url:
        what = "without callback_url, no receipt and no answer can be received"
        findings.append(Finding("warning", what, "https://host/path, reachable by Twilio"))
    elif not settings.callback_url.startswith("https://"):
        findings.append(Finding("error", "callback_url is not https", "https://host/path"))
    if settings.own_number and (problem := phone_problem(settings.own_number)):
        findings.append(Finding("error", f"own_number: {problem}", "+15005550006"))
    return findings


def _problem(settings: Account, secrets: Secrets) -> str:
    if not _ACCOUNT.fullmatch(settings.account):
        return "account is not AC and 32 hexadecimal digits"
    missing = [name for name in required_secrets(settings) if name not in secrets]
    if missing:
        return f"the secret {min(missing)} is missing"
    if problem := url_problem(settings.api):
        return f"api: {problem}"
    return "" if private(settings.api) else "api is http: others on the network can read the secrets"


def required_secrets(settings: Account) -> frozenset[str]:
    """Return the names of the secrets that an account needs."""
    return frozenset({"auth_token", "api_key_secret"} if settings.api_key else {"auth_token"})
