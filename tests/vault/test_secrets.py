"""Secrets by reference: found, not shown, and never taken for a reference themselves."""

from __future__ import annotations

import pickle

import pytest

from runner.errors import Invalid, NotFound
from runner.vault.secrets import Secret, resolve
from tests.refusals import refused


def test_a_secret_does_not_show_itself():
    secret = Secret("hunter2", "env:PASSWORD")
    assert secret.reveal() == "hunter2"
    shown = "Secret(env:PASSWORD)"
    assert (f"{secret}", f"{secret!r}", f"{[secret]}") == (shown, shown, f"[{shown}]")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_secret_may_be_in_the_environment(tmp_path):
    assert resolve("env:PASSWORD", base=tmp_path, environ={"PASSWORD": "hunter2"}).reveal() == "hunter2"


@pytest.mark.parametrize("environ", [{}, {"PASSWORD": ""}])
def test_a_variable_that_is_not_set_is_named(tmp_path, environ):
    with refused("secret_missing", NotFound) as found:
        resolve("env:PASSWORD", base=tmp_path, environ=environ)
    assert "PASSWORD" in found.value.message


@pytest.mark.parametrize(("text", "secret"), [("hunter2\n", "hunter2"), ("a b\r\n", "a b"), ("x\n\n", "x\n")])
def test_a_secret_may_be_in_a_file_without_its_line_end(tmp_path, text, secret):
    (tmp_path / "password").write_bytes(text.encode())
    assert resolve("file:password", base=tmp_path).reveal() == secret
    assert resolve(f"file:{tmp_path}/password", base=tmp_path / "elsewhere").reveal() == secret


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with refused("secret_missing") as found:
        resolve("file:password", base=tmp_path)
    assert "file:password" in found.value.message
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    with refused("secret_missing") as found:
        resolve("file:password", base=tmp_path)
    assert all(word in found.value.message for word in ("file:password", "UTF-8"))


def test_a_secret_may_be_a_credential_that_the_service_manager_gives_to_one_service(tmp_path):
    (tmp_path / "mail").write_bytes(b"hunter2\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert resolve("credential:mail", base=tmp_path / "home", environ=environ).reveal() == "hunter2"
    for reference, given in (("credential:other", environ), ("credential:mail", {})):
        with refused("secret_missing") as found:
            resolve(reference, base=tmp_path, environ=given)
        assert reference.partition(":")[2] in found.value.message


@pytest.mark.parametrize(
    "reference",
    [
        "hunter2",
        "",
        "env:",
        "file:",
        "keyring:only",
        "vault:a/b",
        "pass:hunter2",
        "credential:",
        "credential:..",
        "credential:../hunter2",
    ],
)
def test_a_secret_written_in_place_of_a_reference_is_refused_and_not_repeated(tmp_path, reference):
    with refused("secret_reference", Invalid) as caught:
        resolve(reference, base=tmp_path)
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
