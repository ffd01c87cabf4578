"""Status of a campaign, counted in the store, and the list of people who need a letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from runner.app.campaigns.record import verify
from runner.incident.campaigns.campaign import Campaign, Way
from runner.incident.campaigns.pacing import feasibility
from runner.incident.state.incident import Incident
from runner.reports.campaigns.status import BulkStatus, places, reasons, standing
from runner.store.campaigns.rows import Known

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def status(service: IncidentService, incident: Incident, found: Known, *, check: bool = False) -> BulkStatus:
    """Count a campaign; with ``check`` compare its tables with the journal first."""
    now, campaign = service.clock.now(), _as_it_is_now(service, incident, found.campaign)
    tables, view = service.store.bulk(), incident.campaigns.get(found.campaign.id)
    proof = verify(service, incident, campaign.id) if check else None
    tallies = tables.tally(campaign.id, now)
    ready: Counter[Way] = Counter()
    for tally in tallies:
        if tally.state == "ready" and tally.way in ("email", "sms"):
            ready[tally.way] += tally.people  # type: ignore[index]
    return BulkStatus(
        campaign=campaign.id,
        incident=incident.codename,
        notice=campaign.notice,
        list=campaign.list_name,
        state=found.state,
        reason=view.reason if view is not None and found.state == "paused" else "",
        as_of=now,
        rows=campaign.rows,
        duplicates=campaign.duplicates,
        rejected=campaign.rejected,
        standing=standing(tallies),
        places=tuple(places(campaign, view, tallies)),
        why=reasons(tallies),
        refusals=campaign.refusals,
        counters=found.counters,
        chunks=dict(Counter(state for _, state, *_ in tables.chunks(campaign.id))),
        suppressed=tables.suppressions(),
        canary=campaign.canary,
        canary_until=campaign.canary_until,
        left=feasibility(campaign, ready, {}, now),
        proof=proof,
    )


def _as_it_is_now(service: IncidentService, incident: Incident, campaign: Campaign) -> Campaign:
    """Return a campaign with each group's deadline and hold of today: both may have moved since the plan."""
    duties = {duty.id: duty for duty in service.duties(incident)}
    grounds = (
        msgspec.structs.replace(ground, due=duty.due, held=duty.state == "held")
        if (duty := duties.get(ground.group.duty)) is not None
        else ground
        for ground in campaign.grounds
    )
    return msgspec.structs.replace(campaign, grounds=tuple(grounds))


Write = Callable[[list[str]], None]


def open_list(service: IncidentService, found: Known, write: Write) -> int:
    """Hand everybody who needs a letter or cannot be reached to ``write``, as rows for a mail house; return how many."""
    count = 0
    write(["reference", "name", "address", "jurisdiction", "population", "state", "why"])
    for contact, state, why in service.store.bulk().listed(found.campaign, ("post", "unreachable")):
        one = contact.person
        write([one.reference, one.name, one.address, one.jurisdiction, one.population, state, why])
        count += 1
    return count
