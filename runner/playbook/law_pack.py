"""Packs of the law: a dated bag (RFC 8493) with the laws, the notices and the authority directory.

A pack is a zip archive, or the same files in a folder. Its manifest has the SHA-256 of each file; its signature
(Ed25519, RFC 8032) is over the tag manifest, which has the SHA-256 of the manifest. The home keeps each applied pack in
``law/``; ``law/applied.json`` names the one that counts in place of the law that ships with the program.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from datetime import date as Day
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.errors import Refused, TocsinError, unreadable
from runner.playbook.pinned import PackInfo
from runner.yamlfile.limited_archive import TOTAL, UnsafeArchive, read_archive
from runner.yamlfile.limited_files import read_file

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FOLDER, APPLIED = "law", "applied.json"
TAGS, SIGNATURE = "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig"
MANIFEST = "manifest-sha256.txt"
ABOUT = "law/pack.json"
_TAG_FILES = frozenset({"bagit.txt", "bag-info.txt", MANIFEST})
_NAME = r"[a-z0-9][a-z0-9.-]*"
_PAYLOAD = re.compile(
    rf"data/(law/pack\.json|(regimes|authorities|notices/fields)/{_NAME}\.yaml|notices/(parts/)?{_NAME}\.md)"
)
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """``law/applied.json``: a folder in ``law/``, empty for the built-in law, and the day of the built-in law back then."""

    folder: str
    built_in: Day


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A complete and unchanged pack. ``files`` are those of the bag; ``signed_by`` is empty without a known signature."""

    about: PackInfo
    digest: str
    files: Mapping[str, bytes]
    signed_by: str = ""

    @property
    def folder(self) -> str:
        """The name of its folder in the home."""
        return f"{self.about.date}-{self.digest[:12]}"


def read_pack(path: Path, keys: Mapping[str, str]) -> Pack:
    """Return a pack with its signer among the named keys; raises NotFound or Refused with the file that differs."""
    try:
        files = _folder(path) if path.is_dir() else _base(read_archive(read_file(path, TOTAL)))
    except OSError as error:
        raise unreadable(path, error) from None
    except UnsafeArchive as error:
        raise _bad(str(error)) from None
    check_bag(files)
    try:
        about = from_json(files[f"data/{ABOUT}"], PackInfo)
    except (KeyError, msgspec.MsgspecError):
        raise _bad(f"data/{ABOUT} is missing or not valid") from None
    return Pack(
        about=about,
        digest=hashlib.sha256(files[TAGS]).hexdigest(),
        files=files,
        signed_by=_signer(files, keys),
    )


def _folder(path: Path) -> dict[str, bytes]:
    found = sorted(path.rglob("*"))
    if any(file.is_symlink() for file in found):
        raise UnsafeArchive("the folder has a link")
    return {file.relative_to(path).as_posix(): read_file(file, TOTAL) for file in found if not file.is_dir()}


def _base(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the one folder that a serialised bag is."""
    bases = {name.partition("/")[0] for name in files}
    if len(bases) != 1:
        raise UnsafeArchive("the file is not one folder")
    return {name.partition("/")[2]: body for name, body in files.items()}


def check_bag(files: Mapping[str, bytes]) -> None:
    """Raise Refused, with the name of the first file that is missing, unknown or changed."""
    payload = files.keys() - _TAG_FILES - {TAGS, SIGNATURE}
    for name in sorted(payload):
        if not _PAYLOAD.fullmatch(name):
            raise _bad(f'the file "{name[:80]}" does not belong in a pack')
    for manifest, wanted in ((TAGS, _TAG_FILES), (MANIFEST, payload)):
        lines = files.get(manifest, b"").decode("utf-8", "replace").splitlines()
        listed = {found[2]: found[1] for line in lines if (found := _LINE.fullmatch(line))}
        for name in sorted(listed.keys() | wanted):
            if name not in files:
                raise _bad(f"the file {name[:80]} is missing")
            if hashlib.sha256(files[name]).hexdigest() != listed.get(name):
                raise _bad(f"the file {name} is not the one in {manifest}")


def _signer(files: Mapping[str, bytes], keys: Mapping[str, str]) -> str:
    if not keys or SIGNATURE not in files:
        return ""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for name, key in keys.items():
        with suppress(InvalidSignature):
            Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(files[SIGNATURE], files[TAGS])
            return name
    return ""


def _bad(why: str) -> Refused:
    hint = "Get the pack again from its publisher. Nothing changed."
    return Refused(f"The pack cannot be used: {why}.", hint=hint, code="bad_pack")


def applied_in(home: Path | None) -> Applied | None:
    """Return the pack that a home applied last; None without one, or if the file is damaged: ``doctor`` reports it."""
    with suppress(OSError, msgspec.MsgspecError):
        return from_json((home / FOLDER / APPLIED).read_bytes(), Applied) if home is not None else None
    return None


def law_folder(home: Path | None, built_in: Path | Traversable) -> tuple[Path | None, str]:
    """Return the law of the home's pack, and why that cannot be used: each file must be as it was applied.

    The built-in law counts without a pack, with a damaged one, and if a later program brought later law.
    """
    applied = applied_in(home)
    if home is None or applied is None or not applied.folder:
        return None, ""
    folder = home / FOLDER / applied.folder
    try:
        theirs = read_applied(folder).about
    except TocsinError as error:
        return None, f"{applied.folder}: {error.message}"
    passed = about(built_in).date > max(theirs.date, applied.built_in)
    return None if passed else folder / "data", ""


def read_applied(folder: Path) -> Pack:
    """Return a pack in a home; raises NotFound, or Refused if it is not the one that was applied."""
    pack = read_pack(folder, {})
    if pack.folder != folder.name:
        raise _bad("its manifest was changed")
    return pack


def about(law: Path | Traversable) -> PackInfo:
    """Return the date and version of a folder of law."""
    return from_json((law / ABOUT).read_bytes(), PackInfo)


def write_applied(home: Path, applied: Applied) -> None:
    """Switch to another pack, in one step."""
    place = home / FOLDER / APPLIED
    place.parent.mkdir(exist_ok=True)
    new = place.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(applied) + b"\n")
    new.replace(place)
