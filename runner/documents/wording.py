"""The few words that documents add of their own, by language, and what the vocabulary's codes read like.

Templates are written in one language each; only these words cannot stand in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec


class Phrases(msgspec.Struct, frozen=True):
    """The program's own words in one language."""

    to_follow: str
    missing: str
    undecided: str
    conjunction: str
    yes: str
    no: str
    union: str


PHRASES: Final[Mapping[str, Phrases]] = MappingProxyType(
    {
        "en": Phrases(
            "not known at this time, will follow",
            "MISSING",
            "UNDECIDED",
            "and",
            "yes",
            "no",
            "the European Union",
        ),
        "de": Phrases(
            "zurzeit nicht bekannt, wird nachgereicht",
            "FEHLT",
            "NICHT ENTSCHIEDEN",
            "und",
            "ja",
            "nein",
            "die Europäische Union",
        ),
        "fr": Phrases(
            "pas connu à ce stade, sera communiqué ultérieurement",
            "MANQUE",
            "NON DÉCIDÉ",
            "et",
            "oui",
            "non",
            "l’Union européenne",
        ),
        "es": Phrases(
            "no se conoce en este momento, se comunicará más adelante",
            "FALTA",
            "SIN DECIDIR",
            "y",
            "sí",
            "no",
            "la Unión Europea",
        ),
    }
)

LABELS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": MappingProxyType(
            {
                # data.elements
                "ssn": "Social Security number",
                "drivers_license_or_state_id": "driver's license or state identification card number",
                "passport": "passport number",
                "military_id": "military identification number",
                "other_government_id": "other government-issued identification number",
                "tribal_id": "tribal identification number",
                "tax_id": "tax identification number",
                "account_number_with_code": "financial account or card number with its access code",
                "account_number_alone": "financial account or card number",
                "financial_access_codes": "access codes for financial accounts",
                "online_credentials": "user name or e-mail address with password or security question",
                "medical": "medical information",
                "health_insurance": "health insurance information",
                "biometric": "biometric data",
                "genetic": "genetic data",
                "full_date_of_birth": "date of birth",
                "mothers_maiden_name": "mother's maiden name",
                "employer_id_with_code": "employer-issued identification number with its access code",
                "esignature_or_private_key": "electronic signature or private key",
                "student_id": "student identification number",
                "alpr": "licence plate recognition data",
                "geolocation": "location data from a device",
                "birth_or_marriage_certificate": "birth or marriage certificate",
                "work_evaluation": "work evaluation",
                "name": "name",
                "contact": "contact details",
                "cpni": "telephone service records",
                "payroll": "payroll data",
                "substance_use": "substance use treatment records",
                "education_record": "education records",
                "tax_return": "tax return data",
                "location": "location data",
                "communications": "content of communications",
                "special_category": "special categories of personal data (Art. 9 GDPR)",
                "criminal_record": "data on criminal convictions and offences (Art. 10 GDPR)",
                "children": "data of children",
                "financial": "financial data",
                "identity_document": "identity document",
                # incident.vector
                "hacking": "unauthorised access by an outside attacker",
                "ransomware": "ransomware",
                "phishing": "phishing",
                "credential_stuffing": "log-in attempts with passwords stolen elsewhere",
                "sim_swap": "takeover of a mobile number",
                "smishing": "phishing by text message",
                "insider": "misuse by an insider",
                "misdelivery": "information sent to the wrong recipient",
                "loss": "loss of a device or of documents",
                "theft": "theft of a device or of documents",
                "misconfiguration": "an error in a system's configuration",
                "improper_disposal": "improper disposal",
                "vendor": "an incident at a service provider",
                "outage": "an outage",
                "unknown": "not yet established",
                # people.kinds and the rest
                "vulnerable": "vulnerable people",
                "confidentiality": "confidentiality",
                "integrity": "integrity",
                "availability": "availability",
            }
        )
    }
)


def phrases(language: str) -> Phrases:
    """Return the words of a BCP 47 tag's language, English where we have none."""
    return PHRASES.get(language.split("-")[0].lower(), PHRASES["en"])


def label(code: str, language: str) -> str:
    """Return what a code of the vocabulary reads like; an unlisted one with its underscores opened."""
    labels = LABELS.get(language.split("-")[0].lower(), {})
    return labels.get(code, code.replace("_", " "))
