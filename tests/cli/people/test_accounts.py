"""Accounts at the command line: invited, opened, used to prove a name, paced, and disabled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pyotp import TOTP

from runner.app.people import calendars
from runner.app.people.accounts import CODES, INVITATION_LASTS, WARNED, Ended
from runner.app.people.factors import Subject
from runner.app.people.login_pace import FREE, LONGEST_DELAY, begin_attempt, end_attempt
from runner.app.people.logins import LONGEST
from runner.app.people.passwords import hash_password, is_password
from runner.app.people.tokens import find
from runner.errors import Refused
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.refusals import refused
from tests.web.room.factors import PASSWORD, Person, accounts_of, an_account


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    """A home in which Jonas has an account."""
    folder = tmp_path_factory.mktemp("accounts")
    made = AtDesk(folder / "home")
    made.done("init")
    made.settings()
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    yield made
    made.close()


@pytest.fixture
def jonas(desk: AtDesk) -> Person:
    return an_account(desk, "jonas")


def logged_in(desk: AtDesk, jonas: Person) -> None:
    """Log in at the terminal and open an incident."""
    desk.done("login", "jonas", types=f"{PASSWORD}\n{jonas.code()}\n")
    desk.done("open", str(desk.home.parent / "lost-badge.yaml"), "--yes", "--fact", "incident.summary=4711")


def test_a_person_with_an_account_logs_in_and_proves_a_name(desk: AtDesk, jonas: Person) -> None:
    logged_in(desk, jonas)
    desk.done("note", "by a proven name")
    desk.done("note", "by a claim", "--as", "ada")
    entries = desk("timeline", "--all", "--format", "json").json["entries"]
    proofs = {
        (entry["actor"].partition(" ")[0], (entry["proven_by"] or "").partition("/")[0])
        for entry in entries
        if "by a" in entry["text"]
    }
    assert proofs == {("jonas", "login:password+totp"), ("ada", "")}
    (row,) = desk("account", "list", "--format", "json").json["accounts"]
    assert (row["person"], row["state"], row["recovery_codes"]) == ("jonas", "active", CODES)
    assert row["sessions"] == 2, "of the page of the invitation, and of the terminal"


def test_an_approval_needs_a_login_once_there_is_an_account(desk: AtDesk, jonas: Person) -> None:
    logged_in(desk, jonas)
    for words in (("task", "done", "block"), ("answer", "used", "no"), ("task", "done", "report")):
        desk("task", "check", "block", "--all", "--as", "maria")
        desk.done(*words, "--as", "maria")
    digest = desk("task", "show", "sign", "--format", "json").json["subject_digest"]
    assert desk("approve", "sign", "--digest", digest, "--as", "ada").error == "needs_proof"
    assert desk("reject", "sign", "--digest", digest, "--reason", "no", "--as", "ada").error == "needs_proof"
    desk.done("approve", "sign", "--digest", digest)
    (given,) = desk("task", "show", "sign", "--format", "json").json["approvals"]
    assert (given["by"], given["proven_by"].partition("/")[0]) == ("jonas", "login:password+totp")
    desk.settings(identity={"require_proof": []})
    desk.done("approve", "sign", "--digest", digest, "--as", "ada")
    desk.settings()


def test_a_login_ends_by_logout_by_time_and_for_another_user(desk: AtDesk, jonas: Person) -> None:
    logged_in(desk, jonas)
    (kept,) = desk.home.with_name("state").glob("login-*.json")
    assert kept.stat().st_mode & 0o077 == 0
    desk.os_user = "eve"
    assert desk("note", "from another user").warnings == ["login_ended"]
    desk.os_user = "maria"
    assert desk("note", "from the same user").warnings == []
    desk.clock.advance(LONGEST)
    assert desk("status").warnings == ["login_ended"]
    desk.done("login", "jonas", types=f"{PASSWORD}\n{jonas.code()}\n")
    desk.done("logout")
    assert desk("logout").error == "not_logged_in"
    assert desk("status").warnings == []


def test_a_code_is_valid_once(desk: AtDesk, jonas: Person) -> None:
    accounts, code = accounts_of(desk.office()), jonas.code()
    assert accounts.log_in("jonas", PASSWORD, code, "a") == "password+totp"
    for used in (code, TOTP(jonas.seed).at(desk.clock.now() - timedelta(seconds=30))):
        with refused("login_refused"):
            accounts.log_in("jonas", PASSWORD, used, "a")
    assert accounts.log_in("jonas", PASSWORD, jonas.codes[0].upper(), "a") == "password+recovery"
    with refused("login_refused"):
        accounts.log_in("jonas", PASSWORD, jonas.codes[0], "a")
    assert accounts.log_in("jonas", PASSWORD, jonas.code(), "a") == "password+totp"


def test_guesses_are_paced_for_known_and_unknown_names_alike(desk: AtDesk, jonas: Person) -> None:
    service = desk.office()
    accounts = accounts_of(service)
    for name in ("jonas", "nobody"):
        with refused("login_refused"):
            accounts.log_in(name, "a wrong password", jonas.code(), f"desk of {name}")
        for _ in range(FREE["name"] - 1):
            begin_attempt(service, name, f"desk of {name}")
        with refused("too_many_attempts"):
            accounts.log_in(name, PASSWORD, "000000", f"desk of {name}")
    desk.clock.advance(LONGEST_DELAY)
    assert accounts.log_in("jonas", PASSWORD, jonas.code(), "a") == "password+totp"
    code = jonas.code()
    for number in range(FREE["address"]):
        begin_attempt(service, f"name-{number}", "one address")
    with refused("too_many_attempts"):
        accounts.log_in("jonas", PASSWORD, code, "one address")
    assert accounts.log_in("jonas", PASSWORD, code, "another address") == "password+totp"


def test_the_delay_doubles_up_to_a_limit(desk: AtDesk) -> None:
    service, waited = desk.office(), []
    for _ in range(16):
        start = desk.clock.now()
        while True:
            try:
                begin_attempt(service, "slow", "one place")
                break
            except Refused:
                desk.clock.advance(timedelta(seconds=1))
        waited.append((desk.clock.now() - start).total_seconds())
    assert waited[:8] == [0, 0, 0, 0, 0, 2, 4, 8]
    assert max(waited) == LONGEST_DELAY.total_seconds()
    desk.clock.advance(LONGEST_DELAY)
    end_attempt(service, begin_attempt(service, "slow", "one place"))
    begin_attempt(service, "slow", "one place")
    begin_attempt(service, "slow", "one place")


def test_addresses_of_one_ipv6_network_are_one_address(desk: AtDesk) -> None:
    service = desk.office()
    for number in range(FREE["address"]):
        begin_attempt(service, f"guess-{number}", f"2001:db8:0:1::{number:x}")
    with refused("too_many_attempts"):
        begin_attempt(service, "another", "2001:db8:0:1:ffff:ffff:ffff:ffff")
    begin_attempt(service, "another", "2001:db8:0:2::1")
    for number in range(FREE["address"]):
        begin_attempt(service, f"more-{number}", f"::ffff:192.0.2.{number}")
    with refused("too_many_attempts"):
        for number in range(FREE["address"] + 1):
            begin_attempt(service, f"others-{number}", "::ffff:192.0.2.9")


def test_strangers_slow_no_terminal_and_the_owner_is_told(desk: AtDesk, jonas: Person) -> None:
    service = desk.office()
    accounts = accounts_of(service)
    for number in range(1, FREE["everywhere"] + 10):
        if number >= FREE["everywhere"]:
            desk.clock.advance(LONGEST_DELAY)
        if number not in (WARNED - 1, WARNED):
            begin_attempt(service, "jonas", f"192.0.2.{number}")
            continue
        with refused("login_refused"):
            accounts.log_in("jonas", "a wrong password", "000000", f"192.0.2.{number}")
        assert desk.console.count("Somebody guesses your password") == int(number == WARNED)
    with refused("too_many_attempts"):
        accounts.log_in("jonas", PASSWORD, jonas.code(), "198.51.100.1")
    desk.done("login", "jonas", types=f"{PASSWORD}\n{jonas.code()}\n")


def test_a_success_starts_no_wait_for_others_at_its_address(desk: AtDesk, jonas: Person) -> None:
    service = desk.office()
    accounts = accounts_of(service)
    for number in range(FREE["address"] + 3):
        try:
            begin_attempt(service, f"guess-{number}", "an office")
        except Refused:
            desk.clock.advance(LONGEST_DELAY)
            begin_attempt(service, f"guess-{number}", "an office")
    desk.clock.advance(LONGEST_DELAY)
    accounts.log_in("jonas", PASSWORD, jonas.code(), "an office")
    begin_attempt(service, "a colleague", "an office")
    with refused("too_many_attempts"):
        begin_attempt(service, "another", "an office")


def test_an_invitation_works_once_and_ends_after_days(desk: AtDesk) -> None:
    accounts = accounts_of(desk.office())
    first = accounts.invite("ada")
    second = accounts.invite("ada")
    assert (accounts.invited(first), accounts.invited(second)) == ("", "ada")
    seed = accounts.new_seed(second, "n")
    code = TOTP(seed).at(desk.clock.now())
    with refused("weak_password"):
        accounts.open(second, "n", "ada-adler-2026", code)
    with refused("wrong_code"):
        accounts.open(second, "other", PASSWORD, code)
    accounts.open(second, "n", PASSWORD, code)
    with refused("invitation_ended"):
        accounts.open(second, "n", PASSWORD, code)
    third = accounts.invite("ada")
    desk.clock.advance(INVITATION_LASTS)
    assert accounts.invited(third) == ""
    assert desk("account", "invite", "nobody-known").error == "unknown_person"


def test_a_disabled_account_cannot_log_in_and_its_sessions_end(desk: AtDesk) -> None:
    ada = an_account(desk, "ada")
    desk.done("login", "ada", types=f"{PASSWORD}\n{ada.code()}\n")
    token = desk.done(
        "token", "create", "hers", "--owner", "ada", "--scope", "incident.read", "--as", "maria"
    )
    assert desk("account", "disable", "ada").error == "option_missing"
    desk.done("account", "disable", "ada", "--reason", "her phone was stolen", "--as", "maria")
    assert find(desk.office(), token.strip()) is None
    assert desk("status").warnings == ["login_ended"]
    with refused("login_refused"):
        accounts_of(desk.office()).log_in("ada", PASSWORD, ada.code(), "a")
    rows = {row["person"]: row for row in desk("account", "list", "--format", "json").json["accounts"]}
    assert (rows["ada"]["state"], rows["ada"]["by"]) == ("disabled", "maria")
    assert desk("account", "disable", "ada", "--reason", "again").error == "account_ended"
    assert desk("login", "ada", types="x\ny\n").error == "unknown_account"


def recipients(desk: AtDesk, before: str) -> list[str]:
    """Return who got messages since then."""
    lines = desk.console[len(before) :].splitlines()
    return sorted(one.removeprefix("To: ") for one in lines if one.startswith("To: "))


def test_a_reset_ends_all_that_acts_for_the_account_and_says_so(desk: AtDesk) -> None:
    ada = an_account(desk, "ada")
    desk.done("open", str(desk.home.parent / "lost-badge.yaml"), "--yes", "--fact", "incident.summary=4711")
    desk.done("login", "ada", types=f"{PASSWORD}\n{ada.code()}\n")
    words = ("token", "create", "hers", "--owner", "ada", "--scope", "incident.read", "--as", "maria")
    token = desk.done(*words).strip()
    desk.done("step-link", "create", "ada", "block", "--as", "maria")
    service = desk.office()
    calendar = calendars.make(service, "ada")
    assert (find(service, token) is not None, calendars.find(service, calendar)) == (True, "ada")
    ended = accounts_of(service).reset("ada", "her phone was stolen", "maria")
    assert ended == Ended(sessions=2, tokens=1, links=1, calendars=1)
    assert ended.words in desk.console
    assert (find(service, token), calendars.find(service, calendar)) == (None, None)
    assert not desk("token", "list", "--format", "json").json["tokens"]
    before = desk.console
    accounts_of(service).invite("ada", "maria")
    assert "over" in desk.console[len(before) :].split(), "it can take the account over"


def test_the_author_hears_of_it_and_counsel_where_nobody_else_would(desk: AtDesk) -> None:
    accounts = accounts_of(desk.office())
    before = desk.console
    accounts.invite("ada", "maria")  # by her proved name, which a thief can use
    assert recipients(desk, before) == ["ada", "jonas", "maria"], "she is the only commander"
    desk.done("role", "assign", "administrator", "jonas", "--always", "--as", "ada")
    before = desk.console
    accounts_of(desk.office()).invite("ada", "maria")
    assert recipients(desk, before) == ["ada", "jonas", "maria"]
    before = desk.console
    accounts_of(desk.office()).invite("jonas", "ada")
    assert recipients(desk, before) == ["ada", "jonas", "maria"]


def test_an_account_that_is_reset_has_no_factors_until_an_invitation_is_used(desk: AtDesk) -> None:
    ada = an_account(desk, "ada")
    accounts = accounts_of(desk.office())
    accounts.bind("ada", Subject(issuer="https://id.example.org", sub="u-1"))
    desk.done("login", "ada", types=f"{PASSWORD}\n{ada.code()}\n")
    assert desk("account", "reset", "ada").error == "option_missing"
    before = desk.console
    desk.done("account", "reset", "ada", "--reason", "she lost her phone", "--as", "maria")
    assert desk("status").warnings == ["login_ended"]
    assert recipients(desk, before) == ["ada", "jonas", "maria"]
    with refused("login_refused"):
        accounts_of(desk.office()).log_in("ada", PASSWORD, ada.code(), "a")
    accounts = accounts_of(desk.office())
    assert (accounts.factors("ada"), accounts.book().proves) == (None, True)
    assert accounts.person_of(Subject(issuer="https://id.example.org", sub="u-1")) == ""
    rows = {row["person"]: row for row in desk("account", "list", "--format", "json").json["accounts"]}
    assert (rows["ada"]["state"], rows["ada"]["reason"]) == ("reset", "she lost her phone")
    assert desk("account", "reset", "ada", "--reason", "again").error == "account_ended"
    link = desk.done("account", "invite", "ada").split()[0].rpartition("/")[2]
    assert accounts_of(desk.office()).book().found["ada"].state == "reset", "looking does not end it"
    assert accounts_of(desk.office()).invited(link) == "ada"
    an_account(desk, "ada")
    assert accounts_of(desk.office()).book().is_active("ada")


def test_no_factor_is_in_the_store_in_clear(desk: AtDesk, jonas: Person) -> None:
    stored = b"".join(path.read_bytes() for path in desk.home.glob("tocsin.db*"))
    assert b"login-factors/jonas" in stored
    for secret in (PASSWORD, jonas.seed, "$argon2id$", jonas.codes[3]):
        assert secret.encode() not in stored


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "123456789012",
        "qwertyuiop12",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "administrator1",
        "Jonas-Jansen-26",
    ],
)
def test_a_password_that_many_have_is_refused(password: str) -> None:
    with refused("weak_password"):
        hash_password(password, "jonas", "Jonas Jansen")


def test_a_password_is_known_however_it_is_composed() -> None:
    stored = hash_password("violette Brücke im Regen")
    assert is_password(stored, "violette Bru\u0308cke im Regen")
    assert not is_password(None, "violette Brücke im Regen")


@pytest.mark.postgres
@pytest.mark.parametrize("kept_in", ["postgres"], indirect=True)
def test_accounts_work_on_a_shared_database(tocsin: AtDesk, tmp_path: Path) -> None:
    jonas = an_account(tocsin, "jonas")
    tocsin.done("login", "jonas", types=f"{PASSWORD}\n{jonas.code()}\n")
    assert tocsin("account", "list", "--format", "json").json["accounts"][0]["sessions"] == 2
    with refused("login_refused"):
        accounts_of(tocsin.office()).log_in("jonas", PASSWORD, "000000", "a")
    tocsin.done("account", "disable", "jonas", "--reason", "left")
    assert tocsin("status").warnings == ["login_ended"]
