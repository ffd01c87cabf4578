"""Every action template that Tocsin ships, against the stand-in of its vendor: what is sent, each fault, and what is never sent.

The stand-ins are held against the vendors' own clients in ``tests/integrations/test_vendor_*``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cli.at_desk import AtDesk
from tests.servers import keys
from tests.servers.aws import REVOKE, Aws
from tests.servers.stand_ins import falcon, google, microsoft, okta
from tests.servers.stand_ins.cloud import Cloud
from tests.servers.stand_ins.falcon import Falcon
from tests.servers.stand_ins.github import FOUND, GitHub
from tests.servers.stand_ins.google import Google
from tests.servers.stand_ins.microsoft import Microsoft
from tests.servers.stand_ins.okta import Okta
from tests.servers.stand_ins.stand_in import Heard, StandIn
from tests.servers.vendors import VendorClients, VendorError

pytestmark = pytest.mark.shipped

ACTIONS = Path(__file__).parents[3] / "playbooks" / "actions"
SHIPPED = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in ACTIONS.glob("*.yaml")}
EVE, MACHINE = "eve@example.com", "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"


class Vendor(NamedTuple):
    """A stand-in, how the settings reach it, and the secret that they name."""

    make: Callable[..., Cloud]
    profile: Callable[[Cloud], dict[str, str]]
    secret: str


def _microsoft(audience: str) -> Vendor:
    def profile(server: Cloud) -> dict[str, str]:
        return {
            "kind": "oauth2",
            "token_url": f"{server.url}/{microsoft.TENANT}/oauth2/v2.0/token",
            "client_id": microsoft.CLIENT,
            "scope": f"{audience}/.default",
        }

    return Vendor(Microsoft, profile, microsoft.SECRET)


def _google(server: Cloud) -> dict[str, str]:
    scope = f"{google.USER} {google.SECURITY}"
    return {"kind": "google-jwt", "token_url": f"{server.url}/token", "scope": scope, "subject": google.ADMIN}


VENDORS = {
    "graph": _microsoft(microsoft.GRAPH),
    "defender": _microsoft(microsoft.DEFENDER),
    "okta": Vendor(Okta, lambda server: {"kind": "static", "prefix": "SSWS "}, okta.API_TOKEN),
    "google": Vendor(
        lambda *acts: Google(*acts, key=keys.private_key().public_key()),
        _google,
        json.dumps(
            {
                "type": "service_account",
                "client_email": google.ACCOUNT,
                "private_key": keys.private_pem(),
                "private_key_id": google.KEY_ID,
            }
        ),
    ),
    "falcon": Vendor(
        Falcon,
        lambda server: {
            "kind": "oauth2",
            "token_url": f"{server.url}/oauth2/token",
            "client_id": falcon.CLIENT,
        },
        falcon.SECRET,
    ),
}


class Case(NamedTuple):
    """What a template is run on, and what the vendor then has."""

    good: str
    lost: str
    """An item that the vendor does not know."""
    effect: Callable[[Any], object]
    wanted: object
    before: Callable[[Any], object] = lambda server: None


NOBODY = "nobody@example.com"
HOST = falcon.HOST


def _user(field: str, value: object) -> Case:
    def before(server: Microsoft) -> None:
        server.users[EVE][field] = not value

    return Case(EVE, NOBODY, lambda server: server.users[EVE][field], value, before)


def _app(value: bool) -> Case:
    def before(server: Microsoft) -> None:
        server.applications["sp-1"]["accountEnabled"] = not value

    return Case("sp-1", "sp-2", lambda server: server.applications["sp-1"]["accountEnabled"], value, before)


def _device(order: str) -> Case:
    def effect(server: Microsoft) -> object:
        return [done["actionName"] for done in server.devices["device-1"]]

    return Case("device-1", "device-2", effect, [order])


def _machine(before: str, after: str) -> Case:
    return Case(
        MACHINE,
        "0" * 40,
        lambda server: server.machines[MACHINE],
        after,
        lambda server: server.machines.update({MACHINE: before}),
    )


def _okta(before: str, after: str) -> Case:
    return Case(
        "00ueve",
        "00ugone",
        lambda server: server.users["00ueve"]["status"],
        after,
        lambda server: server.users["00ueve"].update(status=before),
    )


def _google_user(after: bool) -> Case:
    return Case(
        EVE,
        NOBODY,
        lambda server: server.users[EVE]["suspended"],
        after,
        lambda server: server.users[EVE].update(suspended=not after),
    )


def _host(before: str, after: str) -> Case:
    return Case(
        HOST,
        "c" * 32,
        lambda server: server.hosts[HOST],
        after,
        lambda server: server.hosts.update({HOST: before}),
    )


CASES = {
    "entra-revoke-sessions": Case(EVE, NOBODY, lambda server: server.revoked, [EVE]),
    "entra-disable-user": _user("accountEnabled", False),
    "entra-enable-user": _user("accountEnabled", True),
    "entra-disable-app": _app(False),
    "entra-enable-app": _app(True),
    "entra-delete-grants": Case("sp-1", "sp-2", lambda server: server.grants, {}),
    "exchange-remove-rules": Case(EVE, NOBODY, lambda server: server.rules[EVE], {}),
    "intune-lock": _device("remoteLock"),
    "intune-wipe": _device("wipe"),
    "defender-isolate": _machine("free", "isolated"),
    "defender-release": _machine("isolated", "free"),
    "okta-clear-sessions": Case("00ueve", "00ugone", lambda server: server.cleared, [("00ueve", True)]),
    "okta-suspend": _okta("ACTIVE", "SUSPENDED"),
    "okta-unsuspend": _okta("SUSPENDED", "ACTIVE"),
    "google-sign-out": Case(EVE, NOBODY, lambda server: server.signed_out, [EVE]),
    "google-suspend": _google_user(True),
    "google-unsuspend": _google_user(False),
    "google-delete-tokens": Case(EVE, NOBODY, lambda server: server.given[EVE], []),
    "falcon-contain": _host("normal", "contained"),
    "falcon-lift": _host("contained", "normal"),
}
"""Every shipped template with a stand-in here; AWS, GitHub and the own automation have tests of their own below."""
OWN = {
    *("aws-deactivate-key", "aws-activate-key", "aws-revoke-role-sessions", "aws-allow-role-sessions"),
    *("call-automation", "github-revoke-credentials"),
}
CLOUDS = sorted(CASES.keys() & SHIPPED.keys())
PERMISSIONS = {"Hosts: write": falcon.WRITE, "Hosts: read": falcon.READ}
"""Permissions that a vendor's console names otherwise than its tokens."""
ONE_EACH = (
    "entra-disable-user",
    "defender-isolate",
    "okta-clear-sessions",
    "google-sign-out",
    "falcon-contain",
)
"""One template of each vendor: each says in its own way when to come again."""


def facts_of(name: str) -> str:
    """Return the list on whose items a template runs."""
    [kind] = [one["kind"] for one in SHIPPED[name]["expects"].values()]
    return f"incident.{kind}s"


def playbook(name: str, for_each: str = "", inputs: dict[str, str] | None = None) -> str:
    """Return a playbook whose one action uses the template, after as many approvals as its risk asks for."""
    persons = {"low": 0, "disruptive": 1, "irreversible": 2}[SHIPPED[name]["risk"]]
    [*expected] = SHIPPED[name]["expects"]
    act: dict[str, Any] = {"id": "run", "act": "Run it", "use": f"{name}@1", "role": "commander"}
    act["with"] = inputs or {expected[0]: "item"}
    if for_each:
        act["for_each"] = for_each
    sign = {"id": "sign", "approve": "run", "by": {"roles": ["counsel"], "distinct": persons}}
    if persons:
        act["after"] = ["sign"]
    return yaml.safe_dump(
        {
            "schema": "tocsin/playbook/v1",
            "name": "act-now",
            "version": "1.0.0",
            "title": "Act now",
            "roles": {"commander": {"title": "Commander"}, "counsel": {"title": "Counsel", "minimum": 2}},
            "steps": [*([sign] if persons else []), act],
        },
        sort_keys=False,
    )


class Room:
    """A home whose settings reach one stand-in."""

    def __init__(
        self, desk: AtDesk, name: str, server: Cloud, *, vendor: Vendor | None = None, **acting: Any
    ) -> None:
        self.desk, self.name, self.case = desk, name, CASES[name]
        self.auth = SHIPPED[name]["auth"]
        vendor = vendor or VENDORS[self.auth]
        (desk.home / "vendor.secret").write_text(vendor.secret)
        profile = {**vendor.profile(server), "url": server.url, "secret": "file:vendor.secret"}
        desk.settings(act={"auth": {self.auth: profile}, **acting})
        self.case.before(server)
        if isinstance(server, (Falcon, Microsoft)):
            server.after = 0

    def open(self, *items: str, kind: str = "real") -> None:
        path, facts = self.desk.home.parent / "act-now.yaml", facts_of(self.name)
        path.write_text(playbook(self.name, facts), encoding="utf-8")
        listed = ",".join(items or (self.case.good,))
        self.desk.done("open", str(path), "--yes", "--kind", kind, "--fact", f"{facts}={listed}")

    def sign(self) -> None:
        persons = {"low": (), "disruptive": ("jonas",), "irreversible": ("jonas", "ada")}
        for person in persons[SHIPPED[self.name]["risk"]]:
            self.desk.done("approve", "sign", "--as", person, types="y\n")

    def work(self, times: int = 1) -> None:
        """Let a worker do what is due, then again every minute."""
        self.desk("worker", "--once")
        for _ in range(times - 1):
            self.desk.clock.advance(timedelta(minutes=1))
            self.desk("worker", "--once")

    @property
    def shown(self) -> Any:
        return self.desk("task", "show", "run", "--format", "json").json

    def ended(self) -> tuple[str, list[str], str]:
        """Return the state, the items with a receipt of the action itself, and what a person has to know."""
        shown = self.shown
        done = [one for one in shown["attempts"] if one["state"] == "accepted" and not one.get("verifies")]
        return shown["task"]["state"], [one["item"] for one in done], shown["task"]["stuck"]

    def has_no_secret(self, *more: str) -> None:
        """Look for the secret and the tokens in what the home has stored and in what the commands show."""
        said = self.desk("log", "--format", "json").out + json.dumps(self.shown)
        files = [
            file for file in self.desk.home.rglob("*") if file.is_file() and file.name != "vendor.secret"
        ]
        for text in (VENDORS[self.auth].secret[:40], keys.private_pem().splitlines()[2], *more):
            assert text not in said
            assert not [file for file in files if text.encode() in file.read_bytes()]


def test_every_shipped_template_has_a_stand_in() -> None:
    assert SHIPPED.keys() <= CASES.keys() | OWN


@pytest.mark.parametrize("name", CLOUDS)
def test_it_sends_what_was_shown_once_approved_with_the_permissions_that_it_names(
    tocsin: AtDesk, name: str
) -> None:
    with VENDORS[SHIPPED[name]["auth"]].make() as server:
        room = Room(tocsin, name, server)
        if room.auth != "google":  # the profile asks for all that its templates need
            server.granted = {PERMISSIONS.get(one, one) for one in SHIPPED[name]["permission"]}
            assert server.granted <= server.PERMISSIONS
        room.open()
        room.work()
        assert server.heard == []
        shown = [one for one in room.shown["requests"][0]["requests"] if "{" not in one["url"]]
        room.sign()
        room.work(2)
        assert room.ended()[:2] == ("done", [room.case.good])
        assert room.case.effect(server) == room.case.wanted
        planned = {
            f"{one['method']} {one['url'].removeprefix(server.url).partition('?')[0]}" for one in shown
        }
        assert planned <= {f"{heard.method} {heard.path}" for heard in server.called}


@pytest.mark.parametrize("name", ["entra-disable-user", "google-sign-out", "falcon-contain"])
def test_an_expired_token_is_renewed_and_the_call_made_once(tocsin: AtDesk, name: str) -> None:
    with VENDORS[SHIPPED[name]["auth"]].make() as server:
        server.expiring = 1
        room = Room(tocsin, name, server)
        room.open()
        room.sign()
        room.work()
        assert room.ended()[1] == [room.case.good]
        assert server.issued == 2


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_throttled_call_is_made_later(tocsin: AtDesk, name: str) -> None:
    with VENDORS[SHIPPED[name]["auth"]].make("throttle") as server:
        room = Room(tocsin, name, server)
        room.open()
        room.sign()
        room.work()
        assert room.ended()[:2] == ("active", [])
        assert len(server.called) == 1
        room.work(3)
        assert room.ended()[:2] == ("done", [room.case.good])
        assert room.case.effect(server) == room.case.wanted


@pytest.mark.parametrize(
    "name", ["entra-disable-user", "okta-clear-sessions", "google-sign-out", "falcon-contain"]
)
def test_without_the_permission_nothing_is_done_and_the_reason_names_it(tocsin: AtDesk, name: str) -> None:
    with VENDORS[SHIPPED[name]["auth"]].make() as server:
        server.granted.clear()
        room = Room(tocsin, name, server)
        before = json.dumps(room.case.effect(server))
        room.open()
        room.sign()
        room.work(2)
        state, done, why = room.ended()
        assert (done, json.dumps(room.case.effect(server))) == ([], before)
        if room.auth != "google":  # without it, Google issues no token
            assert state == "failed"
            assert SHIPPED[name]["permission"][0] in why


@pytest.mark.parametrize("name", ["defender-isolate", "okta-clear-sessions", "google-sign-out"])
def test_an_unknown_item_does_not_keep_the_others_and_is_tried_again_alone(tocsin: AtDesk, name: str) -> None:
    with VENDORS[SHIPPED[name]["auth"]].make() as server:
        room = Room(tocsin, name, server)
        room.open(room.case.lost, room.case.good)
        room.sign()
        room.work(2)
        state, done, why = room.ended()
        assert (state, done) == ("failed", [room.case.good])
        assert room.case.effect(server) == room.case.wanted
        assert room.case.lost in why
        room.has_no_secret("made-up-token-1")
        calls = len(server.called)
        tocsin.done("task", "retry", "run", "--reason", "the name was corrected")
        room.work()
        assert len(server.called) == calls + 1


@pytest.mark.parametrize("name", ["entra-disable-user", "defender-isolate"])
def test_an_answer_that_is_lost_is_asked_about_or_made_again(tocsin: AtDesk, name: str) -> None:
    with VENDORS[SHIPPED[name]["auth"]].make("lose_answer") as server:
        room = Room(tocsin, name, server)
        room.open()
        room.sign()
        room.work(3)
        if SHIPPED[name].get("idempotent"):
            assert room.ended()[:2] == ("done", [room.case.good])
        else:
            assert room.ended()[:2] == ("outcome_unknown", [])
            assert len(server.called) == 1


def test_the_never_list_sends_nothing_even_approved(tocsin: AtDesk) -> None:
    with Microsoft() as server:
        room = Room(tocsin, "entra-disable-user", server, never=["EVE@*"])
        room.open()
        room.sign()
        room.work(2)
        assert (room.ended()[:2], server.heard) == (("failed", []), [])


@pytest.mark.parametrize("kind", ["exercise", "test"])
def test_an_exercise_sends_nothing_to_a_vendor(tocsin: AtDesk, kind: str) -> None:
    with Microsoft() as server:
        room = Room(tocsin, "entra-disable-user", server)
        room.open(kind=kind)
        room.sign()
        room.work(2)
        assert server.heard == []


def test_without_the_profile_people_do_it_by_hand(tocsin: AtDesk) -> None:
    name = "entra-disable-user"
    with Microsoft() as server:
        room = Room(tocsin, name, server)
        tocsin.settings(act={})
        room.open()
        room.sign()
        shown = room.shown
        assert (shown["task"]["kind"], server.heard) == ("task", [])
        assert SHIPPED[name]["by_hand"] in shown["instructions"]


def test_an_administrator_is_refused_and_the_others_are_blocked(tocsin: AtDesk) -> None:
    with Microsoft() as server:
        room = Room(tocsin, "entra-disable-user", server)
        room.open("root@example.com", EVE)
        room.sign()
        room.work(2)
        assert room.ended()[:2] == ("failed", [EVE])
        blocked = [name for name, user in server.users.items() if not user["accountEnabled"]]
        assert blocked == [EVE]


def test_a_guest_with_special_characters_in_the_name_is_the_one_that_is_meant(tocsin: AtDesk) -> None:
    guest = "partner_example.net#EXT#@example.onmicrosoft.com"
    with Microsoft() as server:
        room = Room(tocsin, "entra-revoke-sessions", server)
        room.open(guest)
        room.sign()
        room.work()
        assert server.revoked == [guest]


def test_rules_of_a_mailbox_go_on_where_throttling_stopped_them(tocsin: AtDesk) -> None:
    with Microsoft("accept", "accept", "throttle") as server:
        rule = server.rules[EVE]["rule-1="]
        server.rules[EVE]["rule/2="] = {**rule, "id": "rule/2="}
        room = Room(tocsin, "exchange-remove-rules", server)
        room.open()
        room.sign()
        room.work()
        assert list(server.rules[EVE]) == ["rule/2="]
        room.work(3)
        assert (room.ended()[:2], server.rules[EVE]) == (("done", [EVE]), {})


def test_a_host_that_falcon_accepts_and_does_not_contain_is_a_failure(tocsin: AtDesk) -> None:
    with Falcon() as server:
        server.refused.add(falcon.SERVER)
        room = Room(tocsin, "falcon-contain", server)
        room.open(falcon.SERVER, HOST)
        room.sign()
        room.work(2)
        state, done, why = room.ended()
        assert (state, done, falcon.SERVER in why) == ("failed", [HOST], True)


def test_a_repeat_that_falcon_calls_a_conflict_goes_to_a_person(tocsin: AtDesk) -> None:
    with Falcon("lose_answer") as server:
        room = Room(tocsin, "falcon-contain", server)
        room.open()
        room.sign()
        room.work(2)
        assert (room.ended()[:2], server.hosts[HOST]) == (("failed", []), "containment_pending")


def test_a_pending_containment_is_looked_at_until_it_is_there(tocsin: AtDesk) -> None:
    with Falcon() as server:
        room = Room(tocsin, "falcon-contain", server)
        server.after = 2
        room.open()
        room.sign()
        room.work(2)
        assert room.ended()[0] == "active"
        room.work(3)
        assert room.ended()[0] == "done"
        assert sum(heard.method == "POST" for heard in server.called) == 1


def _by_certificate(server: Cloud) -> dict[str, str]:
    return {**VENDORS["graph"].profile(server), "certificate": "file:vendor.pem"}


def _by_key(server: Cloud) -> dict[str, str]:
    token_url, scope = f"{server.url}/oauth2/v1/token", "okta.users.manage"
    return {
        "kind": "oauth2",
        "token_url": token_url,
        "client_id": okta.CLIENT,
        "scope": scope,
        "key_id": "made-up-kid",
    }


def test_a_certificate_proves_the_application_to_microsoft(tocsin: AtDesk) -> None:
    (tocsin.home / "vendor.pem").write_text(keys.certificate_pem())
    with Microsoft(certificate=keys.certificate()) as server:
        vendor = Vendor(Microsoft, _by_certificate, keys.private_pem())
        room = Room(tocsin, "entra-revoke-sessions", server, vendor=vendor)
        room.open()
        room.sign()
        room.work()
        assert server.revoked == [EVE]
        assert "client_secret" not in server.heard[0].form


def test_a_private_key_proves_the_application_to_okta(tocsin: AtDesk) -> None:
    with Okta(key=keys.private_key().public_key()) as server:
        vendor = Vendor(Okta, _by_key, keys.private_pem())
        room = Room(tocsin, "okta-clear-sessions", server, vendor=vendor)
        room.open()
        room.sign()
        room.work()
        assert (server.cleared, server.issued) == ([("00ueve", True)], 1)


def start(desk: AtDesk, name: str, *words: str, **more: Any) -> None:
    """Open a playbook with a template that has no stand-in above, with its approvals, and let a worker run it."""
    path = desk.home.parent / "act-now.yaml"
    path.write_text(playbook(name, **more), encoding="utf-8")
    desk.done("open", str(path), "--yes", *words)
    for person in {"low": (), "disruptive": ("jonas",), "irreversible": ("jonas", "ada")}[
        SHIPPED[name]["risk"]
    ]:
        desk.done("approve", "sign", "--as", person, types="y\n")
    desk("worker", "--once")


def state(desk: AtDesk) -> str:
    return str(desk("task", "show", "run", "--format", "json").json["task"]["state"])


class Automation(StandIn):
    """An own endpoint that checks the signature of what it is told."""

    def take(self, heard: Heard) -> tuple[int, object]:
        wanted = hmac.digest(SIGNING.encode(), heard.body, hashlib.sha256).hex()
        if heard.headers.get("x-signature") != f"sha256={wanted}" or heard.path != "/hooks/breach":
            return 403, {}
        return 202, {"id": "run-7"}


SIGNING = "made-up-signing-key"


def test_the_own_automation_is_told_the_incident_with_a_signature(tocsin: AtDesk) -> None:
    (tocsin.home / "hook.key").write_text(SIGNING)
    inputs = {"workflow": "'contain'", "target": "item"}
    with Automation() as server:
        profile = {"kind": "hmac", "url": f"{server.url}/hooks/breach", "secret": "file:hook.key"}
        profile |= {"header": "X-Signature", "prefix": "sha256="}
        tocsin.settings(act={"auth": {"automation": profile}})
        hosts = ("--fact", "incident.hosts=pc-1,pc-2")
        start(tocsin, "call-automation", *hosts, for_each="incident.hosts", inputs=inputs)
        assert [(heard.json["target"], heard.json["workflow"]) for heard in server.heard] == [
            ("pc-1", "contain"),
            ("pc-2", "contain"),
        ]
        assert (state(tocsin), server.heard[0].json["step"]) == ("done", "run")


def leaked(desk: AtDesk, server: GitHub) -> None:
    """Put a copy of the template at the stand-in's address into the home: GitHub's own has no profile that could name one."""
    (desk.home / "actions").mkdir(exist_ok=True)
    name = "github-revoke-credentials"
    text = (
        (ACTIONS / f"{name}.yaml").read_text(encoding="utf-8").replace("https://api.github.com", server.url)
    )
    (desk.home / "actions" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (desk.home / "leaked.token").write_text(FOUND)
    desk.settings(act={"hosts": ["127.0.0.1"], "secrets": {"found": "file:leaked.token"}})
    start(desk, name, inputs={"credential": "'found'"})


def test_a_published_credential_is_revoked_without_a_sign_in_and_stored_nowhere(tocsin: AtDesk) -> None:
    with GitHub() as server:
        leaked(tocsin, server)
        [heard] = server.heard
        assert (server.revoked, "authorization" in heard.headers, state(tocsin)) == ([FOUND], False, "done")
    shown = tocsin("task", "show", "run").out + tocsin("log", "--format", "json").out
    files = [file for file in tocsin.home.rglob("*") if file.is_file() and file.name != "leaked.token"]
    assert FOUND not in shown
    assert not [file for file in files if FOUND.encode() in file.read_bytes()]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with VendorClients() as clients, Aws(clients) as running:
        yield running


def at_aws(desk: AtDesk, aws: Aws, name: str, item: str, *, secret: str = "", for_each: str = "") -> str:
    """Run a template on one item with the key of the responder; return the state of the step."""
    (desk.home / "aws.secret").write_text(secret or aws.secret)
    profile = {"kind": "aws-sigv4", "url": aws.url, "client_id": aws.key, "secret": "file:aws.secret"}
    desk.settings(act={"auth": {"aws": profile}})
    facts = facts_of(name)
    start(desk, name, "--fact", f"{facts}={item}", for_each=facts)
    return state(desk)


@pytest.mark.parametrize(
    ("name", "after"), [("aws-deactivate-key", "Inactive"), ("aws-activate-key", "Active")]
)
def test_an_access_key_is_switched_by_a_signed_call(tocsin: AtDesk, aws: Aws, name: str, after: str) -> None:
    assert (at_aws(tocsin, aws, name, f"eve/{aws.leaked}"), aws.key_state()) == ("done", after)


def test_the_sessions_of_a_role_are_revoked_and_allowed_again(
    tocsin: AtDesk, aws: Aws, tmp_path: Path
) -> None:
    assert at_aws(tocsin, aws, "aws-revoke-role-sessions", "build") == "done"
    assert aws.policy() == json.loads(REVOKE.replace("2026-11-28T09", "2026-11-24T09"))
    assert at_aws(tocsin, aws, "aws-allow-role-sessions", "build") == "done"
    with pytest.raises(VendorError):
        aws.policy()


@pytest.mark.parametrize(("item", "secret"), [("nobody/AKIAIOSFODNN7EXAMPLE", ""), ("eve/KEY", "wrong")])
def test_what_aws_refuses_is_a_failure(tocsin: AtDesk, aws: Aws, item: str, secret: str) -> None:
    item = item.replace("KEY", aws.leaked) if secret else item
    before = aws.key_state()
    assert at_aws(tocsin, aws, "aws-deactivate-key", item, secret=secret) == "failed"
    assert aws.key_state() == before
