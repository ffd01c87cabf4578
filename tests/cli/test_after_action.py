"""The after-action report: in HSEEP's order, marked, a draft until people have rated, and of real incidents as well."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

from runner.model import commands as c
from tests.cli import reported
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
    tocsin.done("drill", "rate", "T1", "S", "--as", "olga")
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
    assert f"| olga | 2026-10-05 08:20 UTC+02:00 | sha256:{digest} |" in text
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


def findings(said: Any) -> dict[str, bool]:
    """Return what was checked of a report, and whether it holds."""
    assert said.json["ok"] is all(one["holds"] for one in said.json["findings"])
    return {one["about"]: one["holds"] for one in said.json["findings"]}


def rated(tocsin: AtDesk, exercise: Path, out: Path) -> list[Path]:  # noqa: F811
    """Play, rate and sign; return the signed files."""
    begun(tocsin, exercise).step()
    tocsin.done("drill", "end")
    tocsin.done("drill", "rate", "T1", "U", "--as", "olga")
    tocsin.done("drill", "report", "--sign", "--as", "olga", "--out", str(out), "--to", "md,pdf")
    return sorted(out.iterdir())


def test_a_signed_report_is_held_against_the_journal_and_a_changed_one_does_not_hold(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    files = rated(tocsin, exercise, tmp_path / "signed")
    for file in files:
        said = tocsin("drill", "report", "--check", str(file), "--format", "json")
        assert said.code == 0, said.out
        assert findings(said) == dict.fromkeys(
            ("bytes", "digest", "copies", "signer", "heads", "journal"), True
        )
    shown = tocsin("drill", "report", "--check", str(files[0])).out
    assert "these bytes were signed by olga" in shown
    assert "in the journal: StartEx, EndEx, report" in " ".join(shown.split())
    files[0].write_bytes(files[0].read_bytes().replace(b"U", b"P", 1))
    said = tocsin("drill", "report", "--check", str(files[0]), "--format", "json")
    assert said.code == 1
    assert findings(said) == {"bytes": False, "journal": True}
    assert "signed are: entry" in said.json["findings"][0]["said"]
    missing = tocsin("drill", "report", "--check", str(tmp_path / "nothing.pdf"))
    assert (missing.code, "cannot be read" in missing.err) == (1, True)


def test_a_signature_by_another_hand_or_over_other_heads_does_not_hold(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    (file, _) = rated(tocsin, exercise, tmp_path / "signed")
    desk = tocsin.office("jonas")
    (name,) = (one.id for one in desk.store.rows())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    forged = c.SignReport(
        by="olga", digest="sha256:0", files={"md": digest}, heads={"StartEx": f"1:sha256:{'0' * 64}"}
    )
    desk.submit(name, forged)
    said = tocsin("drill", "report", "--check", str(file), "--format", "json")
    assert said.code == 1
    assert findings(said) == {
        "bytes": True,
        "digest": False,
        "copies": True,
        "signer": False,
        "heads": False,
        "journal": True,
    }
    shown = " ".join(tocsin("drill", "report", "--check", str(file)).out.split())
    assert "the entry is not by olga" in shown
    assert "the journal has no such head: StartEx" in shown


def test_a_report_is_a_draft_again_once_the_journal_goes_on_after_its_signature(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    rated(tocsin, exercise, tmp_path / "signed")
    again = tocsin("drill", "report", "--to", "md", "--out", str(tmp_path / "again"), "--format", "json").json
    assert (again["status"], again["signed"][0]["by"]) == ("final", "olga")
    tocsin.done("drill", "rate", "T1", "M", "--note", "they did, on paper", "--as", "olga")
    later = tocsin("drill", "report", "--to", "md", "--out", str(tmp_path / "later"), "--format", "json").json
    assert later["status"] == "draft"
    assert "the journal goes on after entry" in later["draft_because"]


def test_a_real_incident_s_report_is_a_draft_until_somebody_who_holds_a_role_signs_it(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    reported.worked(reported.staffed(tocsin), tmp_path)
    where = ("-i", "amber-falcon", "--to", "md", "--out", str(tmp_path / "out"))
    draft = tocsin("drill", "report", *where, "--format", "json").json
    assert (draft["status"], draft["draft_because"]) == ("draft", "nobody has signed it")
    refused = tocsin("drill", "report", "--sign", "--as", "olga", *where)
    assert (refused.code, "olga does not sign for amber-falcon" in refused.err) == (1, True)
    signed = tocsin("drill", "report", "--sign", "--as", "maria", *where, "--format", "json").json
    assert signed["status"] == "final"
    (file,) = (one["path"] for one in signed["files"])
    assert Path(file).name.startswith("after-action-amber-falcon_")
    said = tocsin("drill", "report", "-i", "amber-falcon", "--check", file, "--format", "json")
    assert (said.code, set(findings(said).values())) == (0, {True})
    heads = next(one["said"] for one in said.json["findings"] if one["about"] == "heads")
    assert heads == "in the journal: opened, closed, report"
