"""Import rules of VERIS: one function for each kind of certain value.

A rule reads leaves, states facts and marks the used leaves; for a leaf that only looks usable, it records a
reason. A value that the fact vocabulary refuses gives a reason, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from runner.base.text import clean, text_problem
from runner.facts.vocabulary.fact_values import FactProblem, checked_value
from runner.facts.vocabulary.register import OPEN, Confidence, Stated

Path: TypeAlias = tuple[str | int, ...]
Scalar: TypeAlias = str | int | float | bool | None

_PERSONAL = ("Personal", "Medical", "Sensitive Personal")
ELEMENTS: Final = {"Medical": "medical", "Bank": "financial", "Payment": "financial"}
KINDS: Final = {
    "Customer": "customers",
    "Employee": "employees",
    "Patient": "patients",
    "Student": "students",
}
VECTORS: Final = {
    ("physical", "Theft"): "theft",
    ("error", "Loss"): "loss",
    ("error", "Misdelivery"): "misdelivery",
    ("error", "Misconfiguration"): "misconfiguration",
    ("error", "Disposal error"): "improper_disposal",
    ("social", "Phishing"): "phishing",
    ("malware", "Ransomware"): "ransomware",
}
_HARMFUL_MOTIVES = ("Financial", "Espionage", "Grudge", "Ideology")
SECTORS: Final = {
    "2211": "energy",
    "2212": "energy",
    "2213": "water",
    "31": "manufacturing",
    "32": "manufacturing",
    "33": "manufacturing",
    "44": "retail",
    "45": "retail",
    "481": "transport",
    "482": "transport",
    "483": "transport",
    "484": "transport",
    "485": "transport",
    "517": "telecom",
    "521": "finance",
    "522": "finance",
    "523": "finance",
    "524": "insurance",
    "5411": "legal",
    "611": "education",
    "621": "health",
    "622": "health",
    "623": "health",
    "92": "public",
}
"""Prefixes of the North American Industry Classification that match exactly one sector of the vocabulary."""


def text_path(path: Path) -> str:
    """Return a path in readable form: ``attribute.confidentiality.data[0].variety``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")
    return text[:200] if not text_problem(text[:200]) else "(a key that cannot be shown)"


class Reading:
    """The state of one import: the leaves, the facts so far, the leaves used, and the reasons for unused leaves."""

    def __init__(self, leaves: Mapping[Path, Scalar]) -> None:
        self.leaves = leaves
        self.facts: dict[str, Stated] = {}
        self.used: set[Path] = set()
        self.reasons: dict[Path, str] = {}
        self.notes: list[str] = []
        self.name = self._name()

    def _name(self) -> str:
        record = self.leaves.get(("incident_id",))
        usable = isinstance(record, str) and len(record) <= 80 and not text_problem(clean(record))
        return f"VERIS record {clean(str(record))}" if usable else "VERIS record"

    def one(self, path: str) -> Scalar:
        """Return the leaf at a dotted path without positions, or ``None``."""
        return self.leaves.get(tuple(path.split(".")))

    def listed(self, path: str, *inside: str) -> dict[Path, str]:
        """Return the texts of a list, or of one field of a list of mappings, by their paths."""
        start = tuple(path.split("."))
        return {
            found: value
            for found, value in self.leaves.items()
            if isinstance(value, str)
            and found[: len(start)] == start
            and len(found) == len(start) + 1 + len(inside)
            and isinstance(found[len(start)], int)
            and found[len(start) + 1 :] == inside
        }

    def below(self, path: str) -> list[Path]:
        """Return the paths of all leaves under a dotted path."""
        start = tuple(path.split("."))
        return [found for found in self.leaves if found[: len(start)] == start and len(found) > len(start)]

    def state(self, key: str, value: Any, *paths: Path, confidence: Confidence = "confirmed") -> None:
        """Record a fact and its source leaves; a refused value becomes their reason."""
        try:
            checked = checked_value(key, value)
        except FactProblem as problem:
            self.leave(problem.message, *paths)
            return
        where = ", ".join(text_path(path) for path in paths)
        source = f"{self.name}: {where}" if len(where) < 300 else self.name
        self.facts[key] = Stated(key=key, value=checked, source=source, confidence=confidence)
        self.used.update(paths)

    def leave(self, reason: str, *paths: Path) -> None:
        """Return the reasons for leaves that only look usable."""
        self.reasons.update(dict.fromkeys(paths, reason))

    def open_set(self, key: str, words: Mapping[str, str], found: Mapping[Path, str]) -> None:
        """State an open set from the words that have exactly one meaning."""
        usable = {path: words[value] for path, value in found.items() if value in words}
        if usable:
            self.state(key, [*dict.fromkeys(usable.values()), OPEN], *usable)
        for path in found.keys() - usable.keys():
            self.leave("too broad for one fact of the vocabulary", path)


def _victim(reading: Reading) -> None:
    summary, name = reading.one("summary"), reading.one("victim.victim_id")
    if isinstance(summary, str):
        reading.state("incident.summary", summary, ("summary",))
    if isinstance(name, str) and name not in ("Unknown", ""):
        reading.state("organisation.name", name, ("victim", "victim_id"))
    countries = reading.listed("victim.country")
    if len(countries) == 1:
        ((path, country),) = countries.items()
        if country not in ("Unknown", "Other"):
            reading.state("organisation.country", country, path)
    else:
        reading.leave("several countries; set the country of the organisation", *countries)
    if reading.one("victim.state") not in (None, "Unknown"):
        reading.leave("country of the organisation, not of the affected people", ("victim", "state"))


def _industry(reading: Reading) -> None:
    path = ("victim", "industry")
    code = reading.one("victim.industry")
    if not isinstance(code, str | int) or isinstance(code, bool):
        return
    sector = next((word for prefix, word in SECTORS.items() if str(code).startswith(prefix)), "")
    if not sector:
        reading.leave("the sector has no exact equivalent", path)
        return
    reading.state("organisation.sectors", [sector, OPEN], path)
    if sector == "public":
        reading.state("organisation.public_body", True, path)


def _revenue(reading: Reading) -> None:
    amount, currency = reading.one("victim.revenue.amount"), reading.one("victim.revenue.iso_currency_code")
    if (
        isinstance(amount, int | float)
        and isinstance(currency, str)
        and currency.isalpha()
        and len(currency) == 3
    ):
        paths = (("victim", "revenue", "amount"), ("victim", "revenue", "iso_currency_code"))
        reading.state("organisation.turnover.amount", amount, paths[0], confidence="estimated")
        reading.state("organisation.turnover.currency", currency, paths[1])


def _data(reading: Reading) -> None:
    disclosure = ("attribute", "confidentiality", "data_disclosure")
    said = reading.one("attribute.confidentiality.data_disclosure")
    varieties = reading.listed("attribute.confidentiality.data", "variety")
    personal = [path for path, value in varieties.items() if value in _PERSONAL]
    if personal and said in ("Yes", "Potentially"):
        reading.state("data.involved", True, disclosure, *personal)
    reading.open_set("data.elements", ELEMENTS, varieties)
    if any(value not in ELEMENTS for value in varieties.values()):
        reading.notes.append(
            "VERIS names data types too broadly for the law; set them with"
            " 'tocsin fact set data.elements+=KIND --source SOURCE'"
        )
    total = reading.one("attribute.confidentiality.data_total")
    if total is not None:
        reading.state(
            "data.records", total, ("attribute", "confidentiality", "data_total"), confidence="estimated"
        )
        reading.notes.append("VERIS counts records, not people; set people.total and people.by_jurisdiction")
    for path in reading.below("attribute.confidentiality.data"):
        if path[-1] == "amount":
            reading.leave("records of one kind; only the total is imported", path)
    reading.open_set("people.kinds", KINDS, reading.listed("attribute.confidentiality.data_victim"))


def _protection(reading: Reading) -> None:
    states = reading.listed("attribute.confidentiality.state")
    plain = [
        path for path, value in states.items() if value in ("Stored unencrypted", "Transmitted unencrypted")
    ]
    paper = [path for path, value in states.items() if value == "Printed"]
    sealed = [
        path for path, value in states.items() if value in ("Stored encrypted", "Transmitted encrypted")
    ]
    if plain and not sealed:
        reading.state("data.encrypted", False, *plain)
    elif plain:
        reading.leave("some data encrypted, some not", *plain)
    if paper:
        reading.state("data.form", ["paper", OPEN], *paper)
    if sealed:
        reading.leave("no information about the key", *sealed)
        reading.notes.append(
            "VERIS does not state that the key was safe; set data.encrypted and data.key_compromised"
        )


def _impact(reading: Reading) -> None:
    paths: dict[Path, str] = {}
    if reading.one("attribute.confidentiality.data_disclosure") == "Yes":
        paths[("attribute", "confidentiality", "data_disclosure")] = "confidentiality"
    for path, value in reading.listed("attribute.integrity.variety").items():
        if value == "Modify data":
            paths[path] = "integrity"
    for path, value in reading.listed("attribute.availability.variety").items():
        if value == "Loss":
            paths[path] = "availability"
    if paths:
        reading.state("incident.impact", [*dict.fromkeys(paths.values()), OPEN], *paths)


def _cause(reading: Reading) -> None:
    """One category of action with varieties of one meaning is a vector; several categories have no single vector."""
    categories = {str(path[1]) for path in reading.leaves if path[0] == "action" and len(path) > 2}
    if len(categories) != 1:
        if categories:
            reading.leave("several actions; set the vector", *reading.below("action"))
        return
    (category,) = categories
    varieties = reading.listed(f"action.{category}.variety")
    meant = {_vector(reading, category, value) for value in varieties.values()}
    vector = meant.pop() if len(meant) == 1 else ""
    if vector:
        reading.state("incident.vector", vector, *varieties)
    if category == "error" and varieties:
        reading.state("incident.malicious", False, *varieties)
    motives = reading.listed("actor.external.motive")
    harmful = [path for path, value in motives.items() if value in _HARMFUL_MOTIVES]
    if category in ("hacking", "malware", "social") and harmful:
        reading.state("incident.malicious", True, *harmful)


def _vector(reading: Reading, category: str, variety: str) -> str:
    if category == "hacking":
        return "hacking"
    if category == "misuse" and {str(path[1]) for path in reading.below("actor")} == {"internal"}:
        return "insider"
    return VECTORS.get((category, variety), "")


def _exfiltration(reading: Reading) -> None:
    results = reading.listed("action.hacking.result") | reading.listed("action.malware.result")
    taken = [path for path, value in results.items() if value == "Exfiltrate"]
    if taken and reading.one("attribute.confidentiality.data_disclosure") == "Yes":
        reading.state("incident.exfiltration", "confirmed", *taken)


def _times(reading: Reading) -> None:
    dated = [*reading.below("timeline.incident"), *reading.below("plus.timeline")]
    reading.leave("a date without hour and zone does not start a deadline", *dated)
    for lag in ("compromise", "exfiltration", "discovery", "containment"):
        reading.leave("an interval in whole units, not a date and time", *reading.below(f"timeline.{lag}"))
    if reading.below("timeline"):
        reading.notes.append(
            "VERIS dates have no hour and VERIS intervals have no start; set incident.occurred_at, discovered_at and aware_at"
        )
    if reading.one("security_incident") != "Confirmed":
        reading.notes.append("the record does not confirm the incident; read security_incident")


RULES: Final[tuple[Callable[[Reading], None], ...]] = (
    _victim,
    _industry,
    _revenue,
    _data,
    _protection,
    _impact,
    _cause,
    _exfiltration,
    _times,
)
