"""What a person can do on the pages of the record: verify it now."""

from __future__ import annotations

from collections.abc import Sequence

from runner.app.home.verification import LONGEST, verify_for_page
from runner.web.room.acts.forms import Act, Acting, Field, Form, Given
from runner.web.room.pages import Asked

_LIMIT = f"A check is stopped after {LONGEST:.0f} s. For a larger record: tocsin audit verify."


def _form(asked: Asked) -> Sequence[Form]:
    anchor = Field(
        "anchor", "Head from another source", help=f"As N:sha256:HASH on a document. Optional. {_LIMIT}"
    )
    return (Form("verify", "Verify now", (anchor,)),)


def _all_form(asked: Asked) -> Sequence[Form]:
    return (Form("verify", "Verify all journals now"),)


def _verify(asked: Asked, given: Given) -> None:
    verify_for_page(asked.service, asked.incident.id, given["anchor"])


def _verify_all(asked: Asked, given: Given) -> None:
    verify_for_page(asked.service, None)


RECORD = Acting(_form, {"verify": Act("audit.verify", _verify, adds=True)})
AUDIT = Acting(_all_form, {"verify": Act("audit.verify", _verify_all, adds=True)})
