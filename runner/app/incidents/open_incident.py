"""Opening of an incident: pin playbooks and laws, read facts, show the message plan, then start.

``prepare_opening`` writes only content-addressed blobs; its result can be shown to a person. With
``commit_opening`` the incident is stored, and its first messages may be sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.actions import Action
from runner.app.core.active_incident import OPEN
from runner.app.core.directory import domains_meant
from runner.app.core.incident_service import IncidentService
from runner.app.core.on_call import left_out, standing
from runner.app.incidents.catalogue_pinning import pin_catalogue
from runner.app.incidents.facts import change_of
from runner.app.incidents.home_catalogue import catalogue
from runner.base.states import Kind, Profile, Severity
from runner.decoding import from_json
from runner.errors import Invalid, Refused
from runner.facts.vocabulary.nested_facts import Misplaced, flatten
from runner.facts.vocabulary.register import Fact, Stated
from runner.incident.state.commands import (
    AnyCommand,
    AssignRole,
    DeclareDomain,
    PinPlaybook,
    RecordFacts,
    SetAccess,
    SetSeverity,
)
from runner.incident.state.events import IncidentOpened, Recorded
from runner.incident.state.future_timestamps import refuse_facts_ahead
from runner.incident.state.incident import Domain, Incident, Run
from runner.incident.turn.fold import begin
from runner.law.relevance import unknown_organisation
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from runner.playbook.checks.action_calls import CalledHost, http_calls
from runner.playbook.format import Bundle, Message, Playbook
from runner.playbook.plan import walk
from runner.playbook.profiles import bundle_of_profile
from runner.reports.core.header import local_now
from runner.reports.people.unassigned_roles import UnheldRole, Unreachable, unheld, unreachable
from runner.routing.messaging import DeliveryPlan
from runner.routing.organisation import Home
from runner.yamlfile.source import file_bytes

if TYPE_CHECKING:
    from runner.app.core.repository import Turn
    from runner.facts.veris.veris_record import Imported
    from runner.reports.messages.message_plan import NotAsked


def organisation_facts(home: Home) -> tuple[Stated, ...]:
    """Return the organisation's facts from the home's file, checked."""
    wrong: list[Misplaced] = []
    insurance = msgspec.to_builtins(home.insurance)
    known = {**home.organisation, **({"insurance": insurance} if insurance else {})}
    leaves = list(flatten("", {"organisation": known}, wrong.append)) if known else []
    if wrong:
        words = "; ".join(f"{misplaced.problem.path}: {misplaced.problem.message}" for misplaced in wrong)
        raise Invalid(
            f"The section organisation of tocsin.yaml is not valid: {words}.",
            hint=Action("fact.show", args={"all": True}),
            code="bad_settings",
        )
    return tuple(
        msgspec.structs.replace(leaf.stated, source=leaf.stated.source or "tocsin.yaml") for leaf in leaves
    )


VERIS = "veris:"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The request of ``tocsin open``."""

    playbooks: tuple[str, ...]
    title: str = ""
    kind: Kind = "real"
    facts: tuple[str, ...] = ()
    """Files, or ``veris:FILE``."""
    assignments: tuple[str, ...] = ()
    stated: tuple[Stated, ...] = ()
    """Facts with their source, under those of files and assignments."""
    compromised: tuple[str, ...] = ()
    since: datetime | None = None
    roles: Mapping[str, tuple[str, ...]] = {}
    """The persons of roles that have nobody in the home."""
    severity: Severity | Literal[""] = ""
    profile: Profile | None = None
    """None is the profile of the settings."""
    restricted: bool = False
    """Only the people with a role in the incident see it, from the start."""
    incident: str = ""
    """Its identifier, so that a repeated request is refused; a new one by default."""


class MessagePreview(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a playbook to one person, as planned now."""

    playbook: str
    message: str
    plan: DeliveryPlan


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The whole plan, with nothing written to a journal yet."""

    event: IncidentOpened
    commands: tuple[AnyCommand, ...]
    playbooks: tuple[Playbook, ...]
    previews: tuple[MessagePreview, ...]
    unaddressed: tuple[str, ...]
    """Messages whose roles nobody has."""
    http_calls: tuple[CalledHost, ...]
    """The external calls of automatic actions, and the secrets that they send."""
    imported: tuple[Imported, ...]
    """The facts from VERIS records, and the records that gave none."""
    at: datetime
    not_asked: tuple[NotAsked, ...] = ()
    """Roles that the profile asks less than the other one."""
    unheld: tuple[UnheldRole, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()
    """Approvals that the people with the roles cannot give."""
    repeated: tuple[str, ...] = ()
    """Playbooks that several of the chosen ones run: each runs it, with all its tasks."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """The facts about the organisation without which no legal deadline can be shown."""
        made = (one.changes for one in self.commands if isinstance(one, RecordFacts))
        return unknown_organisation(
            {change.key for each in made for change in each if bytes(change.value) != b"null"}
        )


def prepare_opening(
    service: IncidentService,
    request: Request,
    catalog: Catalog | None = None,
    pinned: str = "",
    *,
    at: datetime | None = None,
) -> Opening:
    """Return an opening to show; raises Invalid, NotFound or Refused with all problems.

    ``catalog`` is where playbooks are looked up, ``pinned`` the law that is stored already; otherwise both are the home's.
    ``at`` is the time of the incident, if it differs from the clock's.
    """
    now = at or service.clock.now()
    catalog = catalog or catalogue(service)
    profile = request.profile or service.home.profile
    authored = [load_bundle(name, catalog) for name in request.playbooks]
    bundles = [bundle_of_profile(bundle, profile) for bundle in authored]
    if not bundles:
        raise Refused("The playbook is missing.", hint=Action("playbook.list"), code="playbook_missing")
    stated, imported = _gather(service, request, now)
    commands: tuple[AnyCommand, ...] = (
        *role_commands(service, bundles, request.roles, service.home.merges(profile)),
        *_facts(service, stated),
        *_domains(service, request, bundles, now),
        *((SetSeverity(severity=request.severity),) if request.severity else ()),
        *((SetAccess(restricted=True, reason="at opening"),) if request.restricted else ()),
        *(pin_command(service, bundle, now, profile=profile) for bundle in authored),
    )
    event = IncidentOpened(
        incident=request.incident or service.chance.name("i"),
        codename=_codename(service),
        title=request.title.strip() or bundles[0].playbook.title,
        kind=request.kind,
        by=service.principal.person,
        catalogue=pinned or pin_catalogue(service, catalog),
    )
    names = [one.name for bundle in bundles for one in _all(bundle)]
    held = {command.role: command.persons for command in commands if isinstance(command, AssignRole)}
    previews, unaddressed = previews_of(
        service, _sketch(event, commands, now, service.traffic.down()), bundles
    )
    return Opening(
        event=event,
        commands=commands,
        playbooks=tuple(bundle.playbook for bundle in bundles),
        previews=previews,
        unaddressed=unaddressed,
        http_calls=http_calls(bundles, service.home.act),
        imported=imported,
        at=now,
        repeated=tuple(name for name, times in Counter(names).items() if times > 1),
        not_asked=left_out(service.directory, bundles, profile, held),
        unheld=unheld((p for bundle in bundles for p in _all(bundle)), held),
        unreachable=unreachable((p for bundle in bundles for p in _all(bundle)), held),
    )


def commit_opening(service: IncidentService, opening: Opening) -> Turn:
    """Store the incident; nothing has been sent when this returns."""
    return service.open(service.principal, opening.event, opening.commands)


def pin_command(
    service: IncidentService,
    bundle: Bundle,
    now: datetime,
    taken: Sequence[str] = (),
    reason: str = "",
    *,
    profile: Profile,
) -> PinPlaybook:
    """Store a bundle, with the steps of both profiles, by digest and return the command that starts its run."""
    name = bundle.playbook.name
    run = name
    while run in (*taken, "added"):  # the prefix in the names of added tasks
        base, _, number = run.rpartition("-")
        run = f"{base}-{int(number) + 1}" if base and number.isdigit() else f"{run}-2"
    return PinPlaybook(
        run=Run(
            id=run,
            playbook=name,
            version=bundle.playbook.version,
            digest=bundle.digest,
            bundle=service.keep_document(service.principal, None, msgspec.json.encode(bundle)),
            at=now,
            profile=profile,
        ),
        reason=reason,
    )


def _codename(service: IncidentService) -> str:
    """Return a free codename; on the phone its first word tells it from the open incidents, if such a name is left."""
    taken = {row.codename: row.state in OPEN for row in service.incidents()}
    spoken = {name.partition("-")[0] for name, is_open in taken.items() if is_open}
    spare = ""
    for _ in range(100):
        name = service.chance.codename()
        if name not in taken and name.partition("-")[0] not in spoken:
            return name
        spare = spare or (name if name not in taken else "")
    return spare or service.chance.name(service.chance.codename())


def _gather(
    service: IncidentService, request: Request, now: datetime
) -> tuple[dict[str, Stated], tuple[Imported, ...]]:
    """Return the facts of the home, the files in their order and the assignments, later ones over earlier."""
    found = {fact.key: fact for fact in organisation_facts(service.home)}
    found.update({fact.key: fact for fact in request.stated})
    imported: list[Imported] = []
    for name in request.facts:
        if name.startswith(VERIS):
            from runner.facts.veris.veris_record import import_veris, parse_veris

            path = Path(name.removeprefix(VERIS))
            imported.append(import_veris(parse_veris(file_bytes(path), str(path))))
            facts = imported[-1].facts
        else:
            from runner.facts.fact_files import read_facts
            from runner.yamlfile.source import load

            facts = read_facts(load(Path(name)))
        found.update({fact.key: fact for fact in facts})
    for text in request.assignments:
        found.update({fact.key: fact for fact in _assigned(text, found, now)})
    return found, tuple(imported)


def _assigned(text: str, found: dict[str, Stated], now: datetime) -> tuple[Stated, ...]:
    from runner.facts.fact_files import parse_assignment

    zone = found.get("organisation.zone")
    clock = local_now(now, zone.value if zone is not None else "")
    return parse_assignment(
        text, {key: Fact(key=key, value=fact.value, at=now) for key, fact in found.items()}, clock
    )


def role_commands(
    service: IncidentService,
    bundles: Sequence[Bundle],
    given: Mapping[str, tuple[str, ...]],
    merges: Mapping[str, str],
) -> Iterator[AssignRole]:
    """Yield the persons of each role; a role that nobody has gets those of the role that it merges into."""
    rows = {role for bundle in bundles for playbook in _all(bundle) for role in playbook.roles}
    for role in sorted(rows):
        for name in (role, merges.get(role, role)):
            if persons := given.get(name) or standing(service.directory, name):
                on_call = name == role and role in service.directory.watches and role not in given
                yield AssignRole(role=role, persons=persons, on_call=on_call)
                break


def _all(bundle: Bundle) -> tuple[Playbook, ...]:
    return (bundle.playbook, *bundle.includes.values())


def _facts(service: IncidentService, stated: dict[str, Stated]) -> Iterator[RecordFacts]:
    if stated:
        changes = tuple(change_of(fact) for fact in stated.values())
        refuse_facts_ahead(changes, service.clock.now())
        yield RecordFacts(changes=changes)


def _domains(
    service: IncidentService, request: Request, bundles: Sequence[Bundle], now: datetime
) -> Iterator[DeclareDomain]:
    since = request.since or now
    assumed = {domain for bundle in bundles for domain in bundle.playbook.assume_compromised}
    declared = dict.fromkeys(
        domain for name in request.compromised for domain in domains_meant(service, name, assumed)
    )
    for domain in declared:
        yield DeclareDomain(domain=domain, state="compromised", since=since, reason="declared at opening")
    for domain in sorted(assumed - set(declared)):
        yield DeclareDomain(
            domain=domain,
            state="compromised",
            since=since,
            reason="assumed by the playbook until triage",
            assumed=True,
        )


def previews_of(
    service: IncidentService, incident: Incident, bundles: Sequence[Bundle]
) -> tuple[tuple[MessagePreview, ...], tuple[str, ...]]:
    """Plan every message of playbooks to the present persons of its roles; return also the messages to nobody."""
    found: dict[tuple[str, str, str], MessagePreview] = {}
    nobody: dict[str, None] = {}
    for playbook in (p for bundle in bundles for p in _all(bundle)):
        for step in walk(playbook.steps):
            if not isinstance(step, Message):
                continue
            template = playbook.messages[step.message]
            to = step.to or template.to
            plans, filled = _plans(service, incident, playbook, template.message_class, to)
            if not (plans or filled):
                nobody[f"{step.message} ({', '.join(to)})"] = None
            for person, plan in plans.items():
                preview = MessagePreview(playbook=playbook.name, message=step.message, plan=plan)
                found.setdefault((playbook.name, step.message, person), preview)
    return tuple(found.values()), tuple(nobody)


def _plans(
    service: IncidentService, sketch: Incident, playbook: Playbook, message: str, to: Sequence[str]
) -> tuple[dict[str, DeliveryPlan], tuple[str, ...]]:
    """Plan a message of a class to the recipients ``to``, and return which roles the opener has.

    An opening without recipients imports no planner.
    """
    from runner.effects.context import message_class, plan_context
    from runner.effects.messages.compose import addressed, planned_for, without_alerted

    context = plan_context(sketch, service.clock.now(), service.compromises())
    kind = message_class(message, service.directory, playbook.classes)
    found = without_alerted(sketch, kind, addressed(sketch, service.directory, to, kind))
    plans = {p: planned_for(context, service.directory, kind, p) for p in found.meant}
    return plans, (*found.filled, *found.alerted)


def _sketch(
    event: IncidentOpened, commands: Sequence[AnyCommand], now: datetime, down: Mapping[str, Domain]
) -> Incident:
    """Return the part of the future incident that planning reads; its first turn records what is down."""
    born = begin(Recorded(1, now, event))
    domains = {**down} | {
        c.domain: Domain(name=c.domain, state=c.state, since=c.since, assumed=c.assumed)
        for c in commands
        if isinstance(c, DeclareDomain)
    }
    roles = {c.role: c.persons for c in commands if isinstance(c, AssignRole)}
    facts = {
        change.key: Fact(key=change.key, value=from_json(change.value), at=now)
        for c in commands
        if isinstance(c, RecordFacts)
        for change in c.changes
    }
    return msgspec.structs.replace(born, domains=domains, roles=roles, facts=facts)
