"""A notice without required content is not approved unless counsel overrides with a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import DUTY, noticed, rendered
from tests.golden_files import FOLDER, same

WHY = "the authority asked for it today"


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    return noticed(tocsin, tmp_path)


def test_a_notice_with_a_gap_that_may_not_follow_is_not_approved(desk: AtDesk) -> None:
    assert rendered(desk)["status"] == "draft"
    said = desk("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert (said.code, said.error, "incident.vector" in said.err) == (1, "draft", True)
    assert "--gap" in said.err


def test_a_notice_with_forbidden_content_is_not_approved(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path, forbids="[{ref: c, item: How it happened, facts: [incident.vector]}]")
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    check = desk("notice", "check", "short-notice", "--format", "json")
    assert (check.code, check.json["complete"]) == (1, False)
    said = desk("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"], "--format", "json")
    assert (said.code, said.error) == (1, "draft")
    assert {"c", "How", "happened"} <= set(re.findall(r"\w+", said.json["message"]))


def test_only_counsel_overrides_and_only_with_a_reason(desk: AtDesk) -> None:
    for words, code in (
        (("--override", WHY), "role"),
        (("--as", "jonas", "--override", "  "), "reason_missing"),
        (("--override", WHY, "--as", "maria", "--on-behalf-of", "jonas", "--via", "phone"), "on_behalf"),
    ):
        said = desk("notice", "render", "draft", *words)
        assert (said.code, said.error) == (1, code), said.err
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    said = desk("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    assert (said.code, said.error) == (1, "nothing_to_override")


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_a_final_notice_states_missing_information_as_not_known(
    tocsin: AtDesk, tmp_path: Path, language: str
) -> None:
    desk = noticed(tocsin, tmp_path, language=language)
    desk.done("fact", "set", f"organisation.prose_language={language}", "--source", "the demo")
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    desk.done("notice", "pull", "--to", "txt", "--out", str(tmp_path / "out"))
    (path,) = (tmp_path / "out" / "privileged").glob("short-notice*.txt")
    text = path.read_text(encoding="utf-8")
    same(FOLDER / "override" / f"{language}.txt", text)
    assert not [one for one in (WHY, "jonas", "Jonas") if one in text]
    assert rendered(desk)["status"] == "final"


def test_an_undecided_condition_is_shown_as_open(tocsin: AtDesk, tmp_path: Path) -> None:
    body = "{% if incident.malicious %}\n\nSomebody did it on purpose.\n\n{% endif %}\n"
    body += "\n{{ incident.summary }} {{ incident.vector|label }}"
    desk = noticed(tocsin, tmp_path, body=body)
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    desk.done("notice", "pull", "--to", "txt", "--out", str(tmp_path / "out"))
    (path,) = (tmp_path / "out" / "privileged").glob("short-notice*.txt")
    same(FOLDER / "override" / "open-condition.txt", path.read_text(encoding="utf-8"))


def test_an_override_is_seen_wherever_the_notice_is(desk: AtDesk, tmp_path: Path) -> None:
    assert "jonas" not in desk.done("status")
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    one = rendered(desk)["override"]
    assert (one["by"], one["reason"]) == ("jonas", WHY)
    assert ["incident.vector" in item for item in one["items"]] == [True]
    for words in (("notice", "show", "short-notice"), ("task", "show", "sign")):
        assert desk(*words, "--format", "json").json["notice"]["override"] == one
        said = " ".join(desk.done(*words).split())
        assert ("jonas" in said, WHY in said) == (True, True), words
    entries = desk("timeline", "--format", "json").json["entries"]
    assert [(entry["type"], entry["claimed"]) for entry in entries if WHY in entry["text"]] == [
        ("NoticeOverridden", "jonas")
    ]
    assert WHY in " ".join(desk.done("timeline").split())
    assert desk("status", "--format", "json").json["notices"][-1]["override"] == one
    assert "jonas" in desk.done("status")
    files = desk("notice", "pull", "--out", str(tmp_path / "out"), "--format", "json").json["files"]
    manifest = next(Path(file["path"]) for file in files if file["status"] == "manifest")
    assert WHY in manifest.read_text(encoding="utf-8")


def test_an_override_is_sealed_as_a_persons_words_are(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    assert not [path for path in desk.home.glob("tocsin.db*") if WHY.encode() in path.read_bytes()]


def test_an_overridden_notice_is_approved_and_filed_normally(desk: AtDesk) -> None:
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    said = desk("approve", "sign", "--as", "jonas", "--digest", rendered(desk)["digest"])
    assert (said.code, said.error) == (1, "author")
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    found = desk("notice", "show", "short-notice", "--format", "json").json["notice"]
    assert (found["status"], found["override"]["by"], len(found["gaps"])) == ("final", "jonas", 1)
    assert [approval["by"] for approval in found["approvals"]] == ["ada"]
    filed = desk("duty", "record-filed", DUTY, "--reference", "4711")
    assert (filed.code, filed.warnings) == (0, [])
