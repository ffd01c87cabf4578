"""Settings of a home that reaches Ada by one provider's stand-in, and a message to her that wants an answer."""

from __future__ import annotations

from pathlib import Path

from integrations.testing import meta, signal_gateway, twilio
from integrations.testing.stand_in import StandIn
from tests.cli.at_desk import AtDesk
from tests.web.served import PLAYBOOK, address

ADA = "+15005550010"


def telephone(tocsin: AtDesk, channel: dict[str, object], **secrets: str) -> None:
    """Reach Ada by one channel, and send her a message that wants an answer."""
    given = {name: f"file:{name}" for name in secrets}
    for name, text in secrets.items():
        (tocsin.home / name).write_text(text, encoding="utf-8")
    channels = {"phone": {"confidentiality": "internal", "secrets": given, **channel}}
    people = {"ada": {"name": "Ada", "contacts": [{"channel": "phone", "address": ADA}]}}
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["ada"]})


def opened(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")


def by_twilio(tocsin: AtDesk, server: StandIn) -> None:
    settings = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": server.url}
    channel = {"adapter": "twilio_sms", "settings": settings}
    telephone(tocsin, channel, auth_token=twilio.TOKEN)
    settings["callback_url"] = f"https://callbacks.example.org{address(tocsin, 'phone')}"
    telephone(tocsin, channel, auth_token=twilio.TOKEN)


def by_whatsapp(tocsin: AtDesk, server: StandIn) -> None:
    settings = {"phone_number_id": meta.NUMBER_ID, "api": server.url}
    channel = {"adapter": "whatsapp", "settings": settings}
    telephone(tocsin, channel, token=meta.TOKEN, app_secret=meta.APP_SECRET, verify_token="asked")


def by_signal(tocsin: AtDesk, server: StandIn) -> None:
    channel = {"adapter": "signal", "settings": {"url": server.url, "number": signal_gateway.NUMBER}}
    telephone(tocsin, channel, callback="made-up-password")
