"""DNS checks of the sender domain (R19): MX, SPF, DMARC, TLS (MTA-STS, DANE, TLSRPT), and DKIM if the channel names a selector.

Only on a person's request, with dnspython (the extra ``dns``), which parses hostile answers, falls back to TCP and finds the
system's resolver on every system. A failed query is reported and never counts as an answer. A record's text is
foreign and is not repeated. A record proves nothing about sent email; the receiver's answer to a test does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import timedelta

from dns.exception import DNSException
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

from integrations.port import Finding
from integrations.smtp import Settings

LIMIT = timedelta(seconds=5)
"""Time limit of one query."""
MOST_PARENTS = 8
"""Number of levels searched for a policy (RFC 9989: the walk up the tree)."""
STRONG = 2048
"""Bits of an RSA key for signatures."""


class _Silent(Exception):
    """No answer: nothing is known."""


def look_up(settings: Settings) -> Iterator[Finding]:
    """Yield the problems of the records of the sender's domain, or a failed query."""
    domain = settings.sender.rpartition("@")[2]
    resolver = _resolver(settings.nameserver)
    try:
        yield from _mail(resolver, domain)
        yield from _senders(resolver, domain)
        yield from _policy(resolver, domain)
        yield from _transport(resolver, domain)
        if settings.dkim_selector:
            yield from _signature(resolver, f"{settings.dkim_selector}._domainkey.{domain}")
    except _Silent:
        what = f"the DNS query for {domain} failed: its records are unknown"
        yield Finding("warning", what, "Try again, or set another server in nameserver.")


def _resolver(nameserver: str) -> Resolver:
    """Return the DNS server: the system's resolver, or the channel's ``ADDRESS`` or ``ADDRESS:PORT``."""
    if not nameserver:
        try:
            resolver = Resolver()
        except (DNSException, OSError):  # a machine without any resolver: queries will fail
            resolver = Resolver(configure=False)
    else:
        resolver = Resolver(configure=False)
        address, _, port = nameserver.rpartition(":") if nameserver.count(":") == 1 else (nameserver, "", "")
        resolver.nameservers, resolver.port = [address], int(port or 53)
    resolver.lifetime = LIMIT.total_seconds()
    return resolver


def _asked(resolver: Resolver, name: str, kind: RdataType) -> list[str]:
    """Return the records of a name, if any; raises _Silent without an answer."""
    try:
        answer = resolver.resolve(name, kind, search=False)
    except (NXDOMAIN, NoAnswer):
        return []
    except (DNSException, OSError, ValueError, UnicodeError):
        raise _Silent from None
    if kind is RdataType.TXT:
        return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
    return [record.to_text() for record in answer]


def _mail(resolver: Resolver, domain: str) -> Iterator[Finding]:
    found = _asked(resolver, domain, RdataType.MX)
    if not found or any(record.split()[-1] == "." for record in found):
        what = f"{domain} has no mail server (MX): bounces and replies are lost"
        yield Finding("error" if found else "warning", what, "Add an MX record.")


def _senders(resolver: Resolver, domain: str) -> Iterator[Finding]:
    found = [
        record
        for record in _asked(resolver, domain, RdataType.TXT)
        if re.match(r"v=spf1(?:\s|$)", record, re.IGNORECASE)
    ]
    if not found:
        what = f"{domain} has no record of its senders (SPF)"
        yield Finding("warning", what, "Add a TXT record: v=spf1 … -all")
    elif len(found) > 1:
        what = f"{domain} has several records of its senders (SPF): receivers ignore all of them"
        yield Finding("error", what, "Use one TXT record: v=spf1 … -all (RFC 7208 section 4.5)")
    elif re.search(r"\s\+?all\b", found[0], re.IGNORECASE):
        yield Finding("error", f"{domain} allows every sender (SPF: +all)", "End the record with -all")


def _policy(resolver: Resolver, domain: str) -> Iterator[Finding]:
    labels = domain.rstrip(".").split(".")
    for n in range(min(len(labels) - 1, MOST_PARENTS) or 1):
        name = ".".join(labels[n:])
        found = [
            record
            for record in _asked(resolver, f"_dmarc.{name}", RdataType.TXT)
            if re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", record)
        ]
        if found:
            yield from _enforced(name, found, inherited=n > 0)
            return
    what = f"{domain} has no policy against forged email (DMARC)"
    yield Finding("warning", what, "Add a TXT record at _dmarc: v=DMARC1; p=reject; …")


def _enforced(name: str, found: list[str], *, inherited: bool) -> Iterator[Finding]:
    """Yield why a policy refuses no forged email. For a subdomain of its domain ``sp`` counts, if there is one."""
    tags = _tags(found[0])
    policy = tags.get("sp", tags.get("p", "")) if inherited else tags.get("p", "")
    if len(found) > 1 or policy.lower() not in ("quarantine", "reject"):
        what = (
            f"the policy of {name} refuses no forged email{' of its subdomains' if inherited else ''} (DMARC)"
        )
        yield Finding("warning", what, "Use p=quarantine or p=reject, in one record, and no weaker sp.")
    elif tags.get("t", "").lower() == "y":
        what = f"the policy of {name} is a test: receivers do not enforce it (DMARC: t=y)"
        yield Finding("warning", what, "Remove t=y (RFC 9989).")
    if "pct" in tags:
        what = f"the policy of {name} uses pct, which is no longer part of DMARC"
        yield Finding("warning", what, "Remove pct (RFC 9989).")


def _transport(resolver: Resolver, domain: str) -> Iterator[Finding]:
    """Check whether bounces and replies must come encrypted: MTA-STS (RFC 8461), or DANE (RFC 7672), which also needs DNSSEC."""
    servers = [one.split()[-1].rstrip(".") for one in _asked(resolver, domain, RdataType.MX)]
    forced = _marked(resolver, f"_mta-sts.{domain}", "STSv1") or any(
        _asked(resolver, f"_25._tcp.{server}", RdataType.TLSA) for server in servers if server
    )
    if not forced:
        what = f"{domain} does not require TLS (no MTA-STS, no TLSA): bounces and replies can be read on their way"
        yield Finding("warning", what, "Publish an MTA-STS policy, or TLSA records with DNSSEC.")
    elif not _marked(resolver, f"_smtp._tls.{domain}", "TLSRPTv1"):
        what = f"{domain} gets no reports about failed TLS (TLSRPT)"
        yield Finding("warning", what, "Add a TXT record at _smtp._tls: v=TLSRPTv1; rua=mailto:…")


def _marked(resolver: Resolver, name: str, version: str) -> bool:
    return any(_tags(one).get("v") == version for one in _asked(resolver, name, RdataType.TXT))


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _signature(resolver: Resolver, name: str) -> Iterator[Finding]:
    found = [tags for one in _asked(resolver, name, RdataType.TXT) if "p" in (tags := _tags(one))]
    tags = next((tags for tags in found if tags["p"]), {})
    if not tags:
        why = "was withdrawn" if found else "does not exist"
        what = f"the key at {name} {why} (DKIM): receivers reject the signature"
        yield Finding("error", what, "Set dkim_selector to the selector of your signing key.")
        return
    if "y" in tags.get("t", "").replace(" ", "").split(":"):
        what = f"the key at {name} is a test: receivers may ignore the signature (DKIM: t=y)"
        yield Finding("warning", what, "Remove t=y (RFC 6376).")
    if tags.get("k", "rsa").lower() == "rsa" and (bits := _bits(tags["p"])) < STRONG:
        why = f"has {bits} bits, fewer than {STRONG}" if bits else "is not a valid RSA key"
        what = f"the key at {name} {why} (DKIM)"
        yield Finding("warning" if bits else "error", what, f"Make a new RSA key of {STRONG} bits.")


def _bits(encoded: str) -> int:
    """Return the length of an RSA key, or 0 for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(base64.b64decode("".join(encoded.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return 0
    return key.key_size if isinstance(key, RSAPublicKey) else 0
