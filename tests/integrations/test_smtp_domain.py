"""What DNS says of the domain that mail is sent from (R19), asked of a server on the loopback."""

from __future__ import annotations

import socket

import pytest

from integrations import smtp
from tests.servers.keys import public_text

pytest.importorskip("dns", reason="NOT TESTED: dnspython is not installed (make install)")

from tests.servers.nameserver import nameserver

TLSA = "3 1 1 " + "ab" * 32
PUBLIC = public_text(2048)
WHOLE = {
    ("corp.example", "MX"): ("10 mx.corp.example.",),
    ("corp.example", "TXT"): ('"some other text"', '"v=spf1 mx -all"'),
    ("_dmarc.corp.example", "TXT"): ('"v=DMARC1; p=reject; rua=mailto:x@corp.example"',),
    ("s1._domainkey.corp.example", "TXT"): (f'"v=DKIM1; k=rsa; p={PUBLIC[:200]}" "{PUBLIC[200:]}"',),
    ("_mta-sts.corp.example", "TXT"): ('"v=STSv1; id=20261124"',),
    ("_smtp._tls.corp.example", "TXT"): ('"v=TLSRPTv1; rua=mailto:x@corp.example"',),
}


def said(
    sender: str = "incident@corp.example", selector: str = "s1", **changed: tuple[str, ...]
) -> list[tuple[str, str]]:
    """Return what is found; a change names a record of ``WHOLE`` by what it is for."""
    places = {
        "mx": ("corp.example", "MX"),
        "spf": ("corp.example", "TXT"),
        "dmarc": ("_dmarc.corp.example", "TXT"),
        "sts": ("_mta-sts.corp.example", "TXT"),
        "tlsrpt": ("_smtp._tls.corp.example", "TXT"),
        "tlsa": ("_25._tcp.mx.corp.example", "TLSA"),
        "dkim": ("s1._domainkey.corp.example", "TXT"),
    }
    records = WHOLE | {places[name]: texts for name, texts in changed.items()}
    with nameserver(records) as where:
        channel = smtp.Settings(host="h.example", sender=sender, dkim_selector=selector, nameserver=where)
        return [(one.severity, one.what) for one in smtp.look_up(channel)]


def test_a_correctly_configured_domain_has_no_findings() -> None:
    assert said() == []
    assert said(selector="") == []


@pytest.mark.parametrize(
    ("changed", "severity", "words"),
    [
        ({"mx": ()}, "warning", "no mail server (MX)"),
        ({"mx": ("0 .",)}, "error", "no mail server (MX)"),
        ({"spf": ()}, "warning", "has no record of its senders (SPF)"),
        ({"spf": ('"v=spf1 -all"', '"v=spf1 mx -all"')}, "error", "several records"),
        ({"spf": ('"v=spf1 mx +all"',)}, "error", "allows every sender"),
        ({"spf": ('"v=spf1 mx all"',)}, "error", "allows every sender"),
        ({"dmarc": ()}, "warning", "has no policy"),
        ({"dmarc": ('"v=DMARC1; p=none"',)}, "warning", "refuses no forged email"),
        ({"dmarc": ('"v=DMARC1; sp=reject"',)}, "warning", "refuses no forged email"),
        ({"dmarc": ('"v=DMARC1; p=reject; t=y"',)}, "warning", "(DMARC: t=y)"),
        ({"dmarc": ('"v=DMARC1; p=reject; pct=50"',)}, "warning", "pct"),
        ({"sts": ()}, "warning", "(no MTA-STS, no TLSA)"),
        ({"tlsrpt": ()}, "warning", "(TLSRPT)"),
        ({"sts": (), "tlsa": (TLSA,), "tlsrpt": ()}, "warning", "(TLSRPT)"),
        ({"dkim": (f'"p={PUBLIC[:200]}" "{PUBLIC[200:]}; t=s:y"',)}, "warning", "(DKIM: t=y)"),
        ({"dkim": (f'"v=DKIM1; p={public_text(1024)}"',)}, "warning", "1024"),
        ({"dkim": ('"v=DKIM1; p=MIIBIjANBg"',)}, "error", "RSA"),
        ({"dkim": ()}, "error", "does not exist (DKIM)"),
        ({"dkim": ('"v=DKIM1; p="',)}, "error", "was withdrawn (DKIM)"),
    ],
)
def test_each_dns_problem_is_named_with_its_severity(
    changed: dict[str, tuple[str, ...]], severity: str, words: str
) -> None:
    ((found, what),) = said(**changed)
    assert found == severity
    assert words in what


def test_the_policy_of_a_parent_domain_applies_to_subdomains() -> None:
    found = said(sender="incident@mail.corp.example", selector="")
    assert not any("DMARC" in what for _, what in found)


@pytest.mark.parametrize(
    ("policy", "problems"),
    [("p=reject; sp=none", 1), ("p=none; sp=reject", 0), ("p=quarantine", 0), ("p=none", 1)],
)
def test_a_policy_for_subdomains_counts_more_than_the_policy_of_their_domain(
    policy: str, problems: int
) -> None:
    found = said(sender="incident@mail.corp.example", selector="", dmarc=(f'"v=DMARC1; {policy}"',))
    assert sum("DMARC" in what for _, what in found) == problems


def test_tls_by_dane_needs_no_other_policy() -> None:
    assert said(sts=(), tlsa=(TLSA,)) == []


def test_a_missing_dns_server_is_reported_and_proves_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{line.getsockname()[1]}"
        line.close()
        channel = smtp.Settings(host="h.example", sender="a@corp.example", nameserver=where)
        assert [(one.severity, one.what) for one in smtp.look_up(channel)] == [
            ("warning", "the DNS query for corp.example failed: its records are unknown")
        ]


@pytest.mark.parametrize("where", ["dns.example", "127.0.0.1:x", "127.0.0.1:0", "1.2.3"])
def test_a_nameserver_is_an_address(where: str) -> None:
    channel = smtp.Settings(host="h.example", sender="a@corp.example", nameserver=where)
    assert [one.what for one in smtp.lint(channel, {})] == [
        "nameserver is not an address, with or without a port"
    ]
    assert smtp.look_up(channel) == ()
