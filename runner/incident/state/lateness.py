"""Done, or done late: the one rule for every kind of step."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runner.incident.state.incident import Invocation


def done_state(invocation: Invocation, at: datetime) -> Literal["done", "done_late"]:
    """Return the state of an invocation that is done at an instant; on the very due instant is still in time."""
    return "done_late" if invocation.due is not None and at > invocation.due else "done"
