"""B: the same mails by a bare pipelined sender on smtplib: it reads the list, fills in, sends, and remembers nothing.

``email``: each message is an ``EmailMessage``, as one would write it. ``composed``: the same bytes put together by hand, with all
that a correct mail to each of many readers needs: words of strangers made harmless, a key that only we can make in Message-ID and
ENVID, reports asked for, a boundary that no text can hold. ``bytes``: headers and text pasted together, the least work
that gives a mail of that size. With ``/postfix`` behind it they go to a real relay.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hmac
import html
import smtplib
import time
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple

from tests.benchmarks import protocol
from tests.benchmarks.ours.bulk import relay, write_list

SENDER = "notice@breach.example"
SUBJECT = "What happened to your data"
TEXT = """Example GmbH

{name}
{address}

What happened to your data
==========================

Dear {name}, your reference is {reference}.
Somebody copied a file.

--
amber-falcon · our-letter 1.0.0

--
{reference} · journal 14:sha256:{head}
"""
STYLE = "body{{font:11pt/1.5 Georgia,serif;color:#1a1a1a;background:#fff;margin:0}}\n" * 16
HTML = (
    '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n<title>What happened to your data</title>\n'
    f"<style>{STYLE}</style>\n</head>\n<body>\n<header><p>Example GmbH</p></header>\n<main>\n"
    "<p>{name}<br>\n{address}</p>\n<h1>What happened to your data</h1>\n"
    "<p>Dear {name}, your reference is {reference}. Somebody copied a file.</p>\n</main>\n"
    "<footer><p>amber-falcon · our-letter 1.0.0</p></footer>\n</body>\n</html>\n"
)
KEY, HEAD = b"k" * 32, "0" * 64
Row = dict[str, str]


class Mail(NamedTuple):
    """What goes into MAIL and RCPT behind the addresses, and what DATA carries."""

    sender_options: str
    recipient_options: str
    content: bytes


def by_email(row: Row) -> Mail:
    known = {**row, "head": HEAD}
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"], message["To"], message["Subject"] = SENDER, row["email"], SUBJECT
    message["Message-ID"] = f"<{row['reference']}@breach.example>"
    message.set_content(TEXT.format(**known))
    message.add_alternative(HTML.format(**known), subtype="html")
    return Mail("", "", message.as_bytes())


def by_bytes(row: Row) -> Mail:
    known = {**row, "head": HEAD}
    plain, page = map(quoted, (TEXT.format(**known), HTML.format(**known)))
    return Mail("", "", whole(row["email"], row["reference"], "", plain, page))


def composed(row: Row) -> Mail:
    """Compose as a careful program does."""
    address = row["email"]
    if not address.isascii() or not address.isprintable() or any(one in address for one in ' <>()[],;:\\"'):
        raise SystemExit("no address")
    shown = {name: harmless(row[name]) for name in ("name", "address", "reference")}
    number = row["reference"].encode().rjust(10, b"\0")[:10]
    key = base64.b32encode(number + hmac.digest(KEY, number, "sha256")[:10]).decode()
    date = f"Date: {format_datetime(datetime.now(UTC))}\r\nAuto-Submitted: auto-generated\r\n"
    plain = quoted(TEXT.format(**shown, head=HEAD))
    page = quoted(HTML.format(**{name: html.escape(text) for name, text in shown.items()}))
    return Mail(
        f" RET=HDRS ENVID={xtext(key)}",
        f" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{xtext(address)}",
        whole(address, key, date, plain, page),
    )


def harmless(text: str) -> str:
    """Leave out what turns a line round or breaks a document."""
    return "".join(one for one in unicodedata.normalize("NFC", text) if one.isprintable() or one == "\n")


def xtext(text: str) -> str:
    return "".join(one if "!" <= one <= "~" and one not in "+=" else f"+{ord(one):02X}" for one in text)


def quoted(text: str) -> bytes:
    return binascii.b2a_qp(text.encode(), istext=True).replace(b"\n", b"\r\n")


def whole(address: str, key: str, more: str, plain: bytes, page: bytes) -> bytes:
    boundary = f"=_{key}"
    head = f"From: {SENDER}\r\nTo: {address}\r\nSubject: {SUBJECT}\r\nMIME-Version: 1.0\r\n{more}"
    head += f"Message-ID: <{key}@breach.example>\r\n"
    head += f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
    parts = [
        f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'.encode()
        for kind in ("plain", "html")
    ]
    return b"%b%b%b\r\n%b%b\r\n--%b--\r\n" % (
        *(head.encode(), parts[0], plain, parts[1], page),
        boundary.encode(),
    )


WAYS: dict[str, Callable[[Row], Mail]] = {"email": by_email, "composed": composed, "bytes": by_bytes}


def send(port: int, rows: Iterable[Row], compose: Callable[[Row], Mail]) -> int:
    """Send pipelined: the end of one message and the envelope of the next leave together."""
    smtp = smtplib.SMTP("127.0.0.1", port)
    smtp.ehlo()
    ending, count = b"", 0
    for row in rows:
        mail = compose(row)
        envelope = f"MAIL FROM:<{SENDER}>{mail.sender_options}\r\nRCPT TO:<{row['email']}>{mail.recipient_options}\r\nDATA\r\n"
        smtp.send(ending + envelope.encode())
        if ending and smtp.getreply()[0] != 250:
            raise SystemExit("refused")
        for _ in range(3):
            smtp.getreply()
        ending = mail.content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        count += 1
    smtp.send(ending)
    smtp.getreply()
    smtp.quit()
    return count


def main() -> None:
    job = protocol.job()
    path = job.folder / "people.csv"
    write_list(path, job.n)
    way, _, server = job.variant.partition("/")
    with relay(server) as port, path.open(encoding="utf-8", newline="") as file:
        started = time.perf_counter()
        count = send(port, csv.DictReader(file), WAYS[way])
        seconds = time.perf_counter() - started
    if count != job.n:
        raise SystemExit(f"{count} of {job.n}")
    protocol.report(job, rate=job.n / seconds)


if __name__ == "__main__":
    main()
