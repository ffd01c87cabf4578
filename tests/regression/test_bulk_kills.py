"""A campaign process killed at any point leaves no partial state and never sends twice to a person."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import (
    approve,
    configure,
    listed,
    people,
    planned,
    prepared,
    run,
    sent,
    standing,
)
from tests.patience import PATIENCE
from tests.servers.receivers import MailServer

pytestmark = pytest.mark.slow
CHUNK = 10
A_RELAY = {
    "adapter": "smtp",
    "personal_data": "personal",
    "rates": ["1000/s"],
    "settings": {"host": "127.0.0.1", "port": 25, "sender": "notice@breach.example", "tls": "none"},
}


def started(home: Path, path: str) -> subprocess.Popen[bytes]:
    """Start a sender in a process of its own."""
    words = (
        "bulk",
        "send",
        "our-letter",
        "--people",
        path,
        "--yes",
        "--no-wait",
        "--format",
        "json",
        "--accept-counts",
        "no",
    )
    return subprocess.Popen(
        [sys.executable, "-m", "runner", *words],
        env={**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_STATE": str(home.with_name("state"))},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def killed_after(relay: MailServer, home: Path, path: str, mails: int) -> None:
    """Kill a sender while the server holds its answer to one mail: that mail has arrived, and nobody was told so."""
    relay.hold_from, relay.hold = mails, threading.Event()
    relay.held.clear()
    process = started(home, path)
    assert relay.held.wait(PATIENCE), "the sender did not get so far"
    process.send_signal(signal.SIGKILL)
    process.wait()
    hold, relay.hold_from = relay.hold, 0
    hold.set()


class Forks:
    """The child that forks planners and senders, and is told at which commit each of them is to die."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.crash.campaign"]
        root = Path(__file__).parents[2]
        self._child = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, verb: str, home: Path, people: str, kill_at: int) -> str:
        """Plan, or send what is left, at a home and return ``killed`` or the commits' boundaries that were passed."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{verb} {home} {people} {kill_at}\n")
        self._child.stdin.flush()
        return self._child.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.communicate(timeout=PATIENCE)


def rows(home: Path) -> dict[str, dict[str, int]]:
    """Return how many rows of each campaign stand in each table of a list."""
    with closing(sqlite3.connect(home / "tocsin.db")) as store:
        return {
            table: Counter(name for (name,) in store.execute(" ".join(("SELECT campaign FROM", table))))
            for table in ("bulk_owed", "bulk_contacts", "bulk_keys")
        }


def test_a_kill_at_any_commit_of_a_plan_leaves_the_old_one_or_the_new_and_the_next_plan_nothing_half(
    tmp_path: Path,
) -> None:
    shutil.copytree(prepared(), tmp_path / "home")
    desk = AtDesk(tmp_path / "home")
    for _ in range(200):
        desk.chance.name("skipped")
    desk.clock.time = datetime.now(UTC)
    desk.settings(channels={**desk.channels["channels"], "relay": A_RELAY})
    before, after = listed(tmp_path, people(30)), tmp_path / "new"
    after.mkdir()
    planned(desk, before)
    path = listed(after, people(1_200))
    with Forks() as forks:
        for kill_at in count(1):
            killed = AtDesk(tmp_path / f"killed-{kill_at}")
            killed.clock.time = datetime.now(UTC)
            shutil.copytree(desk.home, killed.home)
            said = forks.run("plan", killed.home, path, kill_at)
            if said.isdigit():
                break
            assert said == "killed", f"boundary {kill_at}"
            assert standing(killed, before)["owed"] in (30, 1_200), f"boundary {kill_at}"
            assert forks.run("plan", killed.home, path, 0).isdigit(), f"plan again after boundary {kill_at}"
            assert standing(killed, path)["owed"] == 1_200, f"boundary {kill_at}"
            kept = rows(killed.home)
            assert list(kept["bulk_owed"].values()) == [1_200], f"boundary {kill_at}"
            (campaign,) = kept["bulk_owed"]
            assert kept["bulk_contacts"] == {campaign: 1_200}, f"boundary {kill_at}"
            assert kept["bulk_keys"] == {campaign: 2_400}, f"boundary {kill_at}"
    assert kill_at > 12, "the commits of a plan"


def test_a_kill_at_any_commit_never_sends_twice_and_keeps_the_totals(
    tmp_path: Path,
) -> None:
    relay, everybody, chunk = MailServer(), 9, 3
    try:
        shutil.copytree(prepared(), tmp_path / "home")
        desk = AtDesk(tmp_path / "home")
        for _ in range(200):
            desk.chance.name("skipped")
        desk.clock.time = datetime.now(UTC)
        configure(desk, relay)
        approve(desk)
        path = listed(tmp_path, people(everybody))
        planned(desk, path, "--chunk", str(chunk))
        in_doubt = 0
        with Forks() as forks:
            for kill_at in count(1):
                relay.mails.clear()
                killed = AtDesk(tmp_path / f"killed-{kill_at}")
                killed.clock.time = datetime.now(UTC)
                shutil.copytree(desk.home, killed.home)
                said = forks.run("send", killed.home, path, kill_at)
                if said.isdigit():
                    break
                assert said == "killed", f"boundary {kill_at}"
                assert forks.run("send", killed.home, path, 0).isdigit(), f"restart after boundary {kill_at}"
                told = [address for address, _, _ in relay.mails]
                assert len(told) == len(set(told)), f"boundary {kill_at}: somebody was told twice"
                whole = standing(killed, path)
                unknown = whole["still_open"].get("unknown", 0)
                assert unknown <= chunk, f"boundary {kill_at}"
                assert whole["notified"] + unknown == everybody, f"boundary {kill_at}: {whole}"
                assert whole["notified"] <= len(told) <= everybody, f"boundary {kill_at}"
                in_doubt += unknown
        assert kill_at > 20, "the commits of three chunks"
        assert in_doubt > 0, "no kill left a chunk in doubt: the boundaries miss the sending"
    finally:
        relay.stop()


def test_a_kill_in_mid_run_sends_no_one_twice_and_shows_the_chunk_in_flight(tmp_path: Path) -> None:
    relay = MailServer()
    try:
        shutil.copytree(prepared(), tmp_path / "home")
        desk = AtDesk(tmp_path / "home")
        for _ in range(200):
            desk.chance.name("skipped")
        desk.clock.time = datetime.now(UTC)  # the senders have clocks of their own
        configure(desk, relay)
        approve(desk)
        path = listed(tmp_path, people(80))
        planned(desk, path, "--chunk", str(CHUNK))
        killed_after(relay, desk.home, path, 23)
        killed_after(relay, desk.home, path, len(relay.mails) + 15)
        desk.clock.time = datetime.now(UTC)
        last = sent(desk, path)
        assert last["ending"] == "done"
        told = [address for address, _, _ in relay.mails]
        assert len(told) == len(set(told)), "somebody was told twice"
        whole = standing(desk, path)
        unknown = whole["still_open"]["unknown"]
        assert 0 < unknown <= 2 * CHUNK
        assert whole["notified"] + unknown == 80
        assert len(set(told)) >= whole["notified"]
        attention = json.loads(desk("status", "--format", "json").out)["needs_attention"]
        assert [one["kind"] for one in attention if one["kind"] == "bulk_unknown"] == ["bulk_unknown"]
        found = run(desk, "status", path, "--verify")
        assert found["chunks"]["unknown"] == 2
        # their own mails prove some of them; the rest is sent again by a person's word alone
        run(desk, "resume", path, "--reason", "they may get it twice", "--resend-unknown")
        assert sent(desk, path)["ending"] == "done"
        assert standing(desk, path)["evidence"] == {"accepted": 80}
        assert {address for address, _, _ in relay.mails} == {
            f"person{n}@people.example" for n in range(1, 81)
        }
    finally:
        relay.stop()
