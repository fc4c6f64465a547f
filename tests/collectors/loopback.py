"""A server on loopback that answers as a test says, and faults that servers have."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = Callable[[Any], None]


@contextmanager
def serve(answer: Callable[[str, dict[str, str]], Answer]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the address and what was asked (path, parameters, headers)."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query))
            asked.append((parts.path, params, dict(self.headers)))
            with suppress(ConnectionError):
                answer(parts.path, params)(self)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # or a ninth question at once waits for a second

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_turn(*answers: Answer) -> Callable[[str, dict[str, str]], Answer]:
    """Give these answers one after another, the last for ever, whatever is asked."""
    left = list(answers)
    return lambda *_: left.pop(0) if len(left) > 1 else left[0]


def plain(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
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


def cut_off(handler: Any) -> None:
    """Promise a thousand bytes and close after some."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"data": [')


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
