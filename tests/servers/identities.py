"""Certificates for mail, made for a test: an authority, one between, and whoever signs; and OpenSSL to judge what was signed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.servers.needed import absent

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Holder:
    """Somebody with a certificate."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def key_pem(self, passphrase: str = "") -> str:
        """The key, encrypted where there is a passphrase."""
        way: KeySerializationEncryption = (
            BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        )
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, way).decode()


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def issue(
    name: str,
    by: Holder | None,
    key: Key,
    *,
    address: str = "",
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    begins: datetime | None = None,
    lasts: timedelta = YEAR,
) -> Holder:
    """Return a new certificate: an authority's without ``address``, else one to sign mail with."""
    begin = begins or datetime.now(UTC) - timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + lasts)
        .add_extension(x509.BasicConstraints(ca=not address, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if address:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False
        )
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    signer = by.key if by else key
    return Holder(
        builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()), key
    )


@dataclass(frozen=True)
class Authority:
    """A root that readers trust, and an authority between it and those who sign."""

    root: Holder
    between: Holder

    def signing(self, holder: Holder) -> Mapping[str, str]:
        """Return the secrets of a channel that signs as ``holder``."""
        return {"certificate": f"{holder.pem}{self.between.pem}", "signing_key": holder.key_pem()}

    def holder(self, address: str, key: Key | None = None, **more: object) -> Holder:
        """Return somebody whose mail address this is."""
        return issue("Incident desk", self.between, key or rsa_key(), address=address, **more)


def authority() -> Authority:
    root = issue("Root of tests", None, rsa_key())
    return Authority(root, issue("Issuer of tests", root, ec.generate_private_key(ec.SECP256R1())))


def openssl() -> str:
    """Return the path of OpenSSL, which judges what was signed."""
    program = shutil.which("openssl")
    if program is None:
        absent("openssl", "apt-get install openssl")
    return program


def judged(tool: str, mail: bytes, trusted: Holder, folder: Path) -> tuple[bool, bytes]:
    """Let ``openssl smime`` or ``openssl cms`` verify a mail as it arrived; return whether it holds, and what was signed."""
    (folder / "root.pem").write_text(trusted.pem, encoding="utf-8")
    (folder / "mail.eml").write_bytes(mail)
    command = [openssl(), tool, "-verify", "-in", "mail.eml", "-CAfile", "root.pem", "-out", "signed.txt"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.returncode == 0, (folder / "signed.txt").read_bytes() if done.returncode == 0 else done.stderr
