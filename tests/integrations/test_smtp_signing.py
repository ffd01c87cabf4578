"""S/MIME: what arrives is verified by OpenSSL, and a channel that signs sends nothing unsigned."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from integrations import smtp
from integrations.port import Accepted, Outbound, Rejected
from integrations.smtp import signing as at_work
from integrations.testing.chaos import ChaosServer
from integrations.testing.conformance import outbound, smtp_script
from runner.effects.gateway.translation import Held, as_held
from tests.integrations.test_smtp import Mailbox, Relay, settings
from tests.servers import postfix
from tests.servers.identities import Authority, authority, issue, judged, rsa_key
from tests.servers.needed import absent
from tests.servers.postfix import postfix_program
from tests.servers.receivers import MailServer

OURS = "alerts@breach.example"
HOSTILE = (
    "Grüße an alle.\n.\n..two dots\nFrom the start of a line\nblanks at its end   \n\ttab\t\n"
    + "long " * 400
    + "\n-- \nende\n--=_ABCDEFGHIJKLMNOPQRSTUVWXYZ234567--\n"
)
"""All that relays have a name for changing."""


@pytest.fixture(scope="module")
def trusted() -> Authority:
    return authority()


@pytest.fixture(scope="module")
def secrets(trusted: Authority) -> dict[str, Held]:
    return as_held(trusted.signing(trusted.holder(OURS)))


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def relay(mailbox: Mailbox) -> Iterator[Relay]:
    server = Relay(mailbox)
    server.start()
    yield server
    server.stop()


def message(**more: object) -> Outbound:
    at = {"at": datetime.now(UTC), "text": HOSTILE, "subject": "Störung", "marking": "", "footer": ""}
    return msgspec.structs.replace(outbound("zoe@people.example"), **{**at, **more})


def signing(server: object, **more: object) -> smtp.Settings:
    return settings(server, sign="smime", **more)


def text_of(signed: bytes) -> str:
    """Return the plain text of an entity that somebody signed."""
    body = email.message_from_bytes(signed, policy=email.policy.default).get_body(("plain",))
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("html", [None, "<p>.\nGrüße</p>\n.\n"])
@pytest.mark.parametrize("tool", ["smime", "cms"])
def test_the_received_signature_verifies(relay, mailbox, secrets, trusted, tmp_path, html, tool) -> None:
    assert smtp.send(message(html=html), signing(relay), secrets) == Accepted("Q7")
    mail = mailbox.envelopes[0][0].content
    holds, signed = judged(tool, mail, trusted.root, tmp_path)
    assert holds, signed
    assert text_of(signed).startswith(HOSTILE.rstrip())
    seen = email.message_from_bytes(mail, policy=email.policy.default)
    assert (seen["Subject"], seen["From"], seen.get_content_type()) == ("Störung", OURS, "multipart/signed")
    assert mail.isascii()
    assert max(map(len, mail.split(b"\r\n"))) <= 100


@pytest.mark.parametrize("html", [None, "<p>Grüße</p>"])
def test_each_of_many_over_one_line_is_verified(relay, mailbox, secrets, trusted, tmp_path, html) -> None:
    line = smtp.open_line(signing(relay), secrets)
    sent = [message(text=f"{n}\n{HOSTILE}", html=html, recipient=f"p{n}@people.example") for n in range(3)]
    assert line.send(sent) == (Accepted("Q7"),) * 3
    line.close()
    for n, (envelope, _) in enumerate(mailbox.envelopes):
        holds, signed = judged("cms", envelope.content, trusted.root, tmp_path)
        assert holds, signed
        assert text_of(signed).startswith(f"{n}\nGrüße an alle.\n.\n..two dots\n")


def test_an_elliptic_key_signs_as_well(relay, mailbox, trusted, tmp_path) -> None:
    holder = trusted.holder(OURS, ec.generate_private_key(ec.SECP256R1()))
    assert smtp.send(message(), signing(relay), as_held(trusted.signing(holder))) == Accepted("Q7")
    assert judged("cms", mailbox.envelopes[0][0].content, trusted.root, tmp_path)[0]


def test_an_encrypted_key_is_opened_by_its_passphrase(relay, mailbox, trusted, tmp_path) -> None:
    holder = trusted.holder(OURS)
    given = {**trusted.signing(holder), "signing_key": holder.key_pem("hush"), "signing_passphrase": "hush"}
    assert smtp.send(message(), signing(relay), as_held(given)) == Accepted("Q7")
    assert judged("cms", mailbox.envelopes[0][0].content, trusted.root, tmp_path)[0]


def test_a_changed_word_is_found_out(relay, mailbox, secrets, trusted, tmp_path) -> None:
    smtp.send(message(text="pay nothing"), signing(relay), secrets)
    mail = mailbox.envelopes[0][0].content
    line = next(one for one in mail.split(b"\r\n") if one.startswith(b"cGF5"))  # "pay" in base64
    assert not judged("cms", mail.replace(line, line.replace(b"cGF5", b"c2F5")), trusted.root, tmp_path)[0]


@pytest.mark.slow
def test_the_signature_holds_after_a_real_relay(trusted, tmp_path) -> None:
    program = postfix_program()
    if program is None:
        absent("postfix", "apt-get install postfix; only root may run it")
    secrets = as_held(trusted.signing(trusted.holder(postfix.OURS)))
    mx = MailServer()
    try:
        with postfix.running_postfix(program, mx.port) as relay:
            channel = signing(relay, sender=postfix.OURS)
            line = smtp.open_line(channel, secrets)
            found = (smtp.send(message(), channel, secrets), *line.send([message(html="<p>Grüße</p>")]))
            line.close()
            assert [type(one) for one in found] == [Accepted, Accepted]
            mails = mx.wait_for(2)
    finally:
        mx.stop()
    for mail in mails:
        assert b"\r\nReceived: " in b"\r\n" + mail, "it went through the relay"
        holds, signed = judged("cms", mail, trusted.root, tmp_path)
        assert holds, signed
        assert text_of(signed).startswith(HOSTILE.rstrip())


def broken(trusted: Authority) -> dict[str, tuple[dict[str, str], str]]:
    """Return every way in which nothing can be signed, with what is said of it."""
    holder = trusted.holder(OURS)
    good = dict(trusted.signing(holder))
    day = timedelta(days=1)
    now = datetime.now(UTC)
    old, young = trusted.holder(OURS, begins=now - 9 * day, lasts=day), trusted.holder(OURS, begins=now + day)
    web = trusted.holder(OURS, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    locked = holder.key_pem("marker-hush")
    return {
        "no certificate": ({"signing_key": good["signing_key"]}, "the secret certificate is missing"),
        "no key": ({"certificate": good["certificate"]}, "the secret signing_key is missing"),
        "not PEM": (
            {**good, "certificate": "marker-x"},
            "the secret certificate is not a certificate in PEM",
        ),
        "key not PEM": (
            {**good, "signing_key": "marker-y"},
            "the secret signing_key is not a private key in PEM, or signing_passphrase is wrong",
        ),
        "locked": (
            {**good, "signing_key": locked},
            "the secret signing_key is encrypted: correct signing_passphrase",
        ),
        "wrong passphrase": (
            {**good, "signing_key": locked, "signing_passphrase": "marker-other"},
            "the secret signing_key is not a private key in PEM, or signing_passphrase is wrong",
        ),
        "needless passphrase": (
            {**good, "signing_passphrase": "marker-other"},
            "the secret signing_key is not encrypted: correct signing_passphrase",
        ),
        "another's key": (
            {**good, "signing_key": trusted.holder(OURS).key_pem()},
            "the signing key does not belong to the first certificate",
        ),
        "a key that mail knows not": (
            {**good, "signing_key": trusted.holder(OURS, ed25519.Ed25519PrivateKey.generate()).key_pem()},
            "the signing key is neither RSA nor of an elliptic curve (ECDSA)",
        ),
        "for the web": (
            dict(trusted.signing(web)),
            "the signing certificate is not for email (extended key usage)",
        ),
        "expired": (
            dict(trusted.signing(old)),
            f"the signing certificate expired on {now - 8 * day:%Y-%m-%d}",
        ),
        "not yet valid": (
            dict(trusted.signing(young)),
            f"the signing certificate is not valid before {now + day:%Y-%m-%d}",
        ),
    }


NAMES = (
    "no certificate", "no key", "not PEM", "key not PEM", "locked", "wrong passphrase", "needless passphrase",
    "another's key", "a key that mail knows not", "for the web", "expired", "not yet valid",
)  # fmt: skip


@pytest.fixture(scope="module")
def ways(trusted: Authority) -> dict[str, tuple[dict[str, str], str]]:
    return broken(trusted)


@pytest.mark.parametrize("name", NAMES)
def test_a_message_that_cannot_be_signed_is_refused_with_the_reason(ways, name: str) -> None:
    given, why = ways[name]
    rejected = Rejected("signing", f"the message is not sent unsigned: {why}", about="account")
    with ChaosServer(smtp_script()) as server:
        assert smtp.send(message(), signing(server), as_held(given)) == rejected
        line = smtp.open_line(signing(server), as_held(given))
        assert line.send([message(), message()]) == (rejected, rejected)
        line.close()
    assert server.talks == []
    channel = smtp.Settings(host="relay.example", sender=OURS, sign="smime")
    found = (*smtp.lint(channel, as_held(given)), *smtp.lint_at(datetime.now(UTC), channel, as_held(given)))
    assert [(one.severity, one.what) for one in found] == [("error", f"email cannot be signed: {why}")]
    assert "marker" not in str(found)


def test_every_invalid_signing_setup_is_tried(ways) -> None:
    assert set(ways) == set(NAMES)


def test_the_lint_says_when_the_certificate_is_another_address_s_or_ends_soon(trusted, secrets) -> None:
    channel = smtp.Settings(host="relay.example", sender="Alerts@Breach.example", sign="smime")
    now = datetime.now(UTC)
    assert (smtp.lint(channel, secrets), smtp.lint_at(now, channel, secrets)) == ((), ())
    other = as_held(trusted.signing(trusted.holder("other@breach.example")))
    assert [(one.severity, one.what) for one in smtp.lint(channel, other)] == [
        ("warning", "the signing certificate is not for the sender address: email programs show a warning")
    ]
    short = as_held(trusted.signing(trusted.holder(OURS, lasts=timedelta(days=10))))
    (found,) = smtp.lint_at(now, channel, short)
    ends = now + timedelta(days=9)
    assert (found.severity, found.what) == (
        "warning",
        f"the signing certificate expires on {ends:%Y-%m-%d}; after that, no email is sent",
    )


def test_a_chain_is_only_as_good_as_each_of_its_certificates(trusted) -> None:
    now = datetime.now(UTC)
    old = issue("Old", trusted.root, rsa_key(), begins=now - timedelta(days=9), lasts=timedelta(days=8))
    holder = trusted.holder(OURS)
    given = as_held({"certificate": holder.pem + old.pem, "signing_key": holder.key_pem()})
    channel = smtp.Settings(host="relay.example", sender=OURS, sign="smime")
    (found,) = smtp.lint_at(now, channel, given)
    assert found.what.startswith(
        "email cannot be signed: the certificate of an authority in the chain expired on"
    )


def test_a_certificate_without_the_setting_is_an_error_and_not_silence(trusted, secrets) -> None:
    channel = smtp.Settings(host="relay.example", sender=OURS)
    assert [(one.severity, one.what) for one in smtp.lint(channel, secrets)] == [
        ("error", "a certificate or its key is set, but email is not signed")
    ]
    assert smtp.lint_at(datetime.now(UTC), channel, secrets) == ()


def test_capabilities_state_the_signature() -> None:
    able = smtp.capabilities(smtp.Settings(host="relay.example", sender=OURS, sign="smime"))
    assert able.signed
    assert able.secrets == {"certificate", "signing_key"}
    assert able.optional_secrets == {"signing_passphrase"}
    assert able.confidentiality == "internal", "signed is not encrypted"
    assert not smtp.capabilities(smtp.Settings(host="relay.example", sender=OURS)).signed


def test_no_secret_shows_in_an_exception_s_chain(trusted) -> None:
    given = as_held({**trusted.signing(trusted.holder(OURS)), "signing_key": "marker-key"})
    with pytest.raises(at_work.Trouble) as raised:
        at_work.signer(given)
    assert raised.value.__suppress_context__
    assert "marker" not in str(raised.value)
