"""A real pgbouncer in front of the tests' PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.needed import absent
from tests.servers.postgres import PostgresServer, unprivileged
from tests.servers.receivers import free_port

SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} user=tocsin
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
"""


@contextmanager
def pooled(server: PostgresServer, url: str, mode: str, folder: Path) -> Iterator[str]:
    """Run a pooler in a mode (session or transaction) and return the URL of the same database behind it."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        absent("pgbouncer", "apt-get install pgbouncer")
    port, settings = free_port(), folder / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(server=server.port, port=port, mode=mode), encoding="utf-8")
    settings.chmod(0o644)
    with (
        settings.open(encoding="utf-8") as read,
        subprocess.Popen(
            [program, "-q", "/dev/stdin"], user=unprivileged(), cwd="/", stdin=read, stderr=subprocess.DEVNULL
        ) as running,
    ):
        try:
            while True:
                assert running.poll() is None
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield url.replace(str(server.port), str(port))
        finally:
            running.kill()
