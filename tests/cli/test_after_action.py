"""The after-action report: in HSEEP's order, marked, a draft until people have rated, and of real incidents as well."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from tests.cli.at_desk import AtDesk
from tests.cli.test_drills import begun, exercise  # noqa: F401  # a fixture


def headings(text: str) -> list[str]:
    return [line.lstrip("# ") for line in text.splitlines() if line.startswith("## ")]


def report(tocsin: AtDesk, out: Path, *to: str) -> dict[str, str]:
    """Write a report; return what those made of text say, by name."""
    tocsin.done("drill", "report", "--out", str(out), "--to", ",".join(to))
    return {
        path.name: path.read_text(encoding="utf-8").replace("\\", "")
        for path in out.iterdir()
        if path.suffix in (".md", ".txt")
    }


def test_the_report_has_every_section_and_is_a_draft_until_each_target_is_rated_by_a_person(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    begun(tocsin, exercise).step()
    tocsin.clock.advance(timedelta(seconds=20))
    tocsin.done("task", "check", "block", "--all")
    tocsin.done("task", "done", "block")
    tocsin.done("drill", "observe", "The caller was asked well", "--objective", "O1", "--kind", "strength")
    tocsin.done(
        "drill",
        "observe",
        "The list was old",
        "--objective",
        "O1",
        "--kind",
        "improvement",
        "--about",
        "call list",
    )
    tocsin.done("drill", "end")
    ((name, text),) = report(tocsin, tmp_path / "draft", "md").items()
    assert name.startswith("EXERCISE_DRAFT_after-action-amber-falcon_")
    assert headings(text) == [
        "Administration",
        "Exercise overview",
        "Analysis of core capabilities",
        "Appendix A: Improvement plan",
        "Appendix B: Participants, and each one's own times",
        "Appendix C: Scenario as played",
        "Appendix D: Times",
        "Appendix E: Timeline",
        "Appendix F: The record",
    ]
    assert "no evaluator has rated T1" in text
    assert "The list was old (call list)" in text
    assert "S: done 20m after StartEx, within 1.5 × 15m" in text
    assert "not rated" in text
    out = str(tmp_path / "signed")
    said = tocsin("drill", "report", "--sign", "--as", "olga", "--out", out)
    assert "the report is a draft: no evaluator has rated T1" in said.err
    tocsin.done("drill", "rate", "T1", "S")
    assert "who does: olga" in tocsin("drill", "report", "--sign", "--out", out).err
    assert not (tmp_path / "signed").exists()
    tocsin.done("drill", "report", "--sign", "--as", "olga", "--out", out, "--to", "md")
    (signed,) = (tmp_path / "signed").iterdir()
    file = hashlib.sha256(signed.read_bytes()).hexdigest()
    digest = hashlib.sha256(f"md {file}".encode()).hexdigest()
    assert f"olga signed the after-action report sha256:{digest}" in "".join(
        one["text"] for one in tocsin("timeline", "--format", "json").json["entries"]
    )
    ((name, text),) = report(tocsin, tmp_path / "final", "md").items()
    assert name.startswith("EXERCISE_after-action-amber-falcon_")
    assert "DRAFT" not in text
    assert f"| olga | 2026-10-05 06:20 UTC | sha256:{digest} |" in text
    assert "EXERCISE" in text


def test_every_format_is_written_and_the_journal_s_head_in_it_is_an_anchor(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    begun(tocsin, exercise).step()
    tocsin.done("drill", "end")
    found = report(tocsin, tmp_path / "all", "docx", "pdf", "html", "txt")
    assert {path.suffix for path in (tmp_path / "all").iterdir()} == {".docx", ".pdf", ".html", ".txt"}
    (text,) = found.values()
    assert text.startswith("EXERCISE – DRAFT")
    words = "".join(text.split())
    start = words.index("Journal:") if "Journal:" in words else words.index("Journal")
    assert "sha256:" in words[start : start + 100]


def test_a_real_incident_s_report_has_no_exercise_parts_and_no_exercise_s_mark(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes")
    ((name, text),) = report(tocsin, tmp_path / "real", "md").items()
    assert name.startswith("DRAFT_after-action-amber-falcon_")
    assert "EXERCISE" not in text
    assert not {"Exercise overview", "Analysis of core capabilities", "Appendix C: Scenario as played"} & set(
        headings(text)
    )
    assert "the incident is not closed" in text
