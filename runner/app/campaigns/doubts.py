"""What a person must accept with a reason before a campaign is sent: other counts than the facts have, people of another list, another date."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from runner.app.campaigns.legal_basis import CampaignTexts
from runner.app.campaigns.record import newest
from runner.app.notices.letters import counts_differ
from runner.errors import Refused
from runner.incident.campaigns.campaign import Campaign
from runner.incident.notices.list_counts import CountDifference, difference_words, differences
from runner.incident.notices.verification import PLANNED, day_of
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import count

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


class Reasons(NamedTuple):
    """Why a person accepts other counts, a second message to the same people, and another date; empty without a reason."""

    counts: str = ""
    repeats: str = ""
    dates: str = ""


NO_REASONS = Reasons()


class Doubts(NamedTuple):
    """What contradicts sending a campaign."""

    counts: tuple[CountDifference, ...]
    repeats: dict[str, str]
    """A sentence for each other campaign with the same people, by its id."""
    dates: dict[str, str]
    """A sentence for the date that the texts have, if it is not the day of sending, by that date."""

    @property
    def keys(self) -> tuple[str, ...]:
        """What a campaign remembers as accepted."""
        return (*map(difference_words, self.counts), *self.repeats, *self.dates)

    @property
    def words(self) -> tuple[str, ...]:
        """The sentences for people."""
        lines = (
            f"The list differs from the recorded counts: {difference_words(row)}." for row in self.counts
        )
        return (*lines, *self.repeats.values(), *self.dates.values())


NO_DOUBTS = Doubts((), {}, {})


def doubts(service: IncidentService, incident: Incident, campaign: Campaign, texts: CampaignTexts) -> Doubts:
    """Compare a campaign with the recorded counts, and with the campaigns of the same texts that have begun."""
    counts = Counter[tuple[str, str]]()
    for ground in campaign.grounds:
        counts[ground.group.key[:2]] += ground.group.letters
    tables, notices = service.campaign_tables(service.principal), _notices(campaign)
    repeats = {
        other.campaign.id: f'{count(same, "person", "people")} of this list got the notice, or will get it, by the list "{other.campaign.list_name}".'
        for other in newest(service, incident)
        if other.campaign.id != campaign.id
        and other.state != "planned"
        and notices & _notices(other.campaign)
        and (same := tables.overlap(campaign.id, other.campaign.id))
    }
    dates = _dates(service, incident, campaign, texts)
    return Doubts(differences(incident, counts, texts.addressing.laws), repeats, dates)


def _dates(
    service: IncidentService, incident: Incident, campaign: Campaign, texts: CampaignTexts
) -> dict[str, str]:
    """Return the date that the texts print, if it is not today in the organisation's zone."""
    dated = day_of(incident, PLANNED)
    today = service.now_in(incident).astimezone(incident.zone).date().isoformat()
    papers = (texts.addressing.papers[ground.group.key] for ground in campaign.grounds)
    used = (used for paper in papers for used in paper.document().facts_used) if dated != today else ()
    if not dated or not any(one.printed and one.path in ("notice.date", PLANNED) for one in used):
        return {}
    return {dated: f"The notice has the date {dated}, and today is {today}."}


def _notices(campaign: Campaign) -> set[str]:
    return {ground.group.notice for ground in campaign.grounds}


def require_accepted(
    service: IncidentService,
    incident: Incident,
    campaign: Campaign,
    texts: CampaignTexts,
    found: Doubts,
    reasons: Reasons,
) -> tuple[str, ...]:
    """Return what is newly accepted; raises Refused for a contradiction that nobody accepted with a reason."""
    rows = [row for row in found.counts if difference_words(row) not in campaign.accepted]
    if rows and not reasons.counts.strip():
        raise counts_differ(service, incident, texts.addressing, rows, "Nothing was sent.")
    repeats = [words for key, words in found.repeats.items() if key not in campaign.accepted]
    if repeats and not reasons.repeats.strip():
        raise Refused(
            f"{' '.join(repeats)} Nothing was sent.",
            hint="Remove them from the list and plan again. To send to them again, add --accept-repeats WHY",
            code="people_repeated",
        )
    dates = [
        words for key, words in found.dates.items() if key not in campaign.accepted and not campaign.head
    ]
    if dates and not reasons.dates.strip():
        raise Refused(
            f"{' '.join(dates)} Nothing was sent.",
            hint=f"Record the day of sending as {PLANNED}, then plan and approve again. To send the text as it is, add --accept-date WHY",
            code="notice_date",
        )
    return tuple(key for key in found.keys if key not in campaign.accepted)
