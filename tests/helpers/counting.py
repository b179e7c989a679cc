"""A proxy before an HTTP server, which counts the requests that pass and the bytes that come."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PIECE = 1 << 18


@dataclass(slots=True)
class Passed:
    """What went through a proxy: method and path of each request, and the bytes of the answers."""

    endpoint: str
    requests: list[str] = field(default_factory=list)
    bytes: int = 0

    def forget(self) -> None:
        """Begin to count anew."""
        self.requests.clear()
        self.bytes = 0


@contextmanager
def counted(endpoint: str) -> Iterator[Passed]:
    """Run a proxy before the server at `endpoint`."""
    address = urlsplit(endpoint).netloc
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with closing(http.client.HTTPConnection(address)) as server:
                self.pass_to(server, body)

        def pass_to(self, server: http.client.HTTPConnection, body: bytes) -> None:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                server.putheader(name, value)
            server.endheaders(body)
            answer = server.getresponse()
            with lock:
                passed.requests.append(f"{self.command} {self.path}")
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length")
            data = b"" if length else answer.read()
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            # Piece by piece: who goes away in between is sent, and counted, no more.
            while data or (data := answer.read(_PIECE)):
                with lock:
                    passed.bytes += len(data)
                self.wfile.write(data)
                data = b""

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = pass_on  # noqa: N815 - the base's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    passed = Passed(f"http://127.0.0.1:{proxy.server_port}")
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield passed
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
