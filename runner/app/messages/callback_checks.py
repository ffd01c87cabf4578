"""Would providers reach us: what channels are told to call, beside what ``serve-callbacks`` can serve. Nothing is connected to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from runner.app.core.incident_service import Desk
from runner.app.messages.callbacks import IN, places_of

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SETTING = "callback_url"
"""What an adapter calls the address that it gives its provider with each message."""
_LIST = "each address is shown by tocsin serve-callbacks --list"


class Mismatch(NamedTuple):
    """One thing that keeps callbacks away; the secret part of an address is not in it."""

    severe: bool
    what: str
    hint: str


def mismatches(desk: Desk) -> Iterator[Mismatch]:
    """Yield what does not fit, for ``public_url`` and then channel by channel; raises Sealed without the master key."""
    places = places_of(desk)
    public = urlsplit(desk.home.public_url)
    if not desk.home.public_url:
        waiting = [name for name in places if SETTING not in desk.home.channels[name].settings]
        if waiting:
            what = f"public_url is not set, and {', '.join(waiting)} can be called back"
            yield Mismatch(
                False, what, "public_url: https://HOST in tocsin.yaml; without it nothing comes that way"
            )
    elif public.scheme != "https" and public.hostname not in LOOPBACK:
        hint = "providers and people call it from outside: a proxy with TLS stands before serve-callbacks"
        yield Mismatch(True, "public_url is not https", hint)
    for name, place in places.items():
        given = str(desk.home.channels[name].settings.get(SETTING) or "")
        if given:
            yield from _compared(name, urlsplit(given), public, place)


def _compared(name: str, given: SplitResult, public: SplitResult, place: str) -> Iterator[Mismatch]:
    """Yield where an address that a provider is given is not the one that is served."""
    base = public.path.rstrip("/") if public.netloc else given.path.rpartition(f"/{IN}/")[0]
    served = f"{base}/{IN}/{place}"
    if given.path != served:
        if given.path.rstrip("/") == served:
            what = f"{name}: its {SETTING} ends with a slash, and nothing is served there"
        else:
            what = f"{name}: the path of its {SETTING} is not one that serve-callbacks serves for it"
        yield Mismatch(True, what, _LIST)
    if public.netloc and (given.scheme, given.netloc) != (public.scheme, public.netloc):
        what = f"{name}: its {SETTING} names {given.scheme}://{given.hostname}, and public_url {public.scheme}://{public.hostname}"
        yield Mismatch(False, what, f"right only where both lead to the same proxy; {_LIST}")
