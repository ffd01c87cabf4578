"""Channel state shared by the processes of one store; on both stores, without writes while all channels work."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from runner.app.core.channel_state import Traffic
from runner.errors import StoreFull
from runner.routing.circuit_breaker import FIRST_PAUSE, IN_A_ROW
from runner.routing.messaging import Channel, SendResult
from runner.routing.traffic import read_rate
from runner.store.port import ChangeMarks, Store
from tests.patience import PATIENCE
from tests.servers.postgres import postgres_server, postgres_url
from tests.store.conftest import place, store
from tests.store.journals import Place

__all__ = ["place", "postgres_server", "postgres_url", "store"]

ROOT = Path(__file__).parents[3]
T0 = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
FAILED = SendResult(state="unknown", about="provider")
ARRIVED = SendResult(state="accepted")


def channel(name: str, *domains: str, rates: str = "", safe: bool = False) -> Channel:
    return Channel(
        id=name,
        adapter="webhook",
        address_kind="none",
        domains=frozenset(domains),
        confidentiality="internal",
        personal_data="none",
        rates=(read_rate(rates),) if rates else (),
        account=name,
        exercise_safe=safe,
    )


CHAT = channel("chat", "messenger", "host")
AGAIN = channel("again", "messenger")
LIMITED = channel("limited", "carrier", rates="60/min burst 40")
CHANNELS = {one.id: one for one in (CHAT, AGAIN, LIMITED)}


class Counted:
    """Marks that count how often they were changed, and may refuse to be."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.changes = 0
        self.full = False

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        return self._store.marks(prefix)

    def change_marks(self, names: Sequence[str], change: ChangeMarks) -> dict[str, bytes]:
        self.changes += 1
        if self.full:
            raise StoreFull("no room is left")
        return self._store.change_marks(names, change)


@pytest.fixture
def counted(store: Store) -> Counted:
    return Counted(store)


def process(marks: Counted | Store, channels: Mapping[str, Channel] = CHANNELS) -> Traffic:
    traffic = Traffic(marks, lambda: channels)
    traffic.refresh()
    return traffic


def test_working_channels_cause_no_write(counted: Counted) -> None:
    one = process(counted)
    for _ in range(50):
        one.heard(CHAT, ARRIVED, T0)
        one.heard(CHAT, SendResult(state="rejected", about="recipient"), T0)
        assert one.rooms(T0).not_before({}) == {}
    assert counted.changes == 0


def test_failures_of_several_processes_open_one_breaker_for_all(store: Store) -> None:
    both = [process(store), process(store)]
    for n in range(IN_A_ROW):
        both[n % 2].heard(CHAT, FAILED, T0)
    third = process(store)
    assert third.news()
    assert not third.news(), "it is news once"
    assert set(third.fallen) == {"messenger", "host"}


def test_a_failed_service_affects_neither_its_machine_nor_other_services(store: Store) -> None:
    machine = frozenset({"host:here"})
    both = [
        msgspec.structs.replace(channel(name, f"host:here:{port}", "host:here"), hosts=machine)
        for name, port in (("signal", 8080), ("ntfy", 8090))
    ]
    one = process(store, {each.id: each for each in both})
    for _ in range(IN_A_ROW):
        one.heard(both[0], FAILED, T0)
    assert set(one.fallen) == {"host:here:8080"}


def test_a_success_between_the_failures_of_another_process_is_heard_there(store: Store) -> None:
    one, other = process(store), process(store)
    for _ in range(IN_A_ROW - 1):
        one.heard(CHAT, FAILED, T0)
    other.refresh()
    other.heard(CHAT, ARRIVED, T0)
    one.heard(CHAT, FAILED, T0)
    assert one.fallen == {}


def test_one_of_many_processes_probes_all_failed_domains_with_one_message(store: Store) -> None:
    one = process(store)
    for _ in range(IN_A_ROW):
        one.heard(CHAT, FAILED, T0)
    later = T0 + FIRST_PAUSE
    several = [process(store) for _ in range(3)]
    probes = [probe for each in several for probe in each.probes(["real"], later)]
    assert {(probe.channel.id, probe.domains) for probe in probes} == {
        ("chat", ("host",)),
        ("again", ("messenger",)),
    }
    by_chat = next(probe for probe in probes if probe.channel.id == "chat")
    several[0].refresh()
    several[0].probed(by_chat, ARRIVED, later)
    assert process(store).fallen == {}


def test_without_a_real_incident_nothing_outside_the_allow_list_is_probed(store: Store) -> None:
    sandbox = channel("sandbox", "messenger", safe=True)
    one = process(store, {"again": AGAIN, "sandbox": sandbox})
    for _ in range(IN_A_ROW):
        one.heard(AGAIN, FAILED, T0)
    later = T0 + FIRST_PAUSE
    assert one.probes([], later) == []
    [probe] = one.probes(["exercise"], later)
    assert (probe.channel.id, probe.kind) == ("sandbox", "test")


def test_results_stay_in_memory_when_marks_cannot_be_written(counted: Counted) -> None:
    one = process(counted)
    counted.full = True
    for _ in range(IN_A_ROW):
        one.heard(CHAT, FAILED, T0)
    one.heard(LIMITED, SendResult(state="throttled", retry_after=timedelta(seconds=9)), T0)
    assert set(one.fallen) == {"messenger", "host"}
    assert one.rooms(T0).not_before({})["limited"] == T0 + timedelta(seconds=9)
    with pytest.raises(StoreFull):
        one.take({"limited": 1}, T0)


def test_threads_never_take_the_same_place(store: Store) -> None:
    granted: list[int] = []

    def work() -> None:
        mine = process(store)
        granted.extend(mine.take({"limited": 3}, T0)["limited"] for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 40, "as many as may leave at once, and not one more"
    assert process(store).rooms(T0).not_before({}) == {"limited": T0 + timedelta(seconds=1)}


_TAKE = """
import sys
from pathlib import Path
from tests.app.core.test_channel_state import T0, process
from tests.store.journals import Place
with Place(sys.argv[1], Path(sys.argv[2]), print).opened() as store:
    mine = process(store)
    print(sum(mine.take({"limited": 3}, T0)["limited"] for _ in range(10)))
"""


@pytest.mark.slow
def test_processes_never_take_the_same_place(place: Place) -> None:
    with place.opened():
        command = [sys.executable, "-c", _TAKE, place.url, str(place.base)]
        crowd = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        told = [int(one.communicate(timeout=PATIENCE)[0]) for one in crowd]
    assert sum(told) == 40


def test_the_next_look_is_the_next_probe_or_the_next_place(store: Store) -> None:
    one = process(store)
    assert one.next_look(T0) is None
    one.take({"limited": 40}, T0)
    assert one.next_look(T0) == T0 + timedelta(seconds=1)
    for _ in range(IN_A_ROW):
        one.heard(AGAIN, FAILED, T0)
    assert one.next_look(T0 + timedelta(seconds=2)) == T0 + FIRST_PAUSE
