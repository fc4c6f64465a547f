"""The process above the services: starts them, watches them and ends them all together.

It ends when it is told (a file named `stop` in the run folder), when its owner is gone, when a service ends,
or when no request came for the idle limit. It holds a lock on the run folder for as long as it lives, which
is how others see that the lab is up. Should it be killed itself, the kernel kills what it started.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.collectors.scrape import poll
from workbench.errors import LabError, WorkbenchError
from workbench.lab.orphan import die_with_parent
from workbench.lab.shop import parse

LOCK, STATE, STOP, SETTINGS = "supervisor.lock", "lab.json", "stop", "settings.yaml"
FOLDERS = ("spans", "gc", "logs", "prometheus", "profile")
SCRAPES = Path("prometheus") / "scrapes.jsonl"
_PATIENCE_S = 30.0
_log = logging.getLogger("workbench.lab")


def main(argv: list[str] | None = None) -> int:
    """Run a lab in a run folder that holds its settings; `lifecycle.up` calls this."""
    parser = argparse.ArgumentParser(prog="workbench.lab.supervisor")
    parser.add_argument("run", type=Path)
    parser.add_argument(
        "--owner", type=int, help="process id; the lab ends when this is no longer the parent"
    )
    parser.add_argument(
        "--idle-limit", type=float, default=0, help="seconds without requests; 0 for no limit"
    )
    parser.add_argument(
        "--prometheus", default="", help="the program; without it, /metrics is read by ourselves"
    )
    parser.add_argument("--program", type=json.loads, required=True, help="command of a service as JSON")
    given = parser.parse_args(argv)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    with (given.run / LOCK).open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{given.run.name}: a lab is up in this folder already", file=sys.stderr)
            return 1
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        for name in FOLDERS:
            shutil.rmtree(given.run / name, ignore_errors=True)
            (given.run / name).mkdir()
        logging.basicConfig(level=logging.INFO, filename=given.run / "logs" / "supervisor.log")
        try:
            _run(given, stopping)
        except WorkbenchError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _run(given: argparse.Namespace, stopping: threading.Event) -> None:
    children: dict[str, subprocess.Popen[bytes]] = {}
    scraper: threading.Thread | None = None
    try:
        names = list(parse((given.run / SETTINGS).read_text(encoding="utf-8")).services)
        urls = _start_services(given.run, given.program, names, children)
        for name in names:
            _await_answer(f"{urls[name]}/settings", children[name], name, given.run, stopping)
        prometheus = None
        if given.prometheus:
            prometheus = _start_prometheus(given.run, given.prometheus, urls, children)
            child = children["prometheus"]
            _await_answer(f"{prometheus}/-/ready", child, "prometheus", given.run, stopping)
            # A Prometheus takes five seconds to begin with its targets; a window before that would be empty.
            scraped = f"{prometheus}/api/v1/targets"
            _await_answer(scraped, child, "prometheus", given.run, stopping, _all_scraped)
        else:
            targets = {f"{urls[name]}/metrics": _labels(name) for name in names}
            scraper = threading.Thread(target=poll, args=(targets, given.run / SCRAPES, stopping))
            scraper.start()
        _write_state(given.run, urls, prometheus, children)
        _watch(given, stopping, urls, children)
    finally:
        stopping.set()
        (given.run / STATE).unlink(missing_ok=True)
        _end(children)
        if scraper:
            scraper.join()


def _start_services(
    run: Path, program: list[str], names: list[str], children: dict[str, subprocess.Popen[bytes]]
) -> dict[str, str]:
    sockets = {name: socket.create_server(("127.0.0.1", 0), backlog=4096) for name in names}
    urls = {name: f"http://127.0.0.1:{one.getsockname()[1]}" for name, one in sockets.items()}
    for name, one in sockets.items():
        descriptor = one.fileno()
        command = [*program, name, str(run)]
        command += ["--socket", str(descriptor), "--peers", json.dumps(urls), "--parent", str(os.getpid())]
        children[name] = _start(command, run / "logs" / f"{name}.log", pass_fds=(descriptor,))
        one.close()
    return urls


def _start_prometheus(
    run: Path, program: str, urls: dict[str, str], children: dict[str, subprocess.Popen[bytes]]
) -> str:
    jobs = [
        {
            "job_name": name,
            "static_configs": [{"targets": [urlsplit(url).netloc], "labels": _labels(name)}],
        }
        for name, url in urls.items()
    ]
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    path = run / "prometheus" / "prometheus.yml"
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")  # JSON is YAML
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [program, f"--config.file={path}", f"--storage.tsdb.path={run / 'prometheus' / 'tsdb'}"]
    command += [f"--web.listen-address={address}", "--log.level=warn"]
    parent = os.getpid()
    children["prometheus"] = _start(
        command, run / "logs" / "prometheus.log", preexec_fn=lambda: die_with_parent(parent)
    )
    return f"http://{address}"


def _labels(name: str) -> dict[str, str]:
    return {"job": name, "service": name, "instance": f"{name}-0"}


def _start(
    command: list[str],
    log: Path,
    *,
    pass_fds: tuple[int, ...] = (),
    preexec_fn: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=pass_fds,
            preexec_fn=preexec_fn,
        )


def _await_answer(
    url: str,
    child: subprocess.Popen[bytes],
    name: str,
    run: Path,
    stopping: threading.Event,
    satisfied: Callable[[dict[str, Any]], bool] = lambda answer: True,
) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not stopping.wait(0.05):
        if child.poll() is not None:
            raise LabError(
                f"it ended with status {child.returncode}: {_tail(run / 'logs' / f'{name}.log')}", where=name
            )
        answer = ask(url)
        if answer is not None and satisfied(answer):
            return
        if time.monotonic() > end:
            raise LabError(f"no answer within {_PATIENCE_S:g} s", where=name, remedy=f"see logs/{name}.log")


def _all_scraped(answer: dict[str, Any]) -> bool:
    targets = answer["data"]["activeTargets"]
    return bool(targets) and all(target["health"] == "up" for target in targets)


def _write_state(
    run: Path, urls: dict[str, str], prometheus: str | None, children: dict[str, subprocess.Popen[bytes]]
) -> None:
    state: dict[str, Any] = {
        "started": datetime.now(UTC).isoformat(),
        "services": {name: {"url": url, "pid": children[name].pid} for name, url in urls.items()},
        "prometheus": prometheus,
    }
    beside = run / f".{STATE}"
    beside.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    beside.replace(run / STATE)


def _watch(
    given: argparse.Namespace,
    stopping: threading.Event,
    urls: dict[str, str],
    children: dict[str, subprocess.Popen[bytes]],
) -> None:
    visits, active, look = -1, time.monotonic(), 0.0
    while not stopping.wait(0.2):
        ended = [name for name, child in children.items() if child.poll() is not None]
        if ended:
            _log.error("%s ended by itself; so ends the lab", ended)
            return
        if (given.run / STOP).exists() or not given.run.exists():
            return
        if given.owner and os.getppid() != given.owner:
            _log.warning("the owner is gone")
            return
        now = time.monotonic()
        if given.idle_limit and now > look:
            look = now + min(5.0, given.idle_limit / 4)
            seen = sum((ask(f"{url}/settings") or {}).get("visits", 0) for url in urls.values())
            if seen != visits:
                visits, active = seen, now
            elif now - active > given.idle_limit:
                _log.warning("no request for %g s", given.idle_limit)
                return


def _end(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        child.terminate()
    end = time.monotonic() + 5
    for child in children.values():
        try:
            child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def ask(url: str) -> dict[str, Any] | None:
    """Give the JSON object that a loopback URL answers ({} for other content), or None without an answer."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=1)
    try:
        connection.request("GET", place.path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return None
        return json.loads(body) if answer.headers.get_content_type() == "application/json" else {}
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _tail(path: Path, lines: int = 3) -> str:
    return " | ".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


if __name__ == "__main__":
    raise SystemExit(main())
