"""B: the same mails by a bare pipelined sender on smtplib: it reads the list, fills in, sends, and remembers nothing.

``email``: each message is an ``EmailMessage``, as one would write it. ``bytes``: headers and text are pasted together, the
least work that gives the same mail.
"""

from __future__ import annotations

import binascii
import csv
import smtplib
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

from tests.benchmarks import protocol
from tests.benchmarks.ours.bulk import sink, write_list

SENDER = "notice@breach.example"
TEXT = """{name}
{address}

What happened to your data
==========================

Dear {name}, your reference is {reference}. Somebody copied a file.

--
{reference} · journal 14:sha256:{head}
"""
HTML = (
    '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n<title>What happened to your data</title>\n<style>'
    + "body{{font:11pt/1.5 Georgia;color:#1a1a1a}}" * 20
    + "</style>\n</head>\n<body>\n<p>{name}<br>{address}</p><h1>What happened to your data</h1>"
    "<p>Dear {name}, your reference is {reference}. Somebody copied a file.</p>\n</body>\n</html>\n"
)


def by_email(row: dict[str, str], text: str, page: str) -> bytes:
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"], message["To"], message["Subject"] = SENDER, row["email"], "What happened to your data"
    message["Message-ID"] = f"<{row['reference']}@breach.example>"
    message.set_content(text)
    message.add_alternative(page, subtype="html")
    return message.as_bytes()


def by_bytes(row: dict[str, str], text: str, page: str) -> bytes:
    parts = [binascii.b2a_qp(one.encode(), istext=True).replace(b"\n", b"\r\n") for one in (text, page)]
    head = f"From: {SENDER}\r\nTo: {row['email']}\r\nSubject: What happened to your data\r\nMIME-Version: 1.0\r\n"
    head += f"Message-ID: <{row['reference']}@breach.example>\r\n"
    head += 'Content-Type: multipart/alternative; boundary="=_b"\r\n\r\n'
    kinds = [
        f'--=_b\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
        for kind in ("plain", "html")
    ]
    return (
        head.encode()
        + kinds[0].encode()
        + parts[0]
        + b"\r\n"
        + kinds[1].encode()
        + parts[1]
        + b"\r\n--=_b--\r\n"
    )


def send(port: int, rows: list[dict[str, str]] | csv.DictReader[str], compose: Callable[..., bytes]) -> int:
    """Send pipelined: the end of one message and the envelope of the next leave together."""
    smtp = smtplib.SMTP("127.0.0.1", port)
    smtp.ehlo()
    ending, count = b"", 0
    for row in rows:
        known = {**row, "head": "0" * 64}
        content = compose(row, TEXT.format(**known), HTML.format(**known))
        envelope = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{row['email']}>\r\nDATA\r\n".encode()
        smtp.send(ending + envelope)
        if ending and smtp.getreply()[0] != 250:
            raise SystemExit("refused")
        for _ in range(3):
            smtp.getreply()
        ending = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        count += 1
    smtp.send(ending)
    smtp.getreply()
    smtp.quit()
    return count


def main() -> None:
    job = protocol.job()
    path = job.folder / "people.csv"
    write_list(path, job.n)
    with sink() as port, path.open(encoding="utf-8", newline="") as file:
        started = time.perf_counter()
        count = send(port, csv.DictReader(file), by_bytes if job.variant == "bytes" else by_email)
        seconds = time.perf_counter() - started
    if count != job.n:
        raise SystemExit(f"{count} of {job.n}")
    protocol.report(job, rate=job.n / seconds)


if __name__ == "__main__":
    main()
