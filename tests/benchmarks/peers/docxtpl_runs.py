"""docxtpl: P, a loop over one Word template, a DOCX for each reader; in as many processes as the variant says."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from docx import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docxtpl import DocxTemplate
from letter import BLOCKS, LETTERHEAD, TABLE, jinja, person
from protocol import job, report


def template(path: Path) -> None:
    """Write the letter as a Word template."""
    styles = {"h1": "Heading 1", "h2": "Heading 2", "li": "List Bullet", "p": "Normal", "lines": "Normal"}
    document = Document()
    paper = document.sections[0]
    for line in LETTERHEAD:
        document.add_paragraph(line)
    paper.header.paragraphs[0].text = f"{LETTERHEAD[0]}  Notice of Data Breach"
    foot = paper.footer.paragraphs[0]
    foot.text = "amber falcon · bench-letter 1.0.0  "
    for field in ("PAGE", "NUMPAGES"):
        shown = OxmlElement("w:fldSimple")
        shown.set(qn("w:instr"), field)
        foot._p.append(shown)
    for kind, text in BLOCKS:
        if kind == "table":
            table = document.add_table(0, 4, style="Table Grid")
            for row in TABLE:
                for cell, words in zip(table.add_row().cells, row, strict=True):
                    cell.text = words
        else:
            document.add_paragraph(jinja(text), style=styles[kind])
    document.save(path)


def write(folder: Path, numbers: range) -> None:
    """Write a letter for each number."""
    for n in numbers:
        letter = DocxTemplate(folder / "letter.docx")
        letter.render({"recipient": person(n)}, autoescape=True)
        letter.save(folder / f"{n:07d}.docx")


if __name__ == "__main__":
    JOB = job()
    template(JOB.folder / "letter.docx")
    jobs = int(JOB.variant or "1")
    started = time.perf_counter()
    with ProcessPoolExecutor(jobs) as pool:
        list(pool.map(write, [JOB.folder] * jobs, [range(k, JOB.n, jobs) for k in range(jobs)]))
    report(JOB, rate=JOB.n / (time.perf_counter() - started))
