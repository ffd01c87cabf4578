"""Facts of papers that leave the organisation: who signs and certifies, dates, references, words for people and data."""

from __future__ import annotations

from collections.abc import Mapping

from runner.facts.vocabulary.fact_types import Branch, Keyed, count, instant, one_of, prose, text, yes_no

SIGNATORY: Mapping[str, Branch] = {
    "name": text("Who signs for the organisation: name"),
    "role": text("Who signs for the organisation: office"),
}
PASSWORDS = one_of(
    "How the affected passwords were stored",
    "plain_text encrypted hash salted_hash bcrypt scrypt argon2 pbkdf2",
)
PAPERS: Mapping[str, Branch] = {
    "file_number": text("Your own file number, for letters and filings"),
    "dated_at": Keyed(
        "Date on a notice to an authority, by duty", "duty", instant("Day on which it is signed", ahead=True)
    ),
    "certified": Keyed(
        "Statements that a law requires a person to certify, by law",
        "id",
        {
            "name": text("Who certifies: name"),
            "role": text("Who certifies: office"),
            "at": instant("When the person certified"),
        },
    ),
    "names_enclosed": yes_no("Is a list with the names of the affected people enclosed with the notice?"),
    "awareness_reasons": prose("Why it became certain later than detected that personal data are affected"),
    "cross_border_processing": yes_no(
        "Is it cross-border processing (Art. 4(23) GDPR), with a lead authority?"
    ),
    "individual_notice_count_in": Keyed(
        "How many affected people were notified, by place of residence",
        "jurisdiction",
        count("How many people living there were notified"),
    ),
    "statement": {
        "version": text("Statement to the press: version"),
        "released_at": instant("Statement to the press: time of release", ahead=True),
    },
}
PLANNED: Mapping[str, Branch] = {
    "measures_planned": prose("Measures that are planned, each with its date"),
}
