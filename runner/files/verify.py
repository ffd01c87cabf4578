"""Verifier of an evidence bundle of Tocsin. One file: it needs Python 3.8 or newer, and nothing else.

    python3 verify.py BUNDLE [--key sha256:FINGERPRINT] [--head N:sha256:HASH]

BUNDLE is the ZIP file or the unpacked folder. HEAD is in the last line of messages and on documents, as "journal N:sha256:HASH":
a bundle that is older than it does not have it. Exit code: 0 if everything is unchanged and signed by the given key, 1 if
something is wrong, 4 if nothing is wrong, but no key was given. Nothing is unpacked, and nothing is fetched.
The package ``cryptography`` checks the signatures if it is installed; otherwise this file does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from typing import Any

from runner.files.bundle_files import (
    Files,
    Wrong,
    open_folder,
    open_zip,
)  # fmt: skip
from runner.proof.formats import (
    DER,
    NAMESPACE,
    PREDICATE,
    SIGNER,
    STATEMENT,
    b64,
    envelope,
    fingerprint,
    from_json,
    is_included,
    is_signed,
    merkle_root,
    note_key,
    pae,
    pem,
    sigstore,
    ssh_key,
    ssh_signature,
    ssh_signed,
    timestamp,
    unb64,
)  # fmt: skip

LAYERS = (
    "container",
    "bag",
    "signature",
    "checkpoint",
    "chain",
    "head",
    "tree",
    "log",
    "documents",
    "scope",
    "timestamp",
)
HOME_NOTE, HOME_LOG, TOKEN = "home-checkpoint", "data/record/home-log.json", "home-checkpoint.tsr"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
DSSE, SIGSTORE, RAW, SSH = "statement.dsse.json", "statement.sigstore.json", "manifest.sig", "manifest.sshsig"
UNSIGNED = frozenset((TAG_MANIFEST, DSSE, SIGSTORE, RAW, SSH))
"""The signatures themselves, and the manifest that lists them."""
REQUIRED = (
    "bagit.txt", "bag-info.txt", MANIFEST, *sorted(UNSIGNED), "key.pub", "key.ssh.pub", "allowed_signers",
    "checkpoint", "checkpoint.vkey", "data/scope.json", "data/record/events.jsonl", "data/record/leaves.txt",
)  # fmt: skip
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
HEAD = re.compile(r"([1-9][0-9]{0,8}):(?:sha256:)?([0-9a-f]{64})")


# --- the layers ----------------------------------------------------------------------------------------------


class Check:
    """The check of one bundle: what was found so far."""

    def __init__(self, files: Files, given: str, head: str = "") -> None:
        """Take the files, and the fingerprint of the key that the reader trusts and a head of the record, or nothing."""
        self.files, self.given, self.known_head = files, given, HEAD.fullmatch(head)
        self.faults: list[tuple[str, str]] = [("container", fault) for fault in files.faults]
        self.notes: dict[str, tuple[str, str]] = {}
        self.key, self.digests = b"", {}  # type: tuple[bytes, dict[str, str]]
        self.statement: dict[str, Any] = {}
        self.scope: dict[str, Any] = {}
        self.leaves: list[bytes] = []
        self.given_entries = {"full": 0, "envelope": 0}
        self.outside = self.claimed = ""

    def fault(self, layer: str, what: str) -> None:
        """Keep a fault."""
        self.faults.append((layer, what))

    def run(self) -> None:
        """Check every layer; a fault of one does not stop the next."""
        for layer, step in (
            ("bag", self.bag), ("signature", self.signatures), ("signature", self.subjects),
            ("chain", self.chain), ("head", self.head), ("tree", self.tree), ("log", self.log), ("timestamp", self.timestamp),
            ("documents", self.documents), ("scope", self.scoped),
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

    def head(self) -> None:
        """Compare the head that the reader has: an older bundle ends before it, and another record has another one."""
        if self.known_head is None:
            self.notes["head"] = ("absent", "no head to compare was given: an older bundle verifies, too")
            return
        number, ends = int(self.known_head.group(1)), len(self.leaves)
        if number > ends:
            self.fault("head", f"the record ends at entry {ends}: it is older than the given head {number}")
        elif self.leaves[number - 1].hex() != self.known_head.group(2):
            self.fault("head", f"entry {number} is not that of the given head")

    def note(self, file: str, origin: str, layer: str) -> tuple[int, bytes]:
        """Check a checkpoint, a note signed by the key; return its size and root."""
        note, vkey = self.files.text(file), self.files.text("checkpoint.vkey")
        name = vkey.split("+")[0]
        text, _, line = note.partition("\n\n")
        text += "\n"
        signature = unb64(line.rstrip("\n").split(" ")[-1])
        number = bytes.fromhex(vkey.split("+")[1])
        if note != f"{text}\n\u2014 {name} {b64(signature)}\n" or signature[:4] != number:
            self.fault(layer, "the checkpoint is not a note of this key")
        if not is_signed(self.key, signature[4:], text.encode()):
            self.fault(layer, "the signature of the checkpoint is not of its content")
        found, size, root = text.split("\n")[:3]
        if found != name + origin:
            self.fault(layer, "the checkpoint is of another record")
        return int(size[:20]), unb64(root)

    def tree(self) -> None:
        """Check the signed checkpoint, and that its root is that of all entries, given or withheld."""
        size, root = self.note("checkpoint", "/" + self.statement["predicate"]["incident"], "checkpoint")
        if (size, root) != (len(self.leaves), merkle_root(self.leaves)):
            self.fault("tree", "the entries are not those of the checkpoint")

    def log(self) -> None:
        """Check that the head is in the log of the organisation, up to a checkpoint that covers all its incidents."""
        if not {HOME_NOTE, HOME_LOG} & set(self.files.places):
            self.notes["log"] = ("absent", "the bundle has no checkpoint of the organisation")
            return
        log = from_json(self.files.text(HOME_LOG))
        size, root = self.note(HOME_NOTE, "", "log")
        leaf, incident = from_json(log["leaf"]), self.statement["predicate"]["incident"]
        ref = hashlib.sha256(bytes.fromhex(log["salt"]) + incident.encode()).hexdigest()
        if (leaf["ref"], leaf["seq"], leaf["head"]) != (ref, len(self.leaves), self.leaves[-1].hex()):
            self.fault("log", "its head is not that of this record")
        path = [bytes.fromhex(one) for one in log["path"]]
        if not is_included(log["number"], size, log["leaf"].encode(), path, root):
            self.fault("log", "its head is not under the checkpoint of the organisation")
        self.outside = f"{size}:{root.hex()}"

    def timestamp(self) -> None:
        """Compare the token of a timestamp authority with the checkpoint. OpenSSL checks the signature of the authority."""
        if TOKEN not in self.files.places:
            self.notes["timestamp"] = ("absent", "")
            return
        imprint, self.claimed, _ = timestamp(self.files.read(TOKEN))
        if imprint.hex() != self.digests[HOME_NOTE]:
            self.fault("timestamp", "the token is of another checkpoint")
        self.notes["timestamp"] = (
            "unchecked",
            "the signature of the authority: check it with OpenSSL, as VERIFY.txt says",
        )

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


def verify(path: str, key: str = "", head: str = "") -> dict[str, Any]:
    """Return what was found: ``ok``, the state of each layer, the faults, the key, and what is withheld."""
    folder = os.path.isdir(path)  # noqa: PTH112
    key = key and "sha256:" + key.strip().lower().split(":")[-1]
    try:
        check = Check(open_folder(path) if folder else open_zip(path), key, head)
    except (Wrong, OSError) as error:
        check = Check(Files({}, [str(error)]), key)
        check.notes = dict.fromkeys(LAYERS, ("unchecked", "the bundle cannot be read"))
    else:
        check.run()
        if folder:
            check.notes["container"] = ("absent", "a folder")
        if not key:
            check.notes["signature"] = ("unchecked", "signed by the key inside: compare its fingerprint")
    layers = {}
    for layer in LAYERS:
        wrong = [what for name, what in check.faults if name == layer]
        state = ("broken", wrong[0]) if wrong else check.notes.get(layer, ("ok", ""))
        layers[layer] = {"state": state[0], "why": plain(state[1])}
    levels = check.scope.get("levels", {}) if not check.faults else {}
    return {
        "ok": not check.faults,
        "layers": layers,
        "faults": [{"layer": layer, "what": plain(what)} for layer, what in check.faults],
        "key": fingerprint(check.key) if check.key else "",
        "key_compared": bool(key),
        "head_compared": check.known_head is not None,
        "incident": plain(str(check.scope.get("incident", ""))),
        "audience": plain(str(check.scope.get("audience", ""))),
        "entries": len(check.leaves),
        "head": plain(str(check.scope.get("head", ""))),
        "log": check.outside,
        "claimed_time": check.claimed,
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
        return ["THE BUNDLE IS NOT AS IT WAS MADE, or not by the given key.", *told]
    levels = found["levels"]
    told = [
        "The bundle is complete and unchanged: incident {incident}, for {audience}.".format(**found),
        "Entries: {}, of which {full} with content, {envelope} without content, {hash} as a digest only.".format(
            found["entries"], **levels
        ),
        "Head: {}{}".format(
            found["head"], ", compared with the head that you gave" if found["head_compared"] else ""
        ),
        "Key: {}{}".format(found["key"], ", the key that you gave" if found["key_compared"] else ""),
    ]
    if not found["head_compared"]:
        told.append("An older bundle verifies, too. Add a head from a message or a document: --head HEAD")
    if found["log"]:
        told.append("Log of the organisation: {log}".format(**found))
    if found["claimed_time"]:
        told.append("Not later than {claimed_time}, as the timestamp token claims. NOT CHECKED: {why}".format(
            why=found["layers"]["timestamp"]["why"], **found
        ))  # fmt: skip
    if not found["key_compared"]:
        told.append(
            "NOT CONFIRMED: compare this key with one that you got in another way. Then add --key KEY."
        )
    return told


def main(arguments: list[str]) -> int:
    """Verify the named bundle, and print what was found."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Verify an evidence bundle of Tocsin.")
    parser.add_argument("bundle", metavar="BUNDLE", help="ZIP file or unpacked folder")
    parser.add_argument(
        "--key", default="", metavar="sha256:FINGERPRINT", help="of the signer, from another source"
    )
    parser.add_argument("--head", default="", metavar="N:sha256:HASH", help="from a message or a document")
    given = parser.parse_args(arguments)
    if given.head and not HEAD.fullmatch(given.head):
        parser.error("--head is not N:sha256:HASH with 64 digits")
    found = verify(given.bundle, given.key, given.head)
    sys.stdout.write("\n".join(lines(found)) + "\n")
    return code(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
