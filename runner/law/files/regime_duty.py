"""Reader of one duty of a law file: recipient, thresholds, clock, contents of the notice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from runner.base.states import LetterPart
from runner.law.clock import Clock, Unit
from runner.law.files.regime_clock import read_clock, read_ordering
from runner.law.files.regime_grounds import Terms
from runner.law.files.regime_reader import Node, Reader, is_laid
from runner.law.regime import (
    Asker,
    Confidence,
    Content,
    CreditMonitoring,
    Delivery,
    DutyRule,
    Hold,
    Lateness,
    Remark,
    SubstituteNotice,
)

DUTY_KEYS = (
    "slug",
    "recipient",
    "stage",
    "citation",
    "notice",
    "only_if",
    "unless",
    "thresholds",
    "clock",
    "ordering",
    "content",
    "forbidden",
    "phased",
    "voluntary",
    "waiver",
    "delivery",
    "substitute",
    "credit_monitoring",
    "hold",
    "lateness",
    "remarks",
    "confidence",
    "confidence_note",
)


def read_duty(node: Node, place: str, terms: Terms) -> DutyRule:
    """Read one duty; ``place`` is whose residents its thresholds count where they do not say."""
    reader = terms.reader
    fields = _fields(node, reader)
    clock = reader.need(fields, "clock", node)
    unsure: Confidence = "unverified"
    return DutyRule(
        slug=reader.text(reader.need(fields, "slug", node)),
        recipient=reader.text(reader.need(fields, "recipient", node)),
        clock=read_clock(clock, terms) if clock.value is not None else Clock(limbs=()),
        stage=reader.text(fields.get("stage"), "initial"),
        citation=reader.text(fields.get("citation")),
        notice=reader.text(fields.get("notice")),
        only_if=terms.several(fields.get("only_if")),
        unless=terms.several(fields.get("unless")),
        thresholds=tuple(terms.threshold(item, place) for item in reader.items(fields.get("thresholds"))),
        ordering=tuple(read_ordering(item, reader) for item in reader.items(fields.get("ordering"))),
        content=tuple(_content(item, terms) for item in reader.items(fields.get("content"))),
        forbidden=tuple(_content(item, terms) for item in reader.items(fields.get("forbidden"))),
        phased=reader.flag(fields.get("phased")),
        voluntary=reader.flag(fields.get("voluntary")),
        waiver=reader.text(fields.get("waiver")),
        delivery=_delivery(fields.get("delivery"), reader),
        substitute=_substitute(fields.get("substitute"), reader),
        credit_monitoring=_monitoring(fields.get("credit_monitoring"), terms),
        hold=_hold(fields.get("hold"), reader),
        lateness=_lateness(fields.get("lateness"), reader),
        remarks=tuple(_remark(item, terms) for item in reader.items(fields.get("remarks"))),
        confidence=reader.choice(fields.get("confidence"), Confidence, unsure),
        confidence_note=reader.text(fields.get("confidence_note")),
    )


def _fields(node: Node, reader: Reader) -> Mapping[str, Node]:
    """Open a duty; one that was laid over another holds its nodes already."""
    return node.value if is_laid(node) else reader.fields(node, DUTY_KEYS)


def _content(node: Node, terms: Terms) -> Content:
    reader = terms.reader
    nothing: LetterPart | None = None
    fields = reader.fields(node, ("ref", "item", "facts", "part", "only_if"))
    return Content(
        ref=reader.text(reader.need(fields, "ref", node)),
        item=reader.text(reader.need(fields, "item", node)),
        facts=reader.facts(fields.get("facts")),
        part=reader.choice(fields.get("part"), LetterPart, nothing),
        condition=terms.one(fields.get("only_if")),
    )


def _delivery(node: Node | None, reader: Reader) -> Delivery | None:
    if node is None:
        return None
    fields = reader.fields(node, ("forms", "never", "language", "portal", "text"))
    return Delivery(
        forms=reader.texts(fields.get("forms")),
        never=reader.texts(fields.get("never")),
        language=reader.text(fields.get("language")),
        portal=reader.text(fields.get("portal")),
        text=reader.text(fields.get("text")),
    )


def _substitute(node: Node | None, reader: Reader) -> SubstituteNotice | None:
    if node is None:
        return None
    fields = reader.fields(node, ("cost_over", "currency", "class_over", "otherwise", "forms", "text"))
    return SubstituteNotice(
        cost_over=reader.whole(fields.get("cost_over")),
        currency=reader.text(fields.get("currency"), "USD"),
        class_over=reader.whole(fields.get("class_over")),
        otherwise=reader.text(fields.get("otherwise")),
        forms=reader.texts(fields.get("forms")),
        text=reader.text(fields.get("text")),
    )


def _monitoring(node: Node | None, terms: Terms) -> CreditMonitoring | None:
    if node is None:
        return None
    fields = terms.reader.fields(node, ("months", "only_if", "text"))
    return CreditMonitoring(
        months=terms.reader.whole(terms.reader.need(fields, "months", node)) or 0,
        conditions=terms.several(fields.get("only_if")),
        text=terms.reader.text(fields.get("text")),
    )


def _hold(node: Node | None, reader: Reader) -> Hold | None:
    if node is None:
        return None
    fields = reader.fields(node, ("forms", "by", "amount", "unit", "oral_limit_days", "text"))
    federal: Asker = "federal"
    written: Literal["written", "oral"] = "written"
    days: Unit = "calendar_days"
    forms = tuple(
        reader.choice(item, Literal["written", "oral"], written) for item in reader.items(fields.get("forms"))
    )
    return Hold(
        forms=forms or ("written", "oral"),
        amount=reader.whole(fields.get("amount")),
        unit=reader.choice(fields.get("unit"), Unit, days),
        oral_limit_days=reader.whole(fields.get("oral_limit_days")),
        text=reader.text(fields.get("text")),
        by=tuple(reader.choice(item, Asker, federal) for item in reader.items(fields.get("by"))),
    )


def _lateness(node: Node | None, reader: Reader) -> Lateness | None:
    if node is None:
        return None
    fields = reader.fields(node, ("reasons_required", "ref", "penalty"))
    return Lateness(
        reasons_required=reader.flag(fields.get("reasons_required")),
        ref=reader.text(fields.get("ref")),
        penalty=reader.text(fields.get("penalty")),
    )


def _remark(node: Node, terms: Terms) -> Remark:
    if isinstance(node.value, str):
        return Remark(text=terms.reader.text(node))
    fields = terms.reader.fields(node, ("text", "only_if"))
    return Remark(
        text=terms.reader.text(terms.reader.need(fields, "text", node)),
        condition=terms.one(fields.get("only_if")),
    )
