"""A drawing as pixels, for what shows no SVG: set by typst, so that it looks as it does in a PDF."""

from __future__ import annotations

from typing import Final

from runner.documents.pdf.fonts import fonts
from runner.errors import Bug

_DRAWING: Final = (
    b"#set page(width: auto, height: auto, margin: 0pt, fill: none)\n"
    b'#image(bytes(sys.inputs.svg), format: "svg", height: float(sys.inputs.height) * 1pt)\n'
)


def raster(svg: str, height: float, ppi: float, folders: tuple[str, ...] = ()) -> bytes:
    """Return a drawing as PNG, ``height`` points high; raises TypstError where it cannot be drawn.

    Its letters are of the built-in fonts and those of some folders. The same drawing gives the same bytes.
    """
    import typst

    made = typst.compile(
        _DRAWING,
        format="png",
        ppi=ppi,
        font_paths=fonts(folders),
        ignore_system_fonts=True,
        sys_inputs={"svg": svg, "height": f"{height:g}"},
    )
    if not isinstance(made, bytes):
        raise Bug("typst drew no picture")
    return made
