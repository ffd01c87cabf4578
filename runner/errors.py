"""Every error that a person can see, as one tree: the problem, its place, and the next action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from runner.actions import Action


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem in a file that a person wrote; lines and columns count from 1, 0 if unknown."""

    file: str
    line: int = 0
    column: int = 0
    severity: str = "error"
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
    """The root: has a stable ``code``, a sentence, and the next action.

    ``exit_code`` is the process exit code of the contract: 1 refused, 2 usage, 3 internal error, 4 action required, 5 stale.
    """

    exit_code = 1
    kind = "Error"
    """The word before the code in the text; the closed list is in ``docs/reference/errors.md``."""

    def __init__(
        self, message: str, *, code: str, hint: str | Action = "", problems: Sequence[Problem] = ()
    ) -> None:
        """Take the parts that the one error boundary prints or encodes; ``hint`` is a sentence, or one action."""
        super().__init__(message)
        self.message = message
        self.action = hint if isinstance(hint, Action) else None
        self.hint = "" if isinstance(hint, Action) else hint
        self.code = code
        self.problems = tuple(problems)


class Refused(TocsinError):
    """A rule of the incident, of the playbook or of the law forbids it; nothing was changed."""

    kind = "Not allowed"


class ClockWrong(TocsinError):
    """The clock of this computer is wrong, or a person must confirm it first; nothing was changed."""

    exit_code = 4


class Invalid(TocsinError):
    """An input of a person is not valid; ``problems`` lists every finding."""


class NotFound(TocsinError):
    """Nothing has this name."""


class Usage(TocsinError):
    """The command line itself is wrong."""

    exit_code = 2


class StoreError(TocsinError):
    """The store could not perform the operation; nothing was half written."""


class _OfOneCode(TocsinError):
    """An error whose class has one cause, and so one code everywhere."""

    default_code: ClassVar[str]

    def __init__(
        self, message: str, *, code: str = "", hint: str | Action = "", problems: Sequence[Problem] = ()
    ) -> None:
        """Take the code of the class unless the caller gives a finer one."""
        super().__init__(message, code=code or self.default_code, hint=hint, problems=problems)


class Stale(_OfOneCode):
    """Another person or program changed the incident first; nothing was saved."""

    exit_code = 5
    kind = "Conflict"
    default_code = "stale"


class StoreLocked(_OfOneCode, StoreError):
    """Another process locks the store for longer than the limit."""

    default_code = "store_locked"


class StoreBusy(_OfOneCode, StoreError):
    """The store accepts no more connections now."""

    default_code = "store_busy"


class StoreFull(_OfOneCode, StoreError):
    """The disk is full."""

    default_code = "store_full"


class StoreReadOnly(_OfOneCode, StoreError):
    """The store cannot be written."""

    default_code = "store_read_only"


class StoreCorrupt(_OfOneCode, StoreError):
    """The store's bytes differ from the written ones."""

    default_code = "store_corrupt"


class StoreTooNew(_OfOneCode, StoreError):
    """A newer version of Tocsin wrote this store."""

    default_code = "store_too_new"


class Sealed(StoreError):
    """A payload cannot be decrypted: its key is erased, withheld, or the master key is not here."""


UNREADABLE = (Sealed, StoreCorrupt, StoreTooNew)
"""An error of only one journal: a command that reads all journals continues with the others."""


class Bug(_OfOneCode):
    """An internal error: a condition of the program itself is not met."""

    exit_code = 3
    kind = "Internal error"
    default_code = "bug"


def no_file(path: object) -> NotFound:
    """Return the error of a file that does not exist."""
    return NotFound(f'File "{path}" does not exist.', hint="Check the path.", code="file_missing")


def reason_given(reason: str, what: str = "The reason", hint: str = "Add --reason WHY") -> str:
    """Return a trimmed reason; raises Refused if it is empty."""
    if not reason.strip():
        raise Refused(f"{what} is missing.", hint=hint, code="reason_missing")
    return reason.strip()


def unreadable(path: object, error: OSError, hint: str = "Check the path.") -> Invalid:
    """Return the error of a file that the system does not let Tocsin read."""
    return Invalid(f'File "{path}" cannot be read: {error.strerror}.', hint=hint, code="file_unreadable")


def unwritable(path: object, error: OSError, hint: str = "Name another file.") -> Refused:
    """Return the error of a file that the system does not let Tocsin write."""
    return Refused(f'File "{path}" cannot be written: {error.strerror}.', hint=hint, code="file_unwritable")


def warning(code: str, message: str) -> str:
    """Return the line of a warning, as people read it on standard error: the work continues."""
    return f"Warning [{code}]: {message}"
