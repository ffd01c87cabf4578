"""Form of an authority as data: its fields in order, the stages of each, and the fact that fills it.

The file is ``schema: tocsin/fields/v1`` under ``notices/fields``. A notice that names it prints its fields; whoever
writes a sheet or a portal's data from the same facts reads the same list.
"""

from __future__ import annotations

import msgspec


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field. What no condition limits is asked of everyone."""

    id: str
    """As the form counts it, such as ``2.4``."""
    name: str
    fact: str | tuple[str, ...] = ()
    """The fact that fills it, or several of which the first that is known does."""
    says: dict[str, str] = {}
    """What it says at each stage, where no fact decides."""
    only: str = ""
    """When it is asked, in words; without ``when`` a person has to see whether it is."""
    when: str = ""
    """The same as a condition over facts."""
    of: str = ""
    """The fact that names the person it is about: if there is none, the field is not asked."""
    choices: dict[str, str] = {}
    """The form's words for each of the fact's choices."""
    codes: dict[str, str] = {}
    """The code of the form's electronic shape for a choice, where it is not the choice itself."""
    path: str = ""
    """Where the electronic shape of the form has the field."""

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
    """In their order: a stage asks for the fields of those before it as well."""
    sections: tuple[Section, ...]

    def at(self, stage: str) -> tuple[Section, ...]:
        """Return the sections of a stage."""
        asked = self.stages[: self.stages.index(stage) + 1]
        return tuple(section for section in self.sections if section.stage in asked)


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which form a notice fills, and at which of its stages."""

    fields: str
    stage: str
