"""Shared parts of HTTP adapters: secrets, sending of a JSON document, checks of the response.

A service's answer is hostile until checked: an identifier is kept only in its required form, a
code only if it is on the adapter's own list, and nothing else of an answer is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from integrations.http import Reply, Request, exchange, json_object, judge, url_problem
from integrations.port import (
    LOOPBACK,
    About,
    Capabilities,
    Confidentiality,
    Finding,
    Invitation,
    NewRoom,
    NotSent,
    Outbound,
    Outcome,
    PersonalData,
    Query,
    Rejected,
    Secrets,
    Timeouts,
    Unknown,
    machine_of,
)

LONGEST_IDENTIFIER = 256


Timed = Outbound | NewRoom | Invitation | Query
"""An attempt of any kind: its time, and its timeouts."""


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, or the empty string if it has none or is invalid."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def service_of(url: str) -> str:
    """Return the failure domain of the service at a URL, ``host:NAME:PORT``; other ports of its machine are other services."""
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    return f"host:{host_of(url)}:{port or (443 if url.lower().startswith('https:') else 80)}"


def private(url: str) -> bool:
    """Return whether the connection is private: TLS, or a host on this machine."""
    return url.startswith("https://") or host_of(url) in LOOPBACK


def usable(secrets: Secrets, name: str) -> str:
    """Return a secret that is valid in a header; ``ValueError`` names a missing or invalid secret, without its text."""
    if name not in secrets:
        raise ValueError(f"the secret {name} is missing")
    text = secrets[name].reveal().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"the secret {name} is not one word of printable ASCII")
    return text


def held(secrets: Secrets, name: str) -> str | Rejected:
    """Return a secret as ``usable`` does, or the outcome "not sent" without it."""
    try:
        return usable(secrets, name)
    except ValueError as error:
        return Rejected("secret", str(error), about="account")


def web_capabilities(
    url: str,
    *domains: str,
    up_to: Confidentiality = "confidential",
    personal_data: PersonalData = "contact",
    **more: Any,
) -> Capabilities:
    """Return the capabilities of a channel to a service at a URL; without TLS over a network it carries only public messages."""
    secure = private(url)
    claimed: dict[str, Any] = {
        "address_kind": "handle",
        "domains": frozenset({*domains, service_of(url)}),
        "hosts": machine_of(host_of(url)),
        "confidentiality": up_to if secure else "public",
        "personal_data": personal_data if secure else "none",
    }
    return Capabilities(**claimed | more)


def findings(url: str, secrets: Secrets, *needed: str) -> tuple[Finding, ...]:
    """Find a URL that cannot be called or has no TLS, and secrets that are missing or invalid."""
    found: list[Finding] = []
    if problem := url_problem(url):
        found.append(Finding("error", problem, "https://host/path"))
    elif not private(url):
        what = "the URL is http: others on the network can read and drop messages"
        found.append(Finding("warning", what, "Use https."))
    for name in needed:
        try:
            usable(secrets, name)
        except ValueError as error:
            found.append(Finding("error", str(error), f"secrets: {{{name}: env:NAME}}"))
    return tuple(found)


def send_json(
    attempt: Timed,
    url: str,
    content: Mapping[str, object],
    *,
    method: str = "POST",
    token: str | Rejected = "",
    scheme: str = "Bearer",
    ca_file: str = "",
    max_answer: int = 65_536,
) -> Reply | NotSent | Rejected | Unknown:
    """Send one JSON document once; ``token``, as ``held`` returns it, is used only in the header ``Authorization``."""
    if isinstance(token, Rejected):
        return token
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if token:
        headers["Authorization"] = f"{scheme} {token}"
    return exchange(
        Request(
            method=method,
            url=url,
            at=attempt.at,
            headers=headers,
            body=compact(content),
            timeouts=attempt.timeouts,
            ca_file=ca_file,
            max_answer=max_answer,
        )
    )


def fetch(
    url: str, at: datetime, timeouts: Timeouts, *, token: str | Rejected, ca_file: str, max_answer: int
) -> Reply | NotSent | Rejected | Unknown:
    """Make one GET; ``token``, as ``held`` returns it, is used only in the header ``Authorization``."""
    if isinstance(token, Rejected):
        return token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return exchange(
        Request(
            method="GET",
            url=url,
            at=at,
            headers=headers,
            timeouts=timeouts,
            ca_file=ca_file,
            max_answer=max_answer,
        )
    )


def compact(content: Mapping[str, object]) -> bytes:
    """Return the bytes of a document: the same for the same content."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def answered(
    reply: Reply | NotSent | Rejected | Unknown,
    attempt: Timed,
    read: Callable[[dict[str, object]], Outcome],
) -> Outcome:
    """Return the outcome of a request; ``read`` gets the JSON object of a complete 2xx."""
    if isinstance(reply, Reply):
        return judge(reply, attempt.at) or read(json_object(reply.body))
    return reply


Refusals = Mapping[About, tuple[str, str]]
"""A service's own words for its errors, by subject: the words, and Tocsin's text for them."""


def refusal(error: object, known: Refusals) -> Rejected | None:
    """Return the meaning of a service's error word; None for an unknown word, which is not repeated."""
    for about, (words, reason) in known.items():
        if isinstance(error, str) and error in words.split():
            return Rejected(error, reason, about=about)
    return None


def identifier(given: object, also: str = "-_") -> str:
    """Return a service's identifier if it has only letters, digits and ``also``; else the empty string."""
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_IDENTIFIER or not given.isascii():
        return ""
    return given if all(letter.isalnum() or letter in also for letter in given) else ""


def member(given: object, *path: str) -> object:
    """Return the value at ``path`` in nested JSON objects, or None if any of them is not an object."""
    for name in path:
        if not isinstance(given, dict):
            return None
        given = given.get(name)
    return given


def listed(given: object) -> list[object]:
    """Return a list of a service's answer, an empty one for anything else."""
    return given if isinstance(given, list) else []
