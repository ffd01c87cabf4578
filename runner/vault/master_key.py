"""Sources of the master key: a private file, the keyring, or a command of the user.

The text of a master key is ``tocsin-master-v1:`` and 32 bytes in URL-safe base64, wherever it is kept.
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from runner.errors import Invalid, NotFound, Refused, Sealed
from runner.vault.keys import Vault
from runner.vault.secrets import load_keyring, resolve

PREFIX = "tocsin-master-v1:"
KEY_BYTES = 32
COMMAND_PATIENCE = timedelta(seconds=60)


def create_master(reference: str, *, base: Path, chance: Callable[[int], bytes] = os.urandom) -> None:
    """Make a new master key at ``reference`` (``file:PATH`` or ``keyring:SERVICE/NAME``).

    A file gets mode 0600. Refuses to replace an existing key: every sealed payload would be lost.
    """
    text = PREFIX + base64.urlsafe_b64encode(chance(KEY_BYTES)).decode()
    scheme, _, rest = reference.partition(":")
    match scheme:
        case "file" if rest:
            _create_file(base / Path(rest).expanduser(), text)
        case "keyring" if "/" in rest:
            service, _, name = rest.rpartition("/")
            keyring = load_keyring()
            if keyring.get_password(service, name) is not None:
                raise _exists(reference)
            keyring.set_password(service, name, text)
        case _:
            raise Invalid(
                f'A master key cannot be created at "{scheme}:".',
                hint="Use file:PATH or keyring:SERVICE/NAME",
                code="master_reference",
            )


def read_master(reference: str, *, base: Path) -> bytes:
    """Return the 32 bytes of the master key at ``file:``, ``keyring:``, ``env:``, ``credential:`` or ``command:``.

    ``command:`` is split as a shell would split it and run without a shell; its standard output is the key.
    Raises Sealed if the key is missing, is not a key, or is in a file that others can read.
    """
    scheme, _, rest = reference.partition(":")
    if scheme == "command":
        return _decode(_from_command(rest), reference)
    if scheme == "file":
        refuse_open_file(base / Path(rest).expanduser())
    try:
        return _decode(resolve(reference, base=base).reveal(), reference)
    except NotFound as error:
        raise Sealed(
            f"The master key is missing. {error.message}", hint=error.hint, code="no_master"
        ) from None


def _create_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise _exists(f"file:{path}") from None
    except OSError as error:
        raise Refused(
            f'The master key cannot be written to "{path}": {error.strerror}.',
            hint="Use another place: file:PATH",
            code="master_unwritable",
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _exists(reference: str) -> Refused:
    return Refused(
        f'A master key exists at "{reference}". Nothing was written.',
        hint="Keep the existing key. Encrypted data cannot be read without it.",
        code="master_exists",
    )


def refuse_open_file(path: Path) -> None:
    """Raise Sealed for a file with a secret that other users can read."""
    # Windows stores permissions in access lists, not in the mode.
    if sys.platform != "win32" and path.exists() and path.stat().st_mode & 0o077:
        raise Sealed(
            f"Other users can read the secret in {path}.",
            hint=f"chmod 600 '{path}'",
            code="master_exposed",
        )


def _from_command(line: str) -> str:
    import shlex
    import subprocess

    arguments = shlex.split(line)
    if not arguments:
        raise Invalid(
            "The reference command: has no command.",
            hint="Write command:PROGRAM ARGUMENT…",
            code="master_reference",
        )
    try:
        done = subprocess.run(  # noqa: S603 - the user's own settings name it, and no shell reads it
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_PATIENCE.total_seconds(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = error.strerror if isinstance(error, OSError) else "it took more than one minute"
        raise _command_failed(arguments[0], why or "it cannot be run") from None
    if done.returncode != 0:
        raise _command_failed(arguments[0], f"it ended with {done.returncode}")
    return done.stdout.decode("ascii", "replace")


def _command_failed(program: str, why: str) -> Sealed:
    return Sealed(
        f'The command "{program}" for the master key failed: {why}.',
        hint="Run the command by hand. It must print only the key.",
        code="no_master",
    )


def _decode(text: str, reference: str) -> bytes:
    body = text.strip()
    try:
        key = base64.b64decode(body.removeprefix(PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not body.startswith(PREFIX) or len(key) != KEY_BYTES:
        # The text is not repeated: it can be another secret.
        place = "the command" if reference.startswith("command:") else reference
        raise Sealed(
            f'The content of "{place}" is not a master key.',
            hint=f"Use a key of {PREFIX} and 32 bytes in URL-safe base64.",
            code="master_invalid",
        )
    return key


def open_vault(reference: str, *, base: Path) -> Vault:
    """Return a vault with the master key at ``reference``; it is read when a key is needed."""
    return Vault(partial(read_master, reference, base=base))
