"""A picture in a Word file: the run that shows it, and how its part is declared."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import quoteattr

PNG: Final = '<Default Extension="png" ContentType="image/png"/>'
"""What the list of content types says of PNG parts."""
_EMU: Final = 12_700
"""English metric units in a point."""
_DRAWING: Final = "http://schemas.openxmlformats.org/drawingml/2006"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


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
