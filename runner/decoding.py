"""Bytes and plain values become typed values here and nowhere else, in any thread.

msgspec works out how a class is decoded when it first meets the class, and puts the unfinished result where other threads find it. A second
thread that decodes the class, or one that contains it, at that moment reads null pointers, and the process dies of SIGSEGV (seen in 0.22, in
half of all cold starts of a worker on a busy machine). So each type is worked out under a lock: one for all, because types share the
classes they contain. Only this step needs the lock: to use a finished type, and to encode, is safe without.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, overload

import msgspec

Kind = TypeVar("Kind")
Json = bytes | str | msgspec.Raw
Hook = Callable[[type, Any], Any]

_WORKING_OUT = threading.Lock()


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    with _WORKING_OUT:
        return msgspec.json.Decoder(kind)


@overload
def from_json(body: Json) -> Any: ...
@overload
def from_json(body: Json, kind: type[Kind]) -> Kind: ...
@overload
def from_json(body: Json, kind: Any) -> Any: ...
def from_json(body: Json, kind: Any = Any) -> Any:
    """Return what JSON says; raises ``msgspec.DecodeError``, or ``msgspec.ValidationError`` where it is not of the type."""
    try:
        return _decoder(kind).decode(body)
    except UnicodeDecodeError:  # msgspec lets it out for a key that is not UTF-8
        raise msgspec.DecodeError("JSON is not UTF-8") from None


@overload
def json_reader(kind: type[Kind]) -> Callable[[bytes], Kind]: ...
@overload
def json_reader(kind: Any) -> Callable[[bytes], Any]: ...
def json_reader(kind: Any) -> Callable[[bytes], Any]:
    """Return ``from_json`` of one type: faster for a union of many classes, which takes long to look up."""
    return _decoder(kind).decode


def msgpack_reader(kind: type[Kind]) -> Callable[[bytes], Kind]:
    """Return what reads MessagePack of one type."""
    with _WORKING_OUT:
        return msgspec.msgpack.Decoder(kind).decode


@overload
def convert(value: object, kind: type[Kind], dec_hook: Hook | None = None) -> Kind: ...
@overload
def convert(value: object, kind: Any, dec_hook: Hook | None = None) -> Any: ...
def convert(value: object, kind: Any, dec_hook: Hook | None = None) -> Any:
    """Return a plain value as one of a type; raises ``msgspec.ValidationError``."""
    _decoder(kind)  # so that it is worked out
    return msgspec.convert(value, kind, dec_hook=dec_hook)
