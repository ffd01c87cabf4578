"""Required actions about letters and campaigns that their tables tell: what no process sends, what is not approved, who is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import structs

from runner.actions import Action, Slot
from runner.app.campaigns.letter_archive import is_approved
from runner.app.campaigns.record import newest
from runner.app.campaigns.send import is_sending, left
from runner.app.campaigns.tables import Known
from runner.app.notices.letter_approval import runs
from runner.incident.state.exercise import OVER
from runner.reports.campaigns.campaigns import left_words, standing
from runner.reports.core.attention_item import AttentionItem, AttentionKind
from runner.reports.core.formatting import count
from runner.reports.core.suggested_actions import BulkVerb, bulk
from runner.reports.notices.awaited import awaited
from runner.reports.notices.notices import notice_rows

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident


def waiting(service: IncidentService, incident: Incident) -> Iterator[AttentionItem]:
    """Yield the campaigns and letters of an open incident that wait for a person; ``needs_attention`` has those that are paused."""
    over = incident.drill is not None and incident.drill.stage in OVER
    if over or incident.state not in ("open", "paused"):
        return
    for known in newest(service, incident):
        match known.state:
            case "planned":
                people = count(known.campaign.owed, "person", "people")
                texts = {(one.group.duty, one.group.notice) for one in known.campaign.grounds}
                rows = [
                    row for row in notice_rows(incident) if row.current and (row.duty, row.notice) in texts
                ]
                awaits = awaited(incident, service.library(incident), [row.step for row in rows])
                titles = ", ".join(dict.fromkeys(one.title for one in awaits))
                detail = f"Its approval waits for: {titles}" if titles else ""
                item = _item("bulk_planned", known, f"to {people}: planned, not sent", "bulk.send", detail)
                step = next((row.approve_step for row in rows if row.approve_step), "")
                if step:  # sending is refused until then
                    item = structs.replace(
                        item, detail="Its text is not approved", action=Action("step.approve", step)
                    )
                yield item
            case "sending" if not is_sending(service, known.campaign.id):
                people = count(sum(left(service, known).values()), "person", "people")
                words = f"no process sends it, {people} left. Continue sending"
                yield _item("bulk_idle", known, words, "bulk.send")
            case "done":
                tallies = service.campaign_tables(service.principal).tally(
                    known.campaign.id, service.clock.now()
                )
                words = left_words(standing(one for one in tallies if one.state != "unknown"))
                if words:
                    yield _item("bulk_left", known, f"not notified: {words}", "bulk.status")
            case _:
                pass
    yield from _letters(service, incident)


def _item(kind: AttentionKind, known: Known, words: str, verb: BulkVerb, detail: str = "") -> AttentionItem:
    one = known.campaign
    return AttentionItem(
        kind=kind,
        ref=one.id,
        since=one.planned_at,
        text=f"{one.notice} to {one.list_name}: {words}",
        detail=detail,
        action=bulk(verb, one.notice, one.list_name),
    )


def _letters(service: IncidentService, incident: Incident) -> Iterator[AttentionItem]:
    """Yield each newest run of the same list, texts and places that is not approved, or that is approved and still a draft."""
    seen: set[tuple[str, frozenset[object]]] = set()
    for name, run in runs(service, incident):
        same = run.people_sha256, frozenset((group.key, group.notice) for group in run.groups)
        if same in seen:
            continue
        seen.add(same)
        draft = any(group.status == "draft" for group in run.groups)
        approved = is_approved(incident, run)
        if draft or not approved:
            notices = ", ".join(sorted({group.notice for group in run.groups}))
            letters = f"{count(run.letters, 'letter')} of {notices}"
            yield AttentionItem(
                kind="letters_waiting",
                ref=name,
                text=f"Make the approved letters: {letters}" if approved else f"Approve {letters}",
                action=Action(
                    "notice.letters",
                    Slot("NOTICE"),
                    {"people": Slot("FILE", "file"), "out": Slot("DIR", "file")},
                )
                if approved
                else Action("notice.sign_letters", Slot("DIR")),
            )
