"""Reports and pages of campaigns: the plan with its deadline check, a run of the sender and the status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from runner.actions import Action
from runner.incident.campaigns.campaign import (
    HITS,
    OPEN,
    Campaign,
    CampaignState,
    Counters,
    Reached,
    Refused,
    SuppressedFor,
    Tally,
    Way,
)
from runner.incident.campaigns.decide import Counted, counted
from runner.incident.campaigns.pacing import Feasibility, describe
from runner.incident.notices.letter_languages import language_of
from runner.incident.state import campaigns as b
from runner.incident.state.incident import CampaignView
from runner.reports.core.formatting import count, moment, short_digest, when
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, flow, line, paged, section, table


class BulkPlan(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/bulk-plan/v1"):
    """A campaign as planned."""

    campaign: Campaign
    feasible: Feasibility
    exempt: int
    unreachable: int
    countries: dict[str, int] = {}
    """The people who may get a text message, by the country of their number."""
    exemptions: dict[str, int] = {}
    """Those of them without consent, by the exemption."""
    old_consents: int = 0
    """American numbers of them whose consent no later check confirmed (R45)."""
    warnings: tuple[str, ...] = ()


Ending = Literal["done", "paused", "waiting", "stopped"]


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/bulk-sent/v1"):
    """The result of one run of the sender."""

    campaign: str
    ending: Ending
    reason: str
    until: datetime | None
    """The time at which sending can continue automatically."""
    outcomes: dict[str, int]
    lost: int
    """People with an unknown outcome, from an interrupted batch of an earlier run."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison with the journal."""

    chunks: int
    attempts: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The number of people by state: notified, substituted, exempt, open; ``owed`` is the sum."""

    owed: int
    notified: int
    substituted: int
    exempt: int
    open: int
    evidence: dict[str, int]
    """The notified people by evidence of delivery."""
    still_open: dict[str, int]
    """The open people by state: ready, deferred, sending, unknown, post, unreachable."""


class PlaceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The people of one place."""

    place: str
    duties: tuple[str, ...]
    due: datetime | None
    held: bool
    standing: Standing
    substitute: Counted
    asked: tuple[str, ...]
    """Reached thresholds for substitute notice that need the decision of a person."""
    still_owed: dict[SuppressedFor, int] = {}
    """The open people who opted out, complained or bounced (R46), each counted once."""


class BulkStatus(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/bulk-status/v1"):
    """A campaign as of now."""

    campaign: str
    incident: str
    notice: str
    list: str
    state: CampaignState
    reason: str
    as_of: datetime
    rows: int
    duplicates: int
    rejected: int
    standing: Standing
    places: tuple[PlaceStanding, ...]
    why: dict[str, int]
    """The number of open or exempt people by reason."""
    refusals: tuple[Refused, ...]
    counters: Counters
    chunks: dict[str, int]
    suppressed: dict[str, int]
    canary: int
    canary_until: datetime | None
    left: Feasibility
    """The deadline check for the remaining people."""
    proof: Proof | None = None
    """With ``--verify``: the comparison with the journal."""


def standing(tallies: Iterable[Tally]) -> Standing:
    """Return the number of people by state."""
    evidence: Counter[Reached] = Counter()
    still: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for tally in tallies:
        if tally.state == "notified":
            evidence[tally.evidence] += tally.people
        elif tally.state in OPEN:
            still["deferred" if tally.state == "ready" and tally.deferred else tally.state] += tally.people
        else:
            others[tally.state] += tally.people
    told, left = sum(evidence.values()), sum(still.values())
    return Standing(
        owed=told + left + others["substituted"] + others["exempt"],
        notified=told,
        substituted=others["substituted"],
        exempt=others["exempt"],
        open=left,
        evidence={str(name): count for name, count in evidence.items()},
        still_open=dict(still),
    )


def reasons(tallies: Iterable[Tally]) -> dict[str, int]:
    """Return the number of open or exempt people by reason."""
    counter: Counter[str] = Counter()
    for tally in tallies:
        if tally.state in (*OPEN, "exempt") and tally.why:
            counter[tally.why] += tally.people
    return dict(sorted(counter.items()))


def still_owed(tallies: Iterable[Tally]) -> dict[SuppressedFor, int]:
    """Return how many people opted out, complained or bounced and are still to be notified (R46)."""
    found: Counter[SuppressedFor] = Counter()
    for tally in tallies:
        if tally.state in OPEN and (
            first := next((n for n, bit in HITS.items() if tally.hit & bit * 9), None)
        ):
            found[first] += tally.people
    return dict(found)


def places(
    campaign: Campaign, view: CampaignView | None, tallies: Sequence[Tally]
) -> Iterator[PlaceStanding]:
    """Yield the status of each place."""
    numbers: dict[str, list[int]] = {}
    for number, ground in enumerate(campaign.grounds):
        numbers.setdefault(ground.place, []).append(number)
    counts = counted(campaign, tallies)
    for place, groups in sorted(numbers.items()):
        grounds = [campaign.grounds[number] for number in groups]
        dues = [ground.due for ground in grounds if ground.due is not None]
        yield PlaceStanding(
            place=place,
            duties=tuple(dict.fromkeys(ground.group.duty for ground in grounds)),
            due=min(dues, default=None),
            held=any(ground.held for ground in grounds),
            standing=standing(tally for tally in tallies if tally.group in groups),
            substitute=counts.get(place) or Counted(place=place),
            asked=tuple(
                ask.why for ask in (view.asks if view is not None else ()) if ask.place == place and ask.why
            ),
            still_owed=still_owed(tally for tally in tallies if tally.group in groups),
        )


_STATES: Mapping[str, Tone] = {"planned": "plain", "sending": "good", "paused": "alarm", "done": "good"}
_OPEN: Mapping[str, tuple[str, Tone]] = {
    "ready": ("ready", "plain"),
    "deferred": ("deferred", "plain"),
    "sending": ("sending", "warn"),
    "unknown": ("unknown outcome, may have the notice", "alarm"),
    "post": ("letter required", "warn"),
    "unreachable": ("no usable contact", "alarm"),
}
_AFTER: Mapping[SuppressedFor, str] = {
    "stop": "after an opt-out",
    "complaint": "after a complaint",
    "hard_bounce": "after a bounce",
}
_WAYS: Mapping[Way, str] = {"email": "email", "sms": "text message", "post": "letter"}


@paged
def plan_page(plan: BulkPlan) -> Iterator[Block]:
    """Draw a planned campaign."""
    campaign, found = plan.campaign, plan.feasible
    people = count(campaign.owed, "person", "people")
    twice = f", duplicates: {campaign.duplicates:,}" if campaign.duplicates else ""
    bad = f", invalid rows skipped: {campaign.rejected:,}" if campaign.rejected else ""
    yield line(f"{campaign.notice} to {people} of {campaign.list_name}{twice}{bad}", "title")
    yield table(_groups(campaign), 3)
    cells = list(_by_way(campaign))
    cells += [(f"{plan.exempt:,}", "exempt", "")] if plan.exempt else []
    if plan.unreachable:
        cells.append((Cell(f"{plan.unreachable:,}", "alarm"), Cell("no usable contact", "alarm"), ""))
    yield Blank()
    yield table(cells, 2)
    yield from _blocked(campaign)
    yield Blank()
    yield line("DEADLINE CHECK", "title")
    yield from _arithmetic(found)
    if campaign.canary:
        waits = f", then a wait of {describe(campaign.canary_wait)} for bounces" if found.canary_wait else ""
        yield line(f"Pilot batch: the first {campaign.canary:,} people{waits}", indent=2)
    yield from (line(f"Warning: {warning}", "warn") for warning in plan.warnings)


def _by_way(campaign: Campaign) -> Iterator[Cells]:
    for way, words in _WAYS.items():
        if campaign.ways.get(way):
            yield f"{campaign.ways[way]:,}", f"by {words}", Cell(campaign.channels.get(way, ""), "dim")


def _blocked(campaign: Campaign) -> Iterator[Block]:
    rows = ((f"{r.people:,}", _WAYS[r.way], Cell(r.rule, "warn"), r.why) for r in campaign.refusals)
    yield from section("BLOCKED CONTACT METHODS", rows, 3)


def plan_blocks(campaign: Campaign, approvals: Mapping[tuple[str, str], str]) -> Iterator[Block]:
    """Yield the texts, contact methods and pace of a campaign for its page.

    ``approvals`` has the approval step that waits, by duty and notice.
    """
    yield line("TEXTS", "title")
    yield table(_groups(campaign), 3, indent=0)
    for (duty, notice), step in approvals.items():
        yield flow(Cell(f"Read and approve {notice} for {duty}", about=f"sign/{step}"))
    yield from section("CONTACT METHODS", _by_way(campaign), 2)
    yield from _blocked(campaign)
    yield line("PACE", "title")
    paced = (channel for channel in campaign.channels.values() if campaign.rates.get(channel))
    yield table(((one, ", ".join(rate.text for rate in campaign.rates[one])) for one in paced), 1, indent=0)
    for way, channel in campaign.channels.items():
        if campaign.ways.get(way) and channel not in campaign.rates:
            yield line(f"The rate of {channel} is unknown. A low estimate is used.", "warn")
    pilot = f" Pilot batch: the first {campaign.canary:,}, then a wait of {describe(campaign.canary_wait)}."
    yield line(f"At most {campaign.chunk:,} people in one batch.{pilot if campaign.canary else ''}")
    if campaign.short:
        night = "also in the quiet hours" if campaign.nights else "not in the quiet hours"
        yield line(f"Text messages ({campaign.short}): {night}")


def _groups(campaign: Campaign) -> Iterator[Cells]:
    for ground in campaign.grounds:
        one = ground.group
        where = " ".join(filter(None, (one.jurisdiction, one.population, one.language))) or "all people"
        duty = f"{one.duty}{', DELAYED' if ground.held else ''}"
        approved = Cell("approved", "good") if one.approved else Cell("NOT APPROVED", "warn")
        usual = one.language or language_of(one.jurisdiction)
        language = Cell(f"in {one.written_in}" if one.written_in else "")
        if usual and one.written_in not in ("", usual):
            language = Cell(f"in {one.written_in}, not {usual}", "warn")
        yield (
            where,
            f"{one.letters:,}",
            Cell(f"{one.notice} {one.version}", "dim"),
            Cell(duty, "dim"),
            language,
            approved,
        )


def _arithmetic(found: Feasibility) -> Iterator[Block]:
    yield line(found.sum, indent=2, hang=2)
    if not found.stretches:
        return
    due = f"{moment(found.due)} ({found.duty})" if found.due is not None else "unknown"
    end = f"If sending starts now, it ends {moment(found.done)}. Deadline: {due}"
    tone: Tone = "alarm" if not found.in_time else "good" if found.due is not None else "warn"
    yield line(end, tone, indent=2)


@paged
def sent_page(sent: Sent, again: Action) -> Iterator[Block]:
    """Draw one run of the sender."""
    if sent.lost:
        them = count(sent.lost, "person", "people")
        yield line(f"{them} with an unknown outcome: the last run was interrupted. No resend.", "alarm")
    yield line(_outcomes(sent.outcomes) or "No messages were sent")
    later = f", continue from {moment(sent.until)}" if sent.until is not None else ""
    tone: Tone = "good" if sent.ending == "done" else "alarm" if sent.ending == "paused" else "warn"
    yield line(f"{sent.ending}: {sent.reason}{later}", tone)
    if sent.ending != "done":
        yield flow(Cell("", "command", again), indent=2)


@paged
def status_page(one: BulkStatus, now: datetime) -> Iterator[Block]:
    """Draw the status of a campaign."""
    yield line(f"{one.notice} to {one.list}", "title")
    left = one.standing.open if one.state == "done" else 0
    state = f"Sending ended. Not notified: {left_words(one.standing)}" if left else one.state
    yield line(
        f"{state}{f': {one.reason}' if one.reason else ''}",
        "warn" if left else _STATES[one.state],
        indent=2,
        hang=2,
    )
    yield Blank()
    yield table(_sum(one.standing), 1)
    twice = f", duplicates: {one.duplicates:,}" if one.duplicates else ""
    receipts = f"{one.counters.bounced:,} bounces, {one.counters.complaints:,} complaints"
    yield line(f"{one.rows:,} rows{twice}; {receipts}", "dim")
    if len(one.places) > 1:
        yield Blank()
        yield table(map(_place, one.places), 5)
    for place in one.places:
        if place.still_owed:
            parts = (f"{people:,} {_AFTER[why]}" for why, people in place.still_owed.items())
            due = f", deadline {moment(place.due)}" if place.due is not None else ""
            yield line(f"{place.place}, still to be notified: {', '.join(parts)}{due}", "warn", hang=2)
        yield from (line(f"{place.place}: {why}", "alarm", hang=2) for why in place.asked)
        if place.held:
            yield line(f"{place.place}: delayed at the request of law enforcement", "warn")
    if one.why:
        yield from section("REASONS", ((f"{people:,}", why) for why, people in one.why.items()), 1)
    if one.left.stretches:
        yield Blank()
        yield line("REMAINING", "title")
        yield from _arithmetic(one.left)
    if one.canary_until is not None and one.canary_until > now:
        yield line(f"The pilot batch is sent. The next batch starts at {when(one.canary_until, now)}", "warn")
    if one.proof is not None:
        kept = f"{count(one.proof.attempts, 'attempt')} in {count(one.proof.chunks, 'batch', 'batches')}"
        yield line(f"{kept} match the journal", "good")


def left_words(standing: Standing) -> str:
    """Return the people who are not notified, by state."""
    return ", ".join(
        f"{standing.still_open[state]:,} {words}"
        for state, (words, _) in _OPEN.items()
        if standing.still_open.get(state)
    )


def _sum(standing: Standing) -> Iterator[Cells]:
    for name, people in sorted(standing.evidence.items()):
        yield f"{people:,}", Cell(f"notified, {name}", "good")
    if standing.substituted:
        yield f"{standing.substituted:,}", "notified by substitute notice"
    if standing.exempt:
        yield f"{standing.exempt:,}", "exempt"
    for state, (words, tone) in _OPEN.items():
        if standing.still_open.get(state):
            yield f"{standing.still_open[state]:,}", Cell(f"pending, {words}", tone)
    yield Cell(f"{standing.owed:,}", "title"), Cell("to notify", "title")


def _place(place: PlaceStanding) -> Cells:
    one = place.standing
    due = f", deadline {moment(place.due)}" if place.due is not None else ""
    notified, pending = Cell(f"{one.notified:,} notified", "good"), Cell(f"{one.open:,} pending")
    if one.open:
        pending = Cell(pending.text, "warn")
    counts = (notified, f"{one.substituted:,} substituted", f"{one.exempt:,} exempt", pending)
    return place.place, *counts, Cell(f"of {one.owed:,}{due}", "dim")


_MOVED = {"sending": "is being sent", "paused": "is paused", "done": "has ended"}


def campaign_sentence(event: b.AnyCampaignEvent) -> str:
    """Return the text of a journal entry about a campaign."""
    match event:
        case b.CampaignPlanned(notice=notice, list_name=name, owed=owed, ways=ways, sum=arithmetic):
            anew = ", replaces the earlier plan" if event.replaces else ""
            return f"{notice} planned for {count(owed, 'person', 'people')} of {name} ({_ways(ways)}){anew}: {arithmetic}"
        case b.CampaignMoved(campaign=name, state=state, reason=reason, by=by):
            words = _MOVED.get(state, "")
            alone = " automatically" if state == "paused" and not by else ""
            return f"Campaign {name} {words}{alone}{f': {reason}' if reason else ''}"
        case b.CampaignStretch(campaign=name, first=first, last=last, root=root, outcomes=outcomes):
            return f"Campaign {name}, batches {first} to {last}: {_outcomes(outcomes) or 'none'} (root {short_digest(root)})"
        case b.CampaignResolved(campaign=name, people=people, reason=reason):
            because = f": {reason}" if reason else ""
            return f"Campaign {name}: {count(people, 'unknown outcome')} resolved{because}"
        case b.SubstituteDue(campaign=name, place=place, why=why):
            return f"Campaign {name}, {place}: decide about substitute notice: {why}"
        case b.SubstituteGiven(campaign=name, place=place, people=people, reason=reason):
            whom = count(people, "person", "people")
            return f"Campaign {name}, {place}: substitute notice for {whom}: {reason}"


def _ways(ways: Mapping[str, int]) -> str:
    return ", ".join(f"{people:,} by {way}" for way, people in ways.items() if people) or "no usable contact"


def _outcomes(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{people:,} {state.replace('_', ' ')}" for state, people in sorted(outcomes.items()))
