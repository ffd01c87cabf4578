"""Coverage of a notice: each requirement of the law is covered, missing, to follow, or forbidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from runner.documents.contents.awareness import SENTENCE, texts
from runner.documents.contents.forbidden import judged as by_search
from runner.documents.contents.good_practice import judged as by_good_practice
from runner.documents.notice import Coverage, CoverageState, FactChoice, Item, Notice, Treatment, Used
from runner.documents.replace_body import stands
from runner.documents.tree import Document, Heading, grouped, plain, walk
from runner.facts.vocabulary.lookup import fact_type, nobody
from runner.facts.vocabulary.translations import PREFIX

_STATES: Mapping[Treatment, CoverageState] = MappingProxyType(
    {"missing": "gap", "to_follow": "to_follow", "waived": "to_check"}
)
OF_DUTY = "duty."
"""Begins the values of a duty: no fact that a person can record. Without a duty they are unknown."""
TELLING = 4
"""Characters from which a value in an edited text is taken for the fact."""
_PREFIX = re.compile(r"^(?:populations\[[^\]]*\]\.|translations\.[a-z]{2}\.(?:populations\.[^.]+\.)?)")


def short(path: str) -> str:
    """Return a path without its population and language: items name ``people.total`` for every population's."""
    return _PREFIX.sub("", path)


def item_of(notice: Notice, path: str) -> str:
    """Return the letter of the first required item that a path belongs to, or nothing."""
    wanted = short(path)
    for item in notice.requires:
        if any(
            (wanted == choice if isinstance(choice, str) else wanted in choice)
            for choice in (*item.facts, *item.known)
        ):
            return item.ref
    return ""


def treatment_of(notice: Notice, path: str) -> Treatment:
    """Return whether this fact may follow later by law; a known text without a translation may not."""
    return (
        "to_follow"
        if notice.phased and not path.startswith(PREFIX) and short(path) not in notice.at_once
        else "missing"
    )


def check(notice: Notice, document: Document) -> tuple[Coverage, ...]:
    """Return one line for each required item, for each ban, for each rule of form and of good practice."""
    places = _Places(document)
    lines = [_judged(item, places, document, notice) for item in notice.requires]
    if notice.facts:
        rest = Item(ref="", item="Facts that the notice names besides", facts=notice.facts)
        lines.append(_item(rest, places, document, notice))
    lines += [by_search(ban, document) for ban in notice.forbids]
    return (*lines, *_form(notice, document), *by_good_practice(notice, document))


def unnamed(lines: Iterable[Coverage], document: Document) -> tuple[Coverage, ...]:
    """Return a line for each gap in the text that none of these lines names: each keeps the notice a draft."""
    named = {path for line in lines for path in line.facts}
    words = "is in the text; no required item names the fact"
    found = [
        Coverage(ref=gap.item, item=words, state=_STATES[gap.treatment], facts=(gap.path,))
        for gap in document.gaps
        if short(gap.path) not in named and gap.path not in named and not gap.path.startswith(OF_DUTY)
    ]
    if any(gap.path.startswith(OF_DUTY) for gap in document.gaps):
        found.append(Coverage(ref="duty", item="depends on the duty: name it with --duty", state="gap"))
    return tuple(found)


def to_verify(notice: Notice, document: Document) -> tuple[str, ...]:
    """Return the items that only a person can check, each by its name in a tick."""
    lines = check(notice, document)
    return tuple(dict.fromkeys(item_name(line) for line in lines if line.state == "to_check"))


def passages(notice: Notice, document: Document) -> dict[str, str]:
    """Return each item to verify with the text that its tick is about: its sentence, or the whole text if it has none.

    The day of the text and the mark of a draft are left out of the whole text: they differ each time it is made.
    """
    lines = [line for line in check(notice, document) if line.state == "to_check"]
    whole = "\n".join(texts(document))
    for used in document.facts_used:
        for text in used.texts if used.path.startswith("notice.") else ():
            whole = whole.replace(text, "")
    found: dict[str, str] = {}
    for line in with_sentences(lines, notice, document):
        found[item_name(line)] = found.get(item_name(line), "") + (line.sentence or whole)
    return found


def item_name(line: Coverage) -> str:
    """Return the name of an item for a tick: its reference and its words."""
    return f"{line.ref} {line.item}".strip()


def complete(coverage: tuple[Coverage, ...]) -> bool:
    """Return whether a notice can be approved: nothing uncovered, nothing forbidden."""
    return not any(line.state in ("gap", "forbidden") for line in coverage)


def with_sentences(lines: Iterable[Coverage], notice: Notice, document: Document) -> tuple[Coverage, ...]:
    """Return the lines, each with the sentences in which the template printed the facts of the item.

    An edited text has no such places: there, the first sentence with the words of the fact counts, if they are not short.
    """
    items = {(item.ref, item.item): item for item in notice.requires}
    printed = list(_printed(document))
    whole = dict.fromkeys(text for text, _ in printed)
    said = [" ".join(one.split()) for text in whole for one in SENTENCE.split(text)]
    return tuple(
        replace(line, sentence=_sentence(items.get((line.ref, line.item)), printed, said, document))
        for line in lines
    )


def _printed(document: Document) -> Iterator[tuple[str, int]]:
    """Yield for each run of text (``tree.runs``) its paragraph, field or row, and where the run begins in it."""
    for block in walk(document.blocks):
        for between, group in grouped(block):
            words = tuple(map(plain, group))
            whole, at = between.join(words), 0
            for one in words:
                yield whole, at
                at += len(one) + len(between)


def _sentence(item: Item | None, printed: list[tuple[str, int]], said: list[str], document: Document) -> str:
    found: dict[str, tuple[int, int]] = {}
    for used in _stated(item, document):
        for place in used.places:
            text, start = printed[place[0]]
            found.setdefault(_around(text, start + place[1]), place)
        words = () if used.places else [text for text in used.texts if len(text) >= TELLING]
        number = next((n for n, one in enumerate(said) if any(stands(text, one) for text in words)), None)
        if number is not None:
            found.setdefault(said[number], (number, 0))
    return " … ".join(sorted(found, key=found.__getitem__))


def _stated(item: Item | None, document: Document) -> Iterator[Used]:
    choices = (*item.facts, *item.known) if item is not None else ()
    paths = {path for choice in choices for path in ((choice,) if isinstance(choice, str) else choice)}
    return (used for used in document.facts_used if used.printed and short(used.path) in paths)


def _around(text: str, at: int) -> str:
    """Return the sentence of a text that has this character."""
    ends = [found.span() for found in SENTENCE.finditer(text)]
    start = max((end for _, end in ends if end <= at), default=0)
    stop = min((begin for begin, _ in ends if begin >= at), default=len(text))
    return " ".join(text[start:stop].split())


class _Places:
    """Positions of facts in a document, by their short paths."""

    def __init__(self, document: Document) -> None:
        self.printed = {
            short(used.path)
            for used in document.facts_used
            if used.printed or nobody(short(used.path), used.value.strip('"'))  # there is no such party
        }
        self.known = {short(used.path) for used in document.facts_used}
        self.gaps: dict[str, set[Treatment]] = {}
        for gap in document.gaps:
            self.gaps.setdefault(short(gap.path), set()).add(gap.treatment)
        asked = [gap.path for gap in document.gaps if gap.path.startswith(PREFIX)]
        self.translated = {short(path): path for path in asked}

    def reworded(self, path: str) -> bool:
        """Tell whether a fact is prose, which counsel may word differently, and no mark of missing information stands."""
        kind = fact_type(path)
        return kind is not None and kind.kind == "prose" and path not in self.gaps


def _judged(item: Item, places: _Places, document: Document, notice: Notice) -> Coverage:
    """Judge an item; in an edited text, a person must check the parts with wording of the template."""
    coverage = _item(item, places, document, notice)
    silent = document.edited and coverage.state == "gap" and not item.unsure
    if silent and coverage.facts and all(map(places.reworded, coverage.facts)):
        note = "reworded or removed: update the fact, or keep counsel's words with a tick"
        return replace(coverage, state="to_check", note=note)
    if not (document.edited and coverage.state == "covered"):
        return coverage
    # A short value ("3") may stand in an edited text for something else.
    short_ones = (not any(len(t) >= TELLING for t in used.texts) for used in _stated(item, document))
    if item.known or not item.facts or any(short_ones):
        return replace(coverage, state="to_check", note="to verify: the text was edited by hand")
    return coverage


def _item(item: Item, places: _Places, document: Document, notice: Notice) -> Coverage:
    covered = Coverage(ref=item.ref, item=item.item, state="covered")
    needed = next((answer for answer in document.conditions if answer.when == item.when), None)
    if needed and not needed.missing and not needed.holds:
        return replace(covered, state="not_required")
    if unsure := (needed and needed.missing) or item.unsure:
        return replace(covered, state="gap", facts=unsure, note="undetermined: facts are missing")
    if item.of_law and not item.facts and not item.known:
        # Required wording: a part of the template has it, or a person must check.
        said = item.part and item.part in notice.says
        note = "to verify: no fact covers this item"
        return covered if said else replace(covered, state="to_check", note=note)
    missing = tuple(
        path
        for choices, stated in ((item.facts, places.printed), (item.known, places.known))
        for choice in choices
        for path in _open(choice, stated, places)
    )
    if not missing:
        return covered
    if item.only:
        named = f"{item.item} (required only if {item.only})"
        return replace(covered, item=named, state="to_check", facts=missing, note="to verify")
    follows = all(places.gaps.get(path) == {"to_follow"} for path in missing)
    silent = [path for path in missing if path not in places.gaps]
    note = f"not in the text: {', '.join(silent)}" if silent else ""
    asked = tuple(places.translated.get(path, path) for path in missing)
    return replace(covered, state="to_follow" if follows else "gap", facts=asked, note=note)


def _open(choice: FactChoice, stated: set[str], places: _Places) -> list[str]:
    """Return the open paths of a choice; a gap in one population opens it for all."""
    paths = (choice,) if isinstance(choice, str) else choice
    if any(path in stated and path not in places.gaps for path in paths):
        return []
    marked = [path for path in paths if path in places.gaps]
    return marked or [paths[0]]


def _form(notice: Notice, document: Document) -> Iterator[Coverage]:
    rules = []
    if notice.headings:
        there = [plain(block.inlines) for block in walk(document.blocks) if isinstance(block, Heading)]
        rest = iter(there)
        absent = "; ".join(heading for heading in notice.headings if heading not in rest)
        item = f"headings in this order: {'; '.join(notice.headings)}"
        rules.append((item, f"absent or out of order: {absent}" if absent else ""))
    if notice.min_points:
        points = document.context.stationery.points
        wrong = "" if points >= notice.min_points else f"the stationery sets {points:g} point"
        rules.append((f"type no smaller than {notice.min_points:g} point", wrong))
    for item, wrong in rules:
        yield Coverage(ref="form", item=item, state="gap" if wrong else "covered", note=wrong)
