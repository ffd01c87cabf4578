"""Opening and creation of a home folder: settings, master key and store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from runner.app.core.identifiers import Clock, IdGenerator, RandomIds, SystemClock
from runner.app.core.incident_service import IncidentService
from runner.base.actor import Principal
from runner.decoding import convert
from runner.errors import NotFound, Refused, TocsinError
from runner.routing.organisation import Home
from runner.settings import CONFIG
from runner.store.open_store import open_store
from runner.store.port import Store
from runner.vault.master_key import open_vault
from runner.vault.secrets import resolve
from runner.yamlfile.compile_cache import compiled

Entries = dict[tuple[str, str], Any]
"""Section and key of the settings → the new value."""
SETTINGS_CODE = ("base", "yamlfile", "facts", "routing", "playbook", "files")
"""The folders whose code decides what settings mean."""
STARTER = """\
# Settings of Tocsin for one organisation. You can change them at any time. Open incidents keep their own copy.
# Write secrets only as references: env:NAME, file:PATH (beside this file) or keyring:SERVICE/NAME.
schema: tocsin/home/v1

# Database: one file for one computer, or postgresql://USER@HOST/DATABASE for several.
store: sqlite:tocsin.db

# Encryption key of personal data. Store a copy in a safe place. Without it, no encrypted data can be read.
master_key: file:master.key

# Facts of the organisation for every incident. Names: tocsin fact show --all. They decide which laws can apply to you.
# Answer them before an incident. Write [] if nothing applies.
organisation: {{}}
#  name: Example GmbH
#  country: DE
#  zone: Europe/Berlin
#  role: [controller, data_owner]
#  established_in: [DE]
#  offers_to: [AT, CH]          # where you have customers and no office
#  does_business_in: [US]
#  sectors: [retail]
#  regulated_as: []             # such as dora_credit_institution, nis2_important, hipaa_covered_entity
#  public_body: false
#  dpo: {{name: …, email: …, phone: …}}

# People who receive messages, answer or approve. This file is not encrypted. The database encrypts contacts:
# tocsin person add PERSON, or for a list: tocsin person import people.csv
# The channel of a contact is the name of a channel below, or email, phone, handle.
people:
  {person}:
    name: {person}
    contacts: []

# People of each role, unless an incident has its own. These are all roles of the built-in playbooks. Write [] for no
# person. An approval by two people needs two of them.
roles:
  commander: [{person}]        # decides what is done next
  technical: [{person}]        # isolates systems, preserves evidence, investigates
  counsel: [{person}]          # privilege, legal duties, what may be said; signs notices
  dpo: [{person}]              # risk to people, the data protection authority, the register; signs notices
  communications: [{person}]   # affected people, staff, press, support
  executive: []          # decides on a payment together with counsel, ends the incident (ransomware)
  finance: []            # stops and recalls payments, calls the bank (business e-mail compromise)
  hr: []                 # interview, works council, measures (data taken by an insider)
  vendor_manager: []     # owns the contract and talks to the supplier (a supplier's breach)
  liaison: []            # reports to CISA (federal agencies in the United States)
  official: []           # approves the end of a phase (federal agencies in the United States)

# Channels to people. Every channel names all failure domains that it depends on. Use two channels without a common
# failure domain, and give each person a contact on both: contacts: [{{channel: mail, address: a@example.org}}]
channels:
  # This screen. Other people can read it, so it shows only internal text. An alert in an incident is confidential:
  # it is blocked until a channel below is confidential. If only you can see this screen, remove the comment sign:
  console:
    adapter: console
#    confidentiality: confidential
# Email outside your own tenant. Remove the comment signs, complete the values, put the password into mail.password.
#  mail:
#    adapter: smtp
#    domains: [outside-provider]
#    confidentiality: confidential  # your decision: mailboxes you chose, a provider you trust
#    settings: {{host: smtp.example.org, port: 465, tls: implicit, sender: incident@example.org, username: incident}}
#    secrets: {{password: "file:mail.password"}}
# A signed webhook, for example a pager or a chat. The key in webhook.key begins with whsec_.
#  pager:
#    adapter: webhook
#    confidentiality: confidential
#    settings: {{url: "https://hooks.example.org/tocsin"}}
#    secrets: {{signing: "file:webhook.key"}}
# Then check the settings: tocsin doctor

# Meaning of the four severity levels. Defaults: tocsin severity
#severities: {{sev1: "…", sev2: "…", sev3: "…", sev4: "…"}}
# The worker sends reminders and escalates. auto: it starts with a real incident. manual: only you or a service start it.
# It can call a monitoring URL while it runs: {{mode: auto, ping: env:NAME}}
worker: auto

# Automatic actions: the hosts that they can call, and whether they can run local commands.
act: {{hosts: [], commands: false}}
"""


def this_principal(claimed: str = "") -> Principal:
    """Return who sits at this machine; the claim defaults to the operating system's user."""
    user = _user()
    return Principal(person=claimed or user, host=_host(), os_user=user)


def _host() -> str:
    """Return this machine's name; ``platform``, which asks the same, is slow to import."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def init_home(folder: Path, person: str) -> Path:
    """Make a home that works: settings with comments, a master key, an empty store; return the settings' path.

    Raises Refused when there is one already; nothing is replaced.
    """
    from runner.files.settings_file import load_home
    from runner.vault.master_key import create_master

    config = folder / CONFIG
    if config.exists():
        raise Refused(
            f'The settings "{config}" exist. Nothing was written.',
            hint="Edit the file, or use another --home",
            code="home_exists",
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config.write_text(STARTER.format(person=person), encoding="utf-8")
    if not (folder / "master.key").exists():
        create_master("file:master.key", base=folder)
    _store(folder, load_home(config), create=True).close()
    return config


def open_service(
    folder: Path,
    principal: Principal,
    *,
    create: bool = False,
    or_copy: bool = False,
    older: bool = False,
    writes: bool = False,
    clock: Clock | None = None,
    chance: IdGenerator | None = None,
) -> IncidentService:
    """Open a home; with ``create`` its store is made where it is missing, with ``or_copy`` read where it cannot be written,
    with ``older`` opened although an upgrade is due.

    With ``writes`` the settings are kept for the next command as they were read: a command that only looks writes nothing.
    Raises NotFound without a home.
    """
    home = _settings(folder, writes=writes)
    store = _store(folder, home, create=create, or_copy=or_copy, older=older)
    return IncidentService(folder, home, store, clock or SystemClock(), chance or RandomIds(), principal)


def _settings(folder: Path, *, writes: bool) -> Home:
    """Return the settings of a home: as they are kept in its cache, where every command reads them sooner, or from the file."""
    cache, config = folder / "cache", folder / CONFIG
    files = {CONFIG: config}

    def read() -> Home:
        from runner.files.settings_file import load_home

        return load_home(config)

    if not config.is_file():
        return read()
    try:
        kept = cache if writes else None
        return compiled(
            kept, "settings", files, Home, read, shipped=cache, code=SETTINGS_CODE, newest=1, few=True
        )[0]
    except OSError:  # a file that cannot be read is said in words
        return read()


def _store(folder: Path, home: Home, *, create: bool, or_copy: bool = False, older: bool = False) -> Store:
    password = resolve(home.store_password, base=folder) if home.store_password else None
    vault = open_vault(home.master_key, base=folder)
    try:
        return open_store(
            home.store, vault, base=folder, create=create, or_copy=or_copy, older=older, password=password
        )
    except NotFound as error:
        raise NotFound(
            error.message, hint="Create the database: tocsin doctor --repair", code="no_store"
        ) from error


def change_settings(folder: Path, home: Home, entries: Entries) -> Path | None:
    """Change settings in place; where that would lose something, return the file beside them that has the changes."""
    import shutil

    from runner.files.settings_edit import NotInPlace, whole, with_entry
    from runner.files.settings_file import load_home

    if not entries:
        return None
    path, beside = folder / CONFIG, folder / f"{CONFIG}.new"
    plain = msgspec.to_builtins(home)
    text = path.read_text(encoding="utf-8")
    in_place = True
    for (section, key), value in entries.items():
        plain[section][key] = msgspec.to_builtins(value)
        try:
            text = with_entry(text, section, key, plain[section][key]) if in_place else text
        except NotInPlace:
            in_place = False
    wanted = convert(plain, type(home))
    beside.write_text(text if in_place else whole(plain), encoding="utf-8")
    try:
        in_place = in_place and load_home(beside) == wanted
    except TocsinError:
        in_place = False
    if in_place:
        shutil.copymode(path, beside)
        beside.replace(path)
        return None
    beside.write_text(whole(plain), encoding="utf-8")
    load_home(beside)
    return beside
