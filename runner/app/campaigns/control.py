"""Control of a campaign: pause, resume, resend to unknown outcomes, record a substitute notice, count people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from runner.app.campaigns.destinations import Destinations
from runner.app.campaigns.record import known, move, record, verify
from runner.app.campaigns.send import left_of
from runner.app.campaigns.tables import Known
from runner.errors import Invalid, NotFound, Problem, Refused, no_file, reason_given
from runner.files.people_lists.person_contacts import is_address, same_address
from runner.incident.campaigns.campaign import OUT_OF_REACH, Campaign, SuppressedFor
from runner.incident.campaigns.pacing import feasibility
from runner.incident.campaigns.transitions import MOVES, RETURNED, admit
from runner.incident.state.campaigns import CampaignMoved, CampaignResolved, SubstituteGiven
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.reports.campaigns.campaigns import BulkStatus, places, reasons, standing
from runner.reports.core.report import filled
from runner.yamlfile.limited_files import read_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_COLUMNS = (
    *("reference", "name", "address", "jurisdiction", "population", "variant", "salutation", "language"),
    *("state", "why"),
)
LARGEST = 64 * 1024 * 1024
"""The size limit of a suppression list."""


def pause(service: IncidentService, incident: Incident, notice: str, people: PurePath, reason: str) -> None:
    """Pause a campaign: a running sender stops after the current batch."""
    while True:
        found = known(service, incident, notice, people)
        admit("pause", found.campaign, found.state)
        reason_given(reason)
        # A sender that ended or stopped by itself meanwhile is not paused by this person.
        if move(service, found.campaign, "pause", reason, by=service.principal.person):
            return


def resume(
    service: IncidentService,
    incident: Incident,
    notice: str,
    people: PurePath,
    reason: str,
    *,
    again: bool,
    nights: bool,
) -> int:
    """Resume a campaign; its limits count from now on. Return how many people with an unknown outcome are sent to again."""
    found = known(service, incident, notice, people)
    campaign, name = found.campaign, found.campaign.id
    admit("resend" if again else "resume", campaign, found.state)
    reason_given(reason)
    tables, by = service.campaign_tables(service.principal), service.principal.person
    record(service, incident.id, CampaignMoved(campaign=name, state="sending", by=by, reason=reason))
    Destinations(service, tables).resume()
    tables.release(name)
    people_again = tables.again(name, "resent by a decision of a person") if again else 0
    counted = tables.campaign(name).counters
    tables.put(
        msgspec.structs.replace(
            campaign,
            resumed_sent=counted.sent,
            resumed_bounced=counted.bounced,
            resumed_complaints=counted.complaints,
            nights=campaign.nights or nights,
        )
    )
    if people_again:
        record(
            service, incident.id, CampaignResolved(campaign=name, people=people_again, by=by, reason=reason)
        )
    tables.set_state(name, "sending", *MOVES["resume"].before)
    return people_again


def substitute(
    service: IncidentService, incident: Incident, notice: str, people: PurePath, place: str, reason: str
) -> int:
    """Record substitute notice to the people of a place without a usable contact; return how many they are."""
    found = known(service, incident, notice, people)
    groups = [n for n, ground in enumerate(found.campaign.grounds) if ground.place == place]
    if not groups:
        places = ", ".join(sorted({ground.place for ground in found.campaign.grounds}))
        raise NotFound(
            f'No person in the list has the place "{place}".',
            hint=f"Use one of: {places}",
            code="unknown_place",
        )
    reason_given(reason, hint="Add --reason WHY, with the text, the place and the end of the publication")
    tables = service.campaign_tables(service.principal)
    count = tables.substitute(found.campaign.id, groups, OUT_OF_REACH, "substitute notice")
    given = SubstituteGiven(
        campaign=found.campaign.id, place=place, people=count, by=service.principal.person, reason=reason
    )
    record(service, incident.id, given)
    return count


def read_stop_list(path: Path) -> list[str]:
    """Return the addresses of a file, one on each line; raises NotFound, or Invalid with every line without one.

    Errors repeat no text of a line: it may be a person's address.
    """
    try:
        lines = read_file(path, LARGEST).decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise no_file(path) from None
    except (OSError, UnicodeDecodeError):
        raise Invalid(
            f'File "{path}" is not text.',
            hint="Use UTF-8, with one address on each line.",
            code="file_unreadable",
        ) from None
    found = [(number, one.strip()) for number, one in enumerate(lines, 1) if one.strip()]
    problems = [
        Problem(
            file=str(path),
            line=number,
            column=1,
            code="stop-list",
            message="The line is neither an email address nor a phone number",
            hint="Write maria@example.org, or +15005550006",
        )
        for number, one in found
        if not is_address(one)
    ]
    if problems:
        raise Invalid(
            f'File "{path}" has {len(problems)} of {len(found)} lines without an address. The suppression list was not changed.',
            hint="Write one email address or international phone number on each line.",
            problems=problems,
            code="bad_stop_list",
        )
    return [one for _, one in found]


def suppress(
    service: IncidentService,
    incident: Incident | None,
    addresses: Iterable[str],
    reason: SuppressedFor,
    *,
    look: bool = False,
) -> int:
    """Add email addresses and phone numbers to the suppression list, now and for later campaigns; return how many.

    With ``look`` only count. ``incident`` is the one in use; raises Refused if it is an exercise or a test: the list is one
    for all campaigns, and these are real.
    """
    if incident is not None and incident.kind != "real":
        raise Refused(
            f'Incident "{incident.codename}" is of kind {incident.kind}. The suppression list applies to real campaigns.',
            hint="Choose a real incident",
            code="exercise",
        )
    tables = service.campaign_tables(service.principal)
    keys = {tables.digest(*same_address(address)) for address in addresses}
    if not look:
        tables.suppress(keys, reason, service.clock.now())
    return len(keys)


def status(
    service: IncidentService,
    incident: Incident,
    found: Known,
    *,
    check: bool = False,
    duties: Iterable[DutyStatus] | None = None,
) -> BulkStatus:
    """Count a campaign; with ``check`` compare its tables with the journal first. Without ``duties`` these are assessed."""
    served = [ground.group.duty for ground in found.campaign.grounds]
    assessed = service.near_duties(incident, also=served) if duties is None else duties
    now, campaign = service.clock.now(), _as_it_is_now(found.campaign, assessed)
    tables, view = service.campaign_tables(service.principal), incident.campaigns.get(found.campaign.id)
    proof = verify(service, incident, campaign.id) if check else None
    tallies = tables.tally(campaign.id, now)
    return filled(
        BulkStatus,
        campaign,
        found,
        campaign=campaign.id,
        incident=incident.codename,
        list=campaign.list_name,
        reason=view.reason if view is not None and found.state == "paused" else "",
        as_of=now,
        standing=standing(tallies),
        places=tuple(places(campaign, view, tallies)),
        why=reasons(tallies),
        chunks=dict(Counter(state for _, state, *_ in tables.chunks(campaign.id))),
        suppressed=tables.suppressions(),
        left=feasibility(campaign, left_of(tallies), now),
        proof=proof,
    )


def _as_it_is_now(campaign: Campaign, assessed: Iterable[DutyStatus]) -> Campaign:
    """Return a campaign with each group's present deadline and delay: both may have changed since the plan."""
    duties = {duty.id: duty for duty in assessed}
    grounds = (
        msgspec.structs.replace(ground, due=duty.due, held=duty.state == "held")
        if (duty := duties.get(ground.group.duty)) is not None
        else ground
        for ground in campaign.grounds
    )
    return msgspec.structs.replace(campaign, grounds=tuple(grounds))


def open_list(service: IncidentService, found: Known, *, returned: bool = False) -> Iterator[list[str]]:
    """Yield everybody who needs a letter or has no usable contact, as a list of people with the state and the reason.

    With ``returned``, only people whose letter came back: for the address search and a second mailing. Codes for credit
    monitoring are not in the list.
    """
    yield [*_COLUMNS]
    tables = service.campaign_tables(service.principal)
    for contact, state, why in tables.listed(found.campaign, ("post", "unreachable")):
        one = contact.person
        if why == RETURNED or not returned:
            place = (one.jurisdiction, one.population, one.variant, one.salutation, one.language)
            yield [one.reference, one.name, one.address, *place, state, why]
