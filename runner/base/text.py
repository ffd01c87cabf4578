"""Checks of text: only visible characters that a document can print, none that hide or reorder.

Fact values come from imports, customers' tickets and attackers' notes and end in letters to authorities, so they
are hostile until checked. Refused: control characters, bidirectional overrides and isolates (they make a line read
differently from its bytes), invisible tags and zero-width spaces, private use, lone surrogates, noncharacters.
Joiners and direction marks stay: Persian, Hindi and Hebrew names need them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from itertools import chain

_PARTS = str.maketrans("-./", "___")
"""Characters between the parts of a name, as one."""
MAX_LINE = 500
MAX_PROSE = 20_000
_HIDDEN = frozenset(
    [
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        0x200B,
        0x2028,
        0x2029,
        0x2060,
        0xFEFF,
        *range(0xE0000, 0xE0080),
    ]
)


def clean(text: str) -> str:
    """Return the text in normal form C, with Unix line ends and without space around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def text_problem(text: str, *, many_lines: bool = False) -> str:
    """Return why the text is refused, or nothing. The answer never contains the text itself."""
    limit = MAX_PROSE if many_lines else MAX_LINE
    if len(text) > limit:
        return f"the text has {len(text)} characters, more than {limit}"
    if text.isascii() and text.isprintable():
        return ""
    return _hidden_character(text, "\n\t" if many_lines else "")


def _hidden_character(text: str, allowed: str) -> str:
    for position, character in enumerate(text, start=1):
        if "\udc80" <= character <= "\udcff":  # how Python represents an undecodable byte
            return f"the text is not UTF-8 (byte 0x{ord(character) - 0xDC00:02X} at position {position})"
        if character not in allowed and _is_hidden(character):
            return f"the text has a character that cannot be shown, U+{ord(character):04X}, at position {position}"
    return ""


def _is_hidden(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    point = ord(character)
    if point in _HIDDEN or 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE:
        return True
    return unicodedata.category(character) in ("Cc", "Cs", "Co")


def hidden_text(value: object) -> str:
    """Return why some text in a value or struct is refused as hidden, with its field where it has one; empty for none."""
    if isinstance(value, str):
        return "" if value.isascii() and value.isprintable() else _hidden_character(value, "\n\r\t")
    if isinstance(value, Mapping):
        return next(filter(None, map(hidden_text, chain(value, value.values()))), "")
    if isinstance(value, list | tuple | frozenset):
        return next(filter(None, map(hidden_text, value)), "")
    for name in getattr(value, "__struct_fields__", ()):
        if why := hidden_text(getattr(value, name)):
            return f"{name}: {why}"
    return ""


def spelled(text: str) -> str:
    """Return a text with each hidden character but line breaks and tabs spelled as ``[U+202E]``: it is shown, and does nothing."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in "\n\r\t" or not _is_hidden(one) else f"[U+{ord(one):04X}]" for one in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word nearest to ``word``, or nothing.

    Each part must be near: ``sec_registrant`` is not a misspelled ``cftc_registrant``, and 32 is not 33.
    """
    from difflib import get_close_matches

    word = word[:100]
    said = word.translate(_PARTS).split("_")
    for close in get_close_matches(word, list(known), n=10, cutoff=0.6):
        parts = close.translate(_PARTS).split("_")
        pairs = zip(said, parts, strict=False) if len(said) == len(parts) else ()
        if all(
            other == "*" or other.startswith(one) or get_close_matches(one, (other,), cutoff=0.6)
            for one, other in pairs
        ):
            return close
    return ""


def cut(text: str, longest: int | None) -> str:
    """Return a text no longer than a limit; one that is cut ends with a mark."""
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"


def near_hint(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return advice with the known word nearest to ``word``; without a near word, ``otherwise``."""
    close = nearest(word, known)
    return f'Write "{close}", the nearest name.' if close else otherwise


def choice_hint(word: str, known: Iterable[str]) -> str:
    """Return advice with the known word nearest to ``word``, or with all known words."""
    words = list(known)
    return near_hint(word, words, f"Choose one of: {', '.join(words)}.")


def sentence(words: str) -> str:
    """Return words as a sentence: with a capital letter and a full stop."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"
