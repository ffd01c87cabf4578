"""Passkeys: made and used in a real browser with a virtual authenticator, used once, and only by their owner."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.app.people.logins import FRESH
from runner.app.people.passkeys import PATIENCE as KEPT
from runner.app.people.passkeys import Passkeys
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.refusals import refused
from tests.servers.needed import AXE
from tests.web.room.factors import PASSWORD, accounts_of, an_account
from tests.web.room.room import Served, served
from tests.web.room.test_browser import violations


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    made = AtDesk(tmp_path_factory.mktemp("passkeys") / "home")
    made.done("init")
    made.settings()
    yield made
    made.close()


def test_an_answer_that_is_no_passkey_is_refused(desk: AtDesk) -> None:
    service = desk.office()
    accounts = accounts_of(service)
    accounts.invite("ada")
    keys = Passkeys(accounts, service, "localhost:1", secure=False)
    assert [Passkeys(accounts, service, host, secure=True).usable for host in ("127.0.0.1:1", "[::1]:1", "room.example.org")] == [
        False, False, True,
    ]  # fmt: skip

    def answer(challenge: str) -> str:
        said = base64.urlsafe_b64encode(json.dumps({"challenge": challenge}).encode()).decode()
        return json.dumps({"id": "AAAA", "response": {"clientDataJSON": said}})

    challenge = json.loads(keys.creation("ada"))["challenge"]
    other = json.loads(keys.creation("maria"))["challenge"]
    for given in (
        "",
        "{}",
        "[1]",
        answer("AA"),
        answer("é"),
        json.dumps({"id": "é", "response": {"clientDataJSON": "é"}}),
        json.dumps({"id": "AAAA", "response": {"clientDataJSON": "/w"}}),
        answer(json.loads(keys.request("ada"))["challenge"]),
        answer("x" * 40),
        answer(other),
        answer(challenge),
        answer(challenge),
    ):
        with refused("login_refused"):
            keys.add("ada", "phone", given)
    with refused("login_refused"):
        keys.prove(answer(json.loads(keys.request())["challenge"]))
    with refused("login_refused"):
        keys.prove(json.dumps({"id": "é", "response": {"clientDataJSON": "é"}}))
    late = json.loads(keys.creation("ada"))["challenge"]
    desk.clock.advance(KEPT)
    with refused("login_refused"):
        keys.add("ada", "phone", answer(late))


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[AtDesk]:
    """A home for one test."""
    made = AtDesk(tmp_path / "home")
    made.done("init")
    made.settings()
    yield made
    made.close()


@pytest.fixture
def _every_answer_is_signed() -> Iterator[None]:
    """Have the library take the signature of each answer, as of one key."""
    import webauthn

    made = SimpleNamespace(credential_id=b"one", credential_public_key=b"key", new_sign_count=0)
    names = ("verify_registration_response", "verify_authentication_response")
    before = {name: getattr(webauthn, name) for name in names}
    for name in names:
        setattr(webauthn, name, lambda **given: made)
    yield
    for name in names:
        setattr(webauthn, name, before[name])


@pytest.mark.usefixtures("_every_answer_is_signed")
def test_a_challenge_is_for_one_purpose_and_a_passkey_for_one_account(apart: AtDesk) -> None:
    service = apart.office()
    accounts = accounts_of(service)
    for name in ("jonas", "maria"):
        an_account(apart, name)
    keys = Passkeys(accounts, service, "localhost:1", secure=False)

    def answer(asked: str) -> str:
        said = base64.urlsafe_b64encode(json.dumps(json.loads(asked)).encode()).decode()
        return json.dumps({"id": "b25l", "response": {"clientDataJSON": said}})

    keys.add("jonas", "phone", answer(keys.creation("jonas")))
    for name in ("jonas", "maria"):
        with refused("login_refused"):
            keys.add(name, "phone", answer(keys.creation(name)))
    assert keys.prove(answer(keys.request())) == "jonas"
    assert keys.prove(answer(keys.request("jonas")), "jonas") == "jonas"
    for purpose, confirms in (("", "jonas"), ("jonas", ""), ("maria", "jonas"), ("maria", "maria")):
        with refused("login_refused"):
            keys.prove(answer(keys.request(purpose)), confirms)


@pytest.fixture
def room(desk: AtDesk) -> Iterator[Served]:
    with served(desk) as found:
        yield found


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a browser with an authenticator that verifies its user."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE * 1000)
    made = context.new_page()
    said: list[str] = []
    made.on(
        "console", lambda message: said.append(message.text) if "Content Security" in message.text else None
    )
    made.on("pageerror", lambda error: said.append(str(error)))
    tools = context.new_cdp_session(made)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield made
    context.close()
    assert said == []


@pytest.mark.slow
@pytest.mark.browser
def test_a_person_makes_a_passkey_logs_in_with_it_and_confirms_an_act(
    desk: AtDesk, room: Served, page: Any
) -> None:
    jonas, url = an_account(desk, "jonas"), f"http://localhost:{room.port}"
    page.goto(f"{url}/login")
    if AXE.exists():
        assert violations(page) == []
    page.fill("[name=person]", "jonas")
    page.fill("[name=account-password]", PASSWORD)
    page.fill("[name=account-code]", jonas.code())
    page.click("text=Log in >> nth=-1")
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/me")
    if AXE.exists():
        assert violations(page) == []
    page.fill("[name=name]", "my phone")
    page.click("text=Add a passkey")
    page.locator("text=Remove my phone").wait_for()
    page.context.clear_cookies()
    page.goto(f"{url}/me")
    page.click("text=Use a passkey")
    page.locator("text=login:passkey/s-").wait_for()
    desk.clock.advance(FRESH)
    page.click("text=Remove my phone")
    page.click("text=Use a passkey")
    page.locator("text=Add a passkey").wait_for()
    assert page.locator("text=Remove my phone").count() == 0
    events = [change.state for change in accounts_of(desk.office()).book().found.values()]
    assert events.count("active") == 1


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.usefixtures("axe")
def test_an_invitation_has_no_barrier(desk: AtDesk, room: Served, page: Any) -> None:
    link = desk.done("account", "invite", "maria").split()[0].rpartition("/")[2]
    page.goto(f"http://localhost:{room.port}/join/{link}")
    assert violations(page) == []
    page.click("text=Begin")
    page.locator("svg").wait_for()
    assert violations(page) == []
