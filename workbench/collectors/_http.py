"""Questions to a live system over HTTP: a whole answer of the right kind within bounds, or a CollectError.

Overload (429, 5xx), broken connections and silence are asked again, with longer and longer pauses, or those
that the server asks for, within bounds. Credentials are sent to the address given and to no other: a redirect
to another host is refused; what a server repeats of them is left out of errors.
"""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import orjson
import requests
import urllib3

from workbench.errors import CollectError

JSON = ("application/json",)
MOST_BYTES = 512 * 1024**2  # of one answer, unpacked
_MOST_EXPANSION = 200  # times, beyond the first 64 MiB; what expands further is made to burst
_MOST_WORDS = 64 * 1024  # of an error
_TRIES = 4
_LONGEST_PAUSE_S = 10.0
_BUSY = (429, 500, 502, 503, 504)
_HERE = ("127.0.0.1", "::1", "localhost")
_REDIRECTS = 5
_REMEDIES = {
    400: "correct what is asked for",
    401: "give credentials: auth=(user, password) or headers={'Authorization': 'Bearer …'}",
    403: "give credentials that may read",
    404: "give the address under which its API lies",
    422: "choose a narrower selector, a shorter window or a longer step",
    429: "ask at a quieter time, or for a shorter window",
    503: "wait until it has started or its queries have finished",
}


class TooLarge(CollectError):
    """The answer is larger than the bound on one answer: less must be asked for at once."""


class Missing(CollectError):
    """There is nothing at that path."""


class Server:
    """A live system at an address; `what` names it in errors, as "a Jaeger".

    An answer may take `timeout_s` from the question to its last byte. Threads may share a Server. A `session`
    brings its own proxies, certificates and way to authenticate.
    """

    def __init__(
        self,
        url: str,
        what: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout_s: float = 30.0,
        most_bytes: int = MOST_BYTES,
        tries: int = _TRIES,
        session: requests.Session | None = None,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CollectError(
                f"{url.rpartition('@')[2]!r}", where=what, expected="an address such as http://127.0.0.1:8080"
            )
        if parts.username:
            auth = auth or (unquote(parts.username), unquote(parts.password or ""))
        host = parts.netloc.rpartition("@")[2]
        self.place = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._what, self._timeout_s, self._most_bytes, self._sleep = what, timeout_s, most_bytes, sleep
        self._tries = tries
        self._session = session or _session(parts.hostname)
        self._auth = auth or self._session.auth or _unchanged  # rather than what a .netrc has for the host
        self._headers = {"Accept-Encoding": "gzip", **_printable(headers or {}, what)}
        self._secrets = [*(headers or {}).values(), *(auth if isinstance(auth, tuple) else ())]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def json(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Ask for `path` under the address and give the JSON of the answer."""
        return self.decoded(self.get(path, params), path)

    def decoded(self, body: bytes, path: str) -> Any:
        """Give the JSON of the answer to a question for `path`."""
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise CollectError(
                f"{len(body)} bytes that are not JSON: {error}",
                where=f"{self.place}{path}",
                expected=f"the answer of {self._what}",
                remedy="see that nothing between here and there cuts answers short",
            ) from error

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        kinds: tuple[str, ...] = JSON,
        patience_s: float = 0.0,
    ) -> bytes:
        """Ask for `path` under the address and give the answer, which must be of one of the MIME types.

        `patience_s` is added to the time that the answer may take.
        """
        limit_s = self._timeout_s + patience_s
        for attempt in range(self._tries):
            last = attempt == self._tries - 1
            try:
                return self._ask(f"{self.place}{path}", params, kinds, limit_s)
            except _Busy as busy:
                if last:
                    raise busy.error from None
                pause_s = busy.after_s if busy.after_s is not None else _pause_s(attempt)
            except requests.exceptions.SSLError as error:
                remedy = "give the file of the authority that signed its certificate: verify='ca.pem'"
                raise self._error(path, f"no trusted connection: {_root(error)}", remedy) from error
            except _BROKEN as error:
                if last or _refused(error):
                    raise self._error(path, f"no answer: {_root(error)}", "see that it runs there") from error
                pause_s = _pause_s(attempt)
            except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
                if last:
                    found = f"no whole answer within {limit_s:g} s"
                    raise self._error(path, found, "ask for less, or give a longer timeout_s") from error
                pause_s = _pause_s(attempt)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise self._error(path, f"no answer: {_root(error)}", "see that it runs there") from error
            self._sleep(min(pause_s, _LONGEST_PAUSE_S))
        raise AssertionError("the last try returns or raises")

    def _error(self, path: str, found: str, remedy: str) -> CollectError:
        return CollectError(found, where=f"{self.place}{path}", expected=self._what, remedy=remedy)

    def _ask(
        self, url: str, params: Mapping[str, Any] | None, kinds: tuple[str, ...], limit_s: float
    ) -> bytes:
        due = time.monotonic() + limit_s
        headers = {"Accept": ", ".join(kinds), **self._headers}
        for _ in range(_REDIRECTS):
            answer = self._session.get(
                url,
                params=params,
                headers=headers,
                auth=self._auth,
                verify=self._session.verify,  # which the environment may not override
                timeout=limit_s,
                stream=True,
                allow_redirects=False,
            )
            with answer:
                if answer.is_redirect:
                    url, params = self._followed(url, answer.headers["location"]), None
                    continue
                most = self._most_bytes if answer.ok else _MOST_WORDS
                body = _body(answer.raw, most, due)
                if answer.ok:
                    body = _unpacked(body, answer.headers.get("content-encoding", ""), most, url)
                elif body.startswith(b"\x1f\x8b"):
                    body = _beginning(body, most)
                self._check(answer, body, kinds, url)
                return body
        raise CollectError(f"more than {_REDIRECTS} redirects", where=_bare(url), expected=self._what)

    def _followed(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            raise CollectError(
                f"a redirect to {_bare(target)}",
                where=_bare(url),
                expected=f"{self._what} at the address given",
                remedy="give the address of the system itself, not of a login page before it",
            )
        return target

    def _check(self, answer: requests.Response, body: bytes, kinds: tuple[str, ...], url: str) -> None:
        kind = answer.headers.get("content-type", "nothing").partition(";")[0].strip().lower()
        if answer.status_code != 200:
            error = (Missing if answer.status_code == 404 else CollectError)(
                f"HTTP {answer.status_code}{self._without_secrets(_said(body, kind))}",
                where=_bare(url),
                expected="HTTP 200",
                remedy=_REMEDIES.get(answer.status_code, f"see the log of {self._what}"),
            )
            if answer.status_code in _BUSY:
                raise _Busy(error, _seconds(answer.headers.get("retry-after", "")))
            raise error
        if kind not in kinds:
            raise CollectError(
                f"content of type {kind}",
                where=_bare(url),
                expected=" or ".join(kinds),
                remedy=f"give the address of {self._what} itself, not of a page before it",
            )

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            for part in secret.split():
                text = text.replace(part, "…") if len(part) > 3 else text
        return text


class _Busy(Exception):
    """Not now: the error to raise if it stays so, and how long the server asks to wait."""

    def __init__(self, error: CollectError, after_s: float | None) -> None:
        self.error, self.after_s = error, after_s


_BROKEN = (
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.ProtocolError,
    ConnectionError,
    EOFError,
)


def _session(hostname: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = hostname not in _HERE  # no proxy to ourselves
    return session


def _printable(headers: Mapping[str, str], what: str) -> Mapping[str, str]:
    for name, value in headers.items():
        if not value.isprintable():  # what requests says of it has the value, which may be secret
            raise CollectError(
                f"control characters in the header {name}", where=what, expected="one line of text"
            )
    return headers


def _pause_s(attempt: int) -> float:
    """Give a pause four times as long each time, by chance up to half shorter: not all come at once."""
    return 0.25 * 4**attempt * random.uniform(0.5, 1.0)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _body(raw: Any, most: int, due: float) -> bytes:
    """Read what comes, as it comes, so that neither a flood nor a trickle goes on for ever.

    Of more than `most` bytes it gives a little more than those.
    """
    parts, size = [], 0
    while size <= most and (part := raw.read1(1024 * 1024, decode_content=False)):
        parts.append(part)
        size += len(part)
        if time.monotonic() > due:
            raise requests.Timeout
    return b"".join(parts)


def _unpacked(body: bytes, encoding: str, most: int, url: str) -> bytes:
    if len(body) > most:
        raise _too_large(most, url)
    if encoding.lower() in ("", "identity") or not body:
        return body
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise CollectError(f"content packed as {encoding}", where=_bare(url), expected="gzip or plain")
    unpacking = zlib.decompressobj(31)
    credible = max(64 * 1024**2, _MOST_EXPANSION * len(body))
    try:
        content = unpacking.decompress(body, min(most, credible))
    except zlib.error as error:
        raise CollectError(f"damaged gzip ({error})", where=_bare(url), expected="a whole answer") from error
    if unpacking.unconsumed_tail and most > credible:
        raise CollectError(
            f"{len(body):,} bytes that expand to more than {credible / 1024**2:,.0f} MiB",
            where=_bare(url),
            expected="an answer, not a decompression bomb",
            remedy="see what stands between here and there",
        )
    if unpacking.unconsumed_tail:
        raise _too_large(most, url)
    if not unpacking.eof:
        raise EOFError("the gzip is cut off")
    return content


def _beginning(packed: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(packed, most)
    except zlib.error:
        return b""


def _too_large(most: int, url: str) -> TooLarge:
    return TooLarge(
        f"an answer of more than {most / 1024**2:,.0f} MiB",
        where=_bare(url),
        remedy="ask for less: a shorter window or a narrower search",
    )


def _said(body: bytes, kind: str) -> str:
    """Give what an error answer says, if it is words and not a page."""
    if kind == "application/json":
        try:
            answer = orjson.loads(body)
            first = (answer.get("errors") or [answer])[0]
            text = str(first.get("msg") or first.get("message") or first.get("error") or "")
        except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError, IndexError):
            return ""
    else:
        text = body.decode("utf-8", "replace") if kind == "text/plain" else ""
    text = " ".join(text.split())
    return f": {text[:200]}" if text else ""


def _seconds(text: str) -> float | None:
    """Read Retry-After: seconds, or a date."""
    if text.isascii() and text.isdecimal() and len(text) < 6:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _bare(url: str) -> str:
    """Leave out what may be secret: credentials and the query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _refused(error: BaseException) -> bool:
    return "refused" in str(error) or "resolve" in str(error)


def _root(error: BaseException) -> str:
    if _refused(error):
        return "connection refused" if "refused" in str(error) else "the host is not known"
    inner = [one for one in (getattr(error, "reason", None), *error.args) if isinstance(one, BaseException)]
    return _root(inner[0]) if inner else type(error).__name__
