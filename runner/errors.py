"""Every error that a person can see, as one tree: what happened, where, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding in a file that a person wrote; lines and columns count from 1, 0 where unknown."""

    file: str
    line: int
    column: int
    severity: str
    """``error`` or ``warning``."""
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        """Return ``file:line:column: message`` as editors and people read it."""
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        tail = f" ({self.hint})" if self.hint else ""
        return f"{where}: {self.severity}: {self.message} [{self.code}]{tail}"


class TocsinError(Exception):
    """The root: carries a stable ``code``, a sentence, and what to do next.

    ``exit_code`` is the process exit code of the contract: 1 refused, 2 usage, 3 our fault, 5 stale.
    """

    exit_code = 1
    default_code = "error"

    def __init__(
        self, message: str, *, hint: str = "", code: str = "", problems: Sequence[Problem] = ()
    ) -> None:
        """Keep the parts that the one error boundary prints or encodes."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.problems = tuple(problems)


class Refused(TocsinError):
    """A rule of the incident or of the playbook forbids it; nothing was changed."""

    default_code = "refused"


class Invalid(TocsinError):
    """Something a person wrote does not hold; ``problems`` lists every finding."""

    default_code = "invalid"


class NotFound(TocsinError):
    """A name that nothing answers to."""

    default_code = "not_found"


class Usage(TocsinError):
    """The command line itself is wrong."""

    exit_code = 2
    default_code = "usage"


class Stale(TocsinError):
    """Someone else changed the incident first; look again, then repeat."""

    exit_code = 5
    default_code = "stale"


class StoreError(TocsinError):
    """The store could not do what was asked; nothing was half written."""

    default_code = "store"


class StoreLocked(StoreError):
    """Another process holds the store for longer than we wait."""

    default_code = "store_locked"


class StoreFull(StoreError):
    """The disk is full."""

    default_code = "store_full"


class StoreReadOnly(StoreError):
    """The store cannot be written."""

    default_code = "store_read_only"


class StoreCorrupt(StoreError):
    """The store's bytes are not what was written."""

    default_code = "store_corrupt"


class StoreTooNew(StoreError):
    """A newer version of Tocsin wrote this store."""

    default_code = "store_too_new"


class Sealed(StoreError):
    """A payload cannot be opened: its key is shredded, withheld, or the master key is not here."""

    default_code = "sealed"


class Bug(TocsinError):
    """An invariant of ours does not hold: our fault."""

    exit_code = 3
    default_code = "bug"
