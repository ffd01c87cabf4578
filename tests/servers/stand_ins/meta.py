"""A stand-in for Meta's Cloud API of WhatsApp: the 24-hour window, its codes, and webhooks that it signs.

Shaped after the published description of messages and of the ``messages`` webhook.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from integrations.port import Callback
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

NUMBER_ID = "106540352242922"
TOKEN = "made-up-token"  # a stand-in's
APP_SECRET = "made-up-app-secret"  # a stand-in's
TEMPLATES = {"incident_notice": 1}
"""Approved templates and how many parameters each takes."""


class Meta(StandIn):
    """Keeps what it accepted in ``messages``, by name; ``wrote`` holds who wrote to us within 24 hours."""

    def __init__(self, *acts: Act, wrote: frozenset[str] = frozenset()) -> None:
        """Start without any message."""
        super().__init__(*acts)
        self.wrote = wrote
        self.messages: dict[str, dict[str, object]] = {}

    def take(self, heard: Heard) -> tuple[int, object]:
        """Take a message if its token, its form, and the window allow it."""
        if heard.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, error(190)
        if heard.path != f"/{NUMBER_ID}/messages":
            return 400, error(100)
        sent = heard.json
        if code := self._refused(sent):
            return 400, error(code)
        name = "wamid." + hashlib.sha256(str(len(self.messages)).encode()).hexdigest()[:40].upper() + "=="
        self.messages[name] = sent
        number = str(sent.get("to", sent.get("recipient")))
        contact = {"input": number, "wa_id": number[1:]}
        return 200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": name}]}

    def _refused(self, sent: dict[str, object]) -> int:
        number = str(sent.get("to", sent.get("recipient")))
        if number.endswith("0026"):
            return 131026
        if number.endswith("0056"):
            return 131056
        template = sent.get("template")
        if not isinstance(template, dict):
            return 0 if number in self.wrote else 131047
        wanted = TEMPLATES.get(template["name"])
        if wanted is None:
            return 132001
        parameters = [parameter for part in template["components"] for parameter in part["parameters"]]
        good = len(parameters) == wanted and all("\n" not in parameter["text"] for parameter in parameters)
        return 0 if good else 132000

    def throttled(self) -> object:
        """Return Meta's words for too many messages."""
        return error(130429)

    def status(self, name: str, status: str, at: datetime, code: int = 0) -> Callback:
        """Return the webhook that says how far a message came."""
        number = str(self.messages[name]["to"])
        one: dict[str, object] = {
            "id": name,
            "status": status,
            "timestamp": str(int(at.timestamp())),
            "recipient_id": number[1:],
            "recipient_user_id": user_id(number),
        }
        if ours := self.messages[name].get("biz_opaque_callback_data"):
            one["biz_opaque_callback_data"] = ours
        if code:
            words = "Message undeliverable"
            one["errors"] = [
                {"code": code, "title": words, "message": words, "error_data": {"details": words}}
            ]
        return webhook({"contacts": [contact(number)], "statuses": [one]}, at)

    def writes(
        self, number: str, text: str, at: datetime, *, answers: str = "", button: bool = False
    ) -> Callback:
        """Return the webhook that says that somebody wrote or pressed a template's button, perhaps under a message of ours."""
        one: dict[str, object] = {
            "from": number[1:],
            "from_user_id": user_id(number),
            "id": f"wamid.{hashlib.sha256(text.encode()).hexdigest()[:40].upper()}",
            "timestamp": str(int(at.timestamp())),
            "type": "button" if button else "text",
        }
        one |= {"button": {"payload": text, "text": text}} if button else {"text": {"body": text}}
        if answers:
            one["context"] = {"from": "15005550006", "id": answers}
        self.wrote |= {number}
        return webhook({"contacts": [contact(number)], "messages": [one]}, at)

    def moves(self, number: str, kind: str, at: datetime) -> Callback:
        """Return the webhook that says that a person's number or name at Meta changed; it has no contacts."""
        one = {
            "from": number[1:],
            "from_user_id": user_id(number),
            "id": f"wamid.{hashlib.sha256(kind.encode()).hexdigest()[:40].upper()}",
            "timestamp": str(int(at.timestamp())),
            "type": "system",
            "system": {"body": "User changed", "wa_id": "15005550077", "type": kind},
        }
        return webhook({"messages": [one]}, at)


def user_id(number: str) -> str:
    """Return Meta's own name for a person towards this business, which goes with every number since usernames came."""
    return "US." + str(int(hashlib.sha256(number.encode()).hexdigest()[:12], 16))


def contact(number: str) -> dict[str, object]:
    """Return what a webhook says of the person at the other end."""
    return {"profile": {"name": "Somebody"}, "wa_id": number[1:], "user_id": user_id(number)}


def webhook(
    value: dict[str, object], at: datetime, number: str = NUMBER_ID, key: str = APP_SECRET
) -> Callback:
    """Return a signed webhook with one change."""
    metadata = {"display_phone_number": "15005550006", "phone_number_id": number}
    full = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    entry = {"id": "1", "changes": [{"field": "messages", "value": full}]}
    return sign(json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode(), at, key)


def sign(body: bytes, at: datetime, key: str = APP_SECRET) -> Callback:
    """Return a callback with these bytes, signed."""
    given = hmac.digest(key.encode(), body, hashlib.sha256).hex()
    return Callback(
        method="POST", path="/", headers={"x-hub-signature-256": f"sha256={given}"}, body=body, at=at
    )


def error(code: int) -> dict[str, object]:
    """Return an error as Meta words it, repeating what was sent as careless services do."""
    return {
        "error": {"message": f"(#{code}) refused", "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    }
