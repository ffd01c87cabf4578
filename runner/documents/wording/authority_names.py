"""Names of authorities for letters, for codes whose own words do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OFFICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agencies_named_by_ocabr_director": (
            "Agencies named by the Director of Consumer Affairs and Business Regulation"
        ),
        "attorney_general": "Attorney General",
        "attorney_general_consumer_protection": "Attorney General, Consumer Protection Section",
        "attorney_general_consumer_protection_director": (
            "Attorney General, Director of the Consumer Protection Division"
        ),
        "attorney_general_or_dfr": "Attorney General or Department of Financial Regulation",
        "attorney_general_or_dpfr": "Attorney General or Department of Professional and Financial Regulation",
        "auditor_of_public_accounts": "Auditor of Public Accounts",
        "az_department_of_homeland_security_director": (
            "Director of the Arizona Department of Homeland Security"
        ),
        "cdph": "California Department of Public Health",
        "cftc": "Commodity Futures Trading Commission",
        "cisa": "Cybersecurity and Infrastructure Security Agency",
        "department_of_consumer_affairs": "Department of Consumer Affairs",
        "department_of_consumer_affairs_daco": "Department of Consumer Affairs (DACO)",
        "department_of_financial_services": "Department of Financial Services",
        "department_of_legal_affairs": "Department of Legal Affairs",
        "department_of_state": "Department of State",
        "division_of_state_police": "Division of State Police",
        "dod_dibnet": "Department of Defense (DIBNet)",
        "fbi": "Federal Bureau of Investigation",
        "fcc": "Federal Communications Commission",
        "ftc": "Federal Trade Commission",
        "hhs_secretary": "Secretary of Health and Human Services",
        "insurance_commissioner": "Commissioner of Insurance",
        "ncua": "National Credit Union Administration",
        "nydfs_superintendent": "Superintendent of Financial Services",
        "office_of_consumer_affairs_and_business_regulation": (
            "Office of Consumer Affairs and Business Regulation"
        ),
        "office_of_consumer_protection": "Office of Consumer Protection",
        "sec": "Securities and Exchange Commission",
        "sec_edgar": "Securities and Exchange Commission",
        "state_police": "State Police",
        "us_secret_service": "United States Secret Service",
        "utah_cyber_center": "Utah Cyber Center",
    }
)
