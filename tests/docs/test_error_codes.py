"""Every error and warning has a stable code, and the reference lists them all."""

from __future__ import annotations

import re

from tests.docs import codes
from tests.golden_files import UPDATES

FORWARDED = {
    "runner/cli/framework/act_commands.py",
    "runner/cli/framework/options.py",
    "runner/incident/campaigns/transitions.py",
    "runner/cli/framework/session.py",
    "runner/cli/framework/typer_app.py",
    "runner/documents/template/syntax.py",
    "runner/documents/template/template.py",
    "runner/workers/scheduler.py",
    "runner/incident/steps/migrate.py",
    "runner/law/files/regime_reader.py",
    "runner/playbook/catalogue.py",
    "runner/yamlfile/source.py",
    "runner/yamlfile/strict.py",
    "runner/app/messages/communications_check.py",
    "runner/app/campaigns/letter_archive.py",
}
"""Files with a place that is told its code by a caller, a table or the error that it passes on."""


def test_every_error_and_warning_has_a_code() -> None:
    standings = list(codes.places())
    assert [place for place in standings if place.code == ""] == []
    assert {place.path for place in standings if place.code is None} == FORWARDED
    wrong = {
        place.code
        for place in standings
        if place.code and not re.fullmatch("[a-z0-9]+([_-][a-z0-9]+)*", place.code)
    }
    assert wrong == set()


def test_the_reference_lists_every_code() -> None:
    if UPDATES:
        codes.write()
    assert codes.table() in codes.PAGE.read_text(encoding="utf-8")


def test_the_reference_lists_every_problem_of_a_playbook() -> None:
    page = codes.PAGE.with_name("playbook-format.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)`", page, re.MULTILINE)
    assert explained
    assert set(explained) <= {place.code for place in codes.problems()}
