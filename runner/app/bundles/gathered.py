"""What a bundle is made of: the entries with what is given of each, and the files of its payload."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from runner.app.bundles.audiences import Audience, Given, Level, Part
from runner.errors import Refused
from runner.incident.state.events import AnyEvent, DutiesAssessed, IncidentOpened, Stream
from runner.reports.core.event_row import decode_event
from runner.reports.core.report import csv_text
from runner.reports.incidents.event_descriptions import Words
from runner.reports.incidents.timeline import Timeline, timeline

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.app.core.repository import Link, StoredEvent
    from runner.incident.state.incident import Incident

LARGEST = 4 * 1024**3 - 64 * 1024**2
"""Bytes of the files of a bundle: a ZIP file without extensions has no room for more."""
Content = bytes | Callable[[], bytes]
"""The bytes of a file, or a function that reads them again from the store."""
ALL = get_args(Stream)
Stamp = Literal["none", "checked", "unchecked"]
"""The timestamp of the head, and whether its signature was checked when it was received."""


class Gathered:
    """The data of one bundle. Everything readable in it is made from the entries that are given whole."""

    def __init__(
        self,
        service: IncidentService,
        reader: Reader,
        incident: Incident,
        audience: Audience,
        parts: Collection[Part],
        since: datetime | None,
    ) -> None:
        """Read the journal up to the incident's version."""
        self.service, self.reader, self.incident = service, reader, incident
        self.audience, self.parts, self.since = audience, parts, since
        self.entries = [
            Given(event, link, *audience.level(event, link, since, parts))
            for event, link in map(self._in_its_stream, reader.links(incident))
            if event.seq <= incident.version
        ]
        self.files: dict[str, Content] = {}
        self._sizes: dict[str, tuple[int, str]] = {}
        self.timestamp: Stamp = "none"
        self.documents = self.evidence = self.unreadable = 0
        self.listed: list[Mapping[str, str]] = []
        """Documents and evidence files for the load file: column → text."""

    def _in_its_stream(self, entry: tuple[StoredEvent, Link | None]) -> tuple[StoredEvent, Link | None]:
        """Return an entry with the stream of what it corrects: in an older journal, all corrections are operational."""
        stream = self.incident.streams.get(entry[0].seq, entry[0].stream)
        return msgspec.structs.replace(entry[0], stream=stream), entry[1]

    def put(self, name: str, content: bytes) -> None:
        """Add a file below ``data``."""
        self.files[name] = content

    def put_json(self, name: str, value: object) -> None:
        """Add a file of JSON."""
        self.put(name, msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n")

    def put_csv(self, name: str, rows: list[tuple[str, ...]]) -> None:
        """Add a table; its first row has the heads."""
        self.put(name, csv_text(rows[0], rows[1:]).encode())

    def put_stored(self, name: str, size: int, digest: str, read: Callable[[], bytes]) -> None:
        """Add a file of the store, which is read again when it is written."""
        self.files[name], self._sizes[name] = read, (size, digest)
        if sum(size for size, _ in self._sizes.values()) > LARGEST:
            raise Refused(
                "The bundle would be larger than 4 GB.",
                hint="Export without evidence, and hand the evidence over beside the bundle.",
                code="bundle_too_large",
            )

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file."""
        content = self.files[name]
        return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else self._sizes[name][1]

    def size(self, name: str) -> int:
        """Return the bytes of a file."""
        content = self.files[name]
        return len(content) if isinstance(content, bytes) else self._sizes[name][0]

    @property
    def head(self) -> str:
        """The head of the journal that the bundle covers."""
        return f"{len(self.entries)}:sha256:{self.entries[-1].event.hash}"

    @property
    def at(self) -> datetime:
        """The time of the last entry: the bundle has no later one."""
        return self.entries[-1].event.recorded

    @cached_property
    def levels(self) -> dict[Level, int]:
        """The number of entries of each level."""
        found = Counter(given.level for given in self.entries)
        return {"full": found["full"], "envelope": found["envelope"], "hash": found["hash"]}

    @cached_property
    def whole(self) -> list[tuple[StoredEvent, AnyEvent]]:
        """The entries that are given whole."""
        given = ((one.event, decode_event(one.event)) for one in self.entries if one.level == "full")
        return [(row, event) for row, event in given if event is not None]

    @cached_property
    def scope(self) -> dict[str, Any]:
        """The scope statement: who receives what, and how much is withheld and why."""
        withheld = Counter((one.event.stream, one.level, one.reason) for one in self.entries if one.reason)
        return {
            "schema": "tocsin/bundle-scope/v1",
            "incident": self.incident.id,
            "kind": self.incident.kind,
            "audience": self.audience.name,
            "since": self.since,
            "with": sorted(self.parts),
            "head": self.head,
            "levels": self.levels,
            "withheld": [
                {"stream": stream, "level": level, "reason": reason, "count": number}
                for (stream, level, reason), number in sorted(withheld.items())
            ],
            "duties": self._verdicts(),
            "documents": self.documents,
            "evidence": self.evidence,
            "unreadable": self.unreadable,
        }

    def _verdicts(self) -> str:
        """Return whether verdicts on legal duties are given, and why not: no file must not read as no duty."""
        if "duties/duties.json" in self.files:
            return "given"
        assessed = [one for one in self.entries if one.event.type == DutiesAssessed.__name__]
        if any(one.reason not in ("", "before_since") for one in assessed):
            return "withheld"
        if any(one.level == "full" for one in assessed):
            return "no duty that applies or may apply"
        return "no assessment in this period" if self.since is not None else "no assessment"

    @cached_property
    def title(self) -> str:
        """The title of the incident, if the entry that has it is given."""
        opened = (event.title for _, event in self.whole if isinstance(event, IncidentOpened))
        return next(opened, "")

    @cached_property
    def organisation(self) -> str:
        """The name of the organisation."""
        return str(self.service.home.organisation.get("name") or "")

    @cached_property
    def chronology(self) -> Timeline:
        """The timeline of the entries that are given; names of tasks and recipients only if nothing of them is withheld."""
        rows = [
            one.event if one.level == "full" else msgspec.structs.replace(one.event, payload=None)
            for one in self.entries
            if one.level != "hash"
        ]
        complete = all(one.level == "full" for one in self.entries if one.event.stream == "operational")
        words = None if complete else Words(titles={}, recipients={})
        return timeline(self.incident, self.service.library(self.incident), rows, ALL, words)


def plain_name(text: str) -> str:
    """Return a file name of plain letters, at most 60, for any system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")[-60:].strip(".-") or "file"
