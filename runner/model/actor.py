"""Who did something, and what proves it: recorded with every event and never guessed."""

from __future__ import annotations

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The five things known of whoever caused an event; fields stand in the order of canonical JSON."""

    claimed: str
    """The person's key, or ``worker`` and the like for ourselves: a claim until ``proven_by`` says more."""
    host: str = ""
    on_behalf_of: str | None = None
    """The person for whom ``claimed`` acted, as on the telephone."""
    os_user: str = ""
    proven_by: str | None = None
    """What proved the claim (``key:…``, ``code:…``, ``login:…``); None while it is only a claim."""
