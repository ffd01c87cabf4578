"""The page behind a link: reading changes nothing, the button works once, invalid links look alike."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.servers.postgres import BOTH_STORES
from tests.web.at_provider import by_screen, opened
from tests.web.served import Serving, delivery, serving

FORM = b"answer=seen"
AS_FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(params=["real", "exercise"])
def told(request, tocsin: AtDesk, tmp_path: Path) -> Iterator[tuple[AtDesk, Serving, str]]:
    """A message with a link was shown on a screen, and somebody serves the link."""
    by_screen(tocsin)
    opened(tocsin, tmp_path, kind=request.param)
    [link] = re.findall(r"https://callbacks\.example\.org(/ack/\S+)", tocsin.console)
    with serving(tocsin) as served:
        yield tocsin, served, link


def evidence(tocsin: AtDesk) -> str:
    return str(delivery(tocsin)["evidence"])


@BOTH_STORES
def test_programs_that_look_at_links_acknowledge_nothing(told) -> None:
    tocsin, served, link = told
    before = tocsin.done("timeline")
    for method, body in (
        ("GET", b""),
        ("HEAD", b""),
        ("POST", b""),
        ("POST", b"x=1"),
        ("PUT", FORM),
        ("OPTIONS", b""),
    ):
        served.ask(method, link, body, AS_FORM)
    assert (evidence(tocsin), tocsin.done("timeline")) == ("accepted", before)


@BOTH_STORES
def test_the_button_acknowledges_and_the_link_is_spent(told) -> None:
    tocsin, served, link = told
    page = served.ask("GET", link)
    assert (page.status, b'<form method="post">' in page.body) == (200, True)
    done = served.ask("POST", link, FORM, AS_FORM)
    assert (done.status, b"Thank you" in done.body) == (200, True)
    assert (evidence(tocsin), delivery(tocsin)["state"]) == ("acked", "satisfied")
    before = tocsin.done("timeline")
    served.ask("POST", link, FORM, AS_FORM)
    assert tocsin.done("timeline") == before
    assert b"<form" not in served.ask("GET", link).body


def test_the_page_runs_no_script_loads_nothing_and_names_no_person(told) -> None:
    tocsin, served, link = told
    page = served.ask("GET", link)
    policy = page.headers["content-security-policy"]
    [style] = re.findall(rb"<style>(.*?)</style>", page.body)
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(rb"<script|https?://|src=|href=|@import|url\(", page.body)
    for word in (b"Ada", b"ada", b"It begins", link.encode(), delivery(tocsin)["delivery"].encode()):
        assert word not in page.body
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in page.headers


def test_an_exercise_says_so_on_its_page(told) -> None:
    tocsin, served, link = told
    kind = tocsin("status", "--format", "json").json["kind"]
    for page in (served.ask("GET", link), served.ask("POST", link, FORM, AS_FORM)):
        assert (b"[EXERCISE]" in page.body) is (kind == "exercise")


def test_an_invalid_link_gets_the_answer_of_an_unknown_address(told) -> None:
    tocsin, served, link = told
    incident, name, attempt, ends, seal = link.removeprefix("/ack/").split(".")
    none = served.ask("GET", "/nowhere")
    swapped = seal[:-1] + ("A" if seal[-1] != "A" else "B")
    tried = [
        f"{incident}.{name}.{attempt}.{ends}.{swapped}",
        f"{incident}.{name}.{attempt}.zzzzzz.{seal}",
        f"{incident}.{name}.2.{ends}.{seal}",
        f"{incident}.d-none.{attempt}.{ends}.{seal}",
        f"nothing.{name}.{attempt}.{ends}.{seal}",
        "",
        "x",
        "%00",
        "%ff.%ff.1.1.x",
        f"{incident}.{name}.{attempt}.{ends}.{seal}/more",
        "9" * 3000,
    ]
    for path in tried:
        for method, body in (("GET", b""), ("POST", FORM)):
            got = served.ask(method, f"/ack/{path}", body, AS_FORM)
            assert (got.status, got.body) == (none.status, none.body), path
    assert evidence(tocsin) == "accepted"


def test_a_link_ends(told) -> None:
    tocsin, served, link = told
    tocsin.clock.advance(timedelta(days=2))
    assert served.ask("GET", link).status == 404
    assert served.ask("POST", link, FORM, AS_FORM).status == 404
    assert evidence(tocsin) == "accepted"


def test_log_lines_about_a_link_contain_none_of_its_data(told) -> None:
    _, served, link = told
    served.ask("POST", link, FORM, AS_FORM)
    assert served.said == ["a link was used: acknowledged"]
