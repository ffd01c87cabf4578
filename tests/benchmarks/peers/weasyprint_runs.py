"""WeasyPrint: P, a loop over one HTML template, a PDF for each reader; in as many processes as the variant says."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from html import escape
from pathlib import Path

from letter import BLOCKS, LETTERHEAD, TABLE, person
from protocol import job, report
from weasyprint import HTML

STYLE = "<style>@page{size:letter;margin:24mm;@bottom-right{content:counter(page) ' / ' counter(pages)}}body{font-size:11pt}table{border-collapse:collapse}td{border:1px solid #999}</style>"


def page() -> str:
    """Return the letter as HTML with slots."""
    shapes = {
        "h1": "<h1>{}</h1>",
        "h2": "<h2>{}</h2>",
        "li": "<ul><li>{}</li></ul>",
        "p": "<p>{}</p>",
        "lines": "<p>{}</p>",
    }
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in TABLE)
    body = "".join(
        f"<table>{rows}</table>" if kind == "table" else shapes[kind].format(text.replace("\n", "<br>"))
        for kind, text in BLOCKS
    )
    return f"<!doctype html><html lang=en><title>Notice of Data Breach</title>{STYLE}<body><p>{'<br>'.join(LETTERHEAD)}</p>{body}</body></html>"


def write(folder: Path, numbers: range) -> None:
    """Write a letter for each number."""
    text = page()
    for n in numbers:
        filled = text
        for slot, value in person(n).items():
            filled = filled.replace(f"{{{slot}}}", escape(value).replace("\n", "<br>"))
        HTML(string=filled).write_pdf(folder / f"{n:07d}.pdf")


if __name__ == "__main__":
    JOB = job()
    jobs = int(JOB.variant or "1")
    started = time.perf_counter()
    with ProcessPoolExecutor(jobs) as pool:
        list(pool.map(write, [JOB.folder] * jobs, [range(k, JOB.n, jobs) for k in range(jobs)]))
    report(JOB, rate=JOB.n / (time.perf_counter() - started))
