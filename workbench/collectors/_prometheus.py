"""Questions to a live Prometheus, or what speaks as it does: its answers as they came, many at a time."""

from __future__ import annotations

import gc
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from workbench.collectors import _kept, _matrix
from workbench.collectors._http import Server, TooLarge
from workbench.errors import CollectError

MOST_STEPS = 10_000  # Prometheus refuses more than 11,000 points a series
SETTLED_S = 300.0  # younger answers may still change: late samples, and series that are not stale yet
TENANT = "X-Scope-OrgID"
_NAMES, _RANGE, _BUILD = "/api/v1/label/__name__/values", "/api/v1/query_range", "/api/v1/status/buildinfo"


class Connection(TypedDict, total=False):
    """How to reach a Prometheus.

    `tenant` is Mimir's and Cortex' X-Scope-OrgID; `token` a bearer token, `auth` a user and a password;
    `verify` False, or the file of the authority that signed the server's certificate. `timeout_s` bounds one
    answer, `tries` how often it is asked for, `parallel` how many are under way at once.
    """

    headers: Mapping[str, str] | None
    auth: tuple[str, str] | None
    token: str | None
    tenant: str | None
    verify: bool | str
    timeout_s: float
    tries: int
    parallel: int


@dataclass(frozen=True)
class Question:
    """A query at every step from `first` to `last`, both inclusive and whole seconds."""

    query: str
    first: int
    last: int
    step_s: int


@dataclass(frozen=True)
class Answer:
    """An answer as it came, and what was found in it."""

    body: bytes
    found: _matrix.Found


def questions(query: str, start: float, end: float, step_s: int) -> list[Question]:
    """Split a window, both ends inclusive, into questions under Prometheus' limit of points.

    Steps lie at multiples of `step_s`, where those servers put them that would move any others.
    """
    if type(step_s) is not int or step_s < 1:
        raise CollectError(f"a step of {step_s} s", expected="at least 1 s, in whole seconds")
    first, end_s = -(-math.ceil(start) // step_s) * step_s, math.floor(end) // step_s * step_s
    if first > end_s:
        raise CollectError(
            f"no multiple of the step of {step_s} s in a window of {end - start:g} s",
            expected="a window of several steps",
            remedy="choose a shorter step or a longer window",
        )
    length = (MOST_STEPS - 1) * step_s
    return [
        Question(query, at, min(at + length, end_s), step_s)
        for at in range(first, end_s + 1, length + step_s)
    ]


class Prometheus:
    """A Prometheus at an address, or behind a client that is already connected.

    What it does not answer as the API says raises CollectError. With a folder `kept`, settled answers are
    kept there, and not asked for again.
    """

    def __init__(
        self,
        place: str | PrometheusConnect,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        token: str | None = None,
        tenant: str | None = None,
        verify: bool | str = True,
        timeout_s: float = 30.0,
        tries: int = 5,
        parallel: int = 4,
        kept: Path | None = None,
    ) -> None:
        if tries < 1 or parallel < 1 or not timeout_s > 0:
            raise CollectError(
                f"tries {tries}, parallel {parallel}, timeout_s {timeout_s}",
                where="prometheus",
                expected="at least 1 try, 1 at a time and more than 0 s",
            )
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token.strip()}"
        if tenant:
            headers[TENANT] = tenant
        client = place if isinstance(place, PrometheusConnect) else _client(place, headers, auth, verify)
        self._server = Server(
            client.url,
            "a Prometheus",
            headers={**(client.headers or {}), **headers},
            auth=auth or client.auth,
            timeout_s=timeout_s,
            tries=tries,
            session=client._session,
            sleep=self._sleep,
        )
        self.place = self._server.place
        self._tenant = next((v for k, v in headers.items() if k.lower() == TENANT.lower()), "")
        self._parallel, self._kept = parallel, kept
        self._stopped, self._checking = threading.Event(), threading.Lock()

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def names(self, selector: str, start: float, end: float) -> tuple[list[str], list[str]]:
        """Give the metric names among the series selected in the window, and the server's remarks on them."""
        body = self._server.get(_NAMES, {"match[]": selector, "start": start, "end": end})
        answer = _matrix.success(body, f"{self.place}{_NAMES}")
        names = answer["data"]
        if not isinstance(names, list) or not all(type(name) is str for name in names):
            raise CollectError("no list of names", where=f"{self.place}{_NAMES}", expected='["up", …]')
        return sorted(set(names)), list(_matrix.remarks(answer))

    def ask(self, path: str, params: Mapping[str, str | float]) -> bytes:
        """Give the answer to any other question of its API, as it came."""
        return self._server.get(path, params)

    def answers(self, asked: Iterable[Question]) -> Iterator[list[Answer]]:
        """Give the answers to each question, in their order; more than one where one would be too large."""
        self._stopped.clear()
        waiting: deque[Future[list[Answer]]] = deque()
        with ThreadPoolExecutor(self._parallel) as pool:
            try:
                for question in asked:
                    waiting.append(pool.submit(self._answer, question))
                    if len(waiting) > self._parallel:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                self._stopped.set()
                pool.shutdown(cancel_futures=True)

    def version(self) -> str:
        """Give the version that it says it has; "" where it does not say."""
        try:
            return str(self._server.json(_BUILD)["data"]["version"])
        except (CollectError, KeyError, TypeError):
            return ""

    def _answer(self, asked: Question) -> list[Answer]:
        try:
            return [self._known(asked) or self._fetched(asked)]
        except CollectError as error:
            steps = (asked.last - asked.first) // asked.step_s
            if steps < 1 or not (isinstance(error, TooLarge) or "too many samples" in error.found):
                raise
        middle = asked.first + steps // 2 * asked.step_s
        return [
            *self._answer(Question(asked.query, asked.first, middle, asked.step_s)),
            *self._answer(Question(asked.query, middle + asked.step_s, asked.last, asked.step_s)),
        ]

    def _known(self, asked: Question) -> Answer | None:
        body = _kept.find(self._kept, *self._key(asked)) if self._kept else None
        if body is None:
            return None
        try:
            return self._checked(body, asked)
        except CollectError:  # damaged on disk
            return None

    def _fetched(self, asked: Question) -> Answer:
        params = {"query": asked.query, "start": asked.first, "end": asked.last, "step": asked.step_s}
        answer = self._checked(self._server.get(_RANGE, params), asked)
        if self._kept and not answer.found.partial and asked.last < time.time() - SETTLED_S:
            _kept.keep(self._kept, answer.body, *self._key(asked))
        return answer

    def _checked(self, body: bytes, asked: Question) -> Answer:
        where = f"{self.place}{_RANGE}"
        with self._checking:  # one at a time: parsed, an answer takes several times its room
            collecting = gc.isenabled()
            gc.disable()  # which finds nothing in parsed JSON and takes most of the time
            try:
                return Answer(body, _matrix.check(body, asked.first, asked.last, where))
            finally:
                if collecting:
                    gc.enable()

    def _key(self, asked: Question) -> tuple[str | int, ...]:
        return self.place, self._tenant, asked.query, asked.step_s, asked.first, asked.last

    def _sleep(self, pause_s: float) -> None:
        if self._stopped.wait(pause_s):
            raise CollectError("not asked again, since another question failed", where=self.place)


def _client(
    url: str, headers: Mapping[str, str], auth: tuple[str, str] | None, verify: bool | str
) -> PrometheusConnect:
    session = requests.Session()
    session.verify = verify
    session.trust_env = urlsplit(url).hostname not in (
        "127.0.0.1",
        "::1",
        "localhost",
    )  # no proxy to ourselves
    return PrometheusConnect(
        url, headers=dict(headers), auth=auth, session=session, retry=Retry(0, read=False)
    )
