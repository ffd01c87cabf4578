"""The firm's logo: in PDF, Word and HTML from one local file that was looked through, and nowhere else."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import noticed
from tests.documents.pictures import SVG, png


@pytest.fixture
def drawn(tocsin: AtDesk, tmp_path: Path) -> Callable[..., Any]:
    """Return a way to render the short notice under a logo."""

    def draw(content: bytes, digest: str = "", name: str = "logo.png") -> Any:
        (tocsin.home / name).write_bytes(content)
        paper = {"logo": name, "logo_sha256": digest or hashlib.sha256(content).hexdigest()}
        desk = noticed(tocsin, tmp_path)
        desk.settings(stationery=paper)
        words = (
            "notice",
            "render",
            "short-notice",
            "--out",
            str(tmp_path / "out"),
            "--to",
            "pdf,docx,html,txt",
        )
        return desk(*words)

    return draw


def pictures(path: Path) -> int:
    page = pypdfium2.PdfDocument(path)[0]
    return len(list(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE])))


@pytest.mark.parametrize(("content", "name"), [(png(), "logo.png"), (SVG, "logo.svg")], ids=["png", "svg"])
def test_the_logo_is_in_every_format_with_pictures(
    drawn: Callable[..., Any], tmp_path: Path, content: bytes, name: str
) -> None:
    said = drawn(content, name=name)
    assert said.code == 0, said.err
    found = {path.suffix: path for path in (tmp_path / "out").iterdir()}
    assert pictures(found[".pdf"]) == 1
    with zipfile.ZipFile(found[".docx"]) as word:
        assert word.read("word/media/logo.png").startswith(b"\x89PNG")
        assert b'r:embed="rIdLogo"' in word.read("word/header2.xml")
        assert b'Target="media/logo.png"' in word.read("word/_rels/header2.xml.rels")
    page = found[".html"].read_text(encoding="utf-8")
    assert '<img src="data:image/png;base64,' in page
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert "PNG" not in found[".txt"].read_text(encoding="utf-8")


def test_a_file_with_another_digest_is_refused_and_its_own_is_named(drawn: Callable[..., Any]) -> None:
    said = drawn(png(), digest="0" * 64)
    assert (said.code, said.error) == (1, "logo")
    assert hashlib.sha256(png()).hexdigest() in "".join(said.err.split())
