"""The factors of people in tests: a password, and the code that their app shows."""

from __future__ import annotations

from datetime import timedelta

from pyotp import TOTP

from runner.app.core.incident_service import IncidentService
from runner.app.people.accounts import Accounts
from runner.app.people.logins import Logins
from tests.cli.at_desk import AtDesk

PASSWORD = "violet lamp riddle"


class Person:
    """A person with an account: the app, and the recovery codes."""

    def __init__(self, desk: AtDesk, name: str, seed: str, codes: tuple[str, ...]) -> None:
        self.desk, self.name, self.seed, self.codes = desk, name, seed, codes

    def code(self) -> str:
        """Return the next code that the app shows: the test's clock moves on until it is a new one."""
        self.desk.clock.advance(timedelta(seconds=30))
        return TOTP(self.seed).at(self.desk.clock.now())


def accounts_of(service: IncidentService) -> Accounts:
    """Return the accounts of a home."""
    return Accounts(service, Logins(service))


def an_account(desk: AtDesk, name: str) -> Person:
    """Invite a person at the command line, and open the account."""
    link = desk.done("account", "invite", name).split()[0].rpartition("/")[2]
    accounts = accounts_of(desk.office())
    seed = accounts.new_seed(link, "n")
    _, codes = accounts.open(link, "n", PASSWORD, TOTP(seed).at(desk.clock.now()))
    return Person(desk, name, seed, codes)
