"""Letters to many people from the command line: whole runs, interrupted runs, invalid lists."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest

from runner.incident.notices.letters import MerkleTree
from tests.cli.at_desk import AtDesk, compare

FACTS = """\
schema: tocsin/facts/v1
source: the incident team
organisation:
  name: Example Stores Inc.
  address: "1 Main Street\\nOakland, CA 94601"
  role: [data_owner]
  source_of_breach: true
  public_body: false
  regulated_as: []
  zone: America/Los_Angeles
  country: US
  does_business_in: [US]
  hotline: {phone: 1-800-555-0100}
  contact: {name: Maria Muster, phone: 1-800-555-0101}
  signatory: {name: Erin Example, role: General Counsel}
incident:
  summary: Somebody copied a file of customer records.
  impact: [confidentiality]
  vector: hacking
  occurred_at: "2026-03-01T09:00:00-08:00"
  discovered_at: "2026-03-02T09:00:00-08:00"
  determined_at: "2026-03-05T16:00:00-08:00"
  individual_notice_planned_at: "2026-03-20T09:00:00-07:00"
data: {involved: true, form: [electronic], with_name: true, elements: [ssn], encrypted: false}
people: {total: 15760, by_jurisdiction: {US-CA: 12400, US-MA: 3100, US-TX: 260}, good_faith_only: false}
risk: {harm: likely, mitigation: We closed the door., advice: Keep your eyes open.}
law_enforcement: {engaged: false}
"""
TEMPLATE = """\
---
schema: tocsin/notice/v1
id: our-letter
version: 1.0.0
title: What happened to your data
language: en-US
audience: individuals
slots: [recipient.name, recipient.address, recipient.reference]
requires:
  - {ref: "1", item: Advice, facts: [risk.advice]}
---
::: lines
{{ recipient.name }}
{{ recipient.address }}
:::

# What happened to your data

Reference {{ recipient.reference }}. This is a notice for people in {{ duty.jurisdiction|place }}, as {{ duty.citation }} wants it.

{{ risk.advice }}
{% if duty.jurisdiction == 'US-MA' %}

You may ask the police for a report.
{% endif %}
"""
HEAD = "reference,name,address,jurisdiction\n"
PEOPLE = (
    HEAD
    + """\
A-1,Ada Álvarez,"1 Elm Street
Oakland, CA 94601",US-CA
A-2,"=HYPERLINK(""http://x.example"")",@home,US-MA
A-3,../../etc/passwd,"-2 Oak Road
Austin, TX",US-TX
A-4,אברהם לוי,5 Long Lane,US-CA
A-5,# **Bold** <b>{{ 7*7 }}</b>,[link](javascript:x),US-MA
"""
)


@pytest.fixture
def letters(tocsin: AtDesk, playbook: Path, tmp_path: Path) -> AtDesk:
    """An incident with people in three states, to whom letters are owed."""
    (tocsin.home / "notices").mkdir(exist_ok=True)
    (tocsin.home / "notices" / "our-letter.md").write_text(TEMPLATE, encoding="utf-8")
    facts = tmp_path / "facts.yaml"
    facts.write_text(FACTS, encoding="utf-8")
    tocsin.done("open", str(playbook), "--yes", "--facts", str(facts))
    return tocsin


def listed(folder: Path, text: str, name: str = "people.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(desk: AtDesk, people: str, out: Path, *more: str, notice: str = "our-letter") -> Any:
    return desk(
        *("notice", "letters", notice, "--people", people, "--out", str(out)),
        *("--format", "json", "--accept-counts", "a few of them", *more),
    )


def many(count: int) -> str:
    rows = (
        f"R{n},Person {n},{n} Elm Street,{('US-CA', 'US-MA', 'US-TX')[n % 3]}\n" for n in range(1, count + 1)
    )
    return HEAD + "".join(rows)


def manifest(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


def words(path: Path) -> str:
    pdf = pypdfium2.PdfDocument(path)
    return " ".join(pdf[n].get_textpage().get_text_range() for n in range(len(pdf)))


def everything(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
    }


def test_a_letter_in_two_formats_is_one_letter_in_two_files(letters: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run(letters, listed(tmp_path, PEOPLE), out, "--to", "pdf,docx").json
    assert (said["letters"], said["files"], said["made"]) == (5, 10, 5)
    assert [group["letters"] for group in said["groups"]] == [2, 2, 1]
    assert said["pages"] == sum(line["pages"] for line in manifest(out))
    assert len(manifest(out)) == 10
    kept = json.loads((out / "letters.json").read_text(encoding="utf-8"))
    assert (kept["letters"], kept["files"], sum(group["letters"] for group in kept["groups"])) == (5, 10, 5)
    entries = letters("timeline", "--format", "json").json["entries"]
    [told] = [entry["text"] for entry in entries if said["root"] in entry["text"]]
    assert "5" in re.findall(r"\w+", told)
    again = run(letters, str(tmp_path / "people.csv"), out, "--to", "pdf,docx").json
    assert (again["letters"], again["files"], again["made"]) == (5, 10, 0)


def test_letters_in_print_batches_are_counted_one_by_one(letters: AtDesk, tmp_path: Path) -> None:
    said = run(letters, listed(tmp_path, PEOPLE), tmp_path / "out", "--batch", "2").json
    assert (said["letters"], said["files"]) == (5, 3)


def test_each_person_gets_a_letter_under_the_law_of_their_place(letters: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run(letters, listed(tmp_path, PEOPLE), out)
    assert said.code == 0, said.out
    assert [(group["jurisdiction"], group["duty"], group["letters"]) for group in said.json["groups"]] == [
        ("US-CA", "us-ca-breach/individuals", 2),
        ("US-MA", "us-ma-breach/individuals", 2),
        ("US-TX", "us-tx-breach/individuals", 1),
    ]
    lines = manifest(out)
    assert [line["reference"] for line in lines] == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert all(sha256((out / line["file"]).read_bytes()).hexdigest() == line["sha256"] for line in lines)
    california, massachusetts = words(out / lines[0]["file"]), words(out / lines[1]["file"])
    assert "Ada Álvarez" in california
    assert "Oakland, CA 94601" in california
    assert "people in California" in california
    assert "police for a report" not in california
    assert "people in Massachusetts" in massachusetts
    assert "police for a report" in massachusetts


def test_values_of_a_people_list_are_text_and_name_no_file(letters: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(letters, listed(tmp_path, PEOPLE), out, "--to", "pdf,html,docx,txt").code == 0
    assert sorted(path.name for path in (out / "00001").glob("*.pdf")) == [
        f"DRAFT_000000{n}_A-{n}.pdf" for n in range(1, 6)
    ]
    assert {path.parent.parent for path in out.rglob("*.pdf")} == {out}
    html = (out / "00001" / "DRAFT_0000005_A-5.html").read_text(encoding="utf-8")
    assert "# **Bold** &lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in html
    assert "href=" not in html
    assert "# **Bold** <b>{{ 7*7 }}</b>" in (out / "00001" / "DRAFT_0000005_A-5.txt").read_text(
        encoding="utf-8"
    )
    assert "../../etc/passwd" in words(out / "00001" / "DRAFT_0000003_A-3.pdf")
    hebrew = words(out / "00001" / "DRAFT_0000004_A-4.pdf")
    assert set("אברהםלוי") <= set(hebrew)


def test_the_mail_houses_table_calculates_nothing_and_the_manifest_holds_no_name(
    letters: AtDesk, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(letters, listed(tmp_path, PEOPLE), out)
    rows = list(csv.DictReader(io.StringIO((out / "letters.csv").read_text(encoding="utf-8"), newline="")))
    assert [row["reference"] for row in rows] == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert rows[1]["name"].startswith("'=HYPERLINK(")
    assert (rows[1]["address"], rows[2]["address"]) == ("'@home", "'-2 Oak Road\nAustin, TX")
    assert (rows[0]["name"], rows[0]["first_page"], rows[0]["pages"]) == ("Ada Álvarez", "1", "1")
    kept = "".join(
        (out / name).read_text(encoding="utf-8") for name in ("manifest.jsonl", "letters.json", "run.json")
    )
    assert not any(word in kept for word in ("Ada", "Elm", "HYPERLINK", "Bold", "Oak Road"))


def test_the_manifest_root_is_recorded_without_personal_data(letters: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = run(letters, listed(tmp_path, PEOPLE), out).json
    tree = MerkleTree((out / "manifest.jsonl").read_bytes().splitlines())
    assert written["root"] == f"sha256:{tree.root}" == json.loads((out / "letters.json").read_bytes())["root"]
    timeline = letters.done("timeline", "--format", "json")
    assert written["root"] in timeline
    assert not any(word in timeline for word in ("Ada", "Elm Street", "A-1"))
    again = run(letters, listed(tmp_path, PEOPLE), out).json
    assert (again["made"], again["evidence"]) == (0, written["evidence"])
    assert letters.done("timeline", "--format", "json") == timeline


def test_an_interrupted_run_resumes_and_ends_with_the_same_bytes(letters: AtDesk, tmp_path: Path) -> None:
    people = listed(tmp_path, many(1_100))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(letters, people, whole, "--to", "txt").json["made"] == 1_100
    assert run(letters, people, cut, "--to", "txt").code == 0
    # as a kill leaves it: one shard half written, one with a file cut short, nothing joined
    (cut / "00002").rename(cut / "00002.part")
    next((cut / "00003").glob("*.txt")).write_bytes(b"")
    untouched = (cut / "00001").stat().st_mtime_ns
    for name in ("manifest.jsonl", "letters.csv", "letters.json"):
        (cut / name).unlink()
    assert run(letters, people, cut, "--to", "txt").json["made"] == 600
    assert (cut / "00001").stat().st_mtime_ns == untouched
    assert everything(cut) == everything(whole)


def test_print_batches_say_where_each_letter_begins(letters: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run(letters, listed(tmp_path, many(25)), out, "--batch", "10")
    assert said.code == 0, said.out
    assert sorted(path.name for path in out.rglob("*.pdf")) == [f"DRAFT_00001-00{k}.pdf" for k in (1, 2, 3)]
    for line in manifest(out):
        pdf = pypdfium2.PdfDocument(out / line["file"])
        first = pdf[line["first_page"] - 1].get_textpage().get_text_range()
        assert f"Reference R{line['n']}." in first
        assert f"1 / {line['pages']}" in first
    assert said.json["pages"] == sum(line["pages"] for line in manifest(out))


def test_every_bad_row_is_named_by_its_line_and_nothing_is_made(letters: AtDesk, tmp_path: Path) -> None:
    bad = (
        HEAD
        + 'A-1,Ada,"1 Elm\nOakland",US-CA\n'
        + "A-1,Bea,2 Elm,US-CA\na-1,Bea,2 Elm,US-CA\n../x,Cy,3 Elm,US-CA\nA-5,,4 Elm,US-CA\nA-6,Di,,US-CA\n"
        + "A-7,E\u202evil,5 Elm,US-CA\nA-8,Flo,6 Elm,California\nA-9,Gus,7 Elm,US-NV\nA-10,Hal,8 Elm\n"
        + "A-11,Ida,9 Elm,US-CA\nA-12,漢字,10 Elm,US-CA\nA..13,Joe,11 Elm,US-CA\n"
    )
    people, out = listed(tmp_path, bad), tmp_path / "out"
    said = run(letters, people, out)
    assert (said.code, said.error, out.exists()) == (1, "people", False)
    found = {problem["line"]: problem["message"] for problem in said.json["problems"]}
    named = {
        4: {"reference", "2"},
        5: {"reference", "2"},
        6: {"reference", "64"},
        7: {"name"},
        8: {"address"},
        9: {"name", "U+202E"},
        10: {"jurisdiction"},
        11: {"US-NV"},
        12: {"3", "4"},
        14: {"U+6F22"},
        15: {"reference", "64"},
    }
    assert found.keys() == named.keys()
    for line, those in named.items():
        assert those <= set(re.findall(r"[\w+-]+", found[line])), found[line]
    text = letters("notice", "letters", "our-letter", "--people", people, "--out", str(out))
    assert (text.error, f"{people}:4:1:" in text.err) == ("people", True)
    assert "Bea" not in text.err


def test_invalid_rows_are_skipped_on_request(letters: AtDesk, tmp_path: Path) -> None:
    people = listed(tmp_path, HEAD + "A-1,Ada,1 Elm,US-CA\n=1+1,=2+2,x,US-CA\nA-3,漢字,3 Elm,US-CA\n")
    out = tmp_path / "out"
    said = run(letters, people, out, "--skip-bad")
    assert (said.code, said.json["letters"], said.json["rejected"]) == (0, 1, 2)
    rows = list(csv.reader(io.StringIO((out / "rejects.csv").read_text(encoding="utf-8"), newline="")))
    assert [row[0] for row in rows] == ["line", "3", "4"]
    assert "name==2+2" in rows[1][2]
    assert not any(cell.startswith("=") for row in rows for cell in row)


def test_a_name_that_no_font_shows_is_written_with_fonts_or_in_another_format(
    letters: AtDesk, tmp_path: Path
) -> None:
    people = listed(tmp_path, HEAD + "A-1,漢字 かな,1 Elm,US-CA\nA-2,محمد علي,2 Elm,US-CA\n")
    said = run(letters, people, tmp_path / "txt", "--to", "txt,html,docx")
    assert said.code == 0, said.out
    assert "漢字 かな" in (tmp_path / "txt" / "00001" / "DRAFT_0000001_A-1.txt").read_text(encoding="utf-8")
    assert "محمد علي" in (tmp_path / "txt" / "00001" / "DRAFT_0000002_A-2.html").read_text(encoding="utf-8")
    refused = run(letters, people, tmp_path / "pdf")
    assert (refused.code, refused.error) == (1, "people")
    assert [(problem["line"], "U+6F22" in problem["message"]) for problem in refused.json["problems"]] == [
        (2, True)
    ]
    draft = run(letters, people, tmp_path / "draft", "--draft")
    assert draft.code == 0, draft.out
    assert "[U+6F22]" in words(tmp_path / "draft" / "00001" / "DRAFT_0000001_A-1.pdf")
    assert draft.json["evidence"] == ""


def test_missing_columns_are_named_all_at_once(letters: AtDesk, tmp_path: Path) -> None:
    said = run(letters, listed(tmp_path, "ref,name\n1,x\n"), tmp_path / "out")
    assert (said.code, said.error) == (1, "people")
    columns = {"reference", "name", "address", "jurisdiction"}
    assert [columns & set(re.findall(r"\w+", problem["message"])) for problem in said.json["problems"]] == [
        {"reference"},
        {"address"},
        {"jurisdiction"},
    ]


def test_letters_for_a_single_duty_need_no_jurisdictions(letters: AtDesk, tmp_path: Path) -> None:
    people = listed(tmp_path, "Reference;Name;Address 1;Address 2\nA-1;Ada;1 Elm;Oakland\n")
    out = tmp_path / "out"
    said = run(letters, people, out, "--duty", "us-ma-breach/individuals", "--to", "txt")
    assert said.code == 0, said.out
    assert "people in Massachusetts" in (out / "00001" / "DRAFT_0000001_A-1.txt").read_text(encoding="utf-8")
    refused = run(letters, people, out, "--duty", "x/y")
    assert (refused.code, refused.error, "x/y" in refused.json["message"]) == (1, "unknown_duty", True)


def test_people_of_one_population_read_of_their_own_data_alone(letters: AtDesk, tmp_path: Path) -> None:
    people = listed(tmp_path, HEAD + "A-1,Ada,1 Elm,US-CA\n")
    said = run(letters, people, tmp_path / "out", "--population", "staff")
    assert (said.code, said.error) == (1, "people")
    [problem] = said.json["problems"]
    assert (problem["code"], problem["line"], "staff" in problem["message"]) == ("people", 2, True)


@pytest.mark.parametrize(
    "content", [b"SQLite format 3\0\x10\0", b"PAR1\x15\0\x15\n", b"PK\3\4\0\0"], ids=["db", "parquet", "xlsx"]
)
def test_a_list_is_a_csv_file(letters: AtDesk, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "people.db").write_bytes(content)
    refused = run(letters, str(tmp_path / "people.db"), tmp_path / "out")
    assert (refused.code, refused.error) == (1, "people")


def test_a_list_that_changed_is_another_run(letters: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(letters, listed(tmp_path, many(3)), out, "--to", "txt").code == 0
    changed = run(letters, listed(tmp_path, many(4)), out, "--to", "txt")
    assert (changed.code, changed.error) == (1, "other_run")
    differs = {"people", "people_sha256", "texts"}
    assert differs & set(re.findall(r"\w+", changed.json["message"])) == {"people", "people_sha256"}
    letters.done("fact", "set", "risk.advice=Change your password.", "--source", "the log")
    changed = run(letters, listed(tmp_path, many(3)), out, "--to", "txt")
    assert (changed.code, changed.error) == (1, "other_run")
    assert differs & set(re.findall(r"\w+", changed.json["message"])) == {"texts"}
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine", encoding="utf-8")
    refused = run(letters, listed(tmp_path, many(3)), foreign)
    assert (refused.code, refused.error) == (1, "folder_not_empty")


def test_letters_with_gaps_are_not_made_but_as_drafts(letters: AtDesk, tmp_path: Path) -> None:
    letters.done("fact", "set", "risk.advice=?", "--source", "the log")
    people, out = listed(tmp_path, many(3)), tmp_path / "out"
    said = run(letters, people, out)
    assert (said.code, said.error, out.exists()) == (1, "notice_incomplete", False)
    assert {problem["code"] for problem in said.json["problems"]} == {"letter-gap"}
    assert all("risk.advice" in problem["message"] for problem in said.json["problems"])
    assert run(letters, people, out, "--draft", "--to", "txt").code == 0
    assert (out / "00001" / "DRAFT_0000001_R1.txt").exists()


def test_a_template_without_slots_is_refused_as_a_letter(letters: AtDesk, tmp_path: Path) -> None:
    said = run(letters, listed(tmp_path, many(1)), tmp_path / "out", notice="gdpr-33-initial")
    assert (said.code, said.error) == (1, "no_slots")


def test_invalid_options_and_lists_are_usage_errors(letters: AtDesk, tmp_path: Path) -> None:
    people, out = listed(tmp_path, many(1)), tmp_path / "out"
    for code, error, more in (
        (2, "bad_batch", ("--batch", "1001")),
        (2, "options_conflict", ("--batch", "10", "--to", "txt")),
        (2, "folder_missing", ("--fonts", str(tmp_path / "none"))),
    ):
        said = run(letters, people, out, *more)
        assert (said.code, said.error) == (code, error)
    said = run(letters, str(tmp_path / "none.csv"), out)
    assert (said.code, said.error) == (1, "file_missing")
    broken = listed(tmp_path, HEAD + 'A-1,"Ada"x,1 Elm,US-CA\n', "broken.csv")
    said = run(letters, broken, out, "--skip-bad")
    assert (said.code, said.error, f"{broken}:2:" in said.json["message"]) == (1, "people", True)


def test_a_person_reads_a_short_answer_and_a_terminal_shows_a_bar(letters: AtDesk, tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        people = listed(tmp_path, many(3))
        accepted = ("--accept-counts", "a few of them", "--to", "txt")
        words_ = ("notice", "letters", "our-letter", "--people", people, *accepted)
        told, again = (letters.done(*words_, "--out", "out") for _ in range(2))
        answers = re.sub(r"[0-9a-f]{64}", f"{'0' * 64}", f"{told}\n{again}")
        compare("letters-answers", answers, letters.home)
        seen = letters(*words_, "--out", "other", types="")
        assert (seen.code, "\x1b[" in seen.err) == (0, True)
        beside = letters(*words_, "--out", "third")
        assert (beside.code, beside.warnings) == (0, ["not_approved"] * 3)
        assert len(beside.err.splitlines()) == 3


def test_the_files_are_their_owners_alone(letters: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(letters, listed(tmp_path, many(2)), out, "--to", "txt")
    assert {path.stat().st_mode & 0o077 for path in out.rglob("*")} == {0}


def test_the_shipped_letter_covers_required_and_omits_forbidden_content(
    letters: AtDesk, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = run(letters, listed(tmp_path, PEOPLE), out, "--to", "txt", "--draft", notice="us-letter")
    assert said.code == 0, said.out
    california = (out / "00001" / "DRAFT_0000001_A-1.txt").read_text(encoding="utf-8")
    massachusetts = (out / "00001" / "DRAFT_0000002_A-2.txt").read_text(encoding="utf-8")
    assert "Somebody copied a file of customer records." in california
    assert "copied" not in massachusetts
    for name, letter in (("california", california), ("massachusetts", massachusetts)):
        assert "risk.monitoring.months" in letter
        compare(f"letters-{name}", letter, letters.home)


def test_auto_takes_the_template_that_fits_each_duty(letters: AtDesk, tmp_path: Path) -> None:
    said = run(letters, listed(tmp_path, PEOPLE), tmp_path / "out", "--to", "txt", "--draft", notice="auto")
    assert said.code == 0, said.out
    assert {group["jurisdiction"]: group["notice"] for group in said.json["groups"]} == {
        "US-CA": "us-ca-individual",
        "US-MA": "us-letter",
        "US-TX": "us-letter",
    }


def test_a_hospital_writes_the_federal_letter_where_the_state_waives_its_own(
    letters: AtDesk, tmp_path: Path
) -> None:
    letters.done(
        *("fact", "set", "--source", "counsel", "organisation.regulated_as=hipaa_covered_entity"),
        *(
            "organisation.does_business_in+=US-NY",
            "people.by_jurisdiction.US-NY=1",
            "data.elements=ssn,medical",
        ),
        *("risk.low_probability_of_compromise=false", "incident.impact=confidentiality"),
    )
    people = listed(tmp_path, HEAD + "B-1,Ada Ek,5 Elm Road,US-NY\nB-2,Bo Ek,6 Elm Road,US-MA\n")
    said = run(letters, people, tmp_path / "out", "--to", "txt", "--draft", notice="auto")
    chosen = {group["jurisdiction"]: group["duty"] for group in said.json["groups"]}
    assert chosen == {"US-NY": "us-hipaa-164-400/individuals", "US-MA": "us-ma-breach/individuals"}
    unserved = [one.split(" ")[0] for one in said.json["unserved"]]
    assert {"us-hipaa-164-400/individuals", "us-ny-breach/individuals"} <= set(unserved)
    assert said.err.count("[duty_unserved]") == len(unserved)
