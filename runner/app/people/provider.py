"""Logins with a provider of OpenID Connect: where a browser is sent, and what its answer proves.

The provider proves a subject (``iss`` and ``sub``), never a mail address. Whose account that is, the home knows. What a request
needs until its answer stays in the browser, encrypted: asking writes nothing, and each answer is used once.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from runner.app.core.identifiers import new_secret
from runner.app.people.accounts import Accounts, is_closed
from runner.app.people.factors import Subject
from runner.app.people.login_pace import begin_attempt, end_attempt
from runner.app.people.passkeys import new_challenge, use_up
from runner.base.redacted import Redacted
from runner.decoding import from_json
from runner.errors import Refused, Sealed, TocsinError
from runner.routing.messaging import CallResult, HttpCall
from runner.vault.secrets import resolve

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.routing.organisation import LoginProvider

SKEW = 60
"""Seconds by which the provider's clock may differ."""
PATIENCE, ALTOGETHER = 5.0, 8.0
"""Seconds for one answer of the provider, and for all answers that one request of a browser needs."""
KEPT = timedelta(minutes=3)
"""How long the provider's description is kept. Its keys are read at each login."""
ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
"""Signatures with a public key: ``none`` and shared secrets prove nothing here."""
LONGEST_SUB = 255
_SEAL = b"login provider, version 1"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
Described = dict[str, tuple[datetime, dict[str, Any]]]
"""Issuer → when its description was read, and the description."""


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

    def __init__(self, service: IncidentService, accounts: Accounts, described: Described) -> None:
        """Take the home, its accounts, and the kept descriptions; raises Refused (``provider_closed``) if nobody may log in with the provider."""
        self._service = service
        self._accounts = accounts
        self._described, self._ends = described, time.monotonic() + ALTOGETHER
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
        found = self._discovered()
        request = Request(
            state=base64.urlsafe_b64encode(new_challenge(self._service.clock.now())).decode(),
            nonce=new_secret(),
            verifier=f"{new_secret()}{new_secret()}",
            back=back,
            place=place,
            person=person,
            session=session,
        )
        challenge = base64.urlsafe_b64encode(sha256(request.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": "openid",
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = str(found["authorization_endpoint"])
        address += f"{'&' if '?' in address else '?'}{urlencode(query)}"
        return address, base64.urlsafe_b64encode(self._accounts.seal(request, _SEAL)).decode()

    def answered(self, kept: str, given: Mapping[str, str], address: str) -> tuple[Request, Subject]:
        """Return the request of an answer and the subject that the provider proved; raises Refused."""
        request = self._request(kept)
        state = given.get("state", "")
        if request is None or not hmac.compare_digest(request.state.encode(), state.encode()):
            raise _ended()
        error = given.get("error", "")
        attempt = None
        if not error:  # whoever cancels there has failed at nothing here
            attempt = begin_attempt(self._service, "", address)
        if not use_up(self._service, base64.urlsafe_b64decode(state)):
            raise _ended()
        if attempt is None:
            raise _wrong(
                f"it answered {error}" if error.replace("_", "").isalpha() else "it answered an error"
            )
        try:
            subject = self._subject(request, given)
        except Refused as refusal:
            if refusal.code == "provider_down":  # nothing was judged, so nobody guessed
                end_attempt(self._service, attempt)
            raise
        end_attempt(self._service, attempt)
        return request, subject

    def _subject(self, request: Request, given: Mapping[str, str]) -> Subject:
        """Return the subject that the provider proves for a code."""
        found = self._discovered()
        issuer = given.get("iss", "")
        if issuer != self.settings.issuer and (
            issuer or found.get("authorization_response_iss_parameter_supported")
        ):
            raise _wrong("the answer is of another issuer")
        claims = self._claims(found, self._exchanged(found, request, given.get("code", "")), request.nonce)
        return Subject(issuer=self.settings.issuer, sub=claims["sub"])

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

    def _discovered(self) -> dict[str, Any]:
        """Return the provider's own description, kept for some minutes; raises Refused if it is of another issuer."""
        issuer, now = self.settings.issuer, self._service.clock.now()
        kept = self._described.get(issuer)
        if kept is not None and now - kept[0] < KEPT:
            return kept[1]
        found = self._read(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise _wrong("its description names another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._require_tls(str(found.get(name, "")))
        self._described[issuer] = (now, found)
        return found

    def _read(self, url: str) -> dict[str, Any]:
        return self._told(self._call("GET", url))

    def _call(self, method: str, url: str, body: bytes = b"", **headers: str) -> CallResult:
        """Make one request within what is left of the time; raises Refused without an answer.

        Another host than the issuer's must be a public one: a description cannot lead into our own network.
        """
        from runner.effects.gateway.gateway import call

        self._require_tls(url)
        host, left = urlsplit(url).hostname or "", self._ends - time.monotonic()
        request = HttpCall(
            kind="real",
            method=method,
            url=url,
            allowed_hosts=frozenset((host,)),
            idempotency_key=new_secret(),
            at=self._service.clock.now(),
            headers={"Accept": "application/json", **headers},
            body=body,
            time_limit=timedelta(seconds=max(0.0, min(PATIENCE, left))),
            public=host != urlsplit(self.settings.issuer).hostname,
            ca_file=self._authorities(),
        )
        answer = call(request) if left > 0 else None
        if answer is None or not answer.status:
            raise _down("it does not answer")
        return answer

    def _authorities(self) -> str:
        """Return the file with the authorities of the settings; empty for the public ones."""
        if not self.settings.ca_file:
            return ""
        path = self._service.folder / Path(self.settings.ca_file).expanduser()
        if not path.is_file():
            raise _down("its file of authorities cannot be read")
        return str(path)

    def _told(self, answer: CallResult) -> dict[str, Any]:
        if answer.status != HTTPStatus.OK:
            raise _down(f"it answers {answer.status}")
        try:
            if answer.outcome.state == "accepted":  # the whole answer was read
                return from_json(answer.body, dict[str, Any])
        except msgspec.MsgspecError:
            pass
        raise _wrong("its answer cannot be read")

    def _exchanged(self, found: Mapping[str, Any], request: Request, code: str) -> str:
        """Return the identity token for the code of an answer (RFC 6749, 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": request.verifier,
            "redirect_uri": request.back,
        }
        client, secret, headers = self.settings.client_id, self._secret(), {}
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret and "client_secret_basic" in methods:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": client, **({"client_secret": secret} if secret else {})}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self._call("POST", found["token_endpoint"], urlencode(form).encode(), **headers)
        if HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _wrong("it does not accept the code")
        token = self._told(answer).get("id_token")
        if not isinstance(token, str):
            raise _wrong("its answer has no identity token")
        return token

    def _secret(self) -> str:
        if not self.settings.secret:
            return ""
        try:
            return resolve(self.settings.secret, base=self._service.folder).reveal()
        except TocsinError:
            raise _down("its secret cannot be read") from None

    def _require_tls(self, url: str) -> None:
        """Raise Refused for an address that others can read along. A provider on the own machine needs no TLS."""
        parts, issuer = urlsplit(url), urlsplit(self.settings.issuer)
        own = parts.hostname in _LOOPBACK and issuer.hostname in _LOOPBACK
        if parts.scheme != "https" and not (parts.scheme == "http" and own):
            raise _wrong("an address of it has no TLS")

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
