"""Targets of the links in a text, and whether each belongs to the organisation or a named service (R28).

Read with suspicion: what stands before an ``@`` in an address is no host, and a name that only begins or ends like ours is not ours.
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
"""A domain with a path: readers type it and mail programs make a link of it. One without a path is as often a name."""
_MAIL = re.compile(r"[^\s@<>]+@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
_COUNTER = re.compile(
    r"[?&](?:utm_\w+|mc_[ce]id|gclid|dclid|fbclid|msclkid|_hs(?:enc|mi)|mkt_tok|vero_id|trk_\w+)=",
    re.IGNORECASE,
)
"""What the counters of newsletters put into addresses."""


def hosts_in(text: str) -> tuple[str, ...]:
    """Return the hosts that the web addresses of a text lead to, in lower case, once each; those with a scheme come first."""
    told = [match[1] for match in _ADDRESS.finditer(text)]
    told += [match[1] for match in _BARE.finditer(_ADDRESS.sub(" ", text))]
    found = (one.rpartition("@")[2].partition(":")[0] for one in told)
    return tuple(dict.fromkeys(one.lower().strip(".,;!") for one in found))


def own_domains(texts: Iterable[str]) -> frozenset[str]:
    """Return the domains of the web and mail addresses in what an organisation says of itself."""
    known = {host for text in texts for host in hosts_in(text)}
    known |= {match[1].lower() for text in texts for match in _MAIL.finditer(text)}
    return frozenset(host.removeprefix("www.") for host in known)


def foreign(text: str, named: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts in a text that are neither one of the named domains nor below one."""
    domains = tuple(one.lower().removeprefix("www.") for one in named)
    return tuple(
        host
        for host in hosts_in(text)
        if not any(host == domain or host.endswith(f".{domain}") for domain in domains)
    )


def counts_readers(text: str) -> bool:
    """Tell whether a web address in a text carries what counts who follows it."""
    return _COUNTER.search(text) is not None
