"""Redline as one HTML page: ``ins`` and ``del``, distinguishable without colour."""

from __future__ import annotations

from html import escape
from typing import Final

from runner.base.states import MARKS
from runner.documents.redline.redline import Line, Piece, Redline
from runner.documents.tree import Document

_STYLE: Final = """\
body{font:11pt/1.5 Georgia,"Times New Roman",serif;color:#1a1a1a;background:#fff;margin:0}
main{max-width:44em;margin:0 auto;padding:0 1.5em 3em;overflow-wrap:anywhere}
.marking{background:#1f3a5f;color:#fff;padding:.4em 1.5em;text-align:center;font-weight:bold}
ins{background:#d9f2d9;color:#0b4a0b;text-decoration:underline}
del{background:#fbdcdc;color:#7a1010;text-decoration:line-through}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.35em .6em;text-align:start}
.item{margin-left:1.6em;text-indent:-1.6em}.n{display:inline-block;width:1.6em;text-indent:0}mark{background:#ffec80}"""
_TAGS: Final = {"same": ("", ""), "added": ("<ins>", "</ins>"), "removed": ("<del>", "</del>")}


def write_redline_html(found: Redline, old: Document, new: Document) -> bytes:
    """Return a page without external content whose first line names the compared versions."""
    title = escape(f"Comparison: {new.title}")
    mark = f"{MARKS[new.context.kind]} – " if new.context.kind != "real" else ""
    counted = f"{found.words('added')} words came, {found.words('removed')} words went"
    page = (
        f'<!DOCTYPE html>\n<html lang="{escape(new.language)}"{" dir=" + chr(34) + "rtl" + chr(34) if new.right_to_left else ""}>\n'
        '<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<p class="marking">{mark}COMPARISON – {escape(counted)} – not the document itself</p>\n<main>\n'
        f"{_body(found.lines)}</main>\n</body>\n</html>\n"
    )
    return page.encode()


def _body(lines: tuple[Line, ...]) -> str:
    found: list[str] = []
    columns = 0
    for line in lines:
        wanted = len(line.cells) if line.kind == "row" else 0
        if columns and wanted != columns:
            found.append("</table>\n")
        if wanted and wanted != columns:
            found.append("<table>\n")
        columns = wanted
        found.append(_line(line))
    return "".join(found) + ("</table>\n" if columns else "")


def _line(line: Line) -> str:
    cells = ["".join(_piece(piece) for piece in cell) for cell in line.cells]
    match line.kind:
        case "heading":
            return f"<h{min(line.level, 6)}>{cells[0]}</h{min(line.level, 6)}>\n"
        case "paragraph":
            return f"<p>{cells[0]}</p>\n"
        case "item":
            indent = f' style="margin-left:{1.6 * (line.level + 1):g}em"'
            return f'<p class="item"{indent}><span class="n">{_sign(line)}</span>{cells[0]}</p>\n'
        case "row":
            tag = "th" if line.head else "td"
            return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>\n"
        case "rule":
            return "<hr>\n"


def _sign(line: Line) -> str:
    before, after = _TAGS[line.op]
    return f"{before}{escape(line.sign)}{after}"


def _piece(piece: Piece) -> str:
    text = escape(piece.text).replace("\n", "<br>")
    for mark, tag in (("h", "mark"), ("i", "em"), ("b", "strong")):
        text = f"<{tag}>{text}</{tag}>" if mark in piece.marks else text
    before, after = _TAGS[piece.op]
    return f"{before}{text}{after}"
