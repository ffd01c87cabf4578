"""Plan of an exercise as one frozen value: playbook, clock, injects and objectives.

Words and ratings follow HSEEP: objectives with targets and critical tasks, a master scenario events list (MSEL) with
injects and contingency injects, players, controllers and evaluators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta

from runner.base.states import Profile
from runner.facts.expression import Expression
from runner.incident.state.exercise import LIVE
from runner.playbook.playbook_test import Behaviour, Written

ExerciseType = Literal[
    "seminar", "workshop", "ttx", "game", "drill", "functional", "full_scale", "live_comms"
]
TYPES: tuple[str, ...] = get_args(ExerciseType)
DISCUSSION: frozenset[str] = frozenset({"seminar", "workshop", "ttx", "game"})
"""Exercises that are discussions: nothing is sent, and no clock runs."""
HseepRole = Literal[
    "director", "lead_controller", "controller", "facilitator", "evaluator", "simulator", "player", "observer"
]
EVALUATING: frozenset[HseepRole] = frozenset({"evaluator", "director", "lead_controller"})
"""Roles that rate the exercise and sign the report."""
CONDUCTING: frozenset[HseepRole] = frozenset({"director", "lead_controller", "controller", "facilitator"})
"""Roles that conduct the exercise."""
Category = Literal["inject", "contingency", "expected_action", "other"]
Words = Annotated[str, Meta(pattern=r"\S")]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$")]
Span = Annotated[
    str, Meta(pattern=r"^(?=.*\d)(\d{1,5}w)? ?(\d{1,5}d)? ?(\d{1,6}h)? ?(\d{1,7}m)? ?(\d{1,8}s)?$")
]
"""A duration as people write it: ``90m``, ``1d12h``."""


class Clock(Written, frozen=True, kw_only=True):
    """The speed of exercise time. ``real`` is wall time; ``accelerated`` runs ``rate`` times as fast; ``jump`` stops
    until a controller jumps to the next due time.
    """

    mode: Literal["real", "accelerated", "jump"] = "real"
    rate: Annotated[float, Meta(gt=0, le=10_000)] = 1.0
    start: str = ""
    """The instant of exercise time at StartEx (RFC 3339); empty is now."""


class Action(Written, frozen=True, kw_only=True):
    """The expected action of players: exactly one of the first five, ``within`` a time from the inject or from StartEx."""

    step: str = ""
    """The step with this path is done."""
    fact: str = ""
    """The fact is known."""
    document: str = ""
    """The notice step has generated a document."""
    message: str = ""
    """The message step has reached enough people."""
    duty: str = ""
    """The duty was filed, or decided on."""
    after: str = ""
    """Only in a target, beside ``step``: the step with this path is done before it."""
    within: Span | None = None
    critical: bool = True
    text: str = ""

    @property
    def thing(self) -> str:
        """The expected action, without its name and its time limit."""
        named = (
            ("step", self.step),
            ("fact", self.fact),
            ("document of", self.document),
            ("message", self.message),
            ("duty", self.duty),
        )
        thing = next((f"{kind} {name}" for kind, name in named if name), "")
        return f"{thing} after {self.after}" if self.after else thing

    @property
    def words(self) -> str:
        """The expected action, in words for people."""
        return self.text or self.thing


class Target(Written, frozen=True, kw_only=True):
    """A capability target, which evaluators rate."""

    id: Id
    text: Words
    tasks: Annotated[tuple[Action, ...], Meta(min_length=1)]


class Objective(Written, frozen=True, kw_only=True):
    """What the exercise is to show, and the core capability that it belongs to."""

    id: Id
    text: Words
    capability: Words
    targets: tuple[Target, ...] = ()


class Participant(Written, frozen=True, kw_only=True):
    """A participant, as player in a role of the playbook, or as staff of the exercise."""

    person: Words
    role: HseepRole = "player"
    plays: str = ""
    """The playbook's role of a player."""
    covers: tuple[str, ...] = ()
    """The objectives that an evaluator watches."""
    opted_in: bool = False
    """May get real messages in an exercise of type live_comms."""


class FaultPlan(Written, frozen=True, kw_only=True):
    """A simulated failure: a channel, a person who does not answer, or a wrong clock."""

    channel: str = ""
    person: str = ""
    clock_skew: Span | None = None
    lasts: Span | None = None
    """The duration; left out: to the end."""


class Artefact(Written, frozen=True, kw_only=True):
    """A text that players get with an inject: a ransom note, log lines, an email. Its shown name begins with EXERCISE."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    text: Annotated[str, Meta(pattern=r"\S", max_length=20_000)]

    @property
    def lines(self) -> tuple[str, ...]:
        """The marked name, then the text line by line."""
        return f"EXERCISE_{self.name}", *(f"| {line}".rstrip() for line in self.text.splitlines())


class ScenarioEvent(Written, frozen=True, kw_only=True):
    """One line of the master scenario events list."""

    number: Id
    title: Words
    category: Category = "inject"
    kind: Literal["contextual", "task"] = "contextual"
    at: Span | None = None
    """The time after StartEx, in exercise time."""
    after: str = ""
    """As soon as this step has ended."""
    on: Expression | None = None
    """As soon as this condition over facts is true."""
    sender: str = ""
    to: tuple[str, ...] = ()
    """Roles of the playbook."""
    via: Literal["email", "phone", "sms", "chat", "in_person", "simcell", "document", "system"] = "in_person"
    text: str = ""
    facts: tuple[Words, ...] = ()
    """Facts that the inject sets, as true in the scenario."""
    faults: tuple[FaultPlan, ...] = ()
    artefact: Artefact | None = None
    """What the players see or read with it."""
    jump_to: Span | None = None
    """The time after StartEx to which exercise time jumps with it; a later time stays."""
    expected: tuple[Action, ...] = ()
    objective: str = ""
    if_missed: str = ""
    """The contingency inject that is released if a critical expected action is late."""
    controller: str = ""
    notes: str = ""

    @property
    def by_hand(self) -> bool:
        """Whether only a controller, or a missed action, releases it."""
        return self.at is None and not self.after and self.on is None


class Question(Written, frozen=True, kw_only=True):
    """A discussion question of a module."""

    id: Id
    text: Words
    objective: str = ""


class Module(Written, frozen=True, kw_only=True):
    """One part of a discussion: its situation and its questions."""

    id: Id
    title: Words
    text: Words
    questions: Annotated[tuple[Question, ...], Meta(min_length=1)]


class Ends(Written, frozen=True, kw_only=True):
    """EndEx: at a time after StartEx, or as soon as a step has ended; with both, whichever is first."""

    at: Span | None = None
    after: str = ""


class Safety(Written, frozen=True, kw_only=True):
    """How a real emergency ends the exercise at once."""

    real_world_word: Words = "REAL WORLD"
    stop_authority: tuple[HseepRole, ...] = ("director", "lead_controller")
    max_wall_time: Span = "8h"


class Overview(Written, frozen=True, kw_only=True):
    """The content of the first table of the after-action report."""

    scope: str = ""
    mission_areas: tuple[Words, ...] = ()
    threat: str = ""
    scenario: str = ""
    sponsor: str = ""
    organizations: tuple[Words, ...] = ()
    contact: str = ""


class Exercise(Written, frozen=True, kw_only=True):
    """A whole exercise."""

    schema: Literal["tocsin/exercise/v1"]
    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    title: Words
    type: ExerciseType
    playbook: Words
    """The real playbook: a name, ``NAME@VERSION``, or a path relative to this file."""
    objectives: Annotated[tuple[Objective, ...], Meta(min_length=1)]
    clock: Clock = Clock()
    marking: Words = "EXERCISE EXERCISE EXERCISE"
    announced: bool = True
    facts: tuple[Words, ...] = ()
    """Assignments at the opening."""
    compromised: tuple[Words, ...] = ()
    participants: tuple[Participant, ...] = ()
    events: tuple[ScenarioEvent, ...] = ()
    modules: tuple[Module, ...] = ()
    ends: Ends | None = None
    """Left out: a controller ends the exercise."""
    safety: Safety = Safety()
    overview: Overview = Overview()
    script: Behaviour = Behaviour()
    """The actions of simulated responders, in a simulated exercise; the usual ones of called playbooks are inherited."""
    organisation: Mapping[str, Any] = {}
    """Facts of the organisation for a simulated exercise."""
    profile: Profile | None = None
    """The profile of the playbook; left out: that of the settings."""
    laws: tuple[str, ...] | None = None
    """The only regimes in force in a simulated exercise; left out: all."""

    @property
    def live(self) -> tuple[str, ...]:
        """Recipients of real messages: those who agreed, in the one type of exercise that sends any."""
        return (
            tuple(participant.person for participant in self.participants if participant.opted_in)
            if self.type == LIVE
            else ()
        )

    @property
    def staff(self) -> dict[str, tuple[str, ...]]:
        """The persons who evaluate or conduct the exercise, by the role that has their rights in it."""
        plays = {one.person for one in self.participants if one.plays} - self.evaluators
        people = [one for one in self.participants if one.person not in plays]
        conduct = tuple(one.person for one in people if one.role in CONDUCTING)
        return {"evaluator": tuple(sorted(self.evaluators)), "exercise_controller": conduct}

    @property
    def evaluators(self) -> frozenset[str]:
        """The person who rates the exercise and signs the report."""
        return frozenset(
            participant.person for participant in self.participants if participant.role in EVALUATING
        )
