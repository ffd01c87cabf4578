"""Accounts: who may log in, and with which factors. An account begins with an invitation, and has a password and a second factor.

The journal of accounts says who invited, opened and disabled them. The factors are one mark for each account, encrypted under
the key of that journal: a copied database without the master key is no help for guessing a password.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from runner.actions import Action
from runner.app.core import organisation_journal
from runner.app.core.directory import refuse_reserved
from runner.app.core.identifiers import new_secret
from runner.app.core.rights import read_accounts
from runner.app.messages.account_notices import holders, notify
from runner.app.messages.domains import compromised
from runner.app.people import calendars, step_links, tokens
from runner.app.people.factors import Factors, Subject, totp_step
from runner.app.people.login_pace import begin_attempt, end_attempt
from runner.app.people.logins import LISTEN, OIDC, Login, Logins
from runner.app.people.passwords import hash_password, is_password
from runner.decoding import from_json
from runner.errors import NotFound, Refused
from runner.incident.people.account_journal import BREAK_GLASS, JOURNAL, AccountBook, AccountChanged, Change
from runner.reports.core.formatting import count
from runner.vault.keys import DataKey

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

INVITATION_LASTS = timedelta(days=3)
ALERTED = ("commander", "administrator")
"""Roles whose people are alerted about every invitation: in the home, and in each open incident."""
IN_THEIR_PLACE = ("counsel", "dpo")
"""Roles whose people are alerted, too, if the first ones have nobody besides the author and the owner of the account."""
CODES = 10
"""Recovery codes of an account; each is valid once."""
WARNED = 50
"""Failures of strangers within a day after which the owner of an account is told."""
_GUESSED = (
    f"{WARNED} attempts to log in to your account failed. After more of them, logins from new browsers have to wait.\n"
    "A browser in which you logged in before, this machine's terminal and a passkey do not. Add a passkey on /me."
)
Kept = TypeVar("Kept")
_ACCOUNT, _INVITED = "login-factors/", "login-invited/"


class Ended(NamedTuple):
    """What ended with an account, or with its factors; each a number."""

    sessions: int
    tokens: int
    links: int
    calendars: int

    @property
    def words(self) -> str:
        """Return the numbers in words."""
        return ", ".join(
            (
                count(self.sessions, "session"),
                count(self.tokens, "API token"),
                count(self.links, "link"),
                count(self.calendars, "calendar address", "calendar addresses"),
            )
        )


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An unused invitation."""

    person: str
    made: datetime


def account_book(service: IncidentService) -> AccountBook:
    """Return all accounts of the home."""
    return read_accounts(service.store)


def names_are_proved(service: IncidentService) -> bool:
    """Tell whether somebody has an account, so that a login can prove a name."""
    return account_book(service).proves


class KeptBook:
    """The accounts of a home for one thread, read again only after a change of them."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._version, self._book = 0, AccountBook()

    def read(self, service: IncidentService) -> AccountBook:
        """Return all accounts as they are now."""
        version = service.store.head(JOURNAL).version
        if version != self._version:
            self._version, self._book = version, account_book(service)
        return self._book


def holds(service: IncidentService, book: AccountBook, login: Login) -> bool:
    """Tell whether a session goes on: its person is in the contact list, with the account that it began with.

    A login or a renewal can be under way while the account is disabled. A session without an account depends on none.
    """
    person = login.principal.person
    if not login.name:
        return True
    if login.by(f"{BREAK_GLASS}/"):
        return book.break_glass.in_use(service.clock.now()) and login.made >= (
            book.break_glass.used or login.made
        )
    if login.by(OIDC) and is_closed(service):
        return False
    return book.holds_session(person, login.made) and person in service.directory.people


def is_closed(service: IncidentService) -> str:
    """Return why nobody logs in with the provider: its compromised failure domain, or the missing setting; else empty."""
    provider = service.home.identity.provider
    if provider is None:
        return "identity.provider"
    return provider.domain if provider.domain in compromised(service) else ""


class Accounts:
    """The accounts of a home, for one thread."""

    def __init__(self, service: IncidentService, logins: Logins) -> None:
        """Take the home, and its sessions."""
        self._service = service
        self._logins = logins

    def book(self) -> AccountBook:
        """Return all accounts."""
        return account_book(self._service)

    # --- begin and end ------------------------------------------------------------------------------------

    def invite(self, person: str, by: str = "") -> str:
        """Return the secret of a link with which a person opens an account, or sets new factors, within three days.

        An earlier invitation of the person ends.
        """
        self._service.known(person)
        refuse_reserved(person)
        hash_password(new_secret())  # without the extra, nothing is recorded
        self._record(person, "invited", by or self._service.principal.person)
        self._announce(person, by)
        now, secret = self._service.clock.now(), new_secret()
        body = msgspec.json.encode(Invitation(person=person, made=now))
        old = self._invitations_of(person)
        self._service.change_marks((*old, _invited(secret)), lambda found: {_invited(secret): body})
        return secret

    def _announce(self, person: str, by: str) -> None:
        """Alert the person, the author and whoever answers for access: an invitation can take an account over."""
        author, known = by or self._service.principal.person, self.book().found.get(person)
        can = {"active": "set a new password for", "reset": "take over"}.get(
            known.state if known else "", "open"
        )
        text = (
            f"{author} made an invitation that can {can} the account of {person}.\n"
            f"If you did not ask for it, have the account disabled now: tocsin account disable {person} --reason WHY"
        )
        self._alert(person, author, f"Invitation for the account of {person}", text)

    def _alert(self, person: str, author: str, title: str, text: str) -> None:
        """Alert the author, too: who stole a session acts in the name of its owner."""
        both = {person, author}
        others = holders(self._service, ALERTED) - both or holders(self._service, IN_THEIR_PLACE)
        notify(self._service, sorted(both | others), title, text)

    def link(self, secret: str, path: str = "join") -> str:
        """Return the address of an invitation, or of another link: where the room of this home listens, or will."""
        settings, address = self._service.home.serve, self._logins.address()
        if not address and settings.secure and self.book().proves:
            address = f"https://{settings.names[0]}"
        return f"{address if '://' in address else f'http://{address or LISTEN}'}/{path}/{secret}"

    def invited(self, link: str) -> str:
        """Return the person of an invitation; empty if it is unknown, used or too old."""
        return self._person_of(self._service.marks(_invited(link)).get(_invited(link)))

    def new_seed(self, link: str, nonce: str) -> str:
        """Return the secret of an authenticator app for one opened form of an invitation, in base32."""
        return base64.b32encode(self.vouch(f"totp\0{link}\0{nonce}")[:20]).decode()

    def open(self, link: str, nonce: str, password: str, code: str) -> tuple[str, tuple[str, ...]]:
        """Use an invitation up: set the factors of its account; return the secret of a session, and the recovery codes.

        Raises Refused for a weak password or a wrong code; the invitation is then still valid.
        """
        person = self.invited(link)
        if not person:
            raise Refused(
                "The invitation was used, or is older than 3 days.",
                hint="Ask for another one.",
                code="invitation_ended",
            )
        seed = self.new_seed(link, nonce)
        known = self._service.directory.people.get(person)
        stored = hash_password(password, person, known.name if known else "")
        step = totp_step(seed, code, self._service.clock.now(), 0)
        if step is None:
            raise Refused(
                "The code of the app is wrong.",
                hint="Check the time of your phone. Then type the code that the app shows now.",
                code="wrong_code",
            )
        codes = _new_codes()
        body = self._sealed(person, Factors(password=stored, totp=seed, step=step, codes=_digests(codes)))
        mark = _invited(link)
        written = self._service.change_marks(
            (mark, _ACCOUNT + person), lambda found: {_ACCOUNT + person: body} if mark in found else found
        )
        if written.get(_ACCOUNT + person) != body:  # somebody else was faster with the same link
            raise Refused("The invitation was used.", hint="Ask for another one.", code="invitation_ended")
        self._record(person, "opened", person)
        self._logins.end_of(person)
        return self._logins.begin(person, "password+totp"), codes

    def disable(self, person: str, reason: str, by: str = "") -> Ended:
        """End an account with its invitations and all that acts for it; return what ended. An invitation opens it again."""
        self.book().require(person, "invited", "active", "reset")
        return self._end(person, "disabled", reason, by)

    def reset(self, person: str, reason: str, by: str = "") -> Ended:
        """Remove all factors of an account, and end all that acts for it; return what ended. An invitation sets new factors.

        The person, the author and whoever answers for access are alerted.
        """
        self.book().require(person, "active")
        author = by or self._service.principal.person
        ended = self._end(person, "factors_reset", reason, author)
        text = (
            f"{author} reset the account of {person}: its password, codes, passkeys and logins of a provider are removed.\n"
            f"Ended: {ended.words}.\n"
            "Nobody can log in with it until an invitation is used. If you do not know why, ask now."
        )
        self._alert(person, author, f"Account of {person} reset", text)
        return ended

    def forget(self, person: str) -> None:
        """End what a person who is forgotten has here: the account, if there is one, sessions, invitations and tokens."""
        if person in self.book().found:
            self._end(person, "disabled", "")
        else:
            self._end_access(person)
        self._logins.forget(person)

    def _end(self, person: str, change: Change, reason: str, by: str = "") -> Ended:
        self._record(person, change, by or self._service.principal.person, reason)
        self._service.change_marks((_ACCOUNT + person, *self._invitations_of(person)), lambda found: {})
        return self._end_access(person)

    def _end_access(self, person: str) -> Ended:
        return Ended(
            sessions=self._logins.end_of(person),
            tokens=tokens.end_of(self._service, person),
            links=step_links.end_of(self._service, person),
            calendars=int(calendars.revoke(self._service, person)),
        )

    # --- prove --------------------------------------------------------------------------------------------

    def log_in(self, person: str, password: str, code: str, address: str, known: str = "") -> str:
        """Return which factors a person gave; ``code`` is of the app, or a recovery code. Raises Refused.

        The answer and the work are the same for a wrong password, a wrong code and an unknown name. ``known`` is what a stranger
        cannot have (``begin_attempt``).
        """
        attempt = begin_attempt(self._service, person, address, known)
        kept = self.factors(person)
        right = is_password(kept.password if kept else None, password)
        used = _use(kept, code, self._service.clock.now()) if kept else None
        if not right or used is None or not self._keep(person, kept, used):
            if attempt.by_strangers == WARNED and kept is not None:
                notify(self._service, (person,), "Somebody guesses your password", _GUESSED)
            raise wrong_login()
        end_attempt(self._service, attempt)
        if used.step == kept.step:  # type: ignore[union-attr]  # without factors nothing was used
            self._record(person, "code_used", person)
            text = (
                f"A recovery code of your account was used to log in, or to confirm an act. {len(used.codes)} are left.\n"
                f"If that was not you, have your account disabled now: tocsin account disable {person} --reason WHY"
            )
            notify(self._service, (person,), "Recovery code used", text)
            return "password+recovery"
        return "password+totp"

    def renewed(self, secret: str) -> str:
        """Return the new secret of a session whose person just gave a factor; raises Refused if it ended."""
        after = self._logins.prove_again(secret)
        if after is None:
            raise Refused("Your session ended.", hint="Log in again.", code="not_logged_in")
        return after

    def new_recovery_codes(self, person: str) -> tuple[str, ...]:
        """Return new recovery codes; the earlier ones are not valid any more."""
        codes = _new_codes()
        self.change(person, lambda kept: msgspec.structs.replace(kept, codes=_digests(codes)))
        self._record(person, "codes_made", person)
        return codes

    # --- the login provider -------------------------------------------------------------------------------

    def person_of(self, subject: Subject) -> str:
        """Return the person whose account is bound to a subject; empty if nobody's is.

        The settings name people without an account: who was invited or disabled needs the invitation.
        """
        bound = (name for name, kept in self.all_factors().items() if subject in kept.subjects)
        if person := next(bound, ""):
            return person
        provider = self._service.home.identity.provider
        named = (
            provider.subjects.get(subject.sub, "") if provider and provider.issuer == subject.issuer else ""
        )
        if named not in self._service.directory.people:
            return ""
        known = self.book().found.get(named)  # an account that was reset needs the invitation, too
        return named if known is None or known.state == "active" else ""

    def open_named(self, person: str) -> None:
        """Open the account of a person whom the settings name for a subject, at the login. One that was known stays as it is."""
        event = AccountChanged(person=person, change="opened", by=person, reason="identity.provider.subjects")
        organisation_journal.change(
            self._service, JOURNAL, account_book, lambda book: () if person in book.found else (event,)
        )

    def bind(self, person: str, subject: Subject) -> None:
        """Bind an account to a subject; raises Refused if another account is."""
        if self.person_of(subject) not in ("", person):
            raise Refused(
                "This login of the provider belongs to another account.",
                hint="Log out at the provider. Then log in there as yourself.",
                code="provider_refused",
            )
        self.change(person, lambda kept: msgspec.structs.replace(kept, subjects=(subject,)))
        self._record(person, "provider_bound", person)

    def unbind(self, person: str) -> None:
        """Remove what binds an account to the provider, and end the sessions of the account that began there."""
        self.change(person, lambda kept: msgspec.structs.replace(kept, subjects=()))
        self._logins.end_by(OIDC, person)
        self._record(person, "provider_unbound", person)

    # --- factors in the store -----------------------------------------------------------------------------

    def factors(self, person: str) -> Factors | None:
        """Return the factors of an active account of a person of the contact list; None without one."""
        active = self.book().is_active(person)  # also for a name that nobody has: the work is the same
        body = self._service.marks(_ACCOUNT + person).get(_ACCOUNT + person)
        if body is None or not active or person not in self._service.directory.people:
            return None
        return self._open(person, body)

    def all_factors(self) -> dict[str, Factors]:
        """Return person → factors of all active accounts of people of the contact list, with one look at the store."""
        book, people = self.book(), self._service.directory.people
        found = ((mark.removeprefix(_ACCOUNT), body) for mark, body in self._service.marks(_ACCOUNT).items())
        return {
            person: self._open(person, body)
            for person, body in found
            if book.is_active(person) and person in people
        }

    def change(self, person: str, changed: Callable[[Factors], Factors]) -> None:
        """Change the factors of an account; raises NotFound without one."""
        name = _ACCOUNT + person

        def change(found: Mapping[str, bytes]) -> dict[str, bytes]:
            if name not in found:
                return {}
            return {name: self._sealed(person, changed(self._open(person, found[name])))}

        if name not in self._service.change_marks((name,), change):
            raise NotFound(f'"{person}" has no account.', hint=Action("account.list"), code="unknown_account")

    def _keep(self, person: str, before: Factors | None, after: Factors) -> bool:
        """Store used factors unless they changed meanwhile: a code that is sent twice at once is valid once."""
        name, body, kept = _ACCOUNT + person, self._sealed(person, after), False

        def change(found: Mapping[str, bytes]) -> dict[str, bytes]:
            nonlocal kept
            kept = name in found and self._open(person, found[name]) == before
            return {name: body} if kept else dict(found)

        self._service.change_marks((name,), change)
        return kept

    def record(self, person: str, change: Change) -> None:
        """Record a change that the owner of an account made."""
        self._record(person, change, person)

    def note(self, person: str, change: Change, by: str, reason: str = "") -> None:
        """Record a change of an account, with who made it."""
        self._record(person, change, by, reason)

    def _record(self, person: str, change: Change, by: str, reason: str = "") -> None:
        event = AccountChanged(person=person, change=change, by=by, reason=reason.strip())
        organisation_journal.change(self._service, JOURNAL, account_book, lambda _: (event,))

    def _invitations_of(self, person: str) -> tuple[str, ...]:
        """Return the marks of a person's invitations, and those that are too old."""
        return tuple(
            mark
            for mark, body in self._service.marks(_INVITED).items()
            if self._person_of(body) in ("", person)
        )

    def _person_of(self, body: bytes | None) -> str:
        found = None if body is None else from_json(body, Invitation)
        if found is None or self._service.clock.now() - found.made >= INVITATION_LASTS:
            return ""
        return found.person

    def _sealed(self, person: str, factors: Factors) -> bytes:
        return self.seal(factors, _context(person))

    def _open(self, person: str, body: bytes) -> Factors:
        return self.unseal(body, _context(person), Factors)

    def seal(self, what: msgspec.Struct, context: bytes) -> bytes:
        """Return a struct encrypted with the key of the accounts."""
        return self._key().seal(msgspec.json.encode(what), context)

    def unseal(self, body: bytes, context: bytes, kind: type[Kept]) -> Kept:
        """Return an encrypted struct; raises Sealed if it or its context is another."""
        return from_json(self._key().open(body, context), kind)

    def _key(self) -> DataKey:
        return DataKey(self.vouch("factors"), os.urandom)

    def vouch(self, what: str) -> bytes:
        """Return 32 bytes for a purpose that only the key of the accounts can compute; it is made at the first call.

        The settings can name people for a login provider before there is an account.
        """
        return self._service.store.key(JOURNAL).vouch(f"tocsin/accounts/v1\0{what}".encode())


def wrong_login() -> Refused:
    """Return the one refusal for every failed login."""
    return Refused(
        "The name, the password or the code is wrong.",
        hint="A code of the app is valid once: wait for the next one.",
        code="login_refused",
    )


def _use(kept: Factors, code: str, now: datetime) -> Factors | None:
    """Return the factors after the use of a code; None if it is wrong or was used."""
    given = "".join(code.split())
    if given.isdigit():
        step = totp_step(kept.totp, given, now, kept.step)
        return None if step is None else msgspec.structs.replace(kept, step=step)
    digest = _digests((given,))[0]
    if digest not in kept.codes:
        return None
    return msgspec.structs.replace(kept, codes=tuple(one for one in kept.codes if one != digest))


def _new_codes() -> tuple[str, ...]:
    """Return recovery codes of 80 random bits, in groups of four letters and digits."""
    drawn = (base64.b32encode(os.urandom(10)).decode().lower() for _ in range(CODES))
    return tuple("-".join(one[at : at + 4] for at in range(0, 16, 4)) for one in drawn)


def _digests(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        sha256("".join(letter for letter in code.lower() if letter.isalnum()).encode()).hexdigest()
        for code in codes
    )


def _invited(secret: str) -> str:
    return f"{_INVITED}{sha256(secret.encode()).hexdigest()}"


def _context(person: str) -> bytes:
    return b"tocsin/account/v1\0" + person.encode()
