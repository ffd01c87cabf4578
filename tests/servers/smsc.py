"""An SMSC that is not ours: npm's ``smpp``, where Node and the package are there.

``make servers`` brings it, or ``NODE_PATH`` names where it is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integrations import smpp
from tests.servers.needed import absent

SERVERS = Path(__file__).parent
PASSWORD = "made-up-pw"


class Peer:
    """The running server, and what it says of each message."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.settings = smpp.Settings(
            host="127.0.0.1",
            port=int(self._line()),
            line="private",
            system_id="tocsin",
            sender="Tocsin",
        )

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def heard(self) -> dict[str, object]:
        """Return the next message as the server read it."""
        found = json.loads(self._line())
        assert isinstance(found, dict)
        return found


@contextmanager
def running_smsc() -> Iterator[Peer]:
    """Run the server until the end of the block."""
    node = shutil.which("node")
    if node is None:
        absent("smpp", "install Node, then make servers")
    found = subprocess.run(
        [node, "-e", "require.resolve('smpp')"], cwd=SERVERS, capture_output=True, check=False
    )
    if found.returncode != 0:
        absent("smpp", "make servers")
    process = subprocess.Popen([node, "smsc.cjs"], cwd=SERVERS, stdout=subprocess.PIPE, text=True)
    try:
        yield Peer(process)
    finally:
        process.kill()
        process.communicate()
