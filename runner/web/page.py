"""Page to acknowledge a message: no script, no external content, no personal data.

A link may come from a mailbox that other people read. So the page shows only the codename of the incident and
the time of the message. Link scanners change nothing:
only a submitted form acknowledges.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

import msgspec

from runner.app.messages.acknowledgement import Shown
from runner.base.states import MARKS, Kind

ALWAYS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Headers against caching, type guessing, framing, search engines and referrers."""
NOTHING_RUNS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAUSE = "5"
"""Seconds before a provider repeats a callback that was not stored."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. A page has its own content security policy; all other answers may load and run nothing."""

    status: str
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    policy: str = NOTHING_RUNS
    more: tuple[tuple[str, str], ...] = ()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return all headers."""
        own = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Content-Security-Policy", self.policy),
        ]
        return [*own, *ALWAYS, *self.more]


REFUSED = Reply(status="404 Not Found", body=b"not found\n")
"""For an unknown address, an invalid signature or an invalid link."""
LATER = Reply(status="503 Service Unavailable", body=b"later\n", more=(("Retry-After", PAUSE),))
"""For a verified request that cannot be stored now, and for internal errors."""
FIELD, VALUE = b"answer", b"seen"
"""The field and the value of the form; a request without them changes nothing."""
LARGEST = 1_000
"""The largest form in bytes."""
_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color:#111;background:#fff}"
    "button{font:inherit;padding:.8rem 1.6rem;border:2px solid #111;border-radius:.4rem;background:#111;color:#fff}"
    ".mark{padding:.5rem;border:3px solid #b00;color:#b00;font-weight:bold}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def asking(shown: Shown) -> Reply:
    """Return the page of a link, with the button unless the message is acknowledged."""
    when = f"{shown.sent_at:%d %B %Y, %H:%M} UTC"
    about = f"<p>A message of the incident <b>{escape(shown.codename)}</b> was sent to you on {when}.</p>"
    if shown.state == "done":
        return _page(shown.kind, f"{about}<p>The message is acknowledged already. No action required.</p>")
    button = (
        '<form method="post"><input type="hidden" name="answer" value="seen">'
        '<button type="submit">I have this message</button></form>'
    )
    nobody = "<p>Press the button only if the message was sent to you. This page does not log you in and never asks for a password.</p>"
    return _page(shown.kind, f"{about}{button}{nobody}")


def thanking(kind: Kind, codename: str) -> Reply:
    """Return the page after the button."""
    text = f"<p>Thank you. Your acknowledgement of the message of <b>{escape(codename)}</b> is recorded.</p>"
    return _page(kind, f"{text}<p>You can close this page.</p>")


def is_answer(body: bytes) -> bool:
    """Tell whether a request is the form of this page."""
    return len(body) <= LARGEST and FIELD + b"=" + VALUE in body.split(b"&")


def _page(kind: Kind, inside: str) -> Reply:
    mark = f"[{MARKS[kind]}]" if kind != "real" else ""
    marked = f'<p class="mark">{escape(mark)} This is not a real incident.</p>' if mark else ""
    title = f"{mark} Acknowledge" if mark else "Acknowledge"
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body><main>{marked}{inside}</main></body></html>\n"
    )
    return Reply(status="200 OK", content_type="text/html; charset=utf-8", body=html.encode(), policy=POLICY)
