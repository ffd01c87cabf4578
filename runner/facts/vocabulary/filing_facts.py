"""Facts that only one filing asks for: the cover page of Form 8-K, and New York's description of a ransom payment."""

from __future__ import annotations

from collections.abc import Mapping

from runner.facts.vocabulary.fact_types import Branch, FactType

REGISTRANT: Mapping[str, Branch] = {
    "incorporated_in": FactType("State or other jurisdiction of incorporation (SEC)", "text"),
    "file_number": FactType("Commission file number (SEC)", "text"),
    "security": FactType("Title of the class of securities that is registered (SEC)", "text"),
    "symbol": FactType("Trading symbol", "text"),
    "exchange": FactType("Name of the exchange", "text"),
    "emerging_growth": FactType("Is it an emerging growth company (SEC)?", "bool"),
    "signatory": FactType("Who signs for the registrant: name and title", "text"),
}
RANSOM: Mapping[str, Branch] = {
    "reasons": FactType("Why a ransom payment was necessary", "prose"),
    "alternatives": FactType("Alternatives to the ransom payment that were considered", "prose"),
    "diligence": FactType("What was done to find alternatives to the ransom payment", "prose"),
    "sanctions_check": FactType(
        "What was done to comply with sanctions rules before the ransom payment", "prose"
    ),
}
