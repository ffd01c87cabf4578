"""Checks of the law by people: who opened the official page of a duty or a law, when, and which rule they compared.

A check is about one state of the law file. If the file has another rule since, the check is outdated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from runner.decoding import json_reader
from runner.errors import TocsinError
from runner.incident.state.library import Library
from runner.law.duty import DutyStatus, Verification
from runner.law.regime import DutyRule, Level, Regime, Version

JOURNAL = "law"
"""The journal's name; it is not an incident."""
_BESIDE = {"words", "confidence", "confidence_note"}
"""Fields of a duty that say how sure its rule is, and are no part of the rule."""
_OF_THE_LAW = [
    "standing",
    "from_date",
    "until",
    "scope",
    "residents_of",
    "personal_information",
    "exemptions",
]


class LawChecked(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """A person compared rules with the official page, or withdrew their check (in older journals).

    ``rules`` maps ``regime/slug``, or the regime's id for its conditions and exemptions, to the digest of the rule.
    """

    rules: Mapping[str, str]
    by: str
    on: date
    url: str = ""
    reason: str = ""
    """Why the page is not of a site that the law file names."""
    recorded_by: str = ""
    withdrawn: bool = False


class LawUpdated(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """A person applied a pack of the law: ``digest`` is that of its tag manifest, empty for the built-in law.

    ``signed_by`` is a key of the settings, empty for a pack without such a signature.
    """

    digest: str
    date: date
    folder: str = ""
    signed_by: str = ""
    reason: str = ""
    by: str = ""


READER: Callable[[bytes], LawChecked | LawUpdated] = json_reader(LawChecked | LawUpdated)


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """The newest check of each rule, and the last pack that a person applied."""

    found: Mapping[str, LawChecked] = {}
    updated: LawUpdated | None = None
    version: int = 0
    problem: str = ""
    """Why the checks cannot be read; then none is here."""

    def of(self, regime: Regime, version: Version, rule: DutyRule | None = None) -> Verification | None:
        """Return the check of a duty, or of the conditions and exemptions of a law; None without one."""
        name = f"{regime.id}/{rule.slug}" if rule is not None else regime.id
        check = self.found.get(name)
        if check is None:
            return None
        outdated = check.rules[name] != rule_digest(version if rule is None else rule)
        return Verification(by=check.by, on=check.on, url=check.url, reason=check.reason, outdated=outdated)


def readable(read: Callable[[], Checks]) -> Checks:
    """Return the checks of a journal; if it is damaged none, and the problem."""
    try:
        return read()
    except TocsinError as error:
        return Checks(problem=error.message)


def fold_checks(events: Iterable[tuple[int, datetime, LawChecked | LawUpdated]]) -> Checks:
    """Return the checks that were not withdrawn."""
    found: dict[str, LawChecked] = {}
    updated: LawUpdated | None = None
    number = 0
    for number, _, event in events:  # noqa: B007  # the last one counts
        if isinstance(event, LawUpdated):
            updated = event
        elif event.withdrawn:
            found = {name: check for name, check in found.items() if name not in event.rules}
        else:
            found |= dict.fromkeys(event.rules, event)
    return Checks(found=found, updated=updated, version=number)


def rule_digest(rule: DutyRule | Version) -> str:
    """Return the digest of a duty's rule, or of a law's conditions and exemptions; empty fields do not count."""
    names = _OF_THE_LAW if isinstance(rule, Version) else rule.__struct_fields__
    plain = msgspec.to_builtins({name: getattr(rule, name) for name in names if name not in _BESIDE})
    return hashlib.sha256(msgspec.json.encode(_full(plain), order="sorted")).hexdigest()


def _full(value: Any) -> Any:
    """Return a value without empty fields, so that a field that a later version adds changes no digest."""
    if isinstance(value, Mapping):
        members = ((name, _full(member)) for name, member in value.items())
        return {name: member for name, member in members if member or (member == 0 and member is not False)}
    return [_full(member) for member in value] if isinstance(value, list | tuple) else value


def level_of(rule: DutyRule, check: Verification | None) -> Level:
    """Return the confidence of a duty with the check of the home."""
    return "verified" if check is not None and not check.outdated else rule.level


def with_checks(statuses: Sequence[DutyStatus], checks: Checks, library: Library) -> tuple[DutyStatus, ...]:
    """Return assessed duties with the checks of the home; each must be of the rule that the incident has."""
    return tuple(_with_check(one, checks, library) if one.id in checks.found else one for one in statuses)


def _with_check(status: DutyStatus, checks: Checks, library: Library) -> DutyStatus:
    regime = library.regime(status.regime)
    for version in regime.versions if regime is not None else ():
        for rule in version.duties if version.label == status.law_version else ():
            if regime is not None and status.id == f"{status.regime}/{rule.slug}":
                check = checks.of(regime, version, rule)
                return msgspec.structs.replace(status, confidence=level_of(rule, check), verification=check)
    return status
