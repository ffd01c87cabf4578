"""Files between two steps of one person: a file is sent once.

A preview, a refusal and a question for the factors come between, and a browser empties its field each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from runner.acts.asked import File, Upload
from runner.app.core.identifiers import new_secret
from runner.errors import Refused
from runner.web.room.acts.forms import HELD, Given

FILES_LAST, LARGEST_FILES = timedelta(minutes=30), 64 * 1024 * 1024
"""How long a file is held, and the bytes of all that are."""


class HeldFiles:
    """Files of forms until the form is taken, and files that were made for a person; in memory alone. Safe for several threads."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._files: OrderedDict[str, tuple[str, datetime, Upload | File]] = OrderedDict()
        self._lock = threading.Lock()

    def hold(self, owner: str, given: Given, now: datetime) -> Given:
        """Return a form with the files that were sent with it now or before. Raises Refused if one is not held any more."""
        fields = {name: value for name, value in given.items() if not name.startswith(HELD)}
        files, held = (
            dict(given.files),
            {field: self._put(owner, now, file) for field, file in given.files.items()},
        )
        for name in given.keys() - fields.keys():
            if (field := name.removeprefix(HELD)) not in files:
                files[field], held[field] = self._found(owner, given[name], now), given[name]
        return Given(fields, files, held)

    def made(self, owner: str, file: File, now: datetime) -> str:
        """Hold a file that was made for a person, until it is saved; return its reference."""
        return self._put(owner, now, file)

    def take(self, owner: str, reference: str) -> File | None:
        """Return a file that was made for a person, once."""
        with self._lock:
            holder, _, file = self._files.get(reference, ("", None, None))
            if holder != owner or not isinstance(file, File):
                return None
            del self._files[reference]
            return file

    def drop(self, given: Given) -> None:
        """Forget the files of a form that was taken."""
        with self._lock:
            for reference in given.held.values():
                self._files.pop(reference, None)

    def _put(self, owner: str, now: datetime, file: Upload | File) -> str:
        reference = new_secret()
        with self._lock:
            for name in [name for name, (_, since, _) in self._files.items() if now - since >= FILES_LAST]:
                del self._files[name]
            self._files[reference] = (owner, now, file)
            sizes = {
                name: len(held.body) for name, (_, _, held) in self._files.items() if isinstance(held, Upload)
            }
            while sum(sizes.values()) > LARGEST_FILES:
                oldest = next(iter(sizes))
                del self._files[oldest], sizes[oldest]
        return reference

    def _found(self, owner: str, reference: str, now: datetime) -> Upload:
        with self._lock:
            holder, since, file = self._files.get(reference, ("", now, None))
        if holder != owner or now - since >= FILES_LAST or not isinstance(file, Upload):
            raise Refused(
                "The file that you chose is not held any more. Nothing was recorded.",
                hint="Choose the file once more.",
                code="file_again",
            )
        return file
