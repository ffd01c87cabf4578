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
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.campaigns.chunk import hold
from runner.app.campaigns.record import ask_substitutes, move, record
from runner.app.campaigns.tables import BulkTables
from runner.decoding import convert
from runner.errors import Invalid, NotFound, Problem
from runner.files.people_lists.person_contacts import same_address
from runner.incident.campaigns.campaign import (
    RECEIPT_KINDS,
    BulkReceipt,
    Owed,
)
from runner.incident.campaigns.transitions import alarm, folded, suppression
from runner.incident.state.campaigns import CampaignResolved
from runner.yamlfile.limited_files import TooLarge, lines_of, open_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

COLUMNS = ("kind", "key", "reference", "address", "provider_id", "code", "text")
TRIES = 4


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
            if receipt.address:
                self._suppress(receipt, self._address_key(receipt))
            standings = list(self._about(receipt))
            self._unmatched += not standings
            self.in_flight = self.in_flight or any(standing.state == "sending" for standing in standings)
            for standing in standings:
                self._fold(receipt, standing)
        paused = tuple(sorted(filter(None, map(self._judge, sorted(self._touched)))))
        return Taken(receipts=count, unmatched=self._unmatched, changed=dict(self._changed), paused=paused)

    def _about(self, receipt: BulkReceipt) -> Iterator[Owed]:
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
            yield from self._tables.by_address(self._address_key(receipt))
        for campaign, n in named:
            standing = self._tables.standing(campaign, n)
            if standing is not None:
                yield standing

    def _fold(self, receipt: BulkReceipt, standing: Owed) -> None:
        if receipt.kind == "delayed":
            hold(self._service, standing.domain, self._service.clock.now())
            self._changed[receipt.kind] += 1
            return
        for _ in range(TRIES):
            self._suppress(receipt, standing.address)
            turned = folded(receipt, standing)
            if turned is None:
                return
            if self._tables.change(standing, turned.owed, turned.counted):
                self._changed[receipt.kind] += 1
                self._touched.add(standing.campaign)
                if standing.state == "unknown" and turned.owed.state != "unknown":
                    self._resolved[standing.campaign] += 1
                if turned.blocked:
                    self._blocked[standing.campaign] = turned.blocked
                return
            again = self._tables.standing(standing.campaign, standing.n)
            if again is None:
                return
            standing = again

    def _suppress(self, receipt: BulkReceipt, address: bytes) -> None:
        """Keep an address from use, whether or not it is one that we know."""
        if address and (reason := suppression(receipt)) is not None:
            self._tables.suppress([address], reason, self._service.clock.now())

    def _address_key(self, receipt: BulkReceipt) -> bytes:
        return self._tables.digest(*same_address(receipt.address))

    def _judge(self, name: str) -> str:
        """Stop a campaign whose receipts say so, and put on record what they settled; return its name if it stopped."""
        found = self._tables.campaign(name)
        campaign, by = found.campaign, self._service.principal.person
        if people := self._resolved[name]:
            event = CampaignResolved(campaign=name, people=people, by=by, reason="receipts arrived")
            record(self._service, campaign.incident, event)
        ask_substitutes(self._service, campaign)
        why = self._blocked.get(name, "") or alarm(campaign, found.counters)
        return name if why and move(self._service, campaign, "stop", why) else ""


# --- receipts from a file -----------------------------------------------------------------------------------------


def read_receipts(path: Path) -> Iterator[BulkReceipt]:
    """Read receipts from a CSV file, one at a time; raises NotFound, or Invalid with every bad line before any is given out.

    So a file is taken as a whole or not at all, and a campaign that its receipts stop is stopped.
    """
    if not path.is_file():
        raise NotFound(f'File "{path}" does not exist.', hint="Check the path.", code="file_missing")
    problems = [
        Problem(
            file=str(path),
            line=line,
            column=1,
            code="receipts",
            message="The kind is unknown",
        )
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
    from runner.effects.gateway.gateway import mail_verdict

    about, found = mail_verdict(cells.get("code", ""), cells.get("text", ""))
    kind = cells["kind"].lower()
    given = {name: cells.get(name, "") for name in ("key", "provider_id", "reference", "address", "code")}
    return convert(
        {**given, "kind": kind, "about": about, "found": found if kind == "failed" else ""}, BulkReceipt
    )
