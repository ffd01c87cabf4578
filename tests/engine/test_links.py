"""Where links lead (R28): whoever writes an address to deceive is not believed."""

from __future__ import annotations

import pytest

from runner.engine.links import counts_readers, foreign, hosts_in, own_domains


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("see https://Corp.example/breach.", ("corp.example",)),
        ("at www.corp.example, or http://www.corp.example:8080/x", ("www.corp.example",)),
        ("(https://corp.example)", ("corp.example",)),
        ("https://corp.example@evil.test/x", ("evil.test",)),
        ("https://evil.test\\@corp.example", ("evil.test",)),
        ("https://evil.test#@corp.example", ("evil.test",)),
        ("write to a@corp.example", ()),
        ("nothing here", ()),
    ],
)
def test_the_host_is_the_one_that_a_browser_would_go_to(text: str, hosts: tuple[str, ...]) -> None:
    assert hosts_in(text) == hosts


@pytest.mark.parametrize(
    ("host", "is_foreign"),
    [
        ("corp.example", False),
        ("help.corp.example", False),
        ("www.corp.example", False),
        ("evilcorp.example", True),
        ("corp.example.evil.test", True),
        ("example", True),
    ],
)
def test_only_a_domain_and_what_is_below_it_are_ours(host: str, is_foreign: bool) -> None:
    assert bool(foreign(f"https://{host}/", ["www.corp.example"])) is is_foreign


def test_an_organisation_s_own_domains_are_those_of_its_addresses() -> None:
    told = ["https://www.corp.example/breach", "privacy@mail.corp.test", "+1 555 0100", ""]
    assert own_domains(told) == {"corp.example", "mail.corp.test"}


def test_counters_of_newsletters_are_recognised() -> None:
    assert counts_readers("https://corp.example/a?x=1&utm_source=mail")
    assert counts_readers("https://corp.example/a?mc_eid=1")
    assert not counts_readers("https://corp.example/a?case=4711")
