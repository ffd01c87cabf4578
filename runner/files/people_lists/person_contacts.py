"""Contact methods of a person in a list: email, phone, consent, and reasons not to notify.

An invalid consent makes the row invalid, because sending depends on it. An invalid address does not: it cannot be used, and the
next contact method is used.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Literal, get_args

from runner.base.instants import is_zone
from runner.base.text import clean, text_problem
from runner.incident.campaigns.campaign import Basis, Contact, Exemption
from runner.incident.notices.letters import Person

BASES: tuple[Basis, ...] = ("esign", "primary", "agreed")
EXEMPTIONS: tuple[Exemption, ...] = get_args(Exemption)
MAX_REASON = 120
YES, NO = frozenset({"yes", "true", "1"}), frozenset({"", "no", "false", "0"})
_PHONE_NOISE = re.compile(r"[\s()./-]")
_PHONE = re.compile(r"\+[1-9]\d{5,14}")
_MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")


def contact_of(person: Person, cells: Mapping[str, str]) -> tuple[Contact | None, tuple[str, ...]]:
    """Return a person with every contact method, or the problem of the row."""
    problems: list[str] = []
    answers = {name: _answer(name, cells.get(name, ""), problems) for name in ("email_breached", "deceased")}
    consented_on = _day("sms_consent", cells, problems, more=YES)
    exempt, exemption = clean(cells.get("exempt", "")), cells.get("sms_exemption", "").strip().lower()
    if len(exempt) > MAX_REASON or text_problem(exempt):
        problems.append(
            f"the reason in exempt is longer than {MAX_REASON} characters, or has hidden characters"
        )
    if exemption not in ("", "consent", *EXEMPTIONS):
        problems.append(f"the value of sms_exemption must be one of: consent, {', '.join(EXEMPTIONS)}")
    zone = cells.get("zone", "").strip()
    if zone and not is_zone(zone):
        problems.append("the time zone is not an IANA time zone, such as America/New_York")
    words = cells.get("email_basis", "").replace(",", " ").lower().split()
    if any(word not in BASES for word in words):
        problems.append(f"the value of email_basis must be of: {', '.join(BASES)}")
    contact = Contact(
        person=person,
        email=clean(cells.get("email", "")),
        phone=_PHONE_NOISE.sub("", cells.get("phone", "")),
        basis=frozenset(base for base in BASES if base in words),
        sms_consent=bool(consented_on) or exemption == "consent",
        consented_on="" if consented_on in YES else consented_on,
        number_checked=_day("number_checked", cells, problems),
        sms_exemption="" if exemption == "consent" else exemption,
        email_breached=answers["email_breached"],
        deceased=answers["deceased"],
        exempt=exempt,
        zone=zone,
    )
    return (None if problems else contact), tuple(problems)


def _day(name: str, cells: Mapping[str, str], problems: list[str], more: frozenset[str] = frozenset()) -> str:
    """Return the ISO date of a cell, or one of the ``more`` words that means yes; empty for no."""
    text = cells.get(name, "").strip().lower()
    try:
        return "" if text in NO else text if text in more else date.fromisoformat(text).isoformat()
    except ValueError:
        problems.append(
            f"the value of {name} must be a date, such as 2026-03-01{', or yes or no' if more else ''}"
        )
        return ""


def _answer(name: str, text: str, problems: list[str]) -> bool:
    word = text.strip().lower()
    if word not in YES | NO:
        problems.append(f"the value of {name} must be yes or no")
    return word in YES


def same_address(address: str) -> tuple[Literal["email", "phone"], str]:
    """Return the kind of an address, and its normal form for look-ups."""
    cleaned = clean(address)
    return ("email", same_email(cleaned)) if "@" in cleaned else ("phone", _PHONE_NOISE.sub("", cleaned))


def is_address(text: str) -> bool:
    """Whether a text can be an email address, or a telephone number in the international form."""
    kind, found = same_address(text)
    return bool((_MAIL if kind == "email" else _PHONE).fullmatch(found))


def same_email(address: str) -> str:
    """Return the normal form of a mailbox: case, Unicode form and the domain's own alphabet."""
    local, at, domain = unicodedata.normalize("NFKC", address.strip()).rpartition("@")
    return f"{local.casefold()}{at}{same_domain(domain)}"


@lru_cache(maxsize=4096)
def same_domain(domain: str) -> str:
    """Return a domain in lower case and in ASCII, if it has such a form."""
    low = domain.casefold().rstrip(".")
    try:
        return low.encode("idna").decode() if not low.isascii() else low
    except UnicodeError:
        return low


def same_person(person: Person, address: str) -> str:
    """Return the key of a person for duplicate rows: the name and the contact methods."""
    name = " ".join(unicodedata.normalize("NFKC", person.name).casefold().split())
    return f"{name}\0{address}"
