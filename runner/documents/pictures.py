"""Pictures in documents: logos without unsafe content, and SVG drawn to PNG.

A logo is an external file, so it is hostile until checked: a PNG may expand to gigabytes or contain its author and location,
an SVG may fetch, script and include. The result is a PNG of bounded size with only its pixels. Typst draws
an SVG once, so every format shows the same.
"""

from __future__ import annotations

import functools
import hashlib
import re
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.documents.tree import Logo
from runner.errors import Bug, Refused

if TYPE_CHECKING:
    import typst


@functools.lru_cache(maxsize=8)
def fonts(folders: tuple[str, ...]) -> typst.Fonts:
    """Read the fonts of some folders once; the built-in ones are always there."""
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[Path(folder) for folder in folders])


_DRAWING: Final = (
    b"#set page(width: auto, height: auto, margin: 0pt, fill: none)\n"
    b'#image(bytes(sys.inputs.svg), format: "svg", height: float(sys.inputs.height) * 1pt)\n'
)


def raster(svg: str, height: float, ppi: float, folders: tuple[str, ...] = ()) -> bytes:
    """Return a drawing as PNG, ``height`` points high; raises TypstError where it cannot be drawn.

    Its letters are of the built-in fonts and those of some folders. The same drawing gives the same bytes.
    """
    import typst

    pages = typst.compile(
        _DRAWING,
        format="png",
        ppi=ppi,
        font_paths=fonts(folders),
        ignore_system_fonts=True,
        sys_inputs={"svg": svg, "height": f"{height:g}"},
    )
    if not isinstance(pages, bytes):
        raise Bug("Typst created no picture.")
    return pages


MAX_BYTES: Final = 256 * 1024
MAX_SIDE: Final = 2_000
HEIGHT, WIDTH = 42.0, 170.0
"""The box that a logo is fitted into, in points."""
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KEPT: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_OUTSIDE: Final = re.compile(
    r"<!|<\?xml-stylesheet|<(?:\w+:)?(?:script|image|foreignobject|use|style|animate\w*|set|a)\b"
    r"|\bon\w+\s*=|href\s*=\s*[\"']?(?!#)|url\(\s*[\"']?(?!#)|@import|javascript:|data:",
    re.IGNORECASE,
)


def read_logo(content: bytes, expected: str) -> Logo:
    """Return the picture in a file; raises Refused if its digest differs, or if it is unsafe."""
    digest = hashlib.sha256(content).hexdigest()
    if expected.removeprefix("sha256:").lower() != digest:
        raise _refused(
            "differs from the digest in the settings" if expected else "has no digest in the settings",
            f"If the file is right, write stationery: {{logo_sha256: {digest}}}.",
        )
    if len(content) > MAX_BYTES:
        raise _refused(f"has {len(content):,} bytes", f"Save the logo with at most {MAX_BYTES:,} bytes.")
    png = content if content.startswith(_SIGNATURE) else _drawn(content)
    width, height, plain = _plain(png)
    return Logo(png=plain, width=width, height=height, sha256=digest)


def size(logo: Logo) -> tuple[float, float]:
    """Return the width and height of a logo on paper, in points."""
    scale = min(HEIGHT / logo.height, WIDTH / logo.width)
    return round(logo.width * scale, 2), round(logo.height * scale, 2)


def _drawn(content: bytes) -> bytes:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("is neither PNG nor SVG", "Save the logo as PNG or SVG.") from None
    text = re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", text)
    if "<svg" not in text:
        raise _refused("is neither PNG nor SVG", "Save the logo as PNG or SVG.")
    match = _OUTSIDE.search(text)
    if match:
        raise _refused(
            f'contains "{match.group()[:20]}", which can load other content',
            "Save the logo as PNG, or as SVG without styles, links, scripts and pictures.",
        )
    import typst

    try:
        return raster(text, HEIGHT, 432.0)
    except typst.TypstError:
        raise _refused("is an SVG that cannot be drawn", "Save the logo as PNG.") from None


def _plain(png: bytes) -> tuple[int, int, bytes]:
    """Return width, height and the picture with its pixels alone."""
    chunks = [(kind, body) for kind, body in _chunks(png) if kind in _KEPT]
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13 or chunks[-1][0] != b"IEND":
        raise _refused("is not a complete PNG", "Save the logo again.")
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise _refused(
            f"is {width:,} by {height:,} pixels",
            f"Save the logo with at most {MAX_SIDE:,} by {MAX_SIDE:,} pixels.",
        )
    if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or rest != [0, 0, 0]:
        raise _refused("is a PNG of an unsupported kind", "Save the logo again, not interlaced.")
    expected = height * ((width * _CHANNELS[colour] * depth + 7) // 8 + 1)
    pixels = b"".join(body for kind, body in chunks if kind == b"IDAT")
    try:
        unfolded = zlib.decompressobj().decompress(pixels, expected + 1)
    except zlib.error:
        unfolded = b""
    if len(unfolded) != expected:
        raise _refused("has a wrong number of pixels", "Save the logo again.")
    kept = (struct.pack(">I", len(body)) + kind + body + _check(kind, body) for kind, body in chunks)
    return width, height, _SIGNATURE + b"".join(kept)


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(_SIGNATURE)
    while at + 12 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        if len(body) != length or png[at + 8 + length : at + 12 + length] != _check(kind, body):
            break
        found.append((kind, body))
        at += 12 + length
        if kind == b"IEND":
            break
    return found


def _check(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(kind + body))


def _refused(what: str, hint: str) -> Refused:
    return Refused(f"The logo {what}.", hint=hint, code="logo")
