"""Questions to a live Prometheus: its answers as they came, and every way in which it may fail to answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from prometheus_api_client import PrometheusConnect
from requests.structures import CaseInsensitiveDict
from urllib3.util.retry import Retry

from workbench.errors import CollectError

MOST_STEPS = 10_000  # Prometheus refuses more than 11,000 points a series
_SUFFIX = re.compile(r"_(bucket|sum|count|total|created)$")
_REMEDIES = {
    401: "give credentials: auth=(user, password), headers={'Authorization': 'Bearer …'} or --token-file",
    403: "give credentials that may read",
    404: "give the address under which /api/v1 lies",
    422: "choose a narrower selector, a shorter window or a longer step",
    503: "wait until it has started or its queries have finished, then record again",
}


class Prometheus:
    """A Prometheus at an address; a question not answered as the API says raises CollectError."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CollectError(
                f"{url!r}", where="prometheus", expected="an address such as http://127.0.0.1:9090"
            )
        if parts.username:
            auth = auth or (parts.username, parts.password or "")
        host = parts.netloc.rpartition("@")[2]
        self.place = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._timeout_s, self._last = timeout_s, b""
        session = requests.Session()
        session.trust_env = parts.hostname not in ("127.0.0.1", "::1", "localhost")  # no proxy to ourselves
        session.hooks["response"].append(self._keep)
        retry = Retry(
            total=3,
            connect=1,
            read=False,
            backoff_factor=0.3,
            status_forcelist=(502, 503, 504),
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        self._client = PrometheusConnect(
            self.place,
            headers=dict(headers) if headers else None,
            auth=auth,
            session=session,
            retry=retry,
            timeout=timeout_s,  # type: ignore[arg-type]
        )

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def families(self, selector: str, start: float, end: float) -> dict[str, list[str]]:
        """Map metric families to metric names, among the series that `selector` selects in the window."""
        params = {"match[]": selector, "start": start, "end": end}
        with self._errors_named("label values"):
            names = self._client.get_label_values("__name__", params=params)
        found: dict[str, list[str]] = {}
        for name in sorted(names):
            found.setdefault(_SUFFIX.sub("", name), []).append(name)
        return found

    def ranges(self, query: str, start: float, end: float, step_s: int) -> Iterator[bytes]:
        """Give the query_range answers, byte for byte, for whole seconds from `start` to `end` inclusive.

        Answers without a series are left out.
        """
        first, last = math.ceil(start), math.floor(end)
        while first <= last:
            until = min(last, first + (MOST_STEPS - 1) * step_s)
            with self._errors_named("query_range"):
                series = self._client.custom_query_range(
                    query, datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(until, UTC), str(step_s)
                )
            if series:
                yield self._last
            first = until + step_s

    def version(self) -> str:
        """Give the version that it says it has; "" where it does not say."""
        try:
            answer = self._client._session.get(
                f"{self.place}/api/v1/status/buildinfo", timeout=self._timeout_s, hooks={"response": []}
            )
            return str(answer.json()["data"]["version"])
        except (requests.RequestException, CollectError, ValueError, KeyError, TypeError):
            return ""

    def _keep(self, response: requests.Response, *_: Any, **__: Any) -> None:
        if not response.is_redirect:
            self._last = _checked(response, self.place)

    def _errors_named(self, question: str) -> _Named:
        return _Named(f"{self.place}, {question}", self._timeout_s)


class _Named:
    """Turns what requests raises into CollectError."""

    def __init__(self, where: str, timeout_s: float) -> None:
        self._where, self._timeout_s = where, timeout_s

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if isinstance(error, requests.Timeout):
            raise CollectError(
                f"no answer within {self._timeout_s:g} s",
                where=self._where,
                expected="a Prometheus",
                remedy="choose a shorter window, or give a longer timeout_s",
            ) from error
        if isinstance(error, requests.RequestException):
            raise CollectError(
                f"no answer: {_root(error)}",
                where=self._where,
                expected="a Prometheus",
                remedy="see that it runs and that the address is right",
            ) from error


def _root(error: BaseException) -> str:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    text = str(reason or error)
    return "connection refused" if "refused" in text else type(reason or error).__name__


def _checked(response: requests.Response, place: str) -> bytes:
    where = f"{place}{urlsplit(response.url).path.removeprefix(urlsplit(place).path)}"
    body = response.content
    if response.status_code != 200:
        raise CollectError(
            f"HTTP {response.status_code}{_said(body)}",
            where=where,
            expected="HTTP 200",
            remedy=_REMEDIES.get(response.status_code, "see the log of that Prometheus"),
        )
    kind = CaseInsensitiveDict(response.headers).get("content-type", "nothing")
    if kind.partition(";")[0].strip() != "application/json":
        raise CollectError(
            f"content of type {kind}",
            where=where,
            expected="application/json",
            remedy="give the address of the Prometheus itself, not of a login page or a dashboard before it",
        )
    try:
        answer = json.loads(body)
        sound = answer["status"] == "success" and "data" in answer
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise CollectError(
            f"{len(body)} bytes that are not a whole answer{_said(body)}",
            where=where,
            expected='JSON with "status": "success" and "data"',
            remedy="ask again; if it stays, see the log of that Prometheus",
        )
    return body


def _said(body: bytes) -> str:
    try:
        return f": {json.loads(body)['error']}"
    except (ValueError, KeyError, TypeError):
        return ""
