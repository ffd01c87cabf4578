"""What a person can do on the page of letters and campaigns: plan from a list, pause, resume, import bounces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runner.app.campaigns import control
from runner.app.campaigns.plan import PlanOrder
from runner.app.campaigns.plan import plan as make_plan
from runner.app.campaigns.receipts import read_receipts, take
from runner.app.campaigns.record import known, newest
from runner.app.campaigns.uploads import FIELD, uploaded
from runner.app.core.incident_service import IncidentService
from runner.errors import Refused
from runner.incident.campaigns.transitions import GUARDS
from runner.incident.state.incident import Incident
from runner.web.room.acts.forms import REASON, Act, Acting, Field, Form, Given, Upload, catalogue, one_of
from runner.web.room.pages import Asked

_YES = (("", "no"), ("yes", "yes"))


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    return [(one.id, one.state, one.at) for one in incident.campaigns.values()]


def _forms(asked: Asked) -> Sequence[Form]:
    return tuple(_offered(asked)) if asked.incident.state == "open" else ()


def _offered(asked: Asked) -> Iterator[Form]:
    file = Field(
        FIELD,
        "List of people",
        "file",
        needed=True,
        help="CSV: reference, name, address, email, phone, jurisdiction.",
    )
    yield Form(
        "plan",
        "Plan a notice to the people of a list: sends nothing",
        (
            Field("notice", "Template", value="auto", needed=True, help="auto: one template for each duty."),
            file,
            Field("population", "Place", help="If the list has none."),
            Field("skip_bad", "Skip invalid rows", "choice", _YES),
        ),
        folded=bool(asked.incident.campaigns),
    )
    for one in newest(asked.service, asked.incident):
        about = (("notice", one.campaign.notice), ("list", one.campaign.list_name))
        name = f"{one.campaign.notice} to {one.campaign.list_name}"
        if one.state in GUARDS["pause"].states:
            yield Form("pause", f"Pause {name}", (REASON,), about)
        if one.state in GUARDS["resume"].states:
            again = Field(
                "again",
                "Resend to people with an unknown outcome",
                "choice",
                _YES,
                help="They can get the notice twice.",
            )
            yield Form("resume", f"Resume {name}", (REASON, again), about)
        if one.state != "planned":
            receipts = Field(
                FIELD,
                "Receipts",
                "file",
                needed=True,
                help="CSV: kind and key, reference, address or provider_id.",
            )
            yield Form(
                "receipts", f"Import bounces and returned letters of {name}", (receipts,), about, folded=True
            )
            place = Field(
                "place",
                "Place",
                "choice",
                tuple((p, p) for p in sorted({g.place for g in one.campaign.grounds})),
            )
            yield Form(
                "substitute", f"Record a substitute notice of {name}", (place, REASON), about, folded=True
            )


def _file(given: Given) -> Upload:
    if (file := given.files.get(FIELD)) is None:
        raise Refused("The form has no file. Nothing was recorded.", hint="Choose the file", code="no_file")
    return file


def _plan(asked: Asked, given: Given) -> None:
    service, file = asked.service, _file(given)
    with uploaded(service, file.name, file.body) as path:
        order = PlanOrder(
            notice=one_of(given, "notice", ("auto", *catalogue(service).notice_files)),
            people=path,
            population=given["population"].strip(),
            skip_bad=given["skip_bad"] == "yes",
        )
        make_plan(service, asked.incident, order, lambda rows: None)


def _of(given: Given) -> tuple[str, Path]:
    """Return the notice and the name of the list; the name is looked up, and no file of that name is opened."""
    return given["notice"], Path(given["list"])


def _pause(asked: Asked, given: Given) -> None:
    control.pause(asked.service, asked.incident, *_of(given), given["reason"])


def _resume(asked: Asked, given: Given) -> None:
    again = given["again"] == "yes"
    control.resume(asked.service, asked.incident, *_of(given), given["reason"], again=again, nights=False)


def _receipts(asked: Asked, given: Given) -> None:
    file, found = _file(given), known(asked.service, asked.incident, *_of(given))
    with uploaded(asked.service, file.name, file.body) as path:
        take(asked.service, read_receipts(path), found.campaign.id)


def _substitute(asked: Asked, given: Given) -> None:
    control.substitute(asked.service, asked.incident, *_of(given), given["place"], given["reason"])


LETTERS = Acting(
    _forms,
    {
        "plan": Act("campaign.manage", _plan),
        "pause": Act("campaign.manage", _pause),
        "resume": Act("campaign.manage", _resume, bound=True),
        "receipts": Act("campaign.manage", _receipts, adds=True),
        "substitute": Act("campaign.manage", _substitute, bound=True),
    },
    _seen,
)
