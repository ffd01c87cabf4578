"""A worker process that is killed by the work on one incident, as by a text that fills the memory.

``python -m tests.workers.poisoned FOLDER URL``
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from runner.incident.state.commands import AnyCommand, EffectFailed
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Compose
from runner.playbook.format import Message
from runner.workers.embedded import Worker
from tests.workers.runs import make_desk

POISON = "i-2"
MESSAGE = Message(id="tell", message="hello", to=("person:ana",))
"""A step whose work has no intent in the journal: nothing but the count bounds how often it is tried."""


def perform(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Write no message, and die of that of one incident."""
    if work.incident == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    assert isinstance(work, Compose)
    return EffectFailed(step=work.step, why="nobody has a pen")


def main() -> None:
    """Do what is due now."""
    desk = make_desk(Path(sys.argv[1]), sys.argv[2])
    worker = Worker(desk, perform=perform)
    worker.drain()
    worker.close()
    desk.store.close()


if __name__ == "__main__":
    main()
