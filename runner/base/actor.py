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
    """The person for whom ``claimed`` acted and how they said so: ``maria via phone``."""
    os_user: str = ""
    proven_by: str | None = None
    """What proved the claim (``key:…``, ``code:…``, ``login:…``); None while it is only a claim."""


PROGRAM = "tocsin"
"""The person that the program itself is."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for something, and what proves it; the program itself is a principal, too."""

    person: str
    """A person's key: a claim until ``proven_by`` says more."""
    proven_by: str | None = None
    os_user: str = ""
    host: str = ""
    on_behalf_of: str = ""
    """The person for whom ``person`` acts; empty where it acts for itself."""
    via: str = ""
    """How the other person asked for it: ``phone``."""

    @property
    def actor(self) -> Actor:
        """The principal as events record it."""
        behalf = f"{self.on_behalf_of}{VIA}{self.via}" if self.on_behalf_of else None
        return Actor(
            claimed=self.person,
            host=self.host,
            on_behalf_of=behalf,
            os_user=self.os_user,
            proven_by=self.proven_by,
        )

    def program(self) -> Principal:
        """Return the program itself, started by this principal."""
        return Principal(person=PROGRAM, host=self.host, os_user=self.os_user)


def named_person(person: str) -> str:
    """Return a person as an error names them."""
    return f'Person "{person}"' if person else "An unnamed person"
