"""Journal entries of a campaign: a root for each range of batches, and the legal thresholds that were crossed.

The root is over the chunks' digests, and each digest over what was tried for each person. So the entry proves the tables, and
``verify`` says whether they still are what was recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from runner.app.incidents.runs import graft
from runner.errors import StoreCorrupt
from runner.incident.campaigns.campaign import Campaign
from runner.incident.campaigns.substitute_notice import crossed
from runner.incident.notices.letters import MerkleTree
from runner.incident.state.campaigns import CampaignStretch, SubstituteDue
from runner.incident.state.commands import RecordCampaign
from runner.incident.state.incident import Incident
from runner.reports.campaigns.status import Proof
from runner.store.campaigns.rows import chunk_digest

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


PLAYBOOK = "substitute-notice"
"""What is begun when a line of the law is crossed; a home may have one of its own by this name."""


def record_stretch(service: IncidentService, incident: str, campaign: str) -> Incident:
    """Put every chunk that ended since the last entry on record, and return the incident."""
    found = service.load(incident)
    tables, last = service.store.bulk(), found.campaigns[campaign].chunks
    tree, outcomes, first, end = MerkleTree(), Counter[str](), last + 1, last
    ended = takewhile(lambda chunk: chunk[1] != "sending", tables.chunks(campaign, last))
    for n, _state, _way, _size, digest in ended:
        tree.add(digest)
        outcomes.update(attempt.state for attempt in tables.attempts(campaign, n))
        end = n
    if end < first:
        return found
    event = CampaignStretch(
        campaign=campaign, first=first, last=end, root=f"sha256:{tree.root}", outcomes=dict(outcomes)
    )
    return service.submit(incident, RecordCampaign(by=service.actor.claimed, event=event))


def ask_substitutes(service: IncidentService, incident: str, campaign: Campaign) -> None:
    """Put each line of substitute notice that was crossed on record, once, and give people the tasks: they decide and act."""
    tallies = service.store.bulk().tally(campaign.id, service.clock.now())
    events = [
        SubstituteDue(campaign=campaign.id, place=threshold.place, ground=threshold.ground, why=threshold.why)
        for threshold in crossed(campaign, tallies)
    ]
    if not events:
        return
    known = service.load(incident)
    found = service.submit(
        incident, *(RecordCampaign(by=service.actor.claimed, event=event) for event in events)
    )
    asked = _asked(found, campaign.id).keys() - _asked(known, campaign.id).keys()
    if asked and found.state == "open":
        graft(service, found, PLAYBOOK, _why(_asked(found, campaign.id), sorted(asked)))


def _asked(incident: Incident, campaign: str) -> dict[tuple[str, str], str]:
    """Return why substitute notice is asked for, by place and ground."""
    return {(ask.place, ask.ground): ask.why for ask in incident.campaigns[campaign].asks}


def _why(asked: Mapping[tuple[str, str], str], new: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{place}: {asked[place, ground]}" for place, ground in new)


def verify(service: IncidentService, incident: Incident, campaign: str) -> Proof:
    """Compare the tables with the roots in the journal; raises StoreCorrupt at the first that does not hold."""
    tables, attempts, chunks = service.store.bulk(), 0, 0
    kept = {n: digest for n, _, _, _, digest in tables.chunks(campaign)}
    for first, last, root in incident.campaigns[campaign].roots:
        tree = MerkleTree()
        for n in range(first, last + 1):
            tried = tables.attempts(campaign, n)
            if kept.get(n) != chunk_digest(tried):
                raise StoreCorrupt(
                    f'The attempts of batch {n} of campaign "{campaign}" are not the stored ones.',
                    hint="Restore the database from a backup.",
                )
            attempts, chunks = attempts + len(tried), chunks + 1
            tree.add(kept[n])
        if f"sha256:{tree.root}" != root:
            raise StoreCorrupt(
                f'Batches {first} to {last} of campaign "{campaign}" do not match the journal.',
                hint="Restore the database from a backup.",
            )
    return Proof(chunks=chunks, attempts=attempts)
