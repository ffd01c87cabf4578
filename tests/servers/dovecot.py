"""A real Dovecot on the loopback: one mailbox that is read by IMAP, in a throw-away folder.

Its settings, its mail and its log are in that folder, so the system's Dovecot is neither read nor changed. Only root may start it, as it
becomes ``nobody`` for whoever logs in.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE
from tests.servers.receivers import free_port

USER, PASSWORD = "bounces", "made-up-word"
OWNER, GROUP = 65534, 65534

CONFIG = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
auth_mechanisms = plain xoauth2
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {folder}/mail
mail_home = {folder}
mail_uid = {owner}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
oauth2 {{
  introspection_mode = post
  introspection_url = {introspection}
  username_attribute = username
  active_attribute = active
  active_value = true
}}
passdb oauth2 {{
  mechanisms_filter = xoauth2
}}
passdb static {{
  password = {password}
}}
userdb static {{
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """A running server; ``port`` speaks TLS from the first byte, ``plain`` offers STARTTLS."""

    def __init__(
        self, program: str, folder: Path, certificate: Path, key: Path, introspection: str, more: str
    ) -> None:
        self.folder = folder
        self.port, self.plain = free_port(), free_port()
        self.mailbox = folder / "mail"
        for part in (self.mailbox, *(self.mailbox / name for name in ("new", "cur", "tmp"))):
            part.mkdir()
            os.chown(part, OWNER, GROUP)
        os.chown(folder, OWNER, GROUP)
        for name, given in (("cert.pem", certificate), ("key.pem", key)):
            shutil.copy(given, folder / name)
        text = CONFIG.format(
            folder=folder,
            introspection=introspection,
            owner=OWNER,
            group=GROUP,
            password=PASSWORD,
            plain=self.plain,
            port=self.port,
            certificate=folder / "cert.pem",
            key=folder / "key.pem",
        )
        text += more.replace("FOLDER", str(folder))
        (folder / "dovecot.conf").write_text(text, encoding="utf-8")
        self._process = subprocess.Popen(
            [program, "-F", "-c", str(folder / "dovecot.conf")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def put(self, name: str, mail: bytes) -> None:
        """Let a mail arrive, as a whole."""
        made = self.mailbox / "tmp" / name
        made.write_bytes(mail)
        os.chown(made, OWNER, GROUP)
        made.rename(self.mailbox / "new" / name)

    def mails(self) -> int:
        """How many mails lie in it."""
        return sum(len(list((self.mailbox / part).iterdir())) for part in ("new", "cur"))

    @property
    def log(self) -> str:
        """What it said so far."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def wait(self) -> None:
        """Wait until it takes connections."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.1)):
            if self._process.poll() is not None:
                out = self._process.stdout.read().decode() if self._process.stdout else ""
                raise RuntimeError(f"dovecot ended: {out}\n{self.log}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                pause.wait(0.1)
            else:
                return
        raise TimeoutError(f"dovecot does not answer:\n{self.log}")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        if self._process.stdout:
            self._process.stdout.close()


def dovecot_program() -> str | None:
    """Return the path of Dovecot, or None where there is none or we may not start it."""
    return shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin") if os.geteuid() == 0 else None


@contextmanager
def running_dovecot(
    program: str,
    certificate: Path,
    key: Path,
    introspection: str = "http://127.0.0.1:1/",
    more: str = "",
) -> Iterator[Dovecot]:
    """Run a server of our own with an empty mailbox; ``introspection`` is asked whether a token holds.

    ``more`` are further settings, where FOLDER is its folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="tocsin-dovecot-"))
    folder.chmod(0o755)
    try:
        server = Dovecot(program, folder, certificate, key, introspection, more)
        try:
            server.wait()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
