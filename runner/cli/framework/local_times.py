"""Times as people write them at the command line."""

from __future__ import annotations

from datetime import datetime

from runner.base.instants import instant, is_local
from runner.cli.framework.session import Session
from runner.settings import CONFIG


def instant_of(session: Session, text: str, *, apart: bool = False) -> datetime:
    """Return a time as a person wrote it; a local time is in the organisation's zone, and is shown with it.

    ``apart`` is a command about no incident: the zone is that of the settings.
    """
    if not is_local(text) or not (session.folder / CONFIG).exists():
        return instant(text, session.now())
    from runner.reports.core.formatting import moment
    from runner.reports.core.header import local_now

    name = "" if apart else session.name_or_none()
    about = session.reader.incident(name) if name else None
    clock = local_now(session.now(), session.service.home.organisation.get("zone"), about)
    at = instant(text, clock)
    session.say(f"{text} is {moment(at, clock.tzinfo)} ({clock.tzinfo})")
    return at
