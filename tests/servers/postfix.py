"""A real Postfix on the loopback: a relay with delivery reports, and the mailbox they return to, in a throw-away folder.

Its settings, its queue, its data and its log are in that folder, so the system's Postfix is neither read nor changed; nothing
runs in a chroot, since that would want a copy of the system in the folder. Only root may start a Postfix. It takes two
ports: one to hand mail in, and the one of the next hop, which the test listens on.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE
from tests.servers.receivers import free_port

OURS = "incident@relay.example"
"""The address whose mail Postfix puts into ``mailbox``."""
OWNER, GROUP = 65534, 65534
"""Who writes the mailbox (``nobody``): Postfix delivers as no privileged user."""

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
syslog_name = tocsin-test
myhostname = relay.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{next_hop}
smtp_tls_security_level = none
smtp_dns_support_level = disabled
smtp_host_lookup = native
virtual_mailbox_domains = relay.example
virtual_mailbox_maps = inline:{{ {{ {ours} = mailbox/ }} }}
virtual_mailbox_base = {folder}
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{group}
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
delay_warning_time = 1s
recipient_delimiter = +
smtpd_discard_ehlo_keywords = {discarded}
"""

SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
flush unix n - n 1000? 0 flush
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A running relay; ``mailbox`` is a Maildir."""

    def __init__(self, program: str, folder: Path, next_hop: int, discarded: str, more: str) -> None:
        self._program, self._folder = program, folder
        self.port = free_port()
        self.mailbox = folder / "mailbox"
        known = {"folder": folder, "next_hop": next_hop, "ours": OURS, "owner": OWNER, "group": GROUP}
        known["discarded"] = discarded
        self._write("main.cf", MAIN.format(**known) + more)
        self._write("master.cf", SERVICES.format(port=self.port))
        for name, owner in (("queue", "root"), ("data", "postfix")):
            (folder / name).mkdir()
            shutil.chown(folder / name, owner)
        for part in (self.mailbox, *(self.mailbox / name for name in ("new", "cur", "tmp"))):
            part.mkdir()
            os.chown(part, OWNER, GROUP)

    def _write(self, name: str, text: str) -> None:
        (self._folder / "etc").mkdir(exist_ok=True)
        (self._folder / "etc" / name).write_text(text, encoding="utf-8")

    def tell(self, what: str) -> None:
        """Have it start or stop; both return when that is done."""
        command = [self._program, "-c", str(self._folder / "etc"), what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"postfix {what}: {done.stderr}\n{self.log}")

    @property
    def log(self) -> str:
        """What it said so far."""
        path = self._folder / "log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def queued(self) -> int:
        """How many mails are still in its queue."""
        names = ("maildrop", "incoming", "active", "deferred")
        return sum(1 for name in names for one in (self._folder / "queue" / name).rglob("*") if one.is_file())

    def wait(self, wanted: Callable[[bytes], bool]) -> bytes:
        """Wait until a mail of a kind lies in the mailbox, and return it."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.1)):
            for one in (self.mailbox / "new").iterdir():
                if wanted(mail := one.read_bytes()):
                    return mail
            pause.wait(0.1)
        raise TimeoutError(f"what was waited for did not come:\n{self.log}")


def postfix_program() -> str | None:
    """Return the path of Postfix, or None where there is none or we may not start it."""
    return shutil.which("postfix", path="/usr/sbin:/usr/local/sbin") if os.geteuid() == 0 else None


@contextmanager
def running_postfix(program: str, next_hop: int, discarded: str = "", more: str = "") -> Iterator[Postfix]:
    """Run a relay of our own, which hands everything to a port of the loopback.

    ``discarded`` are extensions that it hides, ``more`` are further settings.
    """
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postfix-"))
    folder.chmod(0o755)
    try:
        server = Postfix(program, folder, next_hop, discarded, more)
        server.tell("start")
        try:
            with socket.create_connection(("127.0.0.1", server.port)):
                yield server
        finally:
            server.tell("stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
