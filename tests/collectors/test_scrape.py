import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from workbench.collectors._scrapes import matrix
from workbench.collectors.scrape import poll
from workbench.errors import CollectError

ORDERS = {"job": "orders", "instance": "orders-0"}


def scrapes(path, *lines):
    path.write_bytes(
        b"".join(orjson.dumps({"time": t, "labels": ORDERS, "text": x}) + b"\n" for t, x in lines)
    )
    return path


def series(answer):
    found = json.loads(answer)
    assert (found["status"], found["data"]["resultType"]) == ("success", "matrix")
    return {
        tuple(v for k, v in sorted(one["metric"].items()) if k not in ("job", "instance")): one["values"]
        for one in found["data"]["result"]
    }


def test_a_step_has_the_last_value_scraped_before_it(tmp_path):
    path = scrapes(tmp_path / "s", (0.4, "busy 1\n"), (1.4, "busy 2.5\n"), (2.4, "busy 4\n"))
    answers = matrix(path, 0, 4)
    expected = [[1, "1"], [2, "2.5"], [3, "4"], [4, "4"]]
    assert series(answers["busy"]) == {("busy",): expected}
    assert series(answers["up"]) == {("up",): [[1, "1"], [2, "1"], [3, "1"], [4, "1"]]}


def test_a_series_that_a_scrape_lacks_is_stale_from_then_on(tmp_path):
    path = scrapes(tmp_path / "s", (0.4, 'x{k="a"} 1\nx{k="b"} 1\n'), (1.4, 'x{k="b"} 2\n'), (2.4, None))
    answers = matrix(path, 0, 3)
    assert series(answers["x"]) == {("x", "a"): [[1, "1"]], ("x", "b"): [[1, "1"], [2, "2"]]}
    assert series(answers["up"])["up",] == [[1, "1"], [2, "1"], [3, "0"]]


def test_a_value_is_not_carried_further_than_five_minutes(tmp_path):
    answers = matrix(scrapes(tmp_path / "s", (0, "busy 1\n")), 0, 400)
    assert [when for when, _ in series(answers["busy"])["busy",]] == list(range(301))


def test_a_family_is_one_answer_with_numbers_as_prometheus_writes_them(tmp_path):
    text = '# TYPE t histogram\nt_bucket{le="0.1"} 3\nt_bucket{le="+Inf"} 4\nt_sum NaN\nt_count 4\n'
    answers = matrix(scrapes(tmp_path / "s", (0, text)), 0, 0)
    assert series(answers["t"]) == {
        ("t_bucket", "0.1"): [[0, "3"]],
        ("t_bucket", "+Inf"): [[0, "4"]],
        ("t_sum",): [[0, "NaN"]],
        ("t_count",): [[0, "4"]],
    }


def test_a_broken_file_is_named_with_its_line(tmp_path):
    path = scrapes(tmp_path / "s", (0, "busy 1\n"))
    path.write_bytes(path.read_bytes() * 2 + b'{"time": 1')
    with pytest.raises(CollectError, match="s, line 3: not a scrape"):
        matrix(path, 0, 1)


def test_polling_reads_every_target_and_notes_one_that_is_not_there(tmp_path):
    stop, count = threading.Event(), iter(range(100))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"visits_total %d\n" % next(count))

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        here, gone = f"http://127.0.0.1:{server.server_port}/metrics", "http://127.0.0.1:9/metrics"
        targets = {here: {"instance": "a"}, gone: {"instance": "b"}}
        polling = threading.Thread(
            target=poll, args=(targets, tmp_path / "s", stop), kwargs={"interval_s": 0.05}
        )
        polling.start()
        end = time.monotonic() + 5
        while time.monotonic() < end and next(iter(count)) < 6:
            time.sleep(0.05)
        stop.set()
        polling.join()
        server.shutdown()
        serving.join()
    lines = [json.loads(line) for line in (tmp_path / "s").read_text().splitlines()]
    assert {line["text"] for line in lines if line["labels"]["instance"] == "b"} == {None}
    texts = [line["text"] for line in lines if line["labels"]["instance"] == "a"]
    assert len(texts) >= 2
    assert all(text.startswith("visits_total ") for text in texts)
