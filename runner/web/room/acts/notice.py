"""What a person can do on the page of a notice: generate it, verify its items, import counsel's Word edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runner.acts.asked import Asked
from runner.app.core.incident_service import IncidentService
from runner.app.incidents.approvals import if_written
from runner.app.notices.notice_versions import items_named, named
from runner.app.notices.notices import reasons_for_gaps, refuse_lost_edits, render_step
from runner.app.notices.word_import import Adoption, adoption_page, command, look
from runner.errors import Refused
from runner.incident.notices.verification import is_contradiction
from runner.incident.state.commands import TickItems
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page
from runner.reports.notices.notices import NoticeRow, notice
from runner.web.room.acts.forms import REASON, Act, Acting, Field, Form, Given, number_of
from runner.web.room.table import BY_OPERATION, address

OVERRIDE = Field(
    "override",
    "Reason to accept missing or forbidden content",
    help="Only counsel can accept it. Stored in the journal.",
)


def _row(incident: Incident, ref: str) -> NoticeRow:
    return notice(incident, named(incident, ref)[-1].id).notice


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    row = _row(incident, ref)
    return row.digest, row.current, row.to_verify, row.changed


def _forms(asked: Asked) -> Sequence[Form]:
    row = _row(asked.incident, asked.ref)
    live = asked.incident.state in ("open", "paused")
    written = if_written(asked.service, asked.incident, row.step, asked.principal.person)
    return tuple(_offered(row, written)) if row.current and live else ()


def _offered(row: NoticeRow, written: str) -> Iterator[Form]:
    for number, item in enumerate(row.to_verify, 1):
        if item not in row.ticks:
            bound = (("item", str(number)), ("digest", row.digest))
            if is_contradiction(item):
                yield Form("accept", f"Accept item {number}: {item}", (REASON,), bound)
            else:
                yield Form("tick", f"Item {number} is right: {item}", (), bound)
    fields = [
        OVERRIDE,
        Field("gaps", "Reasons for single missing items", "text", help="One NAME=REASON a line."),
    ]
    if row.adoption is not None:
        kept = (("", "keep them: nothing is generated"), ("drop", "drop them"))
        fields.append(Field("edits", "Word edits of the present text", "choice", kept))
    label = "Generate the notice from the present facts"
    yield Form("render", label, tuple(fields), folded=not row.stale, note=written)
    file = Field("file", "Edited Word file", "file", needed=True, help="Tracked changes count as accepted.")
    yield Form("adopt", "Import counsel's Word edits", (file, OVERRIDE), folded=True)


def _tick(asked: Asked, given: Given) -> None:
    document = named(asked.incident, asked.ref)[-1]
    items = items_named(asked.incident, document, (number_of(given, "item"),))
    made = TickItems(step=document.step, digest=given["digest"], items=items, reason=given["reason"])
    asked.service.act(asked.principal, asked.incident.id, [made])


def _newest(asked: Asked, step: str) -> str:
    """Return the address of the newest version: the page of the form shows an earlier one."""
    made = named(asked.service.load(asked.incident.id), step)[-1]
    return address(BY_OPERATION["notice"], asked.incident.codename, made.id)


def _render(asked: Asked, given: Given) -> str:
    service, step = asked.service, named(asked.incident, asked.ref)[-1].step
    gaps = reasons_for_gaps(filter(str.strip, given["gaps"].splitlines()))
    if not given["edits"]:
        refuse_lost_edits(asked.incident, step)
    rendered = render_step(service, asked.incident, step, given["override"], gaps)
    service.act(asked.principal, asked.incident.id, [rendered])
    return _newest(asked, step)


def _look(asked: Asked, given: Given) -> Adoption:
    if (file := given.files.get("file")) is None:
        raise Refused("The form has no file. Nothing was recorded.", hint="Choose the file", code="no_file")
    step = named(asked.incident, asked.ref)[-1].step
    return look(asked.service, asked.reader, asked.incident, file.name, file.body, step)


def _adopt(asked: Asked, given: Given) -> str:
    found = _look(asked, given)
    if not found.same:
        made = command(asked.service, asked.incident, found, given["override"])
        asked.service.act(asked.principal, asked.incident.id, [made])
    return _newest(asked, found.step)


def _before(asked: Asked, given: Given) -> Page:
    return adoption_page(_look(asked, given), asked.principal.person)


NOTICE = Acting(
    _forms,
    {
        "tick": Act("notice.edit", _tick),
        "accept": Act("notice.edit", _tick),
        "render": Act("notice.edit", _render),
        "adopt": Act("notice.edit", _adopt, _before),
    },
    _seen,
)
