"""What a document's files come to in each format, in a few lines that a golden file holds.

Word and HTML by the digest of their bytes. A PDF by its pages and the digest of what a reader takes from them: its
bytes may differ between kinds of processors.
"""

from __future__ import annotations

import hashlib
import re

import pypdfium2  # type: ignore[import-untyped]

from runner.documents.notice import Format

FILES: tuple[Format, ...] = ("docx", "html", "pdf")


def files_of(word: bytes, page: bytes, pdf: bytes) -> str:
    """Return one line for each format."""
    read = pypdfium2.PdfDocument(pdf)
    text = "".join(one.get_textpage().get_text_range() for one in read)
    said = re.sub(r"[\s\ufffe]", "", text).encode()
    return (
        f"docx sha256:{hashlib.sha256(word).hexdigest()}\n"
        f"html sha256:{hashlib.sha256(page).hexdigest()}\n"
        f"pdf {len(read)} pages, text sha256:{hashlib.sha256(said).hexdigest()}\n"
    )
