"""What adapters of HTTP services share: secrets that fit a header, answers that are believed only in their form."""

from __future__ import annotations

import logging

import pytest

from integrations import mattermost, teams
from integrations.http.service import findings, host_of, identifier, member, private, service_of, usable
from integrations.port import machine_of
from integrations.testing.chaos import ChaosServer, Talk
from integrations.testing.conformance import answer, outbound
from runner.effects.gateway.translation import Held


@pytest.mark.parametrize("text", ["", " ", "two words", "naïve", "a\r\nX-Evil: 1", "tab\tbed", "\x00"])
def test_a_secret_that_does_not_fit_a_header_is_refused_without_being_said(text):
    with pytest.raises(ValueError) as found:  # noqa: PT011  # what it says of the secret is looked at
        usable({"token": Held(text)}, "token")
    shown = str(found.value)
    assert ("token" in shown, bool(text.strip()) and text in shown) == (True, False)


def test_the_newline_of_a_secrets_file_is_not_part_of_it():
    assert usable({"token": Held(" abc\n")}, "token") == "abc"
    with pytest.raises(ValueError) as found:  # noqa: PT011  # its words are no matter
        usable({}, "token")
    assert "token" in str(found.value)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("abc-1_2", "abc-1_2"),
        ("a.b", ""),
        ("", ""),
        ("a b", ""),
        ("é", ""),
        (7, ""),
        (None, ""),
        ("x" * 257, ""),
    ],
)
def test_an_identifier_is_kept_only_in_its_form(given, wanted):
    assert identifier(given) == wanted


def test_nested_members_are_read_only_through_objects():
    assert member({"a": {"b": 1}}, "a", "b") == 1
    assert member({"a": [1]}, "a", "b") is None
    assert member(7, "a") is None
    assert member(7) == 7


@pytest.mark.parametrize(
    ("url", "host", "is_private"),
    [
        ("https://A.example/x", "a.example", True),
        ("http://a.example", "a.example", False),
        ("http://127.0.0.1:8", "127.0.0.1", True),
        ("http://[::1", "", False),
        ("", "", False),
    ],
)
def test_a_url_is_private_over_tls_or_on_this_machine(url, host, is_private):
    assert (host_of(url), private(url)) == (host, is_private)


def test_a_url_in_clear_is_a_warning_and_a_missing_secret_an_error():
    clear, missing = findings("http://a.example", {}, "token")
    assert (clear.severity, "https" in clear.hint) == ("warning", True)
    assert (missing.severity, "token" in missing.hint) == ("error", True)
    assert [finding.severity for finding in findings("file:///x", {})] == ["error"]


def _answers(content: bytes):
    def script(talk: Talk) -> None:
        talk.hear_request()
        talk.say(content)

    return script


@pytest.mark.parametrize(
    "said",
    [
        answer("200 OK", body=b"ok"),
        answer("500 Oops", body=b"no"),
        b"HTTP/1.1 200 OK\r\nBad header\r\n : x\r\nContent-Length: 2\r\n\r\nok",
        b"nothing like HTTP\r\n\r\n",
    ],
)
def test_no_log_holds_a_password_that_a_service_wants_in_its_url(said, caplog, capfd):
    # A server each: a connection kept alive could be reused while its server is hanging up.
    with (
        caplog.at_level(logging.DEBUG),
        ChaosServer(_answers(said)) as one,
        ChaosServer(_answers(said)) as other,
    ):
        hook = mattermost.Settings(url=f"http://127.0.0.1:{one.port}/hooks")
        mattermost.send(outbound("incident"), hook, {"key": Held("markerpassword")})
        flow = teams.Settings(url=f"http://127.0.0.1:{other.port}/x")
        teams.send(outbound("x"), flow, {"signature": Held("markerpassword")})
    shown = capfd.readouterr()
    assert (one.heard + other.heard).count(b"markerpassword") == 2
    assert "markerpassword" not in caplog.text + shown.out + shown.err


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://Chat.example/hooks", "host:chat.example:443"),
        ("http://chat.example", "host:chat.example:80"),
        ("https://chat.example:8443/x", "host:chat.example:8443"),
        ("https://chat.example:port/x", "host:chat.example:443"),
    ],
)
def test_two_services_on_one_machine_are_two_failure_domains_and_the_machine_is_a_third(url, service):
    assert service_of(url) == service
    assert machine_of(host_of(url)) == {"host:chat.example"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", ""])
def test_the_sending_machine_is_not_a_failure_domain(host):
    assert machine_of(host) == frozenset()
