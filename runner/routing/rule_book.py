"""Rule book of messages: each rule with its source, jurisdiction, date and confidence, from ``rule_book.csv``.

A rule's number never changes, because refusals in journals contain it; a rule without a number has a word as its name. The rules
inform and are not legal advice: a named approver with a recorded reason can override all except the firm rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Literal

import msgspec

from runner.base.table_file import table_rows
from runner.decoding import convert

KeptBy = Literal["planner", "composer", "sender", "answers", "bulk", "notices", "home", "journal", "people"]
"""Code that applies a rule; ``people`` means that the program reminds, and only people can apply it."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: its sentence, its source, and the code that applies it."""

    number: str
    says: str
    kept_by: KeptBy
    source: str
    jurisdiction: str
    as_of: str
    """Date of the last check of the source: year and month."""
    confirmed: bool
    """Whether the source was read, not only cited from memory."""
    firm: bool
    """No approver can override it."""


@cache
def rule_book() -> Mapping[str, Rule]:
    """Return every rule by its number or word (a constant, read once)."""
    return {
        row["number"]: convert({**row, **{flag: row[flag] == "yes" for flag in ("confirmed", "firm")}}, Rule)
        for row in table_rows("runner.routing", "rule_book.csv")
    }


class RuleOverride(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One override of an incident; an empty field applies to all."""

    seq: int
    """The number of the journal entry: correcting that entry undoes the override."""
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
    """SHA-256 of the subject and text that can be sent although they contain secrets."""
    domains: frozenset[str] = frozenset()
    """Domains that were compromised at the override: it does not cover domains that are compromised later."""

    def covers(self, rule: str, channel: str, message_class: str, person: str) -> bool:
        """Return whether it overrides a rule for this channel, class and person."""
        return (
            self.rule == rule
            and self.channel in ("", channel)
            and self.message_class in ("", message_class)
            and self.person in ("", person)
        )
