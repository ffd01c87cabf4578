"""Open a home, or make one: the folder, its settings, its master key and its store."""

from __future__ import annotations

import os
from pathlib import Path

from runner.app.core.identifiers import Clock, IdGenerator, RandomIds, SystemClock
from runner.app.core.incident_service import IncidentService
from runner.base.actor import Principal
from runner.errors import NotFound, Refused
from runner.files.settings_file import load_home
from runner.routing.organisation import Home
from runner.settings import CONFIG
from runner.store.open_store import open_store
from runner.store.port import Store
from runner.vault.master_key import open_vault
from runner.vault.secrets import resolve

STARTER = """\
# Tocsin's settings for one organisation. Everything here can be changed at any time; incidents keep what they were
# opened with. Secrets stand here by reference only: env:NAME, file:PATH (beside this file) or keyring:SERVICE/NAME.
schema: tocsin/home/v1

# Where incidents are kept: one file for one machine, or postgresql://USER@HOST/DATABASE for several.
store: sqlite:tocsin.db

# The key under which personal data is sealed. Keep a copy of this file somewhere safe: without it nothing opens.
master_key: file:master.key

# What is true of the organisation in every incident: facts of the vocabulary (tocsin fact show --all). They decide which
# of more than a hundred laws can reach you at all: answer them on a quiet day, [] where nothing applies.
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

# Who may be told, asked, or approve. What stands here is plain text for whoever has this disk: better keep people in the
# store, where their numbers and addresses are sealed: tocsin person add PERSON, or a whole list: tocsin person import people.csv
# Here, a contact's channel is a channel's name below, or email, phone, handle.
people:
  {person}:
    name: {person}
    contacts: []

# Who holds which role unless an incident says otherwise. These are all roles of the built-in playbooks, [] where nobody
# holds one yet. An approval by two distinct persons needs two of them.
roles:
  commander: [{person}]        # decides what is done next
  technical: [{person}]        # isolates, preserves evidence, finds out what happened
  counsel: [{person}]          # privilege, legal duties, what may be said; signs notices
  dpo: [{person}]              # risk to people, the data protection authority, the register; signs notices
  communications: [{person}]   # affected people, staff, press, support
  executive: []          # decides on a payment together with counsel, ends the incident (ransomware)
  finance: []            # stops and recalls payments, calls the bank (business e-mail compromise)
  hr: []                 # interview, works council, measures (data taken by an insider)
  vendor_manager: []     # owns the contract and talks to the supplier (a supplier's breach)
  liaison: []            # reports to CISA (federal agencies in the United States)
  official: []           # approves the end of a phase (federal agencies in the United States)

# How people are reached. Every channel names all that it depends on: it falls with any of them. An incident wants two
# that do not fall together, and each person a contact on both, as: contacts: [{{channel: mail, address: a@example.org}}]
channels:
  # This screen. Whoever sees it reads along, so it carries internal words only, and a call for help in an incident is
  # confidential: that is refused until a channel below may carry it. If you alone see it, say so here:
  console:
    adapter: console
#    confidentiality: confidential
# Mail outside of what may fall with the affected tenant; uncomment, fill in, put the password into mail.password.
#  mail:
#    adapter: smtp
#    domains: [outside-provider]
#    confidentiality: confidential  # your decision: mailboxes you chose, a provider you trust
#    settings: {{host: smtp.example.org, port: 465, tls: implicit, sender: incident@example.org, username: incident}}
#    secrets: {{password: "file:mail.password"}}
# A signed webhook: a pager, a chat, an operator's desk. The key in webhook.key begins with whsec_.
#  pager:
#    adapter: webhook
#    confidentiality: confidential
#    settings: {{url: "https://hooks.example.org/tocsin"}}
#    secrets: {{signing: "file:webhook.key"}}
# Then look whether it holds: tocsin doctor

# What the four levels of severity mean here; what they mean else: tocsin severity
#severities: {{sev1: "…", sev2: "…", sev3: "…", sev4: "…"}}
# The worker sends reminders and escalates when nobody types. auto: it starts when a real incident is opened. manual: only you
# or a service start it. It can call a dead man's switch, as {{mode: auto, ping: env:NAME}}
worker: auto

# What automatic actions may do: the hosts that they may call, and whether they may run local commands at all.
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
    from runner.vault.master_key import create_master

    config = folder / CONFIG
    if config.exists():
        raise Refused(
            f"{config} exists already", hint="edit it, or choose another --home", code="home_exists"
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
    clock: Clock | None = None,
    chance: IdGenerator | None = None,
) -> IncidentService:
    """Open a home; with ``create`` its store is made where it is missing, with ``or_copy`` read where it cannot be written,
    with ``older`` opened although an upgrade is due.

    Raises NotFound without a home.
    """
    home = load_home(folder / CONFIG)
    store = _store(folder, home, create=create, or_copy=or_copy, older=older)
    return IncidentService(folder, home, store, clock or SystemClock(), chance or RandomIds(), principal)


def _store(folder: Path, home: Home, *, create: bool, or_copy: bool = False, older: bool = False) -> Store:
    password = resolve(home.store_password, base=folder) if home.store_password else None
    vault = open_vault(home.master_key, base=folder)
    try:
        return open_store(
            home.store, vault, base=folder, create=create, or_copy=or_copy, older=older, password=password
        )
    except NotFound as error:
        raise NotFound(error.message, hint="make it: tocsin doctor --repair", code="no_store") from error
