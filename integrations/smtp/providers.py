"""Destinations of many messages: which domains have the same mail servers (MX), and how fast to start there.

A company's domain at a large provider is that provider: its limits and its blocks are for all of its domains. The start rates are careful
estimates that no provider confirms. Only names of domains are asked for; the relay asks for the same names when it delivers.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import NamedTuple

from integrations.smtp.verdicts import table_rows


class Provider(NamedTuple):
    """One provider of mailboxes; ``*`` is any other destination."""

    name: str
    rate: str
    servers: tuple[str, ...]
    """Endings of the names of its mail servers, each with the dot before it."""
    domains: tuple[str, ...]


def providers() -> tuple[Provider, ...]:
    """Return the large providers, and the row for any other."""
    return tuple(
        Provider(
            row["name"],
            row["rate"],
            tuple(f".{ending}" for ending in row["servers"].split()),
            tuple(row["domains"].split()),
        )
        for row in table_rows("providers.csv")
    )


_RESERVED = frozenset({"example", "test", "invalid", "localhost", "local", "internal", "onion"})
"""Endings without mail servers in the public DNS (RFC 6761); only a channel's own DNS server is asked for these."""
_AT_ONCE, _MOST_SILENT, _SECONDS = 16, 8, 2.0


class Destinations:
    """The destinations of a list, domain by domain; each domain is asked for once."""

    def __init__(self, nameserver: str) -> None:
        """Take the DNS server; empty means the system's resolver."""
        self._nameserver, self._silent = nameserver, 0
        self._providers = providers()
        self._known = {domain: one.name for one in self._providers for domain in one.domains}
        self.unknown = 0
        """Domains whose mail servers could not be asked for: each is a destination by its own name."""

    def find(self, domains: Iterable[str]) -> dict[str, str]:
        """Return the destination of each of these domains."""
        wanted = {domain for domain in domains if domain}
        new = sorted(wanted - self._known.keys())
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(zip(new, pool.map(self._asked, new), strict=True))
        self.unknown += sum(destination is None for destination in found.values())
        self._known |= {domain: destination or domain for domain, destination in found.items()}
        return {domain: self._known[domain] for domain in wanted}

    def _asked(self, domain: str) -> str | None:
        """Return the destination of a domain; None if nobody answers."""
        ending = domain.rpartition(".")[2]
        if not self._nameserver and (ending in _RESERVED or domain.startswith("example.")):
            return domain
        if self._silent >= _MOST_SILENT or find_spec("dns") is None:
            return None
        from integrations.smtp.domain import mail_servers

        servers = mail_servers(domain, self._nameserver, _SECONDS)
        if servers is None:
            self._silent += 1
            return None
        self._silent = 0
        # all of its servers: anybody can add a provider's server to those of a domain that refuses everything
        for one in self._providers:
            if servers and all(f".{server}".endswith(one.servers) for server in servers):
                return one.name
        return servers[0] if servers else domain
