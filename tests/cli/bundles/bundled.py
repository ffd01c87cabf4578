"""An incident with words planted in every kind of entry, and bundles of it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.notices.noticed import DUTY, noticed, rendered

PLANTED = {
    "note": "PLANTEDnote",
    "privileged": "PLANTEDprivileged",
    "correction": "PLANTEDcorrection",
    "override": "PLANTEDoverride",
    "approval": "PLANTEDapproval",
    "source": "PLANTEDsource",
    "task": "PLANTEDtask",
    "evidence": "PLANTEDevidence",
    "file": "PLANTEDfile",
    "method": "PLANTEDmethod",
    "purpose": "PLANTEDpurpose",
    "receipt": "PLANTEDreceipt",
}


@dataclass
class Bundled:
    """A desk with the incident, and a folder for bundles."""

    desk: AtDesk
    folder: Path

    def export(self, name: str, *words: str) -> dict[str, Any]:
        """Export a bundle and return the answer."""
        said = self.desk("audit", "export", "--out", str(self.folder / name), *words, "--format", "json")
        assert said.code == 0, said.err
        found: dict[str, Any] = said.json
        return found

    def another(self) -> str:
        """Open another incident, which the test must end, and return its codename."""
        playbook = self.folder / "badge.yaml"
        playbook.write_text(PLAYBOOK, encoding="utf-8")
        self.desk.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge")
        rows = self.desk("list", "--format", "json").json["incidents"]
        found = (row["codename"] for row in rows if row["state"] == "open")
        return str(next(name for name in found if name != "amber-falcon"))

    def unpacked(self, name: str) -> Path:
        """Unpack a bundle and return its folder."""
        with zipfile.ZipFile(self.folder / name) as archive:
            archive.extractall(self.folder / f"{name}.d")
        return next((self.folder / f"{name}.d").iterdir())

    def check(self, path: Path, *words: str) -> dict[str, Any]:
        """Verify a bundle where there is no home, and return the answer with the exit code."""
        nowhere = AtDesk(self.folder / "no-home")
        said = nowhere("verify", str(path), *words, "--format", "json")
        assert not said.err, said.err
        return {**said.json, "code": said.code}


def bundled(folder: Path) -> Bundled:
    """Return the incident: a filed notice, notes, evidence, and facts."""
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    noticed(desk, folder)
    desk.done("note", PLANTED["note"])
    desk.done("note", PLANTED["privileged"], "--privileged")
    advice = desk("timeline", "--format", "json").json["entries"][-1]["event"]
    desk.done("correct", str(advice), "--reason", PLANTED["correction"])
    desk.done("fact", "set", "incident.summary=Two mailboxes.", "--source", PLANTED["source"])
    file = folder / f"{PLANTED['file']}.log"
    file.write_text(PLANTED["evidence"])
    desk.done("attach", str(file), "--source", "gateway", "--method", PLANTED["method"])
    desk.done("evidence", "hand-over", "1", "jonas", "--purpose", PLANTED["purpose"])
    desk.done("evidence", "receive", "1", "--as", "jonas", "--note", PLANTED["receipt"])
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", PLANTED["override"])
    digest = rendered(desk)["digest"]
    desk.done("approve", "sign", "--as", "ada", "--digest", digest, "--reason", PLANTED["approval"])
    desk.done("duty", "record-filed", DUTY, "--reference", "4711", "--digest", digest)
    desk.done("task", "add", PLANTED["task"], "--role", "commander")
    return Bundled(desk, folder)
