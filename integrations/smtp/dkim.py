"""Signature of the sender's domain (DKIM, RFC 6376) for a relay that does not sign: RSA with SHA-256, relaxed for headers and body.

Import it late: keys are slow to import. A channel that signs sends only signed messages: any failure to sign is a ``Trouble``.
The same message at the same instant has the same signature.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from integrations.port import Finding, Secrets
from integrations.smtp import Settings
from integrations.smtp.signing import Trouble

KEY = "dkim_key"
STRONG = 2048
"""Bits of a key that receivers trust; keys under 1,024 bits they ignore (RFC 8301)."""
_SIGNED = (
    *(b"from", b"to", b"subject", b"date", b"message-id", b"feedback-id", b"auto-submitted", b"mime-version"),
    b"content-type",
)
_FOLD, _BLANKS, _LINE = re.compile(rb"\r\n(?=[ \t])"), re.compile(rb"[ \t]+"), 72


def signer(settings: Settings, secrets: Secrets) -> Callable[[bytes], bytes]:
    """Return what puts a signature before a whole message with CRLF lines; raises Trouble."""
    key, domain = _key(secrets), settings.sender.rpartition("@")[2].encode("idna").lower()
    tags = b"v=1; a=rsa-sha256; c=relaxed/relaxed; d=%b; s=%b" % (domain, settings.dkim_selector.encode())

    def signed(message: bytes) -> bytes:
        head, _, body = message.partition(b"\r\n\r\n")
        fields = {name: value for name, value in _fields(head) if name in _SIGNED}
        # From is named twice: a second one that somebody adds makes the signature invalid (RFC 6376 section 8.15)
        names = [*(name for name in _SIGNED if name in fields), b"from"]
        digest = base64.b64encode(hashlib.sha256(relaxed(body)).digest())
        field = b"%b;\r\n h=%b;\r\n bh=%b;\r\n b=" % (tags, b":".join(names), digest)
        ((_, ours),) = _fields(b"dkim-signature: " + field)
        whole = b"".join(b"%b:%b\r\n" % (name, fields[name]) for name in names[:-1])
        proof = base64.b64encode(key.sign(whole + b"dkim-signature:" + ours, PKCS1v15(), SHA256()))
        folded = b"\r\n ".join(proof[at : at + _LINE] for at in range(0, len(proof), _LINE))
        return b"DKIM-Signature: %b%b\r\n%b" % (field, folded, message)

    return signed


def relaxed(body: bytes) -> bytes:
    """Return a body in the form that is signed (RFC 6376 section 3.4.4)."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    whole = b"\r\n".join(lines).rstrip(b"\r\n")
    return whole + b"\r\n" if whole else b""


def findings(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    """Yield problems that prevent signing, or trust in the signature."""
    if not settings.dkim_selector:
        yield Finding(
            "error", "sign_dkim is set without dkim_selector", "dkim_selector: NAME of the DNS record"
        )
    try:
        bits = _key(secrets).key_size
    except Trouble as trouble:
        yield Finding("error", f"email cannot be signed: {trouble}", f"secrets: {{{KEY}: file:PATH}}, in PEM")
        return
    if bits < STRONG:
        what = f"the DKIM key has {bits} bits, fewer than {STRONG}"
        yield Finding("warning", what, f"openssl genrsa -out dkim.key {STRONG}")


def _key(secrets: Secrets) -> RSAPrivateKey:
    if KEY not in secrets:
        raise Trouble(f"the secret {KEY} is missing")
    try:
        key = load_pem_private_key(secrets[KEY].reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # its text may repeat a part of the key
        raise Trouble(f"the secret {KEY} is not a private key in PEM without a passphrase") from None
    if not isinstance(key, RSAPrivateKey):
        raise Trouble(f"the secret {KEY} is not an RSA key")
    return key


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and value of each header in the form that is signed (RFC 6376 section 3.4.2)."""
    for line in _FOLD.sub(b"", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        yield name.strip().lower(), _BLANKS.sub(b" ", value).strip(b" ")
