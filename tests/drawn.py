"""Small playbooks as Hypothesis draws them: every kind of step, in any order that a playbook may have."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from runner.playbook import format as p
from tests.scenario import (
    HOUR,
    MINUTE,
    act,
    approve,
    ask,
    call,
    file,
    form,
    group,
    message,
    notice,
    playbook,
    repeat,
    task,
    wait,
)

CONDITIONS = (
    *(None,) * 16,
    "data.encrypted",
    "not data.encrypted",
    "people.total > 5",
    "step('a').done",
    "step('a').answer",
)
INNER = playbook(task("a"), approve("b", "a", "lead", after="a"), name="inner")
DUES = (
    None,
    None,
    p.Due(offset=HOUR),
    p.Due(offset=HOUR, anchor="fact", ref="incident.aware_at"),
    p.Due(offset=HOUR, anchor="step", ref="a"),
)
SIMPLE = (
    "task",
    "task",
    "ask",
    "form",
    "approve",
    "approve",
    "act",
    "act",
    "message",
    "notice",
    "file",
    "wait",
)
CONTAINERS = ("group", "lanes", "repeat", "call")


@st.composite
def step(draw: st.DrawFn, name: str, earlier: tuple[str, ...], depth: int) -> p.AnyStep:
    """One step of any kind that follows some of the earlier ones."""
    before = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
    more: dict[str, Any] = {
        "after": p.After(steps=tuple(before), join=draw(st.sampled_from(["all", "all", "any"]))),
        "when": draw(st.sampled_from(CONDITIONS)),
        "on_failure": draw(st.sampled_from(["ask", "ask", "continue"])),
        "due": draw(st.sampled_from(DUES)),
        "on_overdue": draw(st.sampled_from([None, p.OnOverdue(remind=HOUR, times=1, escalate="counsel")])),
    }
    kind = draw(st.sampled_from(SIMPLE + (CONTAINERS if depth else ())))
    if kind in CONTAINERS:
        return draw(container(kind, name, depth, more))
    return draw(simple(kind, name, draw(st.sampled_from(earlier)) if earlier else name, more))


@st.composite
def simple(draw: st.DrawFn, kind: str, name: str, subject: str, more: dict[str, Any]) -> p.AnyStep:
    """A step without others in it; ``subject`` is what it approves or files."""
    match kind:
        case "ask":
            fact = draw(st.sampled_from(["data.encrypted", "people.total"]))
            return ask(name, fact, skip_if_known=draw(st.booleans()), **more)
        case "form":
            fields = ("data.encrypted", "people.total if data.encrypted")
            return form(name, *fields, skip_if_known=draw(st.booleans()), **more)
        case "approve":
            distinct, every = draw(st.integers(1, 2)), draw(st.booleans())
            expires = draw(st.sampled_from([None, 2 * HOUR]))
            return approve(name, subject, "lead counsel", distinct, every=every, expires=expires, **more)
        case "act":
            again = p.Retry(times=draw(st.integers(0, 2)), wait=MINUTE)
            return act(name, retry=again, on_unknown=draw(st.sampled_from(["ask", "retry"])), **more)
        case "wait":
            waited = draw(st.sampled_from([{"duration": HOUR}, {"fact": "people.total"}]))
            return wait(name, **waited, **more)
        case "file":
            return file(name, subject, **more)
        case "message":
            return message(name, **more)
        case "notice":
            return notice(name, **more)
        case _:
            return task(name, **more)


@st.composite
def container(draw: st.DrawFn, kind: str, name: str, depth: int, more: dict[str, Any]) -> p.AnyStep:
    """A step with others in it."""
    match kind:
        case "group":
            return group(name, *draw(bodies(depth - 1)), **more)
        case "lanes":
            return group(name, *draw(bodies(depth - 1)), for_each="data.elements", **more)
        case "repeat":
            return repeat(name, *draw(bodies(depth - 1)), until="data.encrypted", at_most=3, **more)
        case _:
            return call(name, "inner", {"total": "people.total"}, **more)


@st.composite
def bodies(draw: st.DrawFn, depth: int = 2) -> tuple[p.AnyStep, ...]:
    """One to four steps, each of which can only follow earlier ones."""
    steps: list[p.AnyStep] = []
    for name in "abcd"[: draw(st.integers(2, 4) if depth == 2 else st.integers(1, 2))]:
        steps.append(draw(step(name, tuple(step.id for step in steps), depth)))
    return tuple(steps)
