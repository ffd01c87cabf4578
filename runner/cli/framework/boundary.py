"""Error boundary: turns every error into text or JSON and an exit code (0 done, 1 refused, 2 usage, 3 internal, 5 stale).

An internal error writes a log into the home folder: lines of code, without messages, values or arguments, because
any of these may hold personal data.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from runner import __version__
from runner.cli.framework.streams import Unwritten, broken_pipe, silence
from runner.errors import Bug, TocsinError
from runner.reports.core.action_text import as_json, hint_text
from runner.settings import find_home

if TYPE_CHECKING:
    from runner.cli.framework.environment import World

INTERRUPTED = 130
LOGS = "logs"
_OURS = ("runner", "integrations", "playbooks")
_EXTRAS = {
    "psycopg": "postgres",
    "psycopg_pool": "postgres",
    "procrastinate": "postgres",
    "keyring": "keyring",
    "apprise": "apprise",
    "pyrage": "backup",
}
"""The extra of the distribution for an optional package."""


def guarded(world: World, words: Sequence[str], command: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error is shown once, on the right stream."""
    try:
        code = command()
        try:
            world.out.flush()
        except OSError as error:
            broken_pipe(world.out, error)
    except BrokenPipeError:
        silence(world.out)
        return 0
    except KeyboardInterrupt:
        world.err.write("\nInterrupted.\n")
        return INTERRUPTED
    except TocsinError as error:
        if isinstance(error, Bug):
            _log(world, words, error)
        return _said(world, words, error)
    except ModuleNotFoundError as error:
        return _said(world, words, _not_installed(error) or _unexpected(world, words, error))
    except Exception as error:  # noqa: BLE001  # the boundary: nothing may end in a traceback
        return _said(world, words, _unexpected(world, words, error))
    return code


def wants_json(words: Sequence[str]) -> bool:
    """Return whether the words contain ``--format json``, even if they cannot be parsed."""
    return "--format=json" in words or ("--format", "json") in pairwise(words)


def _said(world: World, words: Sequence[str], error: TocsinError) -> int:
    try:
        if wants_json(words) and not isinstance(error, Unwritten):
            world.out.write(_as_json(error))
            world.out.flush()
            return error.exit_code
    except OSError as lost:
        silence(world.out)
        if isinstance(lost, BrokenPipeError):
            return error.exit_code
    world.err.write(_as_text(error))
    return error.exit_code


def _as_json(error: TocsinError) -> str:
    body = {
        "schema": "tocsin/error/v1",
        "code": error.code,
        "message": error.message,
        "hint": hint_text(error),
        "action": error.action,
        "problems": error.problems,
    }
    return as_json(body)


def _as_text(error: TocsinError) -> str:
    from runner.reports.core.page import visible

    lines = [visible(str(problem)) for problem in error.problems]
    lines.append(visible(f"{error.kind} [{error.code}]: {error.message}"))
    if hint := hint_text(error):
        lines.append(f"  → {visible(hint)}")
    return "\n".join(lines) + "\n"


def _unexpected(world: World, words: Sequence[str], error: Exception) -> Bug:
    path = _log(world, words, error)
    hint = "Send the log to the maintainers. The log contains no incident data."
    return Bug(
        f"Tocsin failed ({type(error).__name__}).{f' Log: {path}' if path else ' The log could not be written.'}",
        hint=hint if path else "Report the command to the maintainers.",
        code="our_fault",
    )


def _not_installed(error: ModuleNotFoundError) -> TocsinError | None:
    """Return the error for a missing package; None if a module of Tocsin is missing."""
    package = (error.name or "").partition(".")[0]
    if package in ("", *_OURS):
        return None
    extra = _EXTRAS.get(package, "")
    return TocsinError(
        f'Python package "{package}" is not installed. The command needs it.',
        hint=f"Install Tocsin with its extra: tocsin[{extra}]"
        if extra
        else "Install Tocsin again with its dependencies, in its own environment.",
        code="not_installed",
    )


def _log(world: World, words: Sequence[str], error: BaseException) -> str:
    """Write the log into the home folder or the temporary folder; return its path, empty if both fail."""
    now = world.clock.now()
    content = "\n".join(_trace(words, error)) + f"\nat {now:%Y-%m-%dT%H:%M:%SZ}\n"
    name = f"tocsin-{now:%Y%m%dT%H%M%S%f}.log"
    for folder in _folders(world, words):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
        except OSError:
            continue
        return str(folder / name)
    return ""


def _folders(world: World, words: Sequence[str]) -> Iterator[Path]:
    given = [after for word, after in pairwise(words) if word == "--home"]
    home = find_home(given[0] if given else None, world.environ, world.cwd)
    if home.is_dir():
        yield home / LOGS
    import tempfile

    yield Path(tempfile.gettempdir())


def _trace(words: Sequence[str], error: BaseException) -> Iterator[str]:
    import platform
    from traceback import walk_tb

    yield f"tocsin {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}"
    yield f"command: {_known(words)}"
    seen: BaseException | None = error
    while seen is not None:
        yield type(seen).__name__
        for frame, line in walk_tb(seen.__traceback__):
            yield f"  {frame.f_code.co_filename}:{line} {frame.f_code.co_qualname}"
        seen = seen.__cause__ or seen.__context__


def _known(words: Sequence[str]) -> str:
    """Return the words of the command, without any value that a person wrote."""
    from runner.cli.framework.commands import COMMANDS

    return next((word for word in words if word in COMMANDS), "unknown")
