"""JupyterLab as `make lab` starts it, and a page of the system's Chromium in it, for the tests here."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Route, sync_playwright

from tests.needs import ROOT, need_program

START_S = 120
_URL = re.compile(r"http://127\.0\.0\.1:\d+/lab\?token=\w+")
# A browser under test has no GPU, calls nobody, and runs as whoever runs the tests.
_CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_CHROMIUM += ["--disable-sync", "--no-first-run"]


@contextmanager
def jupyter(*arguments: str) -> Iterator[str]:
    """Start `make lab` on a free port and give its URL with the token; server and kernels end afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = " ".join(["--no-browser", f"--port={port}", *arguments])
    server = subprocess.Popen(
        ["make", "--no-print-directory", "lab", f"LAB_ARGS={given}"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield _url(server)
    finally:
        _end(server)


@dataclass(frozen=True)
class Seen:
    """A page, the errors that its console told, and what it would have saved, by path."""

    page: Page
    errors: list[str]
    saved: dict[str, dict[str, Any]]


@contextmanager
def chromium(*, wait_s: float = 60) -> Iterator[Seen]:
    """Give a page of 1280 × 800 in a fresh Chromium. Nothing that it saves reaches the disk."""
    path = need_program("chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=_CHROMIUM)
        try:
            seen = Seen(browser.new_page(viewport={"width": 1280, "height": 800}), [], {})
            seen.page.set_default_timeout(wait_s * 1000)
            seen.page.on("console", lambda message: _hear(message, seen.errors))
            seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
            seen.page.route("**/api/contents/**", lambda route: _keep(route, seen.saved))
            yield seen
        finally:
            browser.close()


def _hear(message: ConsoleMessage, errors: list[str]) -> None:
    """Note an error, but not that JupyterLab asked its own server for what a first visitor has not."""
    place = message.location.get("url", "")
    if message.type == "error" and not ("404" in message.text and "/lab/api/" in place):
        errors.append(f"{message.text} ({place})")


def _keep(route: Route, saved: dict[str, dict[str, Any]]) -> None:
    """Answer a save as if it had been done, so that the notebook in the project stays as it is."""
    request = route.request
    path = request.url.split("?")[0].partition("/api/contents/")[2]
    if request.method == "PUT":
        saved[path] = request.post_data_json["content"]
        kept = route.fetch(method="GET", url=f"{request.url.split('?')[0]}?content=0", post_data=b"")
        route.fulfill(response=kept)
    elif request.method == "POST" and path.endswith("/checkpoints"):
        route.fulfill(status=201, json={"id": "checkpoint", "last_modified": "2026-01-01T00:00:00Z"})
    else:
        route.continue_()


def _url(server: subprocess.Popen[str]) -> str:
    """Read the server's words until they name the URL, and go on reading so that it never blocks."""
    told: list[str] = []
    found = threading.Event()

    def read() -> None:
        for line in server.stdout or ():
            told.append(line)
            if _URL.search(line):
                found.set()
        found.set()

    threading.Thread(target=read, daemon=True).start()
    found.wait(START_S)
    match = _URL.search("".join(told))
    assert match, "make lab named no URL:\n" + "".join(told)
    return match.group()


def _end(server: subprocess.Popen[str]) -> None:
    """Ask the server to stop, which ends its kernels, and see to it that its whole group is gone."""
    for asked, patience_s in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        if not _alive(server, asked):
            break
        until_s = time.monotonic() + patience_s
        while _alive(server) and time.monotonic() < until_s:
            time.sleep(0.1)
    server.wait(5)
    if server.stdout:
        server.stdout.close()


def _alive(server: subprocess.Popen[str], signum: int = 0) -> bool:
    """Send a signal to the server's group (0 only looks); False if nobody is left in it."""
    server.poll()
    try:
        os.killpg(server.pid, signum)
    except ProcessLookupError:
        return False
    return True
