"""A folder for counsel holds everything; what is filed holds nothing of it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pytest

from runner.documents.contents.cover_sheet import PRIVILEGE
from tests.cli.at_desk import AtDesk, compare
from tests.cli.notices.noticed import BODY, NOTICE, PLAYBOOK, noticed, rendered

PLANTED = {
    "override": "PLANTEDoverride",
    "approval": "PLANTEDapproval",
    "source": "PLANTEDsource",
    "note": "PLANTEDnote",
    "title": "PLANTEDtitle",
    "user": "plantedosuser",
}
HOUSE = (
    "unverified",
    "secondary",
    "rivileged",
    "PRIVILEGED",
    "Cover sheet",
    "OVERRIDDEN",
    "jonas",
    "Jonas",
    "maria",
)


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A notice that was rendered twice, overridden and approved, with words planted all around it."""
    tocsin.os_user = PLANTED["user"]
    made = noticed(tocsin, tmp_path)
    made.done("fact", "set", "incident.summary=Two mailboxes.", "--source", PLANTED["source"])
    made.done("note", PLANTED["note"], "--privileged")
    made.done("notice", "render", "draft", "--as", "jonas", "--override", PLANTED["override"])
    digest = rendered(made)["digest"]
    made.done("approve", "sign", "--as", "ada", "--digest", digest, "--reason", PLANTED["approval"])
    return made


def pulled(desk: AtDesk, folder: Path) -> dict[str, bytes]:
    desk.done("notice", "pull", "--out", str(folder))
    return {path.name: path.read_bytes() for path in folder.rglob("*.*")}


def test_the_folders_hold_what_goes_out_and_what_counsel_needs_apart(desk: AtDesk, tmp_path: Path) -> None:
    files = pulled(desk, tmp_path / "out")
    names = {
        folder: sorted(
            re.sub(r"[0-9a-f]{8}", "8", path.name) for path in (tmp_path / "out" / folder).iterdir()
        )
        for folder in ("to-file", "privileged")
    }
    stem = "short-notice_eu-gdpr-33-controller-sa_initial_8"
    clean = "2026-11-24_data-protection-authority-competent_Notice-of-a-breach"
    assert [name.rpartition(".")[2] for name in names["to-file"]] == ["docx", "html", "pdf", "txt"]
    assert {re.sub("_.*_", "_whom_", name).rpartition(".")[0] for name in names["to-file"]} == {
        re.sub("_.*_", "_whom_", clean)
    }
    assert names["privileged"] == sorted(
        [
            f"{stem}_COVER.pdf",
            "REDLINE_short-notice_8_8.docx",
            "REDLINE_short-notice_8_8.html",
            "coverage.txt",
            "duties.json",
            "duties.txt",
            "manifest.json",
        ]
    )
    compare("notice.pull.coverage", _masked(files["coverage.txt"].decode()), desk.home)
    assert json.loads(files["duties.json"])["schema"] == "tocsin/duties/v1"
    assert len(files["duties.txt"].splitlines()) < 80
    manifest = json.loads(files["manifest.json"])
    (one,) = manifest["documents"]
    assert one["override"]["reason"] == PLANTED["override"]
    assert one["coverage"][1]["state"] == "gap"
    assert set(manifest["house"]) == {path.name for path in (tmp_path / "out" / "privileged").iterdir()} - {
        "manifest.json"
    }
    for name, digest in manifest["files"].items():
        assert digest == f"sha256:{hashlib.sha256((tmp_path / 'out' / name).read_bytes()).hexdigest()}"


def test_only_final_current_approved_texts_go_out(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    going = tmp_path / "to-file"
    desk.done("notice", "pull", "--out", str(tmp_path))
    assert not going.exists()
    desk.done("fact", "set", "incident.vector=phishing", "incident.summary=Two.", "--source", "log")
    desk.done("notice", "render", "draft", "--as", "jonas")
    desk.done("notice", "pull", "--out", str(tmp_path))
    assert not going.exists()
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    desk.done("fact", "set", "incident.summary=Three.", "--source", "log")
    desk.done("notice", "pull", "--out", str(tmp_path))
    assert not going.exists()


def test_a_second_pull_moves_what_no_longer_goes_out(desk: AtDesk, tmp_path: Path) -> None:
    going, older = tmp_path / "to-file", tmp_path / "older"
    desk.done("notice", "pull", "--out", str(tmp_path))
    before = {path.name: path.read_bytes() for path in going.iterdir()}
    (going / "own.txt").write_text("mine", encoding="utf-8")
    changed, *_ = sorted(before)
    (going / changed).write_bytes(b"edited")
    desk.done("notice", "pull", "short-notice", "--to", "pdf", "--out", str(tmp_path))
    assert {path.name for path in going.iterdir()} == {*before, "own.txt"} - {changed}
    assert [path.read_bytes() for path in older.iterdir()] == [b"edited"]
    desk.done("fact", "set", "incident.summary=Three mailboxes.", "--source", "log")
    desk.done("notice", "pull", "--out", str(tmp_path))
    assert [path.name for path in going.iterdir()] == ["own.txt"]
    assert {path.read_bytes() for path in older.iterdir()} == {b"edited", *before.values()} - {
        before[changed]
    }
    manifest = json.loads((tmp_path / "privileged" / "manifest.json").read_bytes())
    assert not [name for name in manifest["files"] if name.startswith("to-file/")]


def test_the_same_coverage_is_written_once_and_every_duty_on_request(desk: AtDesk, tmp_path: Path) -> None:
    desk.done("notice", "pull", "--all", "--out", str(tmp_path / "all"))
    short = pulled(desk, tmp_path / "out")["duties.txt"]
    whole = (tmp_path / "all" / "privileged" / "duties.txt").read_bytes()
    assert len(whole) > 4 * len(short)
    for text in (whole, short):
        assert PRIVILEGE.encode() in text


def test_the_cover_sheet_names_the_approvers_and_the_basis(desk: AtDesk, tmp_path: Path) -> None:
    files = pulled(desk, tmp_path / "out")
    text = _text(next(body for name, body in files.items() if "COVER" in name))
    for said in (PLANTED["override"], PLANTED["approval"], "incident.vector", "claimed", PLANTED["source"]):
        assert said in text
    compare("notice.pull.cover", _masked(text), desk.home)


def test_the_footer_of_the_cover_sheet_is_what_the_verification_takes(desk: AtDesk, tmp_path: Path) -> None:
    files = pulled(desk, tmp_path / "out")
    text = _text(next(body for name, body in files.items() if "COVER" in name))
    footer = re.search(
        r"journal(\d+:sha256:\w{64})·log(\d+:[0-9a-f]{32})", "".join(text.replace("\ufffe", "").split())
    )
    assert footer is not None
    given = ("--anchor", footer[1], "--checkpoint", footer[2])
    assert desk("audit", "verify", "-i", "amber-falcon", *given).code == 0


def test_filed_documents_contain_no_internal_data(desk: AtDesk, tmp_path: Path) -> None:
    files = pulled(desk, tmp_path / "out")
    filed = {name: body for name, body in files.items() if (tmp_path / "out" / "to-file" / name).is_file()}
    assert len(filed) == 4
    assert not [name for name in filed if "amber" in name or "short-notice" in name]
    for name, body in filed.items():
        everything = "\n".join(_opened(name, body))
        assert "Two mailboxes." in everything.replace("\n", ""), name
        for word in (*PLANTED.values(), *HOUSE):
            assert word not in everything, (name, word)


def test_a_rendering_that_is_the_first_has_no_redline(tocsin: AtDesk, tmp_path: Path) -> None:
    files = pulled(noticed(tocsin, tmp_path), tmp_path / "out")
    assert not [name for name in files if "REDLINE" in name]


def test_a_rendering_that_repeats_the_one_before_is_not_laid_over_itself(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("notice", "render", "draft", "--as", "jonas")
    desk.done("notice", "render", "draft", "--as", "jonas")
    for name in pulled(desk, tmp_path / "out"):
        before, _, after = name.partition(".")[0].rpartition("_")
        assert not before.endswith(f"_{after}"), name


def _opened(name: str, body: bytes) -> Iterator[str]:
    """Yield all that a file says: as it is, its parts, its streams unpacked, its text and its metadata."""
    yield body.decode("latin-1")
    yield body.decode("utf-8", "replace")
    if name.endswith(".docx"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for entry in archive.infolist():
                yield f"{entry.filename} {entry.comment!r} {entry.extra!r}"
                yield archive.read(entry).decode("utf-8", "replace")
    if name.endswith(".pdf"):
        yield _text(body)
        document = pdfium.PdfDocument(body)
        yield str(document.get_metadata_dict())
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", body, re.DOTALL):
            try:
                inner = zlib.decompressobj().decompress(stream)
            except zlib.error:
                continue
            yield inner.decode("latin-1")
            yield inner.decode("utf-16-be", "replace")


def _masked(text: str) -> str:
    """Return a text without its digests, which hang on the machine, and with plain line ends."""
    plain = text.replace("\r", "").replace("\ufffe", "-")
    whole = re.sub(r"(sha256:\s?)?(?<![0-9a-z])([0-9a-f]\s?){63}[0-9a-f]", "DIGEST", plain)
    # Where the line breaks hangs on the widths of the digits.
    whole = re.sub(r"\s*·\s*log\s\d+:(?:[0-9a-f]\s?){32}\s*", " · log SIZE:ROOT\n", whole)
    return re.sub(r"_[0-9a-f]{8}\b", "_8", whole)


def _text(body: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(body))


def test_privilege_marks_are_on_drafts_and_covers_but_never_on_filings(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.settings(
        stationery={"privileged": True}, roles={"commander": ["maria"], "counsel": ["jonas", "ada"]}
    )
    desk.done("notice", "render", "draft")
    draft = pulled(desk, tmp_path / "draft")
    text = next(body for name, body in draft.items() if "short-notice" in name and name.endswith(".txt"))
    assert "PRIVILEGED" in text.decode()
    desk.done("notice", "render", "draft", "--as", "jonas", "--override", "counsel knows")
    filed = pulled(desk, tmp_path / "final")
    cover = next(body for name, body in filed.items() if "COVER" in name and not name.startswith("DRAFT"))
    assert "rivileged" in _text(cover)
    final = [
        "\n".join(_opened(name, body))
        for name, body in filed.items()
        if name.startswith("short-notice") and "COVER" not in name
    ]
    assert len(final) == 4
    assert not any("rivileged" in text or "PRIVILEGED" in text for text in final)


def test_without_a_generated_notice_the_command_to_generate_one_is_shown(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    path = tmp_path / "noticed.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    own = tocsin.home / "notices"
    own.mkdir()
    (own / "short-notice.md").write_text(
        NOTICE.replace("@language", "en")
        .replace("@forbids", "[]")
        .replace("@refs", "a")
        .replace("@more\n", "")
        .replace("@body", BODY),
        encoding="utf-8",
    )
    tocsin.done("open", str(path), "--yes", "--no-work")
    pull = tocsin("notice", "pull", "--format", "json")
    assert (pull.code, pull.error, "draft" in pull.json["hint"].split()) == (1, "not_rendered", True)
    assert "--out" not in pull.json["hint"]
    show = tocsin("notice", "show", "short-notice", "--format", "json")
    assert (show.code, show.error, "draft" in show.json["hint"].split()) == (1, "unknown_notice", True)
    tocsin.done("notice", "render", "draft")
    tocsin.done("notice", "pull", "--out", str(tmp_path / "out"))
    said = tocsin("notice", "pull", "other", "--format", "json")
    assert (said.code, said.error, "short-notice" in said.json["hint"]) == (1, "unknown_notice", True)


def test_without_a_notice_step_a_draft_is_suggested(incident: AtDesk) -> None:
    said = incident("notice", "pull", "--format", "json")
    assert (said.code, said.error) == (1, "not_rendered")
