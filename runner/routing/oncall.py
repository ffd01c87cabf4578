"""Who is on call: the shifts of a rota in which an instant lies."""

from __future__ import annotations

from datetime import datetime

from runner.routing.rota import Budget, covering
from runner.routing.rota_part import Rota, Watch


def on_call(rota: Rota, file: str, at: datetime) -> Watch:
    """Return who is on call at an instant, the one whose shift began last first; raises Invalid beyond the budget."""
    budget = Budget()
    spans = [(span, shift.persons) for shift in rota.shifts if (span := covering(shift, at, budget))]
    persons = dict.fromkeys(
        one for _, held in sorted(spans, key=lambda one: one[0], reverse=True) for one in held
    )
    until = min((end for (_, end), _ in spans), default=None)
    return Watch(rota=file, persons=tuple(persons), until=until, problem=_unnamed(rota))


def _unnamed(rota: Rota) -> str:
    if not rota.unnamed:
        return ""
    return f"of {rota.unnamed} entries it cannot be told whose they are: name a person, or invite one of their addresses"
