"""S/MIME signatures (RFC 8551): ``multipart/signed`` over exactly the sent bytes. Import it late: certificates are slow to import.

A channel that signs sends only signed messages: any failure to sign is a ``Trouble``, and a trouble refuses the
message. The signed part is in base64 and CRLF, so that no relay has a reason to change it (RFC 8551 3.1.2). The time of
signing is signed as well, so a repeated attempt differs only in its signature.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from integrations.port import Finding, Secrets

CERTIFICATE, KEY, PASSPHRASE = "certificate", "signing_key", "signing_passphrase"
"""The names of the secrets: PEM, the signer's own certificate first; PEM; text, if the key is encrypted."""
SOON = timedelta(days=30)
"""Time before the end of a certificate at which a warning starts."""
_MAIL = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class Trouble(Exception):
    """Nothing can be signed; has the reason, without secrets and addresses."""


class Signer:
    """A certificate with its key and its intermediate authorities."""

    def __init__(
        self, chain: Sequence[x509.Certificate], key: RSAPrivateKey | EllipticCurvePrivateKey
    ) -> None:
        """Store a chain whose first certificate is the key's own."""
        self._chain, self._key = chain, key

    def check(self, at: datetime) -> None:
        """Raise Trouble if a certificate of the chain is not valid at ``at``."""
        for certificate in self._chain:
            if at < certificate.not_valid_before_utc:
                raise Trouble(
                    f"the {self._named(certificate)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
                )
            if at > certificate.not_valid_after_utc:
                raise Trouble(
                    f"the {self._named(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
                )

    def ending(self, at: datetime) -> Iterator[Finding]:
        """Yield a finding for each certificate that is not valid at ``at``, or expires soon."""
        try:
            self.check(at)
        except Trouble as trouble:
            yield Finding("error", f"email cannot be signed: {trouble}", _RENEW)
            return
        first = min(self._chain, key=lambda one: one.not_valid_after_utc)
        if first.not_valid_after_utc - at < SOON:
            what = f"the {self._named(first)} expires on {first.not_valid_after_utc:%Y-%m-%d}; after that, no email is sent"
            yield Finding("warning", what, _RENEW)

    def names(self, address: str) -> bool:
        """Return whether the certificate is for ``address``: else readers get a warning about another sender."""
        return address.lower() in {address.lower() for address in _addresses(self._chain[0])}

    def seal(self, entity: bytes, boundary: bytes) -> bytes:
        """Return a MIME entity (CRLF, seven bits, no line end at its end) signed, with its headers, as one entity.

        ``boundary`` must not begin a line of ``entity``.
        """
        builder = PKCS7SignatureBuilder().set_data(entity).add_signer(self._chain[0], self._key, SHA256())
        for certificate in self._chain[1:]:
            builder = builder.add_certificate(certificate)
        # Binary: the line ends are right already, and are signed unchanged.
        proof = builder.sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
        lines = base64.encodebytes(proof).rstrip(b"\n").replace(b"\n", b"\r\n")
        return b"".join(
            (
                b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n',
                b' micalg=sha-256; boundary="%b"\r\n\r\n' % boundary,
                b"--%b\r\n%b\r\n--%b\r\n" % (boundary, entity, boundary),
                b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n',
                b"Content-Transfer-Encoding: base64\r\n",
                b'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n',
                b"%b\r\n--%b--\r\n" % (lines, boundary),
            )
        )

    def _named(self, one: x509.Certificate) -> str:
        return "signing certificate" if one is self._chain[0] else "certificate of an authority in the chain"


_RENEW = "Replace the certificate and its key at the places of the secrets."


def signer(secrets: Secrets) -> Signer:
    """Return the signer from the channel's secrets; raises Trouble. ``Signer.check`` checks its validity."""
    chain = _chain(_text(secrets, CERTIFICATE))
    key = _key(_text(secrets, KEY), secrets[PASSPHRASE].reveal() if PASSPHRASE in secrets else None)
    try:
        if chain[0].public_key() != key.public_key():
            raise Trouble("the signing key does not belong to the first certificate")
        if not _for_mail(chain[0]):
            raise Trouble("the signing certificate is not for email (extended key usage)")
    except (ValueError, UnsupportedAlgorithm):
        raise Trouble("the signing certificate cannot be read") from None
    return Signer(chain, key)


def findings(sender: str, secrets: Secrets) -> Iterator[Finding]:
    """Yield problems that prevent signing, or trust in the signature, independent of the date."""
    try:
        found = signer(secrets)
    except Trouble as trouble:
        hint = f"secrets: {{{CERTIFICATE}: file:PATH, {KEY}: file:PATH}}, both in PEM"
        yield Finding("error", f"email cannot be signed: {trouble}", hint)
        return
    if not found.names(sender):
        what = "the signing certificate is not for the sender address: email programs show a warning"
        yield Finding("warning", what, "Use a certificate for the sender address.")


def ending(secrets: Secrets, at: datetime) -> Iterator[Finding]:
    """Yield the expiry problems of the certificates; nothing if they cannot be read, which ``findings`` reports."""
    try:
        found = signer(secrets)
    except Trouble:
        return
    yield from found.ending(at)


def _text(secrets: Secrets, name: str) -> bytes:
    if name not in secrets:
        raise Trouble(f"the secret {name} is missing")
    return secrets[name].reveal().encode()


def _chain(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise Trouble(f"the secret {CERTIFICATE} is not a certificate in PEM") from None


def _key(pem: bytes, passphrase: str | None) -> RSAPrivateKey | EllipticCurvePrivateKey:
    # The library's error about a key may repeat a part of it: its text is not used.
    try:
        key = load_pem_private_key(pem, None if passphrase is None else passphrase.encode())
    except TypeError:
        why = "is encrypted" if passphrase is None else "is not encrypted"
        raise Trouble(f"the secret {KEY} {why}: correct {PASSPHRASE}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Trouble(f"the secret {KEY} is not a private key in PEM, or {PASSPHRASE} is wrong") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise Trouble("the signing key is neither RSA nor of an elliptic curve (ECDSA)")
    return key


def _for_mail(one: x509.Certificate) -> bool:
    try:
        usage = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not _MAIL.isdisjoint(usage)


def _addresses(one: x509.Certificate) -> Iterator[str]:
    """Yield the email addresses of a certificate, in the subject (old) and among its alternative names."""
    for name in one.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        yield str(name.value)
    try:
        others = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from others.get_values_for_type(x509.RFC822Name)
