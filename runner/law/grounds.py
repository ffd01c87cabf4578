"""Grounds of a duty: conditions, exemptions, elements of personal information, thresholds.

Everything here is data that a lawyer wrote and the loader compiled; ``runner.law.applicability`` answers it in three
values. A condition without an answer is unknown, unless its author wrote a rule for unknown answers.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from runner.facts.expression import Expression

Silence = Literal["ask", "holds", "fails"]
"""Rule for an unknown answer: a question to a person (the default), assumed true, or assumed false."""

CountOf = Literal["residents_notified", "persons_notified", "individuals_total", "residents_of_one_state"]
ThresholdOp = Literal[">", ">=", "<", "<="]
ENCRYPTED, KEY = "data.encrypted", "data.key_compromised"


class Meets(msgspec.Struct, frozen=True):
    """One fact, a value or a set, that must have a member of ``values``."""

    fact: str
    values: tuple[str, ...]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One question of the law, with a code for programs and a sentence for people.

    It is true if the expression is true, at least one of ``any_of`` matches and none of ``none_of`` does;
    absent parts are ignored.
    """

    code: str
    text: str
    expression: Expression | None = None
    any_of: tuple[Meets, ...] = ()
    none_of: tuple[Meets, ...] = ()
    when_silent: Silence = "ask"
    in_words: bool = False
    """A condition in prose only: a program cannot answer it, so it is unknown until counsel takes a position on its code."""

    @property
    def facts(self) -> frozenset[str]:
        """Return the facts that it reads."""
        read = () if self.expression is None else self.expression.facts
        return frozenset((*(test.fact for test in (*self.any_of, *self.none_of)), *read))


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """A ground that ends duties. It is never assumed.

    ``grounds`` are facts that must be recorded besides the condition, such as the assessment by a named person.
    Without ``condition`` it applies only as a position of counsel (``claims``). The organisation's own properties
    (``about_us``) are a matter of scope and decide directly; with any other exemption the duties apply until two
    people claim it.
    """

    code: str
    text: str
    citation: str = ""
    condition: Condition | None = None
    grounds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    """Slugs of the duties that it ends; empty means every duty of the regime."""
    covers: tuple[str, ...] = ("confidentiality",)
    """For an exemption by encryption: the impacts that it covers. Encryption does not restore lost or altered data."""
    covers_citation: str = ""
    """The words of the law that cover more than confidentiality."""

    @property
    def by_encryption(self) -> bool:
        """Return whether it asks whether the data were encrypted."""
        return self.condition is not None and ENCRYPTED in self.condition.facts

    @property
    def names_key(self) -> bool:
        """Return whether it asks about the key as well; an exemption by encryption without that question never applies."""
        return self.condition is not None and KEY in self.condition.facts

    @property
    def about_us(self) -> bool:
        """Return whether it reads only properties of the organisation."""
        facts = frozenset() if self.condition is None else self.condition.facts
        return bool(facts) and all(fact.startswith("organisation.") for fact in facts)


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One data type that is personal information, perhaps only under a condition."""

    element: str
    condition: Condition | None = None


class PersonalInformation(msgspec.Struct, frozen=True, kw_only=True):
    """A statute's table of elements: those that count together with a name, and those that count alone."""

    with_name: tuple[Element, ...] = ()
    without_name: tuple[Element, ...] = ()
    name: str = "first name or initial and last name"
    text: str = "personal information as the statute defines it"


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """The number of people from which the duty arises. ``>`` and ``>=`` are different laws.

    ``place`` is the jurisdiction whose residents are counted; the loader fills in the regime's own.
    """

    count: CountOf
    op: ThresholdOp
    n: int
    place: str = ""
