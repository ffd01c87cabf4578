"""Apprise: many services without an adapter here, for public messages without a delivery guarantee.

Apprise answers yes or no. Its no can mean *refused* or *accepted, answer lost*, so it is *unknown*; its yes is
*accepted* and no more, although an incomplete answer looks the same to it. Hence the ceiling:
public, no personal data, no acknowledgement. It is imported at its first use, and installed with ``tocsin[apprise]``.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import msgspec

from integrations.port import (
    Accepted,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    Unknown,
    handle_problem,
    plain_body,
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service. The secret ``url`` is its Apprise URL, with the addressee and the passwords."""

    service: str
    """The failure domain of the channel: the service's name."""


def capabilities(settings: Settings) -> Capabilities:
    """The lowest capabilities of a channel."""
    return Capabilities(
        address_kind="handle",
        domains=frozenset({settings.service}),
        confidentiality="public",
        personal_data="none",
        sim_swappable=True,
        rates=("1/s burst 5",),  # the service is unknown: what the strictest usual ones allow
        secrets=frozenset({"url"}),
    )


address_problem = handle_problem
"""The URL names the addressee; an address is only a name for the recipient."""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Let Apprise try once; its no is *unknown*."""
    if "url" not in secrets:
        return Rejected("secret", "the secret url is missing", about="account")
    try:
        import apprise
        from apprise.logger import logger

        from integrations.http.transport import silence_urllib3
    except ImportError:
        return Rejected("missing", "apprise is not installed: install tocsin[apprise]", about="account")
    # They log URLs, which contain passwords, and the services' answers.
    logger.addFilter(_silent)
    silence_urllib3()
    storage = apprise.PersistentStoreMode.MEMORY
    asset = apprise.AppriseAsset(
        app_id="Tocsin", async_mode=False, http_redirects=False, storage_mode=storage
    )
    service = apprise.Apprise.instantiate(secrets["url"].reveal().strip(), asset=asset)
    if service is None:
        return Rejected("secret", "the secret url is not an Apprise URL of a known service", about="account")
    service.socket_connect_timeout = outbound.timeouts.connect.total_seconds()
    service.socket_read_timeout = outbound.timeouts.read.total_seconds()
    text, title, kind = plain_body(outbound), outbound.subject, apprise.NotifyType.WARNING
    yes = _within(
        outbound.timeouts.total, lambda: service.notify(body=text, title=title, notify_type=kind) is True
    )
    return Accepted() if yes else Unknown("Apprise reported no success. The outcome is unknown.", "answer")


def _within(limit: timedelta, call: Callable[[], bool]) -> bool:
    """Wait for a yes within the limit. A late call is abandoned: a service that sends single bytes would block a worker."""
    said: list[bool] = []

    def work() -> None:
        # An exception of a service's code may repeat its input; only the missing yes matters.
        with contextlib.suppress(Exception):
            said.append(call())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit.total_seconds())
    return said == [True]


def _silent(record: logging.LogRecord) -> bool:
    return False


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors without connecting; the first send shows whether Apprise is installed."""
    findings: list[Finding] = []
    if not settings.service.strip():
        findings.append(Finding("error", "service is empty: it is the failure domain"))
    if "url" not in secrets:
        what, hint = "the secret url is missing", "secrets: {url: env:NAME}"
        findings.append(Finding("error", what, hint))
    elif "://" not in secrets["url"].reveal():
        findings.append(Finding("error", "the secret url is not a URL", "service://…"))
    return tuple(findings)


self_test = send
"""Send a test message: the URL names the addressee."""
