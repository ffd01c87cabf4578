"""Receipts of a campaign: delivery reports, bounces, complaints, opt-outs, posted or returned letters.

A receipt identifies a person by the key of their message, by the provider's name for it, by reference, or by address. It raises
the evidence, in any order and however often it arrives. A failure continues with the next contact method, unless delivery was proved
before. A complaint or an opt-out blocks an address, and the person still has to be notified (R25, R32).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from runner.app.campaigns.destinations import Destinations
from runner.app.campaigns.record import ask_substitutes, move, record
from runner.app.campaigns.tables import BulkTables
from runner.decoding import convert
from runner.errors import Invalid, Problem, no_file
from runner.files.people_lists.person_contacts import same_address
from runner.incident.campaigns.campaign import RECEIPT_KINDS, BulkReceipt, Owed
from runner.incident.campaigns.destinations import STOPPED
from runner.incident.campaigns.transitions import MOST_TRIES, Turned, alarm, folded, put_off, suppression
from runner.incident.state.campaigns import CampaignResolved
from runner.yamlfile.limited_files import TooLarge, lines_of, open_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

COLUMNS = ("kind", "key", "reference", "address", "provider_id", "code", "text")
TRIES = 4


class Taken(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/bulk-receipts/v1"):
    """The results of some receipts."""

    receipts: int
    unmatched: int
    """About nobody whom we sent to; an opt-out and a complaint count all the same."""
    changed: dict[str, int]
    paused: tuple[str, ...]
    """Campaigns that the receipts paused."""


def take(service: IncidentService, receipts: Iterable[BulkReceipt], campaign: str = "") -> Taken:
    """Process receipts; references are those of ``campaign``. Repeated or reordered ones change nothing."""
    return _Taking(service, campaign).take(receipts)


def take_one(service: IncidentService, receipt: BulkReceipt) -> Literal["taken", "nothing", "later"]:
    """Process one receipt; ``nothing`` if it is about nobody whom we sent to.

    ``later`` while the batch of the person is being sent: the state of the person is unknown until then, so the receipt has to be
    processed again. An opt-out counts at once all the same.
    """
    taking = _Taking(service, "")
    found = taking.take((receipt,)).unmatched == 0
    return "later" if taking.in_flight else "taken" if found else "nothing"


class _Taking:
    """One round of receipts, and the campaigns that they are about."""

    def __init__(self, service: IncidentService, campaign: str) -> None:
        self._service, self._campaign = service, campaign
        self._tables: BulkTables = service.campaign_tables(service.principal)
        self._changed: Counter[str] = Counter()
        self._resolved: Counter[str] = Counter()
        self._blocked: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        """Why people of a campaign wait for a decision."""
        self._touched: set[str] = set()
        self._unmatched = 0
        self._destinations = Destinations(service, self._tables)
        self.in_flight = False

    def take(self, receipts: Iterable[BulkReceipt]) -> Taken:
        count = 0
        for receipt in receipts:
            count += 1
            if receipt.address:
                self._suppress(receipt, self._address_key(receipt))
            standings = self._about(receipt)
            self._unmatched += not standings
            self.in_flight = self.in_flight or any(standing.state == "sending" for standing in standings)
            for standing in standings:
                self._fold(receipt, standing)
        paused = tuple(sorted(filter(None, map(self._judge, sorted(self._touched)))))
        return Taken(receipts=count, unmatched=self._unmatched, changed=dict(self._changed), paused=paused)

    def _about(self, receipt: BulkReceipt) -> list[Owed]:
        tables, one = self._tables, None
        if receipt.key:
            found = tables.named_by(receipt.key)
            one = tables.standing(*found) if found is not None else None
        elif receipt.provider_id:
            return tables.by_provider(receipt.provider_id, receipt.way)
        elif receipt.reference:
            key = tables.digest("reference", receipt.reference.strip().lower())
            one = tables.by_reference(self._campaign, key)
        elif receipt.address:
            return tables.by_address(self._address_key(receipt))
        return [one] if one is not None else []

    def _fold(self, receipt: BulkReceipt, standing: Owed) -> None:
        paused: bool | None = None
        for _ in range(TRIES):
            self._suppress(receipt, standing.address)
            turned = folded(receipt, standing)
            if turned is None:
                return
            if turned.refused and paused is None:
                paused = self._destinations.refuse(standing, turned.refused)
            if paused and standing.tries < MOST_TRIES:  # correct the cause rather than write letters
                why = self._destinations.why(standing.domain, turned.refused)
                kept = put_off(replace(standing, evidence="none"), why, STOPPED)
                turned = replace(turned, owed=kept)
            if self._tables.change(standing, turned.owed, turned.counted):
                self._changed[receipt.kind] += 1
                self._note(standing, turned)
                return
            again = self._tables.standing(standing.campaign, standing.n)
            if again is None:
                return
            standing = again

    def _note(self, standing: Owed, turned: Turned[Owed]) -> None:
        """Keep what the change of a person means for the campaign."""
        self._touched.add(standing.campaign)
        if standing.state == "unknown" and turned.owed.state != "unknown":
            self._resolved[standing.campaign] += 1
        if turned.owed.not_before == STOPPED:
            self._waiting[standing.campaign] = turned.owed.why
        if turned.blocked:
            self._blocked[standing.campaign] = turned.blocked

    def _suppress(self, receipt: BulkReceipt, address: bytes) -> None:
        """Block an address, whether it is known or not."""
        if address and (reason := suppression(receipt)) is not None:
            self._tables.suppress([address], reason, self._service.clock.now())

    def _address_key(self, receipt: BulkReceipt) -> bytes:
        return self._tables.digest(*same_address(receipt.address))

    def _judge(self, name: str) -> str:
        """Pause a campaign if its receipts require that, and record the outcomes; return its name if it was paused."""
        found = self._tables.campaign(name)
        campaign, by = found.campaign, self._service.principal.person
        if people := self._resolved[name]:
            event = CampaignResolved(campaign=name, people=people, by=by, reason="receipts arrived")
            record(self._service, campaign.incident, event)
        ask_substitutes(self._service, campaign)
        why = (
            self._blocked.get(name, "")
            or alarm(campaign, found.counters)
            or self._destinations.alarm(campaign, found.counters)
        )
        if why and move(self._service, campaign, "stop", why):
            return name
        why = self._waiting.get(name, "")
        return name if why and move(self._service, campaign, "reopen", why) else ""


# --- receipts from a file -----------------------------------------------------------------------------------------


def read_receipts(path: Path) -> Iterator[BulkReceipt]:
    """Read receipts from a CSV file, one at a time; raises NotFound, or Invalid with every bad line before the first result.

    So a file is processed whole or not at all, and a campaign that its receipts pause is paused.
    """
    if not path.is_file():
        raise no_file(path)
    problems = [
        Problem(file=str(path), line=line, column=1, code="receipts", message="The kind is unknown")
        for line, cells in _lines(path)
        if cells["kind"].lower() not in RECEIPT_KINDS
    ]
    if problems:
        raise Invalid(
            f'File "{path}" has {len(problems)} invalid line{"s" if problems[1:] else ""}. No receipt was imported.',
            hint=f"Use the kinds: {', '.join(RECEIPT_KINDS)}",
            code="receipts",
            problems=problems,
        )
    for _, cells in _lines(path):
        yield _receipt(cells)


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


def _receipt(cells: dict[str, str]) -> BulkReceipt:
    from runner.effects.gateway.translation import mail_verdict

    about, found = mail_verdict(cells.get("code", ""), cells.get("text", ""))
    kind = cells["kind"].lower()
    given = {name: cells.get(name, "") for name in ("key", "provider_id", "reference", "address", "code")}
    return convert(
        {**given, "kind": kind, "about": about, "found": found if kind == "failed" else ""}, BulkReceipt
    )
