"""Contact lists as CSV, vCards and YAML: what they say, and every problem with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from runner.errors import Invalid, NotFound, Problem, Usage
from runner.files.contacts.contact_entries import Listing, check_entries, names_of
from runner.files.contacts.contact_list import read_list, trusting
from tests.refusals import refused

WAYS = names_of(("mail", "Pager"))
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Ada Adler\nEND:VCARD\n"


def read(folder: Path, name: str, text: str | bytes) -> Listing:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_list(path, WAYS)


def told(listing: Listing) -> list[Problem]:
    """Return every problem of a list; all of them have the one code."""
    problems = [*listing.problems, *check_entries(listing, WAYS, ("maria",))]
    assert {problem.code for problem in problems} <= {"contact-list"}
    return problems


def places(problems: Iterable[Problem]) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.severity) for problem in problems]


def unnamed(problems: Sequence[Problem], *words: str) -> list[str]:
    """Return of the words, one for each problem, those that their problem and its hint do not name."""
    pairs = zip(problems, words, strict=True)
    return [word for one, word in pairs if word not in f"{one.message} {one.hint}"]


def test_columns_are_channels_of_the_home_and_kinds_of_addresses(tmp_path: Path) -> None:
    text = "Person;PAGER;phone;phone.domains\nada;17;+15005550006;carrier\n"
    listing = read(tmp_path, "a.csv", text)
    [ada] = listing.entries
    assert [(contact.channel, contact.address) for contact in ada.contacts] == [
        ("Pager", "17"),
        ("phone", "+15005550006"),
    ]
    assert ada.contacts[1].domains == {"carrier"}
    assert ada.spot("1") == (2, 8)
    assert not listing.says_roles
    assert told(listing) == []


def test_multiline_and_uneven_rows_are_reported_at_their_start(tmp_path: Path) -> None:
    listing = read(tmp_path, "a.csv", 'person,name,zone\nada,"Ada\nAdler",Moon/Base\nben\n')
    problems = told(listing)
    assert places(problems) == [(4, 1, "error"), (2, 5, "error"), (2, 1, "error")]
    assert unnamed(problems, "3", "U+000A", "IANA") == []


def test_a_list_without_short_names_is_none(tmp_path: Path) -> None:
    problems = told(read(tmp_path, "a.csv", "name,zzzzzzzz\nAda,x\n"))
    assert places(problems) == [(1, 6, "error"), (1, 1, "error")]
    assert unnamed(problems, "zone", '"person"') == []


def test_a_list_without_a_header_line_names_no_person(tmp_path: Path) -> None:
    listing = read(tmp_path, "a.csv", "ada,ada@example.org,+15005550006\n")
    assert len(listing.problems) == 4
    assert not any(word in repr(listing.problems) for word in ("'ada'", "example.org", "5005550006"))


def test_each_problem_with_a_listed_person_is_reported_with_its_line(tmp_path: Path) -> None:
    text = (
        "people:\n  ada:\n    contacts:\n      - {channel: mial, address: a@example.org}\n"
        "      - {channel: zzzzzz, address: ''}\n      - {channel: mail, address: \"a\\u202eb\"}\n"
        '    alternate: mraia\n  "b\\u202eb": {}\nroles: {counsel: [ada, zzzzzzz]}\n'
    )
    problems = told(read(tmp_path, "a.yaml", text))
    assert places(problems) == [
        (4, 9, "warning"),
        (5, 9, "warning"),
        (5, 9, "error"),
        (6, 9, "error"),
        (7, 16, "error"),
        (8, 3, "error"),
        (9, 18, "error"),
    ]
    named = ('"mial"', '"zzzzzz"', "zzzzzz", "U+202E", '"mraia"', "U+202E", '"zzzzzzz"')
    assert unnamed(problems, *named) == []


def test_yaml_without_valid_people_is_reported(tmp_path: Path) -> None:
    assert places(told(read(tmp_path, "a.yaml", "- 1\n"))) == [(1, 1, "error")]
    problems = told(read(tmp_path, "a.yml", "people:\n  ada: {contacts: [{channel: mail}]}\n"))
    assert places(problems) == [(2, 20, "error")]
    assert unnamed(problems, "address") == []


def test_an_invalid_proof_word_is_reported_with_its_position(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "people:\n  ada: {contacts: [{channel: mail, address: a, consented_at: 2026-01-01T00:00:00Z}, 3]}\n  ben: 4\n",
        encoding="utf-8",
    )
    assert [(problem.line, problem.column) for problem in trusting(path)] == [(2, 48)]
    path.write_text("[]", encoding="utf-8")
    assert list(trusting(path)) == []


def test_a_card_is_called_by_its_nickname_or_by_its_name(tmp_path: Path) -> None:
    nick = CARD.replace("FN:", "NICKNAME:ada,adele\nNOTE:so\n  long\n\nTZ:-05:00\nFN:")
    listing = read(tmp_path, "a.vcf", nick + CARD)
    assert [(entry.person, entry.name, entry.zone) for entry in listing.entries] == [
        ("ada", "Ada Adler", ""),
        ("ada-adler", "Ada Adler", ""),
    ]
    assert told(listing) == []


@pytest.mark.parametrize(
    ("text", "place", "wanted"),
    [
        (CARD.replace("3.0", "2.1"), (2, 1), "3.0"),
        (CARD.replace("VERSION:3.0\n", ""), (1, 1), "3.0"),
        (CARD.replace("FN:Ada Adler", "NICKNAME:ada"), (1, 1), "FN:"),
        (CARD.replace("END:VCARD\n", "") + CARD, (1, 1), "END:VCARD"),
        (CARD.replace("END:VCARD\n", ""), (1, 1), "END:VCARD"),
        ("FN:Ada\n" + CARD, (1, 1), "BEGIN:VCARD"),
        (CARD.replace("FN", "Ada Adler\nFN"), (3, 1), "NAME:VALUE"),
    ],
)
def test_an_unusable_card_is_reported_with_position_and_expected_form(
    tmp_path: Path, text: str, place: tuple[int, int], wanted: str
) -> None:
    (problem,) = read(tmp_path, "a.vcf", text).problems
    assert (problem.line, problem.column, problem.severity) == (*place, "error")
    assert wanted in problem.hint


def test_a_file_without_a_card_has_no_problems(tmp_path: Path) -> None:
    assert read(tmp_path, "a.vcf", "").problems == ()


def test_an_invalid_preference_is_ignored(tmp_path: Path) -> None:
    lines = "EMAIL;PREF=" + "9" * 5_000 + ":b@example.org\nEMAIL;PREF=2:a@example.org\n"
    [ada] = read(tmp_path, "a.vcf", CARD.replace("END", lines + "END")).entries
    assert [contact.address for contact in ada.contacts] == ["a@example.org", "b@example.org"]


def test_a_card_without_a_name_is_not_a_person(tmp_path: Path) -> None:
    listing = read(tmp_path, "a.vcf", "BEGIN:VCARD\nVERSION:4.0\nEND:VCARD\n")
    assert unnamed(told(listing), "FN:", "maria") == []


def test_an_invalid_contact_list_is_refused(tmp_path: Path) -> None:
    with refused("unknown_ending", Usage):
        read_list(tmp_path / "a.docx", WAYS)
    with refused("file_missing", NotFound):
        read_list(tmp_path / "a.csv", WAYS)
    with refused("contact-list", Invalid) as found:
        read(tmp_path, "a.vcf", b"BEGIN:VCARD\nFN:\xff\n")
    assert "UTF-8" in found.value.message
    with refused("file_too_large", Invalid):
        read(tmp_path, "a.vcf", CARD * 60_000)
