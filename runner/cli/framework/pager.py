"""The pager for long output: a person's own, else ``less``, and only at a terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping

SETTING = "TOCSIN_PAGER"
LESS = ("less", "-FRX")
"""Ends at once if the text fits, passes colours on, and does not clear the screen."""
_CAT = "cat"


def pager_command(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words of the pager: ``TOCSIN_PAGER``, else ``PAGER``, else less if installed; none for ``cat``."""
    named = environ.get(SETTING, environ.get("PAGER"))
    if named is None:
        return LESS if shutil.which(LESS[0], path=environ.get("PATH")) else ()
    try:
        words = tuple(shlex.split(named))
    except ValueError:
        return ()
    return () if not words or words[0] == _CAT else words


def show_paged(text: str, words: tuple[str, ...], environ: Mapping[str, str]) -> bool:
    """Show a text in a pager and wait for it to end; False if the pager cannot be started.

    less stores no history and cannot start other programs: the text is confidential.
    """
    own = {**environ, "LESSHISTFILE": "-", "LESSSECURE": "1"}
    try:
        with subprocess.Popen(words, env=own, stdin=subprocess.PIPE) as pager:  # noqa: S603  # the person's own pager, no shell
            _feed(pager, text)
    except OSError:
        return False
    return pager.returncode not in (126, 127)  # a wrapper reports that the program does not exist


def _feed(pager: subprocess.Popen[bytes], text: str) -> None:
    """Write the text. A pager that ends early is not an error, and Ctrl-C is for the pager."""
    try:
        pager.communicate(text.encode())
    except KeyboardInterrupt:
        pager.wait()
    except BrokenPipeError:
        pass


def height_of(fileno: int) -> int:
    """Return the lines of a terminal; 0 without a terminal."""
    try:
        return os.get_terminal_size(fileno).lines
    except (OSError, ValueError):
        return 0
