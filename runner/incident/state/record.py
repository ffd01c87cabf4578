"""Events of people's records: facts, roles, failure domains, evidence, notes, and the person on whose behalf they acted."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from runner.base.actor import Personal, Stream
from runner.facts.vocabulary.register import FactChange


class Behalf(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that one person recorded on behalf of another, who has not confirmed them."""

    first: int
    last: int
    person: str
    by: str
    via: str
    at: datetime
    steps: tuple[str, ...] = ()


class FactsRecorded(Personal, frozen=True, kw_only=True):
    """Facts were recorded, corrected or withdrawn, together."""

    facts: tuple[FactChange, ...]
    by: str
    step: str = ""
    grounds: str = ""
    answers: tuple[str, ...] = ()
    """Open questions that these facts answer implicitly."""
    second: str = ""
    """The person who confirmed it, if it moved a deadline later."""
    on_behalf_of: str = ""
    """The person on whose behalf ``by`` answered a question or a form: both count as authors."""
    reopens: tuple[str, ...] = ()
    """The forms whose fields with these facts are open again."""


class RoleAssigned(Personal, frozen=True, kw_only=True):
    """The persons of a role in this incident, from now on."""

    role: str
    persons: tuple[str, ...]
    on_call: bool = False
    """Set by a rota, which changes the person with the shift."""


class DomainDeclared(Personal, frozen=True, kw_only=True):
    """A failure domain was compromised, down or restored."""

    domain: str
    state: Literal["compromised", "down", "up"]
    since: datetime
    by: str = ""
    reason: str = ""
    assumed: bool = False
    automatic: bool = False
    """Automatic: attempts failed, a probe succeeded, or it was declared in another incident."""
    kept: bool = False
    """The incident ends: the domain stays compromised everywhere until a person declares it up."""


class EvidenceAttached(Personal, frozen=True, kw_only=True):
    """An evidence file was recorded."""

    evidence: str
    name: str
    sha256: str
    size: int
    by: str
    source: str = ""


class ExhibitDescribed(Personal, frozen=True, kw_only=True):
    """What an exhibit is, and who collected it, when, where and how; an empty field leaves what was said before."""

    evidence: str
    by: str = ""
    description: str = ""
    collected_by: str = ""
    collected_at: datetime | None = None
    place: str = ""
    method: str = ""


class ExhibitHandedOver(Personal, frozen=True, kw_only=True):
    """An exhibit was given to a person, whose receipt is open."""

    evidence: str
    by: str = ""
    giver: str = ""
    receiver: str
    purpose: str
    given_at: datetime | None = None
    """None: when it was recorded."""


class ExhibitReceived(Personal, frozen=True, kw_only=True):
    """The receiver of a handover confirms it, in their own name."""

    evidence: str
    by: str = ""
    entry: int = 0
    """The entry of the handover."""
    sha256: str = ""
    """The digest that the receiver calculated from their own copy; empty if they did not."""
    note: str = ""


class ExhibitDiffered(Personal, frozen=True, kw_only=True):
    """The digest of the receiver's copy is not that of the exhibit: the receipt of the handover ``entry`` stays open."""

    evidence: str
    by: str
    entry: int
    sha256: str


CustodyAct = EvidenceAttached | ExhibitDescribed | ExhibitHandedOver | ExhibitReceived
"""What a person does with an exhibit; a receipt with another digest is recorded as ``ExhibitDiffered``."""
CustodyEvent = CustodyAct | ExhibitDiffered


class ExhibitHandover(msgspec.Struct, frozen=True, kw_only=True):
    """A handover of an exhibit by its entry; ``receipt`` is the entry of the receipt, 0 while it is open."""

    entry: int
    receiver: str
    receipt: int = 0
    giver: str = ""
    differed: tuple[int, ...] = ()
    """The entries of failed comparisons with the receiver's copy."""


class NoteAdded(Personal, frozen=True, kw_only=True):
    """A log entry, with the time that it is about."""

    by: str
    text: str
    about: datetime | None = None


class PrivilegedNoteAdded(NoteAdded, frozen=True, kw_only=True):
    """A note for counsel: in its own stream, so that it can be withheld."""

    stream: ClassVar[Stream] = "privileged"


class EventCorrected(Personal, frozen=True, kw_only=True):
    """An earlier entry was marked as wrong; both stay."""

    seq: int
    by: str
    reason: str


class PrivilegedEventCorrected(EventCorrected, frozen=True, kw_only=True):
    """An entry outside the operational stream was marked as wrong: the reason is withheld with that entry."""

    stream: ClassVar[Stream] = "privileged"


class ActedOnBehalf(Personal, frozen=True, kw_only=True):
    """The entries from ``first`` up to this one were made for ``person``: unconfirmed until that person confirms."""

    first: int
    person: str
    by: str
    via: str
    steps: tuple[str, ...] = ()


class BehalfConfirmed(Personal, frozen=True, kw_only=True):
    """The person for whom the entries from ``first`` on were recorded confirms them."""

    first: int
    by: str
    os_user: str = ""
    proven_by: str = ""


RecordEvent = (
    FactsRecorded
    | RoleAssigned
    | DomainDeclared
    | CustodyEvent
    | NoteAdded
    | PrivilegedNoteAdded
    | EventCorrected
    | PrivilegedEventCorrected
    | ActedOnBehalf
    | BehalfConfirmed
)
