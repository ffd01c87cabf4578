"""Logo in a generated Word file: a picture in the header of the first page, with its parts."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import quoteattr

from runner.documents.pictures import size
from runner.documents.tree import Stationery

PNG: Final = '<Default Extension="png" ContentType="image/png"/>'
"""What the list of content types says of PNG parts."""


_EMU: Final = 12_700
"""English metric units in a point."""


_DRAWING: Final = "http://schemas.openxmlformats.org/drawingml/2006"


def shown(relation: str, number: int, alt: str, width: float, height: float) -> str:
    """Return the run that shows a related part, so wide and high in points; ``number`` is its own in its part."""
    extent = f'cx="{round(width * _EMU)}" cy="{round(height * _EMU)}"'
    named = f'id="{number}" name="Picture {number}"'
    shape = (
        '<pic:spPr><a:xfrm><a:off x="0" y="0"/>'
        f'<a:ext {extent}/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr>'
    )
    return (
        "<w:r><w:drawing>"
        f'<wp:inline xmlns:wp="{_DRAWING}/wordprocessingDrawing" distT="0" distB="0" distL="0" distR="0">'
        f"<wp:extent {extent}/><wp:docPr {named} descr={quoteattr(alt)}/>"
        f'<a:graphic xmlns:a="{_DRAWING}/main"><a:graphicData uri="{_DRAWING}/picture">'
        f'<pic:pic xmlns:pic="{_DRAWING}/picture"><pic:nvPicPr><pic:cNvPr {named}/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip xmlns:r="{_OFFICE}" r:embed="{relation}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
        f"{shape}</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )


_RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"


_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def with_logo(files: dict[str, bytes], paper: Stationery) -> dict[str, bytes]:
    """Return the parts that a logo changes or adds; raises KeyError for parts that Tocsin did not write."""
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
