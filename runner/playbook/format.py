"""Format of a playbook as one frozen value; its JSON Schema is generated from it.

A person writes the kind of a step as a key (``task: Send the wipe``); loading adds ``kind: task`` and turns
durations, due times and conditions into values, so that one set of types serves the file, the schema and
the pinned bundle. Durations are ``timedelta``; conditions carry their parsed tree and need no parser at run time.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

from runner.facts.expression import Expression

Phase = Literal[
    "preparation",
    "detection and analysis",
    "containment",
    "eradication",
    "recovery",
    "post-incident",
    "coordination",
]
"""NIST SP 800-61 r2 phases, plus the federal playbook's coordination lane."""
PHASES: tuple[str, ...] = get_args(Phase)

# The same patterns stand in the JSON Schema; (?!\n) because Python's $ also matches before a last line break.
Id = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$(?!\n)", title="an id")]
"""Steps, roles, messages, playbooks: lower case, so that ids survive command lines and file systems."""
Words = Annotated[str, Meta(pattern=r"\S", title="text")]
Semver = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$(?!\n)",
        title="a version",
    ),
]
Recipient = Annotated[str, Meta(pattern=r"^(role|person):[^\s:]+$(?!\n)", title="a recipient")]
Subcategory = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}\.[A-Z]{2}(-\d{2})?$(?!\n)", title="a CSF 2.0 subcategory")
]
Status = Annotated[int, Meta(ge=100, le=599)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every piece of a playbook shares: frozen, closed against unknown keys."""


class After(Part, frozen=True, kw_only=True):
    """The steps that must have ended first: all of them, or any one."""

    steps: tuple[str, ...] = ()
    join: Literal["all", "any"] = "all"


class Due(Part, frozen=True, kw_only=True):
    """A due time: ``offset`` (negative for "before") from an anchor.

    ``ready`` is the moment the step is ready; ``fact``, ``step`` and ``duty`` name theirs in ``ref``.
    """

    offset: timedelta
    anchor: Literal["ready", "opened", "fact", "step", "duty"] = "ready"
    ref: str = ""


class Retry(Part, frozen=True, kw_only=True):
    """Automatic retries of an effect: pauses grow by ``factor`` up to ``at_most``."""

    times: Annotated[int, Meta(ge=0, le=100)] = 0
    wait: timedelta = timedelta(seconds=30)
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0
    at_most: timedelta = timedelta(minutes=10)


class OnOverdue(Part, frozen=True, kw_only=True):
    """What happens when a due time passes: reminders to the assignee, then an escalation to a role."""

    remind: timedelta | None = None
    """Repeat the reminder after this long, doubling."""
    times: Annotated[int, Meta(ge=0, le=20)] = 3
    escalate: str = ""
    """The role that is alerted, and can complete the step from then on."""


class Step(Part, tag_field="kind", frozen=True, kw_only=True):
    """What all steps share. ``after`` orders, ``when`` branches; without either a step starts at once."""

    id: Id
    title: str = ""
    after: After = After()
    when: Expression | None = None
    due: Due | None = None
    on_overdue: OnOverdue | None = None
    on_failure: Literal["ask", "continue"] = "ask"
    """``ask`` stops and asks a person: retry, skip or cancel that step. ``continue`` ends it as failed and
    goes on; a branch then reads ``step('id').state == 'failed'``."""
    retry: Retry = Retry()
    timeout: timedelta | None = None
    phase: Phase | None = None
    csf: tuple[Subcategory, ...] = ()
    """NIST CSF 2.0 subcategories, such as ``RS.CO-02``."""
    instructions: str = ""


class Must(Part, frozen=True, kw_only=True):
    """A checklist item on which safety or evidence depends: marked done alone, never with all others at once."""

    must: Words


class Task(Step, tag="task", frozen=True, kw_only=True):
    """Work for a person."""

    task: Words
    role: str = ""
    assignee: str = ""
    checklist: tuple[Words | Must, ...] = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """The words of each checklist row."""
        return tuple(row.must if isinstance(row, Must) else row for row in self.checklist)

    def must(self, row: int) -> bool:
        """Tell whether a checklist item, counted from 0, must be marked done alone."""
        return isinstance(self.checklist[row], Must)


class Ask(Step, tag="ask", frozen=True, kw_only=True):
    """A question whose answer becomes the fact ``sets``."""

    ask: Words
    sets: str
    role: str = ""
    assignee: str = ""
    choices: tuple[Words, ...] = ()
    skip_if_known: bool = False


class Quorum(Part, frozen=True, kw_only=True):
    """Who approves: ``distinct`` different persons, each holding one of ``roles``."""

    roles: Annotated[tuple[str, ...], Meta(min_length=1)]
    distinct: Annotated[int, Meta(ge=1, le=20)] = 1
    every_role: bool = False
    """Each of the roles must be among the approvers."""


class Approve(Step, tag="approve", frozen=True, kw_only=True):
    """A decision of M persons out of N on the exact version that the step ``approve`` produced."""

    approve: str
    by: Quorum
    expires: timedelta | None = None
    """After this long without a quorum the approval ends as expired: it fails closed."""


class Message(Step, tag="message", frozen=True, kw_only=True):
    """Tell people something, along a delivery plan with failover."""

    message: str
    to: tuple[Recipient, ...] = ()
    """``role:NAME`` or ``person:ID``; empty means the template's own recipients."""


class Notice(Step, tag="notice", frozen=True, kw_only=True):
    """Render a notice. ``auto`` takes the template that the duty names."""

    notice: str
    duty: str = ""
    """A duty's id, or ``item`` inside a ``for_each`` over duties."""
    formats: tuple[Literal["docx", "pdf", "html", "txt", "xlsx", "json"], ...] = (
        "docx",
        "pdf",
        "html",
        "txt",
    )


class File(Step, tag="file", frozen=True, kw_only=True):
    """Hand in a rendered notice and record the proof; only a receipt ends it as done."""

    file: str
    duty: str = ""
    role: str = ""
    assignee: str = ""


class Duties(Step, tag="duties", frozen=True, kw_only=True):
    """Assess which duties apply: ``all``, or a list of regime ids."""

    duties: Annotated[tuple[str, ...], Meta(min_length=1)]


class HttpCall(Part, frozen=True, kw_only=True):
    """One HTTP request to a host that the settings allow; ``expect`` are the statuses that mean done."""

    url: str
    method: Literal["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"] = "POST"
    headers: dict[str, str] = {}
    json: dict[str, msgspec.Raw] | None = None
    expect: tuple[Status, ...] = ()
    idempotent: bool = False
    """The server honours the Idempotency-Key header, so an unanswered call may be repeated."""


class HeaderSecret(NamedTuple):
    """A secret of the settings' list, as a header names it: ``secret:NAME``, or ``Bearer secret:NAME``."""

    scheme: str
    """What is sent before it, with its space."""
    name: str


_SECRET = re.compile(r"([A-Za-z][\w-]* |)secret:([A-Za-z0-9][\w.-]*)")
_REFERENCE = re.compile(r"(?:^|\s)(?:env|file|keyring|command|secret):|\$\{?[A-Za-z_]", re.IGNORECASE)


def secret_in(value: str) -> HeaderSecret | None:
    """Return the secret that a header's value names, None where it names none in the one form that is filled in."""
    match = _SECRET.fullmatch(value)
    return HeaderSecret(*match.groups()) if match else None


def is_bad_reference(value: str) -> bool:
    """Tell whether a header's value looks like a reference and is none: it would be sent as it stands."""
    return secret_in(value) is None and _REFERENCE.search(value) is not None


class Act(Step, tag="act", frozen=True, kw_only=True):
    """An automatic action: an HTTP call, or a local command as an argument list (off unless settings allow)."""

    act: Words
    """What it does, in words."""
    http: HttpCall | None = None
    command: tuple[str, ...] = ()
    on_unknown: Literal["ask", "retry"] = "ask"
    """After an attempt with an unknown outcome. ``retry`` is for actions that may be repeated."""


DutyState = Literal[
    "filed", "decided_not_to_notify", "waived", "applies", "unknown", "not_applicable", "advisory"
]
"""What a wait can wait for: something recorded of a duty, or its verdict."""


class WaitFor(Part, frozen=True, kw_only=True):
    """Exactly one of: a duration from ready, an instant (RFC 3339), a fact known, a duty in a state."""

    duration: timedelta | None = None
    until: str = ""
    fact: str = ""
    duty: str = ""
    state: DutyState = "filed"


class Wait(Step, tag="wait", frozen=True, kw_only=True):
    """Wait for time, a fact or a duty; no task for a person, no message."""

    wait: WaitFor


class Call(Step, tag="playbook", frozen=True, kw_only=True):
    """Run another playbook inside this incident; ends when all of its steps have ended."""

    playbook: str
    inputs: dict[str, Expression] = {}

    @property
    def name(self) -> str:
        """The called playbook's name, without the version that ``playbook`` may ask for after an ``@``."""
        return self.playbook.partition("@")[0]


class Group(Step, tag="group", frozen=True, kw_only=True):
    """Steps that belong together; with ``for_each``, one copy of them for each item, also for late items."""

    group: Words
    steps: Annotated[tuple[AnyStep, ...], Meta(min_length=1)]
    for_each: Expression | None = None


class Repeat(Step, tag="repeat", frozen=True, kw_only=True):
    """Steps that are done again, as new invocations, until a condition holds."""

    repeat: Words
    steps: Annotated[tuple[AnyStep, ...], Meta(min_length=1)]
    until: Expression
    at_most: Annotated[int, Meta(ge=1, le=1000)] = 50


AnyStep = Task | Ask | Approve | Message | Notice | File | Duties | Act | Wait | Call | Group | Repeat
KINDS: dict[str, type[Step]] = {
    "task": Task,
    "ask": Ask,
    "approve": Approve,
    "message": Message,
    "notice": Notice,
    "file": File,
    "duties": Duties,
    "act": Act,
    "wait": Wait,
    "playbook": Call,
    "group": Group,
    "repeat": Repeat,
}
"""The kind key as a person writes it, and what it makes."""


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
    """Escalation contacts if neither recipients nor deputies answer and the class has levels."""


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
