"""One connection for many messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from integrations.port import BulkConnection, Unknown
from runner.effects.gateway.translation import as_outbound, to_result
from runner.routing.messaging import Channel, Dispatch, SendResult


class BulkLine:
    """Many messages over one channel: over one connection if its integration supports it, else one by one."""

    def __init__(
        self,
        channel: Channel,
        line: BulkConnection | None,
        send: Callable[[Dispatch], SendResult],
        barred: Callable[[Dispatch], SendResult | None],
    ) -> None:
        """Take the integration's line, if any, and the guard of the gateway."""
        self._channel, self._line, self._send, self._barred = channel, line, send, barred

    def send(self, dispatches: Sequence[Dispatch]) -> list[SendResult]:
        """Make one attempt each and return one result each, in order. It always returns, and applies the guard."""
        if self._line is None:
            return [self._send(dispatch) for dispatch in dispatches]
        for dispatch in dispatches:
            if (barred := self._barred(dispatch)) is not None:
                return [barred for _ in dispatches]
        try:
            sent = [as_outbound(dispatch, self._channel) for dispatch in dispatches]
            outcomes = tuple(self._line.send(sent))
        except Exception as error:  # noqa: BLE001  # any of the messages may have been sent
            self.close()
            why = Unknown(f"the integration failed ({type(error).__name__})", "integration")
            outcomes = (why,) * len(dispatches)
        if len(outcomes) != len(dispatches):
            why = Unknown("the integration reported another number of messages", "integration")
            outcomes = (why,) * len(dispatches)
        return [to_result(outcome, one.address) for outcome, one in zip(outcomes, dispatches, strict=True)]

    def close(self) -> None:
        """Close the connection; a second call is harmless."""
        if self._line is not None:
            self._line.close()
