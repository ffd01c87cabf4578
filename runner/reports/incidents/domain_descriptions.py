"""Timeline texts about roles, failure domains, rules and the war room."""

from __future__ import annotations

from runner.incident.state import events as e
from runner.reports.core.formatting import moment, scope_words
from runner.routing.war_room import WarRoom

Way = (
    e.RoleAssigned
    | e.RoomChosen
    | e.GuestsListed
    | e.RoomRetried
    | e.DomainDeclared
    | e.RuleOverridden
    | e.ChannelsSwitched
)


def way(event: Way) -> str:
    """Return the sentence for an entry."""
    match event:
        case e.RoleAssigned(role=role, persons=persons):
            by_rota = " (on call)" if event.on_call else ""
            return f"Role {role}: {', '.join(persons) or 'nobody'}{by_rota}"
        case e.RoomChosen(room=room, left=left, trigger=trigger):
            return f"War room {_where(room)}{f' (replaces {left})' if left else ''}{told_why(trigger)}"
        case e.GuestsListed(room=room, guests=guests):
            asked = [guest.person for guest in guests if not guest.left_out]
            not_asked = [f"{guest.person} ({guest.left_out})" for guest in guests if guest.left_out]
            told = [f"to invite: {', '.join(asked)}"] if asked else []
            told += [f"not invited: {', '.join(not_asked)}"] if not_asked else []
            return f"War room {room}, {'; '.join(told)}"
        case e.RoomRetried(by=by):
            return f"{by or 'An unnamed person'} retried failed rooms and invitations"
        case e.DomainDeclared(domain=domain, state=state, since=since, reason=reason):
            how = "assumed " if event.assumed else "found " if event.automatic else ""
            return f"{domain} is {how}{state} since {moment(since)}{told_why(reason)}"
        case e.RuleOverridden(rule=rule, by=by, role=role, reason=reason):
            of = scope_words(event.channel, event.message_class, event.person, event.text)
            return f"Rule {rule} OVERRIDDEN by {by}{f' ({role})' if role else ''}, {of}{told_why(reason)}"
        case e.ChannelsSwitched(left=left, taken=taken, trigger=trigger, persons=persons):
            over = f"{', '.join(left) or 'no channel'} to {', '.join(taken) or 'no channel'}"
            doubt = f"; unverified contacts: {', '.join(event.unverified)}" if event.unverified else ""
            return f"Messages to {', '.join(persons)} change from {over}{told_why(trigger)}{doubt}"


def _where(room: WarRoom) -> str:
    if not room.name:
        return "none can be used"
    agreed = f", agreed by {room.agreed_by}" if room.agreed_by else ""
    return f"{room.name}: {room.address}{agreed}" if room.address else f"{room.name} is being opened"


def told_why(reason: str) -> str:
    """Return the reason as the end of a sentence."""
    return f": {reason}" if reason else ""
