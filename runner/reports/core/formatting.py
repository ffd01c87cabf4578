"""Format of times, durations and addresses in views: short, in words, and without private data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta, tzinfo

from runner.base.actor import Actor
from runner.incident.state.work import Failed
from runner.routing.messaging import ContactPoint

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECONDS_BELOW = timedelta(minutes=10)
RECEIPTS = {
    "failed": "failed permanently",
    "stopped": "the person opted out",
    "delayed": "not delivered yet; the provider continues to try",
    "complained": "the recipient reported the message as spam",
    "recalled": "stopped or changed after an acknowledgement",
    "not_recalled": "could NOT be stopped or changed",
}
"""Words for receipts that are no evidence of delivery."""
READER: ContextVar[tzinfo | None] = ContextVar("reader", default=None)
"""The time zone of a screen: the organisation's, set when a command opens a home. Documents have their own."""


def span(length: timedelta) -> str:
    """Return a duration in its two largest units: ``2 d 4 h``, ``3 h 12 min``, ``9 min 41 s``."""
    seconds = int(abs(length).total_seconds())
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if abs(length) < _SECONDS_BELOW and left:
        return f"{minutes} min {left} s" if minutes else f"{left} s"
    return f"{minutes} min"


def remaining(due: datetime, now: datetime) -> str:
    """Return the time left: ``3 h 12 min left``, or ``OVERDUE by 2 h 5 min``."""
    return f"{span(due - now)} left" if due > now else f"OVERDUE by {span(now - due)}"


def elapsed_since(since: datetime, now: datetime) -> str:
    """Return a duration until now: ``since 12 min``."""
    return f"since {span(now - since)}"


def age(at: datetime, now: datetime) -> str:
    """Return the age of a time: ``12 min ago``; less than a minute is ``just now``."""
    return "just now" if now - at < timedelta(minutes=1) else f"{span(now - at)} ago"


def when(instant: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a time in a zone, else the reader's, else that of ``now``; on another day, with the day."""
    zone = zone or READER.get() or now.tzinfo or UTC
    there, today = instant.astimezone(zone), now.astimezone(zone)
    clock = f"{there:%H:%M}"
    if there.date() == today.date():
        return clock
    year = "" if there.year == today.year else f" {there.year}"
    return f"{_day(there)}{year}, {clock}"


PEOPLE: ContextVar[Callable[[], Mapping[str, str]] | None] = ContextVar("people", default=None)
"""Names of the contact list by person id, set when a command opens a home."""

CALLS: ContextVar[Callable[[str, str], tuple[str, ...]] | None] = ContextVar("calls", default=None)
"""The lines for a call by person and delivery, as their reader may see them; set where a screen has one reader."""


def call_words(person: str, delivery: str) -> tuple[str, ...]:
    """Return the number of a person to call, then what to read aloud; without a reader the command for the call sheet."""
    lines = CALLS.get()
    return ("Numbers: tocsin message call-sheet",) if lines is None else lines(person, delivery)


def person_name(person: str) -> str:
    """Return the name of a person for a screen; without a name in the contact list, the id."""
    names = PEOPLE.get()
    return (names().get(person, "") if names is not None else "") or person


def missed_calls(calls: int, at: datetime | None, by: str) -> str:
    """Return the last call that did not reach a person, and how many there were; empty without one."""
    more = f" ({calls} calls)" if calls > 1 else ""
    return (
        "" if at is None else f"called {at.astimezone(here()):%H:%M} by {person_name(by)}, not reached{more}"
    )


def person_names(persons: Iterable[str]) -> str:
    """Return the names of people as words."""
    return ", ".join(dict.fromkeys(map(person_name, persons)))


@contextmanager
def read_in(zone: tzinfo) -> Iterator[None]:
    """Use a zone for all times in this context."""
    token = READER.set(zone)
    try:
        yield
    finally:
        READER.reset(token)


def here() -> tzinfo:
    """Return the reader's zone; default UTC."""
    return READER.get() or UTC


def zone_words() -> str:
    """Return the label of a screen's zone: ``all times Europe/Berlin``; empty if none is set."""
    zone = READER.get()
    return f"all times {zone}" if zone is not None else ""


def screen_time(now: datetime, *, named: bool = False) -> str:
    """Return the time and the zone of a screen: ``Tue 24 Nov 2026, 10:00 · all times CET``, if ``named`` with the zone's name."""
    there = now.astimezone(here())
    short = _zone_name(there)
    name = f" ({here()})" if named and str(here()) != short else ""
    return f"{day(there.date())}, {there:%H:%M} · all times {short}{name}"


def _zone_name(there: datetime) -> str:
    """Return the abbreviation of a zone at a time; without one, the offset to UTC."""
    name = there.tzname() or "UTC"
    return f"UTC{name}" if name[:1] in "+-" else name


def moment(instant: datetime, zone: tzinfo | None = None) -> str:
    """Return a time in full, in a zone, else the reader's: ``Tue 24 Nov 2026, 10:00 UTC``."""
    there = instant.astimezone(zone or here())
    name = there.tzname() or ""
    return f"{_day(there)} {there.year}, {there:%H:%M} {name}".rstrip()


def standing(kind: str) -> str:
    """Return the name of a duty's record: ``the filing``, ``the decision not to notify``, ``the waiver``."""
    return {"filed": "the filing", "waived": "the waiver"}.get(kind, "the decision not to notify")


def signatures(signed: Sequence[str]) -> str:
    """Return the other people of an act, who prepared, approved or confirmed it: ``, with jonas, ada``."""
    return f", with {', '.join(signed)}" if signed else ""


def unsigned(waited_for: Sequence[str], items: Sequence[str] = ()) -> str:
    """Return the approvals and items that were open at the filing, as the end of a sentence; empty if none."""
    approvals = f", WITHOUT APPROVAL, still open: {', '.join(waited_for)}" if waited_for else ""
    return approvals + (f", NOT VERIFIED: {'; '.join(items)}" if items else "")


def as_it_was(reason: str) -> str:
    """Return counsel's reason to file an outdated text, as the end of a sentence."""
    return f", AS IT WAS although facts had changed ({reason}): a supplement is required" if reason else ""


def day(date_: date) -> str:
    """Return a date: ``Tue 24 Nov 2026``."""
    return f"{_day(date_)} {date_.year}"


def _day(date_: date) -> str:
    return f"{_DAYS[date_.weekday()]} {date_.day} {_MONTHS[date_.month - 1]}"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 step``, ``3 steps``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def mask_contact(contact: ContactPoint) -> str:
    """Return an address that its owner recognises and no other person can use: ``a…@example.org``, ``+49…67``."""
    return mask_address(contact.address)


def mask_address(address: str) -> str:
    """Return an address without its middle; of a link only the host, because its path can be a secret."""
    if not address:
        return ""
    scheme, separator, rest = address.partition("://")
    if separator:
        host = rest.partition("/")[0].rpartition("@")[2]
        return f"{scheme}://{host}/…"
    name, at, host = address.rpartition("@")
    if at and name:
        return f"{name[:1]}…@{host}"
    if address.startswith("+") and len(address) > 8:
        return f"{address[:3]}…{address[-2:]}"
    return f"{address[:1]}…" if len(address) > 2 else "…"


def describe_actor(actor: Actor) -> str:
    """Return the actor, and whether the name is verified or only claimed."""
    if actor.claimed == "tocsin":
        return "tocsin"
    if (actor.proven_by or "").startswith("link:"):  # whoever had the link: it proves nobody
        return f"somebody with the {actor.proven_by} that was made for {actor.claimed}"
    proof = f"verified by {actor.proven_by}" if actor.proven_by else "claimed"
    machine = "@".join(part for part in (actor.os_user, actor.host) if part)
    how = proof if actor.proven_by or not machine else f"{proof}, {machine}"
    behalf = f" on behalf of {actor.on_behalf_of}" if actor.on_behalf_of else ""
    return f"{actor.claimed or 'an unnamed person'}{behalf} ({how})"


def short_digest(digest: str) -> str:
    """Return the first characters of a digest, for comparison by eye."""
    kind, _, value = digest.rpartition(":")
    cut = f"{value[:12]}…" if len(value) > 12 else value
    return f"{kind}:{cut}" if kind else cut


def whole_digest(given: str, current: str) -> str:
    """Return the current digest if ``given`` is its beginning of at least 12 digits, as screens show it; else ``given``."""
    digits = given.removeprefix("sha256:").removesuffix("…")
    same = given == current or (len(digits) >= 12 and current.removeprefix("sha256:").startswith(digits))
    return current if same else f"sha256:{digits}"


def scope_words(channel: str, message_class: str, person: str, text: str) -> str:
    """Return the scope of a rule override in words."""
    if not (channel or message_class or person or text):
        return "for every message"
    parts = (
        f"class {message_class}" if message_class else "messages",
        f"over {channel}" if channel else "",
        f"to {person}" if person else "",
        f"text {text[:12]}" if text else "",
    )
    return "for " + " ".join(part for part in parts if part)


def aside_words(failed: Failed) -> str:
    """Return how often automatic work failed, and why."""
    return f"Automatic work stopped after {failed.times} failures in a row ({failed.why})"
