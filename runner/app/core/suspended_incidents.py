"""Suspension of incidents: automatic work stops after three failures in a row, until a person resumes it.

The count is in marks beside the journal, because a failed turn cannot be trusted to write an event. A process
that crashes reports nothing. So each worker writes a mark with its current incidents before it starts work:
if the mark outlives the worker, the work on each of them counts as failed. The next tries show which of several
it was, because incidents that failed are worked on one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.repository import IN_HAND, WorkerHandle
from runner.decoding import json_reader
from runner.errors import StoreError
from runner.incident.state.commands import Resume
from runner.incident.state.work import Failed

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn

MARKS = "work/"
FAILED = f"{MARKS}failed/"
EVERY = timedelta(seconds=5)
"""How often a worker checks for stopped workers."""
DIED = "the process of the work stopped unexpectedly"


class InHand(msgspec.Struct, frozen=True, kw_only=True):
    """The current incidents of one worker, and since when."""

    incidents: tuple[str, ...]
    at: datetime


_FAILED, _IN_HAND = json_reader(Failed), json_reader(InHand)


def failed(service: IncidentService) -> dict[str, Failed]:
    """Return the incidents whose last work failed, with the uncounted current incidents of stopped workers."""
    marks = service.marks(MARKS)
    failures = _failed(marks)
    for left in _left_by_the_dead(service, marks).values():
        failures.update({name: _death(failures.get(name), left.at) for name in left.incidents})
    return failures


def set_aside(service: IncidentService) -> dict[str, Failed]:
    """Return the incidents without automatic work."""
    return {name: one for name, one in failed(service).items() if one.aside}


def resume(service: IncidentService, incident: str, reason: str) -> Turn:
    """Resume automatic work: of a paused incident, and of a suspended one, whose count starts again at none."""
    _count_the_dead(service)
    mark = FAILED + incident
    before = service.marks(mark).get(mark)
    failure = _FAILED(before) if before is not None else None
    why = failure.why if failure is not None and failure.aside else ""
    # the mark first: the event wakes a worker, which must not find the incident suspended
    service.change_marks([mark], lambda known: {})
    try:
        return service.act(service.principal, incident, [Resume(reason=reason, set_aside=why)])
    except BaseException:
        if before is not None:
            service.change_marks([mark], lambda known: {mark: before})
        raise


class Tries:
    """One worker's current incidents, and the failed incidents as last read. Only the worker's loop uses it."""

    def __init__(self, service: IncidentService, handle: WorkerHandle) -> None:
        self._service = service
        self._handle = handle
        self._written: tuple[str, ...] = ()
        self._next = datetime.min.replace(tzinfo=UTC)
        self.failed: dict[str, Failed] = {}

    def look(self, now: datetime) -> None:
        """Read the failures that others recorded, and at times count the current incidents of stopped workers."""
        if now >= self._next:
            self._next = now + EVERY
            with suppress(StoreError):
                _count_the_dead(self._service)
        self.failed = _failed(self._service.marks(FAILED))

    def begin(self, incidents: Collection[str], now: Callable[[], datetime]) -> None:
        """Record the current incidents, before any work on them."""
        names = tuple(sorted(incidents))
        if names == self._written:
            return
        with suppress(StoreError, OSError):  # a worker that cannot write this can record no work either
            self._handle.hold(msgspec.json.encode(InHand(incidents=names, at=now())) if names else b"")
            self._written = names

    def fail(self, incident: str, why: str, now: datetime) -> None:
        """Count one failure more."""
        mark = FAILED + incident
        with suppress(StoreError):
            found = self._service.change_marks(
                [mark], lambda known: {mark: _counted(known.get(mark), why, now)}
            )
            self.failed[incident] = _FAILED(found[mark])

    def passed(self, incident: str) -> None:
        """Remove an incident whose work succeeded from the count, unless it was suspended meanwhile."""
        before = self.failed.get(incident)
        if before is not None and not before.aside:
            mark = FAILED + incident
            with suppress(StoreError):
                self._service.change_marks(
                    [mark], lambda known: known if _is_aside(known.get(mark)) else {}, waits=False
                )
                del self.failed[incident]


def _failed(marks: Mapping[str, bytes]) -> dict[str, Failed]:
    return {
        name.removeprefix(FAILED): _FAILED(body) for name, body in marks.items() if name.startswith(FAILED)
    }


def _left_by_the_dead(service: IncidentService, marks: Mapping[str, bytes]) -> dict[str, InHand]:
    """Return the marks of stopped workers that have current incidents."""
    return {
        mark: _hand(body)
        for mark, body in marks.items()
        if mark.startswith(IN_HAND) and not service.worker_alive(mark.removeprefix(IN_HAND))
    }


def _hand(body: bytes) -> InHand:
    """Return the content of a mark: nothing if its worker stopped while writing it, for then no work had started."""
    try:
        return _IN_HAND(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return InHand(incidents=(), at=datetime.min.replace(tzinfo=UTC))


def _count_the_dead(service: IncidentService) -> None:
    """Count the current incidents of stopped workers: once, even if several workers notice it."""
    for mark, left in _left_by_the_dead(service, service.marks(IN_HAND)).items():
        names = [FAILED + name for name in left.incidents]

        def change(
            known: Mapping[str, bytes], mark: str = mark, names: list[str] = names, at: datetime = left.at
        ) -> Mapping[str, bytes]:
            if mark not in known:
                return known
            found = {name: _FAILED(known[name]) for name in names if name in known}
            return {name: msgspec.json.encode(_death(found.get(name), at)) for name in names}

        service.change_marks([mark, *names], change)


def _counted(known: bytes | None, why: str, at: datetime) -> bytes:
    before = _FAILED(known) if known is not None else None
    return msgspec.json.encode(_once_more(before, why, at))


def _death(before: Failed | None, at: datetime) -> Failed:
    """Count the death of a worker that began at ``at``; not again if a process died before it removed the mark."""
    if before is not None and before.why == DIED and before.at == at:
        return before
    return _once_more(before, DIED, at)


def _once_more(before: Failed | None, why: str, at: datetime) -> Failed:
    return Failed(times=1 if before is None else before.times + 1, why=why, at=at)


def _is_aside(known: bytes | None) -> bool:
    return known is not None and _FAILED(known).aside
