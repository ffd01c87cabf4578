"""A notice that lacks what the law wants is not approved, unless counsel says why it may go all the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.noticed import noticed, rendered

WHY = "the authority asked for it today"


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    return noticed(tocsin, tmp_path)


def test_a_notice_with_a_gap_that_may_not_follow_is_not_approved(desk: AtDesk) -> None:
    assert rendered(desk)["status"] == "draft"
    said = desk("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert (said.code, "is a draft: incident.vector must be known first" in said.err) == (1, True)
    assert "--override WHY" in said.err


def test_a_notice_that_says_what_is_forbidden_is_not_approved(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path, forbids="[{ref: c, item: How it happened, facts: [incident.vector]}]")
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    assert desk("notice", "check", "short-notice").code == 1
    said = desk("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert "not as it should be: c must not say: How it happened" in said.err


def test_only_counsel_overrides_and_only_with_a_reason(desk: AtDesk) -> None:
    assert "maria does not hold the role counsel" in desk("notice", "render", "draft", "--override", WHY).err
    assert "needs a reason" in desk("notice", "render", "draft", "--as", "jonas", "--override", "  ").err
    words = ("--override", WHY, "--as", "maria", "--on-behalf-of", "jonas", "--via", "phone")
    assert "nobody overrides" in desk("notice", "render", "draft", *words).err
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    said = desk("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    assert "there is nothing to override" in said.err


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "How: not known at this time."),
        ("de", "How: zurzeit nicht bekannt."),
        ("fr", "How: pas connu à ce stade."),
        ("es", "How: no se conoce en este momento."),
    ],
)
def test_what_is_missing_reads_not_known_and_the_notice_is_final(
    tocsin: AtDesk, tmp_path: Path, language: str, words: str
) -> None:
    desk = noticed(tocsin, tmp_path, language=language)
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    desk.done("notice", "pull", "--to", "txt", "--out", str(tmp_path / "out"))
    (path,) = (tmp_path / "out").glob("*short-notice*.txt")
    text = path.read_text(encoding="utf-8")
    assert words in text
    assert not {"DRAFT", "MISSING", WHY, "jonas", "Jonas"} & set(text.split())
    assert rendered(desk)["status"] == "final"


def test_a_condition_that_nobody_can_decide_is_said_to_be_open(tocsin: AtDesk, tmp_path: Path) -> None:
    body = "{% if incident.malicious %}\n\nSomebody did it on purpose.\n\n{% endif %}\n"
    body += "\n{{ incident.summary }} {{ incident.vector|label }}"
    desk = noticed(tocsin, tmp_path, body=body)
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    desk.done("notice", "pull", "--to", "txt", "--out", str(tmp_path / "out"))
    (path,) = (tmp_path / "out").glob("*short-notice*.txt")
    text = " ".join(path.read_text(encoding="utf-8").split())
    assert "Not known at this time whether the following applies: Somebody did it on purpose." in text


def test_an_override_is_seen_wherever_the_notice_is(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    one = rendered(desk)
    assert (one["override"]["by"], one["override"]["reason"]) == ("jonas", WHY)
    assert one["override"]["items"] == ["incident.vector is missing"]
    for words in (("notice", "show", "short-notice"), ("task", "show", "sign"), ("timeline",)):
        said = " ".join(desk.done(*words).split())
        assert "OVERRIDDEN by jonas" in said, words
        assert WHY in said, words
    assert {"OVERRIDDEN", "by jonas"} <= set(re.findall("OVERRIDDEN|by jonas", desk.done("status")))
    files = desk("notice", "pull", "--out", str(tmp_path / "out"), "--format", "json").json["files"]
    manifest = next(Path(one["path"]) for one in files if one["status"] == "manifest")
    assert WHY in manifest.read_text(encoding="utf-8")


def test_an_override_is_sealed_as_a_persons_words_are(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    assert not [path for path in desk.home.glob("tocsin.db*") if WHY.encode() in path.read_bytes()]


def test_what_was_overridden_is_approved_and_filed_as_any_other(desk: AtDesk) -> None:
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", WHY)
    said = desk("approve", "sign", "--as", "jonas", "--digest", rendered(desk)["digest"])
    assert "made what is to be approved" in said.err
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert "final, OVERRIDDEN by jonas, 1 gap, 1 approval" in desk.done("notice", "show", "short-notice")
