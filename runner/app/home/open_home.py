"""Opening and creation of a home folder: settings, master key and store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from runner.app.core.identifiers import Clock, IdGenerator, RandomIds, SystemClock
from runner.app.core.incident_service import IncidentService
from runner.base.actor import Principal
from runner.base.states import Profile
from runner.decoding import convert
from runner.errors import Invalid, NotFound, Refused, TocsinError
from runner.routing.organisation import Home
from runner.settings import CONFIG, all_or_nothing
from runner.store.open_store import open_store
from runner.store.port import Store
from runner.vault.keys import Vault
from runner.vault.master_key import open_vault
from runner.vault.secrets import resolve
from runner.yamlfile.compile_cache import compiled

Entries = dict[tuple[str, str], Any]
"""Section and key of a setting → its new value."""
SETTINGS_CODE = ("base", "yamlfile", "facts", "routing", "playbook", "files")
"""The folders with the code that reads settings."""


def this_principal(claimed: str = "") -> Principal:
    """Return the person at this machine; the claim defaults to the operating system's user."""
    import getpass

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    if hasattr(os, "uname"):
        host = os.uname().nodename
    else:
        import platform  # slow to import

        host = platform.node()
    return Principal(person=claimed or user, host=host, os_user=user)


def init_home(folder: Path, person: str, profile: Profile = "large") -> Path:
    """Create a home of a profile with commented settings, a master key and an empty store; return the path of the settings.

    Raises Refused if the home exists; nothing is replaced. A failed one leaves nothing, so that it can be done again.
    """
    from importlib import resources

    from runner.files.modeline import with_modeline
    from runner.files.settings_file import load_home
    from runner.vault.master_key import create_master

    config = folder / CONFIG
    if config.exists():
        raise Refused(
            f'The settings "{config}" exist. Nothing was written.',
            hint="Edit the file, or use another --home",
            code="home_exists",
        )
    starter = resources.files("runner.app.home").joinpath("starter.yaml").read_text("utf-8")
    values = {"{person}": person, "{profile}": profile, "{merges}": "" if profile == "small" else "#"}
    for name, value in values.items():
        starter = starter.replace(name, value)
    with ExitStack() as made:
        for name in (
            CONFIG,
            "master.key",
            "schemas/home.v1.json",
            "tocsin.db",
            "tocsin.db-wal",
            "tocsin.db-shm",
        ):
            made.enter_context(all_or_nothing(folder / name))
        config.write_text(with_modeline(starter, "home", config, folder), encoding="utf-8")
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
    master_key: str = "",
    partly: Callable[[str, tuple[str, ...]], None] | None = None,
    upgraded: Callable[[int, Path], None] | None = None,
    clock: Clock | None = None,
    chance: IdGenerator | None = None,
) -> IncidentService:
    """Open a home. ``create`` makes a missing store, ``or_copy`` reads a copy of a store that cannot be written,
    ``older`` accepts a store that needs an upgrade, and ``master_key`` is another reference than that of the settings.

    ``writes`` saves the parsed settings for the next command: a command that only reads writes nothing. ``partly`` is for
    those: it receives what is wrong in the settings, and which sections are left out. ``upgraded`` receives the old version
    and the copy when the first write upgrades the store. Raises NotFound without a home.
    """
    try:
        home = _settings(folder, writes=writes)
    except Invalid as error:
        if partly is None:
            raise
        from runner.files.settings_file import load_for_reading

        home, left = load_for_reading(folder / CONFIG)
        wrong = " ".join(f"Line {one.line}: {one.message}" for one in error.problems)
        partly(
            f"{CONFIG} has problems. {wrong} Shown WITHOUT {' and '.join(left)}: people, channels, roles and times can be "
            "missing or wrong. Nothing can be recorded until you correct the file. Run: tocsin doctor",
            left,
        )
    home = msgspec.structs.replace(home, master_key=master_key) if master_key else home
    store = _store(folder, home, create=create, or_copy=or_copy, older=older)
    store.upgraded = upgraded or store.upgraded
    return IncidentService(folder, home, store, clock or SystemClock(), chance or RandomIds(), principal)


def _settings(folder: Path, *, writes: bool) -> Home:
    """Return the settings of a home, from its cache if possible, which is faster than the file."""
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
    except OSError:  # an unreadable file: its error explains the problem
        return read()


def secret_files(folder: Path, home: Home, more: Iterable[str] = ()) -> Iterator[Path]:
    """Yield the files of a home that contain a secret, by the references of the settings and ``more``."""
    for reference in (*home.private_references, *home.act.references.values(), *more):
        if reference.startswith("file:"):
            yield folder / Path(reference.removeprefix("file:")).expanduser()
    if home.serve.key:
        yield folder / Path(home.serve.key).expanduser()


def store_file(folder: Path, url: str) -> Path | None:
    """Return the database file of ``sqlite:PATH``; None for another database."""
    scheme, _, rest = url.partition(":")
    return folder / Path(rest.removeprefix("//")).expanduser() if scheme == "sqlite" else None


def open_copy(path: Path, vault: Vault) -> Store:
    """Open the copy of a database that a backup contains; on a read-only medium for reading only."""
    from runner.store.sqlite.store import SqliteStore

    return SqliteStore(path, vault, or_copy=True)


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


def change_line(config: Path, key: str, value: str) -> None:
    """Change one top-level text of the settings, in one step; raises Invalid if that loses content."""
    import re
    import shutil

    from runner.files.settings_file import load_home

    is_plain = re.fullmatch(r"[A-Za-z][^#\s]*", value)
    line = f"{key}: {value if is_plain else msgspec.json.encode(value).decode()}"
    text, number = re.subn(rf"(?m)^{key}:.*$", lambda _: line, config.read_text(encoding="utf-8"), count=1)
    beside = config.with_name(f"{config.name}.new")
    beside.write_text(text if number else f"{line}\n{text}", encoding="utf-8")
    shutil.copymode(config, beside)
    if getattr(load_home(beside), key) != value:
        beside.unlink()
        raise Invalid(
            f'The line "{key}:" in {config} cannot be changed.',
            hint=f"Write it in one line yourself: {line}",
            code="settings_line",
        )
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    beside.replace(config)


def change_settings(folder: Path, home: Home, entries: Entries) -> Path | None:
    """Change settings in place; if that loses content, return a new file with the changes."""
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
