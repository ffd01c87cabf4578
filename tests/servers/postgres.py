"""A PostgreSQL server of the tests' own: a throw-away cluster on the loopback, run by an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.servers.needed import absent

PROGRAMS = Path("/usr/lib/postgresql")


class PostgresServer:
    """A running cluster; each test takes a database of its own from it."""

    def __init__(self, programs: Path, folder: Path, port: int, user: str | None) -> None:
        self.programs = programs
        self.folder = folder
        self.port = port
        self._user = user
        self._numbers = count(1)

    def url(self, database: str) -> str:
        """Return how to connect; the user is the cluster's superuser and needs no password."""
        return f"postgresql://tocsin@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"store{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, in the database ``postgres``."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def restart(self) -> None:
        """Stop at once, as in a crash, and start again."""
        self.stop()
        self.start()

    def start(self, *options: str) -> None:
        """Start and wait until connections are taken."""
        settings = (
            f"-p {self.port}",
            "-h 127.0.0.1",
            "-c unix_socket_directories=",
            "-c fsync=off",
            *options,
        )
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", " ".join(settings), "start")

    def stop(self) -> None:
        """Stop at once; sessions are cut."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def kill(self) -> None:
        """Kill every process of the server, as a power cut does."""
        number = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(number, signal.SIGSTOP)  # or sessions that learn of its end confirm what no standby has
        for one in Path(f"/proc/{number}/task/{number}/children").read_text().split():
            os.kill(int(one), signal.SIGKILL)
        os.kill(number, signal.SIGKILL)
        (self.folder / "data" / "postmaster.pid").unlink()

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        self._run("pg_ctl", "-w", "promote")

    def follow(self, primary: PostgresServer) -> None:
        """Make the cluster's files as a streaming standby of another server."""
        source = ("-h", "127.0.0.1", "-p", str(primary.port), "-U", "tocsin")
        self._run("pg_basebackup", *source, "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def initialise(self) -> None:
        """Make the cluster's files."""
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "tocsin", "-E", "UTF8", "--locale=C")

    def _run(self, program: str, *arguments: str) -> None:
        # The server inherits standard output, so a pipe would stay open as long as it runs.
        with (self.folder / "commands").open("ab") as output:
            subprocess.run(
                [self.programs / program, "-D", self.folder / "data", *arguments],
                user=self._user,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=True,
            )


def postgres_programs() -> Path | None:
    """Return the folder of the newest server's programs on this machine, or None."""
    found = [folder / "bin" for folder in PROGRAMS.glob("*") if (folder / "bin" / "initdb").exists()]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def running_postgres(
    programs: Path, *options: str, primary: PostgresServer | None = None
) -> Iterator[PostgresServer]:
    """Run a cluster for as long as the context lasts; ``options`` go to the server (``-c name=value``).

    With ``primary`` it is a standby of that server.
    """
    user = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postgres-"))
    if user is not None:
        folder.chmod(0o755)
        shutil.chown(folder, user)
    (folder / "commands").touch()
    server = PostgresServer(programs, folder, _free_port(), user)
    try:
        server.initialise() if primary is None else server.follow(primary)
        server.start(*options)
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole run; tests that need it are skipped, and say so, where it is not installed."""
    programs = postgres_programs()
    if programs is None:
        absent("postgresql", "apt-get install postgresql")
    with running_postgres(programs) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of an empty database."""
    return postgres_server.new_database()


BOTH_STORES = pytest.mark.parametrize(
    "kept_in", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""For a module or a test whose home is to be kept in a file and on a server."""


@pytest.fixture
def kept_in(request: pytest.FixtureRequest) -> str:
    """The URL of the store in which a home is kept; empty for the file that ``tocsin init`` makes."""
    on_server = getattr(request, "param", "sqlite") == "postgres"
    return str(request.getfixturevalue("postgres_url")) if on_server else ""


def unprivileged() -> str | None:
    """Name a user to run the server as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
