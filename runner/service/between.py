"""What waits for a person between incidents, gathered from the organisation's own journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.service import improvements, schedules
from runner.views.between import late_items, missed_drills
from runner.views.waiting import Attention

if TYPE_CHECKING:
    from runner.service.desk import Desk


def missed(desk: Desk) -> tuple[Attention, ...]:
    """Return the exercises that should have come by themselves and did not, as long as nobody has acknowledged it."""
    return tuple(missed_drills(schedules.read(desk)))


def waiting(desk: Desk) -> tuple[Attention, ...]:
    """Return all of it as of now."""
    late = late_items(improvements.read(desk).items.values(), improvements.today(desk))
    return (*missed(desk), *late)
