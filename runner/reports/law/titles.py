"""Titles of legal duties for people: verb, recipient and article, from the data of the laws' files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from runner.base.jurisdictions import US_NAMES
from runner.documents.wording.labels import office
from runner.facts.vocabulary.lookup import fact_type
from runner.law.duty import DutyStatus
from runner.law.relevance import CONTRACT

_ACT = re.compile(r"^(Regulation|Directive) .*?(?= Arts?\. )")
_LONGEST_ACRONYM = 6
_REPORTS = "annual detailed final full intermediate preliminary progress root_cause summary"
_FURTHER = "fi_update follow_up second supplement supplemental"
_TITLES: Mapping[str, str] = {
    "assessment": "Assess whether the law requires a notice",
    "attempt": "Report the attempted attack to {to}",
    "consent": "Ask {to} for consent before costs",
    "critical": "Report the critical incident to {to}",
    "extension": "Ask {to} for more time",
    "no_harm": "Record the finding of no harm and file it with {to}",
    "payment": "Report the ransom payment to {to}",
    "payment_explanation": "Explain the ransom payment to {to}",
    "phases": "Send further information",
    "record": "Record the incident with {to}",
    "voluntary": "Notify {to} (voluntary)",
    "early_warning": "Send the early warning to {to}",
    "form": "Send the incident form to {to}",
    "on_request": "Send the documents that {to} requested",
    "other_written": "Send the written report to {to}",
    "full_report": "Send the full report to {to}",
    "update": "Send the update to {to}",
    "updates": "Send the updates to {to}",
    **dict.fromkeys(_FURTHER.split(), "Send further information to {to}"),
    **{stage: f"Send the {stage.replace('_', ' ')} report to {{to}}" for stage in _REPORTS.split()},
}
"""By the stage of a duty; every other stage is a notification."""
_NAMED = (
    "clients consumer_reporting_agencies contracting_provider controller covered_entity covered_institution"
    " customers prime_contractor public users"
)
_GROUPS: Mapping[str, str] = {
    **{code: f"the {code.replace('_', ' ')}" for code in _NAMED.split()},
    "data_owner": "the owner of the data",
    "federal_law_enforcement": "federal law enforcement",
    "data_subjects": "the affected people",
    "harm_reducing_organisations": "the organisations that can reduce the harm",
    "individuals": "the affected people",
    "internal": "your organisation",
    "law_enforcement": "law enforcement",
    "members_participants": "the members and participants",
    "prominent_media": "the media",
    "service_recipients": "the users of the service",
}
"""Recipients that are not authorities."""
_LOCAL: Mapping[str, str] = {
    **{code: code.replace("_", " ") for code in ("competent_authority", "competent_national_authority")},
    "competent_sa": "data protection authority",
    "csirt_coordinator_and_enisa": "coordinating CSIRT and ENISA",
    "csirt_or_ca": "CSIRT or competent authority",
    "supervisory_body": "supervisory body",
}
"""Authorities that every State has: the State is part of the name."""
_PEOPLES = (
    "AT:Austrian BE:Belgian BG:Bulgarian CY:Cypriot CZ:Czech DE:German DK:Danish EE:Estonian ES:Spanish FI:Finnish"
    " FR:French GB:UK GR:Greek HR:Croatian HU:Hungarian IE:Irish IS:Icelandic IT:Italian LI:Liechtenstein"
    " LT:Lithuanian LU:Luxembourg LV:Latvian MT:Maltese NL:Dutch NO:Norwegian PL:Polish PT:Portuguese RO:Romanian"
    " SE:Swedish SI:Slovenian SK:Slovak"
)
_ADJECTIVES: Mapping[str, str] = dict(pair.split(":") for pair in _PEOPLES.split())


def title_of(duty: DutyStatus) -> str:
    """Return verb and recipient: ``Notify the Dutch data protection authority``."""
    return duty.title or _TITLES.get(duty.stage, "Notify {to}").format(to=recipient_name(duty))


def duty_label(duty: DutyStatus) -> str:
    """Return a duty's title with its article: ``Notify the affected people – GDPR Art. 34(1)``."""
    article = citation(duty)
    return f"{title_of(duty)} – {article}" if article else title_of(duty)


def citation(duty: DutyStatus) -> str:
    """Return the article, an act of the Union by its name: ``GDPR Art. 33(1)``."""
    cited = duty.citation.partition(";")[0].strip()
    return _ACT.sub(duty.law, cited) if duty.law else cited


def recipient_name(duty: DutyStatus) -> str:
    """Return the recipient, with the place: ``the New York Attorney General``."""
    if duty.jurisdiction == CONTRACT and duty.authority is not None:
        return duty.authority.name
    country, _, part = duty.jurisdiction.partition("-")
    state = US_NAMES.get(part, "") if country == "US" else ""
    group = _GROUPS.get(duty.recipient, "")
    if group:
        where = f"the {state}" if state.startswith("District") else state
        return (
            f"{group} in {where}" if state and duty.recipient in ("individuals", "data_subjects") else group
        )
    place = duty.authority.place if duty.authority is not None else ""
    if local := _LOCAL.get(duty.recipient, ""):
        adjective = _ADJECTIVES.get(place, "")
        return f"the {adjective} {local}" if adjective else f"the {_competent(local)}"
    named = office(duty.recipient) or _opened(duty.recipient)
    return f"the {state} {named}" if state and state not in named else f"the {named}"


def _competent(office: str) -> str:
    return office if office.startswith(("competent", "coordinating")) else f"competent {office}"


def _opened(code: str) -> str:
    """Return a code without a name as words; a short one is an acronym."""
    return code.upper() if "_" not in code and len(code) <= _LONGEST_ACRONYM else code.replace("_", " ")


_QUESTIONS = {
    "claims.national_law.position": "Does the national law bind? Counsel: national_law, or not national_law.",
    "data.elements": "Which elements of data are affected?",
    "data.form": "In which form are the data?",
    "incident.aware_at": "When were we reasonably certain that personal data are affected?",
    "incident.classified_at": "When was it classified as major or material?",
    "incident.confirmed_at": "When was the breach confirmed?",
    "incident.detected_at": "When did a system or a person first notice something?",
    "incident.determined_at": "When did the organisation conclude that a breach happened?",
    "incident.discovered_at": "When did anybody in the organisation first know of it?",
    "incident.ended_at": "When did it end?",
    "incident.impact": "What was lost?",
    "incident.materiality_determined_at": "When was it determined to be material?",
    "incident.occurred_at": "When did it happen?",
    "incident.reason_to_believe_at": "When was there reason to believe that a breach happened?",
    "incident.reported_by_processor_at": "When did the processor report it to us?",
    "incident.resolved_at": "When was it resolved?",
    "incident.started_at": "When did it begin?",
    "incident.suspicion_at": "When was it first suspected?",
    "incident.vector": "How did it happen?",
    "organisation.country": "In which country is the organisation?",
    "organisation.does_business_in": "Where does the organisation do business?",
    "organisation.established_in": "Where does the organisation have an establishment?",
    "organisation.home_state": "Which is the organisation's home state?",
    "organisation.main_establishment": "Where is the main establishment in the Union? In Germany: the Land, as DE-HE.",
    "organisation.offers_to": "Where does the organisation offer goods or services without an establishment?",
    "organisation.public_kind": "What kind of public body is the organisation?",
    "organisation.regulated_as": "How is the organisation regulated?",
    "organisation.role": "What is the organisation's role for the affected data?",
    "organisation.sectors": "In which sectors does the organisation work?",
    "people.by_jurisdiction.PLACE": "How many of the affected people live in each place?",
    "people.kinds": "Who are the affected people to us?",
    "people.total": "How many people are affected?",
    "risk.harm": "Is there a risk of harm to people?",
    "risk.to_people": "How high is the risk to people's rights and freedoms? A named person decides.",
}
"""Questions for the facts that decide which laws apply; the vocabulary has only titles for documents."""


def question_words(path: str, asked: str = "") -> str:
    """Return the question of a fact: of a task, else of ``QUESTIONS``, else the title in the vocabulary."""
    kind = fact_type(path) or fact_type(path.replace("PLACE", "DE"))
    alone = re.sub(r"^populations\.[^.]+\.", "", path)
    return asked or _QUESTIONS.get(alone) or (kind.title if kind is not None and kind.title else path)


def titled(duties: Iterable[DutyStatus]) -> tuple[DutyStatus, ...]:
    """Return duties with their titles and the names of their authorities, for JSON."""
    return tuple(_titled(duty) for duty in duties)


def _titled(duty: DutyStatus) -> DutyStatus:
    office = duty.authority
    if office is not None and not office.name:
        office = msgspec.structs.replace(office, name=recipient_name(duty).removeprefix("the "))
    return msgspec.structs.replace(duty, title=title_of(duty), authority=office)
