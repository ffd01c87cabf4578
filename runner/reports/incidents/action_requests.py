"""The requests of an action template: what is sent for each item, before and after it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from runner.facts.expression import Unknown
from runner.incident.state.action_items import filled, item_states, requests_of
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.playbook.action_template import Filled
from runner.playbook.format import Act
from runner.reports.core.page import Cell, Cells, Tone

_TONES: dict[str, Tone] = {"done": "good", "failed": "alarm", "unknown": "warn", "refused": "alarm"}


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """The requests for one item; ``state`` is open, done, failed, unknown or refused."""

    item: str
    state: str
    why: str = ""
    refused: str = ""
    requests: tuple[Filled, ...] = ()


def request_rows(incident: Incident, invocation: Invocation, library: Library) -> tuple[RequestRow, ...]:
    """Return the requests of an action, also if it has not started; none for other steps and unknown items."""
    step = library.body(incident.runs, incident.scopes[invocation.scope]).steps.get(invocation.step)
    if not isinstance(step, Act) or not step.use or invocation.kind == "task":
        return ()
    if invocation.state == "waiting":
        now = filled(incident, invocation, library)
        if isinstance(now, Unknown) or now.by_hand:
            return ()
        invocation = msgspec.structs.replace(invocation, items=now.items)
    template = library.action(incident, invocation, step)
    return tuple(
        RequestRow(
            item=item.name,
            state="refused" if item.refused else state.state,
            why=state.why,
            refused=item.refused,
            requests=tuple(requests_of(template, item, incident, invocation, library.acting)),
        )
        for item, state in zip(
            invocation.items, item_states(invocation, template, step, invocation.attempts), strict=True
        )
    )


def undone_by(incident: Incident, invocation: Invocation, library: Library) -> str:
    """Return the template that undoes an action, with how a person does it; empty without one."""
    step = library.body(incident.runs, incident.scopes[invocation.scope]).steps.get(invocation.step)
    if not isinstance(step, Act) or not step.use:
        return ""
    run = incident.runs[incident.scopes[invocation.scope].run]
    undo = library.plans[run.plan].bundle.actions.get(library.action(incident, invocation, step).undo)
    return f"{undo.name}: {undo.by_hand}" if undo is not None else ""


def request_cells(rows: Sequence[RequestRow]) -> Iterator[Cells]:
    """Yield the lines of the requests."""
    for row in rows:
        state = f"{row.state}: {row.refused or row.why}" if row.refused or row.why else row.state
        yield row.item, Cell(state, _TONES.get(row.state, "plain")), ""
        for one in row.requests:
            yield "", Cell(one.method, "dim"), f"{one.url} {one.body.decode()}".strip()
