"""Rendering of a notice: template, tree, facts in the text nodes, and the list of missing information."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from runner.actions import set_fact
from runner.documents import tree
from runner.documents.contents import form_values as fields
from runner.documents.contents.coverage import item_of, treatment_of
from runner.documents.notice import Gap, Notice, Treatment, Used
from runner.documents.template.markdown import parse
from runner.documents.template.template import decides, fill_template
from runner.documents.template.values import CLOSE, OPEN, Budget, Kept, Ledger, Missing, Undecided
from runner.documents.tree import Block, Condition, Document, Inline, RenderContext
from runner.documents.unsafe_text import findings, visible
from runner.documents.wording.phrases import Phrases, phrases
from runner.errors import NotFound, Refused

_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")


def render(
    notice: Notice,
    source: str,
    facts: Mapping[str, Any],
    *,
    context: RenderContext,
    extra: Mapping[str, Any] | None = None,
) -> Document:
    """Make the document of a notice from nested plain facts; a fact that is absent or None is unknown.

    ``extra`` adds names such as ``duty`` (``due overdue reasons``) that are read like facts. We add ``notice``:
    its ``date`` is the day of mailing for letters, else the context's timestamp, its ``elements`` are the data elements of
    all populations, its ``people`` their numbers, its ``enclosures`` the titles of what is enclosed. A letter with
    slots and no ``recipient`` is the pattern of all: its slots show what will stand there. Raises
    ``Invalid`` when the template is wrong, and ``Refused`` when a final document would have gaps that may
    not follow later.
    """
    language = context.language or notice.language
    anyone = {name: f"«{name}»" for name in (slot.partition(".")[2] for slot in notice.slots)} or None
    register = {"recipient": anyone, **facts, **(extra or {}), "notice": _about(notice, facts, context)}
    form = (language, context.zone, Budget())
    if notice.sections:
        register["sections"] = fields.printed(notice, register, form)
    marked = fill_template(
        source, register, language=language, zone=context.zone, name=notice.id, budget=form[2]
    )
    filling = _Filling(notice, marked.ledger, phrases(language), context)
    blocks = tuple(filling.block(block) for block in parse(marked.text))
    gaps = filling.gaps()
    blocking = [gap for gap in gaps if gap.treatment == "missing"]
    if context.status == "final" and blocking:
        raise _incomplete(notice, blocking)
    return Document(
        id=notice.id,
        version=notice.version,
        template_sha256=notice.sha256,
        title=visible(notice.title),
        language=language,
        context=context,
        blocks=blocks,
        gaps=gaps,
        facts_used=_used(marked.ledger, filling.places),
        asked=tuple(sorted({*marked.ledger.asked, *fields.asked_for(notice)} - {*marked.ledger.read})),
        replaced=filling.replaced(),
        min_points=notice.min_points,
        form=fields.exported(notice, register, form) if notice.sections else (),
        conditions=_conditions(notice, register, form),
    )


def narrowed(facts: Mapping[str, Any], population: str) -> dict[str, Any]:
    """Return the facts as one population's: a letter speaks only of its reader's own data."""
    entries = [entry for entry in facts.get("populations") or () if entry.get("id") == population]
    if not entries:
        raise NotFound(
            f'Affected group "{population}" does not exist.',
            hint="Choose an affected group of the fact `populations`.",
            code="unknown_population",
        )
    rest = {key: value for key, value in facts.items() if key not in ("populations", "data", "people")}
    return {**rest, "data": entries[0].get("data"), "people": entries[0].get("people")}


def _about(notice: Notice, facts: Mapping[str, Any], context: RenderContext) -> dict[str, Any]:
    """Work out what templates need of all populations at once; unknown as soon as one of them is."""
    groups = facts.get("populations") or [facts]
    sets = [(group.get("data") or {}).get("elements") for group in groups]
    elements = None if None in sets else sorted({str(e) for s in sets if s is not None for e in s})
    incident = facts.get("incident") or {}
    told = min((incident.get("individual_notice_sent_at") or {}).values(), default=None)
    return {
        "date": (incident.get("individual_notice_planned_at") or told)
        if notice.audience == "individuals"
        else context.timestamp,
        "draft": context.status == "draft",
        "variant": context.variant or "adult",
        "codes": context.codes,
        "elements": elements,
        "told": Kept("incident.individual_notice_sent_at", told),
        "people": _people([group.get("people") or {} for group in groups]),
        "enclosures": [{"title": title} for title in context.enclosures] or None,
    }


def _people(groups: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the numbers of people over all groups, in all and by place."""
    totals, maps = ([group.get(key) for group in groups] for key in ("total", "by_jurisdiction"))
    places: dict[str, Kept] = {}
    for place in sorted({place for known in maps if known for place in known}) if None not in maps else ():
        counts = [known.get(place, 0) for known in maps if known]
        places[place] = Kept(f"people.by_jurisdiction.{place}", None if None in counts else sum(counts))
    total = None if None in totals else sum(count for count in totals if count is not None)
    return {"total": Kept("people.total", total), "by_place": places or None}


def _conditions(notice: Notice, register: Mapping[str, Any], form: fields.Setting) -> tuple[Condition, ...]:
    """Decide when each item is required, once, so that ``check`` needs nothing but the document."""
    conditions: list[Condition] = []
    for when in dict.fromkeys(item.when for item in notice.requires if item.when):
        answer = decides(when, register, language=form[0], zone=form[1], budget=form[2])
        conditions.append(Condition(when, answer is True, answer if isinstance(answer, tuple) else ()))
    return tuple(conditions)


def _incomplete(notice: Notice, gaps: list[Gap]) -> Refused:
    missing = ", ".join(gap.path for gap in gaps)
    return Refused(
        f'Notice "{notice.id}" cannot be final. Missing information ({len(gaps)}): {missing}.',
        hint=set_fact(gaps[0].path),
        code="notice_incomplete",
    )


def _used(ledger: Ledger, places: Mapping[str, list[tuple[int, int]]]) -> tuple[Used, ...]:
    texts = ledger.printed
    return tuple(
        Used(path, canonical(value), path in texts, tuple(texts.get(path, ())), tuple(places.get(path, ())))
        for path, value in sorted(ledger.read.items())
    )


def canonical(value: Any) -> str:
    """Return a fact's value as canonical JSON: sorted keys, no spaces, ASCII (a lone surrogate has no UTF-8)."""
    return json.dumps(value, default=_plain_value, sort_keys=True, separators=(",", ":"))


def _plain_value(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise NotImplementedError(type(value).__name__)


def _after(inlines: list[Inline], piece: str) -> str:
    """Return a template's text without its full stop if the fact before it ends with one ("Inc.")."""
    before = inlines[-1] if inlines else None
    return piece.removeprefix(".") if isinstance(before, tree.Text) and before.text.endswith(".") else piece


class _Filling:
    """One pass over a tree that puts the ledger's cells where their marks stand."""

    def __init__(self, notice: Notice, ledger: Ledger, words: Phrases, context: RenderContext) -> None:
        self._notice = notice
        self._draft = context.status == "draft"
        self._waived = context.waived
        self._ledger = ledger
        self._words = words
        self._gaps: dict[str, Gap] = {}
        self._replaced: dict[str, None] = {}
        self.places: dict[str, list[tuple[int, int]]] = {}
        self._run, self._at = -1, 0  # the run of text (``tree.runs``) and the number of its characters so far

    def gaps(self) -> tuple[Gap, ...]:
        """Return the gaps in the order in which a reader meets them."""
        return tuple(self._gaps.values())

    def replaced(self) -> tuple[str, ...]:
        """Return the code points that were spelt out."""
        return tuple(self._replaced)

    def block(self, block: Block) -> Block:
        """Fill a block and all below it."""
        match block:
            case tree.Heading() | tree.Paragraph():
                return replace(block, inlines=self._whole(block.inlines))
            case tree.Listing(items=items):
                return replace(block, items=tuple(tuple(map(self.block, item)) for item in items))
            case tree.Table(aligns=aligns, head=head, rows=rows):
                cells = (tuple(map(self._whole, row)) for row in (head, *rows))
                return tree.Table(aligns, next(cells), tuple(cells))
            case tree.Fields(rows=fields):
                return tree.Fields(
                    tuple(tree.Field(self._whole(f.label), self._whole(f.value)) for f in fields)
                )
            case tree.Signature() | tree.Quote():
                return replace(block, blocks=tuple(map(self.block, block.blocks)))
            case tree.Rule() | tree.Picture():
                return block

    def _whole(self, inlines: tuple[Inline, ...]) -> tuple[Inline, ...]:
        self._run, self._at = self._run + 1, 0
        return self._inlines(inlines)

    def _inlines(self, inlines: tuple[Inline, ...]) -> tuple[Inline, ...]:
        found: list[Inline] = []
        for node in inlines:
            match node:
                case tree.Text(text=text):
                    found.extend(self._text(text))
                case tree.Strong() | tree.Emphasis() | tree.Link():
                    found.append(replace(node, inlines=self._inlines(node.inlines)))
                case _:
                    self._at += len(tree.plain((node,)))
                    found.append(node)
        return tuple(found)

    def _text(self, text: str) -> list[Inline]:
        inlines: list[Inline] = []
        for index, piece in enumerate(_MARK.split(" " if text == "\n" else text)):
            new: list[Inline] = []
            if index % 2:
                if path := self._ledger.whose.get(int(piece)):
                    self.places.setdefault(path, []).append((self._run, self._at))
                new = self._cell(self._ledger.cells[int(piece)])
            elif piece := _after(inlines, piece):
                new = [tree.Text(piece)]
            self._at += len(tree.plain(tuple(new)))
            inlines += new
        return inlines

    def _cell(self, cell: Missing | Undecided | str) -> list[Inline]:
        match cell:
            case Missing(path_=path):
                return [self._gap(path)]
            case Undecided(paths=paths):
                places: list[Inline] = [self._open_condition(path) for path in paths]
                return places[:1] if self._waived else places
            case str():
                self._replaced.update(dict.fromkeys(findings(cell)))
                return [tree.Text(visible(cell))]

    def _gap(self, path: str) -> tree.GapText:
        path = path.removesuffix("[]")  # the one round of a loop over a missing list is the list's own gap
        treatment = treatment_of(self._notice, path)
        if treatment == "missing" and self._waived:
            treatment = "waived"
        self._note(Gap(path, item_of(self._notice, path), treatment))
        return tree.GapText(
            path, treatment, self._instead(path, treatment), treatment == "missing" or self._draft
        )

    def _instead(self, path: str, treatment: Treatment) -> str:
        match treatment:
            case "to_follow":
                return self._words.to_follow
            case "waived":
                return self._words.not_known
            case "missing":
                return f"[{self._words.missing}: {path}]"

    def _open_condition(self, path: str) -> tree.GapText:
        treatment: Treatment = "waived" if self._waived else "missing"
        self._note(Gap(path, item_of(self._notice, path), treatment))
        if self._waived:
            return tree.GapText(path, treatment, f"{self._words.perhaps} ", False)
        return tree.GapText(path, treatment, f"[{self._words.undecided}: {path}] ", True)

    def _note(self, gap: Gap) -> None:
        known = self._gaps.get(gap.path)
        if known is None or known.treatment == "to_follow":
            self._gaps[gap.path] = gap
