"""Edits of single entries of ``tocsin.yaml`` in place; the rest, comments included, stays unchanged."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_COMMENT = re.compile(r"\s+#\s.*$")


class NotInPlace(Exception):
    """The entry cannot be changed without loss of a comment or another entry."""


def with_entry(text: str, section: str, key: str, value: Any) -> str:
    """Return the text with ``key`` of a top-level section set; raises NotInPlace.

    The entry replaces a commented line of the template (``#  key: …``); a new section is added at the end.
    """
    written = f"{key}: {_flow(value)}"
    lines = text.splitlines()
    head = next((n for n, line in enumerate(lines) if re.match(rf"{section}:(\s|$)", line)), None)
    if head is None:
        return "\n".join((*lines, f"{section}:", f"  {written}", ""))
    stands = _COMMENT.sub("", lines[head]).removeprefix(f"{section}:").strip()
    if stands not in ("", "{}"):
        raise NotInPlace
    lines[head] = lines[head].replace("{}", "", 1).rstrip()
    end = next((n for n in range(head + 1, len(lines)) if lines[n][:1] not in ("", " ", "#")), len(lines))
    body = range(head + 1, end)
    indent = next((m[0] for n in body if (m := re.match(r" +(?=[^ #])", lines[n]))), "  ")
    entry = next((n for n in body if re.match(rf"#?{indent}{re.escape(key)}:(\s|$)", lines[n])), None)
    if entry is None:
        lines.insert(head + 1, f"{indent}{written}")
        return "\n".join((*lines, ""))
    after = next((n for n in range(entry + 1, end) if not lines[n].startswith(f"{indent} ")), end)
    if any("#" in line for line in lines[entry + 1 : after]):
        raise NotInPlace
    comment = "" if lines[entry].startswith("#") else "".join(_COMMENT.findall(lines[entry]))
    lines[entry:after] = [f"{indent}{written}{comment}"]
    return "\n".join((*lines, ""))


def whole(settings: dict[str, Any]) -> str:
    """Return settings as a file of their own, without comments."""
    return "".join(f"{key}: {_flow(value)}\n" for key, value in settings.items())


def _flow(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
