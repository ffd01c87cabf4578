"""One rule that must hold for each of many values: one test, which looks at all of them and names each that fails.

For rules over all laws or all states: a case of its own for each would make every run collect thousands of them. Cases that
a person worked out by hand stay ``parametrize``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

_LENGTH = 1500
"""Characters of one failure that are shown."""


def holds_for(arguments: str, values: Iterable[Any], name: Callable[..., str] = str) -> Callable[..., Any]:
    """Give a test one value after another; it fails once, with the name of each value for which it failed, and why.

    ``arguments`` are one name, or several with commas between them: then each value is a tuple, as with ``parametrize``.
    """
    names = arguments.split(",")
    rows = [(value,) if len(names) == 1 else tuple(value) for value in values]
    assert rows, f"there is no value for {arguments}"

    def one_test(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(**given: Any) -> None:
            __tracebackhide__ = True
            failed: dict[str, str] = {}
            for row in rows:
                try:
                    test(**given, **dict(zip(names, row, strict=True)))
                except Exception as error:  # noqa: BLE001 - whatever it is, the other values are looked at too
                    failed[name(*row)] = f"{type(error).__name__}: {error}"[:_LENGTH]
            if failed:
                reasons = "".join(f"\n\n{which}: {why}" for which, why in failed.items())
                told = f"{len(failed)} of {len(rows)} failed: {', '.join(failed)}{reasons}"
                raise AssertionError(told)

        signature = inspect.signature(test)
        left = [given for given in signature.parameters.values() if given.name not in names]
        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return run

    return one_test
