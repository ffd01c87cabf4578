"""Acts on a legal duty: generate its notice, record a filing, decide not to notify, waive, confirm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from runner.acts.act import Act, Field, Made, Offer, Subject, View, Warned, Warnings, words_of
from runner.acts.asked import Upload
from runner.errors import Usage
from runner.incident.state import commands as c

if TYPE_CHECKING:
    from runner.acts.asked import Asked
    from runner.app.core.repository import Turn
    from runner.app.law.duties import Decided
    from runner.incident.state.incident import Incident
    from runner.reports.core.page import Page
    from runner.reports.law.duty_details import DutyShown

_TEXT_STATES = {
    "signed": "",
    "unsigned": "UNSIGNED: ",
    "stale": "OUT OF DATE: ",
    "made_later": "MADE LATER: ",
}
_NO_GROUND = ("none", "none: against the legal result, shown on every report")


# --- what can be done now ---------------------------------------------------------------------------------------


def report_of(asked: Asked) -> DutyShown:
    """Return the duty that is asked about; raises NotFound."""
    from runner.app.law.duties import shown

    return asked.shared(
        ("duty", asked.incident.id, asked.ref),
        lambda: shown(asked.service, asked.reader, asked.incident, asked.ref, asked.now),
    )


def offers(asked: Asked) -> Iterator[Offer]:
    """Yield what the state of the duty allows."""
    from runner.app.incidents.approvals import if_written
    from runner.app.notices.notices import notice_step

    if asked.incident.state not in ("open", "paused"):
        return
    report = report_of(asked)
    duty = report.duty
    for row in report.awaiting:
        if row.by != asked.principal.person:
            yield Offer("confirm", f"Confirm: {row.text}", {"entry": str(row.entry)})
    act, paper = (duty.next.act, duty.next.action) if duty.next is not None else ("done", None)
    if act not in ("done", "correct") or (act == "correct" and paper is not None and paper.ref == duty.id):
        step = notice_step(asked.incident, asked.ref)
        written = if_written(asked.service, asked.incident, step, asked.principal.person)
        yield Offer("render", folded=act != "generate", note=written)
    yield Offer("filed", chosen=_only_text(asked), folded=act != "file")
    yield Offer("decide", folded=True)
    if report.waivable:
        yield Offer("waive", folded=True)


def file_offers(asked: Asked) -> Iterator[Offer]:
    """Yield the filing, for the page of the authority's form."""
    if asked.incident.state in ("open", "paused"):
        yield Offer("filed", "Record this filing", chosen=_only_text(asked))


def _only_text(asked: Asked) -> Mapping[str, str]:
    """Return the text that is chosen before anybody chooses: only one that is signed and current."""
    from runner.app.law.filings import texts_to_file

    texts = texts_to_file(asked.service, asked.incident, asked.ref, asked.now)
    signed = [text.file for text in texts if text.code == "signed"]
    return {"digest": signed[0]} if signed and signed == [texts[-1].file] else {}


def seen(asked: Asked) -> Any:
    """Return what the forms are drawn from."""
    from runner.app.law.filings import texts_to_file

    incident, state = asked.incident, asked.incident.duties.get(asked.ref)
    awaiting = [people.entry for people in incident.second_person.values() if people.state == "awaiting"]
    texts = texts_to_file(asked.service, incident, asked.ref, asked.service.now_in(incident))
    assessed = None if state is None else (state.verdict, state.due, state.entry)
    return assessed, awaiting, [(text.file, text.message) for text in texts]


def _texts(asked: Asked) -> Iterator[tuple[str, str]]:
    from runner.app.law.filings import texts_to_file
    from runner.reports.core.formatting import short_digest

    for text in reversed(texts_to_file(asked.service, asked.incident, asked.ref, asked.now)):
        yield text.file, f"{_TEXT_STATES[text.code]}{text.message}, {short_digest(text.file)}"


def _served_together(asked: Asked) -> Iterator[tuple[str, str]]:
    from runner.app.law.filings import served_together

    if others := report_of(asked).served_too:
        duties = served_together(asked.service, asked.incident, asked.ref)
        yield ",".join(duties), f"and {', '.join(others)}"


def _grounds(asked: Asked) -> Iterator[tuple[str, str]]:
    report = report_of(asked)
    grounds = {**{unless.ground: unless.text for unless in report.duty.unless}, **report.grounds}
    yield from ((code, f"{code}: {text}") for code, text in grounds.items())
    yield _NO_GROUND


# --- acts -------------------------------------------------------------------------------------------------------


def _record_filed(
    asked: Asked,
    digest: str = "",
    reference: str = "",
    at: datetime | None = None,
    receipt: Upload | None = None,
    late_reason: str = "",
    reason: str = "",
    as_it_was: str = "",
    serves: tuple[str, ...] = (),
    step: str = "",
) -> Made:
    from runner.acts.tasks import find
    from runner.app.law.filings import filing

    return filing(
        asked.service,
        asked.incident,
        asked.ref,
        at=at or asked.now,
        reference=reference,
        receipt=receipt,
        late_reason=late_reason,
        step=step and find(asked, step),
        digest=digest,
        reason=reason,
        as_it_was=as_it_was,
        serves=serves,
        chosen=asked.terminal is None,
    )


def _filed(_asked: Asked, turn: Turn, values: Mapping[str, Any]) -> str:
    """Return which duties are filed, and with which text."""
    from runner.law.duty import DutyRecorded
    from runner.reports.core.formatting import short_digest

    records = [entry.event for entry in turn.events if isinstance(entry.event, DutyRecorded)]
    digest = next((record.record.digest for record in records), "")
    text = f", text {short_digest(digest)}" if digest else ""
    return "\n".join(f"{duty} is filed{text}" for duty in (_asked.ref, *values["serves"]))


def _about_filing(asked: Asked, after: Incident, made: Sequence[c.AnyCommand]) -> Warnings:
    """Yield a warning of an unsigned text, and of other duties that the filing could serve."""
    from runner.app.law.filings import others_to_file

    own = next(command for command in made if isinstance(command, c.RecordDuty))
    if own.record.unsigned:
        yield Warned(
            "unsigned",
            f"The notice is not signed: {', '.join(own.record.unsigned)} is still open. The filing is recorded. "
            "Have the text checked, and file a supplement if necessary.",
        )
    if other := others_to_file(asked.service, after, own):
        yield Warned("one_filing", f"If it served other duties too: tocsin duty record-filed {other}")


def _render(asked: Asked) -> Made:
    from runner.app.notices.notices import notice_step, refuse_lost_edits, render_duty

    refuse_lost_edits(asked.incident, notice_step(asked.incident, asked.ref))
    return [*render_duty(asked.service, asked.incident, asked.ref)]


def _to_notice(asked: Asked, turn: Turn) -> tuple[str, str]:
    from runner.app.notices.notice_versions import named
    from runner.app.notices.notices import notice_step

    return "notice", named(turn.after, notice_step(turn.after, asked.ref))[-1].id


def _decide(
    asked: Asked,
    not_to_notify: bool = False,
    no_correction: bool = False,
    ground: str = "",
    reason: str = "",
    watch: str = "",
    look_again: date | None = None,
    at: datetime | None = None,
) -> Made:
    from runner.app.law.duties import decision

    if asked.terminal is not None and not_to_notify is no_correction:
        raise Usage(
            "The decision is missing, or not one.",
            hint="Add --not-to-notify or --no-correction",
            code="option_missing",
        )
    kind: Decided = "no_correction" if no_correction else "decided_not_to_notify"
    about = (asked.service, asked.ref, kind, at or asked.now, reason)
    return [decision(*about, ground=ground, watch=watch, look_again=look_again)]


def _decided(asked: Asked, _turn: Turn, values: Mapping[str, Any]) -> str:
    return f"{asked.ref} decided: {'no correction' if values['no_correction'] else 'not to notify'}"


def _against(asked: Asked, _after: Incident, made: Sequence[c.AnyCommand]) -> Warnings:
    """Yield what speaks against a decision."""
    from runner.app.law.duties import against

    for command in made:
        if isinstance(command, c.RecordDuty):
            for text in against(asked.service, asked.incident, asked.ref, command.record.ground):
                yield Warned("decision_contradicted", text)


def _waive(asked: Asked, reason: str = "", at: datetime | None = None) -> Made:
    from runner.app.law.duties import decision

    return [decision(asked.service, asked.ref, "waived", at or asked.now, reason)]


def _confirm(asked: Asked, entry: int) -> Made:
    return [c.ConfirmEntry(seq=entry)]


def _confirmation(asked: Asked, entry: int) -> Page:
    from runner.app.incidents.preview import confirmation

    return confirmation(asked.service, asked.incident, entry)


# --- the table --------------------------------------------------------------------------------------------------


def _show(asked: Asked, at: datetime | None = None) -> DutyShown:
    return report_of(asked._replace(now=at or asked.now))


def _page(asked: Asked, report: DutyShown) -> Page:
    from runner.reports.law.duty_details import duty_page

    return duty_page(report, asked.incident.opened_at)


_W = words_of("duties")
DUTY_SHOW = View(_W["show"], _show, _page)
DUTY = Subject(
    "duty",
    "Show a duty, record a filing, a decision or a waiver.",
    Field("DUTY", "Id, as in tocsin duties"),
    lambda asked, text: text,
    offers,
    {
        "filed": Act(
            _W["filed"],
            "duty.file",
            _record_filed,
            _filed,
            "record-filed",
            warns=_about_filing,
            preview="commands",
            choices={"digest": _texts, "serves": _served_together},
        ),
        "render": Act(_W["render"], "notice.edit", _render, command="-", leads=_to_notice),
        "decide": Act(
            _W["decide"],
            "duty.decide",
            _decide,
            _decided,
            warns=_against,
            preview="commands",
            choices={"ground": _grounds},
            binds=True,
        ),
        "waive": Act(_W["waive"], "duty.decide", _waive, "{ref} is waived", preview="commands", binds=True),
        "confirm": Act(
            _W["confirm"], "duty.decide", _confirm, command="-", preview=_confirmation, binds=True
        ),
    },
    seen,
)
