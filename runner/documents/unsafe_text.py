"""Unsafe characters in facts: which are not allowed in a document, and how they are shown instead.

One right-to-left override turns the rest of a paragraph round, a control character makes a Word file
unreadable, and a private-use character could pass for one of our own marks. Intake refuses them with
``findings``; a document that is rendered all the same shows them as ``[U+202E]`` with ``visible``.
"""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 20_000
"""Characters of one fact; what is longer is cut where everybody sees it."""

_LINE_BREAKS = re.compile("\r\n|[\r\v\f\u0085\u2028\u2029]")
_REFUSED = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x9f"  # control characters but tab, newline and what _LINE_BREAKS took
    "\u202a-\u202e\u2066-\u2069"  # bidirectional embeddings, overrides and isolates
    "\u200b\u2060"  # invisible breaks and joins
    "\ufff9-\ufffb\ufeff\ufdd0-\ufdef\ufffe\uffff"  # interlinear marks, byte order mark, noncharacters
    "\ud800-\udfff"  # lone surrogates
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: our own marks live there
    "\U000e0000-\U000e0fff"  # tags: invisible text
    "]"
)


def findings(text: str) -> tuple[str, ...]:
    """Say why a fact's text is refused at intake: code points and positions, never the text itself."""
    found = [
        f"U+{ord(match[0]):04X} at character {match.start() + 1}" for match in _REFUSED.finditer(_lines(text))
    ]
    if len(text) > MAX_LENGTH:
        found.append(f"{len(text)} characters, at most {MAX_LENGTH} are allowed")
    return tuple(found)


def visible(text: str) -> str:
    """Return the text in NFC with ``\\n`` as the only line break and each refused character spelt out."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_LENGTH:
        return text  # as most are, and a letter to a million asks for each word of each reader
    clean = unicodedata.normalize("NFC", _REFUSED.sub(lambda m: f"[U+{ord(m[0]):04X}]", _lines(text)))
    clean = clean.replace("\t", " ")
    if len(clean) <= MAX_LENGTH:
        return clean
    return f"{clean[:MAX_LENGTH]} [cut: {len(clean) - MAX_LENGTH} more characters]"


def _lines(text: str) -> str:
    return _LINE_BREAKS.sub("\n", text)
