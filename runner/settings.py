"""The location of a home: named, or the nearest ``.tocsin`` upwards, or the user's own data folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CONFIG = "tocsin.yaml"
FOLDER = ".tocsin"
VARIABLE = "TOCSIN_HOME"
CACHE = "TOCSIN_CACHE"
STATE = "TOCSIN_STATE"
PERSON = "TOCSIN_PERSON"


def find_home(given: str | None, environ: Mapping[str, str], start: Path) -> Path:
    """Return the folder of the home, which may not exist yet.

    Order: ``given`` (``--home``), ``TOCSIN_HOME``, the nearest ``.tocsin`` from ``start`` upwards, the per-user folder.
    """
    if given:
        return Path(given).expanduser()
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).expanduser()
    for folder in (start, *start.parents):
        if (folder / FOLDER).is_dir():
            return folder / FOLDER
    from platformdirs import user_data_path

    return user_data_path("tocsin", appauthor=False)


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for data that can be computed again: ``TOCSIN_CACHE``, else the per-user folder; None if that is empty."""
    given = environ.get(CACHE)
    if given is not None:
        return Path(given).expanduser() if given else None
    if (folder := _xdg("XDG_CACHE_HOME", "~/.cache")) is not None:
        return folder
    from platformdirs import user_cache_path

    return user_cache_path("tocsin", appauthor=False)


def open_to_others(path: Path) -> bool:
    """Tell whether group or others can read or write a file or folder; False on Windows, which has no such modes."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o066)
    except OSError:
        return False


@contextmanager
def all_or_nothing(path: Path) -> Iterator[None]:
    """Make the folders above a new file or folder; if its writing fails, those and what is empty or half written go again."""
    new = [one for one in (path, *path.parents) if not os.path.lexists(one)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield
    except BaseException:
        for one in new:
            with suppress(OSError):
                one.rmdir() if one.is_dir() else one.unlink()
        raise


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder of this system user's choices: ``TOCSIN_STATE``, else the per-user folder; None if that is empty."""
    given = environ.get(STATE)
    if given is not None:
        return Path(given).expanduser() if given else None
    if (folder := _xdg("XDG_STATE_HOME", "~/.local/state")) is not None:
        return folder
    from platformdirs import user_state_path

    return user_state_path("tocsin", appauthor=False)


def is_shared_folder(path: Path) -> str:
    """Return why a folder looks synchronised or remote, or the empty string; locks and fsync are not safe there."""
    parts = [part.lower() for part in path.absolute().parts]
    for word in ("dropbox", "onedrive", "google drive", "icloud", "nextcloud", "syncthing"):
        if any(word in part for part in parts):
            return f"the folder looks synchronised ({word})"
    kind = _file_system(path)
    return f"the folder is on a network file system ({kind})" if kind in _REMOTE else ""


_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "webdav"})


def _file_system(path: Path) -> str:
    table = Path("/proc/mounts")
    if not table.exists():
        return ""
    best, kind = "", ""
    there = os.path.realpath(path)
    for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        mount = fields[1].replace("\\040", " ")
        if (there + "/").startswith(mount.rstrip("/") + "/") and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind


def _xdg(variable: str, usual: str) -> Path | None:
    """Return our folder as ``platformdirs`` finds it on Linux, None elsewhere: most commands need it, and the library imports slowly."""
    if sys.platform != "linux" or "ANDROID_ROOT" in os.environ:
        return None
    written = os.environ.get(variable, "").strip()
    return (Path(written) if written else Path(usual).expanduser()) / "tocsin"
