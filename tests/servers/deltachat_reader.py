"""A person with Delta Chat: an account of their own in the same program, driven by its JSON-RPC."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.patience import PATIENCE
from tests.servers.dovecot import PASSWORD
from tests.servers.mail_host import DOMAIN, MailHost
from tests.servers.needed import absent


def program() -> str:
    """Return the path of the program; without it the test is skipped."""
    spec = find_spec("deltachat_rpc_server")
    if spec is None or spec.origin is None:
        absent("deltachat", "the extra tocsin[deltachat]")
    return str(Path(spec.origin).with_name("deltachat-rpc-server"))


class Reader:
    """A context: the person's device is on. ``link`` is the invite link that the person gives away."""

    def __init__(self, host: MailHost, folder: Path, user: str = "reader") -> None:
        self._host, self._folder, self._user, self._asked = host, folder, user, 0
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()

    def __enter__(self) -> Self:
        self._run = subprocess.Popen(
            [program()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"DC_ACCOUNTS_PATH": str(self._folder)},
        )
        threads = [threading.Thread(target=one, daemon=True) for one in (self._listen, self._watch)]
        threads[0].start()
        self.account = self._ask("add_account")
        login: dict[str, Any] = {"addr": f"{self._user}@{DOMAIN}", "password": PASSWORD}
        login["certificateChecks"] = "acceptInvalidCertificates"
        for kind, port in (("imap", self._host.dovecot.plain), ("smtp", self._host.postfix.port)):
            login |= {f"{kind}Server": "127.0.0.1", f"{kind}Port": port, f"{kind}Security": "plain"}
            login[f"{kind}User"] = self._user
        self.call("add_or_update_transport", login)
        threads[1].start()
        self.call("start_io")
        self.event("ImapInboxIdle")
        self.link: str = self.call("get_chat_securejoin_qr_code", None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._run.stdin is not None
        self._run.stdin.close()
        self._run.wait(PATIENCE)
        if self._run.stdout is not None:
            self._run.stdout.close()

    def _listen(self) -> None:
        for line in self._run.stdout or ():
            said = json.loads(line)
            self._answers.pop(said["id"]).put(said)
        for waiting in self._answers.values():
            waiting.put({"result": None})

    def _watch(self) -> None:
        while events := self._ask("get_next_event_batch", patience=None):
            for one in events:
                self._events.put(one["event"])

    def _ask(self, method: str, *given: Any, patience: float | None = PATIENCE) -> Any:
        assert self._run.stdin is not None
        self._asked += 1
        number, box = self._asked, queue.Queue[dict[str, Any]]()
        self._answers[number] = box
        line = {"jsonrpc": "2.0", "id": number, "method": method, "params": given}
        self._run.stdin.write(json.dumps(line) + "\n")
        self._run.stdin.flush()
        said = box.get(timeout=patience)
        assert "error" not in said, said
        return said["result"]

    def call(self, method: str, *given: Any) -> Any:
        """Return the answer to a call about the account."""
        return self._ask(method, self.account, *given)

    def event(self, kind: str) -> dict[str, Any]:
        """Wait for an event of a kind."""
        ends = time.monotonic() + PATIENCE
        while True:
            one = self._events.get(timeout=max(0.0, ends - time.monotonic()))
            if one["kind"] == kind:
                return one

    def receive(self, text: str) -> dict[str, Any]:
        """Wait for a message with this text, and return it; others are left alone."""
        while True:
            found: dict[str, Any] = self.call("get_message", self.event("IncomingMsg")["msgId"])
            if text in found["text"]:
                return found

    def count(self, text: str) -> int:
        """Return how many messages with this text are here."""
        return len(self.call("search_messages", text, None))

    def read(self, message: dict[str, Any]) -> None:
        """Open a message, which sends a read receipt."""
        self.call("accept_chat", message["chatId"])
        self.call("markseen_msgs", [message["id"]])

    def reply(self, message: dict[str, Any], text: str) -> None:
        """Answer a message with a quotation of it."""
        self.call("send_msg", message["chatId"], {"text": text, "quotedMessageId": message["id"]})
