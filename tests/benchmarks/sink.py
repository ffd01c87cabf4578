"""A mail server that takes everything and keeps nothing, as fast as Python can, for the senders that are measured.

``python sink.py`` prints its port and serves until it is killed. It offers PIPELINING; both senders have the same one.
"""

from __future__ import annotations

import asyncio
import sys


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out = transport
        self._buffer = bytearray()
        self._data = False
        self._number = 0
        transport.write(b"220 sink.example ESMTP\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        answers: list[bytes] = []
        start = 0
        while True:
            if self._data:
                end = buffer.find(b"\r\n.\r\n", max(start - 2, 0))
                if end < 0:
                    break
                start, self._data = end + 5, False
                self._number += 1
                answers.append(b"250 2.0.0 Ok: queued as %d\r\n" % self._number)
                continue
            end = buffer.find(b"\r\n", start)
            if end < 0:
                break
            verb, start = bytes(buffer[start : start + 4]).upper(), end + 2
            self._data = verb == b"DATA"
            answers.append(ANSWERS.get(verb, b"250 2.0.0 Ok\r\n"))
        del buffer[:start]
        if answers:
            self._out.write(b"".join(answers))  # type: ignore[attr-defined]


ANSWERS = {
    b"EHLO": b"250-sink.example\r\n250-PIPELINING\r\n250-DSN\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
