"""Use cases of packs of the law: which law is used, what a pack changes, and its application by a person."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from runner import __version__
from runner.app.core import organisation_journal
from runner.app.core.active_incident import OPEN
from runner.app.incidents.catalogue_pinning import kept_catalogue
from runner.app.law.regimes import changes_of, meaning
from runner.errors import Invalid, Refused, TocsinError
from runner.incident.law.duties import duty_statuses
from runner.incident.law.verifications import JOURNAL, Checks, LawUpdated
from runner.law.duty import DutyStatus
from runner.law.regime import Level, Regime
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog, File, rank
from runner.playbook.law_pack import (
    FOLDER,
    SIGNATURE,
    Applied,
    Pack,
    about,
    applied_in,
    read_applied,
    read_pack,
    write_applied,
)
from runner.playbook.pinned import PackInfo
from runner.reports.core.formatting import moment
from runner.reports.law.confidence import counted
from runner.reports.law.regime_changes import LawChange
from runner.reports.law.regimes import levels

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

BUILT_IN = "built-in"
"""In place of a file: the law that ships with the program."""


class ForIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident: the date of the law that it has and keeps, and what other law would change for it."""

    codename: str
    law: date | None = None
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


def shown(catalog: Catalog, checks: Checks, today: date) -> LawShown:
    """Return the law in use."""
    law, home = about(catalog.law), catalog.folder
    own = [home / kind for kind in ("regimes", "notices", "authorities")] if home is not None else []
    return LawShown(
        law=law,
        age=law.age(today),
        origin=catalog.origin,
        applied=checks.updated if catalog.origin == "pack" else None,
        confidence=counted(
            level for one in catalog.regimes() for level in levels(one, one.versions[0], checks)
        ),
        corrections=tuple(f"{each.name}/{file.name}" for each in own for file in sorted(each.glob("*.*"))),
    )


def compared(home: Path | None, source: str, today: date, service: IncidentService | None) -> PackShown:
    """Return what a pack contains and changes; nothing is written. Raises NotFound, Refused or Invalid."""
    with TemporaryDirectory() as folder:
        pack = _unpacked(source, service, Path(folder))
        return _compared(home, pack, Path(folder), today, service)


def update(service: IncidentService, source: str, reason: str) -> PackShown:
    """Check a pack whole, record who applies it and why, and switch to it in one step; open incidents keep their law.

    A pack without a known signature, or older than the law in use, needs a reason. Raises NotFound, Refused or Invalid.
    """
    home, today = service.folder, organisation_journal.today(service)
    with TemporaryDirectory() as folder:
        pack = _unpacked(source, service, Path(folder))
        found = _compared(home, pack, Path(folder), today, service)
        _refuse(found, reason.strip(), today)
        if pack is not None:
            _keep(Path(folder), home / FOLDER / pack.folder)
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


def _unpacked(source: str, service: IncidentService | None, folder: Path) -> Pack | None:
    """Return the pack of a file or folder, and write its files into another folder; None for the built-in law."""
    if source == BUILT_IN:
        return None
    pack = read_pack(Path(source), service.home.law.keys if service is not None else {})
    for name, body in pack.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return pack


def _keep(new: Path, folder: Path) -> None:
    """Copy a pack into the home, unless it is there undamaged."""
    try:
        read_applied(folder)
    except TocsinError:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(new, folder)


def _refuse(found: PackShown, reason: str, today: date) -> None:
    hint = "Compare the pack first: tocsin law show FILE. To apply it all the same, add --reason WHY"
    if found.law.date > today:
        maker = "Ask its maker for a pack with the right date."
        raise Refused(
            f"The pack has the date {found.law.date}, which is in the future.", hint=maker, code="pack_future"
        )
    if found.digest and not found.signed_by and not reason:
        raise Refused(
            "The pack is not signed with a key of the settings (law: keys).", hint=hint, code="pack_unsigned"
        )
    if found.law.date < found.present.date and not reason:
        raise Refused(
            f"The law of {found.law.date} is older than the law in use, of {found.present.date}.",
            hint=hint,
            code="pack_older",
        )


def _compared(
    home: Path | None, pack: Pack | None, folder: Path, today: date, service: IncidentService | None
) -> PackShown:
    cache = home / "cache" if home is not None and service is not None else None
    law: File = Catalog().law if pack is None else folder / "data"
    info, present = about(law), Catalog(home, cache=cache)
    if rank(info.program) > rank(__version__):
        raise Refused(
            f"The pack needs Tocsin {info.program} or later. This is {__version__}.",
            hint="Install the newer version of Tocsin first",
            code="pack_program",
        )
    old, new, wholly = (
        Catalog(at, law=of, cache=cache) for at, of in ((None, present.law), (None, law), (home, law))
    )
    changes = tuple(_changes(old, new))
    _check(new)
    _check(wholly)
    _check_playbooks(present, wholly)
    if cache is not None:
        kept_catalogue(cache, wholly)  # the next incident does not wait for it
    names = dict.fromkeys(change.what.rpartition(" ")[2].partition("/")[0] for change in changes)
    signed_by = pack.signed_by if pack is not None else ""
    unknown = pack is not None and SIGNATURE in pack.files
    return PackShown(
        law=info,
        age=info.age(today),
        digest=pack.digest if pack is not None else "",
        signature="known" if signed_by else "unknown" if unknown else "none",
        signed_by=signed_by,
        present=about(present.law),
        changes=changes,
        own=tuple(one for one in names if present.is_own("regimes", one) or present.is_own("notices", one)),
        incidents=tuple(_incidents(service, wholly.regimes())) if service is not None else (),
    )


def _check(catalog: Catalog) -> None:
    """Raise Invalid with every problem of the laws and notices."""
    catalog.notices()
    files = catalog.regime_files
    found = (problem for one in catalog.regimes() for problem in meaning(one, str(files[one.id]), catalog))
    if problems := [problem for problem in found if problem.severity == "error"]:
        raise Invalid("The pack is not valid. Nothing changed.", problems=problems, code="bad_pack")


def _check_playbooks(present: Catalog, new: Catalog) -> None:
    """Raise Invalid if a playbook uses a law or a notice that the pack no longer has."""
    gone = (present.regime_files.keys() - new.regime_files) | (present.notice_files.keys() - new.notice_files)
    for name in present.playbook_names() if gone else ():
        try:
            load_bundle(name, present)
        except TocsinError:
            continue
        load_bundle(name, new)


def _changes(old: Catalog, new: Catalog) -> Iterator[LawChange]:
    was, then = ({one.id: one for one in each.regimes()} for each in (old, new))
    for name in sorted(was.keys() | then.keys()):
        yield from changes_of(name, was.get(name), then.get(name))
    yield from _entries(old.notices(), new.notices(), "notice ")
    yield from _entries(old.authorities, new.authorities, "authority ")


def _entries(old: Mapping[str, Any], new: Mapping[str, Any], kind: str = "") -> Iterator[LawChange]:
    """Yield what is only on one side or differs; texts with both."""
    for name in sorted(old.keys() | new.keys()):
        was, then = old.get(name), new.get(name)
        if was != then:
            change = "added" if was is None else "removed" if then is None else "changed"
            said = " → ".join(one for one in (was, then) if isinstance(one, str))
            yield LawChange(what=f"{kind}{name}", change=change, fields=(said,) if said else ())


def _incidents(service: IncidentService, regimes: tuple[Regime, ...]) -> Iterator[ForIncident]:
    """Yield what law would change for each open incident."""
    for row in (row for row in service.incidents() if row.state in OPEN):
        try:
            incident = service.load(row.id)
            pack, library = service.catalogue(incident).contents.pack, service.library(incident)
            other = msgspec.structs.replace(library, regimes=regimes, outline=None)
            now = service.now_in(incident)
            old, new = (_due(duty_statuses(incident, now, each)) for each in (library, other))
            law = pack.date if pack is not None else None
            yield ForIncident(codename=row.codename, law=law, changes=tuple(_entries(old, new)))
        except TocsinError as error:
            yield ForIncident(codename=row.codename, problem=error.message)


def _due(duties: tuple[DutyStatus, ...]) -> dict[str, str]:
    """Return the duties that apply, or that facts may make apply in places that they name, with their deadlines."""
    return {
        one.id: f"{'applies' if one.verdict == 'applies' else 'undetermined'}, "
        + (f"due {moment(one.due)}" if one.due else one.standard or "no fixed deadline")
        for one in duties
        if one.verdict == "applies" or (one.verdict == "unknown" and (one.in_sight or one.distance <= 1))
    }
