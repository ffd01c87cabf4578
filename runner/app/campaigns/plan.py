"""Plan of a campaign: read the list, choose a contact for each person, check the deadline, record the plan.

The list is stored a thousand people at a time, so that a list of any length needs the same memory. Nothing is sent here.
A plan that misses a deadline is refused with the calculation, and leaves no data (R33). A process that stops before the end leaves
a campaign that is never shown, and the next plan removes it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.app.campaigns.doubts import doubts
from runner.app.campaigns.legal_basis import CampaignChannels, CampaignTexts, carriers, texting
from runner.app.campaigns.plan_notes import PlanNotes, plan_warnings, why_not
from runner.app.campaigns.record import find, of_list, record_plan
from runner.app.campaigns.tables import BulkTables, Intake
from runner.errors import Invalid, Problem, Refused, Usage
from runner.files.people_lists.list_rows import open_people
from runner.files.people_lists.people_list import as_problem, check_columns, checked
from runner.files.people_lists.person_contacts import contact_of, same_domain, same_email, same_person
from runner.incident.campaigns.campaign import (
    HITS,
    Campaign,
    Contact,
    NewOwed,
    OwedState,
    SuppressedFor,
    Way,
)
from runner.incident.campaigns.campaign import Refused as Kept
from runner.incident.campaigns.destinations import LARGE
from runner.incident.campaigns.eligible_channels import eligible_channels
from runner.incident.campaigns.pacing import LEAST_CHUNK, MOST_CHUNK, canary_size, chunk_size, feasibility
from runner.incident.campaigns.texting import Texting
from runner.incident.campaigns.transitions import admit, sendable
from runner.incident.notices.letters import GroupKey
from runner.incident.state.incident import Incident
from runner.reports.campaigns.campaigns import BulkPlan
from runner.reports.core.report import filled
from runner.routing.traffic import Rate
from runner.yamlfile.limited_files import open_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

PLANNER = "bulk-plan-"
"""The name of a planning process while it is alive, with the campaign's name at the end."""
BATCH = 1_000
"""People in one commit of the list."""
SHOWN = 100
Tell = Callable[[int], None]
"""Called with the number of rows read."""


class PlanOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The request."""

    notice: str
    people: Path
    short: str = ""
    duties: tuple[str, ...] = ()
    population: str = ""
    over: tuple[str, ...] = ()
    rates: Mapping[str, tuple[Rate, ...]] = {}
    chunk: int | None = None
    """People in one claim; None derives it from the rates."""
    canary_wait: timedelta = timedelta(minutes=30)
    letter_cost: float = 0
    skip_bad: bool = False


def cost_of(text: str) -> float:
    """Return the cost of one letter; raises Usage."""
    try:
        amount = float(text)
    except ValueError:
        amount = -1
    if not 0 <= amount < 1_000_000:
        raise Usage(f'Letter cost "{text}" is not an amount of money.', hint="Use 1.20", code="bad_amount")
    return amount


def plan(service: IncidentService, incident: Incident, order: PlanOrder, tell: Tell) -> BulkPlan:
    """Plan a campaign; raises Refused, with the calculation, for one that misses a deadline."""
    sendable(incident)
    if order.chunk is not None and not 1 <= order.chunk <= MOST_CHUNK:
        raise Usage(
            f"Batch size {order.chunk} is not between 1 and {MOST_CHUNK}.",
            hint=f"Use {LEAST_CHUNK}",
            code="bad_chunk",
        )
    if unknown := sorted(order.rates.keys() - service.directory.channels.keys()):
        hint = "Use --rate CHANNEL=60/s. The relay sets the speed for each domain"
        raise Usage(f'Rate for "{unknown[0]}": no channel has this name.', hint=hint, code="bad_rate")
    tables = service.campaign_tables(service.principal)
    before = find(service, incident, order.notice, order.people.name)
    if before is not None:
        admit("plan", before.campaign, before.state)
    texts = CampaignTexts(service, incident, order.notice, order.short, order.duties)
    carried = carriers(service, incident, order.over)
    carried = carried if order.short else carried.without_texts()
    campaign = _begun(service, incident, order, carried)
    older = of_list(service, incident, order.notice, order.people.name)
    alone = service.register_worker(PLANNER + campaign.id)
    try:
        for name in tables.partial(incident.id):
            if not service.worker_alive(PLANNER + name):
                tables.drop(name)  # its planner stopped
        tables.create(campaign)
        try:
            with tables.intake(campaign) as intake:
                rules = texting(service, incident, carried, texts) if order.short else None
                reading = _Reading(service, order, texts, carried, campaign, intake, rules)
                reading.read(tell)
                made = reading.judged()
                intake.finish()
            found = doubts(service, incident, made.campaign, texts)
            options = (("counts", found.counts), ("repeats", found.repeats), ("date", found.dates))
            asked = " ".join(f"--accept-{name} WHY" for name, doubted in options if doubted)
            needs = (f"Sending needs a reason: bulk send {asked}.",) if asked else ()
            made = msgspec.structs.replace(made, warnings=(*found.words, *needs, *made.warnings))
        except BaseException:
            tables.drop(campaign.id)
            raise
        record_plan(service, incident, made, before)
    finally:
        alone.release()
    for known in older:
        if known.state == "planned":
            tables.drop(known.campaign.id)
    return made


def _begun(
    service: IncidentService, incident: Incident, order: PlanOrder, carried: CampaignChannels
) -> Campaign:
    open_people(order.people)  # a missing or unreadable file is reported first
    with open_file(order.people) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    own = {channel.id: channel.rates for channel in carried.channels.values() if channel.rates}
    rates = {**own, **order.rates}
    return filled(
        Campaign,
        order,
        id=service.chance.name("b"),
        incident=incident.id,
        list_name=order.people.name,
        list_sha256=digest,
        planned_at=service.clock.now(),
        by=service.principal.person,
        grounds=(),
        channels={way: channel.id for way, channel in carried.channels.items()},
        rates=rates,
        chunk=order.chunk or chunk_size(rates.get(channel.id, ()) for channel in carried.channels.values()),
    )


class _Reading:
    """One pass over a list into the store, with its counts."""

    def __init__(
        self,
        service: IncidentService,
        order: PlanOrder,
        texts: CampaignTexts,
        carried: CampaignChannels,
        campaign: Campaign,
        intake: Intake,
        rules: Texting | None,
    ) -> None:
        self._rules, self.notes = rules, PlanNotes(rules, service.clock.now())
        self._order, self._texts, self._carried = order, texts, carried
        self._tables: BulkTables = service.campaign_tables(service.principal)
        self._service, self._intake = service, intake
        self.campaign = campaign
        self.people = open_people(order.people)
        check_columns(self.people, ("jurisdiction",) if texts.addressing.places_needed else (), postal=False)
        self.rows = 0
        self.bad = 0
        self.problems: list[Problem] = []
        self.states: Counter[OwedState] = Counter()
        self.ways: Counter[Way] = Counter()
        self.refusals: Counter[tuple[str, str, str]] = Counter()
        self.by_group: Counter[int] = Counter()
        self._groups: dict[GroupKey, int] = {}

    def read(self, tell: Tell) -> None:
        """Store the whole list."""
        people = enumerate(self._contacts(), 1)
        while batch := list(islice(people, BATCH)):
            self._take(batch)
            self.rows = batch[-1][0]
            tell(self.rows)

    def _contacts(self) -> Iterator[Contact]:
        for found in checked(self.people, self._order.population, self._texts.placed, postal=False):
            problems = found.problems
            if found.person is not None:
                contact, problems = contact_of(found.person, found.row.cells)
                if contact is not None:
                    self.notes.compare(found.row.line, contact, self._sound(contact))
                    yield contact
                    continue
            self.bad += 1
            if self.bad <= SHOWN:
                self.problems.append(as_problem(self.people.path, found._replace(problems=problems)))

    def _take(self, batch: Sequence[tuple[int, Contact]]) -> None:
        keys = {n: self._keys(contact) for n, contact in batch}
        addresses = [key for found in keys.values() for key in found.values()]
        suppressed = self._tables.suppressed(addresses)
        taken = self._intake.taken(addresses)
        self._intake.add([self._owed(n, contact, keys[n], suppressed, taken) for n, contact in batch])

    def _keys(self, contact: Contact) -> dict[Way, bytes]:
        digest = self._tables.digest
        found: dict[Way, bytes] = {}
        if contact.email:
            found["email"] = digest("email", same_email(contact.email))
        if contact.phone:
            found["sms"] = digest("phone", contact.phone)
        if contact.person.address:
            lines = " ".join(contact.person.address.casefold().split())
            found["post"] = digest("post", same_person(contact.person, lines))
        return found

    def _owed(
        self,
        n: int,
        contact: Contact,
        keys: Mapping[Way, bytes],
        suppressed: Mapping[bytes, SuppressedFor],
        taken: dict[bytes, bytes],
    ) -> NewOwed:
        group = self._groups.setdefault(contact.person.group, len(self._groups))
        ground = self._texts.grounds[contact.person.group]
        why = {way: suppressed[key] for way, key in keys.items() if key in suppressed}
        planned = eligible_channels(self._sound(contact), ground, self._carried.offers, why, self._rules)
        who = self._tables.digest("person", same_person(contact.person, ""))
        ways, double = list(planned.ways), False
        while ways and keys[ways[0]] in taken:
            if taken[keys[ways[0]]] == who:
                double = True
                break
            self.refusals[ways.pop(0), "R29", "another person in the list has the same address"] += 1
        state: OwedState = "ready"
        if double:
            state, ways = "duplicate", []
        elif contact.exempt:
            state, ways = "exempt", []
        elif not ways:
            state = "unreachable"
        elif ways[0] == "post":
            state = "post"
        if ways:
            taken[keys[ways[0]]] = who
            self.ways[ways[0]] += 1
        if self._rules is not None and "sms" in ways:
            self.notes.text(contact, first=ways[0] == "sms")
        if state not in ("duplicate", "exempt"):
            self.refusals.update((one.channel, one.rule, why_not(one, contact)) for one in planned.refusals)
        self.states[state] += 1
        self.by_group[group] += state != "duplicate"
        domain = same_domain(contact.email.rpartition("@")[2]) if ways[:1] == ["email"] else ""
        unreached = "" if ways else "no contact of this person is known or allowed"
        return NewOwed(
            campaign=self.campaign.id,
            n=n,
            group=group,
            state=state,
            ways=tuple(ways),
            contact=contact,
            reference=self._tables.digest("reference", contact.person.reference.lower()),
            person=who,
            address=keys[ways[0]] if ways else b"",
            domain=self._tables.digest("domain", LARGE.get(domain, domain)) if domain else b"",
            hit=sum({HITS[reason] for reason in why.values()}),
            why=contact.exempt or ("is in the list already" if double else unreached),
        )

    def _sound(self, contact: Contact) -> Contact:
        """Leave out an address that its channel does not accept."""
        changes: dict[str, str] = {}
        for way, field in (("email", "email"), ("sms", "phone")):
            channel = self._carried.channels.get(way)  # type: ignore[call-overload]
            address = getattr(contact, field)
            if address and channel is not None and self._service.gateway.address_problem(channel, address):
                changes[field] = ""
        return msgspec.structs.replace(contact, **changes) if changes else contact

    def judged(self) -> BulkPlan:
        """Return the plan, or raise Invalid or Refused with the problems."""
        order, texts = self._order, self._texts
        if self.bad and not order.skip_bad:
            more = f", {self.bad - SHOWN} of them not shown" if self.bad > SHOWN else ""
            raise Invalid(
                f'File "{order.people}" has {self.bad} invalid rows{more}. No plan was made.',
                hint="Correct what each line says. --skip-bad leaves these people without a notice",
                code="people",
                problems=self.problems,
            )
        if not self.rows:
            raise Refused(
                f'File "{order.people}" has no people.',
                hint="Write one row for each person.",
                code="list_empty",
            )
        texts.require_whole()
        campaign = self._planned()
        for ground in campaign.grounds if order.short else ():
            texts.wording(ground.group.key)
        found = feasibility(campaign, self.ways, self._service.clock.now())
        if not found.in_time:
            raise Refused(
                f"Sending would end at {found.done:%Y-%m-%dT%H:%M:%SZ}, after the deadline ({found.sum}). {found.duty}"
                f" is due at {found.due:%Y-%m-%dT%H:%M:%SZ}.",
                hint="Add a channel, or raise the rate: --rate CHANNEL=RATE",
                code="too_late",
            )
        return BulkPlan(
            campaign=campaign,
            feasible=found,
            exempt=self.states["exempt"],
            unreachable=self.states["unreachable"],
            countries=dict(sorted(self.notes.texted.countries.items())),
            exemptions={str(name): people for name, people in sorted(self.notes.texted.exemptions.items())},
            old_consents=self.notes.texted.old_consents,
            warnings=(
                *plan_warnings(campaign, texts),
                *self.notes.warnings(order.people.name, found.due),
                *self._carried.overridden,
            ),
        )

    def _planned(self) -> Campaign:
        """Return the campaign with its counts."""
        grounds = tuple(
            msgspec.structs.replace(
                ground, group=msgspec.structs.replace(ground.group, letters=self.by_group[number])
            )
            for group, number in self._groups.items()
            for ground in [self._texts.grounds[group]]
        )
        sent = self.ways["email"] + self.ways["sms"]
        return msgspec.structs.replace(
            self.campaign,
            grounds=grounds,
            rows=self.rows,
            rejected=self.bad,
            duplicates=self.states["duplicate"],
            ways=dict(self.ways),
            canary=canary_size(sent),
            refusals=tuple(
                Kept(way=way, rule=rule, why=why, people=people)  # type: ignore[arg-type]
                for (way, rule, why), people in sorted(self.refusals.items())
            ),
        )
