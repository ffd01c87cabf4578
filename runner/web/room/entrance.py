"""Logging in to the room: the login page, invitations, one's own account, and the question for the factors before an act that binds.

Nothing here decides who may do what. A login proves a name; the rights are those of the person's roles.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from runner.app.core.identifiers import new_secret
from runner.app.core.incident_service import IncidentService
from runner.app.messages.browser_push import offers
from runner.app.people import calendars
from runner.app.people.accounts import Accounts, account_book, is_closed
from runner.app.people.break_glass import prove
from runner.app.people.factors import app_address
from runner.app.people.logins import LONGEST, OIDC, Login, Logins
from runner.app.people.passkeys import Passkeys
from runner.app.people.passwords import SHORTEST
from runner.errors import Refused, Sealed, TocsinError
from runner.incident.people.account_journal import BREAK_GLASS
from runner.reports.core.formatting import READER, count, screen_time
from runner.reports.core.header import named_zone
from runner.reports.people.accounts import break_glass_band
from runner.web.room.acts.forms import HELD, Given, without_factors
from runner.web.room.door import Absent
from runner.web.room.entrance_page import (
    CODE,
    KEY,
    PASSWORD,
    Box,
    Entry,
    address_of,
    codes_page,
    entrance_page,
    factor_fields,
    fields_of,
    has_password,
    picture_of,
    refuse_different,
)

_KNOWN = b"known browser"


class Cookie(NamedTuple):
    """The cookie of a session: its name, and whether it goes over TLS alone."""

    name: str
    secure: bool

    @property
    def known(self) -> str:
        """The name of the cookie that has the people who logged in with this browser before."""
        return f"{self.name}-known"

    @property
    def pending(self) -> str:
        """The name of the cookie that has a request to the login provider."""
        return f"{self.name}-provider"

    def put(self, answer: Response, secret: str) -> None:
        """Keep a session in a browser."""
        answer.set_cookie(
            self.name,
            secret,
            max_age=int(LONGEST.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=self.secure,
        )

    def renew(self, request: Request, answer: Response) -> Response:
        """Keep the new secret of a session whose person confirmed in this request."""
        if after := getattr(request.state, "session", ""):
            self.put(answer, after)
        return answer

    def drop(self, answer: Response) -> None:
        """Remove a session from a browser."""
        answer.delete_cookie(self.name, httponly=True, samesite="strict", secure=self.secure)


class Pooled(Protocol):
    """Runs work in a thread; work that checks or makes a password waits in a queue of its own."""

    def __call__(self, made: Callable[[], Response], *, hashes: bool = False) -> Awaitable[Response]:
        """Return the answer."""


class KnownBrowser(msgspec.Struct, frozen=True, kw_only=True):
    """A browser in which these people logged in before, the last one last."""

    name: str
    people: tuple[str, ...]


KNOWN_FOR, MOST_KNOWN = timedelta(days=180), 8
"""How long a browser stays known, and for how many people."""
Made = Callable[[Request, Given], Response]
Hidden = tuple[tuple[str, str], ...]


class Entrance:
    """Answers the requests of logins and accounts."""

    def __init__(
        self,
        service: Callable[[], IncidentService],
        logins: Logins,
        cookie: Cookie,
        login: Callable[[Request], Login],
        pooled: Pooled,
        failed: Callable[[Exception], Response],
    ) -> None:
        """Take the service of the calling thread, the sessions, and how the room finds a session, works and refuses."""
        self._service = service
        self._logins = logins
        self._cookie = cookie
        self.login = login
        self.pooled = pooled
        self._failed = failed

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self.route("/login", self._log_in),
            self.route("/join/{link}", self._join),
            self.route("/me", self._me),
            self.route("/cal/{secret}.ics", self._calendar),
        ]

    def route(self, path: str, made: Made) -> Route:
        """Return the route of a page of the entrance, whose forms may renew the session."""

        async def answer(request: Request) -> Response:
            body = await request.body() if request.method == "POST" else b""
            answered = partial(self.answered, made, request, body)
            answer = await self.pooled(answered, hashes=has_password(body))
            return self._cookie.renew(request, answer)

        return Route(path, answer, methods=["GET", "POST"])

    def answered(self, made: Made, request: Request, body: bytes) -> Response:
        """Return the answer to a request, or the page of its error, in the zone of the organisation."""
        try:
            service = self._service()
            READER.set(named_zone(service.home.organisation.get("zone")))
            return made(request, fields_of(body))
        except (Absent, TocsinError) as error:
            return self._failed(error)

    def accounts(self) -> Accounts:
        """Return the accounts, for this thread."""
        return Accounts(self._service(), self._logins)

    # --- log in -------------------------------------------------------------------------------------------

    def ask(self, request: Request, place: str, failed: Refused | None = None, person: str = "") -> Response:
        """Return the login page; it leads back to a place of the room."""
        fields = (
            Entry("person", "Your person id", complete="username", value=person),
            *factor_fields(),
        )
        hidden = (("next", local(place)),)
        box = Box(action="/login", label="Log in", fields=fields, hidden=hidden)
        key = self.with_passkey(request, "/login", hidden)
        more = tuple(self._other_logins(place))
        return entrance_page("Log in", (*key, box, *more), failed=failed, status=401)

    def _other_logins(self, place: str) -> Iterator[Box]:
        service = self._service()
        if provider := service.home.identity.provider:
            if domain := is_closed(service):
                yield Box(texts=(f"Login with {provider.name}: closed, as {domain} is compromised.",))
            else:
                target = f"/login/provider?{urlencode({'next': place})}"
                yield Box(label=f"Log in with {provider.name}", link=target)
        if account_book(service).break_glass.state(service.clock.now()) in ("armed", "in use"):
            yield Box(label="Break-glass access", link="/login/break-glass")

    def passkeys(self, request: Request) -> Passkeys:
        """Return the passkeys of the home, for the address of a request."""
        host = request.headers.get("host", "")
        return Passkeys(self.accounts(), self._service(), host, secure=self._cookie.secure)

    def with_passkey(
        self, request: Request, action: str, hidden: Hidden, person: str = ""
    ) -> tuple[Box, ...]:
        """Return the form that asks for a passkey, where a browser can use one and somebody has one."""
        keys = self.passkeys(request)
        if not keys.usable or not any(one.passkeys for one in self.accounts().all_factors().values()):
            return ()
        label = "Use a passkey"
        return (Box(action=action, label=label, hidden=hidden, passkey="get", options=keys.request(person)),)

    def _log_in(self, request: Request, given: Given) -> Response:
        place = local(given.get("next", request.query_params.get("next", "/")))
        if request.method != "POST":
            answer = self.ask(request, place)
            answer.status_code = 200
            return answer
        person, factors = given["person"].strip(), "passkey"
        try:
            if given[KEY]:
                person = self.passkeys(request).prove(given[KEY])
            else:
                factors = self.prove(request, person, given)
        except Refused as error:
            return self.ask(request, place, error, person)
        answer = RedirectResponse(place, 303)
        return self.logged_in(request, self._logins.begin(person, factors), answer, person)

    def prove(self, request: Request, person: str, given: Given) -> str:
        """Return the factors that a person gave with a form; raises Refused. Strangers do not slow a browser that the person used."""
        known = self._known_browser(request)
        name = f"browser {known.name}" if person in known.people else ""
        return self.accounts().log_in(person, given[PASSWORD], given[CODE], address_of(request), name)

    def logged_in(self, request: Request, secret: str, answer: Response, person: str = "") -> Response:
        """Begin a session in a browser, end the one that it had, and know the browser of a person from now on."""
        if before := request.cookies.get(self._cookie.name, ""):
            self._logins.end(before)
        self._cookie.put(answer, secret)
        if person:
            known = self._known_browser(request)
            people = (*(name for name in known.people if name != person), person)[-MOST_KNOWN:]
            body = self.accounts().seal(msgspec.structs.replace(known, people=people), _KNOWN)
            answer.set_cookie(
                self._cookie.known,
                base64.urlsafe_b64encode(body).decode(),
                max_age=int(KNOWN_FOR.total_seconds()),
                httponly=True,
                samesite="strict",
                secure=self._cookie.secure,
            )
        return answer

    def _known_browser(self, request: Request) -> KnownBrowser:
        """Return what the cookie of a browser says; a new name without one that we sealed."""
        with suppress(Sealed, ValueError, msgspec.MsgspecError):
            body = base64.urlsafe_b64decode(request.cookies.get(self._cookie.known, ""))
            return self.accounts().unseal(body, _KNOWN, KnownBrowser)
        return KnownBrowser(name=new_secret(), people=())

    def _join(self, request: Request, given: Given) -> Response:
        """Open an account with an invitation. Looking at the link changes and shows nothing."""
        link, accounts = request.path_params["link"], self.accounts()
        title, action = "Open your account", request.url.path
        if request.method != "POST":
            first = ("This link works once. You need a phone with an authenticator app.",)
            return entrance_page(title, (Box(texts=first, action=action, label="Begin"),))
        failed, nonce, person = None, given["nonce"] or new_secret(), accounts.invited(link)
        if "nonce" in given:
            try:
                refuse_different(given)
                secret, codes = accounts.open(link, nonce, given["new"], given[CODE])
            except Refused as error:
                failed = error
            else:
                return self.logged_in(request, secret, codes_page(codes, self._binding()), person)
        if not person:
            return entrance_page(
                "This invitation was used, or is older than 3 days",
                (Box(texts=("Ask for another one.",)),),
                status=401,
            )
        service = self._service()
        seed = accounts.new_seed(link, nonce)
        name = str(service.home.organisation.get("name", ""))
        fields = (
            Entry("new", "New password", "password", "new-password", f"At least {SHORTEST} characters."),
            Entry("again", "The same password again", "password", "new-password"),
            Entry(CODE, "Code that the app shows now", "text", "one-time-code"),
        )
        texts = (
            f"You open the account of {person}.",
            "Read the picture with an authenticator app, or type its secret there:",
            " ".join(seed[at : at + 4] for at in range(0, len(seed), 4)),
        )
        box = Box(
            action=action,
            label="Open the account",
            fields=fields,
            hidden=(("nonce", nonce), ("person", person)),
        )
        picture = picture_of(app_address(seed, person, name))
        return entrance_page(title, (box,), texts=texts, failed=failed, picture=picture)

    # --- one's own account --------------------------------------------------------------------------------

    def _me(self, request: Request, given: Given) -> Response:
        login = self.login(request)
        who, accounts = login.principal, self.accounts()
        if not login.name:
            text = f"You are {who.person}, by a link of this machine. The name is a claim: nothing proves it."
            return entrance_page("Your account", (Box(texts=(text,)),))
        if request.method != "POST":
            return self._my_page(request, login)
        if ending := given.get("end"):
            self._logins.end_of(who.person, ending)
            return RedirectResponse("/me", 303)
        given, proof = without_factors(given)
        if asks := self.confirm(request, login, given, proof):
            return asks
        if given["calendar"]:
            return self._address_of_calendar(request, who.person, make=given["calendar"] == "make")
        if not given["name"]:
            return codes_page(accounts.new_recovery_codes(who.person))
        keys = self.passkeys(request)
        try:
            if given["made"]:
                keys.add(who.person, given["name"], given["made"])
            else:
                keys.remove(who.person, given["name"])
        except Refused as error:
            return self._my_page(request, login, error)
        return RedirectResponse("/me", 303)

    def _my_page(self, request: Request, login: Login, failed: Refused | None = None) -> Response:
        person, keys = login.principal.person, self.passkeys(request)
        kept = self.accounts().factors(person)
        left = count(len(kept.codes) if kept else 0, "recovery code")
        about = ("Password, and the codes of your app.", f"{left} left. New codes end the old ones.")
        boxes = [Box("Factors", about, "/me", "Make new recovery codes", quiet=True)]
        for key in kept.passkeys if kept else ():
            text, hidden = f"Passkey {key.name}, since {screen_time(key.made)}", (("name", key.name),)
            boxes.append(Box("", (text,), "/me", f"Remove {key.name}", hidden=hidden, quiet=True))
        boxes += self._binding(bool(kept and kept.subjects))
        if keys.usable:
            named = (Entry("name", "Name of a new passkey", help="For example: my phone"),)
            made = keys.creation(person)
            boxes.append(Box("", (), "/me", "Add a passkey", named, passkey="create", options=made))
        boxes += self._push_boxes(person)
        boxes += self._calendar_boxes(person)
        for number, one in enumerate(self._logins.of(person)):
            here = " (this one)" if one.name == login.name else ""
            text = f"{one.name}{here}: {one.place}, since {screen_time(one.made, named=True)}"
            heading, end = "" if number else "Where you are logged in", (("end", one.name),)
            boxes.append(Box(heading, (text,), "/me", f"End {one.name}", hidden=end, quiet=True))
        texts = (f"You are {person}, proved by {login.principal.proven_by}.",)
        service = self._service()
        band = break_glass_band(account_book(service).break_glass, service.clock.now())
        return entrance_page("Your account", tuple(boxes), texts=texts, failed=failed, band=band)

    def _binding(self, bound: bool = False) -> tuple[Box, ...]:
        """Return the form that binds the account to the login provider, or ends that."""
        provider = self._service().home.identity.provider
        if provider is None:
            return ()
        what, more = ("unbind", "no more") if bound else ("bind", "too")
        label = f"Log in with {provider.name}, {more}"
        return (Box("", (), "/me/provider", label, hidden=(("provider", what),), quiet=True),)

    def _push_boxes(self, person: str) -> Iterator[Box]:
        """Yield the forms that turn push on in this browser, or off."""
        for channel, key, contact in offers(self._service(), person):
            hidden, about = (("channel", channel),), f"Push over {channel}: off."
            if contact is not None:
                about = f"Push over {channel}: on, in one browser ({', '.join(sorted(contact.domains))})."
            more = "On an iPhone, first add this page to the home screen, and open it there."
            if not key:
                more = "The channel has no usable key: ask your administrator to run tocsin doctor."
            label = "Turn on push in this browser, and only here" if key else ""
            yield Box("Push", (about, more), "/me/push", label, hidden=hidden, push=key)
            if contact is not None:
                yield Box("", (), "/me/push", f"Turn off {channel}", hidden=hidden, quiet=True)

    # --- the calendar of a person --------------------------------------------------------------------------

    def _calendar_boxes(self, person: str) -> list[Box]:
        made = calendars.since(self._service(), person)
        about = f"Your address was made {screen_time(made, named=True)}." if made else "You have no address."
        text = "A calendar program reads the deadlines of your incidents there, with codenames alone."
        new = "Make a new address" if made else "Make an address"
        boxes = [Box("Calendar", (text, about), "/me", new, hidden=(("calendar", "make"),), quiet=True)]
        if made:
            boxes.append(
                Box("", (), "/me", "Revoke the address", hidden=(("calendar", "revoke"),), quiet=True)
            )
        return boxes

    def _address_of_calendar(self, request: Request, person: str, *, make: bool) -> Response:
        if not make:
            calendars.revoke(self._service(), person)
            return RedirectResponse("/me", 303)
        host, secret = request.headers.get("host", ""), calendars.make(self._service(), person)
        address = f"{'https' if self._cookie.secure else 'http'}://{host}/cal/{secret}.ics"
        texts = ("Subscribe to this address in your calendar program. It is shown only now.",)
        return entrance_page(
            "Your calendar",
            (Box(texts=("Whoever knows it reads your deadlines.",)),),
            texts=texts,
            codes=(address,),
        )

    def _calendar(self, request: Request, given: Given) -> Response:
        """Send the feed of an address; who asks proves nothing else."""
        service = self._service()
        person = calendars.find(service, request.path_params["secret"])
        if person is None:
            raise Absent
        body = calendars.feed(service, person)
        headers = {"etag": f'"{sha256(body).hexdigest()[:32]}"', "cache-control": "private, no-cache"}
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/calendar", headers=headers)

    # --- an act that binds --------------------------------------------------------------------------------

    def confirm(self, request: Request, login: Login, given: Given, proof: Given) -> Response | None:
        """Return the page that asks for the factors before an act that binds; None if they are new enough.

        The page sends the same form to the same address again, with the factors: nothing that was typed is lost. Afterwards
        the session has a new secret (``Cookie.renew``). ``proof`` are the factors, and ``given`` is without them. A session
        without an account cannot confirm: whether its claim is enough, the service decides.
        """
        password, code, key = (proof[name] for name in (PASSWORD, CODE, KEY))
        if not login.name or login.fresh(self._service().clock.now()):
            return None
        failed: Refused | None = None
        if password or key:
            secret, accounts = request.cookies.get(self._cookie.name, ""), self.accounts()
            try:
                if login.by(f"{BREAK_GLASS}/"):
                    prove(self._service(), accounts, password, code, "", f"session {login.name}")
                elif not key:
                    accounts.log_in(login.principal.person, password, code, "", f"session {login.name}")
                else:
                    self.passkeys(request).prove(key, login.principal.person)
                request.state.session = accounts.renewed(secret)
            except Refused as error:
                failed = error
            else:
                return None
        texts: tuple[str, ...] = (
            "Your last login is older than 5 minutes. Nothing was done yet, and what you typed is kept.",
        )
        if login.by(OIDC):
            texts = ("This act needs a factor of your account here. What you typed is kept.",)
            if self.accounts().factors(login.principal.person) is None:
                texts += ("Your account has none: ask for an invitation. It sets a password and an app.",)
        hidden = (*given.items(), *((f"{HELD}{field}", held) for field, held in given.held.items()))
        fields = factor_fields(sealed=login.by(f"{BREAK_GLASS}/"))
        box = Box(action=request.url.path, label="Confirm and go on", fields=fields, hidden=hidden)
        boxes = (*self.with_passkey(request, request.url.path, hidden, login.principal.person), box)
        return entrance_page("Confirm that it is you", boxes, texts=texts, failed=failed, status=401)


def local(place: str) -> str:
    """Return an address if it is a path of the room, else the first page: a login must not lead elsewhere."""
    plain = place.startswith("/") and not place.startswith("//") and "\\" not in place
    return place if plain and place.isprintable() else "/"
