"""One service of the shop as a process: HTTP before a visit, HTTP to the next service, and instruments.

Started by the supervisor with a listening socket, so that every address is known before any service runs.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
import time
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from workbench.errors import SettingError
from workbench.lab import metrics
from workbench.lab.gclog import log_collections
from workbench.lab.orphan import allow_profiler, die_with_parent
from workbench.lab.shop import ServiceSettings, Shop, digest, parse
from workbench.lab.spans import SpanFile, tracer
from workbench.lab.timer import new_event_loop
from workbench.lab.visit import OK, Request, Service
from workbench.lab.work import Worker

REQUEST_ID, PATH, REMAINING = "x-request-id", "x-attempt-path", "x-deadline-remaining-s"
_LOOK_S = 0.2
_log = logging.getLogger("workbench.lab")
_propagator = TraceContextTextMapPropagator()


class Site:
    """A running service: the visit's rules joined to sockets, spans, counters and the settings file."""

    def __init__(self, name: str, settings: Path, peers: dict[str, str], spans: SpanFile) -> None:
        self.name, self.route = name, f"/{name}"
        self._path, self._peers = settings, peers
        self._tracer = tracer(spans, name, f"{name}-0")
        self._seen = settings.read_text(encoding="utf-8")
        self.digest = digest(self._seen)
        self._shop = parse(self._seen, where=settings.name)
        self._worker = Worker(self._own(self._shop).work)
        self.service = Service(
            name,
            self._own(self._shop),
            self._shop.seed,
            work=lambda share: self._worker.work(share),
            send=self.send,
            clock=asyncio.get_running_loop().time,
        )
        metrics.watch_pool(self.service.pool)
        self.visits = 0
        self._session: aiohttp.ClientSession

    async def start(self, listening: socket.socket) -> web.ServerRunner:
        """Open for requests."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3000),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        await self._worker.start()
        # handler_cancellation stays off: a visit goes on when its caller hangs up.
        runner = web.ServerRunner(
            web.Server(self.answer, handler_cancellation=False, access_log=None), shutdown_timeout=0.2
        )
        await runner.setup()
        await web.SockSite(runner, listening, backlog=4096).start()
        return runner

    async def stop(self) -> None:
        """Close the way out and end the worker processes."""
        await self._session.close()
        self._worker.stop()

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer any HTTP request."""
        if request.path == self.route:
            return await self._visited(request)
        if request.path == "/metrics":
            return web.Response(body=metrics.exposition(), headers={"content-type": metrics.CONTENT_TYPE})
        if request.path == "/settings":
            state = {"service": self.name, "digest": self.digest, "visits": self.visits}
            return web.Response(body=orjson.dumps(state), content_type="application/json")
        return web.Response(status=404)

    async def _visited(self, http: web.BaseRequest) -> web.Response:
        clock, start_ns, start = (
            asyncio.get_running_loop().time,
            time.time_ns(),
            asyncio.get_running_loop().time(),
        )
        self.visits += 1
        given = http.headers
        request = Request(
            given.get(REQUEST_ID, f"unnamed-{self.visits}"),
            given.get(PATH, ""),
            float(given.get(REMAINING, "inf")),
        )
        span = self._tracer.start_span(
            f"GET {self.route}",
            context=_propagator.extract(given),
            kind=trace.SpanKind.SERVER,
            start_time=start_ns,
            attributes={"http.request.method": "GET", "http.route": self.route},
        )
        with trace.use_span(span):
            answer = await self.service.visit(request)
        duration_s = clock() - start
        span.set_attribute("http.response.status_code", answer.status)
        if answer.waited_s is not None:
            span.set_attribute("worker_pool.wait_s", answer.waited_s)
            metrics.WAIT.observe(answer.waited_s)
        if answer.refused:
            metrics.REFUSED.labels(answer.refused).inc()
        if answer.status >= 500:
            span.set_status(trace.StatusCode.ERROR)
        span.end(start_ns + round(duration_s * 1e9))
        metrics.VISITS.labels("GET", self.route, answer.status).observe(duration_s)
        return web.Response(status=answer.status, body=b"{}", content_type="application/json")

    async def send(self, to: str, request: Request, tries: int, expires: float) -> int | str:
        """Send one try to another service, as `visit.Send` says."""
        clock, start_ns, start = (
            asyncio.get_running_loop().time,
            time.time_ns(),
            asyncio.get_running_loop().time(),
        )
        span = self._tracer.start_span(
            f"GET /{to}",
            kind=trace.SpanKind.CLIENT,
            start_time=start_ns,
            attributes={
                "http.request.method": "GET",
                "server.address": to,
                "http.request.resend_count": tries,
            },
        )
        if tries:
            metrics.RETRIES.labels(to).inc()
        headers = {REQUEST_ID: request.id, PATH: request.path}
        if request.remaining_s != float("inf"):
            headers[REMAINING] = f"{request.remaining_s:.6f}"
        _propagator.inject(headers, trace.set_span_in_context(span))
        outcome = await self._fetch(f"{self._peers[to]}/{to}", headers, expires)
        duration_s = clock() - start
        if isinstance(outcome, int):
            span.set_attribute("http.response.status_code", outcome)
        if outcome != OK:
            span.set_attribute("error.type", str(outcome))
            span.set_status(trace.StatusCode.ERROR)
        span.end(start_ns + round(duration_s * 1e9))
        kind = "ok" if outcome == OK else "timeout" if outcome == "timeout" else "error"
        metrics.TRIES.labels(to, kind).observe(duration_s)
        return outcome

    async def _fetch(self, url: str, headers: dict[str, str], expires: float) -> int | str:
        # A timeout of aiohttp's own would be rounded up to whole seconds beyond five.
        try:
            async with asyncio.timeout_at(None if expires == float("inf") else expires):
                async with self._session.get(url, headers=headers) as response:
                    await response.read()
                    return response.status
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError) as error:
            _log.warning("a try at %s failed: %r", url, error)
            return "error"

    async def follow_settings(self) -> None:
        """Look at the settings file for ever and run what it says, unless it is invalid."""
        stamp = None
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                now = self._path.stat()
                if (now.st_mtime_ns, now.st_ino, now.st_size) == stamp:
                    continue
                stamp = (now.st_mtime_ns, now.st_ino, now.st_size)
                text = self._path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                _log.error("settings cannot be read, the old ones stay in force: %s", error)
                continue
            if text != self._seen:
                self._seen = text
                await self._change(text)

    async def _change(self, text: str) -> None:
        try:
            shop = parse(text, where=self._path.name)
            if set(shop.services) != set(self._shop.services):
                raise SettingError(
                    f"services {sorted(shop.services)}",
                    where=self._path.name,
                    expected=f"those that run, {sorted(self._shop.services)}",
                    remedy="stop the lab and start it with this file",
                )
        except SettingError as error:
            _log.error("settings refused, the old ones stay in force: %s", error)
            return
        work = self._own(shop).work
        if work != self._worker.settings:
            old, self._worker = self._worker, Worker(work)
            await self._worker.start()
            old.stop()
        self.service.change(self._own(shop), shop.seed)
        self._shop, self.digest = shop, digest(text)
        _log.info("settings %s in force", self.digest)

    def _own(self, shop: Shop) -> ServiceSettings:
        return shop.services[self.name]


async def serve(name: str, listening: socket.socket, run: Path, peers: dict[str, str]) -> None:
    """Run the service until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    spans = SpanFile(run / "spans" / f"{name}-0.jsonl", name, f"{name}-0")
    site = Site(name, run / "settings.yaml", peers, spans)
    runner = await site.start(listening)
    following = asyncio.create_task(site.follow_settings())
    stop_log = log_collections(run / "gc" / f"{name}-0.log")
    await stopping.wait()
    following.cancel()
    await runner.cleanup()
    await site.stop()
    stop_log()
    spans.close()


def main(argv: list[str] | None = None) -> int:
    """Run one service; the supervisor calls this."""
    parser = argparse.ArgumentParser(prog="workbench.lab.service")
    parser.add_argument("name")
    parser.add_argument("run", type=Path)
    parser.add_argument("--socket", type=int, required=True, help="number of the inherited listening socket")
    parser.add_argument("--peers", type=orjson.loads, required=True, help="addresses of the others as JSON")
    parser.add_argument("--parent", type=int, required=True, help="process id of the supervisor")
    given = parser.parse_args(argv)
    die_with_parent(given.parent)
    allow_profiler()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(given.name, socket.socket(fileno=given.socket), given.run, given.peers))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
