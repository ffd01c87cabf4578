"""What a person can do on the pages of letters and campaigns: plan, send, pause, import receipts; make and approve letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import PurePath
from typing import Any, Literal, get_args

from runner.acts.asked import Asked, Upload
from runner.app.campaigns import control, letter_archive
from runner.app.campaigns.doubts import Reasons
from runner.app.campaigns.letter_archive import FIELD, uploaded
from runner.app.campaigns.plan import PlanOrder, cost_of
from runner.app.campaigns.plan import plan as make_plan
from runner.app.campaigns.rates import rates_of
from runner.app.campaigns.receipts import read_receipts, take
from runner.app.campaigns.record import by_id, known, verify
from runner.app.campaigns.send import is_sending, left, ready
from runner.app.campaigns.tables import Known
from runner.app.core.incident_service import IncidentService
from runner.app.incidents.home_catalogue import catalogue
from runner.app.notices.letter_approval import approved_from, unverified_items
from runner.errors import Refused
from runner.incident.campaigns.campaign import SuppressedFor
from runner.incident.campaigns.pacing import feasibility
from runner.incident.campaigns.transitions import GUARDS
from runner.incident.notices.letters import MAX_BATCH
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import count
from runner.reports.core.page import Page, line
from runner.web.room.acts.forms import (
    REASON,
    Act,
    Acting,
    Field,
    Form,
    Given,
    Preview,
    fixed,
    number_of,
    one_of,
    span_of,
    words_of,
)
from runner.web.room.table import BY_OPERATION, address

_YES = (("", "no"), ("yes", "yes"))
_REASONS: tuple[SuppressedFor, ...] = get_args(SuppressedFor)
_REPEATED: tuple[Literal["", "keep", "drop"], ...] = ("", "keep", "drop")
_LIST = Field(
    FIELD,
    "List of people",
    "file",
    needed=True,
    help="CSV: reference, name, address, email, phone, jurisdiction.",
)
_COMMON = (
    Field("population", "Place", help="If the list has none."),
    Field("duties", "Duties", help="Ids, separated by commas. Empty: by the place of each person."),
    Field("skip_bad", "Skip invalid rows", "choice", _YES),
)


# --- the page of all --------------------------------------------------------------------------------------


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    return [(one.id, one.state, one.at) for one in incident.campaigns.values()]


def _templates(asked: Asked) -> tuple[tuple[str, str], ...]:
    """Return the templates for affected people as choices: name and title."""
    kept = (one.notice for one in asked.service.catalogue(asked.incident).notices.values())
    return tuple(sorted((one.id, f"{one.id}: {one.title}") for one in kept if one.audience == "individuals"))


def _offered(asked: Asked) -> Iterator[Form]:
    templates = asked.shared(("templates", asked.incident.id), lambda: _templates(asked))
    yield Form(
        "plan",
        "Plan a notice to the people of a list: sends nothing",
        (
            Field("notice", "Template", "choice", (("auto", "one template for each duty"), *templates)),
            _LIST,
            *_COMMON,
            Field("short", "Template for text messages", "choice", (("", "none"), *templates)),
            Field("over", "Channels", help="Ids, separated by commas. Empty: all."),
            Field("rates", "Pace", "text", help="One channel a line: relay=60/s."),
            Field("chunk", "People in one batch", help="Empty: by the pace."),
            Field("canary_wait", "Wait for bounces after the pilot batch", value="30m", help="As 30m or 2h."),
            Field("letter_cost", "Cost of one letter", value="0", help="For substitute notice."),
        ),
        folded=bool(asked.incident.campaigns),
    )
    yield Form(
        "make",
        "Make letters to the people of a list",
        (
            Field("notice", "Template", "choice", (("auto", "one template for each duty"), *templates)),
            _LIST,
            *_COMMON,
            Field(
                "batch",
                "Letters in one PDF for the printer",
                help=f"2 to {MAX_BATCH:,}. Empty: one file each.",
            ),
            Field(
                "repeated",
                "Rows with the name and address of an earlier row",
                "choice",
                (("", "refuse the list"), ("keep", "are other people"), ("drop", "get no letter")),
            ),
            Field("accept_counts", "Reason why the list differs from the facts"),
            Field("draft", "Drafts with missing information", "choice", _YES, help="Not recorded."),
        ),
        folded=True,
    )
    if asked.incident.kind != "real":
        return
    each = "One email address or phone number a line. After you see their number, choose the file again."
    yield Form(
        "suppress",
        "Add addresses to the suppression list of all campaigns",
        (
            Field(FIELD, "Addresses", "file", needed=True, help=each),
            Field("why", "Reason", "choice", tuple((one, one.replace("_", " ")) for one in _REASONS)),
        ),
        folded=True,
    )


def _file(given: Given) -> Upload:
    if (file := given.files.get(FIELD)) is None:
        raise Refused("The form has no file. Nothing was recorded.", hint="Choose the file", code="no_file")
    return file


def _template(asked: Asked, given: Given, name: str = "notice") -> str:
    return one_of(given, name, ("auto", *catalogue(asked.service).notice_files))


def _plan(asked: Asked, given: Given) -> str:
    service, file = asked.service, _file(given)
    wait = span_of(given, "canary_wait")
    with uploaded(service, file.name, file.body) as path:
        order = PlanOrder(
            notice=_template(asked, given),
            people=path,
            short=_template(asked, given, "short") if given["short"].strip() else "",
            duties=words_of(given, "duties"),
            population=given["population"].strip(),
            over=words_of(given, "over"),
            rates=rates_of([one for one in given["rates"].splitlines() if one.strip()]),
            chunk=number_of(given, "chunk") if given["chunk"].strip() else None,
            canary_wait=wait if wait is not None else timedelta(minutes=30),
            letter_cost=cost_of(given["letter_cost"].strip() or "0"),
            skip_bad=given["skip_bad"] == "yes",
        )
        made = make_plan(service, asked.incident, order, lambda rows: None)
    return address(BY_OPERATION["campaign"], asked.incident.codename, made.campaign.id)


def _make(asked: Asked, given: Given) -> str:
    file = _file(given)
    request = letter_archive.Request(
        notice=_template(asked, given),
        duties=words_of(given, "duties"),
        population=given["population"].strip(),
        batch=number_of(given, "batch") if given["batch"].strip() else 0,
        skip_bad=given["skip_bad"] == "yes",
        draft=given["draft"] == "yes",
        repeated=one_of(given, "repeated", _REPEATED) if given["repeated"] else "",
        accept_counts=given["accept_counts"].strip(),
    )
    made = letter_archive.make(asked.service, asked.incident, request, file.name, file.body)
    return address(BY_OPERATION["run"], asked.incident.codename, made.id)


def _suppressed(asked: Asked, given: Given, *, look: bool) -> str:
    file, why = _file(given), one_of(given, "why", _REASONS)
    with uploaded(asked.service, file.name, file.body) as path:
        found = control.read_stop_list(path)
        return count(
            control.suppress(asked.service, asked.incident, found, why, look=look), "address", "addresses"
        )


def _suppress(asked: Asked, given: Given) -> str:
    return f"{_suppressed(asked, given, look=False)} added to the suppression list."


def _to_suppress(asked: Asked, given: Given) -> Preview:
    addresses = _suppressed(asked, given, look=True)
    words = f"Add {addresses} to the suppression list? No campaign of any incident uses them afterwards."
    return fixed(Page((line(words, "warn"),)))


LETTERS = Acting(
    lambda asked: tuple(_offered(asked)) if asked.incident.state == "open" else (),
    {
        "plan": Act("campaign.manage", _plan),
        "make": Act("campaign.manage", _make, adds=True),
        "suppress": Act("campaign.manage", _suppress, _to_suppress, adds=True, shows=True),
    },
    _seen,
)


# --- the page of one campaign -----------------------------------------------------------------------------


def _one_seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    found = incident.campaigns.get(ref)
    return found and (found.state, found.at)


def _one_forms(asked: Asked) -> Sequence[Form]:
    if asked.incident.state != "open":
        return ()
    return tuple(_for_one(asked, by_id(asked.service, asked.incident, asked.ref)))


def _for_one(asked: Asked, found: Known) -> Iterator[Form]:
    state, begun = found.state, found.state != "planned"
    waits = state != "done" or left(asked.service, found)
    if waits and state in GUARDS["send"].states and not is_sending(asked.service, found.campaign.id):
        why = (
            Field("accept_counts", "Reason why the list differs from the facts"),
            Field("accept_repeats", "Reason to send to people of another list again"),
            Field("accept_date", "Reason to send a text with the date of another day"),
        )
        yield Form("send", "Continue sending" if begun else "Start sending", why, folded=state == "done")
    if state in GUARDS["pause"].states:
        yield Form("pause", "Pause", (REASON,))
    if state in GUARDS["resume"].states:
        again = Field(
            "again",
            "Resend to people with an unknown outcome",
            "choice",
            _YES,
            help="They can get the notice twice.",
        )
        nights = Field("nights", "Send text messages in the quiet hours, too", "choice", _YES)
        label = "Resume: then continue sending"
        yield Form("resume", label, (REASON, again, nights), folded=state == "done")
    if begun:
        help_ = "CSV: kind and key, reference, address or provider_id."
        receipts = Field(FIELD, "Receipts", "file", needed=True, help=help_)
        yield Form("receipts", "Import bounces and returned letters", (receipts,), folded=True)
        places = tuple((p, p) for p in sorted({g.place for g in found.campaign.grounds}))
        place = Field("place", "Place", "choice", places)
        yield Form("substitute", "Record a substitute notice", (place, REASON), folded=True)
        yield Form("verify", "Compare the deliveries with the journal", folded=True)


def _of(asked: Asked) -> tuple[str, PurePath]:
    """Return the notice and the name of the list: a pure path, so that no file of that name is opened."""
    campaign = by_id(asked.service, asked.incident, asked.ref).campaign
    return campaign.notice, PurePath(campaign.list_name)


def _question(asked: Asked, given: Given) -> Preview:
    """Show what is sent, or refuse it, before the factors of the person are asked for."""
    found, checked = ready(asked.service, asked.incident, *_of(asked), _reasons(given))
    campaign, remaining = found.campaign, left(asked.service, found)
    fresh = feasibility(campaign, remaining, asked.now)
    people = count(sum(remaining.values()), "person", "people")
    words = [
        line(f"Send {campaign.notice} to {people} of {campaign.list_name}?", "title"),
        line("Sent messages cannot be recalled.", "warn"),
        *(line(sentence, "alarm") for sentence in checked.against.words),
        line(f"Pace: {fresh.sum}"),
    ]
    held = len(campaign.grounds) - len(checked.groups)
    words += (
        [line(f"{count(held, 'text is', 'texts are')} delayed: nothing is sent for them.", "warn")]
        if held
        else []
    )
    texts = [(ground.place, ground.group.text, ground.short) for ground in campaign.grounds]
    return Preview(
        Page(tuple(words)), (campaign.id, found.state, checked.groups, texts, checked.against.keys)
    )


def _reasons(given: Given) -> Reasons:
    return Reasons(*(given[f"accept_{what}"].strip() for what in ("counts", "repeats", "date")))


def _send(asked: Asked, given: Given) -> None:
    if asked.senders is None:
        raise Refused(
            "This server sends no campaigns.",
            hint="Send at the command line: tocsin bulk send NOTICE --people FILE",
            code="no_sender",
        )
    asked.senders.start(asked.service, asked.incident, *_of(asked), _reasons(given))


def _pause(asked: Asked, given: Given) -> None:
    control.pause(asked.service, asked.incident, *_of(asked), given["reason"])


def _resume(asked: Asked, given: Given) -> None:
    again, nights = given["again"] == "yes", given["nights"] == "yes"
    control.resume(asked.service, asked.incident, *_of(asked), given["reason"], again=again, nights=nights)


def _receipts(asked: Asked, given: Given) -> str:
    file, found = _file(given), known(asked.service, asked.incident, *_of(asked))
    with uploaded(asked.service, file.name, file.body) as path:
        result = take(asked.service, read_receipts(path), found.campaign.id)
    changed = ", ".join(f"{number:,} {kind}" for kind, number in sorted(result.changed.items())) or "none"
    left = f" {result.unmatched:,} receipts match no recipient." if result.unmatched else ""
    paused = " The campaign paused automatically." if result.paused else ""
    return f"Receipts: {result.receipts:,}. Changes: {changed}.{left}{paused}"


def _substitute(asked: Asked, given: Given) -> None:
    control.substitute(asked.service, asked.incident, *_of(asked), given["place"], given["reason"])


def _verify(asked: Asked, given: Given) -> str:
    found = by_id(asked.service, asked.incident, asked.ref)
    proof = verify(asked.service, asked.incident, found.campaign.id)
    batches = count(proof.chunks, "batch", "batches")
    return f"{count(proof.attempts, 'attempt')} in {batches} match the journal."


# The tables change before the journal does, so a mark would come too late for a pause and for a substitute notice.
CAMPAIGN = Acting(
    _one_forms,
    {
        "send": Act("campaign.manage", _send, _question, adds=True, bound=True),
        "pause": Act("campaign.manage", _pause, adds=True),
        "resume": Act("campaign.manage", _resume, bound=True),
        "receipts": Act("campaign.manage", _receipts, adds=True, shows=True),
        "substitute": Act("campaign.manage", _substitute, adds=True, bound=True),
        "verify": Act("campaign.manage", _verify, adds=True, shows=True),
    },
    _one_seen,
)


# --- the page of one run of letters -----------------------------------------------------------------------


def _run_seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    _, letters = letter_archive.summary(service, incident, ref)
    return len(incident.letters), approved_from(incident, letters)


def _run_forms(asked: Asked) -> Iterator[Form]:
    if asked.incident.state != "open":
        return
    archive, run = letter_archive.summary(asked.service, asked.incident, asked.ref)
    approved = letter_archive.is_approved(asked.incident, run)
    made = asked.incident.evidence.get(archive.evidence)
    if made is not None and not approved and made.by != asked.principal.person:
        ticks = tuple(
            Field(_tick(item), f"Item {n} is right in the letters: {item}", "choice", _YES)
            for n, item in enumerate(unverified_items(asked.incident, run), 1)
        )
        bound = (("manifest", run.manifest_sha256),)
        number = count(run.letters, "letter")
        yield Form("approve", f"I read the sample. Approve these {number}", ticks, bound)
    if approved and any(group.status == "draft" for group in run.groups):
        yield Form("final", "Make the approved letters, without the draft mark")


def _tick(item: str) -> str:
    """Return the name of the field of an item, by its words: its number changes when a notice ticks another item."""
    return f"tick-{sha256(item.encode()).hexdigest()[:16]}"


def _ready(asked: Asked, given: Given) -> None:
    """Refuse letters with open items before the factors are asked for; nothing is shown first."""
    _signed(asked, given)


def _signed(asked: Asked, given: Given) -> Any:
    run = letter_archive.opened(asked.service, asked.incident, asked.ref)
    items = enumerate(unverified_items(asked.incident, run.letters), 1)
    ticks = [number for number, item in items if given[_tick(item)] == "yes"]
    return letter_archive.sign(asked.incident, run, given["manifest"], ticks)


def _approve(asked: Asked, given: Given) -> None:
    asked.service.act(asked.principal, asked.incident.id, [_signed(asked, given)])


def _final(asked: Asked, given: Given) -> str:
    run = letter_archive.opened(asked.service, asked.incident, asked.ref)
    made = letter_archive.again(asked.service, asked.incident, run.archive)
    return address(BY_OPERATION["run"], asked.incident.codename, made.id)


RUN = Acting(
    lambda asked: tuple(_run_forms(asked)),
    {
        "approve": Act("sign", _approve, _ready, bound=True),
        "final": Act("campaign.manage", _final, adds=True),
    },
    _run_seen,
)
