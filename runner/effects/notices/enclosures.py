"""Enclosures of a notice: the sample of the letter to people that an authority asks for.

An enclosure is written in the formats of its notice and stored as ``enclosure-1.pdf`` among the files of the notice. So one digest,
and one approval, binds the notice and its enclosures, and older approvals keep their digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from runner.documents.notice import Notice
from runner.documents.tree import Document, Kept, decode
from runner.documents.write import FORMATS, write
from runner.effects.context import Blobs
from runner.effects.notices.legal_basis import Brief, legal_context
from runner.incident.notices.staleness import blocking, change_words
from runner.incident.state.documents import ENCLOSURE
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.duty import DutyStatus


class Enclosure(msgspec.Struct, frozen=True):
    """One enclosed letter: its text, its final text, the reasons why it is a draft, and what a person verifies."""

    draft: Document
    final: Callable[[], Document]
    items: tuple[str, ...]
    to_verify: tuple[str, ...]


def letters_of(
    notice: Notice, found: Brief | None, statuses: Sequence[DutyStatus], library: Library
) -> Iterator[Brief]:
    """Yield the duties whose letters a notice encloses: of the same law and place, to each named recipient."""
    if found is None:
        return
    own = found.status
    for recipient in notice.encloses:
        same = (
            one
            for one in statuses
            if (one.regime, one.recipient, one.jurisdiction) == (own.regime, recipient, own.jurisdiction)
            and one.verdict in ("applies", "unknown")
        )
        brief = legal_context(found.incident, next(same, None), library)
        if brief is not None:
            yield brief


def edited(brief: Brief, blobs: Blobs) -> tuple[Kept, tuple[str, ...]] | None:
    """Return the newest text of a letter if counsel edited it in Word, and the facts that changed since and make it a draft."""
    made = [one for one in brief.incident.documents.values() if one.duty == brief.status.id and one.tree]
    if not made or made[-1].adoption is None:
        return None
    stale = tuple(
        f"{made[-1].notice} is out of date: {change_words(one, brief.incident.zone)}"
        for one in blocking(brief.incident, made[-1])
    )
    return decode(blobs.get_blob(made[-1].tree)), stale


def stored(
    incident: Incident, enclosures: Iterable[Document], formats: Sequence[str], blobs: Blobs
) -> dict[str, str]:
    """Store enclosures in the formats of their notice, and return their digests by the names of their files."""
    return {
        f"{ENCLOSURE}{number}.{form}": blobs.put_blob(incident.id, write(document, form))
        for number, document in enumerate(enclosures, 1)
        for form in FORMATS
        if form in formats
    }


def carried(before: Mapping[str, str]) -> dict[str, str]:
    """Return the enclosures among the files of a version."""
    return {name: digest for name, digest in before.items() if name.startswith(ENCLOSURE)}
