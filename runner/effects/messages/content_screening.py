"""Screening of the completed text of a message for secrets, links and its subject, at planning and before sending."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from runner.base.link_targets import counts_readers, foreign, own_domains
from runner.incident.state.incident import Incident
from runner.routing.messaging import CONFIDENTIALITY, Channel, MessageClass
from runner.routing.rule_book import RuleOverride
from runner.routing.rules import FOREIGN_LINK, LINK
from runner.routing.secret_text import has_link, secrets_in

SHOWN = 12
"""The number of digest characters that identify a text."""


def forbidden_text(subject: str, text: str, overrides: Sequence[RuleOverride]) -> str:
    """Return the reason why no channel may send a message (R10), without quoting it, or the empty string."""
    found = [f"{secret.what} in the subject" for secret in secrets_in(subject)]
    found += [f"{secret.what} in line {secret.line}" for secret in secrets_in(text)]
    if not found:
        return ""
    digest = hashlib.sha256(f"{subject}\n{text}".encode()).hexdigest()
    if any(
        override.rule == "R10" and override.text and digest.startswith(override.text)
        for override in overrides
    ):
        return ""
    return (
        f"it contains {', '.join(dict.fromkeys(found))}. No channel may send it (R10). Remove it. If it is not a secret: "
        f"tocsin message override R10 --text {digest[:SHOWN]} --reason '…'"
    )


def traits_of(text: str, kind: MessageClass, incident: Incident) -> frozenset[str]:
    """Return the properties of a text that rules use."""
    if not has_link(text):
        return frozenset()
    told = (str(fact.value) for key, fact in incident.facts.items() if key.startswith("organisation."))
    strays = counts_readers(text) or foreign(text, (*own_domains(told), *kind.links))
    return frozenset({LINK, FOREIGN_LINK} if strays else {LINK})


def shown_subject(subject: str, kind: MessageClass, channel: Channel, incident: Incident) -> str:
    """Return the subject for transport and locked screens (R4): above ``internal`` it is neutral.

    An end-to-end encrypted channel, or an override of R4, keeps the original subject.
    """
    told = CONFIDENTIALITY.index(kind.confidentiality) <= CONFIDENTIALITY.index("internal")
    if told or channel.e2ee:
        return subject
    if any(override.covers("R4", channel.id, kind.name, "") for override in incident.overrides.values()):
        return subject
    urgent = "urgent message" if kind.urgency == "immediate" else "message"
    return f"{incident.codename}: {urgent}, please open it"
