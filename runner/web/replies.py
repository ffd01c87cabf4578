"""HTTP responses: status, headers and bytes. Every refusal looks the same."""

from __future__ import annotations

import msgspec

ALWAYS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Nothing is kept, guessed, framed, found by a search engine, or told to another site."""
NOTHING_RUNS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAUSE = "5"
"""Seconds after which what could not be kept may come again."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. A page brings its own policy of content; everything else may load and run nothing."""

    status: str
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    policy: str = NOTHING_RUNS
    more: tuple[tuple[str, str], ...] = ()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return all of its headers."""
        own = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Content-Security-Policy", self.policy),
        ]
        return [*own, *ALWAYS, *self.more]


REFUSED = Reply(status="404 Not Found", body=b"not found\n")
"""To whoever has no business here: an address that is none, a signature that does not hold, a link that was made up."""
LATER = Reply(status="503 Service Unavailable", body=b"later\n", more=(("Retry-After", PAUSE),))
"""To whom we believe and cannot serve now; and to everybody when something of ours is broken."""
