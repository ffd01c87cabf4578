"""The active incident of one system user when a command names none; it hides no open incident."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

FIRST, SECOND, THIRD = "amber-falcon", "calm-heron", "jade-otter"


@pytest.fixture
def desk(tocsin: AtDesk, playbook: Path) -> AtDesk:
    """The first incident was chosen and closed; the second is live."""
    tocsin.done("open", str(playbook), "--yes")
    tocsin.done("use", FIRST)
    tocsin.closed("--reason", "done")
    tocsin.done("open", str(playbook), "--yes", "--title", "Real")
    return tocsin


def meant(desk: AtDesk, *words: str) -> str:
    """Return the codename of the incident that ``status`` is about."""
    said = desk(*words, "status", "--format", "json")
    return str(said.json["codename"]) if said.code == 0 else said.error


def test_a_closed_choice_does_not_hide_a_live_incident(desk: AtDesk) -> None:
    assert meant(desk) == SECOND
    listed = desk("list", "--all", "--format", "json").json["incidents"]
    assert [incident["codename"] for incident in listed if incident["chosen"]] == [SECOND]


def test_closing_clears_the_active_incident_whoever_closes(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes")
    colleague = AtDesk(tocsin.home, tocsin.clock, tocsin.chance, environ={"TOCSIN_STATE": ""})
    colleague.closed("--reason", "done")
    assert meant(tocsin) == "no_incident"
    colleague.done("open", str(playbook), "--yes")
    assert meant(tocsin) == SECOND
    colleague.done("open", str(playbook), "--yes")
    assert meant(tocsin) == "which_incident"


def test_a_closed_incident_is_chosen_only_while_none_is_open(desk: AtDesk, playbook: Path) -> None:
    refused = desk("use", FIRST)
    assert (refused.code, refused.error) == (1, "not_open")
    assert meant(desk) == SECOND
    desk.closed("--reason", "done")
    desk.done("use", FIRST)
    assert meant(desk) == FIRST
    desk.done("open", str(playbook), "--yes")
    assert meant(desk) == THIRD


def test_open_chooses_the_new_incident(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes")
    tocsin.done("open", str(playbook), "--yes")
    assert meant(tocsin) == SECOND
    tocsin.done("use")
    assert meant(tocsin) == "which_incident"


def test_open_says_which_incident_commands_act_on_now_if_several_are_open(
    tocsin: AtDesk, playbook: Path
) -> None:
    def said() -> str:
        return tocsin("open", str(playbook), "--yes").err.partition("Commands")[2]

    assert said() == ""
    assert SECOND in said().split()[3]


def test_the_choice_is_each_users_own_and_not_the_homes(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes")
    tocsin.done("open", str(playbook), "--yes")
    colleague = AtDesk(tocsin.home, environ={"TOCSIN_STATE": str(tocsin.home.with_name("other"))})
    assert meant(colleague) == "which_incident"
    colleague.done("use", FIRST)
    assert (meant(colleague), meant(tocsin)) == (FIRST, SECOND)
    elsewhere = AtDesk(tocsin.home.with_name("elsewhere"), store=tocsin.store)
    assert meant(elsewhere) != SECOND


def test_a_choice_kept_in_the_store_by_an_older_version_is_ignored(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes")
    tocsin.done("open", str(playbook), "--yes")
    tocsin.done("use")
    store = tocsin.office().store
    store.set_setting("incident", next(row.id for row in store.rows() if row.codename == FIRST))
    assert meant(tocsin) == "which_incident"


def test_a_choice_that_cannot_be_read_or_kept_is_none(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes")
    tocsin.done("open", str(playbook), "--yes")
    (kept,) = (
        one for one in tocsin.home.with_name("state").iterdir() if one.suffix not in (".note", ".home")
    )
    kept.write_text("{", encoding="utf-8")
    assert meant(tocsin) == "which_incident"
    nowhere = AtDesk(tocsin.home, environ={"TOCSIN_STATE": str(tocsin.home / "tocsin.yaml")})
    assert (nowhere("use", FIRST).code, nowhere("use", FIRST).error) == (1, "state_unwritable")
    nowhere.chance = tocsin.chance
    nowhere.done("open", str(playbook), "--yes")


def first_line(desk: AtDesk, *words: str) -> set[str]:
    """Return the words of the first line that a command says beside its answer."""
    said = desk(*words).err
    return set(said.splitlines()[0].split()) if said else set()


def test_while_several_are_open_a_writing_command_names_its_incident_first(
    tocsin: AtDesk, playbook: Path
) -> None:
    tocsin.done("open", str(playbook), "--yes")
    assert first_line(tocsin, "note", "one is open") == set()
    tocsin.done("open", str(playbook), "--yes")
    assert SECOND in first_line(tocsin, "note", "two are open")
    assert FIRST in first_line(tocsin, "note", "named", "-i", FIRST)
    assert FIRST in first_line(tocsin, "task", "done", "report", "-i", FIRST)
    said = tocsin("note", "for a program", "--format", "json")
    assert said.json["codename"] == SECOND
    assert SECOND in said.err
    assert first_line(tocsin, "task", "list") == set()
    tocsin.closed("--reason", "done")
    assert first_line(tocsin, "note", "one is left") == set()


def elsewhere(desk: AtDesk, *words: str) -> list[tuple[str, str]]:
    """Return the incident and the action of what a screen says about others."""
    items = desk(*words, "--format", "json").json["elsewhere"]
    return [(one["ref"], one["command"]) for one in items]


def test_next_and_status_name_other_incidents_with_something_due_soon(
    tocsin: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    calm = tmp_path / "calm.yaml"
    calm.write_text(
        playbook.read_text(encoding="utf-8").replace("due: 15m", "due: 9h").replace("due: 1h", "due: 9h"),
        encoding="utf-8",
    )
    tocsin.done("open", str(playbook), "--yes")
    assert elsewhere(tocsin, "next") == [], "no other is open"
    tocsin.done("open", str(calm), "--yes")
    for screen in ("next", "status"):
        assert elsewhere(tocsin, screen) == [(FIRST, f"tocsin next -i {FIRST}")]
        assert FIRST in tocsin.done(screen)
        assert elsewhere(tocsin, screen, FIRST) == [], "nothing is due there within two hours"
    tocsin.clock.advance(timedelta(hours=10))
    assert elsewhere(tocsin, "next", FIRST) == [(SECOND, f"tocsin next -i {SECOND}")]
    tocsin.done("open", str(playbook), "--yes", "--kind", "exercise")
    assert elsewhere(tocsin, "next", FIRST) == [(SECOND, f"tocsin next -i {SECOND}")], (
        "no exercise beside real incidents"
    )
    assert elsewhere(tocsin, "next") == [], "and no real incident in an exercise"


def test_a_restricted_incident_is_named_elsewhere_only_to_people_with_a_role_in_it(
    tocsin: AtDesk, playbook: Path
) -> None:
    tocsin.done("open", str(playbook), "--yes", "--restricted")
    tocsin.done("open", str(playbook), "--yes")
    assert elsewhere(tocsin, "next") == [(FIRST, f"tocsin next -i {FIRST}")], "maria has a role in it"
    outsider = AtDesk(tocsin.home, tocsin.clock, tocsin.chance, os_user="ida")
    for screen in ("next", "status"):
        said = outsider(screen, SECOND, "--format", "json")
        assert (said.code, FIRST in said.out + said.err) == (0, False)
        assert FIRST not in outsider.done(screen, SECOND)
