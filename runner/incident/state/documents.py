"""Events of a notice: generated, accepted by counsel, imported from Word."""

from __future__ import annotations

from collections.abc import Mapping

from runner.base.event import Event, Personal


class DocumentRendered(Event, frozen=True, kw_only=True):
    """A notice exists in its formats, named by digest, with its gaps."""

    document: str
    step: str
    notice: str
    version: str
    digest: str
    files: Mapping[str, str]
    gaps: tuple[str, ...]
    facts: Mapping[str, int]
    """What the text read: facts, also unknown ones, and lists and maps (``path[]``), with the newest entry behind each."""
    duty: str = ""
    by: str = ""
    on_behalf_of: str = ""
    status: str = "draft"
    tree: str = ""


class NoticeOverridden(Personal, frozen=True, kw_only=True):
    """Counsel lets a notice go final in spite of ``items``, which would have kept it a draft."""

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
    """Counsel lets a text be approved or filed as it was, although ``facts`` changed; a supplement is to follow.

    ``facts`` names for each fact the entry whose change was let pass: a later change asks again.
    """

    document: str
    step: str
    digest: str
    by: str
    reason: str
    facts: Mapping[str, int]
