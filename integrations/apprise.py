"""Apprise: many services without an adapter here, for public messages without a delivery guarantee.

Apprise answers yes or no. Its no does not tell *refused* from *taken, answer lost*, so it is *unknown*; its yes is
believed as *accepted* and no further, although an answer cut short looks the same to it. Hence the ceiling:
public, no personal data, no acknowledgement. It is imported when it is used, and installed with ``tocsin[apprise]``.
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
    """One service. The secret ``url`` is its Apprise URL, which names the addressee and holds the passwords."""

    service: str
    """What the channel falls with: the service's name, as a failure domain."""


def capabilities(settings: Settings) -> Capabilities:
    """The least that a channel can promise."""
    return Capabilities(
        address_kind="handle",
        domains=frozenset({settings.service}),
        confidentiality="public",
        personal_data="none",
        sim_swappable=True,
        secrets=frozenset({"url"}),
    )


address_problem = handle_problem
"""The URL names the addressee; an address is only our name for whoever that is."""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Let Apprise try once; its no is *unknown*."""
    if "url" not in secrets:
        return Rejected("secret", "the secret url is missing", about="account")
    try:
        import apprise
        from apprise.logger import logger
    except ImportError:
        return Rejected("missing", "apprise is not installed: install tocsin[apprise]", about="account")
    # They log URLs, which hold passwords, and what services answer.
    logger.addFilter(_silent)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
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
    """Wait so long for a yes. Whoever calls late is left behind: a service that drips bytes would hold a worker."""
    said: list[bool] = []

    def work() -> None:
        # Whatever a service's code raises may repeat what it was given; that it is no yes is all we need.
        with contextlib.suppress(Exception):
            said.append(call())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit.total_seconds())
    return said == [True]


def _silent(record: logging.LogRecord) -> bool:
    return False


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find what would fail, without connecting; whether Apprise is there shows at the first send."""
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
"""The URL names the addressee, so there is no other way."""
