"""The one letter that everybody writes in workload P, on the same paper (letterhead, header, footer with page x of y): headings, paragraphs, lists, a table; runs in every environment.

A block is its kind and its text; ``{name}``, ``{address}`` and ``{reference}`` are the reader's own.
"""

from __future__ import annotations

LETTERHEAD = ("Example Stores Inc.", "1 Main Street", "Oakland, CA 94601")
BANK = (
    "Review your account statements and credit reports over the next 12 to 24 months, and report what you do not recognize"
    " to the company concerned at once. You can obtain your credit reports free of charge, once a week, from each agency."
)
FREEZE = (
    "Place a security freeze on your credit file with each of the credit reporting agencies named below. A freeze keeps others"
    " from opening credit in your name. Placing, lifting and removing it is free of charge. You will be asked for your full"
    " name, address, date of birth, Social Security number, addresses of the last years, and a proof of identity."
)
ALERT = (
    "Place a fraud alert on your credit file, free of charge, with one of the agencies named below, which tells the others."
    " It asks lenders to verify your identity before they open credit in your name."
)
POLICE = (
    "Ask for a police report. You have the right to obtain any police report that is filed about this incident. If you are the"
    " victim of identity theft, you also have the right to file a police report and to obtain a copy of it."
)
HAPPENED = (
    "On March 2, 2026 we discovered that somebody had signed in to a system of ours with a stolen password and had copied files"
    " from it. We ended the access within the hour, called in specialists, and looked at every file that was copied. The"
    " access began on or about February 24, 2026. This notice was not delayed by a law enforcement investigation."
)
DOING = (
    "We changed every password of that system, ended all sessions, and now ask for a second factor wherever it is reached from"
    " outside. We told the authorities that the law names, and we work with the police. We offer you 18 months of credit"
    " monitoring and identity theft services at no cost to you. To enroll, or to ask what the services include, call us."
)
LEARN = (
    "You can learn about fraud alerts, security freezes and how to avoid identity theft from the agencies above and from the"
    " Federal Trade Commission, 600 Pennsylvania Avenue NW, Washington, DC 20580, 1-877-438-4338, and from the Attorney"
    " General of the state in which you live, to whom you can also report that your identity was stolen."
)
SORRY = (
    "We are sorry that this happened. If anything in this letter is unclear, or if you need it in another language or in large"
    " print, call us or write to us, and have the reference above at hand."
)
BLOCKS: tuple[tuple[str, str], ...] = (
    ("lines", "{name}\n{address}"),
    ("h1", "Notice of Data Breach"),
    ("lines", "March 27, 2026\nReference: {reference}"),
    (
        "p",
        "Example Stores Inc. is writing to tell you about an incident that involved some of your personal information.",
    ),
    ("h2", "What Happened"),
    ("p", HAPPENED),
    ("h2", "What Information Was Involved"),
    ("li", "Social Security number"),
    ("li", "Financial account or card number with its access code"),
    ("li", "Name and contact details"),
    ("h2", "What We Are Doing"),
    ("p", DOING),
    ("h2", "What You Can Do"),
    ("li", BANK),
    ("li", FREEZE),
    ("li", ALERT),
    ("li", POLICE),
    ("table", ""),
    ("p", LEARN),
    ("h2", "For More Information"),
    ("p", SORRY),
    ("p", "Call 1-800-555-0100, or write to Example Stores Inc., 1 Main Street, Oakland, CA 94601."),
)
TABLE = (
    ("Agency", "Toll-free number", "Address", "Website"),
    ("Equifax", "1-888-298-0045", "P.O. Box 105788, Atlanta, GA 30348-5788", "www.equifax.com"),
    ("Experian", "1-888-397-3742", "P.O. Box 9554, Allen, TX 75013", "www.experian.com"),
    ("TransUnion", "1-800-916-8800", "P.O. Box 160, Woodlyn, PA 19094", "www.transunion.com"),
)


def person(n: int) -> dict[str, str]:
    """Return the ``n``-th reader."""
    return {
        "name": f"Alexandra Łukasiewicz {n}",
        "address": f"{n} Elm Street\nOakland, CA 94601",
        "reference": f"R{n:07d}",
    }


def jinja(text: str) -> str:
    """Return a text with its slots as Jinja writes them."""
    for slot in ("name", "address", "reference"):
        text = text.replace(f"{{{slot}}}", f"{{{{ recipient.{slot} }}}}")
    return text
