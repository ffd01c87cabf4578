"""Message of a campaign to one person: the letter as email, or a short text message, and its digest.

The texts of each group of readers are made once. A text message reveals that there is a letter, not
its content: it has the sender and a reference, and no link (R14).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import msgspec

from runner.documents.template.letter_template import Pattern, as_html, as_text, cut, only_prints, stand_ins
from runner.documents.tree import Document, Paragraph, plain
from runner.documents.writers.html import write_html
from runner.documents.writers.text import write_text
from runner.effects.notices.letters import letter
from runner.effects.notices.render import Paper
from runner.errors import Refused
from runner.incident.notices.letters import Person

LONGEST_SHORT = 459
"""Characters of a text message: three parts on the network."""
_LINK = re.compile(r"https?:|www\.|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b", re.IGNORECASE)


class Words(msgspec.Struct, frozen=True):
    """The message to one reader."""

    subject: str
    text: str
    html: str | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 over subject and bodies."""
        return hashlib.sha256("\0".join((self.subject, self.text, self.html or "")).encode()).digest()


class Wording:
    """The texts of one group of readers."""

    def __init__(self, paper: Paper, short: Paper | None = None) -> None:
        """Make the patterns; raises Refused for an invalid text message."""
        self._paper, self._short = paper, short
        fast = only_prints(paper.source, paper.notice.slots)
        self._mail = _patterns(paper, write_text, write_html) if fast else None
        self._sms: Pattern | None = None
        if short is not None:
            check_short(short)
            self._sms = (
                _patterns(short, short_text)[0] if only_prints(short.source, short.notice.slots) else None
            )

    def mail(self, person: Person) -> Words:
        """Return one reader's email."""
        if self._mail is None:
            document = letter(self._paper, person)
            return Words(document.title, write_text(document).decode(), write_html(document).decode())
        text, page = self._mail
        shown = _shown(person)
        marked = {name: as_html(word) for name, word in shown.items()}
        return Words(self._paper.notice.title, text.filled(shown), page.filled(marked))

    def sms(self, person: Person) -> Words:
        """Return one reader's text message."""
        if self._short is None:
            raise Refused(
                "The campaign has no template for text messages.",
                hint="Add --short NOTICE",
                code="short_text_missing",
            )
        if self._sms is None:
            return Words("", short_text(letter(self._short, person)).decode())
        values = {name: " ".join(word.split()) for name, word in _shown(person).items()}
        return Words("", self._sms.filled(values))


def _shown(person: Person) -> dict[str, str]:
    """Return the reader's values for a template, escaped."""
    return {name: as_text(word) for name, word in person.words.items()}


def _patterns(paper: Paper, *writers: Callable[[Document], bytes]) -> tuple[Pattern, ...]:
    words = stand_ins(paper.notice.slots, paper.document().digest)
    document = paper.document(recipient=words)
    return tuple(cut(write(document).decode(), words) for write in writers)


def short_text(document: Document) -> bytes:
    """Return the paragraphs of a document as one line, without title, letterhead or footer."""
    lines = " ".join(
        (plain(block.inlines) if isinstance(block, Paragraph) else "") for block in document.blocks
    )
    return " ".join(lines.split()).encode()


def check_short(paper: Paper) -> None:
    """Raise Refused for a text message that affected people must not get (R14)."""
    text = short_text(paper.document()).decode()
    name = str(paper.facts.get("organisation", {}).get("name") or "")
    problems = [
        ("has a link or an address in it (R14)", _LINK.search(text.replace(name, "")) is not None),
        (f"has {len(text)} characters, more than {LONGEST_SHORT}", len(text) > LONGEST_SHORT),
        ("does not name the organisation (R14)", bool(name) and name not in text),
        ("has no reference in it (R15)", "recipient.reference" not in paper.notice.slots),
    ]
    wrong = [why for why, holds in problems if holds]
    if wrong:
        raise Refused(
            f'Notice "{paper.notice.id}" {" and ".join(wrong)}. It cannot be sent as a text message.',
            hint="Write one paragraph with the sender, the reference, and the use of a known number or site.",
            code="short_text",
        )
