"""Apprise, best effort: its few outcomes are reported as they are, and no input is repeated."""

from __future__ import annotations

import logging
import sys

import msgspec
import pytest

from integrations import apprise
from integrations.port import Accepted, Rejected, Unknown
from integrations.testing.chaos import ChaosServer, Talk, closed_port
from integrations.testing.conformance import IMPATIENT, MARK, Row, answer, leaked, outbound, rows
from integrations.testing.conformance import Subject as Adapter
from runner.effects.gateway.translation import Held

# Some of Apprise's services import what Python is about to remove; that is theirs to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SETTINGS = apprise.Settings(service="made-up-service")
MESSAGE = outbound("press-office")


def secret(url: str) -> dict[str, Held]:
    return {"url": Held(url)}


def test_it_promises_the_least_that_a_channel_can():
    able = apprise.capabilities(SETTINGS)
    assert (able.confidentiality, able.personal_data, able.ack) == ("public", "none", "none")
    assert (able.idempotency, able.reconcile, set(able.receipts)) == ("none", "none", {"accepted"})
    assert able.domains == {"made-up-service"}
    assert able.sim_swappable


def test_without_a_url_nothing_is_tried():
    outcome = apprise.send(MESSAGE, SETTINGS, {})
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.about) == ("secret", "account")


def test_the_lint_finds_settings_that_would_fail():
    def found(service: str = "x", **secrets: str):
        given = {name: Held(text) for name, text in secrets.items()}
        return [one.what for one in apprise.lint(apprise.Settings(service=service), given)]

    assert found(url="mailto://u:marker@host") == []
    assert found(url="marker") == ["the secret url is not a URL"]
    assert found(" ") == ["service is empty: it is the failure domain", "the secret url is missing"]


def test_an_address_is_a_printable_name():
    assert apprise.address_problem("press-office") == ""
    assert apprise.address_problem("a\nb") != ""


def test_a_missing_apprise_package_is_reported():
    if "apprise" in sys.modules or not _missing():
        pytest.skip("apprise is installed here")
    outcome = apprise.send(MESSAGE, SETTINGS, secret("json://127.0.0.1"))
    assert outcome == Rejected(
        "missing", "apprise is not installed: install tocsin[apprise]", about="account"
    )


def _missing() -> bool:
    from importlib.util import find_spec

    return find_spec("apprise") is None


# --- With Apprise itself ---------------------------------------------------------------------------------------


@pytest.fixture
def installed() -> None:
    pytest.importorskip("apprise", reason="the extra apprise is not installed")


BLIND = {"answer cut in its headers", "answer cut after its status", "answer without end"}
"""What Apprise takes for a yes and no adapter of ours does: the reason for the ceiling."""


def _send(url: str):
    return apprise.send(msgspec.structs.replace(MESSAGE, timeouts=IMPATIENT), SETTINGS, secret(url))


@pytest.mark.parametrize("row", [row for row in rows("http") if row.where != "silent_tls"], ids=str)
@pytest.mark.usefixtures("installed")
def test_every_broken_line_is_unknown_except_where_apprise_is_blind(row: Row):
    if row.where != "server":
        outcome = _send(f"json://user:marker-pass@127.0.0.1:{closed_port()}/")
    else:

        def yes(talk: Talk) -> None:
            talk.hear_request()
            talk.say(answer("200 OK", body=b"{}"))

        with ChaosServer(row.script or yes) as server:
            outcome = _send(f"json://user:marker-pass@127.0.0.1:{server.port}/")
    wanted = Accepted if row.name in BLIND | {"success"} else Unknown
    assert isinstance(outcome, wanted), outcome
    subject = Adapter(
        adapter=apprise,
        transport="http",
        settings=lambda *_: SETTINGS,
        recipient=MESSAGE.recipient,
        secrets=secret("marker-pass"),
    )
    assert leaked(outcome, subject) == ""


@pytest.mark.usefixtures("installed")
def test_one_attempt_makes_one_request_whatever_the_url_asks():
    def no(talk: Talk) -> None:
        talk.hear_request()
        talk.say(answer("500 Oops"))

    with ChaosServer(no) as server:
        assert isinstance(_send(f"json://127.0.0.1:{server.port}/?retry=3&wait=0"), Unknown)
    assert server.heard.count(b"POST ") == 1


@pytest.mark.usefixtures("installed")
def test_a_url_of_no_known_service_is_refused_and_not_repeated():
    outcome = _send("marker-service://user:marker-pass@host")
    assert outcome == Rejected(
        "secret", "the secret url is not an Apprise URL of a known service", about="account"
    )


@pytest.mark.usefixtures("installed")
def test_no_log_holds_the_url_or_the_message(caplog, capfd):
    def no(talk: Talk) -> None:
        talk.hear_request()
        talk.say(answer("500 Oops", body=MARK.encode()))

    with caplog.at_level(logging.DEBUG), ChaosServer(no) as server:
        _send(f"json://user:marker-pass@127.0.0.1:{server.port}/marker-path")
        _send("marker-service://user:marker-pass@host")
    shown = capfd.readouterr()
    for planted in (MARK, "marker-pass", "marker-path", MESSAGE.recipient):
        assert planted not in caplog.text + shown.out + shown.err
