"""Which workers go on at a home, so that a command need not work by itself: a short list in the store's settings.

It is a hint, and is read as one: a name counts only while its worker proves that it lives. Two workers that begin in the
same instant can lose one name; then a command does its work by itself, which is never wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runner.model.drill import OVER

if TYPE_CHECKING:
    from runner.model.incident import Incident

WORKERS = "worker"
"""The store's setting: names, with spaces between them."""


class Settings(Protocol):
    """As much of a store as the list needs."""

    def setting(self, name: str) -> str | None:
        """Return a small setting."""
        ...

    def set_setting(self, name: str, value: str | None) -> None:
        """Keep a small setting; None removes it."""
        ...

    def worker_alive(self, worker: str) -> bool:
        """Tell whether a worker lives."""
        ...


def living(store: Settings) -> list[str]:
    """Return the workers that go on."""
    return [name for name in (store.setting(WORKERS) or "").split() if store.worker_alive(name)]


def works_by_itself(incident: Incident) -> bool:
    """Tell whether reminders, escalation and failover are to happen in an incident, and need a worker."""
    return incident.state == "open" and (incident.drill is None or incident.drill.stage not in OVER)


def enlist(store: Settings, name: str) -> None:
    """Put a worker that begins on the list; those that died go from it."""
    store.set_setting(WORKERS, " ".join(dict.fromkeys((*living(store), name))))


def dismiss(store: Settings, name: str) -> None:
    """Take a worker that ends from the list, and leave the others on it."""
    store.set_setting(WORKERS, " ".join(one for one in living(store) if one != name) or None)
