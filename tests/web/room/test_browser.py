"""The room in a real browser: no violation of accessibility or of the page's own policy, live, on a phone, without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.base.actor import Principal
from runner.web.room.table import BY_OPERATION, TABLE, address
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.servers.needed import AXE
from tests.web.room.factors import PASSWORD, an_account
from tests.web.room.room import Served, landlord
from tests.web.room.test_exercises import PLAN, an_exercise

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
MARIA = Principal(person="maria", os_user="maria", host="desk")
THIRD = 1 / 3
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
THEMES: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
    "phone": PHONE,
}
pytestmark = [pytest.mark.slow, pytest.mark.browser]


@contextmanager
def logged_in(
    browser: Any, room: Served, who: Principal = MARIA, expect: str = "status of 412", **options: Any
) -> Iterator[Any]:
    """Log a new browser in by a link; an error on a page fails the test."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    said: list[str] = []

    def listen(page: Any) -> None:
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))

    context.on("page", listen)
    page = context.new_page()
    page.goto(room.link(who))
    page.click("button")
    page.wait_for_url(f"{room.url}/")
    try:
        yield page
    finally:
        context.close()
    assert [text for text in said if expect not in text] == []  # the answer to a stale form


def sees(page: Any, place: str, text: str) -> None:
    """Wait until a part of a page has a text."""
    page.locator(place, has_text=text).wait_for()


def violations(page: Any) -> list[str]:
    """Return what axe finds on a page."""
    page.evaluate(
        AXE.read_text(encoding="utf-8")
    )  # outside the page's policy, which allows no script of ours
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:80]}" for one in found]


@pytest.fixture
def step(room: Served, desk: AtDesk) -> str:
    """A task of Maria's, beside those of the playbook."""
    return landlord(desk)


@pytest.fixture
def drill(room: Served, desk: AtDesk, tmp_path: Path) -> str:
    """The codename of an exercise beside the breach, and an action item."""
    desk.done("improvement", "add", "The call list is old", "--owner", "maria", "--due", "2026-12-24")
    return an_exercise(desk, tmp_path, PLAN.replace("olga", "maria"))


def every_page(room: Served, step: str, drill: str) -> dict[str, str]:
    """Return the address of each page that the incidents of the tests have, by its operation."""
    duty = "eu-gdpr-33-controller-sa/initial"
    things = {
        "task": step, "fact": "incident.aware_at", "duty": duty, "file": duty, "notice": room.document,
        "changes": room.document, "sign": "sign", "provisions": "eu-gdpr-33-controller-sa", "improvement": "i-1",
    }  # fmt: skip
    return {
        row.operation: address(row, drill if row.exercise else room.codename, things.get(row.operation, ""))
        for row in TABLE
        if "{ref" not in row.path or row.operation in things
    }


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize(
    "theme", ["light", *(pytest.param(name, marks=pytest.mark.nightly) for name in THEMES if name != "light")]
)
def test_no_page_has_a_barrier(browser: Any, room: Served, step: str, drill: str, theme: str) -> None:
    with logged_in(browser, room, **THEMES[theme]) as page:
        found = {}
        for path in every_page(room, step, drill).values():
            page.goto(f"{room.url}{path}")
            found[path] = violations(page)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert found == {key: [] for key in found}


def test_a_page_fits_a_phone(browser: Any, room: Served, step: str, drill: str) -> None:
    with logged_in(browser, room, **PHONE) as page:
        for path in every_page(room, step, drill).values():
            page.goto(f"{room.url}{path}")
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
            cut = "[...document.querySelectorAll('nav')].filter((one) => one.scrollWidth > one.clientWidth).length"
            assert page.evaluate(cut) == 0, path
            top = page.evaluate("document.querySelector('main').getBoundingClientRect().top / innerHeight")
            assert top < THIRD, path  # the menus are folded
        page.goto(f"{room.url}/i/{room.codename}")
        page.click("nav.incident summary")
        page.click("nav.incident >> text=Legal duties")
        assert page.url.endswith("/duties")


def test_a_task_added_at_the_command_line_appears_in_an_open_page(
    browser: Any, room: Served, desk: AtDesk
) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}/i/{room.codename}")
        sees(page, "#connection", "Live")
        desk.done("task", "add", "Call the landlord", "--to", "maria")
        sees(page, "#main", "Call the landlord")


def test_twelve_tabs_share_one_stream_and_all_are_current(browser: Any, room: Served, desk: AtDesk) -> None:
    with logged_in(browser, room) as page:
        tabs = [page.context.new_page() for _ in range(12)]
        for tab in tabs:
            tab.goto(f"{room.url}/i/{room.codename}")
        sees(tabs[0], "#connection", "Live")
        desk.done("task", "add", "Call the landlord", "--to", "maria")
        for tab in tabs:
            sees(tab, "#main", "Call the landlord")
        assert room.streams() == 1


def test_an_ended_session_is_said_on_the_open_page(browser: Any, room: Served) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}/i/{room.codename}")
        sees(page, "#connection", "Live")
        room.server_stops()
        sees(page, "#connection", "NOT LIVE")


def test_everything_can_be_read_without_scripts(browser: Any, room: Served) -> None:
    with logged_in(browser, room, java_script_enabled=False) as page:
        page.click(f"text={room.codename}")
        page.click("nav.incident >> text=Legal duties")
        page.click("#live table a >> nth=0")
        assert page.url.startswith(f"{room.url}/i/{room.codename}/duty/")
        assert room.codename in page.inner_text("h1") or page.locator("#state").count() == 1


def test_the_pages_can_be_walked_with_the_keyboard(browser: Any, room: Served) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}/i/{room.codename}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_a_page_is_printed_without_its_navigation(browser: Any, room: Served, tmp_path: Path) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}/i/{room.codename}")
        page.emulate_media(media="print")
        assert not page.locator("header").is_visible()
        page.pdf(path=tmp_path / "page.pdf")
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_a_task_is_done_in_the_browser_with_and_without_scripts(
    browser: Any, room: Served, desk: AtDesk, step: str
) -> None:
    for scripts in (True, False):
        with logged_in(browser, room, java_script_enabled=scripts) as page:
            page.goto(f"{room.url}/i/{room.codename}/tasks")
            page.click("text=landlord")
            page.click("text=Start this task" if scripts else "button:text-is('This task is done')")
            sees(page, "#live", "in progress" if scripts else "done")
    assert desk("task", "show", step, "--format", "json").json["task"]["state"] == "done"


def test_typed_text_survives_a_reload_a_change_and_a_refusal(
    browser: Any, room: Served, desk: AtDesk, step: str
) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}{address(BY_OPERATION['task'], room.codename, step)}")
        sees(page, "#connection", "Live")
        page.fill("textarea[name=comment]", "He is on holiday")
        page.reload()
        assert page.input_value("textarea[name=comment]") == "He is on holiday"
        sees(page, "#connection", "Live")
        desk.done("task", "start", step)
        sees(page, "#changed", "Your text is kept")
        assert page.input_value("textarea[name=comment]") == "He is on holiday"
        page.reload()
        page.click("button:text-is('This task is done')")
        sees(page, "#live", "done")
        assert page.evaluate("Object.keys(localStorage).length") == 0


def test_a_page_without_typed_text_follows_the_task(
    browser: Any, room: Served, desk: AtDesk, step: str
) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}{address(BY_OPERATION['task'], room.codename, step)}")
        sees(page, "#connection", "Live")
        desk.done("task", "start", step)
        page.locator("text=Start this task").wait_for(state="detached")


def test_a_page_is_not_drawn_anew_while_a_form_of_it_is_being_sent(
    browser: Any, room: Served, desk: AtDesk, step: str
) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}{address(BY_OPERATION['task'], room.codename, step)}")
        sees(page, "#connection", "Live")
        page.evaluate("""() => {
            window.here = true;
            document.querySelector("form[data-draft]").dispatchEvent(new Event("submit", {bubbles: true}));
        }""")
        desk.done("task", "start", step)
        sees(page, "#live", "in progress")
        assert page.evaluate("window.here") is True


def test_an_open_page_follows_after_a_second_login_of_the_browser(
    browser: Any, room: Served, desk: AtDesk
) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}/i/{room.codename}")
        sees(page, "#connection", "Live")
        other = page.context.new_page()
        other.goto(room.link(MARIA))
        other.click("button")
        other.wait_for_url(f"{room.url}/")
        landlord(desk)
        sees(page, "#main", "Call the landlord")
        other.goto(f"{room.url}/people")
        assert other.text_content("#connection").strip() == "", (
            "what does not follow changes does not say that it is live"
        )


def test_the_number_of_open_incidents_follows_too(
    browser: Any, room: Served, desk: AtDesk, tmp_path: Path
) -> None:
    with logged_in(browser, room) as page:
        sees(page, "#open", "1")
        sees(page, "#connection", "Live")
        desk.done("open", str(tmp_path / "noticed.yaml"), "--yes")
        sees(page, "#open", "2")


@pytest.mark.nightly
def test_an_open_page_says_that_it_is_not_live_while_the_server_hangs(browser: Any, room: Served) -> None:
    with logged_in(browser, room) as page:
        sees(page, "#connection", "Live")
        room.hangs(16)
        sees(page, "#connection", "NOT LIVE")
        sees(page, "#connection:not(:has-text('NOT'))", "Live")


def test_what_is_new_since_the_last_look_is_a_link(browser: Any, room: Served, desk: AtDesk) -> None:
    with logged_in(browser, room) as page:
        path = f"{room.url}/i/{room.codename}"
        page.goto(path)
        assert page.locator("#since a").is_hidden()
        page.goto(room.url)
        desk.clock.advance(timedelta(minutes=1))
        desk.done("note", "seen-meanwhile")
        page.goto(path)
        page.click("#since a")
        sees(page, "#live", "seen-meanwhile")
        page.goto(path)
        assert page.locator("#since a").is_hidden()


@pytest.mark.usefixtures("axe")
def test_a_message_is_sent_in_the_browser_after_its_plan(browser: Any, room: Served, desk: AtDesk) -> None:
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}/i/{room.codename}/messages")
        page.fill("form[data-draft=send] textarea", "Call me")
        page.select_option("form[data-draft=send] select[name=to]", "person:ada")
        page.click("form[data-draft=send] button")
        assert violations(page) == []
        page.click("form[data-draft=send] button[name=sure]")
        page.wait_for_url(f"{room.url}/i/{room.codename}/messages")
        assert page.input_value("form[data-draft=send] textarea") == ""
        desk.done("note", "look")
        deliveries = desk("message", "list", "--format", "json").json["deliveries"]
        assert {one["recipient"] for one in deliveries if not one["step"]} == {"ada"}


def test_a_text_sent_after_the_end_of_the_session_is_in_its_form_after_the_login(
    browser: Any, room: Served, desk: AtDesk, step: str
) -> None:
    maria = an_account(desk, "maria")
    with logged_in(browser, room, expect="status of 401") as page:
        path = address(BY_OPERATION["task"], room.codename, step)
        page.goto(f"{room.url}{path}")
        page.fill("textarea[name=comment]", "He is on holiday")
        page.context.clear_cookies()
        page.click("button:text-is('This task is done')")
        page.fill("[name=person]", "maria")
        page.fill("[name=account-password]", PASSWORD)
        page.fill("[name=account-code]", maria.code())
        page.click("text=Log in >> nth=-1")
        page.wait_for_url(f"{room.url}{path}")
        assert page.input_value("textarea[name=comment]") == "He is on holiday"
        page.click("button:text-is('This task is done')")
        sees(page, "#live", "done")
        assert page.evaluate("Object.keys(localStorage).length") == 0
        assert page.context.cookies(room.url)[0]["name"] != "tocsin-taken"


def test_a_relative_time_is_confirmed_as_it_was_previewed(browser: Any, room: Served, desk: AtDesk) -> None:
    form, value = "form[data-draft=state]", "form[data-draft=state] [name=value]"
    with logged_in(browser, room) as page:
        page.goto(f"{room.url}/i/{room.codename}/facts/incident.aware_at")
        page.locator(value).press_sequentially("5m ago")
        page.locator(f"{form} [name=grounds]").press_sequentially("the log")
        page.click(f"{form} button")
        page.wait_for_selector(f"{form} button[name=sure]")
        settled = page.input_value(value)
        assert settled.startswith("2026-11-24T")
        desk.clock.advance(timedelta(seconds=65))
        page.click(f"{form} button[name=sure]")
        page.wait_for_url(f"{room.url}/i/{room.codename}/facts/incident.aware_at")
        assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft')).length") == 0
    assert desk("fact", "show", "--format", "json").json["awaiting"] != []
