"""Export of a VERIS record (schema 1.4.1) from recorded facts: unknown stays ``Unknown``, and nothing is guessed.

A fact is written where VERIS has its exact meaning, or a wider one that includes it. A fact that a playbook only assumes
is not written. The record is imported again, and every fact that does not come back is listed. Free text and the name
of the organisation are left out unless a person chose them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct

from runner.actions import set_fact
from runner.base.jurisdictions import COUNTRIES
from runner.errors import Refused
from runner.facts.expression import Unknown
from runner.facts.veris.veris_record import import_veris
from runner.facts.veris.veris_rules import ELEMENTS, KINDS, VECTORS
from runner.facts.vocabulary.register import OPEN, Register, lookup

SCHEMA_VERSION = "1.4.1"
CHOICES: Final = {
    "name": ("organisation.name", "organisation.turnover.amount"),
    "summary": ("incident.summary",),
}
"""Facts that are left out unless they are chosen: they name the organisation, as an exact turnover does, or people, or contain legal advice."""
_UNKNOWN = "Unknown"
_INDUSTRIES: Final = {
    "education": "611", "energy": "22", "finance": "52", "health": "62", "insurance": "524", "legal": "5411",
    "manufacturing": "31-33", "public": "92", "retail": "44-45", "telecom": "517", "transport": "48-49", "water": "2213",
}  # fmt: skip
"""The narrowest code of the North American Industry Classification that includes the whole sector."""
_CURRENCIES: Final = {
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "INR", "JPY", "KRW", "MXN", "NOK", "NZD",
    "PLN", "RON", "SEK", "SGD", "USD", "ZAR",
}  # fmt: skip
_ASSETS: Final = {
    "desktop_computer": ("U - Desktop", "U - Desktop or laptop"), "laptop": ("U - Laptop", "U - Desktop or laptop"),
    "network_server": ("S - Unknown",), "paper": ("M - Documents",),
}  # fmt: skip
_AT_REST: Final = {"cloud", "desktop_computer", "electronic_medical_record", "laptop", "network_server"}
_LOST: Final = {"Theft", "Loss"}
"""Varieties that VERIS counts as a loss of availability."""
_IMPLIED: Final = {"malware": "Software installation", "social": "Alter behavior"}
"""Changes that the rules of VERIS require for an action."""
_CHAINS: Final = {
    "Ransomware": {"development": {"variety": ["Ransomware"]}, "cash-out": {"variety": ["Cryptocurrency"]}},
    "Phishing": {"development": {"variety": ["Email"]}, "targeting": {"variety": ["Email addresses"]}},
}
"""Value chains that the rules of VERIS require for a variety."""
_UNITS: Final = (("Years", 525_600), ("Months", 43_200), ("Weeks", 10_080), ("Days", 1_440), ("Hours", 60))
_DATES: Final = "VERIS has dates and whole intervals, without hours"
_REASONS: Final = {
    "data.elements": "VERIS has only broad types of data",
    "data.encrypted": "VERIS asks whether the data were stored or transmitted",
    "data.locations": "VERIS names kinds of assets",
    "incident.impact": "VERIS asks for the kind of change or loss",
    "incident.vector": "VERIS has no action with this meaning, or requires what the facts deny",
    "organisation.sectors": "VERIS has one industry, by code",
    "people.kinds": "VERIS has other groups",
    **{
        f"incident.{key}_at": _DATES for key in ("occurred", "started", "discovered", "detected", "contained")
    },
}
Part: TypeAlias = dict[str, Any]
BEGAN: Final = ("incident.occurred_at", "incident.started_at")
"""One of them has the year that VERIS requires."""


class Exported(Struct, frozen=True):
    """A VERIS record; ``facts`` are the keys that an import states again, ``unmapped`` has a line for each other fact."""

    record: Mapping[str, Any]
    facts: tuple[str, ...]
    unmapped: tuple[str, ...]


class _Known:
    """What people recorded, and why some of it is not in the record."""

    def __init__(self, register: Register) -> None:
        assumed = {key for key, fact in register.items() if fact.confidence == "assumed"}
        self.register = {key: fact for key, fact in register.items() if key not in assumed}
        self.reasons = {**_REASONS, **dict.fromkeys(assumed, "the playbook assumes it")}

    def one(self, path: str) -> Any:
        """Return a single value, or None if it is unknown."""
        value = lookup(self.register, path)
        return None if isinstance(value, Unknown) else value

    def members(self, path: str) -> list[str]:
        """Return the known members of a set."""
        return [member for member in self.one(path) or () if isinstance(member, str)]

    def lacks(self, path: str, member: str) -> bool:
        """Tell whether a complete set is recorded that does not have a member."""
        value = self.one(path)
        return value is not None and not any(one == member or isinstance(one, Unknown) for one in value)

    def day(self, *paths: str) -> datetime | None:
        """Return the first known instant, in the organisation's zone, else with its own offset."""
        found = next((value for value in map(self.one, paths) if isinstance(value, datetime)), None)
        zone = self.one("organisation.zone")
        return found.astimezone(ZoneInfo(zone)) if found is not None and zone else found


def record_of(
    register: Register, identifier: str, filed: Iterable[datetime] = (), chosen: Collection[str] = ()
) -> Exported:
    """Return the record of an incident, whose id tells nothing; ``filed`` are the times of its notifications, ``chosen`` keys of ``CHOICES``.

    Raises Refused if nobody recorded when the incident happened: VERIS requires the year.
    """
    known = _Known(register)
    for choice, keys in CHOICES.items():
        for key in keys if choice not in chosen else ():
            if known.register.pop(key, None) is not None:
                known.reasons[key] = f"left out; add it with --with {choice}"
    sure = known.day("incident.confirmed_at", "incident.determined_at", "incident.aware_at")
    action, actor = _cause(known)
    (cause,) = action.values()
    chain = _CHAINS.get(next(iter(cause.get("variety", ())), ""))
    places = known.members("data.locations")
    names = dict.fromkeys(name for place in places for name in _ASSETS.get(place, ()))
    cloud = "External Cloud Asset(s)" if "cloud" in places else _UNKNOWN
    record: Part = {
        "schema_name": "verisc",
        "schema_version": SCHEMA_VERSION,
        "incident_id": identifier,
        "security_incident": "Confirmed" if sure else "Suspected",
        "summary": known.one("incident.summary") or "",
        "victim": _victim(known),
        "actor": actor,
        "action": action,
        "asset": {"assets": [{"variety": name} for name in names or (_UNKNOWN,)], "cloud": [cloud]},
        "attribute": _attribute(known, *action.items()),
        "discovery_method": {"unknown": True},
        "timeline": _timeline(known),
        **({"value_chain": chain} if chain else {}),
    }
    if first := min(filed, default=None):
        record["plus"] = {"timeline": {"notification": _date(first)}}
    return _compared(record, register, known.reasons)


def _compared(record: Part, register: Register, reasons: Mapping[str, str]) -> Exported:
    """Import the record, and list every recorded fact that does not come back whole."""
    back = {fact.key: fact.value for fact in import_veris(record).facts}
    unmapped: dict[str, str] = {}
    for key, value in ((key, fact.value) for key, fact in sorted(register.items()) if fact.value is not None):
        came, why = back.get(key), reasons.get(key, "")
        rest = [one for one in value if one not in (OPEN, *(came or ()))] if isinstance(value, list) else []
        if came is None or rest or (came != value and not isinstance(value, list)):
            members = f": {', '.join(rest)}" if rest and key in _REASONS else ""
            unmapped[key] = f"{key}{members}{f' ({why})' if why else ''}"
    facts = tuple(
        key for key in back if key in register and register[key].value is not None and key not in unmapped
    )
    return Exported(record, facts, tuple(unmapped.values()))


def _victim(known: _Known) -> Part:
    country, name = known.one("organisation.country"), known.one("organisation.name")
    sectors, public = known.members("organisation.sectors"), known.one("organisation.public_body")
    only = sectors[0] if len(sectors) == 1 else ""
    fits = only in _INDUSTRIES and not (only == "public" and public is False)
    amount, currency = known.one("organisation.turnover.amount"), known.one("organisation.turnover.currency")
    whole = isinstance(amount, int) or (isinstance(amount, float) and amount.is_integer())
    revenue = {"amount": int(amount), "iso_currency_code": currency} if whole else {}
    return {
        "country": [country if country in COUNTRIES else _UNKNOWN],
        "employee_count": _UNKNOWN,
        "industry": _INDUSTRIES[only] if fits else "000",
        "government": ["NA" if public is False else _UNKNOWN],
        **({"victim_id": name} if name else {}),
        **({"revenue": revenue} if whole and currency in _CURRENCIES else {}),
    }


def _cause(known: _Known) -> tuple[Part, Part]:
    """Return the action and the actor; unknown if VERIS would require what the facts deny."""
    vector = known.one("incident.vector")
    named = {word: found for found, word in VECTORS.items()}
    category, variety = named.get(vector, ({"insider": "misuse"}.get(vector, vector), _UNKNOWN))
    denied = variety in _LOST and known.lacks("incident.impact", "availability")
    denied |= category == "error" and known.one("incident.malicious") is True
    if denied or category not in ("hacking", *(found for found, _ in VECTORS), "misuse"):
        return {"unknown": {}}, {"unknown": {}}
    action: Part = {"variety": [variety], "vector": [_UNKNOWN]}
    if category == "social":
        action["target"] = [_UNKNOWN]
    if category in ("hacking", "malware") and known.one("incident.exfiltration") == "confirmed":
        action["result"] = ["Exfiltrate"]
    insider = {"internal": {"variety": [_UNKNOWN], "motive": [_UNKNOWN]}}
    return {category: action}, insider if category == "misuse" else {"unknown": {}}


def _attribute(known: _Known, action: tuple[str, Part]) -> Part:
    impact, found = known.members("incident.impact"), Part()
    confidential = _confidentiality(known)
    if confidential != {"data_disclosure": _UNKNOWN}:
        found["confidentiality"] = confidential
    if action[0] in _IMPLIED or "integrity" in impact:
        found["integrity"] = {"variety": [_IMPLIED.get(action[0], _UNKNOWN)]}
    lost = bool(_LOST & set(action[1].get("variety", ())))
    if lost or "availability" in impact:
        found["availability"] = {"variety": ["Loss" if lost else _UNKNOWN]}
    return found or {"unknown": {}}


def _confidentiality(known: _Known) -> Part:
    involved, total = known.one("data.involved"), known.one("data.records")
    if "confidentiality" in known.members("incident.impact"):
        disclosed = "Yes"
    elif known.lacks("incident.impact", "confidentiality"):
        disclosed = "No"
    else:
        disclosed = "Potentially" if involved else _UNKNOWN
    victims = [name for name, word in KINDS.items() if word in known.members("people.kinds")]
    # That the data were stored unencrypted needs a place of storage, too.
    places = _AT_REST & set(known.members("data.locations"))
    plain = known.one("data.encrypted") is False and known.one("data.key_compromised") is not True
    stored = ["Stored", *(["Stored unencrypted"] if plain else [])] if places else []
    state = [*stored, *(["Printed"] if "paper" in known.members("data.form") else [])]
    return {
        "data_disclosure": disclosed,
        **({"data": [{"variety": name} for name in found]} if (found := _varieties(known)) else {}),
        **({"data_total": total} if isinstance(total, int) else {}),
        **({"data_victim": victims} if victims else {}),
        **({"state": state} if state else {}),
    }


def _varieties(known: _Known) -> list[str]:
    """Return the types of data, and ``Personal`` with each type that VERIS counts as personal."""
    elements, accounts = known.members("data.elements"), known.members("data.account_kinds")
    involved = known.one("data.involved")
    if involved is False:
        return []
    cards = {"credit_card", "debit_card"} & set(accounts)
    usable = {"Bank": "bank_account" in accounts, "Payment": bool(cards) or known.one("data.payment_cards")}
    found = [name for name, word in ELEMENTS.items() if word in elements and usable.get(name, True)]
    return [*found, "Personal"] if found or involved else []


def _timeline(known: _Known) -> Part:
    began = known.day(*BEGAN)
    if began is None:
        raise Refused(
            "Nobody recorded when the incident happened. VERIS requires the year.",
            hint=set_fact("incident.occurred_at"),
            code="veris_without_year",
        )
    seen = known.day("incident.discovered_at", "incident.detected_at")
    lags = {"discovery": (began, seen), "containment": (seen, known.day("incident.contained_at"))}
    return {
        "incident": _date(began),
        **{name: _lag(start, end) for name, (start, end) in lags.items()},
    }


def _date(moment: datetime) -> Part:
    return {"year": moment.year, "month": moment.month, "day": moment.day}


def _lag(start: datetime | None, end: datetime | None) -> Part:
    """Return an interval in its largest whole unit; unknown if an end is unknown or the order is wrong."""
    if start is None or end is None or end < start:
        return {"unit": _UNKNOWN}
    minutes = int((end - start).total_seconds() // 60)
    unit, length = next(((unit, length) for unit, length in _UNITS if minutes >= length), ("Minutes", 1))
    return {"unit": unit, "value": minutes // length}
