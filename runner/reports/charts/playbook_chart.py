"""A playbook as a chart: steps, boxes with steps, and their order; other modules draw the chart.

The text of a step has its kind, roles, due time, condition and, for an incident, progress. A box is a group, a loop or
an included playbook.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import msgspec

from runner.base.instants import duration_text
from runner.incident.state.expression_view import title_of
from runner.playbook.format import AnyStep, Bundle, Call, Due, Form, Group, Message, Repeat
from runner.reports.core.formatting import span
from runner.reports.core.task_rows import roles_of

Path = tuple[str, ...]
"""The path of a step: the ids of its boxes and its own id."""


class Progress(msgspec.Struct, frozen=True):
    """The progress of a step: the state, which determines the colour, and its text."""

    state: str
    words: str


NOT_BEGUN: Mapping[Path, Progress] = {}


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One step: ``gate`` has its start conditions, ``who`` its roles, ``often`` its repetitions."""

    path: Path
    kind: str
    title: str
    gate: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    often: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """The questions of a form."""
    due: str = ""
    after: tuple[str, ...] = ()
    when: str = ""
    join: str = ""
    """``all`` or ``any``, if the step has several predecessors."""
    progress: Progress | None = None
    inside: tuple[Node, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    """Pairs of positions in ``inside``: predecessor and successor."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the lines for roles, repetitions and due time."""
        return (*self.who, *self.often, *((f"due {self.due}",) if self.due else ()))


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A whole playbook; ``top`` is a box without a frame, ``about`` is the run and its time."""

    name: str
    version: str
    title: str
    digest: str
    top: Node
    about: str = ""
    mark: str = ""
    """EXERCISE or TEST; empty for a real incident."""


def chart(
    bundle: Bundle, progress: Mapping[Path, Progress] = NOT_BEGUN, about: str = "", mark: str = ""
) -> Chart:
    """Return the chart of a playbook, with the progress of a run."""
    main = bundle.playbook
    top = Node(path=(), kind="playbook", title=main.title)
    drawing = _Drawing(bundle=bundle, progress=progress)
    return Chart(
        name=main.name,
        version=main.version,
        title=main.title,
        digest=bundle.digest,
        top=drawing.filled(top, main.steps, (main.name,)),
        about=about,
        mark=mark,
    )


class _Drawing(msgspec.Struct, frozen=True, kw_only=True):
    bundle: Bundle
    progress: Mapping[Path, Progress]

    def filled(self, box: Node, steps: tuple[AnyStep, ...], running: tuple[str, ...]) -> Node:
        """Return a box with its steps; ``running`` are the outer playbooks, which are not drawn again."""
        places = {step.id: place for place, step in enumerate(steps)}
        pairs = ((before, step.id) for step in steps for before in step.after.steps)
        edges = [(places[before], places[after]) for before, after in pairs if before in places]
        inside = tuple(self.node(step, box.path, running) for step in steps)
        return msgspec.structs.replace(box, inside=inside, edges=tuple(dict.fromkeys(edges)))

    def node(self, step: AnyStep, around: Path, running: tuple[str, ...]) -> Node:
        path = (*around, step.id)
        made = Node(
            path=path,
            kind=str(step.__struct_config__.tag),
            title=title_of(step),
            gate=tuple(_gate(step)),
            who=(*_who(step), *self.told(step, running[-1])),
            often=tuple(_often(step)),
            fields=tuple(_questions(step)),
            due=due_words(step.due) if step.due is not None else "",
            after=step.after.steps,
            when=step.when.source if step.when is not None else "",
            join=step.after.join if len(step.after.steps) > 1 else "",
            progress=self.progress.get(path),
        )
        match step:
            case Group(steps=steps) | Repeat(steps=steps):
                return self.filled(made, steps, running)
            case Call(name=name):
                called = self.bundle.includes.get(name)
                if called is None or name in running:
                    return made
                return self.filled(made, called.steps, (*running, name))
            case _:
                return made

    def told(self, step: AnyStep, playbook: str) -> Iterator[str]:
        """Yield the recipients of a message: those of the step, else those of its template."""
        if not isinstance(step, Message):
            return
        of = self.bundle.includes.get(playbook, self.bundle.playbook)
        template = of.messages.get(step.message)
        names = step.to or (template.to if template is not None else ())
        if names:
            yield f"to: {', '.join(name.removeprefix('role:') for name in names)}"


def _questions(step: AnyStep) -> Iterator[str]:
    """Yield the questions of a form with their conditions; a single question is the title of its step."""
    for field in step.fields if isinstance(step, Form) else ():
        yield f"{field.ask} (if {field.when.source})" if field.when is not None else field.ask


def nodes(node: Node) -> Iterator[Node]:
    """Yield all nodes inside a node, each box before its content."""
    for one in node.inside:
        yield one
        yield from nodes(one)


def _gate(step: AnyStep) -> Iterator[str]:
    if len(step.after.steps) > 1:
        yield f"after {step.after.join} of {len(step.after.steps)}"
    if step.when is not None:
        yield f"if {step.when.source}"


def _who(step: AnyStep) -> Iterator[str]:
    roles = roles_of(step)
    quorum = getattr(step, "by", None)
    if quorum is not None:
        yield f"{quorum.distinct} of: {', '.join(roles)}"
    elif roles:
        yield f"role: {roles[0]}"
    if getattr(step, "assignee", ""):
        yield f"person: {getattr(step, 'assignee', '')}"


def _often(step: AnyStep) -> Iterator[str]:
    match step:
        case Group(for_each=each) if each is not None:
            yield f"for each of {each.source}"
        case Repeat(until=until, at_most=most):
            yield f"until {until.source}, at most {most} times"
        case Call(playbook=name):
            yield f"playbook {name}"
        case _:
            pass


def due_words(due: Due) -> str:
    """Return a due time as text: ``2 h``, ``10 h before duty(item).due``."""
    length = span(due.offset) if due.offset.seconds % 60 == 0 else duration_text(abs(due.offset))
    side = "before" if due.offset < timedelta() else "after"
    match due.anchor:
        case "ready":
            return f"{length}, or the hours of {due.hours}" if due.hours else length
        case "opened":
            return f"{length} {side} opening"
        case "fact":
            return f"{length} {side} {due.ref}"
        case "step":
            return f"{length} {side} the end of {due.ref}"
        case "duty":
            return f"{length} {side} duty({due.ref}).due"
