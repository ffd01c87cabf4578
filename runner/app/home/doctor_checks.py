"""Checks of the doctor: people, rotas, callbacks, domains that are down, channels, and the files of the home."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from runner.actions import Action
from runner.app.core import channel_state, directory
from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import SCHEMA_VERSION, UNFINISHED, Store
from runner.app.home.erased_data import UNERASED
from runner.app.home.open_home import secret_files, store_file
from runner.app.home.workers import APART, MOST_APART, apart, leader
from runner.app.law.regimes import without_key
from runner.app.messages.domains import domain_rows
from runner.base.text import nearest
from runner.errors import TocsinError
from runner.facts.vocabulary.fact_types import NONE
from runner.files.contacts.contact_entries import KINDS
from runner.files.settings_file import lines_of_people, strangers
from runner.incident.law.verifications import readable
from runner.law.relevance import SET_UP
from runner.playbook.catalogue import Catalog
from runner.playbook.law_pack import FOLDER, about, applied_in
from runner.playbook.pinned import STALE_DAYS
from runner.reports.core.formatting import count
from runner.routing.organisation import Home
from runner.settings import CONFIG, open_to_others

Severity = Literal["good", "warning", "error", "mended"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check."""

    area: str
    severity: Severity
    what: str
    hint: str = ""
    action: Action | None = None
    """The single action that helps; ``hint`` is empty then, and the terminal shows the command."""
    code: str = ""
    """The stable code of the finding for programs; may be empty."""
    incident: str = ""
    ref: str = ""
    """The subject of the finding in the incident, as in ``needs_attention``."""


def wrong(area: str, what: str, hint: str, code: str = "", *, mended: bool) -> Finding:
    """Return an error, or the same finding as repaired."""
    if mended:
        return Finding(area, "mended", what, code=code)
    return Finding(area, "error", what, hint, code=code)


def of_error(area: str, error: TocsinError) -> Iterator[Finding]:
    """Yield an error as findings: itself, and each problem of its file."""
    yield Finding(area, "error", error.message, error.hint, error.action, error.code)
    for problem in error.problems:
        yield Finding(area, "error" if problem.severity == "error" else "warning", str(problem))


def ways_out(service: IncidentService) -> Iterator[Finding]:
    """Examine everything between an incident and people."""
    for look in (
        _set_up,
        _law_update,
        _people,
        _deputies,
        _forgotten,
        _over_nothing,
        _out_of_reach,
        _on_screens,
        _callbacks,
        _rotas,
        _war_rooms,
        _outside,
        _webhooks,
    ):
        yield from look(service)


def _set_up(service: IncidentService) -> Iterator[Finding]:
    """Yield what the settings should know before an incident: the organisation, and its cyber insurance."""
    home, config = service.home, service.folder / CONFIG
    missing = [key for key in SET_UP if key not in home.organisation]
    if missing:
        what = f"Missing in the settings: organisation {', '.join(missing)}. They decide which laws can apply"
        lines = ", ".join(f"{key}: {SET_UP[key]}" for key in missing)
        hint = f"Write in {config}: organisation: {{{lines}}}. Write [] if nothing applies"
        yield Finding("settings", "warning", what, hint, code="setup_missing", ref=missing[0])
    if home.insurance.hotline is None and home.insurance.policy != NONE:
        what = "The settings name no hotline of a cyber insurer"
        hint = f'Write in {config}: insurance: {{hotline: "PHONE", policy: NUMBER, notice_hours: HOURS}}. Without a policy: insurance: {{policy: none}}'
        yield Finding("settings", "warning", what, hint, code="insurance_missing")


def _people(service: IncidentService) -> Iterator[Finding]:
    """Yield unknown people in the settings, and unencrypted contacts in them."""
    config = service.folder / CONFIG
    for problem in strangers(config, service.home, service.directory.people):
        yield Finding("people", "error", str(problem))
    known = service.directory.people
    plain = [name for name, person in service.home.people.items() if name in known and person.contacts]
    if plain:
        what = (
            f"{config} contains unencrypted contacts of {', '.join(plain)} (lines {lines_of_people(config)})"
        )
        hint = "Import the contacts into the database: tocsin person import --from-settings"
        yield Finding("people", "warning", what, hint)


def _deputies(service: IncidentService) -> Iterator[Finding]:
    """Yield a finding for roles with one person and no deputy: no person can approve in their place."""
    roles = service.directory.without_deputy
    if roles:
        lines = ", ".join(f"{role}: [PERSON]" for role in roles)
        hint = f"Write in {service.folder / CONFIG}: alternates: {{{lines}}}"
        what = f"No deputy for {', '.join(roles)}"
        yield Finding("deputies", "warning", what, hint, code="deputy_missing", ref=roles[0])


def _forgotten(service: IncidentService) -> Iterator[Finding]:
    """Yield people in the settings whose data was erased; their entries are ignored."""
    config = service.folder / CONFIG
    gone = [name for name in service.home.people if name not in service.directory.people]
    if gone:
        named = f"{', '.join(gone)} (lines {lines_of_people(config)})"
        what = f"{config} still names {named}, whose data was erased: this data is ignored but readable"
        hint = f"Delete the lines. To add a person again: tocsin person add {gone[0]}"
        yield Finding("people", "warning", what, hint)


def _over_nothing(service: IncidentService) -> Iterator[Finding]:
    """Yield addresses that are not valid, and contacts on an unknown channel."""
    ways = (*service.home.channels, *KINDS)
    for what in directory.bad_addresses(service.directory.people, service.channels, service.directory.people):
        yield Finding("people", "error", what, "Correct the address.", code="bad_address")
    for name, person in service.directory.people.items():
        for way in sorted({contact.channel for contact in person.contacts} - set(ways)):
            near = nearest(way, ways)
            what = f"A contact of {name} is never used: channel '{way}' does not exist"
            yield Finding(
                "people", "warning", what, f"Use {near}" if near else f"Use one of: {', '.join(ways)}"
            )


def _out_of_reach(service: IncidentService) -> Iterator[Finding]:
    """Yield a finding if no person can be reached."""
    people = service.directory.people
    named = {way for channel in service.channels.values() for way in (channel.id, channel.address_kind)}
    if any(contact.channel in named for person in people.values() for contact in person.contacts):
        return
    lacking = f"of {count(len(people), 'person', 'people')} none has a contact on an existing channel"
    what = f"No person can be reached: {lacking if people else 'the contact list is empty'}"
    hint = (
        "tocsin person add PERSON --contact CHANNEL=ADDRESS, or for a list: tocsin person import people.csv"
    )
    severity: Severity = "error" if people or service.home.roles else "warning"
    yield Finding("people", severity, what, hint, code="nobody_reached")


def _on_screens(service: IncidentService) -> Iterator[Finding]:
    """Yield a finding if messages of the background worker can reach nobody: it has no screen that a person watches."""
    known = service.channels.values()
    if known and all(one.screen for one in known) and service.home.working.mode == "auto":
        names = ", ".join(one.id for one in known)
        what = f"The background worker reaches nobody: {names} shows messages only on a screen"
        hint = f"Add another channel to {service.folder / CONFIG}, such as mail. Or send every message from a terminal that a person watches: worker: manual"
        yield Finding("channels", "warning", what, hint, code="only_on_screens")


def _callbacks(service: IncidentService) -> Iterator[Finding]:
    """Yield the faults that block receipts and answers of providers."""
    from runner.app.messages.callbacks import mismatches

    try:
        found = list(mismatches(service))
    except TocsinError:  # the master key is missing: another check reports it
        return
    for severe, what, hint in found:
        yield Finding("callbacks", "error" if severe else "warning", what, hint)


def _rotas(service: IncidentService) -> Iterator[Finding]:
    """Yield the people on call by each rota; if a rota cannot be read, the role belongs to the people in the settings."""
    for role, watch in service.directory.watches.items() if service.home.oncall else ():
        if watch.problem:
            hint = f"Until then the role belongs to {', '.join(service.directory.roles.get(role, ()))}"
            yield Finding("rota", "warning", f"{role}: {watch.problem}", hint)
        else:
            who = ", ".join(watch.persons) or "nobody"
            yield Finding("rota", "good", f"{role}: {watch.rota} has {who} on call")


def _war_rooms(service: IncidentService) -> Iterator[Finding]:
    """Yield war rooms that cannot be opened."""
    for name, room in service.home.war_rooms.items():
        channel = service.channels.get(room.channel)
        if room.open and channel is not None and channel.rooms is None:
            what = f"{name}: {channel.adapter} opens no rooms with the settings of {channel.id}"
            yield Finding("war rooms", "warning", what, "Name an existing room: address: …")


def _outside(service: IncidentService) -> Iterator[Finding]:
    """Yield the domains that are down for all incidents, and the accounts that their providers defer."""
    now = service.clock.now()
    service.traffic.refresh()
    for row in domain_rows(service, service.principal, None):
        if where := " and in ".join(row.declared_in):
            what = f"{row.domain} is compromised since {row.since:%Y-%m-%d %H:%M:%SZ}: declared in {where}"
            yield Finding("domains", "warning", what, "", Action("domain.list"))
    for name, one in sorted(service.traffic.fallen.items()):
        action = Action("domain.declare_up", name) if one.declared else None
        hint = "" if action is not None else "Tocsin tests the channel automatically: tocsin channel list"
        what = f"{name} is down since {one.opened_at:%Y-%m-%d %H:%M:%SZ}: {one.why}"
        yield Finding("domains", "warning", what, hint, action)
    for name, account in sorted(service.traffic.accounts.items()):
        if account.held_until is not None and account.held_until > now:
            what = f"{name}: its provider accepts no message before {account.held_until:%Y-%m-%d %H:%M:%SZ}"
            yield Finding("channels", "warning", what)


def _webhooks(service: IncidentService) -> Iterator[Finding]:
    """Find webhooks that send nothing, and those that no worker sends."""
    from runner.app.home.workers import living
    from runner.app.messages.webhooks import problems, read

    for name, what in problems(service):
        hint = f"Test it, then resume it: tocsin webhook test {name}"
        yield Finding("webhooks", "warning", what, hint, code="webhook_silent", ref=name)
    if any(not one.paused for one in read(service).webhooks.values()) and not living(service):
        what = "No worker runs. Webhooks are sent by a worker"
        yield Finding("webhooks", "warning", what, "Start one: tocsin worker start", code="no_worker")


def exposed_files(folder: Path, home: Home, *, repair: bool, secret: bool = True) -> Iterator[Finding]:
    """Yield the home, its settings, its database and secret files that group or others can read or write.

    Repair restricts files only. Others may need a folder, so a person decides on folders.
    """
    for path in dict.fromkeys(_files(folder, home, secret=secret)):
        if not open_to_others(path):
            continue
        closed = False
        if repair and path.is_file():
            with suppress(OSError):  # the file of another user
                path.chmod(path.stat().st_mode & 0o700)
                closed = True
        kind = "folder" if path.is_dir() else "file"
        what = f"Other users can read or write the {kind} {path}"
        yield wrong("files", what, f"chmod go= '{path}'", f"{kind}_open", mended=closed)


def _files(folder: Path, home: Home, *, secret: bool) -> Iterator[Path]:
    yield folder
    yield folder / CONFIG
    yield from secret_files(folder, home) if secret else ()
    if (database := store_file(folder, home.store)) is not None:
        yield from (database.with_name(database.name + ending) for ending in ("", "-wal", "-shm"))


def laws(folder: Path, today: date) -> Iterator[Finding]:
    """Examine the law in use, and the home's own files."""
    yield from _law_in_use(folder, today)
    yield from own_laws(folder)


def own_laws(folder: Path) -> Iterator[Finding]:
    """Yield the home's files of authorities with problems, and its own laws with an encryption exemption that ignores the key."""
    catalog = Catalog(folder)
    if catalog.authorities and catalog.bad_authorities:
        for problem in (problem for error in catalog.bad_authorities for problem in error.problems):
            yield Finding("laws", "warning", str(problem), "Correct the file", code="bad_authorities")
    for ignored in catalog.ignored():
        hint = "Rename the file: laws, contracts and playbooks end in .yaml, notices in .md"
        yield Finding("laws", "warning", f"{ignored} is not read", hint, code="file_ignored")
    for file, number in Counter(problem.file for problem in catalog.open_contracts).items():
        what = f"Contract not filled, so it makes no duty: {file} ({count(number, 'line')})"
        yield Finding(
            "laws", "warning", what, f"Fill it; then: tocsin regime check {file}", code="contract_open"
        )
    for name in (file for file in catalog.regime_files if catalog.is_own("regimes", file)):
        if codes := without_key(catalog.regime(name)):
            what = f"{name}: the exemption {', '.join(codes)} does not name the key, so it never applies"
            hint = f"when: data.encrypted and not data.key_compromised; then: tocsin regime check {name}"
            yield Finding("laws", "warning", what, hint, code="encryption_without_key")


def _law_in_use(folder: Path, today: date) -> Iterator[Finding]:
    """Yield the age of the law, and an applied pack that is damaged or not used."""
    catalog, applied = Catalog(folder), applied_in(folder)
    info = about(catalog.law)
    what = f"Law of {info.age(today)}, {catalog.origin}"
    if (today - info.date).days > STALE_DAYS:
        yield Finding("laws", "warning", what, "Update the law: tocsin law update FILE", code="law_old")
    else:
        yield Finding("laws", "good", what)
    if catalog.damage or (applied is None and (folder / FOLDER).exists()):
        why = catalog.damage or "The pack of the law was not fully applied."
        hint = "Apply the pack again: tocsin law update FILE"
        yield Finding("laws", "error", f"{why} The built-in law is used", hint, code="law_pack_damaged")
    elif applied is not None and applied.folder and catalog.origin == "built-in":
        what = f"This version of Tocsin has later law than the pack {applied.folder}, so the pack is not used"
        yield Finding("laws", "warning", what, code="law_pack_passed")


def _law_update(service: IncidentService) -> Iterator[Finding]:
    """Yield a recorded update of the law that was not finished, or a pack that no entry records."""
    checks, applied = readable(service.law_checks), applied_in(service.folder)
    recorded = checks.updated
    if checks.problem:
        what = f"The checks of the law cannot be read: {checks.problem} Duties show the confidence of the law files"
        yield Finding(
            "laws", "error", what, "Restore a backup; then: tocsin audit verify", code="checks_unreadable"
        )
    elif (recorded.folder if recorded is not None else "") != (applied.folder if applied is not None else ""):
        what = "The law in use differs from the last recorded update of the law"
        yield Finding("laws", "error", what, "tocsin law update FILE", code="law_update_unfinished")


PATIENCE = 3.0
"""Seconds for the lookup of a name and the connection together."""
Server = tuple[str, int]
"""A host and a port."""


class Network(NamedTuple):
    """What an examination asks of the network."""

    dns: bool = False
    """Ask DNS about the sender domains."""
    offline: bool = False
    """Connect to no server of a channel."""


USUAL = Network()


def channels(folder: Path, home: Home, now: datetime, network: Network) -> Iterator[Finding]:
    """Lint every channel with its secrets and connect to its server; a missing secret is a separate finding."""
    from runner.app.messages.channel_keys import missing_secret
    from runner.effects.gateway.gateway import Gateway
    from runner.vault.secrets import resolve

    gateway = Gateway(base=folder)
    servers: dict[str, Server] = {}
    for name, config in home.channels.items():
        secrets: dict[str, str] = {}
        lacking: list[Finding] = []
        absent: list[str] = []
        for secret, reference in config.secrets.items():
            try:
                secrets[secret] = resolve(reference, base=folder).reveal()
            except TocsinError as error:
                absent.append(f"secret {secret}")
                lacking += of_error("channels", missing_secret(folder, name, secret, reference, error))
        try:
            channel = gateway.channel(name, config)
            linted = gateway.lint(channel, secrets, now)
            if server := gateway.server(channel):
                servers[name] = server
            if network.dns:
                linted += gateway.look_up(channel)
        except TocsinError as error:
            yield from of_error("channels", error)
            continue
        lacking += (
            Finding("channels", finding.severity, finding.what, finding.hint)
            for finding in linted
            if not any(words in finding.what for words in absent)
        )
        for finding in lacking:
            yield msgspec.structs.replace(finding, what=f"{name}: {finding.what}")
        if not lacking:
            yield Finding("channels", "good", f"{name} ({config.adapter}): valid")
    if network.offline and servers:
        yield Finding("servers", "good", "the servers of the channels were not tested (--offline)")
    yield from _connected({} if network.offline else servers)


def _connected(servers: Mapping[str, Server]) -> Iterator[Finding]:
    """Connect to the server of each channel without sending, and yield the results."""
    why = dict.fromkeys(servers, "no answer")

    def connect(channel: str, server: Server) -> None:
        try:
            socket.create_connection(server, PATIENCE).close()
            why[channel] = ""
        except OSError as error:
            why[channel] = error.strerror or "no answer"

    # The lookup of a name has no time limit: after PATIENCE the thread is abandoned.
    looking = [threading.Thread(target=connect, args=item, daemon=True) for item in servers.items()]
    for thread in looking:
        thread.start()
    for thread in looking:
        thread.join(PATIENCE)
    for channel, (host, port) in servers.items():
        if not (told := why[channel]):
            yield Finding("servers", "good", f"{channel}: connected to {host}:{port}")
        else:
            what = f"{channel}: no connection to {host}:{port} ({told})"
            hint = "Check the server, the network and the settings."
            yield Finding("servers", "error", what, hint, code="channel_unreachable", ref=channel)


def database(store: Store, repair: bool) -> Iterator[Finding]:
    """Yield a pending upgrade of the store, which repair performs, and what matters of its server."""
    yield from _schema(store, repair)
    server = store.shared_server()
    if server is None:
        return
    if abs(server.offset) > APART:
        what = f"The clock of this machine is {apart(server.offset)} the clock of the database server"
        more = ". No worker starts here" if abs(server.offset) > MOST_APART else ""
        hint = "Set both clocks, for example with NTP. Times of entries and deadlines depend on the clocks."
        yield Finding("clock", "error" if more else "warning", what + more, hint, code="clock_apart")
    else:
        yield Finding("clock", "good", f"{abs(server.offset).total_seconds():.1f} s from the database server")
    if server.standbys:
        yield Finding("store", "good", f"each commit waits for a standby server: {server.standbys}")
    elif server.several:
        what = "The store names several servers, and no commit waits for a standby: failover can lose entries"
        hint = "Set synchronous_standby_names on the database server."
        yield Finding("store", "warning", what, hint, code="commits_alone")


def refused_senders(service: IncidentService) -> Iterator[Finding]:
    """Yield the channels whose sender American carriers refused last, also in a test (R43)."""
    for channel, code in sorted(channel_state.refused_senders(service).items()):
        what = f"{channel}: American carriers refuse the sender (code {code}): its registration is missing"
        hint = "Register brand and campaign, or verify the toll-free number. Then test an American number: tocsin channel check"
        yield Finding("channels", "error", what, hint, code="sender_refused", ref=channel)


def schedulers(service: IncidentService) -> Iterator[Finding]:
    """Yield the scheduler that leads, or that none runs although something is scheduled."""
    from runner.app.exercises.schedules import read

    if found := leader(service):
        yield Finding("scheduler", "good", f"the scheduler on {found} leads")
    elif any(one.ended is None for one in read(service).schedules.values()):
        what = "No scheduler runs. Schedules run only if another program calls: tocsin drill run --due"
        yield Finding("scheduler", "warning", what, "Start one: tocsin scheduler", code="no_scheduler")


def _schema(store: Store, repair: bool) -> Iterator[Finding]:
    """Yield an unfinished erasure, which others can still stop, and a pending upgrade of the store; repair performs both."""
    if store.setting(UNFINISHED) is not None:
        mended = repair and store.finish_erasure()
        hint = "Stop what reads the database, then: tocsin doctor --repair"
        yield wrong(
            "store", "An erasure is finished" if mended else UNERASED, hint, UNFINISHED, mended=mended
        )
    old = store.schema
    if old >= SCHEMA_VERSION:
        return
    if not repair:
        what = f"The store has schema {old}. This version of Tocsin writes schema {SCHEMA_VERSION}"
        hint = "tocsin doctor --repair, or wait: the next command that writes upgrades the store"
        yield Finding("store", "warning", what, hint, code="store_upgrade_due")
        return
    yield Finding("store", "mended", f"The home was upgraded {changed(old, store.upgrade())}")


def changed(old: int, copy: Path | None) -> str:
    """Return what an upgrade of the store changed, in words."""
    kept = f". The copy {copy} keeps the old data, also data that is erased later" if copy else ""
    return (
        f"from schema {old} to {SCHEMA_VERSION}: older versions of Tocsin can neither read nor write it{kept}"
    )
