"""Questions to Prometheus over loopback: how a window is split, and what may go wrong with an answer."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_api_client import PrometheusConnect
from requests.auth import HTTPBasicAuth

from tests.collectors import loopback
from tests.collectors.loopback import matrix, plain, prometheus, series, sound
from tests.needs import need_program
from workbench.collectors._http import Server
from workbench.collectors._prometheus import MOST_STEPS, Prometheus, Question, questions
from workbench.collectors.query import query_range
from workbench.errors import CollectError

T0 = int(datetime(2026, 1, 20, 10, 0, tzinfo=UTC).timestamp())
ASKED = Question("up", T0, T0 + 60, 1)
SAID = {"status": "error", "errorType": "bad_data", "error": 'parse error: unexpected "["'}
LOGIN = b"<html><title>Sign in"


@settings(max_examples=60)
@given(
    start=st.floats(0, 1e5),
    length=st.one_of(st.integers(0, 60_000).map(float), st.floats(0, 60_000)),
    step=st.integers(1, 90),
)
def test_every_step_of_a_window_is_asked_for_once(start: float, length: float, step: int):
    wanted = [t for t in range(int(start) // step * step, 160_001, step) if start <= t <= start + length]
    if not wanted:
        with pytest.raises(CollectError, match="no multiple of the step"):
            questions("up", start, start + length, step)
        return
    parts = questions("up", start, start + length, step)
    assert [t for one in parts for t in range(one.first, one.last + 1, step)] == wanted
    assert all((one.last - one.first) // step + 1 <= MOST_STEPS for one in parts)
    assert all(one.last >= one.first for one in parts)


@pytest.mark.parametrize("step", [0, -1, 1.5, float("nan"), float("inf"), "1", True])
def test_a_step_that_is_no_number_of_seconds_is_refused(step):
    with pytest.raises(CollectError, match="expected at least 1 s, in whole seconds"):
        questions("up", 0, 10, step)


def ask(url: str | PrometheusConnect, *asked: Question, **connection) -> list[bytes]:
    with Prometheus(url, **{"tries": 1, "timeout_s": 5.0, **connection}) as live:
        return [part.body for parts in live.answers(asked or [ASKED]) for part in parts]


def values(body: bytes) -> list[int]:
    return [int(text) for _, text in json.loads(body)["data"]["result"][0]["values"]]


UP = {"metric": {"__name__": "up"}, "values": [[T0, "1"], [T0 + 1, "2"]]}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (plain(400, SAID), ['HTTP 400: parse error: unexpected "["', "Correct what is asked"]),
        (plain(401, b"Unauthorized", "text/plain"), ["HTTP 401: Unauthorized", "Give credentials"]),
        (plain(403, {"status": "error", "error": "not yours"}), ["HTTP 403: not yours", "may read"]),
        (plain(404, LOGIN, "text/html"), ["HTTP 404;", "under which its API lies"]),
        (plain(422, {"status": "error", "error": "found duplicate series"}), ["HTTP 422: found dup"]),
        (plain(429, {"status": "error", "error": "max queriers"}), ["HTTP 429: max", "quieter time"]),
        (plain(500, b"x" * 10**6, "text/plain"), ["HTTP 500: xxx"]),
        (plain(503, b"", "text/plain"), ["HTTP 503", "Wait until it has started"]),
        (plain(200, LOGIN, "text/html"), ["content of type text/html", "expected application/json", "page"]),
        (plain(200, b'{"status":"success","da'), ["23 bytes that are not a whole answer", "Ask again"]),
        (plain(200, SAID), ["not a whole answer: parse error"]),
        (plain(200, [1, 2]), ["not a whole answer"]),
        (plain(200, b"[" * 10**6), ["not a whole answer"]),
        (plain(200, {"status": "success", "data": None}), ["NoneType", "expected matrix"]),
        (plain(200, {"status": "success", "data": {"resultType": "vector", "result": []}}), ["'vector'"]),
        (plain(200, {"status": "success", "data": {"resultType": "matrix"}}), ["result", "a list of series"]),
        (plain(200, matrix(7)), ["data.result[0]: no labels"]),
        (plain(200, matrix({"metric": {"a": 1}, "values": []})), ["no labels"]),
        (plain(200, matrix({**UP, "values": [[T0, "one"]]})), ["result[0].values", "'one'"]),
        (plain(200, matrix({**UP, "values": [[T0, 1]]})), ["a value that is not text"]),
        (plain(200, matrix({**UP, "values": [[T0]]})), ["points that are none"]),
        (plain(200, matrix({**UP, "values": 7})), ["points that are none"]),
        (plain(200, matrix({**UP, "values": [[None, "1"]]})), ["values[0]: the time None"]),
        (plain(200, matrix({**UP, "values": [["1", "1"]]})), ["values[0]: the time '1'"]),
        (plain(200, matrix({**UP, "values": [[T0 - 1, "1"]]})), [f"a time from {T0} to {T0 + 60}"]),
        (plain(200, matrix({**UP, "values": UP["values"][::-1]})), ["values[1]", "times that rise"]),
        (plain(200, matrix({**UP, "values": [[T0, "1"], [T0, "1"]]})), ["values[1]", "times that rise"]),
        (plain(200, matrix({**UP, "histograms": [[T0, {"count": "1"}]]})), ["histograms: points that"]),
        (plain(200, matrix(UP, UP)), ["result[1]: the series {'__name__': 'up'} a second time"]),
        (loopback.cut_off, ["no answer: IncompleteRead", "expected a Prometheus"]),
        (loopback.cut_off_gzip, ["no answer"]),
        (loopback.reset, ["no answer"]),
        (plain(200, b"no gzip", content_encoding="gzip"), ["damaged gzip"]),
        (plain(200, b"x", content_encoding="br"), ["content packed as br", "expected gzip or plain"]),
        (loopback.bomb, ["expand to more than 64 MiB", "not a decompression bomb"]),
    ],
)
def test_an_answer_that_is_none_is_named(fault, words):
    with prometheus(fault) as (url, _), pytest.raises(CollectError) as error:
        ask(url)
    assert len(str(error.value)) < 600
    for word in [f"{url}/api/v1/query_range", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("fault", [loopback.hang, loopback.trickle])
def test_an_answer_that_does_not_come_is_waited_for_so_long(fault):
    begun = time.monotonic()
    with prometheus(fault) as (url, _), pytest.raises(CollectError, match=r"no whole answer within 0\.3 s"):
        ask(url, timeout_s=0.3)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "fault",
    [plain(status, b"", "text/plain") for status in (429, 502, 503, 504)]
    + [loopback.cut_off, loopback.reset, loopback.cut_off_gzip, loopback.hang],
)
def test_what_may_pass_is_asked_again(fault, monkeypatch):
    monkeypatch.setattr(Prometheus, "_sleep", lambda *_: None)
    with prometheus(fault, fault, sound) as (url, asked):
        assert len(values(ask(url, tries=3, timeout_s=0.3)[0])) == 61
    assert len(asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_will_not_pass_is_asked_once(status):
    with prometheus(plain(status, b"")) as (url, asked), pytest.raises(CollectError, match=f"HTTP {status}"):
        ask(url, tries=5)
    assert len(asked) == 1


def test_pauses_grow_or_are_those_that_the_server_asks_for_within_bounds():
    pauses: list[float] = []
    busy = [plain(503, b"", "text/plain", **more) for more in ({}, {"retry_after": "7"}, {}, {})]
    in_a_day = "Fri, 31 Dec 2100 23:59:59 GMT"
    far = [plain(429, b"", "text/plain", retry_after=text) for text in ("9999", in_a_day, "soon")]
    with prometheus(*busy, *far, plain(200, {})) as (url, _):
        Server(url, "a Prometheus", tries=8, sleep=pauses.append).json("/")
    assert 0.125 <= pauses[0] <= 0.25
    assert pauses[1] == 7
    assert 2 <= pauses[2] <= 4
    assert pauses[3:] == [pytest.approx(10, abs=2), 10, 10, 10]


def test_answers_come_in_order_four_at_once_and_no_more():
    here, most, lock = 0, 0, threading.Lock()
    four = threading.Barrier(4)

    def slow(handler):
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        four.wait(5)
        with lock:
            here -= 1
        sound(handler)

    asked = [Question("up", T0 + 10 * n, T0 + 10 * n + 9, 1) for n in range(12)]
    with prometheus(slow) as (url, _):
        found = [time for body in ask(url, *asked) for time in values(body)]
    assert found == list(range(T0, T0 + 120))
    assert most == 4


def test_one_that_fails_ends_the_others_at_once():
    def second_is_wrong(handler):
        (plain(422, SAID) if f"start={T0 + 10}&" in handler.path else plain(503, b"", "text/plain"))(handler)

    asked = [Question("up", T0 + 10 * n, T0 + 10 * n + 9, 1) for n in range(50)]
    begun = time.monotonic()
    with prometheus(second_is_wrong) as (url, all_), pytest.raises(CollectError):
        ask(url, *asked[1:], tries=9)
    assert time.monotonic() - begun < 3
    assert len(all_) < 12


def test_what_is_too_much_for_one_answer_is_asked_in_halves():
    def limited(handler):
        found = series(handler)
        too_many = {"status": "error", "error": "query processing would load too many samples into memory"}
        plain(*((422, too_many) if len(found["values"]) > 20 else (200, matrix(found))))(handler)

    with prometheus(limited) as (url, _):
        assert [time for body in ask(url) for time in values(body)] == list(range(T0, T0 + 61))


def test_settled_answers_are_asked_for_once(tmp_path):
    asked = [Question("up", T0 + 10 * n, T0 + 10 * n + 9, 1) for n in range(3)]
    with prometheus(sound) as (url, requests_):
        first = ask(url, *asked[:2], kept=tmp_path / "kept")
        again = ask(url, *asked, kept=tmp_path / "kept")
        assert again[:2] == first
        assert len(requests_) == 3
        ask(url, *asked, kept=tmp_path / "kept", tenant="other")
        ask(url, Question("down", T0, T0 + 9, 1), kept=tmp_path / "kept")
        ask(url, Question("up", T0, T0 + 9, 3), kept=tmp_path / "kept")
        assert len(requests_) == 3 + 3 + 1 + 1
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


def test_an_interrupted_recording_goes_on_where_it_stopped(tmp_path):
    def third_is_wrong(handler):
        (plain(422, SAID) if f"start={T0 + 20}&" in handler.path else sound)(handler)

    asked = [Question("up", T0 + 10 * n, T0 + 10 * n + 9, 1) for n in range(4)]
    turns = [third_is_wrong] * 3 + [sound]
    with prometheus(*turns) as (url, requests_):
        with pytest.raises(CollectError, match="HTTP 422"):
            ask(url, *asked, kept=tmp_path, parallel=1)
        before = len(requests_)
        assert len(ask(url, *asked, kept=tmp_path, parallel=1)) == 4
        again = [path for path, _ in requests_[before:]]
    assert not any(f"start={T0}&" in path or f"start={T0 + 10}&" in path for path in again)
    assert any(f"start={T0 + 20}&" in path for path in again)


def test_what_may_still_change_or_lacks_something_is_not_kept(tmp_path):
    def warned(handler):
        plain(200, matrix(series(handler), warnings=["a store is down"]))(handler)

    def partial(handler):
        plain(200, matrix(series(handler), isPartial=True))(handler)

    now = int(time.time())
    with prometheus(sound) as (url, _):
        ask(url, Question("up", now - 600, now - 200, 1), kept=tmp_path / "kept")
    for answer in (warned, partial):
        with prometheus(answer) as (url, _):
            ask(url, kept=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_kept_answer_that_is_damaged_is_asked_for_again(tmp_path):
    with prometheus(sound) as (url, asked):
        good = ask(url, kept=tmp_path)
        (file,) = tmp_path.iterdir()
        for damaged in (b"", file.read_bytes()[:-9], gzip.compress(b'{"status":"success"}')):
            file.write_bytes(damaged)
            assert ask(url, kept=tmp_path) == good
    assert len(asked) == 4


def test_a_redirect_to_another_host_is_refused_and_told_nothing():
    secret = {"auth": ("anna", "s3cret"), "tenant": "acme", "headers": {"X-Api-Key": "k3y"}}
    with prometheus(sound) as (other, told):
        away = plain(302, b"", location=f"{other}/login?token=t0ken")
        with prometheus(away) as (url, _), pytest.raises(CollectError) as error:
            ask(url, **secret)
    assert told == []
    assert f"a redirect to {other}/login;" in str(error.value)
    assert "t0ken" not in str(error.value)


def test_a_redirect_on_the_same_host_is_followed():
    with prometheus(plain(307, b"", location="/prefix/api/v1/query_range"), plain(200, matrix())) as (
        url,
        to,
    ):
        assert ask(url) == [json.dumps(matrix()).encode()]
    assert to[1][0] == "/prefix/api/v1/query_range"


def test_redirects_have_an_end():
    with prometheus(plain(302, b"", location="/again")) as (url, asked), pytest.raises(CollectError):
        ask(url)
    assert len(asked) < 10


def test_credentials_and_tenant_are_sent_and_never_told_or_kept(tmp_path):
    echo = plain(200, matrix())
    basic = base64.b64encode(b"anna:s:3 cret").decode()
    with prometheus(echo) as (url, asked):
        ask(url.replace("//", "//anna:s%3A3%20cret@"), kept=tmp_path)
        ask(url, auth=("anna", "s:3 cret"), tenant="acme", kept=tmp_path)
        ask(url, token="t0ken\n", headers={"X-Scope-OrgID": "a|b", "X-Api-Key": "k3yk3y"}, kept=tmp_path)
    given_ = [{key.lower(): value for key, value in headers.items()} for _, headers in asked]
    assert [h["authorization"] for h in given_] == [f"Basic {basic}", f"Basic {basic}", "Bearer t0ken"]
    assert [h.get("x-scope-orgid") for h in given_] == [None, "acme", "a|b"]
    assert given_[2]["x-api-key"] == "k3yk3y"
    kept = b"".join(gzip.decompress(p.read_bytes()) + p.name.encode() for p in tmp_path.iterdir())
    assert not any(secret in kept for secret in (b"anna", b"cret", b"t0ken", b"k3yk3y"))
    repeats = plain(403, {"status": "error", "error": "no rights with Bearer t0ken, k3yk3y"})
    with prometheus(repeats) as (url, _), pytest.raises(CollectError) as error:
        ask(url, token="t0ken", headers={"X-Api-Key": "k3yk3y"})
    assert "no rights with" in str(error.value)
    assert "t0ken" not in str(error.value)
    assert "k3yk3y" not in str(error.value)


def test_a_header_that_is_more_than_one_line_is_refused_without_its_value():
    with pytest.raises(CollectError, match="control characters in the header X-Key") as error:
        ask("http://127.0.0.1:9", headers={"X-Key": "s3cret\r\nHost: x"})
    assert "s3cret" not in str(error.value)


def test_a_client_that_is_connected_already_is_used_as_it_is():
    session = requests.Session()
    session.headers["X-Mine"] = "1"
    with prometheus(sound) as (url, asked):
        login = HTTPBasicAuth("a", "b")
        client = PrometheusConnect(url, headers={"X-Scope-OrgID": "acme"}, auth=login, session=session)
        ask(client)
    (_, headers) = asked[0]
    assert headers["X-Mine"] == "1"
    assert headers["X-Scope-OrgID"] == "acme"
    assert headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("url", ["localhost:9090", "ftp://a", "http://", "", "anna:s3cret@host"])
def test_what_is_no_address_is_told_without_credentials(url):
    with pytest.raises(CollectError, match="expected an address such as") as error:
        ask(url)
    assert "s3cret" not in str(error.value)


def test_an_answer_without_series_is_kept_where_the_server_remarks_on_it():
    start, end = datetime.fromtimestamp(T0, UTC), datetime.fromtimestamp(T0 + 60, UTC)
    with prometheus(plain(200, matrix())) as (url, _):
        assert query_range(url, "up", start=start, end=end) == []
    with prometheus(plain(200, matrix(warnings=["a store is down"]))) as (url, _):
        assert len(query_range(url, "up", start=start, end=end)) == 1


def test_a_kept_answer_is_never_half_written(tmp_path, monkeypatch):
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with prometheus(sound) as (url, _), pytest.raises(OSError, match="full"):
        ask(url, kept=Path(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_is_trusted_only_if_its_authority_is_given(tmp_path):
    openssl = need_program("openssl", "apt-get install openssl")
    made = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    named = ["-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "ca.pem"]
    subprocess.run([openssl, *made, *named, *files], check=True, capture_output=True, timeout=30)
    with prometheus(sound, tls=tmp_path) as (url, asked):
        with pytest.raises(CollectError, match=r"SSLCertVerificationError.*verify='ca\.pem'"):
            ask(url, token="s3cret", tries=5)
        assert asked == []
        assert len(ask(url, token="s3cret", verify=str(tmp_path / "ca.pem"))) == 1
