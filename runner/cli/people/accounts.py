"""Commands of accounts: invite, list and disable; log in and log out at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, group, one_of
from runner.cli.framework.session import Session
from runner.cli.framework.who_acts import forget_login, keep_login, kept_login
from runner.errors import Refused, Usage
from runner.reports.core.page import Page, fields, line
from runner.settings import PERSON

if TYPE_CHECKING:
    from runner.app.people.accounts import Accounts

Person = Annotated[str, Argument("PERSON", "Person id.")]


def add(app: Commands) -> None:
    """Add ``account …``, ``login`` and ``logout``."""
    accounts = group(app, "account", "Manage accounts: who can log in and prove a name.")
    command(accounts, "list", Scope.ANYWHERE)(list_)
    command(accounts, "invite", Scope.HOME_WRITES)(invite)
    command(accounts, "disable", Scope.HOME_WRITES)(disable)
    command(accounts, "reset", Scope.HOME_WRITES)(reset)
    command(accounts, "break-glass", Scope.HOME_WRITES)(break_glass)
    command(app, "login", Scope.HOME_WRITES)(login)
    command(app, "logout", Scope.HOME_WRITES)(logout)


def accounts_of(session: Session) -> Accounts:
    """Return the accounts of the home."""
    from runner.app.people.accounts import Accounts
    from runner.app.people.logins import Logins

    return Accounts(session.service, Logins(session.service))


def list_(session: Session) -> None:
    """List the accounts: who can log in, and since when."""
    from runner.app.people.account_list import listed
    from runner.app.people.logins import Logins
    from runner.reports.people.accounts import accounts_page

    report = listed(accounts_of(session), session.service, Logins(session.service))
    session.show(report, lambda: accounts_page(report))


def invite(session: Session, person: Person) -> None:
    """Print a link with which a person opens an account.

    The link works once, within 3 days. Give it to the person over a channel that you trust. If the person has an
    account, the link sets a new password and new codes. The old ones are valid until then.

    \b
    Example:
      tocsin account invite jonas
    """
    accounts = accounts_of(session)
    link = accounts.link(accounts.invite(person))
    session.show(
        {"schema": "tocsin/invitation/v1", "person": person, "link": link},
        Page((line(link), line(f"The link opens an account for {person}, once, within 3 days.", "dim"))),
    )


def disable(session: Session, person: Person, reason: Reason = "") -> None:
    """End an account with all its sessions. Needs --reason.

    \b
    Example:
      tocsin account disable jonas --reason "his phone was stolen"
    """
    _require(reason)
    ended = accounts_of(session).disable(person, reason)
    told(session, f"The account of {person} is disabled. Ended: {ended.words}")


def reset(session: Session, person: Person, reason: Reason = "") -> None:
    """Remove the password, codes and passkeys of an account. Needs --reason.

    Ends all its sessions, tokens, links and its calendar address. Alerts you, the person, commanders and administrators.
    To set new factors, invite the person.

    \b
    Example:
      tocsin account reset jonas --reason "he lost his phone"
    """
    _require(reason)
    ended = accounts_of(session).reset(person, reason)
    told(
        session,
        f"The account of {person} has no factors now. Ended: {ended.words}. Next: tocsin account invite {person}",
    )


def break_glass(
    session: Session,
    action: Annotated[str, Argument("ACTION", "arm or disarm.")],
    reason: Reason = "",
    app: Annotated[bool, Option("--app", "Also require the code of an authenticator app.")] = False,
) -> None:
    """Arm or disarm the break-glass account, for the time when nobody can log in as usual.

    It is off by default. Arming prints a passphrase once: keep it sealed on paper. Using it needs a reason, alerts
    commanders, counsel and administrators, and ends after 4 hours. Then arm it again. To disarm needs --reason.

    \b
    Examples:
      tocsin account break-glass arm --app
      tocsin account break-glass disarm --reason "the provider works again"
    """
    from runner.app.people import break_glass as sealed
    from runner.app.people.logins import Logins

    action = one_of(action, ("arm", "disarm"), "Action", "unknown_action")
    accounts = accounts_of(session)
    if action == "disarm":
        _require(reason)
        logins = Logins(session.service)
        ended = sealed.disarm(accounts, logins, session.by, reason)
        told(session, f"The break-glass account is disarmed. Sessions ended: {ended}")
        return
    passphrase, seed = sealed.arm(session.service, accounts, app=app)
    session.show(
        {"schema": "tocsin/break-glass/v1", "passphrase": passphrase, "app": seed},
        Page((fields((("Passphrase", passphrase), ("Secret for the app", seed)), indent=0),)),
    )
    session.say("Write it down and seal it now: nobody can show it again. It is used at /login/break-glass")


def _require(reason: str) -> None:
    if not reason.strip():
        raise Usage("The reason is missing.", hint="Add --reason WHY", code="option_missing")


def login(
    session: Session,
    person: Annotated[
        str, Argument("[PERSON]", "Person id. Default: TOCSIN_PERSON, or your user name.")
    ] = "",
    code: Annotated[str, Option("--recovery", "A recovery code, if you do not have your phone.")] = "",
) -> None:
    """Log in at this terminal: your commands then prove your name.

    Asks for the password and the code of your app. The login ends after 12 hours, or with: tocsin logout

    \b
    Examples:
      tocsin login jonas
      tocsin logout
    """
    from runner.app.people.logins import TERMINAL, Logins

    accounts, logins = accounts_of(session), Logins(session.service)
    who = session.world.who(person or session.options.claimed or session.world.environ.get(PERSON, ""))
    if not accounts.book().is_active(who.person):
        raise Refused(
            f'"{who.person}" has no account that can log in.',
            hint=f"Ask for an invitation: tocsin account invite {who.person}",
            code="unknown_account",
        )
    session.terminal("Run the command at a terminal")
    password = session.ask_hidden(f"Password of {who.person}:")
    given = code or session.ask("Code of the app:")
    factors = accounts.log_in(who.person, password, given, "", f"{TERMINAL} {who.os_user}")
    secret = logins.begin(who.person, factors, f"{TERMINAL} {who.host}", who)
    before = kept_login(session.world.environ, session.folder)
    try:
        keep_login(session.world.environ, session.folder, who.person, secret)
    except OSError:
        logins.end(secret)
        raise Refused(
            "The login cannot be saved in your state folder.",
            hint="Set TOCSIN_STATE to a folder",
            code="no_state",
        ) from None
    if before is not None:
        logins.end(before.secret)
    told(session, f"You are logged in as {who.person} for 12 hours")


def logout(session: Session) -> None:
    """End the login of this terminal's user."""
    from runner.app.people.logins import Logins

    found = kept_login(session.world.environ, session.folder)
    if found is None:
        raise Refused("You are not logged in.", hint="Log in: tocsin login", code="not_logged_in")
    Logins(session.service).end(found.secret)
    forget_login(session.world.environ, session.folder)
    told(session, "You are logged out")


def told(session: Session, words: str) -> None:
    """Tell the person at the terminal that something was done."""
    session.show({"schema": "tocsin/accounts-done/v1", "done": words}, Page((line(words, "good"),)))
