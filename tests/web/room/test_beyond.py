"""The room for other machines: over TLS alone, for people with an account, and only with both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runner.app.people.logins import Logins
from runner.base.actor import Principal
from runner.routing.organisation import ServeSettings
from runner.web.room.door import OVER_TLS
from runner.web.serving import listening
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room.factors import PASSWORD, Person, an_account
from tests.web.room.room import served


def a_certificate(folder: Path) -> None:
    """Write a certificate of this machine and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "room.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "room.key").touch(0o600)
    (folder / "room.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    made = AtDesk(tmp_path_factory.mktemp("beyond") / "home")
    made.done("init")
    made.settings()
    a_certificate(made.home)
    yield made
    made.close()


@pytest.fixture
def jonas(desk: AtDesk) -> Person:
    return an_account(desk, "jonas")


CERTIFICATE = {"names": ["localhost:8760"], "certificate": "room.pem", "key": "room.key"}


def test_other_machines_are_let_in_only_with_tls_and_accounts(desk: AtDesk) -> None:
    words = ("serve", "--listen", "0.0.0.0:0")
    assert desk(*words).error == "needs_tls"
    desk.settings(serve=CERTIFICATE)
    assert desk(*words).error == "needs_accounts"
    an_account(desk, "ada")
    desk.settings()
    assert desk(*words).error == "needs_tls"
    desk.settings(serve={**CERTIFICATE, "key": "none.key"})
    assert desk(*words).error == "bad_certificate"
    (desk.home / "room.key").chmod(0o644)
    desk.settings(serve=CERTIFICATE)
    assert desk(*words).error == "key_exposed"
    (desk.home / "room.key").chmod(0o600)
    desk.settings(serve={"names": ["room.example.org"]})
    assert desk("status").error == "bad_settings"
    desk.settings()


def test_a_room_with_a_certificate_answers_people_with_accounts(desk: AtDesk, jonas: Person) -> None:
    bound = listening("127.0.0.1", 0)
    name = f"localhost:{bound.getsockname()[1]}"
    settings = ServeSettings(names=(name,), certificate="room.pem", key="room.key")
    with served(desk, bound=bound, beyond=settings) as room, requests.Session() as reader:
        reader.headers["Connection"] = (
            "close"  # the server ends each connection in order, before its loop ends
        )
        reader.trust_env = False  # a bundle of the machine would take its place
        reader.verify = str(desk.home / "room.pem")
        given = {"person": "jonas", "account-password": PASSWORD, "account-code": jonas.code()}
        headers = {"Origin": f"https://{name}"}
        answer = reader.post(
            f"https://{name}/login", data=given, headers=headers, allow_redirects=False, timeout=PATIENCE
        )
        said = answer.headers["set-cookie"]
        assert (answer.status_code, said.startswith("__Host-tocsin="), "; Secure" in said) == (
            303,
            True,
            True,
        )
        assert {one: answer.headers.get(one) for one in OVER_TLS} == dict(OVER_TLS)
        assert reader.get(f"https://{name}/me", timeout=PATIENCE).status_code == 200
        link = room.logins.invite(Principal(person="maria", os_user="maria"))
        entered = reader.post(f"https://{name}/enter/{link}", headers=headers, timeout=PATIENCE)
        assert entered.status_code == 404, "a link of the machine's user is for this machine alone"
        secret = room.logins.enter(room.logins.invite(Principal(person="maria", os_user="maria")))
        cookie = {"Cookie": f"__Host-tocsin={secret}", "Connection": "close"}
        stolen = requests.get(f"https://{name}/me", headers=cookie, verify=reader.verify, timeout=PATIENCE)
        assert stolen.status_code == 401, "and so is a session that such a link began"
        other = reader.get(f"https://127.0.0.1:{room.port}/healthz", timeout=PATIENCE)
        assert other.status_code == 421


def test_a_room_behind_a_proxy_answers_only_through_it(desk: AtDesk, jonas: Person) -> None:
    for proxies, status in ((("127.0.0.1",), 200), (("192.0.2.1",), 403)):
        settings = ServeSettings(names=("room.example.org",), proxies=proxies)
        with served(desk, beyond=settings) as room:
            through = {
                "Host": "room.example.org",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-For": "192.0.2.7",
            }
            answer = requests.get(f"{room.url}/login", headers=through, timeout=PATIENCE)
            assert answer.status_code == status
            past = requests.get(f"{room.url}/login", headers={"Host": "room.example.org"}, timeout=PATIENCE)
            assert past.status_code == 403


def test_links_of_this_machine_end_where_others_can_reach_the_room(desk: AtDesk) -> None:
    office = desk.office()
    Logins(office).announce("https://room.example.org")
    assert desk("serve", "--link").error == "needs_account"
    assert desk.done("account", "invite", "maria").startswith("https://room.example.org/join/")
    Logins(office).announce("")
