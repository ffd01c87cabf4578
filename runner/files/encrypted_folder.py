"""A folder as one encrypted file: a tar archive in the age format (age-encryption.org/v1), which the program ``age`` opens, too.

The archive is streamed into the encryption, so its clear bytes are never on a disk. Extra ``backup`` of the package.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from runner.errors import Invalid, NotFound, Sealed

ENDING = ".tar.age"
_AGE = b"age-encryption.org/v1\n"
Lock = str | Sequence[object]
"""A passphrase, or the keys that ``recipients_of`` returned."""


def recipients_of(given: Sequence[str]) -> list[object]:
    """Return the keys that an archive is encrypted for: ``age1…`` or a public SSH key; raises Invalid."""
    import pyrage as age

    found: list[object] = []
    for text in given:
        kind = age.ssh.Recipient if text.startswith("ssh-") else age.x25519.Recipient
        try:
            found.append(kind.from_str(text.strip()))
        except age.RecipientError:
            raise Invalid(
                f'"{text}" is not a public key of age.',
                hint="Write age1…, as age-keygen prints it, or a public SSH key (ssh-ed25519, ssh-rsa).",
                code="bad_recipient",
            ) from None
    return found


def pack(
    folder: Path, name: str, target: Path, lock: Lock, beside: Mapping[str, bytes] | None = None
) -> None:
    """Write ``folder``, under a name, and small files ``beside`` it, encrypted to ``target``, durable on return; raises OSError.

    For a passphrase, the library needs the whole archive in memory.
    """
    import pyrage as age

    def archive(to: BinaryIO) -> None:
        with to, tarfile.open(fileobj=to, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            tar.add(folder, arcname=name)
            for other, content in (beside or {}).items():
                entry = tarfile.TarInfo(other)
                entry.size, entry.mode = len(content), 0o600
                tar.addfile(entry, io.BytesIO(content))

    def encrypt(clear: BinaryIO) -> None:
        if isinstance(lock, str):
            out.write(age.passphrase.encrypt(clear.read(), lock))
        else:
            age.encrypt_io(clear, out, list(lock))

    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        _piped(archive, encrypt)
        out.flush()
        os.fsync(out.fileno())


def has_passphrase(file: Path) -> bool | None:
    """Tell whether a passphrase, not a key, opens a file of age; None for another file."""
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        start = opened.read(64)
    return start.startswith(_AGE + b"-> scrypt ") if start.startswith(_AGE) else None


def unpack(file: Path, to: Path, identity: Path | None, passphrase: str = "", without: str = "") -> Path:
    """Decrypt ``file`` below ``to`` with the secret key in ``identity``, or with the passphrase, and return the folder.

    The file ``without`` beside the folder is left out. Raises Sealed or Invalid.
    """
    import pyrage as age

    keys = [] if passphrase else _identities(identity)

    def decrypt(clear: BinaryIO) -> None:
        with clear, file.open("rb") as sealed:
            try:
                if passphrase:
                    clear.write(age.passphrase.decrypt(sealed.read(), passphrase))
                else:
                    age.decrypt_io(sealed, clear, keys)
            except OSError as error:
                if error.errno is not None:
                    raise
                raise age.DecryptError(str(error)) from None  # a damaged or cut file

    def extract(clear: BinaryIO) -> None:
        with tarfile.open(fileobj=clear, mode="r|") as tar:
            wanted = (one for one in tar if one.name != without)
            tar.extractall(to, wanted, filter="data")  # refuses paths and links that leave the folder
        while clear.read(1 << 20):  # the last bytes decide whether the file is whole
            pass

    try:
        _piped(decrypt, extract)
    except age.DecryptError:
        raise Sealed(
            f'"{file}" cannot be decrypted: the key or passphrase is not of it, or the file was changed.',
            hint="Give the secret key (--identity FILE) or the passphrase.",
            code="age_sealed",
        ) from None
    except tarfile.TarError:
        raise _no_folder(file) from None
    folders = [one for one in to.iterdir() if one.is_dir()]
    if len(folders) != 1:
        raise _no_folder(file)
    return folders[0]


def _piped(write: Callable[[BinaryIO], None], read: Callable[[BinaryIO], None]) -> None:
    """Run ``write`` in a thread with one end of a pipe and ``read`` here with the other; raise the error of the first that failed."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            write(os.fdopen(writing, "wb"))
        except BrokenPipeError:  # the reader failed: its error counts
            pass
        except BaseException as error:  # noqa: BLE001  # raised again below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as source:
            read(source)
    except BaseException:
        thread.join()
        if failed:
            raise failed[0] from None
        raise
    thread.join()
    if failed:
        raise failed[0]


def _identities(path: Path | None) -> list[object]:
    import pyrage as age

    if path is None:
        raise Sealed(
            "The backup is encrypted.", hint="Give the secret key: --identity FILE", code="age_sealed"
        )
    try:
        text = path.read_text(encoding="utf-8")
        if "PRIVATE KEY-----" in text:
            return [age.ssh.Identity.from_buffer(text.encode())]
        lines = (line.strip() for line in text.splitlines())
        return [age.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except FileNotFoundError:
        raise NotFound(
            f'There is no file "{path}".', hint="Name the file: --identity FILE", code="file_missing"
        ) from None
    except (OSError, ValueError, age.IdentityError):
        raise Invalid(
            f'The file "{path}" has no secret key of age.',  # its content is not repeated
            hint="Give the file that age-keygen wrote, or an SSH key without a passphrase.",
            code="bad_identity",
        ) from None


def _no_folder(file: Path) -> Invalid:
    return Invalid(
        f'"{file}" does not contain a backup.',
        hint="Name a backup or a pack that Tocsin wrote.",
        code="not_a_backup",
    )
