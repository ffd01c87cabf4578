"""Secrets in a filled text are found and named without being repeated."""

from __future__ import annotations

import pytest

from runner.routing.secret_text import has_link, secrets_in

PEM = "-----BEGIN " + "RSA PRIVATE KEY-----"
FOUND = [
    ("card 4111 1111 1111 1111", "a card number"),
    ("card 378282246310005", "a card number"),
    ("SSN 078-05-1120", "a social security number"),
    ("SSN 078 05 1120", "a social security number"),
    (PEM, "a private key"),
    ("key AKIA" + "IOSFODNN7EXAMPLE", "an access key"),
    ("xoxb" + "-0123456789-abcdef", "an access token"),
    ("https://ada:correct-horse@vault.example", "a password in an address"),
    ("The password is correct-horse", "a password"),
    ("Passwort: korrekt", "a password"),
    ("Your verification code is 493817", "a one-time code"),
    ("OTP: 493817", "a one-time code"),
]
CLEAN = [
    "Incident amber-falcon: a device is missing. Run: tocsin next",
    "order 4111 1111 1111 1112",
    "call +49 30 1234 5678 901 2345",
    "digest 4111111111111111a0",
    "case 000-12-3456",
    "0000000000000000",
    "Change your password at once",
    "Ask for the verification code by telephone",
    "since 2026-11-24T09:00:00Z",
    "https://status.example/incident",
]


@pytest.mark.parametrize(("text", "what"), FOUND)
def test_secrets_are_found_with_their_line(text, what):
    assert [(secret.what, secret.line) for secret in secrets_in(f"Hello\n{text}\n")] == [(what, 2)]


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_words_numbers_and_links_are_let_through(text):
    assert secrets_in(text) == ()


def test_a_link_is_seen_in_any_case():
    assert has_link("see HTTPS://example.org")
    assert has_link("see www.example.org")
    assert has_link("see example.org/help")
    assert not has_link("write to ada@example.org")
