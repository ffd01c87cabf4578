"""Logins with a provider of OpenID Connect: where a browser is sent, and what its answer proves.

The provider proves a subject (``iss`` and ``sub``), never a mail address. Whose account that is, the home knows. What a request
needs until its answer stays in the browser, encrypted: asking writes nothing, and each answer is used once.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from runner.app.core.identifiers import new_secret
from runner.app.people.accounts import Accounts, Subject, is_closed
from runner.app.people.login_pace import begin_attempt, end_attempt
from runner.app.people.passkeys import new_challenge, use_up
from runner.base.redacted import Redacted
from runner.decoding import from_json
from runner.errors import Refused, Sealed, TocsinError
from runner.vault.secrets import resolve

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

    from runner.app.core.incident_service import IncidentService
    from runner.routing.organisation import LoginProvider

SKEW = 60
"""Seconds by which the provider's clock may differ."""
PATIENCE = 5.0
"""Seconds until the provider must answer."""
LARGEST = 256 * 1024
"""Bytes of an answer of the provider."""
ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
"""Signatures with a public key: ``none`` and shared secrets prove nothing here."""
LONGEST_SUB = 255
_SEAL = b"login provider, version 1"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Request(Redacted, frozen=True, kw_only=True):
    """What the browser keeps, encrypted, until the provider's answer."""

    SHOWN = ("place",)
    state: str
    nonce: str
    verifier: str
    back: str
    """Where the provider sends the browser, as it was told."""
    place: str
    """Where the login leads."""
    person: str = ""
    """Who binds an account; empty for a login."""
    session: str = ""
    """The public name of that person's session."""


class Ticket(Redacted, frozen=True, kw_only=True):
    """A proved subject that still needs a factor of the account here."""

    SHOWN = ("person",)
    person: str
    subject: Subject
    until: float


class Provider:
    """The login provider of a home, for one thread."""

    def __init__(self, service: IncidentService, accounts: Accounts) -> None:
        """Take the home and its accounts; raises Refused (``provider_closed``) if nobody may log in with the provider."""
        self._service = service
        self._accounts = accounts
        settings = service.home.identity.provider
        if settings is None:
            raise Refused("No login provider is in the settings.", hint=_OTHER, code="provider_closed")
        self.settings: LoginProvider = settings
        if domain := is_closed(service):
            raise Refused(
                f"The login with {settings.name} is closed: the failure domain {domain} is compromised.",
                hint=_OTHER,
                code="provider_closed",
            )

    def ask(self, back: str, place: str, person: str = "", session: str = "") -> tuple[str, str]:
        """Return the provider's address for one login, and what the browser keeps; raises Refused."""
        from authlib.common.security import generate_token

        found = self._discovered()
        request = Request(
            state=base64.urlsafe_b64encode(new_challenge(self._service.clock.now())).decode(),
            nonce=new_secret(),
            verifier=generate_token(64),
            back=back,
            place=place,
            person=person,
            session=session,
        )
        address, _ = self._client(back).create_authorization_url(
            found["authorization_endpoint"],
            state=request.state,
            nonce=request.nonce,
            code_verifier=request.verifier,
        )
        return address, base64.urlsafe_b64encode(self._accounts.seal(request, _SEAL)).decode()

    def answered(self, kept: str, given: Mapping[str, str], address: str) -> tuple[Request, Subject]:
        """Return the request of an answer and the subject that the provider proved; raises Refused."""
        request = self._request(kept)
        state = given.get("state", "")
        if request is None or not hmac.compare_digest(request.state.encode(), state.encode()):
            raise _ended()
        begin_attempt(self._service, f"provider\0{address}", address)
        if not use_up(self._service, base64.urlsafe_b64decode(state)):
            raise _ended()
        if error := given.get("error", ""):
            raise _wrong(
                f"it answered {error}" if error.replace("_", "").isalpha() else "it answered an error"
            )
        found = self._discovered()
        issuer = given.get("iss", "")
        if issuer != self.settings.issuer and (
            issuer or found.get("authorization_response_iss_parameter_supported")
        ):
            raise _wrong("the answer is of another issuer")
        claims = self._claims(found, self._exchanged(found, request, given.get("code", "")), request.nonce)
        end_attempt(self._service, f"provider\0{address}", address)
        return request, Subject(issuer=self.settings.issuer, sub=claims["sub"])

    def ticket(self, person: str, subject: Subject) -> str:
        """Return what proves a subject for five minutes, where a factor is still missing."""
        until = self._service.clock.now().timestamp() + 300
        body = self._accounts.seal(Ticket(person=person, subject=subject, until=until), _SEAL + b"/ticket")
        return base64.urlsafe_b64encode(body).decode()

    def of_ticket(self, text: str) -> Ticket:
        """Return a ticket; raises Refused if it is none or too old."""
        with suppress(Sealed, ValueError, msgspec.MsgspecError):
            body = base64.urlsafe_b64decode(text)
            found = self._accounts.unseal(body, _SEAL + b"/ticket", Ticket)
            if self._service.clock.now().timestamp() < found.until:
                return found
        raise _ended()

    def _request(self, kept: str) -> Request | None:
        with suppress(Sealed, ValueError, msgspec.MsgspecError):
            return self._accounts.unseal(base64.urlsafe_b64decode(kept), _SEAL, Request)
        return None

    # --- what the provider says ---------------------------------------------------------------------------

    def _client(self, back: str, method: str = "client_secret_basic") -> OAuth2Session:
        from authlib.integrations.requests_client import OAuth2Session

        secret = ""
        if self.settings.secret:
            try:
                secret = resolve(self.settings.secret, base=self._service.folder).reveal()
            except TocsinError:
                raise _down("its secret cannot be read") from None
        return OAuth2Session(
            self.settings.client_id,
            secret or None,
            scope="openid",
            redirect_uri=back,
            code_challenge_method="S256",
            token_endpoint_auth_method=method if secret else "none",
            default_timeout=PATIENCE,
        )

    def _discovered(self) -> dict[str, Any]:
        """Return the provider's own description; raises Refused if it is of another issuer."""
        found = self._read(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.settings.issuer:
            raise _wrong("its description names another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            _require_tls(str(found.get(name, "")))
        return found

    def _read(self, url: str) -> dict[str, Any]:
        import requests

        _require_tls(url)
        try:
            with requests.get(url, timeout=PATIENCE, allow_redirects=False, stream=True) as answer:
                body = answer.raw.read(LARGEST, decode_content=True)
                if answer.status_code != requests.codes.ok:
                    raise _down(f"it answers {answer.status_code}")
            found = from_json(body, dict[str, Any])
        except (requests.RequestException, OSError):
            raise _down("it does not answer") from None
        except msgspec.MsgspecError:
            raise _wrong("its answer cannot be read") from None
        return found

    def _exchanged(self, found: Mapping[str, Any], request: Request, code: str) -> str:
        """Return the identity token for the code of an answer."""
        import requests
        from authlib.common.errors import AuthlibBaseError

        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        try:
            with self._client(request.back, method) as client:
                told = client.fetch_token(
                    found["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=request.verifier,
                    allow_redirects=False,
                )
        except (requests.ConnectionError, requests.Timeout):
            raise _down("it does not answer") from None
        except (AuthlibBaseError, requests.RequestException, ValueError):
            raise _wrong("it does not accept the code") from None
        token = told.get("id_token") if isinstance(told, dict) else None
        if not isinstance(token, str) or len(token) > LARGEST:
            raise _wrong("its answer has no identity token")
        return token

    def _claims(self, found: Mapping[str, Any], token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of an identity token of this provider, for us, now and for this request; raises Refused."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = self._read(found["jwks_uri"])  # each time: the provider changes its keys when it likes
        try:
            claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]  # judged here
            now = int(self._service.clock.now().timestamp())
            needed: dict[str, Any] = {
                name: {"essential": True} for name in ("iss", "aud", "sub", "exp", "iat", "nonce")
            }
            jwt.JWTClaimsRegistry(now=now, leeway=SKEW, **needed).validate(claims)
        except (JoseError, ValueError, KeyError, TypeError):
            raise _wrong("its identity token is not valid") from None
        ours = self.settings.client_id
        sub = claims["sub"]
        if claims["iss"] != self.settings.issuer:
            raise _wrong("its identity token is of another issuer")
        if claims["aud"] not in (ours, [ours]) or claims.get("azp", ours) != ours:
            raise _wrong("its identity token is for another program")
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise _wrong("its identity token answers another request")
        if not 0 < len(sub) <= LONGEST_SUB or not (sub.isascii() and sub.isprintable()):
            raise _wrong("its identity token names nobody")
        return claims


_OTHER = "Log in with your password or a passkey."


def unknown_subject(name: str) -> Refused:
    """Return the refusal for a subject that nobody's account is bound to."""
    return Refused(
        f"No account here belongs to your login of {name}.",
        hint="Log in with your password, and bind the login under My account. Without an account, ask for an invitation.",
        code="provider_unknown",
    )


def _require_tls(url: str) -> None:
    """Raise Refused for an address that others can read along; the own machine needs no TLS."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise _wrong("an address of it has no TLS")


def _ended() -> Refused:
    return Refused(
        "This login was used, is too old, or began in another browser.",
        hint="Begin again",
        code="provider_ended",
    )


def _wrong(why: str) -> Refused:
    return Refused(
        f"The answer of the login provider was not accepted: {why}.", hint=_OTHER, code="provider_refused"
    )


def _down(why: str) -> Refused:
    return Refused(f"The login provider cannot be used now: {why}.", hint=_OTHER, code="provider_down")
