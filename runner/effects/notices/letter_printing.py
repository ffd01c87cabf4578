"""Print batches of a shard: letters of one form are stamped onto the same pages, the others are set whole.

A file holds letters of one form, so that all of them have as many pages. Which letters are in doubt, and why they are not
stamped, is told in ``runner.documents.pdf.print_overlay``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeVar

from runner.documents.pdf.print_overlay import Form, Overprint, Paper
from runner.documents.pdf.typst_compiler import Press
from runner.documents.tree import Block
from runner.effects.notices.letter_shards import File, Shard, kept, letter, line_of, marks
from runner.incident.notices.letters import MAX_WHOLE, Line, Person

_T = TypeVar("_T")
_WORTH = 4
"""Letters from which a form is worth its own layout."""
_MADE_UP = (
    Person(reference="A", name="A", address="A\nA"),
    Person(reference="B", name="B", address="B\nB"),
)
"""Two readers who have nothing in common: where their letters differ is what is a reader's own."""


class _Own(NamedTuple):
    """What is one reader's own, and nothing of what all share: a shard of these is small."""

    n: int
    person: Person
    text: str
    blocks: tuple[Block, ...]


def batches(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write the batches of a shard and yield a line for each letter, file by file."""
    numbers, overprint = count(1), Overprint()
    forms, whole = _sorted(shard)
    for form, members in forms.items():
        for chunk in _chunks(members, shard.batch):
            left: Sequence[_Own] = chunk
            while len(left) >= _WORTH:
                # those that do not fit the first one's pages may have the same pages among themselves
                stamped = overprint.print(form, [member.blocks for member in left])
                fitting = [one for one, fits in zip(left, stamped.fits, strict=True) if fits]
                if not fitting:
                    break
                left = [one for one, fits in zip(left, stamped.fits, strict=True) if not fits]
                name = f"{marks(form.paper.document)}{shard.name}-{next(numbers):03d}.pdf"
                yield from _lines(fitting, kept(shard, part, name, stamped.content), stamped.pages)
            whole += [(member.n, member.person) for member in left]
    yield from _whole(shard, part, sorted(whole), numbers)


def _lines(letters: Sequence[_Own], file: File, pages: int) -> Iterator[tuple[Line, Person]]:
    for k, one in enumerate(letters):
        yield line_of(one.n, one.person, one.text, file, (k * pages + 1, pages)), one.person


def _sorted(shard: Shard) -> tuple[Mapping[Form, list[_Own]], list[tuple[int, Person]]]:
    """Sort the letters of a shard by their form; those without are set whole."""
    papers: dict[tuple[str, str], Paper] = {}
    forms: dict[Form, list[_Own]] = {}
    whole: list[tuple[int, Person]] = []
    for n, person in enumerate(shard.people, shard.first):
        source = shard.papers[person.group]
        if person.group not in papers:
            papers[person.group] = Paper(*(letter(source, recipient) for recipient in _MADE_UP))
        document = letter(source, person)
        form = papers[person.group].form(document)
        if form is None:
            whole.append((n, person))
        else:
            forms.setdefault(form, []).append(_Own(n, person, document.digest, form.own(document)))
    return forms, whole


def _whole(
    shard: Shard, part: Path, letters: Sequence[tuple[int, Person]], numbers: Iterator[int]
) -> Iterator[tuple[Line, Person]]:
    """Set letters together as they are; what is set at once is held in memory at once."""
    press = Press(tagged=False)
    for chunk in _chunks(letters, min(shard.batch, MAX_WHOLE)):
        documents = [letter(shard.papers[person.group], person) for _, person in chunk]
        printed = press.print(documents)
        name = f"{marks(documents[0])}{shard.name}-{next(numbers):03d}.pdf"
        file = kept(shard, part, name, printed.content)
        page = 1
        for (n, person), document, pages in zip(chunk, documents, printed.pages, strict=True):
            yield line_of(n, person, document.digest, file, (page, pages)), person
            page += pages


def _chunks(members: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (members[start : start + size] for start in range(0, len(members), size))
