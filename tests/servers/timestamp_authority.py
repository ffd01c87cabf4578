"""A timestamp authority (RFC 3161) on the loopback: ``openssl ts -reply`` behind an HTTP server, honest or not."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.needed import absent

CONFIG = """
[req]
distinguished_name=dn
[dn]
[v3_ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
subjectKeyIdentifier=hash
[v3_tsa]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[t]
serial=./serial
crypto_device=builtin
signer_cert=./tsa.crt
signer_key=./tsa.key
signer_digest=sha256
default_policy=1.2.3.4.1
digests=sha256
accuracy=secs:1
ess_cert_id_alg=sha256
ess_cert_id_chain=no
ordering=yes
[unordered]
certs=./ca.crt
"""
KEYS = (
    "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=test-ca -config ts.cnf -extensions v3_ca",
    "openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=a-longer-name-than-that-of-the-ca -config ts.cnf",
    "openssl x509 -req -in tsa.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out tsa.crt -days 30 -extfile ts.cnf -extensions v3_tsa",
)


class Authority:
    """The authority: ``answer`` turns a query into the body of a reply, or raises OSError for status 500."""

    def __init__(self, folder: Path) -> None:
        """Make a certificate and its authority below ``folder``."""
        self.folder, self.queries = folder, list[bytes]()
        self.answer: Callable[[bytes], bytes] = self.honest
        self.url = ""
        plain, _, certs = CONFIG.partition("[unordered]\n")
        (folder / "ts.cnf").write_text(plain)
        (folder / "unordered.cnf").write_text(plain + certs)
        (folder / "serial").write_text("01\n")
        for line in KEYS:
            subprocess.run(line.split(), cwd=folder, check=True, capture_output=True)

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def honest(self, query: bytes, config: str = "ts.cnf") -> bytes:
        """Return a good reply."""
        (self.folder / "q").write_bytes(query)
        line = f"openssl ts -reply -config {config} -section t -queryfile q -out r"
        subprocess.run(line.split(), cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "r").read_bytes()

    def unordered(self, query: bytes) -> bytes:
        """Return a good reply whose certificates are not in the order of DER, as some authorities send it."""
        return self.honest(query, "unordered.cnf")

    def query(self, data: bytes, *words: str) -> bytes:
        """Return the query of another program."""
        (self.folder / "d").write_bytes(data)
        line = ["openssl", "ts", "-query", "-data", "d", "-sha256", "-cert", "-out", "other", *words]
        subprocess.run(line, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "other").read_bytes()


@contextmanager
def authority(folder: Path, host: str = "127.0.0.1") -> Iterator[Authority]:
    """Run an authority; skip without OpenSSL."""
    if shutil.which("openssl") is None:
        absent("openssl", "install openssl")
    found = Authority(folder)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.queries.append(self.rfile.read(int(self.headers["content-length"])))
            try:
                body, status = found.answer(found.queries[-1]), 200
            except OSError:
                body, status = b"", 500
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Stay silent."""

    with http.server.HTTPServer((host, 0), Handler) as server:
        found.url = f"http://{host}:{server.server_address[1]}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()
