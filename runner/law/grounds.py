"""Grounds of a duty: conditions, exemptions, elements of personal information, thresholds.

Everything here is data that a lawyer wrote and that the loader compiled; ``runner.law.applicability`` answers it in three
values. A condition that nobody has answered is unknown, unless its author says what silence means.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from runner.facts.expression import Expression

Silence = Literal["ask", "holds", "fails"]
"""What an unknown answer means: a question to a person (the default), taken as holding, or taken as not holding."""

CountOf = Literal["residents_notified", "persons_notified", "individuals_total", "residents_of_one_state"]
ThresholdOp = Literal[">", ">=", "<", "<="]


ENCRYPTED, KEY = "data.encrypted", "data.key_compromised"


class Meets(msgspec.Struct, frozen=True):
    """One fact, a value or a set, that must share a member with ``values``."""

    fact: str
    values: tuple[str, ...]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the law asks about, with a code for programs and a sentence for people.

    It holds when the expression holds, at least one of ``any_of`` meets its values and none of ``none_of`` does;
    parts that are absent ask nothing.
    """

    code: str
    text: str
    expression: Expression | None = None
    any_of: tuple[Meets, ...] = ()
    none_of: tuple[Meets, ...] = ()
    when_silent: Silence = "ask"
    in_words: bool = False
    """Held in prose alone: no program can answer it, so it stays unknown until counsel takes a position on its code."""

    @property
    def facts(self) -> frozenset[str]:
        """Return the facts that it reads."""
        read = () if self.expression is None else self.expression.facts
        return frozenset((*(one.fact for one in (*self.any_of, *self.none_of)), *read))


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """A ground that takes duties away. It is never assumed.

    ``grounds`` are facts that must be recorded besides the condition, such as the assessment by a named person.
    Without ``condition`` it holds only as a position that counsel takes (``claims``). What the organisation is
    (``about_us``) is a matter of scope and decides by itself; any other exemption leaves its duties standing until two
    people claim it.
    """

    code: str
    text: str
    citation: str = ""
    condition: Condition | None = None
    grounds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    """Slugs of the duties that it takes away; empty means every duty of the regime."""
    covers: tuple[str, ...] = ("confidentiality",)
    """Of one by encryption: the impacts that it reaches. Encryption brings nothing back that is lost or altered."""
    covers_citation: str = ""
    """The words by which it reaches more than confidentiality."""

    @property
    def by_encryption(self) -> bool:
        """Return whether it asks whether the data were encrypted."""
        return self.condition is not None and ENCRYPTED in self.condition.facts

    @property
    def names_key(self) -> bool:
        """Return whether it asks for the key as well; one by encryption that does not never holds."""
        return self.condition is not None and KEY in self.condition.facts

    @property
    def about_us(self) -> bool:
        """Return whether it reads what the organisation is, and nothing else."""
        facts = frozenset() if self.condition is None else self.condition.facts
        return bool(facts) and all(fact.startswith("organisation.") for fact in facts)


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of data that makes personal information, perhaps only under a condition."""

    element: str
    condition: Condition | None = None


class PersonalInformation(msgspec.Struct, frozen=True, kw_only=True):
    """A statute's table of elements: those that count together with a name, and those that count alone."""

    with_name: tuple[Element, ...] = ()
    without_name: tuple[Element, ...] = ()
    name: str = "first name or initial and last name"
    text: str = "personal information as the statute defines it"


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """How many people bring the duty about. ``>`` and ``>=`` are different laws.

    ``place`` is the jurisdiction whose residents are counted; the loader fills in the regime's own.
    """

    count: CountOf
    op: ThresholdOp
    n: int
    place: str = ""
