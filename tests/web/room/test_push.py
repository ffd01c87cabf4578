"""Push to a person's browser: turned on by its owner, reported as shown, answered with a passkey, ended by the browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.app.messages import browser_push
from runner.app.people.logins import FRESH
from runner.base.actor import Principal
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.patience import PATIENCE
from tests.servers.needed import AXE
from tests.servers.stand_ins.push_service import VAPID, PushService
from tests.web.room.factors import PASSWORD, an_account
from tests.web.room.room import Served, served
from tests.web.room.test_browser import violations
from tests.web.room.test_entrance import logged_in, post

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Place:
    """A home with a channel of browsers, its room, and a push service with Jonas's browser."""

    def __init__(self, desk: AtDesk, room: Served, service: PushService) -> None:
        self.desk, self.room, self.service = desk, room, service
        self.account = an_account(desk, "jonas")
        self.jonas = logged_in(room, self.account)
        self.browser = service.subscribe()

    def turn(self, **given: str) -> requests.Response:
        """Submit the form of the account's page."""
        return post(self.room, "/me/push", self.jonas, channel="push", **given)

    def contact(self, person: str = "jonas") -> dict[str, Any] | None:
        """Return the subscription of a person as the command line lists it."""
        rows = self.desk("person", "list", "--format", "json").json["people"]
        contacts = next(one["contacts"] for one in rows if one["person"] == person)
        return next((one for one in contacts if one["channel"] == "push"), None)

    def send(self, kind: str = "urgent-confidential", to: str = "person:jonas") -> str:
        """Send a message of a class and return its delivery."""
        self.desk.done("message", "send", "Meet at the bridge.", "--to", to, "--class", kind, "--yes")
        return str(self.deliveries()[-1]["delivery"])

    def verify(self) -> None:
        """Record that the subscription was proved over another channel, after it was made."""
        self.desk.clock.advance(timedelta(seconds=1))
        self.desk.done("person", "verify", "jonas", "push", "--how", "in person")

    def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.desk("message", "list", "--format", "json").json["deliveries"]
        return found

    def evidence(self, delivery: str) -> str:
        return next(str(one["evidence"]) for one in self.deliveries() if one["delivery"] == delivery)

    def shown(self) -> dict[str, str]:
        """Have the browser come online and return its one notification."""
        (found,) = self.service.shown(self.browser)
        return found

    def report(self, found: dict[str, str]) -> int:
        """Report that a notification was shown, as the service worker does: without a session."""
        said = json.dumps({"key": found["key"], "mark": found["mark"]})
        headers = {"Origin": self.room.url, "Sec-Fetch-Site": "same-origin"}
        return requests.post(
            f"{self.room.url}/push/shown", said, headers=headers, timeout=PATIENCE
        ).status_code


@contextmanager
def placed(folder: Path) -> Iterator[Place]:
    desk = AtDesk(folder / "home")
    desk.done("init")
    (desk.home / "vapid.key").write_text(VAPID, encoding="ascii")
    with PushService() as service:
        push = {
            "adapter": "web_push",
            "settings": {"contact": "mailto:security@example.org", "services": [service.host]},
            "secrets": {"vapid": "file:vapid.key"},
        }
        desk.settings(channels={**desk.channels["channels"], "push": push})
        (folder / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
        desk.done("open", str(folder / "badge.yaml"), "--yes")
        with served(desk) as room:
            yield Place(desk, room, service)
    desk.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as found:
        yield found


def test_a_person_turns_push_on_and_gets_messages_that_a_browser_reports_as_shown(place: Place) -> None:
    room, jonas = place.room, place.jonas
    assert 'data-push="B' in room.get(jonas, "/me").text
    assert place.turn(address=place.browser.address).status_code == 303
    contact = place.contact()
    assert contact is not None
    assert contact["domains"] == [f"host:{place.service.host}"]
    assert place.browser.auth.hex() not in json.dumps(contact)
    assert str(contact["address"]).endswith("/…")
    sent = place.send()
    assert place.evidence(sent) == "accepted"
    found = place.shown()
    assert "bridge" not in json.dumps(found)
    assert place.report({**found, "mark": "x"}) == place.report(found) == place.report(found) == 204
    assert place.evidence(sent) == "delivered"
    page = room.get(jonas, found["open"])
    assert (page.status_code, "Meet at the bridge." in page.text) == (200, True)
    answer = post(room, found["open"], jonas)
    assert answer.status_code == 303
    assert place.evidence(sent) == "acked"
    assert f'action="{found["open"]}"' not in room.get(jonas, found["open"]).text


def test_a_message_is_there_for_its_recipient_alone(place: Place) -> None:
    place.turn(address=place.browser.address)
    sent, room = place.send(), place.room
    path = f"/me/message/{sent}"
    ada = logged_in(room, an_account(place.desk, "ada"))
    claimed = room.reader("jonas", os_user="maria")
    absent = room.get(ada, "/me/message/d-0").content
    for reader in (ada, claimed):
        for answer in (room.get(reader, path), post(room, path, reader)):
            assert (answer.status_code, answer.content) == (404, absent)
    stranger = requests.Session()
    assert room.get(stranger, path).status_code == 401
    assert post(room, path, stranger).status_code == 401
    assert "bridge" not in room.get(stranger, path).text
    assert post(room, "/me/push", stranger, channel="push", address=place.browser.address).status_code == 401
    assert post(room, "/me/push", claimed, channel="push", address="").status_code == 404
    assert place.evidence(sent) != "acked"


def test_push_is_turned_on_with_fresh_factors_and_off_again(place: Place) -> None:
    place.desk.clock.advance(FRESH)
    asked = place.turn(address=place.browser.address)
    assert (asked.status_code, place.contact()) == (401, None)
    assert place.browser.p256dh in asked.text
    place.jonas = logged_in(place.room, place.account)
    assert place.turn(address=place.browser.address).status_code == 303
    assert place.contact() is not None
    assert "Turn off push" in place.room.get(place.jonas, "/me").text
    assert place.turn(address="").status_code == 303
    assert place.contact() is None
    assert place.turn(address="").status_code == 404
    place.turn(address=place.browser.address)
    place.desk.done("person", "remove", "jonas", "push", "--reason", "the phone was stolen")
    assert place.contact() is None
    assert place.desk("person", "remove", "jonas", "push", "--reason", "again").error == "unknown_contact"
    assert place.desk("person", "remove", "jonas", "push").error == "reason_missing"
    place.desk.done("person", "add", "jonas", "--contact", f"push={place.browser.address}")
    assert place.contact() is not None
    # A handle of another service is no subscription, and a channel of browsers does not take it for one.
    place.desk.done("person", "add", "ada", "--contact", "handle=ada")
    plan = place.desk("message", "plan", "urgent-internal", "--to", "ada", "--format", "json")
    (planned,) = plan.json["plan"]
    assert [one["channel"] for one in planned["refusals"] if one["rule"] == "contact"] == ["push"]


def test_an_endpoint_that_nobody_declared_is_refused(place: Place) -> None:
    keys = place.browser.address.partition("#")[2]
    for endpoint in (
        "https://evil.example/x",
        "https://169.254.169.254/x",
        "http://127.0.0.1:9/x",
        "file:///x",
    ):
        assert place.turn(address=f"{endpoint}#{keys}").status_code == 409
        said = place.desk("person", "add", "jonas", "--contact", f"push={endpoint}#{keys}")
        assert said.error == "bad_address"
    answer = post(place.room, "/me/push", place.jonas, channel="screen", address=place.browser.address)
    assert answer.status_code == 404
    assert place.contact() is None


def test_a_passkey_authorises_a_decision_and_a_click_does_not(place: Place) -> None:
    place.turn(address=place.browser.address)
    place.verify()
    sent = place.send("approval-request")
    assert post(place.room, f"/me/message/{sent}", place.jonas).status_code == 303
    assert place.evidence(sent) == "acked"
    assert post(place.room, f"/me/message/{sent}", place.jonas, account_passkey="{}").status_code == 409
    assert place.evidence(sent) == "acked"
    service = place.desk.office()
    found = browser_push.own_message(service, "jonas", sent)
    assert found is not None
    assert (found.kind.goal, found.open, found.channel) == ("authorised", True, "push")
    assert browser_push.answer(service, found, passkey=True).evidence == "authorised"


def test_a_contact_that_nobody_verified_authorises_nothing(place: Place) -> None:
    place.turn(address=place.browser.address)
    place.verify()
    sent = place.send("approval-request")
    place.turn(address=place.service.subscribe().address)  # another browser, during the incident
    service = place.desk.office()
    found = browser_push.own_message(service, "jonas", sent)
    assert found is not None
    assert browser_push.answer(service, found, passkey=True).evidence == "acked"
    assert 'data-passkey="get"' not in place.room.get(place.jonas, f"/me/message/{sent}").text


def test_a_subscription_that_the_browser_ended_is_removed_and_the_commander_hears_of_it(place: Place) -> None:
    place.turn(address=place.browser.address)
    place.service.browsers.clear()
    place.send()
    assert place.contact() is None
    assert [one["recipient"] for one in place.deliveries()][-1] == "maria"
    assert "push" in place.desk.console


def test_an_erased_person_has_no_subscription(place: Place) -> None:
    place.turn(address=place.browser.address)
    place.desk.done("person", "forget", "jonas", "--yes")
    secret = place.browser.address.partition("#")[2].encode()
    for path in place.desk.home.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()
    assert post(place.room, "/me/push", place.jonas, channel="push", address="x").status_code == 401


def test_the_worker_is_at_the_top_and_may_reach_the_room_alone(place: Place) -> None:
    answer = requests.get(f"{place.room.url}/worker.js", timeout=PATIENCE)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    who = Principal(person="maria", os_user="maria", host="desk")
    reader = place.room.reader(who.person, os_user="maria")
    assert "data-push" not in place.room.get(reader, "/me").text


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a browser that allows notifications, with an authenticator that verifies its user."""
    context = browser.new_context(permissions=["notifications"])
    context.set_default_timeout(PATIENCE * 1000)
    made = context.new_page()
    said: list[str] = []
    made.on(
        "console", lambda message: said.append(message.text) if "Content Security" in message.text else None
    )
    made.on("pageerror", lambda error: said.append(str(error)))
    yield made
    context.close()
    assert said == []


SUBSCRIBES = """(() => {
  const made = %s;
  PushManager.prototype.subscribe = async (asked) => {
    if (!asked.userVisibleOnly || asked.applicationServerKey.length !== 87) throw new Error("asked otherwise");
    if (sessionStorage.other) throw new DOMException("there is one for another key", "InvalidStateError");
    return {toJSON: () => made};
  };
  PushManager.prototype.getSubscription = async () => ({unsubscribe: async () => {
    if (!sessionStorage.other) throw new Error("a subscription that works was ended");
    sessionStorage.removeItem("other");
  }});
})()"""
"""In place of the browser maker's push service, which is out of reach here: all else is the browser's own.

The browser has a subscription: for the key of the room, or with ``other`` in the session for another key (Push API).
"""


@pytest.mark.slow
@pytest.mark.browser
def test_a_browser_turns_push_on_shows_a_message_and_a_passkey_authorises(place: Place, page: Any) -> None:
    url, made = f"http://localhost:{place.room.port}", place.browser
    keys = {"p256dh": made.p256dh, "auth": made.address.rpartition(".")[2]}
    page.add_init_script(SUBSCRIBES % json.dumps({"endpoint": made.endpoint, "keys": keys}))
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    workers: list[dict[str, Any]] = []
    tools.on("ServiceWorker.workerRegistrationUpdated", lambda told: workers.extend(told["registrations"]))
    page.goto(f"{url}/login")
    page.fill("[name=person]", "jonas")
    page.fill("[name=account-password]", PASSWORD)
    page.fill("[name=account-code]", place.account.code())
    page.click("text=Log in >> nth=-1")
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/me")
    tools.send("ServiceWorker.enable")
    page.fill("[name=name]", "my phone")
    page.click("text=Add a passkey")
    page.locator("text=Remove my phone").wait_for()
    page.click("text=Turn on push")
    page.click("text=Turn off push")
    page.locator("text=Turn on push").wait_for()
    page.evaluate("sessionStorage.other = 'x'")
    page.click("text=Turn on push")
    page.locator("text=Turn off push").wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    if AXE.exists():
        assert violations(page) == []
    place.verify()
    sent = place.send("approval-request")
    found = place.shown()
    told = {"origin": url, "registrationId": workers[-1]["registrationId"], "data": json.dumps(found)}
    with page.context.expect_event("request", lambda one: one.url.endswith("/push/shown")):
        tools.send("ServiceWorker.deliverPushMessage", told)
    page.goto(f"{url}{found['open']}")
    if AXE.exists():
        assert violations(page) == []
    page.click("text=Acknowledge with a passkey")
    page.locator("text=Your acknowledgement is recorded").wait_for()
    assert place.evidence(sent) == "authorised"
    proved = place.desk("message", "prove", sent, "--format", "json").json["entries"]
    assert len(proved) == 3  # accepted, shown, acknowledged
    shown = "navigator.serviceWorker.ready.then((one) => one.getNotifications()).then((all) => all.map((one) => one.tag))"
    assert page.evaluate(shown) == [found["key"]]
    page.goto(f"{url}/")
    page.click("text=Log out")
    page.locator("text=You are logged out").wait_for()
    assert page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one !== undefined)")
    assert page.evaluate("localStorage.length") == 0
