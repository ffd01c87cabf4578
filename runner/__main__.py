"""The ``tocsin`` command. ``tocsin version`` answers before anything heavy is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.cli.world import World

VERSION_WORDS = (["version"], ["--version"])


def main(argv: Sequence[str] | None = None, world: World | None = None) -> int:
    """Run one command and return the exit code of the contract; ``world`` is everything outside of it."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words in VERSION_WORDS:
        from runner import __version__

        stream = sys.stdout if world is None else world.out
        stream.write(f"tocsin {__version__}\n")
        stream.flush()
        return 0
    from runner.cli.app import run
    from runner.cli.world import this_world

    return run(words, this_world() if world is None else world)


if __name__ == "__main__":
    sys.exit(main())
