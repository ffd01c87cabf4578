"""Records of a campaign, in its tables and in the journal: the selected campaign, its changes, its batches, and tasks for people.

A campaign exists once it is in the journal: the tables of a planner that stopped are shown to nobody, and the next plan removes
them. Of batches the journal has a root for each stretch. The root is over the batches' digests, and each digest over the
attempts for each person. So the entry proves the tables, and ``verify`` tells whether they are unchanged.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import takewhile
from pathlib import PurePath
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.app.campaigns.tables import Known, chunk_digest
from runner.app.incidents.runs import graft
from runner.decoding import convert
from runner.errors import NotFound, StoreCorrupt
from runner.incident.campaigns.campaign import Campaign
from runner.incident.campaigns.decide import crossed
from runner.incident.campaigns.transitions import MOVES, MoveName
from runner.incident.notices.letters import MerkleTree
from runner.incident.state.campaigns import (
    AnyCampaignEvent,
    CampaignMoved,
    CampaignPart,
    CampaignPlanned,
    CampaignStretch,
)
from runner.incident.state.commands import RecordCampaign
from runner.incident.state.incident import Incident
from runner.reports.campaigns.campaigns import BulkPlan, Proof
from runner.reports.core.report import filled

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

PLAYBOOK = "substitute-notice"
"""The playbook to start when a limit of the law is crossed; a home may have its own one by this name."""


def of_list(service: IncidentService, incident: Incident, notice: str, list_name: str) -> list[Known]:
    """Return every campaign of a notice and a list, by the list's file name, also those that a later plan replaced."""
    return [
        known
        for known in service.campaign_tables(service.principal).campaigns(incident.id)
        if known.campaign.notice == notice and known.campaign.list_name == list_name
    ]


def find(service: IncidentService, incident: Incident, notice: str, list_name: str) -> Known | None:
    """Return the newest campaign of a notice and a list; there is none before it is in the journal."""
    if not incident.campaigns:
        return None
    knowns = of_list(service, incident, notice, list_name)
    recorded = (known for known in knowns if known.campaign.id in incident.campaigns)
    return max(recorded, key=_age, default=None)


def _age(one: Known) -> tuple[datetime, str]:
    return one.campaign.planned_at, one.campaign.id


def newest(service: IncidentService, incident: Incident) -> list[Known]:
    """Return the newest campaign of each notice and list, in the order of their first plans."""
    pairs = dict.fromkeys((view.notice, view.list_name) for view in incident.campaigns.values())
    every = service.campaign_tables(service.principal).campaigns(incident.id) if pairs else ()
    recorded = sorted((one for one in every if one.campaign.id in incident.campaigns), key=_age)
    last = {(one.campaign.notice, one.campaign.list_name): one for one in recorded}
    return [last[pair] for pair in pairs if pair in last]


def by_id(service: IncidentService, incident: Incident, name: str) -> Known:
    """Return a campaign by its id; raises NotFound for any other, and for one that a later plan replaced."""
    view = incident.campaigns.get(name)
    found = find(service, incident, view.notice, view.list_name) if view is not None else None
    if found is not None and found.campaign.id == name:
        return found
    raise NotFound(
        f'Campaign "{name}" does not exist, or a later plan replaced it.',
        hint="Use a link of the page of letters",
        code="unknown_campaign",
    )


def known(service: IncidentService, incident: Incident, notice: str, people: PurePath) -> Known:
    """Return a campaign; raises NotFound with the existing ones."""
    found = find(service, incident, notice, people.name)
    if found is None:
        told = incident.campaigns.values()
        there = "; ".join(f"{view.notice} --people {quote(view.list_name)}" for view in told)
        raise NotFound(
            f'No campaign of "{notice}" to "{people.name}" is planned in "{incident.codename}".',
            hint=f"Use one of: {there}" if there else Action("bulk.plan", notice, {"people": str(people)}),
            code="unknown_campaign",
        )
    return found


def record(service: IncidentService, incident: str, *events: AnyCampaignEvent) -> Incident:
    """Record events of a campaign, and return the incident afterwards."""
    commands = [RecordCampaign(event=event) for event in events]
    return service.act(service.principal, incident, commands).after


def record_plan(service: IncidentService, incident: Incident, made: BulkPlan, before: Known | None) -> None:
    """Record a campaign whose people are all in the tables; ``before`` is the plan that it replaces."""
    campaign, tables = made.campaign, service.campaign_tables(service.principal)
    tables.put(campaign)
    tables.set_state(campaign.id, "planned", "partial")
    old = before.campaign.id if before is not None else ""
    event = filled(
        CampaignPlanned,
        campaign,
        campaign=campaign.id,
        ways={str(way): people for way, people in campaign.ways.items()},
        parts=tuple(
            convert({**msgspec.structs.asdict(ground.group), "people": ground.group.letters}, CampaignPart)
            for ground in campaign.grounds
        ),
        sum=made.feasible.sum,
        by=service.principal.person,
        replaces=old,
    )
    record(service, incident.id, event)


def move(
    service: IncidentService, campaign: Campaign, name: MoveName, reason: str = "", *, by: str = ""
) -> bool:
    """Change the state of a campaign that permits it, in the tables and in the journal; tell whether that was done.

    A change to ``sending`` is recorded in the journal first, so that nothing is sent without a journal entry.
    """
    one, tables = MOVES[name], service.campaign_tables(service.principal)
    moved = CampaignMoved(campaign=campaign.id, state=one.after, by=by, reason=reason)
    if one.after == "sending":
        record(service, campaign.incident, moved)
        return tables.set_state(campaign.id, one.after, *one.before)
    if not tables.set_state(campaign.id, one.after, *one.before):
        return False
    record(service, campaign.incident, moved)
    return True


def record_stretch(service: IncidentService, incident: str, campaign: str) -> Incident:
    """Record every batch that ended since the last entry, and return the incident."""
    found = service.load(incident)
    tables, last = service.campaign_tables(service.principal), found.campaigns[campaign].chunks
    tree, outcomes, first, end = MerkleTree(), Counter[str](), last + 1, last
    ended = takewhile(lambda chunk: chunk[1] != "sending", tables.chunks(campaign, last))
    for n, _state, _way, _size, digest in ended:
        tree.add(digest)
        outcomes.update(attempt.state for attempt in tables.attempts(campaign, n))
        end = n
    if end < first:
        return found
    root = f"sha256:{tree.root}"
    event = CampaignStretch(campaign=campaign, first=first, last=end, root=root, outcomes=dict(outcomes))
    return record(service, incident, event)


def ask_substitutes(service: IncidentService, campaign: Campaign) -> None:
    """Record each crossed limit of substitute notice, once, and add the tasks: people decide and act."""
    tallies = service.campaign_tables(service.principal).tally(campaign.id, service.clock.now())
    events = tuple(crossed(campaign, tallies))
    if not events:
        return
    before = service.load(campaign.incident).campaigns[campaign.id].asks
    found = record(service, campaign.incident, *events)
    known = {(ask.place, ask.ground) for ask in before}
    asked = {(ask.place, ask.ground): ask.why for ask in found.campaigns[campaign.id].asks}
    new = sorted(asked.keys() - known)
    if new and found.state == "open":
        graft(service, found, PLAYBOOK, "; ".join(f"{place}: {asked[place, line]}" for place, line in new))


def verify(service: IncidentService, incident: Incident, campaign: str) -> Proof:
    """Compare the tables with the roots in the journal; raises StoreCorrupt at the first difference."""
    tables, attempts, chunks = service.campaign_tables(service.principal), 0, 0
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
