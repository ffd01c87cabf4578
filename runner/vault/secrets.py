"""Secrets by reference: settings name the location of a secret, and only its final user reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runner.errors import Invalid, NotFound
from runner.yamlfile.limited_files import read_file

LARGEST = 64 * 1024
"""Bytes of a secret in a file."""


class Secret:
    """A secret in memory that does not print itself; only ``reveal()`` returns its text."""

    __slots__ = ("_text", "reference")

    def __init__(self, text: str, reference: str = "") -> None:
        """Store ``text``; its ``reference`` is not secret and can be shown."""
        self._text = text
        self.reference = reference

    def reveal(self) -> str:
        """Return the secret itself: never into a log, an error message or a URL."""
        return self._text

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        """Return the reference of the secret, without its text."""
        return f"Secret({self.reference or 'hidden'})"

    __str__ = __repr__

    def __reduce__(self) -> str:  # type: ignore[explicit-override]
        """Refuse to be pickled, so that a secret is not written to a file by accident."""
        raise TypeError("a Secret is not pickled")


def resolve(reference: str, *, base: Path, environ: Mapping[str, str] | None = None) -> Secret:
    """Return the secret at ``env:NAME``, ``file:PATH``, ``keyring:SERVICE/NAME`` or ``credential:NAME``.

    A relative PATH is relative to ``base`` (the home). One trailing line end of a file is not part of the
    secret. A credential is a file of the service manager for one service (systemd.exec(5)). Raises Invalid for a reference of another form and NotFound if the secret does not exist.
    """
    scheme, _, rest = reference.partition(":")
    given = os.environ if environ is None else environ
    match scheme:
        case "env" if rest:
            return Secret(_from_environment(rest, given), reference)
        case "file" if rest:
            return Secret(_from_file(base / Path(rest).expanduser(), reference), reference)
        case "keyring" if "/" in rest:
            return Secret(_from_keyring(rest, reference), reference)
        case "credential" if rest == Path(rest).name and rest not in ("", ".."):
            return Secret(_from_file(_credentials(given, rest) / rest, reference), reference)
        case _:
            # The value can be the secret itself by mistake, so it is not repeated.
            raise Invalid(
                "A secret must be a reference, not its value.",
                hint="Write env:NAME, file:PATH or keyring:SERVICE/NAME",
                code="secret_reference",
            )


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise NotFound(
            f'Environment variable "{name}" is not set.',
            hint=f"Set {name}, or name another place for the secret.",
            code="secret_missing",
        )
    return value


def _credentials(environ: Mapping[str, str], name: str) -> Path:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise NotFound(
            f'Credential "{name}" is not available: the service manager gives it only to services.',
            hint=f"sudo systemd-run --pty --uid=USER -p LoadCredentialEncrypted={name} tocsin COMMAND --home DIR",
            code="secret_missing",
        )
    return Path(folder)


def _from_file(path: Path, reference: str) -> str:
    try:
        text = read_file(path, LARGEST).decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise NotFound(
            f'Secret "{reference}" cannot be read: {why}.',
            hint="Check the path and the permissions of the file.",
            code="secret_missing",
        ) from None
    return text.removesuffix("\n").removesuffix("\r")


def _from_keyring(rest: str, reference: str) -> str:
    service, _, name = rest.rpartition("/")
    value = load_keyring().get_password(service, name)
    if value is None:
        raise NotFound(
            f'The keyring has no secret for "{reference}".',
            hint=f"keyring set {service} {name}",
            code="secret_missing",
        )
    return value


class Keyring:
    """The operating system's keyring, imported when first needed (extra ``tocsin[keyring]``)."""

    def get_password(self, service: str, name: str) -> str | None:
        """Return the stored text or None; raises NotFound if no keyring is available."""
        import keyring

        with _reached("does not answer or is locked"):
            return keyring.get_password(service, name)

    def set_password(self, service: str, name: str, text: str) -> None:
        """Store ``text``, replacing an earlier text."""
        import keyring

        with _reached("does not accept the secret"):
            keyring.set_password(service, name, text)


@contextmanager
def _reached(otherwise: str) -> Iterator[None]:
    from keyring.errors import KeyringError

    try:
        yield
    except KeyringError:
        raise NotFound(
            f"The keyring of the system {otherwise}.",
            hint="Unlock the keyring, or use file:PATH",
            code="secret_missing",
        ) from None


def load_keyring() -> Keyring:
    """Return the keyring; raises NotFound with the installation command."""
    from importlib.util import find_spec

    if find_spec("keyring") is None:
        raise NotFound(
            "This installation does not support a keyring.",
            hint="Install tocsin[keyring], or use file:PATH or env:NAME",
            code="keyring_missing",
        )
    return Keyring()
