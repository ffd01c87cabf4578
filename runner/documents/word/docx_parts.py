"""Fixed parts of a Word file: styles, numbering, headers, footers, relations."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

import msgspec

LEVELS: Final = 4
_W: Final = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_VML: Final = 'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml"


class Paper(msgspec.Struct, frozen=True):
    """A sheet, its margins, and where an envelope's window shows the address (top, bottom), in twentieths of a point."""

    width: int
    height: int
    margin: int
    window: tuple[int, int]

    @property
    def text_width(self) -> int:
        """Width between the margins."""
        return self.width - 2 * self.margin


_TOP: Final = 1361
"""The upper margin."""
PAPER: Final = {
    "a4": Paper(11906, 16838, 1361, (3555, 5103)),
    "us-letter": Paper(12240, 15840, 1440, (3061, 4649)),
}

CONTENT_TYPES: Final = (
    _XML + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/docProps/core.xml" '
    'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
    + "".join(
        f'<Override PartName="/word/{part}.xml" ContentType="{WORD}.{kind}+xml"/>'
        for part, kind in (
            ("document", "document.main"),
            ("styles", "styles"),
            ("numbering", "numbering"),
            ("settings", "settings"),
            ("header1", "header"),
            ("header2", "header"),
            ("footer1", "footer"),
        )
    )
    + "</Types>"
)

PACKAGE_RELATIONS: Final = (
    _XML + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
    '<Relationship Id="rId2" '
    'Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" '
    'Target="docProps/core.xml"/></Relationships>'
)

SETTINGS: Final = (
    _XML + f'<w:settings {_W}><w:zoom w:percent="100"/><w:defaultTabStop w:val="709"/><w:compat>'
    '<w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/>'
    "</w:compat></w:settings>"
)


RULE: Final = '<w:p><w:pPr><w:pBdr><w:bottom w:val="single" w:sz="6" w:space="1" w:color="999999"/></w:pBdr>{}</w:pPr></w:p>'
"""A line across the page, around further properties of its paragraph."""


def window(paper: Paper) -> tuple[str, str]:
    """Return the frame that holds an address at the window, and the empty paragraph above the address in the frame."""
    top, bottom = paper.window
    frame = (
        f'<w:framePr w:w="4820" w:h="{bottom - _TOP}" w:hRule="exact" w:wrap="notBeside" w:vAnchor="page" '
        f'w:hAnchor="page" w:x="{paper.margin}" w:y="{_TOP}"/>'
    )
    room = f'<w:spacing w:after="0" w:line="{top - _TOP}" w:lineRule="exact"/>'
    return frame, f"<w:p><w:pPr>{frame}{room}</w:pPr></w:p>"


def package(
    core: str,
    body: str,
    paper: Paper,
    styles: str,
    *,
    headers: tuple[str, str],
    footer: str,
    lists: list[tuple[str, int]],
    relations: str,
) -> dict[str, bytes]:
    """Return the parts of a Word file, in their order."""
    texts = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": PACKAGE_RELATIONS,
        "docProps/core.xml": core,
        "word/document.xml": main(body, paper),
        "word/styles.xml": styles,
        "word/numbering.xml": numbering(lists),
        "word/settings.xml": SETTINGS,
        "word/header1.xml": headers[0],
        "word/header2.xml": headers[1],
        "word/footer1.xml": footer,
        "word/_rels/document.xml.rels": relations,
    }
    return {name: text.encode() for name, text in texts.items()}


def run(text: str, marks: str, *, rtl: bool = False, tag: str = "w:t") -> str:
    """Return a run of characters; ``marks`` holds ``a`` link, ``b`` bold, ``i`` italic, ``h`` highlighted."""
    properties = (
        ('<w:rStyle w:val="Hyperlink"/>' if "a" in marks else "")
        + ("<w:b/>" if "b" in marks else "")
        + ("<w:i/>" if "i" in marks else "")
        + ('<w:highlight w:val="yellow"/>' if "h" in marks else "")
        + ("<w:rtl/>" if rtl else "")
    )
    head = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    lines = (f'<{tag} xml:space="preserve">{escape(line)}</{tag}>' for line in text.split("\n"))
    return f"<w:r>{head}{'<w:br/>'.join(lines)}</w:r>"


def core(title: str, author: str, language: str, created: str) -> str:
    """Return the properties: no user, no host, no software, only what the document itself says."""
    return (
        _XML
        + '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{escape(author)}</dc:creator>"
        f"<dc:language>{escape(language)}</dc:language>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{created}</dcterms:created></cp:coreProperties>'
    )


def main(body: str, paper: Paper) -> str:
    """Return the main part around the paragraphs."""
    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="rId4"/>'
        '<w:headerReference w:type="first" r:id="rId5"/><w:footerReference w:type="default" r:id="rId6"/>'
        '<w:footerReference w:type="first" r:id="rId6"/>'
        f'<w:pgSz w:w="{paper.width}" w:h="{paper.height}"/><w:pgMar w:top="{_TOP}" w:right="{paper.margin}" '
        f'w:bottom="1361" w:left="{paper.margin}" w:header="680" w:footer="567" w:gutter="0"/>'
        "<w:titlePg/></w:sectPr>"
    )
    return f"{_XML}<w:document {_W}><w:body>{body}{section}</w:body></w:document>"


def relation(identity: str, kind: str, target: str, *, external: bool = False) -> str:
    """Return one relation of the main part."""
    mode = ' TargetMode="External"' if external else ""
    return f'<Relationship Id="{identity}" Type="{_OFFICE}/{kind}" Target={quoteattr(target)}{mode}/>'


def relations(addresses: list[str], pictures: int = 0) -> str:
    """Return the main part's relations: its sibling parts, the addresses of links, and pictures."""
    fixed = (("styles", 1), ("numbering", 2), ("settings", 3), ("header", 4), ("header", 5), ("footer", 6))
    targets = ("styles", "numbering", "settings", "header1", "header2", "footer1")
    inner = "".join(
        relation(f"rId{n}", kind, f"{target}.xml") for (kind, n), target in zip(fixed, targets, strict=True)
    )
    inner += "".join(
        relation(f"rIdA{n}", "hyperlink", href, external=True) for n, href in enumerate(addresses, 1)
    )
    inner += "".join(relation(f"rIdP{n}", "image", f"media/picture{n}.png") for n in range(1, pictures + 1))
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{_XML}<Relationships xmlns="{space}">{inner}</Relationships>'


def header(lines: tuple[str, ...], marking: str, mark: str = "") -> str:
    """Return a header part: the letterhead's lines, the marking across the page as Word writes it, the mark as text."""
    present = [line for line in lines if line]
    text = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="Letterhead"/></w:pPr><w:r>{"<w:rPr><w:b/></w:rPr>" if n == 0 else ""}'
        f'<w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>'
        for n, line in enumerate(present)
    )
    last = f'<w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr>{_watermark(marking)}{_bold(mark)}</w:p>'
    return f"{_XML}<w:hdr {_W} {_VML}>{text}{last}</w:hdr>"


def watermark_paragraph(marking: str, mark: str = "") -> str:
    """Return the marking as a paragraph that any header part can take in, with the prefixes that it needs."""
    return f"<w:p {_W} {_VML}>{_watermark(marking)}{_bold(mark)}</w:p>"


def _bold(mark: str) -> str:
    return f"<w:r><w:rPr><w:b/></w:rPr><w:t>{escape(mark)}</w:t></w:r>" if mark else ""


def _watermark(marking: str) -> str:
    if not marking:
        return ""
    width = min(60 + 34 * len(marking), 520)
    return (
        '<w:r><w:pict><v:shapetype id="_x0000_t136" coordsize="21600,21600" o:spt="136" adj="10800" '
        'path="m@7,l@8,m@5,21600l@6,21600e"><v:formulas><v:f eqn="sum #0 0 10800"/><v:f eqn="prod #0 2 1"/>'
        '<v:f eqn="sum 21600 0 @1"/><v:f eqn="sum 0 0 @2"/><v:f eqn="sum 21600 0 @3"/><v:f eqn="if @0 @3 0"/>'
        '<v:f eqn="if @0 21600 @1"/><v:f eqn="if @0 0 @2"/><v:f eqn="if @0 @4 21600"/></v:formulas>'
        '<v:path textpathok="t" o:connecttype="rect"/><v:textpath on="t" fitshape="t"/></v:shapetype>'
        f'<v:shape id="Marking" o:spid="_x0000_s2049" type="#_x0000_t136" alt="{escape(marking)}" '
        f'style="position:absolute;margin-left:0;margin-top:0;width:{width}pt;height:70pt;rotation:315;'
        "z-index:-251658752;mso-position-horizontal:center;mso-position-horizontal-relative:margin;"
        'mso-position-vertical:center;mso-position-vertical-relative:margin" o:allowincell="f" '
        'fillcolor="#d9d9d9" stroked="f"><v:fill opacity=".5"/>'
        f'<v:textpath style="font-family:&quot;Calibri&quot;;font-size:1pt" string={quoteattr(marking)}/>'
        "</v:shape></w:pict></w:r>"
    )


def footer(reference: str, paper: Paper) -> str:
    """Return the footer part: the reference, and page x of y on its own line."""
    tab = f'<w:tabs><w:tab w:val="right" w:pos="{paper.text_width}"/></w:tabs>'
    line = f'<w:r><w:t xml:space="preserve">{escape(reference)}</w:t></w:r>' if reference else ""
    pages = f'{_field("PAGE")}<w:r><w:t xml:space="preserve"> / </w:t></w:r>{_field("NUMPAGES")}'
    return (
        f'{_XML}<w:ftr {_W}><w:p><w:pPr><w:pStyle w:val="Footer"/>{tab}</w:pPr>{line}</w:p>'
        f'<w:p><w:pPr><w:pStyle w:val="Footer"/><w:jc w:val="right"/></w:pPr>{pages}</w:p></w:ftr>'
    )


def _field(code: str) -> str:
    return f'<w:fldSimple w:instr=" {code} "><w:r><w:t>1</w:t></w:r></w:fldSimple>'


def numbering(lists: list[tuple[str, int]]) -> str:
    """Return one numbering for each list of the document, so that each restarts where its author said."""
    kinds, instances = numbering_texts(lists, first_kind=0, first_number=1)
    return f"{_XML}<w:numbering {_W}>{kinds}{instances}</w:numbering>"


def numbering_texts(lists: list[tuple[str, int]], *, first_kind: int, first_number: int) -> tuple[str, str]:
    """Return the four ways to count and one numbering for each list, under numbers from the first ones on."""
    order = ("bullet", "decimal", "alpha", "roman")
    kinds = "".join(_abstract(n, style) for n, style in enumerate(order, first_kind))
    instances = "".join(
        f'<w:num w:numId="{n}"><w:abstractNumId w:val="{first_kind + order.index(style)}"/>'
        + "".join(
            f'<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="{start}"/></w:lvlOverride>'
            for level in range(LEVELS)
        )
        + "</w:num>"
        for n, (style, start) in enumerate(lists, first_number)
    )
    return kinds, instances


def _abstract(number: int, style: str) -> str:
    kind = {"bullet": "bullet", "decimal": "decimal", "alpha": "lowerLetter", "roman": "lowerRoman"}[style]
    levels = []
    for level in range(LEVELS):
        text = {"bullet": "•", "decimal": f"%{level + 1}."}.get(style, f"(%{level + 1})")
        indent = 425 * (level + 1)
        levels.append(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/>'
            f'<w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{indent}" w:hanging="425"/></w:pPr></w:lvl>'
        )
    return (
        f'<w:abstractNum w:abstractNumId="{number}"><w:multiLevelType w:val="multilevel"/>'
        f"{''.join(levels)}</w:abstractNum>"
    )


def styles(points: float, small: float, language: str) -> str:
    """Return the styles, named as Word names them so that a firm's template can restyle them."""
    half = round(points * 2)
    default = (
        '<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Cambria" w:hAnsi="Cambria" w:cs="Times New Roman"/>'
        f'<w:sz w:val="{half}"/><w:szCs w:val="{half}"/><w:lang w:val="{escape(language)}" '
        f'w:bidi="{escape(language)}"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr>'
        '<w:spacing w:after="140" w:line="276" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>'
    )
    texts = style_texts(points, small)
    normal = '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>'
    return f"{_XML}<w:styles {_W}>{default}{normal}{''.join(texts.values())}</w:styles>"


def style_texts(points: float, small: float) -> dict[str, str]:
    """Return every style but the normal one by its id."""
    half = round(points * 2)
    keep = "<w:keepNext/><w:keepLines/>"
    texts = [
        _style("Heading1", "heading 1", f'{keep}<w:spacing w:before="120" w:after="200"/><w:outlineLvl w:val="0"/>',
               f'<w:b/><w:sz w:val="{half + 10}"/>'),
        _style("Heading2", "heading 2", f'{keep}<w:spacing w:before="300" w:after="100"/><w:outlineLvl w:val="1"/>',
               f'<w:b/><w:sz w:val="{half + 4}"/>'),
        _style("Heading3", "heading 3", f'{keep}<w:spacing w:before="200" w:after="80"/><w:outlineLvl w:val="2"/>',
               "<w:b/>"),
        _style("ListParagraph", "List Paragraph", '<w:spacing w:after="80"/>', ""),
        _style("ListContinue", "List Continue", '<w:spacing w:after="80"/><w:ind w:left="425"/>', ""),
        _style("Quote", "Quote", '<w:ind w:left="567" w:right="567"/>', ""),
        _style("TableText", "Table Text", '<w:spacing w:before="40" w:after="40" w:line="252" w:lineRule="auto"/>', ""),
        _style("Letterhead", "Letterhead", '<w:spacing w:after="0" w:line="252" w:lineRule="auto"/>',
               '<w:color w:val="444444"/>'),
        _style("Header", "header", '<w:spacing w:after="0"/>', ""),
        _style("Footer", "footer", '<w:spacing w:after="0" w:line="240" w:lineRule="auto"/>',
               '<w:color w:val="595959"/><w:sz w:val="' + str(round(small * 2)) + '"/>'),
        '<w:style w:type="character" w:styleId="Hyperlink"><w:name w:val="Hyperlink"/><w:rPr>'
        '<w:color w:val="1F4E79"/><w:u w:val="single"/></w:rPr></w:style>',
        _table_style("TableGrid", "Table Grid", ("top", "left", "bottom", "right", "insideH", "insideV")),
        _table_style("Fields", "Fields", ("bottom", "insideH")),
    ]  # fmt: skip
    return {style.partition('styleId="')[2].partition('"')[0]: style for style in texts}


def _style(identity: str, name: str, paragraph: str, run: str) -> str:
    inner = (f"<w:pPr>{paragraph}</w:pPr>" if paragraph else "") + (f"<w:rPr>{run}</w:rPr>" if run else "")
    return (
        f'<w:style w:type="paragraph" w:styleId="{identity}"><w:name w:val="{name}"/><w:basedOn w:val="Normal"/>'
        f"<w:qFormat/>{inner}</w:style>"
    )


def _table_style(identity: str, name: str, borders: tuple[str, ...]) -> str:
    lines = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="999999"/>' for side in borders)
    margins = '<w:tblCellMar><w:left w:w="100" w:type="dxa"/><w:right w:w="100" w:type="dxa"/></w:tblCellMar>'
    return (
        f'<w:style w:type="table" w:styleId="{identity}"><w:name w:val="{name}"/><w:tblPr>'
        f"<w:tblBorders>{lines}</w:tblBorders>{margins}</w:tblPr></w:style>"
    )
