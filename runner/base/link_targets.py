"""Targets of the links in a text, and whether each belongs to the organisation or a named service (R28).

Text before an ``@`` in an address is not a host. A name that only begins or ends like the organisation's is foreign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ADDRESS = re.compile(
    r"(?:\bhttps?://|\b(?=www\.))([^\s/?#\\<>()\[\]{}\"'|]+)[^\s<>\"'|)\]}]*", re.IGNORECASE
)
_BARE = re.compile(
    r"(?<![\w@./:=&%\\-])((?:[^\s@/?#\\<>()\[\]{}\"'|]{1,64}@)?(?:[\w-]{1,63}\.){1,9}(?:xn--[a-z0-9-]+|[^\W\d_]{2,63}))"
    r"(?::\d{1,5})?[/?#](?=\w)",
    re.IGNORECASE,
)
"""A domain with a path: mail programs turn it into a link. A domain without a path is often only a name."""
_MAIL = re.compile(r"[^\s@<>]+@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
_COUNTER = re.compile(
    r"[?&](?:utm_\w+|mc_[ce]id|gclid|dclid|fbclid|msclkid|_hs(?:enc|mi)|mkt_tok|vero_id|trk_\w+)=",
    re.IGNORECASE,
)
"""Query parameters that newsletter services use to count clicks."""


def hosts_in(text: str) -> tuple[str, ...]:
    """Return the hosts that the web addresses of a text lead to, in lower case, once each; those with a scheme come first."""
    addresses = [match[1] for match in _ADDRESS.finditer(text)]
    addresses += [match[1] for match in _BARE.finditer(_ADDRESS.sub(" ", text))]
    hosts = (one.rpartition("@")[2].partition(":")[0] for one in addresses)
    return tuple(dict.fromkeys(host.lower().strip(".,;!") for host in hosts))


def own_domains(texts: Iterable[str]) -> frozenset[str]:
    """Return the domains of the web and mail addresses in the facts of an organisation."""
    known = {host for text in texts for host in hosts_in(text)}
    known |= {match[1].lower() for text in texts for match in _MAIL.finditer(text)}
    return frozenset(host.removeprefix("www.") for host in known)


def foreign(text: str, named: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts in a text that are outside of the named domains."""
    domains = tuple(domain.lower().removeprefix("www.") for domain in named)
    return tuple(
        host
        for host in hosts_in(text)
        if not any(host == domain or host.endswith(f".{domain}") for domain in domains)
    )


def counts_readers(text: str) -> bool:
    """Return whether a web address in a text has a parameter that counts clicks."""
    return _COUNTER.search(text) is not None
