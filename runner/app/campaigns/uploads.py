"""A list that a browser sent, as the file that the command line reads: in the home folder, for its owner only, and removed after use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import Invalid, Refused

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

FOLDER = "uploads"
"""In the home; no backup contains it."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a list from a browser, some 30,000 people: a page is made by one of few threads."""
FIELD = "file"
"""The name of the field, so that a problem of a line is shown beside it."""


@contextmanager
def uploaded(service: IncidentService, name: str, body: bytes) -> Iterator[Path]:
    """Yield the file; an Invalid from the block names lines instead of the file's place."""
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
