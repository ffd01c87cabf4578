"""The national laws through which a directive binds, as a lawyer writes them: State by State, since when."""

from __future__ import annotations

from runner.base.jurisdictions import place_problem
from runner.law.files.regime_reader import Node, Reader
from runner.law.regime import NationalLaw, Standing, StateLaw


def read_national(node: Node | None, reader: Reader) -> NationalLaw | None:
    """Read ``{of: [facts], states: {BE: {}, IT: {from: 2026-01-01}, IE: {standing: proposed}}}``."""
    if node is None:
        return None
    fields = reader.fields(node, ("of", "states"))
    states = reader.need(fields, "states", node)
    named = states.value if isinstance(states.value, dict) else ()
    return NationalLaw(
        of=reader.facts(reader.need(fields, "of", node)),
        states=tuple(_state(place, one, reader) for place, one in reader.fields(states, named).items()),
    )


def _state(place: str, node: Node, reader: Reader) -> StateLaw:
    if problem := place_problem(place):
        reader.report(node, "regime-place", problem, key=True)
    fields = reader.fields(node, ("standing", "from", "confirmed"))
    in_force: Standing = "in_force"
    confirmed = fields.get("confirmed")
    return StateLaw(
        place=place,
        standing=reader.choice(fields.get("standing"), Standing, in_force),
        from_date=reader.day(fields.get("from")),
        confirmed=confirmed is None or reader.flag(confirmed),
    )
