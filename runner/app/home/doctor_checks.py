"""Checks of the doctor: people, rotas, callbacks, domains that are down, channels, and the files of the home."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from runner.actions import Action
from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import SCHEMA_VERSION, Store
from runner.app.law.regimes import without_key
from runner.app.messages.callbacks import mismatches
from runner.base.text import nearest
from runner.errors import TocsinError
from runner.files.contacts.contact_entries import KINDS
from runner.files.settings_file import lines_of_people, strangers
from runner.playbook.catalogue import Catalog
from runner.reports.core.formatting import count
from runner.routing.organisation import Home
from runner.settings import CONFIG, open_to_others

Severity = Literal["good", "warning", "error", "mended"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    area: str
    severity: Severity
    what: str
    hint: str = ""
    action: Action | None = None
    """What to do, where it is one thing; ``hint`` is empty then, and the terminal writes the command there."""
    code: str = ""
    """Says what it is to a program, where it has a name."""
    incident: str = ""
    ref: str = ""
    """What of the incident it is about, as in ``needs_attention``."""


def of_error(area: str, error: TocsinError) -> Iterator[Finding]:
    """Yield an error as findings: itself, and each problem of its file."""
    yield Finding(
        area=area, code=error.code, severity="error", what=error.message, hint=error.hint, action=error.action
    )
    for problem in error.problems:
        severity: Severity = "error" if problem.severity == "error" else "warning"
        yield Finding(area=area, severity=severity, what=str(problem))


def ways_out(service: IncidentService) -> Iterator[Finding]:
    """Examine everything between an incident and people."""
    yield from _people(service)
    yield from _callbacks(service)
    yield from _rotas(service)
    yield from _war_rooms(service)
    yield from _outside(service)


def _people(service: IncidentService) -> Iterator[Finding]:
    """Say whom the settings name in vain, and that contacts in them can be read by whoever has the disk."""
    config = service.folder / CONFIG
    for problem in strangers(config, service.home, service.directory.people):
        yield Finding(area="people", severity="error", what=str(problem))
    known = service.directory.people
    plain = [name for name, person in service.home.people.items() if name in known and person.contacts]
    if plain:
        yield Finding(
            area="people",
            severity="warning",
            what=f"{config} contains unencrypted contacts of {', '.join(plain)} (lines {lines_of_people(config)})",
            hint="Import the contacts into the database: tocsin person import --from-settings",
        )

    yield from _forgotten(service)
    yield from _over_nothing(service)
    yield from _out_of_reach(service)


def _forgotten(service: IncidentService) -> Iterator[Finding]:
    """Say who stands in the settings and counts for nothing, because they were forgotten here."""
    config = service.folder / CONFIG
    gone = [name for name in service.home.people if name not in service.directory.people]
    if gone:
        held = "this data is ignored but readable"
        yield Finding(
            area="people",
            severity="warning",
            what=f"{config} still names {', '.join(gone)} (lines {lines_of_people(config)}), whose data was erased: {held}",
            hint=f"Delete the lines. To add a person again: tocsin person add {gone[0]}",
        )


def _over_nothing(service: IncidentService) -> Iterator[Finding]:
    """Say which contacts are on a way that the home does not have: a slip of the pen, or a channel that was taken out."""
    ways = (*service.home.channels, *KINDS)
    for name, person in service.directory.people.items():
        for way in sorted({contact.channel for contact in person.contacts} - set(ways)):
            near = nearest(way, ways)
            yield Finding(
                area="people",
                severity="warning",
                what=f"A contact of {name} is never used: channel '{way}' does not exist",
                hint=f"Use {near}" if near else f"Use one of: {', '.join(ways)}",
            )


def _out_of_reach(service: IncidentService) -> Iterator[Finding]:
    """Say where nobody at all can be told anything."""
    people = service.directory.people
    named = {way for channel in service.channels.values() for way in (channel.id, channel.address_kind)}
    if any(contact.channel in named for person in people.values() for contact in person.contacts):
        return
    empty = "the contact list is empty"
    lacking = f"of {count(len(people), 'person', 'people')} none has a contact on an existing channel"
    yield Finding(
        area="people",
        severity="warning",
        what=f"No person can be reached: {lacking if people else empty}",
        hint="tocsin person add PERSON --contact CHANNEL=ADDRESS, or for a list: tocsin person import people.csv",
    )


def _callbacks(service: IncidentService) -> Iterator[Finding]:
    """Say what keeps receipts and answers of providers away."""
    try:
        found = list(mismatches(service))
    except TocsinError:  # the master key is not here, which was said already
        return
    for severe, what, hint in found:
        yield Finding(area="callbacks", severity="error" if severe else "warning", what=what, hint=hint)


def _rotas(service: IncidentService) -> Iterator[Finding]:
    """Who is on call, by each rota; one that cannot be read leaves the role to those whom the settings name."""
    for role, watch in service.directory.watches.items() if service.home.oncall else ():
        if watch.problem:
            hint = f"until then the role belongs to {', '.join(service.directory.roles.get(role, ()))}"
            yield Finding(area="rota", severity="warning", what=f"{role}: {watch.problem}", hint=hint)
        else:
            who = ", ".join(watch.persons) or "nobody"
            yield Finding(area="rota", severity="good", what=f"{role}: {watch.rota} has {who} on call")


def _war_rooms(service: IncidentService) -> Iterator[Finding]:
    """Yield rooms that would be passed over: nobody opens them."""
    for name, room in service.home.war_rooms.items():
        channel = service.channels.get(room.channel)
        if room.open and channel is not None and channel.rooms is None:
            what = f"{name}: {channel.adapter} opens no rooms with the settings of {channel.id}"
            hint = "Name an existing room: address: …"
            yield Finding(area="war rooms", severity="warning", what=what, hint=hint)


def _outside(service: IncidentService) -> Iterator[Finding]:
    """Say which domains are down, for everybody, and which accounts their providers hold."""
    now = service.clock.now()
    service.traffic.refresh()
    for name, one in sorted(service.traffic.fallen.items()):
        action = Action("domain.declare_up", name) if one.declared else None
        hint = "" if action is not None else "Tocsin tests the channel automatically: tocsin channel list"
        what = f"{name} is down since {one.opened_at:%Y-%m-%d %H:%M:%SZ}: {one.why}"
        yield Finding(area="domains", severity="warning", what=what, hint=hint, action=action)
    for name, account in sorted(service.traffic.accounts.items()):
        if account.held_until is not None and account.held_until > now:
            what = f"{name}: its provider accepts no message before {account.held_until:%Y-%m-%d %H:%M:%SZ}"
            yield Finding(area="channels", severity="warning", what=what)


def exposed_files(folder: Path, home: Home, *, repair: bool) -> Iterator[Finding]:
    """Yield the home, its settings, its database and each file of a secret that group or others can read or write.

    Repair closes files. A folder may hold what others need, so that is left to a person.
    """
    for path in dict.fromkeys(_files(folder, home)):
        if not open_to_others(path):
            continue
        closed = repair and path.is_file() and _close(path)
        kind = "folder" if path.is_dir() else "file"
        yield Finding(
            area="files",
            code=f"{kind}_open",
            severity="mended" if closed else "error",
            what=f"Other users can read or write the {kind} {path}",
            hint="" if closed else f"chmod go= '{path}'",
        )


def _files(folder: Path, home: Home) -> Iterator[Path]:
    yield folder
    yield folder / CONFIG
    for reference in (*home.private_references, *home.act.secrets.values()):
        if reference.startswith("file:"):
            yield folder / Path(reference.removeprefix("file:")).expanduser()
    if home.store.startswith("sqlite:"):
        database = folder / Path(home.store.removeprefix("sqlite:").removeprefix("//")).expanduser()
        yield from (database.with_name(database.name + ending) for ending in ("", "-wal", "-shm"))


def _close(path: Path) -> bool:
    try:
        path.chmod(path.stat().st_mode & 0o700)
    except OSError:  # somebody else's
        return False
    return True


def own_laws(folder: Path) -> Iterator[Finding]:
    """Name the home's own laws by which encryption would help whatever became of the key."""
    catalog = Catalog(folder)
    for name in (file for file in catalog.regime_files if catalog.is_own("regimes", file)):
        if codes := without_key(catalog.regime(name)):
            what = f"{name}: the exemption {', '.join(codes)} does not name the key, so it never applies"
            hint = f"when: data.encrypted and not data.key_compromised; then: tocsin regime check {name}"
            yield Finding(
                area="laws", code="encryption_without_key", severity="warning", what=what, hint=hint
            )


PATIENCE = 3.0
"""Seconds that looking up a name and connecting may take together."""
Server = tuple[str, int]
"""A host and a port."""


def channels(folder: Path, home: Home, now: datetime, dns: bool, offline: bool) -> Iterator[Finding]:
    """Lint every channel with its secrets and connect to its server; a secret that is not here is a finding of its own."""
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
                lacking += [
                    msgspec.structs.replace(finding, what=f"{name}: {finding.what}")
                    for finding in of_error("channels", error)
                ]
        try:
            channel = gateway.channel(name, config)
            linted = gateway.lint(channel, secrets, now)
            if server := gateway.server(channel):
                servers[name] = server
            if dns:
                linted += gateway.look_up(channel)
        except TocsinError as error:
            yield from of_error("channels", error)
            continue
        findings = [
            Finding(
                area="channels",
                severity="error" if finding.severity == "error" else "warning",
                what=f"{name}: {finding.what}",
                hint=finding.hint,
            )
            for finding in linted
            if not any(words in finding.what for words in absent)
        ]
        yield from lacking
        yield from findings
        if not lacking and not findings:
            yield Finding(area="channels", severity="good", what=f"{name} ({config.adapter}): valid")
    if offline and servers:
        what = "the servers of the channels were not tested (--offline)"
        yield Finding(area="servers", severity="good", what=what)
    elif servers:
        yield from _connected(servers)


def _connected(servers: Mapping[str, Server]) -> Iterator[Finding]:
    """Connect to the server of each channel, send nothing, and yield what came of it."""
    why = dict.fromkeys(servers, "no answer")

    def connect(channel: str, server: Server) -> None:
        try:
            socket.create_connection(server, PATIENCE).close()
            why[channel] = ""
        except OSError as error:
            why[channel] = error.strerror or "no answer"

    # Looking up a name has no time limit of its own: a thread that still does it is left behind.
    looking = [threading.Thread(target=connect, args=item, daemon=True) for item in servers.items()]
    for thread in looking:
        thread.start()
    for thread in looking:
        thread.join(PATIENCE)
    for channel, (host, port) in servers.items():
        if not (told := why[channel]):
            yield Finding(area="servers", severity="good", what=f"{channel}: connected to {host}:{port}")
        else:
            yield Finding(
                area="servers",
                code="channel_unreachable",
                severity="error",
                what=f"{channel}: no connection to {host}:{port} ({told})",
                hint="Check the server, the network and the settings.",
                ref=channel,
            )


def schema(store: Store, repair: bool) -> Iterator[Finding]:
    """Yield an upgrade of the store that is due; repair makes it."""
    old = store.schema
    if old >= SCHEMA_VERSION:
        return
    if not repair:
        yield Finding(
            area="store",
            code="store_upgrade_due",
            severity="warning",
            what=f"the store has schema {old}, and this version of Tocsin writes schema {SCHEMA_VERSION}",
            hint="tocsin doctor --repair; the next command that writes upgrades it, too",
        )
        return
    copy = store.upgrade()
    before = f"; the copy {copy} is from before, and what is erased later stays in it" if copy else ""
    what = f"the store was upgraded from schema {old} to {SCHEMA_VERSION}{before}"
    yield Finding(area="store", severity="mended", what=what)
