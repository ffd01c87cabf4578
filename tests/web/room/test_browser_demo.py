"""The breach of ``make demo``, worked in the browser alone: from the opening to the close, by three people with accounts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runner.app.people.logins import FRESH
from tests.cli.at_desk import T0, AtDesk
from tests.demo.demo import DUTY, FACTS, PHASES, SETTINGS
from tests.patience import PATIENCE
from tests.servers.receivers import MailServer
from tests.web.room.factors import PASSWORD, Person, an_account
from tests.web.room.room import Served, served
from tests.web.room.test_browser_legal import go

pytestmark = [pytest.mark.slow, pytest.mark.browser]


class AtBrowser:
    """One person with an account, in a browser of their own."""

    def __init__(self, page: Any, room: Served, person: Person) -> None:
        """Log in with the password and the code of the app."""
        self.page, self.room, self.person = page, room, person
        page.goto(f"{room.url}/login")
        page.fill("input[name=person]", person.name)
        self._factors("Log in")
        page.wait_for_url(f"{room.url}/")

    def _factors(self, label: str) -> None:
        self.page.fill("input[name=account-password]", PASSWORD)
        self.page.fill("input[name=account-code]", self.person.code())
        self.page.click(f"button:text-is('{label}')")

    def go(self, place: str = "") -> None:
        """Go to a page of the incident."""
        go(self.page, f"{self.room.url}/i/{self.room.codename}{place}")

    def text(self) -> str:
        """Return what is on the page."""
        return str(self.page.inner_text("main"))

    def step(self, title: str) -> None:
        """Go to the page of a task, from the list of tasks."""
        self.go("/tasks")
        self.page.click(f"#live tr:has-text('{title}') a")
        self.page.wait_for_url("**/task/**")

    def act(self, verb: str, number: int = 0, file: Path | None = None, **fields: str) -> None:
        """Fill and send a form of the page; look at its preview, and confirm with the factors if they are asked for."""
        form = self._filled(verb, number, file, fields)
        with self._answered():
            form.locator("button").last.click()
        sure = self.page.locator("button[name=sure]")
        if sure.count():
            if file is not None:
                self._filled(verb, number, file, {})
            with self._answered():
                sure.click()
        self.asked = self.page.locator("input[name=account-password]").count() == 1
        if self.asked:
            with self._answered():
                self._factors("Confirm and go on")
        assert self.page.locator("[data-error]").count() == 0, self.text()

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Wait for the page that answers a form; one that is only drawn anew meanwhile is not that page."""

        from playwright.sync_api import Error

        def last(answer: Any) -> bool:
            before = answer.request.redirected_from or answer.request
            return bool(answer.status != 303 and before.method == "POST")

        old = self.page.query_selector("html")
        with self.page.expect_response(last) as answer:
            yield
        answer.value.finished()
        end = time.monotonic() + PATIENCE
        with suppress(Error):  # the element goes when the browser shows the answer
            while old.evaluate("one => one.isConnected"):
                assert time.monotonic() < end, "the answer is not shown"
                self.page.wait_for_timeout(20)
        self.page.wait_for_load_state()

    def _filled(self, verb: str, number: int, file: Path | None, fields: dict[str, str]) -> Any:
        form = self.page.locator(f"form[data-draft={verb}]").nth(number)
        form.evaluate(
            "one => { for (let at = one; at; at = at.parentElement) if (at.tagName == 'DETAILS') at.open = true }"
        )
        for name, value in fields.items():
            field = form.locator(f"[name='{name}']")
            if field.evaluate("one => one.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        if file is not None:
            form.locator("input[type=file]").set_input_files(file)
        return form


@contextmanager
def at_browser(browser: Any, room: Served, person: Person, **options: Any) -> Iterator[AtBrowser]:
    """Give a person a browser; what its console calls an error fails the test."""
    context = browser.new_context(**options)
    said: list[str] = []
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield AtBrowser(page, room, person)
    finally:
        context.close()
    assert [text for text in said if "status of 401" not in text] == []  # the question for the factors


@pytest.fixture
def office(tmp_path: Path) -> Iterator[AtDesk]:
    """The home of the demo."""
    mail, desk = MailServer(), AtDesk(tmp_path / "home", os_user="ana")
    desk.done("init")
    (desk.home / "tocsin.yaml").write_text(
        SETTINGS.format(port=mail.port) + "worker: manual\n", encoding="utf-8"
    )
    yield desk
    desk.close()
    mail.stop()


def test_the_demo_is_worked_in_the_browser_alone(browser: Any, office: AtDesk, tmp_path: Path) -> None:
    times = {"discovered": T0 - timedelta(hours=5), "aware": T0 - timedelta(hours=3)}
    facts = tmp_path / "facts.yaml"
    facts.write_text(FACTS.format(**{name: one.isoformat() for name, one in times.items()}), encoding="utf-8")
    people = [an_account(office, name) for name in ("ana", "ben", "cleo")]
    with (
        served(office) as room,
        at_browser(browser, room, people[0]) as ana,
        at_browser(browser, room, people[1], java_script_enabled=False) as ben,
        at_browser(browser, room, people[2], java_script_enabled=False) as cleo,
    ):
        alert(office, ana, ben, facts)
        assess(office, ana, ben)
        contain(office, ana)
        notify(office, ana, ben, cleo)
        close(office, ana, cleo)
    last = office("status", room.codename, "--format", "json").json
    assert (last["state"], [one["state"] for one in last["second_person"]]) == ("closed", ["confirmed"] * 2)
    assert office("audit", "verify").code == 0


def alert(office: AtDesk, ana: AtBrowser, ben: AtBrowser, facts: Path) -> None:
    """Open the incident, import the first facts, and acknowledge the message."""
    ana.act("open", kind="real", playbook="personal-data-breach", title="Customer list on the internet")
    ana.room.codename = ana.page.url.rpartition("/")[2]
    office("worker", "--once")
    ana.go("/facts")
    ana.act("import", file=facts)
    ben.go("/messages")
    ben.page.click("tr:has-text('Ben Cole') a")
    ben.act("ack")


def assess(office: AtDesk, ana: AtBrowser, ben: AtBrowser) -> None:
    """Assess the risk, which ends a duty, and confirm that as the second person."""
    ben.go("/facts")
    ben.page.click("text=How high is the risk")
    ben.act("state", value="risk", source="risk meeting", grounds="no high risk")
    ben.go("/facts")
    for name, value in (("by", "Ben Cole"), ("grounds", "Names and mail addresses only")):
        ben.act("state", fact=f"risk.harm_assessment.{name}", value=value, source="risk meeting")
    ana.go()
    ana.page.click("text=See what you can do")  # the confirmation is asked for, and is a form of this page
    ana.act("confirm")


def contain(office: AtDesk, ana: AtBrowser) -> None:
    """Take command, and do the first tasks."""
    ana.step("Take command")
    answers = {
        "command_at": "2m ago", "scribe": "no", "deputy": "no", "channel": "telephone", "channel_answered": "yes",
        "staff_told_at": "unknown",
    }  # fmt: skip
    ana.act("answer", **{f"incident.mobilised.{name}": value for name, value in answers.items()})
    for title in ("Confirm that something", "Stop the breach"):
        done(ana, title)
    ana.step("Since when")
    ana.act("answer", value="1m ago")
    office("worker", "--once")


def done(someone: AtBrowser, title: str) -> None:
    """Check each item of a task, and end it."""
    someone.step(title)
    for number in range(someone.page.locator("form[data-draft=check]").count()):
        someone.act("check", number)
    someone.act("done")


def notify(office: AtDesk, ana: AtBrowser, ben: AtBrowser, cleo: AtBrowser) -> None:
    """Complete the notice, verify its items, approve it by two people, file it, and take its file."""
    done(ana, "Complete the notice")
    office("worker", "--once")
    go(cleo.page, f"{cleo.room.url}/sign")
    cleo.page.click("#live .row a")
    cleo.page.click("#live a[href*='/notice/']")
    for _ in range(2):
        cleo.act("tick")
    office.clock.advance(FRESH)
    for signer in (cleo, ben):
        go(signer.page, f"{signer.room.url}/sign")
        signer.page.click("#live .row a")
        signer.act("approve")
        assert signer.asked
    ben.go("/duties")
    ben.page.click("#live a:has-text('33(1)')")
    ben.page.click(f"#live a[href$='/file/{DUTY}']")
    signed = ben.page.locator("select[name=digest] option").nth(1).get_attribute("value")
    ben.act("filed", reference="AP-2026-4711", digest=signed)
    ben.go("/notices")
    ben.page.click("#live a:has-text('gdpr-33-initial')")
    with ben.page.expect_download() as download:
        ben.page.click("text=Download PDF")
    body = Path(download.value.path()).read_bytes()
    duties = {one["id"]: one for one in office("duties", "--format", "json").json["duties"]}
    assert (duties[DUTY]["state"], body[:4], sha256(body).hexdigest() in ben.text()) == (
        "filed",
        b"%PDF",
        True,
    )


def close(office: AtDesk, ana: AtBrowser, cleo: AtBrowser) -> None:
    """Close the incident by two people, and verify the journal."""
    office("worker", "--once")
    ana.go()
    ana.act("close", reason="end of the demo", leave_open=f"{PHASES} = no new facts yet")
    cleo.go()
    cleo.act("confirm")
    ana.go("/audit")
    ana.act("verify")
