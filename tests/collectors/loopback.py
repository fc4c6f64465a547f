"""Servers on loopback that answer as a test says, faults that they have, and a Prometheus of one series."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

Answer = Callable[[Any], None]
NAMES = {
    "status": "success",
    "data": ["http_requests_total", "latency_bucket", "latency_count", "latency_sum"],
}


@contextmanager
def serve(answer: Callable[[str, dict[str, str]], Answer]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the address and what was asked (path, parameters, headers)."""
    asked: list[Any] = []

    def take(handler: Any) -> None:
        parts = urlsplit(handler.path)
        params = dict(parse_qsl(parts.query))
        asked.append((parts.path, params, dict(handler.headers)))
        answer(parts.path, params)(handler)

    with _listening(take) as url:
        yield url, asked


@contextmanager
def prometheus(*answers: Answer, tls: Path | None = None) -> Iterator[tuple[str, list[Any]]]:
    """Give these answers in turn, the last for ever; yield the address and what was asked (path, headers).

    `tls` is a folder with ca.pem and key.pem.
    """
    asked: list[Any] = []

    def take(handler: Any) -> None:
        given = answers[min(len(asked), len(answers) - 1)]
        asked.append((handler.path, dict(handler.headers)))
        given(handler)

    with _listening(take, tls) as url:
        yield url, asked


@contextmanager
def _listening(take: Answer, tls: Path | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):
                take(self)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # or a ninth question at once waits for a second

        def handle_error(self, *who: Any) -> None:
            if not tls:  # who does not trust the certificate goes away
                super().handle_error(*who)

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "ca.pem", tls / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_turn(*answers: Answer) -> Callable[[str, dict[str, str]], Answer]:
    """Give these answers one after another, the last for ever, whatever is asked."""
    left = list(answers)
    return lambda *_: left.pop(0) if len(left) > 1 else left[0]


def plain(status: int, body: Any, kind: str = "application/json", **headers: str) -> Answer:
    """A whole answer; what is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def matrix(*found: Any, **more: Any) -> dict[str, Any]:
    """An answer of query_range that holds these series."""
    return {"status": "success", "data": {"resultType": "matrix", "result": list(found)}, **more}


def series(handler: Any) -> dict[str, Any]:
    """The series `up`, whose value is the time, at every step that was asked for."""
    params = {key: value for key, (value, *_) in parse_qs(urlsplit(handler.path).query).items()}
    first, last, step = (int(float(params[key])) for key in ("start", "end", "step"))
    return {"metric": {"__name__": "up"}, "values": [[t, str(t)] for t in range(first, last + 1, step)]}


def sound(handler: Any) -> None:
    """Answer as a Prometheus that holds one series by each of four names."""
    plain(200, matrix(series(handler)) if "query_range" in handler.path else NAMES)(handler)


def cut_off(handler: Any) -> None:
    """Promise a thousand bytes and close after some."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"data": [')


def cut_off_gzip(handler: Any) -> None:
    """Send all that was promised of an archive that breaks off."""
    plain(200, gzip.compress(json.dumps(NAMES).encode())[:-9], content_encoding="gzip")(handler)


def bomb(handler: Any) -> None:
    """Send what expands a thousand times."""
    plain(200, gzip.compress(bytes(65 * 1024**2), 6), content_encoding="gzip")(handler)


def reset(handler: Any) -> None:
    """Break the connection without a word."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    raise ConnectionResetError


def hang(handler: Any) -> None:
    """Say nothing until the asker gives up, at most 3 s."""
    handler.connection.settimeout(3)
    with suppress(TimeoutError):
        handler.rfile.read(1)


def trickle(handler: Any) -> None:
    """Send a byte every 20 ms, at most for 3 s."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.end_headers()
    waiting = threading.Event()
    for _ in range(150):
        handler.wfile.write(b" ")
        waiting.wait(0.02)
