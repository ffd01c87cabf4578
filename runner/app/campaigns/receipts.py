"""Receipts of a campaign: delivery reports, bounces, complaints, opt-outs, letters that were posted or returned.

A receipt names a person by the key of their message, by the provider's name for it, by reference, or by address. It raises what
is proved, whatever the order and however often it comes; a failure moves the person to the next way, unless delivery was proved
before. A complaint or a STOP keeps an address from use, and the person stays owed (R25, R32).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from runner.app.campaigns.chunk import ask_substitutes, hold
from runner.app.campaigns.tables import BOUNCED, COMPLAINED, BulkTables, Settled, Standing
from runner.base.states import ReceiptKind
from runner.errors import Invalid, NotFound, Problem
from runner.files.people_lists.person_contacts import same_address
from runner.incident.campaigns.campaign import REACHED, Counters, OwedState, Reached, Way
from runner.incident.campaigns.pacing import alarm, higher, onward
from runner.incident.state.campaigns import CampaignMoved, CampaignResolved
from runner.incident.state.commands import RecordCampaign
from runner.routing.messaging import About, AddressState
from runner.yamlfile.limited_files import TooLarge, lines_of, open_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

Kind = ReceiptKind | Literal["posted", "returned"]
KINDS: tuple[Kind, ...] = (
    *(kind for kind in get_args(ReceiptKind) if "recalled" not in kind),
    "posted",
    "returned",
)
COLUMNS = ("kind", "key", "reference", "address", "provider_id", "code", "text")
TRIES = 4


class BulkReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that came back; one of ``key``, ``provider_id``, ``reference`` or ``address`` says about whom."""

    kind: Kind
    key: str = ""
    """The idempotency key of the message: ENVID and Message-ID of a mail."""
    provider_id: str = ""
    way: Way = "email"
    """With ``provider_id``: whose names they are."""
    reference: str = ""
    address: str = ""
    code: str = ""
    about: About = "recipient"
    """With ``failed``: whose fault it is."""
    found: AddressState = ""
    """With ``failed``: what it proves of the address itself."""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Leave out about whom it is."""
        return f"BulkReceipt(kind={self.kind!r}, code={self.code!r})"


class Taken(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/bulk-receipts/v1"):
    """What came of some receipts."""

    receipts: int
    unmatched: int
    """About nobody whom we sent to; a STOP and a complaint count all the same."""
    changed: dict[str, int]
    paused: tuple[str, ...]
    """Campaigns that stopped by them."""


def take(service: IncidentService, receipts: Iterable[BulkReceipt], campaign: str = "") -> Taken:
    """Take receipts in; references are those of ``campaign``. Doubled or reordered ones change nothing."""
    return _Taking(service, campaign).take(receipts)


def take_one(service: IncidentService, receipt: BulkReceipt) -> Literal["taken", "nothing", "later"]:
    """Take in one receipt as it comes; ``nothing`` where it is about nobody whom we sent to.

    ``later`` while the chunk that they are in is under way: how they stand is not known before that is settled, so it is to be
    taken again. A STOP counts at once all the same.
    """
    taking = _Taking(service, "")
    found = taking.take((receipt,)).unmatched == 0
    return "later" if taking.in_flight else "taken" if found else "nothing"


class _Taking:
    """One round of receipts, and the campaigns that they touched."""

    def __init__(self, service: IncidentService, campaign: str) -> None:
        self._service, self._campaign = service, campaign
        self._tables: BulkTables = service.campaign_tables(service.principal)
        self._changed: Counter[str] = Counter()
        self._resolved: Counter[str] = Counter()
        self._blocked: dict[str, str] = {}
        self._touched: set[str] = set()
        self._unmatched = 0
        self.in_flight = False

    def take(self, receipts: Iterable[BulkReceipt]) -> Taken:
        count = 0
        for receipt in receipts:
            count += 1
            self._suppress(receipt, ())
            standings = list(self._about(receipt))
            self._unmatched += not standings
            self.in_flight = self.in_flight or any(standing.state == "sending" for standing in standings)
            for standing in standings:
                self._fold(receipt, standing)
        paused = tuple(sorted(filter(None, map(self._judge, sorted(self._touched)))))
        return Taken(receipts=count, unmatched=self._unmatched, changed=dict(self._changed), paused=paused)

    def _about(self, receipt: BulkReceipt) -> Iterator[Standing]:
        named: list[tuple[str, int]] = []
        if receipt.key:
            found = self._tables.named_by(receipt.key)
            named = [found] if found is not None else []
        elif receipt.provider_id:
            named = self._tables.by_provider(receipt.provider_id, receipt.way)
        elif receipt.reference:
            key = self._tables.digest("reference", receipt.reference.strip().lower())
            standing = self._tables.by_reference(self._campaign, key)
            if standing is not None:
                yield standing
        elif receipt.address:
            yield from self._tables.by_address(_address_key(self._tables, receipt.address))
        for campaign, n in named:
            standing = self._tables.standing(campaign, n)
            if standing is not None:
                yield standing

    def _fold(self, receipt: BulkReceipt, standing: Standing) -> None:
        if receipt.kind == "delayed":
            hold(self._service.store, standing.domain, self._service.clock.now())
            self._changed[receipt.kind] += 1
            return
        for _ in range(TRIES):
            after, counted = folded(receipt, standing)
            self._suppress(receipt, (standing.address,))
            if after is None:
                return
            if self._tables.change(standing, after, counted):
                self._changed[receipt.kind] += 1
                self._touched.add(standing.campaign)
                if standing.state == "unknown" and after.state != "unknown":
                    self._resolved[standing.campaign] += 1
                if receipt.kind == "failed" and _ours(receipt):
                    self._blocked[standing.campaign] = f"a receiver blocks the sender ({receipt.code})"
                return
            again = self._tables.standing(standing.campaign, standing.n)
            if again is None:
                return
            standing = again

    def _suppress(self, receipt: BulkReceipt, keys: tuple[bytes, ...]) -> None:
        """Keep an address from use, whether or not it is one that we know."""
        found = [key for key in keys if key]
        if receipt.address and not keys:
            found = [_address_key(self._tables, receipt.address)]
        now = self._service.clock.now()
        if receipt.kind == "stopped" or receipt.found == "stopped":
            self._tables.suppress(found, "stop", now)
        elif receipt.kind == "complained":
            self._tables.suppress(found, "complaint", now)
        elif receipt.kind == "failed" and receipt.found == "gone":
            self._tables.suppress(found, "hard_bounce", now)

    def _judge(self, name: str) -> str:
        """Stop a campaign whose receipts say so, and put on record what they settled; return its name if it stopped."""
        found = self._tables.campaign(name)
        incident, by = found.campaign.incident, self._service.principal.person
        if self._resolved[name]:
            event = CampaignResolved(
                campaign=name, people=self._resolved[name], by=by, reason="receipts arrived"
            )
            self._service.act(self._service.principal, incident, [RecordCampaign(event=event)])
        ask_substitutes(self._service, incident, found.campaign)
        why = self._blocked.get(name, "") or alarm(found.campaign, found.counters)
        if not why or not self._tables.set_state(name, "paused", "sending"):
            return ""
        moved = CampaignMoved(campaign=name, state="paused", reason=why)
        self._service.act(self._service.principal, incident, [RecordCampaign(event=moved)])
        return name


def _address_key(tables: BulkTables, address: str) -> bytes:
    return tables.digest(*same_address(address))


def folded(receipt: BulkReceipt, standing: Standing) -> tuple[Settled | None, Counters]:
    """Return how a person stands after a receipt, or None where it changes nothing, and what is to be counted."""
    match receipt.kind:
        case "accepted" | "relayed" | "delivered" | "read" | "posted":
            settled = _proved(receipt.kind, standing)
            # who is to be sent to again counts as sent no more, until it shows that the first time was enough
            counts = settled is not None and standing.state == "ready"
            return settled, Counters(sent=1 if counts else 0)
        case "complained" if standing.hit & COMPLAINED:
            return None, Counters()
        case "complained":
            settled = _as_it_is(standing, hit=standing.hit | COMPLAINED)
            return settled, Counters(complaints=1)
        case "stopped":
            return _stopped(standing), Counters()
        case "delayed" | "recalled" | "not_recalled":
            return None, Counters()
        case "returned":
            return _returned(standing), Counters()
        case "failed":
            return _failed(receipt, standing)


def _proved(kind: Reached, standing: Standing) -> Settled | None:
    """More is proved than before; who was given up or unknown is notified after all."""
    if standing.state in ("exempt", "duplicate", "sending"):
        return None
    if kind == "posted" and standing.state not in ("post", "unreachable", "notified", "unknown"):
        return None
    evidence = higher(standing.evidence, kind)
    if standing.state == "notified" and evidence == standing.evidence:
        return None
    if standing.hit & BOUNCED and kind in ("accepted", "relayed"):
        return None  # an older word than the bounce that we know of
    return _as_it_is(standing, state="notified", evidence=evidence)


def _stopped(standing: Standing) -> Settled | None:
    """STOP ends this way only: who was not told yet goes the next one, and stays owed."""
    if standing.state != "ready":
        return None
    return _moved(standing, "the reader sent STOP", standing.hit)


def _returned(standing: Standing) -> Settled | None:
    if standing.state not in ("post", "notified") or REACHED.index(standing.evidence) > REACHED.index(
        "posted"
    ):
        return None
    return _as_it_is(standing, state="unreachable", evidence="none", why="the letter was returned", ways=())


def _failed(receipt: BulkReceipt, standing: Standing) -> tuple[Settled | None, Counters]:
    """A late failure never takes back a delivery that was proved; else the person goes the next way."""
    if standing.state not in ("notified", "unknown") or standing.evidence in ("delivered", "read", "posted"):
        return None, Counters()
    dead = receipt.about == "recipient" and receipt.found != "stopped"
    hit = standing.hit | BOUNCED if dead else standing.hit
    counted = Counters(sent=-1, bounced=1 if dead and not standing.hit & BOUNCED else 0)
    why = f"not delivered ({receipt.code or 'no code'})"
    return _moved(standing, why, hit), counted


def _ours(receipt: BulkReceipt) -> bool:
    """Is a failure about us, whoever the reader is?"""
    return receipt.about in ("account", "provider")


def _moved(standing: Standing, why: str, hit: int) -> Settled:
    found = onward(standing.ways, why)
    if found.ways and found.ways[0] != "post":
        # another electronic way needs an address that is sealed here: a letter is always possible
        ways: tuple[Way, ...] = tuple(way for way in found.ways if way == "post")
        found = onward(("email", *ways), why)
    return Settled(
        n=standing.n,
        state=found.state,
        ways=found.ways,
        tries=standing.tries,
        why=found.why,
        hit=hit,
        address=b"",
    )


def _as_it_is(
    standing: Standing,
    *,
    state: OwedState | None = None,
    evidence: Reached | None = None,
    hit: int | None = None,
    why: str = "",
    ways: tuple[Way, ...] | None = None,
) -> Settled:
    return Settled(
        n=standing.n,
        state=state or standing.state,
        ways=standing.ways if ways is None else ways,
        evidence=evidence or standing.evidence,
        tries=standing.tries,
        why=why,
        hit=standing.hit if hit is None else hit,
    )


# --- receipts from a file -----------------------------------------------------------------------------------------


def read_receipts(path: Path) -> Iterator[BulkReceipt]:
    """Read receipts from a CSV file, one at a time; raises NotFound, or Invalid with every bad line before any is given out.

    So a file is taken as a whole or not at all, and a campaign that its receipts stop is stopped.
    """
    if not path.is_file():
        raise NotFound(f'File "{path}" does not exist.', hint="Check the path.", code="file_missing")
    problems = [_no_kind(path, line) for line, cells in _lines(path) if _kind(cells) is None]
    if problems:
        raise Invalid(
            f'File "{path}" has {len(problems)} invalid line{"s" if problems[1:] else ""}. No receipt was imported.',
            hint=f"Use the kinds: {', '.join(KINDS)}",
            code="receipts",
            problems=problems,
        )
    for _, cells in _lines(path):
        if (kind := _kind(cells)) is not None:
            yield _receipt(kind, cells)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="", errors="replace") as lines:
        reader = csv.DictReader(lines_of(lines), strict=True)
        try:
            names = {name.strip().lower(): name for name in reader.fieldnames or () if name}
            if "kind" not in names or not names.keys() & {"key", "reference", "address", "provider_id"}:
                raise Invalid(
                    f'File "{path}" has no column kind, or no column for the recipient.',
                    hint=f"Use the columns: {', '.join(COLUMNS)}",
                    code="receipts",
                )
            for row in reader:
                yield reader.line_num, {low: (row.get(name) or "").strip() for low, name in names.items()}
        except (csv.Error, TooLarge) as error:
            raise Invalid(
                f'File "{path}" is not valid CSV from line {reader.line_num}: {error}.', code="receipts"
            ) from None


def _kind(cells: dict[str, str]) -> Kind | None:
    return next((kind for kind in KINDS if kind == cells["kind"].lower()), None)


def _no_kind(path: Path, line: int) -> Problem:
    return Problem(
        file=str(path),
        line=line,
        column=1,
        severity="error",
        code="receipts",
        message="The kind is unknown",
    )


def _receipt(kind: Kind, cells: dict[str, str]) -> BulkReceipt:
    from runner.effects.gateway.gateway import mail_verdict

    about, found = mail_verdict(cells.get("code", ""), cells.get("text", ""))
    return BulkReceipt(
        about=about,
        found=found if kind == "failed" else "",
        kind=kind,
        key=cells.get("key", ""),
        provider_id=cells.get("provider_id", ""),
        reference=cells.get("reference", ""),
        address=cells.get("address", ""),
        code=cells.get("code", ""),
    )
