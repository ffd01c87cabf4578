"""Use cases of laws: list, one law in words, checks of files, comparison of two dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from runner.app.core.public_holidays import PublicHolidays
from runner.base.jurisdictions import EU_MEMBERS
from runner.base.text import choice_hint, cut
from runner.errors import Invalid, NotFound, Problem, Refused, TocsinError
from runner.incident.law.verifications import Checks, level_of
from runner.law.files.contract_file import SCHEMA as CONTRACT_SCHEMA
from runner.law.files.contract_file import load_contract, unfilled
from runner.law.files.regime_file import load_regime
from runner.law.grounds import ENCRYPTED, KEY
from runner.law.regime import DutyRule, Level, Regime, Version, seen_on
from runner.law.relevance import CONTRACT
from runner.playbook.catalogue import Catalog, File
from runner.reports.law.confidence import counted
from runner.reports.law.regime_changes import LawChange, LawDifference
from runner.reports.law.regimes import (
    RegimeEntry,
    RegimeShown,
    clock_text,
    entry,
    executable,
    levels,
    numbered,
    regime_shown,
    threshold_words,
)
from runner.yamlfile.source import file_bytes

NO_CHECKS = Checks()


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """The last day on which somebody or a stored copy compared a duty with the law; None if never."""

    duty: str
    confidence: Level
    last: date | None


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/regime-check/v1"):
    """The result of a check of the law. ``share`` is ``executable / duties``, between 0 and 1; 0 without duties."""

    regimes: int
    duties: int
    executable: int
    share: float
    numbered: int
    """Duties with a number as their period; the others have only words such as "without undue delay"."""
    confidence: dict[Level, int]
    """Duties by confidence, with the checks of the home: ``verified`` by a person, ``text`` in a stored copy only."""
    shares: dict[Level, float]
    """The same as shares of all duties, between 0 and 1."""
    outdated: tuple[str, ...]
    """Duties and laws that the home checked, and whose file has another rule since."""
    in_words: tuple[str, ...]
    """Duties that a program cannot assess: a condition is only in words, or the deadline has no start."""
    problems: tuple[Problem, ...]
    stale: tuple[Looked, ...] = ()
    """With ``--stale``: the duties that nobody looked at since that day, the oldest first."""


def listed(catalog: Catalog, jurisdiction: str = "", checks: Checks = NO_CHECKS) -> tuple[RegimeEntry, ...]:
    """Return every law of the catalogue, the invalid ones with the reason."""
    found, compiled = [], dict[str, Regime]()
    with suppress(TocsinError):  # a law with problems: then each file is read for itself, which tells them
        compiled = {one.id: one for one in catalog.regimes()}
    for name in sorted(catalog.regime_files):
        origin = "home" if catalog.is_own("regimes", name) else catalog.origin
        try:
            one = entry(compiled.get(name) or catalog.regime(name), origin, checks)
        except TocsinError as error:
            one = RegimeEntry(id=name, origin=origin, problem=error.message)
        if not jurisdiction or any(
            f"{each}-".startswith(f"{here}-") or f"{here}-".startswith(f"{each}-")
            for here in one.jurisdictions
            for each in places_with_law(jurisdiction)
        ):
            found.append(one)
    return tuple(found)


def places_with_law(place: str) -> tuple[str, ...]:
    """Return the places whose law applies in a place: a member state of the EU has the law of the EU, too."""
    return (place, "EU") if place.partition("-")[0] in EU_MEMBERS else (place,)


def shown(name: str, catalog: Catalog, on: date | None = None, checks: Checks = NO_CHECKS) -> RegimeShown:
    """Return one law in words, as in force on a day, otherwise its newest version; ``name`` may be a file."""
    regime = _regime(name, catalog)
    return regime_shown(regime, _version(regime, on), PublicHolidays(), checks)


def named(name: str, catalog: Catalog, on: date | None = None, checks: Checks = NO_CHECKS) -> RegimeShown:
    """Return one law of the catalogue as ``shown`` does; ``name`` is never a file."""
    if name not in catalog.regime_files:
        raise NotFound(
            f'Law "{name}" does not exist.',
            hint=choice_hint(name, catalog.regime_files),
            code="unknown_regime",
        )
    return shown(name, catalog, on, checks)


def _regime(name: str, catalog: Catalog) -> Regime:
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        return catalog.regime(name)
    content = file_bytes(path)
    return (load_contract if CONTRACT_SCHEMA.encode() in content else load_regime)(content, str(path))


def _version(regime: Regime, on: date | None) -> Version:
    if on is None:
        return regime.versions[0]
    found = in_force(regime, on)
    if found is None:
        known = "; ".join(f"{one.from_date or '…'} to {one.until or '…'}" for one in regime.versions)
        hint = f"Use a date in one of the versions: {known}"
        raise NotFound(
            f'No version of the law "{regime.id}" is in force on {on}.', hint=hint, code="not_in_force"
        )
    return found


def in_force(regime: Regime, on: date) -> Version | None:
    """Return the version of a law that covers a day."""
    return next((one for one in regime.versions if (one.from_date or on) <= on <= (one.until or on)), None)


class Imported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One regime file that was written into the home."""

    id: str
    file: str
    duties: int
    to_fill: int = 0
    """Lines of a contract that are still to fill; until then it makes no duty."""


def imported(file: Path, home: Path, *, replace: bool = False) -> tuple[Imported, ...]:
    """Write the regimes of a spreadsheet into the home; all of them, or none if one is invalid or exists already.

    A name of a contract template, instead of a file, copies the template.
    """
    from runner.law.files.own_duties import own_regimes

    if str(file) in (templates := Catalog().contract_files) or not file.suffix:
        return (_template(str(file), templates, home, replace=replace),)
    content = file_bytes(file)
    regimes = own_regimes(content, str(file))
    known = Catalog(law=Catalog(home).law).regime_files
    if shipped := [regime.id for regime in regimes if regime.id in known]:
        raise Refused(
            f"{', '.join(shipped)} is a law of Tocsin. Nothing was imported.",
            hint="Use another id. To change a law of Tocsin, copy its file into the regimes folder of the home folder.",
            code="built_in_regime",
        )
    folder = home / "regimes"
    there = [regime.id for regime in regimes if (folder / f"{regime.id}.yaml").exists()]
    if there and not replace:
        named = ", ".join(there)
        raise Refused(
            f"{named} exists in the home folder. Nothing was imported.",
            hint="Add --replace",
            code="regime_exists",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for regime in regimes:
        (folder / f"{regime.id}.yaml").write_text(regime.text, encoding="utf-8")
    return tuple(
        Imported(id=regime.id, file=str(folder / f"{regime.id}.yaml"), duties=regime.duties)
        for regime in regimes
    )


def _template(name: str, templates: Mapping[str, File], home: Path, *, replace: bool) -> Imported:
    """Copy a template of a contract into the home, to be filled there; raises NotFound with the templates."""
    if name not in templates:
        hint = choice_hint(name, templates)
        raise NotFound(f'Contract template "{name}" does not exist.', hint=hint, code="unknown_template")
    file = home / "contracts" / f"{name}.yaml"
    if file.exists() and not replace:
        hint = "Fill it. For a second contract of this kind, copy the file under another name. To lose it: --replace"
        raise Refused(f"{file} exists. Nothing was imported.", hint=hint, code="regime_exists")
    content = templates[name].read_bytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    to_fill = len(unfilled(content, str(file)))
    return Imported(id=f"{CONTRACT}-{name}", file=str(file), duties=0, to_fill=to_fill)


# ---------------------------------------------------------------------------------------------------- check


def checked(
    names: Sequence[str], catalog: Catalog, checks: Checks = NO_CHECKS, since: date | None = None
) -> Checked:
    """Check laws by name or file, or all of the catalogue; returns all problems of all files, raises nothing.

    ``since`` lists the duties that nobody looked at since that day.
    """
    problems: list[Problem] = [] if names else list(catalog.open_contracts)
    regimes: list[Regime] = []
    for name in names or sorted(catalog.regime_files):
        try:
            regime = _regime(name, catalog)
        except Invalid as error:
            problems += error.problems
            continue
        regimes.append(regime)
        problems += meaning(regime, str(catalog.regime_files.get(name, name)), catalog)
    duties = [(regime, rule) for regime in regimes for rule in regime.versions[0].duties]
    in_words = tuple(
        f"{regime.id}/{rule.slug}" for regime, rule in duties if not executable(rule, regime.versions[0])
    )
    confidence = counted(level for regime in regimes for level in levels(regime, regime.versions[0], checks))
    stale = [
        one
        for one in (_looked(*each, checks) for each in duties if since is not None)
        if one.last is None or (since is not None and one.last < since)
    ]
    whole = max(len(duties), 1)
    return Checked(
        regimes=len(regimes),
        duties=len(duties),
        executable=len(duties) - len(in_words),
        share=round((len(duties) - len(in_words)) / whole, 4),
        numbered=sum(numbered(rule) for _, rule in duties),
        confidence=confidence,
        shares={level: round(number / whole, 4) for level, number in confidence.items()},
        outdated=tuple(_outdated(regimes, checks)),
        in_words=in_words,
        problems=tuple(problems),
        stale=tuple(sorted(stale, key=lambda one: (one.last or date.min, one.duty))),
    )


def _looked(regime: Regime, rule: DutyRule, checks: Checks) -> Looked:
    """Return the last look at a duty: a person's, that of the copy of its words, or that of its source.

    An unverified duty was never compared with anything, whatever the day of its file.
    """
    check = checks.of(regime, regime.versions[0], rule)
    level = level_of(rule, check)
    days = [seen_on(one.seen) for one in rule.words if one.seen_in]
    days += [one.checked for one in rule.words]
    if not any(days) and level in ("text", "secondary"):
        days.append(seen_on(regime.source.checked))
    if check is not None and not check.outdated:
        days.append(check.on)
    return Looked(
        duty=f"{regime.id}/{rule.slug}", confidence=level, last=max(filter(None, days), default=None)
    )


def _outdated(regimes: Sequence[Regime], checks: Checks) -> Iterator[str]:
    for regime in regimes:
        newest = regime.versions[0]
        for rule in (None, *newest.duties):
            check = checks.of(regime, newest, rule)
            if check is not None and check.outdated:
                yield regime.id if rule is None else f"{regime.id}/{rule.slug}"


def meaning(regime: Regime, file: str, catalog: Catalog) -> Iterator[Problem]:
    """Yield problems beyond the form of a file: a name that differs from the file's, a notice that does not exist."""
    stem = file.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    if stem not in (regime.id, regime.id.removeprefix(f"{CONTRACT}-")):
        text = f"the name of the file is not its id '{regime.id}'"
        yield _problem(file, "regime-name", text, f"Rename the file to {regime.id}.yaml")
    for exemption in without_key(regime):
        text = f"the exemption '{exemption}' asks for {ENCRYPTED} and not for the key, so it never applies"
        yield _problem(file, "regime-encryption", text, f"when: {ENCRYPTED} and not {KEY}")
    for rule in (rule for version in regime.versions for rule in version.duties):
        if rule.confidence == "text" and rule.level == "secondary":
            text = f"{rule.slug} says text without words that somebody saw, so it counts as secondary"
            yield _problem(
                file, "regime-words", text, "Add words with seen_in, or with by and checked", "warning"
            )
        if rule.notice and rule.notice not in catalog.notice_files:
            text = f"{rule.slug} names the notice '{rule.notice}', which does not exist"
            yield _problem(file, "regime-notice", text, "tocsin notice list")


def without_key(regime: Regime) -> tuple[str, ...]:
    """Return the exemptions by encryption that do not name the key."""
    every = (one for version in regime.versions for one in version.exemptions)
    return tuple(dict.fromkeys(one.code for one in every if one.by_encryption and not one.names_key))


def _problem(
    file: str, code: str, message: str, hint: str, severity: Literal["error", "warning"] = "error"
) -> Problem:
    return Problem(file=file, line=1, column=1, severity=severity, code=code, message=message, hint=hint)


# ----------------------------------------------------------------------------------------------- difference


def between_dates(names: Sequence[str], old: date, new: date, catalog: Catalog) -> LawDifference:
    """Return the changes in the law between two days: new, ended, and duty by duty."""
    changes: list[LawChange] = []
    for name in names or sorted(catalog.regime_files):
        regime = _regime(name, catalog)
        before, after = in_force(regime, old), in_force(regime, new)
        if before is after:
            continue
        changes += _versions(regime.id, _binding(before), _binding(after))
    return LawDifference(old=str(old), new=str(new), changes=tuple(changes))


def _binding(version: Version | None) -> Version | None:
    return version if version is not None and version.standing == "in_force" else None


def between_files(old: str, new: str, catalog: Catalog) -> LawDifference:
    """Return the content of one law file that the other does not have, in their newest versions."""
    before, after = _regime(old, catalog), _regime(new, catalog)
    return LawDifference(old=old, new=new, changes=tuple(changes_of(after.id, before, after)))


def own_and_built_in(name: str, catalog: Catalog) -> LawDifference:
    """Return the content of the home's copy of a law that the built-in one does not have."""
    if not catalog.is_own("regimes", name):
        hint = f"Put your copy into {catalog.folder}/regimes/{name}.yaml"
        raise NotFound(f'The home folder has no copy of the law "{name}".', hint=hint, code="copy_missing")
    below = Catalog(law=catalog.law)
    changes = tuple(changes_of(name, below.regime(name), catalog.regime(name)))
    return LawDifference(old=below.origin, new="home", changes=changes)


def changes_of(name: str, before: Regime | None, after: Regime | None) -> Iterator[LawChange]:
    """Yield the differences of two files of one law, duty by duty for their newest versions; None is no file."""
    if before is not None and after is not None:
        fields = tuple(_differing(before, after, skip=("id", "versions", "sha256", "authorities")))
        if fields:
            yield LawChange(what=name, change="changed", fields=fields)
    newest = (one.versions[0] if one is not None else None for one in (before, after))
    yield from _versions(name, *newest)
    if before is not None and after is not None and before.versions[1:] != after.versions[1:]:
        yield LawChange(what=name, change="changed", fields=("earlier versions",))


def _versions(name: str, before: Version | None, after: Version | None) -> Iterator[LawChange]:
    if before is None and after is None:
        return
    if before is None or after is None:
        yield LawChange(what=name, change="begins" if before is None else "ends")
        return
    fields = tuple(_differing(before, after, skip=("duties", "label")))
    if fields:
        yield LawChange(what=name, change="changed", fields=fields)
    old, new = ({rule.slug: rule for rule in version.duties} for version in (before, after))
    for slug in dict.fromkeys((*old, *new)):
        what = f"{name}/{slug}"
        if slug not in new:
            yield LawChange(what=what, change="removed")
        elif slug not in old:
            yield LawChange(what=what, change="added", fields=(_clock(new[slug]),))
        elif old[slug] != new[slug]:
            yield LawChange(what=what, change="changed", fields=tuple(_duty(old[slug], new[slug])))


def _duty(before: DutyRule, after: DutyRule) -> Iterator[str]:
    if before.clock != after.clock:
        yield f"clock: {_clock(before)} → {_clock(after)}"
    if before.thresholds != after.thresholds:
        old, new = (", ".join(map(threshold_words, duty.thresholds)) or "none" for duty in (before, after))
        yield f"threshold: {old} → {new}"
    yield from _differing(before, after, skip=("clock", "thresholds"))


def _clock(rule: DutyRule) -> str:
    return clock_text(rule.clock) or "no number"


_LONGEST = 100
"""Most characters of a value in a difference."""


def _differing(before: Any, after: Any, *, skip: tuple[str, ...]) -> Iterator[str]:
    for field in before.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if field not in skip and old != new:
            plain = all(isinstance(one, str | date | int | None) for one in (old, new))
            values = (cut(str(one), _LONGEST) if one not in ("", None) else "none" for one in (old, new))
            yield f"{field}: {' → '.join(values)}" if plain else field
