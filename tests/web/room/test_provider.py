"""Logging in with an OpenID provider: a certified one that is not ours, and a hostile one that answers wrongly on purpose."""

from __future__ import annotations

import base64
import html
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from runner.app.people.factors import Subject
from runner.app.people.login_pace import FORGOTTEN, FREE
from runner.app.people.passkeys import Passkeys
from runner.app.people.provider import KEPT, Provider
from runner.errors import Refused
from runner.web.room.ways_in import ANSWER, BEGUN
from runner.web.serving import listening
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.servers.openid import logged_in_at, running_provider
from tests.web.room import factors
from tests.web.room.factors import Person, accounts_of, an_account
from tests.web.room.room import Served, hidden, served
from tests.web.room.test_beyond import a_certificate
from tests.web.room.test_passkeys import _every_answer_is_signed

__all__ = ["_every_answer_is_signed"]

NAME = "Example login"
SUBJECTS = {"u-1": "maria", "u-3": "ben", "u-4": "cleo", "u-9": "nobody"}


class Hostile:
    """A provider in this process, whose answers a test changes."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}, private=True)
        self.published: Any = self.key
        self.claims: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.header: dict[str, str] = {"alg": "RS256"}
        self.signed_with: Any = None
        self.status = 200
        self.asked: list[dict[str, str]] = []
        self.nonce = ""
        self.hangs, self.arrived = threading.Event(), threading.Event()
        self.hangs.set()
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                return

            def do_GET(self) -> None:
                provider.arrived.set()
                provider.hangs.wait(PATIENCE)
                known = {"/.well-known/openid-configuration": provider.description, "/jwks": provider.keys}
                self._send(known[self.path]())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                provider.asked.append(dict(parse_qsl(body)))
                self._send({"access_token": "x", "token_type": "Bearer", "id_token": provider.token()})

            def _send(self, found: Any) -> None:
                body = json.dumps(found).encode()
                self.send_response(provider.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def description(self) -> dict[str, Any]:
        ends = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        return {
            "issuer": self.issuer,
            **{name: self.issuer + path for name, path in ends.items()},
            **self.described,
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.published.as_dict(private=False)]}

    @property
    def seconds(self) -> int:
        """The time of the home that asks."""
        return int(self.now().timestamp())

    def token(self) -> str:
        now = self.seconds
        claims = {
            "iss": self.issuer,
            "aud": "tocsin",
            "sub": "u-1",
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 3600,
        }
        claims |= self.claims
        key = self.signed_with or self.key
        return jwt.encode(
            {"kid": "first", **self.header},
            {name: value for name, value in claims.items() if value is not None},
            key,
            algorithms=[self.header["alg"]],
        )


def identity(desk: AtDesk, issuer: str, **more: Any) -> None:
    """Write the provider into the settings of a home."""
    (desk.home / "oidc.secret").write_text("made-up-secret\n")
    provider = {"issuer": issuer, "client_id": "tocsin", "secret": "file:oidc.secret", "name": NAME, **more}
    desk.settings(identity={"provider": provider})


@contextmanager
def a_room(folder: Any, issuer_of: Callable[[str], str], **more: Any) -> Iterator[tuple[AtDesk, Served]]:
    """Serve a home whose clock is the present time: a provider has no clock of a test's own."""
    # A provider that is not here skips the test: the socket and the desk are closed then, too.
    with closing(listening("127.0.0.1", 0)) as bound, closing(AtDesk(folder / "home")) as desk:
        desk.done("init")
        desk.clock.time = datetime.now(UTC)
        desk.done("person", "add", "ada", "--name", "Ada", "--as", "maria")
        issuer = issuer_of(f"http://127.0.0.1:{bound.getsockname()[1]}{ANSWER}")
        identity(desk, issuer, **more)
        with served(desk, bound=bound) as room:
            yield desk, room


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    found = Hostile()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, hostile: Hostile) -> Iterator[tuple[AtDesk, Served]]:
    folder = tmp_path_factory.mktemp("hostile")
    with a_room(folder, lambda back: hostile.issuer, domain="sso", subjects=SUBJECTS) as made:
        hostile.now = made[0].clock.now
        an_account(made[0], "ada")
        yield made


def begun(room: Served, place: str = "/me") -> tuple[requests.Session, dict[str, str]]:
    """Begin a login; return the browser, and what it was sent to the provider with."""
    browser = requests.Session()
    answer = browser.get(
        f"{room.url}/login/provider", params={"next": place}, allow_redirects=False, timeout=PATIENCE
    )
    assert answer.status_code == 303, answer.text
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return browser, {name: values[0] for name, values in query.items()}


def finished(room: Served, browser: requests.Session, **given: str) -> requests.Response:
    return browser.get(f"{room.url}{ANSWER}", params=given, timeout=PATIENCE)


def attempt(
    home: tuple[AtDesk, Served], hostile: Hostile, **given: str
) -> tuple[requests.Session, requests.Response]:
    """Log in at the hostile provider, whose answer may be changed."""
    desk, room = home
    hostile.now = desk.clock.now
    browser, asked = begun(room)
    hostile.nonce = asked["nonce"]
    return browser, finished(room, browser, **{"state": asked["state"], "code": "c", **given})


def is_in(room: Served, browser: requests.Session) -> bool:
    return room.get(browser, "/me").status_code == 200


def restored(hostile: Hostile) -> None:
    hostile.claims, hostile.described, hostile.header = {}, {}, {"alg": "RS256"}
    hostile.signed_with, hostile.status, hostile.published = None, 200, hostile.key


@pytest.fixture(autouse=True)
def afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "hostile" in request.fixturenames:
        restored(request.getfixturevalue("hostile"))
    if "home" in request.fixturenames:  # the next test is no further attempt
        service = request.getfixturevalue("home")[1].logins._service
        service.change_marks(tuple(service.marks("login-pace/")), lambda found: {})


def test_a_person_binds_an_account_and_logs_in_at_a_certified_provider(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Certified() as start, a_room(tmp_path_factory.mktemp("certified"), start) as (desk, room):
        back = f"{room.url}{ANSWER}"
        ada = an_account(desk, "ada")
        unbound, asked = requests.Session(), "/login/provider?next=/me"
        target = unbound.get(f"{room.url}{asked}", allow_redirects=False, timeout=PATIENCE).headers[
            "location"
        ]
        refused = unbound.get(logged_in_at(target, "subject-7", back), timeout=PATIENCE)
        assert (refused.status_code, is_in(room, unbound)) == (401, False)

        owner = at_password(room, ada)
        answer = owner.post(
            f"{room.url}/me/provider",
            data={"provider": "bind"},
            headers={"Origin": room.url},
            timeout=PATIENCE,
        )
        target = re.findall(r'<a href="(http://127[^"]+)">', answer.text)[0].replace("&amp;", "&")
        assert owner.get(logged_in_at(target, "subject-7", back), timeout=PATIENCE).status_code == 200

        desk.clock.time = max(desk.clock.time, datetime.now(UTC))
        browser = requests.Session()
        target = browser.get(f"{room.url}{asked}", allow_redirects=False, timeout=PATIENCE).headers[
            "location"
        ]
        returned = logged_in_at(target, "subject-7", back)
        entered = browser.get(returned, timeout=PATIENCE)
        assert (entered.status_code, 'url=/me"' in entered.text, is_in(room, browser)) == (
            200,
            True,
            True,
        )
        (login,) = [one for one in room.logins.of("ada") if one.by("oidc:")]
        issuer = start.issuer
        assert login.principal.proven_by == f"login:oidc:{issuer}#subject-7/{login.name}"
        again = browser.get(returned, timeout=PATIENCE)
        assert again.status_code == 401

        asks = browser.post(
            f"{room.url}/me", data={"name": ""}, headers={"Origin": room.url}, timeout=PATIENCE
        )
        assert (asks.status_code, "account-password" in asks.text) == (401, True)
        done = browser.post(
            f"{room.url}/me",
            data={"name": "", "account-password": factors.PASSWORD, "account-code": ada.code()},
            headers={"Origin": room.url},
            timeout=PATIENCE,
        )
        assert done.status_code == 200


class Certified:
    """Starts the certified provider as soon as it is known where a login leads back."""

    def __enter__(self) -> Certified:
        return self

    def __call__(self, back: str) -> str:
        self._running = running_provider(back)
        self.issuer = self._running.__enter__()
        return self.issuer

    def __exit__(self, *error: object) -> None:
        self._running.__exit__(None, None, None)


def at_password(room: Served, who: Person) -> requests.Session:
    reader = requests.Session()
    data = {"person": who.name, "account-password": factors.PASSWORD, "account-code": who.code()}
    answer = reader.post(
        f"{room.url}/login", data=data, headers={"Origin": room.url}, allow_redirects=False, timeout=PATIENCE
    )
    assert answer.status_code == 303, answer.text
    return reader


def test_a_subject_of_the_settings_needs_no_invitation_and_an_address_is_nobody(
    home: tuple[AtDesk, Served], hostile: Hostile
) -> None:
    desk, room = home
    hostile.claims = {"email": "ada@example.org", "sub": "u-2", "preferred_username": "ada"}
    browser, answer = attempt(home, hostile)
    assert (answer.status_code, is_in(room, browser)) == (401, False)
    hostile.claims = {"sub": "u-9"}  # the settings name a person who is not in the contact list
    assert attempt(home, hostile)[1].status_code == 401
    hostile.claims = {}
    browser, answer = attempt(home, hostile)
    assert (answer.status_code, is_in(room, browser)) == (200, True)
    assert {"code_verifier", "code"} <= hostile.asked[-1].keys()
    found = {row["person"]: row for row in desk("account", "list", "--format", "json").json["accounts"]}
    assert found["maria"]["state"] == "active"
    asks = browser.post(f"{room.url}/me", data={"name": ""}, headers={"Origin": room.url}, timeout=PATIENCE)
    assert asks.status_code == 401  # it has no factor here


def test_the_first_login_of_a_home_can_be_at_the_provider(tmp_path: Path, hostile: Hostile) -> None:
    before, hostile.claims = hostile.now, {}
    with a_room(tmp_path, lambda back: hostile.issuer, subjects=SUBJECTS) as made:
        hostile.now = made[0].clock.now
        browser, answer = attempt(made, hostile)
        assert (answer.status_code, is_in(made[1], browser)) == (200, True)
        rows = made[0]("account", "list", "--format", "json").json["accounts"]
        assert {row["person"]: row["state"] for row in rows} == {"maria": "active"}
        assert made[0].done("audit", "verify")
    hostile.now = before


def test_a_subject_of_the_settings_opens_no_account_that_was_invited_or_disabled(
    home: tuple[AtDesk, Served], hostile: Hostile
) -> None:
    desk, room = home

    def state(person: str) -> str:
        rows = desk("account", "list", "--format", "json").json["accounts"]
        return next((str(row["state"]) for row in rows if row["person"] == person), "none")

    for person in ("ben", "cleo"):
        desk.done("person", "add", person, "--name", person, "--as", "maria")
    service = desk.office()
    subject = Subject(issuer=hostile.issuer, sub="u-4")
    assert (factors.accounts_of(service).person_of(subject), state("cleo")) == ("cleo", "none")
    an_account(desk, "ben")
    desk.done("account", "disable", "ben", "--reason", "left", "--as", "maria")
    desk.done("account", "invite", "ben", "--as", "maria")
    hostile.claims = {"sub": "u-3"}
    browser, answer = attempt(home, hostile)
    assert (answer.status_code, is_in(room, browser), state("ben")) == (401, False, "invited")


def signs(one: Hostile, key: Any, algorithm: str) -> None:
    one.signed_with, one.header = key, {"alg": algorithm}


def answers(one: Hostile, status: int) -> None:
    one.status = status


WRONG: dict[str, Callable[[Hostile], None]] = {
    "issuer": lambda one: one.claims.update(iss="http://127.0.0.1:1"),
    "audience": lambda one: one.claims.update(aud="another"),
    "one of several audiences": lambda one: one.claims.update(aud=["tocsin", "another"]),
    "authorised party": lambda one: one.claims.update(azp="another"),
    "nonce": lambda one: one.claims.update(nonce="another"),
    "no nonce": lambda one: one.claims.update(nonce=None),
    "expired": lambda one: one.claims.update(exp=one.seconds - 99),
    "no expiry": lambda one: one.claims.update(exp=None),
    "of the future": lambda one: one.claims.update(iat=one.seconds + 120),
    "not valid yet": lambda one: one.claims.update(nbf=one.seconds + 120),
    "no subject": lambda one: one.claims.update(sub=""),
    "long subject": lambda one: one.claims.update(sub="u" * 300),
    "another key": lambda one: signs(one, RSAKey.generate_key(2048, {"kid": "first"}, private=True), "RS256"),
    "another kind of key": lambda one: signs(one, ECKey.generate_key("P-256", private=True), "ES256"),
    "a shared secret": lambda one: signs(one, OctKey.import_key("made-up-secret-made-up-secret-00"), "HS256"),
    "description of another issuer": lambda one: one.described.update(issuer="https://other.example.org"),
    "an address without TLS": lambda one: one.described.update(
        token_endpoint="http://other.example.org/token"
    ),
    "an error": lambda one: answers(one, 500),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_a_wrong_answer_of_the_provider_begins_no_session(
    home: tuple[AtDesk, Served], hostile: Hostile, what: str
) -> None:
    desk, room = home
    hostile.now = desk.clock.now
    browser, asked = begun(room)
    hostile.nonce = asked["nonce"]
    desk.clock.advance(KEPT)  # what it says of itself is read again
    WRONG[what](hostile)
    answer = finished(room, browser, state=asked["state"], code="c")
    assert (answer.status_code in (401, 429, 503), "data-error" in answer.text) == (True, True)
    assert "account-password" in answer.text
    assert not is_in(room, browser)


def test_a_clock_that_differs_by_less_than_a_minute_does_no_harm(
    home: tuple[AtDesk, Served], hostile: Hostile
) -> None:
    hostile.now = home[0].clock.now
    hostile.claims = {"exp": hostile.seconds - 30, "iat": hostile.seconds + 30}
    assert attempt(home, hostile)[1].status_code == 200


def test_a_provider_may_change_its_keys(home: tuple[AtDesk, Served], hostile: Hostile) -> None:
    old = hostile.key
    hostile.key = hostile.published = RSAKey.generate_key(2048, {"kid": "second"}, private=True)
    hostile.header = {"alg": "RS256", "kid": "second"}
    assert attempt(home, hostile)[1].status_code == 200
    hostile.key, hostile.header = old, {"alg": "RS256"}
    assert attempt(home, hostile)[1].status_code == 401  # the old key is not published any more


def test_an_answer_is_used_once_in_the_browser_that_asked(
    home: tuple[AtDesk, Served], hostile: Hostile
) -> None:
    desk, room = home
    hostile.now = desk.clock.now
    browser, asked = begun(room)
    cookies = browser.cookies.get_dict()
    hostile.nonce = asked["nonce"]
    given = {"state": asked["state"], "code": "c"}
    stranger = requests.Session()
    assert finished(room, stranger, **given).status_code == 401
    other, _ = begun(room)
    assert finished(room, other, **given).status_code == 401
    assert finished(room, browser, **given).status_code == 200
    replay = requests.Session()
    replay.cookies.update(cookies)
    assert (finished(room, replay, **given).status_code, is_in(room, replay)) == (401, False)
    browser, asked = begun(room)
    desk.clock.advance(timedelta(minutes=6))
    assert finished(room, browser, state=asked["state"], code="c").status_code == 401


def test_an_answer_of_another_provider_is_refused(home: tuple[AtDesk, Served], hostile: Hostile) -> None:
    assert attempt(home, hostile, iss="https://other.example.org")[1].status_code == 401
    hostile.described = {"authorization_response_iss_parameter_supported": True}
    home[0].clock.advance(KEPT)
    assert attempt(home, hostile)[1].status_code == 401
    assert attempt(home, hostile, iss=hostile.issuer)[1].status_code == 200
    home[0].clock.advance(KEPT)


def test_whoever_cancels_at_the_provider_has_not_failed_to_log_in(
    home: tuple[AtDesk, Served], hostile: Hostile
) -> None:
    home[0].clock.advance(timedelta(minutes=1))
    for _ in range(6):
        assert attempt(home, hostile, error="access_denied")[1].status_code == 401
    assert attempt(home, hostile)[1].status_code == 200


def test_failures_of_the_provider_are_no_guesses(home: tuple[AtDesk, Served], hostile: Hostile) -> None:
    home[0].clock.advance(FORGOTTEN)
    for _ in range(FREE["address"] + 1):
        home[0].clock.advance(timedelta(minutes=1))
        browser, asked = begun(home[1])
        hostile.status = 503
        home[0].clock.advance(KEPT)
        assert finished(home[1], browser, state=asked["state"], code="c").status_code == 503
        hostile.status = 200
    assert attempt(home, hostile)[1].status_code == 200


def test_a_provider_that_hangs_does_not_hang_the_other_ways_in(
    home: tuple[AtDesk, Served], hostile: Hostile
) -> None:
    desk, room = home
    desk.clock.advance(KEPT)
    hostile.hangs.clear()
    hostile.arrived.clear()
    asking = [threading.Thread(target=begins, args=(room,)) for _ in range(4)]
    for one in asking:
        one.start()
    try:
        assert hostile.arrived.wait(PATIENCE)
        for path in ("/login/break-glass", "/link/x"):
            assert requests.get(f"{room.url}{path}", timeout=PATIENCE).status_code == 200
    finally:
        hostile.hangs.set()
        for one in asking:
            one.join(PATIENCE)


def test_an_address_begins_so_many_logins_in_a_minute(home: tuple[AtDesk, Served], hostile: Hostile) -> None:
    desk, room = home
    desk.clock.advance(timedelta(minutes=1))
    statuses = [begins(room) for _ in range(BEGUN + 1)]
    assert (set(statuses[:-1]), statuses[-1]) == ({303}, 429)
    desk.clock.advance(timedelta(minutes=1))
    assert begins(room) == 303


@pytest.mark.parametrize(
    ("issuer", "url", "refused"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1/keys", False),
        ("https://login.example.org", "https://login.example.org/keys", False),
        ("https://login.example.org", "http://login.example.org/keys", True),
        ("https://login.example.org", "http://127.0.0.1/keys", True),
        ("https://login.example.org", "http://localhost/keys", True),
    ],
)
def test_a_provider_elsewhere_leads_to_no_program_of_this_machine(
    home: tuple[AtDesk, Served], issuer: str, url: str, refused: bool
) -> None:
    service = home[0].office()
    provider = Provider(service, factors.accounts_of(service), {})
    provider.settings = msgspec.structs.replace(provider.settings, issuer=issuer)
    with pytest.raises(Refused) if refused else nullcontext():
        provider._require_tls(url)


def begins(room: Served) -> int:
    """Begin a login; return the status."""
    return requests.get(f"{room.url}/login/provider", allow_redirects=False, timeout=PATIENCE).status_code


def test_a_compromised_provider_ends_its_sessions_and_nobody_logs_in_with_it(
    home: tuple[AtDesk, Served], hostile: Hostile
) -> None:
    desk, room = home
    browser, _ = attempt(home, hostile)
    assert is_in(room, browser)
    opened = ("open", "personal-data-breach", "--yes", "--as", "maria")
    assert ["sso", [NAME]] in [
        [row["domain"], row["logins"]] for row in desk("domain", "list", "--format", "json").json["domains"]
    ]  # nothing else depends on it
    desk.done(*opened, "--kind", "exercise", "--compromised", "sso")
    assert is_in(room, browser)  # an exercise ends nothing
    desk.done(*opened)
    real = ("--as", "maria", "-i", next(row.id for row in desk.office().incidents() if row.kind == "real"))
    desk.done("domain", "compromised", "sso", "--reason", "tokens were stolen", *real)
    assert not is_in(room, browser)
    page = room.get(requests.Session(), "/login")
    assert (page.status_code, "/login/provider" in page.text) == (200, False)
    assert (
        requests.get(f"{room.url}/login/provider", allow_redirects=False, timeout=PATIENCE).status_code == 401
    )
    desk.done("domain", "declare-up", "sso", "--reason", "rebuilt", *real)
    assert not is_in(room, browser)  # what ended stays ended
    assert attempt(home, hostile)[1].status_code == 200


def test_a_required_second_factor_is_one_of_the_account_here(
    tmp_path_factory: pytest.TempPathFactory, hostile: Hostile
) -> None:
    folder = tmp_path_factory.mktemp("second")
    with a_room(folder, lambda back: hostile.issuer, second_factor=True, subjects={"u-1": "ada"}) as (
        desk,
        room,
    ):
        ada = an_account(desk, "ada")
        browser, answer = attempt((desk, room), hostile)
        assert (answer.status_code, is_in(room, browser)) == (200, False)
        ticket = hidden(answer.text, "ticket")

        def confirmed(**given: str) -> int:
            data = {"ticket": ticket, "next": "/me", **given}
            headers = {"Origin": room.url}
            return browser.post(
                f"{room.url}/login/provider/factor", data=data, headers=headers, timeout=PATIENCE
            ).status_code

        wrong = {"account-password": factors.PASSWORD, "account-code": "000000"}
        right = {"account-password": factors.PASSWORD, "account-code": ada.code()}
        assert confirmed(**wrong) == 401
        assert confirmed(**{**right, "ticket": "AAAA"}) == 401
        assert (confirmed(**right), is_in(room, browser)) == (200, True)
        (login,) = [one for one in room.logins.of("ada") if one.by("oidc:")]
        assert login.fresh(desk.clock.now())


class AtName(Served):
    """The same room, by the name of this machine: a browser has no passkey for an address."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


def signed(asked: str) -> str:
    """Return the answer of a passkey to what a page asks."""
    said = base64.urlsafe_b64encode(json.dumps(json.loads(asked)).encode()).decode()
    return json.dumps({"id": "b25l", "response": {"clientDataJSON": said}})


@pytest.mark.usefixtures("_every_answer_is_signed")
def test_a_passkey_is_a_second_factor_after_the_provider(
    tmp_path_factory: pytest.TempPathFactory, hostile: Hostile
) -> None:
    folder = tmp_path_factory.mktemp("second-key")
    with a_room(folder, lambda back: hostile.issuer, second_factor=True, subjects={"u-1": "ada"}) as (
        desk,
        here,
    ):
        room = AtName(here.port, here.logins, here.codename, here.document, here.server)
        service = desk.office()
        an_account(desk, "ada")
        keys = Passkeys(accounts_of(service), service, f"localhost:{room.port}", secure=False)
        keys.add("ada", "phone", signed(keys.creation("ada")))
        browser, answer = attempt((desk, room), hostile)
        ticket = hidden(answer.text, "ticket")
        asked = [html.unescape(one) for one in re.findall(r'data-options="([^"]*)"', answer.text)]

        def confirmed(options: str) -> int:
            data = {"ticket": ticket, "next": "/me", "account-passkey": signed(options)}
            to = f"{room.url}/login/provider/factor"
            return browser.post(to, data=data, headers={"Origin": room.url}, timeout=PATIENCE).status_code

        for other in (keys.request("maria"), keys.request()):
            assert (confirmed(other), is_in(room, browser)) == (401, False)
        assert (len(asked), confirmed(asked[0]), is_in(room, browser)) == (1, 200, True)
        (login,) = [one for one in room.logins.of("ada") if one.by("oidc:")]
        assert (login.fresh(desk.clock.now()), str(login.principal.proven_by).count("+passkey")) == (True, 1)


def test_the_authorities_of_the_settings_alone_are_trusted(tmp_path: Path) -> None:
    def code_of(desk: AtDesk) -> str:
        service = desk.office()
        with pytest.raises(Refused) as told:
            Provider(service, accounts_of(service), {}).ask("http://127.0.0.1/", "/")
        return told.value.code

    private = Hostile()
    a_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "room.pem", tmp_path / "room.key")
    private.server.socket = tls.wrap_socket(private.server.socket, server_side=True)
    private.issuer = f"https://localhost:{private.server.server_port}"
    with a_room(tmp_path, lambda back: private.issuer, subjects=SUBJECTS, ca_file="room.pem") as (desk, room):
        an_account(desk, "ada")
        assert code_of(desk) == "provider_down", "the file is missing"
        (desk.home / "room.pem").write_bytes((tmp_path / "room.pem").read_bytes())
        browser, answer = attempt((desk, room), private)
        assert (answer.status_code, is_in(room, browser)) == (200, True)
        identity(desk, private.issuer, subjects=SUBJECTS)
        assert code_of(desk) == "provider_down", "no public authority signed it"
    private.server.shutdown()
    private.server.server_close()
