"""What people read at the command line, compared whole."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.at_desk import AtDesk, compare


def test_the_help_fits_a_screen(nowhere: AtDesk) -> None:
    compare("help", nowhere.done("--help"), nowhere.home)


def test_the_help_of_a_command_ends_with_examples(nowhere: AtDesk) -> None:
    compare("help.open", nowhere.done("open", "--help"), nowhere.home)


def test_making_a_home(nowhere: AtDesk) -> None:
    nowhere.environ["COLUMNS"] = "500"  # the folder's name is as long as the test's machine makes it
    compare("init", nowhere.done("init"), nowhere.home)


def test_an_exercise_opens_with_a_compromised_channel(tocsin: AtDesk, playbook: Path) -> None:
    words = ("open", str(playbook), "--kind", "exercise", "--compromised", "this-machine", "--yes")
    said = tocsin(*words, "--fact", "incident.summary=Badge 4711")
    compare("open.fallen", f"{said.err}-----\n{said.out}", tocsin.home)


def test_the_steps_in_a_list(incident: AtDesk) -> None:
    incident.done("task", "done", "block", "--all")
    compare("task.list", incident.done("task", "list"), incident.home)


def test_an_approval_at_a_terminal(incident: AtDesk) -> None:
    incident.done("task", "done", "block", "--all")
    incident.done("answer", "used", "no")
    incident.done("task", "done", "report", "--comment", "written")
    incident.environ["NO_COLOR"] = "1"
    said = incident("approve", "sign", "--as", "jonas", types="y\n")
    compare("approve", f"{said.err}\n-----\n{said.out}", incident.home)


def test_a_home_with_findings(tocsin: AtDesk) -> None:
    tocsin.settings(channels={"post": {"adapter": "pigeon"}, "screen": {"adapter": "console"}})
    tocsin.environ["COLUMNS"] = "500"
    compare("doctor", tocsin("doctor").out, tocsin.home)


def test_a_playbook_is_outlined_and_its_changes_are_shown(nowhere: AtDesk, playbook: Path) -> None:
    newer = playbook.with_name("newer.yaml")
    text = playbook.read_text(encoding="utf-8")
    newer.write_text(text.replace("due: 15m", "due: 10m").replace("id: over", "id: finish"), encoding="utf-8")
    compare("playbook.show", nowhere.done("playbook", "show", str(playbook)), nowhere.home)
    compare("playbook.diff", nowhere.done("playbook", "diff", str(playbook), str(newer)), nowhere.home)


def test_the_record_verified(incident: AtDesk) -> None:
    out = incident.done("audit", "verify", "-i", "amber-falcon")
    lines = (
        r"\d+ entries verified; head \d+:sha256:[0-9a-f]{64}",
        r"1 document verified",
        r"\d+ heads verified with the key; \d+ in a signed checkpoint.*",
    )
    assert [bool(re.fullmatch(*pair)) for pair in zip(lines, out.splitlines(), strict=True)] == [True] * 3


def test_a_refusal_shows_its_reason_and_the_next_action(incident: AtDesk) -> None:
    compare("refusal", incident("close").err, incident.home)


def test_watch_without_a_terminal_prints_the_status_once(incident: AtDesk) -> None:
    assert incident("watch", "--format", "json").json["schema"] == "tocsin/status/v1"


def test_failure_domains_and_the_vocabulary_in_tables(incident: AtDesk) -> None:
    incident.done("domain", "declare-down", "this-machine", "--since", "1h ago")
    compare("domain.list", incident.done("domain", "list"), incident.home)
    compare("fact.vocabulary", incident.done("fact", "show", "people", "--all"), incident.home)


def test_the_possible_values_of_a_fact_of_one_population_are_shown(incident: AtDesk) -> None:
    path = "populations.clients.data.elements"
    (fact,) = incident("fact", "show", path, "--all", "--format", "json").json["facts"]
    assert (fact["key"], "ssn" in fact["choices"]) == (path, True)


def test_a_notice_checked_against_the_law(tocsin: AtDesk) -> None:
    tocsin.settings(roles={"commander": ["maria"], "dpo": ["jonas"], "counsel": ["jonas", "ada"]})
    tocsin.done("open", "misdirected-message", "--yes", "--fact", "incident.summary=a letter")
    compare("notice.check", tocsin("notice", "check", "gdpr-33-initial").out, tocsin.home)


def test_the_plan_of_a_migration(incident: AtDesk, playbook: Path) -> None:
    newer = playbook.with_name("newer.yaml")
    text = playbook.read_text(encoding="utf-8").replace("version: 1.0.0", "version: 1.1.0")
    newer.write_text(text.replace("id: over, task: Tell", "id: finish, task: Tell"), encoding="utf-8")
    compare("migrate.plan", incident("migrate", "--to", str(newer), "--plan").out, incident.home)
