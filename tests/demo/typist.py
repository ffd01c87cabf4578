"""A person who types ``tocsin`` commands for a demo: each command and its output are printed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(os.environ.get("TOCSIN_DEMO_OUTPUT", ROOT / "demo-output"))
HOME = OUT / "home"
DOCUMENTS = OUT / "documents"


class Typist:
    """Runs commands in the home of the demo, and ends the demo if a command does not do what it should."""

    def __init__(self, columns: int = 110) -> None:
        """Prepare the environment of the commands; ``columns`` is the width of their output."""
        self.program = str(Path(sys.executable).with_name("tocsin"))
        self.environment = {
            **os.environ,
            "TOCSIN_HOME": str(HOME),
            "TOCSIN_STATE": str(OUT / "state"),
            "NO_COLOR": "1",
            "COLUMNS": str(columns),
        }

    def say(self, text: str) -> None:
        """Print what comes next."""
        print(f"\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"# {text}", flush=True)

    def tocsin(self, *words: str, shown: int = 40, last: int = 0, allowed: tuple[int, ...] = (0,)) -> str:
        """Run one command as a person would; print its first lines and its last ones; return its output."""
        print(short(f"$ tocsin {shlex.join(words)}"), flush=True)
        done = subprocess.run(
            [self.program, *words],
            env=self.environment,
            cwd=ROOT,
            text=True,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        show(done.stdout, shown, last)
        print(flush=True)
        if done.returncode not in allowed:
            raise SystemExit(f"The demo stopped: exit code {done.returncode}.")
        return done.stdout

    def json(self, *words: str) -> Any:
        """Run one command for its JSON, without printing it."""
        done = subprocess.run(
            [self.program, *words, "--format", "json"],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)


def show(output: str, first: int, last: int = 0) -> None:
    """Print the first and the last lines of an output, with the number of those between."""
    lines = [f"  {line}".rstrip() for line in short(output).rstrip().splitlines()]
    if len(lines) > first + last + 1:
        between = f"  … {len(lines) - first - last} more lines"
        lines = [*lines[:first], between, *lines[len(lines) - last :]]
    print("\n".join(lines))


def short(text: str) -> str:
    """Return a text with paths from the project's folder."""
    return text.replace(f"{ROOT}{os.sep}", "")
