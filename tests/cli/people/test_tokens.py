"""Tokens of programs: what they may, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from runner.app.core.rights import PROGRAMS, ROLES
from runner.app.people.tokens import PREFIX, find
from runner.errors import Refused
from runner.incident.state import commands as c
from tests.cli.at_desk import PLAYBOOK, AtDesk


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    """A home with an open incident, for all tests: each has tokens of its own."""
    folder = tmp_path_factory.mktemp("tokens")
    made = AtDesk(folder / "home")
    made.done("init")
    made.settings()
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    made.done("open", str(folder / "lost-badge.yaml"), "--yes")
    yield made
    made.close()


def secret(desk: AtDesk, name: str, *scopes: str, owner: str = "maria", days: str = "90") -> str:
    options = [word for scope in scopes for word in ("--scope", scope)]
    return desk.done("token", "create", name, "--owner", owner, "--days", days, *options).strip()


def row_of(desk: AtDesk, name: str) -> Any:
    rows = desk("token", "list", "--format", "json").json["tokens"]
    return next((row for row in rows if row["name"] == name), None)


def test_a_token_is_shown_once_and_stored_as_a_digest(desk: AtDesk) -> None:
    given = secret(desk, "once", "incident.read")
    assert given.startswith(f"{PREFIX}once_")
    stored = b"".join(path.read_bytes() for path in desk.home.rglob("*") if path.is_file())
    assert given.removeprefix(f"{PREFIX}once_").encode() not in stored
    row = row_of(desk, "once")
    assert (row["owner"], row["scopes"], row["used"], row["expired"]) == (
        "maria",
        ["incident.read"],
        None,
        False,
    )
    assert given not in desk.done("token", "list")


def test_a_token_names_its_person_its_proof_and_its_last_use(desk: AtDesk) -> None:
    given = secret(desk, "known", "incident.read", "metrics.read")
    found = find(desk.office(), given)
    assert found is not None
    assert (found.person, found.proven_by, found.os_user) == ("maria", "token:known", "")
    assert row_of(desk, "known")["used"] == desk.clock.now().isoformat().replace("+00:00", "Z")


def test_a_guess_is_nobody(desk: AtDesk) -> None:
    given, office = secret(desk, "guessed", "incident.read"), desk.office()
    for guess in (
        given[:-1],
        f"{given}x",
        given.replace("guessed", "other"),
        "",
        PREFIX,
        f"{PREFIX}guessed_",
    ):
        assert find(office, guess) is None, guess


def test_a_revoked_and_an_expired_token_are_nobody(desk: AtDesk) -> None:
    first, second = secret(desk, "one", "incident.read"), secret(desk, "two", "incident.read", days="1")
    desk.done("token", "revoke", "one")
    assert find(desk.office(), first) is None
    assert find(desk.office(), second) is not None
    desk.clock.advance(timedelta(days=1))
    assert find(desk.office(), second) is None
    assert (row_of(desk, "one"), row_of(desk, "two")["expired"]) == (None, True)


WRONG = [
    (("a", "--scope", "sign"), "unknown_scope"),
    (("a", "--scope", "token.manage"), "unknown_scope"),
    (("a",), "option_missing"),
    (("A_b", "--scope", "incident.read"), "bad_name"),
    (("a", "--scope", "incident.read", "--days", "366"), "bad_duration"),
    (("a", "--scope", "incident.read", "--days", "0"), "bad_duration"),
    (("a", "--scope", "incident.read", "--owner", "nobody"), "unknown_person"),
    (("a", "--scope", "task.steer", "--owner", "jonas"), "scope_beyond_owner"),
    (("taken", "--scope", "incident.read"), "token_exists"),
]


def test_a_wrong_token_is_refused(desk: AtDesk) -> None:
    secret(desk, "taken", "incident.read")
    for words, error in WRONG:
        assert desk("token", "create", *words).error == error, words
    assert desk("token", "revoke", "takn").error == "unknown_token"


def test_a_token_has_never_more_rights_than_its_owner_now(desk: AtDesk) -> None:
    given = secret(desk, "less", "task.steer", "duty.read")
    office = desk.office()
    found = find(office, given)
    assert found is not None
    assert office.read(found).may("task.steer")
    desk.done("role", "assign", "commander", "jonas", "--always", "--yes")
    office.forget_directory()
    assert not office.read(found).may("task.steer")
    desk.done("role", "assign", "commander", "maria", "--always", "--yes")


def test_a_token_gives_only_the_commands_of_its_scopes(desk: AtDesk) -> None:
    office = desk.office()
    found = find(office, secret(desk, "bot", "task.act", "incident.read"))
    assert found is not None
    (row,) = office.incidents()
    step = next(name for name in office.load(row.id).invocations if "block" in name)
    turn = office.act(found, row.id, [c.StartTask(step=step)])
    assert {entry.event.by for entry in turn.events if hasattr(entry.event, "by")} <= {"maria", ""}
    last = list(office.read(office.principal).events(office.load(row.id)))[-1]
    assert (last.actor.claimed, last.actor.proven_by) == ("maria", "token:bot")
    for command in (
        c.SkipStep(step=step, reason="x"),
        c.Close(reason="x"),
        c.Decide(step=step, digest="0" * 64, approved=True),
        c.AddNote(text="x"),
        c.AnswerUnknown(step=step),
        c.AssignRole(role="counsel", persons=("maria",)),
    ):
        with pytest.raises(Refused) as refused:
            office.act(found, row.id, [command])
        assert refused.value.code in ("no_right", "own_role")


def test_no_token_opens_an_incident_or_changes_the_home(desk: AtDesk) -> None:
    office = desk.office()
    found = find(office, secret(desk, "opener", *sorted(PROGRAMS & ROLES["commander"].grants)))
    assert found is not None
    event: Any = None
    with pytest.raises(Refused):
        office.open(found, event, [])
    with pytest.raises(Refused):
        office.keep_document(found, None, b"x")
    with pytest.raises(Refused):
        office.erase(found, "x")


def test_a_token_reads_the_operational_stream_alone(desk: AtDesk) -> None:
    desk.done("note", "canary", "--privileged", "--as", "jonas")
    office = desk.office()
    found = find(office, secret(desk, "counsel", "incident.read", owner="jonas"))
    assert found is not None
    incident = office.load(office.incidents()[0].id)
    payloads = b"".join(one.payload or b"" for one in office.read(found).events(incident))
    assert b"canary" not in payloads
    assert not office.read(found).may("duty.read")


def test_only_a_user_of_the_machine_manages_tokens(desk: AtDesk) -> None:
    from runner.app.people.tokens import tokens
    from runner.base.actor import Principal

    office = desk.office()
    with pytest.raises(Refused):
        tokens(office, Principal(person="maria", proven_by="login:test"))
