"""The load generator: a process of its own, open loop, measured from the intended send time.

A request is sent when the plan says, whatever became of those before. Its latency counts from the intended
time, so a late sender or a slow system hides nothing. Every request leaves a root span, sampled or not.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import signal
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import orjson

from workbench.errors import LabError, WorkbenchError
from workbench.lab.orphan import watch_parent
from workbench.lab.plan import Plan
from workbench.lab.shop import parse
from workbench.lab.spans import CLIENT, SpanFile, otlp_span
from workbench.lab.timer import new_event_loop
from workbench.lab.work import uniform

_LEAD_S = 0.2
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}


class Caller:
    """Sends the requests of one plan and keeps what became of them."""

    def __init__(
        self, url: str, plan: Plan, spans: SpanFile, *, patience_s: float, sample_share: float
    ) -> None:
        where = urlsplit(url)
        if where.hostname != "127.0.0.1":
            raise LabError(f"{where.hostname}", where="load", expected="the lab on 127.0.0.1")
        self._url, self._route = url, where.path
        self._plan, self._spans = plan, spans
        self._patience_s, self._sample_share = patience_s, sample_share
        self.latencies_s: list[float] = []
        self.errors: Counter[str] = Counter()
        self.lateness_s: list[float] = []

    async def run(self) -> float:
        """Send everything, wait for the last answer and give the start as seconds since the epoch."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3000),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        arrivals = self._plan.arrivals()
        self._begin, self._begin_ns = loop.time() + _LEAD_S, time.time_ns() + round(_LEAD_S * 1e9)
        under_way: set[asyncio.Task[None]] = set()
        async with self._session:
            for index, offset_s in enumerate(arrivals):
                await _wait_until(loop, self._begin + offset_s)
                if stopping.is_set():
                    break
                task = loop.create_task(self._request(index, offset_s))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            if not stopping.is_set():
                await _wait_until(loop, self._begin + self._plan.duration_s)
            if under_way:
                await asyncio.wait(under_way)
        return self._begin_ns / 1e9

    async def _request(self, index: int, offset_s: float) -> None:
        loop, intended = asyncio.get_running_loop(), self._begin + offset_s
        self.lateness_s.append(loop.time() - intended)
        trace_id, span_id = self._ids(index)
        sampled = uniform(self._plan.seed, "sample", trace_id) < self._sample_share
        headers = {
            "x-request-id": f"{self._plan.seed}-{index}",
            "traceparent": f"00-{trace_id}-{span_id}-{sampled:02x}",
        }
        status, error = 0, ""
        try:
            async with asyncio.timeout_at(intended + self._patience_s):
                async with self._session.get(self._url, headers=headers) as response:
                    await response.read()
                    status = response.status
                    error = "" if status == 200 else str(status)
        except TimeoutError:
            error = "timeout"
        except (aiohttp.ClientError, OSError):
            error = "connection"
        latency_s = loop.time() - intended
        self.latencies_s.append(latency_s)
        if error:
            self.errors[error] += 1
        self._spans.add(self._span(trace_id, span_id, offset_s, latency_s, status, error))

    def _ids(self, index: int) -> tuple[str, str]:
        # The start is part of it, so that two loads of the same seed do not share their traces.
        text = f"{self._plan.seed} {self._begin_ns} {index}"
        digest = hashlib.blake2b(text.encode(), digest_size=24).hexdigest()
        return digest[:32], digest[32:]

    def _span(
        self, trace_id: str, span_id: str, offset_s: float, latency_s: float, status: int, error: str
    ) -> dict[str, object]:
        start_ns = self._begin_ns + round(offset_s * 1e9)
        attributes: dict[str, object] = {"http.request.method": "GET", "server.address": self._route[1:]}
        if status:
            attributes["http.response.status_code"] = status
        if error:
            attributes["error.type"] = error
        return otlp_span(
            trace_id,
            span_id,
            "",
            f"GET {self._route}",
            CLIENT,
            start_ns,
            start_ns + round(latency_s * 1e9),
            attributes,
            failed=bool(error),
        )

    def summary(self, start: float) -> dict[str, object]:
        """Give what was sent and what came of it, as `lifecycle.Summary` holds it."""
        answered = sorted(self.latencies_s)
        failed = sum(self.errors.values())
        return {
            "start": start,
            "end": start + self._plan.duration_s,
            "sent": len(answered),
            "ok": len(answered) - failed,
            "errors": dict(self.errors),
            "latency_s": {name: _quantile(answered, share) for name, share in _QUANTILES.items()},
            "lateness_s": {
                name: _quantile(sorted(self.lateness_s), share) for name, share in _QUANTILES.items()
            },
        }


def _quantile(values: list[float], share: float) -> float:
    return values[min(int(share * len(values)), len(values) - 1)] if values else float("nan")


async def _wait_until(loop: asyncio.AbstractEventLoop, when: float) -> None:
    if when > loop.time():
        await asyncio.sleep(when - loop.time())


def main(argv: list[str] | None = None) -> int:
    """Load the lab by a plan given as JSON and write the summary as JSON; `lifecycle` calls this."""
    parser = argparse.ArgumentParser(prog="workbench.lab.load")
    parser.add_argument("run", type=Path)
    parser.add_argument("url")
    parser.add_argument("plan", type=orjson.loads)
    parser.add_argument("--patience", type=float, required=True)
    parser.add_argument("--parent", type=int, required=True)
    given = parser.parse_args(argv)
    watch_parent(given.parent)
    logging.basicConfig(level=logging.WARNING)
    return asyncio.Runner(loop_factory=new_event_loop).run(_load(given))


async def _load(given: argparse.Namespace) -> int:
    spans = SpanFile(given.run / "spans" / "client-0.jsonl", "client", "client-0")
    try:
        plan = Plan(
            tuple(map(tuple, given.plan["plan"])), tuple(map(tuple, given.plan["bursts"])), given.plan["seed"]
        )
        shop = parse((given.run / "settings.yaml").read_text(encoding="utf-8"))
        caller = Caller(given.url, plan, spans, patience_s=given.patience, sample_share=shop.sample_share)
        start = await caller.run()
    except WorkbenchError as error:
        print(orjson.dumps({"error": str(error)}).decode())
        return 1
    finally:
        spans.close()
    print(orjson.dumps(caller.summary(start)).decode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
