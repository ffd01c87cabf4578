"""Letters in a real browser: from the list over the sample and the approval to sent messages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from runner.base.actor import Principal
from tests.cli.campaigns.test_bulk import people
from tests.cli.notices.noticed import verified
from tests.servers.receivers import MailServer
from tests.web.room.room import served
from tests.web.room.test_browser import PHONE, logged_in, sees, violations
from tests.web.room.test_letters import an_office

MARIA, JONAS = (
    Principal(person=person, proven_by="login:test", host="desk") for person in ("maria", "jonas")
)
pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.mark.usefixtures("axe")
def test_a_list_becomes_sent_messages_in_the_browser(browser: Any, tmp_path: Path) -> None:
    relay = MailServer()
    desk = an_office(tmp_path, relay)
    verified(desk, "", "jonas")
    path = tmp_path / "people.csv"
    path.write_text(people(4), encoding="utf-8")
    with served(desk) as room:
        with logged_in(browser, room, MARIA, "status of 409", **PHONE) as page:
            page.goto(f"{room.url}/i/{room.codename}/letters")
            assert violations(page) == []
            form = page.locator("form[data-draft=plan]")
            form.locator("[name=notice]").select_option("our-letter")
            form.locator("[name=file]").set_input_files(path)
            form.locator("button").click()
            page.wait_for_url(re.compile("/campaign/"))
            own = page.url
            page.click("a[href*='/samples/']")
            sees(page, "pre", "person2@people.example")
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.goto(own)
            assert violations(page) == []
            page.click("form[data-draft=send] button")
            page.locator("[data-error]").wait_for()  # nobody approved the text
            assert relay.mails == []
        with logged_in(browser, room, JONAS) as page:
            page.goto(own)
            page.click("a[href*='/sign/']")
            page.click("form[data-draft=approve] button")
            page.wait_for_url(lambda url: "/act/" not in url)
        with logged_in(browser, room, MARIA, **PHONE) as page:
            page.goto(own)
            page.fill("form[data-draft=send] [name=accept_counts]", "the facts count nobody yet")
            page.click("form[data-draft=send] button")
            page.click("button[name=sure]")
            sees(page, "#live", "notified")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert sorted(to for to, *_ in relay.mails) == [f"person{n}@people.example" for n in range(1, 5)]
    relay.stop()
    desk.close()
