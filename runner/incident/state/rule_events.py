"""What happens to the rules of messages: one is set aside by an approver, or messages change over to other channels."""

from __future__ import annotations

from runner.base.event import Personal


class RuleOverridden(Personal, frozen=True, kw_only=True):
    """A named approver set a rule aside, with the reason; what is empty holds for all."""

    rule: str
    by: str
    reason: str
    role: str = ""
    """The role that the approver holds."""
    channel: str = ""
    message_class: str = ""
    person: str = ""
    text: str = ""
    domains: tuple[str, ...] = ()
    """Domains that had fallen then; the override says nothing of any other."""


class ChannelsSwitched(Personal, frozen=True, kw_only=True):
    """Open messages go over other channels from now on: what was left, what is used, why, and at whose word."""

    left: tuple[str, ...]
    taken: tuple[str, ...]
    trigger: str
    by: str = ""
    """Who decided it; nobody where the program found it out by itself."""
    persons: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    """Of these persons, those whose address on a channel that is new to them nobody has verified."""
