"""What each audience of a bundle receives: one table, ``audiences.csv``. What is not in the table is withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, cast, get_args

from runner.app.core.rights import require
from runner.base.table_file import table_rows
from runner.errors import Refused, Usage

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from runner.app.core.reader import Reader
    from runner.app.core.repository import Link, StoredEvent
    from runner.base.actor import Principal
    from runner.incident.state.incident import Incident

Level = Literal["full", "envelope", "hash"]
"""Of an entry: with its content; who, when and what type; its digest only."""
Part = Literal["documents", "evidence", "messages"]
Reason = Literal["", "audience", "privileged", "personnel", "before_since", "not_asked_for", "erased"]
AUDIENCES = ("counsel", "court", "regulator", "insurer", "board", "public")
PARTS: tuple[Part, ...] = get_args(Part)
_STREAMS: dict[str, Reason] = {"privileged": "privileged", "hr": "personnel"}


class Given(NamedTuple):
    """One entry of the journal, and what of it an audience receives."""

    event: StoredEvent
    link: Link | None
    level: Level
    reason: Reason
    """Why it is not complete."""


class Audience:
    """One column of the table."""

    def __init__(self, name: str) -> None:
        """Take the audience's name; raises Usage for another."""
        if name not in AUDIENCES:
            hint = f"Use one of: {', '.join(AUDIENCES)}"
            raise Usage(f'Audience "{name}" is unknown.', hint=hint, code="unknown_audience")
        rows = table_rows("runner.app.bundles", "audiences.csv")
        self.name = name
        self._cells = {row["name"]: row[name] for row in rows}
        self._parts = {row["name"]: row["with"] for row in rows}

    def gets(self, what: str) -> str:
        """Return what the table says about documents, evidence and the like: ``yes``, ``no`` or a choice."""
        return self._cells[f"({what})"]

    @property
    def default(self) -> frozenset[Part]:
        """What the audience receives if nothing is asked for."""
        return frozenset() if self.gets("documents") == "none" else frozenset({"documents"})

    def level(
        self, event: StoredEvent, link: Link | None, since: datetime | None, parts: Collection[Part]
    ) -> tuple[Level, Reason]:
        """Return what of an entry is given, and why not all of it."""
        of_stream = self._cells.get(f"({event.stream} stream)", "full")
        level = cast("Level", self._cells.get(event.type, "hash"))
        if link is None or of_stream != "full":
            return "hash", _STREAMS.get(event.stream, "audience")
        if level == "hash":
            return "hash", "audience"
        if since is not None and event.recorded < since:
            return "hash", "before_since"
        part = self._parts[event.type]
        if part and part not in parts:
            return "envelope", "not_asked_for"
        if level == "full" and (link.payload is None or link.salt is None):
            return "envelope", "erased"
        return level, "" if level == "full" else "audience"

    def require(
        self, reader: Reader, principal: Principal, incident: Incident, parts: Collection[Part]
    ) -> None:
        """Raise Refused if a person may not export for this audience, or if it does not receive a part."""
        privileged = self.gets("privileged stream") == "full"
        may = reader.may("record.export", incident)
        may = may and (reader.may("note.privileged", incident) or not privileged)
        require(may, principal, f"export {incident.codename} for {self.name}")
        for part in PARTS:
            if part in parts and self.gets(part) in ("no", "none"):
                raise Refused(
                    f"The audience {self.name} does not receive {part}.",
                    hint=f"Leave out the {part}, or export for another audience",
                    code="audience_part",
                )
