"""Other ways into the room than password and passkey: the login provider, the break-glass account, and links for one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from runner.app.core.incident_service import IncidentService
from runner.app.notices.signing import to_sign
from runner.app.people import break_glass, step_links
from runner.app.people.accounts import Accounts
from runner.app.people.factors import Subject
from runner.app.people.login_pace import network
from runner.app.people.logins import OIDC, Logins
from runner.app.people.passkeys import PATIENCE
from runner.app.people.provider import Described, Provider, unknown_subject
from runner.app.people.step_links import StepLink
from runner.base.text import spelled
from runner.errors import Refused
from runner.incident.people.account_journal import BREAK_GLASS_LASTS
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page
from runner.reports.incidents.task import CheckRow, task_page
from runner.reports.incidents.task import task as task_report
from runner.web.room import drawing
from runner.web.room.acts.forms import Given, without_factors
from runner.web.room.entrance import Cookie, Entrance, Hidden, local
from runner.web.room.entrance_page import (
    CODE,
    KEY,
    PASSWORD,
    Box,
    Entry,
    address_of,
    entrance_page,
    factor_fields,
)

ANSWER = "/login/provider/answer"
"""Where the login provider sends a browser back: its settings must name this address."""
WAITING = 2
"""Requests that wait for the provider, and as many others: a provider that hangs must not hang these, or the pages."""
BEGUN = 30
"""Logins with the provider that one network address may begin in a minute."""
_FACTOR, _SEALED, _LINK = "/login/provider/factor", "/login/break-glass", "/link/{link}"
Made = Callable[[Request, Given], Response]


class _About(NamedTuple):
    """What a link shows, after its button."""

    title: str
    page: Page
    text: str = ""
    items: Sequence[CheckRow] = ()


class WaysIn:
    """Answers the requests of these logins and links."""

    def __init__(
        self,
        entrance: Entrance,
        service: Callable[[], IncidentService],
        logins: Logins,
        cookie: Cookie,
        failed: Callable[[Exception], Response],
    ) -> None:
        """Take the entrance, whose pages and sessions these are, too."""
        self._entrance = entrance
        self._service = service
        self._logins = logins
        self._cookie = cookie
        self._failed = failed
        self._asking, self._others = anyio.CapacityLimiter(WAITING), anyio.CapacityLimiter(WAITING)
        self._described: Described = {}
        self._started: Counter[str] = Counter()
        self._minute = 0

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self._route("/login/provider", self._ask, "GET", asks=True),
            self._route(ANSWER, self._answered, "GET", asks=True),
            self._route(_FACTOR, self._factor, "POST", hashes=True),
            self._route("/me/provider", self._bind, "POST", asks=True),
            self._route(_SEALED, self._break_glass, "GET", "POST"),
            self._route(_LINK, self._link, "GET", "POST"),
        ]

    def _route(self, path: str, made: Made, *methods: str, asks: bool = False, hashes: bool = False) -> Route:
        async def answer(request: Request) -> Response:
            body = await request.body() if request.method == "POST" else b""
            answered = partial(self._entrance.answered, made, request, body)
            if hashes:
                return await self._entrance.pooled(answered, hashes=True)
            return await anyio.to_thread.run_sync(answered, limiter=self._asking if asks else self._others)

        answer.__name__ = made.__name__
        return Route(path, answer, methods=[*methods])

    def _accounts(self) -> Accounts:
        return self._entrance.accounts()

    def _provider(self, accounts: Accounts) -> Provider:
        return Provider(self._service(), accounts, self._described)

    # --- the login provider -------------------------------------------------------------------------------

    def _ask(self, request: Request, given: Given) -> Response:
        place = local(request.query_params.get("next", "/"))
        try:
            return self._to_provider(request, place)
        except Refused as error:
            return self._entrance.ask(request, place, error)

    def _bind(self, request: Request, given: Given) -> Response:
        """Send the owner of an account to the provider, to bind the account; or end that. Both need a new factor."""
        login = self._entrance.login(request)
        given, proof = without_factors(given)
        if not login.name:
            return RedirectResponse("/me", 303)
        if asks := self._entrance.confirm(request, login, given, proof):
            return asks
        if given["provider"] == "bind":
            return self._to_provider(request, "/me", login.principal.person, login.name)
        self._accounts().unbind(login.principal.person)
        return RedirectResponse("/me", 303)

    def _to_provider(self, request: Request, place: str, person: str = "", session: str = "") -> Response:
        """Return the way to the provider. A form may lead to no other site, so the owner of an account follows a link."""
        provider = self._provider(self._accounts())
        self._pace(address_of(request))
        back = f"{'https' if self._cookie.secure else 'http'}://{request.headers.get('host', '')}{ANSWER}"
        target, kept = provider.ask(back, place, person, session)
        name = f"Go on to {provider.settings.name}"
        answer = _onward(name, target) if person else RedirectResponse(target, 303)
        answer.set_cookie(
            self._cookie.pending,
            kept,
            max_age=int(PATIENCE.total_seconds()),
            httponly=True,
            samesite="lax",  # the provider's answer comes from another site
            secure=self._cookie.secure,
        )
        return answer

    def _pace(self, address: str) -> None:
        """Count a begun login of an address; raises Refused for one too many in a minute. Nothing is written."""
        minute = int(self._service().clock.now().timestamp()) // 60
        if minute != self._minute:
            self._minute, self._started = minute, Counter()
        self._started[network(address)] += 1
        if self._started[network(address)] > BEGUN:
            raise Refused(
                "Too many logins began at your network address.",
                hint="Wait a minute. Or log in with your password or a passkey.",
                code="too_many_attempts",
            )

    def _answered(self, request: Request, given: Given) -> Response:
        """Judge the provider's answer. The cookie of the request is dropped whatever it is: an answer is used once."""
        try:
            answer = self._judged(request)
        except Refused as error:
            answer = self._entrance.ask(request, "/", error)
        answer.delete_cookie(self._cookie.pending, httponly=True, samesite="lax", secure=self._cookie.secure)
        return answer

    def _judged(self, request: Request) -> Response:
        accounts = self._accounts()
        provider = self._provider(accounts)
        kept = request.cookies.get(self._cookie.pending, "")
        asked, subject = provider.answered(kept, dict(request.query_params), address_of(request))
        if asked.person:
            if not any(one.name == asked.session for one in self._logins.of(asked.person)):
                raise Refused("Your session ended.", hint="Log in again.", code="not_logged_in")
            accounts.bind(asked.person, subject)
            return _onward("Your account is bound", "/me")
        person = accounts.person_of(subject)
        if not person:
            raise unknown_subject(provider.settings.name)
        if provider.settings.second_factor:
            hidden = (("ticket", provider.ticket(person, subject)), ("next", asked.place))
            return self._second(request, hidden, person)
        return self._begun(request, person, subject, asked.place, "")

    def _factor(self, request: Request, given: Given) -> Response:
        """Begin the session of a proved subject after a factor of the account here: a passkey, or password and code."""
        accounts, person, more = self._accounts(), "", "+totp"
        hidden = (("ticket", given["ticket"]), ("next", local(given["next"])))
        try:
            found = self._provider(accounts).of_ticket(given["ticket"])
            if accounts.person_of(found.subject) != found.person:
                raise unknown_subject(found.subject.issuer)
            person = found.person
            if given[KEY]:
                self._entrance.passkeys(request).prove(given[KEY], person)
                more = "+passkey"
            else:
                self._entrance.prove(request, person, given)
        except Refused as error:
            return self._second(request, hidden, person, error)
        return self._begun(request, person, found.subject, local(given["next"]), more)

    def _second(
        self, request: Request, hidden: Hidden, person: str, failed: Refused | None = None
    ) -> Response:
        texts = ("Your organisation asks for a factor of your account here, too.",)
        box = Box(action=_FACTOR, label="Log in", fields=factor_fields(), hidden=hidden)
        key = self._entrance.with_passkey(request, _FACTOR, hidden, person) if person else ()
        return entrance_page("Confirm that it is you", (*key, box), texts=texts, failed=failed)

    def _begun(self, request: Request, person: str, subject: Subject, place: str, more: str) -> Response:
        self._accounts().open_named(person)
        factors = f"{OIDC}{subject.issuer}#{subject.sub}{more}"
        secret = self._logins.begin(person, factors, fresh=bool(more))
        # A browser sends a strict cookie only after a page of our own.
        return self._entrance.logged_in(request, secret, _onward("You are logged in", place), person)

    # --- the break-glass account --------------------------------------------------------------------------

    def _break_glass(self, request: Request, given: Given) -> Response:
        failed = None
        if request.method == "POST":
            accounts, proof = self._accounts(), (given[PASSWORD], given[CODE], given["reason"])
            try:
                secret = break_glass.log_in(
                    self._service(), accounts, self._logins, proof, address_of(request)
                )
            except Refused as error:
                failed = error
            else:
                return self._entrance.logged_in(request, secret, _onward("You are logged in", "/"))
        fields = (
            *factor_fields(sealed=True),
            Entry("reason", "Who you are, and why you need this access", value=given["reason"]),
        )
        hours = int(BREAK_GLASS_LASTS.total_seconds()) // 3600
        texts = (
            f"Commanders, counsel and administrators are alerted at once. The access ends {hours} h after its first use.",
            "The reason is recorded. This access cannot approve, decide or file.",
        )
        box = Box(texts=texts, action=_SEALED, label="Log in and alert people", fields=fields)
        return entrance_page("Break-glass access", (box,), failed=failed)

    # --- links for one thing ------------------------------------------------------------------------------

    def _link(self, request: Request, given: Given) -> Response:
        """Show and use a link. Looking at it shows and changes nothing, so no preview of a message uses it up."""
        service, secret, action = self._service(), request.path_params["link"], request.url.path
        if request.method != "POST":
            first = (
                "This link is for one person and works once.",
                "It does not log you in and never asks for a password.",
            )
            return entrance_page("A link for you", (Box(texts=first, action=action, label="Show it"),))
        found = step_links.find(service, secret)
        if found is None:
            return entrance_page("This link cannot be used", (), failed=step_links.ended())
        about, failed = _about(service, *found), None
        once: tuple[str, ...] = ()
        try:
            if found[0].purpose == "approve":
                step_links.use(service, secret)
                once = ("This page is shown once. It approves nothing: tell the sender what you think.",)
            elif given["done"]:
                rows = frozenset(int(one) for one in given if one.isdecimal() and len(one) < len("1000"))
                step_links.use(service, secret, given["comment"].strip(), rows)
                return entrance_page("Recorded. Thank you", (Box(texts=("You can close this page.",)),))
        except Refused as error:
            if found[0].purpose == "approve":  # somebody else was faster: it is shown once
                return entrance_page("This link cannot be used", (), failed=error)
            failed = error
        drawn = drawing.draw(about.page, lambda about: "")
        boxes = () if once else (_form(about, action, given),)
        return entrance_page(
            about.title, boxes, texts=once, failed=failed, drawn=drawn, text=spelled(about.text)
        )


def _about(service: IncidentService, link: StepLink, incident: Incident) -> _About:
    """Return what a link shows: its task or approval, as the person may read it."""
    if link.purpose == "approve":
        found = to_sign(service, service.read(link.principal), link.principal, incident, link.step)
        return _About("One approval", found.page, found.text)
    report = task_report(incident, service.library(incident), link.step)
    page = task_page(report, service.now_in(incident), form=True)
    return _About("One task", page, items=report.checklist)


def _form(about: _About, action: str, given: Given) -> Box:
    hidden = (("done", "1"),)
    fields = [
        Entry(
            str(item.row - 1),
            f"{'MUST: ' if item.must else ''}Done: {item.text}",
            "checkbox",
            value="1",
            free=True,
        )
        for item in about.items
        if not item.done
    ]
    fields.append(Entry("comment", "Comment on the result", value=given["comment"], free=True))
    return Box(action=action, label="This task is done", fields=tuple(fields), hidden=hidden)


def _onward(title: str, place: str) -> Response:
    return entrance_page(title, (Box(label="Go on", link=place),), onward=place)
