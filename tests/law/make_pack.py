"""Makes a pack of the law from a folder of law: ``make pack KEY=publisher.pem``. The tests make theirs with the same functions.

The key is an Ed25519 private key: ``openssl genpkey -algorithm ed25519 -out publisher.pem``. Without a key, the pack is unsigned.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from runner.playbook.law_pack import ABOUT, MANIFEST, SIGNATURE, TAGS, about, read_pack

LAW = Path(__file__).parents[2] / "playbooks"


def law_files(folder: Path = LAW) -> dict[str, bytes]:
    """Return the payload of a pack: the law, the notices, the authorities and the date of a folder."""
    files = [folder / ABOUT, *(folder / "regimes").glob("*.yaml"), *(folder / "authorities").glob("*.yaml")]
    files += [*(folder / "notices").rglob("*.md"), *(folder / "notices" / "fields").glob("*.yaml")]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(files)}


def bag(payload: Mapping[str, bytes], key: Ed25519PrivateKey | None = None) -> dict[str, bytes]:
    """Return the files of a bag (RFC 8493) with this payload."""
    files = {f"data/{name}": body for name, body in payload.items()}
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": f"Payload-Oxum: {sum(map(len, files.values()))}.{len(files)}\n".encode(),
        MANIFEST: _lines(files),
    }
    files |= {**tags, TAGS: _lines(tags)}
    return files if key is None else files | {SIGNATURE: key.sign(files[TAGS])}


def _lines(files: Mapping[str, bytes]) -> bytes:
    rows = (f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(files.items()))
    return "".join(rows).encode()


def archive(files: Mapping[str, bytes], base: str = "tocsin-law/") -> bytes:
    """Return a zip archive with the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in sorted(files.items()):
            made.writestr(zipfile.ZipInfo(f"{base}{name}", (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def main(out: str = "dist", key: str = "") -> None:
    """Write the pack of this checkout, and read it again."""
    secret = load_pem_private_key(Path(key).read_bytes(), None) if key else None
    if secret is not None and not isinstance(secret, Ed25519PrivateKey):
        raise SystemExit("make pack: the key is not an Ed25519 key")
    info = about(LAW)
    path = Path(out) / f"tocsin-law-{info.version}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive(bag(law_files(), secret), f"tocsin-law-{info.version}/"))
    sys.stdout.write(f"{path}  sha256:{read_pack(path, {}).digest}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
