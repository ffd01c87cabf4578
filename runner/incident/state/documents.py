"""Events of a notice: generated, accepted by counsel, imported from Word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.actor import Event, Personal

ENCLOSURE = "enclosure-"
"""Begins the name of an enclosure among the files of a notice, as ``enclosure-1.pdf``."""


class DocumentRendered(Event, frozen=True, kw_only=True):
    """A notice was generated in its formats, named by digest, with its missing information."""

    document: str
    step: str
    notice: str
    version: str
    digest: str
    files: Mapping[str, str]
    gaps: tuple[str, ...]
    facts: Mapping[str, int]
    """The facts that the text read, also unknown ones, and lists and maps (``path[]``), with the newest entry behind each."""
    duty: str = ""
    by: str = ""
    on_behalf_of: str = ""
    status: str = "draft"
    tree: str = ""
    to_verify: tuple[str, ...] = ()
    """Required or forbidden content that only a person can check; an approval needs a tick for each."""
    aware: tuple[str, ...] = ()
    """Dates on which the text says that the organisation became aware."""
    passages: Mapping[str, str] = {}
    """Item to verify → SHA-256 of the sentence that covers it; of the whole text if no sentence does."""


class NoticeOverridden(Personal, frozen=True, kw_only=True):
    """Counsel made a notice final despite ``items``, which would have made it a draft."""

    document: str
    step: str
    digest: str
    by: str
    reason: str
    items: tuple[str, ...]


class NoticeAdopted(Personal, frozen=True, kw_only=True):
    """A notice's text was imported from a Word file; ``file`` is its SHA-256, ``base`` the compared version."""

    document: str
    step: str
    digest: str
    by: str
    file: str
    base: str
    tracked: int = 0


class NoticeKept(Personal, frozen=True, kw_only=True):
    """Counsel permitted the approval or filing of an unchanged text although ``facts`` changed; a supplement is to follow.

    ``facts`` has for each fact the entry whose change was accepted: a later change asks again.
    """

    document: str
    step: str
    digest: str
    by: str
    reason: str
    facts: Mapping[str, int]


class NoticeTicked(Personal, frozen=True, kw_only=True):
    """A person read the text and confirmed ``items``; void as soon as the text has another digest, or an item other values."""

    document: str
    step: str
    digest: str
    by: str
    items: tuple[str, ...]
    reason: str = ""


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A person's confirmation of one item; a contradiction is accepted with a reason."""

    by: str
    at: datetime
    reason: str = ""
    carried_from: str = ""
    """The earlier version that the person read, if the item has the same sentence in this one."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A generated notice: one content digest, one SHA-256 per format, its missing information."""

    id: str
    step: str
    notice: str
    version: str
    digest: str
    """``sha256:`` of the document tree: what an approval binds."""
    files: Mapping[str, str]
    gaps: tuple[str, ...]
    facts: Mapping[str, int]
    """The facts that it read, also unknown ones, and lists and maps (``path[]``), with the newest event behind each."""
    at: datetime
    by: str = ""
    on_behalf_of: str = ""
    duty: str = ""
    status: str = "draft"
    tree: str = ""
    """SHA-256 of the encrypted tree behind the files; empty in older journals."""
    override: Override | None = None
    adoption: Adoption | None = None
    as_it_was: AsItWas | None = None
    to_verify: tuple[str, ...] = ()
    """Required or forbidden content that only a person can check; empty in older journals."""
    ticks: Mapping[str, Tick] = {}
    """The items that a person verified, and the contradictions that a person accepted."""
    aware: tuple[str, ...] = ()
    """Dates (ISO) on which its text says that the organisation became aware."""
    passages: Mapping[str, str] = {}
    """As in its event; empty in older journals: then no tick is carried over."""


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Counsel's decision that a notice is final although it has missing information or forbidden content."""

    by: str
    at: datetime
    reason: str
    items: tuple[str, ...]
    """The items that would have made it a draft."""


def answerable(gaps: Sequence[str]) -> list[str]:
    """Return the missing facts that a person can answer: those of a duty are said by its filing."""
    parts = (gap.partition(": ") for gap in gaps)
    return [path for kind, _, path in parts if kind == "missing" and not path.startswith("duty.")]


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """Import of a notice's text from an edited Word file."""

    by: str
    at: datetime
    file: str
    """SHA-256 of the imported Word file; its bytes are stored."""
    base: str
    """Digest of the generated version that it was compared with."""
    tracked: int = 0
    """Tracked changes that were accepted as final text."""


class AsItWas(msgspec.Struct, frozen=True, kw_only=True):
    """Counsel's decision that a text may be approved or filed although its facts changed; a supplement is to follow."""

    by: str
    at: datetime
    reason: str
    facts: Mapping[str, int]
    """The changed facts, and the last event of each accepted change."""


class LettersSigned(Personal, frozen=True, kw_only=True):
    """A person approved a run of letters after reading a sample of each text, or signed off the number that was mailed."""

    run: str
    """The evidence file with the summary of the run."""
    kind: Literal["approved", "mailed"]
    people_sha256: str
    people: int
    texts: tuple[str, ...]
    """Template, version and SHA-256 of the pattern of each text."""
    samples: tuple[str, ...] = ()
    """SHA-256 of each letter that was read."""
    verified: tuple[str, ...] = ()
    """Items of the texts that the person verified with the approval."""
    mailed: int = 0
    by: str
    reason: str = ""


NoticeEvent = DocumentRendered | LettersSigned | NoticeAdopted | NoticeKept | NoticeOverridden | NoticeTicked
