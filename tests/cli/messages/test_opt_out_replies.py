"""The replies to STOP and HELP over a channel whose provider sends none (R38)."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations import modem
from runner.app.messages.inbound import Fate, Inbox
from runner.app.messages.opt_out_replies import OptOutReplies
from runner.errors import StoreLocked
from runner.routing.inbound import Answer
from runner.routing.messaging import Channel
from tests.cli.at_desk import AtDesk
from tests.web.at_provider import ADA, telephone

STOP = Answer(sender=ADA, text="STOP", event="e1")


class Locked(Inbox):
    """The inbox of a process that finds the store locked when it stores the first opt-out."""

    tries = 0

    def _stop(self, channel: Channel, address: str, how: str) -> Fate:
        self.tries += 1
        if self.tries == 1:
            raise StoreLocked("locked")
        return super()._stop(channel, address, how)


@pytest.fixture
def folder(tocsin: AtDesk, tmp_path: Path) -> Path:
    for name in modem.FOLDERS:
        (tmp_path / name).mkdir()
    settings = {"operator": "carrier-x", "folder": str(tmp_path)}
    telephone(tocsin, {"adapter": "modem", "settings": settings})
    return tmp_path


def replies(folder: Path) -> int:
    return len(list((folder / "outbox").glob("OUT*-01.smsbackup")))


def test_an_opt_out_is_confirmed_once_and_only_after_it_is_stored(tocsin: AtDesk, folder: Path) -> None:
    service = tocsin.office()
    channel, inbox = service.directory.channels["phone"], Locked(service)

    def stopped() -> bool:
        return any(point.stopped for point in service.directory.people["ada"].contacts)

    with pytest.raises(StoreLocked):
        inbox.take(channel, (STOP,))
    inbox.replies.send()
    assert (replies(folder), stopped()) == (0, False)
    for _ in range(2):
        inbox.take(channel, (STOP,))
        inbox.replies.send()
        assert (replies(folder), stopped()) == (1, True)


def test_two_processes_that_read_one_text_reply_once(tocsin: AtDesk, folder: Path) -> None:
    service = tocsin.office()
    channel = service.directory.channels["phone"]
    for process in (OptOutReplies(service), OptOutReplies(service)):
        for asked in ("stop", "help"):
            process.add(channel, ADA, asked)
        process.send()
    assert replies(folder) == 2
