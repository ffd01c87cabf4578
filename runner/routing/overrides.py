"""A rule set aside by a named approver with a reason: for which channel, class, person or text, and no further."""

from __future__ import annotations

from datetime import datetime

import msgspec


class RuleOverride(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One override as it stands in an incident; what is empty holds for all."""

    seq: int
    """The journal's number of the entry: correcting that entry takes the override back."""
    rule: str
    by: str
    """The approver."""
    role: str
    at: datetime
    reason: str
    channel: str = ""
    message_class: str = ""
    person: str = ""
    text: str = ""
    """SHA-256 of the subject and text that may go in spite of what was found in them."""
    domains: frozenset[str] = frozenset()
    """Domains that had fallen when it was given: of one that falls later nothing was known, so nothing is allowed."""

    def covers(self, rule: str, channel: str, message_class: str, person: str) -> bool:
        """Tell whether it sets a rule aside for this channel, class and person."""
        return (
            self.rule == rule
            and self.channel in ("", channel)
            and self.message_class in ("", message_class)
            and self.person in ("", person)
        )
