"""What an administrator can do with accounts. It gives access, and reads no incident."""

from __future__ import annotations

from collections.abc import Sequence

from runner.acts.asked import Asked
from runner.app.core.directory import refuse_reserved
from runner.app.people import break_glass
from runner.app.people.accounts import Accounts
from runner.app.people.logins import Logins
from runner.errors import reason_given
from runner.web.room.acts.forms import REASON, Act, Acting, Form, Given, people_field


def _forms(asked: Asked) -> Sequence[Form]:
    person = people_field(asked)
    return (
        Form("invite", "Invite a person, or let a person set new factors", (person,), folded=True),
        Form("end", "End all sessions of a person", (person,), folded=True),
        Form("reset", "Reset an account: remove all its factors", (person, REASON), folded=True),
        Form("disable", "Disable an account", (person, REASON), folded=True),
        Form("disarm", "Disarm the break-glass account", (REASON,), folded=True),
    )


def _accounts(asked: Asked) -> tuple[Accounts, Logins]:
    # The process writes; the record names the person, whose right was judged.
    service = asked.service.of(asked.service.process)
    logins = Logins(service)
    return Accounts(service, logins), logins


def _invite(asked: Asked, given: Given) -> str:
    accounts, _ = _accounts(asked)
    link = accounts.link(accounts.invite(given["person"], asked.principal.person))
    return f"Give this link to {given['person']} over a channel that you trust: {link}"


def _end(asked: Asked, given: Given) -> None:
    accounts, logins = _accounts(asked)
    refuse_reserved(given["person"])  # that one is disarmed, with a reason
    asked.service.known(given["person"])
    accounts.note(given["person"], "sessions_ended", asked.principal.person)
    logins.end_of(given["person"])


def _disable(asked: Asked, given: Given) -> None:
    _accounts(asked)[0].disable(
        given["person"], reason_given(given["reason"], hint="Write the reason"), asked.principal.person
    )


def _reset(asked: Asked, given: Given) -> str:
    ended = _accounts(asked)[0].reset(
        given["person"], reason_given(given["reason"], hint="Write the reason"), asked.principal.person
    )
    return (
        f"The account of {given['person']} has no factors now. Ended: {ended.words}. Next: invite the person."
    )


def _disarm(asked: Asked, given: Given) -> None:
    accounts, logins = _accounts(asked)
    break_glass.disarm(
        accounts, logins, asked.principal.person, reason_given(given["reason"], hint="Write the reason")
    )


ACCOUNTS = Acting(
    _forms,
    {
        "invite": Act("account.manage", _invite, bound=True, shows=True),
        "end": Act("account.manage", _end, bound=True),
        "disable": Act("account.manage", _disable, bound=True),
        "reset": Act("account.manage", _reset, bound=True, shows=True),
        "disarm": Act("account.manage", _disarm, bound=True),
    },
)
