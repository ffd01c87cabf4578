"""Tests of a playbook as one frozen value: facts, answers, actions of people, and the expected end.

A test opens an incident of kind ``test`` in a home of its own, where nothing leaves the machine, and has people who hold
its roles do what the playbook asks of them, in virtual time. It says only what is particular to it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from runner.base.states import TaskState

DeedWord = Literal[
    "skip",
    "cancel",
    "fail",
    "retry",
    "reject",
    "unknown",
    "sleep",
    "learn",
    "reopen",
    "render",
    "not-to-notify",
    "waive",
    "unreached",
    "domain",
]
DEEDS: tuple[str, ...] = get_args(DeedWord)
"""What people may do instead of what a step asks, as the first word of a deed."""
Effect = Literal["accepted", "rejected", "throttled", "not_sent", "unknown"]
Words = Annotated[str, Meta(pattern=r"\S")]


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every piece of the file shares: frozen, closed against unknown keys."""


class Behaviour(Written, frozen=True, kw_only=True):
    """What people answer, find out and do. A step is named by its path in the playbook: ``notify.sign``."""

    facts: tuple[Words, ...] = ()
    """Assignments at the opening: ``KEY=VALUE``."""
    answers: dict[str, Words] = {}
    """Question → answer."""
    finds: dict[str, tuple[Words, ...]] = {}
    """Task → assignments that whoever does it records first."""
    deeds: dict[str, tuple[Words, ...]] = {}
    """Step → what is done instead, each time that it is met; afterwards it is done as asked."""
    takes: dict[str, Words] = {}
    """Step → how long whoever does it is at it, while others go on: ``3h``."""
    learns: dict[str, Words] = {}
    """Fact → assignment that settles it, once a step waits for it and nothing else can be done."""
    acts: dict[str, tuple[Effect, ...]] = {}
    """Automatic action → the outcomes of its attempts, one after the other; the last holds for the rest."""
    channels: dict[str, tuple[Effect, ...]] = {}
    """Channel → the outcomes of attempts over it; else they are accepted."""


class Document(Written, frozen=True, kw_only=True):
    """What the newest document of a notice step says."""

    contains: tuple[Words, ...] = ()
    lacks: tuple[Words, ...] = ()
    gaps: tuple[str, ...] | None = None
    """Exactly these facts are missing in it; left out: not looked at."""


class Expected(Written, frozen=True, kw_only=True):
    """Expected end. With ``path`` every step is checked: a step that it does not name must be done."""

    path: dict[TaskState, tuple[str, ...]] | None = None
    """State → the steps that end in it in at least one lane."""
    steps: dict[str, TaskState] = {}
    times: dict[str, Annotated[int, Meta(ge=0)]] = {}
    """Step → how often it was reached in the lane in which that was most often."""
    again: tuple[str, ...] = ()
    """Steps that were reached more than once in the same place."""
    waits_for: dict[str, tuple[str, ...]] = {}
    """Step → facts that its condition waited for."""
    overdue: dict[str, str] = {}
    """Step that was late → the role that was told, empty where nobody was."""
    duties: dict[str, str] = {}
    """Duty → what is recorded of it (``filed``, ``decided_not_to_notify``, ``waived``), else its verdict."""
    messages: dict[str, tuple[Words, ...]] = {}
    """Message step → words that stand in its text."""
    documents: dict[str, Document] = {}
    within: str = ""
    """Virtual time from opening to the end, at most: ``3d``."""
    closes: bool = True
    """Whether it can be closed without giving a reason."""


class Case(Behaviour, frozen=True, kw_only=True):
    """One way through the playbook."""

    name: Words
    last_moment: bool = False
    """Nothing is done before the minutes in which it is due."""
    expect: Expected = Expected()


class PlaybookTests(Written, frozen=True, kw_only=True):
    """A file of tests. ``usual`` holds for each of them, unless the test says otherwise."""

    schema: Literal["tocsin/playbook-test/v1"]
    playbook: Words
    """A name, ``NAME@VERSION``, or a path that counts from this file."""
    cases: Annotated[tuple[Case, ...], Meta(min_length=1)]
    usual: Behaviour = Behaviour()
    organisation: dict[str, Any] = {}
    """Facts of the organisation, as in ``tocsin.yaml``."""
    roles: dict[str, tuple[Words, ...]] = {}
    """Who holds which role; a role that is not named is held by two made-up persons."""
    laws: tuple[str, ...] | None = None
    """Only these regimes are in force; left out: all."""
    notices: tuple[str, ...] | None = None
    """Only these templates exist; left out: all."""
    opened: str = "2026-11-24T09:00:00Z"
    """The virtual instant at which it is opened."""


def merged(usual: Behaviour, own: Behaviour) -> Behaviour:
    """Return the settings of one test: its own over the common ones, key by key.

    A fact that it sets anew (``KEY=VALUE``) takes the place of what is usual; one that it adds to (``KEY+=VALUE``) stands.
    """
    anew = {key for fact in own.facts if not (key := fact.partition("=")[0]).endswith(("+", "-"))}
    usually = (fact for fact in usual.facts if fact.partition("=")[0].rstrip("+-") not in anew)
    return Behaviour(
        facts=(*usually, *own.facts),
        answers={**usual.answers, **own.answers},
        finds={**usual.finds, **own.finds},
        deeds={**usual.deeds, **own.deeds},
        takes={**usual.takes, **own.takes},
        learns={**usual.learns, **own.learns},
        acts={**usual.acts, **own.acts},
        channels={**usual.channels, **own.channels},
    )
