"""A firm's Word letterhead as Word writes it in German: its own style ids, headers, footer, page, and marks for newer Words."""

from __future__ import annotations

from runner.documents.word.docx_package import pack

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
NEWER = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" mc:Ignorable="w14"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
HEADER = f"<w:hdr {W}><w:p><w:r><w:t>KANZLEI BEISPIEL · Berlin</w:t></w:r></w:p></w:hdr>".encode()
FOOTER = f"<w:ftr {W}><w:p><w:r><w:t>USt-IdNr. DE000000000</w:t></w:r></w:p></w:ftr>".encode()
SECTION = (
    '<w:sectPr w14:x="1"><w:headerReference w:type="default" r:id="rId4"/><w:footerReference w:type="default" r:id="rId5"/>'
    '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="2268" w:right="1134" w:bottom="1134" w:left="1701"/></w:sectPr>'
)
CONTROL = (
    '<w:p><w:r><w:t>Ihr Zeichen</w:t></w:r></w:p><w:sdt><w:sdtPr><w:tag w:val="body"/><w:showingPlcHdr/></w:sdtPr>'
    "<w:sdtContent><w:p><w:r><w:t>Text hier</w:t></w:r></w:p></w:sdtContent></w:sdt><w:p><w:r><w:t>Anlage</w:t></w:r></w:p>"
)


def letterhead(text: str = "<w:p><w:r><w:t>Text hier</w:t></w:r></w:p>", **changes: bytes) -> bytes:
    """Return the file, with other parts where they are named."""
    styles = (
        f'<w:styles {W}><w:style w:type="paragraph" w:default="1" w:styleId="Standard"><w:name w:val="Normal"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>'
    )
    numbering = (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="3"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>'
        '</w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="3"/></w:num></w:numbering>'
    )
    named = (("styles", 1), ("numbering", 2), ("settings", 3), ("header", 4), ("footer", 5))
    targets = ("styles", "numbering", "settings", "header1", "footer1")
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}.xml"/>'
        for (kind, n), target in zip(named, targets, strict=True)
    )
    space = "http://schemas.openxmlformats.org/package/2006"
    types = "".join(
        f'<Override PartName="/word/{part}.xml" ContentType="{WORD}.{kind}+xml"/>'
        for part, kind in (
            ("document", "document.main"),
            *zip(targets, ("styles", "numbering", "settings", "header", "footer"), strict=True),
        )
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{space}/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>'.encode(),
        "_rels/.rels": f'<Relationships xmlns="{space}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'.encode(),
        "docProps/app.xml": b"<Properties><Company>PLANTEDcompany</Company><Manager>PLANTEDmanager</Manager></Properties>",
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?>\n<w:document {W} {R} {NEWER}><w:body>{text}{SECTION}</w:body></w:document>'.encode(),
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{space}/relationships">{relations}</Relationships>'.encode(),
        "word/styles.xml": styles.encode(),
        "word/numbering.xml": numbering.encode(),
        "word/settings.xml": f"<w:settings {W}/>".encode(),
        "word/header1.xml": HEADER,
        "word/footer1.xml": FOOTER,
    }
    return pack({**parts, **changes})
