"""Verifier of an evidence bundle of Tocsin. One file: it needs Python 3.8 or newer, and nothing else.

    python3 verify.py BUNDLE [--key sha256:FINGERPRINT]

BUNDLE is the ZIP file or the unpacked folder. Exit code: 0 if everything is unchanged and signed by the given key, 1 if
something is wrong, 4 if nothing is wrong, but no key was given. Nothing is unpacked, and nothing is fetched.
The package ``cryptography`` checks the signatures if it is installed; otherwise this file does.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
import sys
import zlib
from typing import Any, Iterator  # noqa: UP035  # Python 3.8

from runner.proof.formats import (
    DER,
    NAMESPACE,
    PREDICATE,
    SIGNER,
    STATEMENT,
    b64,
    central_directory,
    envelope,
    fingerprint,
    from_json,
    is_signed,
    local_header,
    merkle_root,
    note_key,
    pae,
    pem,
    sigstore,
    ssh_key,
    ssh_signature,
    ssh_signed,
    unb64,
)  # fmt: skip

LAYERS = ("container", "bag", "signature", "checkpoint", "chain", "tree", "documents", "scope", "timestamp")
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
DSSE, SIGSTORE, RAW, SSH = "statement.dsse.json", "statement.sigstore.json", "manifest.sig", "manifest.sshsig"
UNSIGNED = frozenset((TAG_MANIFEST, DSSE, SIGSTORE, RAW, SSH))
"""The signatures themselves, and the manifest that lists them."""
REQUIRED = (
    "bagit.txt", "bag-info.txt", MANIFEST, *sorted(UNSIGNED), "key.pub", "key.ssh.pub", "allowed_signers",
    "checkpoint", "checkpoint.vkey", "data/scope.json", "data/record/events.jsonl", "data/record/leaves.txt",
)  # fmt: skip
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MOST_FILES, LONGEST_NAME = 20000, 160
LARGEST, LARGEST_TEXT = (1 << 32) - 1, 1 << 28
"""Bytes of a bundle, and of one of its files that is read as text."""
CHUNK = 1 << 20
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


class Wrong(Exception):
    """A fault that leaves nothing to check in its layer."""


# --- what is in the bundle -----------------------------------------------------------------------------------


class Files:
    """The files of a bundle by name: places in one ZIP file, or paths of a folder."""

    def __init__(self, places: dict[str, tuple[str, int, int]], faults: list[str]) -> None:
        """Take from name to path, offset and size; ``faults`` are of the container."""
        self.places, self.faults = places, faults

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of one file."""
        path, offset, left = self.places[name]
        with open(path, "rb") as file:  # noqa: PTH123  # Python 3.8, and paths as they were given
            file.seek(offset)
            while left:
                found = file.read(min(CHUNK, left))
                if not found:
                    raise Wrong(f"{name} is shorter than it was")
                left -= len(found)
                yield found

    def read(self, name: str) -> bytes:
        """Return a file that is read as a whole."""
        if name not in self.places:
            raise Wrong(f"{name} is missing")
        if self.places[name][2] > LARGEST_TEXT:
            raise Wrong(f"{name} is too large")
        return b"".join(self.chunks(name))

    def text(self, name: str) -> str:
        """Return a file of UTF-8."""
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            raise Wrong(f"{name} is not UTF-8") from None

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file."""
        found = hashlib.sha256()
        for chunk in self.chunks(name):
            found.update(chunk)
        return found.hexdigest()


def check_name(name: str, seen: set[str]) -> None:
    """Raise Wrong for a name that could leave a folder, or that some system takes for another name."""
    parts = name.split("/")
    plain = all(_PART.fullmatch(part) and part[-1] != "." and not _DEVICE.fullmatch(part) for part in parts)
    if not plain or len(name) > LONGEST_NAME:
        raise Wrong(f"the name {name[:200]!r} is not safe")
    if name.lower() in seen:
        raise Wrong(f"the name {name} is there twice")
    seen.add(name.lower())
    if len(seen) > MOST_FILES:
        raise Wrong(f"more than {MOST_FILES} files")


def open_zip(path: str) -> Files:
    """Read a ZIP file that is byte for byte as Tocsin writes it; raises Wrong for any other."""
    about = os.stat(path)  # noqa: PTH116
    if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
        raise Wrong("not a file, or too large")
    found = Files({}, [])
    entries: list[tuple[bytes, int, int, int]] = []
    seen: set[str] = set()
    with open(path, "rb") as file:  # noqa: PTH123
        header = file.read(30)
        while header[:4] == b"PK\3\4" and len(header) == 30:
            offset = file.tell() - 30
            crc, size, length = struct.unpack("<14xI4xIH2x", header)
            name = file.read(min(length, LONGEST_NAME * 2))
            if header + name != local_header(name, crc, size) or file.tell() + size > about.st_size:
                raise Wrong(f"the entry at byte {offset} is not as Tocsin writes it")
            text = name.decode("ascii", "backslashreplace")
            check_name(text, seen)
            if entries and name <= entries[-1][0]:
                raise Wrong("the names are not in order")
            entries.append((name, crc, size, offset))
            inside = text.partition("/")[2]
            found.places[inside] = (path, file.tell(), size)
            sum_ = 0
            for chunk in found.chunks(inside):
                sum_ = zlib.crc32(chunk, sum_)
            if sum_ != crc:
                found.faults.append(f"{text} differs from its checksum")
            file.seek(size, os.SEEK_CUR)
            header = file.read(30)
        start = file.tell() - len(header)
        rest = header + file.read((LONGEST_NAME + 46) * len(entries))
    if rest != central_directory(entries, start):
        raise Wrong("the directory at its end is not as Tocsin writes it")
    if len({name.partition(b"/")[0] for name, _, _, _ in entries}) != 1 or "" in found.places:
        raise Wrong("it does not have one folder at its top")
    return found


def open_folder(path: str) -> Files:
    """List an unpacked bundle; no link is followed."""
    places: dict[str, tuple[str, int, int]] = {}
    seen: set[str] = set()
    for where, folders, files in os.walk(path):
        for name in (*folders, *files):
            whole = os.path.join(where, name)  # noqa: PTH118
            mode = os.lstat(whole)
            if name in folders and stat.S_ISDIR(mode.st_mode):
                continue
            inside = os.path.relpath(whole, path).replace(os.sep, "/")
            check_name(inside, seen)
            if not stat.S_ISREG(mode.st_mode):
                raise Wrong(f"{inside} is not a file")
            places[inside] = (whole, 0, mode.st_size)
    return Files(places, [])


# --- the layers ----------------------------------------------------------------------------------------------


class Check:
    """The check of one bundle: what was found so far."""

    def __init__(self, files: Files, given: str) -> None:
        """Take the files, and the fingerprint of the key that the reader trusts, or nothing."""
        self.files, self.given = files, given
        self.faults: list[tuple[str, str]] = [("container", fault) for fault in files.faults]
        self.notes: dict[str, tuple[str, str]] = {}
        self.key, self.digests = b"", {}  # type: tuple[bytes, dict[str, str]]
        self.statement: dict[str, Any] = {}
        self.scope: dict[str, Any] = {}
        self.leaves: list[bytes] = []
        self.given_entries = {"full": 0, "envelope": 0}

    def fault(self, layer: str, what: str) -> None:
        """Keep a fault."""
        self.faults.append((layer, what))

    def run(self) -> None:
        """Check every layer; a fault of one does not stop the next."""
        for layer, step in (
            ("bag", self.bag), ("signature", self.signatures), ("signature", self.subjects),
            ("chain", self.chain), ("tree", self.tree), ("documents", self.documents), ("scope", self.scoped),
        ):  # fmt: skip
            try:
                step()
            except Wrong as error:
                self.fault(layer, str(error))
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
                self.fault(layer, f"cannot be read ({type(error).__name__})")

    def bag(self) -> None:
        """Compare every file with the manifests (RFC 8493)."""
        names = self.files.places
        for name in REQUIRED:
            if name not in names:
                self.fault("bag", f"{name} is missing")
        if self.files.read("bagit.txt") != DECLARATION:
            self.fault("bag", "bagit.txt was changed")
        self.digests = {name: self.files.digest(name) for name in names}
        payload = {name for name in names if name.startswith("data/")}
        self.listed(MANIFEST, payload)
        self.listed(TAG_MANIFEST, set(names) - payload - {TAG_MANIFEST})
        oxum = f"Payload-Oxum: {sum(names[name][2] for name in payload)}.{len(payload)}"
        if oxum not in self.files.text("bag-info.txt").split("\n"):
            self.fault("bag", "bag-info.txt: the size of the payload is another")

    def listed(self, manifest: str, names: Any) -> None:
        """Compare files with one manifest."""
        text = self.files.text(manifest)
        found: dict[str, str] = {}
        for line in text.split("\n")[:-1]:
            match = _LINE.fullmatch(line)
            if match is None or match.group(2) in found:
                raise Wrong(f"{manifest} was changed")
            found[match.group(2)] = match.group(1)
        for name in sorted(set(names) | set(found)):
            if name not in names:
                self.fault("bag", f"{name} is missing")
            elif name not in found:
                self.fault("bag", f"{name} was added")
            elif found[name] != self.digests[name]:
                self.fault("bag", f"{name} was changed")
        if text != "".join(f"{found[name]}  {name}\n" for name in sorted(found)):
            raise Wrong(f"{manifest} was changed")

    def signatures(self) -> None:
        """Check the signatures, all by one key, and the forms in which the key is there."""
        files = self.files
        text = files.text("key.pub")
        self.key = key = unb64("".join(text.split("\n")[1:-2]))[len(DER) :]
        vkey = files.text("checkpoint.vkey")
        manifest = files.read(MANIFEST)
        raw, ssh = files.read(RAW), files.text(SSH)
        ssh_raw = unb64("".join(ssh.split("\n")[1:-2]))[-64:]
        enveloped = from_json(files.text(DSSE))
        payload, signature = unb64(enveloped["payload"]), unb64(enveloped["signatures"][0]["sig"])
        signer = "{} {}\n".format(f'{SIGNER} namespaces="{NAMESPACE}"', ssh_key(key))
        for name, found, expected in (
            ("key.pub", text, pem(key)), ("key.ssh.pub", files.text("key.ssh.pub"), ssh_key(key) + "\n"),
            ("allowed_signers", files.text("allowed_signers"), signer),
            ("checkpoint.vkey", vkey, note_key(vkey.split("+")[0], key) + "\n"),
            (SSH, ssh, ssh_signature(key, ssh_raw)), (DSSE, files.text(DSSE), envelope(payload, key, signature)),
            (SIGSTORE, files.text(SIGSTORE), sigstore(payload, key, signature)),
        ):  # fmt: skip
            if found != expected:
                self.fault("signature", f"{name} is not of this key, or was changed")
        for name, one, data in (
            (RAW, raw, manifest), (SSH, ssh_raw, ssh_signed(manifest)), (DSSE, signature, pae(payload)),
        ):  # fmt: skip
            if not is_signed(key, one, data):
                self.fault("signature", f"{name} is not a signature of this content")
        self.statement = from_json(payload.decode())
        if self.given and self.given != fingerprint(key):
            self.fault("signature", f"signed by another key: {fingerprint(key)}")

    def subjects(self) -> None:
        """Compare the signed statement with the files: it must name every file but the signatures."""
        statement = self.statement
        if statement.get("_type") != STATEMENT or statement.get("predicateType") != PREDICATE:
            raise Wrong("the statement is of another type")
        named = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
        actual = {name: digest for name, digest in self.digests.items() if name not in UNSIGNED}
        for name in sorted(set(named) | set(actual)):
            if named.get(name) != actual.get(name):
                self.fault("signature", f"{name} is not what the statement names")

    def chain(self) -> None:
        """Check that the given entries are links of one hash chain, and their content is what they promised."""
        files = self.files
        text = files.text("data/record/leaves.txt")
        self.leaves = [bytes.fromhex(line) for line in text.split("\n")[:-1]]
        if "".join(f"{leaf.hex()}\n" for leaf in self.leaves) != text:
            raise Wrong("leaves.txt is not a list of digests")
        incident = self.statement["predicate"]["incident"]
        genesis = json.dumps({"chain": "tocsin/journal/v1", "incident": incident}, separators=(",", ":"))
        start, last = hashlib.sha256(genesis.encode()).digest(), 0
        for line in files.text("data/record/events.jsonl").split("\n")[:-1]:
            entry = from_json(line)
            seq, header = entry["seq"], entry["header"].encode()
            says = from_json(entry["header"])
            if seq <= last or (says["seq"], says["incident"]) != (seq, incident):
                raise Wrong(f"entry {seq} is not in its place")
            before = self.leaves[seq - 2] if seq > 1 else start
            if hashlib.sha256(before + header).digest() != self.leaves[seq - 1]:
                self.fault("chain", f"entry {seq} is not what the chain has there")
            level = "full" if "payload" in entry else "envelope"
            self.given_entries[level] += 1
            if level == "full":
                content = unb64(entry["salt"]) + entry["payload"].encode()
                if hashlib.sha256(content).hexdigest() != says["payload_digest"]:
                    self.fault("chain", f"the content of entry {seq} was changed")
            last = seq

    def tree(self) -> None:
        """Check the signed checkpoint, and that its root is that of all entries, given or withheld."""
        note, vkey = self.files.text("checkpoint"), self.files.text("checkpoint.vkey")
        name = vkey.split("+")[0]
        text, _, line = note.partition("\n\n")
        text += "\n"
        signature = unb64(line.rstrip("\n").split(" ")[-1])
        number = bytes.fromhex(vkey.split("+")[1])
        if note != f"{text}\n\u2014 {name} {b64(signature)}\n" or signature[:4] != number:
            self.fault("checkpoint", "it is not a note of this key")
        if not is_signed(self.key, signature[4:], text.encode()):
            self.fault("checkpoint", "its signature is not of this content")
        origin, size, root = text.split("\n")[:3]
        if origin != "{}/{}".format(name, self.statement["predicate"]["incident"]):
            self.fault("checkpoint", "it is of another record")
        if size != str(len(self.leaves)) or unb64(root) != merkle_root(self.leaves):
            self.fault("tree", "the entries are not those of the checkpoint")
        if "checkpoint.tsr" in self.files.places:
            self.notes["timestamp"] = ("unchecked", "check it with OpenSSL, as VERIFY.txt says")

    def documents(self) -> None:
        """Compare the documents with the digests in their names."""
        for name, digest in self.digests.items():
            if name.startswith("data/documents/") and name[15:79] != digest:
                self.fault("documents", f"{name} is not what its name says")

    def scoped(self) -> None:
        """Compare the counts of the scope statement, and the signed statement, with what is there."""
        self.scope = scope = from_json(self.files.text("data/scope.json"))
        given = self.given_entries
        levels = {**given, "hash": len(self.leaves) - sum(given.values())}
        head = f"{len(self.leaves)}:sha256:{self.leaves[-1].hex()}"
        predicate = {key: scope[key] for key in ("incident", "audience", "head", "levels")}
        if scope["levels"] != levels or sum(one["count"] for one in scope["withheld"]) != (
            levels["hash"] + levels["envelope"]
        ):
            raise Wrong("the number of withheld entries is another")
        if scope["head"] != head or self.statement["predicate"] != predicate:
            raise Wrong("the statement is about another record")


def verify(path: str, key: str = "") -> dict[str, Any]:
    """Return what was found: ``ok``, the state of each layer, the faults, the key, and what is withheld."""
    folder = os.path.isdir(path)  # noqa: PTH112
    key = key and "sha256:" + key.strip().lower().split(":")[-1]
    try:
        check = Check(open_folder(path) if folder else open_zip(path), key)
    except (Wrong, OSError) as error:
        check = Check(Files({}, [str(error)]), key)
        check.notes = dict.fromkeys(LAYERS, ("unchecked", "the bundle cannot be read"))
    else:
        check.run()
        if folder:
            check.notes["container"] = ("absent", "a folder")
        if not key:
            check.notes["signature"] = ("unchecked", "signed by the key inside: compare its fingerprint")
    check.notes.setdefault("timestamp", ("absent", ""))
    layers = {}
    for layer in LAYERS:
        wrong = [what for name, what in check.faults if name == layer]
        state = ("broken", wrong[0]) if wrong else check.notes.get(layer, ("ok", ""))
        layers[layer] = {"state": state[0], "why": state[1]}
    levels = check.scope.get("levels", {}) if not check.faults else {}
    return {
        "ok": not check.faults,
        "layers": layers,
        "faults": [{"layer": layer, "what": what} for layer, what in check.faults],
        "key": fingerprint(check.key) if check.key else "",
        "key_compared": bool(key),
        "incident": str(check.scope.get("incident", "")),
        "audience": str(check.scope.get("audience", "")),
        "entries": len(check.leaves),
        "head": str(check.scope.get("head", "")),
        "levels": {name: int(levels.get(name, 0)) for name in ("full", "envelope", "hash")},
    }


def code(found: dict[str, Any]) -> int:
    """Return the exit code of a result."""
    return 1 if not found["ok"] else 0 if found["key_compared"] else 4


def plain(text: str) -> str:
    """Return a text with escapes in the place of all but plain characters."""
    return "".join(one if " " <= one <= "~" else ascii(one)[1:-1] for one in text)


def lines(found: dict[str, Any]) -> list[str]:
    """Return a result in words."""
    if found["faults"]:
        told = ["{}: {}".format(fault["layer"].upper(), fault["what"]) for fault in found["faults"]]
        return ["THE BUNDLE IS NOT AS IT WAS MADE, or not by the given key.", *map(plain, told)]
    levels = found["levels"]
    told = [
        plain("The bundle is complete and unchanged: incident {incident}, for {audience}.".format(**found)),
        "Entries: {}, of which {full} with content, {envelope} without content, {hash} as a digest only.".format(
            found["entries"], **levels
        ),
        plain("Head: {head}".format(**found)),
        "Key: {}{}".format(found["key"], ", the key that you gave" if found["key_compared"] else ""),
    ]
    if not found["key_compared"]:
        told.append(
            "NOT CONFIRMED: compare this key with one that you got in another way. Then add --key KEY."
        )
    return told


def main(arguments: list[str]) -> int:
    """Verify the named bundle, and print what was found."""
    key = arguments[2] if len(arguments) == 3 and arguments[1] == "--key" else ""
    if not arguments or (len(arguments) > 1 and not key):
        sys.stderr.write("usage: python3 verify.py BUNDLE [--key sha256:FINGERPRINT]\n")
        return 2
    found = verify(arguments[0], key)
    sys.stdout.write("\n".join(lines(found)) + "\n")
    return code(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
