"""Set-up questions of ``tocsin init --interview``, with the present values as defaults."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from runner.errors import TocsinError
from runner.reports.core.action_text import sentence
from runner.routing.messaging import ContactPoint
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.app.home.open_home import Entries
    from runner.cli.framework.session import Session
    from runner.routing.organisation import Home

FACTS = {
    "name": "Name of the organisation",
    "country": "Country (as DE)",
    "zone": "Time zone (as Europe/Berlin)",
    "role": "Role for the data (controller, processor, data_owner, ...)",
    "established_in": "Countries and states with an office (as DE, US-CA)",
    "offers_to": "Places with customers and no office (none)",
    "does_business_in": "Other places where you do business (none)",
    "sectors": "Sectors (as retail, health, finance)",
    "regulated_as": "Regulated as (as nis2_important; none)",
    "public_body": "Public body (yes, no)",
}
INSURER = "insurer"
"""Short name of the insurer in the contact list."""
_New = dict[str, tuple[str, tuple[ContactPoint, ...]]]
"""Short name → full name and contacts."""


def interview(session: Session) -> str:
    """Ask all questions, then write the changes: people into the database, the rest into the settings.

    Returns the file beside the settings with the changes, if the settings could not be changed in place.
    """
    from runner.files.settings_file import load_home

    home = load_home(session.folder / CONFIG)
    session.say("Press Enter for the answer in brackets. Nothing is written before the last question.")
    entries: Entries = {}
    _facts(session, home, entries)
    new: _New = {}
    _insurer(session, entries, new)
    _roles(session, home, entries, new)
    _channels(session, home, entries)
    _people(session, home, entries, new)
    return _write(session, home, entries)


def _ask(session: Session, question: str, shown: str, read: Callable[[str], Any]) -> Any:
    """Return the answer, read; None for Enter. An invalid answer is asked again, with the reason."""
    while text := session.ask(f"{question} [{shown}]:"):
        try:
            return read(text)
        except TocsinError as error:
            session.say(sentence(error))
        except ValueError as error:
            session.say(str(error))
    return None


def _like(pattern: str) -> Callable[[str], str]:
    """Return a reader that accepts only answers of this form."""

    def read(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError("the answer does not have the required form")
        return text

    return read


EMAIL, PHONE = _like(r"[^\s@]+@[^\s@]+"), _like(r"\+?[\d ()/.-]{5,30}")


def _facts(session: Session, home: Home, entries: Entries) -> None:
    from runner.facts.fact_files import parse_assignment
    from runner.facts.vocabulary.register import value_words

    def read(key: str, text: str) -> Any:
        (stated,) = parse_assignment(f"organisation.{key}={text}", {}, session.now())
        return stated.value

    for key, question in FACTS.items():
        known = home.organisation.get(key)
        shown = "" if known is None else value_words(known)
        found = _ask(session, question, shown, lambda text, key=key: read(key, text))  # type: ignore[misc]
        if found is not None and found != known:
            entries["organisation", key] = found


def _insurer(session: Session, entries: Entries, new: _New) -> None:
    person = session.service.directory.people.get(INSURER)
    name = session.ask(f"Cyber insurer (none) [{person.name if person else ''}]:")
    if name.lower() == "none":
        entries["insurance", "policy"] = "none"
    elif name or person:
        kept = "kept" if person and person.contacts else ""
        phone = _ask(session, "Its phone for incidents", kept, PHONE) or ""
        if name or phone:
            new[INSURER] = (name, _contacts(phone=phone))
        if phone:
            entries["insurance", "hotline"] = phone


def _contacts(**given: str) -> tuple[ContactPoint, ...]:
    return tuple(ContactPoint(channel=kind, address=address) for kind, address in given.items() if address)


def _roles(
    session: Session,
    home: Home,
    entries: Entries,
    new: _New,
) -> None:
    """Ask who has each role of the playbooks, and for the contacts of a new person."""
    from runner.playbook.catalogue import Catalog

    titles: dict[str, str] = {}
    catalog = Catalog(session.folder, classes=home.classes, cache=session.service.cache())
    for playbook in catalog.playbooks():
        titles |= {role: found.title for role, found in playbook.roles.items() if role not in titles}
    ordered = [
        *(role for role in home.roles if role in titles),
        *(title for title in titles if title not in home.roles),
    ]
    for role in ordered:
        held = session.service.directory.roles.get(role, ())
        persons = _ask(session, f"{titles[role]}, role {role}: who", ", ".join(held), _names)
        if persons is None or persons == held:
            continue
        entries["roles", role] = persons
        for person in persons:
            if person not in session.service.directory.people and person not in new:
                name = session.ask(f"Full name of {person}:")
                email = _ask(session, f"Email of {person}", "", EMAIL) or ""
                phone = _ask(session, f"Phone of {person}", "", PHONE) or ""
                new[person] = (name, _contacts(email=email, phone=phone))


def _names(text: str) -> tuple[str, ...]:
    from runner.files.contacts.contact_entries import is_short_name

    found = () if text == "none" else tuple(word.strip() for word in text.split(",") if word.strip())
    if wrong := [name for name in found if not is_short_name(name)]:
        raise ValueError(f"{', '.join(wrong)}: a person has a short name of one word, for example maria")
    return found


def _channels(session: Session, home: Home, entries: Entries) -> None:
    """Ask for email and a webhook; their secrets are references, and never asked for."""
    mail, pager = (msgspec.to_builtins(home.channels.get(name, {})) for name in ("mail", "pager"))
    had = mail.get("settings", {})
    host = _ask(session, "Mail server outside your own tenant", had.get("host", ""), _like(r"[\w.-]+"))
    if host:
        port = int(
            _ask(session, "Its port", str(had.get("port", 465)), _like(r"\d{1,5}")) or had.get("port", 465)
        )
        sender = _ask(session, "Sender address", had.get("sender", ""), EMAIL) or had.get("sender", "")
        user = session.ask(f"User name [{had.get('username', '')}]:") or had.get("username", "")
        given = {"host": host, "port": port, "tls": "implicit" if port == 465 else "starttls"}
        mail |= {"adapter": "smtp", "settings": {**had, **given, "sender": sender, "username": user}}
        mail.setdefault("secrets", {})["password"] = "file:mail.password"  # noqa: S105 - a reference
        entries["channels", "mail"] = _trusted(session, mail)
    hook = pager.get("settings", {}).get("url", "")
    url = _ask(session, "Address of a signed webhook, as of a pager", hook, _like(r"https?://\S+"))
    if url:
        pager |= {"adapter": "webhook", "settings": {**pager.get("settings", {}), "url": url}}
        pager.setdefault("secrets", {})["signing"] = "file:webhook.key"
        entries["channels", "pager"] = _trusted(session, pager)


def _trusted(session: Session, channel: dict[str, Any]) -> dict[str, Any]:
    """Ask whether a channel is allowed for confidential alerts."""
    if session.ask("Is the channel allowed for confidential alerts? (yes, no) [no]:").lower() in ("y", "yes"):
        channel["confidentiality"] = "confidential"
    return {key: value for key, value in channel.items() if value not in (None, "", {}, [])}


def _write(session: Session, home: Home, entries: Entries) -> str:
    """Change the settings; if that would lose comments, write the changes into a file beside them and name it."""
    from runner.app.home.open_home import change_settings

    beside = change_settings(session.folder, home, entries)
    if beside is None:
        return ""
    session.warn(
        "settings_beside",
        f"{session.folder / CONFIG} cannot be changed without losing comments: it is unchanged, and the new settings "
        f"are in {beside}; copy what you need",
    )
    return str(beside)


def _people(session: Session, home: Home, entries: Entries, new: _New) -> None:
    """Add new people to the database (encrypted), and the roles that the database has."""
    from runner.app.core.directory import add_person, hold_role

    service = session.service
    before = service.directory.roles
    for person, (name, contacts) in new.items():
        try:
            add_person(service, person, name, contacts)
        except TocsinError as error:
            session.warn(
                "person_not_added", f"{person} was not added: {error.message}; tocsin person add {person}"
            )
    for (section, role), persons in entries.items():
        stored = (
            section == "roles"
            and role not in home.oncall
            and before.get(role, ()) != home.roles.get(role, ())
        )
        if stored and persons:
            hold_role(service, role, persons)
