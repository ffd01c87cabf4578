"""Secrets by reference: found, not shown, and never taken for a reference themselves."""

from __future__ import annotations

import pickle

import pytest

from runner.errors import Invalid, NotFound
from runner.vault.secrets import Secret, resolve


def test_a_secret_does_not_show_itself():
    secret = Secret("hunter2", "env:PASSWORD")
    assert secret.reveal() == "hunter2"
    assert (
        f"{secret} {secret!r} {[secret]}"
        == "Secret(env:PASSWORD) Secret(env:PASSWORD) [Secret(env:PASSWORD)]"
    )
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


def test_a_secret_may_stand_in_the_environment(tmp_path):
    assert resolve("env:PASSWORD", base=tmp_path, environ={"PASSWORD": "hunter2"}).reveal() == "hunter2"


@pytest.mark.parametrize("environ", [{}, {"PASSWORD": ""}])
def test_a_variable_that_is_not_set_is_named(tmp_path, environ):
    with pytest.raises(NotFound, match="the environment variable PASSWORD is not set"):
        resolve("env:PASSWORD", base=tmp_path, environ=environ)


@pytest.mark.parametrize(("text", "secret"), [("hunter2\n", "hunter2"), ("a b\r\n", "a b"), ("x\n\n", "x\n")])
def test_a_secret_may_stand_in_a_file_without_its_line_end(tmp_path, text, secret):
    (tmp_path / "password").write_bytes(text.encode())
    assert resolve("file:password", base=tmp_path).reveal() == secret
    assert resolve(f"file:{tmp_path}/password", base=tmp_path / "elsewhere").reveal() == secret


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(NotFound, match="the secret file:password cannot be read: No such file"):
        resolve("file:password", base=tmp_path)
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    with pytest.raises(NotFound, match="it is not UTF-8 text"):
        resolve("file:password", base=tmp_path)


@pytest.mark.parametrize(
    "reference", ["hunter2", "", "env:", "file:", "keyring:only", "vault:a/b", "pass:hunter2"]
)
def test_a_secret_written_in_place_of_a_reference_is_refused_and_not_repeated(tmp_path, reference):
    with pytest.raises(Invalid) as caught:
        resolve(reference, base=tmp_path)
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
