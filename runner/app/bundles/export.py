"""Export of a bundle: a ZIP file with a BagIt 1.0 bag, signed with the key of the home.

The same scope and head give the same bytes, until a timestamp arrives: files are stored without compression, in order and without
the time of the export, and the name of who exports is in the journal ``exports``, not in the bundle.
"""

from __future__ import annotations

import hashlib
import os
import pkgutil
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from runner import __version__
from runner.app.bundles import contents, papers
from runner.app.bundles.audiences import Audience, Level, Part
from runner.app.bundles.gathered import Content, Gathered, Stamp
from runner.app.core import organisation_journal
from runner.app.core.proof.signing_keys import listed_keys, log_name, signing_key
from runner.app.core.proof.timestamps import unchecked
from runner.app.core.rights import EXPORTS as JOURNAL
from runner.decoding import json_reader
from runner.errors import Refused
from runner.files import bag
from runner.proof import formats, merkle
from runner.proof.note import Checkpoint, NoteKey
from runner.reports.core.formatting import PEOPLE, describe_actor, read_in

if TYPE_CHECKING:
    from typing import BinaryIO

    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident
    from runner.vault.signing import SigningKey

OURS = re.compile(r"from runner\.[\w.]+ import \(.*?\)  # fmt: skip\n", re.DOTALL)
"""An import of the verifier that is no import in a bundle: all is in one file."""


class BundleExported(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True
):
    """A bundle was made."""

    by: str
    incident: str
    audience: str
    parts: tuple[str, ...]
    since: datetime | None = None
    sha256: str
    bytes: int
    head: str
    levels: Mapping[Level, int]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded export."""

    at: datetime
    bundle: BundleExported
    actor: str = ""
    """Who exported it, and how that is known."""


class Exports(NamedTuple):
    """All recorded exports, the oldest first."""

    made: tuple[Export, ...]
    version: int


READER: Callable[[bytes], BundleExported] = json_reader(BundleExported)


def exports(service: IncidentService) -> Exports:
    """Return the recorded exports; raises Sealed without the master key."""
    made, version = [], 0
    actors = {one.seq: describe_actor(one.actor) for one in organisation_journal.stored(service, JOURNAL)}
    for version, at, event in organisation_journal.entries(service, JOURNAL, READER):
        made.append(Export(at=at, bundle=event, actor=actors[version]))
    return Exports(tuple(made), version)


def signer(service: IncidentService) -> str:
    """Return the fingerprint of the key that signs now; empty before its first use."""
    listed = listed_keys(service.store)
    return listed[-1].fingerprint if listed else ""


def export(
    service: IncidentService,
    incident: Incident,
    out: Path | BinaryIO,
    audience: Audience,
    parts: Collection[Part],
    since: datetime | None = None,
) -> tuple[BundleExported, dict[str, Any], str, Stamp]:
    """Write the bundle into a new file or an open one, and record it; return the record, the scope statement, the fingerprint of the key, and
    the state of the timestamp.

    Raises Refused without the right, and for a file that exists.
    """
    reader = service.read(service.principal)
    audience.require(reader, service.principal, incident, parts)
    key, listed = signing_key(service.store, service.clock.now())
    told = PEOPLE.set(None)  # people are named by their ids, as in the journal
    try:
        with read_in(UTC):
            found = Gathered(service, reader, incident, audience, parts, since)
            contents.collect(found)
            papers.collect(found, key.fingerprint)
            by = NoteKey(log_name(listed), key.public)
            sealed = _sealed(found, key, by, _outside(found, by))
    finally:
        PEOPLE.reset(told)
    events: list[BundleExported] = []

    def record(digest: str, size: int) -> None:
        events.append(
            BundleExported(
                by=service.principal.person,
                incident=incident.id,
                audience=audience.name,
                parts=tuple(sorted(parts)),
                since=since,
                sha256=digest,
                bytes=size,
                head=found.head,
                levels=found.levels,
            )
        )
        organisation_journal.change(service, JOURNAL, exports, lambda before: events[-1:], incident)

    _write(out, f"evidence-{incident.id}", sealed, record)
    return events[-1], found.scope, key.fingerprint, found.timestamp


def _outside(found: Gathered, by: NoteKey) -> dict[str, bytes]:
    """Add the place of the head in the log of the organisation; return the checkpoint of that log with its timestamp.

    The leaf names the incident by a salted digest, as all leaves do: its path says nothing about others.
    """
    service = found.service
    service.checkpoints.make(service.clock.now())
    covered = service.store.log.covering(found.incident.id, len(found.entries), by)
    if covered is None:
        return {}
    leaf, kept = covered.leaf, covered.checkpoint
    about = {"schema": "tocsin/home-log/v1", "leaf": leaf.data.decode(), "salt": leaf.salt.hex()}
    path = [one.hex() for one in covered.path]
    found.put_json("record/home-log.json", {**about, "number": covered.number, "path": path})
    tags = {"home-checkpoint": kept.note.encode()}
    if kept.token is not None:
        tags["home-checkpoint.tsr"] = kept.token
        found.timestamp = "unchecked" if kept.size in unchecked(service.store) else "checked"
        with suppress(OSError):
            tags["tsa-ca.pem"] = (service.folder / service.home.timestamps.ca).read_bytes()
    return tags


def _sealed(found: Gathered, key: SigningKey, by: NoteKey, outside: dict[str, bytes]) -> dict[str, Content]:
    """Return all files of the bag: the payload, the manifests, the statement and the signatures."""
    incident = found.incident.id
    payload = {f"data/{name}": content for name, content in found.files.items()}
    digests = {f"data/{name}": found.digest(name) for name in sorted(found.files)}
    size = sum(map(found.size, found.files))
    leaves = [bytes.fromhex(given.event.hash) for given in found.entries]
    root = merkle.root(merkle.leaf_hash(leaf) for leaf in leaves)
    checkpoint = Checkpoint(origin=f"{by.name}/{incident}", size=len(leaves), root=root)
    info = [
        ("Source-Organization", found.organisation),
        ("External-Identifier", incident),
        ("Bagging-Date", f"{found.at:%Y-%m-%d}"),
        ("Bag-Software-Agent", f"tocsin {__version__}"),
        ("Tocsin-Audience", found.audience.name),
        ("Tocsin-Head", found.head),
        ("Tocsin-Checkpoint-Size", str(len(leaves))),
    ]
    public = key.public
    tags: dict[str, bytes] = {
        bag.DECLARATION: bag.DECLARED.encode(),
        bag.INFO: bag.info_text(info, size, len(payload)).encode(),
        bag.MANIFEST: bag.manifest_text(digests).encode(),
        "key.pub": formats.pem(public).encode(),
        "key.ssh.pub": f"{formats.ssh_key(public)}\n".encode(),
        "allowed_signers": f'{formats.SIGNER} namespaces="{formats.NAMESPACE}" {formats.ssh_key(public)}\n'.encode(),
        "checkpoint": key.note(checkpoint.text(), by.name).encode(),
        "checkpoint.vkey": f"{by.text()}\n".encode(),
        "README.html": papers.index(found, key.fingerprint),
        "VERIFY.txt": papers.commands(found.timestamp),
        "verify.py": standalone(),
        **outside,
    }
    subjects = digests | {name: hashlib.sha256(body).hexdigest() for name, body in tags.items()}
    statement = formats.as_json(
        {
            "_type": formats.STATEMENT,
            "subject": [{"name": one, "digest": {"sha256": subjects[one]}} for one in sorted(subjects)],
            "predicateType": formats.PREDICATE,
            "predicate": {one: found.scope[one] for one in ("incident", "audience", "head", "levels")},
        }
    ).encode()
    signature, manifest = key.sign(formats.pae(statement)), tags[bag.MANIFEST]
    tags |= {
        "manifest.sig": key.sign(manifest),
        "manifest.sshsig": formats.ssh_signature(public, key.sign(formats.ssh_signed(manifest))).encode(),
        "statement.dsse.json": formats.envelope(statement, public, signature).encode(),
        "statement.sigstore.json": formats.sigstore(statement, public, signature).encode(),
    }
    listed = {name: hashlib.sha256(tags[name]).hexdigest() for name in sorted(tags)}
    return {**payload, **tags, bag.TAG_MANIFEST: bag.manifest_text(listed).encode()}


def _write(
    out: Path | BinaryIO, folder: str, files: Mapping[str, Content], record: Callable[[str, int], None]
) -> None:
    """Write the ZIP file into a new file or an open one, and ``record`` its SHA-256 and size."""
    named = isinstance(out, Path)
    try:
        if isinstance(out, Path):
            _write_new(out, folder, files, record)
        else:
            record(*_packed(out, folder, files))
    except OSError as error:
        what = f'File "{out}"' if named else "The temporary file of the bundle"
        raise Refused(
            f"{what} cannot be written: {error.strerror}.",
            hint="Name another file: --out FILE.zip" if named else "Free space on the server, and try again.",
            code="file_unwritable",
        ) from None


def _write_new(
    out: Path, folder: str, files: Mapping[str, Content], record: Callable[[str, int], None]
) -> None:
    """Write a new file, which only its owner can read; it gets its name after ``record``."""
    partial = out.with_name(f"{out.name}.partial")
    if out.exists():
        raise FileExistsError(17, "it exists")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            packed = _packed(file, folder, files)
        record(*packed)
        _publish(partial, out)
    finally:
        partial.unlink(missing_ok=True)


def _packed(file: BinaryIO, folder: str, files: Mapping[str, Content]) -> tuple[str, int]:
    """Write the ZIP file, and return its SHA-256 and size when it is on the disk."""
    total = hashlib.sha256()
    entries: list[tuple[bytes, int, int, int]] = []
    place = 0

    def put(data: bytes) -> None:
        nonlocal place
        file.write(data)
        total.update(data)
        place += len(data)

    for name in sorted(files):
        content = files[name]
        body = content if isinstance(content, bytes) else content()
        path = f"{folder}/{name}".encode("ascii")
        entries.append((path, zlib.crc32(body), len(body), place))
        put(formats.local_header(path, *entries[-1][1:3]))
        put(body)
    put(formats.central_directory(entries, place))
    file.flush()
    os.fsync(file.fileno())
    return total.hexdigest(), place


def _publish(partial: Path, out: Path) -> None:
    """Give a file its name; raises FileExistsError if another file has got that name meanwhile."""
    try:
        os.link(partial, out)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if out.exists():
            raise FileExistsError(17, "it exists") from None
        partial.rename(out)


def standalone() -> bytes:
    """Return ``verify.py`` as one file: the verifier with the formats that it needs."""
    named = (
        ("runner.files", "verify.py"),
        ("runner.proof", "formats.py"),
        ("runner.files", "bundle_files.py"),
    )
    verifier, *parts = (OURS.sub("", (pkgutil.get_data(*one) or b"").decode()) for one in named)
    before, future, after = verifier.partition("from __future__ import annotations\n")
    imports, line, rest = after.partition("\nLAYERS = ")
    return "".join(
        [before, future, imports, *(part.partition(future)[2] for part in parts), line, rest]
    ).encode()
