"""Authentication of actions: published vectors, tokens that are asked for once, and signatures that others can check."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from runner.effects.action_auth import AuthContext, auth_headers, forget, sigv4
from runner.errors import TocsinError
from runner.playbook.action_template import Filled
from runner.routing.messaging import CallResult, HttpCall, SendResult
from runner.routing.organisation import AuthProfile
from runner.vault.secrets import Secret

AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
AWS = AuthProfile(
    kind="aws-sigv4", secret="env:X", client_id="AKIDEXAMPLE", region="us-east-1", service="service"
)
CALL = Filled(method="POST", url="https://api.example/x", json={"a": 1})


@pytest.mark.parametrize(
    ("method", "url", "form", "signature"),
    [
        ("GET", "/", None, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            None,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("POST", "/", None, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "POST",
            "/",
            {"Param1": "value1"},
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["get-vanilla", "get-vanilla-query-order-key-case", "post-vanilla", "post-x-www-form-urlencoded"],
)
def test_the_signature_of_version_4_is_that_of_the_published_vectors(
    method: str, url: str, form: dict[str, str] | None, signature: str
) -> None:
    filled = Filled(method=method, url=f"https://example.amazonaws.com{url}", form=form)
    headers = sigv4(filled, AWS, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", AT)
    assert headers["Authorization"].partition("Signature=")[2] == signature


class Desk:
    """The tools of one worker, with a clock, secrets and a token service."""

    def __init__(self, **secrets: str) -> None:
        self.at = AT
        self.asked: list[dict[str, str]] = []
        self.answer: CallResult | None = None
        self.tools: Any = SimpleNamespace(
            given_secret=lambda name: Secret(secrets[name.replace(" ", "_")]),
            tokens={},
            wall=lambda: self.at,
            new_id=lambda prefix: f"{prefix}-1",
            call=self._call,
        )

    def _call(self, request: HttpCall) -> CallResult:
        self.asked.append({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        body = json.dumps({"access_token": f"t{len(self.asked)}", "expires_in": 3600}).encode()
        return self.answer or CallResult(outcome=SendResult(state="accepted"), status=200, body=body)

    def context(self, **profile: Any) -> AuthContext:
        request = HttpCall(
            kind="real",
            method="POST",
            url="https://api.example/x",
            allowed_hosts=frozenset({"api.example"}),
            idempotency_key="k",
            at=AT,
        )
        return AuthContext("p", AuthProfile(secret="env:X", **profile), request, self.tools)


OAUTH = {"kind": "oauth2", "client_id": "me", "token_url": "https://login.example/token", "scope": "s"}


def test_a_token_is_kept_until_shortly_before_it_expires_or_is_refused() -> None:
    desk = Desk(auth_p="shh")
    context = desk.context(**OAUTH)
    said = [auth_headers(context, CALL)["Authorization"] for _ in range(2)]
    desk.at += timedelta(minutes=58)
    said.append(auth_headers(context, CALL)["Authorization"])
    desk.at += timedelta(minutes=2)
    said.append(auth_headers(context, CALL)["Authorization"])
    assert forget(context)
    said.append(auth_headers(context, CALL)["Authorization"])
    assert said == ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2", "Bearer t3"]
    assert desk.asked[0] == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "scope": "s",
        "client_secret": "shh",
    }


def test_a_refused_token_request_repeats_no_secret() -> None:
    desk = Desk(auth_p="shh")
    desk.answer = CallResult(
        outcome=SendResult(state="rejected", reason="the service refused the request with 400"), status=400
    )
    with pytest.raises(TocsinError) as caught:
        auth_headers(desk.context(**OAUTH), CALL)
    assert caught.value.code == "no_token"
    assert "shh" not in str(caught.value)


def part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tocsin")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    made = made.serial_number(1).not_valid_before(AT).not_valid_after(AT + timedelta(days=9))
    return made.sign(KEY, hashes.SHA256())


@pytest.mark.parametrize("with_certificate", [True, False])
def test_a_private_key_signs_an_assertion_instead_of_a_client_secret(with_certificate: bool) -> None:
    made = certificate()
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    desk = Desk(auth_p=PEM, certificate_p=pem)
    more = {"certificate": "file:c.pem"} if with_certificate else {"key_id": "k1"}
    auth_headers(desk.context(**OAUTH, **more), CALL)
    asked = desk.asked[0]
    assert "client_secret" not in asked
    head, body, signature = asked["client_assertion"].split(".")
    signed, given = f"{head}.{body}".encode(), base64.urlsafe_b64decode(signature + "==")
    if with_certificate:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        KEY.public_key().verify(given, signed, pss, hashes.SHA256())
        thumb = base64.urlsafe_b64encode(made.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
        assert part(head) == {"alg": "PS256", "typ": "JWT", "x5t#S256": thumb}
    else:
        KEY.public_key().verify(given, signed, padding.PKCS1v15(), hashes.SHA256())
        assert part(head) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    claims = part(body)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", OAUTH["token_url"])
    assert claims["exp"] - claims["iat"] == 300


def test_a_service_account_of_google_acts_on_behalf_of_an_administrator() -> None:
    file = {"client_email": "sa@p.example", "private_key": PEM, "private_key_id": "k2"}
    desk = Desk(auth_p=json.dumps(file))
    auth_headers(desk.context(kind="google-jwt", scope="a b", subject="admin@x.example"), CALL)
    asked = desk.asked[0]
    assert asked["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = part(asked["assertion"].split(".")[1])
    assert {key: claims[key] for key in ("iss", "sub", "scope", "aud")} == {
        "iss": "sa@p.example",
        "sub": "admin@x.example",
        "scope": "a b",
        "aud": "https://oauth2.googleapis.com/token",
    }


def test_a_key_that_is_none_is_refused_without_its_text() -> None:
    desk = Desk(auth_p=json.dumps({"private_key": "s3cret", "client_email": "x"}))
    with pytest.raises(TocsinError) as caught:
        auth_headers(desk.context(kind="google-jwt", scope="a"), CALL)
    assert (caught.value.code, "s3cret" in str(caught.value)) == ("bad_key", False)


def test_static_basic_and_signed_requests_have_their_headers() -> None:
    desk = Desk(auth_p="shh")
    assert auth_headers(desk.context(kind="static", prefix="SSWS "), CALL) == {"Authorization": "SSWS shh"}
    basic = auth_headers(desk.context(kind="basic", client_id="me"), CALL)
    assert basic == {"Authorization": f"Basic {base64.b64encode(b'me:shh').decode()}"}
    signed = auth_headers(desk.context(kind="hmac", header="X-Signature", prefix="sha256="), CALL)
    expected = hmac.new(b"shh", CALL.body, hashlib.sha256).hexdigest()
    assert signed == {"X-Signature": f"sha256={expected}"}
