"""Notices for the United States, and those that go with them: each with the law of its duty, whole and empty.

The state by state rules are those that counsel gets wrong by reusing another state's letter.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.documents.contents.coverage import check, complete
from runner.documents.notice import Notice
from runner.documents.tree import Document, Heading, plain, walk
from runner.documents.write import write
from runner.effects.notices.legal_basis import apply_duty
from runner.effects.notices.render import make, paper, template_for
from runner.incident.state.work import Render
from tests.documents.at_law import catalog, incident_of, made, of_duty, us_facts, without
from tests.documents.formats import FILES, files_of
from tests.documents.test_notices_shipped import (
    docx_words,
    html_words,
    missing_in_order,
    pdf_characters,
    tree_words,
)
from tests.golden_files import FOLDER, same

GOLDEN = FOLDER / "notices" / "us"
STATES = ("CA", "DC", "IL", "MA", "NC", "RI", "TX", "VT", "WA")

LETTERS = {f"us-letter-{code.lower()}": f"us-{code.lower()}-breach/individuals" for code in STATES}
CASES: dict[str, tuple[str, str]] = {
    **{name: ("us-letter", duty) for name, duty in LETTERS.items() if name != "us-letter-ca"},
    "us-letter-ca": ("us-ca-individual", "us-ca-breach/individuals"),
    "us-attorney-general-ma": ("us-attorney-general", "us-ma-breach/attorney_general"),
    "us-attorney-general-dc": ("us-attorney-general", "us-dc-breach/attorney_general"),
    "us-attorney-general-vt": ("us-attorney-general", "us-vt-breach/attorney_general_preliminary"),
    "us-no-harm-determination": ("us-no-harm-determination", "us-vt-breach/attorney_general_no_harm"),
    "us-data-owner": ("us-data-owner", "us-hipaa-164-410/covered_entity"),
    "us-credit-bureaus": ("us-credit-bureaus", "us-tx-breach/consumer_reporting_agencies"),
    "us-substitute-web": ("us-substitute-web", "us-il-breach/individuals"),
    "us-substitute-press": ("us-substitute-press", "us-il-breach/individuals"),
    "hipaa-individual": ("hipaa-individual", "us-hipaa-164-400/individuals"),
    "hipaa-media": ("hipaa-media", "us-hipaa-164-400/prominent_media"),
    "hipaa-hhs-sheet": ("hipaa-hhs-sheet", "us-hipaa-164-400/hhs_secretary"),
    "sec-8k-105": ("sec-8k-105", "us-sec-8k-105/initial"),
    "sec-8k-105a": ("sec-8k-105a", "us-sec-8k-105/amendment"),
    "sec-8k-handover": ("sec-8k-handover", "us-sec-8k-105/initial"),
    "sec-8k-handover-amendment": ("sec-8k-handover", "us-sec-8k-105/amendment"),
    "nydfs-500-17-incident": ("nydfs-500-17", "us-nydfs-500-17/incident"),
    "nydfs-500-17-payment": ("nydfs-500-17", "us-nydfs-500-17/payment"),
    "nydfs-500-17-explanation": ("nydfs-500-17", "us-nydfs-500-17/payment_explanation"),
    "ftc-notification": ("ftc-notification", "us-ftc-safeguards-314-4-j/ftc"),
    "fcc-cpni": ("fcc-cpni", "us-fcc-64-2011-2007/fbi"),
    "fcc-sim-change": ("fcc-sim-change", "us-fcc-sim-swap/sim_change_request"),
    "us-ma-portal": ("us-ma-portal", "us-ma-breach/attorney_general"),
    "authority-form-ny-doh": ("authority-form", "us-ny-doh-405-46/ny_department_of_health"),
    "portal-sheet": ("portal-sheet", "us-nc-breach/attorney_general"),
    "press-holding-statement": ("press-holding-statement", ""),
    "call-centre-script": ("call-centre-script", ""),
    "board-brief": ("board-brief", ""),
}
US_LAW = tuple(name for name in sorted(catalog().regime_files) if name.startswith("us-"))


def said(document: Document) -> str:
    """Return a document's text on one line, as a reader takes it in."""
    return " ".join(write(document, "txt").decode().split())


def letter(state: str, facts: dict[str, Any] | None = None) -> str:
    """Return what a state's letter says."""
    name = "us-ca-individual" if state == "ca" else "us-letter"
    return said(made(name, f"us-{state}-breach/individuals", facts or us_facts())[1])


@pytest.mark.parametrize("case", CASES)
def test_with_all_facts_it_is_final_complete_and_as_its_golden_file(case: str) -> None:
    notice, document = made(*CASES[case], us_facts(*STATES))
    assert (document.context.status, document.gaps) == ("final", ())
    assert complete(check(notice, document))
    same(GOLDEN / f"{case}.final.txt", write(document, "txt").decode())


@pytest.mark.parametrize("case", CASES)
def test_with_no_fact_it_is_a_draft_that_shows_its_gaps(case: str) -> None:
    notice, document = made(*CASES[case], {})
    text = write(document, "txt").decode()
    assert document.context.status == "draft"
    assert not complete(check(notice, document))
    assert "[MISSING: organisation." in text
    assert "[MISSING: duty." not in text
    same(GOLDEN / f"{case}.draft.txt", text)


@pytest.mark.parametrize("case", CASES)
def test_every_format_says_the_same_words(case: str) -> None:
    _notice, document = made(*CASES[case], us_facts(*STATES))
    words = tree_words(document)
    word, page, pdf = (write(document, form) for form in FILES)
    assert docx_words(word) == words
    assert html_words(page) == words
    # a reader of PDFs takes a hyphen at the end of a line for one that the line break made
    bare = [word.replace("-", "") for word in words]
    assert missing_in_order(bare, pdf_characters(pdf).replace("-", "")) == []
    same(GOLDEN / f"{case}.formats.txt", files_of(word, page, pdf))


def test_the_web_page_of_a_filing_is_compared_whole() -> None:
    _notice, document = made(*CASES["sec-8k-105"], us_facts(*STATES))
    same(GOLDEN / "sec-8k-105.final.html", write(document, "html").decode())


TO_A_STATE = {
    "root_cause": "A stolen password without a second factor",
    "clients": ["Example Parish"],
    "other_authorities": "The Attorney General, on the same day",
    "individual_notice_count": 4200,
}
"""What public bodies and their service providers report to a state, and no other notice states."""


@pytest.mark.parametrize("law", US_LAW)
def test_every_duty_of_an_american_law_finds_a_template_that_says_all_it_asks(law: str) -> None:
    tools = cast("Any", SimpleNamespace(notices=catalog().notices()))
    facts = us_facts()
    whole, empty = incident_of({**facts, "incident": {**facts["incident"], **TO_A_STATE}}), incident_of({})
    for rule in catalog().regime(law).versions[0].duties:
        duty = f"{law}/{rule.slug}"
        brief = of_duty(duty, whole)
        work = cast("Render", SimpleNamespace(notice="auto", duty=duty))
        notice, source = catalog().notice(template_for(work, tools, brief))
        assert rule.recipient != "individuals" or notice.audience == "individuals", duty
        notice = apply_duty(notice, brief)
        document = make(notice, source, whole, brief)
        open_ = [line for line in check(notice, document) if line.state in ("gap", "forbidden")]
        assert (document.context.status, open_) == ("final", []), duty
        draft = make(notice, source, empty, of_duty(duty, empty))
        assert draft.context.status == "draft", duty
        assert draft.gaps, duty


# State by state


def test_a_massachusetts_letter_omits_the_incident_and_the_numbers() -> None:
    text = letter("ma")
    facts = us_facts()
    assert facts["incident"]["summary"] not in text
    assert facts["risk"]["mitigation"] not in text
    assert "What Happened" not in text
    assert "phishing" not in text.lower()
    assert "18,250" not in text
    assert str(facts["people"]["by_jurisdiction"]["US-MA"]) not in text
    for words in (
        "You have the right to obtain any police report",
        "Placing, lifting and removing it is free of charge.",
        "You will be asked for your full name, address, date of birth",
        "Parent or affiliated corporation of Contoso Health Group, Inc.: Contoso Holdings, Inc.",
        "You do not have to give up any right to bring an action",
    ):
        assert words in text


def test_the_letter_of_another_state_is_refused_in_massachusetts() -> None:
    notice, document = made("us-ca-individual", "us-ma-breach/individuals", us_facts())
    lawful = apply_duty(law_checked(notice), of_duty("us-ma-breach/individuals", incident_of(us_facts())))
    forbidden = [line for line in check(lawful, document) if line.state == "forbidden"]
    assert {line.facts for line in forbidden} == {("incident.summary",)}


def law_checked(notice: Notice) -> Notice:
    """Return a notice that is checked by its duty's law as well."""
    import msgspec

    return msgspec.structs.replace(notice, law_items=True)


def test_the_massachusetts_regulator_gets_the_content_omitted_from_the_letter() -> None:
    text = said(made("us-attorney-general", "us-ma-breach/attorney_general", us_facts())[1])
    facts = us_facts()
    assert facts["incident"]["summary"] in text
    assert f"Residents of Massachusetts: {facts['people']['by_jurisdiction']['US-MA']}" in text
    assert "Written information security program maintained: Yes" in text
    assert "is enclosed" not in text


def test_a_rhode_island_letter_states_the_incident_and_the_total() -> None:
    text = letter("ri")
    assert us_facts()["incident"]["summary"] in text
    assert "It happened through phishing." in text
    assert "It affected 18,250 people in all." in text
    assert "Rhode Island Attorney General, 150 South Main Street" in text


def test_rhode_islands_number_is_that_of_all_populations() -> None:
    facts = us_facts()
    del facts["people"], facts["data"]
    data = {"elements": ["name", "ssn"], "with_name": True}
    facts["populations"] = [
        {"id": "staff", "data": data, "people": {"total": 200, "by_jurisdiction": {"US-RI": 7}}},
        {"id": "customers", "data": data, "people": {"total": 1800, "by_jurisdiction": {"US-RI": 30}}},
    ]
    assert "It affected 2,000 people in all." in letter("ri", facts)
    facts["populations"][1]["people"].pop("total")
    assert "It affected [MISSING: people.total] people in all." in letter("ri", facts)


def test_an_illinois_letter_omits_the_number_of_people() -> None:
    text = letter("il")
    assert us_facts()["incident"]["summary"] in text
    assert "18,250" not in text
    assert str(us_facts()["people"]["by_jurisdiction"]["US-IL"]) not in text


def test_a_washington_letter_states_the_window_and_the_discovery_date() -> None:
    text = letter("wa")
    assert "The incident occurred between November 2, 2026 and November 9, 2026." in text
    assert "We discovered it on November 10, 2026." in text
    open_ = letter("wa", without(us_facts(), "incident.ended_at", "incident.discovered_at"))
    assert "The information was exposed until [MISSING: incident.ended_at]." in open_
    assert "We discovered it on [MISSING: incident.discovered_at]." in open_


def test_california_has_its_title_and_headings_in_order_in_ten_point_type() -> None:
    notice, document = made("us-ca-individual", "us-ca-breach/individuals", us_facts())
    headings = [plain(block.inlines) for block in walk(document.blocks) if isinstance(block, Heading)]
    assert headings == [
        "Notice of Data Breach",
        "What Happened",
        "What Information Was Involved",
        "What We Are Doing",
        "What You Can Do",
        "For More Information",
    ]
    assert document.context.stationery.points >= notice.min_points == 10


@pytest.mark.parametrize(
    ("state", "office"),
    [
        ("dc", "Attorney General for the District of Columbia, 400 6th Street NW, Washington, DC 20001"),
        ("md", "Maryland Attorney General, 200 St. Paul Place, Baltimore, MD 21202, 1-888-743-0023"),
        (
            "nc",
            "North Carolina Attorney General, Consumer Protection Division, 9001 Mail Service Center, Raleigh, NC 27699-9001",
        ),
        ("ny", "New York Attorney General, The Capitol, Albany, NY 12224-0341, 1-800-771-7755"),
    ],
)
def test_a_law_that_wants_its_attorney_general_named_gets_the_address(state: str, office: str) -> None:
    assert office in letter(state)
    assert office not in letter("tx")


OWED = [("ma", 18), ("dc", 18), ("ct", 24), ("de", 12)]


@pytest.mark.parametrize(("state", "months"), OWED)
def test_monitoring_that_the_law_owes_is_a_gap_until_it_was_bought(state: str, months: int) -> None:
    notice, document = made(
        "us-letter", f"us-{state}-breach/individuals", without(us_facts(), "risk.monitoring")
    )
    text = said(document)
    assert f"We offer you {months} months" not in text
    for path in ("months", "provider", "enrolment"):
        assert f"[MISSING: risk.monitoring.{path}]" in text
    assert document.context.status == "draft"
    line = next(coverage for coverage in check(notice, document) if coverage.ref == "monitoring")
    assert (line.state, f"for at least {months} months" in line.item) == ("gap", True)


def test_a_letter_omits_monitoring_where_no_law_requires_it() -> None:
    assert "credit monitoring" not in letter("tx", without(us_facts(), "risk.monitoring"))


@pytest.mark.parametrize("offered", [18, 36])
def test_monitoring_that_was_bought_is_offered_as_it_was_bought(offered: int) -> None:
    facts = us_facts()
    facts["risk"]["monitoring"]["months"] = offered
    text = letter("ma", facts)
    assert f"We offer you {offered} months of credit monitoring" in text
    assert "through Northwind Monitoring." in text


def test_fewer_months_than_the_law_wants_are_a_gap() -> None:
    facts = us_facts()
    facts["risk"]["monitoring"]["months"] = 12
    notice, document = made("us-letter", "us-ma-breach/individuals", facts)
    assert "[MISSING: risk.monitoring.months]" in said(document)
    line = next(coverage for coverage in check(notice, document) if coverage.ref == "monitoring")
    assert (line.state, "12 months are recorded" in line.item) == ("gap", True)


def test_a_code_and_a_day_say_how_to_enroll_as_well() -> None:
    facts = without(us_facts(), "risk.monitoring.enrolment")
    facts["risk"]["monitoring"] |= {"code": "NW-2027", "enrol_until": "2027-02-28T23:59:00Z"}
    assert "use the code NW-2027 by February 28, 2027." in letter("ct", facts)
    assert "use the code NW-2027 by February 28, 2027." in letter("ca", facts)
    facts["risk"]["monitoring"].pop("enrol_until")
    assert "[MISSING: risk.monitoring.enrol_until]" in letter("ct", facts)


def test_a_report_to_an_attorney_general_omits_monitoring_that_was_not_bought() -> None:
    facts = without(us_facts(), "risk.monitoring")
    text = said(made("us-attorney-general", "us-ma-breach/attorney_general", facts)[1])
    assert "are offered [MISSING: risk.monitoring.months] months" in text
    assert "through [MISSING: risk.monitoring.provider]" in text


def test_a_california_letter_offers_the_bought_monitoring_for_at_least_a_year() -> None:
    facts = us_facts()
    facts["organisation"]["source_of_breach"] = True
    facts["risk"]["monitoring"]["months"] = 6
    assert "[MISSING: risk.monitoring.months]" in letter("ca", facts)
    assert "for [MISSING: risk.monitoring.months]" in letter("ca", without(facts, "risk.monitoring"))


def test_a_new_mexico_letter_cites_the_fair_credit_reporting_act() -> None:
    assert "Fair Credit Reporting Act" in letter("nm")
    assert "Fair Credit Reporting Act" not in letter("il")


# What is known by another name, and what is not known


def test_a_fact_that_says_the_same_to_a_reader_is_enough() -> None:
    facts = without(us_facts(), "incident.started_at", "incident.ended_at", "organisation.hotline")
    facts["incident"]["occurred_at"] = "2026-11-05T15:00:00Z"
    notice, document = made("us-attorney-general", "us-wa-breach/attorney_general", facts)
    assert complete(check(notice, document))
    assert "Happened: November 5, 2026" in said(document)
    assert "Call: 1-800-555-0123" in letter("wa", facts)
    sheet = said(made("portal-sheet", "us-wa-breach/attorney_general", facts)[1])
    assert "When it happened: November 5, 2026" in sheet
    assert "Which elements of data are affected: name, Social Security number" in sheet
    assert "MISSING" not in sheet


def test_the_planned_notification_day_is_shown_until_people_are_notified() -> None:
    facts = without(us_facts(), "incident.individual_notice_sent_at", "incident.individual_notice_planned_at")
    duty = "us-ct-breach/attorney_general"
    assert "Planned for: [MISSING: incident.individual_notice_planned_at]" in said(
        made("us-attorney-general", duty, facts)[1]
    )
    facts["incident"]["individual_notice_planned_at"] = "2026-11-30T15:00:00Z"
    notice, document = made("us-attorney-general", duty, facts)
    assert "Planned for: November 30, 2026" in said(document)
    assert complete(check(notice, document))
    facts["incident"]["individual_notice_sent_at"] = {"US-CT": "2026-11-29T15:00:00Z"}
    assert "Sent: November 29, 2026" in said(made("us-attorney-general", duty, facts)[1])


def test_a_general_form_without_contents_in_the_law_file_asks_for_the_essentials() -> None:
    duty = "us-ny-doh-405-46/ny_department_of_health"
    facts = {"organisation": us_facts()["organisation"], "incident": {"summary": "Ransomware."}}
    notice, document = made("authority-form", duty, facts)
    gaps = {path for line in check(notice, document) if line.state == "gap" for path in line.facts}
    assert gaps == {"incident.discovered_at", "data.categories_text", "risk.mitigation"}
    assert {"law"} <= {line.ref for line in check(notice, document) if line.state == "to_check"}


@pytest.mark.parametrize(
    ("name", "duty"),
    [("us-letter", "us-tx-breach/individuals"), ("us-ca-individual", "us-ca-breach/individuals")],
)
def test_a_letter_with_personal_codes_says_where_to_enroll(name: str, duty: str) -> None:
    notice, source = catalog().notices()[name]
    incident = incident_of(us_facts())
    text = said(paper(notice, source, incident, of_duty(duty, incident)).within(codes=True).document())
    assert "https://example.com/enroll" in text
    assert "personal code" in text


def test_a_planned_day_is_not_printed_as_the_day_of_the_notice() -> None:
    facts = without(us_facts(), "incident.individual_notice_sent_at")
    facts["incident"]["individual_notice_planned_at"] = "2026-12-04T15:00:00Z"
    duty = "us-ny-breach/attorney_general"
    assert "Planned for December 4, 2026" in said(made("us-ny-portal", duty, facts)[1])


def test_the_end_of_a_breach_that_nobody_recorded_is_missing() -> None:
    facts = without(us_facts(), "incident.started_at", "incident.ended_at")
    facts["incident"]["occurred_at"] = "2026-11-02T15:00:00Z"
    text = said(made("hipaa-hhs-sheet", "us-hipaa-164-400/hhs_secretary", facts)[1])
    assert "Breach ended: [MISSING: incident.ended_at]" in text


def test_the_law_lists_no_item_twice_for_another_form_of_its_reference() -> None:
    notice, _ = made("us-ca-individual", "us-ca-breach/individuals", us_facts())
    assert [item.ref for item in notice.requires if item.of_law] == ["(d)(1)", "(d)(1)(B)"]


def test_a_data_owner_is_notified_at_once_with_details_to_follow() -> None:
    facts = without(us_facts(), "people", "risk.mitigation")
    notice, document = made("us-data-owner", "us-tx-breach/data_owner", facts)
    assert {line.state for line in check(notice, document)} <= {"covered", "to_follow", "to_check"}
    assert "People whose data we hold for you: not known at this time, will follow" in said(document)
    late = without(facts, "incident.summary")
    assert "[MISSING: incident.summary]" in said(made("us-data-owner", "us-tx-breach/data_owner", late)[1])


def test_small_and_large_breaches_are_distinguished_for_the_secretary() -> None:
    duty = "us-hipaa-164-400/hhs_secretary"
    assert "Size: 500 or more individuals" in said(made("hipaa-hhs-sheet", duty, us_facts())[1])
    facts = us_facts()
    facts["people"]["total"] = 499
    assert "Size: Fewer than 500 individuals" in said(made("hipaa-hhs-sheet", duty, facts)[1])
    unknown = without(facts, "people.total")
    assert "Size: [MISSING: people.total]" in said(made("hipaa-hhs-sheet", duty, unknown)[1])


@pytest.mark.parametrize(
    ("place", "vector", "type_", "missing"),
    [
        (True, "phishing", "Type of breach: Hacking/IT Incident", ()),
        (True, "theft", "Type of breach: Theft", ()),
        (
            True,
            "vendor",
            "Type of breach: [ ] Hacking/IT Incident [ ] Improper Disposal",
            ("incident.vector",),
        ),
        (False, "insider", "Type of breach: Unauthorized Access/Disclosure", ()),
    ],
)
def test_the_secretary_gets_the_cause_and_the_place_of_a_breach(
    place: bool, vector: str, type_: str, missing: tuple[str, ...]
) -> None:
    facts = us_facts()
    facts["incident"] |= {"at_vendor": place, "vector": vector}
    notice, document = made("hipaa-hhs-sheet", "us-hipaa-164-400/hhs_secretary", facts)
    text = said(document)
    assert type_ in text
    assert f"Breach at or by a business associate: {'Yes' if place else 'No'}" in text
    assert ("Fabrikam Hosting" in text) is place
    assert {path for line in check(notice, document) if line.state == "gap" for path in line.facts} == set(
        missing
    )


@pytest.mark.parametrize("case", ["sec-8k-105", "sec-8k-105a"])
def test_a_form_8k_without_inline_xbrl_always_has_something_to_check(case: str) -> None:
    notice, document = made(*CASES[case], us_facts())
    states = {line.ref: line.state for line in check(notice, document)}
    assert states["Reg. S-T 405, 406"] == states["Instruction 4"] == "to_check"


def test_the_check_boxes_of_a_form_8k_follow_the_facts() -> None:
    facts = us_facts()
    facts["incident"]["form_8k"]["also_satisfies"] = ["rule_14a_12"]
    facts["organisation"]["registrant"] |= {"emerging_growth": False}
    text = said(made(*CASES["sec-8k-105"], facts)[1])
    assert "[X] Soliciting material" in text
    assert "[ ] Written communications" in text
    assert "Emerging growth company [ ]" in text


def test_a_form_of_the_commission_has_no_letterhead() -> None:
    stationery = made(*CASES["sec-8k-105"], us_facts())[1].context.stationery
    assert (stationery.name, stationery.lines) == ("", ())


def test_the_text_of_a_filing_with_the_commission_keeps_to_its_lines_and_letters() -> None:
    for case in ("sec-8k-105", "sec-8k-105a"):
        text = write(made(*CASES[case], us_facts())[1], "txt").decode()
        body = text.rpartition("\n-- \n")[0]
        assert body.isascii()
        assert max(len(line) for line in body.splitlines()) <= 80


def test_a_carrier_says_that_customers_wait_only_while_they_do() -> None:
    duty = "us-fcc-64-2011-2007/fbi"
    assert "Customers were told on November 24, 2026." in said(made("fcc-cpni", duty, us_facts())[1])
    waiting = without(us_facts(), "incident.individual_notice_sent_at")
    assert "will not before seven full business days have passed" in said(made("fcc-cpni", duty, waiting)[1])


def test_a_statement_to_the_press_holds_no_number_and_no_cause() -> None:
    text = said(made("press-holding-statement", "", us_facts())[1])
    assert "18,250" not in text
    assert "password" not in text
    assert "ransom" not in text.lower()


@pytest.mark.parametrize("format", ["docx", "html", "txt", "pdf"])
def test_the_board_brief_contains_no_privilege_mark(format: str) -> None:
    notice, document = made("board-brief", "", us_facts())
    assert notice.audience == "internal"
    assert b"privileged" not in write(document, format).lower()


def test_a_form_from_america_is_set_on_american_paper() -> None:
    for name, duty in CASES.values():
        _notice, document = made(name, duty, us_facts())
        assert (document.language, document.context.stationery.paper) == ("en-US", "us-letter")


@pytest.mark.parametrize(
    ("kind", "advice"), [("employees", "irs.gov/ippin"), ("patients", "and of your doctors")]
)
def test_a_letter_gives_employees_and_patients_their_own_advice(kind: str, advice: str) -> None:
    facts = us_facts("TX")
    facts["data"] = {**facts["data"], "elements": ["name", "ssn", "medical"]}
    facts["people"] = {**facts["people"], "kinds": [kind]}
    assert advice in letter("tx", facts)
    facts["people"]["kinds"] = ["customers"]
    assert advice not in letter("tx", facts)
