"""Shared parts of HTTP adapters: secrets, sending of a JSON document, checks of the response.

A service's answer is hostile until checked: an identifier is kept only in the form that it has to have, a
code only if it is on the adapter's own list, and nothing else of an answer goes anywhere.
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
    Rejected,
    Secrets,
    Timeouts,
    Unknown,
    machine_of,
)

LONGEST_IDENTIFIER = 256


Timed = Outbound | NewRoom | Invitation
"""An attempt of any kind: when it is made, and how long it may take."""


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, or the empty string when it has none or cannot be read."""
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
    """Say whether nobody on the way can read: TLS, or a host on this machine."""
    return url.startswith("https://") or host_of(url) in LOOPBACK


def usable(secrets: Secrets, name: str) -> str:
    """Return a secret that can stand in a header; ``ValueError`` says which one is missing or unfit, not what it is."""
    if name not in secrets:
        raise ValueError(f"the secret {name} is missing")
    text = secrets[name].reveal().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"the secret {name} is not one word of printable ASCII")
    return text


def held(secrets: Secrets, name: str) -> str | Rejected:
    """Return a secret as ``usable`` does, or that nothing was sent without it."""
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
    """Return what a channel to a service at a URL can do; in clear over a network it carries only what is public."""
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
    """Find a URL that cannot be called or is read on the way, and secrets that are missing or unfit."""
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
    token: str = "",
    ca_file: str = "",
    max_answer: int = 65_536,
) -> Reply | NotSent | Rejected | Unknown:
    """Send one JSON document once; ``token`` goes into the header ``Authorization`` and nowhere else."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
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
    url: str, at: datetime, timeouts: Timeouts, *, token: str = "", ca_file: str = "", max_answer: int
) -> Reply | NotSent | Rejected | Unknown:
    """Make one GET; ``token`` goes into the header ``Authorization`` and nowhere else."""
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
    """Return what came of a request; ``read`` is given the JSON object of a 2xx whose end was seen."""
    if isinstance(reply, Reply):
        return judge(reply, attempt.at) or read(json_object(reply.body))
    return reply


Refusals = Mapping[About, tuple[str, str]]
"""A service's own words for its errors, by what they are about: the words, and what we say of them."""


def refusal(error: object, known: Refusals) -> Rejected | None:
    """Return what a service's word for its error means; None for a word that is not known, and is not repeated."""
    for about, (words, reason) in known.items():
        if isinstance(error, str) and error in words.split():
            return Rejected(error, reason, about=about)
    return None


def identifier(given: object, also: str = "-_") -> str:
    """Return what a service gave as an identifier if it is letters, digits and ``also``; else the empty string."""
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_IDENTIFIER or not given.isascii():
        return ""
    return given if all(letter.isalnum() or letter in also for letter in given) else ""


def member(given: object, *path: str) -> object:
    """Return what stands at ``path`` in nested JSON objects, or None where any of them is something else."""
    for name in path:
        if not isinstance(given, dict):
            return None
        given = given.get(name)
    return given


def listed(given: object) -> list[object]:
    """Return a list that a service sent, an empty one where it sent anything else."""
    return given if isinstance(given, list) else []
