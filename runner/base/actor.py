"""Actor of an event: the person or program, and the evidence of the identity. Recorded with every event."""

from __future__ import annotations

import msgspec

VIA = " via "
"""What stands between a person and the way in which they said it."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The five known properties of the actor of an event; fields are in the order of canonical JSON."""

    claimed: str
    """The person's key, or ``worker`` and the like for ourselves: a claim until ``proven_by`` says more."""
    host: str = ""
    on_behalf_of: str | None = None
    """The person for whom ``claimed`` acted, and the channel of the request: ``maria via phone``."""
    os_user: str = ""
    proven_by: str | None = None
    """What proved the claim (``key:…``, ``code:…``, ``login:…``); None while it is only a claim."""

    @property
    def represented(self) -> str:
        """The person for whom ``claimed`` acted, without the channel; empty without such a person."""
        return (self.on_behalf_of or "").partition(VIA)[0]


def named_person(person: str) -> str:
    """Return a person as an error names them."""
    return f'Person "{person}"' if person else "An unnamed person"
