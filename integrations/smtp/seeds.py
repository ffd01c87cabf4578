"""Proof before sending: one message to each seed mailbox, and what its provider says of it in ``Authentication-Results`` (RFC 8601).

DNS records prove nothing about what leaves a relay; the server of a receiver does. Only the topmost field counts: the receiver's own.
"""

from __future__ import annotations

import re
import threading
from base64 import b32encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

from integrations import smtp
from integrations.port import Accepted, Finding, Outbound, Query, Secrets
from integrations.smtp import Seed, Settings, imap
from integrations.smtp.reports import parsed

TRIES, PAUSE = 12, timedelta(seconds=5)
"""How often a seed mailbox is read, and how long it waits between."""
_COMMENT, _DOMAIN = re.compile(r"\([^()]*\)"), re.compile(r"header\.(?:d|i)=(?:[^\s@]*@)?([\w.-]+)")


def prove(query: Query, settings: Settings, secrets: Secrets, tries: int = TRIES) -> Iterator[Finding]:
    """Send to each seed mailbox, and yield why a receiver does not trust the message, or that this is unknown."""
    for name, seed in settings.seeds.items():
        key = b32encode(sha256(f"{name}\0{query.at.isoformat()}".encode()).digest())[:32].decode()
        outbound = Outbound(
            delivery="proof",
            attempt=1,
            idempotency_key=key,
            recipient=seed.address,
            subject="Test of the sender",
            text="This message shows whether receivers trust the sender. It needs no answer.",
            at=query.at,
        )
        outcome = smtp.send(outbound, settings, secrets)
        if not isinstance(outcome, Accepted):
            yield Finding("error", f"seed {name}: the relay did not accept the message: {outcome.reason}")
            continue
        results, trouble = _received(seed, key, f"seed_{name}", query, settings, secrets, tries)
        if results is None:
            what = f"seed {name}: {trouble or 'the message did not arrive'}. Whether receivers trust the sender is unknown"
            hint = f"Check host and port of seed_{name}." if trouble else "Look into the folder for spam."
            yield Finding("error", what, hint)
            continue
        for method in missing(results, settings.sender.rpartition("@")[2].lower()):
            hint = "Check with: tocsin doctor --dns. Sign with sign_dkim, or at the relay."
            yield Finding("error", f"seed {name}: the receiver did not confirm {method} of the sender", hint)


def missing(results: str, domain: str) -> list[str]:
    """Return which of DKIM, of our own domain, and DMARC a receiver did not confirm."""
    parts = _COMMENT.sub(" ", " ".join(results.split())).lower().split(";")
    signers = [
        found[1] for part in parts if re.search(r"\bdkim=pass\b", part) for found in _DOMAIN.finditer(part)
    ]
    ours = any(one == domain or domain.endswith(f".{one}") or one.endswith(f".{domain}") for one in signers)
    dmarc = any(re.search(r"\bdmarc=pass\b", part) for part in parts)
    return [name for name, confirmed in (("DKIM", ours), ("DMARC", dmarc)) if not confirmed]


def _received(
    seed: Seed, key: str, secret: str, query: Query, settings: Settings, secrets: Secrets, tries: int
) -> tuple[str | None, str]:
    """Return what the receiver says of the message, None if it did not arrive, and the trouble of the mailbox."""
    found: list[str] = []

    def keep(raw: bytes) -> bool:
        message = parsed(raw, headers_only=True)
        if message is not None and key in str(message.get("Message-ID", "")):
            found.append(str(message.get("Authentication-Results", "")))
        return True

    if secret not in secrets:
        return None, f"the secret {secret} is missing"
    held, trouble = {imap.PASSWORD: secrets[secret]}, ""
    for n in range(tries):
        if n:
            threading.Event().wait(PAUSE.total_seconds())
        trouble = imap.collect(seed.mailbox, keep, held, query.timeouts, settings.ca_file)
        if found:
            return found[0], ""
    return None, trouble
