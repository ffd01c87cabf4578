"""States and paths of steps."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from runner.incident.state.incident import Invocation


def completion_state(invocation: Invocation, at: datetime) -> Literal["done", "done_late"]:
    """Return the state of an invocation that is done at an instant; on the very due instant is still in time."""
    return "done_late" if invocation.due is not None and at > invocation.due else "done"


_LANES = re.compile(r"\[[^\]]*\]|#\d+")


def step_path_with_items(invocation: str) -> str:
    """Return a step's path with its lanes: ``notify[eu-gdpr-33-controller-sa/initial].sign``."""
    return invocation.partition(":")[2].rpartition("#")[0]


def step_path(invocation: str) -> str:
    """Return a step's path inside its playbook: ``notify.sign``."""
    return _LANES.sub("", invocation.partition(":")[2])
