"""A stand-in for Twilio: messages and calls with states, its error codes, and callbacks that it signs itself.

Shaped after the published description of the 2010-04-01 interface. The signature is made here from its
description, not by the adapter's own function, so that the two check each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from integrations.port import Callback
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

ACCOUNT = "AC" + "0a" * 16
TOKEN = "made-up-auth-token"  # a stand-in's
BAD_NUMBERS = {"+15005550001": 21211, "+15005550009": 21614, "+15005550004": 21610, "+15005550008": 21611}
"""Numbers that it refuses, some of them as Twilio's own test numbers."""


class Twilio(StandIn):
    """Keeps what it accepted in ``things``, by SID."""

    def __init__(self, *acts: Act) -> None:
        """Start without any message or call."""
        super().__init__(*acts)
        self.things: dict[str, dict[str, str]] = {}
        self.date = "Tue, 24 Nov 2026 14:02:00 +0000"
        self.rcs = False
        """Whether its messaging service has an RCS sender, and every telephone takes RCS."""

    def take(self, heard: Heard) -> tuple[int, object]:
        """Take a message or call, or list the messages."""
        credentials = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if heard.headers.get("authorization") != f"Basic {credentials}":
            return 401, _error(20003, 401)
        account, what, *sid = (
            heard.path.removeprefix("/2010-04-01/Accounts/").removesuffix(".json").split("/")
        )
        if account != ACCOUNT or what not in {"Messages", "Calls"}:
            return 404, _error(20404, 404)
        if heard.method == "GET":
            return self._listed(what, heard.query) if not sid else self._one(*sid)
        form = heard.form
        if sid:
            return self._ended(*sid)
        if form["To"] in BAD_NUMBERS:
            return 400, _error(BAD_NUMBERS[form["To"]], 400)
        return 201, self._new("SM" if what == "Messages" else "CA", form)

    def _ended(self, sid: str) -> tuple[int, object]:
        """End a call that goes on."""
        if self.things[sid]["status"] not in {"queued", "ringing", "in-progress"}:
            return 400, _error(21220, 400)
        self.things[sid]["status"] = "completed"
        return 200, _shown(self.things[sid])

    def _one(self, sid: str) -> tuple[int, object]:
        return (200, _shown(self.things[sid])) if sid in self.things else (404, _error(20404, 404))

    def _listed(self, what: str, query: dict[str, str]) -> tuple[int, object]:
        """List them all on one page, the newest first."""
        prefix = "SM" if what == "Messages" else "CA"
        found = [
            _shown(one)
            for sid, one in self.things.items()
            if sid.startswith(prefix) and query.get("To", one["to"]) == one["to"].removeprefix("rcs:")
        ]
        return 200, {what.lower(): found[::-1], "page": 0, "next_page_uri": None}

    def throttled(self) -> object:
        """Return Twilio's words for too many requests."""
        return _error(20429, 429)

    def _new(self, prefix: str, form: dict[str, str]) -> dict[str, object]:
        sid = prefix + hashlib.sha256(str(len(self.things)).encode()).hexdigest()[:32]
        self.things[sid] = {
            "sid": sid,
            "account_sid": ACCOUNT,
            "to": f"rcs:{form['To']}" if self.rcs and "MessagingServiceSid" in form else form["To"],
            "from": form.get("From", ""),
            "body": form.get("Body", ""),
            "status": "queued",
            "date_created": self.date,
            "callback": form.get("StatusCallback", ""),
            "twiml": form.get("Twiml", ""),
            "amd": form.get("AsyncAmdStatusCallback", ""),
        }
        return _shown(self.things[sid])

    def status(self, sid: str, status: str, at: datetime, **more: str) -> Callback:
        """Move a message or call on, and return the callback that says so."""
        thing = self.things[sid]
        thing["status"] = status
        kind = "Message" if sid.startswith("SM") else "Call"
        fields = {f"{kind}Sid": sid, f"{kind}Status": status, "AccountSid": ACCOUNT, "To": thing["to"]}
        return signed(thing["callback"], {**fields, "From": thing["from"], **more}, at)

    def answered(self, sid: str, by: str, at: datetime) -> Callback:
        """Return the callback about who answered a call; it has no status."""
        fields = {"CallSid": sid, "AccountSid": ACCOUNT, "AnsweredBy": by, "MachineDetectionDuration": "2400"}
        return signed(self.things[sid]["amd"], fields, at)


def signed(url: str, fields: dict[str, str], at: datetime, *, token: str = TOKEN) -> Callback:
    """Return a callback as Twilio posts it: the URL, then each field's name and value in the order of names."""
    text = url
    for name in sorted(fields):
        text += name + fields[name]
    given = base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()
    parts = urlsplit(url)
    return Callback(
        method="POST",
        path=f"{parts.path}?{parts.query}" if parts.query else parts.path,
        headers={"x-twilio-signature": given, "content-type": "application/x-www-form-urlencoded"},
        body=urlencode(fields).encode(),
        at=at,
    )


def _shown(thing: dict[str, str]) -> dict[str, object]:
    """Return a message or call as Twilio tells of it: where it calls back and what a call says is not repeated."""
    kept = {name: value for name, value in thing.items() if name not in {"callback", "twiml", "amd"}}
    if thing["sid"].startswith("CA"):
        del kept["body"]
        return {**kept, "direction": "outbound-api", "duration": None, "api_version": "2010-04-01"}
    failed = {"error_code": None, "error_message": None}
    return {**kept, **failed, "direction": "outbound-api", "num_segments": "1", "api_version": "2010-04-01"}


def _error(code: int, status: int) -> dict[str, object]:
    words = "This is refused for the number that you gave"
    return {"code": code, "message": words, "more_info": f"errors/{code}", "status": status}
