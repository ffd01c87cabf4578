"""Several workers at one home: a command works only if no worker is running."""

from __future__ import annotations

from typing import cast

from runner.app.core.incident_service import IncidentService
from runner.app.home.workers import WORKERS, dismiss, enlist, living


class Kept:
    """The settings of a store, and who lives."""

    def __init__(self) -> None:
        self.kept: dict[str, str | None] = {}
        self.alive: set[str] = set()

    def setting(self, name: str) -> str | None:
        return self.kept.get(name)

    def set_setting(self, name: str, value: str | None) -> None:
        self.kept[name] = value

    def worker_alive(self, worker: str) -> bool:
        return worker in self.alive


def service(kept: Kept) -> IncidentService:
    return cast(IncidentService, kept)


def test_the_end_of_the_last_one_that_began_does_not_hide_the_others() -> None:
    store = Kept()
    store.alive = {"a", "b"}
    enlist(service(store), "a")
    enlist(service(store), "b")
    store.alive = {"a"}
    assert living(service(store)) == ["a"]
    dismiss(service(store), "b")
    assert living(service(store)) == ["a"]


def test_a_worker_that_died_counts_for_nothing_and_goes_from_the_list() -> None:
    store = Kept()
    store.alive = {"a"}
    enlist(service(store), "a")
    store.alive = {"b"}
    assert living(service(store)) == []
    enlist(service(store), "b")
    assert store.kept[WORKERS] == "b"
    dismiss(service(store), "b")
    assert store.kept[WORKERS] is None
