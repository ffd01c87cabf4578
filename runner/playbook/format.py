"""Format of a playbook as one frozen value; its JSON Schema is generated from it.

A person writes the kind of a step as a key (``task: Send the wipe``); loading adds ``kind: task`` and turns durations, due
times and conditions into values, so that one set of types serves the file, the schema and the pinned bundle.
Everything that the program needs to know about a kind without an incident is in its type, so that no other module lists kinds. The checks
of a kind are in ``checks.kinds``, and its behaviour in an incident is in ``runner.incident.steps.kinds``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from runner.base.states import PROFILES as PROFILES
from runner.base.states import Profile as Profile
from runner.facts.expression import Expression
from runner.playbook.action_template import ActionTemplate
from runner.playbook.parts import PHASES as PHASES
from runner.playbook.parts import After as After
from runner.playbook.parts import Defaults as Defaults
from runner.playbook.parts import Due as Due
from runner.playbook.parts import DutyState as DutyState
from runner.playbook.parts import FormField as FormField
from runner.playbook.parts import Horizon as Horizon
from runner.playbook.parts import HttpCall as HttpCall
from runner.playbook.parts import Id, Part, Phase, Recipient, Subcategory, Words
from runner.playbook.parts import Must as Must
from runner.playbook.parts import OnOverdue as OnOverdue
from runner.playbook.parts import Quorum as Quorum
from runner.playbook.parts import Retry as Retry
from runner.playbook.parts import Semver as Semver
from runner.playbook.parts import WaitFor as WaitFor
from runner.playbook.parts import is_bad_reference as is_bad_reference
from runner.playbook.parts import secret_in as secret_in

if TYPE_CHECKING:
    from runner.yamlfile.positions import Where

DoneBy = Literal["people", "effect", "program", "steps"]
"""Executor of a step: people, an effect on the world, the program itself, or the steps inside it."""
RENDERING = timedelta(minutes=5)
"""The assumed time of a notice: rendering, and one review."""


class Step(Part, tag_field="kind", frozen=True, kw_only=True):
    """Fields of all steps. ``after`` orders, ``when`` branches; without either a step starts at once."""

    done_by: ClassVar[DoneBy] = "program"
    label: ClassVar[str] = ""
    """Prefix of the text of its kind key, if it has no title."""
    scripted: ClassVar[bool] = False
    """Whether a file of an exercise or of tests can define what simulated responders do with it."""
    written: ClassVar[Mapping[str, str]] = {
        "when": "condition",
        "after": "after",
        "due": "due",
        "timeout": "duration",
        "retry": "retry",
        "on_overdue": "on_overdue",
    }
    """Fields whose form in the file differs from the type, with the form's name in ``normalise``."""
    brings: ClassVar[Mapping[str, str]] = {}
    """Names that conditions of the steps inside it can read, each with the key that it needs."""
    repeated: ClassVar[Mapping[str, str]] = {}
    """Fields of an invocation that repeat its own fields."""

    id: Id
    title: str = ""
    after: After = After()
    when: Expression | None = None
    due: Due | None = None
    on_overdue: OnOverdue | None = None
    on_failure: Literal["ask", "continue"] = "ask"
    """``ask`` pauses and asks a person: retry, skip or cancel that step. ``continue`` ends it as failed and
    continues; a branch then reads ``step('id').state == 'failed'``."""
    retry: Retry = Retry()
    timeout: timedelta | None = None
    phase: Phase | None = None
    csf: tuple[Subcategory, ...] = ()
    """NIST CSF 2.0 subcategories, such as ``RS.CO-02``."""
    instructions: str = ""
    profile: Profile | None = None
    """The step exists in this profile only; None means in both."""
    required: bool = False
    """Safety or evidence depends on the step: no profile can leave it out."""
    horizon: Horizon | None = None
    """When the step is listed; without it, its due time decides."""

    @property
    def words(self) -> str:
        """Its name without a title: its label and the text of its kind key, else its id."""
        said = getattr(self, str(self.__struct_config__.tag))
        text = ", ".join(said) if isinstance(said, tuple) else said if isinstance(said, str) else self.id
        return f"{self.label}: {text}" if self.label else text

    @property
    def lead(self) -> timedelta:
        """Its assumed time without a due time."""
        return timedelta()

    @property
    def kept(self) -> dict[str, Any]:
        """Data that its invocations store, so that reports do not need the playbook."""
        return {name: getattr(self, field) for name, field in self.repeated.items()}

    @property
    def asks(self) -> tuple[FormField, ...]:
        """The questions that it asks a person, in order."""
        return ()

    @property
    def inner(self) -> tuple[AnyStep, ...]:
        """The steps inside it."""
        steps: tuple[AnyStep, ...] = getattr(self, "steps", ())
        return steps

    def conditions(self) -> Iterator[tuple[Where, Expression]]:
        """Yield each expression with its keys."""
        fields = dict(zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True))
        for key in self.written:
            value = getattr(self, fields[key])
            for inner, one in value.items() if isinstance(value, dict) else ((None, value),):
                if isinstance(one, Expression):
                    yield (key,) if inner is None else (key, inner), one


class Task(Step, tag="task", frozen=True, kw_only=True):
    """Work for a person."""

    done_by = "people"
    scripted = True

    task: Words
    role: str = ""
    assignee: str = ""
    checklist: tuple[Words | Must, ...] = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """The text of each checklist item."""
        return tuple(row.must if isinstance(row, Must) else row for row in self.checklist)

    def must(self, row: int) -> bool:
        """Return whether a checklist item, counted from 0, must be marked done alone."""
        return isinstance(self.checklist[row], Must)


class Ask(Step, tag="ask", frozen=True, kw_only=True):
    """A question whose answer becomes the fact ``sets``."""

    repeated = {"sets": "sets"}
    done_by = "people"
    scripted = True

    ask: Words
    sets: str
    role: str = ""
    assignee: str = ""
    choices: tuple[Words, ...] = ()
    skip_if_known: bool = False
    unknown_as: Literal["", "yes", "no"] = ""
    """The answer that "unknown" counts as: it is recorded as assumed, and the question is done."""

    @property
    def asks(self) -> tuple[FormField, ...]:  # type: ignore[explicit-override]
        return (FormField(fact=self.sets, ask=self.ask, choices=self.choices, unknown_as=self.unknown_as),)


class Form(Step, tag="form", frozen=True, kw_only=True):
    """Questions that one person answers together or in parts; each answer becomes the fact of its field."""

    done_by = "people"
    scripted = True
    written = {**Step.written, "fields": "fields"}

    form: Words
    fields: Annotated[tuple[FormField, ...], Meta(min_length=1)]
    role: str = ""
    assignee: str = ""
    skip_if_known: bool = False
    """A field whose fact is known is not asked."""

    @property
    def asks(self) -> tuple[FormField, ...]:  # type: ignore[explicit-override]
        return self.fields

    @property
    def kept(self) -> dict[str, Any]:  # type: ignore[explicit-override]
        return {"fields": tuple(field.fact for field in self.fields)}

    def conditions(self) -> Iterator[tuple[Where, Expression]]:  # type: ignore[explicit-override]
        yield from super().conditions()
        for index, field in enumerate(self.fields):
            if field.when is not None:
                yield ("fields", index, "when"), field.when


class Approve(Step, tag="approve", frozen=True, kw_only=True):
    """A decision of M persons out of N on the exact version that the step ``approve`` produced."""

    label = "Approve"
    repeated = {"subject": "approve"}
    done_by = "people"
    scripted = True
    written = {**Step.written, "expires": "duration"}

    approve: str
    by: Quorum
    expires: timedelta | None = None
    """After this long without a quorum the approval ends as expired: it fails closed."""
    not_to_notify: str = ""
    """The approval is the decision not to notify, on this ground, for each duty whose statute has it."""

    @property
    def lead(self) -> timedelta:  # type: ignore[explicit-override]
        return self.expires or timedelta()


class Message(Step, tag="message", frozen=True, kw_only=True):
    """Send a message to people, by a delivery plan with failover."""

    label = "Message"
    done_by = "effect"
    scripted = True

    message: str
    to: tuple[Recipient, ...] = ()
    """``role:NAME`` or ``person:ID``; empty means the template's own recipients."""


class Notice(Step, tag="notice", frozen=True, kw_only=True):
    """Render a notice. ``auto`` uses the template that the duty names."""

    label = "Notice"
    done_by = "effect"

    notice: str
    duty: str = ""
    """A duty's id, several with `` or `` for the first that applies, or ``item`` inside a ``for_each`` over duties."""
    formats: tuple[Literal["docx", "pdf", "html", "txt", "xlsx", "json"], ...] = (
        "docx",
        "pdf",
        "html",
        "txt",
    )

    @property
    def lead(self) -> timedelta:  # type: ignore[explicit-override]
        return RENDERING


class File(Step, tag="file", frozen=True, kw_only=True):
    """File a rendered notice and record the proof; only a receipt ends it as done."""

    label = "File"
    done_by = "people"
    scripted = True

    file: str
    duty: str = ""
    role: str = ""
    assignee: str = ""


AddedStep = Task | Notice | Approve | File
"""The steps that a person can add to an incident."""


class Duties(Step, tag="duties", frozen=True, kw_only=True):
    """Assess which duties apply: ``all``, or a list of regime ids."""

    label = "Assess duties"
    written = {**Step.written, "duties": "duties"}

    duties: Annotated[tuple[str, ...], Meta(min_length=1)]


class Act(Step, tag="act", frozen=True, kw_only=True):
    """An automatic action: an action template, an HTTP call, or a local command as an argument list (off unless settings allow)."""

    done_by = "effect"
    written = {**Step.written, "http": "http", "with": "own_inputs", "for_each": "items"}
    brings = {"item": "for_each"}

    act: Words
    """Description of the action."""
    http: HttpCall | None = None
    command: tuple[str, ...] = ()
    on_unknown: Literal["ask", "retry"] = "ask"
    """After an attempt with an unknown outcome. ``retry`` is for actions that may be repeated."""
    use: str = ""
    """An action template: ``NAME@MAJOR``. Without its profile in the settings the step is a task for ``role``."""
    inputs: dict[str, Expression] = msgspec.field(default_factory=dict, name="with")
    """The template's inputs; ``item`` is the item of ``for_each``."""
    for_each: Expression | None = None
    role: str = ""
    assignee: str = ""


class Wait(Step, tag="wait", frozen=True, kw_only=True):
    """Wait for time, a fact or a duty; without a task for a person and without a message."""

    label = "Wait"
    scripted = True
    written = {**Step.written, "wait": "wait"}

    wait: WaitFor

    @property
    def lead(self) -> timedelta:  # type: ignore[explicit-override]
        return self.wait.duration or timedelta()


class Call(Step, tag="playbook", frozen=True, kw_only=True):
    """Run another playbook inside this incident; ends when all of its steps have ended."""

    label = "Playbook"
    done_by = "steps"
    written = {**Step.written, "inputs": "inputs"}

    playbook: str
    inputs: dict[str, Expression] = {}

    @property
    def name(self) -> str:
        """The called playbook's name, without the version after an ``@`` in ``playbook``."""
        return self.playbook.partition("@")[0]


class Group(Step, tag="group", frozen=True, kw_only=True):
    """Steps that belong together; with ``for_each``, one copy of them for each item, also for late items."""

    done_by = "steps"
    written = {**Step.written, "steps": "steps", "for_each": "items", "defaults": "defaults"}
    brings = {"item": "for_each"}

    group: Words
    steps: Annotated[tuple[AnyStep, ...], Meta(min_length=1)]
    for_each: Expression | None = None
    defaults: Defaults = Defaults()


class Repeat(Step, tag="repeat", frozen=True, kw_only=True):
    """Steps that are repeated, as new invocations, until a condition is true."""

    done_by = "steps"
    written = {**Step.written, "steps": "steps", "until": "until", "defaults": "defaults"}
    brings = {"iteration": "repeat"}

    repeat: Words
    steps: Annotated[tuple[AnyStep, ...], Meta(min_length=1)]
    until: Expression
    at_most: Annotated[int, Meta(ge=1, le=1000)] = 50
    defaults: Defaults = Defaults()


AnyStep = Task | Ask | Form | Approve | Message | Notice | File | Duties | Act | Wait | Call | Group | Repeat
KINDS: dict[str, type[Step]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyStep)}
"""The kind key in the file, and its type."""


def _done_by(who: DoneBy) -> frozenset[str]:
    return frozenset(kind for kind, made in KINDS.items() if made.done_by == who)


PEOPLE = _done_by("people")
"""Kinds that people do, with reminders."""
QUESTIONS = frozenset({"ask", "form"})
"""Kinds that ask people for facts: they can be asked again later, and are answered, not completed."""
EFFECTS = _done_by("effect")
CONTAINERS = _done_by("steps")
"""Kinds that contain other steps; reports show the inner steps instead."""
SCRIPTED = frozenset(kind for kind, made in KINDS.items() if made.scripted)


class Role(Part, frozen=True, kw_only=True):
    """A role that people are assigned to; it needs at least ``minimum`` persons before its first use."""

    title: Words
    description: str = ""
    minimum: Annotated[int, Meta(ge=1, le=100)] = 1


class MessageTemplate(Part, frozen=True, kw_only=True):
    """A message: its class decides which channels can carry it. Texts are Jinja2 over facts."""

    message_class: str = msgspec.field(name="class")
    text: Words
    subject: str = ""
    to: tuple[Recipient, ...] = ()
    escalate_to: tuple[Recipient, ...] = ()
    """Escalation contacts if neither recipients nor deputies acknowledge and the class has levels."""


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
    """Message classes of its own: ``from`` names another class, the other keys are the differences."""
    inputs: dict[Id, str] = {}
    """The inputs from a calling playbook: each name with its meaning."""
    assume_compromised: tuple[str, ...] = ()
    """Failure domains treated as compromised from the start, until a person says otherwise."""
    facts: dict[str, Any] = {}
    """Assumed when its run starts, if they are unknown by then: nested, or with dotted keys."""
    defaults: Defaults = Defaults()


class LeftOut(Part, frozen=True, kw_only=True):
    """A role that the other profile of a playbook asks, and this one does not."""

    role: str
    title: str
    steps: tuple[str, ...] = ()
    """Titles of its steps; empty if the role has other steps in this profile."""
    messages: tuple[str, ...] = ()
    """Messages that it does not receive."""


class Bundle(Part, frozen=True, kw_only=True):
    """A playbook with every playbook that it includes, as pinned to an incident."""

    playbook: Playbook
    includes: dict[str, Playbook] = {}
    digest: str
    """``sha256:`` of the canonical JSON of the authored content, includes in order of their names."""
    actions: dict[str, ActionTemplate] = {}
    """The action templates that its steps use."""
    left_out: tuple[LeftOut, ...] = ()
    """Of the bundle of one profile; never pinned."""
