"""Rows that let somebody in: what the key of the home did not make does not exist, on both databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from runner.app.core.proof.sealed_marks import KINDS
from runner.app.home.verification import last_check, verify_for_page
from runner.app.people import calendars, idempotency, step_links, tokens
from runner.app.people.accounts import Accounts
from runner.app.people.logins import Logins
from runner.base.actor import Principal
from runner.errors import Sealed
from runner.store.open_store import open_store
from runner.vault.keys import Vault
from tests.cli.at_desk import AtDesk, Said
from tests.refusals import refused

both = pytest.mark.parametrize(
    "kept_in", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
PROGRAM = Principal(person="maria", proven_by="token:no-token")
ADDRESS = "127.0.0.1:8760"


class Access:
    """One of each kind, in use, and its secret."""

    def __init__(self, desk: AtDesk) -> None:
        office = desk.office()
        self.desk, self.office, self.logins = desk, office, Logins(office)
        self.accounts = Accounts(office, self.logins)
        scopes = ("incident.read",)
        self.token = tokens.create(office, office.principal, "siem", "maria", scopes, timedelta(days=9))[1]
        self.other = tokens.create(office, office.principal, "other", "maria", scopes, timedelta(days=9))[1]
        self.session = self.logins.begin("jonas", "password+totp")
        self.link = self.logins.invite(office.principal)
        self.step = step_links.create(office, office.find(None), "block", "maria")[1]
        self.invitation = self.accounts.invite("ada")
        self.calendar = calendars.make(office, "jonas")
        self.logins.announce(ADDRESS)
        self.incident = office.load(office.find(None))
        self.key = idempotency.begin(office, PROGRAM, "k", b"request", self.incident)[0]
        idempotency.finish(office, self.key, b"done before")
        verify_for_page(office, None)

    def works(self) -> dict[str, bool]:
        """Return kind → whether the program accepts it. Nothing is used up, except the link."""
        office, logins = self.office, self.logins
        name, answer, _ = idempotency.begin(office, PROGRAM, "k", b"request", self.incident)
        if not answer:
            idempotency.forget(office, name)
        return {
            "token/": tokens.find(office, self.token) is not None,
            "room-login/": logins.find(self.session) is not None and len(logins.of("jonas")) == 1,
            "room-link/": logins.enter(self.link) is not None,
            "step-link/": step_links.find(office, self.step) is not None,
            "login-invited/": self.accounts.invited(self.invitation) == "ada",
            "calendar/": calendars.find(office, self.calendar) == "jonas",
            "room-server": logins.address() == ADDRESS,
            "api-key/": answer == b"done before",
            "verified/": last_check(office, None) is not None,
        }

    def as_before(self) -> dict[str, bytes]:
        """Return all these rows as versions before schema 4 wrote them."""
        return {name: body for kind in KINDS for name, body in self.office.marks(kind).items()}


@pytest.fixture
def access(incident: AtDesk) -> Access:
    return Access(incident)


def no_key() -> NoReturn:
    raise Sealed("An intruder has none.", code="no_master")


def raw(desk: AtDesk) -> dict[str, bytes]:
    with closing(open_store(desk.store or "sqlite:tocsin.db", Vault(no_key), base=desk.home)) as store:
        return {name: body for name, body in store.marks().items() if name.startswith(KINDS)}


def plant(desk: AtDesk, change: Callable[[Mapping[str, bytes]], Mapping[str, bytes]], *names: str) -> None:
    """Write rows as somebody does who has the database, and no key."""
    with closing(open_store(desk.store or "sqlite:tocsin.db", Vault(no_key), base=desk.home)) as store:
        store.change_marks(names, change)


def faults(said: Said) -> list[str]:
    return [one["what"] for one in said.json["faults"] if one["code"] == "mark_forged"]


def verified(desk: AtDesk) -> Said:
    return desk("audit", "verify", "--format", "json")


@both
def test_what_the_program_made_works_and_is_not_readable_in_the_database(access: Access) -> None:
    assert access.works() == dict.fromkeys(KINDS, True)
    assert verified(access.desk).code == 0
    assert not [name for name, body in raw(access.desk).items() if b"maria" in body or b"{" in body[:1]]


@both
def test_a_planted_row_of_each_kind_does_not_exist_and_is_reported(access: Access) -> None:
    desk, rows = access.desk, access.as_before()
    assert {kind for kind in KINDS for name in rows if name.startswith(kind)} == set(KINDS)
    plant(desk, lambda _: {}, *rows)  # the true ones end
    plant(desk, lambda _: rows, *rows)
    assert access.works() == dict.fromkeys(KINDS, False)
    said = verified(desk)
    assert (said.code, len(faults(said))) == (1, len(KINDS) - 1)  # the request was begun anew
    assert any("token/other was" in what and "1 more" in what for what in faults(said))


@both
@pytest.mark.parametrize("forged", ["changed", "of another name"])
def test_a_changed_row_of_each_kind_does_not_exist_and_is_reported(access: Access, forged: str) -> None:
    desk, before = access.desk, raw(access.desk)
    token = before["token/other"]
    made = {
        name: body[:-1] + bytes((body[-1] ^ 1,)) if forged == "changed" else token
        for name, body in before.items()
        if name != "token/other"
    }
    plant(desk, lambda _: made, *made)
    assert access.works() == dict.fromkeys(KINDS, False)
    assert tokens.find(access.office, access.other) is not None
    assert len(faults(verified(desk))) == len(KINDS) - 1


@both
def test_the_doctor_reports_planted_rows_and_its_repair_removes_these_alone(access: Access) -> None:
    desk = access.desk
    evil = msgspec.json.encode({"person": "jonas", "made": desk.clock.now()})
    plant(desk, lambda _: {f"login-invited/{'0' * 64}": evil}, f"login-invited/{'0' * 64}")

    def found(*words: str) -> list[tuple[str, str]]:
        findings = json.loads(desk("doctor", "--offline", *words, "--format", "json").out)["findings"]
        return [(one["severity"], one["code"]) for one in findings if one["code"] == "mark_forged"]

    assert found() == [("error", "mark_forged")]
    assert found("--repair") == [("mended", "mark_forged")]
    assert found() == []
    assert access.works() == dict.fromkeys(KINDS, True)


@both
def test_without_the_key_of_the_marks_all_of_them_end(access: Access) -> None:
    """Who removes the key, or puts one of another purpose in its place, ends access, and gains none."""
    desk = access.desk
    execute(
        desk,
        "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE incident = 'home/root') WHERE incident = 'home/marks'",
    )
    access.office.close()
    access.office = desk.office()
    access.logins = Logins(access.office)
    assert tokens.find(access.office, access.token) is None
    assert len(faults(verified(desk))) == len(KINDS)
    execute(desk, "DELETE FROM keys WHERE incident = 'home/marks'")
    assert len(faults(verified(desk))) == len(KINDS)
    secret = Logins(desk.office()).begin("jonas", "password+totp")
    assert Logins(desk.office()).find(secret) is not None
    assert tokens.find(desk.office(), access.token) is None


def execute(desk: AtDesk, *statements: str) -> None:
    """Change the database of a home behind its program."""
    if desk.store:
        import psycopg

        with psycopg.connect(desk.store, autocommit=True) as server:
            server.execute("SET search_path = tocsin; SET session_replication_role = replica")
            for statement in statements:
                server.execute(statement)
        return
    with closing(sqlite3.connect(desk.home / "tocsin.db", isolation_level=None)) as file:
        for statement in statements:
            file.execute(statement)


@both
def test_at_the_upgrade_access_ends_and_an_administrator_confirms_tokens_and_calendars(
    access: Access,
) -> None:
    desk, rows = access.desk, access.as_before()
    plant(desk, lambda _: rows, *rows)
    access.office.close()
    version = "UPDATE meta SET schema_version = 3" if desk.store else "PRAGMA user_version = 3"
    execute(desk, "DELETE FROM keys WHERE incident = 'home/marks'", version)
    if desk.store:
        fence_of_the_upgrade_before(desk.store)
    assert desk("doctor", "--offline", "--repair").code in (0, 1, 4)
    access.office = desk.office()
    access.logins = Logins(access.office)
    access.accounts = Accounts(access.office, access.logins)
    assert access.works() == dict.fromkeys(KINDS, False)
    assert verified(desk).code == 0
    findings = desk("doctor", "--offline", "--format", "json").json["findings"]
    assert "access_unconfirmed" in {finding["code"] for finding in findings}
    assert "access_unconfirmed" in [one["kind"] for one in attention(desk)]
    invitation = f"login-invited/{'0' * 64}"  # it has the fields of a calendar address
    evil = {
        "unsealed/token/evil": rows["token/siem"],  # of another name
        f"unsealed/{invitation}": msgspec.json.encode({"person": "jonas", "made": desk.clock.now()}),
        "unsealed/token/no-json": b"{",
    }
    plant(desk, lambda _: evil, *evil)

    assert desk("token", "reseal").error == "no_terminal"
    assert desk("token", "reseal", types="n\n").error == "not_confirmed"
    assert desk("token", "reseal", "--without", "nobody", "--yes").error == "unknown_token"
    with refused("no_right"):
        tokens.reseal(access.office, Principal(person="ada", proven_by="login:password+totp/s-1"), {})
    assert tokens.find(access.office, access.token) is None
    said = desk("token", "reseal", "--without", "other", "--yes", "--format", "json").json
    assert ([one["name"] for one in said["tokens"]], said["calendars"], said["ended"]) == (
        ["siem"],
        ["jonas"],
        4,
    )
    assert {kind for kind, works in access.works().items() if works} == {"token/", "calendar/"}
    assert tokens.find(access.office, access.other) is None
    assert {"token/siem"} == {name for name in raw(desk) if not name.startswith(("calendar/", "verified/"))}
    assert "access_unconfirmed" not in [one["kind"] for one in attention(desk)]
    assert verified(desk).code == 0


def fence_of_the_upgrade_before(url: str) -> None:
    import psycopg

    from runner.store.postgres.fences import only_schema

    with psycopg.connect(url, autocommit=True) as server:
        only_schema(server, 3)


def attention(desk: AtDesk) -> list[dict[str, Any]]:
    return list(desk("status", "--format", "json").json["organisation"])


def test_access_goes_on_after_a_change_of_the_master_key(access: Access) -> None:
    access.office.close()
    access.desk.done("key", "rotate", "--to", "file:second.key")
    access.office = access.desk.office()
    access.logins = Logins(access.office)
    access.accounts = Accounts(access.office, access.logins)
    assert access.works() == dict.fromkeys(KINDS, True)
    assert verified(access.desk).code == 0


@pytest.mark.postgres
def test_access_goes_on_in_another_database(access: Access, postgres_url: str) -> None:
    access.office.close()
    access.desk.done("store", "move", postgres_url)
    access.office = access.desk.office()
    access.logins = Logins(access.office)
    access.accounts = Accounts(access.office, access.logins)
    assert access.works() == dict.fromkeys(KINDS, True)


def test_without_the_master_key_nobody_is_let_in_and_reading_goes_on(access: Access, tmp_path: Path) -> None:
    access.office.close()
    (access.desk.home / "master.key").rename(tmp_path / "elsewhere.key")
    office = access.desk.office()
    assert tokens.find(office, access.token) is None
    assert Logins(office).find(access.session) is None
    said = verified(access.desk)
    assert (said.code, faults(said)) == (0, [])


def test_a_revoked_token_whose_row_is_put_back_is_nobody_and_one_made_later_works(access: Access) -> None:
    desk = access.desk
    before = raw(desk)["token/siem"]
    desk.clock.advance(timedelta(minutes=1))
    desk.done("token", "revoke", "siem")
    plant(desk, lambda _: {"token/siem": before}, "token/siem")
    assert tokens.find(access.office, access.token) is None
    desk.done("token", "revoke", "siem")
    made = desk.done("token", "create", "siem", "--owner", "maria", "--scope", "incident.read").strip()
    assert tokens.find(access.office, made) is not None
    assert tokens.find(access.office, access.other) is not None
