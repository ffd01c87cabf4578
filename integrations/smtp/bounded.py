"""Parser of inbound email with a cost limit, so that hostile email cannot block other work.

The parser of the standard library looks through the parameters of a header again for each of them, and holds each line against
every container that it lies in; some names of character sets are codecs whose cost grows with the square of the text. So headers
are cut, lines and containers are counted before anything is parsed, and only the beginning of a body is ever decoded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32

LARGEST = 1_000_000
"""Bytes of one mail: reports return headers, never a body, where the relay keeps to what it was asked."""
LONGEST_FIELD = 1_000
"""Characters of a header that are read; whatever names a message, a sender or a boundary is shorter."""
MOST_CONTAINERS = 20
"""Multiparts of one mail: a report is one, and returns perhaps a few."""
MOST_LINES = 30_000
"""Lines of one mail: as many as the largest has where they are of a usual length."""
_CONTAINER = re.compile(rb"multipart/", re.IGNORECASE)


class _Cut(Compat32):
    """What the parser keeps of a header: its beginning."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:  # type: ignore[explicit-override]
        """Return name and value of a header; the value is cut."""
        name, value = super().header_source_parse(list(sourcelines))
        return name, str(value)[:LONGEST_FIELD]


_PARSER = BytesParser(policy=_Cut())


def parsed(raw: bytes, *, headers_only: bool = False) -> Message | None:
    """Return a mail; None for one that is too large, or has more lines or containers than an honest one."""
    if len(raw) > LARGEST or max(map(raw.count, (b"\n", b"\r"))) > MOST_LINES:
        return None
    if sum(1 for _ in _CONTAINER.finditer(raw)) > MOST_CONTAINERS:
        return None
    return _PARSER.parsebytes(raw, headersonly=headers_only)


def words(part: Message, most: int) -> str:
    """Return the beginning of a part's text, from at most so many bytes; raises LookupError for a character set that is none."""
    body = part.get_payload(decode=True)
    charset = part.get_content_charset() or "utf-8"
    return body[:most].decode(charset, "replace") if isinstance(body, bytes) else ""
