"""Servers that lie, hang, send half an answer or the wrong one."""

from __future__ import annotations

import base64
import gzip
import socket
import time

import pytest

from tests.collectors.loopback import cut_off, hang, in_turn, plain, serve, trickle
from workbench.collectors._http import Missing, Server, TooLarge
from workbench.errors import CollectError

FINE = plain(200, {"data": [1]})


def ask(url, *, slept=None, **more):
    slept = [] if slept is None else slept
    with Server(url, "a Jaeger", sleep=slept.append, **{"timeout_s": 0.3, **more}) as live:
        return live.json("/api/x", {"q": "secret?"})


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            plain(200, b"<html>Sign in", kind="text/html"),
            ["content of type text/html", "application/json", "page"],
        ),
        (
            plain(200, b'{"data": ['),
            ["10 bytes that are not JSON", "the answer of a Jaeger", "cuts answers short"],
        ),
        (plain(401, b"no", "text/plain"), ["HTTP 401: no", "HTTP 200", "Give credentials"]),
        (plain(400, {"errors": [{"code": 400, "msg": "bad tag"}]}), ["HTTP 400: bad tag", "Correct what"]),
        (plain(500, b"<html>Oops", "text/html"), ["HTTP 500;", "log of a Jaeger"]),
        (plain(503, {"error": "busy"}), ["HTTP 503: busy", "Wait until it has started"]),
        (plain(302, b"", location="/api/x"), ["more than 5 redirects"]),
        (plain(200, b"x", content_encoding="br"), ["content packed as br"]),
        (plain(200, b"x" * 30, content_encoding="gzip"), ["damaged gzip"]),
        (plain(200, gzip.compress(b"{}" * 99)[:-9], content_encoding="gzip"), ["no answer: EOFError"]),
        (cut_off, ["no answer: ", "a Jaeger"]),
        (hang, ["no whole answer within 0.3 s", "longer timeout_s"]),
        (trickle, ["no whole answer within 0.3 s"]),
    ],
)
def test_an_answer_that_is_none_is_named(fault, words):
    began = time.monotonic()
    with serve(in_turn(fault)) as (url, _):
        with pytest.raises(CollectError) as error:
            ask(url)
        assert time.monotonic() - began < 2
    for word in [url, *words]:
        assert word in str(error.value)
    assert "secret?" not in str(error.value)


def test_what_is_overloaded_is_asked_again_after_longer_and_longer_pauses():
    for fault in (plain(503, b""), plain(429, b""), plain(500, b""), cut_off):
        slept = []
        with serve(in_turn(fault, fault, FINE)) as (url, asked):
            assert ask(url, slept=slept) == {"data": [1]}
        assert len(asked) == 3
        assert 0 < slept[0] < slept[1] <= 1


def test_a_server_says_how_long_to_wait_but_not_for_ever():
    slept = []
    answers = (plain(429, b"", retry_after=text) for text in ("3", "86400", "tomorrow"))
    with serve(in_turn(*answers, FINE)) as (url, _):
        ask(url, slept=slept)
    assert slept[:2] == [3.0, 10.0]
    assert 1 < slept[2] <= 4


def test_what_is_refused_or_asked_wrongly_is_not_asked_again():
    slept = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CollectError, match="no answer: connection refused"):
        ask(f"http://127.0.0.1:{port}", slept=slept)
    with serve(in_turn(plain(404, b""))) as (url, asked), pytest.raises(Missing):
        ask(url, slept=slept)
    assert (len(asked), slept) == (1, [])


@pytest.mark.parametrize(
    "flood",
    [plain(200, b" " * 2_000_000), plain(200, gzip.compress(b" " * 2_000_000), content_encoding="gzip")],
    ids=["plain", "bomb"],
)
def test_an_answer_is_not_taken_in_beyond_its_bound(flood):
    with serve(in_turn(flood)) as (url, _), pytest.raises(TooLarge, match="more than 1 MiB"):
        ask(url, most_bytes=1024**2)


def test_a_packed_answer_is_unpacked():
    with serve(in_turn(plain(200, gzip.compress(b'{"data": 1}'), content_encoding="gzip"))) as (url, asked):
        assert ask(url) == {"data": 1}
    assert asked[0][2]["Accept-Encoding"] == "gzip"


def test_credentials_are_sent_to_no_other_host():
    with (
        serve(in_turn(FINE)) as (other, asked),
        serve(in_turn(plain(302, b"", location=f"{other}/login?token=1"))) as (url, _),
        pytest.raises(CollectError) as error,
    ):
        ask(url, headers={"Authorization": "Bearer s3cret", "X-Scope-OrgID": "shop"})
    assert f"a redirect to {other}/login;" in str(error.value)
    assert asked == []


def test_a_redirect_within_the_host_is_followed():
    with serve(in_turn(plain(307, b"", location="/jaeger/api/x"), FINE)) as (url, asked):
        assert ask(url, headers={"Authorization": "Bearer s3cret"}) == {"data": [1]}
    assert [path for path, _, _ in asked] == ["/api/x", "/jaeger/api/x"]


def test_only_credentials_that_were_given_are_used(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine localhost login anna password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(in_turn(FINE)) as (url, asked):
        ask(url.replace("127.0.0.1", "localhost"), headers={"Authorization": "Bearer s3cret"})
        ask(url.replace("//", "//anna:s3cret@"))
        ask(url, auth=("anna", "s3cret"))
        ask(url)
    basic = f"Basic {base64.b64encode(b'anna:s3cret').decode()}"
    given = [headers.get("Authorization") for _, _, headers in asked]
    assert given == ["Bearer s3cret", basic, basic, None]


@pytest.mark.parametrize("url", ["127.0.0.1:16686", "ftp://anna:s3cret@host", "http://", ""])
def test_an_address_that_is_none_is_refused_without_its_password(url):
    with pytest.raises(CollectError, match=r"a Jaeger: .*such as http") as error:
        ask(url)
    assert "s3cret" not in str(error.value)
