"""Letters in bulk, below the command line: what is calculated, what is remembered, what a kill leaves."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pypdfium2  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.notice import Notice
from runner.documents.pdf.typst_compiler import Press, unprintable, write_pdf
from runner.effects.notices.letters import Shard, for_a_spreadsheet, letter, make_shard
from runner.effects.notices.render import Paper
from runner.files.people_lists.list_rows import open_people
from runner.files.people_lists.people_list import checked
from runner.incident.notices.letters import MerkleTree, Person
from tests.cli.at_desk import AtDesk
from tests.documents.examples import context

SLOTS = ("recipient.name", "recipient.address", "recipient.reference")
NOTICE = Notice(id="plain-letter", version="1.0.0", title="A letter", language="en-GB", slots=SLOTS)
BODY = "::: lines\n{{ recipient.name }}\n{{ recipient.address }}\n:::\n\n# A letter\n\nReference {{ recipient.reference }}.\n"
PAPER = Paper(NOTICE, BODY, {}, {}, context(status="final"))


def person(n: int) -> Person:
    return Person(reference=f"R{n}", name=f"Zoë Łukasiewicz {n}", address=f"{n} Elm Street\nOakland")


def root_by_hand(leaves: list[bytes]) -> bytes:
    """RFC 6962, as it is written there."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    both = root_by_hand(leaves[:half]) + root_by_hand(leaves[half:])
    return hashlib.sha256(b"\x01" + both).digest()


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40))
def test_the_root_is_that_of_rfc_6962(leaves: list[bytes]) -> None:
    assert MerkleTree(leaves).root == root_by_hand(leaves).hex()


@given(st.text(max_size=20))
def test_no_cell_of_a_table_for_people_is_calculated(text: str) -> None:
    (cell,) = for_a_spreadsheet([text])
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert cell.removeprefix("'") == text.removeprefix("'")


def test_a_letter_in_a_batch_equals_the_single_letter() -> None:
    long = msgspec.structs.replace(PAPER, source=BODY + "\nA line to fill a page.\n" * 60)
    documents = [letter(paper, person(n)) for n, paper in enumerate((long, PAPER, long), 1)]
    batch = Press(tagged=False).print(documents)
    assert batch.pages == (2, 1, 2)
    assert Press(tagged=False).print(documents) == batch
    apart = [image for document in documents for image in pixels(write_pdf(document))]
    assert pixels(batch.content) == apart


def test_a_letter_after_others_has_the_same_bytes_as_alone() -> None:
    long = msgspec.structs.replace(PAPER, source=BODY + "\nA line to fill a page.\n" * 60)
    documents = [letter(paper, person(n)) for n, paper in enumerate((PAPER, long, PAPER, PAPER, long), 1)]
    press = Press(tagged=True)
    printed = [press.print((document,)) for document in documents]
    assert [one.content for one in printed] == [write_pdf(document) for document in documents]
    assert [one.pages for one in printed] == [(1,), (2,), (1,), (1,), (2,)]


@pytest.mark.parametrize(
    "name", ['") #read("/etc/passwd")', "\\", '\\" + "', "\\u{41}", '"]\n#panic("x")', "#{1+1} $x^2$ */ //"]
)
def test_no_name_becomes_more_than_text_on_the_press(name: str) -> None:
    press = Press(tagged=True)
    press.print((letter(PAPER, person(1)),))
    hostile = letter(PAPER, Person(reference="R2", name=name, address="2 Elm Street"))
    pdf = pypdfium2.PdfDocument(press.print((hostile,)).content)
    text = pdf[0].get_textpage().get_text_range().replace("\r\n", "\n")
    assert f"\n{name}\n2 Elm Street\nA letter\nReference R2.\n" in text


def test_lines_of_a_shard_keep_the_order_of_the_list(tmp_path: Path) -> None:
    people = tuple(
        msgspec.structs.replace(person(n), jurisdiction=("DE", "FR", "AT")[n % 3]) for n in range(1, 8)
    )
    papers = {(place, "", "", ""): PAPER for place in ("DE", "FR", "AT")}
    mixed = msgspec.structs.replace(shard(tmp_path, 1, 7), people=people, papers=papers, formats=("pdf",))
    make_shard(mixed)
    lines = [json.loads(line) for line in (tmp_path / "00001" / "manifest.jsonl").read_bytes().splitlines()]
    assert [line["reference"] for line in lines] == [f"R{n}" for n in range(1, 8)]
    assert [line["n"] for line in lines] == list(range(1, 8))


def pixels(content: bytes) -> list[bytes]:
    pdf = pypdfium2.PdfDocument(content)
    return [bytes(pdf[n].render(scale=1).buffer) for n in range(len(pdf))]


def test_characters_without_a_glyph_are_found() -> None:
    assert unprintable(["é", "漢", "ל", "ж", "字"]) == {"漢", "字"}
    assert unprintable([]) == frozenset()


def shard(folder: Path, number: int, count: int, batch: int = 0) -> Shard:
    first = (number - 1) * count + 1
    return Shard(
        number=number,
        first=first,
        people=tuple(person(n) for n in range(first, first + count)),
        papers={("", "", "", ""): PAPER},
        formats=("pdf",) if batch else ("txt",),
        batch=batch,
        folder=str(folder),
    )


def held_by(work: Callable[[], None]) -> int:
    """Return the most bytes of Python's that a piece of work holds at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_people_need_no_more_memory_in_a_run(tmp_path: Path) -> None:
    def run(count: int) -> None:
        path = tmp_path / f"{count}.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("reference,name,address\n")
            file.writelines(f"R{n},Zoë {n},{n} Elm Street\n" for n in range(count))
        waiting: list[Person] = []
        for found in checked(open_people(path), "", lambda person: ""):
            assert found.person is not None
            waiting.append(found.person)
            if len(waiting) == 100:
                make_shard(
                    Shard(
                        number=int(waiting[-1].reference[1:]) // 100 + 1,
                        first=1,
                        people=tuple(waiting),
                        papers={("", "", "", ""): PAPER},
                        formats=("txt",),
                        batch=0,
                        folder=str(out),
                    )
                )
                waiting.clear()

    peaks: list[int] = []
    for count in (200, 200, 2_000, 2_000):
        out = tmp_path / f"out-{len(peaks)}"
        out.mkdir()
        peaks.append(held_by(lambda count=count: run(count)))  # type: ignore[misc]
    # What 1,800 more people are held in takes ten times as much; Python's table of interned strings grows in one of the runs.
    assert min(peaks[2:]) < peaks[1] + 100_000


PROBE = """\
import sys
from pathlib import Path
from tests.effects.notices.test_letters import resident, shard
from runner.effects.notices.letters import make_shard
out = Path(sys.argv[1])
seen = []
for number in range(1, 9):
    make_shard(shard(out, number, 50, batch=25))
    seen.append(resident())
print(seen[1], seen[-1])
"""


def resident() -> int:
    """Return the pages of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_typst_forgets_the_batches_that_are_done(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE, encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    root = Path(__file__).parents[3]
    said = subprocess.run(
        [sys.executable, str(probe), str(out)],
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    early, late = map(int, said.stdout.split())
    assert late < 1.3 * early


@pytest.mark.slow
def test_a_killed_run_resumes_and_ends_with_the_same_result(tmp_path: Path) -> None:
    from tests.cli.notices.test_letters import TEMPLATE, everything, many, run

    desk = AtDesk(tmp_path / "home")
    desk.clock.time = datetime.now(UTC)  # the process has the machine's clock
    desk.done("init")
    desk.settings()
    (desk.home / "notices").mkdir(exist_ok=True)
    (desk.home / "notices" / "our-letter.md").write_text(TEMPLATE, encoding="utf-8")
    play = tmp_path / "play.yaml"
    play.write_text(
        "schema: tocsin/playbook/v1\nname: p\nversion: 1.0.0\ntitle: P\nroles: {commander: {title: C}}\n"
        "steps:\n  - {id: look, task: Look, role: commander}\n",
        encoding="utf-8",
    )
    desk.done("open", str(play), "--yes", "--fact", "risk.advice=x")
    people, cut = tmp_path / "people.csv", tmp_path / "cut"
    people.write_text(many(2_500), encoding="utf-8")
    words = (
        *("notice", "letters", "our-letter", "--people", str(people), "--to", "txt"),
        *("--duty", "us-ma-breach/individuals", "--out", str(cut), "--accept-counts", "a few of them"),
    )
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", *words],
        env={**os.environ, "TOCSIN_HOME": str(desk.home), "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (cut / "00001").exists():
        with_limit(process, 0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cut / "letters.json").exists()
    again = run(desk, str(people), cut, "--to", "txt", "--duty", "us-ma-breach/individuals").json
    assert 0 < again["made"] < 2_500
    whole = tmp_path / "whole"
    assert run(desk, str(people), whole, "--to", "txt", "--duty", "us-ma-breach/individuals").code == 0
    assert everything(cut) == everything(whole)


def with_limit(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process's end, for so long at most."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
