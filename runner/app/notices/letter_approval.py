"""Approval of a run of letters by a sample of each text.

An approval is valid for one list, one number of people, and the exact templates and texts: letters of any other list or text
are marked as drafts again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from runner.decoding import from_json
from runner.effects.notices.letters import MANIFEST
from runner.errors import NotFound, Refused, TocsinError
from runner.incident.notices.letters import SUMMARY, Group, GroupKey, Letters, Line
from runner.incident.notices.staleness import passed
from runner.incident.notices.verification import current_texts, refuse_unverified
from runner.incident.state.commands import SignLetters
from runner.incident.state.documents import Document
from runner.incident.state.events import LettersSigned
from runner.incident.state.incident import Incident
from runner.incident.steps.approvals import approvals_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def approvers(incident: Incident, people_sha256: str, people: int) -> dict[str, tuple[str, ...]]:
    """Return who approved which wording for a list."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for one in incident.letters:
        if (one.kind, one.people_sha256, one.people) == ("approved", people_sha256, people):
            for text in one.texts:
                found[text] = (*found[text], one.by)
    return dict(found)


def run_of(incident: Incident, folder: Path) -> tuple[str, Letters]:
    """Return the evidence file and the summary of a recorded run; raises NotFound for another folder."""
    path = folder / SUMMARY
    content = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(content).hexdigest()
    run = next((one.id for one in incident.evidence.values() if one.sha256 == digest), "")
    if not run:
        raise NotFound(
            f'Folder "{folder}" has no letters that this incident recorded.',
            hint="Name the folder that the letters were written to with --out",
            code="letters_unknown",
        )
    return run, from_json(content, Letters)


def runs(service: IncidentService, incident: Incident) -> Iterator[tuple[str, Letters]]:
    """Yield the evidence file and the summary of each recorded run, the newest first; one that cannot be read is left out."""
    for one in reversed(list(incident.evidence.values())):
        if one.name == SUMMARY:
            with suppress(TocsinError):
                yield one.id, from_json(service.repository.document(one.sha256), Letters)


def samples(read: Callable[[str], bytes], found: Letters, size: int) -> list[Line]:
    """Return letters of each text, evenly over the list; raises Refused if a file is not the recorded one.

    ``read`` returns the bytes of a file of the run.
    """
    content = read(MANIFEST)
    groups: defaultdict[GroupKey, list[Line]] = defaultdict(list)
    lines = (from_json(line, Line) for line in reversed(content.splitlines()))
    letters = {line.n: line for line in lines}
    for line in reversed(letters.values()):
        groups[line.group].append(line)
    chosen = [line for lines in groups.values() for line in lines[:: max(len(lines) // size, 1)][:size]]
    same = hashlib.sha256(content).hexdigest() == found.manifest_sha256
    if not same or any(hashlib.sha256(read(one.file)).hexdigest() != one.sha256 for one in chosen):
        raise Refused(
            "The letters changed after they were made.",
            hint="Make the letters again in another folder: --out DIR",
            code="letters_changed",
        )
    return chosen


def unverified_items(incident: Incident, found: Letters) -> tuple[str, ...]:
    """Return the items of the letters that no notice ticked, in the order of their numbers."""
    open_: dict[str, None] = {}
    for group in found.groups:
        ticks = {item for text in _texts(incident, group) for item in text.ticks}
        open_ |= dict.fromkeys(item for item in group.to_verify if item not in ticks)
    return tuple(open_)


def approved_from(incident: Incident, found: Letters) -> tuple[tuple[str, ...], list[str]]:
    """Return the items that are open, and the digests of the notices: an approval of other ones is another approval."""
    texts = (text.digest for group in found.groups for text in _texts(incident, group))
    return unverified_items(incident, found), sorted(texts)


def _texts(incident: Incident, group: Group) -> list[Document]:
    about = (group.duty, group.notice)
    return [text for text in current_texts(incident) if (text.duty, text.notice) == about]


def items_to_verify(
    incident: Incident, found: Letters, folder: Path, ticked: Sequence[int]
) -> tuple[str, ...]:
    """Return the items of the letters that no notice ticked and their reader did, by number.

    Raises Refused for items that nobody ticked, and for a notice that is not verified and approved.
    """
    for group in found.groups:
        for text in _texts(incident, group):
            passed(incident, text, "", "")  # raises Refused if facts changed since
            waiting = [one for one, ended in approvals_of(incident, text).items() if not ended]
            again = f"Then sign the letters: tocsin notice sign-letters {quote(str(folder))}"
            approve = f"person who is not its author: tocsin approve {quote(waiting[0])}" if waiting else ""
            then = f". Then, a {approve}" if waiting else ""
            refuse_unverified(incident, text, f"{then}. {again}")
            if waiting:
                raise Refused(
                    f'The letters use notice "{text.id}" for {group.duty}. It is verified, but not approved.',
                    hint=f"Needs a {approve}. {again}",
                    code="not_approved",
                )
    open_ = unverified_items(incident, found)
    if left := [number for number in range(1, len(open_) + 1) if number not in ticked]:
        raise Refused(
            f"The letters have items to verify: {'; '.join(f'{n}. {item}' for n, item in enumerate(open_, 1) if n in left)}.",
            hint=f"Read the letters, then: tocsin notice sign-letters {quote(str(folder))} --tick {' --tick '.join(map(str, range(1, len(open_) + 1)))}",
            code="items_open",
        )
    return open_


def approval(run: str, found: Letters, read: list[Line], verified: tuple[str, ...]) -> SignLetters:
    """Return the command that approves a run; ``verified`` has the items that its person confirms."""
    event = LettersSigned(
        run=run,
        kind="approved",
        people_sha256=found.people_sha256,
        people=found.letters,
        texts=tuple(dict.fromkeys(group.wording for group in found.groups)),
        by="",
        samples=tuple(one.sha256 for one in read),
        verified=verified,
    )
    return SignLetters(event=event)
