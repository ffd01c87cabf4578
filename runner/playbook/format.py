"""Format of a playbook as one frozen value; its JSON Schema is generated from it.

Loading turns durations, due times and conditions into values, so that one set of types serves the file, the schema and
the pinned bundle. Durations are ``timedelta``; conditions carry their parsed tree and need no parser at run time.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from runner.playbook.parts import PHASES as PHASES
from runner.playbook.parts import After as After
from runner.playbook.parts import Due as Due
from runner.playbook.parts import DutyState as DutyState
from runner.playbook.parts import HeaderSecret as HeaderSecret
from runner.playbook.parts import HttpCall as HttpCall
from runner.playbook.parts import Id as Id
from runner.playbook.parts import Must as Must
from runner.playbook.parts import OnOverdue as OnOverdue
from runner.playbook.parts import Part as Part
from runner.playbook.parts import Phase as Phase
from runner.playbook.parts import Quorum as Quorum
from runner.playbook.parts import Recipient as Recipient
from runner.playbook.parts import Retry as Retry
from runner.playbook.parts import Status as Status
from runner.playbook.parts import Subcategory as Subcategory
from runner.playbook.parts import WaitFor as WaitFor
from runner.playbook.parts import Words as Words
from runner.playbook.parts import is_bad_reference as is_bad_reference
from runner.playbook.parts import secret_in as secret_in
from runner.playbook.steps import KINDS as KINDS
from runner.playbook.steps import Act as Act
from runner.playbook.steps import AnyStep as AnyStep
from runner.playbook.steps import Approve as Approve
from runner.playbook.steps import Ask as Ask
from runner.playbook.steps import Call as Call
from runner.playbook.steps import Duties as Duties
from runner.playbook.steps import File as File
from runner.playbook.steps import Group as Group
from runner.playbook.steps import Message as Message
from runner.playbook.steps import Notice as Notice
from runner.playbook.steps import Repeat as Repeat
from runner.playbook.steps import Step as Step
from runner.playbook.steps import Task as Task
from runner.playbook.steps import Wait as Wait

Semver = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$(?!\n)",
        title="a version",
    ),
]


class Role(Part, frozen=True, kw_only=True):
    """A role that people are assigned to; ``minimum`` persons must hold it before it is needed."""

    title: Words
    description: str = ""
    minimum: Annotated[int, Meta(ge=1, le=100)] = 1


class MessageTemplate(Part, frozen=True, kw_only=True):
    """A message: its class decides what channels may carry it. Texts are Jinja2 over facts."""

    message_class: str = msgspec.field(name="class")
    text: Words
    subject: str = ""
    to: tuple[Recipient, ...] = ()
    escalate_to: tuple[Recipient, ...] = ()
    """Who is told when neither those it is meant for nor their stand-ins answer, where the class has levels."""


class Playbook(Part, frozen=True, kw_only=True):
    """A whole playbook. ``version`` is semantic; an incident pins the digest of the authored content."""

    schema: Literal["tocsin/playbook/v1"]
    name: Id
    version: Semver
    title: Words
    steps: Annotated[tuple[AnyStep, ...], Meta(min_length=1)]
    description: str = ""
    roles: dict[Id, Role] = {}
    messages: dict[Id, MessageTemplate] = {}
    classes: dict[Id, dict[str, str | int | bool | None]] = {}
    """Message classes of its own: ``from`` names another one, the other keys say what is different."""
    inputs: dict[Id, str] = {}
    """The names of what a calling playbook passes, each with what it means."""
    assume_compromised: tuple[str, ...] = ()
    """Failure domains treated as compromised from the start, until a person says otherwise."""


class Bundle(Part, frozen=True, kw_only=True):
    """A playbook with every playbook that it includes, as pinned to an incident."""

    playbook: Playbook
    includes: dict[str, Playbook] = {}
    digest: str
    """``sha256:`` of the canonical JSON of what the authors wrote, includes in order of their names."""
