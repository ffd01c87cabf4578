"""Stored form of a document: its tree, and the notice by which it was checked, law included.

Facts change and templates are read anew; what a person approved is compared, checked and described from this.
It holds facts in the clear, so the store seals it.
"""

from __future__ import annotations

import msgspec

from runner.decoding import from_json
from runner.documents.notice import Notice
from runner.documents.tree import Document


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to compare, to check and to write a document again."""

    notice: Notice
    document: Document


def encode(notice: Notice, document: Document) -> bytes:
    """Return the bytes to keep: the same document gives the same bytes."""
    return msgspec.json.encode(Kept(notice=notice, document=document), order="deterministic")


def decode(content: bytes) -> Kept:
    """Return the stored document."""
    return from_json(content, Kept)
