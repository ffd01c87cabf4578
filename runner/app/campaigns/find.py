"""Lookup of a campaign by notice and list, and removal of unfinished plans.

Tables and journal are written one after the other. A campaign is there once the journal says so: what a planner that died put into
the tables is shown to nobody, and the next plan takes it away.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from runner.errors import NotFound
from runner.incident.state.incident import Incident
from runner.store.campaigns.rows import Known

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

PLANNER = "bulk-plan-"
"""What a process that plans a campaign is called while it lives, with the campaign's name behind."""


def find(service: IncidentService, incident: Incident, notice: str, list_name: str) -> Known | None:
    """Return the newest campaign of a notice and a list, by the list's file name; there is none before the journal says so."""
    if not incident.campaigns:
        return None
    knowns = [
        known
        for known in of_list(service, incident, notice, list_name)
        if known.campaign.id in incident.campaigns
    ]
    return max(knowns, key=lambda one: (one.campaign.planned_at, one.campaign.id), default=None)


def of_list(service: IncidentService, incident: Incident, notice: str, list_name: str) -> list[Known]:
    """Return every campaign of a notice and a list, those too that a later plan took the place of."""
    return [
        campaign
        for campaign in service.store.bulk().campaigns(incident.id)
        if campaign.campaign.notice == notice and campaign.campaign.list_name == list_name
    ]


def known(service: IncidentService, incident: Incident, notice: str, people: Path) -> Known:
    """Return a campaign; raises NotFound with those that there are."""
    found = find(service, incident, notice, people.name)
    if found is None:
        told = incident.campaigns.values()
        there = "; ".join(f"{view.notice} --people {quote(view.list_name)}" for view in told)
        raise NotFound(
            f'No campaign of "{notice}" to "{people.name}" is planned in "{incident.codename}".',
            hint=f"Use one of: {there}"
            if there
            else f"tocsin bulk plan {notice} --people {quote(str(people))}",
            code="unknown_campaign",
        )
    return found


def remove_abandoned_plans(service: IncidentService, incident: Incident) -> None:
    """Take away what planners left that died."""
    tables = service.store.bulk()
    for name in tables.partial(incident.id):
        if not service.store.worker_alive(PLANNER + name):
            tables.drop(name)
