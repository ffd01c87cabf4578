"""Use cases of packs of the law: which law is used, what a pack changes, and its application by a person."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from runner import __version__
from runner.app.core import organisation_journal
from runner.app.core.active_incident import OPEN
from runner.app.incidents.catalogue_pinning import kept_catalogue
from runner.app.law.regimes import LawChange, changes_of, meaning
from runner.errors import Invalid, Refused, TocsinError
from runner.incident.law.duties import duty_statuses
from runner.incident.law.verifications import JOURNAL, Checks, LawUpdated
from runner.law.duty import DutyStatus
from runner.law.regime import Level, Regime
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog, File, Kind
from runner.playbook.law_pack import FOLDER, Applied, Pack, about, applied_in, read_pack, write_applied
from runner.playbook.pinned import PackInfo
from runner.reports.core.formatting import moment
from runner.reports.law.confidence import counted
from runner.reports.law.regimes import levels

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

BUILT_IN = "built-in"
"""In place of a file: the law that ships with the program."""


class ForIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident: the date of the law that it has and keeps, and what other law would change for it."""

    codename: str
    law: date | None
    changes: tuple[LawChange, ...] = ()
    problem: str = ""
    """Why the incident cannot be compared."""


class LawShown(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/law/v1"):
    """The law that new incidents use. ``corrections`` are the home's own files, which are used before it."""

    law: PackInfo
    age: str
    origin: Literal["built-in", "pack"]
    applied: LawUpdated | None
    confidence: Mapping[Level, int]
    corrections: tuple[str, ...]
    incidents: tuple[ForIncident, ...]
    """Open incidents with law of another date."""


class PackShown(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/law-pack/v1"):
    """A valid pack compared with the law in use; ``own`` are changed parts that the home's own files hide."""

    law: PackInfo
    age: str
    digest: str
    signature: Literal["known", "unknown", "none"]
    """``unknown``: no key of the settings fits, so it proves nothing."""
    signed_by: str
    present: PackInfo
    changes: tuple[LawChange, ...]
    own: tuple[str, ...]
    incidents: tuple[ForIncident, ...]
    applied: bool = False
    previous: str = ""
    """What to apply to undo the update: a folder, or ``built-in``."""


def shown(home: Path | None, checks: Checks, today: date, service: IncidentService | None) -> LawShown:
    """Return the law in use, and the open incidents with law of another date."""
    catalog = Catalog(home, cache=home / "cache" if home is not None else None)
    law = about(catalog.law)
    kinds: tuple[Kind, ...] = ("regimes", "notices", "authorities")
    own = (home / kind for kind in kinds) if home is not None else ()
    every = (level for one in catalog.regimes() for level in levels(one, one.versions[0], checks))
    return LawShown(
        law=law,
        age=law.age(today),
        origin=catalog.origin,
        applied=checks.updated if catalog.origin == "pack" else None,
        confidence=counted(every),
        corrections=tuple(f"{each.name}/{file.name}" for each in own for file in sorted(each.glob("*.*"))),
        incidents=tuple(one for one in _incidents(service) if one.law != law.date),
    )


def compared(home: Path | None, source: str, today: date, service: IncidentService | None) -> PackShown:
    """Return what a pack contains and changes; nothing is written. Raises NotFound, Refused or Invalid."""
    pack = _read(source, service)
    with TemporaryDirectory() as folder, _staged(pack, Path(folder) / "bag") as law:
        return _compared(home, pack, law, today, service)


def update(service: IncidentService, source: str, reason: str) -> PackShown:
    """Check a pack whole, record who applies it and why, and switch to it in one step; open incidents keep their law.

    A pack without a known signature, or older than the law in use, needs a reason. Raises NotFound, Refused or Invalid.
    """
    home, today = service.folder, organisation_journal.today(service)
    pack = _read(source, service)
    kept = home / FOLDER / (pack.folder if pack is not None else "")
    with _staged(pack, home / FOLDER / ".new") as law:
        found = _compared(home, pack, law, today, service)
        if found.law.date > today:
            raise Refused(
                f"The pack has the date {found.law.date}, which is in the future.",
                hint="Ask its maker for a pack with the right date.",
                code="pack_future",
            )
        _refuse(found, reason, signed=bool(found.signed_by) or pack is None)
        if pack is not None and not _intact(kept):
            shutil.rmtree(kept, ignore_errors=True)
            Path(str(law)).parent.rename(kept)
    entry = LawUpdated(
        digest=found.digest,
        date=found.law.date,
        folder=pack.folder if pack is not None else "",
        signed_by=found.signed_by,
        reason=reason.strip(),
        by=service.principal.person,
    )
    before = applied_in(home)
    organisation_journal.change(service, JOURNAL, type(service).law_checks, lambda _: (entry,))
    # Recorded first: after a crash between the two, ``doctor`` reports the update that did not finish.
    write_applied(home, Applied(folder=entry.folder, built_in=about(Catalog().law).date))
    previous = str(home / FOLDER / before.folder) if before is not None and before.folder else BUILT_IN
    return msgspec.structs.replace(found, applied=True, previous=previous)


def _read(source: str, service: IncidentService | None) -> Pack | None:
    """Return the pack of a file or folder; None for the built-in law."""
    keys = service.home.law.keys if service is not None else {}
    return None if source == BUILT_IN else read_pack(Path(source), keys)


@contextmanager
def _staged(pack: Pack | None, folder: Path) -> Iterator[File]:
    """Write a pack into a folder of its own, removed at the end, and give the folder of its law."""
    if pack is None:
        yield Catalog().law
        return
    shutil.rmtree(folder, ignore_errors=True)  # of an update that was interrupted
    try:
        for name, body in pack.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(body)
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _intact(folder: Path) -> bool:
    try:
        return bool(read_pack(folder, {}))
    except TocsinError:
        return False


def _refuse(found: PackShown, reason: str, *, signed: bool) -> None:
    if reason.strip():
        return
    hint = "Compare the pack first: tocsin law show FILE. To apply it all the same, add --reason WHY"
    if not signed:
        raise Refused(
            "The pack is not signed with a key of the settings (law: keys).", hint=hint, code="pack_unsigned"
        )
    if found.law.date < found.present.date:
        raise Refused(
            f"The law of {found.law.date} is older than the law in use, of {found.present.date}.",
            hint=hint,
            code="pack_older",
        )


def _compared(
    home: Path | None, pack: Pack | None, law: File, today: date, service: IncidentService | None
) -> PackShown:
    cache = home / "cache" if home is not None and service is not None else None
    present = Catalog(home, cache=cache)
    if present.origin == "pack" and not _intact(Path(str(present.law)).parent):
        present = Catalog(home, cache=cache, law=Catalog().law)  # so that a new pack repairs a damaged one
    old, new = Catalog(law=present.law, cache=cache), Catalog(law=law, cache=cache)
    info, wholly = about(law), Catalog(home, law=law, cache=cache)
    if _numbers(info.program) > _numbers(__version__):
        raise Refused(
            f"The pack needs Tocsin {info.program} or later. This is {__version__}.",
            hint="Install the newer version of Tocsin first",
            code="pack_program",
        )
    changes = tuple(_changes(old, new))
    _check(new)
    _check(wholly)
    if any(change.change in ("removed", "ends") for change in changes):
        _check_playbooks(present, wholly)
    if cache is not None:
        kept_catalogue(cache, wholly)  # the next incident does not wait for it
    names = dict.fromkeys(change.what.rpartition(" ")[2].partition("/")[0] for change in changes)
    return PackShown(
        law=info,
        age=info.age(today),
        digest=pack.digest if pack is not None else "",
        signature="none" if pack is None else pack.signature,
        signed_by=pack.signed_by if pack is not None else "",
        present=about(present.law),
        changes=changes,
        own=tuple(one for one in names if present.is_own("regimes", one) or present.is_own("notices", one)),
        incidents=tuple(_incidents(service, wholly.regimes())),
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _check(catalog: Catalog) -> None:
    """Raise Invalid with every problem of the first law or notice that has one."""
    catalog.notices()
    files = catalog.regime_files
    found = (problem for one in catalog.regimes() for problem in meaning(one, str(files[one.id]), catalog))
    if problems := [problem for problem in found if problem.severity == "error"]:
        raise Invalid("The pack is not valid. Nothing changed.", problems=problems, code="bad_pack")


def _check_playbooks(present: Catalog, new: Catalog) -> None:
    """Raise Invalid if a playbook uses a law or a notice that the pack no longer has."""
    for name in present.playbook_names():
        try:
            load_bundle(name, present)
        except TocsinError:
            continue
        load_bundle(name, new)


def _changes(old: Catalog, new: Catalog) -> Iterator[LawChange]:
    laws: list[dict[str, Regime]] = [{one.id: one for one in each.regimes()} for each in (old, new)]
    for name in sorted(laws[0].keys() | laws[1].keys()):
        yield from changes_of(name, laws[0].get(name), laws[1].get(name))
    yield from _entries("notice", old.notices(), new.notices())
    yield from _entries("authority", old.authorities, new.authorities)


def _entries(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[LawChange]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            change = "added" if name not in old else "removed" if name not in new else "changed"
            yield LawChange(what=f"{kind} {name}", change=change)


def _incidents(
    service: IncidentService | None, regimes: tuple[Regime, ...] | None = None
) -> Iterator[ForIncident]:
    """Yield the open incidents; with law, what it would change for each of them."""
    for row in service.incidents() if service is not None else ():
        if service is None or row.state not in OPEN:
            continue
        try:
            incident = service.load(row.id)
            pack, library = service.catalogue(incident).contents.pack, service.library(incident)
            changes: Iterator[LawChange] = iter(())
            if regimes is not None:
                other = msgspec.structs.replace(library, regimes=regimes, outline=None)
                now = service.now_in(incident)
                changes = _duties(*(duty_statuses(incident, now, each) for each in (library, other)))
            law = pack.date if pack is not None else None
            yield ForIncident(codename=row.codename, law=law, changes=tuple(changes))
        except TocsinError as error:
            yield ForIncident(codename=row.codename, law=None, problem=error.message)


def _duties(old: tuple[DutyStatus, ...], new: tuple[DutyStatus, ...]) -> Iterator[LawChange]:
    """Yield the duties that differ: those that apply, or that facts may make apply in places that they name."""
    before, after = ({one.id: one for one in each if _counts(one)} for each in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, then = before.get(name), after.get(name)
        if was is None or then is None:
            yield LawChange(
                what=name, change="added" if was is None else "removed", fields=_words(was or then)
            )
        elif _words(was) != _words(then):
            fields = tuple(f"{a} → {b}" for a, b in zip(_words(was), _words(then), strict=True) if a != b)
            yield LawChange(what=name, change="changed", fields=fields)


def _counts(one: DutyStatus) -> bool:
    return one.verdict == "applies" or (one.verdict == "unknown" and (one.in_sight or one.distance <= 1))


def _words(one: DutyStatus | None) -> tuple[str, str]:
    duty = cast("DutyStatus", one)
    verdict = "undetermined" if duty.verdict == "unknown" else "applies"
    return verdict, f"due {moment(duty.due)}" if duty.due else duty.standard or "no fixed deadline"
