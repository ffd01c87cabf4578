"""A mail host of several mailboxes on the loopback: a real Postfix that takes mail after a login, and a real Dovecot to read it.

Its users are ``tocsin`` and ``reader``, both with the same password (``PASSWORD``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.dovecot import PASSWORD, Dovecot, dovecot_program, running_dovecot
from tests.servers.needed import absent
from tests.servers.postfix import Postfix, postfix_program, running_postfix
from tests.servers.receivers import free_port

DOMAIN = "relay.example"
IN_FOLDERS = """\
mail_path = FOLDER/mail/%{user | username}
mailbox_idle_check_interval = 1 s
service auth {
  unix_listener FOLDER/auth {
    mode = 0666
  }
}
"""
WITH_LOGIN = """\
virtual_mailbox_maps = inline:{{ {{ tocsin@relay.example = tocsin/ }}, {{ reader@relay.example = reader/ }}, {{ all@relay.example = all/ }} }}
always_bcc = all@relay.example
virtual_mailbox_base = {folder}/mail
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
"""


class MailHost:
    """Both servers, running."""

    def __init__(self, postfix: Postfix, dovecot: Dovecot) -> None:
        self.postfix, self.dovecot = postfix, dovecot

    def seen(self) -> str:
        """Return every mail that passed through, in its raw form."""
        box = self.dovecot.mailbox / "all" / "new"
        return "".join(one.read_text("utf-8", "replace") for one in box.glob("*"))


@contextmanager
def running_mail_host(certificate: Path, key: Path) -> Iterator[MailHost]:
    """Run a host of our own; without the programs, or without root, the test is skipped."""
    smtp, imap = postfix_program(), dovecot_program()
    if smtp is None:
        absent("postfix", "apt-get install postfix; only root may run it")
    if imap is None:
        absent("dovecot", "apt-get install dovecot-imapd; only root may run it")
    with running_dovecot(imap, certificate, key, more=IN_FOLDERS) as dovecot:
        more = WITH_LOGIN.format(folder=dovecot.folder)
        with running_postfix(smtp, free_port(), more=more) as postfix:
            yield MailHost(postfix, dovecot)


__all__ = ["DOMAIN", "PASSWORD", "MailHost", "running_mail_host"]
