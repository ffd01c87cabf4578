"""What waits for somebody while nothing has to be done at once: the line below DO NOW (0) must not be calmer than the incident."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.actions import Action
from runner.playbook.format import PEOPLE
from runner.reports.core.do_now import NOTHING, calm
from runner.reports.core.formatting import count, person_name
from runner.reports.core.page import Block, Cell, arrow, do, flow, line
from runner.reports.core.second_person import TwoPersonRow
from runner.reports.core.suggested_actions import CLOSE, WHY
from runner.reports.core.task_rows import named
from runner.reports.incidents.status import Status
from runner.reports.law.duties import running


def waiting(found: Status) -> Iterator[str]:
    """Yield what is not done, and by whom: acknowledgements, approvals, confirmations, a handover, and legal duties.

    A closed or cancelled incident waits for nothing but its duties and the receipts of evidence.
    """
    yield from receipts(found)
    if found.state in ("open", "paused"):
        rows = (
            row for row in found.deliveries if row.wanted and row.state == "active" and row.acked_at is None
        )
        if people := dict.fromkeys(person_name(row.recipient) for row in rows):
            yield f"Acknowledgement: {', '.join(people)}"
        for row in found.tasks:
            if row.kind == "approve" and row.state in ("ready", "active") and not row.over:
                yield f"Approval: {named(row)} · {row.who or 'nobody has the role'}"
        yield from (_confirmation(one) for one in found.second_person if one.state == "awaiting")
        handover = found.handover
        if handover is not None and handover.taken_at is None:
            yield f"Handover of the role {handover.role}: {person_name(handover.to)} must accept it"
    if found.state == "cancelled":
        return
    live = running(found.duties, found.as_of)
    applies = sum(duty.verdict == "applies" for duty in live)
    parts = [f"{count(applies, 'legal duty', 'legal duties')} not done"] if applies else []
    parts += [f"{len(live) - applies} undetermined"] if len(live) > applies else []
    if parts:
        yield f"Legal: {', '.join(parts)}"


def receipts(found: Status) -> Iterator[str]:
    """Yield the receipts of evidence that other people must confirm; those of the reader are in DO NOW."""
    for one in found.receipts:
        if one.receiver != found.me:
            who = person_name(one.receiver)
            doubt = "; THE DIGEST OF THE COPY DIFFERED" if one.differed else ""
            yield f"Receipt of evidence: {who} must confirm exhibit {one.exhibit}, {one.name}{doubt}"


def _confirmation(one: TwoPersonRow) -> str:
    who = ", ".join(map(person_name, one.confirmers)) or " or ".join(one.roles)
    return f"Confirmation of entry {one.entry}, {one.kind.replace('_', ' ')}: {who}"


def asked_blocks(found: Status, lead: str = "Waiting: ") -> Iterator[Block]:
    """Yield what the reader asked of a second person, after ``lead`` with who must confirm it, and how to take it back."""
    for one in found.second_person if found.state in ("open", "paused") else ():
        if one.state == "awaiting" and one.by == found.me:
            words = (
                f"{lead}{_confirmation(one)}. To take it back" if lead else f"To take back entry {one.entry}"
            )
            back = arrow(Action("entry.correct", str(one.entry), {"reason": WHY}))
            yield flow(Cell(words, "warn"), back, indent=2, hang=2)


def finished(found: Status) -> bool:
    """Tell whether nothing is left for people to do but to close the incident."""
    over = all(row.over for row in found.tasks if row.kind in PEOPLE)
    return (
        over
        and found.state == "open"
        and found.kind != "exercise"
        and not found.needs_attention
        and not any(waiting(found))
    )


def calm_blocks(found: Status, *title: Cell) -> Iterator[Block]:
    """Yield the line of an empty DO NOW after its title, and what waits, or how to close."""
    words = NOTHING if found.state in ("closed", "cancelled") else calm(found.tasks)
    yield from waiting_blocks(words, tuple(waiting(found)), *title)
    yield from asked_blocks(found, "")
    if finished(found):
        yield do(CLOSE, indent=2)


def waiting_blocks(words: str, left: Sequence[str], *title: Cell) -> Iterator[Block]:
    """Yield that no action is required, in green only if nothing waits."""
    yield flow(*title, Cell(f"{words}{'. Waiting:' if left else ''}", "warn" if left else "good"), hang=2)
    yield from (line(text, "warn", indent=2, hang=2) for text in left)
