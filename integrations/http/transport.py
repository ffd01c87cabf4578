"""HTTP transport by ``requests``: one attempt, with each exception mapped to an outcome.

The classification is based on measurements: a refused connection and an unknown name prove that nothing
was sent; a reset looks the same before and after the body, so it proves nothing; an answer that
ends inside its headers is an empty 200 in ``requests``, so only a seen end counts as complete.

The one module that imports ``requests`` at its head; import it late.
"""

from __future__ import annotations

import http.cookiejar
import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, NewConnectionError

from integrations.http import Reply, Request
from integrations.http.cutoff import CutOff
from integrations.port import NotSent, Rejected, Unknown

METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
"""Metadata services and hosts of clouds outside the link-local range: AWS, Alibaba, Azure, Oracle."""

JOINED = 65_536
"""Largest body, in bytes, that is sent together with the headers."""


class ForbiddenPeer(HTTPError):
    """The name resolved to a forbidden address; no byte of the request was sent."""


def silence_urllib3() -> None:
    """Let urllib3 log nothing: it logs URLs, also as warnings about unusual answers, and some services put their password there.

    Each of its loggers by name, because another library in the process may set the level of the first.
    """
    for module in ("", ".connection", ".connectionpool", ".poolmanager", ".response", ".util.retry"):
        logging.getLogger(f"urllib3{module}").setLevel(logging.CRITICAL + 1)


silence_urllib3()


class _Line(threading.local):
    """Each thread's own session and its current attempt: only sockets are kept."""

    sessions: tuple[requests.Session | None, requests.Session | None] = (None, None)
    """For any peer, and for public ones alone: they share no connection."""
    cut: CutOff | None = None
    public: bool = False


_LINE = _Line()


class _Connection(HTTPConnection):
    """A connection to an allowed peer, watched by the cut-off; a request with a body is sent in one piece."""

    _waits = False
    _head = b""

    def request(self, method: str, url: str, body: Any = None, *args: Any, **more: Any) -> None:  # type: ignore[explicit-override]
        self._waits, self._head = isinstance(body, bytes) and 0 < len(body) <= JOINED, b""
        super().request(method, url, body, *args, **more)

    def send(self, data: Any) -> None:  # type: ignore[explicit-override]
        """Keep the headers until the body: two pieces need one more system call and packet, on both sides."""
        if self._waits:
            self._waits, self._head = False, data
            return
        head, self._head = self._head, b""
        super().send(head + data if head else data)

    def _new_conn(self) -> socket.socket:  # type: ignore[explicit-override]
        return checked(super()._new_conn(), self)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[explicit-override,override]
        _watch(self.sock)
        return super().getresponse()


class _Secure(_Connection, HTTPSConnection):
    """The same over TLS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[explicit-override]
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def _watch(connection: socket.socket | None) -> None:
    if _LINE.cut is not None:
        _LINE.cut.watch(connection)


def checked(connection: socket.socket, owner: HTTPConnection) -> socket.socket:
    """Refuse a forbidden peer before the first byte; else pass it to the cut-off."""
    try:
        peer = ipaddress.ip_address(str(connection.getpeername()[0]).partition("%")[0])
    except OSError as error:  # the peer has reset the connection already: nothing has left
        connection.close()
        raise NewConnectionError(owner, "the peer ended the connection at once") from error
    if forbidden(peer, owner.host) or (_LINE.public and not is_public(peer)):
        connection.close()
        raise ForbiddenPeer("the host name resolves to a forbidden address")
    _watch(connection)
    return connection


def forbidden(peer: ipaddress.IPv4Address | ipaddress.IPv6Address, host: str) -> bool:
    """Return whether a connected peer is forbidden: metadata, multicast, or loopback by another name."""
    peer = _carried(peer) or peer
    if peer.is_link_local or peer.is_multicast or peer.is_unspecified or peer in METADATA:
        return True
    return peer.is_loopback and not _says_loopback(host)


def is_public(peer: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether a peer is a public address, also behind the IPv6 forms that carry an IPv4 address."""
    inner = _carried(peer)
    if inner is not None:
        return is_public(inner)
    return (
        peer.is_global
        and peer not in METADATA
        and not any(peer in network for network in _NOT_PUBLIC if network.version == peer.version)
    )


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "fec0::/10", "64:ff9b:1::/48", "::/96")))
"""Ranges that ``is_global`` lets pass: protocol assignments (RFC 6890; a cloud has its metadata there), site-local addresses
(RFC 3879), local translation (RFC 8215), addresses that carry an IPv4 address in the oldest form (RFC 4291, 2.5.5.1)."""


def _carried(peer: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to: mapped, 6to4 (RFC 3056), or translated (RFC 6052)."""
    if isinstance(peer, ipaddress.IPv4Address):
        return None
    translated = ipaddress.IPv4Address(int(peer) & 0xFFFFFFFF) if peer in _NAT64 else None
    return peer.ipv4_mapped or peer.sixtofour or translated


def _says_loopback(host: str) -> bool:
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _session(*, public: bool) -> requests.Session:
    session = _LINE.sessions[public]
    if session is None:
        session = requests.Session()
        session.trust_env = False
        session.headers.clear()
        session.headers.update({"User-Agent": "Tocsin", "Accept-Encoding": "identity"})
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(pool_maxsize=1, max_retries=0))
        other = _LINE.sessions[not public]
        _LINE.sessions = (other, session) if public else (session, other)
    return session


def exchange(request: Request) -> Reply | NotSent | Rejected | Unknown:
    """Make one request and return its answer, or the outcome without an answer."""
    if not _can_be_formed(request):
        return _UNFORMED
    waits = (request.timeouts.connect.total_seconds(), request.timeouts.read.total_seconds())
    session, _LINE.public = _session(public=request.public), request.public
    # Without a merge of session settings, which are only headers: the merge took a fifth of the time of a request.
    prepared = requests.PreparedRequest()
    with CutOff(request.timeouts.total) as cut:
        _LINE.cut = cut
        try:
            prepared.prepare(
                method=request.method,
                url=request.url,
                headers={**session.headers, **request.headers},
                data=request.body,
            )
            with session.send(
                prepared,
                timeout=waits,
                allow_redirects=False,
                stream=True,
                verify=request.ca_file or True,
            ) as response:
                return _reply(response, request.max_answer, cut)
        except (requests.RequestException, HTTPError, OSError) as error:
            return lost(error)
        finally:
            _LINE.cut, _LINE.public = None, False


def _can_be_formed(request: Request) -> bool:
    """Return whether method and headers can be sent; libraries report invalid ones in other words."""
    try:
        "".join(request.headers).encode("ascii")
        "".join(request.headers.values()).encode("latin-1")
    except UnicodeEncodeError:
        return False
    return request.method.isascii() and request.method.isalpha()


_UNFORMED = Rejected("request", "the request cannot be formed from these settings", about="account")


def _reply(response: requests.Response, limit: int, cut: CutOff) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    body, ended = bytearray(), True
    try:
        while len(body) <= limit and (part := response.raw.read(8192, decode_content=False)):
            body += part
    except (HTTPError, OSError):
        ended = False
    ended = ended and len(body) <= limit and not cut.fired and _framed(response.status_code, headers)
    return Reply(status=response.status_code, headers=headers, body=bytes(body[:limit]), complete=ended)


def _framed(status: int, headers: dict[str, str]) -> bool:
    """Return whether the end is visible at all: without a length or chunks, a broken connection looks like an end."""
    if status in {204, 205, 304}:
        return bool(headers)
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def lost(error: BaseException) -> NotSent | Rejected | Unknown:
    """Return the outcome that an exception of the transport proves."""
    causes = tuple(_causes(error))
    if any(isinstance(cause, ForbiddenPeer) for cause in causes):
        return Rejected("address", "the host name resolves to a forbidden address", about="account")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return NotSent("the certificate of the service is not valid")
    if any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in causes):
        return NotSent("the connection to the service failed")
    if any(isinstance(cause, _OUR_FAULT) for cause in causes):
        return _UNFORMED
    if isinstance(error, requests.Timeout):
        return Unknown("the service did not answer in time", "answer")
    return Unknown("the connection was lost before the response", "request")


_OUR_FAULT = (
    LocationValueError,  # a name that is never resolved
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidJSONError,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk what requests and urllib3 wrap in each other: arguments, reasons, causes, contexts."""
    queue: list[object] = [error]
    seen: set[int] = set()
    while queue:
        one = queue.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        queue.extend((*one.args, getattr(one, "reason", None), one.__cause__, one.__context__))
