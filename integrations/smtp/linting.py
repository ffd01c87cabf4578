"""Checks of the settings of an email channel, without a connection."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from integrations.http.service import findings
from integrations.port import LOOPBACK, Finding, Secrets
from integrations.smtp import Settings
from integrations.smtp.mime import address_problem, bounce_problem


def lint(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    """Yield every finding."""
    yield from _relay(settings, secrets)
    yield from _bounces(settings)
    yield from _mailbox(settings, secrets)
    if not is_nameserver(settings.nameserver):
        what = "nameserver is not an address, with or without a port"
        yield Finding("error", what, "nameserver: 192.0.2.53")
    if settings.seeds:
        what = "seeds has no effect: Tocsin sends no test to seed mailboxes any more"
        yield Finding("warning", what, "Remove seeds and the secrets seed_NAME from tocsin.yaml.")
    yield from _signing(settings, secrets)


def _relay(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    if problem := address_problem(settings.sender):
        yield Finding("error", f"sender: {problem}", "name@domain")
    if not 0 < settings.port < 65536:
        yield Finding("error", "port is not between 1 and 65535")
    yield from _tokens(settings, secrets)
    if settings.username and settings.oauth is None and "password" not in secrets:
        yield Finding("error", "username is set without the secret password", "secrets: {password: env:NAME}")
    if settings.tls in {"none", "opportunistic"} and settings.host not in LOOPBACK:
        yield Finding("warning", f"tls is {settings.tls}: email can be sent unencrypted", "tls: required")


def _tokens(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    oauth, hosts = settings.oauth, {settings.host, settings.imap.host if settings.imap is not None else ""}
    if oauth is not None:
        if not settings.username:
            yield Finding("error", "oauth is set without username", "username: name@domain")
        yield from findings(oauth.token_url, secrets, "client_secret")
    elif settings.username and any(host.lower().endswith(".office365.com") for host in hosts):
        what = "Exchange Online ends password login at the end of December 2026"
        yield Finding("warning", what, "settings: {oauth: {token_url: …, client_id: …, scope: …}}")


def _bounces(settings: Settings) -> Iterator[Finding]:
    if not settings.bounces:
        return
    if problem := bounce_problem(settings.bounces):
        yield Finding("error", f"bounces: {problem}", "bounces@domain")
    elif settings.bounces.rpartition("@")[2].lower() != settings.sender.rpartition("@")[2].lower():
        what = "bounces use another domain than the sender, so SPF does not count for DMARC"
        yield Finding("warning", what, "Use an address of the sender domain.")


def _mailbox(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    box = settings.imap
    if box is None:
        return
    if settings.oauth is None and "imap_password" not in secrets:
        hint = "secrets: {imap_password: env:NAME}"
        yield Finding("error", "imap is set without the secret imap_password", hint)
    if box.tls == "none" and box.host not in LOOPBACK:
        what = "imap is read without TLS: the password can be sent unencrypted"
        yield Finding("error", what, "tls: implicit")


def _signing(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    if settings.sign:
        from integrations.smtp import signing

        yield from signing.findings(settings.sender, secrets)
    if settings.sign_dkim:
        from integrations.smtp import dkim

        yield from dkim.findings(settings, secrets)
    elif "dkim_key" in secrets:
        yield Finding("error", "dkim_key is set, but email is not signed", "settings: {sign_dkim: true}")
    if not settings.sign and not secrets.keys().isdisjoint({"certificate", "signing_key"}):
        what = "a certificate or its key is set, but email is not signed"
        yield Finding("error", what, "settings: {sign: smime}")


def is_nameserver(given: str) -> bool:
    """Return whether it is empty, or an address with or without a port."""
    address, _, port = given.rpartition(":") if given.count(":") == 1 else (given, "", "53")
    try:
        ip_address(address or "::")
    except ValueError:
        return False
    return port.isascii() and port.isdigit() and 0 < int(port) < 65536
