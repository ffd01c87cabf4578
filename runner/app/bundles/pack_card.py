"""The card of a pack, on paper: the people, deadlines and next actions of open incidents, and how to go on at another machine.

It has unencrypted numbers and what is known of incidents, but no passphrase and no key. The program stores no copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner import __version__
from runner.app.core.active_incident import OPEN
from runner.app.exercises.organisation_attention import is_watched
from runner.app.home.overview import read_status
from runner.app.messages.call_sheet import Line, call_lines
from runner.app.playbooks.cards import PERSONAL, table
from runner.documents.tree import (
    Block,
    Document,
    Heading,
    Listing,
    Paragraph,
    RenderContext,
    Stationery,
    Strong,
    Text,
)
from runner.errors import TocsinError
from runner.law.duty import DutyStatus
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.formatting import count, moment, person_name
from runner.reports.incidents.recommendations import next_actions
from runner.reports.law.duty_rows import DONE, VERDICTS
from runner.reports.law.titles import duty_label

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.home.backups import Made
    from runner.incident.state.incident import Incident

_ROLES = ("commander", "counsel")
_CONTACTS = ("Role", "Person", "Telephone", "Other contacts")


def pack_card(
    service: IncidentService, made: Made, checkpoint: str, key: str, *, with_passphrase: bool
) -> Document:
    """Return the card of a pack, with the incidents that the person may read; ``key`` is the fingerprint of the signing key."""
    digest, file = made.digest.removeprefix("sha256:"), Path(made.path).name
    opened = f" --identity KEY-FILE --digest {digest[:32]}" if not with_passphrase else ""
    return Document(
        id="pack-card",
        version=__version__,
        template_sha256="",
        title="Continue elsewhere",
        language="en",
        context=RenderContext(
            status="final",
            timestamp=service.clock.now(),
            stationery=Stationery(name=str(service.home.organisation.get("name") or "")),
        ),
        blocks=(
            Heading(1, (Text("Continue elsewhere"),)),
            Paragraph((Strong((Text(PERSONAL),)),)),
            _plain(
                f"Pack {file}, made {moment(service.clock.now())} by {person_name(service.principal.person)}: the whole home folder with "
                "its master key, encrypted. Neither a passphrase nor a secret key is on this card."
            ),
            *_incidents(service),
            Heading(2, (Text("Open the pack on another machine"),)),
            _listed(
                f"Install Tocsin {__version__} or later, with the extra backup, from the archive or repository that your organisation uses (docs: install.md)",
                f"Run: tocsin unpack {file} --home NEW-FOLDER{opened}",
                "Every incident is paused. Compare each with phones and mailboxes. Then run: tocsin resume -i INCIDENT --reason WHY",
                "Do not use the first machine again. If others have it: tocsin key rotate --to file:master-2.key, and new passwords for all channels.",
                f"Without Tocsin: age --decrypt -o home.tar {file}",
            ),
            Heading(2, (Text("Compare"),)),
            table(("What", "Value"), [("Digest", digest), ("Checkpoint", checkpoint), ("Signing key", key)]),
        ),
    )


def _plain(text: str) -> Paragraph:
    return Paragraph((Text(text),))


def _listed(*texts: str) -> Listing:
    return Listing("decimal", 1, tuple((_plain(text),) for text in texts))


def _incidents(service: IncidentService) -> Iterator[Block]:
    reader = service.read(service.principal)
    running = [row for row in reader.incidents() if row.state in OPEN or is_watched(row)]
    if not running:
        yield _plain("No incident was open.")
        yield table(_CONTACTS, _people(call_lines(service.directory, None)))
    for row in running:
        try:
            yield from _incident(service, reader.incident(row.id))
        except TocsinError as error:
            yield _plain(f"{row.codename} cannot be read: {error.message}")


def _incident(service: IncidentService, incident: Incident) -> Iterator[Block]:
    now = service.now_in(incident)
    found = read_status(service, incident, now, service.principal.person)
    kind = "" if incident.kind == "real" else f" ({incident.kind})"
    yield Heading(2, (Text(f"{incident.codename}: {incident.title}{kind}, {incident.state}"),))
    lines = call_lines(service.directory, incident)
    yield table(_CONTACTS, _people(lines))
    duties = [
        duty
        for duty in service.duties(incident, now)
        if duty.verdict in ("applies", "unknown") and duty.state not in DONE
    ]
    shown = [duty for duty in duties if duty.verdict == "applies" or (duty.due is not None and duty.in_sight)]
    shown.sort(key=lambda duty: (duty.due is None, duty.due or now))
    if shown:
        yield table(("Legal deadline", "Start by", "Duty"), [_duty(duty) for duty in shown])
    if hidden := len(duties) - len(shown):
        yield _plain(
            f"{count(hidden, 'legal duty is', 'legal duties are')} undetermined: tocsin fact missing"
        )
    following = next_actions(found).next
    yield Paragraph((Strong((Text("Next" if following else "No action is required now."),)),))
    yield _listed(*(_act(item, lines) for item in following))


def _act(item: AttentionItem, lines: Sequence[Line]) -> str:
    """Return an action as sentences that are clear on paper, with the numbers of its people."""
    if item.kind == "unreachable":
        whom = _with_numbers(person_name(item.person), lines)
        return f"Call {whom}. This person has not acknowledged a message. Read the message on the call."
    who = f" Person: {_with_numbers(item.who, lines)}." if item.who else ""
    return f"{item.text}.{who}{f' Until {moment(item.due)}.' if item.due else ''}"


def _with_numbers(names: str, lines: Sequence[Line]) -> str:
    numbers = {line.name: ", ".join(line.numbers) or "no number known" for line in lines}
    return ", ".join(f"{one}, {numbers[one]}" if one in numbers else one for one in names.split(", "))


def _people(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for role in _ROLES:
        held = [line for line in lines if role in line.roles]
        for line in held:
            name = f"{line.name} (away: {line.stands_in})" if line.stands_in else line.name
            rows.append((role, name, "\n".join(line.numbers) or "none known", "\n".join(line.others)))
        if not held:
            rows.append((role, "nobody", "____________________", ""))
    return rows


def _duty(duty: DutyStatus) -> tuple[str, ...]:
    doubt = VERDICTS.get(duty.verdict, "") or ("start unconfirmed" if duty.provisional else "")
    due = moment(duty.due) if duty.due else "no fixed time"
    start = moment(duty.latest_safe_start) if duty.latest_safe_start else ""
    return due, start, f"{duty_label(duty)}{f' ({doubt})' if doubt else ''}"
