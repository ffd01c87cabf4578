"""A small DNS server on the loopback: it answers from a table, and may be silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[tuple[str, str], tuple[str, ...]]
"""Name and type → the records' texts."""


def _answer(wire: bytes, records: Records) -> bytes:
    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query)
    (question,) = query.question
    name, kind = question.name.to_text().rstrip("."), dns.rdatatype.to_text(question.rdtype)
    if texts := records.get((name, kind)):
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *texts))
    elif not any(known == name for known, _ in records):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    reply.flags |= dns.flags.RA
    return reply.to_wire()


@contextmanager
def nameserver(records: Records) -> Iterator[str]:
    """Answer on a port of the loopback; yields where."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    wire, peer = line.recvfrom(4096)
                except TimeoutError:
                    continue
                line.sendto(_answer(wire, records), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{line.getsockname()[1]}"
        finally:
            over.set()
            thread.join()
