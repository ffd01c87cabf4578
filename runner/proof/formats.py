"""Formats of an evidence bundle, as their standards have them: ZIP (stored), Ed25519 (RFC 8032), SSHSIG, DSSE with its Sigstore form,
signed notes (C2SP), the Merkle tree of RFC 6962, and what a timestamp claims (RFC 3161). Pure; it needs only Python 3.8 or newer, because each bundle contains it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from typing import Any

STATEMENT, PREDICATE = "https://in-toto.io/Statement/v1", "urn:tocsin:evidence:v1"
PAYLOAD_TYPE, NAMESPACE, SIGNER = "application/vnd.in-toto+json", "tocsin-evidence", "tocsin@home"
SIGSTORE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
DER = bytes.fromhex("302a300506032b6570032100")
"""What stands before an Ed25519 key in its DER form (RFC 8410)."""


_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P


def _add(one: tuple[int, int, int, int], two: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % _P, (one[1] + one[0]) * (two[1] + two[0]) % _P
    c, d = 2 * one[3] * two[3] * _D % _P, 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    found: tuple[int, int, int, int] = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def _point(data: bytes) -> tuple[int, int, int, int]:
    """Return the point of 32 bytes (RFC 8032, 5.1.3); raises ValueError."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        raise ValueError("not a point")
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (sign and not x):
        raise ValueError("not a point")
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


def _key(data: bytes) -> tuple[int, int, int, int]:
    """Return the point of a public key; raises ValueError for another form, and for small order: such a key signs anything."""
    point = _point(data)
    x, y, z, _ = _times(8, point)
    if len(data) != 32 or (not x and y == z):
        raise ValueError("not a key")
    return point


def is_signed_plainly(key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether ``signature`` is the Ed25519 signature of ``data`` (RFC 8032, 5.1.7), by this file alone."""
    try:
        (x, y, z, t), number = _key(key), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    if len(signature) != 64 or number >= _L:
        return False
    digest = int.from_bytes(hashlib.sha512(signature[:32] + key + data).digest(), "little") % _L
    x, y, z, _ = _add(_times(number, _BASE), _times(digest, (_P - x, y, z, _P - t)))
    inverse = pow(z, _P - 2, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def is_signed(key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether ``signature`` is the Ed25519 signature of ``data``."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return is_signed_plainly(key, signature, data)
    try:
        _key(key)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(key: bytes) -> str:
    """Return the text by which people compare a key."""
    return "sha256:" + hashlib.sha256(key).hexdigest()


def b64(data: bytes) -> str:
    """Return base64 in one line."""
    return base64.b64encode(data).decode()


def unb64(text: Any) -> bytes:
    """Return the bytes of base64; raises ValueError for a text that is not what ``b64`` makes."""
    found = base64.b64decode(text, validate=True)
    if b64(found) != text:
        raise ValueError("not canonical base64")
    return found


def packed(*parts: bytes) -> bytes:
    """Return strings in the wire format of SSH."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def ssh_key(key: bytes) -> str:
    """Return a public key as OpenSSH writes it."""
    return "ssh-ed25519 " + b64(packed(b"ssh-ed25519", key))


def ssh_signed(data: bytes) -> bytes:
    """Return what an SSH signature of ``data`` signs."""
    return b"SSHSIG" + packed(NAMESPACE.encode(), b"", b"sha512", hashlib.sha512(data).digest())


def ssh_signature(key: bytes, signature: bytes) -> str:
    """Return the file of an SSH signature."""
    blob = b"SSHSIG\0\0\0\1" + packed(
        packed(b"ssh-ed25519", key), NAMESPACE.encode(), b"", b"sha512", packed(b"ssh-ed25519", signature)
    )
    text = b64(blob)
    lines = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n"


def pem(key: bytes) -> str:
    """Return a public key as OpenSSL writes it."""
    return f"-----BEGIN PUBLIC KEY-----\n{b64(DER + key)}\n-----END PUBLIC KEY-----\n"


def note_key(name: str, key: bytes) -> str:
    """Return the key of a signed note in one line."""
    number = hashlib.sha256(name.encode() + b"\n\1" + key).digest()[:4]
    return "{}+{}+{}".format(name, number.hex(), b64(b"\1" + key))


def pae(payload: bytes) -> bytes:
    """Return what a DSSE envelope signs."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def envelope(payload: bytes, key: bytes, signature: bytes) -> str:
    """Return the file of a DSSE envelope."""
    signed = {"keyid": fingerprint(key)[7:], "sig": b64(signature)}
    return as_json({"payload": b64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signed]})


def sigstore(payload: bytes, key: bytes, signature: bytes) -> str:
    """Return the same envelope as a Sigstore bundle, without a transparency log."""
    hint = b64(hashlib.sha256(DER + key).digest())
    signed = {"payload": b64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": b64(signature)}]}
    times: dict[str, Any] = {"rfc3161Timestamps": []}
    material = {
        "publicKey": {"hint": hint},
        "tlogEntries": [],
        "timestampVerificationData": times,
    }
    return as_json({"mediaType": SIGSTORE_TYPE, "verificationMaterial": material, "dsseEnvelope": signed})


def as_json(value: Any) -> str:
    """Return JSON in one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"


def _short(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("a number is too long")
    return int(digits)


def from_json(text: str) -> dict[str, Any]:
    """Return an object of JSON; raises ValueError, also for a key that is there twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a key is there twice")
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=once, parse_int=_short)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def local_header(name: bytes, crc: int, size: int) -> bytes:
    """Return what stands before a file in the ZIP file: stored, without a time."""
    return struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0x800, 0, 0, 0x21, crc, size, size, len(name), 0) + name


def central_directory(entries: list[tuple[bytes, int, int, int]], start: int) -> bytes:
    """Return the end of the ZIP file: name, checksum, size and offset of each file."""
    rows = b"".join(
        struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 0x314, 20, 0x800, 0, 0, 0x21, crc, size, size, len(name), 0, 0, 0, 0,
            0o100644 << 16, offset,
        ) + name
        for name, crc, size, offset in entries
    )  # fmt: skip
    end = (b"PK\5\6", 0, 0, len(entries), len(entries), len(rows), start, 0)
    return rows + struct.pack("<4s4H2IH", *end)


def is_included(number: int, size: int, data: bytes, path: list[bytes], root: bytes) -> bool:
    """Whether the leaf with ``data`` is at ``number``, from 0, of the tree of ``size`` leaves (RFC 9162, 2.1.3.2)."""
    last, found = size - 1, hashlib.sha256(b"\0" + data).digest()
    if not 0 <= number < size:
        return False
    for sibling in path:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = hashlib.sha256(b"\1" + sibling + found).digest()
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + sibling).digest()
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


def _der(body: bytes) -> list[tuple[int, bytes]]:
    """Return the elements of a DER text: tag and content; raises ValueError."""
    found, place = [], 0
    while place < len(body):
        tag, size = body[place], int.from_bytes(body[place + 1 : place + 2], "big")
        place += 2
        if size & 128:
            more = size & 127
            size = int.from_bytes(body[place : place + more], "big")
            place += more
        if place + size > len(body) or tag & 31 == 31:
            raise ValueError("not DER")
        found.append((tag, body[place : place + size]))
        place += size
    return found


def _inside(body: bytes, *tags: int) -> list[bytes]:
    """Return the contents of the first elements, which have these tags."""
    found = _der(body)[: len(tags)]
    if [tag for tag, _ in found] != list(tags):
        raise ValueError("not a timestamp")
    return [content for _, content in found]


def timestamp(reply: bytes) -> tuple[bytes, str, int]:
    """Return what the reply of a timestamp authority (RFC 3161) claims: the SHA-256 of the content, the time in UTC, and the nonce,
    -1 without one. Raises ValueError for a refusal, and another form. Checks no signature.
    """
    (whole,) = _inside(reply, 0x30)
    if len(_der(reply)) != 1:
        raise ValueError("not a timestamp")
    status, token = _inside(whole, 0x30, 0x30)
    if _inside(status, 0x02)[0] not in (b"\0", b"\1"):
        raise ValueError("refused by the authority")
    kind, signed = _inside(token, 0x06, 0xA0)
    _, _, content = _inside(_inside(signed, 0x30)[0], 0x02, 0x31, 0x30)
    content_kind, wrapped = _inside(content, 0x06, 0xA0)
    (info,) = _inside(wrapped, 0x04)
    if (kind.hex(), content_kind.hex()) != ("2a864886f70d010702", "2a864886f70d0109100104"):
        raise ValueError("not a timestamp")
    (claims,) = _inside(info, 0x30)
    _, _, imprint, _, at = _inside(claims, 0x02, 0x06, 0x30, 0x02, 0x18)
    algorithm, digest = _inside(imprint, 0x30, 0x04)
    if _inside(algorithm, 0x06)[0].hex() != "608648016503040201":
        raise ValueError("not the SHA-256 of a content")
    time = re.fullmatch(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z", at)
    if time is None:
        raise ValueError("not a time")
    nonce = next((int.from_bytes(one, "big") for tag, one in _der(claims)[5:] if tag == 0x02), -1)
    return digest, "{}-{}-{}T{}:{}:{}Z".format(*(one.decode() for one in time.groups()[:6])), nonce


def merkle_root(leaves: list[bytes]) -> bytes:
    """Return the root of the tree (RFC 6962, 2.1); a leaf is the hash of one entry."""
    row = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(row) > 1:
        pairs = [hashlib.sha256(b"\1" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) - len(row) % 2 :]
    return row[0] if row else hashlib.sha256(b"").digest()
