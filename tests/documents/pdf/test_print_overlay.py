"""Letters stamped onto shared pages look, to the pixel, as typst sets them whole; those in doubt are not stamped."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pypdfium2  # type: ignore[import-untyped]
import pytest

from runner.documents.notice import Notice
from runner.documents.pdf.pdf_objects import Objects
from runner.documents.pdf.print_overlay import Form, Overprint, Paper, Stamped
from runner.documents.pdf.typst_compiler import Press
from runner.documents.tree import Document
from runner.effects.notices.letters import letter
from runner.effects.notices.render import Paper as Source
from runner.errors import Bug, Refused
from runner.incident.notices.letters import Person
from tests.documents.examples import context
from tests.refusals import refused

SLOTS = ("recipient.name", "recipient.address", "recipient.reference")
NOTICE = Notice(id="plain-letter", version="1.0.0", title="A letter", language="en-GB", slots=SLOTS)
BODY = (
    """\
::: lines
{{ recipient.name }}
{{ recipient.address }}
:::

# What happened

Dear {{ recipient.name }}, your reference is **{{ recipient.reference }}**, and we are sorry.

| Agency | Number |
|---|---|
| One | 1-800-555-0100 |

- [Call us](https://example.org/call), or write.

"""
    + "A paragraph that fills the page, as letters do when the law has much to say.\n\n" * 30
)
SOURCE = Source(NOTICE, BODY, {}, {}, context(status="final"))
MADE_UP = tuple(Person(reference=one, name=one, address=f"{one}\n{one}") for one in "AB")
NAMES = (
    "Zoë Łukasiewicz",
    "Waffle AVATAR Office fjord",
    "אברהם לוי",
    "Жуков Ἀθῆναι",
    '") #panic("x") \\u{41} (5 0 R)',
    "a\u0301 o\u0308 combining",
    "x" * 45,
)


def person(name: str, n: int = 1, address: str = "1 Elm Street\nOakland") -> Person:
    return Person(reference=f"R{n}", name=name, address=address)


def paper(source: Source = SOURCE) -> Paper:
    return Paper(*(letter(source, one) for one in MADE_UP))


def stamped(letters: Sequence[Document], shared: Paper) -> Stamped:
    forms = [shared.form(letter) for letter in letters]
    first = forms[0]
    assert first is not None
    assert set(forms) == {first}
    return Overprint().print(first, [first.own(letter) for letter in letters])


def pixels(content: bytes) -> list[bytes]:
    pdf = pypdfium2.PdfDocument(content)
    return [bytes(pdf[n].render(scale=2).buffer) for n in range(len(pdf))]


def whole(letters: Sequence[Document]) -> bytes:
    return Press(tagged=False).print(letters).content


def test_a_stamped_letter_is_to_the_pixel_the_letter_that_is_set_whole() -> None:
    letters = [letter(SOURCE, person(name, n)) for n, name in enumerate(NAMES)]
    made = stamped(letters, paper())
    assert made.fits == (True,) * len(NAMES)
    assert made.pages == 2
    assert pixels(made.content) == pixels(whole(letters))


def test_a_watermark_and_a_highlight_are_stamped_over_as_they_are() -> None:
    draft = Source(NOTICE, BODY + "{{ incident.summary }}", {}, {}, context(status="draft"))
    letters = [letter(draft, person(name, n)) for n, name in enumerate(NAMES[:3])]
    assert pixels(stamped(letters, paper(draft)).content) == pixels(whole(letters))


def test_a_letter_in_hebrew_is_stamped_from_right_to_left() -> None:
    hebrew = Source(
        msgspec.structs.replace(NOTICE, language="he"),
        "{{ recipient.name }}\n\n# הודעה\n\nשלום {{ recipient.name }}, מספר {{ recipient.reference }}.\n\nאנו מצטערים.",
        {},
        {},
        context(status="final"),
    )
    letters = [letter(hebrew, person(name, n)) for n, name in enumerate(("אברהם לוי", "Ada", "שרה (5) כהן"))]
    assert letters[0].right_to_left
    made = stamped(letters, paper(hebrew))
    assert made.fits == (True, True, True)
    assert pixels(made.content) == pixels(whole(letters))


def test_a_signature_stays_with_a_readers_own_paragraph_before_it() -> None:
    signed = msgspec.structs.replace(
        SOURCE, source=BODY + "Yours, {{ recipient.name }}.\n\n::: signature\nMaria Muster\n:::\n"
    )
    for lines in range(8, 16):
        filled = msgspec.structs.replace(signed, source="One more line.\n\n" * lines + signed.source)
        letters = [letter(filled, person(name)) for name in NAMES[:2]]
        assert pixels(stamped(letters, paper(filled)).content) == pixels(whole(letters))


def test_unprintable_characters_are_spelled_in_drafts_and_refused_in_final_letters() -> None:
    draft = Source(NOTICE, BODY, {}, {}, context(status="draft"))
    letters = [letter(draft, person(name)) for name in ("Ada", "漢字")]
    pdf = pypdfium2.PdfDocument(stamped(letters, paper(draft)).content)
    assert "[U+6F22][U+5B57]" in pdf[2].get_textpage().get_text_range()
    with refused("no_glyph", Refused) as found:
        stamped([letter(SOURCE, person("漢字"))], paper())
    assert "U+6F22" in found.value.message


def test_the_text_of_a_stamped_letter_can_be_found_and_its_links_are_gone() -> None:
    made = stamped([letter(SOURCE, person(name, n)) for n, name in enumerate(NAMES[:2])], paper())
    pdf = pypdfium2.PdfDocument(made.content)
    text = pdf[2].get_textpage().get_text_range()
    assert "Waffle AVATAR Office fjord" in text
    assert "Zoë" not in text
    assert b"/Annots" not in made.content
    assert list(pdf.get_toc()) == []


def test_a_letter_that_needs_more_room_is_not_stamped() -> None:
    names = ("Ada", "A name that goes on and on " * 8, "Bea")
    letters = [letter(SOURCE, person(name, n)) for n, name in enumerate(names)]
    made = stamped(letters, paper())
    assert made.fits == (True, False, True)
    assert pixels(made.content) == pixels(whole([letters[0], letters[2]]))


def test_lines_of_an_address_are_a_form_of_their_own() -> None:
    shared = paper()
    forms = {
        shared.form(letter(SOURCE, person("Ada", address="\n".join("abcd"[:n])))) for n in (1, 2, 3, 4, 4)
    }
    assert len(forms) == 4


def test_a_paragraph_that_runs_over_two_pages_keeps_its_letters_from_being_stamped() -> None:
    long = msgspec.structs.replace(SOURCE, source="Dear {{ recipient.name }}, " + "and so on " * 1_500)
    shared = paper(long)
    form = shared.form(letter(long, person("Ada")))
    assert isinstance(form, Form)
    assert Overprint().print(form, [form.own(letter(long, person("Ada")))]).fits == (False,)


@pytest.mark.parametrize(
    "body",
    [
        "| Name |\n|---|\n| {{ recipient.name }} |",
        "# Dear {{ recipient.name }}",
        "Nobody is named here.",
    ],
)
def test_only_paragraphs_are_stamped(body: str) -> None:
    other = msgspec.structs.replace(SOURCE, source=body)
    assert paper(other).form(letter(other, person("Ada"))) is None


def test_a_letter_with_a_sentence_for_some_readers_has_no_form() -> None:
    some = msgspec.structs.replace(
        SOURCE, source=BODY + "{% if recipient.name == 'Ada' %}\n\nFor you alone.\n{% endif %}"
    )
    shared = paper(some)
    assert shared.form(letter(some, person("Ada"))) is None
    assert shared.form(letter(some, person("Bea"))) is not None


def test_the_same_letters_give_the_same_bytes_whatever_was_stamped_before() -> None:
    shared, other = paper(), paper(msgspec.structs.replace(SOURCE, source=BODY + "Another law."))
    letters = [letter(SOURCE, person("Ada", n)) for n in range(3)]
    form, machine = shared.form(letters[0]), Overprint()
    strange = other.form(letter(msgspec.structs.replace(SOURCE, source=BODY + "Another law."), person("Cy")))
    assert form is not None
    assert strange is not None
    own = [form.own(letter) for letter in letters]
    assert machine.print(strange, own[:1]).fits == (True,)
    assert machine.print(form, own) == Overprint().print(form, own)


def test_a_pdf_of_another_make_is_not_taken_apart() -> None:
    with refused("bug", Bug):
        Objects(b"%PDF-1.7\nnothing")
