"""Authentication of actions: the headers that a profile of the settings adds to a request.

Every token request goes through the one guarded HTTP client, and a token is only in memory, until shortly before it
expires. Signatures are made here with ``cryptography`` and ``hmac``: client libraries of the vendors bring an HTTP client of
their own, which knows neither the allow-list nor the guard of exercises.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from runner.decoding import from_json
from runner.effects.context import EffectContext
from runner.errors import Invalid, Refused
from runner.playbook.action_template import Filled
from runner.playbook.parts import host_of
from runner.routing.messaging import HttpCall
from runner.routing.organisation import AuthProfile
from runner.vault.secrets import Secret

EARLY = timedelta(minutes=1)
"""How long before its end a token is not used any more."""
_GOOGLE = "https://oauth2.googleapis.com/token"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Token(msgspec.Struct, frozen=True):
    """An access token, and until when it is used."""

    value: Secret
    until: datetime


class AuthContext(msgspec.Struct, frozen=True):
    """One profile with its name, and what the request for a token needs."""

    name: str
    profile: AuthProfile
    request: HttpCall
    """The request of the incident: its kind, key, time and time limit."""
    tools: EffectContext

    def secret(self, what: str = "auth") -> str:
        """Return the secret, or the certificate, of the profile; raises a TocsinError."""
        return self.tools.given_secret(f"{what} {self.name}").reveal()


def auth_headers(context: AuthContext, filled: Filled) -> Mapping[str, str]:
    """Return the headers of a request; raises a TocsinError without a secret's text."""
    profile = context.profile
    match profile.kind:
        case "oauth2" | "google-jwt":
            return {"Authorization": f"Bearer {_token(context).reveal()}"}
        case "basic":
            pair = f"{profile.client_id}:{context.secret()}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        case "static":
            return {profile.header: f"{profile.prefix}{context.secret()}"}
        case "hmac":
            signature = hmac.new(context.secret().encode(), filled.body, hashlib.sha256).hexdigest()
            return {profile.header: f"{profile.prefix}{signature}"}
        case "aws-sigv4":
            return sigv4(filled, profile, context.secret(), context.tools.wall())


def forget(context: AuthContext) -> bool:
    """Drop the token of a profile that the service refused; tell whether there was one."""
    return context.tools.tokens.pop(context.name, None) is not None


def _token(context: AuthContext) -> Secret:
    known, now = context.tools.tokens.get(context.name), context.tools.wall()
    if isinstance(known, Token) and known.until > now:
        return known.value
    url, form = (_client if context.profile.kind == "oauth2" else _google)(context)
    done = context.tools.call(
        msgspec.structs.replace(
            context.request,
            method="POST",
            url=url,
            allowed_hosts=frozenset({host_of(url)}),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=urlencode(form).encode(),
        )
    )
    answer = _object(done.body) if done.outcome.state == "accepted" else {}
    token, lasts = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        why = done.outcome.reason or "the answer has no token"
        raise Refused(
            f'Profile "{context.name}" got no token: {why}.',
            hint="Check act.auth in tocsin.yaml.",
            code="no_token",
        )
    lifetime = timedelta(seconds=int(str(lasts)) if str(lasts).isdigit() else 300)
    made = Token(Secret(token, f"token of {context.name}"), now + lifetime - EARLY)
    context.tools.tokens[context.name] = made
    return made.value


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = from_json(body)
    except msgspec.DecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _client(context: AuthContext) -> tuple[str, dict[str, str]]:
    """Return the request for a token with client credentials: a secret, or an assertion with a private key."""
    profile, secret = context.profile, context.secret()
    form = {"grant_type": "client_credentials", "client_id": profile.client_id}
    if profile.scope:
        form["scope"] = profile.scope
    if not secret.startswith("-----BEGIN"):
        return profile.token_url, form | {"client_secret": secret}
    header = {"kid": profile.key_id} if profile.key_id else {}
    if profile.certificate:
        header = {"x5t#S256": _thumbprint(context.secret("certificate"))}
    claims = {"iss": profile.client_id, "sub": profile.client_id, "aud": profile.token_url}
    signed = _jwt(context, header, claims, secret)
    return profile.token_url, form | {"client_assertion_type": _ASSERTION, "client_assertion": signed}


def _google(context: AuthContext) -> tuple[str, dict[str, str]]:
    """Return the request for a token of a Google service account, on behalf of an administrator."""
    key = _object(context.secret().encode())
    url = context.profile.token_url or str(key.get("token_uri") or _GOOGLE)
    claims = {"iss": str(key.get("client_email")), "scope": context.profile.scope, "aud": url}
    if context.profile.subject:
        claims["sub"] = context.profile.subject
    header = {"kid": str(key.get("private_key_id"))}
    return url, {
        "grant_type": _BEARER,
        "assertion": _jwt(context, header, claims, str(key.get("private_key"))),
    }


def _jwt(context: AuthContext, header: dict[str, str], claims: Mapping[str, str], key: str) -> str:
    """Return a signed JSON Web Token for 5 minutes; with a certificate PS256, as Microsoft asks, otherwise RS256."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise Invalid(
            f'The secret of profile "{context.name}" is not a private RSA key in PEM.',
            hint="Check act.auth in tocsin.yaml.",
            code="bad_key",
        )
    pss = "x5t#S256" in header
    now = int(context.tools.wall().timestamp())
    times = {"iat": now, "nbf": now, "exp": now + 300, "jti": context.tools.new_id("jwt")}
    parts = ({"alg": "PS256" if pss else "RS256", "typ": "JWT", **header}, {**claims, **times})
    text = ".".join(_base64url(msgspec.json.encode(part)) for part in parts)
    scheme = (
        padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH) if pss else padding.PKCS1v15()
    )
    return f"{text}.{_base64url(private.sign(text.encode(), scheme, hashes.SHA256()))}"


def _thumbprint(certificate: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    try:
        found = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        raise Invalid("The certificate of the profile is not PEM.", code="bad_key") from None
    return _base64url(found.fingerprint(hashes.SHA256()))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sigv4(filled: Filled, profile: AuthProfile, secret: str, at: datetime) -> Mapping[str, str]:
    """Return the headers of AWS Signature Version 4 over the method, path, query, host, date and body."""
    parts, stamp = urlsplit(filled.url), at.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": parts.netloc, "x-amz-date": stamp}
    if filled.content_type:
        headers["content-type"] = filled.content_type
    names = ";".join(sorted(headers))
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    canonical = "\n".join(
        (
            filled.method,
            quote(parts.path or "/", safe="/-_.~%"),
            query,
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            hashlib.sha256(filled.body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{profile.region}/{profile.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{profile.client_id}/{scope}"
    return {
        "X-Amz-Date": stamp,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}",
    }
