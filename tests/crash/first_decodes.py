"""A fresh interpreter in which eight threads import the whole program and decode every class for the first time, all at once.

``python -m tests.crash.first_decodes`` answers with the number of classes. Nothing of the program is imported before the threads begin:
what was decoded before is not decoded for the first time.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec

from tests.patience import PATIENCE

THREADS = 8


def modules(package: str) -> list[str]:
    """Name the modules of a package and of the packages below it."""
    found = importlib.import_module(package)
    return [one.name for one in pkgutil.walk_packages(found.__path__, f"{package}.")]


def classes(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """Yield every class below one."""
    for subclass in kind.__subclasses__():
        yield subclass
        yield from classes(subclass)


def meet(kind: type[msgspec.Struct], number: int) -> None:
    """Decode a value that has only the last field: an unfinished class lacks that one longest."""
    from runner.decoding import convert, from_json

    given = dict.fromkeys(kind.__struct_encode_fields__[-1:])
    with suppress(
        msgspec.ValidationError, TypeError, NameError
    ):  # the last two: of a class that is never decoded
        convert(given, kind) if number % 2 else from_json(msgspec.json.encode(given), kind)


def main() -> None:
    """Let the threads go, and say how many classes there were."""
    sys.setswitchinterval(1e-6)
    names = [*modules("runner"), *modules("integrations")]
    together = threading.Barrier(THREADS, timeout=PATIENCE)

    def act(number: int) -> int:
        start = number * len(names) // THREADS
        for name in (*names[start:], *names[:start]):
            with suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(name)
        together.wait()
        kinds = tuple(classes(msgspec.Struct))
        for kind in kinds:
            together.wait()
            meet(kind, number)
        return len(kinds)

    with ThreadPoolExecutor(THREADS) as pool:
        print(*set(pool.map(act, range(THREADS))))  # noqa: T201


if __name__ == "__main__":
    main()
