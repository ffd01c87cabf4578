"""Settings of a home that reaches Ada by one provider's stand-in, and a message to her that wants an answer."""

from __future__ import annotations

from pathlib import Path

from tests.cli.at_desk import AtDesk
from tests.servers.stand_ins import matrix, meta, pagerduty, signal_gateway, slack, twilio
from tests.servers.stand_ins.stand_in import StandIn
from tests.web.served import PLAYBOOK, address

ADA = "+15005550010"


def telephone(tocsin: AtDesk, channel: dict[str, object], **secrets: str) -> None:
    """Reach Ada by one channel to her telephone."""
    reach(tocsin, "phone", ADA, channel, **secrets)


def reach(
    tocsin: AtDesk,
    name: str,
    to: str,
    channel: dict[str, object],
    *,
    too: tuple[str, ...] = (),
    **secrets: str,
) -> None:
    """Reach Ada, and others ``too``, at one address by one channel."""
    for secret, text in secrets.items():
        (tocsin.home / secret).write_text(text, encoding="utf-8")
    given = {secret: f"file:{secret}" for secret in secrets}
    channels = {name: {"confidentiality": "internal", "secrets": given, **channel}}
    contacts = [{"channel": name, "address": to}]
    people = {one: {"name": one.title(), "contacts": contacts} for one in ("ada", *too)}
    url = "https://callbacks.example.org"
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["ada"]}, public_url=url)


def opened(tocsin: AtDesk, tmp_path: Path, kind: str = "real") -> None:
    """Open an incident that calls Ada out."""
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes", "--kind", kind)


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


def by_signal(tocsin: AtDesk, server: StandIn, *, recipients_lock: bool = False) -> None:
    settings = {"url": server.url, "number": signal_gateway.NUMBER, "recipients_lock": recipients_lock}
    channel = {"adapter": "signal", "settings": settings}
    telephone(tocsin, channel, callback="made-up-password")


def by_slack(tocsin: AtDesk, server: StandIn, to: str) -> None:
    settings = {"api": server.url, "button": "Seen", "team": slack.TEAM}
    channel = {"adapter": "slack", "settings": settings, "domains": ["slack"]}
    reach(tocsin, "chat", to, channel, token=slack.TOKEN, signing=slack.SIGNING)


def by_pagerduty(tocsin: AtDesk, server: StandIn) -> None:
    channel = {"adapter": "pagerduty", "settings": {"api": server.url, "acknowledged": True}}
    reach(tocsin, "pager", "none", channel, routing_key=pagerduty.ROUTING_KEY, signing=pagerduty.SIGNING)


def by_matrix(tocsin: AtDesk, server: StandIn, *, too: tuple[str, ...] = ()) -> None:
    settings = {"url": server.url, "user": matrix.US, "appservice": True}
    channel = {"adapter": "matrix", "settings": settings}
    secrets = {"token": matrix.TOKEN, "hs_token": matrix.HS_TOKEN}
    reach(tocsin, "room", "!maria:breach.example", channel, too=too, **secrets)


def by_screen(tocsin: AtDesk) -> None:
    channel = {"adapter": "console", "settings": {"path": str(tocsin.home / "console.txt")}, "exercise": True}
    reach(tocsin, "screen", "ada", channel)
