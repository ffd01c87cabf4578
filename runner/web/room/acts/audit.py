"""What a person can do on the pages of the record: verify it now, and export a bundle for others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from runner.acts.asked import Asked, File
from runner.app.bundles.audiences import AUDIENCES, Audience, Part
from runner.app.home.verification import LONGEST, verify_for_page
from runner.web.room.acts.forms import CHOOSE, Act, Acting, Field, Form, Given, one_of

if TYPE_CHECKING:
    from typing import BinaryIO

_LIMIT = f"A check is stopped after {LONGEST:.0f} s. For a larger record: tocsin audit verify."
_CHUNK = 1 << 20
_NO_YES = (("", "no"), ("yes", "yes"))
_OPTIONAL: tuple[Part, ...] = ("evidence", "messages")


def _forms(asked: Asked) -> Sequence[Form]:
    anchor = Field(
        "anchor", "Head from another source", help=f"As N:sha256:HASH on a document. Optional. {_LIMIT}"
    )
    audience = Field(
        "audience",
        "For",
        "choice",
        (CHOOSE, *((one, one) for one in AUDIENCES)),
        help="The audience decides what is withheld. Read the bundle before you hand it over.",
        needed=True,
    )
    parts = (Field(part, f"With {part}", "choice", _NO_YES) for part in _OPTIONAL)
    return Form("verify", "Verify now", (anchor,)), Form("export", "Export a bundle", (audience, *parts))


def _verify(asked: Asked, given: Given) -> None:
    verify_for_page(asked.service, asked.incident.id, given["anchor"])


def _verify_all(asked: Asked, given: Given) -> None:
    verify_for_page(asked.service, None)


def _export(asked: Asked, given: Given) -> File:
    """Make the bundle in an open file without a name: of a process that is killed nothing remains to be read."""
    from runner.app.bundles.export import export

    audience = Audience(one_of(given, "audience", AUDIENCES))
    parts = audience.default.union(part for part in _OPTIONAL if one_of(given, part, ("", "yes")))
    name = f"{asked.incident.codename}-{audience.name}.zip"
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        export(asked.service, asked.incident, file, audience, parts)
        file.seek(0)
        stack.pop_all()
    return File(name, _chunks(file))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with ExitStack() as stack:
        stack.enter_context(file)
        while chunk := file.read(_CHUNK):
            yield chunk


RECORD = Acting(
    _forms,
    {
        "verify": Act("audit.verify", _verify, adds=True),
        "export": Act("record.export", _export, adds=True, bound=True),
    },
)
AUDIT = Acting(
    lambda asked: (Form("verify", "Verify all journals now"),),
    {"verify": Act("audit.verify", _verify_all, adds=True)},
)
