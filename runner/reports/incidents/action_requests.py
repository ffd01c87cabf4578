"""The requests of an action template: what is sent for each item, before and after it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from runner.facts.expression import Unknown
from runner.incident.state.action_items import action_run
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.playbook.action_template import Filled
from runner.reports.core.page import Cell, Cells, Tone

_TONES: dict[str, Tone] = {"done": "good", "failed": "alarm", "unknown": "warn", "refused": "alarm"}


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """The requests for one item; ``state`` is open, done, failed, unknown or refused."""

    item: str
    state: str
    why: str = ""
    requests: tuple[Filled, ...] = ()


def request_rows(incident: Incident, invocation: Invocation, library: Library) -> tuple[RequestRow, ...]:
    """Return the requests of an action, also if it has not started; none for other steps and unknown items."""
    run = action_run(incident, invocation, library)
    if run is None or invocation.kind == "task":
        return ()
    if invocation.state == "waiting":
        now = run.fill()
        if isinstance(now, Unknown) or now.by_hand:
            return ()
        run = msgspec.structs.replace(run, invocation=msgspec.structs.replace(invocation, items=now.items))
    return tuple(
        RequestRow(
            item=item.name,
            state="refused" if item.refused else state.state,
            why=state.why,
            requests=tuple(run.requests(item)),
        )
        for item, state in zip(run.invocation.items, run.states(), strict=True)
    )


def undone_by(incident: Incident, invocation: Invocation, library: Library) -> str:
    """Return the template that undoes an action, with how a person does it; empty without one."""
    run = action_run(incident, invocation, library)
    plan = library.plans[incident.runs[incident.scopes[invocation.scope].run].plan]
    undo = plan.bundle.actions.get(run.template.undo) if run is not None else None
    return f"{undo.name}: {undo.by_hand}" if undo is not None else ""


def request_cells(rows: Sequence[RequestRow]) -> Iterator[Cells]:
    """Yield the lines of the requests."""
    for row in rows:
        state = f"{row.state}: {row.why}" if row.why else row.state
        yield row.item, Cell(state, _TONES.get(row.state, "plain")), ""
        for one in row.requests:
            yield "", Cell(one.method, "dim"), f"{one.url} {one.body.decode()}".strip()
