"""A real ntfy and a real Matrix homeserver (Synapse) on the loopback, each in a throw-away folder.

ntfy is the system's program. Synapse is too large to be everybody's: ``make servers`` puts it into an environment of
its own, and TOCSIN_SYNAPSE_PYTHON may name another Python that has it.
"""

from __future__ import annotations

import hmac
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from integrations.testing.chaos import ChaosServer, Script, Talk
from tests.patience import PATIENCE
from tests.servers.receivers import free_port

OURS = Path(__file__).parents[2] / ".venv-synapse" / "bin" / "python"


def ntfy_program() -> str | None:
    """Return the path of ntfy, or None."""
    return shutil.which("ntfy")


def synapse_python() -> str | None:
    """Return a Python that has Synapse, or None."""
    if named := os.environ.get("TOCSIN_SYNAPSE_PYTHON"):
        return named
    return str(OURS) if OURS.exists() else None


class Ntfy:
    """A server where nobody may do anything, except ``token`` write to the topic ``oncall``."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._config = program, folder / "ntfy.yml"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._config.write_text(
            f"base-url: {self.url}\n"
            f"listen-http: 127.0.0.1:{self.port}\n"
            f"cache-file: {folder}/cache.db\n"
            f"auth-file: {folder}/user.db\n"
            "auth-default-access: deny-all\n"
            "visitor-request-limit-burst: 20\n"
            "visitor-request-limit-replenish: 10s\n",
            encoding="utf-8",
        )
        self.token = ""

    def register(self) -> None:
        """Make our user and its token; the files are there once the server runs."""
        self._run("user", "add", "tocsin")
        self._run("access", "tocsin", "oncall", "write-only")
        said = self._run("token", "add", "tocsin")
        self.token = re.findall(r"tk_\w+", said)[0]

    def command(self) -> list[str]:
        """Return how to start it."""
        return [self._program, "serve", "-c", str(self._config)]

    def _run(self, group: str, *words: str) -> str:
        command = [self._program, group, "-c", str(self._config), *words]
        environment = {**os.environ, "NTFY_PASSWORD": "made-up"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr


@contextmanager
def running_ntfy(program: str, folder: Path) -> Iterator[Ntfy]:
    """Run a server of our own."""
    server = Ntfy(program, folder)
    process = subprocess.Popen(
        server.command(), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(server.port, process)
        server.register()
        yield server
    finally:
        process.kill()
        process.wait()


class Synapse:
    """A homeserver with the users ``tocsin`` and ``maria``; ``room`` holds both."""

    def __init__(self, python: str, folder: Path) -> None:
        self._python, self._folder = python, folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.tokens: dict[str, str] = {}
        self.room = ""

    def prepare(self, more: str = "") -> None:
        """Write its settings: the loopback, a shared secret to register with, and ``more``."""
        self._run("--server-name", "localhost", "--generate-config", "--report-stats=no")
        config = self._folder / "hs.yaml"
        text = config.read_text(encoding="utf-8").replace("port: 8008", f"port: {self.port}")
        text = re.sub(
            r"^registration_shared_secret:.*$",
            "registration_shared_secret: made-up",
            text,
            flags=re.MULTILINE,
        )
        config.write_text(text + more, encoding="utf-8")

    def start(self) -> None:
        """Start, and wait until connections are taken."""
        command = [self._python, "-m", "synapse.app.homeserver", "-c", "hs.yaml"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=quiet, stderr=quiet)
        wait_for(self.port, self._process)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def furnish(self) -> None:
        """Register both users and put them into one room."""
        for name in ("tocsin", "maria"):
            self._register(name)
        invited = {"invite": ["@maria:localhost"], "preset": "private_chat"}
        self.room = self.ask("tocsin", "POST", "createRoom", invited)["room_id"]
        self.ask("maria", "POST", f"join/{self.room}", {})

    def ask(self, user: str, method: str, path: str, content: dict[str, object]) -> dict[str, Any]:
        """Make one call of the client-server API as a user."""
        token = self.tokens.get(user, "")
        return self._call(method, f"_matrix/client/v3/{path}", content, token)

    def _call(self, method: str, path: str, content: dict[str, object], token: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method, f"{self.url}/{path}", json=content, headers=headers, timeout=PATIENCE
            )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _register(self, name: str) -> None:
        """Register a user with the shared secret, as ``register_new_matrix_user`` does."""
        nonce = self._call("GET", "_synapse/admin/v1/register", {})["nonce"]
        proof = "\0".join((nonce, name, "made-up", "notadmin")).encode()
        user = {"nonce": nonce, "username": name, "password": "made-up", "admin": False}
        mac = hmac.new(b"made-up", proof, "sha1").hexdigest()
        self._call("POST", "_synapse/admin/v1/register", {**user, "mac": mac})
        self.login(name)

    def login(self, name: str, device: str = "") -> None:
        """Log a user in; another ``device`` of the user has a token under its own name."""
        self.tokens[device or name] = self.ask("", "POST", "login", password(name))["access_token"]

    def _run(self, *words: str) -> None:
        command = [self._python, "-m", "synapse.app.homeserver", "--config-path", "hs.yaml", *words]
        command += ["--data-directory", str(self._folder)]
        subprocess.run(command, cwd=self._folder, capture_output=True, check=True)


def password(name: str) -> dict[str, object]:
    """Return the proof that somebody is a user."""
    who = {"type": "m.id.user", "user": name}
    return {"type": "m.login.password", "identifier": who, "password": "made-up"}


@contextmanager
def running_synapse(python: str, folder: Path, more: str = "") -> Iterator[Synapse]:
    """Run a homeserver of our own, with ``more`` settings."""
    server = Synapse(python, folder)
    server.prepare(more)
    try:
        server.start()
        server.furnish()
        yield server
    finally:
        server.kill()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens on a port of the loopback; fail when the process ends before."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.1)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        pause.wait(0.1)
    raise TimeoutError("the server does not listen")


def relay(port: int, lose: Callable[[bytes], bool]) -> Script:
    """Return a script that passes requests on to a real server of the loopback; where ``lose`` says so, its answer is dropped.

    The server has answered by then: what was asked for is done.
    """

    def script(talk: Talk) -> None:
        talk.hear_request()
        head, _, body = talk.heard.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        with socket.create_connection((ChaosServer.host, port)) as server:
            server.sendall(b"\r\n".join([*lines, b"Connection: close", b"", body]))
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        if not lose(talk.heard):
            talk.say(answer)

    return script
