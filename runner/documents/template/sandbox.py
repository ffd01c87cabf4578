"""Jinja2 sandbox of templates: facts by their paths, marks for printed values, no other access."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from runner.documents.template.filters import filters
from runner.documents.template.values import CLOSE, OPEN, Leaf, Ledger, Missing, Value, Wrong, weigh
from runner.facts.vocabulary.lookup import nobody
from runner.facts.vocabulary.translations import PREFIX

if TYPE_CHECKING:
    from jinja2 import Environment

LEDGER: Final = "_ledger"
"""The name under which the context holds the ledger; templates cannot use names that begin so."""
BLOCK_FLUSH: Final = f"{OPEN}b{CLOSE}"
INLINE_FLUSH: Final = f"{OPEN}i{CLOSE}"
SPEND, WEIGH, ROUNDS = "_spend", "_weigh", "_rounds"
"""Filters of our own that count what a template does; templates cannot use names that begin so."""


@functools.lru_cache(maxsize=16)
def sandbox(language: str, zone: str) -> Environment:
    """Return a sandbox that knows our filters and nothing else."""
    from jinja2 import StrictUndefined, pass_context
    from markupsafe import Markup

    @pass_context
    def finalize(context: Any, value: Any) -> Any:
        # marks and Markdown of macros only: what a fact says is never in here
        return Markup(_printed(value, context.parent[LEDGER]))  # noqa: S704

    @pass_context
    def spend(context: Any, steps: int) -> None:
        context.parent[LEDGER].budget.spend(steps)

    @pass_context
    def weighed(context: Any, value: Any, steps: int) -> Any:
        context.parent[LEDGER].budget.spend(steps)
        weigh(value, context.parent[LEDGER].budget)
        return value

    @pass_context
    def rounds(context: Any, values: Iterable[Any], steps: int) -> Iterator[Any]:
        for value in values:
            context.parent[LEDGER].budget.spend(steps)
            yield value

    environment = _kind()(
        undefined=StrictUndefined,
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        cache_size=0,
    )
    environment.globals = {}
    environment.filters = {**filters(language, zone), SPEND: spend, WEIGH: weighed, ROUNDS: rounds}
    environment.tests = {
        "known": lambda value: not _absent(value),
        "unknown": _absent,
        "nobody": _nobody,
    }
    return environment


def _absent(value: object) -> bool:
    """Whether there is nothing to print: the fact is unknown, or is ``none``; a text without a translation is a gap."""
    if isinstance(value, Missing):
        return not value.path_.startswith(PREFIX)
    return _nobody(value)


def _nobody(value: object) -> bool:
    """Whether a fact states that there is no such party: ``none``."""
    return isinstance(value, Leaf) and nobody(value.path_, value.value_)


@functools.cache
def _kind() -> type[Environment]:
    """Return the class of the sandbox, inside a function because Jinja2 is imported when first needed."""
    from jinja2.exceptions import SecurityError
    from jinja2.runtime import Context
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class FactContext(Context):
        """A name that no fact answers to is a missing fact."""

        def resolve_or_missing(self, key: str) -> Any:  # type: ignore[explicit-override]
            if key in self.vars or key in self.parent:
                return super().resolve_or_missing(key)
            return Missing(key, self.parent[LEDGER])

    class Sandbox(ImmutableSandboxedEnvironment):
        """Reads facts by their paths; everything else has no attributes."""

        context_class = FactContext

        def getattr(self, obj: Any, attribute: str) -> Any:  # type: ignore[explicit-override]
            return self.getitem(obj, attribute)

        def getitem(self, obj: Any, argument: Any) -> Any:  # type: ignore[explicit-override]
            if isinstance(argument, Leaf):
                argument = argument.value_
            if isinstance(argument, Missing):
                return argument
            if isinstance(obj, Value) and isinstance(argument, str):
                return obj.child_(argument)
            if type(obj).__name__ == "LoopContext" and argument in ("first", "last", "index"):
                return getattr(obj, argument)
            raise SecurityError(f"The value {argument!r} cannot be read here.")

    return Sandbox


def _printed(value: Any, ledger: Ledger) -> str:
    """Turn what an output tag got into a mark, after the conditions that could not be decided."""
    if isinstance(value, str) and value in (BLOCK_FLUSH, INLINE_FLUSH):
        mark = ledger.flush()
        return f"\n\n{mark}\n\n" if mark and value == BLOCK_FLUSH else mark
    if hasattr(value, "__html__"):
        ledger.budget.spend(1, len(value))
        return str(value)
    return ledger.flush() + _mark(value, ledger)


def _mark(value: Any, ledger: Ledger) -> str:
    match value:
        case Missing():
            return ledger.mark(value)
        case Leaf():
            text = _plain(value.value_, value.path_)
            ledger.printed.setdefault(value.path_, {})[text] = None
            ledger.whose[len(ledger.cells)] = value.path_
            return ledger.mark(text)
        case Value():
            raise Wrong("A group of facts cannot be printed. Name one fact.")
        case _:
            return ledger.mark(_plain(value, "this expression"))


def _plain(value: Any, path: str) -> str:
    if isinstance(value, bool):
        raise Wrong(f'The value of "{path}" is yes or no. Print the value with |label.')
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Wrong(
        f'The value of "{path}" is a {type(value).__name__}. Print the value with |words, |date or |datetime.'
    )
