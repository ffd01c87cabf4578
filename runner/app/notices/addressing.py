"""Duty, template and text of a letter, for each place and affected group of a list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action, set_fact
from runner.documents.contents.coverage import to_verify
from runner.documents.notice import Notice
from runner.effects.notices.forbidden_words import requirements
from runner.effects.notices.legal_basis import legal_context
from runner.effects.notices.render import Paper, blockers, paper, template_for
from runner.effects.notices.translations import bare
from runner.errors import NotFound, Problem, Refused, TocsinError
from runner.facts.vocabulary.register import nested
from runner.incident.notices.letter_languages import language_of, unchosen
from runner.incident.notices.letters import Group, GroupKey, Person, Variant
from runner.incident.notices.list_counts import levels
from runner.incident.notices.verification import standing_texts
from runner.incident.state.incident import Incident
from runner.incident.state.work import Render
from runner.incident.steps.approvals import standing
from runner.law.applicability import Evaluator
from runner.law.duty import DutyStatus
from runner.law.populations import views

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

AUTO = "auto"
"""Replaces a template's name: selects the template for each person's duty."""
PEOPLE = frozenset({"individuals", "data_subjects", "customers", "users", "subscribers"})
"""The recipients of letters."""
_REMEMBERED = 1_000
"""The number of places whose missing letter is explained; a list of any length has few places."""

DECIDED = "decided_not_to_notify"
FEDERAL = "us-hipaa-164-400/individuals"
YIELDS = ("federal_notice_given", "hipaa_compliance")
"""Exemptions of States that need no letter of their own after the letter of 45 CFR § 164.404, as N.Y. Gen. Bus. Law § 899-aa(2)(b)."""


class Addressing:
    """The letters for each place and population; each is assessed once."""

    def __init__(
        self,
        service: IncidentService,
        incident: Incident,
        notice: str,
        *,
        duties: Sequence[str] = (),
        draft: bool = False,
        codes: bool = False,
        fonts: tuple[str, ...] = (),
        letterhead: bytes = b"",
        statuses: Iterable[DutyStatus] | None = None,
    ) -> None:
        """Assess the current duties, or take these ``statuses``; raises NotFound for an unknown duty or template."""
        self.papers: dict[GroupKey, Paper] = {}
        self.groups: dict[GroupKey, Group] = {}
        self._service, self._incident, self._draft, self._fonts = service, incident, draft, fonts
        self._codes = codes
        self._letterhead = hashlib.sha256(letterhead).hexdigest() if letterhead else ""
        self._tools, self._library = service.tools(incident), service.library(incident)
        self._views = {view.id: view for view in views(nested(incident.facts)) if view.id}
        self._gaps: dict[GroupKey, tuple[str, ...]] = {}
        self._why: dict[GroupKey, str] = {}
        self._notice = None if notice == AUTO else self._template(notice)
        assessed = service.duties(incident) if statuses is None else statuses
        self.statuses = {duty.id: duty for duty in assessed}
        unknown = [name for name in duties if name not in self.statuses]
        if unknown:
            raise NotFound(
                f'Duty "{unknown[0]}" does not exist in this incident.',
                hint=Action("duty.list", args={"all": True}),
                code="unknown_duty",
            )
        self._named = tuple(self.statuses[name] for name in duties)
        own = self._notice.duties if self._notice is not None else ()
        self._pool = self._named or tuple(
            status
            for status in self.statuses.values()
            if status.recipient in PEOPLE and (not own or status.id in own)
        )

        self._meant = self._named or tuple(duty for duty in self._pool if duty.verdict == "applies")

    @property
    def places_needed(self) -> bool:
        """Tell whether the list needs places of residence, because several duties are possible."""
        return len(self._meant) != 1

    @property
    def laws(self) -> frozenset[str]:
        """The places whose people the letters are for."""
        return frozenset(duty.jurisdiction for duty in self._meant)

    def unserved(self) -> tuple[str, ...]:
        """Return the duties that apply to people of the list and that no letter to these people serves, with the places."""
        groups = () if self._named else self.groups.values()
        found: dict[str, dict[str, None]] = {}
        for group in groups:
            own = {other.duty for other in groups if other.key[:2] == group.key[:2]}
            for duty in self.statuses.values():
                concerns = duty.recipient in PEOPLE and _owed(duty, group.population)
                if concerns and duty.id not in own and duty.jurisdiction in levels(group.jurisdiction):
                    found.setdefault(duty.id, {})[group.jurisdiction] = None
        return tuple(f"{duty} ({', '.join(places)})" for duty, places in found.items())

    def mark_unapproved(self, approved: Mapping[str, tuple[str, ...]]) -> None:
        """Mark every letter as a draft whose wording nobody approved; ``approved`` has the approvers by wording."""
        for key, group in self.groups.items():
            by = approved.get(group.wording, ())
            paper = self.papers[key]
            status = paper.context.status if by else "draft"
            self.papers[key] = paper.within(status=status)
            self.groups[key] = msgspec.structs.replace(
                group, status=status, approved=bool(by), approved_by=by
            )

    def placed(self, person: Person) -> str:
        """Return the reason for no letter for a person's place and population, or an empty string."""
        group = person.group
        if group in self.papers:
            return ""
        if group in self._why:
            return self._why[group]
        try:
            self._add(*group)
        except TocsinError as error:
            if error.code in (DECIDED, "edits_lost"):
                raise
            why = f"{error.message} ({error.hint})" if error.hint else error.message
            if len(self._why) < _REMEMBERED:
                self._why[group] = why
            return why
        return ""

    def require_whole(self, drafts: str = " For drafts, add --draft") -> None:
        """Raise Refused if a group's letter has missing information, unless drafts are allowed."""
        problems = [
            _problem(self.groups[group], why) for group, blocking in self._gaps.items() for why in blocking
        ]
        if problems and not self._draft:
            raise Refused(
                f"{len(self._gaps)} of {len(self.groups)} texts have missing information or changed facts. No letter was created.",
                hint=f"Record the missing facts: tocsin fact set KEY=VALUE --source SOURCE.{drafts}",
                code="notice_incomplete",
                problems=problems,
            )

    def _add(self, place: str, population: str, variant: Variant, language: str) -> None:
        key = (place, population, variant, language)
        status = self._open_duty(place, population)
        brief = legal_context(self._incident, status, self._library)
        if brief is not None and population:
            judges = (Evaluator(self._views[population]),)
            brief = msgspec.structs.replace(brief, judges=judges)
        work = Render(incident=self._incident.id, step="", notice=AUTO, duty=status.id, formats=())
        notice = self._notice or self._template(
            template_for(work, self._tools, brief, language or language_of(place) or ("en" if place else ""))
        )
        body = self._tools.notices[notice.id][1]
        notice_of_law = requirements(notice, body, self._incident, brief)
        logo = self._service.logo()
        made = paper(notice_of_law, body, self._incident, brief, population, logo=logo)
        inks = {"font_paths": self._fonts, "letterhead": self._letterhead}
        stationery = msgspec.structs.replace(made.context.stationery, **inks)
        plain = made.within(stationery=stationery, codes=self._codes)
        made = plain.within(variant=variant)
        pattern = made.document()
        if self._codes and not any(
            used.path == "recipient.code" and used.printed for used in pattern.facts_used
        ):
            raise Refused(
                f'Template "{notice.id}" does not print a code for each person.', code="no_code_slot"
            )
        if variant and pattern.digest == plain.document().digest:
            raise Refused(f'Template "{notice.id}" has no text for the variant {variant}.', code="no_variant")
        blocking = () if self._draft else blockers(made.notice, pattern)
        if blocking:
            self._gaps[key] = blocking
        elif not self._draft:
            made = made.within(status="final")
        self._refuse_lost_edits(status, notice)
        digest, by = standing(self._incident, status.id, notice.id, notice.version)
        self.papers[key] = made
        written = bare(notice.language)
        group = Group(
            jurisdiction=place,
            population=population,
            variant=variant,
            language=language,
            written_in=written,
            duty=status.id,
            notice=notice.id,
            version=notice.version,
            text=pattern.digest,
            status=made.context.status,
            approved=bool(digest),
            approved_by=by,
            approved_digest=digest,
            to_verify=to_verify(made.notice, pattern),
        )
        named = self._notice is not None or (not place and "organisation.language" in self._incident.facts)
        chosen = language or (written if named else language_of(place or status.jurisdiction))
        self.groups[key] = msgspec.structs.replace(group, unchosen=unchosen(group, chosen, written))

    def _refuse_lost_edits(self, status: DutyStatus, notice: Notice) -> None:
        for text in standing_texts(self._incident):
            if (text.duty, text.notice) == (status.id, notice.id) and text.adoption is not None:
                raise Refused(
                    f'"{text.step}" has Word edits by {text.adoption.by}. Letters from template "{notice.id}" lose them. No letter was created.',
                    hint=f"Put the words into facts or a template of your own. Then: tocsin notice render {quote(text.step)} --drop-edits",
                    code="edits_lost",
                )

    def _open_duty(self, place: str, population: str) -> DutyStatus:
        """Return the duty of a row; raises NotFound without the group, Refused after a decision not to notify."""
        if population and population not in self._views:
            known = ", ".join(self._views) or "none"
            raise NotFound(
                f'Affected group "{population[:40]}" does not exist.',
                hint=f"Use one of: {known}",
                code="unknown_population",
            )
        status = self._duty(place, population)
        if status.state in (DECIDED, "waived"):
            raise Refused(
                f'A decision not to notify exists for "{status.id}". No letter was created.',
                hint="To undo the decision, mark its entry as wrong: tocsin correct SEQ --reason WHY",
                code="decided_not_to_notify",
            )
        return status

    def _template(self, name: str) -> Notice:
        from runner.app.notices.notices import template

        found, _ = template(self._service, self._incident, name)
        if not found.slots:
            raise Refused(
                f'Template "{name}" has no slots. All letters would be the same.',
                hint="Add slots to its front matter: slots: [recipient.name, recipient.address]",
                code="no_slots",
            )
        return found

    def _duty(self, place: str, population: str) -> DutyStatus:
        if len(self._named) == 1 or not (place or self.places_needed):
            return self._meant[0]
        if not place:
            raise Refused("The jurisdiction is empty.", code="jurisdiction_missing")
        near = [[duty for duty in self._pool if duty.jurisdiction == level] for level in levels(place)]
        for level in near:
            owed = [duty for duty in level if self._named or _owed(duty, population)]
            if len(owed) > 1:
                names = ", ".join(duty.id for duty in owed)
                raise Refused(
                    f"More than one duty is about people in {place}: {names}.",
                    hint="Add --duty DUTY",
                    code="ambiguous_duty",
                )
            if owed:
                return self._federal_first(owed[0], population)
        raise self._no_duty(place, population, [duty for level in near for duty in level])

    def _no_duty(self, place: str, population: str, pool: Sequence[DutyStatus]) -> Refused:
        """Return why no letter serves a place: a duty that this letter does not serve, or an unknown duty, is not "no duty"."""
        there = [
            duty
            for duty in self.statuses.values()
            if duty.recipient in PEOPLE and duty.jurisdiction in levels(place)
        ]
        if owed := [duty.id for duty in there if _owed(duty, population)]:
            return Refused(
                f"This notice or --duty does not serve the duty to people in {place}: {', '.join(owed)}.",
                hint=f"Add --duty {owed[0]}"
                if self._named
                else f"Use the notice {AUTO}, or a template for it",
                code="other_duty",
            )
        for duty in there:
            if duty.verdict == "unknown":
                needed = ", ".join(duty.missing_facts) or "a decision"
                return Refused(
                    f"A duty to notify people in {place} may apply: {duty.id} is unknown before {needed}.",
                    hint=set_fact(duty.missing_facts[0])
                    if duty.missing_facts
                    else Action("duty.show", duty.id),
                    code="duty_unknown",
                )
        told = ", ".join(f"{duty.id} is {_verdict(duty)}" for duty in pool)
        return Refused(
            f"No duty to notify people in {place} applies{f': {told}' if told else ''}.", code="no_duty"
        )

    def _federal_first(self, status: DutyStatus, population: str) -> DutyStatus:
        """Return the federal duty if the State needs no letter beside the federal one, else the State's."""
        federal = next((duty for duty in self._pool if duty.id == FEDERAL), None)
        yields = not self._named and any(one.ground in YIELDS for one in status.unless)
        return federal if yields and federal is not None and _owed(federal, population) else status


def _owed(duty: DutyStatus, population: str) -> bool:
    concerned = not population or not duty.populations or population in duty.populations
    return duty.verdict == "applies" and concerned


def _verdict(one: DutyStatus) -> str:
    return "for others" if one.verdict == "applies" else one.verdict.replace("_", " ")


def _problem(group: Group, why: str) -> Problem:
    whose = " ".join(filter(None, (group.jurisdiction, group.population))) or "everyone"
    where = f"{group.notice} for {whose}"
    return Problem(file=where, line=0, column=0, severity="error", code="letter-gap", message=why)
