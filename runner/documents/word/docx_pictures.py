"""The logo in a Word file of our own: a picture in the first page's head, with the parts that declare it."""

from __future__ import annotations

from typing import Final

from runner.documents.pictures import size
from runner.documents.tree import Stationery
from runner.documents.word.word_picture import PNG, shown

_RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def with_logo(files: dict[str, bytes], paper: Stationery) -> dict[str, bytes]:
    """Return the parts that a logo changes or adds; raises KeyError for parts that are none of ours."""
    logo = paper.logo
    if logo is None:
        return {}
    types = files["[Content_Types].xml"].decode()
    head = files["word/header2.xml"].decode()
    begin = head.index(">", head.index("<w:hdr")) + 1
    relations = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rIdLogo" Type="{_OFFICE}/image" Target="media/logo.png"/></Relationships>'
    )
    picture = shown("rIdLogo", 1, f"Logo of {paper.name}", *size(logo))
    line = f'<w:p><w:pPr><w:pStyle w:val="Letterhead"/></w:pPr>{picture}</w:p>'
    return {
        "[Content_Types].xml": (
            types if PNG in types else types.replace("<Override", f"{PNG}<Override", 1)
        ).encode(),
        "word/header2.xml": (head[:begin] + line + head[begin:]).encode(),
        "word/_rels/header2.xml.rels": relations.encode(),
        "word/media/logo.png": logo.png,
    }
