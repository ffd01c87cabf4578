"""Vendors' own clients for the tests, in the environment that ``make servers`` puts into ``.venv-vendors``; and moto, for AWS.

The clients run as a program of their own (``vendor_clients.py``): they need packages and pins that Tocsin does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.patience import PATIENCE
from tests.servers.needed import absent
from tests.servers.receivers import free_port

ROOT = Path(__file__).parents[2]
OURS = ROOT / ".venv-vendors" / "bin" / "python"


class VendorError(Exception):
    """A vendor's client was refused."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Keep what it tells."""
        super().__init__(told)
        self.status, self.code, self.text = told["status"], told["code"], told["text"]


def python() -> Path:
    """Return the Python of the environment; without it the test is skipped."""
    if not OURS.exists():
        absent("vendors", "make servers")
    return OURS


def environment() -> dict[str, str]:
    """Return the variables of a program that reaches the loopback alone: no proxy, no address of the machine's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "OKTA_TESTING_TESTINGDISABLEHTTPSCHECK": "true"}


class VendorClients:
    """A context: the program runs, and ``ask`` makes one call with a vendor's client."""

    def __enter__(self) -> Self:
        """Start the program."""
        self._run = subprocess.Popen(
            [python(), "-m", "tests.servers.vendor_clients"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the program."""
        assert self._run.stdin is not None
        assert self._run.stdout is not None
        self._run.stdin.close()
        self._run.stdout.close()
        self._run.terminate()
        self._run.wait(PATIENCE)

    def ask(self, call: str, **args: Any) -> Any:
        """Return what the client returns; raises VendorError for a refusal."""
        assert self._run.stdin is not None
        assert self._run.stdout is not None
        self._run.stdin.write(json.dumps({"call": call, "args": args}) + "\n")
        self._run.stdin.flush()
        said = json.loads(self._run.stdout.readline())
        assert "broken" not in said, said["broken"]
        if "error" in said:
            raise VendorError(said["error"])
        return said["value"]


class Moto:
    """A context: moto's server of AWS. It takes every call until ``check``."""

    def __enter__(self) -> Self:
        """Start the server on a free port of the loopback."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        program = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
        quiet = subprocess.DEVNULL
        self._run = subprocess.Popen([python(), "-c", program], stdout=quiet, stderr=quiet, env=environment())
        self._session = requests.Session()
        self._session.trust_env = False
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                self._session.post(f"{self.url}/moto-api/reset", timeout=PATIENCE)
                return self
            except requests.ConnectionError:
                time.sleep(0.05)
        raise TimeoutError("moto does not answer")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server."""
        self._session.close()
        self._run.terminate()
        self._run.wait(PATIENCE)

    def check(self) -> None:
        """Check signature and policies of every call from now on."""
        self._session.post(f"{self.url}/moto-api/reset-auth", data="0", timeout=PATIENCE)
