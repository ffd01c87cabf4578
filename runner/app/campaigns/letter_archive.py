"""Letters that were made in a browser: the files of a run and its list, encrypted with the key of the incident.

At the command line a person keeps the folder of a run. Here nothing is left in clear: the files are one ZIP document of the
incident, which nobody can read after the incident's data are erased.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
from msgspec.structs import replace

from runner.app.notices.letter_approval import approval, approvers, items_to_verify, samples
from runner.app.notices.letters import Order, write_letters
from runner.decoding import from_json
from runner.errors import Invalid, NotFound, Refused
from runner.incident.notices.letters import SUMMARY, Letters, Line
from runner.incident.state.commands import SignLetters
from runner.incident.state.incident import Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

MOST = 1_000
"""People of a run: a page is made by one of few threads."""
EACH = 3
"""Letters of each text in a sample."""
_PREFIX = "letters"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What letters were asked for, besides the list."""

    notice: str
    duties: tuple[str, ...] = ()
    population: str = ""
    batch: int = 0
    skip_bad: bool = False
    draft: bool = False
    repeated: str = ""
    accept_counts: str = ""


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One run with its files; no personal data."""

    id: str
    files: str
    """SHA-256 of the ZIP document."""
    people: str
    """SHA-256 of the list as a document."""
    list_name: str
    request: Request
    evidence: str
    """The evidence file of the run; empty for drafts."""
    at: datetime


class Opened:
    """An archive with its files."""

    def __init__(self, service: IncidentService, archive: Archive) -> None:
        """Decrypt the files."""
        self.archive = archive
        self.content = service.repository.document(archive.files)
        self._zip = ZipFile(io.BytesIO(self.content))
        self.letters = from_json(self.read(SUMMARY), Letters)

    def read(self, name: str) -> bytes:
        """Return one file; raises NotFound."""
        try:
            return self._zip.read(name)
        except KeyError:
            raise NotFound(f'The letters have no file "{name}".', code="file_missing") from None

    def sample(self) -> list[tuple[Line, str]]:
        """Return letters of each text, each with its words; these are empty in a file of many letters."""
        found = samples(self.read, self.letters, EACH)
        apart = not self.archive.request.batch
        return [
            (one, self.read(f"{one.file.rpartition('.')[0]}.txt").decode() if apart else "") for one in found
        ]


def make(service: IncidentService, incident: Incident, request: Request, name: str, body: bytes) -> Archive:
    """Make letters to the people of a list, and keep the files encrypted; raises Invalid or Refused as ``write_letters``."""
    with uploaded(service, name, body) as people:
        folder = people.parent / "letters+made"
        order = Order(
            **msgspec.structs.asdict(request),
            people=people,
            out=folder,
            formats=("pdf",) if request.batch else ("pdf", "txt"),
            most=MOST,
        )
        written = write_letters(service, incident, order, lambda done, total: None)
        files = _zipped(folder)
        list_name = people.name
    kept = Archive(
        id=service.chance.name("l"),
        files=service.keep_document(service.principal, incident.id, files),
        people=service.keep_document(service.principal, incident.id, body),
        list_name=list_name,
        request=request,
        evidence=written.evidence,
        at=service.clock.now(),
    )
    key = f"{_PREFIX}/{incident.id}/{kept.id}"
    service.change_marks([key], lambda before: {key: msgspec.json.encode(kept)})
    return kept


def again(service: IncidentService, incident: Incident, archive: Archive) -> Archive:
    """Make the letters of the same list again, after their approval."""
    body = service.repository.document(archive.people)
    return make(service, incident, archive.request, archive.list_name, body)


def archives(service: IncidentService, incident: Incident) -> list[Archive]:
    """Return the runs that have their files here, the newest first."""
    found = (from_json(body, Archive) for body in service.marks(f"{_PREFIX}/{incident.id}/").values())
    return sorted(found, key=lambda one: (one.at, one.id), reverse=True)


def summary(service: IncidentService, incident: Incident, name: str) -> tuple[Archive, Letters]:
    """Return one run without its files, which are large; raises NotFound."""
    archive = _archive(service, incident, name)
    recorded = incident.evidence.get(archive.evidence)
    if recorded is None:
        return archive, Opened(service, archive).letters
    return archive, from_json(service.repository.document(recorded.sha256), Letters)


def opened(service: IncidentService, incident: Incident, name: str) -> Opened:
    """Return one run with its files; raises NotFound."""
    return Opened(service, _archive(service, incident, name))


def _archive(service: IncidentService, incident: Incident, name: str) -> Archive:
    for one in archives(service, incident):
        if one.id == name:
            return one
    raise NotFound(
        f'Letters "{name}" do not exist.', hint="Use a link of the page of letters", code="letters_unknown"
    )


def is_approved(incident: Incident, found: Letters) -> bool:
    """Tell whether all texts of a run are approved for its list."""
    given = approvers(incident, found.people_sha256, found.letters)
    return all(group.wording in given for group in found.groups)


def sign(incident: Incident, run: Opened, manifest: str, ticked: list[int]) -> SignLetters:
    """Return the command that approves a run; ``manifest`` is the SHA-256 of what the person read."""
    if not run.archive.evidence:
        raise Refused("Drafts cannot be approved.", hint="Make the letters without drafts", code="not_final")
    if manifest != run.letters.manifest_sha256:
        raise Refused(
            "These are not the letters that you read.", hint="Read the sample again", code="digest_changed"
        )
    verified = items_to_verify(incident, run.letters, Path(run.archive.list_name), ticked)
    return approval(run.archive.evidence, run.letters, [line for line, _ in run.sample()], verified)


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".lock":
                packed.write(path, str(path.relative_to(folder)))
    return content.getvalue()


FOLDER = "uploads"
"""In the home; no backup contains it."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a list from a browser, some 30,000 people: a page is made by one of few threads."""
FIELD = "file"
"""The name of the field, so that a problem of a line is shown beside it."""


@contextmanager
def uploaded(service: IncidentService, name: str, body: bytes) -> Iterator[Path]:
    """Yield a list from a browser as a file of the home, for its owner only, and remove it; an Invalid from the block names lines, no path."""
    if len(body) > LARGEST:
        raise Refused(
            f"The file has more than {LARGEST // 1024 // 1024} MB. Nothing was recorded.",
            hint="Use a smaller list, or at the server: tocsin bulk plan NOTICE --people FILE",
            code="list_too_large",
        )
    safe = "".join(one if one.isalnum() or one in "-._" else "_" for one in name).lstrip(".")[-80:]
    place = service.folder / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    with TemporaryDirectory(dir=place) as folder:
        path = Path(folder) / (safe or "people.csv")
        path.write_bytes(body)
        try:
            yield path
        except Invalid as error:
            problems = [
                replace(one, file=FIELD, message=f"Line {one.line}: {one.message}.") for one in error.problems
            ]
            words = error.message.replace(f"{folder}/", "")
            raise Invalid(words, hint=error.hint, problems=problems, code=error.code) from None
