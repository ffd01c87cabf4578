"""Checkpoints of the log of heads: when one is made, who signs it, and its copy outside of the database.

A copy of a checkpoint shows later that the database was replaced by an older copy. Each machine that runs a command keeps the
newest one in its user's state folder; the footer of each message names it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from runner.app.core.proof.signing_keys import ListedKey, listed_keys, log_name, signing_key
from runner.app.core.repository import (
    Append,
    Appended,
    Conflict,
    Head,
    HeadFault,
    HeadsCheck,
    KeptCheckpoint,
    Store,
)
from runner.errors import Invalid, Sealed, TocsinError, Usage, warning
from runner.proof.note import Checkpoint, NoteKey, parse_checkpoint, parse_note

EVERY = timedelta(minutes=10)
"""The longest time between a change and the checkpoint that covers it, while a worker or a command runs."""
AT_ONCE = frozenset(
    {
        *("ApprovalGiven", "CommandTaken", "DutyRecorded", "IncidentCancelled", "IncidentClosed"),
        *("IncidentShredded", "PersonForgotten"),
    }
)
"""Events after which a checkpoint is made at once."""
LOST_KEY = "The signing key of this home folder cannot be read."
_NAMED = re.compile(r"(\d{1,18}):([0-9a-f]{32,64})")
_MEMORY = re.compile(r"checkpoint-[0-9a-f]{24}\.note")
_SHOWN = 32
"""Hexadecimal digits of a root in a footer: 128 bits."""


Results = list[Appended | Conflict]


class Checkpoints:
    """The checkpoints of one home, as one process makes and remembers them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next: datetime | None = None
        self._say: Callable[[str], None] | None = None
        self._warned = False
        self._home = ""
        self.memory: Path | None = None
        """The file outside of the database with the newest checkpoint that this system user saw."""

    def make(self, now: datetime) -> KeptCheckpoint | None:
        """Keep a checkpoint of all that is committed, and return the newest; raises Sealed without the master key."""
        key, listed = signing_key(self._store, now)
        name = log_name(listed)

        def signed(size: int, root: bytes) -> str:
            return key.note(Checkpoint(origin=name, size=size, root=root).text(), name)

        made = self._store.log.checkpoint(now, signed)
        self.remember()
        return made

    def write(self, append: Callable[..., Results], batch: Sequence[Append], recorded: datetime) -> Results:
        """Append, make a checkpoint if one is due, and return the results; the append stands if the checkpoint fails."""
        results, now = append(batch, recorded=recorded), recorded
        at_once = any(event.type in AT_ONCE for append in batch for event in append.events)
        if not at_once and self._next is not None and now < self._next:
            return results
        try:
            newest = self._store.log.newest()
            if at_once or _is_due(newest, now):
                newest = self.make(now)
            self._next = now + EVERY if newest is None else newest.recorded + EVERY
        except TocsinError as error:
            if self._say is not None:
                why = LOST_KEY if isinstance(error, Sealed) else error.message
                self._say(warning("checkpoint_failed", f"No checkpoint could be made. {why}"))
        return results

    def round(self, now: datetime) -> None:
        """Make a checkpoint if the newest is older than the pause; for a program that runs for long."""
        if _is_due(self._store.log.newest(), now):
            self.make(now)
        self.look()

    def is_key_lost(self) -> bool:
        """Whether the present signing key cannot be read although the key of the heads can."""
        listed = listed_keys(self._store)
        try:
            return bool(listed and not self._store.vouch(listed[-1].name, b""))
        except Sealed:
            return True

    def is_memory_lost(self) -> bool:
        """Whether this system user cannot remember checkpoints outside of the database."""
        if self.memory is None:
            return False
        there = next((one for one in self.memory.parents if os.path.exists(one)), self.memory)  # noqa: PTH110
        return not (there.is_dir() and os.access(there, os.W_OK))

    def newest(self) -> str:
        """Return the newest checkpoint as ``SIZE:ROOT``, with 32 digits of its root; empty before the first, or if it cannot be read."""
        with suppress(TocsinError):
            newest = self._store.log.newest()
            if newest is not None:
                return f"{newest.size}:{checkpoint_of(newest.note).root.hex()[:_SHOWN]}"
        return ""

    def footer(self) -> str:
        """Return the newest checkpoint for a footer, after a separator; a checkpoint that cannot be read stops no message."""
        newest = self.newest()
        return f" · log {newest}" if newest else ""

    def reference(self, head: Head) -> str:
        """Return a journal's head and the newest checkpoint, for the footer of a paper that is made once."""
        return f"{head.version}:sha256:{head.hash}{self.footer()}"

    def begin(self, state: Path | None, home: Path, say: Callable[[str], None]) -> None:
        """Remember checkpoints in a user's state folder from now on; warn if the one there contradicts the database."""
        self.memory, self._say, self._home = memory_of(state, home), say, os.path.realpath(home)
        self.look()

    def look(self) -> None:
        """Remember the newest checkpoint; warn once if the remembered one contradicts the database."""
        known = True
        copies: tuple[Path, ...] = ()
        with suppress(TocsinError):  # the command itself says what is wrong with the database
            known = self.remember()
            copies = () if self._warned else self.copies()
        if self._warned or self._say is None:
            return
        if copies:
            self._warned = True
            files, known_of = " and ".join(map(str, copies)), "; ".join(map(_seen, copies))
            self._say(
                warning(
                    "two_copies",
                    f"Another copy of this home folder continues ({known_of}). Decide with the others which copy is the record, "
                    f"and stop all work in the other. If the other copy has ended, move {files} to another folder",
                )
            )
        if not known:
            self._warned = True
            self._say(
                warning(
                    "rolled_back",
                    "The database is older than, or another one than, this machine saw before. Run: tocsin audit verify. "
                    f"If you put back this copy yourself, move {self.memory} to another folder",
                )
            )

    def end(self) -> None:
        """Remember the newest checkpoint at the end of a command."""
        with suppress(TocsinError):
            self.remember()

    def copies(self) -> tuple[Path, ...]:
        """Return the files in the user's state folder that show another copy of this home: at another path, and going on by itself."""
        if self.memory is None:
            return ()
        listed = listed_keys(self._store)
        with suppress(OSError):  # a state folder that cannot be read stops no command
            found = self.memory.parent.glob("checkpoint-*.note")
            others = (one for one in found if _MEMORY.fullmatch(one.name) and one != self.memory)
            read = ((one, one.read_text("utf-8", errors="replace")) for one in others)
            return tuple(one for one, note in read if self._is_copy(note, listed))
        return ()

    def remember_copy(self, named: str) -> None:
        """Keep a checkpoint of another copy, so that each command of this system user warns; it is as ``check`` takes it."""
        listed = listed_keys(self._store)
        if self.memory is None or not listed:
            return
        text = named if "\n" in named else f"{log_name(listed)}\n{named.strip()}\n"
        with suppress(OSError):
            _write(_memory_file(self.memory.parent, text.encode()), text)

    def _is_copy(self, note: str, listed: Sequence[ListedKey]) -> bool:
        """Tell whether a note is a checkpoint of this log that the log does not have, and that another key signed.

        A copy from a pack signs with a new key: its checkpoints are not those of an older or newer state of this one.
        """
        origin, _, named = note.strip().partition("\n")
        if not listed or origin != log_name(listed):  # most notes of a state folder are of other homes
            return False
        if _NAMED.fullmatch(named):
            told = _read(named)
            same = self._store.log.newest(told.size)
            known = None if same is None else _read_or_none(same.note)
            return known is None or known.root[: len(told.root)] != told.root
        said = _read_or_none(note)
        if said is None:
            return False
        same = self._store.log.newest(said.size)
        present = NoteKey(said.origin, bytes.fromhex(listed[-1].public)).id
        signed = {one.id for one in parse_note(note.encode()).signatures}
        return present not in signed and (same is None or _read_or_none(same.note) != said)

    def remembered(self) -> Checkpoint | None:
        """Return the checkpoint outside of the database; None without a file, or if it cannot be read."""
        return remembered_in(self.memory)

    def remember(self) -> bool:
        """Keep the newest checkpoint outside of the database; False, and nothing, if the one kept there contradicts it."""
        if self.memory is None:
            return True
        kept, newest = self.remembered(), self._store.log.newest()
        if kept is not None:
            is_newest = newest is None or newest.size == kept.size
            same = newest if is_newest else self._store.log.newest(kept.size)
            if same is None or _read_or_none(same.note) != kept:
                return False
        if newest is not None and (kept is None or kept.size < newest.size):
            with suppress(OSError):
                _write(self.memory, newest.note)
                _write(self.memory.with_suffix(".home"), self._home)
        return True

    def check(self, incident: str | None = None, named: str = "") -> HeadsCheck:
        """Check the log against its signatures, the remembered checkpoint, and one ``named`` as in a footer, or as the text of a note."""
        kept, is_copy = self.remembered(), self._is_copy(named, listed_keys(self._store))
        known = [] if is_copy or not named else [_read(named)]
        found = self._store.log.check(_trusted(self._store), [*known, *([kept] if kept else [])], incident)
        if is_copy:
            self.remember_copy(named)
        elif not self.copies():
            return found
        why = "another copy of this home folder continues: its log has entries that are not in this one"
        fault = HeadFault(code="two_copies", incident="", seq=0, why=why)
        return msgspec.structs.replace(found, faults=(*found.faults, fault))


def memory_of(state: Path | None, home: Path) -> Path | None:
    """Return the file in a user's state folder that remembers the newest checkpoint of the home at this path."""
    if state is None:
        return None
    return _memory_file(state, os.fsencode(os.path.realpath(home)))


def _memory_file(state: Path, of: bytes) -> Path:
    """Return the file in a state folder that remembers a checkpoint, named after the path of its home or its text."""
    return state / f"checkpoint-{hashlib.sha256(of).hexdigest()[:24]}.note"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = file.with_name(f"{file.name}.new")
    written.write_text(text, encoding="utf-8", errors="replace")
    written.replace(file)


def _seen(copy: Path) -> str:
    """Return the home folder of a copy, where it is known, and when this machine saw a checkpoint of the copy."""
    place, at = "at an unknown place", ""
    with suppress(OSError, ValueError):
        at = f", seen {datetime.fromtimestamp(copy.stat().st_mtime, UTC):%Y-%m-%d %H:%M} UTC"
        place = copy.with_suffix(".home").read_text("utf-8")
    return f"{place}{at}"


def remembered_in(memory: Path | None) -> Checkpoint | None:
    """Return the checkpoint of such a file; None without one, or if it cannot be read."""
    try:
        return None if memory is None else _read_or_none(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def set_aside(memory: Path | None, now: datetime) -> str:
    """Keep the checkpoint of an earlier home at the same path under a dated name, and return the path; empty without one."""
    if memory is None or not os.path.exists(memory):  # noqa: PTH110 - False also for a folder that cannot be read
        return ""
    aside = memory.with_name(f"{memory.stem}.{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.note")
    with suppress(OSError):  # then the next command warns
        memory.replace(aside)
    return str(aside)


def _is_due(newest: KeptCheckpoint | None, now: datetime) -> bool:
    return newest is None or newest.recorded <= now - EVERY


def _read_or_none(note: str) -> Checkpoint | None:
    try:
        return checkpoint_of(note)
    except Invalid:
        return None


def checkpoint_of(note: str) -> Checkpoint:
    """Return the checkpoint of a note, whose signature is not checked; raises Invalid."""
    return parse_checkpoint(parse_note(note.encode()).text)


def _trusted(store: Store) -> Iterator[NoteKey]:
    """Yield the listed signing keys; with the master key only those that it vouches for.

    The check reads them after its view of the log has begun: a key made meanwhile is listed.
    """
    listed = listed_keys(store)
    name = log_name(listed) if listed else ""
    for one in listed:
        try:
            if store.vouch(one.name, one.signed).hex() != one.mac:
                continue
        except Sealed as error:
            if error.code in ("shredded", "seal_broken"):
                continue
        yield NoteKey(name, bytes.fromhex(one.public))


def _read(named: str) -> Checkpoint:
    if "\n" in named:
        return checkpoint_of(named)
    match = _NAMED.fullmatch(named.strip())
    if match is None or len(match[2]) % 2:
        raise Usage(
            f'"{named}" is not a checkpoint.',
            hint="Write N:HASH, as in the footer of a message, or the file of a signed checkpoint.",
            code="bad_checkpoint",
        )
    return Checkpoint(origin="", size=int(match[1]), root=bytes.fromhex(match[2]))
