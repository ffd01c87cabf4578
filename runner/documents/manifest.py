"""Manifest of a document: its template, its facts (as salted digests), and the digests of its files.

Whoever has the facts and the salt renders again and compares; whoever has neither learns nothing of a fact.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from importlib import metadata

import msgspec

from runner.documents.contents.coverage import check
from runner.documents.notice import FactDigest, Manifest, Notice, Rendered
from runner.documents.tree import Document

_ENGINES = ("jinja2", "markdown-it-py", "babel", "typst")


def manifest(notice: Notice, document: Document, outputs: Iterable[Rendered], *, salt: bytes) -> Manifest:
    """Return the manifest; the salt is the incident's, so that a value cannot be guessed from its digest."""
    context = document.context
    return Manifest(
        incident=context.incident,
        kind=context.kind,
        status=context.status,
        template=document.id,
        template_version=document.version,
        template_sha256=document.template_sha256,
        language=document.language,
        timestamp=context.timestamp.isoformat(),
        journal_head=context.journal_head,
        tree_sha256=document.digest,
        facts=tuple(
            FactDigest(used.path, fact_digest(used.path, used.value, salt)) for used in document.facts_used
        ),
        gaps=document.gaps,
        coverage=check(notice, document),
        outputs=tuple(outputs),
        engine=tuple((name, metadata.version(name)) for name in _ENGINES),
    )


def fact_digest(path: str, value: str, salt: bytes) -> str:
    """Return the HMAC-SHA-256 of a path and its value's canonical JSON under the salt, in hex."""
    return hmac.new(salt, f"{path}\n{value}".encode(), hashlib.sha256).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """Return canonical JSON: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(manifest, order="sorted")
