"""Vocabulary of letters in bulk: a row of the list, a line of the manifest, and the result of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from runner.base.redacted import Redacted

SUMMARY = "letters.json"
"""The file with the result of a run; it is recorded as evidence."""
MAX_BATCH = 1_000
"""Letters in one PDF for the printer."""
MAX_WHOLE = 100
"""Of these, the formats that are set whole: a whole file is in memory at once."""


Variant = Literal["", "minor", "deceased"]
"""Whom a letter addresses: the person, a parent or guardian, or the estate or next of kin (45 CFR 164.404(d)(1))."""
VARIANTS: tuple[Variant, ...] = get_args(Variant)
GroupKey = tuple[str, str, Variant, str]
"""Place, population, variant and language: people of one group get the same letter, apart from its slots."""


class Person(Redacted, frozen=True, kw_only=True):
    """One checked row of the list of people; its representation shows no name, address or code."""

    SHOWN = ("reference",)

    reference: str
    """Unique in the list; it names the file, and a person who calls can state it."""
    name: str
    address: str
    """The lines of the envelope."""
    jurisdiction: str = ""
    """Where the person lives, as ``DE`` or ``US-MA``."""
    population: str = ""
    """The id of a population of the incident."""
    variant: Variant = ""
    salutation: str = ""
    """The name after "Dear"; empty means the full name, which guesses no gender."""
    code: str = ""
    """The person's own code for credit monitoring."""
    language: str = ""
    """The language of the letter, as ``de``; empty for the language of the place."""

    @property
    def group(self) -> GroupKey:
        """People of one group get the same letter, apart from its slots."""
        return self.jurisdiction, self.population, self.variant, self.language

    @property
    def words(self) -> dict[str, str]:
        """The values of the slots of a template."""
        return {
            "name": self.name,
            "address": self.address,
            "reference": self.reference,
            "salutation": self.salutation or self.name,
            "code": self.code,
        }


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One letter in one format, in the manifest: a letter in two formats has two lines with the same ``n``. The reference is its only personal data."""

    n: int
    """Its place in the list, from 1."""
    reference: str
    jurisdiction: str
    population: str
    text: str
    """SHA-256 of title, language and blocks: the same for every format."""
    file: str
    """Relative to the folder of the run."""
    sha256: str
    """Of that file's bytes."""
    size: int
    first_page: int = 0
    """Where the letter begins in its file, from 1; 0 where the format has no pages."""
    pages: int = 0
    variant: Variant = ""
    language: str = ""

    @property
    def group(self) -> GroupKey:
        """The group of its person."""
        return self.jurisdiction, self.population, self.variant, self.language


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """People who get the same letter apart from its slots."""

    jurisdiction: str
    population: str
    duty: str
    notice: str
    version: str
    text: str
    """SHA-256 of the pattern: the letter with its slots open."""
    status: str
    letters: int = 0
    approved: bool = False
    """Whether the incident has an approval of this duty's notice, from the same template and version."""
    approved_by: tuple[str, ...] = ()
    approved_digest: str = ""
    """``sha256:`` of the document that was approved; empty where none was."""
    variant: Variant = ""
    language: str = ""
    """As the list has it; empty without one."""
    written_in: str = ""
    """The language of the text; empty in runs of a version that did not record it."""
    unchosen: str = ""
    """Why the text is in a language that nobody chose; empty if it was chosen."""

    to_verify: tuple[str, ...] = ()
    """Content that only a person can verify."""

    @property
    def key(self) -> GroupKey:
        """The place, population, variant and language of its people."""
        return self.jurisdiction, self.population, self.variant, self.language

    @property
    def wording(self) -> str:
        """The template and the text that an approval of letters binds."""
        return f"{self.notice} {self.version} {self.text}"


class Letters(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/letters/v1"):
    """Result of a run of letters. It is recorded in the journal and contains no personal data."""

    incident: str
    kind: str
    people_sha256: str
    """Of the list as read: the same people in the same order have the same digest."""
    letters: int
    files: int = 0
    """The number of files with letters; 0 in runs of a version that did not count them."""
    pages: int
    groups: tuple[Group, ...]
    manifest_sha256: str
    root: str
    """The Merkle root over the lines of the manifest."""
    differences: tuple[str, ...] = ()
    """Differences of the list from the recorded counts, in words."""
    accepted: str = ""
    """Why a person accepted these differences."""


class MerkleTree:
    """The root over many leaves, in memory that grows with their logarithm.

    As RFC 6962 counts: a leaf is SHA-256 of 0x00 and its bytes, a node SHA-256 of 0x01 and its two children, and the left
    half of a tree is the largest power of two that is smaller than its leaves.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Start, with leaves from an earlier part."""
        self._peaks: list[tuple[int, bytes]] = []
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        """Add a leaf."""
        height, digest = 0, hashlib.sha256(b"\x00" + leaf).digest()
        while self._peaks and self._peaks[-1][0] == height:
            digest = hashlib.sha256(b"\x01" + self._peaks.pop()[1] + digest).digest()
            height += 1
        self._peaks.append((height, digest))

    @property
    def root(self) -> str:
        """The Merkle root of the added lines, in hex."""
        if not self._peaks:
            return hashlib.sha256(b"").hexdigest()
        digest = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            digest = hashlib.sha256(b"\x01" + left + digest).digest()
        return digest.hex()
