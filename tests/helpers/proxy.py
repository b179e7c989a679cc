"""A proxy in front of an S3 server, which does to requests what bad networks and servers do.

It passes the Host header on, for that is signed: the server believes that it was asked itself.
"""

from __future__ import annotations

import functools
import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from tests.helpers.seaweed import S3Server

_ALWAYS = float("inf")
_NOT_PASSED_ON = ("connection", "keep-alive", "transfer-encoding", "date", "server")
_RESET = struct.pack("ii", 1, 0)
_CONTENTS = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)
_MODIFIED = re.compile(rb"<LastModified>(.*?)</LastModified>")


class Request(NamedTuple):
    """What was asked for; `target` is path and query, unquoted."""

    method: str
    target: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Exchange(BaseHTTPRequestHandler):
    """A connection of a client, and the request that is being served on it."""

    protocol_version = "HTTP/1.1"
    server: _Server
    moved = 0
    """Bytes of bodies that went through this connection, either way."""

    def serve(self) -> None:
        proxy = self.server.proxy
        request = Request(self.command, unquote(self.path))
        self.left = int(self.headers.get("Content-Length", 0))
        act = proxy.record(request)
        if act is None:
            self.reply(self.forward())
        else:
            act(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve  # noqa: N815 - named by http.server

    def receive(self, most: int = 1 << 40) -> bytes:
        """Return the next bytes of the request's body, or all."""
        data = self.rfile.read(min(most, self.left))
        self.left -= len(data)
        self.moved += len(data)
        return data

    def forward(self, body: bytes | None = None) -> Answer:
        """Let the server answer."""
        body = self.receive() if body is None else body
        connection = http.client.HTTPConnection(self.server.proxy.upstream, timeout=60)
        try:
            connection.putrequest(self.command, self.path, True, True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            got = connection.getresponse()
            headers = tuple(
                (name, value)
                for name, value in got.getheaders()
                if name.lower() not in _NOT_PASSED_ON
            )
            return Answer(got.status, headers, got.read())
        finally:
            connection.close()

    def reply(self, answer: Answer) -> None:
        self.head(answer)
        self.give(answer.body)

    def head(self, answer: Answer, *, length: bool = True) -> None:
        """Send the status and the headers."""
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() != "content-length" or (length and self.command == "HEAD"):
                self.send_header(name, value)
        if length and self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        if not length:
            self.send_header("Connection", "close")
        self.end_headers()

    def give(self, data: bytes) -> None:
        self.wfile.write(data)
        self.moved += len(data)

    def end(self) -> None:
        """Close the connection in good order."""
        self.close_connection = True

    def reset(self) -> None:
        """Close the connection so that the client is told that it failed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def pause(self, seconds: float) -> bool:
        """Wait; return whether the proxy is still there."""
        return not self.server.proxy.stopping.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


Act = Callable[[Exchange], None]


@dataclass(slots=True)
class Rule:
    """What happens to the requests that match, from one on, so many times or so long."""

    act: Act
    method: str
    target: str
    skip: int
    times: float
    seconds: float
    hits: int = 0
    _until: float = 0.0

    def applies(self, request: Request) -> bool:
        if self.hits >= self.times or (self.hits and time.monotonic() > self._until):
            return False
        if not (re.search(self.method, request.method) and re.search(self.target, request.target)):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if not self.hits:
            self._until = time.monotonic() + self.seconds
        self.hits += 1
        return True


class Proxy:
    """A running proxy: its rules, and what was asked of it."""

    def __init__(self, upstream: str, port: int) -> None:
        self.upstream = upstream
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def rule(
        self,
        act: Act,
        method: str = "",
        target: str = "",
        *,
        skip: int = 0,
        times: float = _ALWAYS,
        seconds: float = _ALWAYS,
    ) -> Rule:
        """Do this to requests whose method and target match; the first rule that applies counts."""
        rule = Rule(act, method, target, skip, times, seconds)
        self._rules.append(rule)
        return rule

    def heal(self) -> None:
        """Forget the rules and what was asked."""
        with self._lock:
            self._rules.clear()
            self.requests.clear()

    def record(self, request: Request) -> Act | None:
        with self._lock:
            self.requests.append(request)
            return next((rule.act for rule in self._rules if rule.applies(request)), None)

    def count(self, method: str = "", target: str = "") -> int:
        """Return how many such requests there were."""
        return sum(
            bool(re.search(method, each.method) and re.search(target, each.target))
            for each in self.requests
        )


class _Server(ThreadingHTTPServer):
    proxy: Proxy

    def shutdown_request(self, request: Any) -> None:
        """Close without a word before, or a reset would look like an ordinary end."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may give up, above all those that are made to."""


@contextmanager
def proxy_of(server: S3Server) -> Iterator[Proxy]:
    """Run a proxy in front of a server, on a free port."""
    with _Server(("127.0.0.1", 0), Exchange) as listener:
        proxy = listener.proxy = Proxy(urlsplit(server.endpoint).netloc, listener.server_port)
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.stopping.set()
            listener.shutdown()
            thread.join()


# What can happen to a request


def said(status: int, text: str) -> Act:
    """Answer with a text."""

    def act(exchange: Exchange) -> None:
        exchange.receive()
        body = b"" if exchange.command == "HEAD" else text.encode()
        exchange.reply(Answer(status, (("Content-Type", "application/xml"),), body))

    return act


def answer(status: int, code: str) -> Act:
    """Answer with an error."""
    return said(status, f"<Error><Code>{code}</Code><Message>no reason given</Message></Error>")


def redirect(status: int, url: str, region: str = "") -> Act:
    """Send the client elsewhere, perhaps to a bucket in another region."""
    body = b"<Error><Code>TemporaryRedirect</Code><Message>go there</Message></Error>"

    def act(exchange: Exchange) -> None:
        exchange.receive()
        headers = [("Location", f"{url}{exchange.path}"), ("Content-Type", "application/xml")]
        if region:
            headers.append(("x-amz-bucket-region", region))
        exchange.reply(Answer(status, tuple(headers), b"" if exchange.command == "HEAD" else body))

    return act


def cut(*, length: bool) -> Act:
    """Send half of the body, and its whole length or none."""

    def act(exchange: Exchange) -> None:
        whole = exchange.forward()
        exchange.head(whole, length=length)
        exchange.give(whole.body[: len(whole.body) // 2])
        exchange.end()

    return act


def changed(change: Callable[[bytes], bytes]) -> Act:
    """Change the body."""

    def act(exchange: Exchange) -> None:
        whole = exchange.forward()
        exchange.reply(replace(whole, body=change(whole.body)))

    return act


def flip(body: bytes) -> bytes:
    """Turn one bit in the middle."""
    data = bytearray(body)
    data[len(data) // 2] ^= 1
    return bytes(data)


def flipped_on_the_way_up(exchange: Exchange) -> None:
    """Turn one bit of what the client sends."""
    exchange.reply(exchange.forward(flip(exchange.receive())))


def instead(make: Callable[[], bytes]) -> Act:
    """Send the same part of another object, which is made when it is first sent."""
    made = functools.cache(make)

    def act(exchange: Exchange) -> None:
        whole = exchange.forward()
        other = made()
        start = int(re.findall(r"\d+", exchange.headers.get("Range", "0"))[0])
        body = other[start : start + len(whole.body)].ljust(len(whole.body), b"\0")
        exchange.reply(replace(whole, body=body))

    return act


def stall(exchange: Exchange) -> None:
    """Take all, send half of the answer, and then nothing any more."""
    whole = exchange.forward()
    if whole.body:
        exchange.head(whole)
        exchange.give(whole.body[: len(whole.body) // 2])
    exchange.pause(3600)
    exchange.reset()


def deaf_after(count: int) -> Act:
    """Take so many bytes of what the client sends, and then no more."""

    def act(exchange: Exchange) -> None:
        # Or the system would take the rest in the proxy's place.
        exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        exchange.receive(count)
        exchange.pause(3600)
        exchange.reset()

    return act


def trickle(rate: int) -> Act:
    """Move so many bytes a second, either way."""
    step = max(1, rate // 10)

    def act(exchange: Exchange) -> None:
        body = b""
        while exchange.left and exchange.pause(0.1):
            body += exchange.receive(step)
        whole = exchange.forward(body)
        exchange.head(whole)
        for start in range(0, len(whole.body), step):
            exchange.give(whole.body[start : start + step])
            if not exchange.pause(0.1):
                break

    return act


def reset_after(most: int) -> Act:
    """Reset each connection once so many bytes went through it."""

    def act(exchange: Exchange) -> None:
        body = exchange.receive(most - exchange.moved)
        if exchange.left:
            exchange.reset()
            return
        whole = exchange.forward(body)
        part = whole.body[: most - exchange.moved]
        exchange.head(whole)
        exchange.give(part)
        if len(part) < len(whole.body):
            exchange.wfile.flush()
            exchange.reset()

    return act


def lose_answer(exchange: Exchange) -> None:
    """Let the server do it, and never tell."""
    exchange.forward()
    exchange.reset()


def lag(count: int) -> Act:
    """Leave the newest objects out of a listing."""

    def without(body: bytes) -> bytes:
        entries = sorted(_CONTENTS.findall(body), key=_modified)
        for entry in entries[max(len(entries) - count, 0) :]:
            body = body.replace(entry, b"")
        return body

    return changed(without)


def _modified(entry: bytes) -> bytes:
    found = _MODIFIED.search(entry)
    return found[1] if found else b""
