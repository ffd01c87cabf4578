"""Logging in to the room: the login page, invitations, one's own account, and the question for the factors before an act that binds.

Nothing here decides who may do what. A login proves a name; the rights are those of the person's roles.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from runner.app.core.identifiers import new_secret
from runner.app.core.incident_service import IncidentService
from runner.app.people.accounts import Accounts, account_book, app_address, is_closed
from runner.app.people.break_glass import prove
from runner.app.people.logins import LONGEST, OIDC, Login, Logins
from runner.app.people.passkeys import Passkeys
from runner.app.people.passwords import SHORTEST
from runner.errors import Refused, TocsinError
from runner.incident.people.account_journal import BREAK_GLASS
from runner.reports.core.action_text import hint_text
from runner.reports.core.formatting import READER, count, screen_time
from runner.reports.core.header import named_zone
from runner.reports.people.accounts import break_glass_band
from runner.web.room import drawing
from runner.web.room.acts.forms import FACTORS, Given, without_factors
from runner.web.room.door import Absent

PASSWORD, CODE = f"{FACTORS}password", f"{FACTORS}code"
KEY, FILE = f"{FACTORS}passkey", f"{FACTORS}file"
"""Fields of the factors in a form, and the mark of a form that had a file; they never reach an act."""
FIELDS = 100
"""Most fields of a form of the entrance."""
_STATUS: Mapping[str, int] = {
    "too_many_attempts": 429,
    "login_refused": 401,
    "not_logged_in": 401,
    "provider_closed": 401,
    "provider_ended": 401,
    "provider_refused": 401,
    "provider_unknown": 401,
    "provider_down": 503,
    "link_ended": 401,
}


class Cookie(NamedTuple):
    """The cookie of a session: its name, and whether it goes over TLS alone."""

    name: str
    secure: bool

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


class Entry(NamedTuple):
    """One field of a form of the entrance."""

    name: str
    label: str
    kind: str = "text"
    complete: str = "off"
    """What a password manager fills in."""
    help: str = ""
    value: str = ""
    free: bool = False
    """Whether it may stay empty; a checkbox may, always."""


class Box(NamedTuple):
    """One part of a page: texts, and a form if it has a label for its button."""

    heading: str = ""
    texts: tuple[str, ...] = ()
    action: str = ""
    label: str = ""
    fields: tuple[Entry, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    quiet: bool = False
    passkey: str = ""
    """``get`` or ``create``: the button asks for a passkey, and is there only with a script."""
    options: str = ""
    """What the browser needs for that, as JSON."""
    link: str = ""
    """The address to which its label leads, in place of a form."""


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
        pooled: Callable[[Callable[[], Response]], Awaitable[Response]],
        failed: Callable[[Exception], Response],
    ) -> None:
        """Take the service of the calling thread, the sessions, and how the room finds a session, works and refuses."""
        self._service = service
        self._logins = logins
        self._cookie = cookie
        self.login = login
        self._pooled = pooled
        self._failed = failed

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self._route("/login", self._log_in),
            self._route("/join/{link}", self._join),
            self._route("/me", self._me),
        ]

    def _route(self, path: str, made: Made) -> Route:
        async def answer(request: Request) -> Response:
            body = await request.body() if request.method == "POST" else b""
            answer = await self._pooled(partial(self._answered, made, request, body))
            return self._cookie.renew(request, answer)

        return Route(path, answer, methods=["GET", "POST"])

    def _answered(self, made: Made, request: Request, body: bytes) -> Response:
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
        key = self._with_passkey(request, "/login", hidden)
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

    def _passkeys(self, request: Request) -> Passkeys:
        host = request.headers.get("host", "")
        return Passkeys(self.accounts(), self._service(), host, secure=self._cookie.secure)

    def _with_passkey(
        self, request: Request, action: str, hidden: Hidden, person: str = ""
    ) -> tuple[Box, ...]:
        """Return the form that asks for a passkey, where a browser can use one and somebody has one."""
        keys = self._passkeys(request)
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
                person = self._passkeys(request).prove(given[KEY])
            else:
                factors = self.accounts().log_in(person, given[PASSWORD], given[CODE], address_of(request))
        except Refused as error:
            return self.ask(request, place, error, person)
        return self.logged_in(request, self._logins.begin(person, factors), RedirectResponse(place, 303))

    def logged_in(self, request: Request, secret: str, answer: Response) -> Response:
        """Begin a session in a browser, and end the one that it had."""
        if before := request.cookies.get(self._cookie.name, ""):
            self._logins.end(before)
        self._cookie.put(answer, secret)
        return answer

    def _join(self, request: Request, given: Given) -> Response:
        """Open an account with an invitation. Looking at the link changes and shows nothing."""
        link, accounts = request.path_params["link"], self.accounts()
        title, action = "Open your account", request.url.path
        if request.method != "POST":
            first = ("This link works once. You need a phone with an authenticator app.",)
            return entrance_page(title, (Box(texts=first, action=action, label="Begin"),))
        failed, nonce = None, given["nonce"] or new_secret()
        if "nonce" in given:
            try:
                _same(given)
                secret, codes = accounts.open(link, nonce, given["new"], given[CODE])
            except Refused as error:
                failed = error
            else:
                return self.logged_in(request, secret, _codes(codes, self._binding()))
        person = accounts.invited(link)
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
        picture = _picture(app_address(seed, person, name))
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
        if not given["name"]:
            return _codes(accounts.new_recovery_codes(who.person))
        keys = self._passkeys(request)
        try:
            if given["made"]:
                keys.add(who.person, given["name"], given["made"])
            else:
                keys.remove(who.person, given["name"])
        except Refused as error:
            return self._my_page(request, login, error)
        return RedirectResponse("/me", 303)

    def _my_page(self, request: Request, login: Login, failed: Refused | None = None) -> Response:
        person, keys = login.principal.person, self._passkeys(request)
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

    # --- an act that binds --------------------------------------------------------------------------------

    def confirm(self, request: Request, login: Login, given: Given, proof: Given) -> Response | None:
        """Return the page that asks for the factors before an act that binds; None if they are new enough.

        The page sends the same form to the same address again, with the factors: nothing that was typed is lost. Afterwards
        the session has a new secret (``Cookie.renew``). ``proof`` are the factors, and ``given`` is without them. A session
        without an account cannot confirm: whether its claim is enough, the service decides.
        """
        password, code, key, had_file = (proof[name] for name in (PASSWORD, CODE, KEY, FILE))
        if not login.name or login.fresh(self._service().clock.now()):
            return None
        failed: Refused | None = None
        if password or key:
            secret, accounts = request.cookies.get(self._cookie.name, ""), self.accounts()
            try:
                if login.by(f"{BREAK_GLASS}/"):
                    prove(self._service(), accounts, password, code, address_of(request))
                elif not key:
                    accounts.log_in(login.principal.person, password, code, address_of(request))
                else:
                    self._passkeys(request).prove(key, login.principal.person)
                request.state.session = accounts.renewed(secret)
            except Refused as error:
                failed = error
            else:
                if had_file:
                    raise Refused(
                        "You are confirmed. Your browser did not send the file again, so nothing was recorded.",
                        hint="Choose the file once more.",
                        code="file_again",
                    )
                return None
        texts: tuple[str, ...] = (
            "Your last login is older than 5 minutes. Nothing was done yet, and what you typed is kept.",
        )
        if login.by(OIDC):
            texts = ("This act needs a factor of your account here. What you typed is kept.",)
            if self.accounts().factors(login.principal.person) is None:
                texts += ("Your account has none: ask for an invitation. It sets a password and an app.",)
        hidden = (*given.items(), *(((FILE, "1"),) if given.files or had_file else ()))
        fields = factor_fields(sealed=login.by(f"{BREAK_GLASS}/"))
        box = Box(action=request.url.path, label="Confirm and go on", fields=fields, hidden=hidden)
        boxes = (*self._with_passkey(request, request.url.path, hidden, login.principal.person), box)
        return entrance_page("Confirm that it is you", boxes, texts=texts, failed=failed, status=401)


def fields_of(body: bytes) -> Given:
    """Return the fields of a form of the entrance; raises Refused for more than any has."""
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise Refused("The form has too many fields.", hint="Use the page again.", code="bad_form") from None
    return Given(dict(pairs))


def factor_fields(*, sealed: bool = False) -> tuple[Entry, ...]:
    """Return the fields for password and code; ``sealed`` are those of the break-glass account, which may have no app."""
    if sealed:
        code = "Code of its app, if it has one"
        return Entry(PASSWORD, "Passphrase", "password"), Entry(
            CODE, code, complete="one-time-code", free=True
        )
    return (
        Entry(PASSWORD, "Password", "password", "current-password"),
        Entry(CODE, "Code of the app, or a recovery code", "text", "one-time-code"),
    )


def _codes(codes: tuple[str, ...], more: tuple[Box, ...] = ()) -> Response:
    """Show recovery codes, once."""
    texts = (
        "Write these recovery codes down, and keep them apart from your phone. They are shown only now.",
        "Each one works once, in place of a code of the app.",
    )
    ready = Box(texts=("You are logged in.",))
    return entrance_page("Your recovery codes", (ready, *more), texts=texts, codes=codes)


def entrance_page(
    title: str, boxes: tuple[Box, ...], *, status: int = 200, failed: Refused | None = None, **more: Any
) -> Response:
    """Return a page of the entrance: texts and forms; ``more`` are further values of its template."""
    said = None if failed is None else {"message": failed.message, "hint": hint_text(failed)}
    values = {
        "texts": (),
        "picture": "",
        "codes": (),
        "onward": "",
        "band": "",
        "drawn": None,
        "text": "",
        **more,
    }
    text = drawing.render("entrance.html", title=title, boxes=boxes, failed=said, **values)
    return HTMLResponse(text, status if failed is None else _STATUS.get(failed.code, 409))


def _picture(address: str) -> Markup:
    """Return an address as a picture for a phone."""
    import segno

    made = segno.make(address, error="m")
    return Markup(made.svg_inline(scale=4, border=4, light="white", svgclass=None, lineclass=None))  # noqa: S704  # of our own text


def _same(given: Given) -> None:
    if given["new"] != given["again"]:
        raise Refused("The two passwords differ.", hint="Type both again.", code="passwords_differ")


def address_of(request: Request) -> str:
    """Return the network address of who asks."""
    return request.client.host if request.client else ""


def local(place: str) -> str:
    """Return an address if it is a path of the room, else the first page: a login must not lead elsewhere."""
    plain = place.startswith("/") and not place.startswith("//") and "\\" not in place
    return place if plain and place.isprintable() else "/"
