"""Vocabulary of notices: requirements of the law, missing information, and generated files.

A form of an authority as data: its fields in their order, from which stage each is asked, and which fact fills it.

The file is ``schema: tocsin/fields/v1`` under ``notices/fields``. A notice that names it prints its fields; the
writers of sheets and of portals' data read the same list.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field. A field without a condition is always asked."""

    id: str
    """Its number in the form, such as ``2.4``."""
    name: str
    fact: str | tuple[str, ...] = ()
    """The fact that fills it, or several of which the first that is known does."""
    says: dict[str, str] = {}
    """Its value at each stage, if no fact decides."""
    only: str = ""
    """When it is asked, in words; without ``when`` a person must judge."""
    when: str = ""
    """The same as a condition over facts."""
    of: str = ""
    """The fact that names the person it is about: if there is none, the field is not asked."""
    choices: dict[str, str] = {}
    """The form's words for each of the fact's choices."""
    codes: dict[str, str] = {}
    """The code of the electronic form for a choice, if it differs from the choice."""
    path: str = ""
    """The field's place in the electronic form."""

    @property
    def facts(self) -> tuple[str, ...]:
        """Every fact that may fill it, the first choice first."""
        return (self.fact,) if isinstance(self.fact, str) else self.fact


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields under one heading, asked from one stage on."""

    title: str
    stage: str
    fields: tuple[Field, ...]


class FieldList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole form."""

    id: str
    version: str
    title: str
    citation: str
    source: str
    confidence: str = "unverified"
    note: str = ""
    stages: tuple[str, ...]
    """In order: a stage also asks for the fields of earlier stages."""
    sections: tuple[Section, ...]

    def at(self, stage: str) -> tuple[Section, ...]:
        """Return the sections of a stage."""
        asked = self.stages[: self.stages.index(stage) + 1]
        return tuple(section for section in self.sections if section.stage in asked)


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which form a notice fills, and at which of its stages."""

    fields: str
    stage: str


Audience = Literal["authority", "individuals", "internal", "public"]
Treatment = Literal["missing", "to_follow", "waived"]
"""``waived`` is missing, and counsel accepted the notice without it."""
Format = Literal["docx", "pdf", "html", "txt", "md", "xlsx", "json"]
"""``xlsx`` and ``json`` are for notices that fill a form field by field."""
CoverageState = Literal["covered", "gap", "to_follow", "not_required", "forbidden", "to_check"]
"""``to_check`` is for a person: the law requires words that no fact and no part of the template covers."""
SLOTS: Final = (
    "recipient.name",
    "recipient.address",
    "recipient.reference",
    "recipient.salutation",
    "recipient.code",
)
"""Data about its one reader in a letter."""
FactChoice = str | tuple[str, ...]
"""One fact path, or several of which one is enough."""


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One required content of the notice, with the article's letter."""

    ref: str
    """Its number in the law, such as ``33(3)(a)``."""
    item: str
    """The required content, in words that a lawyer can check against the law."""
    facts: tuple[FactChoice, ...] = ()
    """All of them must be in the text; an inner list is a choice of one."""
    known: tuple[FactChoice, ...] = ()
    """All of them must be known and read; the template puts them into words of its own by conditions."""
    when: str = ""
    """A condition over facts; empty means always required."""
    only: str = ""
    """When it is required, in words that a person must judge: missing information is then to verify, not a gap."""
    part: str = ""
    """A part of a letter (``runner.law.regime.LetterPart``) that says it in words of its own."""
    unsure: tuple[str, ...] = ()
    """Facts that would tell whether it is required at all."""
    of_law: bool = False
    """Taken from the duty's own contents, not from the template's front matter."""


class Ban(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One forbidden content of the notice, recognised by its facts and by the words and numbers that they have now."""

    ref: str
    item: str
    facts: tuple[str, ...]
    names: tuple[str, ...] = ()
    """Words and names of which one is enough: the code of a vector, a system. The incident's facts set them."""
    prose: tuple[str, ...] = ()
    """Distinctive words of a fact in prose: two in one paragraph are enough."""
    numbers: tuple[int, ...] = ()
    common: tuple[int, ...] = ()
    """Numbers that the template's own text has as well: a person must look at them."""


class Fits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scope of a general template: duties to these recipients, in these places; empty means any."""

    recipients: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    """``US`` includes its states."""
    stages: tuple[str, ...] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Front matter of one template: the duty that it fulfils, and its requirements."""

    id: str
    version: str
    title: str
    regime: str = ""
    duties: tuple[str, ...] = ()
    fits: Fits | None = None
    """Other duties for which ``notice: auto`` can use it, if no template names the duty itself."""
    translates: str = ""
    """The same notice in another language, with the same facts and items."""
    form: Form | None = None
    """The authority's form that the text fills, field by field; its fields count for the check."""
    law_items: bool = False
    """Whether what the duty's regime requires and forbids counts for the check, besides ``requires`` and ``forbids``."""
    encloses: tuple[str, ...] = ()
    """Recipients, such as ``individuals``, whose letter under the same law is enclosed as a sample."""
    says: tuple[str, ...] = ()
    """Parts of a letter that the text puts in where ``duty.parts`` asks for them."""
    parts: tuple[str, ...] = ()
    """Files of macros under ``notices/parts`` that are put before the text."""
    language: str = "en"
    """A BCP 47 tag: it chooses the forms of dates and numbers as well."""
    audience: Audience = "authority"
    requires: tuple[Item, ...] = ()
    forbids: tuple[Ban, ...] = ()
    links: tuple[str, ...] = ()
    """Further domains, besides the organisation's and governments', to which links in it may lead (R28)."""
    facts: tuple[str, ...] = ()
    """Facts required in the text besides those of ``requires``."""
    headings: tuple[str, ...] = ()
    """Headings that the law fixes, in their order, the title included where it does."""
    min_points: float = 0.0
    """The smallest type size that the law permits, in points; 0 if it names none."""
    phased: bool = False
    """Whether information may follow in phases, as in Art. 33(4) GDPR."""
    at_once: tuple[str, ...] = ()
    """Facts that may not follow later even where phases are allowed."""
    logo: bool = True
    """Whether the firm's letterhead and logo are above it: an authority's form has a head of its own, and EDGAR accepts no such pictures."""
    slots: tuple[str, ...] = ()
    """The parts that differ between readers (``SLOTS``); all other parts are the same for all in one place."""
    sections: tuple[Section, ...] = ()
    """The fields that ``form`` asks for; the loader sets them."""
    sha256: str = ""
    """Digest of the file's bytes; the loader sets it."""

    def required_facts(self) -> tuple[str, ...]:
        """Return every path that some item or the notice itself names, once each, in order."""
        paths: dict[str, None] = dict.fromkeys(self.facts)
        for item in self.requires:
            for choice in (*item.facts, *item.known):
                paths.update(dict.fromkeys((choice,) if isinstance(choice, str) else choice))
        return tuple(paths)


class Gap(msgspec.Struct, frozen=True):
    """One fact that the text needs and that is not recorded."""

    path: str
    item: str
    """The article's letter of the item that it belongs to; empty where it belongs to none."""
    treatment: Treatment


class Used(msgspec.Struct, frozen=True):
    """One fact that the text read, with its value as canonical JSON (personal data: never log it)."""

    path: str
    value: str
    printed: bool
    texts: tuple[str, ...] = ()
    """Its text, in each printed form."""
    places: tuple[tuple[int, int], ...] = ()
    """Where the template printed it: the run of text and the character in it, both from 0. An edited text has none."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Result for one required or forbidden item, or of one rule of form."""

    ref: str
    item: str
    state: CoverageState
    facts: tuple[str, ...] = ()
    """The paths that are missing or forbidden."""
    note: str = ""
    words: tuple[str, ...] = ()
    """The forbidden words that the text has."""
    sentence: str = ""
    """The sentences that state the facts of the item; empty if none is known to."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """One output: its format, its name and the digest of its bytes."""

    format: Format
    filename: str
    media_type: str
    sha256: str
    size: int
