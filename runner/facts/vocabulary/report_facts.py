"""Facts that only one authority's form asks for: DORA's template, Form 8-K, the portal of HHS; ransom and insurance.

DORA: Implementing Regulation (EU) 2025/302, Annex I; ``playbooks/notices/fields/dora.yaml`` assigns facts to fields. Form 8-K:
its cover page and Item 1.05. HHS: the questions of the breach portal of the Office for Civil Rights, whose wording is not confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.facts.vocabulary.fact_types import (
    Branch,
    FactType,
    Keyed,
    count,
    if_any,
    number,
    one_of,
    places,
    prose,
    set_of,
    text,
    yes_no,
)

_ENTITIES = (
    "credit_institution payment_institution exempted_payment_institution account_information_service_provider"
    " electronic_money_institution exempted_electronic_money_institution investment_firm crypto_asset_service_provider"
    " issuer_of_asset_referenced_tokens central_securities_depository central_counterparty trading_venue trade_repository"
    " manager_of_alternative_investment_fund management_company data_reporting_service_provider"
    " insurance_and_reinsurance_undertaking insurance_intermediary institution_for_occupational_retirement_provision"
    " credit_rating_agency administrator_of_critical_benchmarks crowdfunding_service_provider securitisation_repository"
)
_CRITERIA = (
    "clients_counterparts_transactions reputational_impact duration_and_downtime geographical_spread data_losses"
    " critical_services economic_impact"
)
_FIGURES = (
    "clients_actual clients_estimated clients_none counterparts_actual counterparts_estimated counterparts_none"
    " transactions_actual transactions_estimated transactions_none"
)
_TECHNIQUES = (
    "social_engineering denial_of_service identity_theft data_encryption resource_hijacking data_exfiltration"
    " data_destruction defacement supply_chain_attack other"
)
DORA: Mapping[str, Branch] = {
    "entity_types": set_of("Type of the financial entity affected", _ENTITIES),
    "affected_entity": text("Financial entity affected, where another one submits: name"),
    "affected_lei": text("Financial entity affected, where another one submits: LEI"),
    "currency": text("Currency of all amounts in the report (ISO 4217)"),
    "criteria": set_of("Classification criteria that triggered the report", _CRITERIA),
    "spread_states": FactType(
        "Member States in which the criterion of geographical spread is met", "jurisdiction", many=True
    ),
    "discovery": one_of(
        "How it was discovered",
        "it_security staff internal_audit external_audit clients counterparts third_party_provider attacker"
        " monitoring_systems authority other",
    ),
    "origin": prose("Does it originate from a third-party provider or another financial entity, and which"),
    "continuity_plan": prose("Was the business continuity plan activated, and what for"),
    "other_information": prose("Other information for the authority, such as why it is no longer major"),
    "clients": count("How many clients are affected"),
    "clients_share": number("Percentage of clients affected"),
    "counterparts": count("How many financial counterparts are affected"),
    "counterparts_share": number("Percentage of financial counterparts affected"),
    "relevant_affected": yes_no("Are clients or counterparts affected that are relevant for the business?"),
    "transactions": count("How many transactions are affected"),
    "transactions_share": number("Percentage of transactions affected"),
    "transactions_value": number("Value of the affected transactions"),
    "figures": set_of("Which of the figures are actual or estimated, and where there is no impact", _FIGURES),
    "reputation": set_of("Reputational impact", "media complaints requirements clients_lost"),
    "reputation_context": prose("Context of the reputational impact"),
    "duration": text("Duration of the incident (DD:HH:MM)"),
    "downtime": text("Downtime of services (DD:HH:MM)"),
    "times": one_of("Are duration and downtime actual or estimated?", "actual estimated both unknown"),
    "states_impact": set_of(
        "Who or what is affected in other Member States",
        "clients counterparts branch group_entities market_infrastructure third_party_providers",
    ),
    "states_description": prose("Impact and severity in each affected Member State"),
    "data_losses": set_of(
        "Data losses above the threshold", "availability authenticity integrity confidentiality"
    ),
    "data_losses_description": prose("Description of the data losses"),
    "critical_services": prose("Critical services, activities or operations that are affected"),
    "types": set_of(
        "Type of the incident",
        "cybersecurity process_failure system_failure external_event payment other",
    ),
    "other_type": text("Another type of incident"),
    "techniques": set_of("Threats and techniques that the threat actor used", _TECHNIQUES),
    "other_techniques": text("Other techniques"),
    "business_processes": prose("Affected functional areas and business processes"),
    "infrastructure_affected": one_of(
        "Are infrastructure components that support business processes affected?", "yes no unknown"
    ),
    "infrastructure": prose("The affected infrastructure components"),
    "client_interests": one_of("Is there an impact on the financial interests of clients?", "yes no unknown"),
    "reported_to": set_of(
        "Which other authorities were notified",
        "police csirt data_protection_authority cybersecurity_agency none other",
    ),
    "temporary_measures": yes_no("Were temporary measures taken to recover?"),
    "temporary_measures_description": prose("The temporary measures, or why there are none"),
    "cause_classes": set_of(
        "High-level class of the root causes",
        "malicious_actions process_failure system_failure human_error external_event",
    ),
    "cause_details": prose("Detailed classes of the root causes"),
    "cause_additional": prose("Additional classes of the root causes"),
    "cause_other": prose("Other types of root causes"),
    "resolution": prose("How it was resolved"),
    "cause_addressed_at": FactType("When the root cause was addressed", "instant"),
    "resolution_plan": prose("Why the permanent resolution came at another date than planned"),
    "resolution_risk": prose("Risk to critical functions for the purposes of resolution"),
    "resolution_authorities": prose("Information for the resolution authorities"),
    "economic_impact": prose("Is the threshold of economic impact met, and how"),
    "costs": number("Gross direct and indirect costs and losses"),
    "recoveries": number("Financial recoveries"),
    "recurring": prose("Recurring incidents that are major together"),
    "recurring_dates": prose("When the recurring incidents occurred"),
}
REGISTRANT: Mapping[str, Branch] = {
    "incorporated_in": text("State or other jurisdiction of incorporation (SEC)"),
    "file_number": text("Commission file number (SEC)"),
    "security": text("Title of the class of securities that is registered (SEC)"),
    "symbol": text("Trading symbol"),
    "exchange": text("Name of the exchange"),
    "further_classes": Keyed(
        "Further classes of securities that are registered under Section 12(b)",
        "id",
        {
            "security": text("Title of the further class"),
            "symbol": text("Trading symbol of the further class"),
            "exchange": text("Name of the exchange of the further class"),
        },
    ),
    "emerging_growth": yes_no("Is it an emerging growth company (SEC)?"),
    "short_transition": yes_no(
        "Did it, as an emerging growth company, choose not to use the extended transition period (SEC)?"
    ),
    "cik": text("Central Index Key (CIK) at the SEC"),
    "former": if_any("Former name or address of the registrant, if changed since the last report (SEC)"),
    "signatory": text("Who signs for the registrant: name and title"),
}
FORM_8K: Mapping[str, Branch] = {
    "scope": prose(
        "Scope of the incident for Form 8-K: operations, services and data, without technical detail"
    ),
    "also_satisfies": set_of(
        "Which other rules the Form 8-K is to satisfy", "rule_425 rule_14a_12 rule_14d_2b rule_13e_4c"
    ),
    "forward_looking": prose("Cautionary paragraph on forward-looking statements (Form 8-K), by counsel"),
    "amendment": count("Number of this amendment of the Form 8-K"),
}
HHS: Mapping[str, Branch] = {
    "filed_by": one_of(
        "Who files the breach report to HHS",
        "covered_entity business_associate covered_entity_for_business_associate",
    ),
    "substitute_notice": one_of(
        "Was substitute notice required (HHS), and for how many people",
        "not_required fewer_than_10 ten_or_more",
    ),
    "media_notice": yes_no("Was notice to the media required (HHS)?"),
    "actions": set_of(
        "Actions taken in response to the breach, as the HHS portal lists them",
        "encryption password_requirements risk_management_plan technical_safeguards periodic_evaluations"
        " physical_security risk_analysis associate_training credit_monitoring associate_contracts"
        " policies_and_procedures workforce_sanctions harm_mitigation workforce_training other",
    ),
}
PRODUCT: Mapping[str, Branch] = {
    "name": text("Product with digital elements: name and versions"),
    "description": prose("What the product is and does"),
    "available_in": places("Member States in which the product is available"),
    "vulnerability": prose("The vulnerability: identifier, nature, severity"),
    "exploit": prose("General nature of the exploit"),
    "corrective_measures": prose("The security update or other corrective measures that are available"),
}
RANSOM: Mapping[str, Branch] = {
    "reasons": prose("Why a ransom payment was necessary"),
    "alternatives": prose("Alternatives to the ransom payment that were considered"),
    "diligence": prose("What was done to find alternatives to the ransom payment"),
    "sanctions_check": prose("What was done to comply with sanctions rules before the ransom payment"),
    "sanctions_repeated": yes_no("Was the sanctions check repeated for the address that was used?"),
    "payment_ban": prose("Which law limits a payment by this public body, and how it was observed"),
    "proposal": text("The proposal to management: pay or do not pay"),
    "grounds": prose("The grounds of the proposal"),
    "paid": yes_no("Was a ransom paid?"),
}
INSURANCE: Mapping[str, Branch] = {
    "hotline": text("Cyber insurer: telephone line for incidents"),
    "policy": if_any("Cyber insurance: number of the policy"),
    "notice_hours": number("Cyber insurance: hours until the insurer must know of an incident"),
    "panel": FactType("Cyber insurance: firms that the insurer accepts", "text", many=True),
}
