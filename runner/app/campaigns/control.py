"""Control of a campaign: pause, resume, resend to unknown outcomes, record a substitute notice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from runner.app.campaigns.find import known
from runner.errors import Invalid, NotFound, Problem, Refused
from runner.files.people_lists.person_contacts import is_address, same_address
from runner.incident.campaigns.campaign import OwedState, SuppressedFor
from runner.incident.state.campaigns import CampaignMoved, CampaignResolved, SubstituteGiven
from runner.incident.state.commands import AnyCommand, RecordCampaign
from runner.incident.state.incident import Incident
from runner.store.campaigns.rows import Known
from runner.yamlfile.limited_files import read_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

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
            hint=f"tocsin bulk status {notice} --people {quote(people.name)}",
            code="not_sending",
        )
    moved = CampaignMoved(campaign=found.campaign.id, state="paused", by=service.actor.claimed, reason=reason)
    if not reason.strip():
        raise Refused("The reason is missing.", hint="Add --reason WHY", code="reason")
    service.store.bulk().set_state(found.campaign.id, "paused", "sending", "planned")
    _submit(service, incident, RecordCampaign(by=service.actor.claimed, event=moved))
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
            hint=f"tocsin bulk send {notice} --people {quote(people.name)}",
            code="not_paused",
        )
    tables = service.store.bulk()
    moved = CampaignMoved(
        campaign=found.campaign.id, state="sending", by=service.actor.claimed, reason=reason
    )
    if not reason.strip():
        raise Refused("The reason is missing.", hint="Add --reason WHY", code="reason")
    _submit(service, incident, RecordCampaign(by=service.actor.claimed, event=moved))
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
            campaign=found.campaign.id, people=people_again, by=service.actor.claimed, reason=reason
        )
        _submit(service, incident, RecordCampaign(by=service.actor.claimed, event=resolved))
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
    tables = service.store.bulk()
    count = tables.substitute(found.campaign.id, groups, OUT_OF_REACH, "substitute notice")
    given = SubstituteGiven(
        campaign=found.campaign.id, place=place, people=count, by=service.actor.claimed, reason=reason
    )
    _submit(service, incident, RecordCampaign(by=service.actor.claimed, event=given))
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
    tables = service.store.bulk()
    keys = {tables.digest(*same_address(address)) for address in addresses}
    tables.suppress(keys, reason, service.clock.now())
    return len(keys)


def _submit(service: IncidentService, incident: Incident, command: AnyCommand) -> None:
    service.submit(incident.id, command)
