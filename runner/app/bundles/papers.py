"""What people read in a bundle: the index, the chronology, and legal documents. Made from the entries that are given."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from runner import __version__
from runner.app.bundles.gathered import Gathered, Stamp
from runner.base.table_file import table_rows
from runner.documents.contents.cover_sheet import PRIVILEGE
from runner.documents.notice import Format
from runner.documents.tree import Block, Document, RenderContext, Signature, Stationery
from runner.documents.write import write
from runner.reports.core.custody import custody_form, custody_table, evidence, form_title
from runner.reports.core.report_blocks import bullets, fields, heading, numbered, paragraph, table, time

MOST_IN_PDF = 2500
"""Entries: a longer table takes gigabytes of memory to set. The table as CSV has all."""
UNCHECKED = "The sender could not check the signature of the timestamp: check it as VERIFY.txt says."


def described(name: str, otherwise: str = "") -> str:
    """Return what a file is, or why an entry is withheld (``descriptions.csv``)."""
    rows = table_rows("runner.app.bundles", "descriptions.csv")
    return next((row["text"] for row in rows if row["name"] == name), otherwise)


def collect(found: Gathered, key: str) -> None:
    """Add the chronology and the legal documents."""
    rows = [
        (
            *(str(one.event), _utc(one.at), _utc(one.recorded), one.actor, one.text),
            "; ".join(f"entry {wrong.event}: {wrong.reason}" for wrong in one.corrections),
        )
        for one in found.chronology.entries
    ]
    heads = ("Entry", "Time", "Recorded", "By", "Text", "Marked as wrong")
    about = paragraph("Entries that are withheld as a digest are not listed. Times are in UTC.")
    if len(rows) <= MOST_IN_PDF:
        read = table(heads, rows) if rows else paragraph("No entry is given to this audience.")
        _put(found, "record/chronology", "Chronology", (about, read), ("pdf",))
    if found.audience.gets("privilege log") == "yes":
        _privilege_log(found)
    exhibits = evidence(found.incident, (row for row, _ in found.whole)).files
    found.put_csv("legal/custody.csv", custody_table(exhibits))
    for one in exhibits:
        _put(
            found,
            f"legal/custody-{one.number:03}",
            form_title(one),
            custody_form(found.incident, one),
            ("pdf",),
        )
    found.put("legal/load-file.dat", _load_file(found))
    if found.audience.gets("certification") == "yes":
        _put(
            found,
            "legal/certification-902",
            "Certification",
            _certification(found, key),
            ("docx", "pdf"),
            draft=True,
        )


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _document(found: Gathered, title: str, blocks: Iterable[Block], *, draft: bool = False) -> Document:
    privileged = found.audience.gets("privileged stream") == "full"
    return Document(
        id="bundle",
        version=__version__,
        template_sha256="",
        title=title,
        language="en",
        context=RenderContext(
            status="draft" if draft else "final",
            kind=found.incident.kind,
            timestamp=found.at,
            language="en",
            stationery=Stationery(name=found.organisation),
            journal_head=found.head,
        ),
        blocks=(heading(1, title), *([paragraph(PRIVILEGE)] if privileged else []), *blocks),
    )


def _put(
    found: Gathered,
    name: str,
    title: str,
    blocks: Iterable[Block],
    forms: tuple[Format, ...],
    *,
    draft: bool = False,
) -> None:
    document = _document(found, title, blocks, draft=draft)
    for form in forms:
        found.put(f"{name}.{form}", write(document, form))


def _privilege_log(found: Gathered) -> None:
    """Add the log that Fed. R. Civ. P. 26(b)(5)(A) asks for, as far as the record has it; counsel completes it."""
    heads = ("Entry", "Date", "Author", "Recipients", "Kind", "Basis")
    rows = [
        (
            *(str(one.event.seq), _utc(one.event.at), one.event.actor.claimed),
            *("to be completed by counsel", "note", "claimed by the author; to be confirmed by counsel"),
        )
        for one in found.entries
        if one.event.stream == "privileged"
    ]
    found.put_csv("legal/privilege-log.csv", [heads, *rows])
    blocks = [table(heads, rows) if rows else paragraph("The record has no privileged entry.")]
    _put(found, "legal/privilege-log", "Privilege log", blocks, ("pdf",))


def _load_file(found: Gathered) -> bytes:
    """Return a Concordance load file: fields in þ, separated by U+0014, one document a line."""
    heads = ("DOCID", "KIND", "TITLE", "DATE", "AUTHOR", "SHA256", "FILEPATH")
    rows = [heads]
    for number, one in enumerate(found.listed, 1):
        cells = (one[name] for name in ("kind", "title", "date", "author", "sha256", "path"))
        rows.append((f"TOC{number:07}", *(" ".join(cell.replace("þ", "th").split()) for cell in cells)))  # type: ignore[arg-type]
    return "".join("\x14".join(f"þ{cell}þ" for cell in row) + "\r\n" for row in rows).encode("utf-8-sig")


def _certification(found: Gathered, key: str) -> Iterable[Block]:
    """Yield a draft for a qualified person; nothing in it is certified before that person signs."""
    yield paragraph(
        "DRAFT for review by counsel. Not evidence until a qualified person has completed and signed it. "
        "The proponent must give the adverse party reasonable written notice (Fed. R. Evid. 902(11))."
    )
    yield heading(2, "Certification under Fed. R. Evid. 902(13) and 902(14)")
    yield paragraph("I, [NAME], state:")
    yield numbered((
        "I am [TITLE] of [ORGANIZATION]. I am qualified by [TRAINING AND EXPERIENCE] to make this certification.",
        "The record was generated by the electronic process Tocsin, which records when each entry was written "
        "and chains it to the entries before it by SHA-256.",
        "[STATE HOW YOU KNOW THAT THE PROCESS PRODUCES AN ACCURATE RESULT, AND THAT IT DID SO HERE.]",
        f"The record has {len(found.entries)} entries. Its head is {found.head}.",
        f"Entries given with content: {found.levels['full']}. Without content: {found.levels['envelope']}. "
        f"As a digest only: {found.levels['hash']}.",
        "The files in this bundle were copied from the record. I compared the SHA-256 of each file with "
        "manifest-sha256.txt by [PROGRAM] on [DATE]. They agree.",
        f"The bundle is signed with the key {key}.",
    ))  # fmt: skip
    yield paragraph(
        "I declare under penalty of perjury under the laws of the United States of America that the foregoing is "
        "true and correct (28 U.S.C. § 1746). Executed on [DATE]."
    )
    yield Signature((paragraph("______________________________"), paragraph("[NAME, TITLE]")))


def index(found: Gathered, key: str) -> bytes:
    """Return ``README.html``: it needs no script and no network, and prints."""
    levels, scope = found.levels, found.scope
    withheld = [
        (
            one["stream"],
            described(one["reason"]),
            "digest only" if one["level"] == "hash" else "no content",
            str(one["count"]),
        )
        for one in scope["withheld"]
    ]
    about = [
        ("Incident", f"{found.incident.id} {found.title}".strip()),
        ("Audience", found.audience.name),
        ("From", time(found.since, UTC)),
        ("Last entry", time(found.at, UTC)),
        (
            "Entries",
            f"{len(found.entries)}: {levels['full']} with content, {levels['envelope']} without content, {levels['hash']} as a digest only",
        ),
        ("Legal duties", scope["duties"]),
        ("Documents", str(found.documents)),
        ("Evidence files", str(found.evidence)),
        ("Not readable", f"{found.unreadable} files: erased or damaged" if found.unreadable else ""),
        ("Head", found.head),
        ("Signed with", key),
    ]
    files = [(f"data/{name}", described(name, _kind(name))) for name in sorted(found.files)]
    blocks: list[Block] = [
        fields(about),
        heading(2, "Withheld"),
        paragraph("Each withheld entry has its digest in the signed record: nothing can be added or removed unnoticed."),
        table(("Stream", "Reason", "Given", "Entries"), withheld) if withheld else paragraph("Nothing is withheld."),
        heading(2, "Verify"),
        bullets((
            "With Python 3.8 or newer: python3 verify.py . --key FINGERPRINT",
            "With programs of others: the commands are in VERIFY.txt",
            "FINGERPRINT is the one that you got in another way, such as by phone or on paper. Do not take it from this bundle.",
        )),
        heading(2, "What the record proves"),
        bullets((
            "The entries agree with one another, and none is missing up to the head.",
            "The holder of the key signed this record. The name of an actor is a claim unless a proof is named.",
            "The times are those of the organisation's machine.",
            *([UNCHECKED] if found.timestamp == "unchecked" else ()),
        )),
        heading(2, "Files"),
        table(("File", "Content"), files),
        *_without_pdf(found),
    ]  # fmt: skip
    return write(_document(found, "Evidence bundle", blocks), "html")


def _without_pdf(found: Gathered) -> Iterable[Block]:
    if "record/chronology.pdf" not in found.files:
        yield paragraph(
            f"No chronology as PDF: more than {MOST_IN_PDF} entries. Use data/record/chronology.csv."
        )


_KINDS = {
    "documents/": "Document: documents.json says which version",
    "legal/custody-": "Custody form of one evidence file",
    "law/": "Law as it was pinned for this incident",
    "evidence/": "Evidence file, as collected",
}


def _kind(name: str) -> str:
    return next((words for start, words in _KINDS.items() if name.startswith(start)), "")


def commands(timestamp: Stamp) -> bytes:
    """Return ``VERIFY.txt``, for a bundle with or without a timestamp, and for one that the sender could not check.

    It does not name the key, because a false bundle would name its own.
    """
    text = pkgutil.get_data("runner.app.bundles", "VERIFY.txt") or b""
    if timestamp == "none":
        return re.sub(rb"7\. .*?\n\n", b"", text, count=1, flags=re.DOTALL)
    return text if timestamp == "unchecked" else re.sub(rb"   The sender could .*\n", b"", text)
