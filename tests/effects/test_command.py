"""A local command that a playbook runs: how it ended decides, whatever it leaves running."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from runner.effects.actions import act
from runner.effects.context import EffectContext
from runner.incident.state.incident import Incident
from runner.incident.state.work import DoAct
from runner.playbook.format import Act
from runner.routing.messaging import SendResult
from runner.routing.organisation import Acting

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
INCIDENT = Incident(id="i-1", codename="amber-falcon", title="", kind="real", opened_at=AT)


def ran(*command: str, limit: timedelta = timedelta(seconds=20)) -> SendResult:
    """Return what came of a command."""
    none: Any = None
    kept = (
        "blobs",
        "sender",
        "call",
        "directory",
        "notices",
        "secret",
        "given_secret",
        "now",
        "wall",
        "new_id",
        "duties",
    )
    tools = EffectContext(acting=Acting(commands=True), **cast("dict[str, Any]", dict.fromkeys(kept, none)))
    action = Act(id="stop", act="Stop it", command=command)
    work = DoAct(incident="i-1", step="stop", n=1, key="k", action=action, time_limit=limit)
    return act(work, INCIDENT, tools).result


@pytest.mark.parametrize(
    ("command", "state"),
    [
        (("true",), "accepted"),
        (("false",), "rejected"),
        (("no-such-program-of-ours",), "rejected"),
        (("sh", "-c", "head -c 9000000 /dev/zero"), "accepted"),
    ],
)
def test_how_a_command_ended_decides(command: tuple[str, ...], state: str) -> None:
    assert ran(*command).state == state


def test_a_command_that_leaves_something_running_has_ended_when_it_ends(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    try:
        result = ran("sh", "-c", f"read line < {gate} & exit 0", limit=timedelta(seconds=3))
    finally:
        with gate.open("w") as end:
            end.write("go\n")
    assert (result.state, result.provider_id) == ("accepted", "exit 0")
