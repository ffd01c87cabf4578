"""The ``tocsin`` command. ``tocsin version`` answers before anything heavy is imported."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as type checkers know it; ``typing`` alone takes as long as the interpreter
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
            pass  # a stream that takes nothing, or none: said again where such things are told
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
        )  # the mask is the process's: its main thread has set it
    before = os.umask(0o077)  # all that is written belongs to its owner alone, also what libraries write
    try:
        return run(words, this_world() if world is None else world)
    finally:
        os.umask(before)


def _make_quick() -> None:
    """Save a process of a tenth of a second what it would not live to gain from: a quarter of its time.

    Rubbish is collected after so many new objects that few commands come to it, and not once more at the exit, which
    alone takes a seventh. And msgspec, which takes type hints from ``typing_extensions`` where that happens to be
    installed, is given the standard library's, which do.
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
