"""Facts that a preview supposes, before anybody records them."""

from __future__ import annotations

from runner.incident.law.moved_deadlines import with_facts
from runner.incident.notices.staleness import value_at
from tests import scenario as s


def test_a_supposed_fact_that_nobody_recorded_yet_is_newer_than_every_text() -> None:
    world = s.World(s.task("one"))
    supposed = with_facts(world.incident, [s.change("data.encrypted", value=True)], world.now)
    assert value_at(supposed, "data.encrypted", world.incident.version - 1) == (0, None)
    assert value_at(supposed, "data.encrypted", supposed.version) == (supposed.version, True)
