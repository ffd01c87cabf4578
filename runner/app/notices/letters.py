"""Letters in bulk: from a list of people to files, a manifest and a journal entry.

The list is read twice: once to check every row before any write, and once to make the letters. Only the
digests are compared, so memory does not grow with the list.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from runner.app.notices.addressing import Addressing
from runner.app.notices.letter_approval import approvers
from runner.app.notices.letter_run import (
    REJECTS,
    is_done,
    join,
    list_changed,
    locked,
    rejects,
    replace_file,
)
from runner.documents.notice import Format
from runner.documents.pdf.typst_compiler import unprintable
from runner.effects.notices.letters import Shard, make_shard
from runner.effects.notices.render import Paper
from runner.errors import Invalid, Problem, Refused, Usage
from runner.files.people_lists.list_rows import People, open_people
from runner.files.people_lists.people_list import Checked, as_problem, check_columns, checked
from runner.incident.notices.letter_languages import unchosen_words
from runner.incident.notices.letters import MAX_BATCH, SUMMARY, Group, GroupKey, Letters, Person
from runner.incident.notices.list_counts import CountDifference, as_listed, difference_words, differences
from runner.incident.state.commands import RecordCustody
from runner.incident.state.incident import Incident
from runner.reports.core.report import filled

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

SHARD, PRINTED = 500, 2_000
"""People in one shard, some seconds of one core: with separate files, and in print batches."""
SHOWN = 100
"""The number of invalid rows that are listed; further rows are only counted."""
_PIECES = 100_000
Tell = Callable[[int, int], None]
"""Receives the number of finished letters, and of all letters."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a run."""

    notice: str
    people: Path
    out: Path
    duties: tuple[str, ...] = ()
    population: str = ""
    formats: tuple[Format, ...] = ("pdf",)
    batch: int = 0
    skip_bad: bool = False
    draft: bool = False
    fonts: tuple[str, ...] = ()
    repeated: Literal["", "keep", "drop"] = ""
    """Whether a person whose name and address an earlier row has gets a letter; empty refuses such a list."""
    accept_counts: str = ""
    """Why the counts of the list may differ from the facts."""
    most: int = 0
    """More people are refused; 0 for any number."""


class Written(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/letters-written/v1"):
    """The result of a run."""

    folder: str
    letters: int
    files: int
    """A letter in two formats has two files; a print batch has many letters."""
    pages: int
    made: int
    """Letters from this run; the others existed before."""
    rejected: int
    dropped: int
    """Rows that repeat a person and have no letter."""
    differences: tuple[str, ...]
    """Accepted differences from the recorded counts."""
    root: str
    manifest_sha256: str
    evidence: str
    """The journal entry with the root; empty for drafts."""
    groups: tuple[Group, ...]
    unserved: tuple[str, ...] = ()
    """Duties to people of the list that no letter serves, with the places."""

    def unchosen(self) -> list[str]:
        """Return a sentence for each number of letters in a language that nobody chose."""
        return unchosen_words(self.groups)


class _Survey:
    """The findings of the first reading of a list."""

    def __init__(self) -> None:
        self.people = 0
        self.bad = self.dropped = 0
        self.twins: list[int] = []
        self.counts = Counter[tuple[str, str]]()
        self.problems: list[Problem] = []
        self.differences: tuple[str, ...] = ()
        self.digest = hashlib.sha256()
        self.pieces: set[str] = set()


def write_letters(service: IncidentService, incident: Incident, order: Order, tell: Tell) -> Written:
    """Write a letter to every person of a list, or resume an interrupted run; record its Merkle root."""
    from runner.documents.word.letterhead import Letterhead

    _check(order)
    letterhead = service.letterhead() if "docx" in order.formats else b""
    if letterhead:
        Letterhead(letterhead)  # raises Refused for an unusable file
    people = open_people(order.people)
    addressing = Addressing(
        service,
        incident,
        order.notice,
        duties=order.duties,
        draft=order.draft,
        codes="code" in people.columns,
        fonts=order.fonts,
        letterhead=letterhead,
    )
    check_columns(people, ("jurisdiction",) if addressing.places_needed else ())
    rows = _Rows(people, order, addressing, letterhead)
    survey = rows.survey()
    _judge(survey, order)
    addressing.require_whole()
    different = differences(incident, survey.counts, addressing.laws)
    if different and not order.accept_counts and not order.draft:
        raise counts_differ(service, incident, addressing, different, "No letter was created.")
    survey.differences = tuple(map(difference_words, different))
    addressing.mark_unapproved(approvers(incident, survey.digest.hexdigest(), survey.people))
    try:
        with locked(order.out, _plan(incident, order, survey, addressing)):
            made = _make(rows, survey, order, tell)
            return _finish(service, incident, order, (survey, addressing, made))
    except OSError as error:
        raise Invalid(
            f'Folder "{order.out}" cannot be written: {error.strerror}.',
            hint="Correct the cause, then run the same command again.",
            code="file_unwritable",
        ) from None


def _check(order: Order) -> None:
    if not 0 <= order.batch <= MAX_BATCH or order.batch == 1:
        raise Usage(
            f"--batch {order.batch} is not between 2 and {MAX_BATCH}.",
            hint=f"Use --batch {MAX_BATCH}",
            code="bad_batch",
        )
    if order.batch and order.formats != ("pdf",):
        raise Usage(
            "Batches for print are always PDF.", hint="Remove --to or --batch", code="options_conflict"
        )
    missing = [folder for folder in order.fonts if not Path(folder).is_dir()]
    if missing:
        raise Usage(
            f'Folder "{missing[0]}" does not exist.',
            hint="Name a folder of TrueType fonts with --fonts",
            code="folder_missing",
        )


class _Rows:
    """The checked rows of a list: the same people at each reading."""

    def __init__(self, people: People, order: Order, addressing: Addressing, letterhead: bytes) -> None:
        self._people, self._order, self._addressing = people, order, addressing
        self.letterhead = letterhead
        """The organisation's Word file; may be empty."""
        self._unseen: frozenset[str] = frozenset()
        self.dropped = 0
        """Repeated people that the last reading left out."""

    def __iter__(self) -> Iterator[Checked]:
        self.dropped = 0
        for found in checked(self._people, self._order.population, self._addressing.placed):
            bad = found.person is not None and self._unseen & set(_pieces(found.person))
            if not bad:
                if found.twin and self._order.repeated == "drop":
                    self.dropped += 1
                else:
                    yield found
                continue
            points = ", ".join(f"U+{ord(piece[0]):04X}" for piece in sorted(bad)[:8])
            why = f"No font can show {points}. Name a folder with such a font: --fonts DIR"
            yield Checked(found.row, None, (why,))

    def paper(self, group: GroupKey) -> Paper:
        """Return the source of the letters of a group."""
        return self._addressing.papers[group]

    def survey(self) -> _Survey:
        """Read and check the whole list; nothing is written."""
        found = self._surveyed()
        if "pdf" in self._order.formats and not self._order.draft:
            self._unseen = unprintable(sorted(found.pieces), self._order.fonts)
        return self._surveyed() if self._unseen else found

    def _surveyed(self) -> _Survey:
        survey = _Survey()
        for found in self:
            if found.person is None:
                survey.bad += 1
                if survey.bad <= SHOWN:
                    survey.problems.append(as_problem(self._people.path, found))
                continue
            survey.people += 1
            survey.counts[found.person.group[:2]] += 1
            survey.twins += [found.row.line] if found.twin else []
            survey.digest.update(msgspec.json.encode(found.person))
            if len(survey.pieces) < _PIECES:
                survey.pieces.update(_pieces(found.person))
        survey.dropped = self.dropped
        return survey


def _pieces(person: Person) -> Iterator[str]:
    """Yield the printed characters beyond ASCII, each with its combining marks."""
    for text in (person.name, person.address):
        if text.isascii():
            continue
        piece = ""
        for character in text:
            if piece and unicodedata.category(character)[0] == "M":
                piece += character
                continue
            if not piece.isascii():
                yield piece
            piece = character
        if not piece.isascii():
            yield piece


def _judge(survey: _Survey, order: Order) -> None:
    if order.most and survey.people > order.most:
        raise Refused(
            f"The list has {survey.people:,} people. A page makes letters to {order.most:,}. No letter was created.",
            hint="Divide the list. Or run at the server: tocsin notice letters NOTICE --people FILE --out DIR",
            code="list_too_large",
        )
    if survey.bad and not order.skip_bad:
        more = f", {survey.bad - SHOWN} of them not shown" if survey.bad > SHOWN else ""
        raise Invalid(
            f'File "{order.people}" has {survey.bad} invalid rows{more}. No letter was created.',
            hint=f"Correct what each line says. --skip-bad only lists these people in {REJECTS}",
            code="people",
            problems=survey.problems,
        )
    if survey.twins and order.repeated != "keep":
        lines = ", ".join(map(str, survey.twins[:SHOWN]))
        raise Refused(
            f"{len(survey.twins)} rows have the name and address of an earlier row: lines {lines}. No letter was created.",
            hint="Add --repeated drop for one letter each, or --repeated keep if they are different people",
            code="repeated_people",
        )
    if not survey.people:
        raise Refused(
            f'File "{order.people}" has no people.', hint="Write one row for each person.", code="list_empty"
        )


def counts_differ(
    service: IncidentService,
    incident: Incident,
    addressing: Addressing,
    found: Sequence[CountDifference],
    result: str,
) -> Refused:
    """Return the refusal of a list whose counts differ from the facts, with the duties that the counts would add."""
    new = [
        duty.id
        for duty in service.near_duties(as_listed(incident, found))
        if duty.verdict == "applies" and addressing.statuses[duty.id].verdict != "applies"
    ]
    facts = " ".join(quote(f"{row.fact}={row.listed}") for row in found if row.recorded_differs)
    more = f" The counts of the list add duties: {', '.join(new)}." if new else ""
    return Refused(
        f"The list differs from the recorded counts: {'; '.join(map(difference_words, found))}.{more} {result}",
        hint=f"tocsin fact set {facts} --source SOURCE. To accept the difference, add --accept-counts WHY"
        if facts
        else "Send the authority a supplement. To accept the difference, add --accept-counts WHY",
        code="counts_differ",
    )


def _plan(incident: Incident, order: Order, survey: _Survey, addressing: Addressing) -> dict[str, Any]:
    """Return all inputs that determine the bytes of a run, without personal data."""
    papers = {
        " ".join(group): hashlib.sha256(
            msgspec.json.encode(paper.document(), order="deterministic")
        ).hexdigest()
        for group, paper in addressing.papers.items()
    }
    return {
        "schema": "tocsin/letters-run/v1",
        "incident": incident.id,
        "people": survey.people,
        "people_sha256": survey.digest.hexdigest(),
        "texts": papers,
        "formats": order.formats,
        "batch": order.batch,
        "shard": _size(order),
        "engines": {name: metadata.version(name) for name in ("jinja2", "markdown-it-py", "babel", "typst")},
    }


def _make(rows: _Rows, survey: _Survey, order: Order, tell: Tell) -> int:
    """Make every missing shard and return the number of new letters."""
    size = _size(order)
    lengths = {
        n + 1: min(size, survey.people - start) for n, start in enumerate(range(0, survey.people, size))
    }
    todo = {number for number in lengths if not is_done(order.out, number)}
    done = sum(length for number, length in lengths.items() if number not in todo)
    made = 0
    tell(done, survey.people)
    if not todo and (not survey.bad or (order.out / REJECTS).is_file()):
        return 0
    for shard in _shards(rows, survey, order, todo):
        made += lengths[make_shard(shard)]
        tell(done + made, survey.people)
    return made


def _size(order: Order) -> int:
    """Return the number of people in a shard: a multiple of the batch size."""
    size = PRINTED if order.batch else SHARD
    return size // order.batch * order.batch or order.batch if order.batch else size


def _shards(rows: _Rows, survey: _Survey, order: Order, todo: set[int]) -> Iterator[Shard]:
    size, number = _size(order), 1
    people: list[Person] = []
    digest = hashlib.sha256()
    with rejects(order.out / REJECTS, order.people, wanted=bool(survey.bad)) as reject:
        for found in rows:
            if found.person is None:
                reject(found)
                continue
            digest.update(msgspec.json.encode(found.person))
            people.append(found.person)
            if len(people) == size:
                if number in todo:
                    yield _shard(rows, order, number, people)
                people, number = [], number + 1
        if people and number in todo:
            yield _shard(rows, order, number, people)
        if digest.digest() != survey.digest.digest():
            raise list_changed(order.people)


def _shard(rows: _Rows, order: Order, number: int, people: list[Person]) -> Shard:
    groups = {person.group for person in people}
    return Shard(
        number=number,
        first=(number - 1) * _size(order) + 1,
        people=tuple(people),
        papers={group: rows.paper(group) for group in groups},
        formats=order.formats,
        batch=order.batch,
        folder=str(order.out),
        letterhead=rows.letterhead,
    )


def _finish(
    service: IncidentService, incident: Incident, order: Order, found: tuple[_Survey, Addressing, int]
) -> Written:
    from runner.app.incidents.evidence import take

    survey, addressing, made = found
    joined = join(order.out, -(-survey.people // _size(order)))
    groups = tuple(
        msgspec.structs.replace(one, letters=joined.by_group[key])
        for key, one in sorted(addressing.groups.items())
        if joined.by_group[key]
    )
    summary = Letters(
        incident=incident.codename,
        kind=incident.kind,
        people_sha256=survey.digest.hexdigest(),
        letters=joined.letters,
        files=joined.files,
        pages=joined.pages,
        groups=groups,
        manifest_sha256=joined.digest.hexdigest(),
        root=f"sha256:{joined.tree.root}",
        differences=survey.differences,
        accepted=order.accept_counts if survey.differences else "",
    )
    path = order.out / SUMMARY
    content = msgspec.json.format(msgspec.json.encode(summary, order="sorted"), indent=1)
    replace_file(path, content)
    digest = hashlib.sha256(content).hexdigest()
    known = [evidence.id for evidence in incident.evidence.values() if evidence.sha256 == digest]
    if not known and not order.draft:
        source = f"tocsin notice letters: {joined.letters} letters in {joined.files} files, Merkle root {summary.root}"
        event = take(service, incident.id, path, source)
        service.act(service.principal, incident.id, [RecordCustody(event=event)])
        known = [event.evidence]
    return filled(
        Written,
        summary,
        folder=str(order.out),
        made=made,
        rejected=survey.bad,
        unserved=addressing.unserved(),
        dropped=survey.dropped,
        evidence=known[0] if known else "",
    )
