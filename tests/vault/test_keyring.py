"""The system's keyring, asked in a process of its own with a keyring that holds one secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keyring", reason="NOT TESTED: the keyring extra is not installed")

_BACKEND = """
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

class Scripted(KeyringBackend):
    priority = 1
    kept = {("mail", "ada"): "hunter2"}

    def get_password(self, service, name):
        if service == "locked":
            raise KeyringLocked("locked")
        return self.kept.get((service, name))

    def set_password(self, service, name, text):
        self.kept[(service, name)] = text
"""


def answer(folder: Path, program: str) -> str:
    """Run ``program`` where the keyring is the scripted one."""
    (folder / "scripted_keyring.py").write_text(_BACKEND)
    preamble = (
        "from pathlib import Path; from runner.errors import TocsinError;"
        "from runner.vault.secrets import resolve; from runner.vault.master_key import create_master, read_master\n"
        "HERE = Path('.')\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", preamble + program],
        env={"PYTHON_KEYRING_BACKEND": "scripted_keyring.Scripted", "PYTHONPATH": f"{folder}:{root}"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_secret_may_be_in_the_keyring(tmp_path):
    assert answer(tmp_path, "print(resolve('keyring:mail/ada', base=HERE).reveal())") == "hunter2\n"


@pytest.mark.parametrize(
    ("reference", "named"),
    [("keyring:mail/eve", True), ("keyring:locked/ada", False)],
)
def test_a_keyring_without_it_is_said(tmp_path, reference, named):
    program = (
        f"try: resolve({reference!r}, base=HERE)\n"
        f"except TocsinError as error: print(error.code, {reference!r} in error.message)"
    )
    assert answer(tmp_path, program) == f"secret_missing {named}\n"


def test_a_master_key_may_live_in_the_keyring_and_is_not_replaced(tmp_path):
    program = """
create_master("keyring:tocsin/master", base=HERE, chance=lambda size: b"r" * size)
print(read_master("keyring:tocsin/master", base=HERE) == b"r" * 32)
try: create_master("keyring:tocsin/master", base=HERE)
except TocsinError as error: print(error.code)
"""
    assert answer(tmp_path, program) == "True\nmaster_exists\n"
