"""A legal duty as a row of a screen: the time left, title and article, deadline, doubt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from runner.incident.notices.staleness import change_words
from runner.law.duty import DutyStatus
from runner.reports.core.formatting import READER, here, remaining, when
from runner.reports.core.page import Cell, Cells, Row
from runner.reports.law.titles import citation, duty_label, question_words, recipient_name

_FAR = timedelta(days=10)
"""Time from which a table shows the time left in days only."""
_YEAR = timedelta(days=300)
"""Time from which a date in a table has its year."""
UNSURE = "?"
"""Mark of a deadline in a table whose start time is unconfirmed."""
DONE = {
    "filed": "filed",
    "filed_late": "filed late",
    "decided_not_to_notify": "decided not to notify",
    "waived": "waived",
    "no_correction": "decided that no correction is owed",
}
VERDICTS = {"unknown": "undetermined", "advisory": "not in force", "not_applicable": "does not apply"}
NOT_DONE = {"held": "delayed", "claimed": "claimed sent"}
"""States of a duty that is neither done nor late."""


def is_past_target(duty: DutyStatus, now: datetime) -> bool:
    """Return whether a duty is to meet and its internal target has passed."""
    at = duty.internal_target
    return duty.verdict == "applies" and duty.state == "open" and at is not None and at <= now


def law_words(duty: DutyStatus) -> str:
    """Return the law of a duty for a table: ``GDPR Art. 33(1)``, ``NY § 899-aa(8)(a)``."""
    cited = citation(duty)
    country, _, part = duty.jurisdiction.partition("-")
    section = cited.rpartition("§")[2]
    return f"{part} §{section}" if country == "US" and part and section != cited else cited


def recipient_words(duty: DutyStatus) -> str:
    """Return the recipient of a duty for a table: the short name of the authority, ``people in CA``."""
    if duty.authority is not None and duty.authority.short:
        return duty.authority.short
    name = recipient_name(duty).removeprefix("the ").replace("data protection authority", "DPA")
    people, _, state = name.partition("affected people in ")
    return (
        f"people in {duty.jurisdiction[3:]}"
        if state and not people
        else name.replace("affected people", "people")
    )


HEADER: Cells = tuple(
    Cell(title, "dim") for title in ("Left", "Law", "Recipient", "Due there", "State", "Next")
)


def _settled(duty: DutyStatus) -> Cell | None:
    """Return the state of a duty that is done, not to do, delayed or claimed; None while its clock counts."""
    if duty.state in DONE:
        return Cell(DONE[duty.state], "warn" if duty.state == "filed_late" else "good")
    if duty.verdict in ("not_applicable", "advisory"):
        return Cell(VERDICTS[duty.verdict], "dim")
    return Cell(NOT_DONE[duty.state], "warn") if duty.state in NOT_DONE else None


def _state(duty: DutyStatus) -> Cell:
    """Return the state of a duty in a word or two."""
    if duty.state in DONE and duty.record is not None:
        day = f"{DONE[duty.state]} {duty.record.at.day} {duty.record.at:%b}"
        return Cell(day, "warn" if duty.state == "filed_late" else "good")
    if (settled := _settled(duty)) is not None:
        return settled
    exempt = any(exemption.met or exemption.missing for exemption in duty.unless)
    words = VERDICTS[duty.verdict] if duty.verdict == "unknown" else f"applies{' unless' if exempt else ''}"
    return Cell(words, "plain" if words == "applies" else "warn")


def next_fact(duty: DutyStatus) -> str:
    """Return the fact that decides the duty or one of its exemptions; empty if no fact is missing for that."""
    if duty.verdict not in ("applies", "unknown") or duty.state in DONE:
        return ""
    if duty.verdict == "unknown":
        return next(iter(duty.missing_facts), "")
    exempting = frozenset[str]().union(*[exemption.missing for exemption in duty.unless])
    return next((fact for fact in duty.missing_facts if fact in exempting), "")


def there_words(due: datetime, local: datetime | None, now: datetime) -> str:
    """Return a deadline in the recipient's zone, with its day and hour: ``Sat 26 Dec, 23:59 EST``."""
    there = local or due
    year = f" {there.year}" if abs(due - now) > _YEAR else ""
    return f"{there:%a} {there.day} {there:%b}{year}, {there:%H:%M} {there.tzname() or ''}".rstrip()


def table_row(duty: DutyStatus, now: datetime, following: str) -> Cells:
    """Return a duty as a row of a table: time left, law, recipient, deadline there, state and next act."""
    open_ = duty.due is not None and duty.state not in DONE and duty.verdict in ("applies", "unknown")
    left = time_left(duty, now)
    short = left.text.removesuffix(" left") if open_ else ""
    if duty.due is not None and duty.due - now > _FAR:
        short = short and f"{(duty.due - now).days} d"
    if is_past_target(duty, now):
        short = "passed"
    internal = duty.internal_target
    later = "starts later" if duty.due_kind == "waits_for_event" else "no fixed time"
    if internal is not None and duty.state not in DONE:
        later = f"target {internal:%a} {internal.day} {internal:%b}"
    due = later if duty.due is None else there_words(duty.due, duty.due_local, now)
    unsure = UNSURE if duty.provisional and open_ else ""
    return (
        Cell(short, left.tone),
        Cell(law_words(duty), about=f"duty/{duty.id}"),
        recipient_words(duty),
        f"{due}{unsure}",
        _state(duty),
        following,
    )


def time_left(duty: DutyStatus, now: datetime) -> Cell:
    """Return the first cell of a duty: the time left, red when overdue, or why there is none."""
    if (settled := _settled(duty)) is not None:
        return settled
    if is_past_target(duty, now):
        return Cell("target passed", "alarm")
    if duty.due is None:
        return Cell("not started" if duty.due_kind == "waits_for_event" else "no fixed time", "title")
    late = duty.due <= now or (duty.latest_safe_start is not None and duty.latest_safe_start <= now)
    return Cell(remaining(duty.due, now), "alarm" if late else "title")


def deadline_line(duty: DutyStatus, now: datetime, opened: datetime | None = None) -> str:
    """Return the deadline and "start by"; without a deadline, the wording of the law or the start of the period."""
    if duty.state == "held":
        return "Law enforcement asked to delay the notice"
    if duty.state == "claimed":
        return duty.notes[0]
    if duty.due is None:
        if duty.due_kind == "waits_for_event":
            event = duty.clock.start_fact
            filed = event.removeprefix("filing of ")
            if filed != event:
                stage = "first" if filed == "initial" else filed.replace("_", " ")
                return f"Starts when the {stage} notification is filed"
            return f"Starts when this is known: {question_words(event)}"
        return f'"{duty.standard}"' if duty.standard else ""
    start = start_words(duty, now, opened)
    return " · ".join(filter(None, (due_words(duty, now), f"start {start}" if start else "")))


def doubt_words(duty: DutyStatus) -> str:
    """Return the doubt about a duty: undetermined, or an unconfirmed start time."""
    if duty.verdict == "unknown" and duty.missing_facts:
        question = question_words(duty.missing_facts[0])
        plain = question if question[1:2].isupper() else question[:1].lower() + question[1:]
        return f"Undetermined: {plain}"
    return "Unconfirmed start time" if duty.provisional and duty.due is not None else ""


def differs_words(duty: DutyStatus) -> str:
    """Return how the facts differ from the filed text, as filed and as known now; empty if no correction is wanted."""
    changed = "; ".join(change_words(one, here()) for one in duty.differs)
    return f"Filed, now different: {changed}" if changed else ""


def due_words(duty: DutyStatus, now: datetime) -> str:
    """Return the deadline in the reader's zone, with the authority's time if that differs."""
    whose = "authority" if duty.authority is not None else "recipient"
    return deadline_words(duty.due, duty.due_local, now, whose)


def deadline_words(
    due: datetime | None, local: datetime | None, now: datetime, whose: str = "authority"
) -> str:
    """Return a deadline in the reader's zone; ``local`` is the same time in the zone of the authority or the recipient."""
    if due is None:
        return ""
    mine, there = due.astimezone(READER.get() or now.tzinfo or UTC), local or due
    words = f"{when(due, now)} {mine.tzname() or ''}".rstrip()
    if mine.utcoffset() == there.utcoffset():
        return words
    theirs = f"{there:%H:%M}" if there.date() == mine.date() else when(there, now, there.tzinfo)
    return f"{words} ({theirs} {there.tzname() or ''} at the {whose})"


def start_words(duty: DutyStatus, now: datetime, opened: datetime | None = None) -> str:
    """Return the time to start by; "at once" if that is before the opening."""
    start = duty.latest_safe_start
    if start is None or start == duty.due or duty.state in DONE:
        return ""
    if any(begun is not None and start < begun for begun in (duty.clock.start, opened)):
        return "at once"
    return f"by {when(start, now)}{' (passed)' if start <= now else ''}"


Elsewhere = Mapping[str, tuple[datetime, str]]
"""By duty: its first deadline in linked incidents, and the codename of that incident."""


def earlier_words(elsewhere: Elsewhere, duty: DutyStatus, now: datetime) -> str:
    """Return the earlier deadline of a duty in a linked incident; empty without one, and for a duty that is done."""
    if duty.id not in elsewhere or duty.state in DONE or duty.verdict not in ("applies", "unknown"):
        return ""
    due, codename = elsewhere[duty.id]
    if duty.due is not None and duty.due <= due:
        return ""
    return f"Earlier in {codename}, and it counts: {when(due, now)}"


def duty_row(duty: DutyStatus, now: datetime, opened: datetime | None = None, more: str = "") -> Row:
    """Return a duty as a row of a screen: time left, title and article, deadline, doubt."""
    details = (deadline_line(duty, now, opened), doubt_words(duty), differs_words(duty))
    return Row(
        time_left(duty, now),
        (Cell(f"{duty_label(duty)}{more}", about=f"duty/{duty.id}"),),
        details=tuple((detail,) for detail in details if detail),
    )
