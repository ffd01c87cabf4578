"""The authorities that take notices, and the short names of the Union's acts, from the law files and the authority directory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

import msgspec

from runner.base.jurisdictions import EU_MEMBERS
from runner.facts.expression import Unknown
from runner.law.applicability import Evaluator
from runner.law.duty import Office
from runner.law.regime import Authority, DutyRule, Regime, Version

_PEOPLE = frozenset({"individuals", "data_subjects", "service_recipients", "clients"})
_UNION = "EU"
_EEA = EU_MEMBERS | {"IS", "LI", "NO"}
_SAME = [
    "name",
    "short",
    "unit",
    "url",
    "email",
    "phone",
    "languages",
    "hours",
    "cut_off",
    "next_check",
    "one_filing",
]
ESTABLISHED = "organisation.main_establishment"


def authority_of(rule: DutyRule, regime: Regime, judge: Evaluator, zone: tzinfo | None) -> Office | None:
    """Return the authority that takes the notice, None for people. Under Union law it is of the organisation's own State.

    An authority for a part of a State, as of a German Land, comes before one for the State. If several are
    competent, none is named, and ``asks`` is the fact that decides.
    """
    if rule.recipient in _PEOPLE:
        return None
    place = regime.jurisdictions[0]
    if place == _UNION:
        named = (judge.view.fact(path) for path in (ESTABLISHED, "organisation.country"))
        here = next((place for place in named if isinstance(place, str)), "")
        country = here.partition("-")[0]
        place = here if country in EU_MEMBERS or country in regime.jurisdictions else ""
    serving = [one for one in regime.authorities if serves(one, f"{regime.id}/{rule.slug}", rule.recipient)]
    country = place.partition("-")[0]
    nearest = (
        [one for one in serving if one.place == at]
        for at in (place, country, regime.jurisdictions[0])
        if place
    )
    found = next(filter(None, nearest), [])
    public = judge.view.fact("organisation.public_body")
    split = len({one.bodies for one in found}) > 1
    if split and not isinstance(public, Unknown):
        found = [one for one in found if one.bodies != ("private" if public else "public")]
    asks = "organisation.public_body" if len(found) > 1 else ""
    if not found and country and any(one.place.partition("-")[0] == country for one in serving):
        asks = ESTABLISHED
    only = found[0] if len(found) == 1 else None
    portal = rule.delivery.portal if rule.delivery is not None else ""
    office = Office(zone=str(zone or ""), place=place, form=portal, asks=asks)
    return office if only is None else entered(office, only)


def entered(here: Office, entry: Authority) -> Office:
    """Return an office with the data of its entry in the directory."""
    login = "log-in needed" if entry.portal_login_needed else ""
    remarks = (login, entry.account_to_open_before, entry.accepts, entry.receipt)
    return msgspec.structs.replace(
        here,
        **{name: getattr(entry, name) for name in _SAME},
        form=entry.form_url or here.form,
        zone=entry.zone or here.zone,
        address=tuple(entry.address.splitlines()),
        remark="; ".join(filter(None, remarks)),
        checked=entry.checked.date if entry.checked is not None else None,
        checked_by=entry.checked.by if entry.checked is not None else "",
    )


def serves(entry: Authority, duty: str, recipient: str) -> bool:
    """Whether an entry of the directory takes the notices of a duty; entries of a law's own file take all."""
    return not entry.serves or duty in entry.serves or recipient in entry.serves


def with_authorities(regime: Regime, directory: Iterable[Authority]) -> Regime:
    """Return a law with the entries of the directory for its recipients in its places, after those of its own file.

    Entries of another directory are replaced.
    """
    duties = [
        (f"{regime.id}/{rule.slug}", rule.recipient) for version in regime.versions for rule in version.duties
    ]
    own = (entry for entry in regime.authorities if not entry.serves)
    places = {*regime.jurisdictions, *(place.partition("-")[0] for place in regime.jurisdictions)}
    if _UNION in places:
        places |= _EEA
    found = (
        entry
        for entry in directory
        if {entry.place, entry.place.partition("-")[0] if _UNION in places else ""} & places
        and any(serves(entry, *duty) for duty in duties)
    )
    return msgspec.structs.replace(regime, authorities=(*own, *found))


def short_name(rule: DutyRule, regime: Regime, version: Version) -> str:
    """Return the short name of the Union act that a duty cites, from the name of its law; empty for other laws."""
    if not regime.name.startswith(f"{_UNION} "):
        return ""
    name = regime.name.partition(" - ")[0].partition(" (")[0].removeprefix(f"{_UNION} ")
    act, _, article = version.citation.partition(" Art")
    cited = rule.citation or version.citation
    is_title = not name[:2].islower()
    return name if article and is_title and cited.startswith(f"{act} Art") else ""
