"""Who may read and do what: one table of roles. Any right that is not in the table is denied.

A user of this machine can open the database and its key, so the table gives such a user all rights. Their name is
unverified. Anybody else must prove a name, and has the rights of the roles of this name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal, get_args

import msgspec

from runner.actions import Slot, assign_role
from runner.app.core.repository import Append, Store, whole
from runner.base.actor import Principal, Stream, named_person
from runner.base.text import hidden_text
from runner.errors import Refused
from runner.incident.law.verifications import JOURNAL as LAW_CHECKS
from runner.incident.people.account_journal import BREAK_GLASS, JOURNAL, READER, AccountBook, fold_accounts
from runner.incident.state import commands as c
from runner.incident.state.commands import AnyCommand
from runner.incident.state.documents import DocumentRendered
from runner.incident.state.exercise import OVER
from runner.incident.state.incident import Incident
from runner.incident.state.messages import MessageComposed
from runner.playbook.format import CONTAINERS
from runner.routing.organisation import Proof

Right = Literal[
    "incident.read", "fact.read", "duty.read", "notice.read", "message.read", "message.own",
    "task.act", "task.steer", "note.add", "note.privileged", "incident.lead", "domain.declare", "message.send",
    "duty.decide", "duty.file", "notice.edit", "sign",
    "fact.state", "fact.legal", "evidence.read", "entry.correct", "entry.confirm",
    "exercise.conduct", "exercise.rate", "audit.verify", "record.export", "hold.release", "campaign.manage",
    "incident.open", "person.manage", "person.list", "register.read", "law.read", "exercise.read",
    "metrics.read", "token.manage", "alert.send", "alert.handle", "exercise.manage", "account.manage",
    "law.check",
]  # fmt: skip
"""What a page or a program may do, as ``thing.verb``. Those before the last three lines are about one incident.

``note.add`` is also for evidence, ``fact.state`` for the task that asks a person for a fact, ``incident.lead`` for everything
that decides the course of an incident (severity, roles, pause, close, another playbook), ``person.manage`` for roles and
absences outside of incidents, ``exercise.manage`` for schedules of exercises and action items, ``law.check`` for a check of a
law against its official page. For ``hold.release``, the roles of a user of this machine count. ``message.own`` is to read and
acknowledge one's own messages: no role gives it, a message does (``is_paged``).
"""


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The rights of a principal; none by default."""

    streams: frozenset[Stream] = frozenset()
    """The streams whose events it may read."""
    grants: frozenset[Right] = frozenset()
    acts: bool = False
    """It may change incidents, with their documents and campaigns."""
    manages: bool = False
    """It may change the data of the organisation: people, schedules, erasure."""

    def may_record(self, batch: Iterable[Append]) -> bool:
        """Tell whether it may append to journals of the organisation; to some a right to that one is enough."""
        rights = {_JOURNALS.get(one.incident) for one in batch}
        return self.manages or (bool(rights) and rights <= self.grants)


EXPORTS = "exports"
"""The journal of bundles."""
_JOURNALS: Mapping[str, Right] = {LAW_CHECKS: "law.check", EXPORTS: "record.export"}
LOCAL = "(user of this machine)"
ANY = "(any other role)"
SEALED = "(break-glass account)"
_MEMBER: frozenset[Right] = frozenset(
    ("incident.read", "fact.read", "task.act", "note.add", "sign", "person.list", "law.read", "audit.verify")
)
"""What everybody may do who has a role in an incident. An approval itself names the roles that can give it."""
_RESPONDER: frozenset[Right] = frozenset((*_MEMBER, "entry.correct", "evidence.read", "fact.state"))
_LAWYER: frozenset[Right] = frozenset((
    *_RESPONDER, "fact.legal", "entry.confirm", "message.send", "incident.open",
    "duty.read", "notice.read", "message.read", "register.read", "campaign.manage",
))  # fmt: skip
_CHANGES: frozenset[Right] = frozenset((
    "task.act", "sign", "fact.state", "fact.legal", "entry.correct", "entry.confirm", "note.add", "message.send",
    "incident.open", "campaign.manage",
))  # fmt: skip
_OPERATIONAL: frozenset[Stream] = frozenset(("operational",))
_ABOUT_INCIDENT: frozenset[Right] = frozenset((
    "incident.read", "fact.read", "duty.read", "notice.read", "message.read", "task.act", "task.steer",
    "duty.decide", "duty.file", "notice.edit", "sign",
))  # fmt: skip


def _role(
    *more: Right,
    base: frozenset[Right] = _MEMBER,
    streams: Iterable[Stream] = (),
    acts: bool = True,
    manages: bool = False,
) -> Rights:
    """Return the rights of a role: those of ``base``, some more, and the operational stream."""
    return Rights(
        grants=frozenset((*base, *more)),
        streams=_OPERATIONAL.union(streams),
        acts=acts,
        manages=manages,
    )


_NONE: frozenset[Right] = frozenset()
ROLES: Mapping[str, Rights] = {
    LOCAL: _role(base=frozenset(get_args(Right)), streams=("privileged", "hr"), manages=True),
    "commander": _role(
        "incident.lead", "domain.declare", "message.send", "incident.open", "person.manage",
        "fact.legal", "entry.confirm", "task.steer", "duty.file", "duty.read", "notice.read", "message.read",
        "exercise.read", "metrics.read", "alert.send", "alert.handle",
        "exercise.conduct", "exercise.rate", "exercise.manage", "campaign.manage", "law.check",
        base=_RESPONDER, manages=True,
    ),
    "counsel": _role(
        "note.privileged", "duty.decide", "duty.file", "notice.edit", "record.export", "hold.release", "law.check",
        base=_LAWYER, streams=("privileged",),
    ),
    "outside_counsel": _role(
        "incident.read", "fact.read", "duty.read", "notice.read", "law.read", "evidence.read",
        "note.add", "entry.correct", "notice.edit", "sign", "audit.verify", base=_NONE,
    ),
    "dpo": _role(
        "duty.decide", "duty.file", "notice.edit", "record.export", "hold.release", "law.check", base=_LAWYER
    ),
    "executive": _role(
        "incident.open", "entry.correct", "entry.confirm", "duty.decide", "duty.read", "notice.read",
        "exercise.read",
    ),
    "hr": _role(base=_RESPONDER, streams=("hr",)),
    "evaluator": _role(
        "incident.read", "fact.read", "law.read", "exercise.read", "exercise.rate", base=_NONE, acts=False
    ),
    "exercise_controller": _role(
        "incident.read", "fact.read", "law.read", "exercise.read", "exercise.rate", "exercise.conduct",
        base=_NONE, acts=False,
    ),
    "auditor": _role("exercise.read", base=_LAWYER - _CHANGES - {"person.list"}, acts=False),
    "administrator": Rights(grants=frozenset(("account.manage", "token.manage", "metrics.read"))),
    SEALED: _role(
        "incident.lead", "domain.declare", "message.send", "incident.open", "task.steer", "duty.read", "notice.read",
        "message.read", "register.read", base=_RESPONDER - {"sign"},
    ),
    ANY: _role("domain.declare", "incident.open", base=_RESPONDER),
}  # fmt: skip
PROGRAMS: frozenset[Right] = frozenset((
    "incident.read", "fact.read", "duty.read", "notice.read", "message.read", "task.act", "task.steer",
    "person.list", "register.read", "law.read", "exercise.read", "metrics.read", "alert.send",
))  # fmt: skip
"""The rights that a token can have: none to approve, to decide, to file or to administer."""
_ACTS = (c.StartTask, c.CompleteTask, c.CheckRow, c.FailStep, c.CommentStep)
_STEERS = (c.AddTask, c.AssignStep, c.SkipStep, c.ReopenStep)
_BY_PROGRAMS: Mapping[type, Right] = {
    **dict.fromkeys(_ACTS, "task.act"),
    **dict.fromkeys(_STEERS, "task.steer"),
}
"""The only commands of a program with a token, each with the right that it needs. People state facts."""
_DECISIONS = frozenset(("approve", "file", *CONTAINERS))
"""The kinds of tasks that only a person ends early or reopens: approvals, filings, and those that can contain one."""
RoleHolders = Callable[[], Mapping[str, Sequence[str]]]
"""From role to its persons; called only for a proven name."""


def rights_of(principal: Principal, holders: RoleHolders) -> Rights:
    """Return all rights of a principal; none for nobody, and for an unproven name.

    A program has those of its token that its person has, too. It reads the operational stream alone.
    """
    if not principal.person:
        return Rights()
    if principal.scopes is not None:
        owner = rights_of(msgspec.structs.replace(principal, scopes=None), holders)
        grants = owner.grants & PROGRAMS & principal.scopes
        return Rights(
            grants=grants, streams=_OPERATIONAL & owner.streams if grants & _ABOUT_INCIDENT else frozenset()
        )
    if principal.os_user:
        return ROLES[LOCAL]
    if is_break_glass(principal):
        return ROLES[SEALED]
    roles = holders() if principal.proven_by else {}
    given = [ROLES.get(role, ROLES[ANY]) for role, people in roles.items() if principal.person in people]
    return Rights(
        streams=frozenset(stream for rights in given for stream in rights.streams),
        grants=frozenset(right for rights in given for right in rights.grants),
        acts=any(rights.acts for rights in given),
        manages=any(rights.manages for rights in given),
    )


def is_paged(principal: Principal, incident: Incident) -> bool:
    """Tell whether a message of an incident is for a person with a proven name."""
    proved = bool(principal.proven_by) and principal.scopes is None
    return proved and any(one.person == principal.person for one in incident.deliveries.values())


def is_break_glass(principal: Principal) -> bool:
    """Tell whether somebody acts with the break-glass account."""
    return (principal.proven_by or "").startswith(f"login:{BREAK_GLASS}/")


def may_perform(
    principal: Principal, roles: Mapping[str, Sequence[str]], commands: Iterable[AnyCommand]
) -> bool:
    """Tell whether a principal may give all of these commands to an incident; a program only those of its scopes."""
    rights = rights_of(principal, lambda: roles)
    if principal.scopes is None:
        return rights.acts
    return all(_BY_PROGRAMS.get(type(command)) in rights.grants for command in commands)


def refuse_hidden(commands: Iterable[AnyCommand]) -> None:
    """Raise Refused for a typed text with hidden characters: it would be read otherwise than its bytes say.

    What a provider reported, and a document, were made from texts that were judged before.
    """
    for command in commands:
        if not isinstance(command, c.TakeReceipt | c.Rendered) and (why := hidden_text(command)):
            raise Refused(
                f"Not recorded: {why}.", hint="Delete that place, and type it again.", code="bad_text"
            )


def refuse_other_names(principal: Principal, commands: Iterable[AnyCommand]) -> None:
    """Raise Refused if a principal with a proven name gives a command in another name, or in the program's own."""
    names = chain.from_iterable(map(_named_in, commands))
    for name in () if principal.os_user else names:
        own = name and name in (principal.person, principal.on_behalf_of)
        require(own, principal, f"act as {name or 'the program'}")


def _named_in(command: AnyCommand) -> tuple[str, ...]:
    """Return the person whom a command names as the author or as the one who answers."""
    match command:
        case c.Acknowledge(person=person) | c.Rendered(event=DocumentRendered(by=person)):
            return (person,)
        case c.Composed(event=MessageComposed(requested_by=person)) if person:
            return (person,)
        case _:
            return ()


_IN_WORDS: Mapping[Right, str] = {
    "duty.decide": "decide on duties of",
    "duty.file": "record filings of",
    "notice.edit": "change notices of",
    "sign": "approve documents of",
    "exercise.conduct": "conduct the exercise",
    "exercise.rate": "rate",
    "campaign.manage": "send a notice to many people in",
    "incident.lead": "lead",
}
"""The rights that a command needs, in words."""
_STAFF: tuple[Right, ...] = ("exercise.conduct", "exercise.rate")


def needed(command: AnyCommand) -> Right | None:
    """Return the right that a command needs beside that to change the incident."""
    match command:
        case c.RecordDuty(record=record):
            return "duty.file" if record.kind == "filed" else "duty.decide"
        case c.Decide() | c.SignLetters():
            return "sign"
        case c.TickItems() | c.Rendered() | c.AddNotice():
            return "notice.edit"
        case c.ReleaseInject() | c.DeferInject() | c.SetFault():
            return "exercise.conduct"
        case c.SetExerciseClock(change=change) if change != "frozen":  # whoever is in danger stops it
            return "exercise.conduct"
        case c.Observe() | c.Rate():
            return "exercise.rate"
        case c.RecordCampaign():
            return "campaign.manage"
        case c.SetAccess():
            return "incident.lead"
        case _:
            return None


def _right_in(incident: Incident, command: AnyCommand) -> Right | None:
    """Return the right that a command needs in an incident: the staff of an exercise signs its report, and closes it after its end."""
    if isinstance(command, c.SignReport) and incident.drill is not None:
        return "exercise.rate"
    if isinstance(command, c.Close) and incident.drill is not None and incident.drill.stage in OVER:
        return "exercise.conduct"
    return needed(command)


def require_rights(
    may: Callable[[Right], bool], principal: Principal, incident: Incident, commands: Iterable[AnyCommand]
) -> None:
    """Raise Refused for a command that the roles of a person do not allow."""
    for command in commands:
        if (right := _right_in(incident, command)) is not None:
            require(may(right), principal, f"{_IN_WORDS[right]} {incident.codename}")
        if not principal.os_user:
            _require_apart(may, principal, incident, command)


def _require_apart(
    may: Callable[[Right], bool], principal: Principal, incident: Incident, command: AnyCommand
) -> None:
    """Raise Refused for an act that would give a person more than the roles that others gave."""
    match command:
        case c.GiveBrief(role=role):
            held = principal.person in incident.roles.get(role, ())
            leads = role not in (_LASTING if is_break_glass(principal) else OTHERS_GIVE) and may(
                "incident.lead"
            )
            require(held or leads, principal, f"hand over the role {role}")
        case c.SetAccess():  # it would lock out people with standing roles, and itself
            require(not is_break_glass(principal), principal, f"change who may read {incident.codename}")
        case c.Acknowledge(person=person) if person == principal.person:
            require(may("message.own"), principal, f"acknowledge messages of {incident.codename}")
        case c.AssignRole(role=role, persons=persons):
            refuse_own_role(principal, role, persons, incident.roles.get(role, ()))
        case c.DeclareDomain(domain=name, state=state) if state != "compromised":
            domain = incident.domains.get(name)
            trusts = domain is not None and domain.state == "compromised"
            require(not trusts or may("incident.lead"), principal, f"trust {name} again")
        case c.CorrectEvent(seq=seq):
            rights = _undoing(incident, seq, principal.person)
            require(not rights or any(map(may, rights)), principal, f"mark entry {seq} as wrong")
        case _:
            pass


def _undoing(incident: Incident, entry: int, person: str) -> tuple[Right, ...]:
    """Return the rights of which a person needs one to mark an entry as wrong that decides on something; none for the author."""
    for duty in incident.duties.values():
        record = duty.record or duty.reopened
        if duty.entry == entry and record is not None:
            return ("duty.file",) if record.kind == "filed" else ("duty.decide",)
    asked, override = incident.second_person.get(entry), incident.overrides.get(entry)
    if asked is not None and asked.act.by != person:
        return ("duty.decide",) if asked.act.kind == "decide" else ("duty.file", "duty.decide")
    behalfs = (one for one in incident.unconfirmed.values() if one.first <= entry <= one.last)
    others = any(person not in (one.by, one.person) for one in behalfs)
    if others or (override is not None and override.by != person):
        return ("duty.file", "duty.decide")
    return ()


OTHERS_GIVE = frozenset(("counsel", "dpo", "executive", "hr", "administrator"))
"""The roles that check the commander, or give access: nobody gives them to himself. Only who has one hands it over."""
_LASTING = OTHERS_GIVE | {"commander"}
"""The roles that the break-glass account gives to nobody: what it gives would outlast it."""


def refuse_own_role(
    principal: Principal, role: str, persons: Sequence[str], before: Sequence[str] = ()
) -> None:
    """Raise Refused if a principal with a proven name gives himself a role that another person must give.

    The break-glass account is anybody: it gives no such role at all.
    """
    require(not (is_break_glass(principal) and role in _LASTING), principal, f"assign the role {role}")
    own = principal.person in persons and principal.person not in before
    if role in OTHERS_GIVE and own and not principal.os_user:
        raise Refused(
            f"{named_person(principal.person)} cannot assign the role {role} to the same person.",
            hint="Another person must do it.",
            code="own_role",
        )


def require(right: object, principal: Principal, what: str) -> None:
    """Raise Refused without a right; ``what`` names the action."""
    if not right:
        raise Refused(
            f"{named_person(principal.person)} may not {what}.",
            hint=assign_role(Slot("ROLE")),
            code="no_right",
        )


def read_accounts(store: Store) -> AccountBook:
    """Return all accounts of the home."""
    with whole(store, JOURNAL):
        payloads = store.read_payloads(JOURNAL)
        return fold_accounts((seq, at, READER(data)) for seq, at, data in payloads if data is not None)


def require_act(
    store: Store,
    principal: Principal,
    incident: Incident,
    commands: Sequence[AnyCommand],
    required: Sequence[Proof],
) -> None:
    """Raise Refused if a principal may not perform commands, or if one needs a login and there is none.

    Where nobody has an account, no name can be proved, so a claim counts. Exercises need no proof: people are played in them.
    """
    # The staff of an exercise plays no role in it: ``require_rights`` looks at their standing roles, too.
    # Whoever was paged may have no role: ``require_rights`` looks whether the message is theirs.
    if not may_perform(principal, incident.roles, commands):
        staff = principal.scopes is None and any(_right_in(incident, one) in _STAFF for one in commands[:1])
        own = all(isinstance(one, c.Acknowledge) and one.person == principal.person for one in commands)
        require(staff or own, principal, f"change {incident.codename}")
    if principal.scopes is not None:
        _refuse_decisions(principal, incident, commands)
    kinds = {kind for command in commands if (kind := _binding(command))}
    if incident.kind != "real" or (principal.proven_by or "").startswith("login:"):
        return
    if kinds.intersection(required) and read_accounts(store).proves:
        raise Refused(
            f"{named_person(principal.person)} is a claim. This act needs a login.",
            hint="Log in, then repeat it. In the browser: /login. At a terminal: tocsin login",
            code="needs_proof",
        )


def _refuse_decisions(principal: Principal, incident: Incident, commands: Iterable[AnyCommand]) -> None:
    """Raise Refused if a program ends or reopens what people decide, or a task that can contain it."""
    for command in commands:
        if isinstance(command, c.SkipStep | c.FailStep | c.ReopenStep):
            found = incident.invocations.get(command.step)
            decides = found is not None and found.kind in _DECISIONS
            require(not decides, principal, f"end or reopen {command.step} as a program")


def _binding(command: AnyCommand) -> Proof | None:
    """Return the kind of a command that can need a proven name."""
    match command:
        case c.Decide() | c.SignLetters():
            return "approve"
        case c.RecordDuty(record=record) if record.kind != "filed":
            return "decide"
        case c.ConfirmEntry():
            return "decide"
        case c.Close():
            return "close"
        case _:
            return None
