"""A modem that is not ours: ``gammu-smsd`` with its dummy phone, which keeps its texts in folders."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from integrations import modem
from tests.patience import PATIENCE
from tests.servers.needed import absent


class Modem:
    """The folders of the daemon and of its phone; ``running`` starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, modem.Settings(operator="carrier-x", folder=folder)
        for name in (*modem.FOLDERS, *(f"phone/sms/{n}" for n in range(1, 6))):
            (folder / name).mkdir(parents=True)
        paths = "".join(
            f"{key}path = {folder / name}/\n"
            for key, name in zip(("outbox", "sentsms", "errorsms", "inbox"), modem.FOLDERS, strict=True)
        )
        (folder / "gammu-smsdrc").write_text(
            f"[gammu]\nmodel = dummy\nconnection = none\ndevice = {folder / 'phone'}\n"
            f"[smsd]\nservice = files\nlogfile = {folder / 'log'}\ndebuglevel = 255\n{paths}"
            "inboxformat = detail\ndeliveryreport = sms\ncommtimeout = 1\nloopsleep = 0\nchecksecurity = 0\n"
        )

    def arrive(self, number: str, *parts: str, **more: str) -> None:
        """Let a text or a report arrive at the phone, in as many parts as are given."""
        inbox = self.folder / "phone/sms/1"
        for n, text in enumerate(parts, 1):
            said = {"PDU": "Deliver", "Number": f'"{number}"', "Coding": "Unicode_No_Compression"}
            said |= {"DateTime": "20261124T140200", "State": "UnRead", "Text00": hexed(text), **more}
            if len(parts) > 1:
                said["UDH"] = bytes([5, 0, 3, 7, len(parts), n]).hex()
            slot = next(slot for slot in range(1, 99) if not (inbox / str(slot)).exists())
            (inbox / str(slot)).write_text(section(said))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the daemon until the end of the block."""
        program = shutil.which("gammu-smsd")
        if program is None:
            absent("gammu-smsd", "apt-get install gammu-smsd")
        process = subprocess.Popen(
            [program, "-c", str(self.folder / "gammu-smsdrc"), "-X", "60"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def work(self) -> str:
        """Run the daemon until it has nothing more to do; return its log."""
        with self.running():
            end = time.monotonic() + PATIENCE
            while any((self.folder / "outbox").iterdir()) or any((self.folder / "phone/sms/1").iterdir()):
                assert time.monotonic() < end
                time.sleep(0.02)
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


def hexed(text: str) -> str:
    return text.encode("utf-16-be").hex().upper()


def section(said: Mapping[str, str]) -> str:
    return "[SMSBackup000]\n" + "".join(f"{name} = {value}\n" for name, value in said.items())
