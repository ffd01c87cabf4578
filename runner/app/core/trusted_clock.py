"""The time of a process: the machine's clock, unless it was set back, or nothing confirms it after a gap of over an hour.

A clock over two minutes before the newest entry counts on from that entry. After a gap a second clock decides: the database
server's, or the kernel's word that a time server keeps this one. Without one the time is *unconfirmed*: people, reports and alerts use
the machine's, and nothing that cannot be taken back ends by it (``held``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.base.states import Held
from runner.decoding import from_json
from runner.errors import ClockWrong, StoreError, TocsinError

if TYPE_CHECKING:
    from runner.app.core.contact_store import ContactCache
    from runner.app.core.identifiers import Clock
    from runner.app.core.repository import Store

TOLERANCE = timedelta(seconds=5)
BEHIND = timedelta(minutes=2)
"""How far a clock may be before the newest entry, or from a second clock."""
GAP, JUMP = timedelta(hours=1), timedelta(minutes=5)
"""After more time without a sign of any process, or a longer jump ahead in one, a second clock must agree."""
PATIENCE = timedelta(minutes=10)
"""How long alerts wait for a person who confirms the time; a jump within ``GAP`` is then believed."""
OFTEN, ASK_AGAIN = timedelta(minutes=1), timedelta(seconds=2)
"""How often the time is stored, and how often a clock that is not trusted is checked again."""
CLOCK = "clock/"
"""Each machine stores its own newest time: the clock of another machine proves nothing about it."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN = "%Y-%m-%d %H:%M:%SZ"


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """The time at the last check."""

    at: datetime
    steady: timedelta
    apart: timedelta = timedelta()
    """The machine's clock minus the trusted time: negative when it went back."""


def start(wall: datetime, steady: timedelta, newest: datetime) -> ClockState:
    """Return the first reading of a process; ``newest`` is the newest entry or stored time."""
    at = newest if newest - wall > BEHIND or wall - newest > GAP else wall
    return ClockState(at=at, steady=steady, apart=wall - at)


def advance(course: ClockState, wall: datetime, steady: timedelta) -> ClockState:
    """Return the present reading: it never goes back, and follows no long jump ahead."""
    counted = course.at + (steady - course.steady)
    if -TOLERANCE <= wall - counted <= JUMP:
        return ClockState(at=max(wall, course.at), steady=steady)
    return ClockState(at=counted, steady=steady, apart=wall - counted)


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest time of a machine."""

    at: datetime
    apart: timedelta = timedelta()
    """The machine's clock minus this time."""
    since: datetime | None = None
    """The last sign of a process before the present, unconfirmed time."""
    confirmed: datetime = EPOCH
    """The time, or the later newest entry, when the clock was confirmed: time does not count on from an entry before it."""


class TrustedClock:
    """The time of one process, for all its threads. A clock without a monotonic one is always trusted."""

    def __init__(self, clock: Clock, store: Store, host: str) -> None:
        """Take the machine's clock; nothing is read yet."""
        self._clock, self._store, self._name = clock, store, CLOCK + host
        self._steady: Callable[[], timedelta] | None = getattr(clock, "steady", None)
        self._lock, self._asked = threading.RLock(), timedelta()
        self._course: ClockState | None = None
        self._saved: Kept | None = None
        self.since: datetime | None = None
        """The last sign of a process before the present, unconfirmed time; None if the time is trusted."""
        self.idle = ""
        """From when to when no process ran, by a second clock."""

    @classmethod
    def of(cls, service: ContactCache) -> TrustedClock:
        """Return the clock of a service: as it is if it is one of these, else one around it."""
        own = service.clock
        return own if isinstance(own, cls) else cls(own, service.store, service.principal.host)

    def now(self) -> datetime:
        """Return the time for entries, reports and alerts: an unconfirmed one is the machine's."""
        counted = self.counted()
        return counted if self.since is None else max(counted, self._clock.now())

    def counted(self) -> datetime:
        """Return the time that never goes back; an unconfirmed one counts on from the last sign of a process."""
        wall = self._clock.now()
        if self._steady is None:
            return wall
        with self._lock:
            self._course = self._read(wall, self._steady())
            return self._course.at

    @property
    def held(self) -> Held:
        """What time alone must not do: nothing that cannot be taken back, and at first no alert. Ask ``now`` before."""
        if self._course is None or self.since is not None:
            counted = self.counted()
            if self.since is not None:
                return "ends" if counted - self.since >= PATIENCE else "all"
        return ""

    def passed(self) -> timedelta:
        """Return the time since an earlier moment."""
        return self._steady() if self._steady is not None else self._clock.now() - EPOCH

    def keep(self) -> None:
        """Store the time at intervals, and at once when the trust in the machine's clock changes."""
        at = self.counted() if self._course is None else self._course.at
        before = self._saved or Kept(at=EPOCH)
        if self._course is None or (before.since == self.since and at - before.at < OFTEN):
            return
        now = msgspec.structs.replace(before, at=at, apart=self._course.apart, since=self.since)

        def change(known: Mapping[str, bytes]) -> Mapping[str, bytes]:
            there = known.get(self._name)
            is_new = there is not None and from_json(there, Kept).confirmed > now.confirmed
            return known if is_new else {self._name: msgspec.json.encode(now)}

        self._saved = now
        with suppress(StoreError, msgspec.DecodeError):
            self._saved = from_json(self._store.change_marks([self._name], change)[self._name], Kept)

    def confirm(self) -> None:
        """Trust the machine's clock from now on: a person said that it is right. Processes that run notice it."""
        wall, before = self._clock.now(), self._stored() or Kept(at=EPOCH)
        latest = max(wall, self._store.log.recorded() or wall, before.confirmed + timedelta.resolution)
        confirmed = Kept(at=wall, confirmed=latest)
        self._store.change_marks([self._name], lambda known: {self._name: msgspec.json.encode(confirmed)})
        self._course = self._saved = None

    def _read(self, wall: datetime, steady: timedelta) -> ClockState:
        """Return the present reading."""
        if self._course is None:
            self._saved = self._stored()
            return self._begin(wall, steady)
        course = advance(self._course, wall, steady)
        if self.since is None and course.apart > JUMP:
            return self._after_gap(course, wall)
        if (self.since is not None or course.apart) and steady - self._asked > ASK_AGAIN:
            self._asked, stored = steady, self._stored()
            ours = self._saved or Kept(at=course.at)
            if stored is not None and stored.confirmed > ours.confirmed:
                self._saved = stored
                return self._begin(wall, steady)
            past = course.apart <= GAP and course.at - (self.since or course.at) >= PATIENCE
            if self.since is not None and (past or not course.apart or self._agrees(wall)):
                self._saved = msgspec.structs.replace(
                    ours, at=course.at, apart=course.apart, since=self.since
                )
                return self._begin(wall, steady)
        return course

    def _begin(self, wall: datetime, steady: timedelta) -> ClockState:
        """Return the first reading, from the newest entry and the last sign of any process."""
        signs, newest = list[datetime](), EPOCH
        with suppress(TocsinError, msgspec.DecodeError):
            newest = self._store.log.recorded() or EPOCH
            signs = [from_json(one, Kept).at for one in self._store.marks(CLOCK).values()]
        saved = self._saved or Kept(at=EPOCH)
        if saved.since is not None:  # entries and signs since then bear the unconfirmed time
            self._saved = msgspec.structs.replace(saved, confirmed=max(saved.confirmed, newest))
            passed = wall - saved.at - saved.apart
            newest, signs = EPOCH, [saved.at + passed] * (timedelta() < passed <= GAP)
        signs = [one for one in signs if one <= wall] + [newest] * (newest > saved.confirmed)
        sign = max((saved.at, *signs))
        self.since, course = None, start(wall, steady, wall if sign == EPOCH else sign)
        return self._after_gap(course, wall, saved.since) if course.apart > GAP else course

    def _after_gap(self, course: ClockState, wall: datetime, since: datetime | None = None) -> ClockState:
        """Return the reading after a gap: the machine's if a second clock agrees, or if no incident waits for time."""
        live = any(self._store.rows(state) for state in ("open", "paused"))
        if live and not self._agrees(wall):
            self.since = since or course.at
            return course
        self.idle = f"{course.at:{SHOWN}} to {wall:{SHOWN}}" if live else ""
        return ClockState(at=wall, steady=course.steady)

    def _stored(self) -> Kept | None:
        with suppress(StoreError, msgspec.DecodeError, KeyError):
            return from_json(self._store.marks(self._name)[self._name], Kept)
        return None

    def _agrees(self, wall: datetime) -> bool:
        """Tell whether a second clock shows the machine's time."""
        with suppress(StoreError):
            if (server := self._store.shared_server()) is not None:
                return abs(server.offset) <= BEHIND
            second = getattr(self._clock, "second", lambda: None)()
            return second is not None and abs(second - wall) <= BEHIND
        return False

    def problem(self) -> ClockWrong | None:
        """Return what is wrong with the clock: ``time_unconfirmed`` or ``clock_behind``; None if nothing is."""
        counted, wall = self.counted(), self._clock.now()
        what = f"The clock of this computer shows {wall:{SHOWN}}."
        how = "Set the clock. If it is right, run tocsin doctor --repair."
        if self.since is not None and wall - counted > GAP:
            why = f"The last sign of Tocsin is from {self.since:{SHOWN}}, and no second clock confirms the time."
            return ClockWrong(f"{what} {why} Nothing ends by time now.", hint=how, code="time_unconfirmed")
        if self._steady is not None and counted - wall > BEHIND:
            return ClockWrong(f"{what} Time counts on from {counted:{SHOWN}}.", hint=how, code="clock_behind")
        return None
