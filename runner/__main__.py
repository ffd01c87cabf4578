"""The ``tocsin`` command. ``tocsin version`` answers before any slow import."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as type checkers know it; importing ``typing`` alone takes as long as the interpreter
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.cli.framework.environment import World

VERSION_WORDS = (["version"], ["--version"])


def main(argv: Sequence[str] | None = None, world: World | None = None) -> int:
    """Run one command and return the exit code of the contract; ``world`` is everything outside of it."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words in VERSION_WORDS:
        from runner import __version__

        stream = sys.stdout if world is None else world.out
        try:
            stream.write(f"tocsin {__version__}\n")
            stream.flush()
        except (OSError, AttributeError):
            pass  # the stream fails or is missing: the error is reported later
        else:
            return 0
    if world is None:
        _make_quick()
    import threading

    from runner.cli.framework.app import run
    from runner.cli.framework.environment import this_world

    if threading.current_thread() is not threading.main_thread():
        return run(
            words, this_world() if world is None else world
        )  # the mask belongs to the process: its main thread has set it
    before = os.umask(0o077)  # only the owner can read the files, also those of libraries
    try:
        return run(words, this_world() if world is None else world)
    finally:
        os.umask(before)


def _make_quick() -> None:
    """Omit work that does not pay in a process of a tenth of a second: a quarter of its time.

    The collector of cycles runs after so many new objects that few commands reach it, and not again at the exit,
    which alone takes a seventh. And msgspec, which uses type hints from ``typing_extensions`` if that is
    installed, is given the standard library's, which has the same.
    """
    import atexit
    import gc

    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    absent = "typing_extensions"
    if absent not in sys.modules:
        sys.modules[absent] = None  # type: ignore[assignment]  # how an import is made to fail
        try:
            import msgspec  # noqa: F401
        finally:
            del sys.modules[absent]


if __name__ == "__main__":
    sys.exit(main())
