"""Rights come from one table: a principal can read and write only what the table allows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Raw

from runner.app.core.incident_service import IncidentService
from runner.app.core.rights import ANY, LOCAL, ROLES, Rights, rights_of
from runner.base.actor import Event, Principal
from runner.errors import Refused
from runner.facts.vocabulary.register import FactChange
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Run
from tests.scenario import ask
from tests.workers.runs import keep, make_desk

ROOT = Path(__file__).parents[3]
ROLE_HOLDERS = {"counsel": ("cleo",), "technical": ("tom",), "commander": ("mia",)}


def proven(person: str) -> Principal:
    """Return somebody who is not at this machine, and has proved who they are."""
    return Principal(person=person, proven_by="login:test")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[IncidentService]:
    """A home with one incident that has a note for counsel."""
    made = make_desk(tmp_path, "sqlite:tocsin.db")
    bundle = keep(made, [ask("q", "data.encrypted")])
    run = Run(
        id="run",
        playbook="run",
        version="1.0.0",
        digest="sha256:run",
        bundle=bundle.digest,
        at=made.clock.now(),
    )
    opened = e.IncidentOpened(incident="i-1", codename="i-1", title="Run", kind="real")
    roles = [c.AssignRole(role=role, persons=persons) for role, persons in ROLE_HOLDERS.items()]
    made.open(made.principal, opened, [*roles, c.PinPlaybook(run=run)])
    made.act(made.principal, "i-1", [c.AddNote(text="the contract", privileged=True)])
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("principal", "rights"),
    [
        (Principal(person="ana", os_user="ana"), ROLES[LOCAL]),
        (Principal(person="tocsin", os_user="ana"), ROLES[LOCAL]),
        (Principal(person="", os_user="ana"), Rights()),
        (Principal(person="cleo"), Rights()),
        (proven("nobody-known"), Rights()),
        (proven("cleo"), ROLES["counsel"]),
        (proven("tom"), ROLES[ANY]),
    ],
)
def test_rights_come_from_the_table_and_from_nothing_else(principal: Principal, rights: Rights) -> None:
    assert rights_of(principal, lambda: ROLE_HOLDERS) == rights


def test_an_event_of_another_stream_is_withheld_but_for_type_time_and_digest(desk: IncidentService) -> None:
    incident = desk.load("i-1")
    whole = list(desk.read(desk.principal).events(incident))
    [note] = [row for row in whole if row.stream == "privileged"]
    seen = {person: list(desk.read(proven(person)).events(incident)) for person in ("cleo", "tom")}
    assert seen["cleo"] == whole
    withheld = seen["tom"][note.seq - 1]
    assert (withheld.type, withheld.at, withheld.hash) == (note.type, note.at, note.hash)
    assert withheld.payload is None
    assert withheld.actor.claimed == ""
    assert [row for row in seen["tom"] if row.seq != note.seq] == [
        row for row in whole if row.seq != note.seq
    ]


def test_a_person_without_a_role_reads_nothing(desk: IncidentService) -> None:
    reader, incident = desk.read(proven("eve")), desk.load("i-1")
    assert reader.incidents() == []
    assert all(row.payload is None for row in reader.events(incident))
    for read in (lambda: reader.incident("i-1"), lambda: reader.document(incident, "d-1", "txt")):
        with pytest.raises(Refused) as refused:
            read()
        assert refused.value.code == "no_right"
    assert [row.id for row in desk.read(proven("tom")).incidents()] == ["i-1"]
    assert desk.read(proven("tom")).incident("i-1") == incident


@pytest.mark.parametrize(
    "principal", [proven("eve"), Principal(person="tom"), Principal(person="", os_user="ana")]
)
def test_a_principal_without_the_right_writes_nothing(desk: IncidentService, principal: Principal) -> None:
    before = desk.load("i-1")
    opened = e.IncidentOpened(incident="i-2", codename="i-2", title="Run", kind="real")
    for write in (
        lambda: desk.act(principal, "i-1", [c.Pause(reason="lunch")]),
        lambda: desk.open(principal, opened, []),
        lambda: desk.record(principal, [], desk.clock.now()),
        lambda: desk.erase(principal, "i-1"),
        lambda: desk.keep_document(principal, "i-1", b"x"),
        lambda: desk.campaign_tables(principal),
        lambda: desk.append(principal, []),
        lambda: desk.rebuild(principal, []),
    ):
        with pytest.raises(Refused) as refused:
            write()
        assert refused.value.code == "no_right"
    assert desk.load("i-1") == before


def test_a_person_with_a_role_acts_and_is_recorded(desk: IncidentService) -> None:
    turn = desk.act(proven("tom"), "i-1", [c.AddNote(text="seen")])
    assert [type(one.event) for one in turn.events] == [e.NoteAdded]
    [row] = desk.store.read("i-1", turn.before.version)
    assert (row.actor.claimed, row.actor.proven_by, row.actor.os_user) == ("tom", "login:test", "")


@pytest.mark.parametrize("name", ["mia", ""])
def test_a_person_with_a_proven_name_cannot_act_under_another(desk: IncidentService, name: str) -> None:
    with pytest.raises(Refused) as refused:
        desk.act(proven("tom"), "i-1", [c.Acknowledge(person=name, delivery="d-1", via="pager")])
    assert refused.value.code == "no_right"


def test_no_event_of_another_stream_changes_the_state_of_an_incident(desk: IncidentService) -> None:
    """Else ``Reader.incident`` would have to drop records from it."""
    kinds = [kind for kind in _kinds(Event) if kind.stream != "operational"]
    assert sorted(kind.__name__ for kind in kinds) == ["PrivilegedEventCorrected", "PrivilegedNoteAdded"]
    noted = desk.act(desk.principal, "i-1", [c.AddNote(text="for counsel", privileged=True)])
    entry = max(noted.after.streams)
    corrected = desk.act(desk.principal, "i-1", [c.CorrectEvent(seq=entry, reason="another one")])
    for turn in (noted, corrected):
        assert {
            name
            for name in turn.after.__struct_fields__
            if getattr(turn.before, name) != getattr(turn.after, name)
        } <= {"version", "streams"}


def _kinds(kind: type[Event]) -> Iterator[type[Event]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


WRITING = frozenset(
    ("append", "shred", "put_blob", "bulk", "put_snapshot", "rebuild", "set_setting", "change_marks")
)
"""Methods of a store by which records, indexes, settings and marks come into being, change or go."""
DOORS = frozenset(
    f"runner/{name}.py"
    for name in (
        "app/core/incident_service",
        "app/core/proof/sealed_marks",
        "app/core/proof/signing_keys",
        "app/core/proof/timestamps",
        "app/core/repository",
        "app/core/trusted_clock",
        "workers/choice",
    )
)


READING = frozenset({"read", "read_payloads", "get_blob", "links"})
"""Methods of a store that return what is kept."""
VERIFIERS = frozenset(("runner/app/home/integrity.py",))
"""Modules that read journals and documents to verify them, whoever may read them."""


def test_only_the_service_writes_to_the_store() -> None:
    assert _uses(WRITING) - DOORS == set()


def test_contents_of_the_store_are_read_in_the_core_alone() -> None:
    found = {path for path in _uses(READING) if not path.startswith("runner/app/core/")}
    assert found - VERIFIERS == set()


def test_the_command_line_and_the_pages_reach_no_store() -> None:
    surfaces = ("runner/cli/", "runner/web/")
    assert {
        path for path, node in _attributes() if node.attr == "store" and path.startswith(surfaces)
    } == set()


def _uses(names: frozenset[str]) -> set[str]:
    return {path for path, node in _attributes() if node.attr in names and _is_store(node.value)}


def _attributes() -> Iterator[tuple[str, ast.Attribute]]:
    """Yield each attribute that the runner asks for outside the store."""
    for path in (ROOT / "runner").rglob("*.py"):
        if "runner/store" not in path.as_posix():
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    yield path.relative_to(ROOT).as_posix(), node


def _is_store(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.strip("_") == "store"


FACT_RIGHTS: dict[str, tuple[bool, bool]] = {
    # role             fact.state  fact.legal
    LOCAL:            (True, True),
    "commander":      (True, True),
    "counsel":        (True, True),
    "outside_counsel": (False, False),
    "dpo":            (True, True),
    "executive":      (False, False),
    "hr":             (True, False),
    "evaluator":      (False, False),
    "auditor":        (False, False),
    ANY:              (True, False),
}  # fmt: skip
"""Who may record facts, and those that decide on a legal duty; read beside the table of the issue."""


@pytest.mark.parametrize("role", FACT_RIGHTS)
def test_facts_are_stated_by_those_who_may(desk: IncidentService, role: str) -> None:
    name = {ANY: "technical"}.get(role, role)
    desk.act(desk.principal, "i-1", [c.AssignRole(role=name, persons=("pat",))])
    principal = Principal(person="pat", os_user="pat") if role == LOCAL else proven("pat")
    plain = FactChange(key="incident.summary", value=Raw(b'"x"'), source="pat")
    legal = FactChange(key="risk.to_people", value=Raw(b'"high"'), source="pat")
    found = []
    for change in (plain, legal):
        try:
            desk.act(principal, "i-1", [c.RecordFacts(changes=(change,))])
            found.append(True)
        except Refused as refused:
            found.append(refused.code != "no_right")
    assert tuple(found) == FACT_RIGHTS[role]
