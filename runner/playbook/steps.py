"""The kinds of steps, and the table of them: what each looks like in a file, who does it, and what it is called.

A person writes the kind of a step as a key (``task: Send the wipe``); loading adds ``kind: task``. All that the rest of the
program must know of a kind without an incident stands in its type, so that no other module lists kinds. What is checked of
a kind is in ``checks.kinds``, and what it does in an incident in ``runner.incident.steps.kinds``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from runner.facts.expression import Expression
from runner.playbook.parts import (
    After,
    Due,
    HttpCall,
    Id,
    Must,
    OnOverdue,
    Part,
    Phase,
    Quorum,
    Recipient,
    Retry,
    Subcategory,
    WaitFor,
    Words,
)

DoneBy = Literal["people", "effect", "program", "steps"]
"""Who does a step: people, an effect on the world, the program by itself, or the steps inside it."""
RENDERING = timedelta(minutes=5)
"""The time that a notice is counted with: rendering it, and looking at it once."""


class Step(Part, tag_field="kind", frozen=True, kw_only=True):
    """What all steps share. ``after`` orders, ``when`` branches; without either a step starts at once."""

    done_by: ClassVar[DoneBy] = "program"
    label: ClassVar[str] = ""
    """Stands before what its kind key says, where it has no title."""
    scripted: ClassVar[bool] = False
    """A file of an exercise, or of tests, may say what simulated responders do with it."""
    written: ClassVar[Mapping[str, str]] = {
        "when": "condition",
        "after": "after",
        "due": "due",
        "timeout": "duration",
        "retry": "retry",
        "on_overdue": "on_overdue",
    }
    """Fields that a person writes in another form than the type has, with the form's name in ``normalise``."""
    brings: ClassVar[Mapping[str, str]] = {}
    """Names that conditions of the steps inside it may read, each with the key that must be written for it."""
    repeated: ClassVar[Mapping[str, str]] = {}
    """Fields of an invocation that repeat one of its own."""

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

    @property
    def words(self) -> str:
        """What stands for it where it has no title: its label and what its kind key says, else its id."""
        said = getattr(self, str(self.__struct_config__.tag))
        text = ", ".join(said) if isinstance(said, tuple) else said if isinstance(said, str) else self.id
        return f"{self.label}: {text}" if self.label else text

    @property
    def lead(self) -> timedelta:
        """The time it is counted with where it has no due time."""
        return timedelta()

    @property
    def kept(self) -> dict[str, str]:
        """What its invocations keep of it, so that reports need no playbook for it."""
        return {name: getattr(self, field) for name, field in self.repeated.items()}

    @property
    def inner(self) -> tuple[AnyStep, ...]:
        """The steps that stand inside it."""
        steps: tuple[AnyStep, ...] = getattr(self, "steps", ())
        return steps

    def conditions(self) -> Iterator[tuple[tuple[str, ...], Expression]]:
        """Yield each expression with its keys."""
        for key in self.written:
            value = getattr(self, key)
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
        """The words of each checklist row."""
        return tuple(row.must if isinstance(row, Must) else row for row in self.checklist)

    def must(self, row: int) -> bool:
        """Tell whether a checklist item, counted from 0, must be marked done alone."""
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

    @property
    def lead(self) -> timedelta:  # type: ignore[explicit-override]
        return self.expires or timedelta()


class Message(Step, tag="message", frozen=True, kw_only=True):
    """Tell people something, along a delivery plan with failover."""

    label = "Message"
    done_by = "effect"
    scripted = True

    message: str
    to: tuple[Recipient, ...] = ()
    """``role:NAME`` or ``person:ID``; empty means the template's own recipients."""


class Notice(Step, tag="notice", frozen=True, kw_only=True):
    """Render a notice. ``auto`` takes the template that the duty names."""

    label = "Notice"
    done_by = "effect"

    notice: str
    duty: str = ""
    """A duty's id, or ``item`` inside a ``for_each`` over duties."""
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
    """Hand in a rendered notice and record the proof; only a receipt ends it as done."""

    label = "File"
    done_by = "people"
    scripted = True

    file: str
    duty: str = ""
    role: str = ""
    assignee: str = ""


class Duties(Step, tag="duties", frozen=True, kw_only=True):
    """Assess which duties apply: ``all``, or a list of regime ids."""

    label = "Assess duties"
    written = {**Step.written, "duties": "duties"}

    duties: Annotated[tuple[str, ...], Meta(min_length=1)]


class Act(Step, tag="act", frozen=True, kw_only=True):
    """An automatic action: an HTTP call, or a local command as an argument list (off unless settings allow)."""

    done_by = "effect"
    written = {**Step.written, "http": "http"}

    act: Words
    """What it does, in words."""
    http: HttpCall | None = None
    command: tuple[str, ...] = ()
    on_unknown: Literal["ask", "retry"] = "ask"
    """After an attempt whose outcome nobody knows. ``retry`` is for actions that may be repeated."""


class Wait(Step, tag="wait", frozen=True, kw_only=True):
    """Wait for time, a fact or a duty; no task for a person, no message."""

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
        """The called playbook's name, without the version that ``playbook`` may ask for after an ``@``."""
        return self.playbook.partition("@")[0]


class Group(Step, tag="group", frozen=True, kw_only=True):
    """Steps that belong together; with ``for_each``, one copy of them for each item, also for late items."""

    done_by = "steps"
    written = {**Step.written, "steps": "steps", "for_each": "items"}
    brings = {"item": "for_each"}

    group: Words
    steps: Annotated[tuple[AnyStep, ...], Meta(min_length=1)]
    for_each: Expression | None = None


class Repeat(Step, tag="repeat", frozen=True, kw_only=True):
    """Steps that are done again, as new invocations, until a condition holds."""

    done_by = "steps"
    written = {**Step.written, "steps": "steps", "until": "until"}
    brings = {"iteration": "repeat"}

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


def _done_by(who: DoneBy) -> frozenset[str]:
    return frozenset(kind for kind, made in KINDS.items() if made.done_by == who)


PEOPLE = _done_by("people")
"""Kinds that people do, and can be reminded of."""
EFFECTS = _done_by("effect")
CONTAINERS = _done_by("steps")
"""Kinds that hold other steps; reports show what is inside them in their stead."""
SCRIPTED = frozenset(kind for kind, made in KINDS.items() if made.scripted)
