"""Parse what conditions are mostly made of without jinja2, whose import takes longer than checking a playbook.

A subset of jinja2's expressions, read by the same grammar into nodes of the same names and fields. Whatever is not in
the subset, and whatever turns out to be wrong later, is parsed again by jinja2: it alone words mistakes and knows
where they stand. A test compares the two parsers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_TOKEN: Final = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?![\w.]))"
    r"|(?P<string>'[^'\\\r\n]*'|\"[^\"\\\r\n]*\")"
    r"|(?P<sign>==|!=|<=|>=|[-+<>()\[\],.|])"
    r"|(?P<space>[ \t\r\n]+)",
)
_COMPARED: Final = {"==": "eq", "!=": "ne", "<": "lt", "<=": "lteq", ">": "gt", ">=": "gteq"}
_RESERVED: Final = frozenset({"and", "or", "not", "if", "else", "is", "in", "none", "None"})
_TRUTHS: Final = {"true": True, "True": True, "false": False, "False": False}
_DEEPEST: Final = 12
_MAX_WORDS: Final = 30
"""Of ``not`` and ``if``; both bounds are below those that hold for jinja2."""


class Written:
    """A node; ``kind`` and the fields are named as jinja2 names them."""

    def __init__(self, kind: str, **fields: Any) -> None:
        """Keep the fields as attributes."""
        self.kind = kind
        self.lineno = 0
        self.__dict__.update(fields)


class _NotPlain(Exception):
    """Jinja2 is to read this."""


def parse_plain(source: str) -> Written | None:
    """Return the tree, or None for what jinja2 is to read."""
    tokens: list[tuple[str, str]] = []
    end = 0
    while end < len(source):
        found = _TOKEN.match(source, end)
        if found is None:
            return None
        end = found.end()
        if found.lastgroup != "space":
            tokens.append((str(found.lastgroup), found[0]))
    if sum(text in ("not", "if") for _, text in tokens) > _MAX_WORDS:
        return None
    try:
        return _Parser(tokens).whole()
    except _NotPlain:
        return None


class _Parser:
    """One pass over the tokens; a method for each level of jinja2's grammar."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = [*tokens, ("end", "")]
        self.next = 0
        self.depth = 0

    def whole(self) -> Written:
        found = self.choice()
        if self.tokens[self.next][0] != "end":
            raise _NotPlain
        return found

    def skip(self, *words: str) -> bool:
        """Take the next words if they are these."""
        there = self.tokens[self.next : self.next + len(words)]
        if len(there) < len(words) or any(
            kind not in ("name", "sign") or text != word
            for (kind, text), word in zip(there, words, strict=True)
        ):
            return False
        self.next += len(words)
        return True

    def need(self, word: str) -> None:
        if not self.skip(word):
            raise _NotPlain

    def name(self) -> str:
        """Take a name that means nothing to the grammar."""
        kind, text = self.tokens[self.next]
        if kind != "name" or text in _RESERVED or text in _TRUTHS:
            raise _NotPlain
        self.next += 1
        return text

    def choice(self) -> Written:
        """``a if b else c``."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _NotPlain
        found = self.either()
        while self.skip("if"):
            test = self.either()
            self.need("else")
            found = Written("CondExpr", test=test, expr1=found, expr2=self.choice())
        self.depth -= 1
        return found

    def either(self) -> Written:
        return self.pairs("or", "Or", self.both)

    def both(self) -> Written:
        return self.pairs("and", "And", self.negated)

    def pairs(self, word: str, kind: str, below: Callable[[], Written]) -> Written:
        """``a and b and c``, which nests to the left."""
        left = below()
        while self.skip(word):
            left = Written(kind, left=left, right=below())
        return left

    def negated(self) -> Written:
        if not self.skip("not"):
            return self.compared()
        if self.skip("not"):
            raise _NotPlain
        return Written("Not", node=self.compared())

    def compared(self) -> Written:
        """``a < b <= c``, ``a in b``, ``a not in b``."""
        first = self.sum()
        rest: list[Written] = []
        while True:
            kind, text = self.tokens[self.next]
            if kind == "sign" and text in _COMPARED:
                self.next += 1
                rest.append(Written("Operand", op=_COMPARED[text], expr=self.sum()))
            elif self.skip("in"):
                rest.append(Written("Operand", op="in", expr=self.sum()))
            elif self.skip("not", "in"):
                rest.append(Written("Operand", op="notin", expr=self.sum()))
            else:
                return Written("Compare", expr=first, ops=rest) if rest else first

    def sum(self) -> Written:
        left = self.signed()
        while True:
            if self.skip("+"):
                left = Written("Add", left=left, right=self.signed())
            elif self.skip("-"):
                left = Written("Sub", left=left, right=self.signed())
            else:
                return left

    def signed(self) -> Written:
        for sign, kind in (("-", "Neg"), ("+", "Pos")):
            if self.skip(sign):
                return self.filtered(Written(kind, node=self.parts(self.primary())))
        return self.filtered(self.parts(self.primary()))

    def primary(self) -> Written:
        """A literal, a name, or something in brackets."""
        kind, text = self.tokens[self.next]
        if kind == "name" and text not in _TRUTHS:
            return Written("Name", name=self.name())
        self.next += 1
        if kind == "name":
            return Written("Const", value=_TRUTHS[text])
        if kind == "number":
            return Written("Const", value=float(text) if "." in text else int(text))
        if kind == "string":
            return Written("Const", value=text[1:-1])
        if text == "(":
            items = self.items(")")
            return items[0] if len(items) == 1 else Written("Tuple", items=items)
        if text == "[":
            return Written("List", items=[] if self.skip("]") else self.items("]"))
        raise _NotPlain

    def items(self, end: str) -> list[Written]:
        """``a, b`` up to the closing bracket; a comma at the end is left to jinja2."""
        found = [self.choice()]
        while self.skip(","):
            found.append(self.choice())
        self.need(end)
        return found

    def parts(self, found: Written) -> Written:
        """``a.b``, ``a['b']`` and ``a(b)``, as often as they come."""
        while True:
            if self.skip("."):
                found = Written("Getattr", node=found, attr=self.name())
            elif self.skip("["):
                found = Written("Getitem", node=found, arg=self.choice())
                self.need("]")
            elif self.skip("("):
                found = self.used("Call", found, "", [] if self.skip(")") else self.items(")"))
            else:
                return found

    def filtered(self, found: Written) -> Written:
        """``a|length`` and ``a is known``."""
        while True:
            if self.skip("|"):
                name = self.name()
                arguments = self.items(")") if self.skip("(") else []
                found = self.used("Filter", found, name, arguments)
            elif self.skip("is"):
                found = self.tested(found)
            else:
                return found

    def tested(self, found: Written) -> Written:
        """``is known``, ``is not known``; a test with an argument is left to jinja2."""
        negated = self.skip("not")
        name = self.name()
        kind, text = self.tokens[self.next]
        if (
            kind in ("string", "number")
            or text in ("(", "[", ".")
            or (kind == "name" and text not in ("else", "or", "and"))
        ):
            raise _NotPlain
        test = self.used("Test", found, name, [])
        return Written("Not", node=test) if negated else test

    def used(self, kind: str, node: Written, name: str, arguments: list[Written]) -> Written:
        return Written(kind, node=node, name=name, args=arguments, kwargs=[], dyn_args=None, dyn_kwargs=None)
