"""Link targets (R28): deceptive addresses are not accepted as own."""

from __future__ import annotations

import pytest

from runner.base.link_targets import counts_readers, foreign, hosts_in, own_domains


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
        ("look at evil.test/win now", ("evil.test",)),
        ("(Help.Corp.Example:8443/path, evil.test?id=1)", ("help.corp.example", "evil.test")),
        ("https://corp.example/a?next=evil.test/x", ("corp.example",)),
        ("corp.example@evil.test/x", ("evil.test",)),
        ("münchen.example/amt and xn--mnchen-3ya.example/amt", ("münchen.example", "xn--mnchen-3ya.example")),
        ("evil.test/a, https://corp.example/b", ("corp.example", "evil.test")),
        ("and/or, 24.11.2026/25, Art. 33/34, S.p.A/N, e.g./i.e., 1.2.3/4", ()),
        ("corp.example is who we are. evil.test, too", ()),
        ("a.b." * 5_000 + "/", ()),
        ("a," * 20_000 + "evil.test/x", ("evil.test",)),
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
def test_only_a_domain_and_its_subdomains_are_own(host: str, is_foreign: bool) -> None:
    assert bool(foreign(f"https://{host}/", ["www.corp.example"])) is is_foreign


def test_an_organisation_s_own_domains_are_those_of_its_addresses() -> None:
    told = ["https://www.corp.example/breach", "privacy@mail.corp.test", "+1 555 0100", "help.test/us", ""]
    assert own_domains(told) == {"corp.example", "mail.corp.test", "help.test"}


def test_a_domain_with_a_path_needs_no_scheme_to_be_foreign() -> None:
    assert foreign("go to evil.test/win or corp.example/help", ["corp.example"]) == ("evil.test",)


def test_counters_of_newsletters_are_recognised() -> None:
    assert counts_readers("https://corp.example/a?x=1&utm_source=mail")
    assert counts_readers("https://corp.example/a?mc_eid=1")
    assert not counts_readers("https://corp.example/a?case=4711")
