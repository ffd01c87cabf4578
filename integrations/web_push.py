"""Web push: a notification in the browser in which a person turned on push on the room's page (RFC 8030, 8291, 8292).

The address is a subscription, ``ENDPOINT#P256DH.AUTH``, as the browser made it. The notification is encrypted to this browser, so
that the push service of its maker learns only its size, its time and its urgency; locked screens show it all the same.
Every send is signed with the key ``vapid``. The room's service worker reports what it has shown, with a mark of that key.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from integrations.http import Reply, Request, exchange, json_object, judge, url_problem
from integrations.http.service import compact, host_of, private, service_of, usable
from integrations.port import (
    Accepted,
    Callback,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Parsed,
    Receipt,
    Rejected,
    Secrets,
    Unauthentic,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

SERVICES = {
    "fcm.googleapis.com": "fcm",
    "android.googleapis.com": "fcm",
    "updates.push.services.mozilla.com": "mozilla",
    "push.apple.com": "apns",
    "notify.windows.com": "wns",
}
"""The push services of browsers, with all subdomains, and their failure domains (web-push-libs/web-push#801)."""
SIZE = 2_048
"""Bytes of each content, so that its size says nothing; RFC 8291 section 4 allows 3,993."""
LONGEST = timedelta(days=28)
_SIGNED_FOR = timedelta(hours=12)
"""Validity of a signature: RFC 8292 section 2 allows 24 hours."""
_ADDRESS = re.compile(r"([!-~]{1,1000})#([-_A-Za-z0-9]{87})\.([-_A-Za-z0-9]{22})", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sender of pushes. The secret ``vapid`` is base64 of 32 random bytes: a new one ends all subscriptions."""

    contact: str
    """Who answers a push service's questions: ``mailto:security@example.org``, or an https address."""
    services: frozenset[str] = frozenset()
    """Further push services, ``host`` or ``host:port``, such as an own UnifiedPush server."""
    ca_file: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """Locked screens show notifications, so the text of the message is only on its page, where a passkey confirms the person.

    The failure domain is that of each subscription.
    """
    return Capabilities(
        address_kind="subscription",
        domains=frozenset(),
        confidentiality="confidential",
        personal_data="contact",
        receipts=frozenset({"accepted", "delivered"}),
        ack="button",
        ack_strength="authorises",
        secrets=frozenset({"vapid"}),
    )


def address_problem(address: str) -> str:
    """An address is a subscription; the endpoint is a URL that a browser named, so the settings must know its host too."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return "a subscription has the form ENDPOINT#P256DH.AUTH"
    if problem := url_problem(found[1]):
        return problem
    if not private(found[1]):
        return "the endpoint is not https"
    try:
        _point(_bytes(found[2]))
    except ValueError:
        return "the key of the subscription is not a point on the curve P-256"
    return ""


def address_domains(address: str, settings: Settings) -> frozenset[str]:
    """Return the failure domain of a subscription's push service; none if neither we nor the settings know the service."""
    host, port = host_of(address), urlsplit(address).port or 443
    if {host, f"{host}:{port}"} & settings.services:
        return frozenset({service_of(address)})
    known = (one for name, one in SERVICES.items() if port == 443 and f".{host}".endswith(f".{name}"))
    return frozenset(known)


def browser_key(settings: Settings, secrets: Secrets) -> str:
    """Return the key to which a browser binds its subscription; raises ValueError without a usable ``vapid``."""
    return _text(_public(_private(secrets)))


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send one notification; its push service keeps it until the deadline, and of one key only the last."""
    return _push(outbound, settings, secrets, recalled=False)


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Replace the notification silently, also one that waits at the push service; to be shown proves nothing then."""
    return _push(outbound, settings, secrets, recalled=True)


def _push(outbound: Outbound, settings: Settings, secrets: Secrets, *, recalled: bool) -> Outcome:
    found, problem = _ADDRESS.fullmatch(outbound.recipient), address_problem(outbound.recipient)
    domains = frozenset() if problem else address_domains(outbound.recipient, settings)
    if found is None or not domains:
        return Rejected("address", "the push service of this subscription is not allowed", about="recipient")
    try:
        key = _private(secrets)
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    lasts = LONGEST if outbound.deadline is None else min(outbound.deadline - outbound.at, LONGEST)
    reply = exchange(
        Request(
            method="POST",
            url=found[1],
            at=outbound.at,
            headers={
                "TTL": str(max(0, int(lasts.total_seconds()))),
                "Urgency": "high",
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "Authorization": f"vapid t={_token(found[1], outbound, settings, key)},k={_text(_public(key))}",
                "Topic": outbound.idempotency_key,
            },
            body=encrypt(_content(outbound, key, recalled=recalled), _bytes(found[2]), _bytes(found[3])),
            timeouts=outbound.timeouts,
            ca_file=settings.ca_file,
            # A declared service can be in our own network. Any other name leads outside, whatever it resolves to.
            public=not any(domain.startswith("host:") for domain in domains),
        )
    )
    if isinstance(reply, Reply) and reply.status in (404, 410):
        return Rejected("ended", "the browser ended its subscription", about="recipient", address="gone")
    return (judge(reply, outbound.at) or Accepted()) if isinstance(reply, Reply) else reply


def _content(outbound: Outbound, key: EllipticCurvePrivateKey, *, recalled: bool) -> bytes:
    """Return what the service worker gets: JSON, with a mark that proves that it was shown; a recall has none."""
    said = {
        "key": outbound.idempotency_key,
        "mark": "" if recalled else _mark(key, outbound.idempotency_key),
        "title": outbound.subject[:200],
        "text": "Its page has the details."
        if recalled
        else "Open it to read the message and to acknowledge.",
        "open": f"/me/message/{outbound.delivery}",
    }
    return compact(said).ljust(SIZE)


def encrypt(
    content: bytes,
    browser: bytes,
    auth: bytes,
    own: EllipticCurvePrivateKey | None = None,
    salt: bytes = b"",
) -> bytes:
    """Encrypt to a browser: one record of ``aes128gcm`` (RFC 8188, RFC 8291). ``own`` and ``salt`` are new for each message."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def derived(secret: bytes, salted: bytes, info: bytes, length: int) -> bytes:
        return HKDF(SHA256(), length, salted, info).derive(secret)

    made, salt = own or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(16)
    sender = _public(made)
    shared = derived(
        made.exchange(ec.ECDH(), _point(browser)), auth, b"WebPush: info\0" + browser + sender, 32
    )
    key = derived(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derived(shared, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + (4_096).to_bytes(4, "big") + bytes([len(sender)]) + sender
    return header + AESGCM(key).encrypt(nonce, content + b"\2", None)


def _token(endpoint: str, outbound: Outbound, settings: Settings, key: EllipticCurvePrivateKey) -> str:
    """Return the signed statement of who sends, for the push service alone (RFC 8292 section 2)."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((outbound.at + _SIGNED_FOR).timestamp()),
        "sub": settings.contact,
    }
    signed = f"{_text(compact({'typ': 'JWT', 'alg': 'ES256'}))}.{_text(compact(claims))}"
    numbers = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{_text(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Check the mark in a report of the service worker: this browser has decrypted and shown the notification."""
    said = json_object(callback.body)
    name, mark = str(said.get("key")), str(said.get("mark"))
    try:
        key = _private(secrets)
    except ValueError:
        return Unauthentic(reason="no usable key")
    if not hmac.compare_digest(_mark(key, name).encode(), mark.encode("utf-8", "replace")):
        return Unauthentic(reason="the mark is not valid")
    return (Receipt(kind="delivered", event_id=f"shown {name}", idempotency_key=name),)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors in the settings, without connecting."""
    found: list[Finding] = []
    if not settings.contact.startswith(("mailto:", "https://")):
        hint = "contact: mailto:security@example.org"
        found.append(
            Finding("error", "contact is neither mailto: nor https:, so push services refuse it", hint)
        )
    try:
        _private(secrets)
    except ValueError as error:
        hint = "secrets: {vapid: env:NAME}; create one with: openssl rand -base64 32"
        found.append(Finding("error", str(error), hint))
    return tuple(found)


self_test = send
"""A subscription is always a person's."""


def _private(secrets: Secrets) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        raw = _bytes(usable(secrets, "vapid").replace("+", "-").replace("/", "_").rstrip("="))
        if len(raw) == 32:
            return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())
    except binascii.Error:
        pass
    raise ValueError("the secret vapid is not base64 of 32 bytes")


def _public(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _point(raw: bytes) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)


def _mark(key: EllipticCurvePrivateKey, name: str) -> str:
    number = key.private_numbers().private_value.to_bytes(32, "big")
    return _text(
        hmac.digest(
            hmac.digest(number, b"tocsin/shown/v1", "sha256"), name.encode("utf-8", "replace"), "sha256"
        )
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}")
