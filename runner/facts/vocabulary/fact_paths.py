"""Fact vocabulary: the only names that conditions, laws, notices, imports and reports read.

A fact that is absent is unknown, which is not the same as false. Extend an enumeration when a law needs a value;
never match free text. The reference page is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.facts.vocabulary.fact_types import (
    Branch,
    FactType,
    Keyed,
    count,
    if_any,
    instant,
    one_of,
    place,
    places,
    prose,
    reached,
    set_of,
    text,
    texts,
    yes_no,
)
from runner.facts.vocabulary.paper_facts import PAPERS, PASSWORDS, PLANNED, SIGNATORY
from runner.facts.vocabulary.report_facts import DORA, FORM_8K, HHS, INSURANCE, PRODUCT, RANSOM, REGISTRANT
from runner.facts.vocabulary.response_facts import LAW_ENFORCEMENT, MOBILISED
from runner.facts.vocabulary.translations import translations
from runner.facts.vocabulary.us_statuses import PUBLIC_KINDS, REGULATED_US

_SECTORS = (
    "retail finance health telecom energy transport water education public legal insurance online_service manufacturing"
    " digital_infrastructure digital_provider trust_service space research other"
)
_REGULATED_EU_UK = (
    "nis2_essential nis2_important dora_credit_institution dora_ccp dora_trading_venue dora_other_financial_entity"
    " ecs_provider trust_service_provider qualified_trust_service_provider cra_manufacturer critical_entity eu_institution"
    " law_enforcement_authority uk_oes uk_rdsp fca_pra_firm uk_pra_firm uk_payment_service_provider"
    " uk_enhanced_reporting_firm"
)
_REGULATED_ELSEWHERE = (
    "ch_critical_infrastructure finma_supervised osfi_institution au_soci_asset apra_regulated sg_cii_owner"
    " sg_mas_institution in_body_corporate sebi_regulated cn_critical_infrastructure hk_critical_infrastructure"
    " kr_information_service cl_vital_operator ca_designated_operator"
    " jp_critical_infrastructure cl_essential_service za_financial_institution cbuae_institution difc_entity adgm_entity"
    " br_small_agent my_health_record_participant au_state_authority nsw_public_agency queensland_agency queensland_council"
    " western_australia_entity ontario_health_custodian alberta_health_custodian new_brunswick_health_custodian"
    " newfoundland_health_custodian ontario_institution bc_public_body"
)
_REGULATED = f"{REGULATED_US} {_REGULATED_EU_UK} {_REGULATED_ELSEWHERE}"
_ROLES = "controller joint_controller processor data_owner data_holder"
_VECTORS = (
    "hacking ransomware phishing credential_stuffing sim_swap smishing insider misdelivery loss theft misconfiguration"
    " improper_disposal vendor outage unknown"
)
_ELEMENTS = (
    "ssn drivers_license_or_state_id passport military_id other_government_id tribal_id tax_id account_number_with_code"
    " account_number_alone financial_access_codes online_credentials medical health_insurance biometric genetic"
    " full_date_of_birth mothers_maiden_name employer_id_with_code esignature_or_private_key student_id alpr geolocation"
    " birth_or_marriage_certificate work_evaluation name contact cpni payroll substance_use education_record tax_return"
    " location communications special_category criminal_record children financial identity_document other"
)
_KINDS_OF_PEOPLE = "customers employees patients students minors subscribers members users vulnerable"


_DATA: Mapping[str, Branch] = {
    "involved": yes_no("Are personal data affected at all?"),
    "with_name": yes_no("Were the elements together with a name or another identifier?"),
    "elements": set_of("Which elements of data are affected", _ELEMENTS),
    "categories_text": prose("The categories of data, as a person would read them in a letter"),
    "encrypted": yes_no("Were the data unintelligible to whoever obtained them (encrypted, key safe)?"),
    "key_compromised": yes_no("Was the key, or what unlocks it, obtained too?"),
    "form": set_of("The form of the data", "electronic paper oral"),
    "account_kinds": set_of(
        "Which kinds of account numbers are affected", "credit_card debit_card bank_account other"
    ),
    "usable_without_code": yes_no("Can the account or card numbers be used without a code or password?"),
    "enough_for_identity_theft": yes_no("Are the elements enough for identity theft even without a name?"),
    "passwords": PASSWORDS,
    "email_account": yes_no("Do the credentials open an e-mail account?"),
    "credentials_open": set_of(
        "Which kinds of accounts the credentials or answers open", "financial medical insurance email other"
    ),
    "records": count("How many records"),
    "backup": one_of("Is there a copy that can be used?", "available delayed none"),
    "large_scale": yes_no("Are the affected data many, or those of many people (Brazil, Peru)?"),
    "professional_secrecy": yes_no("Are the data protected by professional secrecy (Brazil)?"),
    "database_level": one_of("Security level of the database (Israel)", "high medium basic individual"),
    "substantial_part": yes_no("Is a substantial part of the database affected (Israel)?"),
    "retrieved": yes_no("Did the recipient return or delete the data, and can they be trusted?"),
    "deletion_confirmed": yes_no(
        "Did every recipient confirm in writing that the data are deleted or returned?"
    ),
    "payment_cards": yes_no("Are systems or records with payment card data affected?"),
    "locations": set_of(
        "Where the data were",
        "desktop_computer electronic_medical_record email laptop network_server other_portable_device paper cloud"
        " other",
    ),
}
_PEOPLE: Mapping[str, Branch] = {
    "total": count("How many people are affected"),
    "minimum": count("How many people at least"),
    "maximum": count("How many people at most"),
    "by_jurisdiction": Keyed(
        "Where the affected people live", "jurisdiction", count("How many of the affected people live there")
    ),
    "kinds": set_of("Who the affected people are to us", _KINDS_OF_PEOPLE),
    "unreachable": Keyed(
        "Addresses that failed, by where the people live",
        "jurisdiction",
        count("How many people there could not be reached"),
    ),
    "good_faith_only": yes_no("Only good-faith access by an employee or agent, without further use?"),
}
_ORGANISATION: Mapping[str, Branch] = {
    "name": text("Name of the organisation"),
    "entities": Keyed(
        "Legal entities, where there are several",
        "id",
        {
            "name": text("Name of the entity"),
            "country": place("Where the entity is established"),
            "role": one_of("The entity's role for the data", _ROLES),
            "regulated_as": set_of("What the entity is regulated as", _REGULATED),
        },
    ),
    "address": prose("Postal address of the organisation"),
    "country": place("Country of the organisation"),
    "zone": FactType("Time zone for deadlines counted in days", "zone"),
    "established_in": places("Where the organisation has an establishment"),
    "main_establishment": place("Where its main establishment in the Union is"),
    "home_state": place("Its home state: of domicile, as an insurer or producer, or of a public body"),
    "offers_to": places("Where it offers goods or services without an establishment"),
    "does_business_in": places("Where it does business"),
    "role": set_of("Its role for the affected data", _ROLES),
    "public_body": yes_no("Is it a public body?"),
    "licensed_hospital": yes_no("Is it a licensed general hospital (New York: Article 28)?"),
    "public_kind": one_of("What kind of public body is it?", PUBLIC_KINDS),
    "owner_public_body": yes_no("For data of other owners: is the owner a public body?"),
    "owner_regulated_as": set_of("For data of other owners: how the owner is regulated", _REGULATED),
    "serves_provider": yes_no(
        "Does it deliver part of a service for a provider that has the contract with the subscribers?"
    ),
    "source_of_breach": yes_no("Did the breach happen in its own systems?"),
    "sectors": set_of("Its sectors", _SECTORS),
    "regulated_as": set_of("What it is regulated as", _REGULATED),
    "turnover": {
        "amount": FactType("Annual turnover", "number"),
        "currency": text("Currency of the turnover (ISO 4217)"),
    },
    "contact": {
        "name": text("Contact point: name"),
        "role": text("Contact point: role"),
        "email": text("Contact point: e-mail"),
        "phone": text("Contact point: telephone"),
        "address": prose("Contact point: postal address"),
    },
    "dpo": reached("Data protection officer"),
    "counsel": {
        "name": if_any("Counsel: name"),
        "firm": text("Counsel: firm"),
        "email": text("Counsel: e-mail"),
        "phone": text("Counsel: telephone"),
    },
    "hotline": {
        "phone": text("Telephone line for affected people"),
        "hours": text("Hours of that line"),
        "url": text("Page for affected people"),
    },
    "second_contact": reached("Second contact point"),
    "language": text("Language in which its notices are written (BCP 47, as de or fr-CH)"),
    "prose_language": text("Language of your own texts, such as the summary (as de); English without it"),
    "lei": text("Legal Entity Identifier (LEI)"),
    "parent": if_any("Parent or affiliated corporation, where there is one"),
    "parent_lei": if_any("Legal Entity Identifier (LEI) of the ultimate parent undertaking"),
    "employer_id": text("Employer identification number"),
    "licence_number": text("Licence, charter or registration number with its supervisor"),
    "security_program": yes_no("Does it maintain a written information security program (Massachusetts)?"),
    "security_measures": prose("Safeguards that it employs for personal data, in a few sentences"),
    "safeguards": set_of(
        "Safeguards that were in place before (HIPAA)", "privacy_rule administrative physical technical"
    ),
    "covered_entity_type": one_of(
        "Type of covered entity (HIPAA)", "health_plan health_care_clearing_house health_care_provider"
    ),
    "press": reached("Contact for the press"),
    "signatory": SIGNATORY,
    "registrant": REGISTRANT,
    "insurance": INSURANCE,
}
_INCIDENT: Mapping[str, Branch] = {
    "title": text("Title of the incident"),
    "summary": prose("What happened, in a few sentences"),
    "impact": set_of("What was lost", "confidentiality integrity availability"),
    "vector": one_of("How it happened: the cause", _VECTORS),
    "at_vendor": yes_no("Did it happen at a vendor or service provider?"),
    "malicious": yes_no("Was there intent to harm?"),
    "started_at": instant("When it began"),
    "ended_at": instant("When it ended"),
    "occurred_at": instant("When it happened"),
    "detected_at": instant("When a system or a person first noticed something"),
    "discovered_at": instant(
        "When it was first known, or reasonably should have been, to any workforce member or agent"
    ),
    "aware_at": instant(
        "When we were reasonably certain that personal data are affected (GDPR: became aware)"
    ),
    "determined_at": instant("When the organisation concluded that a breach happened"),
    "confirmed_at": instant("When the breach was confirmed"),
    "assessment_done_at": instant("When the assessment was completed (Singapore)"),
    "reason_to_believe_at": instant("When there was reason to believe that a breach happened"),
    "scope_identified_at": instant("When the scope, or who is affected, was identified (Maine, Turkey)"),
    "suspicion_at": instant("When it was first suspected"),
    "resolved_at": instant("When it was resolved"),
    "requested_at": instant("When an authority asked"),
    "classified_at": instant("When it was classified as major (DORA) or material"),
    "materiality_determined_at": instant("When it was determined to be material (SEC)"),
    "reported_by_processor_at": instant("When the processor reported it to us"),
    "contained_at": instant("When it was contained"),
    "recovered_at": instant("When operations were recovered"),
    "measure_available_at": instant("When a corrective measure became available (CRA)"),
    "ransom_paid_at": instant("When a ransom was paid"),
    "media_notice_sent_at": instant("When the media were notified"),
    "individual_notice_sent_at": Keyed(
        "When the affected people were notified, by place of residence (* means all)",
        "jurisdiction_or_all",
        instant("When the people living there were notified"),
    ),
    "recipient_notified_at": Keyed(
        "When a recipient was notified: an agency, the owner, the police",
        "recipient",
        instant("When that recipient was notified"),
    ),
    "stage_submitted_at": Keyed(
        "When a stage of a report was handed in", "duty", instant("When that stage was handed in")
    ),
    "individual_notice_planned_at": instant("When the affected people will be notified", ahead=True),
    "individual_notice_means": set_of(
        "How the affected people are notified", "letter email telephone website media"
    ),
    "delay_reasons": prose("Why a notification is late, in words for the authority"),
    "major": yes_no("Is it a major incident (DORA)?"),
    "significant": yes_no("Is it a significant incident (NIS2, CER, eIDAS, UK NIS)?"),
    "material": yes_no("Is it material (SEC)?"),
    "actively_exploited": yes_no("Is the vulnerability actively exploited (CRA)?"),
    "vendor": {
        "name": if_any("Vendor involved: name"),
        "role": text("Vendor involved: role"),
        "contact": text("Vendor involved: contact"),
        "address": prose("Vendor involved: postal address"),
    },
    "clients": texts("Clients whose data we process and that are affected, by a short name"),
    "accounts": texts("User accounts of the incident, by user name"),
    "hosts": texts("Servers and computers of the incident, by the id in the security tool"),
    "devices": texts("Managed devices of the incident, by the id in device management"),
    "apps": texts("Applications of the incident, by the id in the directory"),
    "keys": texts("Keys of the incident, by id: never the secret itself"),
    "automation": {"reference": text("Reference of the own automation for the last action")},
    "supply_chain": {"published": yes_no("Did we publish a malicious version?")},
    "attack_over": yes_no("Is the attack over, with all opened accounts reset?"),
    "insider": {"data_leaving": yes_no("Are data still leaving?")},
    "urgent": {"harm": yes_no("Does harm continue?")},
    "mailbox_taken": yes_no("Does what was stolen also open the mailboxes to which we write to people?"),
    "third_party_recipients": prose("Third parties who received the data"),
    "responsible": prose("Who is responsible for the breach, as far as it is known"),
    "foreign_involvement": prose("What is known of the involvement of a foreign country"),
    "loss_estimate": prose("Estimated financial loss or monetary impact"),
    "financial_impact": prose(
        "Material impact, or reasonably likely impact, on financial condition and results of operations (SEC)"
    ),
    "not_yet_determined": prose("What a report asks for and is not determined or not available yet"),
    "new_information": prose("What has become known since the last report"),
    "assessment": prose("Severity and impact, as they are assessed"),
    "root_cause": prose("Type of threat or root cause that likely led to it"),
    "indicators": prose("Indicators of compromise"),
    "cross_border": yes_no("Could it have an impact in other Member States?"),
    "cross_border_places": places("Other countries in which it has or may have an impact"),
    "cross_border_impact": prose("The impact in other countries"),
    "location": prose("The place where it happened, and the storage media concerned"),
    "measures_before": prose("Technical and organisational measures that protected the data before"),
    "other_authorities": prose("Other authorities that were notified"),
    "individual_notice_text": prose("Summary of the notice to the affected people"),
    "individual_notice_count": count("How many affected people were notified"),
    "product": PRODUCT,
    "sensitivity": prose("How sensitive the reported information is"),
    "mobilised": MOBILISED,
    "dora": DORA,
    "form_8k": FORM_8K,
    "hhs": HHS,
    **PAPERS,
    "ransom": RANSOM,
    "isolation": {
        "complete": yes_no("Could all affected systems be disconnected from the network?"),
        "connected": prose("The systems that could not be disconnected, and why"),
        "power_down_losses": prose("What switching off loses, and whether memory was captured before"),
    },
    "board_decisions": prose("Decisions that are asked of the management body"),
    "exfiltration": one_of("Were data taken away?", "none unlikely possible confirmed"),
    "service_harm": prose("Harm to services"),
    "disruption": yes_no(
        "Did it materially disrupt or degrade operations or services, or is that reasonably likely?"
    ),
    "reportable": yes_no("Does it meet the sector regulator's own test of a reportable incident?"),
    "notice_due_elsewhere": yes_no("Must another authority be notified?"),
    "outage_minutes": count("For how many minutes was a service down or degraded"),
    "outage_user_minutes": count("How many user minutes were lost in an outage (FCC)"),
    "new_information_at": instant("When information that a report still lacked became known"),
    "malware_found": yes_no("Was malicious software found?"),
    "attempt_only": yes_no("Was it only an attempt to compromise?"),
    "nrc_class": one_of(
        "Class of the event under 10 CFR 73.77; a named person decides",
        "one_hour four_hours eight_hours recorded_only",
    ),
    "amount_involved": FactType("US dollars that suspicious activity involves", "number"),
    "suspect_identified": yes_no("Is a suspect identified?"),
    "trust_services_affected": yes_no("Are trust services affected (NIS2)?"),
    "ongoing_at_final_report": yes_no("Was it still going on when the final report was due (NIS2)?"),
    "client_interests_affected": yes_no("Are the financial interests of clients affected (DORA)?"),
    "first_report_complete": yes_no("Did the first report contain everything that the law requires?"),
    "first_report_form": one_of("Form of the first report to the authority", "oral written official_form"),
    "public_should_know": yes_no("Is it in the public interest to tell the public?"),
    "control_weakness": yes_no(
        "Is there a material control weakness that cannot be remedied in time (APRA)?"
    ),
    "protection_shown": yes_no(
        "Is the authority satisfied that the data are unintelligible (Regulation (EU) 611/2013, PECR)?"
    ),
    "my_health_record": one_of(
        "Is the My Health Record system, or a record in it, affected: not at all, besides other data, or alone (Australia)?",
        "none also only",
    ),
    "commissioner_case": yes_no(
        "Is it a case that the Commissioner must be told of (Ontario, O. Reg. 329/04 s. 6.3)?"
    ),
    "product_danger": yes_no(
        "Does a defect of a product endanger national security or the public interest (China)?"
    ),
    "leak_possible": yes_no("Is a leak possible, though none is established (Korea)?"),
    "law_violated": yes_no("Was it due to a violation of the data protection law (Taiwan)?"),
    "credit_report_suggested": yes_no(
        "Does the letter suggest that people obtain a credit report (Montana)?"
    ),
    "vendor_tells_authority": yes_no(
        "Must we as the vendor tell the authority: over 250 consumers or an unknown number, and the owner did not (Oregon)?"
    ),
}
_RISK: Mapping[str, Branch] = {
    "to_people": one_of("Risk to people's rights and freedoms; a named person decides", "unlikely risk high"),
    "harm": one_of(
        "Risk of (serious, significant) harm in the sense of the US states, Canada, Australia, Asia",
        "none unlikely likely",
    ),
    "harm_assessment": {
        "by": text("Who assessed the harm"),
        "at": instant("When the harm was assessed"),
        "grounds": prose("Grounds of the assessment"),
    },
    "people_must_know": yes_no("Must the affected people know of it to protect themselves?"),
    "others_can_reduce": yes_no("Could another organisation or an authority reduce the harm (Canada)?"),
    "low_probability_of_compromise": yes_no("Low probability of compromise by the HIPAA four-factor test?"),
    "consequences": prose("Likely consequences for people"),
    "mitigation": prose("Measures taken and proposed"),
    "monitoring": {
        "months": count("For how many months identity or credit monitoring was bought"),
        "provider": text("Who provides the monitoring that was bought"),
        "enrolment": prose("How and until when people enrol in the monitoring, in words for them"),
        "code": text("Code with which people enrol, where all have the same"),
        "enrol_until": instant("Until when people can enrol", ahead=True),
    },
    "advice": prose("What people can do"),
    **PLANNED,
}

_ROOTS: Mapping[str, Branch] = {
    "organisation": _ORGANISATION,
    "incident": _INCIDENT,
    "populations": Keyed(
        "Who is affected, with what data; top-level data and people are the short form for one population",
        "id",
        {
            "entity": text("Which legal entity's people (an id of organisation.entities)"),
            "data": _DATA,
            "people": _PEOPLE,
            "overlaps": texts("Other affected groups that can contain the same persons"),
        },
    ),
    "data": _DATA,
    "people": _PEOPLE,
    "risk": _RISK,
    "law_enforcement": LAW_ENFORCEMENT,
    "claims": Keyed(
        "Positions that counsel takes, each with grounds; they change a verdict and are shown with it",
        "id",
        {
            "regime": text("The regime it is about"),
            "position": text("The position"),
            "by": text("Who takes it"),
            "grounds": prose("Its grounds"),
        },
    ),
}
ROOTS: Mapping[str, Branch] = {**_ROOTS, "translations": translations(_ROOTS)}
