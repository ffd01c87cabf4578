"""A logo is looked through before any document has it: nothing outside, no more than its pixels, and no more than they say."""

from __future__ import annotations

import hashlib

import pytest

from runner.documents.pictures import read_logo, size
from runner.errors import Refused
from tests.documents.pictures import SVG, chunk, png

HOSTILE = {
    "an image from outside": SVG.replace(b"<path", b'<image href="https://example.org/x.png"/><path'),
    "a script": SVG.replace(b"<path", b"<script>1</script><path"),
    "an entity": b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + SVG,
    "a style from outside": SVG.replace(b"<path", b"<style>@import 'https://example.org/x'</style><path"),
    "an event": SVG.replace(b"<path", b'<path onload="1"'),
    "no picture": b"MZ nothing",
    "too many pixels": png(2001, 1),
    "a bomb": png(40, 20, rows=b"\0" * 50_000_000),
    "fewer pixels than it says": png(40, 20, rows=b"\0\0"),
    "a PNG that is cut off": png()[:-30],
    "too many bytes": png(more=chunk(b"tEXt", b"x" * 300_000)),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_could_do_harm_is_refused(content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_logo(content, hashlib.sha256(content).hexdigest())
    assert refused.value.code == "logo"
    assert refused.value.hint


def test_metadata_of_a_picture_is_removed() -> None:
    content = png(more=chunk(b"tEXt", b"Author\0Somebody Else"))
    logo = read_logo(content, hashlib.sha256(content).hexdigest())
    assert (logo.png, logo.width, logo.height) == (png(), 40, 20)


def test_a_drawing_is_drawn_alike_each_time() -> None:
    digest = f"sha256:{hashlib.sha256(SVG).hexdigest()}"
    logo = read_logo(SVG, digest)
    assert logo == read_logo(SVG, digest)
    assert logo.width == 2 * logo.height


def test_a_logo_is_fitted_into_its_box() -> None:
    wide, high = png(1000, 20), png(20, 100)
    assert size(read_logo(wide, hashlib.sha256(wide).hexdigest())) == (170.0, 3.4)
    assert size(read_logo(high, hashlib.sha256(high).hexdigest())) == (8.4, 42.0)
