"""Control of a campaign: pause, resume, resend to unknown outcomes, record a substitute notice.

Which campaign a notice and a list mean, and what dead planners left of theirs.

Tables and journal are written one after the other. A campaign is there once the journal says so: what a planner that died put into
the tables is shown to nobody, and the next plan takes it away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.app.campaigns.chunk import verify
from runner.app.campaigns.tables import Known
from runner.errors import Invalid, NotFound, Problem, Refused
from runner.files.people_lists.person_contacts import is_address, same_address
from runner.incident.campaigns.campaign import Campaign, OwedState, SuppressedFor, Way
from runner.incident.campaigns.pacing import feasibility
from runner.incident.state.campaigns import CampaignMoved, CampaignResolved, SubstituteGiven
from runner.incident.state.commands import AnyCommand, RecordCampaign
from runner.incident.state.incident import Incident
from runner.reports.campaigns.campaigns import BulkStatus, places, reasons, standing
from runner.yamlfile.limited_files import read_file

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
        for campaign in service.campaign_tables(service.principal).campaigns(incident.id)
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
            hint=f"Use one of: {there}" if there else Action("bulk.plan", notice, {"people": str(people)}),
            code="unknown_campaign",
        )
    return found


def remove_abandoned_plans(service: IncidentService, incident: Incident) -> None:
    """Take away what planners left that died."""
    tables = service.campaign_tables(service.principal)
    for name in tables.partial(incident.id):
        if not service.store.worker_alive(PLANNER + name):
            tables.drop(name)


OUT_OF_REACH: tuple[OwedState, ...] = ("unreachable", "post")
"""Those for whom substitute notice may stand in: no way leads to them, or only letters that are too many or too dear."""
LARGEST = 64 * 1024 * 1024
"""Bytes of a stop list."""


def pause(service: IncidentService, incident: Incident, notice: str, people: Path, reason: str) -> Known:
    """Stop a campaign: a sender that runs ends after the chunk in flight."""
    found = known(service, incident, notice, people)
    if found.state not in ("sending", "planned"):
        raise Refused(
            f'The campaign "{notice}" to "{people.name}" is {found.state}. It is not sending.',
            hint=Action("bulk.status", notice, {"people": people.name}),
            code="not_sending",
        )
    moved = CampaignMoved(
        campaign=found.campaign.id, state="paused", by=service.principal.person, reason=reason
    )
    if not reason.strip():
        raise Refused("The reason is missing.", hint="Add --reason WHY", code="reason")
    service.campaign_tables(service.principal).set_state(found.campaign.id, "paused", "sending", "planned")
    _submit(service, incident, RecordCampaign(by=service.principal.person, event=moved))
    return known(service, incident, notice, people)


def resume(
    service: IncidentService,
    incident: Incident,
    notice: str,
    people: Path,
    reason: str,
    *,
    again: bool,
    nights: bool,
) -> tuple[Known, int]:
    """Let a campaign go on; what it is judged by counts anew. Return how many unknown are sent to again."""
    found = known(service, incident, notice, people)
    if found.state == "planned" or (found.state == "sending" and not again):
        raise Refused(
            f'The campaign "{notice}" to "{people.name}" is {found.state}, not paused.',
            hint=Action("bulk.send", notice, {"people": people.name}),
            code="not_paused",
        )
    tables = service.campaign_tables(service.principal)
    moved = CampaignMoved(
        campaign=found.campaign.id, state="sending", by=service.principal.person, reason=reason
    )
    if not reason.strip():
        raise Refused("a reason is needed", hint="--reason WHY: it stands in the record", code="reason")
    _submit(service, incident, RecordCampaign(by=service.principal.person, event=moved))
    people_again = tables.again(found.campaign.id, "resent by a decision of a person") if again else 0
    counted = tables.campaign(found.campaign.id).counters
    tables.put(
        msgspec.structs.replace(
            found.campaign,
            resumed_sent=counted.sent,
            resumed_bounced=counted.bounced,
            resumed_complaints=counted.complaints,
            nights=found.campaign.nights or nights,
        )
    )
    if people_again:
        resolved = CampaignResolved(
            campaign=found.campaign.id, people=people_again, by=service.principal.person, reason=reason
        )
        _submit(service, incident, RecordCampaign(by=service.principal.person, event=resolved))
    tables.set_state(found.campaign.id, "sending", "paused", "done")
    return known(service, incident, notice, people), people_again


def substitute(
    service: IncidentService, incident: Incident, notice: str, people: Path, place: str, reason: str
) -> tuple[Known, int]:
    """Record that substitute notice was given to those of a place who are out of reach; return how many they are."""
    found = known(service, incident, notice, people)
    groups = [n for n, ground in enumerate(found.campaign.grounds) if ground.place == place]
    if not groups:
        places = ", ".join(sorted({ground.place for ground in found.campaign.grounds}))
        raise NotFound(
            f'No person in the list has the place "{place}".',
            hint=f"Use one of: {places}",
            code="unknown_place",
        )
    if not reason.strip():
        raise Refused(
            "The reason is missing.",
            hint="Add --reason WHY, with the text, the place and the end of the publication",
            code="reason",
        )
    tables = service.campaign_tables(service.principal)
    count = tables.substitute(found.campaign.id, groups, OUT_OF_REACH, "substitute notice")
    given = SubstituteGiven(
        campaign=found.campaign.id, place=place, people=count, by=service.principal.person, reason=reason
    )
    _submit(service, incident, RecordCampaign(by=service.principal.person, event=given))
    return found, count


def read_stop_list(path: Path) -> list[str]:
    """Return the addresses of a file, one on each line; raises NotFound, or Invalid with every line that holds none.

    Nothing of a line is repeated: it may be somebody's address.
    """
    try:
        lines = read_file(path, LARGEST).decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise NotFound(
            f'File "{path}" does not exist.', hint="Check the path.", code="file_missing"
        ) from None
    except (OSError, UnicodeDecodeError):
        raise Invalid(
            f'File "{path}" is not text.',
            hint="Use UTF-8, with one address on each line.",
            code="file_unreadable",
        ) from None
    found = [(number, one.strip()) for number, one in enumerate(lines, 1) if one.strip()]
    problems = [_no_address(path, number) for number, one in found if not is_address(one)]
    if problems:
        raise Invalid(
            f'File "{path}" has {len(problems)} of {len(found)} lines without an address. The suppression list was not changed.',
            hint="Write one email address or international telephone number on each line.",
            problems=problems,
            code="bad_stop_list",
        )
    return [one for _, one in found]


def _no_address(path: Path, line: int) -> Problem:
    return Problem(
        file=str(path),
        line=line,
        column=1,
        severity="error",
        code="stop-list",
        message="The line is neither an email address nor a telephone number",
        hint="Write maria@example.org, or +15005550006",
    )


def suppress(service: IncidentService, addresses: Iterable[str], reason: SuppressedFor) -> int:
    """Keep mail addresses and telephone numbers from use, now and in every later campaign; return how many."""
    tables = service.campaign_tables(service.principal)
    keys = {tables.digest(*same_address(address)) for address in addresses}
    tables.suppress(keys, reason, service.clock.now())
    return len(keys)


def _submit(service: IncidentService, incident: Incident, command: AnyCommand) -> None:
    service.act(service.principal, incident.id, [command])


def status(service: IncidentService, incident: Incident, found: Known, *, check: bool = False) -> BulkStatus:
    """Count a campaign; with ``check`` compare its tables with the journal first."""
    now, campaign = service.clock.now(), _as_it_is_now(service, incident, found.campaign)
    tables, view = service.campaign_tables(service.principal), incident.campaigns.get(found.campaign.id)
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
    for contact, state, why in service.campaign_tables(service.principal).listed(
        found.campaign, ("post", "unreachable")
    ):
        one = contact.person
        write([one.reference, one.name, one.address, one.jurisdiction, one.population, state, why])
        count += 1
    return count
