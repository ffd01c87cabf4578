"""What a person can do on the page of a legal duty: generate its notice, decide, waive, confirm, record a filing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from runner.app.core.incident_service import IncidentService
from runner.app.incidents.approvals import if_written
from runner.app.incidents.preview import consequences
from runner.app.law.duties import Decided, against, decision
from runner.app.law.filings import filing, served_together, texts_to_file
from runner.app.notices.notice_versions import named
from runner.app.notices.notices import notice_step, refuse_lost_edits, render_duty
from runner.base.instants import calendar_day, instant
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import short_digest
from runner.reports.core.page import Page
from runner.web.room.acts.facts import CONFIRM
from runner.web.room.acts.forms import REASON, TIME, Act, Acting, Field, Form, Given
from runner.web.room.pages import Asked, duty_report
from runner.web.room.table import BY_OPERATION, address

AT = Field("at", "Time", help=f"{TIME} Default: now.", timed=True)
_NONE = ("none", "none: against the legal result, shown on every report")


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    state = incident.duties.get(ref)
    awaiting = [one.entry for one in incident.second_person.values() if one.state == "awaiting"]
    texts = texts_to_file(service, incident, ref, service.now_in(incident))
    assessed = None if state is None else (state.verdict, state.due, state.entry)
    return assessed, awaiting, [(one.file, one.message) for one in texts]


def _offered(asked: Asked) -> Iterator[Form]:
    if asked.incident.state not in ("open", "paused"):
        return
    report = duty_report(asked)
    duty = report.duty
    for row in report.awaiting:
        if row.by != asked.principal.person:
            yield Form("confirm", f"Confirm: {row.text}", hidden=(("entry", str(row.entry)),))
    act, paper = (duty.next.act, duty.next.action) if duty.next is not None else ("done", None)
    if act not in ("done", "correct") or (act == "correct" and paper is not None and paper.ref == duty.id):
        step = notice_step(asked.incident, asked.ref)
        written = if_written(asked.service, asked.incident, step, asked.principal.person)
        yield Form("render", "Generate the notice", folded=act != "generate", note=written)
    yield Form("filed", "Record a filing", tuple(filed_fields(asked)), folded=act != "file")
    listed = {**{one.ground: one.text for one in duty.unless}, **report.grounds}
    choices = (("", "choose the exemption"), *((code, f"{code}: {text}") for code, text in listed.items()))
    fields = (
        Field("ground", "Ground in the statute", "choice", (*choices, _NONE)),
        Field("reason", "Reason", "text", needed=True),
        Field("watch", "Condition that opens the decision again", help="As people.total > 500."),
        Field("look_again", "Day to look at it again", help="As 2026-12-24."),
        AT,
    )
    yield Form("decide", "Decide not to notify", fields, folded=True)
    if report.waivable:
        yield Form("waive", "Record a waiver", (REASON, AT), folded=True)


def filed_fields(asked: Asked) -> Iterator[Field]:
    """Yield the fields of the form that records a filing: only one signed and current text is chosen before."""
    texts = texts_to_file(asked.service, asked.incident, asked.ref, asked.now)
    if texts:
        listed = ((one.file, f"{_WORDS[one.code]}{one.message}, {short_digest(one.file)}") for one in texts)
        choices = (("", "choose the text that was filed"), *reversed([*listed]))
        signed = [one.file for one in texts if one.code == "signed"]
        only = signed[0] if signed == [texts[-1].file] else ""
        yield Field("digest", "Text that was filed", "choice", choices, needed=not only, value=only)
    yield Field("reference", "Reference number of the authority")
    yield AT
    yield Field("receipt", "File with the receipt", "file", help="Stored as evidence, encrypted.")
    yield Field("late_reason", "Reason for the delay", help="Needed if the filing was late.")
    yield Field(
        "reason", "Reason for filing a text without approval", help="Needed if nobody approved the text."
    )
    yield Field(
        "as_it_was", "Reason to accept a text although facts changed", help="Only counsel can accept it."
    )
    if others := duty_report(asked).served_too:
        both = ("1", f"and {', '.join(others)}")
        yield Field("serves", "Duties that this filing serves", "choice", (("", "only this duty"), both))


_WORDS = {"signed": "", "unsigned": "UNSIGNED: ", "stale": "OUT OF DATE: ", "made_later": "MADE LATER: "}


def _filing(asked: Asked, given: Given, *, keeps: bool) -> Sequence[AnyCommand]:
    receipt = given.files.get("receipt")
    others = served_together(asked.service, asked.incident, asked.ref) if given["serves"] else ()
    return filing(
        asked.service,
        asked.incident,
        asked.ref,
        at=instant(given["at"] or "now", asked.clock),
        reference=given["reference"],
        receipt=(receipt.name, receipt.body) if receipt and keeps else None,
        late_reason=given["late_reason"],
        digest=given["digest"],
        reason=given["reason"],
        as_it_was=given["as_it_was"],
        serves=others,
        chosen=True,
    )


def _generate(asked: Asked, _given: Given) -> str:
    """Make the notice of the duty from the present facts; return the address of its page."""
    service = asked.service
    refuse_lost_edits(asked.incident, notice_step(asked.incident, asked.ref))
    made = render_duty(service, asked.incident, asked.ref)
    after = service.act(asked.principal, asked.incident.id, made).after
    text = named(after, notice_step(after, asked.ref))[-1]
    return address(BY_OPERATION["notice"], asked.incident.codename, text.id)


def _decided(asked: Asked, given: Given, kind: Decided) -> Sequence[AnyCommand]:
    made = decision(
        asked.service,
        asked.ref,
        kind,
        instant(given["at"] or "now", asked.clock),
        given["reason"],
        ground=given["ground"],
        watch=given["watch"],
        look_again=calendar_day(given["look_again"]),
    )
    return (made,)


def _act(asked: Asked, commands: Sequence[AnyCommand]) -> None:
    asked.service.act(asked.principal, asked.incident.id, commands)


def _shown_before(asked: Asked, commands: Sequence[AnyCommand], *warnings: str) -> Page:
    return consequences(asked.service, asked.incident, commands, *warnings)


def _decides(
    kind: Decided, warnings: Callable[[Asked, Given], Iterable[str]] = lambda asked, given: ()
) -> Act:
    return Act(
        "duty.decide",
        lambda asked, given: _act(asked, _decided(asked, given, kind)),
        lambda asked, given: _shown_before(asked, _decided(asked, given, kind), *warnings(asked, given)),
        bound=True,
    )


FILED = Act(
    "duty.file",
    lambda asked, given: _act(asked, _filing(asked, given, keeps=True)),
    lambda asked, given: _shown_before(asked, _filing(asked, given, keeps=False)),
)
DUTY = Acting(
    _offered,
    {
        "filed": FILED,
        "render": Act("notice.edit", _generate),
        "decide": _decides(
            "decided_not_to_notify",
            lambda asked, given: against(asked.service, asked.incident, asked.ref, given["ground"]),
        ),
        "waive": _decides("waived"),
        "confirm": CONFIRM._replace(right="duty.decide"),
    },
    _seen,
)


def _file_forms(asked: Asked) -> Sequence[Form]:
    live = asked.incident.state in ("open", "paused")
    return (Form("filed", "Record this filing", tuple(filed_fields(asked))),) if live else ()


FILE = Acting(_file_forms, {"filed": FILED}, _seen)
