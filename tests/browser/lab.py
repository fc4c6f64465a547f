"""JupyterLab as `make lab` starts it, and a page of the system's Chromium in it, for the tests here."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, sync_playwright

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


@contextmanager
def page(*, dark: bool = False) -> Iterator[Page]:
    """Give a page of 1280 × 800 in a fresh Chromium. Nothing that it saves reaches the disk."""
    path = need_program("chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=_CHROMIUM)
        try:
            made = browser.new_page(
                viewport={"width": 1280, "height": 800}, color_scheme="dark" if dark else "light"
            )
            made.route("**/api/contents/**", _unsaved)
            yield made
        finally:
            browser.close()


def _unsaved(route: Route) -> None:
    """Answer a save as if it had been done, so that the notebook in the project stays as it is."""
    request = route.request
    if request.method == "PUT":
        kept = route.fetch(method="GET", url=f"{request.url.split('?')[0]}?content=0", post_data=None)
        route.fulfill(response=kept)
    elif request.method == "POST" and "/checkpoints" in request.url:
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
    """Ask the server to stop, which ends its kernels; then see to it that its group is gone."""
    for signum, patience_s in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        try:
            os.killpg(server.pid, signum)
        except ProcessLookupError:
            break
        try:
            server.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    server.stdout and server.stdout.close()
