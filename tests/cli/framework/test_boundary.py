"""Errors, exit codes and streams: what a script relies on."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner import __version__
from runner.cli.framework.app import globals_last
from runner.cli.framework.boundary import guarded
from runner.cli.framework.streams import unstoppable
from runner.errors import Stale
from tests.cli.at_desk import AtDesk, Said, text_of
from tests.patience import PATIENCE

COMMAND = [sys.executable, "-m", "runner"]


def test_without_words_the_help_is_shown_in_sections(nowhere: AtDesk) -> None:
    assert nowhere() == nowhere("--help")


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_the_version_is_said(nowhere: AtDesk, words: list[str]) -> None:
    assert nowhere.done(*words).split()[:2] == ["tocsin", __version__]


def test_a_command_that_is_not_there_is_a_usage_error_with_the_nearest(nowhere: AtDesk) -> None:
    said = nowhere("timelin")
    assert (said.code, said.error, said.out) == (2, "unknown_command", "")
    assert "timeline" in said.err


def test_a_json_error_is_the_only_output(tocsin: AtDesk) -> None:
    said = tocsin("status", "--format", "json")
    assert (said.code, said.err) == (1, "")
    assert list(said.json) == ["schema", "code", "message", "hint", "action", "problems"]
    assert (said.json["schema"], said.json["code"]) == ("tocsin/error/v1", "no_incident")
    assert said.json["message"]
    assert said.json["hint"].endswith("tocsin open PLAYBOOK")
    assert said.json["problems"] == []


def test_a_usage_error_is_json_too(nowhere: AtDesk) -> None:
    said = nowhere("status", "--nonsense", "--format=json")
    assert (said.code, said.json["code"]) == (2, "unknown_option")


def test_a_home_that_is_not_there_is_said_with_how_to_make_one(nowhere: AtDesk) -> None:
    said = nowhere("status")
    assert (said.code, said.error) == (1, "no_home")
    assert said.err.endswith("tocsin init\n")


def test_common_options_may_precede_the_command(tocsin: AtDesk, tmp_path: Path) -> None:
    assert globals_last(["--home", "x", "--format=json", "note", "--", "-y"]) == [
        "note",
        "--home",
        "x",
        "--format=json",
        "--",
        "-y",
    ]
    assert tocsin("--format", "json", "list").json["schema"] == "tocsin/incidents/v1"
    said = tocsin("--home", str(tmp_path / "other"), "list")
    assert (said.code, said.error, str(tmp_path / "other") in said.err) == (1, "no_home", True)


def test_our_own_fault_leaves_a_log_without_any_data_in_the_home(tocsin: AtDesk) -> None:
    def broken() -> int:
        secret = "maria@example.org"
        raise RuntimeError(secret)

    world = tocsin.world()
    code = guarded(world, ["note", "maria@example.org was here"], broken)
    assert code == 3
    [log] = (tocsin.home / "logs").iterdir()
    text = log.read_text(encoding="utf-8")
    assert {"note", "RuntimeError"} <= set(text.split())
    assert "test_boundary.py" in text
    assert "maria@example.org" not in text
    assert str(log) in text_of(world.err)


@pytest.mark.parametrize(
    ("module", "code", "error", "named"),
    [
        ("no_such_package.part", 1, "not_installed", "no_such_package"),
        ("psycopg_pool", 1, "not_installed", "tocsin[postgres]"),
        ("runner.no_such_module", 3, "our_fault", "ModuleNotFoundError"),
    ],
)
def test_a_missing_package_is_named_and_a_missing_own_module_is_internal(
    nowhere: AtDesk, module: str, code: int, error: str, named: str
) -> None:
    def lacking() -> int:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    world = nowhere.world()
    said = Said(guarded(world, ["list"], lacking), text_of(world.out), text_of(world.err))
    assert (said.code, said.error) == (code, error)
    assert named in said.err


def test_stale_is_five_and_an_interruption_one_hundred_and_thirty(nowhere: AtDesk) -> None:
    def stale() -> int:
        raise Stale("somebody was faster")

    def interrupted() -> int:
        raise KeyboardInterrupt

    assert guarded(nowhere.world(), [], stale) == 5
    assert guarded(nowhere.world(), [], interrupted) == 130


def test_piped_or_uncoloured_output_has_no_colour_codes(incident: AtDesk) -> None:
    assert "\x1b[" not in incident.done("status")
    assert "\x1b[" in incident("status", terminal=True).out
    incident.environ["NO_COLOR"] = "1"
    assert "\x1b[" not in incident("status", terminal=True).out


def test_reading_commands_write_nothing(incident: AtDesk) -> None:
    def kept() -> list[int]:
        return [one["version"] for one in incident("list", "--format", "json").json["incidents"]]

    before = kept()
    for words in (["status"], ["next"], ["duties"], ["timeline"], ["fact", "missing"], ["message", "plan"]):
        incident.done(*words)
    assert kept() == before


@pytest.mark.slow
def test_a_closed_output_pipe_is_not_an_error(incident: AtDesk) -> None:
    incident.clock.time = datetime.now(UTC)  # the process has the machine's clock
    for number in range(40):
        incident.done("note", f"line {number} " + "x" * 2000)
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [*COMMAND, "timeline"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "TOCSIN_HOME": str(incident.home)},
    )
    os.close(writing)
    os.read(reading, 10)
    os.close(reading)
    _, err = child.communicate(timeout=PATIENCE)
    assert err == b""
    assert child.returncode == 0


@pytest.mark.slow
def test_the_exit_codes_reach_the_shell(tocsin: AtDesk) -> None:
    environ = {**os.environ, "TOCSIN_HOME": str(tocsin.home)}

    def code(*words: str) -> int:
        return subprocess.run([*COMMAND, *words], env=environ, capture_output=True, check=False).returncode

    assert code("version") == 0
    assert code("status") == 1
    assert code("status", "--nonsense") == 2
    assert code("list") == 0


def test_every_command_has_a_help_text_with_usage(nowhere: AtDesk) -> None:
    from runner.cli.framework.commands import COMMANDS

    for name in COMMANDS:
        said = nowhere(name, "--help")
        assert said.code == 0, name
        assert said.out.split()[1:3] == ["tocsin", name]


def _in_a_process(desk: AtDesk, line: str) -> Said:
    """Run one line of the shell in which ``tocsin`` is this program."""
    command = " ".join(COMMAND)
    ran = subprocess.run(
        ["/bin/bash", "-c", f'set -o pipefail; tocsin() {{ {command} "$@"; }}; {line}'],
        env={**os.environ, "TOCSIN_HOME": str(desk.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    "streams",
    [
        pytest.param("2>&1 | exec true", id="nobody-reads-the-plan"),
        pytest.param("2>/dev/full", id="the-plan-cannot-be-written"),
        pytest.param("<&- >&- 2>&-", id="no-stream-at-all"),
    ],
)
def test_an_incident_opens_whatever_happens_to_the_streams(
    tocsin: AtDesk, playbook: Path, streams: str
) -> None:
    tocsin.settings(channels={"screen": {"adapter": "console"}})
    ran = _in_a_process(tocsin, f"tocsin open {playbook} --title Gone --yes {streams}")
    assert ran.code == 0, ran.err
    assert not (tocsin.home / "logs").exists()
    assert [incident["title"] for incident in tocsin("list", "--format", "json").json["incidents"]] == [
        "Gone"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["version", "--help", "drill --help", "list", "list --format json", "stauts --format json"]
)
def test_an_answer_that_cannot_be_written_is_not_an_internal_error(tocsin: AtDesk, words: str) -> None:
    ran = _in_a_process(tocsin, f"tocsin {words} >/dev/full")
    expected = (2, "unknown_command") if words.startswith("stauts") else (1, "output")
    assert (ran.code, ran.error) == expected, ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("words", ["version", "--help", "list"])
def test_an_unread_answer_is_not_an_error(tocsin: AtDesk, words: str) -> None:
    ran = _in_a_process(tocsin, f"tocsin {words} | exec true")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.slow
def test_a_question_without_standard_input_is_refused_as_no_terminal(tocsin: AtDesk, playbook: Path) -> None:
    ran = _in_a_process(tocsin, f"tocsin open {playbook} <&-")
    assert (ran.code, ran.error) == (1, "no_terminal"), ran.err


class _Console(io.RawIOBase):
    """A console as Windows has it: it is written to by its own means, and bytes for a descriptor would come out garbled."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = bytes(data)[:5]
        self.heard += taken
        return len(taken)


def test_remarks_go_to_a_console_by_its_own_means() -> None:
    console = _Console()
    unstoppable(io.TextIOWrapper(io.BufferedWriter(console), encoding="utf-8")).write("→ tocsin next\n")
    assert console.heard.decode() == "→ tocsin next\n"


def test_remarks_keep_the_stream_that_they_go_to(tmp_path: Path) -> None:
    stream = (tmp_path / "remarks").open("w", encoding="utf-8")
    remarks, kept = unstoppable(stream), weakref.ref(stream)
    del stream
    remarks.write("no worker is running\n")
    left = kept()
    assert left is not None
    left.close()
    assert (tmp_path / "remarks").read_text(encoding="utf-8") == "no worker is running\n"
