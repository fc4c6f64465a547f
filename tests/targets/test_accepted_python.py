"""gunicorn, uvicorn and SQLAlchemy take the exported settings and say them back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
import sqlalchemy.pool
import yaml

from tests.targets.shop import knobs_of, sample
from workbench.errors import TargetError
from workbench.targets import gunicorn_conf, sqlalchemy_yaml, uvicorn_env

GUNICORN = {
    "workers": 3, "threads": 5, "worker_class": "gthread", "worker_connections": 321, "backlog": 128,
    "timeout": 17, "graceful_timeout": 11, "keepalive": 9, "max_requests": 4000, "max_requests_jitter": 200,
}  # fmt: skip
UVICORN = {
    "workers": 3, "limit-concurrency": 120, "limit-max-requests": 5000, "backlog": 77,
    "timeout-keep-alive": 9, "timeout-graceful-shutdown": 12, "h11-max-incomplete-event-size": 20_000,
}  # fmt: skip
POOL = {
    "pool_size": 7, "max_overflow": 2, "pool_timeout": 1.5, "pool_recycle": 1800, "pool_pre_ping": "true",
    "pool_use_lifo": "false",
}  # fmt: skip
# sh passes the file on as the environment; then uvicorn's own command line says what it would run with.
SHOW = """
import importlib, json
main = importlib.import_module('uvicorn.main')
main.run = lambda app, **given: print(json.dumps(given, default=str))
main.main(['app:app'], standalone_mode=False)
"""


def of_orders(values: dict) -> dict:
    return {f"orders/{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("target", "values"), [("gunicorn_conf", GUNICORN), ("uvicorn_env", UVICORN), ("sqlalchemy_yaml", POOL)]
)
def test_every_knob_is_among_those_that_are_tried(target, values):
    assert {knob.name for knob in knobs_of(target)} == set(values)


def gunicorn(path: Path) -> subprocess.CompletedProcess[str]:
    (path.parent / "app.py").write_text("def app(environ, start_response):\n    return []\n")
    program = [sys.executable, "-m", "gunicorn", "--print-config", "-c", str(path), "app:app"]
    return subprocess.run(program, cwd=path.parent, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_gunicorn_prints_what_was_exported(tmp_path, begin):
    knobs = knobs_of("gunicorn_conf")
    text = sample("gunicorn_conf") if begin == "sample" else gunicorn_conf.blank(knobs)
    path = tmp_path / "gunicorn.conf.py"
    wanted = of_orders(GUNICORN)
    path.write_text(gunicorn_conf.edit(text, wanted, knobs, why=dict.fromkeys(wanted, "it's → \\")))
    done = gunicorn(path)
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"^(\w+) += (.*)$", done.stdout, re.MULTILINE))
    assert {name: found[name] for name in GUNICORN} == {name: str(value) for name, value in GUNICORN.items()}


@pytest.mark.parametrize("line", ["workers = -1", "keepalive = -1", "timeout = 'soon'"])
def test_gunicorn_refuses_what_is_wrong(tmp_path, line):
    path = tmp_path / "gunicorn.conf.py"
    path.write_text(line)
    assert gunicorn(path).returncode != 0


COMPUTED = {
    "an expression": "import os\nworkers = os.cpu_count() * 2 + 1\n",
    "a condition": "workers = 2\nif True:\n    workers = 3\n",
    "two names": "workers = threads = 2\n",
    "a function that says global": "workers = 2\ndef f():\n    global workers\n    workers = 3\n",
}


@pytest.mark.parametrize("text", COMPUTED.values(), ids=COMPUTED)
def test_what_a_file_computes_has_no_value_and_is_not_replaced(text):
    knobs = knobs_of("gunicorn_conf")
    assert gunicorn_conf.current(text, knobs) == {}
    with pytest.raises(TargetError, match=r"workers is computed, .*Write a number in its place"):
        gunicorn_conf.edit(text, {"orders/workers": 4}, knobs, why={})
    assert gunicorn_conf.edit(text, {"orders/timeout": 4}, knobs, why={}) == f"{text}timeout = 4\n"


def test_a_file_is_never_run(tmp_path):
    text = f"open({str(tmp_path / 'run')!r}, 'w')\nworkers = 1\n"
    gunicorn_conf.edit(text, {"orders/workers": 4}, knobs_of("gunicorn_conf"), why={})
    assert list(tmp_path.iterdir()) == []


def uvicorn_with(path: Path) -> subprocess.CompletedProcess[str]:
    shell = f'set -a; . "{path}"; exec "{sys.executable}" -c "{SHOW}"'
    bare = {name: value for name, value in os.environ.items() if not name.startswith("UVICORN_")}
    return subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60, env=bare)


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_uvicorn_would_run_with_what_was_exported(tmp_path, begin):
    knobs, wanted, path = knobs_of("uvicorn_env"), of_orders(UVICORN), tmp_path / "uvicorn.env"
    text = sample("uvicorn_env") if begin == "sample" else ""
    path.write_text(uvicorn_env.edit(text, wanted, knobs, why=dict.fromkeys(wanted, "it's")))
    done = uvicorn_with(path)
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)
    assert {name: given[name.replace("-", "_")] for name in UVICORN} == UVICORN


def test_uvicorn_refuses_what_is_wrong(tmp_path):
    path = tmp_path / "uvicorn.env"
    path.write_text("UVICORN_LIMIT_CONCURRENCY=many\n")
    done = uvicorn_with(path)
    assert done.returncode != 0
    assert "many" in done.stderr


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_sqlalchemy_has_the_pool_that_was_exported(begin):
    knobs, wanted = knobs_of("sqlalchemy_yaml"), of_orders(POOL)
    text = sample("sqlalchemy_yaml") if begin == "sample" else sqlalchemy_yaml.blank(knobs)
    arguments = yaml.safe_load(sqlalchemy_yaml.edit(text, wanted, knobs, why=dict.fromkeys(wanted, "a: b")))
    engine = sqlalchemy.create_engine(
        "sqlite://", poolclass=sqlalchemy.pool.QueuePool, **{**arguments["sqlalchemy"], "connect_args": {}}
    )
    pool = engine.pool
    assert isinstance(pool, sqlalchemy.pool.QueuePool)
    assert (pool.size(), pool.timeout()) == (7, 1.5)
    assert "Pool size: 7" in pool.status()
    assert (pool._max_overflow, pool._recycle, pool._pre_ping, pool._pool.use_lifo) == (2, 1800, True, False)
    held = [engine.connect() for _ in range(9)]
    pool._timeout = 0
    with pytest.raises(sqlalchemy.exc.TimeoutError, match="QueuePool limit of size 7 overflow 2 reached"):
        engine.connect()
    for connection in held:
        connection.close()
    engine.dispose()


def test_sqlalchemy_refuses_what_is_wrong():
    with pytest.raises(TypeError, match="pool_sise"):
        sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.QueuePool, pool_sise=3)
