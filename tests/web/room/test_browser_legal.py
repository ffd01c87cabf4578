"""Counsel in a real browser: from the gap to the signature under the exact bytes, and two who sign at once."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runner.base.actor import Principal
from runner.web.room.table import BY_OPERATION, address
from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import noticed, rendered
from tests.web.room.room import Served, served
from tests.web.room.test_browser import PHONE, logged_in, sees
from tests.web.room.test_signing import TWO, final

JONAS, ADA = (Principal(person=person, proven_by="login:test", host="desk") for person in ("jonas", "ada"))
pytestmark = [pytest.mark.slow, pytest.mark.browser]


def page_of(room: Served, operation: str, ref: str) -> str:
    return f"{room.url}{address(BY_OPERATION[operation], room.codename, ref)}"


def go(page: Any, url: str) -> None:
    """Go to a page; one that is drawn anew at this moment interrupts that, so what it goes to is awaited."""
    from playwright.sync_api import Error

    for last in (False, False, True):
        try:
            page.goto(url)
            return
        except Error:
            if last:
                raise
            page.wait_for_load_state()


def test_counsel_goes_from_the_gap_to_the_signature(browser: Any, room: Served, desk: AtDesk) -> None:
    with logged_in(browser, room, JONAS, viewport={"width": 1400, "height": 900}) as page:
        page.goto(page_of(room, "notice", room.document))
        sees(page, "main", "incident.vector")
        text, beside = page.locator("pre").bounding_box(), page.locator(".split > div").bounding_box()
        assert text["x"] + text["width"] <= beside["x"], "the text is left of its requirements"
        final(desk, "phishing")
        go(page, f"{room.url}/sign")
        page.click("#live .row a")
        sees(page, "#connection", "Live")
        page.fill("input[name=reason]", "read twice")
        desk.done("fact", "set", "incident.summary=Two mailboxes.", "--source", "log", "--as", "maria")
        sees(page, "#changed", "changed")
        page.click("button:text-is('Approve this exact version')")
        page.locator("[data-error]").wait_for()
        assert page.input_value("input[name=reason]") == "read twice"
        assert desk("task", "show", "sign", "--format", "json").json["approvals"] == []
        page.evaluate("localStorage.clear()")
        final(desk, "phishing")
        sees(page, "button", "Approve this exact version")
        page.wait_for_url(lambda url: "/act/" not in url)  # a refused form is not sent again by itself
        page.fill("input[name=reason]", "read twice")
        with page.expect_download() as download:
            page.click("text=Download TXT")
        digest = sha256(Path(download.value.path()).read_bytes()).hexdigest()
        assert digest in page.inner_text("#live")
        assert digest in rendered(desk)["files"]["txt"]
        with page.expect_navigation():
            page.click("button:text-is('Approve this exact version')")
        (given,) = desk("task", "show", "sign", "--format", "json").json["approvals"]
        assert (given["by"], given["proven_by"], given["reason"]) == ("jonas", "login:test", "read twice")


def test_two_people_sign_the_version_that_both_have_open(browser: Any, desk: AtDesk, tmp_path: Path) -> None:
    noticed(desk, tmp_path, playbook=TWO)
    final(desk, "phishing")
    with (
        served(desk) as room,
        logged_in(browser, room, JONAS, **PHONE) as one,
        logged_in(browser, room, ADA, java_script_enabled=False) as other,
    ):
        for page in (one, other):
            page.goto(page_of(room, "sign", "sign"))
        for page in (one, other):
            with page.expect_navigation():
                page.click("button:text-is('Approve this exact version')")
    assert desk("task", "show", "sign", "--format", "json").json["task"]["state"] == "done"


def test_a_value_is_copied_into_the_form_of_the_authority(browser: Any, room: Served) -> None:
    allowed = {"permissions": ["clipboard-read", "clipboard-write"]}
    with logged_in(browser, room, JONAS, **allowed) as page:
        page.goto(page_of(room, "file", "eu-gdpr-33-controller-sa/initial"))
        page.click("[data-copy]")
        sees(page, "[data-copy]", "Copied")
        assert "Somebody read a mailbox." in page.evaluate("navigator.clipboard.readText()")
