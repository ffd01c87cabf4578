"""Tests of a playbook as one frozen value: facts, answers, actions of people, and the expected end.

A test opens an incident of kind ``test`` in a home of its own, without real sending. Simulated responders with
its roles do the playbook's steps in virtual time. A test contains only its differences from the usual settings.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from runner.base.states import Profile, TaskState

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
"""Alternatives to the normal completion of a step, as the first word of a deed."""
Effect = Literal["accepted", "rejected", "throttled", "not_sent", "unknown", "403", "timeout"]
Words = Annotated[str, Meta(pattern=r"\S")]


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every part of the file: frozen, without unknown keys."""


class Behaviour(Written, frozen=True, kw_only=True):
    """Answers, findings and acts of people. A step is named by its path in the playbook: ``notify.sign``."""

    facts: tuple[Words, ...] = ()
    """Assignments at the opening: ``KEY=VALUE``."""
    # Without a pattern for the single text: see decision 0219.
    answers: dict[str, str | tuple[Words, ...]] = {}
    """Question → answer; form → assignments, ``FACT=unknown`` for an unknown answer."""
    finds: dict[str, tuple[Words, ...]] = {}
    """Task → assignments that the assigned person records first."""
    deeds: dict[str, tuple[Words, ...]] = {}
    """Step → alternatives, one for each time that it is reached; afterwards it is completed normally."""
    takes: dict[str, Words] = {}
    """Step → working time of its person, while others continue: ``3h``."""
    learns: dict[str, Words] = {}
    """Fact → assignment of the fact, once a step waits for it and nothing else can be done."""
    acts: dict[str, tuple[Effect, ...]] = {}
    """Automatic action → the outcomes of its attempts, in order; the last one repeats."""
    channels: dict[str, tuple[Effect, ...]] = {}
    """Channel → the outcomes of its attempts; default: accepted."""


class Usual(Behaviour, frozen=True, kw_only=True):
    """Settings of every test of a file that has no value of its own."""

    profile: Profile | None = None
    """The profile of the playbook; left out: large."""


class Document(Written, frozen=True, kw_only=True):
    """Expected contents of the newest document of a notice step."""

    contains: tuple[Words, ...] = ()
    lacks: tuple[Words, ...] = ()
    gaps: tuple[str, ...] | None = None
    """Exactly these facts are missing in it; without it: not checked."""


class Expected(Written, frozen=True, kw_only=True):
    """Expected end. With ``path`` every step is checked: a step without an entry must be done."""

    path: dict[TaskState, tuple[str, ...]] | None = None
    """State → the steps that end in it in at least one lane."""
    steps: dict[str, TaskState] = {}
    times: dict[str, Annotated[int, Meta(ge=0)]] = {}
    """Step → how often it was reached, as the highest number of any lane."""
    again: tuple[str, ...] = ()
    """Steps that were reached more than once in the same place."""
    waits_for: dict[str, tuple[str, ...]] = {}
    """Step → facts that its condition waited for."""
    overdue: dict[str, str] = {}
    """Step that was late → the role that was alerted, empty without one."""
    duties: dict[str, str] = {}
    """Duty → its record (``filed``, ``decided_not_to_notify``, ``waived``), else its verdict."""
    messages: dict[str, tuple[Words, ...]] = {}
    """Message step → words in its text."""
    documents: dict[str, Document] = {}
    within: str = ""
    """Virtual time from opening to the end, at most: ``3d``."""
    closes: bool = True
    """Whether it can be closed without a reason."""


class Case(Usual, frozen=True, kw_only=True):
    """One path through the playbook."""

    name: Words
    last_moment: bool = False
    """People do nothing until shortly before the due time."""
    expect: Expected = Expected()


class PlaybookTests(Written, frozen=True, kw_only=True):
    """A file of tests. ``usual`` applies to each test, unless the test has its own value."""

    schema: Literal["tocsin/playbook-test/v1"]
    playbook: Words
    """A name, ``NAME@VERSION``, or a path relative to this file."""
    cases: Annotated[tuple[Case, ...], Meta(min_length=1)]
    usual: Usual = Usual()
    organisation: dict[str, Any] = {}
    """Facts of the organisation, as in ``tocsin.yaml``."""
    roles: dict[str, tuple[Words, ...]] = {}
    """The people of each role; a role without an entry has two made-up persons."""
    laws: tuple[str, ...] | None = None
    """Only these regimes are in force; default: all."""
    notices: tuple[str, ...] | None = None
    """Only these templates exist; default: all."""
    auth: tuple[Words, ...] = ()
    """Profiles of action templates that the organisation has; without its profile an action is a task."""
    opened: str = "2026-11-24T09:00:00Z"
    """The virtual instant of the opening."""


def merged(usual: Usual, own: Usual) -> Usual:
    """Return the settings of one test: its own replace the common ones, key by key.

    Its assignment ``KEY=VALUE`` replaces the common value; with ``KEY+=VALUE`` the common value remains.
    """
    anew = {key for fact in own.facts if not (key := fact.partition("=")[0]).endswith(("+", "-"))}
    usually = (fact for fact in usual.facts if fact.partition("=")[0].rstrip("+-") not in anew)
    return Usual(
        profile=own.profile or usual.profile,
        facts=(*usually, *own.facts),
        answers={**usual.answers, **own.answers},
        finds={**usual.finds, **own.finds},
        deeds={**usual.deeds, **own.deeds},
        takes={**usual.takes, **own.takes},
        learns={**usual.learns, **own.learns},
        acts={**usual.acts, **own.acts},
        channels={**usual.channels, **own.channels},
    )
