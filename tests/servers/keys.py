"""A private key of an application, and the certificate for it: made once, for every test."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Return the key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    """Return the key as text."""
    form = serialization.PrivateFormat.PKCS8
    return (
        private_key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    )


@cache
def certificate() -> x509.Certificate:
    """Return a certificate for the key, signed with it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tocsin")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    made = made.public_key(private_key().public_key())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    return made.sign(private_key(), hashes.SHA256())


def certificate_pem() -> str:
    """Return the certificate as text."""
    return certificate().public_bytes(serialization.Encoding.PEM).decode()


@cache
def public_text(bits: int) -> str:
    """Return a public key of this length as a record of DNS has it."""
    key = private_key() if bits == 2048 else rsa.generate_private_key(public_exponent=65537, key_size=bits)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()
