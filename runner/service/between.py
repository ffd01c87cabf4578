"""What waits for a person between incidents, gathered from the organisation's own journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.service import improvements
from runner.views.between import late_items
from runner.views.waiting import Attention

if TYPE_CHECKING:
    from runner.service.desk import Desk


def waiting(desk: Desk) -> tuple[Attention, ...]:
    """Return it as of now."""
    return tuple(late_items(improvements.read(desk).items.values(), improvements.today(desk)))
