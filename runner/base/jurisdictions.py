"""Jurisdictions that a fact can name: ISO 3166-1 countries (with Kosovo's XK) and 3166-2 parts of the United States.

Parts of other countries are checked by their form only. A union of states or a continent is not accepted as a residence.
"""

from __future__ import annotations

import re

_COUNTRY_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI
FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN
IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME
MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK
YE YT ZA ZM ZW
"""
_EU_CODES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
_US_NAMES = """
AK Alaska
AL Alabama
AR Arkansas
AS American Samoa
AZ Arizona
CA California
CO Colorado
CT Connecticut
DC District of Columbia
DE Delaware
FL Florida
GA Georgia
GU Guam
HI Hawaii
IA Iowa
ID Idaho
IL Illinois
IN Indiana
KS Kansas
KY Kentucky
LA Louisiana
MA Massachusetts
MD Maryland
ME Maine
MI Michigan
MN Minnesota
MO Missouri
MP Northern Mariana Islands
MS Mississippi
MT Montana
NC North Carolina
ND North Dakota
NE Nebraska
NH New Hampshire
NJ New Jersey
NM New Mexico
NV Nevada
NY New York
OH Ohio
OK Oklahoma
OR Oregon
PA Pennsylvania
PR Puerto Rico
RI Rhode Island
SC South Carolina
SD South Dakota
TN Tennessee
TX Texas
UM U.S. Minor Outlying Islands
UT Utah
VA Virginia
VI U.S. Virgin Islands
VT Vermont
WA Washington
WI Wisconsin
WV West Virginia
WY Wyoming
"""
COUNTRIES = frozenset(_COUNTRY_CODES.split())
US_NAMES = {line[:2]: line[3:] for line in _US_NAMES.strip().splitlines()}
"""Postal code → the name of a state or another part of the United States."""
PEOPLE = "residents?|people|individuals?|persons?|consumers?|customers?|Personen|personnes|personas|persone"
"""Words beside a number of affected people (a pattern)."""
US_PARTS = frozenset(US_NAMES)
EU_MEMBERS = frozenset(_EU_CODES.split())
_MEANT = {"UK": "GB", "EL": "GR", "USA": "US", "EN": "GB"}
_FORM = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_EXAMPLE = "write a country such as DE, or a state such as US-CA"


def place_problem(text: str) -> str:
    """Return why a text does not name a place, with advice, or nothing. Text without the form of a code is not repeated."""
    country, _, part = text.partition("-")
    if country.upper() in _MEANT:
        return f'"{country}" is not the ISO code; write {_MEANT[country.upper()]}'
    if not _FORM.fullmatch(text):
        upper = text.upper()
        if _FORM.fullmatch(upper):
            return f'"{text}" is not a jurisdiction; {_EXAMPLE if place_problem(upper) else f"write {upper}"}'
        return f"the value is not a jurisdiction; {_EXAMPLE}"
    if country not in COUNTRIES:
        advice = "write the countries" if country == "EU" else _EXAMPLE
        return f'"{text}" is not a country of ISO 3166-1; {advice}'
    if country == "US" and part and part not in US_PARTS:
        return f'"{text}" is not a part of the United States; write the postal code, such as US-CA'
    return ""
