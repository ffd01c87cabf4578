"""Who asks, what about, and when: the same for the command line, the room and the API."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from runner.base.instants import instant

if TYPE_CHECKING:
    from runner.actions import Action
    from runner.acts.shared_reports import Report, SharedReports
    from runner.app.campaigns.background import Senders
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.base.actor import Principal
    from runner.incident.state.incident import Incident


class Terminal(NamedTuple):
    """What only a command line has: a person who can be asked, and another way to read local times."""

    instant: Callable[[str], datetime]
    confirm: Callable[[str, Action], None]
    """Ask a question; raises Refused with the action as the next step."""
    ask: Callable[[str], str]
    say: Callable[[str], None]
    asks: bool
    """Whether a person sits there."""


class Asked(NamedTuple):
    """One request: who asks, what about, and when."""

    service: IncidentService
    reader: Reader
    principal: Principal
    now: datetime
    """Exercise time if it is about an exercise."""
    incident: Incident
    """If it is about none, nothing reads it."""
    ref: str
    """A task, duty, notice or delivery."""
    query: Mapping[str, str] = {}
    reports: SharedReports | None = None
    """Reports that viewers share."""
    senders: Senders | None = None
    """What sends campaigns beside the pages; None where nothing does."""
    terminal: Terminal | None = None
    """None for a form and a program."""

    def shared(self, about: Hashable, make: Callable[[], Report]) -> Report:
        """Return a report that is the same for all readers with the right to the page."""
        return make() if self.reports is None else self.reports.find(about, self.service, self.now, make)

    def lasting(self, about: Hashable, make: Callable[[], Report]) -> Report:
        """Return what depends on ``about`` and the time alone: no entry of a journal changes it."""
        if self.reports is None:
            return make()
        return self.reports.find(("lasting", about), self.service, self.now, make, any_entry=False)

    def instant(self, text: str) -> datetime:
        """Return a time as a person wrote it: a local time is in the organisation's zone."""
        return instant(text, self.clock) if self.terminal is None else self.terminal.instant(text)

    @property
    def clock(self) -> datetime:
        """Return the time in the organisation's zone: a form may have local times."""
        from runner.reports.core.header import local_now

        return local_now(self.now, self.service.home.organisation.get("zone"), self.incident)

    @property
    def asks(self) -> bool:
        """Whether a person at a terminal can be asked."""
        return self.terminal is not None and self.terminal.asks

    @property
    def everything(self) -> bool:
        """Whether lists are shown without a cut."""
        return self.query.get("all") == "1"


class Upload(NamedTuple):
    """One file that somebody gives."""

    name: str
    """As the browser or the path says; never a path that is opened."""
    body: bytes


class File(NamedTuple):
    """A file that a browser saves."""

    name: str
    body: bytes | Iterator[bytes]
    """The bytes, or their parts if they are many."""
