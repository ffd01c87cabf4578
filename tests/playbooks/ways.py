"""What a way through a playbook is, and what people usually answer and find out on it.

A way names, by its state, every step that does not end as done; a step in a lane may end differently in each lane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.playbooks.at_work import Scenario, Usual

BREACH, DEVICE, MESSAGE = "personal-data-breach", "lost-device", "misdirected-message"
SA, PHASES = "eu-gdpr-33-controller-sa/initial", "eu-gdpr-33-controller-sa/phases"
PEOPLE = "eu-gdpr-34-data-subjects/individuals"
CALIFORNIA, GENERAL = "us-ca-breach/individuals", "us-ca-breach/attorney_general"
OWNER = "us-ca-breach/data_owner"

TOLD = {SA: "filed", PHASES: "filed"}
NOT_NOTIFIED = {SA: "decided_not_to_notify", PHASES: "decided_not_to_notify"}
ASSESSED = {
    "risk.assessed_by": "Ada Adler",
    "risk.assessed_at": "2026-11-24T12:00:00Z",
    "risk.grounds": "Few people, few data.",
}
WORDS = {
    "narrative.summary": "A list of names left the house.",
    "narrative.consequences": "Unwanted mail.",
    "narrative.measures": "Passwords were changed.",
    "narrative.advice": "Beware of mail that asks for a password.",
}
FEW = ("people.total=3", "people.by_jurisdiction.DE=3", "people.kinds+=customers", "data.records=3")
LETTER = ("law_enforcement.engaged=no", "organisation.hotline.phone=+49 30 2")

USUAL: Mapping[str, Usual] = {
    BREACH: Usual(
        answers={
            **ASSESSED,
            **WORDS,
            "discovered": "2026-11-24T08:40:00Z",
            "contained_at": "2026-11-24T10:00:00Z",
            "personal_data": "yes",
            "aware": "2026-11-24T09:15:00Z",
            "what_happened.impact": "confidentiality",
            "what_happened.vector": "hacking",
            "what_happened.malicious": "yes",
            "what_happened.started": "2026-11-23T22:00:00Z",
            "what_happened.exfiltration": "possible",
            "what_happened.summary": "Somebody read a mailbox.",
            "whose_data.elements": "name,contact",
            "whose_data.with_name": "yes",
            "whose_data.encrypted": "no",
            "whose_data.key": "yes",
            "whose_data.categories": "names and addresses",
            "risk.to_people": "risk",
        },
        finds={"whose_data.populations": FEW, "notify.complete": LETTER},
    ),
    DEVICE: Usual(
        answers={
            **ASSESSED,
            **WORDS,
            "discovered": "2026-11-24T08:40:00Z",
            "contained_at": "2026-11-24T10:00:00Z",
            "content": "yes",
            "encrypted": "yes",
            "key": "no",
            "aware": "2026-11-24T09:15:00Z",
            "narrative.impact": "confidentiality",
            "risk.to_people": "unlikely",
        },
        finds={
            "report": ("incident.vector=loss", "incident.started_at=2026-11-24T07:00:00Z"),
            "people": (*FEW, "data.elements+=contact", "data.with_name=yes"),
            "notify.complete": LETTER,
        },
    ),
    MESSAGE: Usual(
        answers={
            **ASSESSED,
            **WORDS,
            "discovered": "2026-11-24T08:40:00Z",
            "confirmed": "yes",
            "personal_data": "yes",
            "encrypted": "no",
            "key": "yes",
            "aware": "2026-11-24T09:15:00Z",
            "narrative.impact": "confidentiality",
            "risk.to_people": "unlikely",
        },
        finds={
            "report": ("incident.vector=misdelivery", "incident.started_at=2026-11-24T07:00:00Z"),
            "people": (*FEW, "data.elements+=contact", "data.with_name=yes"),
            "notify.complete": LETTER,
        },
    ),
}


AS_ASKED = Scenario()
"""Nothing is particular: everything is answered as usual and done as asked."""


@dataclass(frozen=True)
class Way:
    """One way through a playbook, and where it ends."""

    is_: str
    """What it is like, in words."""
    playbook: str
    scenario: Scenario = AS_ASKED
    not_applicable: str = ""
    skipped: str = ""
    cancelled: str = ""
    failed: str = ""
    duties: Mapping[str, str] = field(default_factory=dict)
    """Duty → what was recorded of it."""
    waited: Mapping[str, str] = field(default_factory=dict)
    """Step → a fact that its condition waited for."""
    late: Mapping[str, str] = field(default_factory=dict)
    """Step that was overdue → the role to which that was escalated."""
    again: Sequence[str] = ()
    """Steps of which there is more than one invocation in the same place."""


ONE_BRANCH = "notify.final notify.sign notify.by_hand notify.sign_by_hand"
"""A lane either has a template or is written by hand; with both kinds of lanes, each falls away in one."""
NOBODY_TOLD = "not_notifying sign_not_notifying"
