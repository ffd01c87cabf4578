"""Actor of an event: the person or program, and the evidence of the identity. Recorded with every event."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

VIA = " via "
"""Separator between a person and the channel of the request."""


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
    scopes: frozenset[str] | None = None
    """The rights that a program's token has at most, of those of ``person``; None for a person."""

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


Stream = Literal["operational", "privileged", "hr"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """What all events share. ``personal`` payloads are sealed under the incident's data key."""

    personal: ClassVar[bool] = False
    stream: ClassVar[Stream] = "operational"


class Personal(Event, frozen=True, kw_only=True):
    """What events share that can carry a person's words or name, or the value of a fact."""

    personal: ClassVar[bool] = True
